"""A drop-in is proved by substitution: our object against the same matrix, given."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.cluster import SpectralClustering
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import KernelPCA
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    PairwiseKernel,
)
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel


def _data(load, n):
    X, y = load(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(X))[:n]
    return StandardScaler().fit_transform(X[rows]), y[rows]


X_REG, Y_REG = _data(load_diabetes, 90)
Y_REG = (Y_REG - Y_REG.mean()) / Y_REG.std()
X_CLS, Y_CLS = _data(load_iris, 90)
TRAIN, TEST = slice(0, 60), slice(60, 90)

KERNELS = [
    NTKernel(depth=2),
    NTKernel(depth=3, activation="gelu", bias_variance=0.0),
    NNGPKernel(depth=2, activation="erf"),
    WeightedNTKernel(depth=2, layer_weights=[0.2, 1.0, 0.5]),
    0.5 * NTKernel(depth=1) + RBF(2.0),
    NTKernel(depth=1) * RBF(3.0),
]
every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=repr)

# By fit, then predictions on new rows; each accepts kernel="precomputed".
MACHINES = [
    KernelRidge(alpha=0.5),
    SVC(C=2.0),
    SVC(C=2.0, decision_function_shape="ovo"),
    NuSVC(nu=0.2),
    SVR(C=2.0),
    NuSVR(),
    OneClassSVM(nu=0.3),
]


def data_of(estimator):
    return (X_CLS, Y_CLS) if is_classifier(estimator) else (X_REG, Y_REG)


def answers(estimator, X):
    found = [estimator.predict(X)]
    if hasattr(estimator, "decision_function"):
        found.append(estimator.decision_function(X))
    return found


@every_kernel
@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_machines(machine, kernel):
    """With the object, in a pipeline, cloned and pickled: as with the matrix."""
    X, y = data_of(machine)
    given = clone(machine).set_params(kernel="precomputed")
    given.fit(kernel(X[TRAIN]), y[TRAIN])
    expected = answers(given, kernel(X[TEST], X[TRAIN]))
    dropped_in = clone(machine).set_params(kernel=kernel)
    piped = make_pipeline(StandardScaler(with_mean=False, with_std=False), dropped_in)
    fitted = [
        dropped_in.fit(X[TRAIN], y[TRAIN]),
        clone(dropped_in).fit(X[TRAIN].tolist(), y[TRAIN]),
        pickle.loads(pickle.dumps(dropped_in)),
        clone(piped).fit(X[TRAIN], y[TRAIN]),
    ]
    for estimator in fitted:
        for found, wanted in zip(answers(estimator, X[TEST]), expected, strict=True):
            # libsvm stops at a tolerance, from matrices equal to rounding.
            assert_allclose(found, wanted, rtol=1e-7, atol=1e-7)


def precomputed(kernel, X):
    """A kernel of row numbers that answers from a matrix, where none can be given."""
    K = kernel(X)

    class Given(PairwiseKernel):
        def __call__(self, A, B=None, eval_gradient=False):
            B = A if B is None else B
            return K[np.ix_(A[:, 0].astype(int), B[:, 0].astype(int))].copy()

        def diag(self, A):
            return np.diag(K)[A[:, 0].astype(int)].copy()

    return Given(), np.arange(len(X), dtype=float)[:, None]


@every_kernel
def test_gaussian_process_regressor(kernel):
    given, rows = precomputed(kernel, X_REG)
    options = {"alpha": 0.1, "optimizer": None}
    expected = GaussianProcessRegressor(given, **options)
    expected.fit(rows[TRAIN], Y_REG[TRAIN])
    found = GaussianProcessRegressor(kernel, **options).fit(X_REG[TRAIN], Y_REG[TRAIN])
    for estimator in (found, pickle.loads(pickle.dumps(found))):
        for a, b in zip(
            estimator.predict(X_REG[TEST], return_std=True),
            expected.predict(rows[TEST], return_std=True),
            strict=True,
        ):
            assert_allclose(a, b, rtol=1e-8, atol=1e-10)
    assert_allclose(
        found.log_marginal_likelihood_value_,
        expected.log_marginal_likelihood_value_,
        rtol=1e-10,
    )


@every_kernel
def test_gaussian_process_classifier(kernel):
    given, rows = precomputed(kernel, X_CLS)
    expected = GaussianProcessClassifier(given, optimizer=None)
    expected.fit(rows[TRAIN], Y_CLS[TRAIN])
    found = GaussianProcessClassifier(kernel, optimizer=None)
    found.fit(X_CLS[TRAIN], Y_CLS[TRAIN])
    assert_allclose(
        found.predict_proba(X_CLS[TEST]), expected.predict_proba(rows[TEST]), rtol=1e-7
    )


@pytest.mark.parametrize("n_jobs", [None, 2])
@every_kernel
def test_kernel_pca(kernel, n_jobs):
    expected = KernelPCA(3, kernel="precomputed").fit(kernel(X_REG[TRAIN]))
    found = KernelPCA(3, kernel=kernel, n_jobs=n_jobs).fit(X_REG[TRAIN])
    assert_allclose(found.eigenvalues_, expected.eigenvalues_, rtol=1e-9)
    assert_allclose(
        np.abs(found.transform(X_REG[TEST])),
        np.abs(expected.transform(kernel(X_REG[TEST], X_REG[TRAIN]))),
        rtol=1e-7,
        atol=1e-9,
    )


@pytest.mark.parametrize("n_jobs", [None, 2])
@every_kernel
def test_nystroem(kernel, n_jobs):
    """Its features multiply to the kernel's own Nyström approximation."""
    sampler = Nystroem(kernel, n_components=20, random_state=0, n_jobs=n_jobs)
    features = sampler.fit(X_REG[TRAIN]).transform(X_REG[TEST])
    basis = sampler.components_
    cross = kernel(X_REG[TEST], basis)
    expected = cross @ np.linalg.solve(kernel(basis), cross.T)
    assert_allclose(features @ features.T, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "kernel", [NNGPKernel(depth=2, activation="rbf"), NTKernel(depth=2)], ids=repr
)
def test_spectral_clustering_and_label_spreading(kernel):
    K = kernel(X_CLS)
    assert (K >= 0).all()  # both want similarities
    options = {"n_clusters": 3, "random_state": 0}
    found = SpectralClustering(affinity=kernel, **options).fit(X_CLS)
    expected = SpectralClustering(affinity="precomputed", **options).fit(K)
    assert_array_equal(found.labels_, expected.labels_)
    assert_allclose(found.affinity_matrix_, K, rtol=1e-14)

    given, rows = precomputed(kernel, X_CLS)
    partly = np.where(np.arange(90) % 3 == 0, Y_CLS, -1)
    found = LabelSpreading(kernel=kernel).fit(X_CLS, partly)
    expected = LabelSpreading(kernel=given).fit(rows, partly)
    assert_allclose(found.label_distributions_, expected.label_distributions_)


