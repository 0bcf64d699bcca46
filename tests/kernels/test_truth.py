"""Values, against programs and papers that share nothing with this package."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel

from .. import naive

DATA = Path(__file__).parents[1] / "data"


def cases(name):
    return json.loads((DATA / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def neural_tangents():
    with np.load(DATA / "neural_tangents.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def relu_exact():
    with np.load(DATA / "relu_exact.npz") as arrays:
        return dict(arrays)


def _name(case):
    return "-".join(str(v) for v in list(case.values())[:4])


# -- neural-tangents ------------------------------------------------------------------

# Near-duplicate, antipodal and collinear pairs: neural-tangents keeps 6 digits there.
HARD = {"XX": ((0, 5), (5, 0), (1, 6), (6, 1)), "XY": ((2, 3),)}


@pytest.mark.parametrize("case", cases("neural_tangents"), ids=_name)
@pytest.mark.parametrize("kind", ["ntk", "nngp"])
def test_neural_tangents(neural_tangents, case, kind):
    X, Y = neural_tangents["X"], neural_tangents["Y"]
    depth, name = case["depth"], case["activation"]
    kernel = {"ntk": NTKernel, "nngp": NNGPKernel}[kind](
        depth=depth,
        activation=("leaky_relu", 0.2) if name == "leaky_relu_0_2" else name,
        weight_variance=[case["weight_variance"]] * depth
        + [case["readout_weight_variance"]],
        bias_variance=[case["bias_variance"]] * depth + [case["readout_bias_variance"]],
    )
    for pair, K in (("XX", kernel(X)), ("XY", kernel(X, Y))):
        expected = neural_tangents[f"{case['i']}_{kind}_{pair}"]
        assert K.shape == expected.shape
        hard = np.zeros(K.shape, dtype=bool)
        hard[tuple(zip(*HARD[pair], strict=True))] = True
        assert_allclose(K[~hard], expected[~hard], rtol=1e-10, atol=0)
        # An antipodal pair may be exactly zero: then it is judged by the diagonal.
        norm = np.sqrt(kernel.diag(X))
        scale = np.outer(norm, norm if pair == "XX" else np.sqrt(kernel.diag(Y)))
        off = (
            np.abs(K - expected)[hard] / (1e-6 * np.abs(expected) + 1e-12 * scale)[hard]
        )
        assert off.max() <= 1


def test_the_hard_pairs_are_what_they_are_said_to_be(neural_tangents):
    X, Y = neural_tangents["X"], neural_tangents["Y"]
    assert 0 < np.abs(X[5] - X[0]).max() < 1e-4
    assert_allclose(X[6], -X[1], rtol=1e-4)
    assert_allclose(Y[3], 2 * X[2], rtol=1e-4)


# -- sixty digits ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", cases("relu_exact"), ids=lambda c: f"{c['i']}-depth{c['depth']}"
)
def test_relu_to_the_last_digits(relu_exact, case):
    X, expected = relu_exact["X"], relu_exact[f"{case['i']}_components"]
    assert len(X) == 9 and (X == 0).all(axis=1).sum() == 1  # the zero row is there
    network = {k: case[k] for k in ("depth", "weight_variance", "bias_variance")}
    kernel = NTKernel(**network)
    diagonals = np.einsum("lii->li", expected)
    scale = np.sqrt(diagonals[:, :, None] * diagonals[:, None, :])
    for components in (kernel.components(X), kernel.components(X, X.copy())):
        assert components.shape == expected.shape
        assert (np.abs(components - expected) <= 1e-12 * scale).all()
    total = expected.sum(axis=0)
    scale = np.sqrt(np.outer(np.diag(total), np.diag(total)))
    for K in (kernel(X), kernel(X, X.copy())):
        assert (np.abs(K - total) <= 1e-12 * scale).all()
    assert (np.abs(kernel.diag(X) - np.diag(total)) <= 1e-12 * np.diag(total)).all()
    nngp = NNGPKernel(**network)(X)
    assert (np.abs(nngp - expected[-1]) <= 1e-12 * scale).all()


# -- golden values --------------------------------------------------------------------

X_GOLDEN = np.array(
    [[1, 0.3, -0.5, 0.8, 0.1], [0.2, -1.1, 0.4, 0.9, -0.7], [0.9, 0.5, -0.4, 0.6, 0.3]]
)
GOLDEN_NETWORK = {
    "depth": 2,
    "weight_variance": [1.7, 2.0, 1.3],
    "bias_variance": [0.3, 0.1, 0.2],
}
GOLDEN = {  # the first row: NNGP, then K^W and K^b of layers 1 to 3
    "relu": [
        [0.89979, 0.707608404678, 0.850234536698],
        [0.43979, 0.030446707864, 0.338146990166],
        [0.63479, 0.259409479841, 0.546535221609],
        [0.69979, 0.507608404678, 0.650234536698],
        [0.195, 0.083952319477, 0.169525563252],
        [0.065, 0.04498198554, 0.060764253102],
        [0.2, 0.2, 0.2],
    ],
    "erf": [
        [0.808839321929, 0.430947128629, 0.784140816211],
        [0.57120399435, 0.049556174974, 0.502449515417],
        [0.675688361867, 0.182007795204, 0.632739441003],
        [0.608839321929, 0.230947128629, 0.584140816211],
        [0.253268102727, 0.136643864818, 0.251896481659],
        [0.073434578057, 0.055126866149, 0.072618003162],
        [0.2, 0.2, 0.2],
    ],
}
GOLDEN_NTK = {  # nine digits are printed
    "relu": [2.23437, 1.126398897399, 1.965206564827],
    "erf": [2.382434358931, 0.854281829774, 2.243844257452],
    "gelu": [1.77184112, 0.8503571, 1.60915784],
    ("leaky_relu", 0.2): [2.39496659, 1.19867965, 2.15124335],
    "abs": [8.07748, 3.70897992, 6.572719],
    "sin": [2.30028364, 0.74060624, 2.15478853],
    "cos": [2.14337729, 1.05664425, 2.03928164],
    "gaussian": [1.57323002, 0.91192777, 1.47580758],
    ("rbf", 0.7): [10.2987536, 0.84581746, 8.80407135],
}


@pytest.mark.parametrize("activation", GOLDEN_NTK, ids=str)
def test_golden_ntk(activation):
    K = NTKernel(activation=activation, **GOLDEN_NETWORK)(X_GOLDEN)
    assert_allclose(K[0], GOLDEN_NTK[activation], rtol=2e-8)


@pytest.mark.parametrize("activation", GOLDEN)
def test_golden_terms_of_weights_and_biases(activation):
    """`bias_weights` takes a layer's two terms apart."""
    nngp, *terms = GOLDEN[activation]
    found = NNGPKernel(activation=activation, **GOLDEN_NETWORK)(X_GOLDEN)[0]
    assert_allclose(found, nngp, atol=1e-12)
    nothing = np.zeros(3)
    for l in range(3):
        one = np.eye(3)[l]
        for weights, biases, expected in (
            (one, nothing, terms[l]),
            (nothing, one, terms[3 + l]),
        ):
            kernel = WeightedNTKernel(
                activation=activation,
                layer_weights=weights,
                layer_weights_bounds="fixed",
                bias_weights=biases,
                **GOLDEN_NETWORK,
            )
            assert_allclose(kernel(X_GOLDEN)[0], expected, atol=1e-12)
            assert_allclose(kernel(X_GOLDEN, X_GOLDEN.copy())[0], expected, atol=1e-12)
            assert_allclose(kernel.diag(X_GOLDEN)[0], expected[0], atol=1e-12)


