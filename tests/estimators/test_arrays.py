"""Estimators on arrays of other libraries: checks of scikit-learn, equal values."""

import pickle
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process.kernels import RBF
from sklearn.utils.estimator_checks import parametrize_with_checks

from ntk_sklearn import NTKernel, WeightedNTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn._models.choose import check_memory
from ntk_sklearn.estimators._options import matrices_of, solver_for
from ntk_sklearn.kernels._dense import COMPILED

from ..array_libraries import dispatch, each_library, host, namespace_of, needs_dispatch

ESTIMATORS = [
    WNTKRegressor(),
    WNTKClassifier(),
    *(
        estimator(WeightedNTKernel(depth=1), objective=objective, max_iter=3)
        for estimator in (WNTKRegressor, WNTKClassifier)
        for objective in ("evidence", "loo", "gcv", "holdout")
    ),
    WNTKRegressor(RBF(), max_iter=3),
    WNTKClassifier(NTKernel(depth=1), fit_intercept=False, max_iter=3),
    WNTKRegressor(NTKernel(depth=1), solver="cg", max_iter=3),
    WNTKRegressor(NTKernel(depth=1), solver="local", n_components=5, max_iter=3),
]


@pytest.fixture(autouse=True)
def _few_iterations():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@needs_dispatch
@parametrize_with_checks(ESTIMATORS)
def test_checks_of_scikit_learn(estimator, check):
    name = getattr(check, "func", check).__name__
    if not name.startswith("check_array_api"):
        pytest.skip("run without SCIPY_ARRAY_API, in test_checks")
    if "cuda" in repr(check.keywords) and not namespace_of("torch").cuda.is_available():
        pytest.skip(
            "scikit-learn asks whether CUDA is built in, not whether it is there"
        )
    check(estimator)


def regression():
    X, y = load_diabetes(return_X_y=True)
    return X[:120], y[:120]


@needs_dispatch
@each_library
@pytest.mark.parametrize(
    "estimator",
    [
        WNTKRegressor(),
        WNTKRegressor(WeightedNTKernel(depth=2), objective="loo"),
        WNTKRegressor(NTKernel(depth=1) + NTKernel(depth=2), max_iter=3),
        WNTKRegressor(NTKernel(dtype="float32"), alpha_bounds=(1e-2, 10.0)),
        WNTKRegressor(NTKernel(activation="erf"), fit_intercept=False),
        WNTKRegressor(NTKernel(depth=1), n_components=20),
        WNTKRegressor(WeightedNTKernel(depth=1), n_components=20, fit_intercept=False),
        WNTKRegressor(solver="nystrom", n_components=20),
        WNTKRegressor(NTKernel(depth=1), solver="cg"),
        # This ridge is too small for conjugate gradients.
        WNTKRegressor(NTKernel(), solver="cg", alpha=1e-5, alpha_bounds="fixed"),
        WNTKRegressor(NTKernel(depth=1), solver="local", n_components=20),
    ],
    ids=repr,
)
def test_a_regressor_is_that_of_numpy(library, estimator):
    """Learning amplifies rounding by the conditioning of the problem.

    Kernels in single precision differ by 1e-6, and their models by some times more.
    """
    xp, (X, y) = namespace_of(library), regression()
    model = clone(estimator).fit(X, y)
    with dispatch():
        A, t = xp.asarray(X), xp.asarray(y)
        other = clone(estimator).fit(A, t)
        mean, spread = other.predict(A, return_std=True)
        found = [mean, spread, other.predict_interval(A), other.dual_coef_]
        found += [other.predict_interval(A, method="gaussian")]
    expected = [*model.predict(X, return_std=True), model.predict_interval(X)]
    expected += [model.dual_coef_, model.predict_interval(X, method="gaussian")]
    size = np.std(y)
    bar = 1e-3 if getattr(estimator.kernel, "dtype", "") == "float32" else 1e-5
    for ours, theirs in zip(found, expected, strict=True):
        scale = size if ours is not found[3] else np.abs(theirs).max()
        np.testing.assert_allclose(host(ours), theirs, rtol=0, atol=bar * scale)


@needs_dispatch
@each_library
@pytest.mark.parametrize("labels", ["numbers", "strings"])
def test_a_classifier_is_that_of_numpy(library, labels):
    xp, (X, y) = namespace_of(library), load_iris(return_X_y=True)
    X, y = X[::2], y[::2]
    names = np.array(["one", "two", "three"])[y] if labels == "strings" else y
    model = WNTKClassifier(class_weight="balanced").fit(X, names)
    with dispatch():
        A = xp.asarray(X)
        t = names if labels == "strings" else xp.asarray(y)
        other = WNTKClassifier(class_weight="balanced").fit(A, t)
        predicted, sets = other.predict(A), other.predict_set(A)
        probabilities = host(other.predict_proba(A))
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(np.asarray(predicted), model.predict(X))
    np.testing.assert_array_equal(host(sets), model.predict_set(X))


def refuse(*_args, **_kwargs):
    raise AssertionError("NumPy was used")


@needs_dispatch
@each_library
@pytest.mark.parametrize(
    "estimator",
    [
        WNTKRegressor(),
        WNTKRegressor(n_components=20),
        WNTKRegressor(NTKernel(depth=1), solver="cg"),
    ],
    ids=repr,
)
def test_matrices_stay_on_the_device(library, estimator, monkeypatch):
    """No kernel matrix is ever one of NumPy but that of a few centres.

    Nor is an inverse, or a product of features.
    """
    xp, (X, y) = namespace_of(library), regression()

    def few(network, X, Y=None, *how):
        assert Y is None and len(X) == estimator.n_components, "NumPy was used"
        return COMPILED.gram(network, X, Y, *how)

    monkeypatch.setattr(
        "ntk_sklearn.kernels._dense.COMPILED",
        COMPILED._replace(gram=few, contract=refuse),
    )
    for name in ("_cholesky._replaced", "_on_arrays.add_square"):
        if estimator.n_components is None or name.endswith("add_square"):
            monkeypatch.setattr(f"ntk_sklearn.solvers.{name}", refuse)
    with dispatch():
        A, t = xp.asarray(X), xp.asarray(y)
        model = clone(estimator).fit(A, t)
        model.predict(A, return_std=True)
        model.predict_interval(A)
        if estimator.n_components is not None:
            model.partial_fit(A, t)


