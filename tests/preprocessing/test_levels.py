"""Indicators of levels: hand examples, rare, unknown and missing ones, weights."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ntk_sklearn import TableEncoder

from ..cases import kept_names

pandas = pytest.importorskip("pandas")
COLOURS = np.array(["red"] * 4 + ["blue"] * 3 + ["green"] * 2 + ["pink"])[:, None]


def encode(X, new=None, weight=None, **options):
    encoder = TableEncoder(**options).fit(X, sample_weight=weight)
    names = [name.removeprefix("x0_") for name in encoder.get_feature_names_out()]
    Z = encoder.transform(X if new is None else new)
    return dict(zip(names, Z.T, strict=True))


def one_hot(x, levels):
    """Indicators less their means, of total variance 1/2."""
    Z = (x[:, None] == np.array(levels)).astype(float)
    Z -= Z.mean(axis=0)
    return Z / np.sqrt(2.0 * Z.var(axis=0).sum())


def test_indicators_of_levels():
    found = encode(COLOURS)
    assert list(found) == ["blue", "green", "pink", "red"]
    expected = one_hot(COLOURS.ravel(), list(found))
    assert_allclose(np.column_stack(list(found.values())), expected, atol=1e-15)


def test_two_levels_are_one_scaled_column():
    x = np.array(["no", "yes", "no", "no"])[:, None]
    numbers = np.array([0.0, 1.0, 0.0, 0.0])[:, None]
    assert_allclose(encode(x)["yes"], encode(numbers)["x0"], rtol=1e-15)


def test_rare_levels_share_an_indicator():
    new = np.array(["red", "green", "pink", "unknown"])[:, None]
    found = encode(COLOURS, new, max_categories=3)
    assert list(found) == ["blue", "red", "rare"]
    pooled = np.where(np.isin(COLOURS, ["green", "pink"]), "rare", COLOURS).ravel()
    expected = one_hot(pooled, list(found))[[0, 7, 9, 9]]
    assert_allclose(np.column_stack(list(found.values())), expected, atol=1e-15)


def test_unknown_levels_are_the_mean_where_none_is_rare():
    found = encode(COLOURS, np.array([["purple"], [None]], dtype=object))
    assert_array_equal(np.column_stack(list(found.values())), np.zeros((2, 4)))


@pytest.mark.parametrize("most", [128, 3])
def test_a_level_without_a_row_that_counts_is_as_an_unknown_one(most):
    weight = (COLOURS.ravel() != "pink").astype(float)
    new = np.array([["pink"], ["purple"]])
    found = encode(COLOURS, new, weight, max_categories=most)
    assert "pink" not in found
    pink, purple = np.column_stack(list(found.values()))
    assert_array_equal(pink, purple)


def test_missing_is_a_level():
    x = np.array(["a", "b", None, np.nan, "a", "c"], dtype=object)
    found = encode(x[:, None])
    assert list(found) == ["a", "b", "c", "missing"]
    named = np.array(["a", "b", "missing", "missing", "a", "c"])
    expected = one_hot(named, list(found))
    assert_allclose(np.column_stack(list(found.values())), expected, atol=1e-15)


def test_a_level_may_be_called_missing_or_rare():
    x = np.array(["missing", "rare", "other", "another", None] * 2, dtype=object)
    x[0] = x[1]
    names = list(encode(x[:, None], max_categories=3))
    assert len(set(names)) == 4
    assert names[-2:] == ["rare_", "missing_"]


@pytest.mark.parametrize("rank_scale", ["standard", "unit"])
def test_missing_numbers_are_the_mean_and_told(rank_scale):
    x = np.array([0.0, 1.0, 3.0, np.nan, 5.0, np.nan, 9.0])[:, None]
    encoder = TableEncoder(rank_scale=rank_scale).fit(x)
    assert list(encoder.get_feature_names_out()) == ["x0", "x0_missing", "x0_rank"]
    seen, gone = ~np.isnan(x.ravel()), np.isnan(x.ravel())
    Z = encoder.transform(x)
    alone = TableEncoder(rank_scale=rank_scale).fit(x[seen]).transform(x[seen])
    gain, before = (np.sqrt(3), np.sqrt(2)) if rank_scale == "unit" else (1.0, 1.0)
    assert_allclose(Z[seen, 0], gain / before * alone[:, 0], rtol=1e-14)
    assert_array_equal(Z[seen, 2], alone[:, 1])
    assert_allclose(Z[gone], [[0.0, Z[3, 1], alone[:, 1].mean()]] * 2, atol=1e-15)
    assert_allclose(Z[:, 1], gain * (gone - 2 / 7) / np.sqrt(10 / 49), rtol=1e-14)


def test_missing_numbers_that_none_was_in_fit():
    encoder = TableEncoder().fit([[0.0], [1.0], [5.0]])
    assert_array_equal(encoder.transform([[np.nan]]), [[0.0, 0.0]])


def test_columns_without_values_are_left_out():
    X = [[None, "a", 1.0], [None, "a", 2.0], [None, "a", None]]
    encoder = TableEncoder().fit(X)
    assert list(encoder.get_feature_names_out()) == ["x2", "x2_missing"]
    assert encoder.n_varying_ == 1


def test_weights_are_repeats():
    rng = np.random.default_rng(0)
    X = pandas.DataFrame({"c": rng.choice(list("abcde"), 60), "x": rng.normal(size=60)})
    X = X.mask(rng.random(X.shape) < 0.2)
    s = rng.integers(0, 4, 60)
    encoder = TableEncoder(max_categories=4)
    once = clone(encoder).fit(X, sample_weight=s)
    many = clone(encoder).fit(X.loc[X.index.repeat(s)])
    assert_allclose(once.transform(X), many.transform(X), atol=1e-12)


def test_a_level_counts_as_much_as_a_number_however_many_there_are():
    """Total variance of each input column among the output, as a kernel divides it."""
    rng = np.random.default_rng(0)
    X = pandas.DataFrame(
        {
            "few": rng.choice(list("abc"), 500),
            "many": rng.integers(0, 90, 500).astype(str),
        }
    ).assign(x=rng.normal(size=500))
    encoder = TableEncoder(("standard",), rank_scale="unit").fit(X)
    variance = encoder.transform(X).var(axis=0) / len(encoder.length_scale_)
    first = np.array([name.split("_")[0] for name in encoder.get_feature_names_out()])
    for name, share in (("few", 0.5), ("many", 0.5), ("x", 1.0)):
        assert_allclose(variance[first == name].sum(), share / 3, rtol=1e-12)


def test_polars_gives_the_same():
    polars = pytest.importorskip("polars")
    X = pandas.DataFrame({"c": ["a", None, "b", "a"], "x": [1.0, 2.0, np.nan, 4.0]})
    here = TableEncoder().fit(X)
    frame = polars.DataFrame({"c": ["a", None, "b", "a"], "x": [1.0, 2.0, None, 4.0]})
    there = TableEncoder().fit(frame)
    assert_array_equal(here.transform(X), there.transform(frame))
    names = getattr(there, "feature_names_in_", None)
    assert_array_equal(names, kept_names(frame))
    if names is None:  # columns are called x0 and x1
        here = TableEncoder().fit(X.to_numpy())
    assert_array_equal(there.get_feature_names_out(), here.get_feature_names_out())


def test_set_output_and_other_estimators():
    rng = np.random.default_rng(0)
    X = pandas.DataFrame({"c": rng.choice(list("abc"), 200), "x": rng.normal(size=200)})
    y = (X["c"] == "a") ^ (rng.random(200) < 0.05)
    out = TableEncoder().set_output(transform="pandas").fit_transform(X)
    assert list(out.columns) == ["c_a", "c_b", "c_c", "x", "x_rank"]
    for model in (LogisticRegression(), HistGradientBoostingClassifier(max_iter=10)):
        assert make_pipeline(TableEncoder(), model).fit(X, y).score(X, y) > 0.9
