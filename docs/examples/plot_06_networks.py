"""
A trained network, and the rows that it learned from
====================================================

The predictions of kernel machines are sums over training rows. They therefore show on
which rows a prediction rests, and which rows contradict the others. With the empirical
kernel of a network, they show this for the network. In this example some labels are
made wrong, and then found.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier

from ntk_sklearn import KernelSurrogate, NTKernel, WNTKClassifier
from ntk_sklearn.inspection import InfluenceDisplay, KernelDriftDisplay

# %%
# Make some labels wrong
# ----------------------
#
# One label in twenty is replaced by that of another digit.

X, y = load_digits(return_X_y=True)
X = X / 16.0
X_train, X_test, y_test = X[:600], X[600:], y[600:]
rng = np.random.default_rng(0)
labels = y[:600].copy()
planted = rng.choice(600, 30, replace=False)
labels[planted] = (labels[planted] + rng.integers(1, 10, 30)) % 10

# %%
# Find them
# ---------
#
# `loo_influence_` says by how much the error of each row would grow if the row were
# left out. It is exact, and needs no further fit. It is compared with the share of a
# row's ten nearest neighbours that have another label.

model = WNTKClassifier(NTKernel(depth=2)).fit(X_train, labels)
neighbours = NearestNeighbors(n_neighbors=11).fit(X_train).kneighbors(X_train)[1]
others = np.mean(labels[neighbours[:, 1:]] != labels[:, None], axis=1)
for name, score in (("influence", model.loo_influence_), ("neighbours", others)):
    suspects = np.argsort(-score, kind="stable")[:30]
    print(f"{name}: {np.isin(suspects, planted).mean():.0%} of 30 suspects are planted")

# %%
# The most suspicious rows
# ------------------------
#
# Above each image are its label, right or wrong, and the true digit.

suspects = np.argsort(-model.loo_influence_)[:10]
fig, axes = plt.subplots(2, 5, figsize=(7, 3.6), layout="constrained")
for ax, row in zip(axes.flat, suspects, strict=True):
    ax.imshow(X_train[row].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"label {labels[row]}, is {y[row]}", fontsize=9)
    ax.set_axis_off()

# %%
# On which rows does a prediction of a network rest?
# --------------------------------------------------
#
# A surrogate with the network's own kernel follows it, and its influence shows the rows
# that raised (above) and lowered (below) the logit of the predicted digit most.

network = MLPClassifier((50, 50), alpha=0.1, random_state=0, max_iter=1000)
network.fit(X_train, labels)
surrogate = KernelSurrogate(network, method="ridge").fit(X_train, labels)
print(surrogate.fidelity(X_test, y_test))
InfluenceDisplay.from_estimator(
    surrogate,
    X_test[4],
    output=int(network.predict(X_test[4:5])[0]),
    labels=labels,
    images=X_train.reshape(-1, 8, 8),
)

# %%
# How much did its kernel change?
# -------------------------------
#
# The kernel of an infinitely wide network does not change during training. That of this
# network does.

KernelDriftDisplay.from_network(
    MLPClassifier((50, 50), alpha=0.1, random_state=0),
    X_train,
    labels,
    rows=X_train[:200],
    epochs=[1, 2, 5, 10, 20, 50, 100],
)
plt.show()
