"""Nyström systems against dense least squares, and as values."""

import numpy as np
import pytest

from ntk_sklearn.solvers import (
    BlockError,
    NystromFeatures,
    NystromSystem,
    RowWeights,
    accumulate,
    predict,
    solve,
)

from .nystrom_cases import (
    CENTRES,
    KERNEL,
    NEW,
    WEIGHT,
    X,
    Y,
    close,
    fit,
    solved,
    system_of,
)


def dense(weight, alpha, intercept):
    """The same problem by least squares on the features of all rows at once."""
    K = KERNEL(CENTRES)
    L = np.linalg.cholesky(K + 1e-12 * np.trace(K) / len(K) * np.eye(len(K)))
    Z, T = (np.linalg.solve(L, KERNEL(CENTRES, A)).T for A in (X, NEW))
    root = np.sqrt(np.ones(len(X)) if weight is None else weight)[:, None]
    if intercept:
        Z, T = (np.column_stack([A, np.ones(len(A))]) for A in (Z, T))
    penalty = np.sqrt(alpha) * np.eye(Z.shape[1])
    penalty[len(K) :] = 0.0
    left = np.vstack([root * Z, penalty])
    right = np.vstack([root * Y, np.zeros((len(penalty), 2))])
    return T @ np.linalg.lstsq(left, right, rcond=None)[0]


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["even", "weighted"])
def test_equals_the_dense_least_squares(weight, intercept):
    close(fit(weight=weight, intercept=intercept), dense(weight, 0.1, intercept), 1e-8)


def test_weights_are_copies():
    times = np.repeat(np.arange(len(X)), WEIGHT)
    close(fit(X[times], Y[times]), fit(weight=WEIGHT))


def test_all_rows_as_centres_are_the_exact_ridge():
    exact = solve(KERNEL(X), Y, 0.1)
    found = solved(system_of(X, Y, centres=X))
    close(found, KERNEL(NEW, X) @ exact.dual_coef + exact.intercept, 1e-7)


def test_gcv_is_that_of_the_hat_matrix():
    alphas = [1e-2, 1.0, 100.0]
    system = system_of(X, Y)
    path = system.gcv(alphas)
    K = KERNEL(CENTRES)
    Z = np.linalg.solve(np.linalg.cholesky(K), KERNEL(CENTRES, X)).T
    Z -= Z.mean(axis=0)
    n = len(X)
    for alpha, error in zip(alphas, path.errors, strict=True):
        H = Z @ np.linalg.solve(Z.T @ Z + alpha * np.eye(60), Z.T) + 1 / n
        rss = np.sum((Y - H @ Y) ** 2)
        assert error == pytest.approx(n * rss / (n - np.trace(H)) ** 2, rel=1e-6)
    assert system.best_alpha(alphas) == alphas[np.argmin(path.errors)]


def test_batches_equal_one_pass():
    system = NystromSystem.empty(NystromFeatures.of(KERNEL, CENTRES), 2)
    for start in range(0, 600, 150):
        batch = slice(start, start + 150)
        system = accumulate(system, X[batch], Y[batch])
    close(solved(system), fit())


def test_what_is_added_to_stays_as_it_is():
    parts = [system_of(X[part], Y[part]) for part in (slice(200), slice(200, 600))]
    before = [[np.copy(a) for a in part.equations] for part in parts]
    both = parts[0].plus(parts[1].equations)
    close(solved(both), fit())
    accumulate(both, X, Y)
    close(solved(both), fit())
    for part, old in zip(parts, before, strict=True):
        for now, then in zip(part.equations, old, strict=True):
            np.testing.assert_array_equal(now, then)


def system_dof(system, alpha):
    """The trace of the hat matrix, from the leverages of all rows."""
    _, variance = system.variance(X, alpha)
    return WEIGHT / 4 @ variance / alpha


@pytest.mark.parametrize("multiplicity", [np.ones(600), WEIGHT + 1.0])
def test_weights_of_copies_in_a_pass(multiplicity, tmp_path):
    """Weights may be integers, or weights beside copies, in memory or in files."""
    pair = RowWeights(WEIGHT / 4, multiplicity)
    system = system_of(X, Y, pair, block_rows=70)
    equations = system.equations
    assert equations.weight == pytest.approx(WEIGHT.sum() / 4)
    assert equations.n_rows == multiplicity[WEIGHT > 0].sum()
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", Y)
    for given, n_rows in (
        (WEIGHT, WEIGHT.sum()),
        (WEIGHT.astype(float), np.count_nonzero(WEIGHT)),
        (pair.columns, equations.n_rows),
    ):
        np.save(tmp_path / "s.npy", given)
        files = [[tmp_path / f"{name}.npy"] for name in "Xys"]
        assert system_of(*files).equations.n_rows == n_rows
        assert system_of(*files[:2], given).equations.n_rows == n_rows
    gcv = system.gcv([0.1, 1.0])
    n, dof = equations.n_rows, [system_dof(system, a) for a in (0.1, 1.0)]
    for error, freedom, alpha in zip(gcv.errors, dof, (0.1, 1.0), strict=True):
        fitted = predict(system.features, system.solve(alpha), X)
        rss = np.sum(WEIGHT[:, None] / 4 * (Y - fitted) ** 2)
        expected = rss / equations.weight * (n / (n - freedom)) ** 2
        assert error == pytest.approx(expected, rel=1e-7)


def test_leave_one_out_of_weighted_rows():
    rows = np.flatnonzero(WEIGHT)[:3]
    for weight, left in ((WEIGHT, WEIGHT - 1.0), (WEIGHT / 4, np.zeros(600))):
        system = system_of(X, Y, weight)
        found = system.leave_one_out(X[rows], Y[rows], 0.1, weight[rows])
        for i, row in enumerate(rows):
            rest = weight.astype(float)
            rest[row] = left[row]
            part = system_of(X, Y, rest)
            expected = predict(part.features, part.solve(0.1), X[row][None])
            close(found[i], expected[0], 1e-8)


def test_raw_rows_are_transformed_a_tile_at_a_time():
    encoded, seen = np.column_stack([X, X[:, 0] ** 2]), []

    def transform(rows):
        seen.append(len(rows))
        return np.column_stack([rows, rows[:, 0] ** 2])

    plain = system_of(encoded, Y, centres=encoded[:50])
    features = NystromFeatures.of(KERNEL, encoded[:50], transform, n_features=5)
    system = accumulate(NystromSystem.empty(features, 2), X, Y, block_rows=100)
    assert max(seen) == 100
    expected = predict(plain.features, plain.solve(0.1), transform(NEW))
    close(solved(system), expected)
    close(system.variance(X, 0.1)[1], plain.variance(encoded, 0.1)[1])
    with pytest.raises(BlockError, match=r"5 columns are needed"):
        accumulate(system, encoded, Y)


def test_an_interrupted_pass_leaves_the_system_as_it_was():
    system, before = system_of(X, Y), fit()

    def interrupt(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        accumulate(system, X, Y, block_rows=100, n_jobs=1, progress=interrupt)
    np.testing.assert_array_equal(solved(system), before)
    with pytest.raises(AttributeError):
        system.equations = system.equations


def test_a_failed_pass_leaves_the_system_as_it_was():
    system = system_of(X[:100], Y[:100])
    before = system.solve(0.1).coef
    bad = X[100:].copy()
    bad[-1] = np.nan
    with pytest.raises(BlockError):
        accumulate(system, bad, Y[100:], block_rows=50)
    np.testing.assert_array_equal(system.solve(0.1).coef, before)
