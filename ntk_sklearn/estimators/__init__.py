"""The estimators: kernel ridge models with neural tangent kernels that are learned."""

from ._classifier import WNTKClassifier
from ._regressor import WNTKRegressor

__all__ = ["WNTKClassifier", "WNTKRegressor"]
