"""The record of an activation, and the contract that its jitted functions keep.

Every pair of inputs is followed through the network in a normalised form. With
``q_ij`` the covariance of the pair at some layer and ``rho = q_ij / sqrt(q_ii q_jj)``
its correlation, the engine carries the *signed deficit*

    eta = copysign(1 - abs(rho), rho),

which keeps full precision where it matters, near ``rho = 1`` and ``rho = -1``: there
the angle between two inputs is ``sqrt(2 (1 - abs(rho)))``, and a rectifier's kernel is
linear in that angle, so that a rounded ``rho`` would cost half of the digits.

A family of activations is four jitted functions. `parameters` is the short array of
the activation's own numbers (`Activation.parameters`); `n_i` is ``sqrt(q_ii)``.

``moments(parameters, q)``
    Return ``(E[phi(z)^2], E[phi'(z)^2])`` for ``z ~ N(0, q)``, which is all that the
    diagonal of the kernel needs.
``statistics(parameters, n, tail, out)``
    Write into `out` the `Activation.n_statistics` numbers of one input, of variance
    ``(n + tail)^2``, that `dual` and `pullback` read; the tail is what rounding leaves
    of a root. The last one is the excess ``d log(E[phi^2] / q) / d log q``, which is
    zero for positively homogeneous families. These have no statistics: their dual
    depends on the angle alone.
``dual(parameters, eta, derivative, s_i, i, s_j, j0)``
    For the pairs of input i with inputs j0, j0 + 1, ...: replace ``eta`` by the signed
    deficit of ``A = E[phi(u) phi(v)]`` and write ``D = E[phi'(u) phi'(v)]`` into
    ``derivative``. The statistics of input i are ``s_i[:, i]``.
``pullback(parameters, eta, stats, i, j0, bars, out)``
    Differentiate ``sum(r_bar * R + d_bar * D)``, where R is the correlation of A and
    ``r_bar, d_bar = bars``. Three arrays of `out` are written: the derivative in
    ``rho``, both variances held; and half of the sum and half of the difference of
    those in ``log q_ii`` and ``log q_jj``, ``rho`` held. Each has its own digits: of
    two long inputs close to each other the two may be large and nearly opposite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Activation:
    """One activation function and all that the engine needs to know of it.

    Attributes
    ----------
    name : str
        The name users write.
    code : int
        The family, by which jitted code dispatches.
    phi : callable
        The function itself, for finite networks: ``phi(z, *arguments)``. Like the next
        two, a function of a module, so that the record can be pickled.
    phi_derivative : callable
        Its derivative, ``phi_derivative(z, *arguments)``.
    encode : callable
        ``encode(*arguments)`` gives the numbers that the jitted functions read.
    n_statistics : int
        Number of statistics of each input, which the family's `dual` reads.
    homogeneous : bool
        Whether ``phi(t z) = t phi(z)`` for every ``t > 0``.
    arguments : tuple of float
        The numbers that complete the function, such as a negative slope.
    argument_name : str or None
        The name of the argument, if users may give one.
    reference : str
        The source of the closed form.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.activations import ACTIVATIONS
    >>> bump = ACTIVATIONS["gaussian"]
    >>> bump.homogeneous, bump.argument_name is None
    (False, False)
    >>> relu = ACTIVATIONS["relu"]
    >>> float(relu.phi(np.array(2.0), *relu.arguments))
    2.0
    """

    name: str
    code: int
    phi: Callable[..., np.ndarray]
    phi_derivative: Callable[..., np.ndarray]
    encode: Callable[..., tuple[float, ...]]
    n_statistics: int = 0
    homogeneous: bool = False
    arguments: tuple[float, ...] = ()
    argument_name: str | None = None
    reference: str = ""

    @property
    def parameters(self) -> np.ndarray:
        """The numbers that the jitted functions read."""
        return np.array(self.encode(*self.arguments), dtype=np.float64)

    @cached_property
    def even(self) -> bool:
        """Whether ``phi(-z) = phi(z)``, as for abs.

        It is tried at three points; a homogeneous function is settled by one.
        """
        z = np.array([0.5, 1.0, 2.0])
        left, right = self.phi(-z, *self.arguments), self.phi(z, *self.arguments)
        return np.array_equal(left, right)