# -- other people's conventions -------------------------------------------------------


def test_the_wntk_authors_code():
    """Their depth 5 is 4 hidden layers; no 1/d, no factor 2, no bias."""
    kernel = NTKernel(depth=4, weight_variance=[5, 1, 1, 1, 1], bias_variance=0.0)
    expected = [
        0.0033417476034,
        0.0173964486187,
        0.0382136580751,
        0.0662080859918,
        0.1019136632572,
    ]
    assert_allclose(kernel.components(X_GOLDEN)[:, 0, 1], expected, atol=2e-13)
    assert_allclose(
        kernel(X_GOLDEN)[0], [0.621875, 0.227073603546, 0.471339204558], atol=1e-12
    )


def _arora(X, L):
    """Arora et al. 2019: ``|x| |x'| k_L(cos)``, by their recursion."""
    norm = np.linalg.norm(X, axis=1)
    g = np.outer(norm, norm)
    r = k = np.clip(X @ X.T / g, -1, 1)
    for _ in range(L):
        t = np.arctan2(np.sqrt(1 - r**2), r)
        kappa0, kappa1 = 1 - t / np.pi, (np.sin(t) + (np.pi - t) * r) / np.pi
        r, k = kappa1, k * kappa0 + kappa1
    return g * k, g * r


