"""
Images: what a convolution adds
===============================

A fully connected network ignores which pixels are neighbours, and a convolutional
network uses it. With an average over all pixels, it also recognises a digit anywhere in
the image.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from ntk_sklearn import ConvolutionalNTKernel, NTKernel, WNTKClassifier

# %%
# Few images
# ----------
#
# There are a hundred training images and two hundred test images. In a second test,
# each test image is moved by one pixel to the right.

X, y = load_digits(return_X_y=True)
X = X / 16
train, test = slice(0, 100), slice(100, 300)
moved = np.roll(X.reshape(-1, 8, 8), 1, axis=2).reshape(-1, 64)

shape = {"image_shape": (8, 8)}
kernels = {
    "dense": NTKernel(depth=2),
    "convolution": ConvolutionalNTKernel(2, **shape),
    "average": ConvolutionalNTKernel(1, readout="average", **shape),
}
models = {
    name: WNTKClassifier(kernel).fit(X[train], y[train])
    for name, kernel in kernels.items()
}
scores = {
    name: (model.score(X[test], y[test]), model.score(moved[test], y[test]))
    for name, model in models.items()
}

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
place = np.arange(len(scores))
for k, what in enumerate(("as they are", "moved by a pixel")):
    ax.bar(place + 0.4 * k, [pair[k] for pair in scores.values()], 0.4, label=what)
ax.set(xticks=place + 0.2, xticklabels=scores, ylabel="accuracy", ylim=(0.0, 1.25))
ax.legend(loc="upper right", ncols=2)
plt.show()

# %%
# Which layer matters
# -------------------
#
# The estimator learns one weight for each layer: two convolutions and the last layer.

model = models["convolution"]
fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
weights = np.asarray(model.kernel_.layer_weights)
ax.bar(["convolution 1", "convolution 2", "read-out"], weights / weights.sum())
ax.set(ylabel="share of the layer weights")
plt.show()

# %%
# The least certain predictions
# -----------------------------

sure = model.predict_proba(X[test]).max(axis=1)
fig, axes = plt.subplots(1, 6, figsize=(8, 1.8), layout="constrained")
for ax, i in zip(axes, np.argsort(sure)[:6], strict=True):
    ax.imshow(X[test][i].reshape(8, 8), cmap="gray_r")
    found = model.predict(X[test][i : i + 1])[0]
    ax.set_title(f"{found}, is {y[test][i]}", fontsize=9)
    ax.axis("off")
plt.show()
