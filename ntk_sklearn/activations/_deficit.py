"""Angles from deficits, by polynomials that the compiler vectorises.

With ``d = 1 - cos(t)`` in [0, 1] and ``u = sqrt(d)``:

* ``t = u * angle_over_root(d)``;
* ``t = sin(t) * angle_over_sine(cos(t))``;
* ``sin(t) - t cos(t) = d * u * lens_over_root(d)``, the area that a rectifier's kernel
  loses to the angle. Computed from its own series, it does not cancel.

The first and the last are interpolants at Chebyshev points, found with 60 digits;
relative errors 1.3e-16 (degree 17) and 4.8e-17 (degree 16). `angle_over_sine` is a
quotient of two polynomials of degree 6 with positive coefficients, found in the same
way (7e-17). Where the sine is needed as well, it takes one root instead of two and
fewer products. `arcs` needs an angle and its complement, each with its own digits, and
half the interval: 5e-18 (degree 12). They are written out because a loop over the
coefficients inside the loop over the elements is not vectorised.
"""

import math

from .._utils.eight import where_less
from .._utils.jit import jit

# A deficit below this is an angle below 4e-17, of pairs that are one input up to
# rounding. Derivatives that grow like one over the angle are cut there: what they
# multiply is smaller still.
TINY = 1e-33

# A deficit below this, of a correlation that is a quotient of rounded covariances, is
# taken for rounding: 64 times the spacing of floats. The two are the same point then.
SAME = 1.4e-14


@jit
def angle_over_root(d):
    """Return ``arccos(1 - d) / sqrt(d)`` for d in [0, 1]."""
    p = 7.609614252019444e-06
    p = p * d - 5.225042885568418e-05
    p = p * d + 0.00017113011380930746
    p = p * d - 0.0003430427736686459
    p = p * d + 0.00047186395065566117
    p = p * d - 0.00046132434220270643
    p = p * d + 0.000341818862286027
    p = p * d - 0.00017136610209234648
    p = p * d + 0.00010153174508844963
    p = p * d + 4.1126150860512944e-05
    p = p * d + 0.00015937743292100998
    p = p * d + 0.00038262430806552077
    p = p * d + 0.0009888113042502823
    p = p * d + 0.00268540304058573
    p = p * d + 0.007891817060755802
    p = p * d + 0.02651650428726522
    p = p * d + 0.11785113019782532
    p = p * d + 1.414213562373095
    return p


@jit
def lens_over_root(d):
    """Return ``(sin(t) - t cos(t)) / d**1.5``, ``t = arccos(1 - d)``, d in [0, 1]."""
    p = 5.181668111157759e-07
    p = p * d - 3.24222421552795e-06
    p = p * d + 9.810556857027115e-06
    p = p * d - 1.7968169723438826e-05
    p = p * d + 2.2713628805446335e-05
    p = p * d - 1.966769120301e-05
    p = p * d + 1.4047980264888192e-05
    p = p * d - 3.6793230159308196e-06
    p = p * d + 8.92321397865047e-06
    p = p * d + 1.7583617069244857e-05
    p = p * d + 5.123074679709073e-05
    p = p * d + 0.0001520972961588832
    p = p * d + 0.00048825745445442485
    p = p * d + 0.0017537370001752912
    p = p * d + 0.00757614408563485
    p = p * d + 0.047140452079087555
    p = p * d + 0.9428090415820634
    return p


@jit
def arcs(r, e):
    """Return ``arcsin(r)`` and ``arccos(r)`` of r in [0, 1], whose deficit `e` is."""
    near = e < 0.5
    z = 0.5 * e if near else r * r
    p = 0.02886097438799853
    p = p * z - 0.014999855783811349
    p = p * z + 0.017493569476248205
    p = p * z + 0.005424230839804001
    p = p * z + 0.010330370295404406
    p = p * z + 0.011478047472510145
    p = p * z + 0.013971325328728771
    p = p * z + 0.017352385393480947
    p = p * z + 0.022372173243832207
    p = p * z + 0.0303819441312372
    p = p * z + 0.04464285714644605
    p = p * z + 0.07499999999998389
    p = p * z + 0.16666666666666669
    u = math.sqrt(z) if near else r
    arc = u + u * z * p
    return (0.5 * math.pi - 2.0 * arc if near else arc), (
        2.0 * arc if near else 0.5 * math.pi - arc
    )


@jit
def angle_over_sine(c):
    """Return ``arccos(c) / sqrt(1 - c**2)`` for c in [0, 1]."""
    p = 2.6897910831215643e-05
    p = p * c + 0.009188301638923485
    p = p * c + 0.19051684381249967
    p = p * c + 1.2243394185020005
    p = p * c + 3.257899236511664
    p = p * c + 3.771424387905608
    p = p * c + 1.5707963267948966
    q = 0.0018314859458057275
    q = q * c + 0.0559996120488944
    q = q * c + 0.5027353561831069
    q = q * c + 1.9182133142852882
    q = q * c + 3.5078285369157536
    q = q * c + 3.037583107697575
    q = q * c + 1.0
    return p / q


@jit
def gap(rho):
    """Return the deficit of a rounded correlation, zero if it may be rounding only."""
    d = 1.0 - abs(rho)
    return where_less(SAME, d, d, 0.0)
