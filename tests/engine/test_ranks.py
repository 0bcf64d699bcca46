"""Ranks among the inputs: against their steps written out, and everything that follows.

The steps of a rank, written out as columns, are the same kernel exactly, which the
textbook recursion then computes.
"""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.kernel_ridge import KernelRidge

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn._models.sample import first_layer
from ntk_sklearn.approximation import NTKSampler

from .. import naive

STEPS = 32
LINEAR, RANKS = 2, 3
SCALE = np.array([0.7, 1.6, 0.9, 2.0, 1.3])


def _table(n=40, seed=0, linear=LINEAR):
    rng = np.random.default_rng(seed)
    ranks = rng.uniform(size=(n, RANKS))
    ranks[: n // 4] = rng.integers(0, STEPS + 1, (n // 4, RANKS)) / STEPS
    return np.hstack([rng.standard_normal((n, linear)), ranks])


def _steps(p):
    """How far each rank has come on each step, centred and scaled for uniform ranks."""
    k = np.arange(STEPS)
    mean = 1.0 - (k + 0.5) / STEPS
    variance = (STEPS - k - 2 / 3) / STEPS - mean**2
    climbed = np.clip(STEPS * p[:, None] - k, 0, 1) - mean
    return climbed / np.sqrt(variance.sum())


def _written_out(X, scale=SCALE, n_ranks=RANKS):
    """The table with its ranks written out, scaled for a kernel that divides by d."""
    linear = X.shape[1] - n_ranks
    parts = [X[:, :linear] / scale[:linear]]
    parts += [_steps(x) / s for x, s in zip(X.T[linear:], scale[linear:], strict=True)]
    Z = np.hstack(parts)
    return Z * np.sqrt(Z.shape[1] / X.shape[1])


NETWORKS = {
    "profile": {"depth": 3, "bias_variance": [0.3, 0, 0, 0]},
    "recursion": {"depth": 2, "bias_variance": [0.3, 0.2, 0.1]},
    "no bias": {"depth": 1, "bias_variance": 0.0},
    "erf": {"depth": 2, "activation": "erf", "bias_variance": 0.1},
    "abs": {"depth": 2, "activation": "abs", "bias_variance": [0.1, 0, 0.2]},
}
every_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


def _kernel(network, **options):
    w = np.arange(1.0, network["depth"] + 2)
    return WeightedNTKernel(
        **network, layer_weights=w, length_scale=SCALE, n_ranks=RANKS, **options
    )


def _twin(network, X, Y=None):
    w = np.arange(1.0, network["depth"] + 2)
    Y = Y if Y is None else _written_out(Y)
    return naive.weighted(_written_out(X), Y, layer_weights=w, **network)


class TestAgainstTheStepsWrittenOut:
    @every_network
    @pytest.mark.parametrize("n", [40, 300])  # one tile and four; two lanes
    def test_square(self, network, n):
        X = _table(n)
        K, expected = _kernel(network)(X), _twin(network, X)
        # Less for pairs that coincide: the twin's angles are roots of rounding.
        assert_allclose(K, expected, rtol=0, atol=3e-8 * expected.max())
        apart = expected < 0.99 * np.sqrt(
            np.outer(np.diag(expected), np.diag(expected))
        )
        assert apart.mean() > 0.8
        error = np.abs(K - expected)[apart].max()
        assert error < 1e-12 * expected.max()

    @every_network
    def test_rectangle_and_diagonal(self, network):
        X, Y = _table(50), _table(30, seed=1)
        kernel = _kernel(network)
        expected = _twin(network, X, Y)
        assert_allclose(kernel(X, Y), expected, rtol=0, atol=3e-8 * expected.max())
        assert_allclose(kernel.diag(X), np.diag(kernel(X)), rtol=1e-13)

    def test_components(self):
        network = {"depth": 2, "bias_variance": [0.3, 0.2, 0.1]}
        X = _table()
        expected = naive.components(_written_out(X), **network)
        found = _kernel(network).components(X)
        assert_allclose(found, expected, rtol=0, atol=3e-8 * expected.max())

    def test_ranks_alone(self):
        X = _table(linear=0)
        found = NTKernel(depth=1, n_ranks=3, bias_variance=0.2)(X)
        Z = _written_out(X, np.ones(3))
        expected = naive.weighted(Z, depth=1, bias_variance=0.2)
        assert_allclose(found, expected, rtol=0, atol=3e-8 * expected.max())

    def test_single_precision(self):
        network = NETWORKS["profile"]
        X = _table(300)
        found = _kernel(network, dtype="float32")(X)
        assert found.dtype == np.float32
        expected = _kernel(network)(X)
        assert_allclose(found, expected, rtol=0, atol=2e-6 * expected.max())

    def test_nearest_of_all(self):
        # So near that a correlation in double precision would not know the distance.
        kernel = NTKernel(depth=1, n_ranks=1, bias_variance=0.0)
        for p, r in ((0.51, 0.51 + 1e-9), (0.5 - 1e-9, 0.5 + 1e-9)):
            K = kernel([[p], [r]])
            one, two = (z / np.linalg.norm(z) for z in _steps(np.array([p, r])))
            # Near one the NTK over its diagonal is 1 - angle / (2 pi).
            angle = np.linalg.norm(one - two)
            assert angle < 1e-7
            lost = 1.0 - K[0, 1] / np.sqrt(K[0, 0] * K[1, 1])
            assert_allclose(lost, angle / np.pi / 2, rtol=1e-5, atol=3e-15)


class TestGradients:
    @every_network
    @pytest.mark.parametrize("n", [12, 300])
    def test_contraction_against_differences(self, network, n):
        X = _table(n)
        X[1] = X[0]
        free = {"bias_variance_bounds": (1e-3, 1e3), "length_scale_bounds": (0.1, 10.0)}
        kernel = _kernel(network, weight_variance_bounds=(0.1, 10.0), **free)
        G = np.random.default_rng(1).standard_normal((n, n))
        G += G.T
        found, theta = kernel.contract(X, G), kernel.theta
        assert kernel.n_dims > 6
        h = 1e-5
        differences = [
            np.sum(
                G
                * (
                    kernel.clone_with_theta(theta + h * e)(X)
                    - kernel.clone_with_theta(theta - h * e)(X)
                )
            )
            / (2 * h)
            for e in np.eye(theta.size)
        ]
        assert_allclose(found, differences, rtol=0, atol=1e-7 * np.abs(found).max())

    @every_network
    @pytest.mark.parametrize("step", [1e-9, 1e-7, 1e-4])
    def test_near_duplicates(self, network, step):
        # Against the steps written out, whose differences are right to rounding.
        X = _table(1) * np.ones((2, 1))
        X[1] -= step * np.array([1.0, -2.0, 1.0, 0.5, -1.0])
        free = {"bias_variance_bounds": (1e-9, 1e3), "length_scale_bounds": "fixed"}
        ranks = _kernel(network, weight_variance_bounds=(0.1, 10.0), **free)
        plain = clone(ranks).set_params(n_ranks=0, length_scale=1.0)
        expected = plain(_written_out(X), eval_gradient=True)[1][0, 1]
        G = np.array([[0.0, 0.5], [0.5, 0.0]])
        size = 1e-12 * np.abs(ranks(X)).max()
        assert_allclose(ranks.contract(X, G), expected, rtol=0, atol=size)
        found = ranks(X, eval_gradient=True)[1][0, 1]
        assert_allclose(found, expected, rtol=0, atol=size)

    @every_network
    def test_full_gradient_is_what_is_contracted(self, network):
        X = _table(30)
        kernel = _kernel(network, length_scale_bounds=(0.1, 10.0))
        G = np.random.default_rng(1).standard_normal((30, 30))
        G += G.T
        _, gradient = kernel(X, eval_gradient=True)
        full = np.einsum("ij,ijk->k", G, gradient)
        assert_allclose(
            kernel.contract(X, G), full, rtol=0, atol=1e-10 * np.abs(full).max()
        )


class TestProperties:
    @given(st.integers(2, 60), st.integers(0, 5), st.integers(0, 10_000))
    def test_symmetric_and_positive(self, n, n_ranks, seed):
        rng = np.random.default_rng(seed)
        X = rng.uniform(size=(n, 5))
        X[0] = X[-1]
        kernel = NTKernel(depth=2, n_ranks=n_ranks)
        K = kernel(X)
        assert_array_equal(K, K.T)
        assert np.linalg.eigvalsh(K)[0] > -1e-12 * n * K.max()
        order = rng.permutation(n)
        assert_allclose(kernel(X[order]), K[np.ix_(order, order)], rtol=1e-12)

    def test_diagonal_is_one_on_average(self):
        p = (np.arange(32_000)[:, None] + 0.5) / 32_000
        kernel = NNGPKernel(depth=1, activation="identity", bias_variance=0, n_ranks=1)
        assert_allclose(kernel.diag(p).mean() / 4, 1.0, rtol=1e-6)

    def test_no_ranks_is_the_plain_kernel(self):
        X = np.random.default_rng(0).uniform(size=(20, 3))
        assert_array_equal(NTKernel(n_ranks=0)(X), NTKernel()(X))
        assert not np.allclose(NTKernel(n_ranks=1)(X), NTKernel()(X))

    def test_places_in_the_first_layer(self):
        # What rows are clustered by: half as many steps, so nearly the same distances.
        X = _table(60)
        Z = _written_out(X) / np.sqrt(_written_out(X).shape[1] / X.shape[1])
        places = first_layer(_kernel(NETWORKS["profile"]), X)
        exact = np.sum((Z[:, None] - Z) ** 2, axis=2)
        found = np.sum((places[:, None] - places) ** 2, axis=2)
        assert_allclose(found, exact, rtol=0.1, atol=0.1 * exact.mean())
        assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.999

    def test_memory_is_not_shared(self):
        X = _table()
        kernel = _kernel(NETWORKS["profile"])
        first = kernel(X)
        first[:] = 0.0
        assert kernel(X).all()


class TestManners:
    def test_consumers(self):
        X = _table(60)
        y = np.sin(6 * X[:, -1])
        kernel = NTKernel(depth=1, n_ranks=RANKS, length_scale_bounds=(0.1, 10))
        K = kernel(X)
        ridge = KernelRidge(kernel=kernel, alpha=0.1).fit(X, y)
        assert_allclose(K @ ridge.dual_coef_, ridge.predict(X), rtol=1e-10)
        process = GaussianProcessRegressor(kernel, alpha=1e-2).fit(X, y)
        before = GaussianProcessRegressor(kernel, alpha=1e-2, optimizer=None).fit(X, y)
        assert (
            process.log_marginal_likelihood_value_
            > before.log_marginal_likelihood_value_
        )

    def test_clone_pickle_and_repr(self):
        kernel = WeightedNTKernel(depth=1, n_ranks=2)
        assert clone(kernel) == kernel == pickle.loads(pickle.dumps(kernel))
        assert kernel != WeightedNTKernel(depth=1)
        assert repr(kernel).endswith(", n_ranks=2)")
        assert "n_ranks" not in repr(NTKernel())

    @pytest.mark.parametrize(
        ("n_ranks", "error", "sentence"),
        [
            (-1, ValueError, r"n_ranks must be between 0 and the number of features"),
            (4, ValueError, r"got 4 for 3 features"),
            (1.0, TypeError, r"n_ranks must be an integer.*got 1\.0"),
            (True, TypeError, r"n_ranks must be an integer.*got True"),
            ("two", TypeError, r"n_ranks must be an integer.*got 'two'"),
        ],
    )
    def test_bad_number(self, n_ranks, error, sentence):
        with pytest.raises(error, match=sentence):
            NTKernel(n_ranks=n_ranks)(np.zeros((2, 3)))

    @pytest.mark.parametrize("side", ["X", "Y"])
    @pytest.mark.parametrize("bad", [-0.01, 1.01])
    def test_bad_ranks(self, side, bad):
        good = np.full((2, 3), 0.5)
        other = good.copy()
        other[1, 2] = bad
        X, Y = (other, good) if side == "X" else (good, other)
        sentence = (
            rf"{side} must have ranks between 0 and 1 in its last 2 features, as "
            rf"n_ranks=2 says, got values from .* to"
        )
        with pytest.raises(ValueError, match=sentence):
            NTKernel(n_ranks=2)(X, Y)

    def test_the_sampler_refuses_them(self):
        sampler = NTKSampler(NTKernel(n_ranks=1), n_components=20)
        with pytest.raises(ValueError, match=r"kernel without ranks, got n_ranks=1"):
            sampler.fit(np.full((3, 2), 0.5))
