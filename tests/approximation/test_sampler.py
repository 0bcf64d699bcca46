import numpy as np
import pytest
from sklearn.base import clone
from sklearn.gaussian_process.kernels import RBF
from sklearn.utils.estimator_checks import parametrize_with_checks

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn.approximation import NTKSampler

X = np.random.default_rng(0).standard_normal((25, 6))

KERNELS = {
    "default": WeightedNTKernel(),
    "one layer": NTKernel(depth=1, bias_variance=0.0),
    "biases": WeightedNTKernel(depth=2, bias_variance=[0.1, 0.5, 1.0]),
    "variances": WeightedNTKernel(depth=2, weight_variance=[1.0, 2.5, 0.7]),
    "weights": WeightedNTKernel(depth=2, layer_weights=[0.3, 1.7, 0.6]),
    "bias weights": WeightedNTKernel(
        depth=2, layer_weights=[0.3, 1.7, 0.6], bias_weights=[2.0, 0.0, 3.0]
    ),
    "frozen read-out": WeightedNTKernel(depth=2, layer_weights=[1.0, 1.0, 0.0]),
    "read-out only": NNGPKernel(depth=3),
    "leaky": NTKernel(depth=2, activation=("leaky_relu", 0.2)),
    "abs": NTKernel(depth=2, activation="abs", weight_variance=1.0),
    "identity": NTKernel(depth=2, activation="identity", weight_variance=1.0),
    "length scales": NTKernel(depth=2, length_scale=[1.0, 2.0, 0.5, 1.0, 3.0, 1.0]),
}


def estimate(kernel, n_components, seed):
    sampler = NTKSampler(kernel, n_components=n_components, random_state=seed)
    Z = sampler.fit_transform(X)
    return Z @ Z.T


@parametrize_with_checks([NTKSampler(n_components=64)])
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_inner_products_estimate_the_kernel(kernel):
    K = kernel(X)
    draws = np.array([estimate(kernel, 600, seed) for seed in range(24)])
    error = np.linalg.norm(draws - K, axis=(1, 2)) / np.linalg.norm(K)
    assert error.mean() < 0.25
    # The mean of 24 independent draws errs by a root of 24 less: there is no bias.
    mean = np.linalg.norm(draws.mean(axis=0) - K) / np.linalg.norm(K)
    assert mean < 2.0 * error.mean() / np.sqrt(24)


@pytest.mark.parametrize("depth", [1, 3])
def test_error_falls_as_the_root_of_the_components(depth):
    kernel = WeightedNTKernel(depth=depth, bias_variance=0.2)
    K = kernel(X)
    sizes = [64, 256, 1024, 4096]
    errors = [
        np.mean(
            [np.linalg.norm(estimate(kernel, m, seed) - K) ** 2 for seed in range(12)]
        )
        ** 0.5
        for m in sizes
    ]
    slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert -0.6 < slope < -0.4


@pytest.mark.parametrize(
    ("activation", "n_components"),
    [("relu", 14), (("leaky_relu", 0.2), 14), ("abs", 7)],
)
def test_pairs_of_complete_directions_know_the_diagonal(activation, n_components):
    """Squares of the features of w and -w sum to one of ``w @ x``, if they differ."""
    kernel = NNGPKernel(depth=1, activation=activation, bias_variance=0.0)
    sampler = NTKSampler(kernel, n_components=n_components, random_state=0)
    Z = sampler.fit_transform(X)  # six columns, and one for the bias
    np.testing.assert_allclose((Z * Z).sum(axis=1), kernel.diag(X), rtol=1e-12)


@pytest.mark.parametrize("weights", [(1e-3, 1.0), (1.0, 1e-3)])
def test_components_go_to_the_layers_that_matter(weights):
    """Next to nothing is lost on a layer of next to no weight."""

    def error(weights):
        kernel = WeightedNTKernel(1, layer_weights=weights, bias_variance=0.0)
        K = kernel(X)
        draws = [estimate(kernel, 200, seed) for seed in range(20)]
        return np.mean([np.linalg.norm(draw - K) ** 2 for draw in draws])

    # It would double with half of the components; the mean of 20 is known to 10 %.
    assert 0.7 < error(weights) / error(np.round(weights)) < 1.4


@pytest.mark.parametrize("n_components", [1, 2, 129, 300])
def test_number_of_components(n_components):
    assert NTKSampler(n_components=n_components).fit_transform(X).shape == (
        25,
        n_components,
    )


def test_float32_is_kept_and_agrees():
    sampler = NTKSampler(n_components=300, random_state=0).fit(X)
    Z = sampler.transform(X.astype(np.float32))
    assert Z.dtype == np.float32
    np.testing.assert_allclose(Z, sampler.transform(X), atol=2e-5)


def test_random_state_decides():
    one, same, other = (estimate(None, 50, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1


def test_names_of_the_output():
    pd = pytest.importorskip("pandas")
    sampler = NTKSampler(n_components=3, random_state=0).set_output(transform="pandas")
    table = sampler.fit_transform(pd.DataFrame(X))
    assert list(table.columns) == [f"ntksampler{i}" for i in range(3)]


def test_copies_of_the_kernel_do_not_matter():
    kernel = WeightedNTKernel(depth=2)
    sampler = NTKSampler(clone(kernel), n_components=8, random_state=0).fit(X)
    before = sampler.transform(X)
    sampler.kernel.depth = 5
    np.testing.assert_array_equal(before, sampler.transform(X))
    assert sampler.kernel_.depth == 2


def test_other_activations_are_refused():
    with pytest.raises(ValueError, match=r"homogeneous activation.*'erf'"):
        NTKSampler(NTKernel(activation="erf")).fit(X)
    with pytest.raises(ValueError, match="n_components"):
        NTKSampler(n_components=0).fit(X)


def test_kernels_of_other_networks_are_refused():
    with pytest.raises(TypeError, match=r"kernel must be an NTKernel, .* got RBF\("):
        NTKSampler(RBF()).fit(X)
    with pytest.raises(ValueError, match=r"'kernel' parameter .* Got 'relu'"):
        NTKSampler("relu").fit(X)
