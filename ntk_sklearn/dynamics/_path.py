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
from ._contours import MANY, ONE, Accuracy, Contour, circle, hyperbola, intervals
from ._rules import Rule

EPS = float(np.finfo(float).eps)
# From so many steps on, hyperbolas around the roots near one and those near minus one
# lie in the strip of the z-transform without meeting.
_MANY_STEPS = 16.0
# Nodes that are worked on at a time: many for few large products, but not all, to bound
# the memory.
_BLOCK = 256
# The ridge of no training: eigenvalues are nothing beside it.
_ALL = 1e300


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
        _, residuals = next(self._residuals(times, ONE))
        return residuals[:, 0]

    def loo(self, times: np.ndarray) -> np.ndarray:
        """Return the weighted mean square of `leave_one_out` at each of many times.

        Times of the same size share the nodes of a contour.

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
        for places, residuals in self._residuals(np.asarray(times), MANY):
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
        for places, nodes, factors in self._nodes(np.asarray(times), MANY):
            left, size = _left_at(self.spectrum.values, nodes), len(nodes)
            freedom = along @ left
            real, imag = _inverse(kept + freedom[:size], freedom[size:])
            # The shares of the targets that stay are those of each ridge, divided.
            weight = factors * (copies.sum() * (real + 1j * imag))[:, None]
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

    def _residuals(
        self, times, accuracy: Accuracy
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield places of times, and their leave-one-out residuals (n, times, k)."""
        spectrum = self.spectrum
        targets = spectrum.coordinates(self.Y)
        root = np.sqrt(spectrum.weights.weight)
        left_out = spectrum.weights.left_out[:, None]
        n, k = self.Y.shape
        with one_blas_thread():
            for places, nodes, factors in _batches(self._nodes(times, accuracy)):
                found = np.zeros((n, len(places), k))
                for start in range(0, len(nodes), _BLOCK):
                    block = slice(start, start + _BLOCK)
                    left = _left_at(spectrum.values, nodes[block])
                    weight = factors[block]
                    size = left.shape[1] // 2
                    unseen = spectrum.squares @ left
                    unseen *= left_out
                    unseen[:, :size] += 1.0 - left_out
                    real, imag = _inverse(unseen[:, :size], unseen[:, size:])
                    for output, along in enumerate(targets.T):
                        parts = spectrum.vectors @ (left * along[:, None])
                        a, b = parts[:, :size], parts[:, size:]
                        found[:, :, output] += (a * real - b * imag) @ weight.real
                        found[:, :, output] -= (a * imag + b * real) @ weight.imag
                yield places, found / root[:, None, None]

    def _nodes(self, times, accuracy: Accuracy):
        """Yield places of times, the ridges of a contour, and their factors.

        The factors have a column for each time.
        """
        limit = EPS * (self.spectrum.values.max(initial=0.0) or 1.0)
        ends = {0.0: _ALL, np.inf: self.rule.weight_decay or limit}
        for end, ridge in ends.items():
            places = np.flatnonzero(times == end)
            if places.size:
                one = np.ones((1, len(places)), dtype=complex)
                yield places, np.array([ridge + 0j]), one
        rising = np.argsort(times, kind="stable")
        rising = rising[(times[rising] > 0) & np.isfinite(times[rising])]
        for group, (sigma, weight) in self._contours(times[rising], accuracy):
            places, rising = rising[: len(group)], rising[len(group) :]
            ridges, factor = self.rule.ridge_at(sigma)
            factors = np.exp(sigma[:, None] * times[places])
            yield places, ridges, factors * (weight * factor)[:, None]

    def _contours(
        self, times, accuracy: Accuracy
    ) -> Iterator[tuple[np.ndarray, Contour]]:
        """Yield groups of rising times, and a contour for each group."""
        alternating, few = 0.0, 0.0  # the last times of such parts of the residuals
        if self.rule.discrete:
            largest = self.spectrum.values.max(initial=0.0)
            last = [accuracy.last(f) for f in self.rule.oscillations(largest)]
            alternating, few = last[0], max(last[1], _MANY_STEPS)
        short = times[times <= few]
        if short.size:
            yield short, circle(short[-1], accuracy)
        for group in intervals(times[times > few]):
            sigma, weight = hyperbola(group[0], group[-1], accuracy)
            if group[0] <= alternating:  # near minus one, with nodes of their own
                sigma = np.append(sigma, sigma + 1j * np.pi)
                weight = np.append(weight, weight)
            yield group, (sigma, weight)


def _batches(groups):
    """Join groups of times, up to a number of nodes."""
    batch: list = []
    for group in groups:
        if batch and sum(len(nodes) for _, nodes, _ in [*batch, group]) > _BLOCK:
            yield _joined(batch)
            batch = []
        batch.append(group)
    if batch:
        yield _joined(batch)


def _joined(batch):
    places, nodes, factors = zip(*batch, strict=True)
    shape = sum(map(len, nodes)), sum(map(len, places))
    joined, row, column = np.zeros(shape, dtype=complex), 0, 0
    for each in factors:
        n_nodes, n_times = each.shape
        joined[row : row + n_nodes, column : column + n_times] = each
        row, column = row + n_nodes, column + n_times
    return np.concatenate(places), np.concatenate(nodes), joined


def _left_at(values, ridges):
    """Return the shares of targets in the residuals at complex ridges.

    The real parts come first, then the imaginary ones, (r, 2 * ridges), so that
    products with real matrices are single ones.
    """
    unit = np.abs(ridges)  # the squares of ridges themselves could overflow
    a, b = ridges.real / unit, ridges.imag / unit
    v = np.minimum(values[:, None] / unit, 1e100)
    scale = 1.0 / ((v + a) ** 2 + b**2)
    return np.concatenate([((v + a) * a + b**2) * scale, v * b * scale], axis=1)


def _inverse(real, imag):
    """Return the inverses of complex numbers, as if none were below rounding errors."""
    squares = real**2 + imag**2
    tiny = squares < EPS**2
    scale = 1.0 / np.where(tiny, EPS**2, squares)
    return np.where(tiny, EPS, real) * scale, np.where(tiny, 0.0, -imag) * scale
