"""The exact ridge solve, against dense algebra."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import LinAlgWarning

from ntk_sklearn.solvers import solve
from ntk_sklearn.solvers._cholesky import inverse, ridge_factor, warn_jitter

from .cases import ALPHA, OUTPUTS, N, problem, with_intercept


def _bordered(K, Y, noise):
    """Duals and constant from the dense system with a row and column of ones."""
    n = len(K)
    M = np.ones((n + 1, n + 1))
    M[:n, :n], M[n, n] = K + np.diag(np.broadcast_to(noise, n)), 0.0
    found = np.linalg.solve(M, np.vstack([Y, np.zeros(Y.shape[1])]))
    return found[:n], found[n]


class TestSolve:
    @pytest.mark.parametrize("weighted", [True, False])
    def test_intercept_is_the_bordered_system(self, weighted):
        K, Y, s = problem()
        weight = s if weighted else None
        found = solve(K, Y, ALPHA, weight, True)
        dual, constant = _bordered(K, Y, ALPHA / s if weighted else ALPHA)
        # Two backward stable solves with a condition number of about 100.
        assert_allclose(found.dual_coef, dual, rtol=0, atol=1e-12)
        assert_allclose(found.intercept, constant, rtol=0, atol=1e-12)
        assert_allclose(found.dual_coef.sum(axis=0), 0, atol=1e-11)

    @pytest.mark.parametrize("weighted", [True, False])
    def test_no_intercept_is_the_plain_inverse(self, weighted):
        K, Y, s = problem()
        A = K + np.diag(ALPHA / s if weighted else np.full(N, ALPHA))
        found = solve(K, Y, ALPHA, s if weighted else None, False)
        assert_allclose(found.P, np.linalg.inv(A), atol=1e-12)
        assert_allclose(found.dual_coef, np.linalg.solve(A, Y), atol=1e-12)
        assert_allclose(found.logdet, np.linalg.slogdet(A)[1], rtol=1e-12)
        assert_array_equal(found.intercept, np.zeros(OUTPUTS))
        assert_array_equal(found.intercept_weights, np.zeros(N))
        assert found.jitter == 0.0

    def test_intercept_takes_the_constant_out_of_the_inverse(self):
        K, Y, _ = problem()
        G = np.linalg.inv(K + ALPHA * np.eye(N))
        one = np.ones((N, 1))
        P = G - G @ one @ one.T @ G.T / (one.T @ G @ one)
        found = solve(K, Y, ALPHA, None, True)
        assert_allclose(found.P, P, atol=1e-12)
        assert_allclose(found.P @ Y, found.dual_coef, atol=1e-11)
        assert_allclose(found.P @ np.ones(N), 0, atol=1e-11)
        constant = G.sum()
        assert_allclose(found.intercept_weights, (G @ one)[:, 0] / constant, atol=1e-12)
        logdet = np.linalg.slogdet(G)[1]
        assert_allclose(found.logdet, np.log(constant) - logdet, rtol=1e-12)

    @pytest.mark.parametrize("weighted", [True, False])
    def test_a_large_constant_does_not_swamp_the_rest(self, weighted):
        # It changes nothing but the intercept, which is a mean of the targets anyway.
        # The sums are exact, since all entries are multiples of 2^-20.
        K, Y, s = problem()
        K, weight = np.round(K * 2.0**20) / 2.0**20, s if weighted else None
        near, far = (
            solve(K + constant, Y, 1e-4, weight, True) for constant in (0.0, 2.0**30)
        )
        # Factorised as it is, the second matrix loses 7 of the 16 digits.
        for name in ("P", "dual_coef", "intercept_weights", "logdet"):
            one, other = getattr(near, name), getattr(far, name)
            assert_allclose(other, one, rtol=0, atol=1e-11 * np.abs(one).max())

    @with_intercept
    def test_arguments_are_not_changed(self, intercept):
        K, Y, s = problem()
        before = K.copy(), Y.copy(), s.copy()
        solve(K, Y, ALPHA, s, intercept)
        for now, then in zip((K, Y, s), before, strict=True):
            assert_array_equal(now, then)

    @with_intercept
    def test_overwriting_saves_the_copy_and_nothing_else(self, intercept):
        K, Y, s = problem()
        expected = solve(K, Y, ALPHA, s, intercept)
        found = solve(K, Y, ALPHA, s, intercept, overwrite_K=True)
        assert np.shares_memory(found.P, K)
        for now, then in zip(found, expected, strict=True):
            assert_array_equal(now, then)

    def test_large_matrix_is_symmetric_across_blocks(self):
        K, *_ = problem(600)  # more than two blocks of 256
        G, *_ = inverse(K, 1.0)
        assert_array_equal(G, G.T)
        assert_allclose(G @ (K + np.eye(600)), np.eye(600), atol=1e-11)

    @pytest.mark.parametrize("intercept", [False, True])
    def test_a_row_of_targets_for_each_row_of_the_matrix(self, intercept):
        with pytest.raises(ValueError, match=r"each of the 3 rows of K, .*\(4, 1\)"):
            solve(np.eye(3), np.ones((4, 1)), ALPHA, intercept=intercept)


class TestJitter:
    def test_a_singular_matrix_says_what_was_added(self):
        K = np.ones((4, 4)) + np.diag([0.0, 0.0, -1e-13, 1.0])
        found = solve(K, np.ones((4, 1)), 1e-18, None, False)
        assert 0 < found.jitter <= 1e-8 * 2
        with pytest.warns(LinAlgWarning, match=r"was added to its diagonal.*larger al"):
            warn_jitter(found.jitter, 1e-18)

    @pytest.mark.parametrize("n", [300, 700])  # one block, and several
    @pytest.mark.parametrize("overwrite", [False, True])
    def test_each_step_of_the_ladder_starts_from_the_matrix(self, n, overwrite):
        """A failed factorisation has written into half of it, which is mended."""
        A = np.random.default_rng(0).standard_normal((n, 40))
        K = A @ A.T
        K[np.diag_indices(n)] -= 1e-13 * np.mean(np.diag(K))
        expected, before = K.copy(), K.copy()
        G, _, jitter = inverse(K, 0.0, overwrite)
        assert jitter > 0
        expected[np.diag_indices(n)] += jitter
        assert_array_equal(G, inverse(expected, 0.0)[0])
        assert np.shares_memory(G, K) == overwrite
        if not overwrite:
            assert_array_equal(K, before)

    def test_no_jitter_no_words(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warn_jitter(0.0, 1.0)

    @pytest.mark.parametrize("at", [(0, 0), (2, 1)])
    def test_what_is_no_number_is_told_too(self, at):
        K = np.eye(4)
        K[at] = K[at[::-1]] = np.nan
        with pytest.raises(np.linalg.LinAlgError, match="4 rows is not positive"):
            inverse(K, 0.1)

    def test_a_ridge_too_small_for_normal_equations_ends_in_a_sentence(self):
        A = np.asfortranarray(-np.eye(3))
        factor, lower = ridge_factor(A, 5.0)
        assert lower
        assert factor is A
        assert_array_equal(factor, 2.0 * np.eye(3))
        with pytest.raises(np.linalg.LinAlgError, match=r"of 3 features.*raise alpha"):
            ridge_factor(np.asfortranarray(-np.eye(3)), 0.5)

    def test_the_ladder_ends_in_a_sentence(self):
        with pytest.raises(np.linalg.LinAlgError, match=r"4 rows is not positive.*rai"):
            inverse(-np.eye(4), 0.1)
