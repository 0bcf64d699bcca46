"""How a table is written: hand examples, weights, strays, ties, invariances."""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import ntk_sklearn
from ntk_sklearn import NTKernel, TableEncoder
from ntk_sklearn.preprocessing._columns import MARGIN
from ntk_sklearn.preprocessing._table_encoder import CODES

every_code = pytest.mark.parametrize("code", CODES)
every_scale = pytest.mark.parametrize("rank_scale", ["standard", "unit"])
BOTH = ("standard", "ranks")
seeds = st.integers(0, 10_000)
no_deadline = settings(deadline=None, max_examples=50)


def _encoder(codes=BOTH, rank_scale="unit", **options):
    return TableEncoder(codes, rank_scale=rank_scale, **options)


def _encode(x, code, new=None, weight=None, **options):
    X = np.asarray(x, dtype=float)
    X = X.reshape(len(X), -1)
    encoder = _encoder((code,), **options).fit(X, sample_weight=weight)
    Z = X if new is None else np.asarray(new, dtype=float).reshape(-1, X.shape[1])
    return encoder.transform(Z)


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
        TableEncoder(("thermometer",)),
        TableEncoder(("ranks", "thermometer", "standard"), rank_scale="unit"),
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

    def test_thermometer(self):
        # Edges at 0.5 and 1.5: (0, 0), (1, 0), (1, 1), centred by (2/3, 1/3); the two
        # variances are 2/9 each; the kernel divides by two columns, hence sqrt(2).
        found = _encode([0, 1, 2], "thermometer")
        code = np.array([[0, 0], [1, 0], [1, 1]]) - [2 / 3, 1 / 3]
        assert_allclose(found, np.sqrt(2) * code / (2 / 3), rtol=1e-14)
        plain = _encode([0, 1, 2], "thermometer", rank_scale="standard")
        assert_allclose(plain, code / (2 / 3), rtol=1e-14)

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

    def test_length_scale_of_uniform_ranks(self):
        # Uniform ranks need no scaling: then the kernel's own unit is variance one.
        x = np.arange(10_001.0)[:, None]
        assert_allclose(_encoder(["ranks"]).fit(x).length_scale_, [1.0], rtol=1e-3)

    def test_thermometer_has_quantiles_where_values_are_many(self):
        x = np.arange(100.0)
        Z = _encode(x, "thermometer", n_quantiles=4)
        assert Z.shape == (100, 4)
        changes = np.flatnonzero(np.diff(Z, axis=0).any(axis=1)) + 1
        assert_array_equal(changes, [20, 40, 60, 80])

    def test_distances_are_those_of_ranks(self):
        x = np.sort(np.random.default_rng(0).standard_cauchy(33))
        Z = _encode(x, "thermometer")
        square = ((Z - Z[0]) ** 2).sum(axis=1)
        assert_allclose(square / square[-1], np.arange(33) / 32, rtol=1e-12)


