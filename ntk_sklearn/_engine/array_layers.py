"""The pairs of a tile from one layer to the next, on a device."""

from __future__ import annotations

from ..activations._array_pairs import Deficits
from ..activations._series_on_arrays import ARRAY_DUALS
from .network import Network
from .pairs import Side


def next_deficits(xp, network: Network, l: int, i: Side, j: Side, pairs: Deficits):
    """Return the deficits at a layer from those below, and D between the two."""
    layers, activation = network.layers, network.activations[l - 1]
    parameters = numbers(activation)
    s_i, s_j = i.statistics[l - 1], j.statistics[l - 1]
    pairs, derivative = ARRAY_DUALS[activation.code](xp, parameters, pairs, s_i, s_j)
    if layers.bias_variance[l] > 0.0:
        angles = (i.bias_cos[l], j.bias_cos[l], i.bias_sin[l], j.bias_sin[l])
        pairs = _add_bias(xp, pairs, *angles)
    return pairs, derivative


def numbers(activation):
    """Return the numbers of an activation: plain ones, as arrays mix with those."""
    parameters = activation.parameters
    return parameters.tolist() if activation.closed_form else parameters


def _add_bias(xp, pairs, c_i, c_j, s_i, s_j):
    """Take deficits through a bias: the angles of each input's bias share add up."""
    d, sign = pairs
    half = 0.5**0.5
    near, apart = half * c_i - half * c_j, half * s_i - half * s_j
    near *= near
    apart *= apart
    near += apart
    across = c_i * c_j
    across *= d
    near += across
    if sign is None:
        return Deficits(near)
    # Of what was opposite, one plus the correlation; it may be beyond a right angle.
    far = 1.0 - sign
    far *= s_i
    far *= s_j
    far += near
    turned = sign * (1.0 - far)
    return Deficits(xp.minimum(far, 2.0 - far), xp.copysign(sign, turned))
