"""WNTKRegressor."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.gaussian_process.kernels import (
    RBF,
)

from ntk_sklearn import NTKernel, WeightedNTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn.optimizers import OPTIMIZERS

from ..estimator_cases import HELD, both, classification, quiet, regression


class TestRegressor:
    def test_outputs(self):
        X, Y = regression(outputs=2)
        model = WNTKRegressor().fit(X, Y)
        assert model.predict(X).shape == Y.shape == model.loo_predictions_.shape
        assert model.score(X, Y) > 0.9
        column = WNTKRegressor(**HELD).fit(X, Y[:, :1]).predict(X)
        both = WNTKRegressor(**HELD).fit(X, Y).predict(X)
        assert column.shape == (45, 1)
        assert_allclose(column[:, 0], both[:, 0], rtol=0, atol=1e-11)

    @pytest.mark.parametrize("unit", [1e-30, 1e30])
    @both
    def test_default_knows_no_units(self, estimator, unit):
        """Constant is what does not vary against its own size, however small."""
        X, y = classification()
        targets = [y, y] if estimator is WNTKClassifier else [X[:, 0] ** 2] * 2
        if estimator is WNTKRegressor:
            targets[1] = unit * targets[0]
        here = estimator().fit(X, targets[0])
        there = estimator().fit(unit * X, targets[1])
        score = here.score(X, targets[0])
        assert score > 0.9
        assert_allclose(there.score(unit * X, targets[1]), score, atol=1e-3)

    def test_targets_whose_squares_vanish(self):
        X, y = regression()
        assert np.isfinite(WNTKRegressor().fit(X, 1e-200 * y).predict(X)).all()

    @pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
    def test_default_with_every_optimiser(self, optimizer):
        # Layers switched off have no prior; warnings are errors.
        X, y = regression(60)
        model = WNTKRegressor(optimizer=optimizer, max_iter=300, tol=1e-2).fit(X, y)
        assert model.score(X, y) > 0.8

    def test_each_output_has_a_spread_of_its_own(self):
        X, y = regression()
        Y = np.column_stack([y, 1000.0 * y, np.full_like(y, 5.0)])
        for kernel in (WeightedNTKernel(depth=1), "auto"):
            _, std = WNTKRegressor(kernel).fit(X, Y).predict(X[:4], return_std=True)
            assert_allclose(std[:, 1], 1000.0 * std[:, 0], rtol=1e-9)
            assert_allclose(std[:, 2], 0.0, atol=1e-6)

    def test_nothing_may_move_for_scipy(self):
        X, y = regression()
        kernel = NTKernel(2, bias_variance_bounds="fixed")
        model = WNTKRegressor(kernel, optimizer="lbfgs", alpha_bounds=(0.1, 0.1))
        assert_allclose(model.fit(X, y).alpha_, 0.1, rtol=1e-12)
        assert (model.n_iter_, len(model.objective_path_)) == (0, 1)

    def test_default_follows_the_units_of_the_targets(self):
        X, y = regression(60)
        here = WNTKRegressor().fit(X, y).predict(X)
        there = WNTKRegressor().fit(X, 1e3 * y - 7).predict(X)
        assert_allclose((there + 7) / 1e3, here, rtol=0, atol=1e-5)

    def test_default_ignores_a_useless_column(self):
        X, y = regression(150, features=3)
        noise = np.random.default_rng(9).standard_normal((150, 5))
        model = WNTKRegressor().fit(np.hstack([X, noise]), y)
        for fitted in model.models_:
            grown = fitted.kernel.length_scale / fitted.encoder.length_scale_
            # Column 0 matters: its scale is shorter than every useless one's.
            assert grown[0] < min(grown[3:8])

    @pytest.mark.parametrize("n", [1, 2, 3])
    @pytest.mark.parametrize("kernel", ["auto", WeightedNTKernel(depth=5)])
    @pytest.mark.parametrize("objective", ["evidence", "gcv", "holdout", "loo"])
    def test_few_rows(self, n, kernel, objective):
        X, y = regression(n)
        model = quiet(WNTKRegressor(kernel, objective=objective), X, y)
        mean, std = model.predict(X, return_std=True)
        assert np.isfinite(np.concatenate([mean, std, model.loo_predictions_])).all()
        if n == 1:
            assert_allclose(mean, y, rtol=1e-12)

    def test_one_row_tells_nothing_of_itself_but_the_constant(self):
        # Of all the outputs, some are not the constant to the last digit.
        Y = 10.0 * np.random.default_rng(0).standard_normal((1, 200))
        model = WNTKRegressor(WeightedNTKernel(depth=1)).fit([[0.3, 0.4]], Y)
        assert_allclose(model.predict([[5.0, 6.0]]), Y, rtol=1e-12)
        assert_allclose(model.loo_predictions_, Y, rtol=1e-12)

    def test_rounding_of_a_constant_is_not_learned(self):
        X, y = regression()
        flat = np.full_like(y, 3.0)
        flat[np.random.default_rng(0).permutation(45)[:20]] += np.spacing(3.0)
        assert np.ptp(flat) > 0.0
        model = WNTKRegressor(objective="gcv", alpha_bounds="fixed")
        alone = clone(model).fit(X, y).predict(X)
        said = r"output 1 of y varies by less than 1e-14 .* subtract an offset"
        with pytest.warns(UserWarning, match=said):
            model.fit(X, np.column_stack([y, flat]))
        found = model.predict(X)
        assert_allclose(found[:, 0], alone, rtol=1e-9)
        assert_allclose(found[:, 1], 3.0, rtol=1e-15)

    @pytest.mark.parametrize("offset", [1e6, -1e10, 1e13])
    def test_an_offset_leaves_what_digits_it_leaves(self, offset):
        X, y = regression()
        moved = y + offset
        alone = WNTKRegressor().fit(X, moved - offset).predict(X)
        found = WNTKRegressor().fit(X, moved).predict(X) - offset
        # The mean of the targets is known to rounding of the offset, and so are they.
        assert_allclose(found, alone, atol=max(1e-5, 4.0 * np.spacing(abs(offset))))
        assert np.corrcoef(found, y)[0, 1] > 0.99

    @pytest.mark.parametrize("kernel", ["auto", WeightedNTKernel(depth=2), RBF()])
    @pytest.mark.parametrize("constant", [0.0, 0.1, -1e6])
    def test_constant_target(self, kernel, constant):
        X, _ = regression()
        model = WNTKRegressor(kernel).fit(X, np.full(45, constant))
        mean, std = model.predict(2 * X, return_std=True)
        assert_allclose(mean, constant, rtol=1e-9, atol=1e-12)
        assert_allclose(std, 0, atol=1e-6 * max(1.0, abs(constant)))

    @pytest.mark.parametrize("kernel", ["auto", WeightedNTKernel(depth=2)])
    def test_constant_column(self, kernel):
        X, y = regression()
        model = quiet(
            WNTKRegressor(kernel, max_iter=20),
            np.column_stack([X, np.full(45, 7.0)]),
            y,
        )
        assert model.score(np.column_stack([X, np.full(45, 7.0)]), y) > 0.9

    @pytest.mark.parametrize("kernel", ["auto", NTKernel(depth=2), RBF()])
    @pytest.mark.parametrize("value", [0.0, 2.0])
    def test_only_constant_columns_give_the_mean(self, kernel, value):
        _, y = regression()
        X = np.full((45, 2), value)
        model = quiet(WNTKRegressor(kernel), X, y)
        # The ridge is far above what rounding makes of a constant matrix.
        assert_allclose(model.predict(X), y.mean(), rtol=1e-12)
        others = (45 * y.mean() - y) / 44
        assert_allclose(model.loo_predictions_, others, rtol=1e-12)
