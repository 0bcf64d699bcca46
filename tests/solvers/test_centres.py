"""The choice of centres."""

import numpy as np
import pytest

from ntk_sklearn.solvers import leverage_scores, select_centres

from .nystrom_cases import KERNEL, X, close


def test_centres():
    rows = select_centres(X, 50, random_state=3)
    assert len(np.unique(rows)) == 50
    np.testing.assert_array_equal(rows, select_centres(X, 50, random_state=3))
    np.testing.assert_array_equal(select_centres(X, 600), np.arange(600))
    few = np.repeat(X[:10], 30, axis=0)
    assert len(np.unique(select_centres(few, 20))) == 20
    rows = select_centres(X, 50, KERNEL, method="leverage", alpha=0.1)
    assert len(np.unique(rows)) == 50
    with pytest.raises(ValueError, match=r"method must be"):
        select_centres(X, 50, method="grid")
    with pytest.raises(ValueError, match=r'"leverage" needs a kernel'):
        select_centres(X, 50, method="leverage")
    with pytest.raises(ValueError, match=r"m must be a number of centres.*, got 0"):
        select_centres(X, 0)


def test_leverage_scores_with_all_rows_as_pilot_are_exact():
    K = KERNEL(X)
    exact = np.diag(K @ np.linalg.inv(K + 0.5 * np.eye(600)))
    close(leverage_scores(X, KERNEL, 600, 0.5), exact, 1e-6)
