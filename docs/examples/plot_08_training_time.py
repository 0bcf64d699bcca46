"""
How long to train a wide network
================================

An infinitely wide network that is trained by gradient descent learns the leading
eigenvectors of its kernel first, and most of the noise last. In this example, the time
to stop is chosen from the training rows. It also shows how much networks from different
random starts differ.
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
# The data are sixty points of a wave with noise. A constant column of ones allows the
# network to bend anywhere.

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
# The training error falls all the time. The exact leave-one-out error falls and rises
# again, like the true error.

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
# They agree at the training rows, and differ where there are none. This spread is not a
# confidence interval.

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
# The part of the targets along an eigenvector is learned in a time of one over its
# eigenvalue.

LearningTimeDisplay.from_estimator(model)
plt.show()
