"""Contributions and influence of training rows, against refits."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ntk_sklearn.solvers import RowWeights, contributions, influence, smoother, solve

DATA = Path(__file__).parents[1] / "data"
VALUES = np.load(DATA / "attribution.npz")
CASES = {
    case["i"]: case for case in json.loads((DATA / "attribution.json").read_text())
}
each_case = pytest.mark.parametrize("i", CASES)
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def problem(i):
    names = ("K_XX", "K_ZX", "Y", "alpha", "sample_weight")
    K, cross, Y, alpha, weight = (VALUES[f"{i}_{name}"] for name in names)
    return K, cross, Y, float(alpha), weight, CASES[i]["intercept"]


@each_case
def test_reference_contributions_and_influence(i):
    K, cross, Y, alpha, weight, intercept = problem(i)
    found = solve(K, Y, alpha, weight, intercept)
    parts = contributions(cross, found.dual_coef)
    assert_allclose(parts, VALUES[f"{i}_contributions"], **CLOSE)
    predicted = parts.sum(axis=1) + found.intercept
    assert_allclose(predicted, VALUES[f"{i}_prediction_Z"], **CLOSE)
    q = smoother(found, cross)
    assert_allclose(q, VALUES[f"{i}_d_prediction_d_target"], **CLOSE)
    assert_allclose(q @ Y, predicted, **CLOSE)
    change = influence(found, cross, alpha, weight)
    assert_allclose(change, VALUES[f"{i}_influence"], **CLOSE)
    groups = [np.array(group) for group in CASES[i]["groups"]]
    together = influence(found, cross, alpha, weight, groups)
    expected = np.moveaxis(VALUES[f"{i}_group_influence"], 0, 1)
    assert_allclose(together, expected, **CLOSE)


@each_case
def test_a_copy_is_left_out(i):
    K, cross, Y, alpha, _, intercept = problem(i)
    copies = RowWeights(VALUES[f"{i}_copies"], VALUES[f"{i}_copies"])
    found = solve(K, Y, alpha, copies, intercept)
    change = influence(found, cross, alpha, copies)
    assert_allclose(change, VALUES[f"{i}_copy_influence"], **CLOSE)


@each_case
def test_a_group_is_left_out_by_a_refit(i):
    K, cross, Y, alpha, weight, intercept = problem(i)
    found = solve(K, Y, alpha, weight, intercept)
    group = np.array([0, 3, 8])
    kept = np.delete(np.arange(len(K)), group)
    rest = solve(K[np.ix_(kept, kept)], Y[kept], alpha, weight[kept], intercept)
    before = cross @ found.dual_coef + found.intercept
    after = cross[:, kept] @ rest.dual_coef + rest.intercept
    change = influence(found, cross, alpha, weight, [group])[:, 0]
    assert_allclose(change, before - after, **CLOSE)
