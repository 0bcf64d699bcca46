"""Displays of fitted estimators, which draw them as scikit-learn's displays do."""

from ._alpha_path import AlphaPathDisplay
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
]
