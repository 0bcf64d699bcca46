"""The duals of one pair of inputs by quadrature, whatever their correlation.

The second variable given the first is normal, so that the integral is one over the
other. Both are split at the edges of the panels of the table and at the kinks; where
the conditional mean passes a kink of the function, what it averages to changes within
one conditional deviation, and the panels of the outer integral are as short as that.
The deficit of the image is the mean of a square, so that it has digits of its own.
"""

import math

import numpy as np

from .._utils.jit import jit
from ._deficit import TINY
from ._panels import both_in, panel_of

_X, _W = np.polynomial.legendre.leggauss(10)
_H, _V = np.polynomial.hermite_e.hermegauss(12)
_V = _V / math.sqrt(2.0 * math.pi)
_FAR, _FURTHER = 8.5, 9.5
# Edges between panels, but for kinks, are left out this close to zero.
_FINE = 0.1
_LAYER = np.array([-9.0, -4.0, -1.5, 0.0, 1.5, 4.0, 9.0])
_DENSITY = 1.0 / math.sqrt(2.0 * math.pi)
# Below this deficit, quotients by the sine of the angle would be of rounding errors.
_NEAREST = 1e-12


@jit
def _add(table, panel, v, w, weight, centre, out):
    """Add one node of the inner integral to its means."""
    y, s = both_in(table, panel, v)
    y, s = y - centre[0], s - centre[1]
    out[0] += weight * y
    out[1] += weight * y * y
    out[2] += weight * s
    out[3] += weight * s * w
    out[4] += weight * s * (w * w - 1.0)


@jit
def _seam(table, k):
    """Return whether panels that meet at edge k are parts of one smooth function.

    Panels get short towards zero so that small values have digits of their own.
    """
    n, edge = int(table[0]), table[2 + k]
    smooth = abs(edge) <= _FINE
    for kink in table[3 + n : 3 + n + int(table[1])]:
        smooth = smooth and kink != edge
    return smooth


@jit
def inner_means(table, mean, spread, centre, out):
    """Write the means of one input's functions of ``mean + spread * w``, w normal.

    They are those of the image, of its square, of the derivative alone, times w and
    times ``w^2 - 1``. From both functions `centre` is subtracted, their values at the
    mean, so that small differences keep their digits.
    """
    out[:] = 0.0
    first = panel_of(table, mean - _FAR * spread)
    last = panel_of(table, mean + _FAR * spread)
    if first == last:
        for k in range(_H.size):
            _add(table, first, mean + spread * _H[k], _H[k], _V[k], centre, out)
        return
    start = first
    for panel in range(first, last + 1):
        if panel < last and _seam(table, panel + 1):
            continue
        a = -_FAR if start == first else (table[2 + start] - mean) / spread
        b = _FAR if panel == last else (table[3 + panel] - mean) / spread
        pieces = int((b - a) / 3.0) + 1
        half = 0.5 * (b - a) / pieces
        for piece in range(pieces):
            for k in range(_X.size):
                w = a + half * (2 * piece + 1 + _X[k])
                weight = _W[k] * half * _DENSITY * math.exp(-0.5 * w * w)
                v = mean + spread * w
                here = panel if start == panel else panel_of(table, v)
                _add(table, here, v, w, weight, centre, out)
        start = panel + 1


@jit
def _outer_edges(table, n_i, slope, spread, edges):
    """Write the edges of the outer panels, sorted, and return how many."""
    n, m, count = int(table[0]), int(table[1]), 0
    for k in range(-9, 10):
        edges[count] = k
        count += 1
    for k in range(1, n):
        z = table[2 + k] / n_i
        if abs(table[2 + k]) > _FINE and abs(z) < _FURTHER:
            edges[count] = z
            count += 1
    alike = 0.5 * n_i < abs(slope) < 2.0 * n_i
    if not alike and slope != 0.0:
        for k in range(1, n):
            z = table[2 + k] / slope
            if abs(table[2 + k]) > _FINE and abs(z) < _FURTHER:
                edges[count] = z
                count += 1
    for k in range(m):
        z = table[3 + n + k] / n_i
        if abs(z) < _FURTHER:
            edges[count] = z
            count += 1
    if slope != 0.0:
        for k in range(m):
            centre, width = table[3 + n + k] / slope, spread / abs(slope)
            for q in range(_LAYER.size):
                z = centre + _LAYER[q] * width
                if abs(z) < _FURTHER:
                    edges[count] = z
                    count += 1
    edges[count], edges[count + 1] = -_FURTHER, _FURTHER
    edges[: count + 2].sort()
    return count + 2


