"""The weight update: descent, exact zeros, bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import lsq_linear

from ntk_sklearn.optimizers import (
    Curvature,
    WeightSteps,
    bfgs,
    lbfgs,
    projected_gradient,
)


def _quiet(value):
    """Ignore progress."""


def _bowl(u):
    """A bowl in w = exp(u) whose minimum has its first weight at -1: beyond zero."""
    w = np.exp(u)
    target = np.array([-1.0, 2.0, 0.5])
    return float(((w - target) ** 2).sum()), 2 * w * (w - target)


class TestProjectedGradient:
    BOX = np.log(np.tile([1e-5, 1e5], (3, 1)))

    def _run(self, evaluate=_bowl, linear=(True, True, True), **options):
        rate = options.pop("learning_rate", "backtracking")
        default = {
            "steps": WeightSteps(np.array(linear), rate),
            "max_iter": 500,
            "tol": 1e-12,
            "report": _quiet,
        }
        return projected_gradient(
            evaluate, np.zeros(3), self.BOX, **{**default, **options}
        )

    def test_reaches_a_zero_exactly_and_the_rest_of_the_minimum(self):
        found = self._run()
        assert np.isneginf(found.u[0])
        assert_allclose(np.exp(found.u[1:]), [2.0, 0.5], rtol=1e-4)
        assert found.converged

    def test_zero_is_for_good(self):
        seen = []

        def evaluate(u):
            seen.append(u.copy())
            return _bowl(u)

        self._run(evaluate, learning_rate=0.3, max_iter=60)
        off = np.isneginf(np.array(seen)[:, 0])
        assert off.any()
        assert (np.diff(off.astype(int)) >= 0).all()

    def test_backtracking_never_rises(self):
        path = np.array(self._run().path)
        assert (np.diff(path) < 0).all()

    def test_a_fixed_rate_is_the_published_rule(self):
        found = self._run(learning_rate=0.01, max_iter=3)
        w = np.ones(3)
        for _ in range(3):
            w = np.maximum(w - 0.01 * 2 * w * (w - np.array([-1.0, 2.0, 0.5])), 0)
        assert_allclose(np.exp(found.u), w, rtol=1e-13)
        assert len(found.path) == 4

    def test_a_fixed_rate_may_rise(self):
        # Without a search nothing stops it: this is what backtracking is for.
        path = self._run(learning_rate=0.6, max_iter=8).path
        assert max(np.diff(path)) > 0

    def test_other_parameters_move_in_logarithms(self):
        found = self._run(linear=3 * [False], learning_rate=0.1, max_iter=1)
        assert_allclose(found.u, -0.1 * _bowl(np.zeros(3))[1], rtol=1e-14)

    def test_bounds(self):
        self.BOX = np.log(np.tile([0.8, 1.5], (3, 1)))
        found = self._run(linear=[False, True, False])
        assert_allclose(np.exp(found.u), [0.8, 1.5, 0.8], rtol=1e-4)

    def test_never_switches_every_layer_off(self):
        def evaluate(u):
            w = np.exp(u)
            assert w.any()
            return float(w.sum()), w

        found = self._run(evaluate)
        assert np.isfinite(found.u).any()
        with pytest.raises(ValueError, match="learning_rate=2 would switch every"):
            self._run(evaluate, learning_rate=2.0)

    def test_what_cannot_move_is_not_tried(self):
        # All want beyond their upper bounds, at which they start.
        calls = []

        def evaluate(u):
            calls.append(1)
            return -float(np.exp(u).sum()), -np.exp(u)

        self.BOX = np.log(np.tile([1e-5, 1.0], (3, 1)))
        found = self._run(evaluate, linear=[True, True, False])
        assert_array_equal(found.u, 0.0)
        assert found.converged
        assert len(calls) == 1

    def test_limit_of_iterations(self):
        found = self._run(max_iter=2, tol=0.0)
        assert not found.converged
        assert len(found.path) == 3

    def test_no_iterations(self):
        found = self._run(max_iter=0)
        assert_array_equal(found.u, np.zeros(3))
        assert found.path == [_bowl(np.zeros(3))[0]]


@pytest.mark.parametrize("optimize", [bfgs, lbfgs])
class TestQuasiNewton:
    def _run(self, optimize, low=1e-5, high=1e5, **options):
        default = {"max_iter": 200, "tol": 1e-12, "report": _quiet}
        box = np.log(np.tile([low, high], (3, 1)))
        return optimize(_bowl, np.zeros(3), box, **{**default, **options})

    def test_minimum_within_bounds(self, optimize):
        found = self._run(optimize)
        # The first weight's minimum is at zero, where its logarithm has no slope left.
        assert np.exp(found.u[0]) < 1e-4
        assert_allclose(np.exp(found.u[1:]), [2.0, 0.5], rtol=1e-3)
        assert found.converged
        assert (np.diff(found.path) <= 0).all()

    def test_bounds(self, optimize):
        found = self._run(optimize, 0.8, 1.5)
        assert_allclose(np.exp(found.u), [0.8, 1.5, 0.8], rtol=1e-12)

    def test_an_impossible_point_is_not_where_it_ends(self, optimize):
        # The first step leads beyond 0.25, where the matrix would not factor.
        seen = []

        def evaluate(u):
            seen.append(u[0])
            if u[0] > 0.25:
                return np.inf, np.zeros(1)
            return float((u[0] - 0.2) ** 2), 2 * (u - 0.2)

        box = np.array([[-50.0, 50.0]])
        found = optimize(
            evaluate, np.zeros(1), box, max_iter=50, tol=1e-12, report=_quiet
        )
        assert max(seen) > 0.25
        assert_allclose(found.u, 0.2, atol=1e-5)
        assert np.isfinite(found.path).all()

    def test_limit_and_reports(self, optimize):
        seen = []
        found = self._run(optimize, max_iter=2, report=seen.append)
        assert not found.converged
        assert seen == found.path[1:]

    def test_no_iterations(self, optimize):
        found = self._run(optimize, max_iter=0)
        assert_array_equal(found.u, np.zeros(3))
        assert found.path == [_bowl(np.zeros(3))[0]]


def _quadratic(n=6, seed=3):
    """A quadratic, its Hessian and its minimum."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, n))
    H, lowest = A @ A.T + 0.1 * np.eye(n), rng.standard_normal(n)
    return (
        lambda u: (0.5 * (u - lowest) @ H @ (u - lowest), H @ (u - lowest)),
        H,
        lowest,
    )


