"""Each activation's duals, against integrals and finite networks; its gradients."""

import itertools
import pickle
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ntk_sklearn import NTKernel
from ntk_sklearn._engine.tiles import gram
from ntk_sklearn.activations import ACTIVATIONS, Activation, get_activation
from ntk_sklearn.activations import _dispatch as engine
from ntk_sklearn.activations._deficit import arcs
from ntk_sklearn.activations._exponential import decay

from ..cases import ALL_ACTIVATIONS

VARIANCES_AND_CORRELATIONS = list(
    itertools.product((0.3, 1.2), (0.7, 1.9), (-0.97, -0.8, -0.1, 0.0, 0.3, 0.95))
)


def finite(activation):
    """The activation and its derivative as functions of one array."""
    found = get_activation(activation)
    return (
        lambda z: found.phi(z, *found.arguments),
        lambda z: found.phi_derivative(z, *found.arguments),
    )


def engine_duals(activation, n_i, n_j, rho):
    """A and D as the engine computes them for one pair."""
    found = get_activation(activation)
    code, parameters = found.code, found.parameters
    s_i, s_j = np.zeros((2, found.n_statistics, 1))
    engine.statistics(code, parameters, n_i, 0.0, s_i[:, 0])
    engine.statistics(code, parameters, n_j, 0.0, s_j[:, 0])
    eta, D = np.array([np.copysign(1 - abs(rho), rho)]), np.empty(1)
    engine.dual(code, parameters, eta, D, s_i, 0, s_j, 0)
    second = (engine.moments(code, parameters, n**2)[0] for n in (n_i, n_j))
    return np.sqrt(np.prod(list(second))) * np.copysign(1 - abs(eta[0]), eta[0]), D[0]


# -- integrals ------------------------------------------------------------------------


def plane_rule(rho, n_angles=64, n_radii=100, radius=10.0):
    """Points and weights for two normals of correlation `rho`.

    Polar coordinates, with the angles split where either normal changes its sign: so
    the rule is exact to rounding for functions with a kink or a step at zero too,
    which a Gauss-Hermite grid is not.
    """
    x, w = np.polynomial.legendre.leggauss(n_angles)
    s = np.sqrt(1 - rho**2)
    turn = np.arctan2(-rho, s)
    breaks = np.mod([np.pi / 2, -np.pi / 2, turn, turn + np.pi], 2 * np.pi)
    breaks = np.sort(breaks)
    breaks = np.append(breaks, breaks[0] + 2 * np.pi)
    angles, angle_weights = [], []
    for low, high in itertools.pairwise(breaks):
        angles.append((high + low) / 2 + (high - low) / 2 * x)
        angle_weights.append((high - low) / 2 * w)
    t, t_weights = np.concatenate(angles), np.concatenate(angle_weights)
    x, w = np.polynomial.legendre.leggauss(n_radii)
    r = radius / 2 * (1 + x)
    r_weights = radius / 2 * w * r * np.exp(-(r**2) / 2) / (2 * np.pi)
    u = np.outer(r, np.cos(t))
    v = np.outer(r, rho * np.cos(t) + s * np.sin(t))
    return u, v, np.outer(r_weights, t_weights)


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
def test_duals_are_the_integrals(activation):
    phi, derivative = finite(activation)
    for n_i, n_j, rho in VARIANCES_AND_CORRELATIONS:
        u, v, w = plane_rule(rho)
        A, D = engine_duals(activation, n_i, n_j, rho)
        assert_allclose(A, np.sum(w * phi(n_i * u) * phi(n_j * v)), atol=1e-12)
        assert_allclose(
            D, np.sum(w * derivative(n_i * u) * derivative(n_j * v)), atol=1e-12
        )


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
def test_moments_are_the_integrals(activation):
    found, (phi, derivative) = get_activation(activation), finite(activation)
    x, w = np.polynomial.legendre.leggauss(200)
    z = np.concatenate([-6 * (1 + x), 6 * (1 + x)])  # split at zero
    w = np.concatenate([w, w]) * 6 * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    for q in (0.09, 1.0, 3.6):
        A, D = engine.moments(found.code, found.parameters, q)
        n = np.sqrt(q)
        assert_allclose(A, np.sum(w * phi(n * z) ** 2), rtol=1e-12)
        assert_allclose(D, np.sum(w * derivative(n * z) ** 2), rtol=1e-12)
        assert_allclose(engine_duals(activation, n, n, 1.0), (A, D), rtol=1e-13)


