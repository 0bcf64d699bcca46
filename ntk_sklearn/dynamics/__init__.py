"""Training in time: networks of infinite width, trained by gradient descent."""

from ._classifier import GradientDescentClassifier
from ._path import TrainingPath
from ._regressor import GradientDescentRegressor
from ._rules import GradientDescent, GradientFlow, max_learning_rate

__all__ = [
    "GradientDescent",
    "GradientDescentClassifier",
    "GradientDescentRegressor",
    "GradientFlow",
    "TrainingPath",
    "max_learning_rate",
]