class TestScales:
    def test_standard_ranks_are_unit_ranks_scaled(self):
        X = _hard_table(0)
        unit = _encoder(["ranks"]).fit_transform(X)
        scaled = StandardScaler().fit_transform(unit)
        found = TableEncoder(["ranks"]).fit_transform(X)
        assert_allclose(found, scaled, rtol=1e-12, atol=1e-12)

    def test_standard_columns_differ_by_one_factor(self):
        # As many output columns as inputs, or twice as many, less three of two values.
        X = np.column_stack([_table(), _table(seed=1), np.ones(200)])
        plain, unit = TableEncoder().fit(X), _encoder().fit(X)
        assert plain.n_varying_ == unit.n_varying_ == 8
        gain = np.sqrt((2 * 8 - 2) / 8)
        found = unit.transform(X)[:, :8]
        assert_allclose(found, gain * plain.transform(X)[:, :8], rtol=1e-14)

    def test_attributes_for_any_estimator(self):
        X = _table()
        encoder = TableEncoder().fit(X)
        assert encoder.n_ranks_ == 0
        assert_array_equal(encoder.length_scale_, np.ones(7))

    def test_a_kernel_divides_by_the_columns_that_vary(self):
        # The mean of the first layer's covariance is that of one column of variance 1
        # and its steps, whatever the number of columns.
        X = np.column_stack([np.arange(2001.0), np.ones(2001)])
        for table in (X, np.hstack([X] * 3)):
            encoder = _encoder().fit(table)
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
    @every_code
    @every_scale
    @pytest.mark.parametrize("n_quantiles", [3, 7, 32])
    def test_integers_are_repeats(self, code, rank_scale, n_quantiles):
        X = _table(120)
        s = np.random.default_rng(1).integers(0, 5, 120)
        encoder = TableEncoder((code,), n_quantiles=n_quantiles, rank_scale=rank_scale)
        once = clone(encoder).fit(X, sample_weight=s)
        many = clone(encoder).fit(np.repeat(X, s, axis=0))
        new = _table(50, seed=2)
        assert_allclose(once.transform(new), many.transform(new), atol=1e-12)
        assert_allclose(once.length_scale_, many.length_scale_, rtol=1e-12)

    @every_code
    def test_each_column_has_mean_zero_and_variance_one(self, code):
        X = _table()
        s = np.random.default_rng(1).uniform(0.5, 3, len(X))
        encoder = TableEncoder((code,))
        for x in X.T[:, :, None]:
            Z = encoder.fit(x, sample_weight=s).transform(x)
            assert_allclose(s @ Z, 0, atol=1e-10 * s.sum())
            # The steps of a thermometer are of variance one together.
            assert_allclose((s @ Z**2).sum() / s.sum(), 1, rtol=1e-12)

    def test_steps_of_ranks_have_variance_one(self):
        # Half of the mean squared distance: 6 |p - p'| over the squared length scale.
        X = _table()
        s = np.random.default_rng(1).uniform(0.5, 3, len(X))
        encoder = _encoder().fit(X, sample_weight=s)
        p = encoder.transform(X)[:, 4:]
        w = s / s.sum()
        for x, scale in zip(p.T, encoder.length_scale_[4:], strict=True):
            mean = w @ np.abs(x[:, None] - x) @ w
            # The kernel divides by seven columns, and there are four of the table.
            assert_allclose(6 * mean / 2 / scale**2 / 7, 1 / 4, rtol=1e-10)

    @every_code
    @pytest.mark.parametrize("weight", [0.5, 1e-3])
    def test_equal_weights_are_none(self, code, weight):
        X = _table()
        one, other = (
            _encoder([code], n_quantiles=7).fit(X, sample_weight=w).transform(X)
            for w in (None, np.full(200, weight))
        )
        assert_allclose(other, one, atol=1e-12)

    @pytest.mark.parametrize("code", ["ranks", "thermometer"])
    def test_small_weights_are_finite(self, code):
        X = _table()
        encoder = _encoder([code]).fit(X, sample_weight=np.full(200, 1e-3))
        assert np.isfinite(encoder.transform(X)).all()

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
    @every_scale
    @no_deadline
    @given(seed=seeds, exponent=st.floats(-100, 100))
    def test_units(self, rank_scale, seed, exponent):
        X, factor = _hard_table(seed), 10.0**exponent
        encoder = TableEncoder(rank_scale=rank_scale, n_quantiles=1 + seed % 40)
        here = encoder.fit_transform(X)
        scales = encoder.length_scale_
        there = encoder.fit_transform(factor * X)
        assert_allclose(there, here, rtol=0, atol=1e-12 * np.abs(here).max())
        assert_allclose(encoder.length_scale_, scales, rtol=1e-12)

    @no_deadline
    @given(seed=seeds)
    def test_row_order(self, seed):
        X = _hard_table(seed)
        s = np.random.default_rng(seed).uniform(0.1, 3, len(X))
        order = np.random.default_rng(seed).permutation(len(X))
        one = TableEncoder().fit(X, sample_weight=s)
        other = TableEncoder().fit(X[order], sample_weight=s[order])
        Z = one.transform(X)
        assert_allclose(other.transform(X), Z, rtol=0, atol=1e-12 * np.abs(Z).max())

    @no_deadline
    @given(seed=seeds)
    def test_repeated_rows(self, seed):
        X = _hard_table(seed)
        s = np.random.default_rng(seed).integers(0, 4, len(X))
        s[0] += 1
        encoder = TableEncoder(n_quantiles=1 + seed % 40)
        once = clone(encoder).fit(X, sample_weight=s)
        many = encoder.fit(np.repeat(X, s, axis=0))
        Z = many.transform(X)
        assert_allclose(once.transform(X), Z, rtol=0, atol=1e-12 * np.abs(Z).max())

    @every_scale
    @no_deadline
    @given(values=st.lists(st.integers(-40, 40), min_size=2, max_size=30))
    def test_monotone_transforms_keep_ranks_of_few_values(self, rank_scale, values):
        x = np.array(values, dtype=float)[:, None]
        ranks = TableEncoder(["ranks"], rank_scale=rank_scale)
        expected = ranks.fit_transform(x)
        for transform in (np.cbrt, np.exp, lambda x: x**3, lambda x: 7 - 2 / (x + 50)):
            assert_array_equal(ranks.fit_transform(transform(x)), expected)

    @pytest.mark.parametrize("factor", [1.0, 0.1, 3.0, 7.0, 1e-5, 1 / 3])
    def test_values_that_differ_by_rounding_are_one(self, factor):
        x = factor * np.array([0.0, 0.1 + 0.2, 0.3, 0.3 - 2**-54, 0.5, 1.0])
        found = _encode(x, "ranks").ravel()
        assert_allclose(found, [0, 1 / 3, 1 / 3, 1 / 3, 2 / 3, 1], atol=1e-14)
        found = _encode(-x, "ranks").ravel()
        assert_allclose(found, [1, 2 / 3, 2 / 3, 2 / 3, 1 / 3, 0], atol=1e-14)

    def test_time_stamps_differ_by_more_than_rounding(self):
        # Neighbours are apart by less than 1e-12, but there are many of them.
        x = 1.7e18 + 1024.0 * np.arange(10_000.0)
        found = _encode(x, "ranks").ravel()
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
    @pytest.mark.parametrize("code", ["ranks", "thermometer"])
    def test_ladders_end(self, code, rank_scale):
        x = np.arange(9.0)
        new = [-1e9, 0, 8, 1e9]
        found = _encode(x, code, new=new, clip=False, rank_scale=rank_scale)
        assert_array_equal(found[0], found[1])
        assert_array_equal(found[2], found[3])

    def test_unseen_values_fall_between(self):
        found = _encode([0, 1, 2], "thermometer", new=[0, 0.4, 0.6, 1])
        assert_array_equal(found[0], found[1])
        assert_array_equal(found[2], found[3])
        assert not np.array_equal(found[1], found[2])

    @every_code
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_what_is_no_number_is_refused(self, code, value):
        X = _table()
        encoder = TableEncoder([code]).fit(X)
        X[3, 1] = value
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            encoder.transform(X)
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            encoder.fit(X)

    @every_code
    def test_unchecked_nan_stays_one(self, code):
        # Those who switch the checks off must not get a number for it.
        X = _table()
        encoder = TableEncoder([code]).fit(X)
        X[3, 1] = np.nan
        with config_context(assume_finite=True):
            Z = encoder.transform(X)
        assert code == "thermometer" or np.isnan(Z[3, 1])

    def test_sparse_is_refused(self):
        with pytest.raises(TypeError, match="Sparse data was passed for X"):
            TableEncoder().fit(csr_array(_table()))

    def test_strings_are_refused(self):
        with pytest.raises(ValueError, match="could not convert string to float"):
            TableEncoder().fit(np.array([["red"], ["blue"]], dtype=object))

    @pytest.mark.parametrize("size", [1e-310, 1e-200, 1e200, 1e307])
    def test_tiny_and_huge_numbers_are_finite(self, size):
        X = size * _table()
        for codes in (BOTH, ("thermometer",)):
            assert np.isfinite(TableEncoder(codes).fit_transform(X)).all()


