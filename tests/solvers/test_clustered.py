"""Nyström models that are exact within clusters, against dense algebra."""

import numpy as np
import pytest

from ntk_sklearn import NTKernel
from ntk_sklearn.solvers import (
    ClusteredRows,
    NystromFeatures,
    RowWeights,
    cluster_rows,
    clustered_solve,
    nearest_cluster,
    solve,
)

KERNEL = NTKernel(depth=2)
rng = np.random.default_rng(0)
X = rng.standard_normal((300, 4))
Y = np.column_stack([np.sin(X[:, 0]) + X[:, 1], X[:, 2] ** 2 + 5.0])
Y += 0.1 * rng.standard_normal(Y.shape)
WEIGHT = rng.integers(1, 4, len(X))
CENTRES = X[:40]
NEW = rng.standard_normal((50, 4))
CLUSTERS = cluster_rows(X, 60)


def close(a, b, tolerance=1e-9):
    assert np.abs(a - b).max() <= tolerance * np.abs(b).max()


def local_solve(Y, alpha, clusters, *rest, X=X, centres=CENTRES, kernel=KERNEL, **more):
    data = ClusteredRows(NystromFeatures.of(kernel, centres), X, clusters)
    return clustered_solve(data, Y, alpha, *rest, **more)


def labels_of(clusters):
    labels = np.full(sum(map(len, clusters)), -1)
    for number, rows in enumerate(clusters):
        labels[rows] = number
    return labels


def covariance(A, a, B, b):
    """The model's covariance of rows A in clusters a and rows B in clusters b."""
    K = KERNEL(CENTRES)
    K += 1e-12 * np.trace(K) / len(K) * np.eye(len(K))
    Q = KERNEL(A, CENTRES) @ np.linalg.solve(K, KERNEL(CENTRES, B))
    return np.where(a[:, None] == b, KERNEL(A, B), Q)


def predict(found, clusters, new, labels):
    out = np.empty((len(new), Y.shape[1]))
    for b in np.unique(labels):
        at, rows = labels == b, clusters[b]
        out[at] = KERNEL(new[at], CENTRES) @ found.coef[b]
        out[at] += KERNEL(new[at], X[rows]) @ found.dual_coef[rows]
    return out + found.intercept


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(
    "weight",
    [None, WEIGHT, RowWeights(WEIGHT / 2, WEIGHT / 2), WEIGHT / 2],
    ids=["1", "s", "s/2", "rows"],
)
@pytest.mark.parametrize(
    "clusters",
    [CLUSTERS, [np.arange(300)], list(np.arange(300)[:, None])],
    ids=["several", "one", "rows"],
)
def test_equals_the_dense_model(clusters, weight, intercept):
    labels = labels_of(clusters)
    S = covariance(X, labels, X, labels)
    exact = solve(S, Y, 0.1, weight, intercept)
    scored = np.arange(0, 300, 7)[::-1]
    found = local_solve(Y, 0.1, clusters, weight, intercept, scored=scored)
    close(found.dual_coef, exact.dual_coef, 1e-8)
    close(found.intercept + 1.0, exact.intercept + 1.0)
    near = rng.integers(len(clusters), size=len(NEW))
    expected = covariance(NEW, near, X, labels) @ exact.dual_coef + exact.intercept
    close(predict(found, clusters, NEW, near), expected)
    s, copies = RowWeights.of(weight, 300)
    share = np.minimum(1.0, copies) / copies
    room = 1.0 - share + share * 0.1 * np.diag(exact.P) / s
    loo = Y - 0.1 * exact.dual_coef / (s * room)[:, None]
    close(found.loo, loo[scored], 1e-8)


def test_one_cluster_is_the_exact_ridge():
    exact = solve(KERNEL(X), Y, 0.01)
    clusters = cluster_rows(X)
    assert len(clusters) == 1
    found = local_solve(Y, 0.01, clusters)
    expected = KERNEL(NEW, X) @ exact.dual_coef + exact.intercept
    close(predict(found, clusters, NEW, np.zeros(50, dtype=int)), expected, 1e-8)
    close(found.dual_coef, exact.dual_coef, 1e-8)