@needs_dispatch
@each_library
def test_batches_are_added_on_the_device(library, monkeypatch):
    """In tiles of any size, and to the same sums as those of NumPy."""
    xp, (X, y) = namespace_of(library), regression()
    model = WNTKRegressor(NTKernel(depth=1), n_components=20, max_iter=3)
    other, weight = clone(model).fit(X, y), np.arange(len(y)) % 3
    expected = other.partial_fit(X[:50], y[:50], weight[:50]).predict(X)
    monkeypatch.setattr("ntk_sklearn.solvers._streaming.tile_rows", lambda _: 16)
    with dispatch():
        A, t = xp.asarray(X), xp.asarray(y)
        model.fit(A, t).partial_fit(A[:50, :], t[:50], xp.asarray(weight[:50]))
        np.testing.assert_allclose(
            host(model.predict(A)), expected, rtol=0, atol=1e-8 * np.std(y)
        )
    found, sums = (m.models_[0].system.equations for m in (model, other))
    assert isinstance(found.zz, np.ndarray)
    np.testing.assert_allclose(
        np.tril(found.zz), np.tril(sums.zz), atol=1e-7 * np.abs(sums.zz).max()
    )
    assert found.n_rows == sums.n_rows


def test_tiles_fit_the_memory_of_a_device():
    from ntk_sklearn.solvers._streaming import _rows_of_tile

    place = SimpleNamespace(budget=lambda: 2.0**30)
    assert _rows_of_tile(4000, None) == 786
    assert _rows_of_tile(4000, place) * 4000 * 8 * 4 == pytest.approx(2**30, rel=1e-3)
    assert _rows_of_tile(4000, SimpleNamespace(budget=lambda: 1.0)) == 786


def test_a_solver_is_chosen_by_the_memory_of_the_device():
    def place(gib):
        return SimpleNamespace(device="cuda:0", free_memory=lambda: gib * 2.0**30)

    model = WNTKRegressor()
    assert solver_for(model, 15_000, place=place(24)) == "cholesky"  # not "local"
    assert solver_for(model, 15_000, place=place(4)) == "cg"
    assert solver_for(model, 15_000, place=place(1)) == "nystrom"
    assert solver_for(model, 15_000, place=None) == "local"
    with pytest.raises(MemoryError, match=r"for 1\.5 kernel .* cuda:0 has 1\.0 GiB"):
        check_memory(15_000, matrices_of(model, "cg"), place(1))


@needs_dispatch
@each_library
def test_fitted_models_are_saved_and_predict_without_the_library(library):
    xp, (X, y) = namespace_of(library), regression()
    with dispatch():
        model = WNTKRegressor(NTKernel(depth=1)).fit(xp.asarray(X), xp.asarray(y))
        expected = host(model.predict(xp.asarray(X)))
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(copy.predict(X), expected, rtol=1e-10)


@needs_dispatch
def test_devices_and_types_that_do_not_fit_are_refused():
    strict, (X, y) = namespace_of("array_api_strict"), regression()
    there = strict.asarray(X, device=strict.Device("device1"))
    with pytest.raises(TypeError, match=r"NumPy cannot read .*array_api_dispatch"):
        WNTKRegressor().fit(there, y)
    torch = namespace_of("torch")
    with dispatch():
        model = WNTKRegressor(NTKernel(depth=1)).fit(strict.asarray(X), y)
        with pytest.raises(ValueError, match="must use the same namespace"):
            model.predict_interval(there)
        half = torch.asarray(X, dtype=torch.float16)
        with pytest.raises(ValueError, match="X must have the type float64 or float32"):
            WNTKRegressor().fit(half, y)
        nan = torch.asarray(np.where(X[0, 0] == X, np.nan, X))
        with pytest.raises(ValueError, match="X must hold finite real numbers"):
            WNTKRegressor(NTKernel(depth=1)).fit(nan, y)


@needs_dispatch
@pytest.mark.parametrize("name", ["OutOfMemoryError"])
def test_a_device_that_is_too_small(name, monkeypatch):
    """Both before a fit, and where the library itself runs out of memory."""
    small = SimpleNamespace(device="cuda:0", free_memory=lambda: 2.0**30)
    with pytest.raises(MemoryError, match=r"device cuda:0 has 1\.0 GiB free"):
        check_memory(20_000, 5.0, small)
    check_memory(100, 5.0, small)
    torch, (X, y) = namespace_of("torch"), regression()
    error = type(name, (RuntimeError,), {})

    def full(_matrix):
        raise error

    with dispatch():
        from ntk_sklearn._utils.arrays import place_at

        A = torch.asarray(X)
        monkeypatch.setattr(place_at(A).xp.linalg, "cholesky", full)
        with pytest.raises(MemoryError, match="too little free memory for matrices"):
            WNTKRegressor(NTKernel(depth=1)).fit(A, y)


def test_a_model_of_numpy_is_told_of_no_library():
    model = WNTKRegressor(NTKernel(depth=1)).fit(*regression())
    assert isinstance(model.dual_coef_, np.ndarray)
    assert model.__sklearn_tags__().array_api_support
