"""
WNTKRegressor: what was learned, and how well
=============================================

`WNTKRegressor` learns layer weights, ridge and length scales from the training rows
alone, and leaves behind honest predictions of those rows.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ntk_sklearn import WeightedNTKernel, WNTKRegressor
from ntk_sklearn.inspection import (
    AlphaPathDisplay,
    KernelSpectrumDisplay,
    LayerWeightsDisplay,
    LearningPathDisplay,
)

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# All defaults
# ------------
#
# `loo_predictions_` holds, for every training row, the prediction of a model that has
# not seen it. No folds were run: they come out of the one solve. Their score is an
# estimate of the score on new rows, although not an unbiased one, as all rows took
# part in choosing the hyperparameters.

model = WNTKRegressor().fit(X_train, y_train)
print(f"R2 leave-one-out {r2_score(y_train, model.loo_predictions_):.3f}")
print(f"R2 on test rows  {model.score(X_test, y_test):.3f}")

# %%
# Predictions come with a standard deviation: that of the function, without the noise
# of new targets.

mean, std = model.predict(X_test, return_std=True)
fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
axes[0].plot(model.loo_predictions_, y_train, ".")
axes[0].set(title="training rows, left out", xlabel="predicted", ylabel="measured")
axes[1].errorbar(mean, y_test, xerr=2 * std, fmt=".", elinewidth=0.5)
axes[1].set(title="test rows, with 2 std", xlabel="predicted")
for ax in axes:
    ax.axline((150, 150), slope=1, color="0.6", linewidth=1, zorder=0)
plt.show()

# %%
# A deeper network of one's own
# -----------------------------
#
# With a `kernel`, inputs are taken as they are, so they are scaled before, and every
# hyperparameter with bounds is learned. Three hidden layers have four layer weights.
# Here leave-one-out all but switches the first layers off: what remains is close to the
# NNGP kernel, of which only the read-out learns. Most iterations are on a part of the
# rows (dotted), whose error is another one; a few on all rows remain.

kernel = WeightedNTKernel(depth=3, bias_variance_bounds="fixed")
deep = make_pipeline(StandardScaler(), WNTKRegressor(kernel, objective="loo"))
deep.fit(X_train, y_train)
print(f"R2 on test rows {deep.score(X_test, y_test):.3f}")

fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
LayerWeightsDisplay.from_estimator(deep, ax=axes[0])
LearningPathDisplay.from_estimator(deep, ax=axes[1])
plt.show()

# %%
# The ridge, and the spectrum
# ---------------------------
#
# The path shows what another ridge would have cost; the spectrum, how many directions
# the ridge lets through, and how much of the target lies in them.

fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
AlphaPathDisplay.from_estimator(model, ax=axes[0], name="default")
AlphaPathDisplay.from_estimator(deep, ax=axes[0], name="depth 3")
KernelSpectrumDisplay.from_estimator(model, ax=axes[1])
plt.show()
