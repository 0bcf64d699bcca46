"""Ridge beyond memory: Nyström models in blocks, on workers, and iterative solvers."""

import os
import signal
import threading
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from ntk_sklearn import NTKernel, WeightedNTKernel
from ntk_sklearn._blocks.sampling import sample_rows
from ntk_sklearn._blocks.sources import Mapped, load, row_blocks
from ntk_sklearn._blocks.tasks import joblib_options, run_tasks, share_out
from ntk_sklearn._models.choose import choose_solver
from ntk_sklearn._utils.progress import Progress
from ntk_sklearn._utils.threads import one_blas_thread
from ntk_sklearn.estimators._classifier import WNTKClassifier
from ntk_sklearn.estimators._regressor import WNTKRegressor
from ntk_sklearn.solvers import (
    BlockError,
    NystromFeatures,
    NystromSystem,
    RowWeights,
    accumulate,
    conjugate_solve,
    leverage_scores,
    predict,
    select_centres,
    solve,
)
from ntk_sklearn.solvers._conjugate_gradient import pivoted_features

from .estimator_cases import turn

KERNEL = NTKernel(depth=2)
rng = np.random.default_rng(0)
X = rng.standard_normal((600, 5))
Y = np.column_stack([np.sin(X[:, 0]) + X[:, 1], X[:, 2] ** 2 + 5.0])
Y += 0.1 * rng.standard_normal(Y.shape)
WEIGHT = rng.integers(0, 3, len(X))
CENTRES = X[select_centres(X, 60)]
NEW = rng.standard_normal((40, 5))


def system_of(X, Y, weight=None, centres=CENTRES, kernel=KERNEL, **options):
    features = NystromFeatures.of(kernel, centres)
    return accumulate(NystromSystem.empty(features, 2), X, Y, weight, **options)


def solved(system, alpha=0.1):
    return predict(system.features, system.solve(alpha), NEW)


def fit(X=X, Y=Y, weight=None, alpha=0.1, kernel=KERNEL, intercept=True, **options):
    features = NystromFeatures.of(kernel, CENTRES)
    system = NystromSystem.empty(features, 2, intercept)
    return solved(accumulate(system, X, Y, weight, **options), alpha)


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


def close(a, b, tolerance=1e-9):
    assert np.abs(a - b).max() <= tolerance * np.abs(b).max()


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


@pytest.mark.parametrize("block_rows", [1, 7, 64, 599, 600, 10_000])
def test_block_size_does_not_matter(block_rows):
    close(fit(block_rows=block_rows), fit(block_rows=100))


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


def system_dof(system, alpha):
    """The trace of the hat matrix, from the leverages of all rows."""
    _, variance = system.variance(X, alpha)
    return WEIGHT / 4 @ variance / alpha


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


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_do_not_matter(backend):
    with joblib.parallel_config(backend=backend, n_jobs=2):
        close(fit(block_rows=50), fit(block_rows=50, n_jobs=1))


@pytest.fixture
def files(tmp_path):
    paths = []
    for k in range(0, 600, 200):
        pair = tmp_path / f"X{k}.npy", tmp_path / f"y{k}.npy"
        for path, part in zip(pair, (X, Y), strict=True):
            np.save(path, part[k : k + 200])
        paths.append(pair)
    return [list(part) for part in zip(*paths, strict=True)]


def test_files_and_memory_maps(files, tmp_path):
    close(fit(*files), fit())
    np.save(tmp_path / "X.npy", np.vstack([np.zeros((3, 5)), X]))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    with joblib.parallel_config(backend="loky", n_jobs=2):
        close(fit(mapped[3:], block_rows=100), fit())