class TestColumns:
    @every_code
    @every_scale
    def test_constant_columns_are_left_out(self, code, rank_scale):
        X = _table()
        wide = np.column_stack([np.full(200, 3.0), X, np.full(200, 1e9)])
        one = TableEncoder((code,), rank_scale=rank_scale).fit(X)
        two = TableEncoder((code,), rank_scale=rank_scale).fit(wide)
        assert_allclose(two.transform(wide), one.transform(X), atol=1e-13)
        assert one.n_varying_ == two.n_varying_ == 4

    def test_a_constant_up_to_rounding(self):
        x = np.full(50, 0.1)
        x[::2] += 1e-17
        assert np.ptp(x) > 0
        for code in CODES:
            assert_array_equal(_encode(x, code), np.zeros((50, 1)))

    @every_code
    @every_scale
    def test_nothing_varies(self, code, rank_scale):
        encoder = TableEncoder([code], rank_scale=rank_scale).fit(np.ones((5, 3)))
        Z = encoder.transform(np.arange(6.0).reshape(2, 3))
        assert_array_equal(Z, np.zeros((2, 1)))
        assert_array_equal(encoder.length_scale_, [1])
        assert encoder.n_ranks_ == 0 and encoder.n_varying_ == 1
        assert_array_equal(encoder.get_feature_names_out(), ["constant"])

    @pytest.mark.parametrize("other", ["standard", "thermometer"])
    def test_two_values_need_no_rank(self, other):
        X = _table()[:, [0, 3]]
        encoder = _encoder((other, "ranks")).fit(X)
        assert encoder.n_ranks_ == 1
        assert list(encoder.get_feature_names_out())[-2:][1] == "x0_rank"

    def test_two_values_keep_the_rank_that_is_all_there_is(self):
        X = _table()
        encoder = _encoder(["ranks"]).fit(X)
        assert encoder.n_ranks_ == 4
        found = encoder.transform(X)[:, 3]
        assert_array_equal(found, X[:, 3])
        # Of steps with probability p: 6 p (1 - p), as of no column twice.
        p = X[:, 3].mean()
        assert_allclose(encoder.length_scale_[3], np.sqrt(6 * p * (1 - p)), rtol=1e-13)
        scaled = TableEncoder(["ranks"]).fit_transform(X)[:, 3]
        assert_allclose(scaled, TableEncoder(["standard"]).fit_transform(X)[:, 3])

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

    def test_ranks_come_last(self):
        X = _table()
        one = _encoder(["standard", "thermometer", "ranks"]).fit(X)
        other = _encoder(("ranks", "standard", "thermometer")).fit(X)
        assert_array_equal(one.transform(X), other.transform(X))
        assert one.n_ranks_ == other.n_ranks_ == 3
        ranks = one.transform(X)[:, -3:]
        assert_array_equal([ranks.min(axis=0), ranks.max(axis=0)], [[0] * 3, [1] * 3])

    @every_code
    def test_table_is_not_changed(self, code):
        X = _table()
        before = X.copy()
        TableEncoder((code,)).fit(X).transform(X)
        assert_array_equal(X, before)

    def test_single_precision(self):
        X = _table().astype(np.float32)
        Z = TableEncoder().fit_transform(X)
        assert Z.dtype == np.float64
        assert_array_equal(Z, TableEncoder().fit_transform(X.astype(np.float64)))


class TestParameters:
    @pytest.mark.parametrize(
        "codes", [(), ("rank",), ("ranks", "ranks"), (1,), (["ranks"],)]
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

    def test_copies_write_the_same(self):
        X = _table()
        encoder = _encoder().fit(X)
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

    def test_of_steps(self):
        encoder = TableEncoder(["thermometer"], n_quantiles=2).fit(_table()[:, :2])
        names = ["x0_step0", "x0_step1", "x1_step0", "x1_step1"]
        assert_array_equal(encoder.get_feature_names_out(), names)

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
    def test_rows_do_not_know_each_other(self, monkeypatch):
        X = _table()
        encoder = _encoder(CODES).fit(X)
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
    assert ntk_sklearn.preprocessing.__all__ == ["TableEncoder"]