# -- finite networks ------------------------------------------------------------------

WIDTH, NETS, DEPTH = 1024, 128, 2
WEIGHT_VARIANCE, BIAS_VARIANCE = [1.7, 2.0, 1.3], [0.3, 0.1, 0.2]


def _flat_product(stack, matrix):
    """``stack @ matrix`` as one product of two matrices, which is much faster."""
    flat = np.ascontiguousarray(stack).reshape(-1, stack.shape[-1])
    return (flat @ matrix).reshape(*stack.shape[:-1], -1)


def layer_terms(functions, X, weights, biases):
    """Empirical terms of finite networks that share their weights.

    One network per pair of functions (activation, derivative); the answer has shape
    (n_networks, depth + 1, n, n), a layer's weights and biases together.
    """
    h = np.broadcast_to(X, (len(functions), *X.shape))
    inputs, slopes = [], []
    for l, (W, b) in enumerate(zip(weights, biases, strict=True)):
        gain = WEIGHT_VARIANCE[l] / W.shape[1]
        inputs.append(gain * (h @ h.swapaxes(1, 2)) + BIAS_VARIANCE[l])
        if l < DEPTH:
            z = gain**0.5 * _flat_product(h, W.T) + BIAS_VARIANCE[l] ** 0.5 * b
            h = np.empty_like(z)
            slope = np.empty_like(z)
            for k, (phi, derivative) in enumerate(functions):
                h[k], slope[k] = phi(z[k]), derivative(z[k])
            slopes.append(slope)
    terms = []
    back = np.ones((len(functions), len(X), 1), dtype=np.float32)  # df / dz
    for l in range(DEPTH, -1, -1):
        terms.append(inputs[l] * (back @ back.swapaxes(1, 2)))
        if l > 0:
            gain = WEIGHT_VARIANCE[l] / WIDTH
            back = gain**0.5 * _flat_product(back, weights[l]) * slopes[l - 1]
    return np.stack(terms[::-1], axis=1)


