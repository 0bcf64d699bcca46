"""Write `digits.npz`: kernels and their derivatives with 60 digits. Needs mpmath.

The textbook recursion, in so many digits that no cancellation matters, from inputs and
parameters that are taken as exactly the floats they are. For pairs of rows of `X`: the
NTK, the NNGP kernel, and the derivative of the NTK along one direction in the
logarithms of all hyperparameters, by central differences.
"""

import itertools
from pathlib import Path

import mpmath as mp
import numpy as np

mp.mp.dps = 200
STEP = mp.mpf(10) ** -45

ACTIVATIONS = {
    "relu": ("leaky_relu", 0.0),
    "leaky_relu": ("leaky_relu", 0.2),
    "leaky_relu_negative": ("leaky_relu", -0.9),
    "abs": ("leaky_relu", -1.0),
    "identity": ("leaky_relu", 1.0),
    "erf": ("erf", None),
    "gelu": ("gelu", None),
    "sin": ("sin", None),
    "cos": ("cos", None),
    "gaussian": ("gaussian", 0.4),
    "rbf": ("rbf", 0.7),
}
WEIGHT_VARIANCE = [1.7, 2.0, 1.3, 0.9]
BIAS_VARIANCE = {"none": [0.0] * 4, "some": [0.3, 0.1, 0.0, 0.2]}
LENGTH_SCALE = [0.8, 1.5, 3.0]
SCALES = [1e-12, 1e-6, 1e-3, 1.0, 1e2, 1e4, 1e8]


def inputs():
    """Return the rows, and the pairs of rows that are of interest."""
    rng = np.random.default_rng(0)
    rows, pairs = [], []
    bases, others = [], []
    for scale in SCALES:
        x, y, z = scale * rng.standard_normal((3, 3))
        across = np.array([x[1], -x[0], 0.0]) * [LENGTH_SCALE[0] / LENGTH_SCALE[1]] * 3
        steps = (1e-15, 1e-12, 1e-8, 1e-5, 1e-3)
        family = [x, x, *(x + step * y for step in steps), x * (1 + 1e-7), 3 * x]
        family += [-x, 1e-8 * y - x, across, z, y]
        if scale > 1.0:  # near by the measure of waves; and nearly collinear
            family += [x + y / scale, 3 * x + y / scale, z / scale - x]
        start = len(rows)
        rows += family
        pairs += [(start, start + k) for k in range(1, len(family))]
        bases.append(start)
        others.append(start + 13)
    zero = len(rows)
    rows.append(np.zeros(3))
    pairs += [(zero, i) for i in bases]
    for a, b in itertools.pairwise(range(len(SCALES))):
        pairs += [(bases[a], bases[b]), (bases[b], others[a])]
    pairs += [(bases[0], bases[-1]), (bases[-1], others[0]), (bases[3], bases[-1])]
    pairs += [(i, i) for i in range(len(rows))]
    return np.array(rows), np.array(pairs)


def dual(name, s, a, b, c):
    """Return ``E[phi(u) phi(v)]`` and ``E[phi'(u) phi'(v)]`` from the covariances."""
    if name == "leaky_relu":
        angle = mp.atan2(mp.sqrt(max(a * c - b**2, mp.mpf(0))), b) if a * c else mp.pi
        slope = (1 + s**2) / 2 - (1 - s) ** 2 * angle / (2 * mp.pi)
        lift = (1 - s) ** 2 / (2 * mp.pi) * mp.sqrt(a * c) * mp.sin(angle)
        return lift + slope * b, slope
    if name == "erf":
        p = (1 + 2 * a) * (1 + 2 * c)
        root = mp.sqrt(p - 4 * b**2)
        return 2 / mp.pi * mp.atan2(2 * b, root), 4 / mp.pi / root
    if name == "gelu":
        p = (1 + a) * (1 + c)
        e = mp.sqrt(p - b**2)
        arc = mp.atan2(b, e)
        A = b / 4 + ((b**2 + a * c * e**2) / (p * e) + b * arc) / (2 * mp.pi)
        tail = b / e * (1 / e**2 + (1 - a * c) / p + 1)
        return A, mp.mpf(1) / 4 + (arc + tail) / (2 * mp.pi)
    if name == "gaussian":
        e = (1 + 2 * s * a) * (1 + 2 * s * c) - 4 * s**2 * b**2
        return 1 / mp.sqrt(e), 4 * s**2 * b / mp.sqrt(e) ** 3
    if name == "rbf":
        A = mp.exp(-s * (a + c - 2 * b))
        return A, 2 * s * A
    near, far = mp.exp(b - (a + c) / 2) / 2, mp.exp(-b - (a + c) / 2) / 2
    return (near - far, near + far) if name == "sin" else (near + far, near - far)


