"""Objectives: reference values, brute force, finite differences, peers."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from ntk_sklearn.objectives import OBJECTIVES, evidence, gcv, holdout, loo
from ntk_sklearn.objectives._loo import loo_along_alpha
from ntk_sklearn.optimizers import WeightSteps, projected_gradient
from ntk_sklearn.solvers import RowWeights, leave_one_out, solve

with np.load(Path(__file__).parents[1] / "data" / "wntk.npz") as _file:
    REF = dict(_file)
C, Y, W0, ALPHA = REF["components"], REF["Y"], REF["w0"], float(REF["alpha0"])
K0 = np.tensordot(W0, C, 1)
N = len(Y)
INTEGER = np.random.default_rng(0).integers(1, 4, N)
WHOLE = INTEGER.astype(float)  # weights of single rows
# Copies, weights of single rows, and weights of rows in so many copies.
WEIGHTS = {
    "none": None,
    "integer": INTEGER,
    "whole": WHOLE,
    "fractional": 0.3 * INTEGER,
    "both": RowWeights(0.3 * WHOLE[::-1], WHOLE),
    "less than one": RowWeights(0.3 * WHOLE, 0.3 * WHOLE),
}
SPLITS = [(REF["train"], REF["valid"]), (np.arange(40), np.arange(40, N))]
ALL = {
    **OBJECTIVES,
    "holdout": partial(holdout, splits=SPLITS),
    "free evidence": partial(evidence, free_scale=True),
}

every_objective = pytest.mark.parametrize("name", sorted(ALL))
with_intercept = pytest.mark.parametrize("intercept", [True, False])
every_weight = pytest.mark.parametrize("weights", WEIGHTS)


def _slopes(dK):
    return np.einsum("ij,kij->k", dK, C)


@every_objective
@every_weight
@with_intercept
def test_overwriting_changes_no_digit(name, weights, intercept):
    K, rest = K0.copy(), (Y, ALPHA, WEIGHTS[weights], intercept)
    expected = ALL[name](K, *rest)
    assert_array_equal(K, K0)
    found = ALL[name](K, *rest, overwrite_K=True)
    for now, then in zip(found, expected, strict=True):
        assert_array_equal(now, then)


@every_weight
@with_intercept
def test_loo_along_alpha_is_loo(weights, intercept):
    s = WEIGHTS[weights]
    value, slope = loo_along_alpha(solve(K0, Y, ALPHA, s, intercept), ALPHA, s)
    expected = loo(K0, Y, ALPHA, s, intercept)
    assert_allclose(value, expected.value, rtol=1e-13)
    assert_allclose(slope, expected.dalpha, rtol=1e-9)


class TestReference:
    # The reference has the log marginal likelihood, the objective its negative.
    NAMES = {"loo": ("loo", 1.0), "gcv": ("gcv", 1.0), "evidence": ("lml", -1.0)}

    @pytest.mark.parametrize("name", NAMES)
    def test_values_and_gradients(self, name):
        key, sign = self.NAMES[name]
        found = OBJECTIVES[name](K0, Y, ALPHA, None, False)
        assert_allclose(sign * found.value, REF[key], rtol=1e-10)
        # The reference's gradients are finite differences.
        assert_allclose(sign * _slopes(found.dK), REF[f"{key}_dw"], rtol=1e-6)
        assert_allclose(sign * found.dalpha, REF[f"{key}_dalpha"], rtol=1e-6)
        assert solve(K0, Y, ALPHA, None, False).jitter == 0.0

    def test_leave_one_out_residuals(self):
        found = solve(K0, Y, ALPHA, None, False)
        residuals, _ = leave_one_out(np.diag(found.P), found.dual_coef, ALPHA)
        brute = REF["loo_residuals_brute"]
        sign = np.sign(residuals[0, 0] * brute[0, 0])
        assert_allclose(sign * residuals, brute, rtol=0, atol=1e-10)
        assert_allclose(loo(K0, Y, ALPHA, None, False).value, (brute**2).sum() / N)


class TestGradients:
    @every_objective
    @with_intercept
    @every_weight
    def test_central_differences(self, name, intercept, weights):
        f, s = ALL[name], WEIGHTS[weights]
        h = 1e-4  # fourth order: truncation 1e-16 h^-1 and h^4 both below 1e-10

        def slope(at):
            far = at(2 * h) - at(-2 * h)
            return (8 * (at(h) - at(-h)) - far) / (12 * h)

        found = f(K0, Y, ALPHA, s, intercept)
        numeric = [
            slope(lambda t, c=c: f(K0 + t * c, Y, ALPHA, s, intercept).value) for c in C
        ]
        scale = np.abs(numeric).max()
        assert_allclose(_slopes(found.dK), numeric, rtol=0, atol=1e-7 * scale)
        in_alpha = slope(lambda t: f(K0, Y, ALPHA + t, s, intercept).value)
        assert_allclose(found.dalpha, in_alpha, rtol=1e-7)

    @every_objective
    @with_intercept
    def test_any_symmetric_direction(self, name, intercept):
        D = np.random.default_rng(3).standard_normal((N, N))
        D, h, f = (D + D.T) / 20, 1e-5, ALL[name]
        up, down = (f(K0 + t * D, Y, ALPHA, INTEGER, intercept).value for t in (h, -h))
        found = f(K0, Y, ALPHA, INTEGER, intercept)
        scale = np.abs(found.dK).sum() * np.abs(D).max()
        assert_allclose((found.dK * D).sum(), (up - down) / 2 / h, atol=1e-7 * scale)
        assert_allclose(found.dK, found.dK.T, atol=1e-13 * np.abs(found.dK).max())

    @every_objective
    def test_arguments_are_not_changed(self, name):
        K, T, s = K0.copy(), Y.copy(), INTEGER.copy()
        ALL[name](K, T, ALPHA, s, True)
        assert_array_equal(K, K0)
        assert_array_equal(T, Y)
        assert_array_equal(s, INTEGER)


class TestWeights:
    @pytest.mark.parametrize("name", ["loo", "gcv", "evidence", "free evidence"])
    @with_intercept
    def test_integers_are_repeats(self, name, intercept):
        rows = np.repeat(np.arange(N), INTEGER)
        once = ALL[name](K0, Y, ALPHA, INTEGER, intercept)
        many = ALL[name](K0[np.ix_(rows, rows)], Y[rows], ALPHA, None, intercept)
        assert_allclose(once.value, many.value, rtol=1e-10)
        assert_allclose(once.dalpha, many.dalpha, rtol=1e-9)
        folded = _slopes(once.dK)
        wide = np.einsum("ij,kij->k", many.dK, C[:, rows][:, :, rows])
        assert_allclose(folded, wide, rtol=1e-9, atol=1e-10 * np.abs(wide).max())

    @pytest.mark.parametrize("objective", [loo, gcv, evidence])
    @with_intercept
    def test_copies_of_any_weight(self, objective, intercept):
        """A row of weight s in c copies is c rows of weight s / c."""
        s = 0.2 + np.random.default_rng(1).random(N)
        rows = np.repeat(np.arange(N), INTEGER)
        once = objective(K0, Y, ALPHA, RowWeights(s, INTEGER), intercept)
        each = (s / INTEGER)[rows]
        K = K0[np.ix_(rows, rows)]
        many = objective(K, Y[rows], ALPHA, each, intercept)
        assert_allclose(once.value, many.value, rtol=1e-10)
        assert_allclose(once.dalpha, many.dalpha, rtol=1e-9)

    @with_intercept
    def test_whole_rows_are_left_out(self, intercept):
        s = 0.5 + 2.0 * np.random.default_rng(1).random(N)
        squares = np.empty(N)
        for i in range(N):
            rest = np.delete(np.arange(N), i)
            K = K0[np.ix_(rest, rest)]
            fit = solve(K, Y[rest], ALPHA, s[rest], intercept)
            predicted = K0[i, rest] @ fit.dual_coef + fit.intercept
            squares[i] = ((Y[i] - predicted) ** 2).sum()
        found = loo(K0, Y, ALPHA, s, intercept)
        assert_allclose(found.value, np.average(squares, weights=s), rtol=1e-10)

    @pytest.mark.parametrize("name", ["loo", "gcv", "evidence"])
    @with_intercept
    def test_only_ratios_of_weights_that_do_not_count(self, name, intercept):
        here = ALL[name](K0, Y, ALPHA, WHOLE, intercept)
        there = ALL[name](K0, Y, 1e-3 * ALPHA, 1e-3 * WHOLE, intercept)
        assert_allclose(here.value, there.value, rtol=1e-11)
        assert_allclose(here.dalpha, 1e-3 * there.dalpha, rtol=1e-9)

    @with_intercept
    def test_integers_are_repeats_holdout(self, intercept):
        rows = np.repeat(np.arange(N), INTEGER)
        splits = [tuple(np.flatnonzero(np.isin(rows, r)) for r in p) for p in SPLITS]
        once = holdout(K0, Y, ALPHA, INTEGER, intercept, splits=SPLITS)
        K = K0[np.ix_(rows, rows)]
        many = holdout(K, Y[rows], ALPHA, None, intercept, splits=splits)
        assert_allclose(once.value, many.value, rtol=1e-10)
        assert_allclose(once.dalpha, many.dalpha, rtol=1e-9)

    @every_objective
    @with_intercept
    def test_ones_are_none(self, name, intercept):
        plain = ALL[name](K0, Y, ALPHA, None, intercept)
        ones = ALL[name](K0, Y, ALPHA, np.ones(N), intercept)
        assert_allclose(ones.value, plain.value, rtol=1e-13)
        assert_allclose(ones.dK, plain.dK, atol=1e-12 * np.abs(plain.dK).max())


class TestIdentities:
    def test_gcv_is_the_kernel_alignment_risk_estimate(self):
        # KARE of Jacot et al. 2020 and Schwab et al. 2025 at z = alpha / n.
        y, z = Y[:, :1], ALPHA / N
        R = np.linalg.inv(K0 / N + z * np.eye(N))
        kare = (y.T @ R @ R @ y / N) / (np.trace(R) / N) ** 2
        assert_allclose(gcv(K0, y, ALPHA, None, False).value, kare[0, 0], rtol=1e-12)

    def test_gcv_by_its_definition_with_an_intercept(self):
        H = np.eye(N) - ALPHA * solve(K0, Y, ALPHA, None, True).P
        risk = ((Y - H @ Y) ** 2).sum() / N / (1 - np.trace(H) / N) ** 2
        assert_allclose(gcv(K0, Y, ALPHA, None, True).value, risk, rtol=1e-11)

    def test_evidence_is_the_normal_density(self):
        noise = ALPHA * np.eye(N)
        normal = multivariate_normal(np.zeros(N), K0 + noise)
        expected = -sum(normal.logpdf(column) for column in Y.T)
        assert_allclose(evidence(K0, Y, ALPHA, None, False).value, expected, rtol=1e-11)

    def test_evidence_is_that_of_the_gaussian_process(self):
        X, y = REF["X"], REF["y"]
        kernel = ConstantKernel(1.7) * RBF(1.3)
        peer = GaussianProcessRegressor(kernel, alpha=0.4, optimizer=None).fit(X, y)
        value, slope = peer.log_marginal_likelihood(
            peer.kernel_.theta, eval_gradient=True
        )
        K, gradient = kernel(X, eval_gradient=True)
        found = evidence(K, y[:, None], 0.4, None, False)
        assert_allclose(found.value, -value, rtol=1e-11)
        mine = np.einsum("ij,ijk->k", found.dK, gradient)
        assert_allclose(mine, -slope, rtol=1e-9)

    def test_evidence_with_an_intercept_is_a_wide_prior_on_it(self):
        # A constant of variance v adds log(v) / 2 per output; what is left of v
        # falls like 1 / v.
        v = 1e7
        wide = evidence(K0 + v, Y, ALPHA, None, False).value
        flat = evidence(K0, Y, ALPHA, None, True).value
        assert_allclose(flat + 0.5 * Y.shape[1] * np.log(v), wide, rtol=0, atol=1e-5)

    @pytest.mark.parametrize("name", ["loo", "gcv"])
    def test_one_constant_more_changes_nothing_with_an_intercept(self, name):
        here = ALL[name](K0, Y, ALPHA, None, True)
        there = ALL[name](K0 + 3.0, Y + 5.0, ALPHA, None, True)
        assert_allclose(here.value, there.value, rtol=1e-11)

    @pytest.mark.parametrize("name", ["loo", "gcv", "holdout", "free evidence"])
    @with_intercept
    def test_one_scale_of_kernel_and_ridge(self, name, intercept):
        here = ALL[name](K0, Y, ALPHA, INTEGER, intercept)
        there = ALL[name](7 * K0, Y, 7 * ALPHA, INTEGER, intercept)
        assert_allclose(here.value, there.value, rtol=1e-11)
        # Euler: the two derivatives along the common scale cancel.
        along = (here.dK * K0).sum() + here.dalpha * ALPHA
        assert_allclose(along, 0, atol=1e-9 * abs(here.value))

    @with_intercept
    @pytest.mark.parametrize("weights", [INTEGER, WHOLE], ids=["copies", "rows"])
    def test_a_free_scale_is_the_most_likely_one(self, intercept, weights):
        best = 0.0
        for y in Y.T[:, :, None]:

            def at(log_scale, y=y):
                t = np.exp(log_scale)
                return evidence(t * K0, y, t * ALPHA, weights, intercept).value

            found = minimize_scalar(at, bracket=(-10.0, 0.0), tol=1e-10)
            best += found.fun
        free = evidence(K0, Y, ALPHA, weights, intercept, free_scale=True)
        assert_allclose(free.value, best, rtol=1e-12)

    @pytest.mark.parametrize("unit", [1e-200, 1e-3, 1e200])
    def test_units_of_an_output_add_a_constant(self, unit):
        units = np.ones(Y.shape[1])
        units[0] = unit
        here = evidence(K0, Y, ALPHA, free_scale=True)
        there = evidence(K0, units * Y, ALPHA, free_scale=True)
        shift = (N - 1) * np.log(unit)
        assert_allclose(there.value - here.value, shift, rtol=1e-10)
        assert_allclose(there.dK, here.dK, atol=1e-10 * np.abs(here.dK).max())

    def test_an_output_that_does_not_vary_counts_for_nothing(self):
        here = evidence(K0, Y, ALPHA, free_scale=True)
        padded = np.column_stack([np.full(N, 0.1), Y])
        there = evidence(K0, padded, ALPHA, free_scale=True)
        assert_allclose(there.value, here.value, rtol=1e-13)
        assert_allclose(there.dK, here.dK, atol=1e-13 * np.abs(here.dK).max())

    @pytest.mark.parametrize("free_scale", [True, False])
    def test_targets_far_from_zero(self, free_scale):
        here = evidence(K0, Y, ALPHA, free_scale=free_scale)
        there = evidence(K0, Y + 1e8, ALPHA, free_scale=free_scale)
        # 1e8 leaves eight digits of the targets.
        assert_allclose(there.value, here.value, rtol=1e-6)

    @pytest.mark.parametrize("scale", [1e-12, 1e6, 1e18])
    def test_leave_one_out_of_any_scale(self, scale):
        found = loo(scale * K0, Y, scale * ALPHA).value
        assert_allclose(found, loo(K0, Y, ALPHA).value, rtol=1e-9)

    @with_intercept
    def test_holdout_in_plain_numpy(self, intercept):
        expected = 0.0
        for train, test in SPLITS:
            n = len(train)
            M = np.zeros((n + 1, n + 1))
            M[:n, :n] = K0[np.ix_(train, train)] + np.diag(ALPHA / INTEGER[train])
            M[n, :n] = M[:n, n] = float(intercept)
            M[n, n] = 0.0 if intercept else 1.0
            right = np.vstack([Y[train], np.zeros(Y.shape[1])])
            dual = np.linalg.solve(M, right)
            R = K0[np.ix_(test, train)] @ dual[:n] + dual[n] - Y[test]
            expected += (INTEGER[test] @ R**2).sum()
        found = holdout(K0, Y, ALPHA, INTEGER, intercept, splits=SPLITS)
        assert_allclose(found.value, expected, rtol=1e-10)


class TestAuthorsUpdate:
    def test_step_by_step(self):
        y = REF["y"][:, None]
        splits = [(REF["train"], REF["valid"])]
        visited = []

        def evaluate(u):
            w = np.exp(u)
            visited.append(w)
            K = np.tensordot(w, C, 1)
            found = holdout(
                K, y, float(REF["author_alpha"]), None, False, splits=splits
            )
            return found.value, w * _slopes(found.dK)

        steps = len(REF["author_w"]) - 1
        found = projected_gradient(
            evaluate,
            np.log(REF["author_w"][0]),
            np.log(np.tile([1e-5, 1e5], (5, 1))),
            steps=WeightSteps(np.ones(5, dtype=bool), float(REF["author_lr"])),
            max_iter=steps,
            tol=0.0,
            report=lambda value: None,
        )
        assert_allclose(visited, REF["author_w"], rtol=0, atol=1e-9)
        assert_allclose(found.path[:-1], REF["author_loss"], rtol=1e-9)
        assert len(found.path) == steps + 1
        # The published update does move: 8 % in 50 steps.
        assert np.abs(visited[-1] - visited[0]).max() > 0.05