@pytest.fixture(scope="module")
def network_samples():
    """Empirical terms of random networks, by activation."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((3, 5), dtype=np.float32)
    functions = [finite(activation) for activation in ALL_ACTIVATIONS]
    widths = [5, *[WIDTH] * DEPTH, 1]
    samples = []
    for _ in range(NETS):
        weights = [
            rng.standard_normal((b, a), dtype=np.float32)
            for a, b in itertools.pairwise(widths)
        ]
        biases = [rng.standard_normal(b, dtype=np.float32) for b in widths[1:]]
        samples.append(layer_terms(functions, X, weights, biases))
    by_activation = np.array(samples, dtype=np.float64).swapaxes(0, 1)
    return X.astype(np.float64), dict(zip(ALL_ACTIVATIONS, by_activation, strict=True))


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
def test_finite_networks_have_this_kernel(network_samples, activation):
    """The average of 128 networks is the kernel, layer by layer, to their scatter.

    Their terms differ by some 6 per cent from one to the next, the average by 0.6; the
    finite width leaves a bias of a few parts in 1024, which is below that.
    """
    X, samples = network_samples
    terms = samples[activation]
    kernel = NTKernel(
        DEPTH, activation, weight_variance=WEIGHT_VARIANCE, bias_variance=BIAS_VARIANCE
    )
    for found, expected in (
        (terms, kernel.components(X)),
        (terms.sum(axis=1), kernel(X)),
    ):
        error = found.mean(axis=0) - expected
        spread = found.std(axis=0, ddof=1) / np.sqrt(NETS)
        z = error / spread
        assert np.abs(z).max() < 4.5
        assert spread.max() < 0.02 * np.abs(expected).max()  # so it can see an error


# -- gradients ------------------------------------------------------------------------


def pulled_back(activation, eta, n_i, n_j, bars):
    """What the engine's pullback writes for one pair or several of one input."""
    found = get_activation(activation)
    statistics = np.zeros((found.n_statistics, 1 + eta.size))
    for k, n in enumerate((n_i, *[n_j] * eta.size)):
        one = np.zeros(found.n_statistics)
        engine.statistics(found.code, found.parameters, n, 0.0, one)
        statistics[:, k] = one
    out = np.full((3, eta.size), np.nan)
    arguments = (found.code, found.parameters, eta, statistics, 0, 1)
    engine.pullback(*arguments, bars, tuple(out))
    return out


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
def test_pullback_is_the_derivative(activation):
    """In rho, and in log q_ii and log q_jj, against central differences."""
    r_bar, d_bar, h = 0.7, -1.3, 1e-5

    def value(rho, q_ii, q_jj):
        n_i, n_j = np.sqrt(q_ii), np.sqrt(q_jj)
        A, D = engine_duals(activation, n_i, n_j, rho)
        own = [engine_duals(activation, n, n, 1.0)[0] for n in (n_i, n_j)]
        return r_bar * A / np.sqrt(np.prod(own)) + d_bar * D

    for n_i, n_j, rho in VARIANCES_AND_CORRELATIONS:
        if abs(rho) > 0.96:  # D too bent for a difference
            continue
        eta = np.array([np.copysign(1 - abs(rho), rho)])
        bars = (np.array([r_bar]), np.array([d_bar]))
        ((by_rho, mean, half),) = pulled_back(activation, eta, n_i, n_j, bars).T
        found = (by_rho, mean + half, mean - half)
        q = np.array([n_i**2, n_j**2])
        numeric = [
            value(rho + h, *q) - value(rho - h, *q),
            *(
                value(rho, *(q * np.exp(h * e))) - value(rho, *(q * np.exp(-h * e)))
                for e in np.eye(2)
            ),
        ]
        assert_allclose(found, np.array(numeric) / (2 * h), atol=2e-7)


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
def test_pullback_is_finite_at_the_ends(activation):
    eta = np.array([0.0, 1e-300, -1e-300, 1.0, -1.0])
    ones = np.ones(5)
    assert np.isfinite(pulled_back(activation, eta, 1.0, 1.0, (ones, ones))).all()


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
@pytest.mark.parametrize("n", [1e-8, 0.3, 1.7, 40.0, 1e8])
def test_the_last_statistic_is_the_excess(activation, n):
    """By how much the second moment grows faster than the variance."""
    found, h = get_activation(activation), 1e-4
    if found.homogeneous:
        return
    out = np.zeros(found.n_statistics)
    engine.statistics(found.code, found.parameters, n, 0.0, out)
    low, high = (
        engine.moments(found.code, found.parameters, n**2 * np.exp(sign * h))[0]
        for sign in (-1, 1)
    )
    assert_allclose(out[-1], np.log(high / low) / (2 * h) - 1.0, atol=1e-7)


def test_the_exponential_and_arcs_to_the_last_digits():
    """Of numbers whose functions are known from their series or from libm."""
    y = np.r_[0.0, 10.0 ** np.arange(-300, 2.9, 0.37), 0.3, 0.35, 1.0, 37.5]
    for number in y:
        s, p = decay(number)
        assert_allclose(s + s * p, np.exp(-number), rtol=3e-16)
        assert_allclose((1.0 - s) - s * p, -np.expm1(-number), rtol=3e-16)
    s, p = decay(1e16)
    assert 0.0 <= s + s * p <= 1e-300
    for e in np.r_[10.0 ** -np.arange(0, 40, 0.37), 0.5, 0.4999999, 0.7]:
        r = 1.0 - e
        arc, other = arcs(r, e)
        near = 2.0 * np.arcsin(np.sqrt(e / 2.0))
        assert_allclose(other, near, rtol=3e-16)
        assert_allclose(arc, np.arcsin(r) if e > 0.1 else np.pi / 2 - near, rtol=4e-16)
    tiny = 10.0 ** -np.arange(1.0, 300.0, 7.0)
    assert_allclose([arcs(r, 1.0 - r)[0] for r in tiny], np.arcsin(tiny), rtol=3e-16)