# -- tuning ---------------------------------------------------------------------------


@pytest.mark.parametrize("machine", [KernelRidge(alpha=0.5), SVC()], ids=str)
def test_grid_search_over_depth_and_activation(machine):
    """Each candidate's score is that of the kernel it names."""
    X, y = data_of(machine)
    pipeline = make_pipeline(StandardScaler(), machine.set_params(kernel=NTKernel()))
    step = type(machine).__name__.lower()
    grid = {
        f"{step}__kernel__depth": [1, 3],
        f"{step}__kernel__activation": ["relu", ("leaky_relu", 0.2), "erf"],
    }
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == 6 and len(np.unique(scores)) > 1
    for parameters, score in zip(search.cv_results_["params"], scores, strict=True):
        kernel = NTKernel(
            depth=parameters[f"{step}__kernel__depth"],
            activation=parameters[f"{step}__kernel__activation"],
        )
        alone = make_pipeline(
            StandardScaler(), clone(machine).set_params(kernel=kernel)
        )
        assert_allclose(score, cross_val_score(alone, X, y, cv=3).mean(), rtol=1e-9)
    assert is_regressor(machine) or search.score(X, y) > 0.9


def test_grid_search_in_processes():
    search = GridSearchCV(
        KernelRidge(kernel=NTKernel()), {"kernel__depth": [1, 2]}, cv=2, n_jobs=2
    )
    alone = clone(search).set_params(n_jobs=1)
    assert_allclose(
        search.fit(X_REG, Y_REG).cv_results_["mean_test_score"],
        alone.fit(X_REG, Y_REG).cv_results_["mean_test_score"],
    )


