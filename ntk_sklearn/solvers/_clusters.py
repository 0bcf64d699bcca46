"""Clusters of neighbouring rows, of limited size."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state


def cluster_rows(X, size: int = 1000, random_state=0) -> list[np.ndarray]:
    """Divide rows into clusters by k-means, and halve clusters that are too large.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        The rows.
    size : int, default=1000
        Mean number of rows in a cluster; no cluster has more than twice as many.
    random_state : int, RandomState instance or None, default=0
        Seed of k-means.

    Returns
    -------
    list of ndarray of int
        Sorted row numbers of each cluster.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.solvers import cluster_rows
    >>> X = np.array([[0.0], [9.0], [0.1], [9.1]])
    >>> cluster_rows(X, 2)
    [array([0, 2]), array([1, 3])]
    """
    n_clusters = max(1, round(len(X) / size))
    labels = np.zeros(len(X), dtype=int)
    rng = check_random_state(random_state)
    if n_clusters > 1 and np.ptp(X, axis=0).any():
        from sklearn.cluster import MiniBatchKMeans  # slow to import

        labels = MiniBatchKMeans(n_clusters, random_state=rng, n_init=3).fit(X).labels_
    waiting = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    found = []
    while waiting:
        rows = waiting.pop()
        if len(rows) <= 2 * size:
            found.append(rows)
        else:
            order = np.argsort(_along(X[rows], rng), kind="stable")
            waiting += [np.sort(rows[half]) for half in np.array_split(order, 2)]
    return sorted(found, key=lambda rows: rows[0])


def _along(X, rng, n_iter=10):
    """Return the coordinates of rows along the direction in which they vary most."""
    X = X - X.mean(axis=0)
    direction = rng.standard_normal(X.shape[1])
    for _ in range(n_iter):  # the power method; a rough direction is enough
        direction = X.T @ (X @ direction)
        direction /= np.linalg.norm(direction) or 1.0
    return X @ direction


def nearest_cluster(X, means) -> np.ndarray:
    """Return the number of the cluster whose mean is nearest to each row.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        The rows.
    means : ndarray of shape (n_clusters, n_features)
        The means of the clusters.

    Returns
    -------
    ndarray of int, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.solvers import nearest_cluster
    >>> nearest_cluster(np.array([[0.2], [8.0]]), np.array([[0.0], [9.0]]))
    array([0, 1])
    """
    return np.argmin(0.5 * np.sum(means**2, axis=1) - X @ means.T, axis=1)
