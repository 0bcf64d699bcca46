"""Kernels that the two estimators are given."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    Hyperparameter,
    Matern,
    WhiteKernel,
)
from sklearn.metrics import r2_score

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel, WNTKRegressor
from ntk_sklearn.objectives import evidence
from ntk_sklearn.optimizers import OPTIMIZERS

from ..estimator_cases import quiet, regression
from ..learning_cases import problem_of


class TestKernels:
    KERNELS = [
        RBF(1.5),
        Matern(1.0, nu=1.5),
        ConstantKernel(2.0) * RBF([1.0, 2.0, 0.5]),
        DotProduct() + RBF(1.0),
        NTKernel(depth=1) + RBF(1.0),
        0.5 * NNGPKernel(depth=2),
        NTKernel(depth=1) * NTKernel(depth=2, activation="erf"),
        WeightedNTKernel(depth=2, length_scale=np.ones(3), length_scale_bounds=(1, 9)),
        NTKernel(depth=2) ** 2,
        WeightedNTKernel(depth=1) + WhiteKernel(0.1),
    ]

    @pytest.mark.parametrize("kernel", KERNELS, ids=repr)
    @pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
    def test_any_kernel_learns(self, kernel, optimizer):
        X, y = regression()
        model = WNTKRegressor(kernel, optimizer=optimizer, max_iter=4)
        quiet(model, X, y)
        path = model.objective_path_
        assert path[-1] < path[0]
        assert model.kernel_.theta.shape == kernel.theta.shape
        assert model.score(X, y) > 0.3
        assert hasattr(model, "layer_weights_") == isinstance(kernel, WeightedNTKernel)

    @pytest.mark.parametrize("unit", [1e-3, 1e3])
    @pytest.mark.parametrize(
        "kernel",
        [
            NTKernel(depth=2),
            NNGPKernel(depth=1),
            RBF(),
            NTKernel(depth=1) + WhiteKernel(),
            NTKernel(depth=1) * RBF(),
            WeightedNTKernel(depth=1),
        ],
        ids=repr,
    )
    def test_units_of_the_targets(self, kernel, unit):
        """A kernel without a factor of its own learns the same from any units."""
        X, y = regression()
        expected = quiet(WNTKRegressor(kernel), X, y).predict(X)
        assert r2_score(y, expected) > 0.5
        found = quiet(WNTKRegressor(kernel), X, unit * y).predict(X)
        assert_allclose(found, unit * expected, rtol=1e-6)

    def test_units_of_each_output(self):
        X, Y = regression(outputs=2)
        model = WNTKRegressor(NTKernel(depth=2))
        expected = quiet(clone(model), X, Y).predict(X)
        found = quiet(clone(model), X, Y * [1e-3, 1e3]).predict(X)
        assert_allclose(found, expected * [1e-3, 1e3], rtol=1e-6)

    def test_a_subclass_with_a_call_of_its_own(self):
        """Nothing of it is bypassed: what is learned is of the kernel as it is."""

        class Doubled(WeightedNTKernel):
            def __call__(self, X, Y=None, eval_gradient=False):
                if not eval_gradient:
                    return 2.0 * super().__call__(X, Y)
                K, gradient = super().__call__(X, Y, eval_gradient=True)
                return 2.0 * K, 2.0 * gradient

            def diag(self, X):
                return 2.0 * super().diag(X)

            def contract(self, X, G):
                return 2.0 * super().contract(X, G)

        X, y = regression()
        model = WNTKRegressor(Doubled(depth=1), alpha_bounds="fixed").fit(X, y)
        found = evidence(model.kernel_(X), y[:, None], model.alpha_, free_scale=True)
        assert_allclose(found.value, model.objective_path_[-1], rtol=1e-9)
        # Its layers can be switched off as those of ours can.
        bounds = {"alpha": 0.3, "alpha_bounds": (1e-3, 1e3)}
        problem = problem_of(Doubled(depth=1), X, y, evidence, **bounds)
        u = problem.start.copy()
        u[problem.linear] = [-np.inf, 0.2]
        value, gradient = problem.evaluate(u)
        expected = evidence(problem.kernel_at(u)(X), y[:, None], problem.alpha(u))
        assert_allclose(value, expected.value, rtol=1e-12)
        assert_array_equal(gradient[problem.linear] == 0.0, [True, False])

    def test_a_hyperparameter_that_the_engine_does_not_know(self):
        class Tempered(WeightedNTKernel):
            temperature = 1.0
            hyperparameter_temperature = Hyperparameter(
                "temperature", "numeric", (0.1, 10.0)
            )

        X, _ = regression()
        with pytest.raises(NotImplementedError, match="hyperparameter temperature"):
            Tempered(depth=1)(X, eval_gradient=True)

    def test_a_foreign_kernel_moves_as_ours_does(self):
        """Ours prepared once, others by their `contract`, or by the full gradient."""
        X, y = regression()
        ours = WeightedNTKernel(depth=2, length_scale=np.ones(3))
        ours.length_scale_bounds = (0.1, 10.0)

        class Wrapped(ConstantKernel):
            calls = 0

            def __call__(self, X, Y=None, eval_gradient=False):
                assert not eval_gradient
                return ours.clone_with_theta(self.theta)(X, Y)

            def contract(self, X, G):
                Wrapped.calls += 1
                return ours.clone_with_theta(self.theta).contract(X, G)

            hyperparameters = ours.hyperparameters
            theta = ours.theta

        def found(kernel):
            held = {"alpha": 0.3, "alpha_bounds": None}
            problem = problem_of(kernel, X, y, evidence, **held)
            u = problem.start + np.linspace(-0.3, 0.5, problem.start.size)
            return problem.evaluate(u)

        foreign = ConstantKernel(1.0, "fixed") * ours
        assert not hasattr(foreign, "contract")
        value, gradient = found(ours)
        for kernel in (foreign, Wrapped()):
            other, slope = found(kernel)
            assert_allclose(other, value, rtol=1e-12)
            assert_allclose(slope, gradient, rtol=1e-9, atol=1e-10)
        assert Wrapped.calls == 1

    @pytest.mark.parametrize("objective", ["evidence", "loo"])
    def test_a_product_with_one_learns_the_same(self, objective):
        # (Without a normalisation, which is for a WeightedNTKernel alone.)
        X, y = regression()
        options = {"objective": objective, "max_iter": 5, "alpha_bounds": "fixed"}
        ours = NTKernel(depth=2, length_scale_bounds=(0.1, 10.0))
        one = quiet(WNTKRegressor(ours, **options), X, y)
        two = quiet(WNTKRegressor(ConstantKernel(1.0, "fixed") * ours, **options), X, y)
        assert_allclose(one.objective_path_, two.objective_path_, rtol=1e-7)

    def test_encoding_none_is_the_plain_weighted_kernel(self):
        X, y = regression()
        one = quiet(WNTKRegressor(encoding=None, max_iter=5), X, y)
        two = quiet(WNTKRegressor(WeightedNTKernel(), max_iter=5), X, y)
        assert_array_equal(one.predict(X), two.predict(X))
        assert_array_equal(one.X_fit_, X)