def test_grid_search_reaches_into_sums():
    kernel = ConstantKernel(2.0) * NTKernel(depth=1) + RBF()
    grid = {"kernel__k1__k2__depth": [1, 2]}
    search = GridSearchCV(KernelRidge(kernel=kernel), grid, cv=2).fit(X_REG, Y_REG)
    assert len(np.unique(search.cv_results_["mean_test_score"])) == 2
    assert kernel.k1.k2.depth == 1  # candidates are clones


def test_grid_over_depth_with_weights_of_one_length_says_so():
    kernel = WeightedNTKernel(depth=2, layer_weights=[1.0, 1.0, 1.0])
    search = GridSearchCV(
        KernelRidge(kernel=kernel), {"kernel__depth": [3]}, error_score="raise"
    )
    sentence = r"layer_weights has 3 entries, but depth=3 needs 4 .*pass None"
    with pytest.raises(ValueError, match=sentence):
        search.fit(X_REG, Y_REG)
    kernel.set_params(layer_weights=None)
    search = GridSearchCV(KernelRidge(kernel=kernel), {"kernel__depth": [1, 3]}, cv=2)
    assert np.isfinite(search.fit(X_REG, Y_REG).best_score_)


# Some of ten length scales, and weights of layers, are best without limit.
@pytest.mark.filterwarnings("ignore:The optimal value found for dimension")
@pytest.mark.parametrize(
    "kernel",
    [
        NTKernel(depth=2, weight_variance_bounds=(0.05, 20.0)),
        NTKernel(1, length_scale=np.ones(10), length_scale_bounds=(0.1, 100.0)),
        WeightedNTKernel(
            depth=2,
            layer_weights_bounds=(1e-4, 1e2),
            bias_variance_bounds="fixed",
        ),
        NNGPKernel(depth=1, activation="erf", length_scale_bounds=(0.1, 100.0)),
    ],
    ids=repr,
)
def test_gaussian_process_improves_its_evidence(kernel):
    """By our gradient, and stopping where it vanishes or at a bound."""
    options = {"alpha": 0.1}
    start = GaussianProcessRegressor(kernel, optimizer=None, **options)
    start.fit(X_REG, Y_REG)
    tuned = GaussianProcessRegressor(kernel, **options).fit(X_REG, Y_REG)
    before = start.log_marginal_likelihood_value_
    after, gradient = tuned.log_marginal_likelihood(
        tuned.kernel_.theta, eval_gradient=True
    )
    assert after > before + 1.0
    theta, (low, high) = tuned.kernel_.theta, tuned.kernel_.bounds.T
    inside = (theta > low + 1e-6) & (theta < high - 1e-6)
    assert np.abs(gradient[inside]).max(initial=0.0) < 0.05
    assert kernel.theta.size == theta.size and kernel == start.kernel


def test_gaussian_process_classifier_learns_theta():
    kernel = NTKernel(depth=1, length_scale_bounds=(0.05, 50.0))
    binary = (Y_CLS == 1).astype(int)
    start = GaussianProcessClassifier(kernel, optimizer=None).fit(X_CLS, binary)
    tuned = GaussianProcessClassifier(kernel).fit(X_CLS, binary)
    assert tuned.log_marginal_likelihood_value_ > (
        start.log_marginal_likelihood_value_ + 0.5
    )


# -- what consumers do to what they get -----------------------------------------------


def test_fitting_twice_gives_the_same():
    """Consumers write into the Gram matrix: ours is new each time."""
    kernel = NTKernel(depth=2)
    K = kernel(X_REG)
    for _ in range(2):
        KernelRidge(kernel=kernel).fit(X_REG, Y_REG, sample_weight=np.full(90, 4.0))
        GaussianProcessRegressor(kernel, alpha=2.0, optimizer=None).fit(X_REG, Y_REG)
        KernelPCA(2, kernel=kernel).fit(X_REG)
        assert_array_equal(kernel(X_REG), K)


def test_unvalidated_input_of_support_vector_machines_is_checked_by_us():
    bad = X_CLS.copy()
    bad[3, 1] = np.nan
    with pytest.raises(ValueError, match="X must be a dense matrix of finite"):
        SVC(kernel=NTKernel()).fit(bad, Y_CLS)
    machine = SVC(kernel=NTKernel()).fit(X_CLS, Y_CLS)
    with pytest.raises(ValueError, match="features"):
        machine.predict(X_CLS[:, :3])
