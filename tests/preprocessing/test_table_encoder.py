"""How a table is written: hand examples, weights, strays, ties, invariances."""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import ntk_sklearn
from ntk_sklearn import NTKernel, TableEncoder
from ntk_sklearn.preprocessing._columns import MARGIN

# Each code by itself, with the parameters that ask for it.
WAYS = {
    "standard": {"codes": ("standard",)},
    "even": {"codes": ("ranks",)},
    "mass": {"codes": ("ranks",), "rank_levels": "mass"},
}
every_way = pytest.mark.parametrize("way", list(WAYS.values()), ids=list(WAYS))
every_level = pytest.mark.parametrize("rank_levels", ["even", "mass"])
every_scale = pytest.mark.parametrize("rank_scale", ["standard", "unit"])
BOTH = ("standard", "ranks")
seeds = st.integers(0, 10_000)
# Mid-ranks have 12 digits, of which rounding errors may change the last.
ROUNDING = {"even": 1e-12, "mass": 1e-11}
no_deadline = settings(deadline=None, max_examples=50)


def _encoder(codes=BOTH, rank_scale="unit", **options):
    return TableEncoder(codes, rank_scale=rank_scale, **options)


def _encode(x, code, new=None, weight=None, **options):
    X = np.asarray(x, dtype=float)
    X = X.reshape(len(X), -1)
    encoder = _encoder((code,), **options).fit(X, sample_weight=weight)
    Z = X if new is None else np.asarray(new, dtype=float).reshape(-1, X.shape[1])
    return encoder.transform(Z)


def _thermometer(x, values, levels):
    """Indicators of lying above each gap of the values, squared length that of levels.

    What a rank stands for, one column for each gap.
    """
    middle = (values[:-1] + values[1:]) / 2
    return (x[:, None] > middle) * np.sqrt(np.diff(levels))


def _mid_ranks(x):
    """Values of a column, and the share of rows below each and half of those at it.

    To 12 digits.
    """
    values, counts = np.unique(x, return_counts=True)
    return values, ((np.cumsum(counts) - counts / 2) / counts.sum()).round(12)


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


