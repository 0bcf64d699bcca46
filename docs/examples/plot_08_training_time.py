"""
How long to train a wide network
================================

An infinitely wide network that is trained by gradient descent learns the leading
eigenvectors of its kernel first, and noise last. Here the training rows themselves say
when to stop, and the trained networks show how much they differ from each other.
"""

import matplotlib.pyplot as plt
import numpy as np

from ntk_sklearn import NTKernel
from ntk_sklearn.dynamics import GradientDescentRegressor
from ntk_sklearn.inspection import LearningTimeDisplay, TrainingTimeDisplay

# %%
# A noisy curve
# -------------
#
# Sixty rows of a wave, with a constant column of one so that the network can bend
# anywhere.

rng = np.random.default_rng(0)
x = np.sort(rng.uniform(-3.0, 3.0, 60))
y = np.sin(2.0 * x) + 0.4 * rng.standard_normal(60)
grid = np.linspace(-3.5, 3.5, 200)
X, X_grid = (np.column_stack([z, np.ones_like(z)]) for z in (x, grid))

model = GradientDescentRegressor(NTKernel(depth=3)).fit(X, y)
print(f"stopped at time {model.n_steps_:.0f}, of {len(model.times_)} that were tried")

# %%
# The error that chose the time
# -----------------------------
#
# The training error falls for ever. The exact leave-one-out error falls and rises
# again, as the true error does.

TrainingTimeDisplay.from_estimator(model, X_grid, np.sin(2.0 * grid))
plt.show()

# %%
# The network at three times
# --------------------------
#
# Early, at the chosen time, and after training to convergence, which passes through all
# rows.

times = [model.n_steps_ / 100.0, model.n_steps_, np.inf]
fig, axes = plt.subplots(
    1, 3, figsize=(9, 3), sharex=True, sharey=True, layout="constrained"
)
curves = model.staged_predict(X_grid, times)
for ax, time, curve in zip(axes, times, curves, strict=True):
    ax.plot(x, y, ".", color="grey")
    ax.plot(grid, curve)
    ax.set(title=f"time {time:.3g}", ylim=(-2.2, 2.2))
plt.show()

# %%
# Networks that start at random end at different functions
# --------------------------------------------------------
#
# They agree where there are rows, and differ where there are none. This is the spread
# of an ensemble, and no confidence interval.

mean, spread = model.predict(X_grid, return_std=True)
fig, ax = plt.subplots(layout="constrained")
ax.fill_between(grid, mean - 2 * spread, mean + 2 * spread, alpha=0.2)
ax.plot(grid, model.sample_y(X_grid, n_samples=4, random_state=0), linewidth=1)
ax.plot(x, y, ".", color="grey")
ax.set(xlabel="x", ylabel="outputs of trained networks")
plt.show()

# %%
# Which directions are learned when
# ---------------------------------
#
# An eigenvector of the kernel matrix is learned in a time that is one over its
# eigenvalue.

LearningTimeDisplay.from_estimator(model)
plt.show()
