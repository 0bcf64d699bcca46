r"""The fits at all times of training, and their exact leave-one-out residuals.

Gradient flow is an inverse Laplace transform of ridge regression in its ridge:
:math:`1 - e^{-\lambda t}` has the transform :math:`\frac{1}{s} \frac{\lambda}{\lambda
+ s}`. Leaving a row out commutes with this transform. The leave-one-out residuals of a
time are therefore averages of those of ridges, for which there is a closed formula; the
ridges are complex numbers on a contour. Steps of gradient descent are a z-transform of
ridge regression in the same way. `Rule.ridge_at` gives the ridge of each frequency.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .._utils.threads import one_blas_thread
from ..solvers._row_weights import RowWeights
from ..solvers._spectrum import SpectralFit, Spectrum
from ._contours import (
    NODES_OF_DECADE,
    NODES_OF_ONE,
    Contour,
    circle,
    decades,
    hyperbola,
)
from ._rules import Rule

EPS = float(np.finfo(float).eps)
# From so many steps on, hyperbolas around the roots near one and those near minus one
# lie in the strip of the z-transform without meeting.
_MANY_STEPS = 16.0
# Oscillating parts of the residuals below this share are neglected.
_NEGLIGIBLE = 1e-14
# Nodes of a contour that are worked on at a time, to bound the memory.
_BLOCK = 128


def resolved_spectrum(K: np.ndarray, weights: RowWeights, intercept: bool) -> Spectrum:
    """Decompose a kernel matrix, with zeros for eigenvalues that are rounding errors.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        The kernel matrix.
    weights : RowWeights
        The weights of the rows.
    intercept : bool
        Whether a constant is fitted. The centred matrix may be much smaller than the
        kernel matrix, whose rounding errors it has.

    Returns
    -------
    Spectrum
    """
    spectrum = Spectrum.of(K, weights, intercept)
    floor = EPS * len(K) * float(np.max(weights.weight * np.diag(K)))
    values = np.where(spectrum.values > floor, spectrum.values, 0.0)
    return replace(spectrum, values=values)


@dataclass(frozen=True, eq=False)
class TrainingPath:
    """The fits at all times of training, from one eigendecomposition.

    Parameters
    ----------
    spectrum : Spectrum
        The eigenvalues and eigenvectors of the kernel matrix.
    rule : GradientFlow or GradientDescent
        The rule by which training moves.
    Y : ndarray of shape (n, k)
        Targets minus the outputs of the network at the start.

    Examples
    --------
    Exact leave-one-out errors show when to stop:

    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.dynamics import GradientFlow, TrainingPath
    >>> from ntk_sklearn.solvers import Spectrum
    >>> X = np.linspace(-1.0, 1.0, 30)[:, None]
    >>> noise = 0.5 * np.random.default_rng(0).standard_normal((30, 1))
    >>> spectrum = Spectrum.of(NTKernel()(X))
    >>> path = TrainingPath(spectrum, GradientFlow(), np.sin(3.0 * X) + noise)
    >>> times = np.array([0.01, 1.0, 10000.0])
    >>> early, right, late = path.loo(times)
    >>> bool(right < early and right < late)
    True
    """

    spectrum: Spectrum
    rule: Rule
    Y: np.ndarray

    def at(self, time: float) -> SpectralFit:
        """Return the fit after a time of training.

        Parameters
        ----------
        time : float
            The time of gradient flow, or the number of steps, from 0 to infinity.

        Returns
        -------
        SpectralFit
            Along eigenvectors whose eigenvalues are rounding errors nothing is learned.
        """
        values = self.spectrum.values
        kept = values > EPS * len(self.Y) * values.max(initial=0.0)
        gain = np.where(kept, self.rule.gain(values, time), 0.0)
        left = np.where(kept, self.rule.left(values, time), 1.0)
        return SpectralFit(self.spectrum, gain, left)

    def training_error(self, times: np.ndarray) -> np.ndarray:
        """Return the weighted mean squared residual at each time, summed over outputs.

        Parameters
        ----------
        times : ndarray of shape (n_times,)
            Times, from 0 to infinity.

        Returns
        -------
        ndarray of shape (n_times,)
        """
        energy = self.spectrum.energy(self.Y)
        total = self.spectrum.weights.total
        return np.array([self.at(t).left ** 2 @ energy / total for t in times])

    def leave_one_out(self, time: float) -> np.ndarray:
        """Return targets minus their predictions by fits that never saw the row.

        One copy of each row is left out at a time.

        Parameters
        ----------
        time : float
            The time of training.

        Returns
        -------
        ndarray of shape (n, k)
            Exact to about 1e-12 of the targets.
        """
        times = np.array([time], dtype=np.float64)
        _, residuals = next(self._residuals(times, NODES_OF_ONE))
        return residuals[:, 0]

    def loo(self, times: np.ndarray) -> np.ndarray:
        """Return the weighted mean square of `leave_one_out` at each of many times.

        Times of the same decade share the nodes of a contour.

        Parameters
        ----------
        times : ndarray of shape (n_times,)
            Times, from 0 to infinity, in any order.

        Returns
        -------
        ndarray of shape (n_times,)
            Summed over outputs. The residuals are exact to about 1e-8 of the targets.
        """
        weights, errors = self.spectrum.weights, np.empty(len(times))
        share = weights.weight / weights.total
        for places, residuals in self._residuals(np.asarray(times), NODES_OF_DECADE):
            errors[places] = share @ np.sum(residuals**2, axis=2)
        return errors

    def gcv(self, times: np.ndarray) -> np.ndarray:
        """Return the generalised cross-validation error at each of many times.

        It is the leave-one-out error with the diagonal of each ridge problem's matrix
        replaced by its mean, so that it does not depend on the choice of coordinates
        of the rows. For ridges it is generalised cross-validation; see `smoother_gcv`.

        Parameters
        ----------
        times : ndarray of shape (n_times,)
            Times, from 0 to infinity, in any order.

        Returns
        -------
        ndarray of shape (n_times,)
            Summed over outputs.
        """
        weights, errors = self.spectrum.weights, np.empty(len(times))
        copies = weights.multiplicity
        along = (copies * weights.left_out) @ self.spectrum.squares
        kept = copies @ (1.0 - weights.left_out)
        energy = self.spectrum.energy(self.Y) / weights.total
        for places, nodes, factors in self._nodes(np.asarray(times), NODES_OF_DECADE):
            left, size = _left_at(self.spectrum.values, nodes), len(nodes)
            freedom = along @ left
            freedom = _held_up(kept + freedom[:size], freedom[size:])
            # The shares of the targets that stay are those of each ridge, divided.
            weight = factors * (copies.sum() / freedom)[:, None]
            found = left[:, :size] @ weight.real - left[:, size:] @ weight.imag
            errors[places] = energy @ found**2
        return errors

    def smoother_gcv(self, times: np.ndarray) -> np.ndarray:
        """Return the generalised cross-validation error of the fit at each time itself.

        It is the mean squared residual, divided by the square of one minus the mean
        leverage. It misleads after long training: as time grows it tends to the part of
        the targets along the last eigenvector, however small that is. `gcv` does not.

        Parameters
        ----------
        times : ndarray of shape (n_times,)
            Times, from 0 to infinity, in any order.

        Returns
        -------
        ndarray of shape (n_times,)
            Summed over outputs. Each row counts as one, whatever its copies.
        """
        energy, n = self.spectrum.energy(self.Y), len(self.Y)
        errors = []
        for time in times:
            left = self.at(time).left
            if not left.any():  # underflow: the limit
                left = (self.spectrum.values == self.spectrum.values[-1]).astype(float)
            left = left / left.max()  # a common factor cancels
            errors.append(left**2 @ energy * n**2 / left.sum() ** 2)
        return np.array(errors) / self.spectrum.weights.total

    # -- contours ----------------------------------------------------------------------

    def _residuals(self, times, n_nodes) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield places of times, and their leave-one-out residuals (n, times, k)."""
        spectrum = self.spectrum
        targets = spectrum.coordinates(self.Y)
        root = np.sqrt(spectrum.weights.weight)
        left_out = spectrum.weights.left_out[:, None]
        n, k = self.Y.shape
        with one_blas_thread():
            for places, nodes, factors in self._nodes(times, n_nodes):
                found = np.zeros((n, len(places), k))
                for start in range(0, len(nodes), _BLOCK):
                    block = slice(start, start + _BLOCK)
                    left = _left_at(spectrum.values, nodes[block])
                    size = left.shape[1] // 2
                    unseen = left_out * (spectrum.squares @ left)
                    unseen[:, :size] += 1.0 - left_out
                    unseen = 1.0 / _held_up(unseen[:, :size], unseen[:, size:])
                    for output, along in enumerate(targets.T):
                        parts = spectrum.vectors @ (left * along[:, None])
                        real, imag = parts[:, :size], parts[:, size:]
                        found[:, :, output] += (
                            real * unseen.real - imag * unseen.imag
                        ) @ factors[block].real
                        found[:, :, output] -= (
                            real * unseen.imag + imag * unseen.real
                        ) @ factors[block].imag
                yield places, found / root[:, None, None]

    def _nodes(self, times, n_nodes):
        """Yield places of times, the ridges of a contour, and their factors.

        The factors have a column for each time.
        """
        limit = EPS * (self.spectrum.values.max(initial=0.0) or 1.0)
        ends = {0.0: np.inf, np.inf: self.rule.weight_decay or limit}
        for end, ridge in ends.items():
            places = np.flatnonzero(times == end)
            if places.size:
                one = np.ones((1, len(places)), dtype=complex)
                yield places, np.array([ridge + 0j]), one
        inner = np.sort(times[(times > 0) & np.isfinite(times)])
        for group, (sigma, weight) in self._contours(inner, n_nodes):
            places = np.flatnonzero(np.isin(times, group))
            ridges, factor = self.rule.ridge_at(sigma)
            factors = np.exp(sigma[:, None] * times[places])
            yield places, ridges, factors * (weight * factor)[:, None]

    def _contours(self, times, n_nodes) -> Iterator[tuple[np.ndarray, Contour]]:
        """Yield groups of rising times, and a contour for each group."""
        alternate, few = False, 0.0
        if self.rule.discrete:
            largest = self.spectrum.values.max(initial=0.0)
            alternate, spiral = self.rule.oscillations(largest)
            few = np.log(_NEGLIGIBLE) / np.log(spiral) if spiral else 0.0
            few = max(few, _MANY_STEPS)
        short = times[times <= few]
        if short.size:
            yield short, circle(short[-1])
        for group in decades(times[times > few]):
            sigma, weight = hyperbola(group[0], group[-1], n_nodes)
            if alternate:  # the roots near minus one have a hyperbola of their own
                sigma = np.append(sigma, sigma + 1j * np.pi)
                weight = np.append(weight, weight)
            yield group, (sigma, weight)


def _left_at(values, ridges):
    """Return the shares of targets in the residuals at complex ridges.

    The real parts come first, then the imaginary ones, (r, 2 * ridges), so that
    products with real matrices are single ones.
    """
    if np.isinf(ridges[0]):
        return np.repeat([[1.0, 0.0]], len(values), axis=0)
    unit = np.abs(ridges)  # the squares of ridges themselves could overflow
    a, b = ridges.real / unit, ridges.imag / unit
    v = np.minimum(values[:, None] / unit, 1e100)
    scale = 1.0 / ((v + a) ** 2 + b**2)
    return np.concatenate([((v + a) * a + b**2) * scale, v * b * scale], axis=1)


def _held_up(real, imag):
    """Return complex numbers that are no smaller than the rounding error of one."""
    numbers = real + 1j * imag
    return np.where(np.abs(numbers) < EPS, EPS, numbers)
