"""Arrays of other libraries of every type, layout and device, and what uses them."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ntk_sklearn import NTKernel, WNTKClassifier, WNTKRegressor
from ntk_sklearn._utils.arrays import to_numpy

from ..array_libraries import dispatch, each_library, namespace_of, needs_dispatch

pytestmark = needs_dispatch
X, y = (part[:80] for part in load_diabetes(return_X_y=True))
X, y = X / X.std(axis=0), (y - y.mean()) / y.std()


@pytest.fixture(autouse=True)
def _few_iterations():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def model(**options):
    return WNTKRegressor(NTKernel(depth=1), max_iter=3, **options)


def check(found, expected, tolerance=1e-9):
    """Learning from rounded numbers ends with hyperparameters that are close by."""
    np.testing.assert_allclose(to_numpy(found), expected, rtol=0, atol=tolerance)


# Each makes tensors that hold the numbers of the table, or numbers of another type.
TENSORS = {
    "float32": lambda torch: torch.asarray(X, dtype=torch.float32),
    "int64": lambda torch: torch.asarray((9 * X).astype(np.int64)),
    "int8": lambda torch: torch.asarray((9 * X).astype(np.int8)),
    "uint16": lambda torch: torch.asarray((9 * X + 99).astype(np.uint16)),
    "bool": lambda torch: torch.asarray(X > 0),
    "with gradient": lambda torch: torch.asarray(X).requires_grad_(),
    "every other row": lambda torch: torch.asarray(np.repeat(X, 2, axis=0))[::2],
    "transposed": lambda torch: torch.asarray(np.ascontiguousarray(X.T)).T,
}


@pytest.mark.parametrize("kind", TENSORS)
def test_tensors_of_any_type_and_layout(kind):
    """What the numbers are decides, as for arrays of NumPy."""
    torch = namespace_of("torch")
    A = TENSORS[kind](torch)
    numbers = A.detach().numpy()
    expected = model().fit(numbers, y).predict(numbers)
    with dispatch():
        fitted = model().fit(A, torch.asarray(y).requires_grad_())
        found = fitted.predict(A)
    assert isinstance(found, torch.Tensor) and not found.requires_grad
    check(found, expected)


REFUSED = {
    "float16": (
        lambda torch: torch.asarray(X, dtype=torch.float16),
        ValueError,
        r"X must have the type float64 or .* too few digits .*dtype=torch\.float32",
    ),
    "bfloat16": (
        lambda torch: torch.asarray(X, dtype=torch.bfloat16),
        ValueError,
        r"got torch\.bfloat16: its numbers have too few digits",
    ),
    "complex": (
        lambda torch: torch.asarray(X + 1j),
        ValueError,
        r"got torch\.complex128: there are no kernels of complex numbers",
    ),
    "sparse": (
        lambda torch: torch.asarray(X).to_sparse(),
        TypeError,
        r"X must be dense, got a tensor with the layout sparse_coo; use X\.to_dense",
    ),
    "NaN": (
        lambda torch: torch.asarray(np.where(X[0, 0] == X, np.nan, X)),
        ValueError,
        "X must hold finite real numbers, got NaN or infinity on the device cpu",
    ),
    "empty": (lambda torch: torch.asarray(X[:0]), ValueError, r"0 sample\(s\)"),
    "one dimension": (lambda torch: torch.asarray(X[:, 0]), ValueError, "2D array"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_tensors_that_are_refused(kind):
    """In plain words, and a failed fit leaves the estimator as it was."""
    torch = namespace_of("torch")
    make, error, match = REFUSED[kind]
    with dispatch():
        estimator = model().fit(torch.asarray(X), torch.asarray(y))
        before = estimator.dual_coef_
        with pytest.raises(error, match=match):
            estimator.fit(make(torch), torch.asarray(y))
        assert estimator.dual_coef_ is before


def test_targets_that_are_refused():
    torch = namespace_of("torch")
    with dispatch():
        A, t = torch.asarray(X), torch.asarray(y)
        with pytest.raises(TypeError, match=r"y has the type torch\.bfloat16, which"):
            model().fit(A, t.bfloat16())
        with pytest.raises(ValueError, match=r"Input y contains NaN\.$"):
            model().fit(A, torch.where(t > 0, torch.nan, t))
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            model().fit(A, t[:50])
    with pytest.raises(TypeError, match=r"y is .* NumPy cannot read \(.*requires grad"):
        model().fit(X, t.requires_grad_())


@each_library
def test_missing_values_are_encoded(library):
    xp = namespace_of(library)
    table = np.where(X[0, 0] == X, np.nan, X)
    table[::7, 3] = np.nan
    expected = WNTKRegressor(max_iter=3).fit(table, y).predict(table)
    with dispatch():
        A = xp.asarray(table)
        found = WNTKRegressor(max_iter=3).fit(A, xp.asarray(y)).predict(A)
        # Learning amplifies rounding by the conditioning of the problem.
        check(found, expected, 1e-5)
        with pytest.raises(ValueError, match="finite real numbers, got infinity on"):
            WNTKRegressor().fit(xp.asarray(np.where(X > 2, np.inf, X)), xp.asarray(y))


@each_library
def test_one_row(library):
    xp = namespace_of(library)
    with dispatch():
        A, t = xp.asarray(X), xp.asarray(y)
        check(model().fit(A[:1, :], t[:1]).predict(A), np.full(80, y[0]))
        fitted = model().fit(A, t)
        expected = model().fit(X, y).predict(X[:1])
        check(fitted.predict(A[:1, :]), expected)


def test_targets_and_weights_follow_the_rows():
    """They may be of another library, or on another device, as in scikit-learn."""
    strict, torch = namespace_of("array_api_strict"), namespace_of("torch")
    weight = np.arange(80) % 3
    expected = model().fit(X, y, weight).predict(X)
    here, there = (strict.Device(name) for name in ("device1", "device2"))
    with dispatch():
        A = strict.asarray(X, device=here)
        for t in (y, torch.asarray(y), strict.asarray(y, device=there)):
            for w in (weight, torch.asarray(weight), strict.asarray(weight)):
                fitted = model().fit(A, t, w)
                found = fitted.predict(A)
                assert found.device == here == fitted.dual_coef_.device
                check(found, expected)
        assert isinstance(model().fit(X, torch.asarray(y)).predict(X), np.ndarray)


def test_rows_to_predict_lie_where_those_of_the_fit_did():
    torch, strict = namespace_of("torch"), namespace_of("array_api_strict")
    with dispatch():
        A = torch.asarray(X)
        on_torch, on_numpy = model().fit(A, y), model().fit(X, y)
        for fitted, rows in [
            (on_torch, X),
            (on_torch, strict.asarray(X)),
            (on_numpy, A),
        ]:
            with pytest.raises(ValueError, match="must use the same namespace and the"):
                fitted.predict(rows)
        expected = to_numpy(on_torch.predict(A))
    check(on_torch.predict(X), expected, 1e-12)  # without the option, NumPy does it
    check(on_torch.predict(A), expected, 1e-12)


@pytest.mark.parametrize("solver", ["cholesky", "nystrom", "cg"])
def test_a_device_without_double_precision(solver):
    """Errors are those of kernels in single precision, 1e-7, in a fit of ridge 1."""
    strict = namespace_of("array_api_strict")
    few = {"n_components": 20} if solver == "nystrom" else {}
    options = {"alpha": 1.0, "alpha_bounds": "fixed", "solver": solver, **few}
    rows = X.astype(np.float32)
    estimator = WNTKRegressor(NTKernel(depth=1), max_iter=0, **options)
    expected, spread = clone(estimator).fit(rows, y).predict(rows, return_std=True)
    device = strict.Device("no_float64")
    with dispatch():
        A = strict.asarray(rows, device=device)
        fitted = clone(estimator).fit(A, y.astype(np.float32))
        found, deviation = fitted.predict(A, return_std=True)
    assert found.dtype == strict.float32
    assert found.device == device
    check(found, expected, 1e-4)
    check(deviation, spread, 1e-3)


# The scaler divides nothing by nothing, which it catches in other libraries only.
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning:array_api_strict")
@each_library
def test_consumers_of_scikit_learn(library):
    """A pipeline, cross-validation, a grid search, copies and saved models."""
    xp = namespace_of(library)
    pipe = make_pipeline(StandardScaler(), model())
    with dispatch():
        A, t = xp.asarray(X), xp.asarray(y)
        check(clone(pipe).fit(A, t).predict(A), clone(pipe).fit(X, y).predict(X), 1e-8)
        scores = cross_val_score(pipe, A, t, cv=3)
        np.testing.assert_allclose(scores, cross_val_score(pipe, X, y, cv=3), rtol=1e-7)
        grid = {"wntkregressor__alpha": [1e-2, 1.0]}
        pipe.set_params(wntkregressor__alpha_bounds="fixed")
        search = GridSearchCV(pipe, grid, cv=3).fit(A, t)
        other = GridSearchCV(pipe, grid, cv=3).fit(X, y)
        assert search.best_params_ == other.best_params_
        check(search.predict(A), other.predict(X), 1e-8)
        copy = pickle.loads(pickle.dumps(search.best_estimator_))
        check(copy.predict(A), to_numpy(search.predict(A)), 1e-12)


@each_library
def test_a_grid_search_of_a_classifier(library):
    xp, labels = namespace_of(library), (y > 0).astype(int)
    grid = {"alpha": [1e-2, 1.0]}
    estimator = WNTKClassifier(NTKernel(depth=1), alpha_bounds="fixed", max_iter=3)
    other = GridSearchCV(estimator, grid, cv=3).fit(X, labels)
    with dispatch():
        search = GridSearchCV(estimator, grid, cv=3).fit(
            xp.asarray(X), xp.asarray(labels)
        )
        assert search.best_params_ == other.best_params_
        assert search.best_score_ == pytest.approx(other.best_score_)
