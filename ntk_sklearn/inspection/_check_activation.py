"""A check of an activation against its function."""

from __future__ import annotations

import pickle

import numpy as np

from ..activations._base import Activation
from ..activations._duals import duals
from ..activations._registry import get_activation
from ..activations._table import kinks_of
from ..kernels._ntk import NTKernel
from ._check_kernel import check_kernel

# Pairs of variances and a correlation at which duals are integrated.
_PAIRS = ((1.0, 1.0, 0.5), (0.4, 1.7, 0.8), (1.3, 0.6, -0.7), (2.0, 2.0, 0.0))
_TOLERANCE = 1e-8
_SAMPLES = 200_000


def check_activation(activation) -> None:
    """Check that an activation, its derivative and its duals agree.

    The function must act on each entry of an array, always alike, and be continuous,
    unless it is known to jump. Its derivative is compared with differences; its duals
    with integrals, samples and their limits for equal and opposite inputs, and the dual
    of the derivative with the slope of the dual. The record must survive pickling, and
    a kernel with it must pass `check_kernel`.

    Parameters
    ----------
    activation : str, tuple of (str, float), callable or Activation
        The activation.

    Raises
    ------
    ValueError
        If something is wrong; the message is a sentence that says what.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.activations import Activation
    >>> from ntk_sklearn.inspection import check_activation
    >>> check_activation(np.arctan)
    >>> wrong = Activation.from_function(np.arctan, derivative=np.cos)
    >>> check_activation(wrong)
    Traceback (most recent call last):
        ...
    ValueError: phi_derivative is not the derivative of phi: at -2.98 it is -0.986...
    """
    record = get_activation(activation)
    _check_function("phi", record.phi, record.arguments)
    _check_function("phi_derivative", record.phi_derivative, record.arguments)
    kinks = _kinks(record)
    _check_derivative(record, kinks)
    _check_flags(record)
    _check_duals(record, kinks)
    _check_samples(record)
    _check_pickling(record)
    # Units that jump leave, of copies in a second layer, the root of rounding.
    z = np.linspace(-3.1, 2.9, 61)
    jumps = not np.any(record.phi_derivative(z, *record.arguments))
    check_kernel(NTKernel(1 if jumps else 2, record))


def _check_function(name, function, arguments) -> None:
    """Raise if something is no function of an array, entry by entry."""
    z = np.linspace(-3.1, 2.9, 61)
    given = z.copy()
    with np.errstate(all="ignore"):
        first = np.asarray(function(given, *arguments))
        again = np.asarray(function(z.copy(), *arguments))
    if not np.array_equal(given, z):
        raise ValueError(f"{name} changes the array that it is given.")
    if first.shape != z.shape:
        raise ValueError(
            f"{name} must return one number for each entry of its array, got shape "
            f"{first.shape} for {z.shape}."
        )
    if first.dtype.kind not in "fiub":
        raise ValueError(f"{name} must return real numbers, got {first.dtype}.")
    if not np.isfinite(first).all():
        raise ValueError(f"{name} is not finite at {z[~np.isfinite(first)][0]:.3g}.")
    if not np.array_equal(first, again):
        raise ValueError(f"{name} gives different numbers each time it is called.")
    turned = np.asarray(function(z[::-1].copy(), *arguments))[::-1]
    one_by_one = np.array(
        [np.ravel(function(z[k : k + 1], *arguments))[0] for k in (3, 40)]
    )
    scale = 1e-12 * max(1.0, np.abs(first).max())
    apart = np.abs(one_by_one - first[[3, 40]]).max()
    if not max(np.abs(turned - first).max(), apart) <= scale:
        raise ValueError(
            f"{name} must act on each entry of an array alone, but its values depend "
            "on the other entries."
        )


def _kinks(record: Activation) -> np.ndarray:
    """Return where the function may bend."""
    if record.closed_form:
        return np.zeros(1)
    return np.append(kinks_of(record.parameters), 0.0)


def _check_derivative(record: Activation, kinks) -> None:
    """Raise if the derivative is not that of the function."""
    z = np.linspace(-2.98, 3.04, 87)
    z, h = z[np.abs(z[:, None] - kinks).min(axis=1) > 0.02], 1e-4
    f = [record.phi(z + t * h, *record.arguments) for t in (2, 1, -1, -2)]
    numeric = (8.0 * (f[1] - f[2]) - f[0] + f[3]) / (12.0 * h)
    given = record.phi_derivative(z, *record.arguments)
    wrong = np.abs(given - numeric) > 1e-7 * max(1.0, np.abs(numeric).max())
    if wrong.any():
        k = int(np.argmax(wrong))
        raise ValueError(
            f"phi_derivative is not the derivative of phi: at {z[k]:.3g} it is "
            f"{given[k]:.6g}, but differences give {numeric[k]:.6g}."
        )


def _check_flags(record: Activation) -> None:
    """Raise if the record says of the function what is not so."""
    z = np.linspace(-3.0, 3.0, 40)
    whole, arguments = record.phi(z, *record.arguments), record.arguments
    scales = all(
        np.allclose(record.phi(t * z, *arguments), t * whole) for t in (0.5, 3.0)
    )
    if record.homogeneous and not scales:
        raise ValueError(
            "homogeneous is True, but phi(t z) is not t phi(z) for positive t."
        )


# -- integrals ------------------------------------------------------------------------


