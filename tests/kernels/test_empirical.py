"""The empirical kernel: reference values, finite differences, consumers, sentences."""

import pickle
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import KernelPCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ntk_sklearn import EmpiricalNTKernel, NTKernel, WNTKRegressor
from ntk_sklearn.kernels._on_rows import gradient_matrices
from ntk_sklearn.networks import NetworkArrays

from ..networks.cases import (
    CASES,
    DATA,
    arrays,
    jacobian,
    random_network,
    value,
)

each_case = pytest.mark.parametrize("i", CASES)
KINDS = {
    "trntk0": {},
    "trntk": {"normalize": True},
    "pntk": {"kind": "pntk"},
    "conjugate": {"kind": "conjugate"},
    "embedding": {"kind": "embedding"},
}
WIDTHS = (3, 6, 5, 2)
X = np.random.default_rng(1).standard_normal((9, 3))
Z = np.random.default_rng(2).standard_normal((4, 3))


@each_case
@pytest.mark.parametrize("name", KINDS)
def test_reference_values(i, name):
    kernel = EmpiricalNTKernel(arrays(i), **KINDS[name])
    X, Z = value(i, "X"), value(i, "Z")
    K = value(i, f"{name}_XX")
    assert_allclose(kernel(X), K, rtol=1e-12, atol=1e-13 * K.max())
    assert_allclose(kernel(Z, X), value(i, f"{name}_ZX"), 1e-12, 1e-13 * K.max())
    assert_allclose(kernel.diag(X), np.diag(K), rtol=1e-12)
    assert_array_equal(kernel(X), kernel(X).T)


@each_case
def test_reference_terms(i):
    network, X = arrays(i), value(i, "X")
    weights, biases = (value(i, f"layer_{of}_terms_XX") for of in ("weight", "bias"))
    close = {"rtol": 1e-12, "atol": 1e-13 * weights.max()}
    layers = EmpiricalNTKernel(network)
    assert_allclose(layers.components(X), weights + biases, **close)
    tensors = EmpiricalNTKernel(network, layer_weights=np.ones(2 * network.n_layers))
    assert_allclose(tensors.components(X)[::2], weights, **close)
    assert_allclose(tensors.components(X)[1::2], biases, **close)
    for output in range(network.n_outputs):
        one = EmpiricalNTKernel(network, output=output)
        assert_allclose(one(X), value(i, "ntk_full_XX")[:, output, :, output], **close)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("widths", [(3, 2), (3, 4, 7), WIDTHS])
def test_derivatives_by_finite_differences(activation, widths):
    """Seven outputs of four units too: more outputs than the read-out has inputs."""
    network = random_network(widths, activation)
    J = jacobian(network, X)
    D = np.random.default_rng(3).random(J.shape[-1])
    rates, start = [], 0
    for tensor in (t for pair in zip(*network[:2], strict=True) for t in pair):
        rates.append(D[start : start + tensor.size].reshape(tensor.shape))
        start += tensor.size
    rates = NetworkArrays(tuple(rates[::2]), tuple(rates[1::2]), "identity")
    summed = J.sum(axis=1) / np.sqrt(J.shape[1])
    tolerance = {"rtol": 1e-7, "atol": 1e-8}
    for options, expected in (
        ({}, np.einsum("ncp,mcp->nm", J, J)),
        ({"output": 1}, J[:, 1] @ J[:, 1].T),
        ({"kind": "pntk"}, summed @ summed.T),
        ({"parameter_weights": rates}, np.einsum("ncp,p,mcp->nm", J, D, J)),
        ({"parameter_weights": rates, "output": 0}, (J[:, 0] * D) @ J[:, 0].T),
        ({"parameter_weights": rates, "kind": "pntk"}, (summed * D) @ summed.T),
    ):
        kernel = EmpiricalNTKernel(network, **options)
        assert_allclose(kernel(X), expected, **tolerance)
        assert_allclose(kernel(X, X[:2]), expected[:, :2], **tolerance)
        assert_allclose(kernel.diag(X), np.diag(expected), **tolerance)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("options", [{}, {"kind": "embedding"}, {"tensors": True}])
