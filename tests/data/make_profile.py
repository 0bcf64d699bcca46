"""Write `profile.npz`: kernels of bias-free networks with 60 digits. Needs mpmath."""

from pathlib import Path

import mpmath as mp
import numpy as np

mp.mp.dps = 60
SLOPES = {"relu": 0.0, "leaky_relu": 0.01, "leaky_relu_0_2": 0.2}
SLOPES |= {"leaky_relu_minus_0_3": -0.3, "abs": -1.0, "identity": 1.0}
DEPTHS = [1, 2, 3, 5, 10, 20, 30, 50, 100]


def kernel(eta, slope, weights):
    """Weighted kernel of unit inputs, weight variance 2, by the textbook recursion."""
    s = mp.mpf(slope)
    rho = mp.mpf(1) - mp.mpf(eta) if eta >= 0 else mp.mpf(-1) - mp.mpf(eta)
    a, q = mp.mpf(1), rho  # variance of each input and covariance of the pair
    total = mp.mpf(weights[0]) * q
    for weight in weights[1:]:
        t = mp.acos(q / a)
        D = (1 + s**2) / 2 - (1 - s) ** 2 * t / (2 * mp.pi)
        q = 2 * ((1 - s) ** 2 / (2 * mp.pi) * a * mp.sin(t) + D * q)
        a = (1 + s**2) * a
        total = 2 * D * total + mp.mpf(weight) * q
    return total


def main():
    rng = np.random.default_rng(0)
    near = 10.0 ** -np.arange(1, 18, 2)
    deficits = np.r_[0.0, near, rng.uniform(0, 1, 8)]
    eta = np.r_[deficits, -deficits[1:], -1e-300]
    arrays = {"eta": eta}
    for name, slope in SLOPES.items():
        for depth in DEPTHS:
            weights = rng.exponential(size=depth + 1)
            values = [kernel(e, slope, weights) for e in eta]
            arrays[f"{name}-{depth}-weights"] = weights
            arrays[f"{name}-{depth}-kernel"] = np.array([float(v) for v in values])
    np.savez_compressed(Path(__file__).with_name("profile.npz"), **arrays)


if __name__ == "__main__":
    main()