@pytest.mark.parametrize("L", [1, 3, 6])
def test_arora_2019(L):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((8, 5))
    network = {"depth": L, "weight_variance": [5.0] + [2.0] * L, "bias_variance": 0.0}
    K = NTKernel(**network)(X)
    ntk, nngp = _arora(X, L)
    off = ~np.eye(8, dtype=bool)  # their cosine is blind on the diagonal
    assert_allclose(K[off], ntk[off], rtol=1e-12)
    assert_allclose(np.diag(K), (L + 1) * (X**2).sum(axis=1), rtol=1e-13)
    assert_allclose(NNGPKernel(**network)(X)[off], nngp[off], rtol=1e-12)
    # Their UCI code has no factor 2: every layer's term shrinks alike.
    plain = NTKernel(depth=L, weight_variance=[5.0] + [1.0] * L, bias_variance=0.0)
    assert_allclose(2.0**L * plain.components(X), NTKernel(**network).components(X))


@pytest.mark.parametrize("beta2", [0.0, 0.4])
@pytest.mark.parametrize("size", [1.0, 0.009, 1e-8, 1e8])
def test_scikit_ntk(beta2, size):
    """Biases that start at 0 but are trained: out of the covariance, in the kernel."""
    rng = np.random.default_rng(1)
    X, L = size * rng.standard_normal((7, 4)), 3
    gain = np.array([4.0] + [2.0] * L)
    derivatives = np.ones((L + 1, 7, 7))
    q, diag = X @ X.T, (X**2).sum(axis=1)  # with c = 2 the diagonal stays
    terms = [q]
    for l in range(L):
        A, D = naive.dual("relu", diag[:, None], q, diag[None, :])
        q = 2 * A
        derivatives[: l + 1] *= 2 * D
        terms.append(q)
    expected = (np.array(terms) * derivatives + beta2 * derivatives).sum(axis=0)
    expected /= (L + 1) * (beta2 + 1)

    tiny = 1e-100 if beta2 else 0.0  # a bias too small to be seen, learning fast
    kernel = WeightedNTKernel(
        depth=L,
        weight_variance=gain,
        bias_variance=tiny,
        bias_weights=[beta2 / tiny] * (L + 1) if beta2 else None,
    )
    K = kernel(X) / ((L + 1) * (beta2 + 1))
    off = ~np.eye(7, dtype=bool)
    assert_allclose(K[off], expected[off], rtol=1e-13)
    assert_allclose(np.diag(K), (diag + beta2) / (1 + beta2), rtol=1e-14)


# -- special weights ------------------------------------------------------------------

NETWORKS = [
    {"depth": 1},
    {"depth": 4, "activation": "erf", "weight_variance": 1.5, "bias_variance": 0.3},
    {
        "depth": 3,
        "activation": ("leaky_relu", 0.2),
        "bias_variance": [0.2, 0, 0.1, 0.4],
    },
    {
        "depth": 2,
        "activation": "gelu",
        "bias_variance": 0.0,
        "length_scale": [1, 2, 3, 4, 5],
    },
]


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_only_the_last_layer_is_the_nngp_kernel(network):
    last = np.zeros(network["depth"] + 1)
    last[-1] = 1
    kernel = WeightedNTKernel(
        layer_weights=last, layer_weights_bounds="fixed", **network
    )
    nngp = NNGPKernel(**network)
    Y = X_GOLDEN[::-1] + 0.1
    assert_allclose(kernel(X_GOLDEN), nngp(X_GOLDEN), rtol=1e-15)
    assert_allclose(kernel(X_GOLDEN, Y), nngp(X_GOLDEN, Y), rtol=1e-15)
    assert_allclose(kernel.diag(Y), nngp.diag(Y), rtol=1e-15)
    assert_allclose(nngp(X_GOLDEN), nngp.components(X_GOLDEN)[-1], rtol=1e-14)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_leading_zeros_are_frozen_layers(network):
    depth = network["depth"]
    components = NTKernel(**network).components(X_GOLDEN)
    assert_allclose(NTKernel(**network)(X_GOLDEN), components.sum(axis=0), rtol=1e-14)
    for frozen in range(depth + 1):
        weights = [0.0] * frozen + [1.0] * (depth + 1 - frozen)
        kernel = WeightedNTKernel(
            layer_weights=weights, layer_weights_bounds="fixed", **network
        )
        assert_allclose(kernel(X_GOLDEN), components[frozen:].sum(axis=0), rtol=1e-13)
    weights = np.linspace(0.3, 2, depth + 1)
    kernel = WeightedNTKernel(layer_weights=weights, **network)
    assert_allclose(kernel(X_GOLDEN), np.tensordot(weights, components, 1), rtol=1e-13)
