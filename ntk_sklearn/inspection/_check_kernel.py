"""A check of a kernel against what its consumers rely on."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Kernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.svm import SVR

from ..estimators._regressor import WNTKRegressor

_ROUNDING = 1e-9


def check_kernel(kernel, X=None) -> None:
    """Check that a kernel has the properties that estimators rely on.

    Its matrix must be finite, symmetric and positive semi-definite, a new array at each
    call, and the same for the same rows, alone or among others, repeated or not; `diag`
    and the kernel of two sets of rows must agree with it. Its gradient is compared with
    differences, and `contract` and `on_rows`, if there are any, with the gradient. It
    must survive cloning and pickling, take another theta without changing itself,
    refuse bad input, and work in the estimators of scikit-learn and of this package.

    Parameters
    ----------
    kernel : Kernel
        The kernel.
    X : array-like of shape (n_samples, n_features), default=None
        Rows to try it on, the first two not alike. None means rows of three numbers,
        with a copy, an opposite and a multiple among them.

    Raises
    ------
    ValueError
        If something is wrong; the message is a sentence that says what.

    Examples
    --------
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.inspection import check_kernel
    >>> check_kernel(NTKernel(activation="erf"))
    >>> class Lopsided(NTKernel):
    ...     def __call__(self, X, Y=None, eval_gradient=False):
    ...         K = super().__call__(X, Y)
    ...         K[0, 1] += 1e-6
    ...         return K
    >>> check_kernel(Lopsided())
    Traceback (most recent call last):
        ...
    ValueError: the kernel matrix of rows with themselves is not symmetric: entries...
    """
    if not isinstance(kernel, Kernel):
        raise ValueError(
            "a kernel must be an instance of a subclass of "
            f"sklearn.gaussian_process.kernels.Kernel, got {type(kernel).__name__}."
        )
    X = _rows() if X is None else np.array(X, dtype=np.float64)
    K = _check_matrix(kernel, X)
    _check_pairs(kernel, X, K)
    _check_copies(kernel, X, K)
    _check_theta(kernel, X, K)
    _check_gradient(kernel, X, K)
    _check_bad_input(kernel, X)
    _check_consumers(kernel, X)


def _rows() -> np.ndarray:
    X = np.random.default_rng(0).standard_normal((10, 3))
    X[5], X[6], X[7] = X[0], -X[1], 2.0 * X[2]
    return X


def _differ(a, b, scale) -> bool:
    """Return whether two arrays differ by more than rounding, or in shape."""
    a, b = np.asarray(a), np.asarray(b)
    return a.shape != b.shape or not np.abs(a - b).max(initial=0.0) <= _ROUNDING * scale


def _check_matrix(kernel, X) -> np.ndarray:
    """Check the kernel matrix of rows with themselves, and return it."""
    given = X.copy()
    K = kernel(given)
    n = len(X)
    if not np.array_equal(given, X):
        raise ValueError("the kernel changes the rows that it is given.")
    if not isinstance(K, np.ndarray) or K.shape != (n, n):
        raise ValueError(
            f"the kernel matrix of {n} rows must be an array of shape ({n}, {n}), got "
            f"{np.shape(K)}."
        )
    if not np.isfinite(K).all():
        i, j = np.argwhere(~np.isfinite(K))[0]
        copies = " of two equal rows" if i != j and np.array_equal(X[i], X[j]) else ""
        raise ValueError(f"the entry ({i}, {j}){copies} of the kernel is {K[i, j]}.")
    scale = np.abs(K).max()
    if _differ(K, K.T, scale):
        i, j = np.unravel_index(np.argmax(np.abs(K - K.T)), K.shape)
        raise ValueError(
            "the kernel matrix of rows with themselves is not symmetric: entries "
            f"({i}, {j}) and ({j}, {i}) are {K[i, j]:.10g} and {K[j, i]:.10g}."
        )
    lowest = np.linalg.eigvalsh(0.5 * (K + K.T))[0]
    if lowest < -1e-8 * scale:
        raise ValueError(
            "the kernel matrix is not positive semi-definite: an eigenvalue is "
            f"{lowest:.3g}."
        )
    kept = K.copy()
    if not K.flags.writeable:
        raise ValueError("the kernel returns an array that cannot be written to.")
    K[:] = np.nan
    again = kernel(X)
    if not np.isfinite(again).all():
        raise ValueError(
            "the kernel returns the same array again, so that whoever changes one "
            "result changes the next; return a copy."
        )
    if _differ(again, kept, scale):
        raise ValueError("the kernel of the same rows is different at the next call.")
    return kept


def _check_pairs(kernel, X, K) -> None:
    """Check two sets of rows, repeated rows and the diagonal."""
    scale, few = np.abs(K).max(), X[2:6].copy()
    cross = kernel(X, few)
    if _differ(cross, K[:, 2:6], scale):
        raise ValueError(
            "kernel(X, Y) is not the same as the columns of kernel(X) for rows Y of X."
        )
    if _differ(kernel(few, X), np.asarray(cross).T, scale):
        raise ValueError("kernel(Y, X) is not the transpose of kernel(X, Y).")
    if _differ(kernel(few), K[2:6, 2:6], scale):
        raise ValueError("the kernel of some rows depends on the other rows.")
    if _differ(kernel.diag(X), np.diag(K), scale):
        raise ValueError("diag(X) is not the diagonal of kernel(X).")
    first, second = np.triu_indices(len(X), 1)
    for i, j in zip(first, second, strict=True):
        if np.array_equal(X[i], X[j]) and _differ(K[i], K[j], scale):
            raise ValueError(
                f"the rows {i} and {j} are equal, but their rows of the kernel are not."
            )
    if not isinstance(kernel.is_stationary(), (bool, np.bool_)):
        raise ValueError("is_stationary() must return True or False.")


def _check_copies(kernel, X, K) -> None:
    """Check cloning and pickling."""
    scale = np.abs(K).max()
    try:
        twin = clone(kernel)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"the kernel cannot be cloned: {error}") from error
    if _differ(twin(X), K, scale):
        raise ValueError(
            "a clone of the kernel has other values; all that they depend on must "
            "be a parameter of the constructor, kept as it was given."
        )
    try:
        again = pickle.loads(pickle.dumps(kernel))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(f"the kernel cannot be pickled: {error}") from error
    if _differ(again(X), K, scale):
        raise ValueError("the kernel has other values after pickling.")


def _check_theta(kernel, X, K) -> None:
    """Check the vector of logarithms of hyperparameters."""
    scale, theta = np.abs(K).max(), np.array(kernel.theta, dtype=np.float64)
    if theta.shape != (kernel.n_dims,) or np.shape(kernel.bounds) not in (
        (kernel.n_dims, 2),
        (0,),
    ):
        raise ValueError(
            f"theta must have n_dims = {kernel.n_dims} numbers, and bounds as many "
            f"pairs, got shapes {theta.shape} and {np.shape(kernel.bounds)}."
        )
    if _differ(kernel.clone_with_theta(theta)(X), K, scale):
        raise ValueError("the kernel has other values with its own theta.")
    for k in range(len(theta)):
        other = theta.copy()
        other[k] += 0.3
        moved = kernel.clone_with_theta(other)
        if not np.allclose(moved.theta, other, atol=1e-9):
            raise ValueError(f"entry {k} of theta is not the one that was set.")
        if not _differ(moved(X), K, 1e-3 * scale):
            raise ValueError(
                f"entry {k} of theta changes nothing; fix a hyperparameter that the "
                "kernel does not depend on."
            )
    if _differ(kernel.theta, theta, 1.0) or _differ(kernel(X), K, scale):
        raise ValueError("clone_with_theta changes the kernel itself.")


def _check_gradient(kernel, X, K) -> None:
    """Check the gradient, and what is made of it."""
    scale, theta = np.abs(K).max(), np.array(kernel.theta, dtype=np.float64)
    value, gradient = kernel(X, eval_gradient=True)
    if _differ(value, K, scale):
        raise ValueError("the kernel has other values with eval_gradient=True.")
    shape = (len(X), len(X), len(theta))
    if np.shape(gradient) != shape:
        raise ValueError(
            f"the gradient must have shape {shape}, got {np.shape(gradient)}."
        )
    h = 1e-3
    for k, step in enumerate(h * np.eye(len(theta))):
        f = [kernel.clone_with_theta(theta + t * step)(X) for t in (2, 1, -1, -2)]
        numeric = (8.0 * (f[1] - f[2]) - f[0] + f[3]) / (12.0 * h)
        error = np.abs(gradient[..., k] - numeric).max()
        if not error <= 1e-7 * max(scale, np.abs(numeric).max()):
            raise ValueError(
                f"the gradient in entry {k} of theta differs from differences by "
                f"{error:.3g}; theta is the logarithm of the hyperparameters."
            )
    try:
        kernel(X, X.copy(), eval_gradient=True)
    except ValueError:
        pass
    else:
        raise ValueError("eval_gradient=True with Y must raise a ValueError.")
    G = np.cos(np.arange(len(X) ** 2, dtype=np.float64)).reshape(len(X), -1)
    G += G.T
    wanted = np.einsum("ij,ijk->k", G, gradient)
    size = np.abs(G).max() * max(scale, np.abs(gradient).max(initial=0.0)) * len(X)
    if hasattr(kernel, "contract") and _differ(kernel.contract(X, G), wanted, size):
        raise ValueError("contract(X, G) is not the sum of G times the gradient.")
    if hasattr(kernel, "on_rows"):
        moving = kernel.on_rows(X)
        moving.set_theta(theta)
        if _differ(moving.gram(), K, scale):
            raise ValueError("on_rows(X).gram() is not kernel(X).")
        if _differ(moving.contract(G), wanted, size):
            raise ValueError("on_rows(X).contract(G) is not contract(X, G).")


def _check_bad_input(kernel, X) -> None:
    """Check that rows that are none are refused."""
    bad = X.copy()
    bad[1, 0] = np.nan
    try:
        found = kernel(bad)
    except ValueError:
        pass
    else:
        if np.isfinite(found[1]).all():
            raise ValueError("the kernel gives numbers for a row with NaN.")
    try:
        kernel(X, X[:, :-1] if X.shape[1] > 1 else np.hstack([X, X]))
    except ValueError:
        return
    raise ValueError("rows with another number of columns must raise a ValueError.")


def _check_consumers(kernel, X) -> None:
    """Check that estimators learn with the kernel."""
    X = X + 1e-3 * np.random.default_rng(1).standard_normal(X.shape)
    y = np.sin(X[:, 0])
    consumers = (
        GaussianProcessRegressor(clone(kernel), alpha=0.1, optimizer=None),
        KernelRidge(kernel=clone(kernel), alpha=0.1),
        SVR(kernel=clone(kernel)),
        WNTKRegressor(clone(kernel), max_iter=2),
    )
    for model in consumers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = model.fit(X, y).predict(X)
        if not np.isfinite(found).all():
            raise ValueError(
                f"{type(model).__name__} predicts {found[~np.isfinite(found)][0]}."
            )