def test_left_out_is_fitted_without():
    """The prediction of a row by a fit to all others, in the same clusters."""
    found = local_solve(Y, 0.1, CLUSTERS, scored=[7])
    labels = labels_of(CLUSTERS)
    rest = np.arange(300) != 7
    S = covariance(X, labels, X, labels)
    fit = solve(S[np.ix_(rest, rest)], Y[rest], 0.1)
    close(found.loo[0], S[7, rest] @ fit.dual_coef + fit.intercept, 1e-8)


def test_weights_are_copies():
    times = np.repeat(np.arange(300), WEIGHT)
    labels = labels_of(CLUSTERS)[times]
    copies = [np.flatnonzero(labels == b) for b in range(len(CLUSTERS))]
    once = local_solve(Y, 0.1, CLUSTERS, WEIGHT)
    many = local_solve(Y[times], 0.1, copies, X=X[times])
    close(many.coef, once.coef, 1e-6)
    close(many.intercept, once.intercept)


def test_not_positive_definite():
    def kernel(A, B=None):  # a valid one between the centres only
        return -KERNEL(A) if B is None and len(A) > 40 else KERNEL(A, B)

    with pytest.raises(np.linalg.LinAlgError, match=r"a cluster of 300 rows is not"):
        local_solve(Y, 0.1, [np.arange(300)], kernel=kernel)


@pytest.mark.parametrize("size", [1, 10, 60, 149, 300, 301])
def test_clusters_share_the_rows_out(size):
    clusters = cluster_rows(X, size)
    np.testing.assert_array_equal(np.sort(np.concatenate(clusters)), np.arange(300))
    assert max(map(len, clusters)) <= 2 * size
    again = cluster_rows(X, size)
    assert all(map(np.array_equal, clusters, again))


@pytest.mark.parametrize("distinct", [1, 2, 5])
def test_equal_rows_are_shared_out_too(distinct):
    rows = X[np.arange(300) % distinct]
    clusters = cluster_rows(rows, 30)
    np.testing.assert_array_equal(np.sort(np.concatenate(clusters)), np.arange(300))
    assert max(map(len, clusters)) <= 60


def test_clusters_are_compact():
    means = np.array([X[rows].mean(axis=0) for rows in CLUSTERS])
    within = sum(np.sum((X[r] - m) ** 2) for r, m in zip(CLUSTERS, means, strict=True))
    assert within < 0.8 * np.sum((X - X.mean(axis=0)) ** 2)
    distances = np.sum((NEW[:, None] - means) ** 2, axis=2)
    np.testing.assert_array_equal(nearest_cluster(NEW, means), distances.argmin(axis=1))


def test_nothing_of_rows_times_centres():
    import tracemalloc

    n, m = 6000, 400
    many = rng.standard_normal((n, 4))
    clusters = cluster_rows(many, 60)
    tracemalloc.start()
    try:
        local_solve(many[:, :1], 0.1, clusters, X=many, centres=many[:m], scored=[0])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * n * m


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["1", "s"])
def test_variance_is_that_of_the_dense_model(weight, intercept):
    labels = labels_of(CLUSTERS)
    near = rng.integers(len(CLUSTERS), size=len(NEW))
    fit = solve(covariance(X, labels, X, labels), Y, 0.1, weight, intercept)
    cross = covariance(NEW, near, X, labels)
    expected = KERNEL.diag(NEW) - np.einsum("ij,ij->i", cross @ fit.P, cross)
    if intercept:
        noise = 0.1 / (np.ones(len(X)) if weight is None else np.asarray(weight))
        constant = np.linalg.inv(
            covariance(X, labels, X, labels) + np.diag(noise)
        ).sum()
        expected += 1.0 / constant - 2.0 * cross @ fit.intercept_weights
    posterior = local_solve(Y, 0.1, CLUSTERS, weight, intercept).posterior
    found = np.empty(len(NEW))
    for b in np.unique(near):
        at = np.flatnonzero(near == b)
        blocks = np.array_split(at, 2)
        variances = posterior.variance(b, [NEW[block] for block in blocks])
        found[at] = np.concatenate(list(variances))
    assert expected.min() > 1e-3
    close(found, expected, 1e-8)


def test_a_kernel_may_hand_over_what_is_read_only():
    def kernel(A, B=None):
        K = KERNEL(A, B)
        K.flags.writeable = False
        return K

    found = local_solve(Y, 0.1, CLUSTERS, kernel=kernel)
    expected = local_solve(Y, 0.1, CLUSTERS)
    np.testing.assert_array_equal(found.dual_coef, expected.dual_coef)
