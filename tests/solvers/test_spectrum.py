"""The ridge path and other filters, against objectives and dense algebra."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ntk_sklearn.objectives import gcv, loo
from ntk_sklearn.solvers import RowWeights, Spectrum, leave_one_out, ridge_path, solve

from .cases import ALPHA, N, every_weight, problem, weights_of, with_intercept


class TestRidgePath:
    ALPHAS = (1e-3, 0.1, 1.0, 30.0)

    @with_intercept
    @every_weight
    def test_errors_are_those_of_the_objective(self, weights, intercept):
        K, Y, s = problem()
        weight, _ = weights_of(s)[weights]
        path = ridge_path(K, Y, self.ALPHAS, weight, intercept)
        direct = [loo(K, Y, a, weight, intercept).value for a in self.ALPHAS]
        # One eigendecomposition against four factorisations, conditioned to 1e4.
        assert_allclose(path.errors, direct, rtol=1e-10)
        assert path.best_alpha == self.ALPHAS[int(np.argmin(direct))]

    def test_a_constant_of_any_size_is_left_to_the_intercept(self):
        K, Y, s = problem()
        expected = ridge_path(K, Y, [1e-6, 1e-3, 0.1], s)
        found = ridge_path(K + 1e8, Y, [1e-6, 1e-3, 0.1], s)
        # Rounding of 1e-8 in the kernel, of which the least eigenvalue is 1e-3.
        assert_allclose(found.errors, expected.errors, rtol=1e-4)

    @pytest.mark.parametrize("n_outputs", [100, 300])
    def test_many_outputs(self, n_outputs):
        """More columns of all ridges than are multiplied at a time."""
        K, _, s = problem()
        Y = np.random.default_rng(0).standard_normal((N, n_outputs))
        found = ridge_path(K, Y, self.ALPHAS, s)
        direct = [loo(K, Y, a, s).value for a in self.ALPHAS]
        assert_allclose(found.errors, direct, rtol=1e-10)

    def test_ties_go_to_the_largest_ridge(self):
        K = np.eye(5)
        path = ridge_path(K, np.zeros((5, 1)), [0.1, 3.0, 1.0], None, False)
        assert path.best_alpha == 3.0

    def test_ridges_must_be_positive(self):
        with pytest.raises(ValueError, match="alphas must be finite and positive"):
            ridge_path(np.eye(3), np.ones((3, 1)), [-1.0, 1.0])

    def test_arguments_are_not_changed(self):
        K, Y, s = problem()
        before = K.copy(), Y.copy()
        ridge_path(K, Y, [1.0], s)
        assert_array_equal(K, before[0])
        assert_array_equal(Y, before[1])


class TestSpectrum:
    @with_intercept
    @every_weight
    def test_ridge_is_the_solve(self, weights, intercept):
        K, Y, s = problem()
        weight, _ = weights_of(s)[weights]
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
        K, Y, s = problem()
        weight, _ = weights_of(s)[weights]
        alphas = [1e-3, 0.1, 1.0, 30.0]
        path = Spectrum.of(K, weight, intercept).gcv_path(Y, alphas)
        direct = [gcv(K, Y, a, weight, intercept).value for a in alphas]
        assert_allclose(path.errors, direct, rtol=1e-9)

    @with_intercept
    def test_directions(self, intercept):
        K, Y, s = problem()
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
        K, Y, s = problem()
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
        K, Y, _ = problem(4)
        fit = Spectrum.of(K).filter(lambda values: 1.0 / values)
        assert_allclose(fit.residuals(Y), 0.0, atol=1e-12)
        assert_allclose(fit.leverage, 1.0)

    @pytest.mark.parametrize("n", [1, 2])
    def test_few_rows(self, n):
        K, Y, s = problem(n)
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
