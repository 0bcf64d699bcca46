"""The slow, obvious twin of the engine: the textbook recursion on whole matrices.

Written from the formulas, sharing no code with the package: covariances instead of
deficits, `arctan2` instead of polynomials, one matrix per layer and no tiles. Good to
about 1e-10, less for pairs closer than 1e-6.
"""

import numpy as np


def dual(activation, a, b, c):
    """``A = E[phi(u) phi(v)]`` and ``D = E[phi'(u) phi'(v)]`` from the covariances."""
    name, *argument = (activation,) if isinstance(activation, str) else activation
    g = np.sqrt(a * c)
    if name in {"relu", "leaky_relu", "abs", "identity"}:
        default = {"relu": 0.0, "leaky_relu": 0.01, "abs": -1.0, "identity": 1.0}
        s = argument[0] if argument else default[name]
        angle = np.arctan2(np.sqrt(np.maximum(a * c - b**2, 0.0)), b)
        D = (1 + s**2) / 2 - (1 - s) ** 2 * angle / (2 * np.pi)
        return (1 - s) ** 2 / (2 * np.pi) * g * np.sin(angle) + D * b, D
    if name == "erf":
        p = (1 + 2 * a) * (1 + 2 * c)
        A = 2 / np.pi * np.arctan2(2 * b, np.sqrt(p - 4 * b**2))
        return A, 4 / np.pi / np.sqrt(p - 4 * b**2)
    if name == "gelu":
        p = (1 + a) * (1 + c)
        e2 = p - b**2
        e = np.sqrt(e2)
        bend = (b**2 + a * c * e2) / (p * e)
        A = b / 4 + (bend + b * np.arctan(b / e)) / (2 * np.pi)
        tail = b / (2 * np.pi * e) * (1 / e2 + (1 - a * c) / p + 1)
        return A, 0.25 + np.arctan(b / e) / (2 * np.pi) + tail
    if name == "gaussian":
        s = argument[0] if argument else 1.0
        e = (1 + 2 * s * a) * (1 + 2 * s * c) - 4 * s**2 * b**2
        return e**-0.5, 4 * s**2 * b * e**-1.5
    if name == "rbf":
        gamma = argument[0] if argument else 1.0
        A = np.exp(-gamma * (a + c - 2 * b))
        return A, 2 * gamma * A
    near, far = np.exp(b - (a + c) / 2) / 2, np.exp(-b - (a + c) / 2) / 2
    if name == "sin":
        return near - far, near + far
    if name == "cos":
        return near + far, near - far
    raise ValueError(f"no textbook formula for {activation!r}")


def layer_terms(
    X,
    Y=None,
    depth=3,
    activation="relu",
    weight_variance=2.0,
    bias_variance=0.1,
    length_scale=1.0,
):
    """Each layer's term by its weights, and by its biases: two (depth + 1, n, m)."""
    gain = np.broadcast_to(weight_variance, depth + 1)
    bias = np.broadcast_to(bias_variance, depth + 1)
    X = np.asarray(X, dtype=float) / length_scale
    Y = X if Y is None else np.asarray(Y, dtype=float) / length_scale
    a = np.einsum("ij,ij->i", X, X)[:, None] / X.shape[1]
    c = np.einsum("ij,ij->i", Y, Y)[None, :] / X.shape[1]
    b = X @ Y.T / X.shape[1]
    by_weight, derivatives = [], []
    for l in range(depth + 1):
        if l > 0:
            (A, D), (a, _), (c, _) = (
                dual(activation, *q) for q in ((a, b, c), (a, a, a), (c, c, c))
            )
            b = A
            derivatives.append(D)
        by_weight.append(gain[l] * b)
        a, b, c = (gain[l] * q + bias[l] for q in (a, b, c))
    by_weight = np.array(by_weight)
    by_bias = np.broadcast_to(bias[:, None, None], by_weight.shape).copy()
    product = 1.0
    for l in range(depth - 1, -1, -1):
        product = product * gain[l + 1] * derivatives[l]
        by_weight[l] *= product
        by_bias[l] *= product
    return by_weight, by_bias


def components(X, Y=None, **network):
    """Each layer's own term, unweighted."""
    return sum(layer_terms(X, Y, **network))


def weighted(X, Y=None, layer_weights=None, bias_weights=None, depth=3, **network):
    """The weighted neural tangent kernel."""
    by_weight, by_bias = layer_terms(X, Y, depth=depth, **network)
    w = np.ones(depth + 1) if layer_weights is None else np.asarray(layer_weights)
    v = w if bias_weights is None else np.asarray(bias_weights)
    return np.tensordot(w, by_weight, 1) + np.tensordot(v, by_bias, 1)