def kernels(x, y, activation, theta, depth):
    """Return the NTK and the NNGP kernel of one pair, layers weighted."""
    name, s = activation
    s = None if s is None else mp.mpf(s)
    weight, gain, bias = theta[: depth + 1], theta[depth + 1 :], theta[2 * depth + 2 :]
    lengths = theta[3 * depth + 3 :]
    n = len(x)
    a = sum((u / v) ** 2 for u, v in zip(x, lengths, strict=True)) / n
    b = sum(u * w / v**2 for u, w, v in zip(x, y, lengths, strict=True)) / n
    c = sum((u / v) ** 2 for u, v in zip(y, lengths, strict=True)) / n
    total, D = mp.mpf(0), mp.mpf(0)
    for l in range(depth + 1):
        if l > 0:
            (b, D), (a, _), (c, _) = (
                dual(name, s, *q) for q in ((a, b, c), (a, a, a), (c, c, c))
            )
        a, b, c = (gain[l] * q + bias[l] for q in (a, b, c))
        total = gain[l] * D * total + weight[l] * b
    return total, b


def direction(depth):
    """Return the direction in the logarithms of the hyperparameters.

    These are the layer weights, weight variances, bias variances and length scales.
    """
    return np.cos(np.arange(1.0, 3 * depth + 7))


def exact(values):
    """Return the numbers that floats are."""
    return [mp.mpf(float(v)) for v in values]


def case(X, pairs, activation, bias, depth):
    """Return the NTK, the NNGP kernel and the derivative of every pair."""
    theta = [*[1.0] * (depth + 1), *WEIGHT_VARIANCE[: depth + 1]]
    theta = exact([*theta, *BIAS_VARIANCE[bias][: depth + 1], *LENGTH_SCALE])
    along = exact(direction(depth))
    moved = [
        [t * mp.exp(sign * STEP * v) for t, v in zip(theta, along, strict=True)]
        for sign in (1, -1)
    ]
    out = np.empty((3, len(pairs)))
    for k, (i, j) in enumerate(pairs):
        x, y = exact(X[i]), exact(X[j])
        out[:2, k] = [float(v) for v in kernels(x, y, activation, theta, depth)]
        high, low = (kernels(x, y, activation, t, depth)[0] for t in moved)
        out[2, k] = float((high - low) / (2 * STEP))
    return out


def main():
    X, pairs = inputs()
    arrays = {"X": X, "pairs": pairs.astype(np.int16)}
    arrays["weight_variance"] = np.array(WEIGHT_VARIANCE)
    arrays["length_scale"] = np.array(LENGTH_SCALE)
    arrays |= {f"bias_{k}": np.array(v) for k, v in BIAS_VARIANCE.items()}
    arrays |= {f"direction_{depth}": direction(depth) for depth in (1, 2, 3)}
    for name, bias, depth in itertools.product(ACTIVATIONS, BIAS_VARIANCE, (1, 2, 3)):
        values = case(X, pairs, ACTIVATIONS[name], bias, depth)
        arrays[f"{name}-{bias}-{depth}"] = values
    np.savez_compressed(Path(__file__).with_name("digits.npz"), **arrays)


if __name__ == "__main__":
    main()
