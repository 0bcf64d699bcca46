"""
NTKs in scikit-learn's own estimators
=====================================

`NTKernel` is a scikit-learn kernel object: `KernelRidge`, `SVC` and
`GaussianProcessRegressor` take it as they take `RBF`, and `GridSearchCV` reaches its
parameters by name.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ntk_sklearn import NTKernel

# %%
# Kernel ridge regression: depth and ridge by cross-validation
# ------------------------------------------------------------
#
# Columns are scaled first, because the kernel depends on inner products of rows.

X, y = load_diabetes(return_X_y=True)
ridge = make_pipeline(StandardScaler(), KernelRidge(kernel=NTKernel()))
depths, alphas = [1, 2, 3, 5], np.geomspace(0.3, 3000, 9)
grid = {"kernelridge__kernel__depth": depths, "kernelridge__alpha": alphas}
search = GridSearchCV(ridge, grid, cv=5, scoring="neg_root_mean_squared_error")
search.fit(X, y - y.mean())
print(search.best_params_)

# %%
# The ridge matters more than the depth. Compare kernels only with a ridge that is tuned
# for each.

rmse = -search.cv_results_["mean_test_score"].reshape(len(alphas), len(depths))
fig, ax = plt.subplots(layout="constrained")
for depth, curve in zip(depths, rmse.T, strict=True):
    ax.semilogx(alphas, curve, ".-", label=f"depth {depth}")
ax.set(xlabel="alpha", ylabel="RMSE, 5 folds", title="diabetes, KernelRidge")
ax.legend()
plt.show()

# %%
# A support vector machine
# ------------------------

X, y = load_breast_cancer(return_X_y=True)
svc = make_pipeline(StandardScaler(), SVC(kernel=NTKernel()))
grid = {"svc__kernel__depth": [1, 3], "svc__C": [0.1, 1.0, 10.0]}
search = GridSearchCV(svc, grid, cv=5).fit(X, y)
print(search.best_params_, f"accuracy {search.best_score_:.3f}")

# %%
# A Gaussian process
# ------------------
#
# `GaussianProcessRegressor` learns the hyperparameters that have bounds by its marginal
# likelihood: here the bias variance, a length scale, and the noise. The mean for a ReLU
# network bends at the data and is linear beyond them. That for a network of error
# functions is smooth and becomes constant.

rng = np.random.default_rng(0)
x = np.sort(rng.uniform(-2.5, 2.5, 30))
t = np.sin(2 * x) + 0.2 * rng.standard_normal(30)
grid = np.linspace(-4.5, 4.5, 300)
fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for ax, activation in zip(axes, ("relu", "erf"), strict=True):
    kernel = NTKernel(2, activation, length_scale_bounds=(0.1, 10.0))
    noise = WhiteKernel(0.1, (1e-3, 10.0))
    process = GaussianProcessRegressor(kernel + noise, normalize_y=True)
    process.fit(x[:, None], t)
    print(process.kernel_)
    mean, std = process.predict(grid[:, None], return_std=True)
    ax.fill_between(grid, mean - 2 * std, mean + 2 * std, alpha=0.2, label="2 std")
    ax.plot(grid, mean, label="mean")
    ax.plot(x, t, "k.", label="data")
    ax.set(xlabel="x", ylim=(-4, 4), title=activation)
axes[1].legend()
plt.show()
