"""How a table is written: hand examples, weights, strays, ties."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ntk_sklearn.preprocessing._table_encoder import BLOCKS, MARGIN, TableEncoding

every_block = pytest.mark.parametrize("block", BLOCKS)


def _encode(x, block, new=None, weight=None, **options):
    X = np.asarray(x, dtype=float)
    X = X.reshape(len(X), -1)
    s = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
    encoding = TableEncoding((block,), **options).fit(X, s)
    Z = X if new is None else np.asarray(new, dtype=float).reshape(-1, X.shape[1])
    return encoding.transform(Z)


def _table(n=200, seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack(
        [
            rng.standard_normal(n),
            rng.exponential(size=n),
            rng.integers(0, 4, n),
            rng.integers(0, 2, n),
        ]
    ).astype(float)


class TestHandExamples:
    def test_standard(self):
        assert_allclose(_encode([1, 3], "standard"), [[-1], [1]], rtol=1e-15)
        assert_allclose(
            _encode([1, 3], "standard", weight=[3, 1]).ravel(),
            [-1 / np.sqrt(3), np.sqrt(3)],
            rtol=1e-14,
        )

    def test_thermometer(self):
        # Edges at 0.5 and 1.5: (0, 0), (1, 0), (1, 1), centred by (2/3, 1/3); the two
        # variances are 2/9 each; the kernel divides by two columns, hence sqrt(2).
        found = _encode([0, 1, 2], "thermometer")
        code = np.array([[0, 0], [1, 0], [1, 1]]) - [2 / 3, 1 / 3]
        assert_allclose(found, np.sqrt(2) * code / (2 / 3), rtol=1e-14)

    def test_ranks(self):
        # Of few values, each one step; straight between them.
        found = _encode([0, 1, 3], "ranks", new=[0, 1, 3, 2, 0.5]).ravel()
        assert_allclose(found, [0, 0.5, 1, 0.75, 0.25], rtol=1e-15)

    def test_ranks_are_straight_between_quantiles(self):
        x = np.arange(101.0) ** 2
        found = _encode(x, "ranks", n_steps=4).ravel()
        edges = np.array([0.0, 25, 50, 75, 100]) ** 2
        assert_allclose(found, np.interp(x, edges, np.linspace(0, 1, 5)), rtol=1e-13)

    def test_length_scale_of_uniform_ranks(self):
        # Uniform ranks need no scaling: then the kernel's own unit is variance one.
        x = np.arange(10_001.0)[:, None]
        encoding = TableEncoding(("ranks",)).fit(x, np.ones(len(x)))
        assert_allclose(encoding.length_scale_, [1.0], rtol=1e-3)

    def test_thermometer_has_quantiles_where_values_are_many(self):
        x = np.arange(100.0)
        Z = _encode(x, "thermometer", n_steps=4)
        assert Z.shape == (100, 4)
        changes = np.flatnonzero(np.diff(Z, axis=0).any(axis=1)) + 1
        assert_array_equal(changes, [20, 40, 60, 80])

    def test_distances_are_those_of_ranks(self):
        x = np.sort(np.random.default_rng(0).standard_cauchy(33))
        Z = _encode(x, "thermometer")
        square = ((Z - Z[0]) ** 2).sum(axis=1)
        assert_allclose(square / square[-1], np.arange(33) / 32, rtol=1e-12)


class TestWeights:
    @every_block
    @pytest.mark.parametrize("n_steps", [3, 7, 32])
    def test_integers_are_repeats(self, block, n_steps):
        X = _table(120)
        s = np.random.default_rng(1).integers(1, 5, 120)
        once = TableEncoding((block,), n_steps).fit(X, s.astype(float))
        many = TableEncoding((block,), n_steps).fit(
            np.repeat(X, s, axis=0), np.ones(s.sum())
        )
        new = _table(50, seed=2)
        assert_allclose(once.transform(new), many.transform(new), atol=1e-12)
        assert_allclose(once.length_scale_, many.length_scale_, rtol=1e-12)

    @pytest.mark.parametrize("block", ["standard", "thermometer"])
    def test_each_column_has_mean_zero_and_variance_one(self, block):
        X = _table()
        s = np.random.default_rng(1).uniform(0.5, 3, len(X))
        for x in X.T[:, :, None]:
            Z = TableEncoding((block,)).fit(x, s).transform(x)
            assert_allclose(s @ Z, 0, atol=1e-10 * s.sum())
            # The kernel's inner product divides by the number of columns.
            assert_allclose((s @ Z**2).sum() / s.sum() / Z.shape[1], 1, rtol=1e-12)

    def test_steps_of_ranks_have_variance_one(self):
        # Half of the mean squared distance: 6 |p - p'| over the squared length scale.
        X = _table()
        s = np.random.default_rng(1).uniform(0.5, 3, len(X))
        encoding = TableEncoding(("standard", "ranks")).fit(X, s)
        p = encoding.transform(X)[:, 4:]
        w = s / s.sum()
        for x, scale in zip(p.T, encoding.length_scale_[4:], strict=True):
            mean = w @ np.abs(x[:, None] - x) @ w
            # The kernel divides by seven columns, and there are four of the table.
            assert_allclose(6 * mean / 2 / scale**2 / 7, 1 / 4, rtol=1e-10)

    @every_block
    @pytest.mark.parametrize("weight", [0.5, 1e-3])
    def test_equal_weights_are_none(self, block, weight):
        X = _table()
        one, other = (
            TableEncoding((block,), 7).fit(X, np.full(200, w)).transform(X)
            for w in (1.0, weight)
        )
        assert_allclose(other, one, atol=1e-12)

    @pytest.mark.parametrize("block", ["ranks", "thermometer"])
    def test_small_weights_are_finite(self, block):
        X = _table()
        Z = TableEncoding((block,)).fit(X, np.full(200, 1e-3)).transform(X)
        assert np.isfinite(Z).all()


class TestStrays:
    def test_clip_margin(self):
        x = np.array([0.0, 10.0])
        new = [-100, -10 * MARGIN, 10 + 10 * MARGIN, 100]
        found = _encode(x, "standard", new=new).ravel()
        edge = (5 + 10 * MARGIN) / 5
        assert_allclose(found, [-edge, -edge, edge, edge], rtol=1e-14)
        inside = _encode(x, "standard", new=[10.5]).ravel()
        assert_allclose(inside, 1.1, rtol=1e-14)

    def test_no_clip(self):
        found = _encode([0, 10], "standard", new=[100], clip=False)
        assert_allclose(found, [[19]], rtol=1e-14)

    @pytest.mark.parametrize("block", ["ranks", "thermometer"])
    def test_ladders_end(self, block):
        x = np.arange(9.0)
        found = _encode(x, block, new=[-1e9, 0, 8, 1e9])
        assert_array_equal(found[0], found[1])
        assert_array_equal(found[2], found[3])

    def test_unseen_values_fall_between(self):
        found = _encode([0, 1, 2], "thermometer", new=[0, 0.4, 0.6, 1])
        assert_array_equal(found[0], found[1])
        assert_array_equal(found[2], found[3])
        assert not np.array_equal(found[1], found[2])


class TestColumns:
    @every_block
    def test_constant_columns_are_left_out(self, block):
        X = _table()
        wide = np.column_stack([np.full(200, 3.0), X, np.full(200, 1e9)])
        s = np.ones(200)
        one = TableEncoding((block,)).fit(X, s)
        two = TableEncoding((block,)).fit(wide, s)
        assert_allclose(two.transform(wide), one.transform(X), atol=1e-13)
        assert one.n_varying_ == two.n_varying_

    def test_a_constant_up_to_rounding(self):
        x = np.full(50, 0.1)
        x[::2] += 1e-17
        assert np.ptp(x) > 0
        assert_array_equal(_encode(x, "standard"), np.zeros((50, 1)))

    @every_block
    def test_nothing_varies(self, block):
        found = _encode(np.ones((5, 3)), block, new=np.arange(6.0).reshape(2, 3))
        assert_array_equal(found, np.zeros((2, 1)))
        empty = TableEncoding((block,)).fit(np.ones((5, 3)), np.ones(5))
        assert_array_equal(empty.length_scale_, [1])
        assert empty.n_ranks_ == 0

    def test_two_values_need_no_rank(self):
        X = _table()
        encoding = TableEncoding(("standard", "ranks")).fit(X, np.ones(200))
        # Four scaled columns, then the ranks of three; the last has two values.
        assert encoding.transform(X).shape == (200, 7)
        assert encoding.n_ranks_ == 3
        assert_array_equal(encoding.length_scale_[:4], 1.0)
        assert (encoding.length_scale_[4:] != 1.0).all()

    def test_encoded_columns_follow_the_columns(self):
        X = _table()
        encoding = TableEncoding(("standard", "ranks")).fit(X, np.ones(200))
        Z, moved = encoding.transform(X), X.copy()
        moved[:, 1] += 0.5
        changed = (encoding.transform(moved) != Z).any(axis=0)
        assert_array_equal(np.flatnonzero(changed), [1, 5])

    @every_block
    def test_table_is_not_changed(self, block):
        X = _table()
        before = X.copy()
        TableEncoding((block,)).fit(X, np.ones(200)).transform(X)
        assert_array_equal(X, before)
