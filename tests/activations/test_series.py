"""Activations without a closed form: values, gradients, functions of one's own."""

import math
import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn.activations import (
    Activation,
    _hermite,
    duals,
    get_activation,
    get_activations,
)
from ntk_sklearn.activations._dispatch import prepare
from ntk_sklearn.activations._table import build, kinks_of

from ..cases import SERIES, hard_rows

EXACT = np.load(Path(__file__).parents[1] / "data" / "activations.npz")
CUBIC = ("polynomial", (-0.2, 0.3, 0.5, 0.1))


def bent(z):
    """A function with two bends."""
    middle = np.where(z < 0.5, 0.5 * z, 0.25 + 0.5 * (z - 0.5) + (z - 0.5) ** 2)
    return np.where(z < -1.0, -0.5, middle)


def arctan(z):
    """A smooth function that is no name."""
    return np.arctan(z) + 0.2 * z


USER = Activation.from_function(bent, kinks=(-1.0, 0.5))
STORED = {
    **{name: name for name in SERIES if f"{name}_A" in EXACT},
    "poly": CUBIC,
    "user": USER,
    "user_kinks_found": bent,
}
each_stored = pytest.mark.parametrize("name", STORED)


def exact(name, what):
    return EXACT[f"{name.removesuffix('_kinks_found')}_{what}"]


# -- values ---------------------------------------------------------------------------


@each_stored
def test_duals_are_the_exact_ones(name):
    """Over all variances from 1e-8 to 1e3, correlations to 1 - 1e-13, and kinks."""
    a, b, c, deficit = (EXACT[k] for k in ("a", "b", "c", "deficit"))
    record = get_activation(STORED[name])
    sides = [
        duals(record, q, q, np.zeros_like(q)) for q in (a, c)
    ]  # of one input with itself
    found = duals(record, a, c, np.copysign(deficit, b))
    for k, what in enumerate("AD"):
        scale = np.sqrt(sides[0][k] * sides[1][k])
        assert np.abs((found[k] - exact(name, what)) / scale).max() < 1e-10


def in_polar_coordinates(derivative, q_ii, q_jj, deficit):
    """E[phi'(u) phi'(v)] for a kink at zero, which lies along four rays."""
    x, w = np.polynomial.legendre.leggauss(24)

    def panels(edges):
        edges = np.unique(edges)
        half = 0.5 * np.diff(edges)[:, None]
        return (edges[:-1, None] + half * (1.0 + x)).ravel(), (half * w).ravel()

    turn = np.arctan2(np.sqrt(deficit * (2.0 - deficit)), 1.0 - deficit)
    rays = (np.array([0.0, np.pi, turn, turn + np.pi]) + 0.5 * np.pi) % (2.0 * np.pi)
    grades = np.append(0.0, np.geomspace(1e-14, 0.5, 50))
    edges = np.concatenate([rays + s * g for g in grades for s in (-1, 1)])
    angle, share = panels(np.append(edges.clip(0.0, 2.0 * np.pi), [0.0, 2.0 * np.pi]))
    radius, weight = panels([0.0, *np.geomspace(1e-12, 1.0, 40), *np.arange(1.5, 13)])
    weight = weight * radius * np.exp(-0.5 * radius**2) / (2.0 * np.pi)
    total = 0.0
    for part, share_of_part in zip(angle, share, strict=True):
        u = np.sqrt(q_ii) * np.cos(part) * radius
        v = np.sqrt(q_jj) * np.cos(part - turn) * radius
        total += share_of_part * (weight @ (derivative(u) * derivative(v)))
    return total


@pytest.mark.parametrize(
    ("q_ii", "q_jj", "deficit"),
    [(1.0456, 0.7497, 1e-6), (0.1095, 0.1607, 1e-6), (1.91, 1.91, 1e-8)],
)
def test_derivatives_with_a_kink_of_nearly_equal_inputs(q_ii, q_jj, deficit):
    """Integrals that are split along other lines are 1e-6 off: one here is not."""
    record = get_activation("softsign")
    _, D = duals(record, [q_ii], [q_jj], [deficit])
    expected = in_polar_coordinates(record.phi_derivative, q_ii, q_jj, deficit)
    assert_allclose(D[0], expected, rtol=1e-12)


