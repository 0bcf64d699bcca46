"""Displays of fitted estimators, which draw them as scikit-learn's displays do."""

from ._alpha_path import AlphaPathDisplay
from ._layer_weights import LayerWeightsDisplay
from ._learning_path import LearningPathDisplay
from ._spectrum import KernelSpectrumDisplay

__all__ = [
    "AlphaPathDisplay",
    "KernelSpectrumDisplay",
    "LayerWeightsDisplay",
    "LearningPathDisplay",
]
