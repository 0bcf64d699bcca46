"""Aligned pairs of every activation: values, slopes and means, beside other ways."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate

from ntk_sklearn.activations import ACTIVATIONS, Activation, duals, get_activation
from ntk_sklearn.activations._deficit import angle_over_sine
from ntk_sklearn.activations._pair_table import LEAST, MOST
from ntk_sklearn.activations._pairs import PairActivation, mean, pairs, slopes

CUBIC = ("polynomial", (-0.2, 0.3, 0.5, 0.1))


def bent(z):
    """A function with two bends, one of them close to zero."""
    return np.where(z < 0.05, -0.3 * z, 2.0 * z - 0.115) + np.maximum(z - 1.0, 0.0) ** 2


def dead_zone(z):
    """A function that vanishes around zero, and so at small variances."""
    return np.sign(z) * np.maximum(np.abs(z) - 0.5, 0.0)


EVERY = [CUBIC if name == "polynomial" else name for name in ACTIVATIONS]
EVERY.append(Activation.from_function(bent, kinks=(0.05, 1.0)))
every = pytest.mark.parametrize(
    "activation", EVERY, ids=lambda a: getattr(a, "name", a)
)


def sides(q, r):
    """Roots and inverses of both variances, as compiled code takes them."""
    return tuple(
        part
        for side in (np.sqrt(q), np.sqrt(r))
        for part in (
            side,
            np.divide(1.0, side, out=np.zeros_like(side), where=side > 0),
        )
    )


def aligned(record, q, b, r):
    """A and D."""
    found = np.empty((2, len(b)))
    pairs(*PairActivation.of(record), b, sides(q, r), *found)
    return found


def some_pairs(low, high, n, seed=0):
    """Variances over decades, and correlations, some of them close to one."""
    rng = np.random.default_rng(seed)
    q, r = np.exp(rng.uniform(np.log(low), np.log(high), (2, n)))
    rho = np.where(rng.random(n) < 0.3, 1.0 - 10.0 ** rng.uniform(-5, -1, n), 0.0)
    rho += (rho == 0.0) * rng.uniform(-1.0, 1.0, n)
    return q, rho * np.sqrt(q * r), r, rho


@every
def test_they_are_the_duals(activation):
    """In the array of coefficients and beyond it, and of exact copies."""
    record = get_activation(activation)
    q, b, r, rho = (
        np.concatenate(parts)
        for parts in zip(
            some_pairs(1e-2, 1e2, 60),
            some_pairs(LEAST / 10, MOST / 1e3, 20),
            strict=True,
        )
    )
    r[:3], b[:3], rho[:3] = q[:3], q[:3], 1.0
    eta = np.copysign(1.0 - np.abs(rho), rho)
    expected = duals(record, q, r, eta)
    own = [duals(record, v, v, np.zeros_like(v)) for v in (q, r)]
    for k, found in enumerate(aligned(record, q, b, r)):
        scale = np.maximum(np.sqrt(own[0][k] * own[1][k]), 1e-300)
        # D of inputs alike changes by the root of a rounding: 1e-8 at 1 - 1e-16, and
        # 1e-11 at 1 - 1e-5, the closest here.
        assert np.abs((found - expected[k]) / scale).max() < 2e-10


@every
def test_slopes_are_those_of_differences(activation):
    record = get_activation(activation)
    q, b, r, rho = some_pairs(0.1, 5.0, 25)
    keep = np.abs(rho) < 0.995  # closer, differences have no digits
    q, b, r = q[keep], b[keep], r[keep]
    out, one = np.empty((6, len(b))), PairActivation.of(record)
    A, D = aligned(record, q, b, r)
    slopes(*one, b, sides(q, r), D, out)
    # The derivatives of A in both variances, of D in all three, and of A in b.
    for row, number, which in (
        (0, 0, 0),
        (1, 2, 0),
        (2, 0, 1),
        (3, 1, 1),
        (4, 2, 1),
        (5, 1, 0),
    ):
        h = 1e-5 * np.sqrt(q * r) if number == 1 else 1e-5 * (q, b, r)[number]
        up, down = (
            aligned(
                record, *(v + s * h * (k == number) for k, v in enumerate((q, b, r)))
            )
            for s in (1.0, -1.0)
        )
        expected = (up - down)[which] / (2.0 * h)
        # Rounding of A and D, of 1e-11 at most, over steps of 1e-5.
        assert_allclose(
            out[row], expected, rtol=2e-5, atol=5e-6 * np.abs(expected).max() + 1e-7
        )
    same = PairActivation.of(record)
    total = np.empty((6, len(q)))
    slopes(*same, q, sides(q, q), aligned(record, q, q, q)[1], total)
    moved = [aligned(record, v, v, v) for v in (q * (1 + 1e-4), q * (1 - 1e-4))]
    expected = (moved[0] - moved[1]) / (2e-4 * q)
    found = total[0] + total[1] + total[5], total[2] + total[3] + total[4]
    for mine, theirs in zip(found, expected, strict=True):
        # The third derivatives that differences leave are 1e-8 of the first.
        assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6 * np.abs(A).max())


@every
def test_means(activation):
    record = get_activation(activation)
    for q in (1e-7, 0.3, 20.0):
        root = np.sqrt(q)

        def weighted(z, power, root=root):
            value = record.phi(np.array(root * z), *record.arguments)
            return float(value) * z**power * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)

        bends = [
            k / root for k in (*record.kinks, 0.0, 0.05, 1.0) if abs(k) < 12 * root
        ]
        expected = [
            integrate.quad(weighted, -12, 12, (power,), points=bends, limit=400)[0]
            for power in (0, 2)
        ]
        found = mean(*PairActivation.of(record), q)
        # d/dq E[phi(z)] = E[phi(z) (z^2 / q - 1)] / (2 q)
        slope = (expected[1] - expected[0]) / (2.0 * q)
        assert_allclose(found[0], expected[0], rtol=1e-8, atol=1e-8 * root)
        assert_allclose(found[1], slope, rtol=1e-6, atol=1e-7 / root)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "step", "cos", bent])
def test_variances_of_zero(activation):
    """An input of zeros is a number: A is its image times the mean of the other."""
    record = get_activation(activation)
    q, r = np.array([0.0, 0.0, 2.0]), np.array([0.0, 2.0, 0.0])
    A, D = aligned(record, q, np.zeros(3), r)
    zero = float(record.phi(np.array(0.0), *record.arguments))
    other = mean(*PairActivation.of(record), 2.0)[0]
    assert_allclose(A, [zero**2, zero * other, zero * other], rtol=1e-12, atol=0)
    assert np.isfinite(D).all()


def test_an_unhashable_function():
    class Callable:
        __hash__ = None

        def __call__(self, z):
            return np.tanh(z)

    record = Activation.from_function(Callable(), name="mine")
    q, b, r, _ = some_pairs(0.1, 10.0, 10)
    expected = aligned(get_activation("tanh"), q, b, r)
    assert_allclose(aligned(record, q, b, r), expected, rtol=1e-10)


def test_a_function_that_vanishes_at_small_variances():
    record = Activation.from_function(dead_zone, kinks=(-0.5, 0.5))
    q, b, r, rho = some_pairs(1e-2, 10.0, 30)
    expected = duals(record, q, r, np.copysign(1.0 - np.abs(rho), rho))
    for found, exact in zip(aligned(record, q, b, r), expected, strict=True):
        assert_allclose(found, exact, rtol=1e-8, atol=1e-10)
    small = np.array([1e-6, 1e-4])
    assert_allclose(aligned(record, small, small, small), 0.0, atol=1e-300)


def test_the_angle_over_its_sine():
    c = np.linspace(0.0, 1.0, 1001, dtype=np.longdouble)
    d = 1.0 - c
    series = 1.0 + d / 3.0 + 2.0 * d**2 / 15.0 + 2.0 * d**3 / 35.0
    with np.errstate(invalid="ignore"):
        exact = np.arccos(c) / np.sqrt(d * (1.0 + c))
    exact = np.where(d < 1e-4, series, exact)
    found = [angle_over_sine(float(one)) for one in c]
    # Two polynomials and a quotient round a few times; the approximation is at 7e-17.
    assert_allclose(found, exact.astype(float), rtol=5e-16)
    assert abs(found[-1] - 1.0) < 3e-16
