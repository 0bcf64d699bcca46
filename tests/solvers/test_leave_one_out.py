"""Leave-one-out against refits."""

import numpy as np
from numpy.testing import assert_allclose

from ntk_sklearn.solvers import RowWeights, leave_one_out, solve

from .cases import ALPHA, N, every_weight, problem, weights_of, with_intercept


class TestLeaveOneOut:
    @with_intercept
    @every_weight
    def test_brute_force(self, weights, intercept):
        K, Y, s = problem()
        weight, total = weights_of(s)[weights]
        found = solve(K, Y, ALPHA, weight, intercept)
        residuals, room = leave_one_out(
            np.diag(found.P), found.dual_coef, ALPHA, weight
        )
        copies = RowWeights.of(weight, N).multiplicity
        for i in range(N):
            # One copy of the row goes, or all of it if there is less than one.
            left = total.astype(float)
            left[i] *= max(copies[i] - 1.0, 0.0) / copies[i]
            kept = np.flatnonzero(left > 1e-12)
            part = solve(K[np.ix_(kept, kept)], Y[kept], ALPHA, left[kept], intercept)
            predicted = K[i, kept] @ part.dual_coef + part.intercept
            assert_allclose(residuals[i], Y[i] - predicted, rtol=0, atol=1e-10)
        assert ((room > 0) & (room < 1)).all()
