"""
WNTKClassifier: labels and probabilities
========================================

`WNTKClassifier` is ridge regression on class indicators. Its probabilities are the
softmax of the decision values times a factor. This factor maximises the likelihood of
the training labels, given their leave-one-out decision values. No rows are held back
for this calibration.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import load_breast_cancer, make_moons
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from ntk_sklearn import WNTKClassifier
from ntk_sklearn.inspection import AlphaPathDisplay

# %%
# Labels may be strings
# ---------------------

data = load_breast_cancer()
y = data.target_names[data.target]
X_train, X_test, y_train, y_test = train_test_split(
    data.data, y, test_size=0.5, random_state=0, stratify=y
)
model = WNTKClassifier().fit(X_train, y_train)
print(model.classes_)
print(f"accuracy leave-one-out {accuracy_score(y_train, model.loo_predictions_):.3f}")
print(f"accuracy on test rows  {model.score(X_test, y_test):.3f}")

# %%
# Are the probabilities right?
# ----------------------------

forest = RandomForestClassifier(random_state=0).fit(X_train, y_train)
fig, ax = plt.subplots(layout="constrained")
for estimator in (model, forest):
    loss = log_loss(y_test, estimator.predict_proba(X_test))
    name = f"{type(estimator).__name__}, log loss {loss:.3f}"
    CalibrationDisplay.from_estimator(
        estimator, X_test, y_test, n_bins=5, strategy="quantile", name=name, ax=ax
    )
ax.set(xlabel="predicted probability of malignant", ylabel="share that is malignant")
ax.get_legend().set_loc("lower right")
plt.show()

# %%
# Several models, blended
# -----------------------
#
# By default four models are fitted and averaged. Models with smaller leave-one-out
# errors have larger shares. Of the first two, on scaled columns and on the ranks of the
# columns, only the ridge is chosen, by the smallest leave-one-out error:

fig, ax = plt.subplots(layout="constrained")
for number, inputs in enumerate(["scaled columns", "ranks"]):
    share = model.blend_weights_[number]
    name = f"{inputs}, share {share:.2f}"
    AlphaPathDisplay.from_estimator(model, model=number, name=name, ax=ax)
plt.show()

# %%
# In the plane
# ------------

X, y = make_moons(200, noise=0.25, random_state=0)
model = WNTKClassifier().fit(X, y)
fig, ax = plt.subplots(layout="constrained")
DecisionBoundaryDisplay.from_estimator(
    model,
    X,
    response_method="predict_proba",
    plot_method="contourf",
    levels=np.linspace(0, 1, 11),
    cmap="RdBu",
    alpha=0.8,
    grid_resolution=150,
    ax=ax,
)
ax.scatter(*X.T, c=y, cmap="RdBu", vmin=-0.2, vmax=1.2, edgecolor="white", s=30)
ax.set(title="probability of the second class", aspect="equal")
plt.show()