@jit
def pair_by_quadrature(table, of_i, of_j, eta, out):
    """Write the signed deficit of the images of a pair, D, and their derivatives.

    ``of_i`` and ``of_j`` are the roots of the variance and of the second moment of the
    image. Written are the deficit of R and D; the derivatives of D in rho and in both
    log variances; those of R, which is ``A / (m_i m_j)``, in both; and R itself.
    """
    (n_i, m_i), (n_j, m_j) = of_i, of_j
    d = abs(eta)
    rho = -(1.0 - d) if eta < 0.0 else 1.0 - d
    s = math.sqrt(d * (2.0 - d))
    slope, spread = n_j * rho, n_j * s
    inner = np.empty(5)
    edges = np.empty(2 * int(table[0]) + 8 * int(table[1]) + 24)
    count = _outer_edges(table, n_i, slope, spread, edges)
    near, far, r = 0.0, 0.0, 0.0
    out[:] = 0.0
    over_s = 1.0 / s if d > TINY else 0.0
    for e in range(count - 1):
        half, middle = 0.5 * (edges[e + 1] - edges[e]), 0.5 * (edges[e + 1] + edges[e])
        if half <= 0.0:
            continue
        for k in range(_X.size):
            z = middle + half * _X[k]
            weight = half * _W[k] * _DENSITY * math.exp(-0.5 * z * z)
            y, f = both_in(table, panel_of(table, n_i * z), n_i * z)
            y /= m_i
            centre = both_in(table, panel_of(table, slope * z), slope * z)
            inner_means(table, slope * z, spread, centre, inner)
            g = centre[1] + inner[2]
            # E (y - v)^2 is its variance and the square of what the mean lacks.
            scatter = (inner[1] - inner[0] * inner[0]) / (m_j * m_j)
            mean = (centre[0] + inner[0]) / m_j
            near += weight * ((y - mean) ** 2 + scatter)
            far += weight * ((y + mean) ** 2 + scatter)
            r += weight * y * mean
            turn = inner[3] * over_s
            out[1] += weight * f * g
            out[2] += weight * f * (z * turn - rho * inner[4] * over_s * over_s)
            out[3] += 0.5 * weight * f * ((z * z - 1.0) * g - z * rho * turn)
            out[4] += 0.5 * weight * f * (rho * z * turn + inner[4])
            out[5] += 0.5 * weight * n_i * z * f * mean / m_i
            # v phi'(v), with v = slope z + spread w
            out[6] += 0.5 * weight * y * (slope * z * g + spread * inner[3]) / m_j
    out[0] = -max(0.5 * far, 1e-300) if r < 0.0 else 0.5 * near
    out[7] = r


@jit
def slopes_by_quadrature(table, of_i, of_j, eta, out):
    """Write what `pair_by_quadrature` does, with derivatives of any pair.

    Derivatives are continuous where rows become parallel: those of a closer pair are
    taken at the deficit at which they still have digits.
    """
    pair_by_quadrature(table, of_i, of_j, eta, out)
    if abs(eta) < _NEAREST:
        deficit, d, r = out[0], out[1], out[7]
        near = -_NEAREST if eta < 0.0 else _NEAREST
        pair_by_quadrature(table, of_i, of_j, near, out)
        out[0], out[1], out[7] = deficit, d, r
