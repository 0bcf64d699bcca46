"""What the engine knows about an activation.

Every pair of inputs is followed through the network in a normalised form. With
``q_ij`` the covariance of the pair at some layer and ``rho = q_ij / sqrt(q_ii q_jj)``
its correlation, the engine carries the *signed deficit*

    eta = copysign(1 - abs(rho), rho),

which keeps full precision where it matters, near ``rho = 1`` and ``rho = -1``: there
the angle between two inputs is ``sqrt(2 (1 - abs(rho)))``, and a rectifier's kernel is
linear in that angle, so that a rounded ``rho`` would cost half of the digits.

A family of activations is four jitted functions. `parameters` is the short array of
the activation's own numbers (`Activation.parameters`); `n` is ``sqrt(q_ii)``.

``moments(parameters, q)``
    ``(E[phi(z)^2], E[phi'(z)^2])`` for ``z ~ N(0, q)``: the diagonal map.
``statistics(parameters, q, out)``
    Write into ``out[:N_STATISTICS]`` what `dual` needs to know of one input. Positively
    homogeneous families have none: their dual depends on the angle alone.
``dual(parameters, eta, derivative, s_i, i, s_j, j0)``
    For the pairs of input i with inputs j0, j0 + 1, ...: replace ``eta`` by the signed
    deficit of ``A = E[phi(u) phi(v)]`` and write ``D = E[phi'(u) phi'(v)]`` into
    ``derivative``. The statistics of input i are ``s_i[:, i]``.
``pullback(parameters, eta, n_i, n_j, a_bar, d_bar, q_out, i_out, j_out)``
    The gradient of ``sum(a_bar * A + d_bar * D)`` in ``log abs(q_ij)``,
    ``log q_ii`` and ``log q_jj``, written into the last three arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Rows that `statistics` may fill, for every family.
N_STATISTICS = 4


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
        The function itself, for finite networks: ``phi(z, *arguments)``.
    phi_derivative : callable
        Its derivative, ``phi_derivative(z, *arguments)``.
    encode : callable
        ``encode(*arguments)`` gives the numbers that the jitted functions read.
    homogeneous : bool
        Whether ``phi(t z) = t phi(z)`` for every ``t > 0``.
    arguments : tuple of float
        The numbers that complete the name, such as a negative slope.
    argument_name : str or None
        What the number is called, if the user may give one.
    reference : str
        Where the closed form comes from.
    """

    name: str
    code: int
    phi: Callable
    phi_derivative: Callable
    encode: Callable
    homogeneous: bool = False
    arguments: tuple[float, ...] = ()
    argument_name: str | None = None
    reference: str = ""

    @property
    def parameters(self) -> np.ndarray:
        """The numbers that the jitted functions read."""
        return np.array(self.encode(*self.arguments), dtype=np.float64)