def test_gradients_by_finite_differences(normalize, options):
    options = dict(options)
    n_weights = 6 if options.pop("tensors", False) else 3 - len(options)
    weights = np.random.default_rng(0).random(n_weights) + 0.2
    network = random_network(WIDTHS, "tanh")
    kernel = EmpiricalNTKernel(
        network, layer_weights=weights, normalize=normalize, **options
    )
    K, gradient = kernel(X, eval_gradient=True)
    assert_allclose(K, kernel(X), rtol=1e-13)
    step = 1e-5
    moved = np.stack(
        [
            (
                kernel.clone_with_theta(kernel.theta + e)(X)
                - kernel.clone_with_theta(kernel.theta - e)(X)
            )
            / (2 * step)
            for e in step * np.eye(kernel.n_dims)
        ],
        axis=-1,
    )
    assert_allclose(gradient, moved, atol=1e-8 * np.abs(K).max())
    G = np.random.default_rng(5).standard_normal(K.shape)
    G += G.T
    expected = np.einsum("ij,ijk->k", G, gradient)
    assert_allclose(kernel.contract(X, G), expected, rtol=1e-10, atol=1e-9)
    assert bool(kernel.linear.all()) is not normalize


def wide(activation, width, X, rng):
    """The kernel of a random network, in the parameterisation of infinite width."""
    sw, sb = (1.5, 1.7, 1.7), (0.1, 0.2, 0.2)
    widths = (X.shape[1], width, width, 1)
    pairs = list(pairwise(widths))
    coefs = [
        np.sqrt(v / pair[0]) * rng.standard_normal(pair)
        for v, pair in zip(sw, pairs, strict=True)
    ]
    biases = [
        np.sqrt(v) * rng.standard_normal(n) for v, n in zip(sb, widths[1:], strict=True)
    ]
    rates = [r for v, b, (n, _) in zip(sw, sb, pairs, strict=True) for r in (v / n, b)]
    return EmpiricalNTKernel(NetworkArrays(coefs, biases, activation), "ntk", rates)(X)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_wide_networks_tend_to_the_infinite_one(activation):
    """The error halves with four times the width, and is small at the largest."""
    data = np.load(DATA / "wide.npz")
    rows = data["X"]
    if activation == "identity":
        infinite = NTKernel(
            2,
            activation,
            weight_variance=(1.5, 1.7, 1.7),
            bias_variance=(0.1, 0.2, 0.2),
        )(rows)
    else:
        infinite = data[{"logistic": "sigmoid"}.get(activation, activation)]
    errors = []
    for width in (16, 64, 256):
        rng = np.random.default_rng(width)
        draws = [wide(activation, width, rows, rng) - infinite for _ in range(200)]
        errors.append(np.sqrt(np.mean(np.square(draws))) / np.abs(infinite).mean())
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    # 200 draws of a root mean square are good to about 7 %, which is 0.15 here.
    assert_allclose(rates, 1.0, atol=0.4)
    assert errors[-1] < 0.3