# -- the registry ---------------------------------------------------------------------


def test_the_promised_activations_are_registered():
    promised = {"relu", "leaky_relu", "abs", "identity", "erf", "gelu"}
    promised |= {"sin", "cos", "gaussian", "rbf"}
    assert promised <= set(ACTIVATIONS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_records_are_complete(name):
    record = ACTIVATIONS[name]
    assert isinstance(record, Activation)
    assert record.name == name
    assert len(record.reference) > 10
    if record.argument_name is not None:  # then users may give another one
        argument = record.arguments
        if record.argument_name != "coefficients":
            (argument,) = argument
        assert get_activation((name, argument)) == record
    parameters = record.parameters
    assert parameters.dtype == np.float64 and np.isfinite(parameters).all()


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
def test_derivatives_and_homogeneity_are_the_functions_own(activation):
    phi, derivative = finite(activation)
    z = np.linspace(-3, 3, 40)  # 0 is not among them
    h = 1e-6
    numeric = (phi(z + h) - phi(z - h)) / (2 * h)
    assert_allclose(derivative(z), numeric, atol=1e-8)
    scales = all(np.allclose(phi(t * z), t * phi(z)) for t in (0.5, 3.0))
    assert get_activation(activation).homogeneous == scales
    assert get_activation(activation).even == np.allclose(phi(z), phi(-z))


def test_even_ones_are_told_from_their_function():
    even = {name for name, record in ACTIVATIONS.items() if record.even}
    assert even == {"abs", "gaussian", "cos"}
    assert get_activation(("leaky_relu", -1.0)).even
    assert not get_activation(("leaky_relu", -0.9)).even


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
def test_records_can_be_pickled(activation):
    record = get_activation(activation)
    again = pickle.loads(pickle.dumps(record))
    assert again == record
    assert_array_equal(again.parameters, record.parameters)
    z = np.linspace(-2, 2, 9)
    assert_array_equal(again.phi(z, *again.arguments), finite(activation)[0](z))


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS, ids=str)
def test_statistics_fill_the_rows_that_the_record_says(activation):
    """Jitted code does not check: one more would be written past the end."""
    found = get_activation(activation)
    out = np.full(found.n_statistics + 4, np.nan)
    engine.statistics(found.code, found.parameters, 1.3, 0.0, out)
    assert np.isfinite(out[: found.n_statistics]).all()
    assert np.isnan(out[found.n_statistics :]).all()
    assert (found.n_statistics == 0) == found.homogeneous


@pytest.mark.parametrize("code", [-1, 7, 99])
def test_a_code_that_no_family_has_is_refused(code):
    """By each of the four functions, and so by the engine; none takes what is left."""
    parameters, one = np.ones(5), np.ones(1)
    rows, out = np.ones((6, 1)), (np.ones(1), np.ones(1), np.ones(1))
    kernel = NTKernel(2, "erf")
    X = np.ones((3, 2))
    network = kernel.network(X)
    codes = np.array([code, code])
    unknown = replace(network, layers=network.layers._replace(codes=codes))
    for function, arguments in (
        (engine.moments, (code, parameters, 1.0)),
        (engine.statistics, (code, parameters, 1.0, 0.0, np.ones(6))),
        (engine.dual, (code, parameters, one, one.copy(), rows, 0, rows, 0)),
        (
            engine.pullback,
            (code, parameters, one, rows, 0, 0, (one, one), out),
        ),
        (gram, (unknown, X)),
    ):
        with pytest.raises(ValueError, match="no family of activations has this code"):
            function(*arguments)


def test_an_argument_changes_the_function():
    assert finite(("leaky_relu", 0.2))[0](-1.0) == -0.2
    assert finite("leaky_relu")[0](-1.0) == -0.01
    assert finite(["gaussian", 2])[0](1.0) == np.exp(-2.0)
    X = np.array([[1.0, -0.5], [0.3, 2.0]])
    for slope, name in ((0.0, "relu"), (-1.0, "abs"), (1.0, "identity")):
        twin = NTKernel(2, ("leaky_relu", slope))
        assert_allclose(twin(X), NTKernel(2, name)(X), rtol=1e-15)
