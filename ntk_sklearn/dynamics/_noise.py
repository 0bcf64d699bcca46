"""Weight decay and temperature of noisy training, chosen by the evidence."""

from __future__ import annotations

import numpy as np

from ..solvers._spectrum import Spectrum

# Weight decays that are tried first, relative to the mean eigenvalue.
_GRID = 10.0 ** np.arange(-8.0, 3.01, 0.5)


def most_likely_noise(
    spectrum: Spectrum,
    Y: np.ndarray,
    weight_decay: float | None,
    temperature: float | None,
) -> tuple[float, float]:
    """Return weight decay and temperature, the most likely ones where they are free.

    The stationary law of noisy training is a Gaussian process with the temperature as
    variance of its noise, and the kernel times the ratio of temperature to weight decay
    as its prior covariance. The evidence is its marginal likelihood, in which the
    intercept has a flat prior. All outputs have the same temperature.

    Parameters
    ----------
    spectrum : Spectrum
        The eigenvalues and eigenvectors of the kernel matrix.
    Y : ndarray of shape (n, k)
        Targets.
    weight_decay, temperature : float or None
        Given numbers; None is free.

    Returns
    -------
    weight_decay, temperature : float

    Raises
    ------
    ValueError
        If one is free, and the other is zero.
    """
    if weight_decay is not None and temperature is not None:
        return weight_decay, temperature
    if weight_decay == 0.0:
        raise ValueError(
            'temperature="evidence" needs a stationary law: pass a positive '
            f'weight_decay or weight_decay="evidence", got {weight_decay!r}.'
        )
    if temperature == 0.0:
        raise ValueError(
            'weight_decay="evidence" needs noise: pass a positive temperature or '
            f'temperature="evidence", got temperature={temperature!r}.'
        )
    energy, values, n_outputs = spectrum.energy(Y), spectrum.values, Y.shape[1]
    unit = float(values.mean()) if values.any() else 1.0

    def best_temperature(decay: float) -> float:
        if temperature is not None:
            return temperature
        shares = energy * decay / (values + decay)
        return float(shares.sum()) / max(shares.size * n_outputs, 1)

    def surprise(log_decay):
        decay = np.exp(log_decay)
        spread = best_temperature(decay) / decay * (values + decay)
        return float(n_outputs * np.log(spread).sum() + np.sum(energy / spread))

    if weight_decay is None:
        learns = energy.any() and values.any()
        weight_decay = _lowest(surprise, np.log(unit * _GRID)) if learns else unit
    return weight_decay, best_temperature(weight_decay)


def _lowest(function, grid) -> float:
    """Return the exponential of the minimum of a function, near the best of a grid."""
    from scipy.optimize import minimize_scalar  # slow to import, needed only here

    best = int(np.argmin([function(x) for x in grid]))
    around = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(
        function, bounds=around, method="bounded", options={"xatol": 1e-8}
    )
    return float(np.exp(found.x))
