"""Displays of fitted estimators, and checks of activations, kernels and objectives."""

from ._alpha_path import AlphaPathDisplay
from ._check_activation import check_activation
from ._check_kernel import check_kernel
from ._check_objective import check_objective
from ._expected_risk import ExpectedRiskDisplay
from ._influence import InfluenceDisplay
from ._kernel_drift import KernelDriftDisplay
from ._layer_weights import LayerWeightsDisplay
from ._learning_path import LearningPathDisplay
from ._learning_time import LearningTimeDisplay
from ._length_scale import LengthScaleDisplay
from ._phase_diagram import PhaseDiagramDisplay
from ._spectrum import KernelSpectrumDisplay
from ._training_time import TrainingTimeDisplay

__all__ = [
    "AlphaPathDisplay",
    "ExpectedRiskDisplay",
    "InfluenceDisplay",
    "KernelDriftDisplay",
    "KernelSpectrumDisplay",
    "LayerWeightsDisplay",
    "LearningPathDisplay",
    "LearningTimeDisplay",
    "LengthScaleDisplay",
    "PhaseDiagramDisplay",
    "TrainingTimeDisplay",
    "check_activation",
    "check_kernel",
    "check_objective",
]