def test_no_array_of_rows_and_parameters_is_made():
    network = random_network((64, 300, 300, 10), "relu")
    rows = np.random.default_rng(0).standard_normal((400, 64))
    kernel = EmpiricalNTKernel(network)
    kernel(rows)
    tracemalloc.start()
    kernel(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    n_parameters = sum(a.size for part in network[:2] for a in part)
    # Four matrices, and three arrays of a row, an output and a unit.
    assert peak < 8 * (4.5 * 400**2 + 3.5 * 400 * 10 * 300)
    assert peak < 8 * 400 * n_parameters / 5


# -- objects --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((60, 3))
    y = np.sin(rows[:, 0]) + 0.1 * rng.standard_normal(60)
    network = MLPRegressor(
        hidden_layer_sizes=(8, 6), solver="lbfgs", random_state=0, tol=1e-2
    )
    return network.fit(rows, y), rows, y


def test_theta_and_bounds(fitted):
    kernel = EmpiricalNTKernel(fitted[0], layer_weights=[1.0, 2.0, 0.5])
    assert_allclose(kernel.theta, np.log([1.0, 2.0, 0.5]))
    assert kernel.bounds.shape == (3, 2)
    kernel.theta = np.zeros(3)
    assert_allclose(kernel.layer_weights, np.ones(3))
    assert EmpiricalNTKernel(fitted[0]).n_dims == 3
    assert EmpiricalNTKernel(fitted[0], "conjugate").n_dims == 1
    fixed = EmpiricalNTKernel(fitted[0], layer_weights_bounds="fixed")
    assert fixed.n_dims == 0
    assert fixed(X, eval_gradient=True)[1].shape == (9, 9, 0)


def test_learning_counts_the_terms_that_it_holds(fitted):
    kernel = EmpiricalNTKernel(fitted[0])
    assert gradient_matrices(kernel) == 3
    assert gradient_matrices(kernel + NTKernel()) == 4


def test_a_layer_of_weight_zero_is_frozen(fitted):
    frozen = EmpiricalNTKernel(
        fitted[0], layer_weights=[0, 0, 1], layer_weights_bounds="fixed"
    )
    assert_allclose(frozen(X), EmpiricalNTKernel(fitted[0], "conjugate")(X))


def test_clones_are_not_changed_by_further_training(fitted):
    network, rows, y = fitted
    network = MLPRegressor(hidden_layer_sizes=(8,), random_state=0)
    network.partial_fit(rows, y)
    kernel = EmpiricalNTKernel(network)
    copied, before = clone(kernel), kernel(X)
    assert copied == kernel
    network.partial_fit(rows, y)
    assert copied != kernel
    assert_array_equal(copied(X), before)
    assert not np.allclose(kernel(X), before)
    summed = clone(kernel + RBF())
    assert_allclose(summed(X), kernel(X) + RBF()(X))


def test_frozen_early_stopped_and_pickled(fitted):
    network, rows, y = fitted
    early = MLPRegressor(hidden_layer_sizes=(8,), early_stopping=True, random_state=0)
    early.fit(rows, y)
    for given in (network, early):
        kernel = EmpiricalNTKernel(given)
        expected = EmpiricalNTKernel(
            NetworkArrays(given.coefs_, given.intercepts_, given.activation)
        )
        assert_array_equal(kernel(X), expected(X))
        assert_array_equal(EmpiricalNTKernel(FrozenEstimator(given))(X), expected(X))
        loaded = pickle.loads(pickle.dumps(kernel))
        assert loaded == kernel
        assert_array_equal(loaded(X), expected(X))


def test_repr_names_the_network(fitted):
    assert repr(EmpiricalNTKernel(fitted[0], output=0)) == (
        "EmpiricalNTKernel(<MLPRegressor 3-8-6-1 relu>, output=0)"
    )
    assert "not fitted" in repr(EmpiricalNTKernel(MLPRegressor()))


@pytest.mark.parametrize(
    "machine",
    [
        KernelRidge(alpha=0.3),
        GaussianProcessRegressor(alpha=0.3, optimizer=None),
        KernelPCA(3),
    ],
    ids=lambda m: type(m).__name__,
)
def test_machines_take_it(fitted, machine):
    network, rows, y = fitted
    kernel = EmpiricalNTKernel(network, layer_weights=[0.5, 1.0, 2.0])
    machine = clone(machine).set_params(kernel=kernel).fit(rows[:40], y[:40])
    method = "transform" if isinstance(machine, KernelPCA) else "predict"
    found = getattr(machine, method)(rows[40:])
    if method == "transform":
        expected = KernelPCA(3, kernel="precomputed").fit(kernel(rows[:40]))
        expected = expected.transform(kernel(rows[40:], rows[:40]))
        assert_allclose(np.abs(found), np.abs(expected), rtol=1e-6, atol=1e-8)
    else:
        expected = KernelRidge(alpha=0.3, kernel="precomputed")
        expected.fit(kernel(rows[:40]), y[:40])
        assert_allclose(
            found, expected.predict(kernel(rows[40:], rows[:40])), rtol=1e-6
        )


def test_classifiers_take_it():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((80, 3))
    y = np.where(rows[:, 0] * rows[:, 1] > 0, "yes", "no")
    network = MLPClassifier((10,), solver="lbfgs", random_state=0).fit(rows, y)
    kernel = EmpiricalNTKernel(network)
    same = SVC(kernel="precomputed").fit(kernel(rows), y)
    assert_array_equal(
        SVC(kernel=kernel).fit(rows, y).predict(X), same.predict(kernel(X, rows))
    )
    machine = GaussianProcessClassifier(
        EmpiricalNTKernel(network, normalize=True, layer_weights_bounds="fixed")
    )
    assert machine.fit(rows, y).score(rows, y) > 0.9


def test_grids_and_pipelines_keep_the_network(fitted):
    network, rows, y = fitted
    scaler = StandardScaler().fit(rows)
    network = clone(network).fit(scaler.transform(rows), y)
    model = make_pipeline(scaler, KernelRidge(kernel=EmpiricalNTKernel(network)))
    grid = {"kernelridge__kernel__kind": ["ntk", "conjugate"]}
    search = GridSearchCV(model, grid, cv=2).fit(rows, y)
    assert search.best_score_ > 0.5


def test_learning_finds_layer_weights(fitted):
    network, rows, y = fitted
    kernel = EmpiricalNTKernel(network)
    model = WNTKRegressor(kernel, objective="loo").fit(rows, y)
    assert model.layer_weights_.shape == (3,)
    assert np.ptp(np.log(model.layer_weights_)) > 0.1
    assert model.objective_path_[-1] < model.objective_path_[0]
    summed = WNTKRegressor(kernel + NTKernel(depth=1)).fit(rows, y)
    assert summed.kernel_.k1.layer_weights.shape == (3,)


class Features:
    """A network of another library: it tells the derivatives of each layer."""

    def __init__(self, network):
        self.network, self.n_layers = network, network.n_layers

    def layer_features(self, X):
        J, out = jacobian(self.network, X), []
        for W, b in zip(*self.network[:2], strict=True):
            size = W.size + b.size
            out, J = [*out, J[..., :size]], J[..., size:]
        return out


@pytest.mark.parametrize(
    "options", [{}, {"output": 1}, {"kind": "pntk"}, {"kind": "conjugate"}]
)
def test_features_of_other_libraries(options):
    network = random_network(WIDTHS, "tanh")
    ours = EmpiricalNTKernel(network, **options)
    theirs = EmpiricalNTKernel(Features(network), **options)
    for found, expected in (
        (theirs(X), ours(X)),
        (theirs(Z, X), ours(Z, X)),
        (theirs.diag(X), ours.diag(X)),
        (theirs.components(X), ours.components(X)),
    ):
        assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
    assert_array_equal(theirs.theta, ours.theta)
    assert clone(theirs) == theirs


# -- sentences ------------------------------------------------------------------------

NETWORK = random_network(WIDTHS, "tanh")


def test_networks_that_are_not_fitted_or_none():
    with pytest.raises(NotFittedError, match="MLPRegressor that is not fitted yet"):
        EmpiricalNTKernel(MLPRegressor())(X)
    with pytest.raises(TypeError, match=r"got a Pipeline; give its last step"):
        EmpiricalNTKernel(make_pipeline(StandardScaler(), MLPRegressor()))(X)
    with pytest.raises(TypeError, match=r"NetworkArrays, or an .*, got KernelRidge"):
        EmpiricalNTKernel(KernelRidge())(X)
    with pytest.raises(TypeError, match="got int"):
        EmpiricalNTKernel(3)(X)


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (NETWORK._replace(activation="gelu"), r"\['identity', .*, got 'gelu'; a netw"),
        (NETWORK._replace(coefs=NETWORK.coefs[:2]), "for each layer, of shapes"),
        (NETWORK._replace(intercepts=NETWORK.coefs), "that fit together, got"),
        (
            NETWORK._replace(intercepts=tuple(b + np.nan for b in NETWORK.intercepts)),
            "must be finite, got NaN or infinity; its training",
        ),
    ],
)
def test_arrays_that_are_no_network(network, sentence):
    with pytest.raises(ValueError, match=sentence):
        EmpiricalNTKernel(network)(X)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"kind": "ck"}, ValueError, "kind must be one of .*, got 'ck'"),
        ({"output": 2}, ValueError, "from 0 to 1, as the network has 2 outputs, got 2"),
        ({"output": "all"}, TypeError, "output must be .*, got 'all'"),
        ({"output": 0, "kind": "pntk"}, ValueError, 'output must be "sum" with kind'),
        (
            {"layer_weights": [1, 1]},
            ValueError,
            "has 2 entries, but kind='ntk' .* 3 or 6",
        ),
        (
            {"layer_weights": [0, 0, 0], "layer_weights_bounds": "fixed"},
            ValueError,
            "at least one positive entry",
        ),
        ({"parameter_weights": [1]}, TypeError, "must be a NetworkArrays .* got list"),
        (
            {"parameter_weights": NETWORK},
            ValueError,
            "must be non-negative arrays of the shapes",
        ),
        (
            {"parameter_weights": NETWORK, "kind": "conjugate"},
            ValueError,
            "parameter_weights must be None unless kind",
        ),
    ],
)
def test_parameters_that_do_not_suit(options, error, sentence):
    with pytest.raises(error, match=sentence):
        EmpiricalNTKernel(NETWORK, **options)(X)


def test_rows_that_do_not_suit():
    kernel = EmpiricalNTKernel(NETWORK)
    with pytest.raises(ValueError, match=r"X has 2 features, but the network .* on 3"):
        kernel(X[:, :2])
    from scipy.sparse import csr_array

    with pytest.raises(TypeError, match=r"got a sparse matrix; use X.toarray\(\)"):
        kernel(csr_array(X))
    with pytest.raises(ValueError, match="Gradient can only be evaluated"):
        kernel(X, X, eval_gradient=True)
    zero = EmpiricalNTKernel(NETWORK, layer_weights=[0.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="zero at entry 1, and a zero has no log"):
        _ = zero.theta
    features = Features(NETWORK)
    with pytest.raises(ValueError, match="which a network with its own"):
        EmpiricalNTKernel(features, "embedding")(X)
    features.n_layers = 2
    with pytest.raises(ValueError, match=r"here 2 arrays of 9 rows, got shapes \[\("):
        EmpiricalNTKernel(features)(X)