class TestCurvature:
    def test_is_the_dense_formula(self):
        _, H, _ = _quadratic()
        rng = np.random.default_rng(0)
        diagonal = rng.uniform(0.5, 2.0, 6)
        dense, curvature = np.diag(diagonal), Curvature(diagonal)
        for step in rng.standard_normal((4, 6)):
            change = H @ step
            r = 1.0 / (step @ change)
            left = np.eye(6) - r * np.outer(step, change)
            dense = left @ dense @ left.T + r * np.outer(step, step)
            curvature.add(step, change)
        g = rng.standard_normal(6)
        assert_allclose(curvature @ g, dense @ g, rtol=1e-12)
        assert_allclose(curvature.scaled(0.25) @ g, 0.25 * dense @ g, rtol=1e-12)

    def test_what_stands_still_at_a_bound_does_not_spoil_the_rest(self):
        # One moves to its minimum while the other wants beyond its bound: their
        # slopes are entangled, and only one of them moves.
        H, calls = np.array([[2.0, 1.9], [1.9, 2.0]]), []

        def evaluate(u):
            calls.append(1)
            return 0.5 * u @ H @ u - 3.0 * u[1], H @ u - np.array([0.0, 3.0])

        box = np.array([[-5.0, 5.0], [-5.0, 0.1]])
        options = {"max_iter": 30, "tol": 1e-14, "report": _quiet}
        found = bfgs(evaluate, np.array([2.0, 0.1]), box, **options)
        assert_allclose(found.u, [-0.095, 0.1], atol=1e-6)
        assert len(calls) <= 8

    def test_a_bound_may_cut_off_what_a_step_would_gain(self):
        # What is known sends the first far beyond its bound, where it gains, and the
        # second upwards, where it loses: the whole step has to be shorter.
        def evaluate(u):
            return 0.5 * float(u @ u), u.copy()

        B = np.linalg.inv([[10.0, -1.0], [-1.0, 0.15]])
        one, two = np.array([1.0, 1.0]), np.array([0.0, 1.0])
        two = two - (two @ B @ one) / (one @ B @ one) * one
        known = Curvature(1.0)
        for step in (one, two):
            known.add(step, B @ step)
        start, box = np.array([0.2, 1.0]), np.array([[0.0, 5.0], [-5.0, 5.0]])
        direction = -(known @ start)
        assert_allclose(direction, [-1.0, 0.05], rtol=1e-9)
        assert (
            start @ direction < 0 < start @ (np.clip(start + direction, *box.T) - start)
        )
        options = {"max_iter": 30, "tol": 1e-12, "report": _quiet}
        found = bfgs(evaluate, start, box, curvature=known, **options)
        assert_allclose(found.u, 0.0, atol=1e-4)

    @given(st.integers(0, 10**6), st.integers(2, 7))
    def test_a_parabola_in_a_box_is_minimised(self, seed, n):
        # Entangled entries, most of whose minima are beyond a bound.
        rng = np.random.default_rng(seed)
        A = rng.standard_normal((n, n))
        H, b = A @ A.T + 0.1 * np.eye(n), 3.0 * rng.standard_normal(n)
        low, high = -rng.uniform(0.01, 1.0, (1, n)), rng.uniform(0.01, 1.0, (1, n))
        box = np.vstack([low, high]).T

        def evaluate(u):
            return 0.5 * float(u @ H @ u) - float(b @ u), H @ u - b

        options = {"max_iter": 200, "tol": 1e-10, "report": _quiet}
        found = bfgs(evaluate, rng.uniform(*box.T), box, **options)
        root = np.linalg.cholesky(H)
        least = lsq_linear(root.T, np.linalg.solve(root, b), bounds=box.T, tol=1e-14).x
        # The value is within a few tol of the scale, which is the value at the start.
        start = max(1.0, abs(found.path[0]))
        assert found.path[-1] <= evaluate(least)[0] + 1e-7 * start
        assert ((found.u >= box[:, 0]) & (found.u <= box[:, 1])).all()
        # What is against its bound at the minimum is exactly there.
        against = (np.abs(H @ least - b) > 1e-2) & (
            np.minimum(least - box[:, 0], box[:, 1] - least) < 1e-9
        )
        distance = np.minimum(found.u - box[:, 0], box[:, 1] - found.u)
        assert_array_equal(distance[against], 0.0)

    def test_a_step_beyond_a_bound_lands_on_it(self):
        # The known curvature is right, so that one step leads to the minimum in the
        # box: the second entry at its bound, the first at what is best with that.
        H, box = (
            np.array([[2.0, 1.9], [1.9, 2.0]]),
            np.array([[-5.0, 5.0], [-5.0, 0.1]]),
        )

        def evaluate(u):
            return 0.5 * u @ H @ u - 3.0 * u[1], H @ u - np.array([0.0, 3.0])

        known = Curvature(1.0)
        for step in (np.array([1.0, 1.0]), np.array([1.0, -1.0])):
            known.add(step, H @ step)
        options = {"max_iter": 1, "tol": 1e-14, "report": _quiet, "curvature": known}
        found = bfgs(evaluate, np.array([1.0, 0.0]), box, **options)
        assert_allclose(found.u, [-0.095, 0.1], rtol=1e-12)

    def test_a_short_step_is_not_the_end(self):
        # Far from the minimum, no step changes an entry by more than two. On a slope
        # this gentle it gains less than tol, though much more can be gained.
        def evaluate(u):
            return 1e-3 * float(u @ u), 2e-3 * u

        known = Curvature(500.0)
        options = {"max_iter": 60, "tol": 0.1, "report": _quiet, "scale": 1.0}
        box = np.array([[-50.0, 50.0]])
        found = bfgs(evaluate, np.array([20.0]), box, curvature=known, **options)
        assert found.converged
        assert found.path[-1] <= 0.1 + 1e-12

    def test_a_step_that_curves_downwards_teaches_nothing(self):
        curvature = Curvature(2.0)
        curvature.add(np.array([1.0, 0.0]), np.array([-3.0, 1.0]))
        assert_array_equal(curvature @ np.array([1.0, 5.0]), [2.0, 10.0])

    def test_what_was_learned_is_taken_along(self):
        evaluate, _, lowest = _quadratic()
        box = np.tile([-50.0, 50.0], (6, 1))
        options = {"max_iter": 60, "tol": 1e-14, "report": _quiet}
        first = bfgs(evaluate, np.zeros(6), box, **options)
        assert_allclose(first.u, lowest, atol=1e-4)
        assert len(first.path) > 5
        # Four times the objective, from elsewhere: the scaled Hessian takes one step.
        four = lambda u: tuple(4.0 * part for part in evaluate(u))  # noqa: E731
        start = lowest + np.array([0.3, -0.2, 0.1, 0.4, -0.1, 0.2])
        options["max_iter"] = 1
        known = first.curvature.scaled(0.25)
        again = bfgs(four, start, box, curvature=known, **options)
        blank = bfgs(four, start, box, **options)
        assert again.path[1] < 0.02 * again.path[0]
        assert blank.path[1] > 0.05 * blank.path[0]

    def test_one_evaluation_an_iteration(self):
        evaluate, *_ = _quadratic()
        calls = []

        def counted(u):
            calls.append(1)
            return evaluate(u)

        box = np.tile([-50.0, 50.0], (6, 1))
        found = bfgs(counted, np.zeros(6), box, max_iter=60, tol=1e-12, report=_quiet)
        assert found.converged
        assert len(calls) <= 1.5 * len(found.path) + 3

    def test_a_step_too_far_is_shortened(self):
        # Beyond 1 the matrix would not factor, as `Problem` says it.
        def evaluate(u):
            if u[0] > 1.0:
                return np.inf, np.zeros(1)
            return float((u[0] - 0.9) ** 2), 2 * (u - 0.9)

        box = np.array([[-50.0, 50.0]])
        known = Curvature(5.0)
        found = bfgs(
            evaluate,
            np.zeros(1),
            box,
            max_iter=50,
            tol=1e-12,
            report=_quiet,
            curvature=known,
        )
        assert_allclose(found.u, 0.9, atol=1e-5)
        assert (np.diff(found.path) < 0).all()

    def test_no_step_changes_a_logarithm_by_more_than_two(self):
        # What is known promises a minimum far away, which is not there.
        seen = []

        def evaluate(u):
            seen.append(u.copy())
            return float(u @ u), 2 * u

        box = np.tile([-50.0, 50.0], (2, 1))
        options = {"max_iter": 1, "tol": 1e-12, "report": _quiet}
        bfgs(evaluate, np.array([1.0, 0.1]), box, curvature=Curvature(9.0), **options)
        assert_allclose(seen[1] - seen[0], [-2.0, -0.2], rtol=1e-12)
