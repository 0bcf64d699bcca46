"""Checks of parts of one's own: they find planted faults, and pass what ships."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import erf

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn.activations import ACTIVATIONS, Activation
from ntk_sklearn.inspection import check_activation, check_kernel, check_objective
from ntk_sklearn.objectives import OBJECTIVES, Evaluation, holdout, loo

from ..cases import SERIES

# -- what ships -----------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n not in SERIES])
def test_closed_forms_pass(name):
    check_activation(name)


@pytest.mark.parametrize("name", SERIES)
def test_series_pass(name):
    check_activation(name)


@pytest.mark.parametrize(
    "kernel",
    [
        NTKernel(),
        NNGPKernel(2, "gelu", length_scale=[0.5, 1.0, 2.0]),
        WeightedNTKernel(2, "erf"),
        NTKernel(2, ("relu", "sin"), weight_variance_bounds=(0.1, 10.0)),
        NTKernel(1) + NNGPKernel(1),
    ],
    ids=str,
)
def test_kernels_pass(kernel):
    check_kernel(kernel)


def test_objectives_pass():
    for name, objective in OBJECTIVES.items():
        if name != "holdout":
            check_objective(objective)
    splits = [(np.arange(0, 12, 2), np.arange(1, 12, 2))]
    check_objective(
        lambda *args, **options: holdout(*args, **options, splits=splits), ordered=True
    )


# -- faults of activations ------------------------------------------------------------


def shifted_erf(z):
    return erf(z * (1.0 + 1e-6))


def shifted_erf_derivative(z):
    return (1.0 + 1e-6) * 2.0 / np.sqrt(np.pi) * np.exp(-((z * (1.0 + 1e-6)) ** 2))


def twice_arctan(z):
    return 2.0 / (1.0 + z**2)


def in_place(z):
    z *= 2.0
    return z


def mean_free(z):
    return np.tanh(z - np.mean(z))


def restless(z):
    return np.tanh(z) + 1e-9 * np.random.default_rng().standard_normal(np.shape(z))


def single(z):
    return np.float64(np.sum(z))


def pole(z):
    with np.errstate(divide="ignore"):
        return 1.0 / (z - 0.1 * np.round(z * 10.0))


def leap(z):
    return np.where(z > 0.37, z + 1.0, z)


def complex_valued(z):
    return z + 1j


of = Activation.from_function
RELU, ERF = ACTIVATIONS["relu"], ACTIVATIONS["erf"]
ACTIVATION_FAULTS = {
    "dual wrong by 1e-6": (
        replace(ERF, phi=shifted_erf, phi_derivative=shifted_erf_derivative),
        "the dual A .* but the integral is",
    ),
    "missing factor": (of(np.arctan, twice_arctan), "not the derivative of phi"),
    "numbers of another slope": (
        replace(RELU, encode=lambda slope: (0.3, 0.5, 0.3 * np.pi)),
        "the dual",
    ),
    "homogeneous by mistake": (
        replace(ERF, homogeneous=True),
        "homogeneous is True",
    ),
    "changes its array": (of(in_place), "changes the array"),
    "depends on other entries": (of(mean_free), "each entry of an array alone"),
    "random": (of(restless), "different numbers each time"),
    "a number": (of(single), "one number for each entry"),
    "pole": (of(pole), "not finite"),
    "complex": (of(complex_valued), "real numbers"),
    "jump": (of(leap), r"jumps at 0\.37"),
    "lambda": (of(lambda z: np.tanh(z) + 0.0), "cannot be pickled"),
}


@pytest.mark.parametrize("fault", ACTIVATION_FAULTS)
def test_faults_of_activations_are_found(fault):
    activation, sentence = ACTIVATION_FAULTS[fault]
    with pytest.raises(ValueError, match=sentence):
        check_activation(activation)


# -- faults of kernels ----------------------------------------------------------------


class Plain(NTKernel):
    """An NTK whose result a subclass spoils."""

    def __call__(self, X, Y=None, eval_gradient=False):
        found = super().__call__(X, Y, eval_gradient)
        if eval_gradient:
            return self.spoil(found[0], X, Y), self.spoil_gradient(found[1])
        return self.spoil(found, X, Y)

    def spoil(self, K, X, Y):
        return K

    def spoil_gradient(self, gradient):
        return gradient


class NanAtADuplicate(Plain):
    def spoil(self, K, X, Y):
        other = X if Y is None else Y
        same = (np.asarray(X)[:, None] == np.asarray(other)[None]).all(axis=2)
        if Y is None:
            np.fill_diagonal(same, False)
        K[same] = np.nan
        return K


class Lopsided(Plain):
    def spoil(self, K, X, Y):
        K[0, 1] += 1e-6
        return K


class Indefinite(Plain):
    def spoil(self, K, X, Y):
        return K - 5.0

    def diag(self, X):
        return super().diag(X) - 5.0


class Cached(Plain):
    kept = None

    def spoil(self, K, X, Y):
        if Y is not None:
            return K
        Cached.kept = K if Cached.kept is None else Cached.kept
        return Cached.kept


class WrongDiagonal(Plain):
    def diag(self, X):
        return super().diag(X) * (1.0 + 1e-6)


class WrongCross(Plain):
    def spoil(self, K, X, Y):
        return K if Y is None else K + 1e-6


class MissingFactor(Plain):
    def spoil_gradient(self, gradient):
        return gradient / 0.1  # in the number, and not its logarithm


class ShortGradient(Plain):
    def spoil_gradient(self, gradient):
        return gradient[..., :0]


class WrongContract(Plain):
    def contract(self, X, G):
        return 2.0 * super().contract(X, G)


class Idle(Plain):
    def spoil(self, K, X, Y):
        return np.ones_like(K)

    def diag(self, X):
        return np.ones(len(X))


class ChangesRows(Plain):
    def spoil(self, K, X, Y):
        X *= 2.0
        return K


class Forgetful(Plain):
    """Has a state that is no parameter."""

    factor = 1.0

    def spoil(self, K, X, Y):
        return K * self.factor

    def diag(self, X):
        return super().diag(X) * self.factor


def forgetful():
    kernel = Forgetful()
    kernel.factor = 2.0
    return kernel


class ReadOnly(Plain):
    def spoil(self, K, X, Y):
        K.flags.writeable = False
        return K


class Lenient(Plain):
    def __call__(self, X, Y=None, eval_gradient=False):
        return super().__call__(np.nan_to_num(X), Y, eval_gradient)


KERNEL_FAULTS = {
    NanAtADuplicate: "of two equal rows of the kernel is nan",
    Lopsided: "not symmetric",
    Indefinite: "not positive semi-definite",
    Cached: "returns the same array again",
    WrongDiagonal: r"diag\(X\) is not the diagonal",
    WrongCross: r"kernel\(X, Y\) is not the same",
    MissingFactor: "differs from differences",
    ShortGradient: "the gradient must have shape",
    WrongContract: r"contract\(X, G\) is not the sum",
    Idle: "changes nothing",
    ChangesRows: "changes the rows",
    forgetful: "a clone of the kernel has other values",
    ReadOnly: "cannot be written to",
    Lenient: "numbers for a row with NaN",
}


@pytest.mark.parametrize("fault", KERNEL_FAULTS, ids=lambda fault: fault.__name__)
def test_faults_of_kernels_are_found(fault):
    with pytest.raises(ValueError, match=KERNEL_FAULTS[fault]):
        check_kernel(fault())


def test_what_is_no_kernel_is_refused():
    with pytest.raises(ValueError, match="instance of a subclass"):
        check_kernel(np.dot)


# -- faults of objectives -------------------------------------------------------------


def half_slope(K, Y, alpha, sample_weight=None):
    found = loo(K, Y, alpha, sample_weight)
    return found._replace(dalpha=0.5 * found.dalpha)


def other_derivative(K, Y, alpha, sample_weight=None):
    found = loo(K, Y, alpha, sample_weight)
    return found._replace(dK=found.dK * (1.0 + 1e-6))


def one_sided(K, Y, alpha, sample_weight=None):
    found = loo(K, Y, alpha, sample_weight)
    return found._replace(dK=np.tril(found.dK))


def overwrites(K, Y, alpha, sample_weight=None):
    return loo(K, Y, alpha, sample_weight, overwrite_K=True)


def ordered(K, Y, alpha, sample_weight=None):
    found = loo(K, Y, alpha, sample_weight)
    return found._replace(value=found.value + 1e-3 * Y[0, 0])


def weighs_wrongly(K, Y, alpha, sample_weight=None):
    factor = 1.0 if sample_weight is None else 2.0
    return Evaluation(*(factor * part for part in loo(K, Y, alpha)))


def a_number(K, Y, alpha, sample_weight=None):
    return loo(K, Y, alpha).value


OBJECTIVE_FAULTS = {
    half_slope: "the derivative in the ridge",
    other_derivative: "the derivative in K",
    one_sided: "dK must be symmetric",
    overwrites: "changes K",
    ordered: "the order of the rows",
    weighs_wrongly: "weights that are all one",
    a_number: "must return an Evaluation",
}


@pytest.mark.parametrize("fault", OBJECTIVE_FAULTS, ids=lambda fault: fault.__name__)
def test_faults_of_objectives_are_found(fault):
    with pytest.raises(ValueError, match=OBJECTIVE_FAULTS[fault]):
        check_objective(fault)


def test_there_are_many_faults():
    assert len(ACTIVATION_FAULTS) + len(KERNEL_FAULTS) + len(OBJECTIVE_FAULTS) >= 30
