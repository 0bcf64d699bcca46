"""How much the predictions of an ensemble depend on each column of its inputs."""

from __future__ import annotations

import numpy as np
from scipy.sparse import issparse

from .ensemble import Ensemble

# Pairs of rows for each column, and rows that are predicted for all columns together.
_MOST_PAIRS, _FEWEST_PAIRS, _ROWS = 500, 25, 10_000
# Predictions that differ by this share are equal.
_ROUNDING = 1e-12


def column_importances(ensemble: Ensemble) -> np.ndarray | None:
    """Return the share of each input column in the variation of the predictions.

    In pairs of training rows, the value of one column is replaced by that of the other
    row. Half the mean squared change of the prediction is the variance that is left if
    all other columns are known: the total effect of the column [1]_.

    Parameters
    ----------
    ensemble : Ensemble
        The fitted models.

    Returns
    -------
    ndarray of shape (n_features,) or None
        Shares that sum to one; zeros if the predictions are constant. None if the
        inputs have no columns, or are sparse: too many to replace one after the other.

    References
    ----------
    .. [1] Jansen, "Analysis of variance designs for model output", Computer Physics
       Communications 117, 1999.
    """
    best = ensemble.best
    rows, copies = best.raw_rows, best.held_out.weights.multiplicity
    if np.ndim(rows) != 2 or issparse(rows):
        return None
    d = rows.shape[1]
    n_pairs = int(np.clip(_ROWS // d, _FEWEST_PAIRS, _MOST_PAIRS))
    rng = np.random.RandomState(0)
    share = copies / copies.sum() if len(copies) == len(rows) else None
    base, other = rows[rng.choice(len(rows), (2, n_pairs), p=share)]
    fitted = ensemble.predict(base)
    effects = np.empty(d)
    for j in range(d):
        changed = base.copy()
        changed[:, j] = other[:, j]
        effects[j] = np.sum((ensemble.predict(changed) - fitted) ** 2)
    total, rounding = effects.sum(), np.sum((_ROUNDING * fitted) ** 2)
    return effects / total if total > rounding else np.zeros(d)
