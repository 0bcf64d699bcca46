"""
WNTKRegressor: what was learned, and how well
=============================================

`WNTKRegressor` learns layer weights, ridge and length scales from the training rows. It
also predicts each of these rows by a model without the row.
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
# `loo_predictions_` has, for every training row, the prediction of a model without this
# row. No further fits are needed. Their score estimates the score on new rows. The
# estimate is a little too high, because all rows took part in choosing the
# hyperparameters.

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
# A deeper network of your own
# ----------------------------
#
# If a `kernel` is given, inputs are used as they are, and are therefore scaled first.
# Every hyperparameter with bounds is learned. Three hidden layers have four layer
# weights. Here, leave-one-out nearly freezes the first layers, so that the kernel is
# close to the NNGP kernel, of which only the last layer is trained. Most iterations use
# a part of the rows (dotted lines), and a few all rows.

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
# The path shows the leave-one-out errors of other ridges. The spectrum shows how many
# directions are fitted with the chosen ridge, and which share of the target lies in
# them.

fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
AlphaPathDisplay.from_estimator(model, ax=axes[0], name="default")
AlphaPathDisplay.from_estimator(deep, ax=axes[0], name="depth 3")
KernelSpectrumDisplay.from_estimator(model, ax=axes[1])
plt.show()