def _panels(breaks) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of a mean over a normal variable, split at breaks."""
    x, w = np.polynomial.legendre.leggauss(16)
    breaks = np.asarray(breaks, dtype=np.float64)
    edges = np.unique(np.concatenate([np.linspace(-10, 10, 21), breaks]))
    edges = edges[np.abs(edges) <= 10.0]
    half = 0.5 * np.diff(edges)[:, None]
    z = (edges[:-1, None] + half * (1.0 + x)).ravel()
    return z, (half * w).ravel() * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)


def integrals(functions, kinks, q_ii, q_jj, rho) -> list[float]:
    """Return the means of products of functions of two normal variables.

    Parameters
    ----------
    functions : sequence of callable
        Functions of an array.
    kinks : ndarray
        Where they bend or jump.
    q_ii, q_jj, rho : float
        The variances and the correlation, which is not near one.

    Returns
    -------
    list of float
    """
    n_i, n_j = np.sqrt(q_ii), np.sqrt(q_jj)
    spread = np.sqrt(1.0 - rho**2)
    z, weight = _panels(kinks / n_i)
    totals = np.zeros(len(functions))
    for u, share in zip(z, weight, strict=True):
        w, inner = _panels((kinks / n_j - rho * u) / spread)
        v = n_j * (rho * u + spread * w)
        for k, f in enumerate(functions):
            totals[k] += share * f(np.array([n_i * u]))[0] * (inner @ f(v))
    return totals.tolist()


def _check_duals(record: Activation, kinks) -> None:
    """Raise if the duals are not the integrals, or not each other's derivative."""
    arguments = record.arguments
    functions = [
        lambda z: record.phi(z, *arguments),
        lambda z: record.phi_derivative(z, *arguments),
    ]
    for q_ii, q_jj, rho in _PAIRS:
        expected = integrals(functions, kinks, q_ii, q_jj, rho)
        found = _at(record, q_ii, q_jj, rho)
        sizes = [np.sqrt(a * b) for a, b in zip(*_own(record, q_ii, q_jj), strict=True)]
        for name, f, e, size in zip("AD", found, expected, sizes, strict=True):
            if not abs(f - e) <= _TOLERANCE * max(size, 1e-300):
                raise ValueError(
                    f"the dual {name} at variances {q_ii} and {q_jj} and correlation "
                    f"{rho} is {f:.10g}, but the integral is {e:.10g}."
                )
        h = 1e-5
        sides = [_at(record, q_ii, q_jj, rho + t * h)[0] for t in (1, -1)]
        slope = (sides[0] - sides[1]) / (2.0 * h * np.sqrt(q_ii * q_jj))
        if sizes[1] > 0.0 and not abs(slope - found[1]) <= 1e-5 * sizes[1]:
            raise ValueError(
                f"the dual D at correlation {rho} is {found[1]:.8g}, but the slope of "
                f"A is {slope:.8g}."
            )
    _check_ends(record, functions, kinks)


def _at(record, q_ii, q_jj, rho):
    """Return A and D of one pair."""
    A, D = duals(record, [q_ii], [q_jj], [np.copysign(1.0 - abs(rho), rho)])
    return float(A[0]), float(D[0])


def _own(record, *variances):
    """Return A and D of inputs with themselves."""
    return [_at(record, q, q, 1.0) for q in variances]


def _check_ends(record, functions, kinks) -> None:
    """Raise if the duals of equal or opposite inputs are not the means of one."""
    for q in (0.5, 2.0):
        z, weight = _panels(np.concatenate([kinks, -kinks]) / np.sqrt(q))
        u = np.sqrt(q) * z
        for sign, which in ((1.0, "equal"), (-1.0, "opposite")):
            found = _at(record, q, q, sign)
            for name, f, function in zip("AD", found, functions, strict=True):
                e = float(weight @ (function(u) * function(sign * u)))
                size = float(weight @ function(u) ** 2)
                if not abs(f - e) <= _TOLERANCE * max(size, 1e-300):
                    raise ValueError(
                        f"the dual {name} of {which} inputs of variance {q} is "
                        f"{f:.10g}, but the mean is {e:.10g}."
                    )


def _check_samples(record: Activation) -> None:
    """Raise if the dual is not the mean over samples, within six standard errors."""
    rng = np.random.default_rng(0)
    q_ii, q_jj, rho = _PAIRS[1]
    z, w = rng.standard_normal((2, _SAMPLES))
    u, v = np.sqrt(q_ii) * z, np.sqrt(q_jj) * (rho * z + np.sqrt(1 - rho**2) * w)
    product = record.phi(u, *record.arguments) * record.phi(v, *record.arguments)
    error = product.mean() - _at(record, q_ii, q_jj, rho)[0]
    if not abs(error) <= 6.0 * product.std() / np.sqrt(_SAMPLES) + 1e-12:
        raise ValueError(
            "the mean of phi(u) phi(v) over samples differs from the dual by "
            f"{error:.3g}."
        )


def _check_pickling(record: Activation) -> None:
    """Raise if the record does not survive pickling."""
    try:
        again = pickle.loads(pickle.dumps(record))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"the activation cannot be pickled ({error}); make its functions those of "
            "a module, and not lambdas or local ones."
        ) from error
    z = np.linspace(-2.0, 2.0, 9)
    same = np.array_equal(
        again.phi(z, *again.arguments), record.phi(z, *record.arguments)
    )
    if not same:
        raise ValueError("the activation is another function after pickling.")
