"""The kernel of networks of units that jump, trained with a surrogate derivative."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.special import erf, erfcx
from sklearn.base import BaseEstimator

from .._utils.validation import check_depth, check_pair, check_positive, per_layer

# How high each unit jumps, and its mean square.
UNITS = {"sign": (2.0, 1.0), "step": (1.0, 0.5)}


# -- means of surrogate derivatives ---------------------------------------------------


def _bell(t):
    """Return ``E[s(tau z)] / beta`` for the derivative of erf, with t = beta tau."""
    return 2.0 / np.sqrt(np.pi) / np.sqrt(1.0 + 2.0 * t * t)


def _arctan(t):
    k = 1.0 / (np.sqrt(2.0) * np.maximum(t, 1e-150))
    return np.where(t > 1e-7, np.sqrt(np.pi) * k * erfcx(k), 1.0)


def _triangle(t):
    t = np.maximum(t, 1e-150)
    # 1 / (2 t^2) may be infinite, and its exponential zero.
    with np.errstate(over="ignore"):
        lost = np.expm1(-0.5 / t**2)
    return erf(1.0 / (np.sqrt(2.0) * t)) + t * np.sqrt(2.0 / np.pi) * lost


def _box(t):
    return erf(1.0 / (np.sqrt(2.0) * np.maximum(t, 1e-150)))


def _fast_sigmoid(z):
    return 1.0 / (1.0 + z) ** 2


def _logistic(z):
    return 0.25 / np.cosh(np.minimum(0.5 * z, 350.0)) ** 2


def _by_quadrature(surrogate, t):
    """Return the mean of a surrogate, of z > 0, at ``t z``; panels grow from zero."""
    x, w = np.polynomial.legendre.leggauss(20)
    edges = np.concatenate([[0.0], np.geomspace(1e-6, 1.0, 21), np.arange(2.0, 14.0)])
    out = np.zeros_like(t)
    for low, high in itertools.pairwise(edges):
        half = 0.5 * (high - low)
        for node, weight in zip(low + half * (1.0 + x), half * w, strict=True):
            share = weight * np.sqrt(2.0 / np.pi) * np.exp(-0.5 * node**2)
            out += share * surrogate(t * node)
    return out


# The mean by t = beta tau, and whether beta multiplies it.
SURROGATES = {
    "erf": (_bell, True),
    "arctan": (_arctan, True),
    "triangle": (_triangle, False),
    "box": (_box, False),
    "fast_sigmoid": (lambda t: _by_quadrature(_fast_sigmoid, t), False),
    "sigmoid": (lambda t: _by_quadrature(_logistic, t), True),
}


def surrogate_mean(name, steepness, tau) -> np.ndarray:
    """Return the mean of a surrogate derivative at a normal variable.

    Parameters
    ----------
    name : str
        One of `SURROGATES`.
    steepness : float
        The factor beta of its argument.
    tau : ndarray
        Standard deviations.

    Returns
    -------
    ndarray
    """
    mean, multiplied = SURROGATES[name]
    found = mean(steepness * np.asarray(tau, dtype=np.float64))
    return steepness * found if multiplied else found


class SurrogateNTKernel(BaseEstimator):
    r"""Kernel of a network of jumping units, trained with a surrogate derivative.

    A network of signs or steps has no useful gradient. It can be trained with another
    function s in place of the derivative of its units. In networks of infinite width,
    the outputs then change according to a kernel that is not symmetric [1]_. With x the
    row where the output is evaluated and :math:`x'` the training row,

    .. math::

        I^1 = q^1, \qquad
        I^{l+1}(x, x') = q^{l+1}(x, x') + \sigma_w^2 E[\phi'(u) s(v)] I^l(x, x').

    Most estimators need a symmetric kernel. Use this one with `SurrogateNTKRegressor`
    or `GradientDescentRegressor`.

    Parameters
    ----------
    depth : int, default=1
        Number of hidden layers.
    unit : {"sign", "step"}, default="sign"
        The units.
    surrogate : str, default="erf"
        The derivative that training uses, with :math:`\beta` the steepness:

        - ``"erf"``, ``"arctan"``, ``"sigmoid"``: the derivative of
          :math:`\mathrm{erf}(\beta v)`, :math:`\arctan(\beta v)` or
          :math:`1 / (1 + e^{-\beta v})`;
        - ``"triangle"``: :math:`\max(0, 1 - \beta |v|)`;
        - ``"box"``: one where :math:`\beta |v| < 1`;
        - ``"fast_sigmoid"``: :math:`1 / (1 + \beta |v|)^2`, as in SuperSpike.
    steepness : float, default=1.0
        The factor :math:`\beta`.
    weight_variance, bias_variance : float or array-like of shape (depth + 1,), \
            default=1.0 and 0.1
        Variances of the weights, times their number of inputs, and of the biases; for
        all layers or for each, the read-out last.

    See Also
    --------
    SurrogateNTKRegressor : Regression with it.
    NNGPKernel : With ``activation="sign"``, the kernel if only the last layer is
        trained.

    References
    ----------
    .. [1] Eilers, Memmesheimer and Goedeke, "A generalized neural tangent kernel for
       surrogate gradient learning", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import SurrogateNTKernel
    >>> kernel = SurrogateNTKernel()
    >>> kernel(np.array([[1.0, 0.0], [0.0, 2.0]])).round(3)
    array([[1.797, 0.208],
           [0.199, 2.405]])
    """

    def __init__(
        self,
        depth=1,
        unit="sign",
        surrogate="erf",
        steepness=1.0,
        weight_variance=1.0,
        bias_variance=0.1,
    ):
        self.depth = depth
        self.unit = unit
        self.surrogate = surrogate
        self.steepness = steepness
        self.weight_variance = weight_variance
        self.bias_variance = bias_variance

    def __call__(self, X, Y=None):
        """Return the kernel of rows where outputs are evaluated with training rows.

        Parameters
        ----------
        X : array-like of shape (n_samples_X, n_features)
            The rows where the outputs are evaluated.
        Y : array-like of shape (n_samples_Y, n_features), default=None
            The training rows; None means `X`.

        Returns
        -------
        ndarray of shape (n_samples_X, n_samples_Y)
            In general not symmetric.
        """
        X, Y = check_pair(X, Y)
        depth, gains, biases = self._checked()
        Z = X if Y is None else Y
        scaled = gains[0] / X.shape[1]
        q = scaled * (X @ Z.T) + biases[0]
        q_x = scaled * np.einsum("ij,ij->i", X, X)[:, None] + biases[0]
        q_z = scaled * np.einsum("ij,ij->i", Z, Z) + biases[0]
        if not (q_x > 0.0).all():
            raise ValueError(
                "X has a row of zeros and bias_variance is 0 in the first layer, where "
                "a unit that jumps has no kernel; use a positive bias variance."
            )
        jump, square = UNITS[self.unit]
        # One minus the squared correlation, from the rows if they are close.
        rest = self._rest(X, Z, (q, q_x, q_z), (scaled, biases[0]))
        found = q.copy()
        for l in range(1, depth + 1):
            tau = np.sqrt(q_z * rest)
            mean = surrogate_mean(self.surrogate, self.steepness, tau)
            slope = jump / np.sqrt(2.0 * np.pi * q_x) * mean
            angle = np.arctan2(np.sqrt(rest), q / np.sqrt(q_x * q_z))
            far = angle / np.pi * jump  # what the dual lacks of its largest value
            dual = 1.0 - far if self.unit == "sign" else 0.5 * (1.0 - far)
            q = gains[l] * dual + biases[l]
            q_x = np.full_like(q_x, gains[l] * square + biases[l])
            q_z = np.full_like(q_z, gains[l] * square + biases[l])
            lost = gains[l] * square * far / q_z
            rest = np.clip(lost * (2.0 - lost), 0.0, 1.0)
            found = q + gains[l] * slope * found
        return found

    def _rest(self, X, Z, covariances, scales):
        """Return one minus the squared correlation of the first layer."""
        q, q_x, q_z = covariances
        scaled, bias = scales
        rest = np.maximum(1.0 - q**2 / (q_x * q_z), 0.0)
        for i, j in np.argwhere(rest < 1e-4):
            # The part of one row that is not along the other.
            c = q[i, j] / q_x[i, 0]
            left = scaled * np.sum((Z[j] - c * X[i]) ** 2) + bias * (1.0 - c) ** 2
            rest[i, j] = left / q_z[j]
        return np.minimum(rest, 1.0)

    def _checked(self):
        """Return the checked depth and variances."""
        depth = check_depth(self.depth)
        for name, known in (("unit", UNITS), ("surrogate", SURROGATES)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {sorted(known)}, got "
                    f"{getattr(self, name)!r}."
                )
        if np.ndim(self.steepness):
            raise ValueError(f"steepness must be one number, got {self.steepness!r}.")
        check_positive("steepness", self.steepness, zero=False)
        gains = per_layer("weight_variance", self.weight_variance, depth, zero=False)
        biases = per_layer("bias_variance", self.bias_variance, depth, zero=True)
        return depth, gains, biases