def test_a_sample_reads_a_few_files_only(tmp_path):
    paths = [tmp_path / f"{k}.npy" for k in range(60)]
    for path, part in zip(paths, np.split(X, 60), strict=True):
        np.save(path, part)
    for n, n_files in ((25, 3), (1000, 3), (40, 60)):
        rows, drawn = sample_rows(
            paths, n, np.random.RandomState(0), max_blocks=n_files
        )
        assert len(rows) == min(n, 10 * n_files)
        assert len(np.unique(rows // 10)) <= n_files
        np.testing.assert_array_equal(drawn, X[rows])


def test_memory_maps_are_passed_as_references(tmp_path):
    np.save(tmp_path / "X.npy", X)
    blocks = row_blocks(np.load(tmp_path / "X.npy", mmap_mode="r")[7:][5:], rows=100)
    assert isinstance(blocks[1].X, Mapped)
    ((tile, _, _),) = load(blocks[1], 5, 1000)
    np.testing.assert_array_equal(tile, X[112:212])


def test_a_value_that_is_not_finite_names_its_block():
    bad = np.tile(X, (2, 1))
    bad[731, 3] = np.nan
    with pytest.raises(BlockError, match=r"block 731 .*rows 731 to 731.* nan in X"):
        fit(bad, np.tile(Y, (2, 1)), block_rows=1)
    worse = Y.copy()
    worse[450, 1] = np.inf
    with pytest.raises(BlockError, match=r"block 4 .*inf in y, at row 50 .*column 1"):
        fit(Y=worse, block_rows=100)


def test_a_bad_file_is_named(files):
    np.save(files[0][1], np.ones((200, 4)))
    with pytest.raises(BlockError, match=r"block 1 \(file .*X200.npy\).*5 columns"):
        fit(*files)
    Path(files[0][1]).write_bytes(b"half")
    with pytest.raises(BlockError, match=r"block 1 .*cannot be read"):
        fit(*files)
    Path(files[0][1]).unlink()
    with pytest.raises(BlockError, match=r"block 1 .*cannot be read"):
        fit(*files)


def test_a_failed_pass_leaves_the_system_as_it_was():
    system = system_of(X[:100], Y[:100])
    before = system.solve(0.1).coef
    bad = X[100:].copy()
    bad[-1] = np.nan
    with pytest.raises(BlockError):
        accumulate(system, bad, Y[100:], block_rows=50)
    np.testing.assert_array_equal(system.solve(0.1).coef, before)


def deadly(folder, times):
    """A kernel that kills its process a few times, as a full memory would.

    A class of a function is pickled by value: workers cannot import the tests.
    """
    client = os.getpid()  # joblib itself works while a cluster has only one thread

    class Deadly(NTKernel):
        def __call__(self, X, Y=None, eval_gradient=False):
            if os.getpid() != client and len(os.listdir(folder)) < times:
                Path(folder, str(os.getpid())).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__call__(X, Y, eval_gradient)

    return Deadly(depth=2)


needs_sigkill = pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")


def killed_fit(folder, times=1):
    kernel = deadly(str(folder), times)
    system = system_of(X, Y, kernel=kernel, block_rows=100)
    assert os.listdir(folder)  # it has happened
    features = NystromFeatures.of(KERNEL, CENTRES)
    return predict(features, system.solve(0.1), NEW, n_jobs=1)


@needs_sigkill
@pytest.mark.filterwarnings("ignore:A worker stopped:UserWarning")
def test_a_killed_process_is_replaced(tmp_path):
    with joblib.parallel_config(backend="loky", n_jobs=2):
        close(killed_fit(tmp_path), fit(n_jobs=1))


def sum_rows(group, columns):
    return sum(X.sum() for block in group for X, _, _ in load(block, columns, 100))


GROUPS = share_out(row_blocks(X, rows=100))


def test_a_block_that_always_kills_is_named():
    calls = []

    def broken(**options):
        def run(tasks):
            for number, (function, args, _) in enumerate(tasks):
                calls.append(number)
                if len(calls) > 3:
                    raise BrokenProcessPool
                yield function(*args)

        return run

    with pytest.raises(BlockError, match=r"killed again and again at block 3 "):
        list(run_tasks(sum_rows, GROUPS, 5, parallel=broken))
    assert calls == [0, 1, 2, 3, 0, 0]


def test_any_number_of_lost_workers_is_replaced():
    """Only one that is lost again and again at the same block is given up."""
    starts = []

    def weak(**options):
        def run(tasks):
            starts.append(1)
            for number, (function, args, _) in enumerate(tasks):
                if number == 1 and len(starts) <= 5:
                    raise BrokenProcessPool
                yield function(*args)

        return run

    expected = list(run_tasks(sum_rows, GROUPS, 5, n_jobs=1))
    assert list(run_tasks(sum_rows, GROUPS, 5, parallel=weak)) == expected
    assert len(expected) == 6 and len(starts) == 6


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            # Any free port: None means 8787, which another suite may hold.
            dashboard_address="127.0.0.1:0",
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


def test_cluster(cluster, files):
    with joblib.parallel_config(backend="dask"):
        close(fit(block_rows=100), fit(block_rows=100, n_jobs=1))
        close(fit(*files), fit())


def test_cluster_reads_dask_arrays(cluster):
    da = pytest.importorskip("dask.array")
    lazy = da.from_array(X, chunks=(130, 3)), da.from_array(Y, chunks=(200, 1))
    close(fit(*lazy), fit())
    with joblib.parallel_config(backend="dask"):
        close(fit(*lazy), fit())
        close(fit(*[part.persist() for part in lazy]), fit())


@needs_sigkill
@pytest.mark.parametrize("times", [1, 2])
def test_cluster_recovers_from_lost_workers(cluster, tmp_path, times):
    # Both workers are lost with two: all that had been sent to them as well.
    cluster.wait_for_workers(2)
    with joblib.parallel_config(backend="dask"):
        close(killed_fit(tmp_path, times), fit())


@pytest.mark.parametrize("allowed, threads", [(1, 1), (2, 2), (20, 6)])
def test_blocks_are_shared_out_to_threads(allowed, threads):
    """Each thread has whole blocks, if there are enough; no digit depends on it."""
    expected = fit(block_rows=50, n_jobs=1)
    chosen = joblib_options(None, 12, 8 * 60**2, allowed)
    assert chosen.get("n_jobs") == (threads if allowed > 1 else None)
    seen, both = set(), threading.Barrier(threads, timeout=10)

    def kernel(A, B=None):
        if len(A) == 50 and threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            both.wait()  # until every thread has a block
        return KERNEL(A, B)

    with joblib.parallel_config(backend="threading"):
        found = fit(block_rows=50, kernel=kernel, n_jobs=threads)
    assert len(seen) == threads
    np.testing.assert_array_equal(found, expected)


def test_when_threads_are_chosen():
    chosen = {"n_jobs": 4, "backend": "threading", "return_as": "generator"}
    assert joblib_options(None, 100, 2**28, 4) == chosen
    assert "backend" not in joblib_options(None, 100, 2**28 + 1, 4)  # too large
    assert "backend" not in joblib_options(None, 3, 0, 4)  # too few
    assert "backend" not in joblib_options(1, 100, 0, 4)
    with one_blas_thread() as allowed:  # by default, as many as the process may use
        assert joblib_options(None, 100, 0) == joblib_options(None, 100, 0, allowed)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert "backend" not in joblib_options(None, 100, 0, 4)


def test_progress_tells_the_time_left(capsys):
    fit(block_rows=100, progress=Progress("Nyström", every=0.0))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[-1].startswith("[Nyström] 6 of 6 blocks") and "0 s left" in lines[-1]


def test_centres():
    rows = select_centres(X, 50, random_state=3)
    assert len(np.unique(rows)) == 50
    np.testing.assert_array_equal(rows, select_centres(X, 50, random_state=3))
    np.testing.assert_array_equal(select_centres(X, 600), np.arange(600))
    few = np.repeat(X[:10], 30, axis=0)
    assert len(np.unique(select_centres(few, 20))) == 20
    rows = select_centres(X, 50, KERNEL, method="leverage", alpha=0.1)
    assert len(np.unique(rows)) == 50
    with pytest.raises(ValueError, match=r"method must be"):
        select_centres(X, 50, method="grid")
    with pytest.raises(ValueError, match=r'"leverage" needs a kernel'):
        select_centres(X, 50, method="leverage")


def test_leverage_scores_with_all_rows_as_pilot_are_exact():
    K = KERNEL(X)
    exact = np.diag(K @ np.linalg.inv(K + 0.5 * np.eye(600)))
    close(leverage_scores(X, KERNEL, 600, 0.5), exact, 1e-6)


@pytest.mark.parametrize("rank", [None, 600])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weight", [None, WEIGHT + 0.5], ids=["even", "weighted"])
def test_conjugate_gradients_equal_cholesky(weight, intercept, rank):
    K = KERNEL(X)
    exact = solve(K, Y, 0.05, weight, intercept)
    found = conjugate_solve(K, Y, 0.05, weight, intercept, rank=rank, tol=1e-13)
    close(found.dual_coef, exact.dual_coef, 1e-8)
    np.testing.assert_allclose(found.intercept, exact.intercept, atol=1e-8)
    if rank == 600:  # the preconditioner is the inverse, but for rounding
        assert found.n_iter < 10


def test_pivots_go_where_something_is_left():
    # Ten rows that nothing else explains, among 190 that are equal.
    rows = np.vstack([np.zeros((190, 5)), 3.0 * X[:10]])
    K = KERNEL(rows)
    for seed in range(5):
        F = pivoted_features(K, np.diag(K).copy(), 11, seed)
        close(F @ F.T, K, 1e-12)


def test_a_pivot_is_not_drawn_again():
    # Five rows so large that their rounding is one percent of all that is left.
    A = np.vstack([X[:5], np.zeros((295, 5))])
    K = A @ A.T + np.diag(np.repeat([0.0, 5e-17], [5, 295]) * np.sum(A**2))
    for seed in range(20):
        F = pivoted_features(K, np.diag(K).copy(), 150, seed)
        assert np.isfinite(F).all()
        close(F @ F.T, K, 1e-13)


def test_conjugate_gradients_say_when_they_fail():
    with pytest.raises(np.linalg.LinAlgError, match=r"did not reach"):
        conjugate_solve(KERNEL(X), Y, 1e-6, rank=1, max_iter=2)
    with pytest.raises(np.linalg.LinAlgError, match=r"not positive definite.*negative"):
        conjugate_solve(KERNEL(X) - 5 * np.eye(600), Y, 1e-6)


def test_choice_of_solver():
    gib = 2.0**30
    assert choose_solver(5_000, 8 * gib) == "cholesky"
    assert choose_solver(30_000, 16 * gib) == "cg"
    assert choose_solver(1_000_000, 64 * gib) == "nystrom"
    assert choose_solver(10_000, 0.1 * gib) == "nystrom"
    assert choose_solver(5_000, 8 * gib, n_matrices=50) == "cg"
    assert choose_solver(1_000, n_components=100) == "nystrom"
    assert choose_solver(1_000, n_components=1_000) == "cholesky"


FIXED = WNTKRegressor(
    NTKernel(depth=2, bias_variance_bounds="fixed"),
    alpha=0.1,
    alpha_bounds="fixed",
    n_components=60,
)
CLASSES = np.where(Y[:, 0] > 0.5, "high", "low")


@parametrize_with_checks(
    [
        WNTKRegressor(NTKernel(), n_components=20, tol=0.1),
        WNTKClassifier(NTKernel(bias_variance_bounds="fixed"), n_components=20),
    ]
)
def test_estimator_checks(estimator, check):
    check(estimator)


def test_bounds_of_the_ridge_are_scaled_as_the_ridge_is():
    # Layer weights are scaled to a diagonal of one, and the ridge with them.
    options = {
        "kernel": WeightedNTKernel(depth=1, layer_weights_bounds=(5.0, 1e5)),
        "alpha_bounds": (0.5, 0.6),
    }
    exact = WNTKRegressor(**options).fit(X, Y)
    scaled = WNTKRegressor(n_components=60, **options).fit(X, Y)
    assert exact.alpha_ < 0.4
    # From 0.5 to 0.6, and scaled alike.
    assert abs(np.log(scaled.alpha_ / exact.alpha_)) < np.log(0.6 / 0.5) + 1e-9


def test_the_ridge_is_that_of_all_rows(monkeypatch):
    # On 60 noisy rows little is learned but noise, of which 3000 need not be afraid.
    turn(monkeypatch, learning_rows=60)
    rng = np.random.default_rng(0)
    rows, new = rng.standard_normal((2, 3000, 2))
    signal = [np.sin(3 * A[:, 0]) + np.cos(2 * A[:, 1]) for A in (rows, new)]
    y = signal[0] + rng.standard_normal(3000)
    model = clone(FIXED).set_params(n_components=100, alpha_bounds=(1e-8, 1e8))
    model.fit(rows, y)
    error = np.mean((model.predict(new) - signal[1]) ** 2)
    (fitted,) = model.models_
    sampled, K = fitted.learned.alpha, KERNEL(new, model.X_fit_)

    def error_of(alpha):
        found = fitted.system.solve(alpha)
        return np.mean(((K @ found.coef + found.intercept)[:, 0] - signal[1]) ** 2)

    grid = [error_of(alpha) for alpha in sampled * np.exp(np.arange(-10.0, 10.5))]
    assert min(grid) < 0.5 * error_of(sampled)
    assert error < 1.1 * min(grid)


def test_estimator_agrees_with_the_functions():
    model = clone(FIXED).fit(X, Y, WEIGHT)
    assert model.solver_ == "nystrom" and model.X_fit_.shape == (60, 5)
    close(model.predict(NEW), solved(system_of(X, Y, WEIGHT, model.X_fit_)))


def test_all_components_are_the_exact_fit():
    exact = clone(FIXED).set_params(n_components=600).fit(X, Y)
    assert exact.solver_ == "cholesky"
    for solver in ("nystrom", "cg"):
        model = clone(exact).set_params(solver=solver).fit(X, Y)
        assert model.solver_ == solver
        close(model.predict(NEW), exact.predict(NEW), 1e-7)
    model = clone(exact).set_params(solver="nystrom").fit(X, Y[:, 0])
    exact.fit(X, Y[:, 0])
    deviations = [m.predict(NEW, return_std=True)[1] for m in (model, exact)]
    close(deviations[0], deviations[1], 1e-5)
    loo = model.models_[0].held_out.predictions
    close(loo[:, 0], exact.loo_predictions_, 1e-6)


def test_no_deviation_without_a_factorisation():
    model = clone(FIXED).set_params(solver="cg").fit(X, Y)
    with pytest.raises(ValueError, match='solver="cg" does without; fit with another'):
        model.predict(X, return_std=True)


def test_partial_fit_equals_fit():
    whole = clone(FIXED).fit(X, Y)
    once = clone(FIXED).partial_fit(X, Y)
    close(once.predict(NEW), whole.predict(NEW))
    # A batch adds to what is there: twice the data is a weight of two.
    once.partial_fit(X, Y)
    close(once.predict(NEW), solved(system_of(X, Y, np.full(600, 2), once.X_fit_)))
    with pytest.raises(ValueError, match=r"features"):
        once.partial_fit(X[:, :3], Y)


def test_partial_fit_after_an_exact_fit():
    model = WNTKRegressor(WeightedNTKernel(depth=1)).fit(X, Y)
    message = r"adds rows to a Nyström model, .* solver_='cholesky': a new model"
    with pytest.warns(UserWarning, match=message):
        model.set_params(kernel=KERNEL).partial_fit(X[:50], Y[:50])
    alone = clone(model).partial_fit(X[:50], Y[:50])
    np.testing.assert_array_equal(model.predict(NEW), alone.predict(NEW))
    # Nothing is left of the rows that are forgotten.
    assert not {"loo_predictions_", "layer_weights_"} & set(vars(model))


def test_first_batch_without_weight():
    model = WNTKClassifier(class_weight={"low": 0.0, "high": 0.0})
    with pytest.raises(ValueError, match="first batch of partial_fit must hold a row"):
        model.partial_fit(X, CLASSES, ["low", "high", "never"])


def test_partial_fit_of_classes():
    whole = WNTKClassifier(n_components=50).fit(X, CLASSES)
    assert whole.score(X, CLASSES) > 0.9
    part = WNTKClassifier(n_components=50)
    with pytest.raises(ValueError, match=r"classes must be passed"):
        part.partial_fit(X, CLASSES)
    part.partial_fit(X, CLASSES, ["low", "high", "never"])
    part.partial_fit(X, CLASSES)
    assert list(part.classes_) == ["high", "low", "never"]
    assert part.score(X, CLASSES) > 0.9
    np.testing.assert_allclose(part.predict_proba(NEW).sum(axis=1), 1.0)
    with pytest.raises(ValueError, match=r"'new'.*not among the classes"):
        part.partial_fit(X[:1], ["new"])


def test_estimator_reads_sources(files, tmp_path):
    da = pytest.importorskip("dask.array")
    whole = clone(FIXED).fit(X, Y)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    close(clone(FIXED).fit(mapped, Y).predict(NEW), whole.predict(NEW))
    model = clone(FIXED).fit(*files)
    close(model.predict(NEW), whole.predict(NEW))
    lazy = [da.from_array(part, chunks=(200, -1)) for part in (X, Y)]
    close(clone(FIXED).fit(*lazy).predict(NEW), whole.predict(NEW))
    labels = WNTKClassifier(n_components=50).fit(files[0], CLASSES)
    assert labels.score(X, CLASSES) > 0.9
    with pytest.raises(ValueError, match=r"needs all rows in memory"):
        clone(FIXED).set_params(solver="cg").fit(*files)
