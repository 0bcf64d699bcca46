"""Values that the tests of learning share: rows, options and problems made by hand."""

import numpy as np

from ntk_sklearn._learning.problem import HyperparameterProblem
from ntk_sklearn._learning.spec import LearningOptions
from ntk_sklearn._learning.training_set import TrainingSet
from ntk_sklearn.solvers._row_weights import RowWeights


def training_set(X, Y, sample_weight=None):
    """Rows without splits or class weights."""
    Y = np.reshape(Y, (len(Y), -1))
    weights = RowWeights.of(sample_weight, len(Y))
    return TrainingSet(X, Y, weights, np.ones(len(Y)), np.zeros((len(Y), 0)))


def learning_options(**changed):
    """The options of an estimator's defaults, some of them changed."""
    defaults = {
        "alpha": 1.0,
        "alpha_bounds": (1e-8, 1e8),
        "objective": "evidence",
        "optimizer": "bfgs",
        "learning_rate": "backtracking",
        "max_iter": 100,
        "tol": 1e-3,
        "fit_intercept": True,
        "n_folds": 5,
        "seed": 0,
        "report": lambda n_rows, value: None,
    }
    return LearningOptions(**defaults | changed)


def problem_of(kernel, X, Y, objective, prior=None, **changed):
    """The problem of one kernel and one objective, all rows of weight one."""
    rows, options = training_set(X, Y), learning_options(**changed)
    return HyperparameterProblem(kernel, rows, objective, options, prior)