def _hard_table(seed):
    """Heavy tails, many zeros, few decimals, all of which have rounding errors."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(10, 150))
    many_zeros = np.where(rng.uniform(size=n) < 0.6, 0.0, rng.exponential(size=n))
    tails = np.exp(5 * rng.standard_normal(n))
    decimals = 0.1 * rng.integers(-5, 6, n)
    return np.column_stack([_table(n, seed), many_zeros, tails, decimals])


@parametrize_with_checks(
    [
        TableEncoder(),
        TableEncoder(rank_scale="unit"),
        TableEncoder(("standard",), clip=False),
        TableEncoder(["ranks"], n_quantiles=3),
        TableEncoder(["ranks"], rank_scale="unit"),
        TableEncoder(("ranks",), rank_levels="mass"),
        TableEncoder(("ranks", "standard"), rank_levels="mass", rank_scale="unit"),
    ],
    expected_failed_checks=None,
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


class TestHandExamples:
    def test_standard(self):
        assert_allclose(_encode([1, 3], "standard"), [[-1], [1]], rtol=1e-15)
        assert_allclose(
            _encode([1, 3], "standard", weight=[3, 1]).ravel(),
            [-1 / np.sqrt(3), np.sqrt(3)],
            rtol=1e-14,
        )

    def test_mid_ranks(self):
        # Of four rows, two at 0: half of 2 below, then 2.5 and 3.5; straight between.
        new = [0, 1, 3, 2, 0.5]
        expected = [0.25, 0.625, 0.875, 0.75, 0.4375]
        for x, weight in (([0, 0, 1, 3], None), ([0, 1, 3], [2, 1, 1])):
            found = _encode(x, "ranks", new=new, weight=weight, rank_levels="mass")
            assert_allclose(found.ravel(), expected, rtol=1e-15)

    def test_mid_ranks_of_quantiles(self):
        # Quantiles at 0, 1.5 and 3; that in the middle lies between two mid-ranks.
        new = [0, 0.75, 1.5, 3]
        found = _encode(np.arange(4), "ranks", new, n_quantiles=2, rank_levels="mass")
        assert_allclose(found.ravel(), [0.125, 0.3125, 0.5, 0.875], rtol=1e-15)

    def test_length_scale_of_mid_ranks(self):
        # Levels 0.375 and 0.25 apart, half and three quarters of the rows below.
        encoder = _encoder(["ranks"], rank_levels="mass").fit([[0], [0], [1], [3]])
        square = 6 * (0.375 * 0.5 * 0.5 + 0.25 * 0.75 * 0.25)
        assert_allclose(encoder.length_scale_, [np.sqrt(square)], rtol=1e-14)

    def test_standard_mid_ranks(self):
        new = [0, 1, 3, 2]
        options = {"rank_levels": "mass", "rank_scale": "standard"}
        found = _encode([0, 0, 1, 3], "ranks", new=new, **options).ravel()
        deviation = np.sqrt((2 * 0.25**2 + 0.125**2 + 0.375**2) / 4)
        expected = np.array([-0.25, 0.125, 0.375, 0.25]) / deviation
        assert_allclose(found, expected, rtol=1e-14)

    @every_level
    def test_two_values(self, rank_levels):
        found = _encode([1, 3, 1, 1], "ranks", rank_levels=rank_levels).ravel()
        expected = np.array([-1, 3, -1, -1]) / np.sqrt(3)
        assert_allclose(found, expected, rtol=1e-14)

    def test_ranks(self):
        # Of few values, each one step; straight between them.
        found = _encode([0, 1, 3], "ranks", new=[0, 1, 3, 2, 0.5]).ravel()
        assert_allclose(found, [0, 0.5, 1, 0.75, 0.25], rtol=1e-15)

    def test_standard_ranks(self):
        new = [0, 1, 3, 2, 0.5]
        found = _encode([0, 1, 3], "ranks", new=new, rank_scale="standard").ravel()
        expected = (np.array([0, 0.5, 1, 0.75, 0.25]) - 0.5) / np.sqrt(1 / 6)
        assert_allclose(found, expected, rtol=1e-14, atol=1e-15)

    def test_ranks_are_straight_between_quantiles(self):
        x = np.arange(101.0) ** 2
        found = _encode(x, "ranks", n_quantiles=4).ravel()
        edges = np.array([0.0, 25, 50, 75, 100]) ** 2
        assert_allclose(found, np.interp(x, edges, np.linspace(0, 1, 5)), rtol=1e-13)

    @every_level
    def test_length_scale_of_uniform_ranks(self, rank_levels):
        # Uniform ranks need no scaling: then the kernel's own unit is variance one.
        x = np.arange(10_001.0)[:, None]
        encoder = _encoder(["ranks"], rank_levels=rank_levels).fit(x)
        assert_allclose(encoder.length_scale_, [1.0], rtol=1e-3)

    @every_level
    def test_quantiles_where_values_are_many(self, rank_levels):
        # Ranks bend at quantiles and nowhere else; at the ends, all is flat.
        x = np.arange(101.0) ** 2
        p = _encode(x, "ranks", n_quantiles=4, rank_levels=rank_levels).ravel()
        slope = np.diff(p) / np.diff(x)
        bends = np.flatnonzero(np.abs(np.diff(slope)) > 1e-9) + 1
        assert_array_equal(bends, [25, 50, 75])
        ends = {"even": [0, 1], "mass": [0.5 / 101, 100.5 / 101]}
        assert_allclose(p[[0, -1]], ends[rank_levels], rtol=0, atol=1e-12)

    @every_level
    def test_distances_are_those_of_a_thermometer(self, rank_levels):
        x = np.random.default_rng(0).standard_cauchy(33).repeat([1, 2, 3] * 11)
        values, levels = _mid_ranks(x)
        if rank_levels == "even":
            levels = np.linspace(0, 1, 33)
        steps = _thermometer(x, values, levels)
        square = ((steps[:, None] - steps) ** 2).sum(axis=2)
        p = _encode(x, "ranks", rank_levels=rank_levels).ravel()
        assert_allclose(np.abs(p[:, None] - p), square, rtol=0, atol=1e-14)

    @every_level
    def test_length_scale_is_the_deviation_of_a_thermometer(self, rank_levels):
        # Six times its variance, which is a sixth if the ranks are uniform.
        x = np.random.default_rng(0).poisson(3.0, 200).astype(float)
        values, levels = _mid_ranks(x)
        if rank_levels == "even":
            levels = np.linspace(0, 1, len(values))
        variance = _thermometer(x, values, levels).var(axis=0).sum()
        encoder = _encoder(["ranks"], rank_levels=rank_levels).fit(x[:, None])
        assert_allclose(encoder.length_scale_, [np.sqrt(6 * variance)], rtol=1e-12)

    def test_mid_ranks_are_those_of_the_rows(self):
        X = _table()
        for x in X.T[:3]:
            expected = np.interp(x, *_mid_ranks(x))
            found = _encode(x, "ranks", n_quantiles=199, rank_levels="mass").ravel()
            assert_allclose(found, expected, rtol=1e-12)


class TestScales:
    @every_level
    def test_standard_ranks_are_unit_ranks_scaled(self, rank_levels):
        X = _hard_table(0)
        unit = _encoder(["ranks"], rank_levels=rank_levels).fit_transform(X)
        scaled = StandardScaler().fit_transform(unit)
        found = TableEncoder(["ranks"], rank_levels=rank_levels).fit_transform(X)
        assert_allclose(found, scaled, rtol=1e-12, atol=1e-12)

    def test_standard_columns_differ_by_one_factor(self):
        # As many output columns as inputs, or twice as many, less three of two values.
        X = np.column_stack([_table(), _table(seed=1), np.ones(200)])
        plain, unit = TableEncoder().fit(X), _encoder().fit(X)
        assert plain.n_varying_ == unit.n_varying_ == 8
        gain = np.sqrt((2 * 8 - 2) / 8)
        found = unit.transform(X)[:, :8]
        assert_allclose(found, gain * plain.transform(X)[:, :8], rtol=1e-14)

    def test_ranks_alone_are_one_column_for_each(self):
        # No gain then, of ranks nor of the column of two values.
        plain, unit = (
            TableEncoder(("ranks",), rank_scale=scale).fit(_table())
            for scale in ("standard", "unit")
        )
        assert_array_equal(
            unit.transform(_table())[:, 0], plain.transform(_table())[:, 0]
        )
        assert_array_equal(unit.length_scale_[0], 1.0)

    def test_attributes_for_any_estimator(self):
        X = _table()
        encoder = TableEncoder().fit(X)
        assert encoder.n_ranks_ == 0
        assert_array_equal(encoder.length_scale_, np.ones(7))

    @every_level
    def test_a_kernel_divides_by_the_columns_that_vary(self, rank_levels):
        # The mean of the first layer's covariance is that of one column of variance 1
        # and its steps, whatever the number of columns.
        X = np.column_stack([np.arange(2001.0), np.ones(2001)])
        for table in (X, np.hstack([X] * 3)):
            encoder = _encoder(rank_levels=rank_levels).fit(table)
            kernel = NTKernel(
                depth=1,
                activation="identity",
                weight_variance=1.0,
                bias_variance=0.0,
                length_scale=encoder.length_scale_,
                n_ranks=encoder.n_ranks_,
            )
            Z = encoder.transform(table)
            assert_allclose(kernel.diag(Z).mean(), 2 * 2.0, rtol=1e-2)


class TestWeights:
    @every_way
    @every_scale
    @pytest.mark.parametrize("n_quantiles", [3, 7, 32])
    def test_integers_are_repeats(self, way, rank_scale, n_quantiles):
        X = _table(120)
        s = np.random.default_rng(1).integers(0, 5, 120)
        encoder = TableEncoder(n_quantiles=n_quantiles, rank_scale=rank_scale, **way)
        once = clone(encoder).fit(X, sample_weight=s)
        many = clone(encoder).fit(np.repeat(X, s, axis=0))
        new = _table(50, seed=2)
        assert_allclose(once.transform(new), many.transform(new), atol=1e-12)
        assert_allclose(once.length_scale_, many.length_scale_, rtol=1e-12)

    @every_way
    def test_each_column_has_mean_zero_and_variance_one(self, way):
        X = _table()
        s = np.random.default_rng(1).uniform(0.5, 3, len(X))
        encoder = TableEncoder(**way)
        for x in X.T[:, :, None]:
            Z = encoder.fit(x, sample_weight=s).transform(x)
            assert Z.shape == (len(X), 1)
            assert_allclose(s @ Z, 0, atol=1e-10 * s.sum())
            assert_allclose(s @ Z**2 / s.sum(), 1, rtol=1e-12)

    @every_level
    def test_steps_of_ranks_have_variance_one(self, rank_levels):
        # Half of the mean squared distance: 6 |p - p'| over the squared length scale.
        X = _table()
        s = np.random.default_rng(1).uniform(0.5, 3, len(X))
        encoder = _encoder(rank_levels=rank_levels).fit(X, sample_weight=s)
        p = encoder.transform(X)[:, 4:]
        w = s / s.sum()
        for x, scale in zip(p.T, encoder.length_scale_[4:], strict=True):
            mean = w @ np.abs(x[:, None] - x) @ w
            # The kernel divides by seven columns, and there are four of the table.
            assert_allclose(6 * mean / 2 / scale**2 / 7, 1 / 4, rtol=1e-10)

    @every_way
    @pytest.mark.parametrize("weight", [0.5, 1e-3])
    def test_equal_weights_are_none(self, way, weight):
        X = _table()
        one, other = (
            _encoder(**way, n_quantiles=7).fit(X, sample_weight=w).transform(X)
            for w in (None, np.full(200, weight))
        )
        assert_allclose(other, one, atol=1e-12)

    @every_way
    def test_small_weights_are_finite(self, way):
        X = _table()
        encoder = _encoder(**way).fit(X, sample_weight=np.full(200, 1e-3))
        assert np.isfinite(encoder.transform(X)).all()

    @every_level
    @every_scale
    def test_weights_that_differ_by_twenty_decades(self, rank_levels, rank_scale):
        # Half of the last row, and all rows but those of the first value, are lost to
        # rounding: ranks stay between 0 and 1, and no length scale is 0.
        X = np.column_stack([np.arange(30.0), np.r_[np.zeros(28), 1.0, 2.0]])
        s = np.r_[np.ones(28), 1e-20, 1e-20] / 3
        encoder = _encoder(["ranks"], rank_scale, rank_levels=rank_levels)
        Z = encoder.fit(X, sample_weight=s).transform(X)
        assert list(encoder.get_feature_names_out()) == ["x0_rank"]
        assert np.isfinite(Z).all()
        assert encoder.length_scale_ > 0
        if rank_scale == "unit":
            assert 0 <= Z.min() < Z.max() <= 1

    @pytest.mark.parametrize(
        ("n", "n_quantiles", "weight"),
        [(92, 21, 0.0648168379649528), (73, 6, 0.057270136924825056)],
    )
    def test_a_quantile_at_the_first_of_many_equal_values(self, n, n_quantiles, weight):
        # Rounded to just before that value, it would be a quantile of its own.
        x = np.concatenate([-np.arange(1.0, n + 1), np.zeros(n), np.arange(1.0, n)])
        for zeros in range(n):
            some = x[zeros : zeros + n]
            one, other = (
                _encode(some, "ranks", weight=w, n_quantiles=n_quantiles)
                for w in (None, np.full(n, weight))
            )
            assert_allclose(other, one, atol=1e-12)

    def test_rows_of_weight_zero_do_not_count(self):
        X = _table()
        s = np.random.default_rng(1).integers(0, 2, len(X))
        X[s == 0] *= 1e6
        left_out = TableEncoder().fit(X[s == 1])
        zero = TableEncoder().fit(X, sample_weight=s)
        assert_array_equal(zero.transform(X), left_out.transform(X))

    def test_fit_transform_passes_weights_on(self):
        X = _table()
        s = np.random.default_rng(1).uniform(size=len(X))
        expected = TableEncoder().fit(X, sample_weight=s).transform(X)
        found = TableEncoder().fit_transform(X, sample_weight=s)
        assert_array_equal(found, expected)
        assert not np.array_equal(found, TableEncoder().fit_transform(X))
        model = make_pipeline(TableEncoder(), Ridge())
        model.fit(X, X[:, 0], tableencoder__sample_weight=s)
        assert_array_equal(model[0].transform(X), expected)

    def test_errors(self):
        X = _table()
        with pytest.raises(ValueError, match="Negative"):
            TableEncoder().fit(X, sample_weight=np.full(len(X), -1.0))
        with pytest.raises(ValueError, match="zero"):
            TableEncoder().fit(X, sample_weight=np.zeros(len(X)))


class TestInvariances:
    @every_level
    @every_scale
    @no_deadline
    @given(seed=seeds, exponent=st.floats(-100, 100))
    def test_units(self, rank_levels, rank_scale, seed, exponent):
        X, factor = _hard_table(seed), 10.0**exponent
        encoder = _encoder(BOTH, rank_scale, rank_levels=rank_levels)
        encoder.set_params(n_quantiles=1 + seed % 40)
        here = encoder.fit_transform(X)
        scales = encoder.length_scale_
        there = encoder.fit_transform(factor * X)
        assert_allclose(
            there, here, rtol=0, atol=ROUNDING[rank_levels] * np.abs(here).max()
        )
        assert_allclose(encoder.length_scale_, scales, rtol=ROUNDING[rank_levels])

    @every_way
    @pytest.mark.parametrize("factor", [2.54, 1e-3, 1e200, 1e-200])
    def test_inches_and_centimetres(self, way, factor):
        X = _hard_table(1)
        for n_quantiles in (5, 32, 64):
            encoder = TableEncoder(n_quantiles=n_quantiles, **way)
            here = encoder.fit_transform(X)
            there = encoder.fit_transform(factor * X)
            assert_allclose(there, here, rtol=0, atol=1e-12 * np.abs(here).max())

    @every_level
    @no_deadline
    @given(seed=seeds)
    def test_row_order(self, rank_levels, seed):
        X = _hard_table(seed)
        s = np.random.default_rng(seed).uniform(0.1, 3, len(X))
        order = np.random.default_rng(seed).permutation(len(X))
        encoder = TableEncoder(rank_levels=rank_levels)
        one = clone(encoder).fit(X, sample_weight=s)
        other = clone(encoder).fit(X[order], sample_weight=s[order])
        Z = one.transform(X)
        assert_allclose(
            other.transform(X), Z, rtol=0, atol=ROUNDING[rank_levels] * np.abs(Z).max()
        )

    @every_level
    @no_deadline
    @given(seed=seeds)
    def test_repeated_rows(self, rank_levels, seed):
        X = _hard_table(seed)
        s = np.random.default_rng(seed).integers(0, 4, len(X))
        s[0] += 1
        encoder = TableEncoder(n_quantiles=1 + seed % 40, rank_levels=rank_levels)
        once = clone(encoder).fit(X, sample_weight=s)
        many = encoder.fit(np.repeat(X, s, axis=0))
        Z = many.transform(X)
        assert_allclose(
            once.transform(X), Z, rtol=0, atol=ROUNDING[rank_levels] * np.abs(Z).max()
        )

    @every_level
    @every_scale
    @no_deadline
    @given(values=st.lists(st.integers(-40, 40), min_size=2, max_size=30))
    def test_monotone_transforms_keep_ranks_of_few_values(
        self, rank_levels, rank_scale, values
    ):
        x = np.array(values, dtype=float)[:, None]
        ranks = _encoder(["ranks"], rank_scale, rank_levels=rank_levels)
        expected = ranks.fit_transform(x)
        # Two values are scaled, which rounds; ranks are the same to the last digit.
        rounding = 1e-10 if len(set(values)) == 2 else 0.0
        for transform in (np.cbrt, np.exp, lambda x: x**3, lambda x: 7 - 2 / (x + 50)):
            found = ranks.fit_transform(transform(x))
            assert_allclose(found, expected, rtol=rounding, atol=0)

    @pytest.mark.parametrize("factor", [1.0, 0.1, 3.0, 7.0, 1e-5, 1 / 3])
    def test_values_that_differ_by_rounding_are_one(self, factor):
        x = factor * np.array([0.0, 0.1 + 0.2, 0.3, 0.3 - 2**-54, 0.5, 1.0])
        found = _encode(x, "ranks").ravel()
        assert_allclose(found, [0, 1 / 3, 1 / 3, 1 / 3, 2 / 3, 1], atol=1e-14)
        found = _encode(-x, "ranks").ravel()
        assert_allclose(found, [1, 2 / 3, 2 / 3, 2 / 3, 1 / 3, 0], atol=1e-14)
        found = _encode(x, "ranks", rank_levels="mass").ravel()
        assert_allclose(6 * found, [0.5, 2.5, 2.5, 2.5, 4.5, 5.5], atol=1e-13)

    def test_time_stamps_differ_by_more_than_rounding(self):
        # Neighbours are apart by less than 1e-12, but there are many of them.
        x = 1.7e18 + 1024.0 * np.arange(10_000.0)
        for rank_levels in ("even", "mass"):
            found = _encode(x, "ranks", rank_levels=rank_levels).ravel()
            assert_allclose(found, np.linspace(0, 1, 10_000), rtol=0, atol=1e-4)


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

    @every_scale
    @every_level
    def test_ranks_end(self, rank_levels, rank_scale):
        options = {"clip": False, "rank_scale": rank_scale, "rank_levels": rank_levels}
        new = [-1e9, 0, 8, 1e9]
        found = _encode(np.arange(9.0), "ranks", new=new, **options)
        assert_array_equal(found[0], found[1])
        assert_array_equal(found[2], found[3])
        assert found[1] < found[2]

    @every_level
    def test_unseen_values_fall_between(self, rank_levels):
        new = [0, 0.4, 0.6, 1]
        found = _encode([0, 1, 2], "ranks", new=new, rank_levels=rank_levels).ravel()
        low, high = found[0], found[3]
        assert_allclose(found, low + np.array(new) * (high - low), rtol=1e-14)
        assert low < high

    @every_way
    @pytest.mark.parametrize("value", [np.inf, -np.inf])
    def test_what_is_no_number_is_refused(self, way, value):
        X = _table()
        encoder = TableEncoder(**way).fit(X)
        X[3, 1] = value
        with pytest.raises(ValueError, match="infinity"):
            encoder.transform(X)
        with pytest.raises(ValueError, match="infinity"):
            encoder.fit(X)

    def test_sparse_is_refused(self):
        with pytest.raises(TypeError, match="Sparse data was passed for X"):
            TableEncoder().fit(csr_array(_table()))

    @every_level
    @pytest.mark.parametrize("size", [1e-310, 1e-200, 1e200, 1e307])
    def test_tiny_and_huge_numbers_are_finite(self, rank_levels, size):
        for codes in (BOTH, ("ranks",)):
            encoder = TableEncoder(codes, rank_levels=rank_levels)
            here, there = (encoder.fit_transform(f * _table()) for f in (1.0, size))
            assert np.isfinite(there).all()
            # Of numbers near 1e-310, some ten digits are left.
            assert_allclose(there, here, rtol=0, atol=1e-9 if size < 1e-300 else 1e-12)


class TestColumns:
    @every_way
    @every_scale
    def test_constant_columns_are_left_out(self, way, rank_scale):
        X = _table()
        wide = np.column_stack([np.full(200, 3.0), X, np.full(200, 1e9)])
        one = TableEncoder(rank_scale=rank_scale, **way).fit(X)
        two = TableEncoder(rank_scale=rank_scale, **way).fit(wide)
        assert_allclose(two.transform(wide), one.transform(X), atol=1e-13)
        assert one.n_varying_ == two.n_varying_ == 4

    def test_a_constant_up_to_rounding(self):
        x = np.full(50, 0.1)
        x[::2] += 1e-17
        assert np.ptp(x) > 0
        for way in WAYS.values():
            Z = _encoder(**way).fit_transform(x[:, None])
            assert_array_equal(Z, np.zeros((50, 1)))

    @every_way
    @every_scale
    def test_nothing_varies(self, way, rank_scale):
        encoder = TableEncoder(rank_scale=rank_scale, **way).fit(np.ones((5, 3)))
        Z = encoder.transform(np.arange(6.0).reshape(2, 3))
        assert_array_equal(Z, np.zeros((2, 1)))
        assert_array_equal(encoder.length_scale_, [1])
        assert encoder.n_ranks_ == 0 and encoder.n_varying_ == 1
        assert_array_equal(encoder.get_feature_names_out(), ["constant"])

    @every_level
    @pytest.mark.parametrize(
        ("codes", "names"),
        [
            (("standard",), ["x0", "x3"]),
            (BOTH, ["x0", "x3", "x0_rank"]),
            (("ranks",), ["x3", "x0_rank"]),
        ],
    )
    def test_two_values_need_no_rank(self, codes, names, rank_levels):
        X = np.zeros((200, 4))
        X[:, [0, 3]] = _table()[:, [0, 3]]
        encoder = _encoder(codes, rank_levels=rank_levels).fit(X)
        assert list(encoder.get_feature_names_out()) == names
        assert encoder.n_ranks_ == ("ranks" in codes)
        assert encoder.n_varying_ == 2

    @every_level
    @every_scale
    def test_two_values_are_scaled_where_ranks_are_all_there_is(
        self, rank_levels, rank_scale
    ):
        X = _table()
        encoder = _encoder(["ranks"], rank_scale, rank_levels=rank_levels).fit(X)
        assert encoder.n_ranks_ == (3 if rank_scale == "unit" else 0)
        assert encoder.length_scale_[0] == 1.0
        scaled = TableEncoder(["standard"]).fit_transform(X)[:, 3]
        assert_array_equal(encoder.transform(X)[:, 0], scaled)

    def test_two_values_are_held_within_their_range(self):
        X, far = _table(), np.full((1, 4), 100.0)
        held = TableEncoder(["ranks"]).fit(X).transform(far)[0, 0]
        free = TableEncoder(["ranks"], clip=False).fit(X).transform(far)[0, 0]
        deviation = X[:, 3].std()
        assert_allclose(held, (1 + MARGIN - X[:, 3].mean()) / deviation, rtol=1e-13)
        assert_allclose(free, (100 - X[:, 3].mean()) / deviation, rtol=1e-13)

    def test_two_values_up_to_rounding(self):
        x = np.array([0.3, 0.1 + 0.2, 1.0, 1.0])
        found = _encode(x, "ranks").ravel()
        assert_allclose(found, [-1, -1, 1, 1], rtol=1e-14)

    def test_length_scales_are_of_ranks(self):
        encoder = _encoder().fit(_table())
        # Four scaled columns, then the ranks of three; the last has two values.
        assert encoder.length_scale_.shape == (7,)
        assert encoder.n_ranks_ == 3
        assert_array_equal(encoder.length_scale_[:4], 1.0)
        assert (encoder.length_scale_[4:] != 1.0).all()

    def test_encoded_columns_follow_the_columns(self):
        X = _table()
        encoder = _encoder().fit(X)
        Z, moved = encoder.transform(X), X.copy()
        moved[:, 1] += 0.5
        changed = (encoder.transform(moved) != Z).any(axis=0)
        assert_array_equal(np.flatnonzero(changed), [1, 5])

    @every_level
    def test_ranks_come_last(self, rank_levels):
        X = _table()
        one = _encoder(["standard", "ranks"], rank_levels=rank_levels).fit(X)
        other = _encoder(("ranks", "standard"), rank_levels=rank_levels).fit(X)
        assert_array_equal(one.transform(X), other.transform(X))
        assert one.n_ranks_ == other.n_ranks_ == 3
        ranks = one.transform(X)[:, -3:]
        low, high = np.zeros(3), np.ones(3)
        if rank_levels == "mass":  # half a row away, or half of the rows at the end
            low = (X[:, :3] == X[:, :3].min(axis=0)).mean(axis=0) / 2
            high = 1 - (X[:, :3] == X[:, :3].max(axis=0)).mean(axis=0) / 2
        assert_allclose(ranks.min(axis=0), low, rtol=1e-14)
        assert_allclose(ranks.max(axis=0), high, rtol=1e-14)

    @every_way
    def test_table_is_not_changed(self, way):
        X = _table()
        before = X.copy()
        TableEncoder(**way).fit(X).transform(X)
        assert_array_equal(X, before)

    def test_single_precision(self):
        X = _table().astype(np.float32)
        Z = TableEncoder().fit_transform(X)
        assert Z.dtype == np.float64
        assert_array_equal(Z, TableEncoder().fit_transform(X.astype(np.float64)))


class TestParameters:
    @pytest.mark.parametrize(
        "codes",
        [(), ("rank",), ("thermometer",), ("ranks", "ranks"), (1,), (["ranks"],)],
    )
    def test_codes(self, codes):
        with pytest.raises(ValueError, match="codes must be one or more different"):
            TableEncoder(codes).fit(_table())

    @pytest.mark.parametrize(
        "params",
        [
            {"codes": "ranks"},
            {"n_quantiles": 0},
            {"n_quantiles": 2.0},
            {"rank_scale": "uniform"},
            {"rank_levels": "equal"},
            {"rank_levels": None},
            {"clip": None},
        ],
    )
    def test_constraints(self, params):
        (name,) = params
        with pytest.raises(ValueError, match=f"'{name}' parameter of TableEncoder"):
            TableEncoder(**params).fit(_table())

    def test_they_can_be_searched(self):
        X = _table()
        model = make_pipeline(TableEncoder(), Ridge())
        grid = {
            "tableencoder__codes": [("standard",), ("standard", "ranks")],
            "tableencoder__n_quantiles": [4, 32],
        }
        y = np.log(X[:, 1])  # nothing that is straight in the columns
        search = GridSearchCV(model, grid).fit(X, y)
        assert search.best_params_["tableencoder__codes"] == ("standard", "ranks")

    @every_level
    def test_copies_write_the_same(self, rank_levels):
        X = _table()
        encoder = _encoder(rank_levels=rank_levels).fit(X)
        Z = encoder.transform(X)
        assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(X), Z)
        assert_array_equal(clone(encoder).fit(X).transform(X), Z)


class TestNames:
    def test_of_arrays(self):
        encoder = TableEncoder().fit(_table())
        expected = ["x0", "x1", "x2", "x3", "x0_rank", "x1_rank", "x2_rank"]
        assert_array_equal(encoder.get_feature_names_out(), expected)
        names = encoder.get_feature_names_out(list("abcd"))
        assert_array_equal(names, [*"abcd", "a_rank", "b_rank", "c_rank"])

    def test_of_ranks_alone(self):
        encoder = TableEncoder(["ranks"], n_quantiles=2, rank_levels="mass")
        names = ["x3", "x0_rank", "x1_rank", "x2_rank"]
        assert_array_equal(encoder.fit(_table()).get_feature_names_out(), names)

    def test_of_data_frames(self):
        pandas = pytest.importorskip("pandas")
        columns = ["age", "income", "rooms", "sex"]
        frame = pandas.DataFrame(_table(), columns=columns, index=range(7, 207))
        encoder = TableEncoder().set_output(transform="pandas")
        found = encoder.fit_transform(frame)
        assert list(found.columns) == [
            *columns,
            "age_rank",
            "income_rank",
            "rooms_rank",
        ]
        assert list(found.index) == list(frame.index)
        assert_array_equal(found, TableEncoder().fit_transform(_table()))
        assert_array_equal(encoder.feature_names_in_, columns)
        with pytest.raises(ValueError, match="feature names"):
            encoder.transform(frame.rename(columns={"age": "height"}))
        with pytest.raises(ValueError, match="input_features"):
            encoder.get_feature_names_out(list("abcd"))


class TestLargeTables:
    @every_level
    def test_rows_do_not_know_each_other(self, monkeypatch, rank_levels):
        X = _table()
        encoder = _encoder(rank_levels=rank_levels).fit(X)
        Z = encoder.transform(X)
        module = "ntk_sklearn.preprocessing._table_encoder._BATCH"
        monkeypatch.setattr(module, 7)
        assert_array_equal(encoder.transform(X), Z)

    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_memory(self, dtype):
        X = np.random.default_rng(0).standard_normal((100_000, 10)).astype(dtype)
        encoder = TableEncoder().fit(X[:1000])
        tracemalloc.start()
        try:
            Z = encoder.transform(X)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        # Single precision is converted: half of the output's size.
        assert Z.nbytes <= peak < 1.7 * Z.nbytes


def test_it_is_public():
    assert "TableEncoder" in ntk_sklearn.__all__
    public = ["NetworkGram", "SequencePacker", "TableEncoder"]
    assert ntk_sklearn.preprocessing.__all__ == public
