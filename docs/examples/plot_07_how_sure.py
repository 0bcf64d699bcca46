"""
How sure is it?
===============

One fit gives intervals that hold nine of ten new targets, sets that hold the labels of
98 of 100 new rows, and the columns on which predictions depend.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, make_moons

from ntk_sklearn import WNTKClassifier, WNTKRegressor
from ntk_sklearn.inspection import LengthScaleDisplay

# %%
# Intervals of targets
# --------------------
#
# The noise of these targets is skewed and has a heavy tail. The intervals are right all
# the same, because they are made from the leave-one-out errors and predictions of all
# training rows (jackknife+). Intervals from the standard deviation of the function
# alone cover far fewer targets.

rng = np.random.default_rng(0)
x = rng.uniform(-3, 3, 1200)
y = np.sin(2 * x) + 0.4 * (rng.exponential(size=x.size) - 1)
X = x[:, None]
model = WNTKRegressor().fit(X[:200], y[:200])

grid = np.linspace(-3, 3, 300)[:, None]
mean, known = model.predict(grid, return_std=True)
low, high = model.predict_interval(grid, coverage=0.9).T
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.fill_between(grid[:, 0], low, high, alpha=0.2, label="jackknife+, 90 %")
ax.fill_between(
    grid[:, 0],
    mean - 1.645 * known,
    mean + 1.645 * known,
    alpha=0.5,
    label="of the function alone",
)
ax.plot(grid, mean, color="k", linewidth=1)
ax.plot(x[:200], y[:200], ".", markersize=3, color="0.4")
ax.legend()
plt.show()

new, target = X[200:], y[200:]
low, high = model.predict_interval(new, coverage=0.9).T
print(f"covered: {np.mean((low <= target) & (target <= high)):.3f}")
mean, std = model.predict(new, return_std=True)
print(f"by the function alone: {np.mean(np.abs(target - mean) < 1.645 * std):.3f}")

# %%
# Sets of labels
# --------------
#
# Between the two moons a row may belong to either. There, sets hold both labels.

X, labels = make_moons(1200, noise=0.3, random_state=1)
moons = WNTKClassifier().fit(X[:200], labels[:200])
member = moons.predict_set(X[200:], coverage=0.98)
covered = member[np.arange(1000), labels[200:]].mean()
print(f"covered: {covered:.3f}, labels in a set: {member.sum(axis=1).mean():.2f}")

across, up = np.meshgrid(np.linspace(-2, 3, 80), np.linspace(-1.5, 2, 80))
square = np.column_stack([across.ravel(), up.ravel()])
size = moons.predict_set(square, coverage=0.98).sum(axis=1).reshape(80, 80)
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
drawn = ax.contourf(across, up, size, [-0.5, 0.5, 1.5, 2.5], alpha=0.4)
ax.scatter(*X[:200].T, c=labels[:200], s=8, cmap="coolwarm")
fig.colorbar(drawn, ticks=[0, 1, 2], label="labels in the set")
plt.show()

# %%
# Which columns matter
# --------------------
#
# Importances are shares of the columns in the variation of the predictions. A column
# with a large length scale, whose bar is short, hardly changes the kernel.

X, y = load_diabetes(return_X_y=True, as_frame=True)
model = WNTKRegressor().fit(X, y)
fig, axes = plt.subplots(1, 2, figsize=(9, 5), layout="constrained")
axes[0].barh(model.feature_names_in_, model.feature_importances_)
axes[0].set(xlabel="feature_importances_")
axes[0].invert_yaxis()
LengthScaleDisplay.from_estimator(model, ax=axes[1])
plt.show()
