r"""
Frozen layers, from the NTK to the NNGP kernel
==============================================

A layer weight of zero means that the layer keeps its initial values. Freezing the first
layers one after the other leads from the NTK, where all layers are trained, to the NNGP
kernel, where only the last layer is.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

from ntk_sklearn import NNGPKernel, NTKernel, WeightedNTKernel
from ntk_sklearn.solvers import ridge_path

depth = 3
X, y = load_diabetes(return_X_y=True)
X = StandardScaler().fit_transform(X)
Y = y[:, None]


def frozen(n_frozen):
    weights = np.ones(depth + 1)
    weights[:n_frozen] = 0.0
    return WeightedNTKernel(depth, layer_weights=weights, layer_weights_bounds="fixed")


# %%
# The first and the last of these kernels are `NTKernel` and `NNGPKernel`.

print(np.allclose(frozen(0)(X), NTKernel(depth)(X)))
print(np.allclose(frozen(depth)(X), NNGPKernel(depth)(X)))

# %%
# Leave-one-out errors
# --------------------
#
# One eigendecomposition for each kernel gives the errors at all ridges. At its best
# ridge the NNGP kernel is about as good as the NTK. Kernels should not be compared at
# one fixed ridge.

fig, ax = plt.subplots(layout="constrained")
alphas = np.geomspace(0.03, 300, 40)
for n_frozen in range(depth + 1):
    path = ridge_path(frozen(n_frozen)(X), Y, alphas)
    rmse = np.sqrt(path.errors)
    label = f"{n_frozen} frozen, best {rmse.min():.2f}"
    (line,) = ax.semilogx(alphas, rmse, label=label)
    ax.plot(path.best_alpha, rmse.min(), "o", color=line.get_color())
ax.set(xlabel="alpha", ylabel="leave-one-out RMSE", title="diabetes, depth 3")
ax.legend()
plt.show()

# %%
# The terms one by one
# --------------------
#
# The NTK is the sum of one term for each layer. The terms of the first layers have the
# sharpest peaks; that of the last layer is the NNGP kernel.

angles = np.linspace(0.0, np.pi, 361)
circle = np.sqrt(2.0) * np.column_stack([np.cos(angles), np.sin(angles)])
terms = NTKernel(depth, bias_variance=0.0).components(circle, circle[:1])[:, :, 0]
names = [*(f"layer {l}" for l in range(1, depth + 1)), "read-out"]
fig, ax = plt.subplots(layout="constrained")
for name, term in zip(names, terms, strict=True):
    ax.plot(np.cos(angles), term, label=name)
ax.set(xlabel=r"$\cos(x, x')$", ylabel="$K_l$", xlim=(-1, 1))
ax.legend(loc="upper left")
plt.show()
