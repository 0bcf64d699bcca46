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
# Nodes that are worked on at a time: enough for large products, and few enough that all
# that is found of them stays in the cache.
_BLOCK = 48
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
            left = _left_at(self.spectrum.values, nodes)
            # The shares of the targets that stay are those of each ridge, divided.
            freedom = _nonzero(kept + _product(along[None, :], left))[0]
            found = _real_product(left, factors * (copies.sum() / freedom)[:, None])
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
        several = bool(np.any(left_out < 1.0))  # copies of a row
        n, k = self.Y.shape
        with one_blas_thread():
            for places, nodes, factors in self._nodes(times, accuracy):
                found = np.zeros((k, n, len(places)))
                for start in range(0, len(nodes), _BLOCK):
                    block = slice(start, start + _BLOCK)
                    left = _left_at(spectrum.values, nodes[block])
                    unseen = _product(spectrum.squares, left)
                    if several:
                        unseen = 1.0 - left_out + left_out * unseen
                    inverse = 1.0 / _nonzero(unseen)
                    for output, along in enumerate(targets.T):
                        parts = _product(spectrum.vectors, left * along[:, None])
                        parts *= inverse
                        found[output] += _real_product(parts, factors[block])
                found /= root[:, None]
                yield places, found.transpose(1, 2, 0)

    def _nodes(self, times, accuracy: Accuracy):
        """Yield places of times, the ridges of a contour, and their factors.

        The factors have a column for each time.
        """
        limit = EPS * (self.spectrum.values.max(initial=0.0) or 1.0)
        ends = {0.0: _ALL, np.inf: self.rule.weight_decay or limit}
        times = np.where(times > self._converged(limit, accuracy), np.inf, times)
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

    def _converged(self, limit, accuracy: Accuracy) -> float:
        """Return the time after which all that is learned, without any row, is learned.

        Without a row, no eigenvalue is below the smallest one of all rows. It is
        infinite if the ridge of no decay, `limit`, is not nothing beside that one.
        """
        values, rule = self.spectrum.values, self.rule
        if not values.size:  # there is nothing to learn
            return 0.0
        smallest = values.min()
        if rule.weight_decay == 0.0 and limit > accuracy.negligible * smallest:
            return np.inf
        # Of a row with several copies, one is left out.
        kept = 1.0 - self.spectrum.weights.left_out
        smallest *= np.min(kept, where=kept > 0.0, initial=1.0)
        factors = rule.slowest(smallest), *rule.oscillations(values.max())
        return max(map(accuracy.last, factors))

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


def _left_at(values, ridges):
    """Return the shares of targets in the residuals at complex ridges, (r, ridges)."""
    unit = np.abs(ridges)  # the inverses of ridges themselves could overflow
    turned = np.minimum(values[:, None] / unit, 1e100) * (unit / ridges)
    turned += 1.0
    return np.reciprocal(turned, out=turned)


def _product(real, parts):
    """Return the product of a real and a complex matrix, from a single real one."""
    return (real @ parts.view(np.float64)).view(np.complex128)


def _real_product(parts, factors):
    """Return the real part of the product of two complex matrices."""
    pairs = np.stack([factors.real, -factors.imag], axis=1)
    return parts.view(np.float64) @ pairs.reshape(-1, factors.shape[1])


def _nonzero(parts):
    """Return complex numbers, with rounding errors in place of those below them."""
    tiny = parts.real**2 + parts.imag**2 < EPS**2
    if tiny.any():
        parts[tiny] = EPS
    return parts
