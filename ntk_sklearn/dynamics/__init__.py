"""Training in time: networks of infinite width, trained by gradient descent."""

from ._classifier import GradientDescentClassifier
from ._descent import GradientDescent, max_learning_rate
from ._dispersion import dispersion
from ._generalization import (
    alignment,
    complexity,
    effective_dimension,
    estimated_threshold,
    expected_risk,
    kernel_alignment_risk,
    learning_times,
    signal_capture_threshold,
)
from ._path import TrainingPath
from ._phases import (
    Phase,
    critical_variances,
    edge_of_chaos,
    phase,
    recommended_variances,
)
from ._regressor import GradientDescentRegressor
from ._rules import GradientFlow

__all__ = [
    "GradientDescent",
    "GradientDescentClassifier",
    "GradientDescentRegressor",
    "GradientFlow",
    "Phase",
    "TrainingPath",
    "alignment",
    "complexity",
    "critical_variances",
    "dispersion",
    "edge_of_chaos",
    "effective_dimension",
    "estimated_threshold",
    "expected_risk",
    "kernel_alignment_risk",
    "learning_times",
    "max_learning_rate",
    "phase",
    "recommended_variances",
    "signal_capture_threshold",
]
