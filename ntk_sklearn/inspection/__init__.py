"""Displays of fitted estimators, which draw them as scikit-learn's displays do."""

from ._alpha_path import AlphaPathDisplay
from ._influence import InfluenceDisplay
from ._kernel_drift import KernelDriftDisplay
from ._layer_weights import LayerWeightsDisplay
from ._learning_path import LearningPathDisplay
from ._spectrum import KernelSpectrumDisplay

__all__ = [
    "AlphaPathDisplay",
    "InfluenceDisplay",
    "KernelDriftDisplay",
    "KernelSpectrumDisplay",
    "LayerWeightsDisplay",
    "LearningPathDisplay",
]
