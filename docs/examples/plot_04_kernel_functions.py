r"""
Kernels as functions of the angle
=================================

For rows of equal norm, a kernel is a function of the angle between them. The figures
show how depth and activation change this function.
"""

import matplotlib.pyplot as plt
import numpy as np

from ntk_sklearn import NNGPKernel, NTKernel

angles = np.linspace(0.0, np.pi, 361)
circle = np.sqrt(2.0) * np.column_stack([np.cos(angles), np.sin(angles)])


def profile(kernel):
    """k(cos) / k(1), from one row to all others on a circle."""
    values = kernel(circle, circle[:1])[:, 0]
    return values / values[0]


def draw(ax, kernels, title):
    for label, kernel in kernels.items():
        ax.plot(np.cos(angles), profile(kernel), label=label)
    ax.set(xlabel=r"$\cos(x, x')$", title=title, xticks=[-1, -0.5, 0, 0.5, 1])
    ax.legend()


# %%
# Depth
# -----
#
# With :math:`\sigma_w^2 = 2` and no bias, the NTK of deep ReLU networks is flat except
# for a peak: all rows but the nearest look alike. The NNGP kernel, of which only the
# last layer is trained, tends to a constant and has no peak.

fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for ax, kind in zip(axes, (NTKernel, NNGPKernel), strict=True):
    kernels = {f"depth {d}": kind(depth=d, bias_variance=0.0) for d in (1, 2, 4, 8, 32)}
    draw(ax, kernels, kind.__name__)
axes[0].set_ylabel("k(cos) / k(1)")
plt.show()

# %%
# Activation
# ----------
#
# Kernels of rectifiers have a kink at a cosine of one, where the two rows are equal,
# and those of smooth activations do not. With a kink, rough functions are easy to fit.
# Kernels of even functions (``abs``, ``cos``, ``gaussian``) are equal for a row and its
# negative.

fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
rough = ["relu", ("leaky_relu", 0.2), "abs", "identity"]
smooth = ["erf", "gelu", "sin", "cos", "gaussian", "rbf"]
for ax, names, title in zip(
    axes, (rough, smooth), ("rectified", "smooth"), strict=True
):
    kernels = {
        name if isinstance(name, str) else "{}, {}".format(*name): NTKernel(
            2, name, weight_variance=1.5, bias_variance=0.0
        )
        for name in names
    }
    draw(ax, kernels, title)
axes[0].set_ylabel("k(cos) / k(1)")
plt.show()

# %%
# Bias
# ----
#
# A bias variance raises all values of the kernel. Constant functions are then easier to
# fit, and the direction of the inputs matters less.

fig, ax = plt.subplots(layout="constrained")
kernels = {
    rf"$\sigma_b^2$ = {b:g}": NTKernel(depth=3, bias_variance=b)
    for b in (0.0, 0.1, 0.5, 2.0)
}
draw(ax, kernels, "NTKernel, depth 3, relu")
ax.set_ylabel("k(cos) / k(1)")
plt.show()
