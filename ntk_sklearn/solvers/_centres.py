"""The choice of rows as the centres of a Nyström model."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

from .._utils.validation import is_positive_integer
from ._features import KernelWithDiagonal, NystromFeatures

# Number of candidates for each centre. More have not made models better in trials.
_POOL = 10


def _pool(n, m, rng):
    """Return the sorted numbers of the candidates."""
    size = min(n, max(_POOL * m, 10_000))
    if size == n:
        return np.arange(n)
    return np.sort(rng.choice(n, size, replace=False))


def select_centres(
    X,
    m: int,
    kernel: KernelWithDiagonal | None = None,
    *,
    method: str = "kmeans++",
    alpha: float | None = None,
    random_state=0,
) -> np.ndarray:
    """Choose rows as the centres of a Nyström model.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        The rows. They may be memory-mapped: only a random sample of them is read.
    m : int
        Number of centres. If there are no more rows than that, all are chosen.
    kernel : callable, default=None
        The kernel, which ``method="leverage"`` needs.
    method : {"kmeans++", "leverage"}, default="kmeans++"
        ``"kmeans++"`` chooses rows that are far from each other, as the seeds of
        k-means. ``"leverage"`` draws rows with probabilities proportional to their
        approximate ridge leverage scores at `alpha`.
    alpha : float, default=None
        Ridge of the leverage scores; None means the mean of the kernel's diagonal.
    random_state : int, RandomState instance or None, default=0
        Seed of the choice.

    Returns
    -------
    ndarray of int, shape (min(m, n),)
        Sorted row numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.solvers import select_centres
    >>> X = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> chosen = select_centres(X, 10)
    >>> len(chosen), bool(np.diff(chosen).max() < 50)
    (10, True)
    """
    n = X.shape[0]
    if not is_positive_integer(m):
        raise ValueError(f"m must be a number of centres, at least 1, got {m!r}.")
    if m >= n:
        return np.arange(n)
    rng = check_random_state(random_state)
    rows = _pool(n, m, rng)
    pool = np.asarray(X[rows], dtype=np.float64)
    if method == "kmeans++":
        from sklearn.cluster import kmeans_plusplus  # slow to import

        # One candidate in each step, which is D^2 sampling, takes a tenth of the time.
        _, chosen = kmeans_plusplus(pool, m, random_state=rng, n_local_trials=1)
        chosen = np.unique(chosen)
        if len(chosen) < m:  # duplicated rows are chosen more than once
            others = np.setdiff1d(np.arange(len(rows)), chosen)
            more = rng.choice(others, m - len(chosen), replace=False)
            chosen = np.concatenate([chosen, more])
    elif method == "leverage":
        if kernel is None:
            raise ValueError('method="leverage" needs a kernel, got None.')
        scores = leverage_scores(pool, kernel, m, alpha, rng)
        chosen = rng.choice(len(rows), m, replace=False, p=scores / scores.sum())
    else:
        raise ValueError(f'method must be "kmeans++" or "leverage", got {method!r}.')
    return np.sort(rows[chosen])


def leverage_scores(
    X, kernel: KernelWithDiagonal, m: int, alpha: float | None = None, random_state=0
) -> np.ndarray:
    """Approximate the ridge leverage scores of rows.

    The score of a row is its leverage in ridge regression without an intercept: it is
    large if other rows tell little of this one. The approximation is a Nyström model
    with uniformly drawn centres.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        The rows.
    kernel : callable
        The kernel, which must have a method ``diag``.
    m : int
        Number of centres of the approximation.
    alpha : float, default=None
        Ridge; None means the mean of the kernel's diagonal.
    random_state : int, RandomState instance or None, default=0
        Seed of the centres.

    Returns
    -------
    ndarray of shape (n,)
        The scores, in (0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import leverage_scores
    >>> X = np.append(np.linspace(-1.0, 1.0, 50), 4.0)[:, None]
    >>> scores = leverage_scores(X, NTKernel(), 20, alpha=0.1)
    >>> bool(scores[50] > 0.99 > np.median(scores))
    True
    """
    rng = check_random_state(random_state)
    pilot = X[rng.choice(len(X), min(m, len(X)), replace=False)]
    diagonal = kernel.diag(X)
    alpha = float(diagonal.mean()) if alpha is None else alpha
    Zt = NystromFeatures.of(kernel, pilot)(X)
    A = Zt @ Zt.T
    A.flat[:: len(A) + 1] += alpha
    explained = np.einsum("ij,ij->j", Zt, np.linalg.solve(A, Zt))
    missed = np.maximum(diagonal - np.einsum("ij,ij->j", Zt, Zt), 0.0)
    return np.clip(explained + missed / alpha, 1e-12, 1.0)
