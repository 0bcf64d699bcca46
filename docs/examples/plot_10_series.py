"""
Series of different lengths
===========================

A recurrent kernel compares series of any lengths, without cutting or stretching them.
Its read-out decides which parts of the series matter.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import KernelPCA

from ntk_sklearn import RecurrentNTKernel, SequencePacker, WNTKClassifier

# %%
# Two kinds of signals
# --------------------
#
# The series are waves of two frequencies, with noise, of ten to forty points.

rng, y = np.random.default_rng(0), np.arange(80) % 2
series = []
for kind in y:
    t = np.arange(rng.integers(10, 40)) + rng.uniform(0.0, 10.0)
    wave = np.sin((0.5 + 0.25 * kind) * t) + 0.4 * rng.standard_normal(t.size)
    series.append(wave[:, None])

fig, axes = plt.subplots(2, 1, figsize=(6, 3), sharex=True, layout="constrained")
for ax, kind in zip(axes, (0, 1), strict=True):
    for i in np.flatnonzero(y == kind)[:3]:
        ax.plot(series[i])
    ax.set(ylabel=f"kind {kind}")
plt.show()

# %%
# Read-outs
# ---------
#
# The state after the last time depends little on most of a series. The mean over all
# times uses all of it.

rows = SequencePacker().fit_transform(series)  # lengths first, zeros to the end
train, test = slice(0, 50), slice(50, 80)
scores = {}
for readout in ("last", "each", "average"):
    kernel = RecurrentNTKernel(
        weight_variance=[0.5, 1.0], bias_variance=0.1, readout=readout, n_channels=1
    )
    model = WNTKClassifier(kernel).fit(rows[train], y[train])
    scores[readout] = model.score(rows[test], y[test])

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.bar(list(scores), list(scores.values()))
ax.axhline(0.5, color="grey", linewidth=1)
ax.set(xlabel="readout", ylabel="accuracy on new series", ylim=(0.0, 1.0))
plt.show()

# %%
# A map of series
# ---------------

places = KernelPCA(2, kernel=kernel).fit_transform(rows)
fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
lengths = [len(one) for one in series]
for kind, marker in ((0, "o"), (1, "^")):
    chosen = y == kind
    points = ax.scatter(
        *places[chosen].T,
        c=np.array(lengths)[chosen],
        marker=marker,
        vmin=10,
        vmax=40,
    )
fig.colorbar(points, label="length")
ax.set(xlabel="first component", ylabel="second component", title="circles: kind 0")
plt.show()
