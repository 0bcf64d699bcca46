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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ._table import both, build, cached_table

# The family of all functions without a closed form; see `_series`.
ANY = 6


@dataclass(frozen=True)
class TableDerivative:
    """The derivative of a function, from the polynomials that stand for it.

    Attributes
    ----------
    phi : callable
        The function.
    kinks : tuple of float
        Where it bends.
    """

    phi: Callable[..., np.ndarray]
    kinks: tuple[float, ...] = ()

    def table(self, arguments: tuple[float, ...] = ()) -> np.ndarray:
        """Return the table of the function and its derivative."""
        return _table(self.phi, None, self.kinks, arguments)

    def __call__(self, z, *arguments):
        """Return the derivative at an array of numbers."""
        z = np.asarray(z, dtype=np.float64)
        return both(self.table(arguments), z)[1]


def _table(phi, derivative, kinks, arguments) -> np.ndarray:
    """Return the table of a function; remembered, if it can be."""
    try:
        return cached_table(phi, derivative, kinks, arguments)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return build(phi, derivative, kinks)


@dataclass(frozen=True)
class Activation:
    """One activation function and all that the engine needs to know of it.

    A kernel takes such a record in place of a name. That of a function of your own is
    made by `from_function`.

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
    encode : callable or None
        ``encode(*arguments)`` gives the numbers that the jitted functions read. None
        means that they read polynomials that stand for the function.
    n_statistics : int
        Number of statistics of each input, which the family's `dual` reads.
    homogeneous : bool
        Whether ``phi(t z) = t phi(z)`` for every ``t > 0``.
    arguments : tuple of float
        The numbers that complete the function, such as a negative slope.
    argument_name : str or None
        The name of the argument, if users may give one.
    reference : str
        The source of the closed form, or of the function.
    kinks : tuple of float
        Where the function or one of its derivatives jumps, if it has no closed form.

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
    encode: Callable[..., tuple[float, ...]] | None = None
    n_statistics: int = 0
    homogeneous: bool = False
    arguments: tuple[float, ...] = ()
    argument_name: str | None = None
    reference: str = ""
    kinks: tuple[float, ...] = ()

    @classmethod
    def from_function(
        cls,
        phi: Callable[..., np.ndarray],
        derivative: Callable[..., np.ndarray] | None = None,
        kinks: Sequence[float] = (),
        name: str | None = None,
    ) -> Activation:
        """Return the record of any continuous function of an array.

        Parameters
        ----------
        phi : callable
            The function of an array, entry by entry. A function of a module, unlike a
            lambda, can be pickled.
        derivative : callable, default=None
            Its derivative. None means that of the polynomials that stand for it.
        kinks : sequence of float, default=()
            Where it or one of its derivatives jumps. Others are looked for.
        name : str, default=None
            Its name; None means that of the function.

        Returns
        -------
        Activation

        Examples
        --------
        >>> import numpy as np
        >>> from ntk_sklearn import NTKernel
        >>> from ntk_sklearn.activations import Activation
        >>> shrink = Activation.from_function(np.arctan, name="arctan")
        >>> NTKernel(1, activation=shrink)(np.eye(2)).round(3)
        array([[2.112, 0.264],
               [0.264, 2.112]])
        """
        kinks = tuple(sorted(float(kink) for kink in kinks))
        return cls(
            str(name or getattr(phi, "__name__", type(phi).__name__)),
            ANY,
            phi,
            derivative or TableDerivative(phi, kinks),
            kinks=kinks,
        )

    @property
    def closed_form(self) -> bool:
        """Whether the duals are closed forms, and not power series."""
        return self.code != ANY

    @property
    def parameters(self) -> np.ndarray:
        """The numbers that the jitted functions read."""
        if self.encode is None:
            slope = self.phi_derivative
            given = None if isinstance(slope, TableDerivative) else slope
            return _table(self.phi, given, self.kinks, self.arguments)
        return np.array(self.encode(*self.arguments), dtype=np.float64)

    @cached_property
    def even(self) -> bool:
        """Whether ``phi(-z) = phi(z)``, as for abs.

        It is tried at three points; a homogeneous function is settled by one.
        """
        z = np.array([0.5, 1.0, 2.0])
        left, right = self.phi(-z, *self.arguments), self.phi(z, *self.arguments)
        return np.array_equal(left, right)