def test_inputs_of_unlike_variances():
    """The tail of one side, far below rounding, once cut the series of the other."""
    rng = np.random.default_rng(0)
    q, r = np.exp(rng.uniform(np.log(1e-2), np.log(1e2), (2, 60)))
    eta = 10.0 ** rng.uniform(-3.0, -0.5, 60)
    tanh = get_activation("tanh")
    together = np.array(duals(tanh, q, r, eta))
    # One pair alone has as many terms as it needs, or is integrated.
    alone = [duals(tanh, *(part[k : k + 1] for part in (q, r, eta))) for k in range(60)]
    # Errors were up to 3e-10.
    assert_allclose(together, np.hstack(alone), rtol=0, atol=5e-11)


@each_stored
def test_kernels_are_the_exact_ones(name):
    for depth in range(1, 5):
        variances = {
            which: EXACT[which][: depth + 1]
            for which in ("weight_variance", "bias_variance")
        }
        for kind, what in ((NNGPKernel, "nngp"), (NTKernel, "ntk")):
            kernel = kind(depth, STORED[name], **variances)
            key = f"network_{name.removesuffix('_kinks_found')}_{what}"
            expected = EXACT[key][depth - 1]
            scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
            found = kernel(EXACT["X"])
            assert np.abs((found - expected) / scale).max() < 1e-11
            assert_allclose(kernel.diag(EXACT["X"]), np.diag(expected), rtol=1e-12)
            assert_allclose(kernel.components(EXACT["X"])[-1].shape, (5, 5))


@pytest.mark.parametrize("activation", ["tanh", "elu", "hard_tanh"])
def test_many_rows_are_interpolated_and_few_are_not(activation):
    X = np.random.default_rng(0).standard_normal((400, 3))
    X[0] = 0.0
    kernel = NTKernel(2, activation)
    K = kernel(X)
    assert_allclose(K[:9, :9], kernel(X[:9]), atol=1e-10 * K.max())
    assert_allclose(K[:9], kernel(X[:9], X), atol=1e-10 * K.max())
    assert np.linalg.eigvalsh(K)[0] > -1e-9 * K.max()
    assert_array_equal(K, K.T)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu"])
def test_wide_networks_of_scikit_learn_have_these_kernels(activation):
    """At initialisation, with a width of 4000: within Monte-Carlo error, both sides."""
    rng = np.random.default_rng(3)
    # Weights are uniform: with as many inputs, sums of them are normal variables.
    n_inputs, width, count = 1000, 4000, 12
    X = 2.0 * rng.standard_normal((6, n_inputs))
    X[1] = X[0] + 0.3 * X[1]
    X[3] = 0.5 * X[3] - X[2]
    third = (2.0 if activation == "logistic" else 6.0) / 3.0
    first, last = third / (n_inputs + width), third / (width + 1)
    kernel = NNGPKernel(
        1,
        {"logistic": "sigmoid"}.get(activation, activation),
        weight_variance=[first * n_inputs, last * width],
        bias_variance=[first, last],
    )
    expected, found = kernel(X), []
    for seed in range(count):
        W, b = first_weights(activation, n_inputs, width, seed)
        H = unit(activation)(X @ W + b)
        # The mean over the read-out's weights is known.
        found.append(H @ H.T * last + last)
    found = np.array(found)
    error = found.mean(axis=0) - expected
    spread = found.std(axis=0, ddof=1) / np.sqrt(count)
    assert np.abs(error / spread).max() < 4.5
    assert spread.max() < 0.02 * np.abs(expected).max()


def unit(activation):
    return {
        "tanh": np.tanh,
        "relu": lambda z: np.maximum(z, 0.0),
        "logistic": lambda z: 1.0 / (1.0 + np.exp(-z)),
    }[activation]


