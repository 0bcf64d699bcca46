"""
Nodes of a graph, and whole graphs
==================================

Two kernels on graphs: one compares the nodes of one graph, of which a few have labels;
the other compares graphs of different sizes.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

from ntk_sklearn import (
    Graph,
    GraphCollection,
    GraphConvolutionNTKernel,
    GraphNTKernel,
    WNTKClassifier,
)

# %%
# Nodes
# -----
#
# There are three groups of nodes, whose neighbours are mostly in their own group. Five
# labels of each group are known. The figure shows the probability that a node is in the
# first group.

rng, group = np.random.default_rng(0), np.repeat([0, 1, 2], 40)
alike = np.where(group[:, None] == group, 0.12, 0.012)
upper = np.triu(rng.random((120, 120)) < alike, 1)
graph = Graph((upper + upper.T).astype(float))
nodes = np.arange(120)[:, None]
known = np.concatenate([np.arange(5) + 40 * g for g in range(3)])
model = WNTKClassifier(GraphConvolutionNTKernel(2, graph=graph))
model.fit(nodes[known], group[known])
print(f"{model.score(nodes, group):.0%} of all nodes are right")

angle = 2 * np.pi * group / 3
where = np.column_stack([np.cos(angle), np.sin(angle)])
where += 0.35 * rng.standard_normal((120, 2))
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for i, j in zip(*np.nonzero(upper), strict=True):
    ax.plot(*where[[i, j]].T, color="lightgrey", linewidth=0.5, zorder=0)
points = ax.scatter(*where.T, c=model.predict_proba(nodes)[:, 0], s=25)
ax.scatter(*where[known].T, s=90, facecolors="none", edgecolors="black", label="known")
fig.colorbar(points, label="probability of the first group")
ax.legend()
ax.axis("off")
plt.show()

# %%
# Whole graphs
# ------------
#
# The graphs are chains with one branch, near an end or in the middle, and the nodes
# have no features. In both kinds, nodes have the same numbers of neighbours, so that
# one block, which sums over neighbours, cannot distinguish them. Each further block
# reaches one step further.

in_the_middle, graphs = np.arange(80) % 2, []
for middle in in_the_middle:
    n = int(rng.integers(12, 17))
    branch = n // 2 if middle else 3
    edges = [*((i, i + 1) for i in range(n - 1)), (branch, n)]
    graphs.append(Graph.from_edges(n + 1, edges))
collection, numbers = GraphCollection(graphs), np.arange(80)[:, None]
scores = []
for n_blocks in (1, 2, 3, 4):
    kernel = GraphNTKernel(n_blocks=n_blocks, normalize=True, graphs=collection)
    scores.append(cross_val_score(SVC(C=100.0, kernel=kernel), numbers, in_the_middle))

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.errorbar([1, 2, 3, 4], np.mean(scores, 1), np.std(scores, 1), marker="o")
ax.set(xlabel="blocks", ylabel="accuracy", xticks=[1, 2, 3, 4])
plt.show()
