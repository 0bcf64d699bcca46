r"""How signals pass through a random network: the ordered and the chaotic phase.

In a deep random network, the variance of the pre-activations tends to a fixed point
:math:`q^*`, and so does the correlation of two inputs. :math:`\chi = \sigma_w^2 E[
\phi'(z)^2]` at the fixed point is the factor by which small differences grow in each
layer. Below one they die out and all inputs look the same in the end, the ordered
phase; above one equal inputs are driven apart, the chaotic phase. In both the NTK of a
deep network forgets the inputs. At the edge of chaos, where it is one, it does not, or
slowly.

References
----------
Poole, Lahiri, Raghu, Sohl-Dickstein and Ganguli, "Exponential expressivity in deep
neural networks through transient chaos", NeurIPS 2016. Schoenholz, Gilmer, Ganguli and
Sohl-Dickstein, "Deep Information Propagation", ICLR 2017.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..activations._base import Activation
from ..activations._dispatch import prepare
from ..activations._duals import duals
from ..activations._registry import get_activation
from ._checked import checked_number
from ._gaussian import normal_mean, product_mean

# Variances between which a fixed point is looked for, and how many of them.
_LEAST, _MOST, _TRIED = 1e-9, 1e9, 84
# chi this close to one is the edge of chaos.
_EDGE = 1e-9


class Phase(NamedTuple):
    """The phase of deep random networks with given variances.

    Attributes
    ----------
    name : {"ordered", "edge of chaos", "chaotic"}
        The phase.
    variance : float
        The fixed point of the variance of the pre-activations: 0 or infinity if it
        shrinks or grows for ever, and the variance of the first layer if every variance
        is kept, as for rectifiers at the edge of chaos.
    chi : float
        The factor by which the squared difference of nearly equal inputs grows in a
        layer. Where the variance is 0 or infinity, its value near there.
    correlation : float
        The correlation that two inputs tend to.
    correlation_length : float
        The number of layers in which the distance from this correlation falls by a
        factor of e; infinite at the edge of chaos. The NTK of a network that is many
        times deeper does not depend on the inputs.

    Examples
    --------
    >>> from ntk_sklearn.dynamics import phase
    >>> ordered = phase("erf", weight_variance=1.0, bias_variance=0.1)
    >>> ordered.name, round(ordered.correlation_length, 2)
    ('ordered', 4.41)
    """

    name: str
    variance: float
    chi: float
    correlation: float
    correlation_length: float


def phase(activation, weight_variance, bias_variance, first_variance=1.0):
    """Return the phase of deep random networks with given variances.

    Parameters
    ----------
    activation : str, tuple of (str, float), Activation or pair of callables
        The activation: that of a kernel, or a pair of functions of an array, the
        activation and its derivative, which may have a kink at zero, but nowhere else.
    weight_variance : float
        Variance of the weights of the hidden layers, times their number of inputs.
    bias_variance : float
        Variance of the biases.
    first_variance : float, default=1.0
        Variance of the pre-activations of the first layer, which is kept if every
        variance is a fixed point.

    Returns
    -------
    Phase

    Examples
    --------
    >>> from ntk_sklearn.dynamics import phase
    >>> phase("relu", weight_variance=2.0, bias_variance=0.0).name
    'edge of chaos'
    >>> round(phase("erf", weight_variance=4.0, bias_variance=0.05).correlation, 4)
    0.1131
    """
    means = _means_of(activation)
    variances = (
        checked_number("weight_variance", weight_variance, zero=False),
        checked_number("bias_variance", bias_variance, zero=True),
    )
    first = checked_number("first_variance", first_variance, zero=False)
    variance, chi = _growth(means, *variances, first)
    inside = float(np.clip(variance, _LEAST, _MOST))
    square = means.squares(inside)[0]
    # Relative to the variance, which grows or shrinks if it has no fixed point.
    factor = chi * inside / (variances[0] * square + variances[1])
    correlation = 1.0
    if factor > 1.0 + _EDGE:
        correlation, factor = _chaotic_correlation(means, variances, inside)
    name = "edge of chaos" if abs(chi - 1.0) < _EDGE else "chaotic"
    if chi < 1.0 - _EDGE:
        name = "ordered"
    return Phase(name, variance, chi, correlation, _length(factor))


def growth(activation, weight_variance, bias_variance, first_variance=1.0):
    """Return `Phase.variance` and `Phase.chi` alone, which takes less time.

    Parameters
    ----------
    activation, weight_variance, bias_variance, first_variance
        As in `phase`.

    Returns
    -------
    variance, chi : float
    """
    means = _means_of(activation)
    return _growth(means, weight_variance, bias_variance, first_variance)


def _growth(means, weight_variance, bias_variance, first_variance):
    variance = _fixed_point(means, weight_variance, bias_variance, first_variance)
    inside = float(np.clip(variance, _LEAST, _MOST))
    return variance, weight_variance * means.squares(inside)[1]


def edge_of_chaos(activation, variance=1.0):
    """Return the variances with a given fixed point at the edge of chaos.

    The fixed point need not attract: that of GELU repels, so that the variance of deep
    networks slowly drifts away from it.

    Parameters
    ----------
    activation : str, tuple of (str, float), Activation or pair of callables
        As in `phase`.
    variance : float, default=1.0
        The fixed point of the variance of the pre-activations.

    Returns
    -------
    weight_variance : float
    bias_variance : float
        Negative if there is no such network.

    Examples
    --------
    >>> from ntk_sklearn.dynamics import edge_of_chaos
    >>> [round(x, 4) for x in edge_of_chaos("erf", 1.0)]
    [1.7562, 0.1841]
    """
    variance = checked_number("variance", variance, zero=False)
    square, slope = _means_of(activation).squares(variance)
    if slope == 0.0:
        raise ValueError(
            f"activation {activation!r} has the derivative zero, so that its networks "
            "have no edge of chaos."
        )
    return 1.0 / slope, variance - square / slope


def critical_variances(activation, variance=1.0):
    r"""Return the variances at the edge of chaos, where signals pass through any depth.

    There :math:`\sigma_w^2 E[\phi'(z)^2] = 1` and :math:`\sigma_w^2 E[\phi(z)^2]
    + \sigma_b^2 = q` for z of the variance q.

    Parameters
    ----------
    activation : str, tuple of (str, float), callable, Activation or pair of callables
        As in `phase`.
    variance : float, default=1.0
        The variance q of the pre-activations, as standardised inputs have it.

    Returns
    -------
    weight_variance : float
    bias_variance : float

    Raises
    ------
    ValueError
        If no network with this variance is at the edge of chaos.

    Examples
    --------
    >>> from ntk_sklearn.dynamics import critical_variances
    >>> [round(x, 6) for x in critical_variances("relu")]
    [2.0, 0.0]
    >>> [round(x, 4) for x in critical_variances("tanh")]
    [2.1533, 0.151]
    """
    weight_variance, bias_variance = edge_of_chaos(activation, variance)
    if bias_variance < -_EDGE * variance:
        raise ValueError(
            f"networks of the activation {activation!r} with pre-activations of "
            f"variance {variance:.6g} have no edge of chaos: it would need a bias "
            f"variance of {bias_variance:.3g}; see recommended_variances."
        )
    return weight_variance, max(bias_variance, 0.0)


def recommended_variances(activation, variance=1.0):
    """Return variances with which signals pass through deep networks.

    They are those of the edge of chaos, if there are any with the given variance of the
    pre-activations. Otherwise they keep this variance without biases; such a network is
    in the ordered phase, so that it should not be many times deeper than its
    correlation length.

    Parameters
    ----------
    activation : str, tuple of (str, float), Activation or pair of callables
        As in `phase`.
    variance : float, default=1.0
        The variance of the pre-activations, as standardised inputs have it.

    Returns
    -------
    weight_variance : float
        For hidden layers and the read-out.
    bias_variance : float

    Examples
    --------
    >>> from ntk_sklearn.dynamics import recommended_variances
    >>> [round(x, 6) for x in recommended_variances("relu")]
    [2.0, 0.0]
    """
    means = _means_of(activation)
    square, slope = means.squares(float(variance))
    if slope == 0.0:  # units that jump
        return float(variance / square), 0.0
    weight_variance, bias_variance = edge_of_chaos(activation, variance)
    if bias_variance < -_EDGE * variance:
        return float(variance / square), 0.0
    return weight_variance, max(bias_variance, 0.0)


# -- the maps -------------------------------------------------------------------------


class _Exact:
    """Means of a registered activation or a record: those that the kernels have."""

    def __init__(self, record: Activation):
        self.record = record

    def squares(self, variance):
        """Return ``E[phi^2]`` and ``E[phi'^2]`` at a variance."""
        found = prepare(self.record, np.array([np.sqrt(variance)]), np.zeros(1))
        return float(found.moment[0]), float(found.slope[0])

    def products(self, variance, correlation):
        """Return the means of products for two variables of a correlation."""
        eta = np.copysign(1.0 - np.abs(correlation), correlation)
        A, D = duals(self.record, [variance], [variance], [eta])
        return float(A[0]), float(D[0])


class _ByQuadrature:
    """Means of a function and its derivative, with a kink at zero at most."""

    def __init__(self, phi, slope):
        self.functions = phi, slope

    def squares(self, variance):
        """Return ``E[phi^2]`` and ``E[phi'^2]`` at a variance."""
        root = np.sqrt(variance)
        return tuple(
            normal_mean(lambda z, f=f: f(root * z) ** 2) for f in self.functions
        )

    def products(self, variance, correlation):
        """Return the means of products for two variables of a correlation."""
        return tuple(product_mean(f, variance, correlation) for f in self.functions)


def _means_of(activation):
    """Return the means of an activation, or of a function and its derivative."""
    is_pair = isinstance(activation, (tuple, list)) and all(map(callable, activation))
    return _ByQuadrature(*activation) if is_pair else _Exact(get_activation(activation))


def _fixed_point(means, weight_variance, bias_variance, first) -> float:
    """Return the smallest variance that the next layer keeps, and that attracts."""
    from scipy.optimize import brentq  # slow to import, needed only here

    def excess(log):
        variance = np.exp(log)
        square = means.squares(variance)[0]
        return (weight_variance * square + bias_variance) / variance - 1.0

    logs = np.linspace(np.log(_LEAST), np.log(_MOST), _TRIED)
    values = np.array([excess(log) for log in logs])
    if np.abs(values).max() < 1e-12:
        return float(first)
    down = np.flatnonzero((values[:-1] > 0.0) & (values[1:] <= 0.0))
    if not down.size:
        return 0.0 if values[0] < 0.0 else np.inf
    between = logs[down[0]], logs[down[0] + 1]
    return float(np.exp(brentq(excess, *between, xtol=1e-15, rtol=9e-16)))


def _chaotic_correlation(means, variances, variance):
    """Return the correlation that attracts in the chaotic phase, and its factor."""
    from scipy.optimize import brentq  # slow to import, needed only here

    weight_variance, bias_variance = variances
    square = means.squares(variance)[0]
    following = weight_variance * square + bias_variance

    def moved(c):
        product = means.products(variance, c)[0]
        return (weight_variance * product + bias_variance) / following - c

    # As close to one as need be; a map that lowers none of them keeps only one.
    tried = (1.0 - b for b in 0.5 ** np.arange(1, 31))
    highest = next((c for c in tried if moved(c) < 0.0), None)
    if highest is None:
        return 1.0, 1.0
    correlation = 0.0
    if abs(moved(0.0)) > 1e-14:
        correlation = float(brentq(moved, 0.0, highest, xtol=1e-15))
    spread = means.products(variance, correlation)[1]
    return correlation, weight_variance * spread * variance / following


def _length(factor) -> float:
    """Return the number of layers in which a factor per layer becomes 1 / e."""
    if factor <= 0.0:
        return 0.0
    return float(-1.0 / np.log(factor)) if factor < 1.0 - _EDGE else np.inf
