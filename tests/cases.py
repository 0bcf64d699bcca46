"""What several test modules run over: every registered activation, hard data."""

import numpy as np
from sklearn.preprocessing import FunctionTransformer

from ntk_sklearn.activations import ACTIVATIONS

# Every entry of the registry with a closed form and a derivative, so that a new one is
# tested without a new test, and other arguments of those that take one.
CLOSED_FORMS = [
    name
    for name, record in ACTIVATIONS.items()
    if record.closed_form and name not in ("sign", "step")
]
# And those that are power series.
SERIES = [name for name, record in ACTIVATIONS.items() if not record.closed_form]
ALL_ACTIVATIONS = [
    *CLOSED_FORMS,
    ("leaky_relu", 0.2),
    ("leaky_relu", -0.9),
    ("gaussian", 0.4),
    ("rbf", 0.7),
]


def hard_rows(n_features=3, seed=0):
    """Nine rows, among them x twice, -x, 2x and zero."""
    X = np.random.default_rng(seed).standard_normal((9, n_features))
    X[5], X[6], X[7], X[8] = X[0], -X[1], 2 * X[2], 0.0
    return X


def kept_names(frame):
    """Return the names of columns that estimators of scikit-learn keep, or None.

    Versions before 1.8 find none in frames of polars 2.
    """
    return getattr(FunctionTransformer().fit(frame), "feature_names_in_", None)
