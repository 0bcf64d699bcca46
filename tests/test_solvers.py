"""The exact ridge solve and the ridge path, against dense algebra and refits."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import LinAlgWarning

from ntk_sklearn.objectives import gcv, loo
from ntk_sklearn.solvers import RowWeights, Spectrum, leave_one_out, ridge_path, solve
from ntk_sklearn.solvers._cholesky import inverse, warn_jitter

N, OUTPUTS, ALPHA = 23, 2, 0.3
with_intercept = pytest.mark.parametrize("intercept", [True, False])


def _problem(n=N, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    K = np.exp(-0.3 * ((X[:, None] - X) ** 2).sum(axis=-1))
    return K, rng.standard_normal((n, OUTPUTS)) + 2.0, rng.uniform(0.2, 3.0, n)


def _weights(s):
    """Weights of every meaning, beside what is left when one copy of a row goes."""
    copies = np.ceil(s).astype(int)
    return {
        "none": (None, np.ones(N)),
        "integer": (copies, copies),
        "rows": (s, s),
        "both": (RowWeights(s, copies), s),
        "fractional": (RowWeights(s, s), s),
    }


every_weight = pytest.mark.parametrize("weights", list(_weights(np.ones(1))))


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
        K, Y, s = _problem()
        weight = s if weighted else None
        found = solve(K, Y, ALPHA, weight, True)
        dual, constant = _bordered(K, Y, ALPHA / s if weighted else ALPHA)
        # Two backward stable solves with a condition number of about 100.
        assert_allclose(found.dual_coef, dual, rtol=0, atol=1e-12)
        assert_allclose(found.intercept, constant, rtol=0, atol=1e-12)
        assert_allclose(found.dual_coef.sum(axis=0), 0, atol=1e-11)

    @pytest.mark.parametrize("weighted", [True, False])
    def test_no_intercept_is_the_plain_inverse(self, weighted):
        K, Y, s = _problem()
        A = K + np.diag(ALPHA / s if weighted else np.full(N, ALPHA))
        found = solve(K, Y, ALPHA, s if weighted else None, False)
        assert_allclose(found.P, np.linalg.inv(A), atol=1e-12)
        assert_allclose(found.dual_coef, np.linalg.solve(A, Y), atol=1e-12)
        assert_allclose(found.logdet, np.linalg.slogdet(A)[1], rtol=1e-12)
        assert_array_equal(found.intercept, np.zeros(OUTPUTS))
        assert (found.constant, found.jitter) == (1.0, 0.0)

    def test_intercept_takes_the_constant_out_of_the_inverse(self):
        K, Y, _ = _problem()
        G = np.linalg.inv(K + ALPHA * np.eye(N))
        one = np.ones((N, 1))
        P = G - G @ one @ one.T @ G.T / (one.T @ G @ one)
        found = solve(K, Y, ALPHA, None, True)
        assert_allclose(found.P, P, atol=1e-12)
        assert_allclose(found.P @ Y, found.dual_coef, atol=1e-11)
        assert_allclose(found.P @ np.ones(N), 0, atol=1e-11)

    @with_intercept
    def test_arguments_are_not_changed(self, intercept):
        K, Y, s = _problem()
        before = K.copy(), Y.copy(), s.copy()
        solve(K, Y, ALPHA, s, intercept)
        for now, then in zip((K, Y, s), before, strict=True):
            assert_array_equal(now, then)

    @with_intercept
    def test_overwriting_saves_the_copy_and_nothing_else(self, intercept):
        K, Y, s = _problem()
        expected = solve(K, Y, ALPHA, s, intercept)
        found = solve(K, Y, ALPHA, s, intercept, overwrite_K=True)
        assert np.shares_memory(found.P, K)
        for now, then in zip(found, expected, strict=True):
            assert_array_equal(now, then)

    def test_large_matrix_is_symmetric_across_blocks(self):
        K, *_ = _problem(600)  # more than two blocks of 256
        G, *_ = inverse(K, 1.0)
        assert_array_equal(G, G.T)
        assert_allclose(G @ (K + np.eye(600)), np.eye(600), atol=1e-11)


class TestJitter:
    def test_a_singular_matrix_says_what_was_added(self):
        K = np.ones((4, 4)) + np.diag([0.0, 0.0, -1e-13, 1.0])
        found = solve(K, np.ones((4, 1)), 1e-18, None, False)
        assert 0 < found.jitter <= 1e-8 * 2
        with pytest.warns(LinAlgWarning, match=r"was added to its diagonal.*larger al"):
            warn_jitter(found.jitter, 1e-18)

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_each_step_of_the_ladder_starts_from_the_matrix(self, overwrite):
        """A failed factorisation has written into half of it, which is mended."""
        A = np.random.default_rng(0).standard_normal((300, 40))
        K = A @ A.T
        K[np.diag_indices(300)] -= 1e-13 * np.mean(np.diag(K))
        expected, before = K.copy(), K.copy()
        G, _, jitter = inverse(K, 0.0, overwrite)
        assert jitter > 0
        expected[np.diag_indices(300)] += jitter
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

    def test_the_ladder_ends_in_a_sentence(self):
        with pytest.raises(np.linalg.LinAlgError, match=r"4 rows is not positive.*rai"):
            inverse(-np.eye(4), 0.1)


class TestRidgePath:
    ALPHAS = (1e-3, 0.1, 1.0, 30.0)

    @with_intercept
    @every_weight
    def test_errors_are_those_of_the_objective(self, weights, intercept):
        K, Y, s = _problem()
        weight, _ = _weights(s)[weights]
        path = ridge_path(K, Y, self.ALPHAS, weight, intercept)
        direct = [loo(K, Y, a, weight, intercept).value for a in self.ALPHAS]
        # One eigendecomposition against four factorisations, conditioned to 1e4.
        assert_allclose(path.errors, direct, rtol=1e-10)
        assert path.best_alpha == self.ALPHAS[int(np.argmin(direct))]

    def test_a_constant_of_any_size_is_left_to_the_intercept(self):
        K, Y, s = _problem()
        expected = ridge_path(K, Y, [1e-6, 1e-3, 0.1], s)
        found = ridge_path(K + 1e8, Y, [1e-6, 1e-3, 0.1], s)
        # Rounding of 1e-8 in the kernel, of which the least eigenvalue is 1e-3.
        assert_allclose(found.errors, expected.errors, rtol=1e-4)

    def test_ties_go_to_the_largest_ridge(self):
        K = np.eye(5)
        path = ridge_path(K, np.zeros((5, 1)), [0.1, 3.0, 1.0], None, False)
        assert path.best_alpha == 3.0

    def test_arguments_are_not_changed(self):
        K, Y, s = _problem()
        before = K.copy(), Y.copy()
        ridge_path(K, Y, [1.0], s)
        assert_array_equal(K, before[0])
        assert_array_equal(Y, before[1])


class TestLeaveOneOut:
    @with_intercept
    @every_weight
    def test_brute_force(self, weights, intercept):
        K, Y, s = _problem()
        weight, total = _weights(s)[weights]
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


class TestRowWeights:
    def test_what_each_type_means(self):
        ones, counts = np.ones(3), np.array([1, 0, 3])
        for given, weight, copies in (
            (None, ones, ones),
            (counts, counts, counts),
            (counts.tolist(), counts, counts),
            (counts.astype(np.uint8), counts, counts),
            (counts > 0, [1, 0, 1], [1, 0, 1]),
            (counts.astype(float), counts, ones),
            (counts.astype(np.float32), counts, ones),
            (np.column_stack([ones / 4, counts]), ones / 4, counts),
        ):
            found = RowWeights.of(given, 3)
            assert_array_equal(found.weight, weight)
            assert_array_equal(found.multiplicity, copies)
            assert found.weight.dtype == found.multiplicity.dtype == np.float64
            assert RowWeights.of(found, 3) is found
            assert_array_equal(RowWeights.of(found.columns, 3), found)

    @pytest.mark.parametrize("given", [np.ones(3), np.ones((4, 3)), 2.0])
    def test_one_for_each_row(self, given):
        with pytest.raises(ValueError, match=r"a weight for each of 4 rows, got shape"):
            RowWeights.of(given, 4)
        with pytest.raises(ValueError, match=r"each of 3 rows"):
            RowWeights.of(RowWeights.of(None, 4), 3)

    def test_sums_shares_and_parts(self):
        weights = RowWeights(np.array([0.0, 1.0, 4.0]), np.array([2.0, 0.5, 2.0]))
        assert (weights.total, weights.n_rows) == (5.0, 2.5)
        assert_array_equal(weights.left_out, [0.5, 1.0, 0.5])
        assert_array_equal(weights.take([1, 2]).noise(2.0), [2.0, 0.5])
        assert_array_equal(weights.take([2, 1]), [[4.0, 1.0], [2.0, 0.5]])
        assert_array_equal(weights.scaled(3.0), [[0.0, 3.0, 12.0], [2.0, 0.5, 2.0]])


class TestSpectrum:
    @with_intercept
    @every_weight
    def test_ridge_is_the_solve(self, weights, intercept):
        K, Y, s = _problem()
        weight, _ = _weights(s)[weights]
        fit = Spectrum.of(K, weight, intercept).ridge(ALPHA)
        exact = solve(K, Y, ALPHA, weight, intercept)
        noise = RowWeights.of(weight, N).noise(ALPHA)
        assert_allclose(fit.dual_coef(Y), exact.dual_coef, atol=1e-11)
        fitted = K @ exact.dual_coef + exact.intercept
        assert_allclose(fit.fitted(Y), fitted, atol=1e-11)
        assert_allclose(fit.residuals(Y), Y - fitted, atol=1e-11)
        assert_allclose(fit.leverage, 1.0 - noise * np.diag(exact.P), atol=1e-12)
        residuals, left = leave_one_out(
            np.diag(exact.P), exact.dual_coef, ALPHA, weight
        )
        assert_allclose(fit.leave_one_out(Y), residuals, rtol=1e-9)
        assert_allclose(fit.one_minus_leverage, left, rtol=1e-11)

    @with_intercept
    @every_weight
    def test_generalised_errors_are_those_of_the_objective(self, weights, intercept):
        K, Y, s = _problem()
        weight, _ = _weights(s)[weights]
        alphas = [1e-3, 0.1, 1.0, 30.0]
        path = Spectrum.of(K, weight, intercept).gcv_path(Y, alphas)
        direct = [gcv(K, Y, a, weight, intercept).value for a in alphas]
        assert_allclose(path.errors, direct, rtol=1e-9)

    @with_intercept
    def test_directions(self, intercept):
        K, Y, s = _problem()
        spectrum = Spectrum.of(K, s, intercept)
        values, vectors = spectrum.values, spectrum.vectors
        assert vectors.shape == (N, N - intercept)
        assert (np.diff(values) <= 0).all() and values[-1] >= 0
        assert_allclose(vectors.T @ vectors, np.eye(len(values)), atol=1e-13)
        root = np.sqrt(s)
        centre = np.eye(N) - intercept * np.outer(np.ones(N), s / s.sum())
        A = root[:, None] * (centre @ K @ centre.T) * root
        assert_allclose((vectors * values) @ vectors.T, A, atol=1e-12)
        energy = np.sum(s[:, None] * (centre @ Y) ** 2)
        assert_allclose(spectrum.energy(Y).sum(), energy, rtol=1e-13)
        dimension = np.trace(np.linalg.solve(A + ALPHA * np.eye(N), A))
        assert_allclose(spectrum.effective_dimension(ALPHA), dimension, rtol=1e-12)
        if intercept:
            assert_allclose(root @ vectors, 0.0, atol=1e-13)

    def test_any_filter(self):
        """Gradient descent from zero, step by step."""
        K, Y, s = _problem()
        spectrum, rate, n_steps = Spectrum.of(K, s), 0.02, 50
        fit = spectrum.filter(
            lambda values: (1.0 - (1.0 - rate * values) ** n_steps) / values
        )
        p, dual = s / s.sum(), np.zeros_like(Y)
        centre = np.eye(N) - np.outer(np.ones(N), p)
        kernel, target = centre @ K @ centre.T, centre @ Y
        for _ in range(n_steps):
            dual += rate * s[:, None] * (target - kernel @ dual)
        assert_allclose(fit.residuals(Y), target - kernel @ dual, atol=1e-11)
        assert_allclose(fit.dual_coef(Y), dual, atol=1e-10)
        hat = [fit.fitted(np.eye(N)[:, [i]])[i, 0] for i in range(N)]
        assert_allclose(fit.leverage, hat, atol=1e-12)

    def test_a_filter_without_error_leaves_nothing_to_validate_on(self):
        K, Y, _ = _problem(4)
        fit = Spectrum.of(K).filter(lambda values: 1.0 / values)
        assert_allclose(fit.residuals(Y), 0.0, atol=1e-12)
        assert_allclose(fit.leverage, 1.0)

    @pytest.mark.parametrize("n", [1, 2])
    def test_few_rows(self, n):
        K, Y, s = _problem(n)
        spectrum = Spectrum.of(K, s)
        assert spectrum.vectors.shape == (n, n - 1)
        found = solve(K, Y, ALPHA, s).dual_coef
        assert_allclose(spectrum.ridge(ALPHA).dual_coef(Y), found, atol=1e-13)

    def test_a_kernel_of_one_direction(self):
        """Its eigenvalue is the trace, and the constant must not mix with it."""
        x = np.linspace(-1.0, 1.0, 9)
        spectrum = Spectrum.of(np.outer(x, x) + 7.0)
        assert_allclose(spectrum.values[0], x @ x)
        assert_allclose(spectrum.values[1:], 0.0, atol=1e-13)
        first = np.abs(spectrum.vectors[:, 0])
        assert_allclose(first, np.abs(x) / np.sqrt(x @ x), atol=1e-14)