def first_weights(activation, n_inputs, width, seed):
    """The arrays of a network's first layer, as scikit-learn draws them."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((5, n_inputs)), rng.standard_normal(5)
    # Steps of next to nothing leave the arrays as they were drawn.
    options = {"solver": "sgd", "learning_rate_init": 1e-300, "alpha": 0.0}
    options |= {"hidden_layer_sizes": (width,), "activation": activation}
    net = MLPRegressor(random_state=seed, max_iter=1, **options)
    with pytest.warns(ConvergenceWarning):
        net.fit(X, y)
    return net.coefs_[0], net.intercepts_[0]


# -- gradients ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "activation", [*SERIES, arctan, USER], ids=[*SERIES, "arctan", "bent"]
)
def test_gradients_are_differences(activation):
    """Of all hyperparameters, on x, x again, -x, 2x and a zero row."""
    free = (1e-3, 1e3)
    kernel = WeightedNTKernel(
        2,
        activation,
        weight_variance=[1.7, 1.2, 1.3],
        bias_variance=[0.2, 0.1, 0.3],
        layer_weights=[0.3, 0.7, 1.1],
        length_scale=[0.8, 1.5, 3.0],
        weight_variance_bounds=free,
        bias_variance_bounds=free,
        length_scale_bounds=free,
    )
    X = hard_rows(3)
    K, gradient = kernel(X, eval_gradient=True)
    theta, h = kernel.theta, 1e-4
    numeric = []
    for step in h * np.eye(len(theta)):
        far = [kernel.clone_with_theta(theta + t * step)(X) for t in (2, 1, -1, -2)]
        numeric.append((8 * (far[1] - far[2]) - far[0] + far[3]) / (12 * h))
    assert_allclose(gradient, np.stack(numeric, axis=-1), atol=3e-7 * K.max())
    G = np.random.default_rng(0).standard_normal((9, 9))
    G += G.T
    expected = np.einsum("ij,ijk->k", G, gradient)
    assert_allclose(kernel.contract(X, G), expected, atol=1e-9 * np.abs(expected).max())


# -- functions of one's own -----------------------------------------------------------


def test_a_function_in_a_kernel_survives_copies(tmp_path):
    X = np.random.default_rng(0).standard_normal((6, 2))
    for activation in (arctan, USER, Activation.from_function(arctan), np.arctan):
        kernel = NTKernel(2, activation)
        K = kernel(X)
        joblib.dump(kernel, tmp_path / "kernel")
        for again in (
            clone(kernel),
            pickle.loads(pickle.dumps(kernel)),
            joblib.load(tmp_path / "kernel"),
        ):
            assert again == kernel
            assert_array_equal(again(X), K)
        assert_allclose(kernel.clone_with_theta(kernel.theta)(X), K, rtol=1e-13)
        assert repr(kernel)


def test_kinks_are_found():
    assert_allclose(kinks_of(build(bent)), [-1.0, 0.5], atol=1e-9)
    assert_allclose(kinks_of(build(lambda z: abs(z - 0.3))), [0.3], atol=1e-9)
    assert not kinks_of(build(np.tanh)).size
    found = NTKernel(1, lambda z: np.maximum(z, 0.0))(EXACT["X"])
    assert_allclose(found, NTKernel(1, "relu")(EXACT["X"]), rtol=1e-9)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (np.sign, "the activation jumps at"),
        (lambda z: np.where(z > 0.3, 1.0, 0.0), r"jumps at 0\.3"),
        (lambda z: z.sum(), "one number for each entry"),
        (lambda z: z if z > 0.0 else 0.0, "must take an array .*ambiguous.*np.where"),
        (math.tanh, r"fails on one of shape \(33,\)"),
        (lambda z: 1.0 / z, "not finite"),
        (lambda z: z + 1j, "real numbers"),
        (lambda z: 0.0 * z, "zero, or too large"),
        (lambda z: np.sin(3000 * z), "no smooth function"),
    ],
)
def test_functions_that_are_no_activations_are_refused(function, sentence):
    with pytest.raises(ValueError, match=sentence):
        NTKernel(1, function)(np.eye(2))


def test_bad_polynomials_are_refused():
    for bad in ((), (0.0, 0.0), (1.0, np.nan), 3.0, ((1.0,),), 17 * (1.0,)):
        with pytest.raises(ValueError, match="coefficients"):
            NTKernel(1, ("polynomial", bad))(np.eye(2))
    line = NTKernel(2, ("polynomial", (0.0, 1.0)))(EXACT["X"])
    assert_allclose(line, NTKernel(2, "identity")(EXACT["X"]), rtol=1e-11)


# -- units that jump ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sign", "step"])
def test_units_that_jump_have_the_kernel_of_the_last_layer(name):
    X = hard_rows(3)[:8]
    kernel = NNGPKernel(1, name, weight_variance=1.5, bias_variance=0.0)
    unit = X / np.linalg.norm(X, axis=1)[:, None]
    half = np.linalg.norm(unit[:, None] - unit, axis=2) / 2
    angle = 2 * np.arcsin(np.clip(half, 0, 1))
    angle = np.where(half > 1 - 1e-12, np.pi, angle)
    expected = 1 - 2 * angle / np.pi if name == "sign" else (np.pi - angle) / 2 / np.pi
    assert_allclose(kernel(X), 1.5 * expected, atol=3e-8)
    for depth in (1, 3):
        whole = NTKernel(depth, name, bias_variance=0.2)
        last = NNGPKernel(depth, name, bias_variance=0.2)
        assert_array_equal(whole(X), last(X))
        assert_allclose(whole.diag(X), np.diag(whole(X)), rtol=1e-14)
    free = NNGPKernel(2, name, weight_variance_bounds=(0.1, 10.0))
    gradient = free(X, eval_gradient=True)[1]
    h = 1e-5
    for k, step in enumerate(h * np.eye(free.n_dims)):
        near = [free.clone_with_theta(free.theta + t * step)(X) for t in (1, -1)]
        numeric = (near[0] - near[1]) / (2 * h)
        # Kernels of parallel rows have the digits of a root of rounding: see above.
        apart = angle > 1e-6
        assert_allclose(gradient[apart, k], numeric[apart], atol=1e-6)


# -- an activation for each layer -----------------------------------------------------


def recursion(X, names, weight_variance, bias_variance):
    """The NTK layer by layer, from the duals alone."""
    q = weight_variance[0] * X @ X.T / X.shape[1] + bias_variance[0]
    total = q.copy()
    for name, w, b in zip(names, weight_variance[1:], bias_variance[1:], strict=True):
        own = np.sqrt(np.diag(q))
        rho = np.clip(q / np.outer(own, own), -1, 1)
        np.fill_diagonal(rho, 1.0)
        sides = [np.broadcast_to(v, q.shape).ravel() for v in (own[:, None], own)]
        eta = np.copysign(1 - np.abs(rho), rho).ravel()
        A, D = duals(get_activation(name), sides[0] ** 2, sides[1] ** 2, eta)
        q = w * A.reshape(q.shape) + b
        total = q + w * D.reshape(q.shape) * total
    return total


@pytest.mark.parametrize(
    "names",
    [
        ("relu", "erf"),
        ("tanh", ("leaky_relu", 0.2), "gelu"),
        ["abs", "relu", "identity"],
        (arctan, "sin"),
        ("relu", ("polynomial", (0.1, 1.0, 0.2))),
    ],
    ids=["two", "three", "list", "function", "polynomial"],
)
@pytest.mark.parametrize("bias", [0.0, 0.2])
def test_each_layer_may_have_its_own(names, bias):
    X = np.random.default_rng(2).standard_normal((40, 3))
    depth = len(names)
    weight, biases = np.linspace(1.2, 1.8, depth + 1), np.full(depth + 1, bias)
    variances = {"weight_variance": weight, "bias_variance": biases}
    expected = recursion(X, names, weight, biases)
    for kernel in (
        NTKernel(depth, names, **variances),
        WeightedNTKernel(depth, names, **variances, layer_weights=1.0),
    ):
        assert_allclose(kernel(X), expected, rtol=1e-9)
        assert_allclose(kernel.diag(X), np.diag(expected), rtol=1e-9)
        assert clone(kernel) == kernel and pickle.loads(pickle.dumps(kernel)) == kernel
    last = NNGPKernel(depth, names, **variances)
    assert_allclose(last(X), kernel.components(X)[-1], rtol=1e-11)
    assert NTKernel(depth, names) != NTKernel(depth, names[::-1])


def test_the_fast_lane_of_rectifiers_in_turn():
    """Many rows of networks without hidden biases have one polynomial."""
    from ntk_sklearn._engine.tiles import gram

    X = np.random.default_rng(2).standard_normal((60, 3))
    for names in (("abs", "relu"), ("relu", "abs"), (("leaky_relu", 0.3), "identity")):
        network = NTKernel(2, names, bias_variance=0.0).network(X)
        fast, slow = (gram(network, X, profile_work=w) for w in (-1.0, np.inf))
        assert_allclose(fast, slow, rtol=1e-12, atol=1e-13 * slow.max())


def test_one_activation_or_one_for_each_layer():
    assert [a.name for a in get_activations("relu", 3)] == 3 * ["relu"]
    assert get_activations(("leaky_relu", 0.3), 2)[1].arguments == (0.3,)
    assert get_activations(CUBIC, 2)[0].arguments == CUBIC[1]
    two = get_activations(("relu", ("leaky_relu", 0.2)), 2)
    assert [a.name for a in two] == ["relu", "leaky_relu"]
    with pytest.raises(ValueError, match="each of the 3 hidden layers, got 2"):
        NTKernel(3, ("relu", "erf"))(np.eye(2))
    with pytest.raises(ValueError, match="must be a name"):
        NTKernel(2, ("relu", "swish"))(np.eye(2))


def test_estimators_learn_with_any_of_them():
    from ntk_sklearn import WNTKRegressor

    X, y = load_diabetes(return_X_y=True)
    X, y = X[:120] * 20, y[:120]
    for activation in ("tanh", ("relu", "silu"), arctan):
        kernel = WeightedNTKernel(2, activation, bias_variance_bounds="fixed")
        model = WNTKRegressor(kernel).fit(X, y)
        assert model.score(X, y) > 0.3


# -- what makes them fast -------------------------------------------------------------


@pytest.mark.parametrize("name", ["tanh", "elu", "hard_tanh"])
def test_inputs_with_themselves_need_no_series(name):
    """Those of a kinked function would not converge, and be integrated one by one."""
    record, q = get_activation(name), np.geomspace(0.1, 5.0, 12)
    own = prepare(record, np.sqrt(q), np.zeros(12))
    A, D = duals(record, q, q, np.zeros(12))
    assert_allclose(A, own.moment, rtol=1e-15)
    assert_array_equal(D, own.slope)


def test_further_inputs_take_no_integrals(monkeypatch):
    """The curves of an interval of variances are remembered."""
    record = Activation.from_function(arctan)
    q = np.random.default_rng(0).uniform(0.3, 3.0, 200)
    first = prepare(record, np.sqrt(q[:150]), np.zeros(150))

    def no_more(*args):
        raise AssertionError("an integral")

    monkeypatch.setattr(_hermite, "_means", no_more)
    monkeypatch.setattr(_hermite, "_on_one_grid", no_more)
    again = prepare(record, np.sqrt(q[50:]), np.zeros(150))
    assert_allclose(again.moment[:100], first.moment[50:], rtol=1e-14)


@pytest.mark.parametrize("activation", ["elu", "selu", "softsign", "hard_tanh"])
@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0])
def test_gradients_of_nearly_parallel_rows_are_continuous(activation, factor):
    """They differ by less than the angle does, however small that is."""
    x, apart = np.random.default_rng(0).standard_normal((2, 5))
    kernel = WeightedNTKernel(
        2, activation, bias_variance=0.1, layer_weights=[1.0, 0.5, 0.7]
    )

    def gradient(distance):
        rows = np.array([x, factor * x + distance * apart])
        return kernel(rows, eval_gradient=True)[1][0, 1]

    expected = gradient(1e-8)
    for distance in (0.0, 1e-16, 1e-15, 1e-14, 1e-12, 1e-10):
        assert_allclose(gradient(distance), expected, rtol=0, atol=2e-8)
