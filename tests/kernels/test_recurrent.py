"""Recurrent kernels: reference values, gradients, invariances, sentences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from ntk_sklearn import (
    GradientDescentClassifier,
    KernelLogisticRegression,
    RecurrentNTKernel,
    SequencePacker,
    WNTKClassifier,
    WNTKRegressor,
)

from .structured_cases import ARRAYS, CASES, assert_gradient, assert_terms, terms

READOUTS = {"last": "last", "average": "average", "average_untied": "each"}


def series(lengths, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((n, channels)) for n in lengths]


SERIES = series((3, 5, 1, 4, 5))


@pytest.mark.parametrize("case", CASES["recurrent"], ids=lambda c: str(c["index"]))
def test_reference_terms(case):
    X, Y = (
        np.split(
            ARRAYS[f"recurrent_{side}_{case['data']}"],
            np.cumsum(case[f"lengths_{side}"])[:-1],
        )
        for side in "XY"
    )
    recurrent, inputs, biases = np.square(case["layers"]).T
    kernel = RecurrentNTKernel(
        len(inputs),
        case["act"],
        [*inputs, case["sv"] ** 2],
        bias_variance=biases,
        recurrent_variance=recurrent,
        readout=READOUTS[case["readout"]],
        bidirectional=case["bidirectional"],
        initial_variance=case["sh"] ** 2,
        initial_state="shared" if case["shared_h0"] else "independent",
    )
    expected = terms("recurrent", case)
    assert_terms(kernel, X, Y, expected, terms("recurrent", case, "_XY"))
    packer = SequencePacker().fit([*X, *Y])
    packed = clone(kernel).set_params(n_channels=case["channels"])
    assert_allclose(packed(packer.transform(X)), kernel(X), rtol=1e-14)


@pytest.mark.parametrize("readout", ["last", "average", "each"])
@pytest.mark.parametrize("activation", ["relu", "erf", "gelu", "sin"])
def test_gradients(activation, readout):
    kernel = RecurrentNTKernel(
        2,
        activation,
        [0.7, 1.2, 0.9],
        weight_variance_bounds=(0.1, 10.0),
        bias_variance=[0.1, 0.2],
        bias_variance_bounds=(0.01, 10.0),
        recurrent_variance=[1.2, 1.5],
        recurrent_variance_bounds=(0.1, 10.0),
        layer_weights=[0.5, 1.0, 2.0],
        readout=readout,
        bidirectional=readout == "each",
        initial_variance=0.3,
    )
    assert_gradient(kernel, SERIES)


def test_gradients_by_tensor():
    kernel = RecurrentNTKernel(layer_weights=[1, 0.5, 2, 0.3], bias_variance=0.1)
    assert kernel.n_dims == 4
    assert_gradient(kernel, SERIES)
    kernel.set_params(
        recurrent_variance_bounds=(0.1, 9), bias_variance_bounds=(0.01, 9)
    )
    assert_gradient(kernel, SERIES)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["last", "average", "each"]))
def test_reversal_does_not_matter_in_both_directions(seed, readout):
    X = series((4, 2, 6), seed=seed)
    kernel = RecurrentNTKernel(readout=readout, bidirectional=True, bias_variance=0.1)
    back = [one[::-1] for one in X]
    assert_allclose(kernel(back), kernel(X), rtol=1e-11)
    one_way = RecurrentNTKernel(readout=readout, bias_variance=0.1)
    assert not np.allclose(one_way(back), one_way(X))


def test_silence_before_a_sequence_changes_nothing_at_the_end():
    """Without biases, zeros before the first reading leave the state at zero."""
    kernel, X = RecurrentNTKernel(2), series((4, 3))
    late = [np.concatenate([np.zeros((2, 2)), one]) for one in X]
    assert_allclose(kernel(late), kernel(X), rtol=1e-13)
    assert_allclose(kernel(X, late), kernel(X), rtol=1e-13)


def test_constant_series_keep_their_digits():
    """All times of a constant series are copies, from the second time on nearly."""
    one = np.tile([0.3, 0.7], (6, 1))
    for readout in ("last", "average"):
        kernel = RecurrentNTKernel(2, readout=readout)
        K = kernel([one, 2 * one, one.copy()])
        assert_allclose(K, K[0, 0] * np.outer([1, 2, 1], [1, 2, 1]), rtol=1e-12)
        assert_allclose(kernel.diag([one]), K[0, 0], rtol=1e-12)


def finite_outputs(X, rng, width=800):
    """Last hidden states of a random network of one layer."""
    W, U = rng.standard_normal((width, width)), rng.standard_normal((width, 2))
    b, out = rng.standard_normal(width), []
    for one in X:
        h = np.zeros(width)
        for x in one:
            z = np.sqrt(1.5 / width) * W @ h + np.sqrt(0.8 / 2) * U @ x
            h = np.maximum(z + np.sqrt(0.2) * b, 0)
        out.append(h)
    return np.array(out)


def test_monte_carlo():
    rng = np.random.default_rng(0)
    found = [finite_outputs(SERIES, rng) for _ in range(30)]
    found = np.array([h @ h.T / h.shape[1] for h in found])
    kernel = RecurrentNTKernel(
        weight_variance=[0.8, 1.0],
        recurrent_variance=1.5,
        bias_variance=0.2,
        layer_weights=[0, 1],
        layer_weights_bounds="fixed",
    )
    error = found.std(axis=0) / np.sqrt(len(found))
    z = (found.mean(axis=0) - kernel(SERIES)) / error
    assert np.abs(z).max() < 4.5  # twenty-five dependent entries, width 800
    assert np.abs(z).max() > 0.1


def two_kinds(n=40):
    """Noise, and noise that repeats itself with a period of two; lengths 6 to 12."""
    rng, X, y = np.random.default_rng(0), [], np.arange(n) % 2
    for kind in y:
        one = rng.standard_normal((rng.integers(6, 13), 2))
        if kind:
            one[2:] = one[:2][np.arange(len(one) - 2) % 2] + 0.3 * one[2:]
        X.append(one)
    return X, y


def test_machines_by_substitution():
    X, y = two_kinds()
    kernel = RecurrentNTKernel(readout="average")
    rows = SequencePacker().fit_transform(X)
    packed = clone(kernel).set_params(n_channels=2)
    K = kernel(X)
    for machine in (SVC(), KernelRidge()):
        given = clone(machine).set_params(kernel="precomputed").fit(K[:30, :30], y[:30])
        found = clone(machine).set_params(kernel=packed).fit(rows[:30], y[:30])
        assert_allclose(found.predict(rows[30:]), given.predict(K[30:, :30]), rtol=1e-8)
    model = make_pipeline(SequencePacker(), SVC(kernel=packed)).fit(X, y)
    assert model.score(X, y) > 0.5
    grid = {"kernel__readout": ["last", "average"], "kernel__depth": [1, 2]}
    search = GridSearchCV(SVC(kernel=packed), grid, cv=2, error_score="raise")
    assert search.fit(rows, y).best_score_ >= 0.4


def test_estimators():
    X, y = two_kinds()
    rows = SequencePacker().fit_transform(X)
    kernel = RecurrentNTKernel(readout="average", n_channels=2)
    model = WNTKClassifier(kernel).fit(rows[:30], y[:30])
    assert_allclose(model.predict_proba(rows[30:]).sum(axis=1), 1.0)
    lengths = rows[:, 0]
    regressor = WNTKRegressor(kernel).fit(rows[:30], lengths[:30])
    _, deviation = regressor.predict(rows[30:], return_std=True)
    assert deviation.min() > 0
    process = GaussianProcessRegressor(kernel, alpha=0.1).fit(rows[:30], lengths[:30])
    assert process.predict(rows[30:]).shape == (10,)


@pytest.mark.parametrize(
    ("options", "X", "sentence"),
    [
        (
            {},
            [np.ones((2, 2)), np.ones((0, 2))],
            r"one time, but sequence 1 has .*\(0, 2",
        ),
        (
            {},
            [np.ones((2, 2)), np.ones((2, 3))],
            "sequence 1 has 3 and the first one 2",
        ),
        ({}, [], "X must be a list of at least one sequence"),
        ({}, None, "X must be a list of sequences, got NoneType"),
        ({}, {"a": 1}, "X must be a list of sequences, got dict"),
        ({}, "text", "X must be a list of sequences, got str"),
        ({}, iter(SERIES), "X must be a list of sequences, got list_iterator"),
        ({}, [[[1.0, 2.0], [3.0]]], "X must be sequences"),
        ({}, [*SERIES, None], "one time, but sequence 5 has shape"),
        ({}, [np.full((2, 1), 1e200)], "X must not have numbers as large as 1e.200"),
        ({"n_channels": 3}, SERIES, "n_channels=3, but the sequences of X have 2"),
        ({"n_channels": "2"}, SERIES, "n_channels must be a positive integer"),
        ({}, np.ones((3, 5)), "X must be sequences"),
        ({}, [np.full((2, 2), np.inf)], "X must be a dense matrix of finite"),
        ({"n_channels": 2}, [[0, 1, 2.0]], "whole numbers from 1 to 1, got 0"),
        ({"n_channels": 1}, [[3, 1, 2.0]], "whole numbers from 1 to 2, got 3"),
        ({"n_channels": 2}, [[1, 1, 2, 3.0]], r"1 \+ n_times \* n_channels columns"),
        ({"n_channels": 0}, [[1, 1.0]], "n_channels must be a positive integer"),
        ({"readout": "max"}, SERIES, "readout must be one of"),
        ({"initial_state": "own"}, SERIES, "initial_state must be one of"),
        ({"initial_variance": [1, 2]}, SERIES, "initial_variance must be one number"),
        ({"bias_variance": [1, 2]}, SERIES, "bias_variance has 2 entries, .* needs 1"),
    ],
)
def test_bad_input(options, X, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        RecurrentNTKernel(**options)(X)


def test_a_kernel_of_packed_rows_takes_lists_too():
    listed, packed = RecurrentNTKernel(), RecurrentNTKernel(n_channels=2)
    assert_allclose(packed(SERIES), listed(SERIES), rtol=1e-15)
    rows = SequencePacker().fit_transform(SERIES)
    assert_allclose(packed(SERIES, rows), listed(SERIES), rtol=1e-12)


def test_both_sides_need_equal_channels():
    with pytest.raises(ValueError, match="X has sequences of 2 channels, but Y of 3"):
        RecurrentNTKernel()(SERIES, series((2,), 3))


@pytest.mark.parametrize(
    "estimator",
    [WNTKClassifier, KernelLogisticRegression, GradientDescentClassifier],
)
def test_estimators_take_lists_of_different_lengths(estimator):
    X = series((5, 2, 3, 7, 4, 3, 6, 2, 5, 4), 2)
    y = np.arange(10) % 2
    packer = SequencePacker().fit(X)
    listed = estimator(RecurrentNTKernel()).fit(X, y)
    packed = estimator(RecurrentNTKernel(n_channels=2)).fit(packer.transform(X), y)
    expected = packed.decision_function(packer.transform(X[:4]))
    for some in (X[:4], np.array([*X[:4], None], dtype=object)[:4]):
        assert_allclose(listed.decision_function(some), expected, rtol=1e-9)
    for bad, sentence in (
        ([*X[1:], np.ones((0, 2))], "at least one time, but sequence 9 has shape"),
        ([*X[1:], X[0] * np.nan], "X must be a dense matrix of finite"),
    ):
        with pytest.raises(ValueError, match=sentence):
            estimator(RecurrentNTKernel()).fit(bad, y)


def test_packer():
    packer = SequencePacker(max_length=3).fit(SERIES)
    rows = packer.transform(SERIES)
    assert rows.shape == (5, 7)
    assert_allclose(rows[1, 1:], SERIES[1][-3:].ravel())  # the end is kept
    assert rows[:, 0].tolist() == [3, 3, 1, 3, 3]
    assert rows[2, 3:].tolist() == [0, 0, 0, 0]
    for X, sentence in (
        ([], "X must be a list of at least one sequence"),
        (None, "X must be a list of sequences, got NoneType"),
        ([["a", "b"]], "X must be sequences of finite numbers, but sequence 0 is"),
        ([np.ones((0, 2))], r"one time, but sequence 0 has shape \(0, 2\)"),
        ([np.ones((2, 3))], "X must be sequences of 2 channels, but sequence 0 has 3"),
    ):
        with pytest.raises((ValueError, TypeError), match=sentence):
            packer.transform(X)
    with pytest.raises(ValueError, match="max_length must be a positive integer"):
        SequencePacker(max_length=0).fit(SERIES)
