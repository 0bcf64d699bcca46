"""Accuracy and speed of the kernels on images, sequences and graphs.

    python benchmarks/architectures.py mutag DATA_DIR
    python benchmarks/architectures.py cora DATA_DIR
    python benchmarks/architectures.py vowels DATA_DIR
    python benchmarks/architectures.py learned DATA_DIR
    python benchmarks/architectures.py cifar DATA_DIR [--rows 2000]
    python benchmarks/architectures.py digits
    python benchmarks/architectures.py speed DATA_DIR

DATA_DIR has the folders ``graphs``, ``series`` and ``images`` with ``mutag.npz``,
``cora.npz``, ``JapaneseVowels.npz`` and ``cifar10_4k1k.npz``. Whatever is chosen,
kernels and regularisation, is chosen on training rows: by cross-validation within them,
or on the validation rows of Cora. ``learned`` is ``vowels`` with learned layer weights.
``speed`` prints seconds of processor time, and memory beside the images.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from itertools import product
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.svm import SVC
from timing import interleaved

from ntk_sklearn import (
    ConvolutionalNTKernel,
    Graph,
    GraphCollection,
    GraphConvolutionNTKernel,
    GraphNTKernel,
    RecurrentNTKernel,
    SequencePacker,
    WNTKClassifier,
)

CS = 10.0 ** np.arange(-2, 4.5, 0.5)


def best_svm(grams, y, train, cv):
    """Return the name and the C with the best score within the training rows."""
    found = {}
    for name, K in grams.items():
        for C in CS:
            svm = SVC(kernel="precomputed", C=C)
            scores = cross_val_score(svm, K[np.ix_(train, train)], y[train], cv=cv)
            found[name, C] = scores.mean()
    return max(found, key=found.get)


def svm_score(K, C, y, train, test):
    """Return the accuracy on test rows of a machine of the training rows."""
    svm = SVC(kernel="precomputed", C=C).fit(K[np.ix_(train, train)], y[train])
    return svm.score(K[np.ix_(test, train)], y[test])


def ridges(K, Y, powers):
    """Return each ridge, its duals, and predictions of rows that are left out.

    A ridge is a power of ten times the mean of the diagonal of K.
    """
    values, vectors = np.linalg.eigh(K)
    inner = vectors.T @ Y
    for a in 10.0**powers:
        inverse = 1.0 / (values + a * values.mean())
        dual = vectors @ (inverse[:, None] * inner)
        yield a, dual, Y - dual / (vectors**2 @ inverse)[:, None]


def quality(found, true):
    """Return the accuracy; of equal ones, the smaller squared error is better."""
    return np.mean(found.argmax(1) == true.argmax(1)), -np.mean((found - true) ** 2)


def scaled(K, left, right):
    """Return a kernel matrix divided by the roots of two diagonals."""
    return K / np.sqrt(np.outer(left, right))


# -- whole graphs ---------------------------------------------------------------------


def mutag_graphs(folder):
    """Return the graphs, their classes and folds."""
    data = np.load(folder / "graphs" / "mutag.npz")
    ends = np.cumsum(data["n_nodes"])[:-1]
    graphs = [
        Graph.from_edges(len(tags), data["edges"][i:j], tags)
        for tags, i, j in zip(
            np.split(data["node_tags"], ends),
            data["edge_pointer"][:-1],
            data["edge_pointer"][1:],
            strict=True,
        )
    ]
    return graphs, data["y"], data["fold"]


def mutag(folder):
    """Nested cross-validation over architectures and C."""
    graphs, y, fold = mutag_graphs(folder)
    grams = {}
    for blocks, depth, scale, jumping in product(
        (1, 3), (1, 2, 3), ("uniform", "degree"), (False, True)
    ):
        kernel = GraphNTKernel(
            depth,
            weight_variance=[1.0] + [2.0] * blocks * depth,
            n_blocks=blocks,
            scale=scale,
            jumping_knowledge=jumping,
        )
        K = kernel(graphs)
        roots = np.sqrt(np.diag(K))
        grams[blocks, depth, scale, jumping, "raw"] = K / K.min()
        grams[blocks, depth, scale, jumping, "cosine"] = K / np.outer(roots, roots)
    scores = []
    for k in range(10):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        inner = StratifiedKFold(5, shuffle=True, random_state=0)
        name, C = best_svm(grams, y, train, inner)
        scores.append(svm_score(grams[name], C, y, train, test))
        print(k, name, C, f"{scores[-1]:.3f}", flush=True)
    print(f"MUTAG, nested: {100 * np.mean(scores):.2f} +- {100 * np.std(scores):.2f}")
    numbered = GraphNTKernel(
        1, n_blocks=1, weight_variance=[1, 2], graphs=GraphCollection(graphs)
    )
    X, scores = np.arange(len(y))[:, None], []
    for k in range(10):
        model = WNTKClassifier(numbered).fit(X[fold != k], y[fold != k])
        scores.append(model.score(X[fold == k], y[fold == k]))
    print(f"learned layer weights, one architecture: {100 * np.mean(scores):.2f}")


# -- nodes ----------------------------------------------------------------------------


def cora_graphs(folder):
    """Return the graph with two kinds of features, the subjects, the public split.

    The words of each paper are shares of all its words, or have more weight the rarer
    they are among all papers.
    """
    data = np.load(folder / "graphs" / "cora.npz")
    values, n = data["feature_values"].astype(float), len(data["y"])
    shape = n, int(data["n_features"])
    indices = data["feature_indices"], data["feature_indptr"]
    features = sparse.csr_matrix((values, *indices), shape)
    sums = np.asarray(features.sum(axis=1)).ravel()
    shares = sparse.diags(1 / np.maximum(sums, 1e-12)) @ features
    rarity = np.log(
        (1 + n) / (1 + np.bincount(data["feature_indices"], None, shape[1]))
    )
    weighted = features @ sparse.diags(1 + rarity)
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    weighted = sparse.diags(1 / np.maximum(lengths, 1e-12)) @ weighted
    graphs = {
        name: Graph.from_edges(n, data["edges"], sparse.csr_matrix(kind))
        for name, kind in (("shares", shares), ("tf-idf", weighted))
    }
    return graphs, data["y"], [data[k] for k in ("train", "validation", "test")]


def ridge_scores(K, y, split, leave_one_out):
    """Return how good each ridge is on rows to choose by, and on test rows.

    The first are the validation rows, and with `leave_one_out` the training rows, each
    left out in turn.
    """
    train, validation, test = split
    Y = np.eye(y.max() + 1)[y]
    powers = np.arange(-5, 1.01, 0.5)
    for a, dual, left_out in ridges(K[np.ix_(train, train)], Y[train], powers):
        found, true = K[np.ix_(validation, train)] @ dual, Y[validation]
        if leave_one_out:
            found, true = np.vstack([found, left_out]), np.vstack([true, Y[train]])
        tested = (K[np.ix_(test, train)] @ dual).argmax(1) == y[test]
        yield quality(found, true), np.mean(tested), a


def cora(folder):
    """Kernel and ridge chosen on rows that are not tested, for all splits.

    For the public split they are the validation rows; for the random ones, of few
    validation rows, also the training rows, each left out in turn.
    """
    graphs, y, public = cora_graphs(folder)
    nodes, splits = np.arange(len(y))[:, None], {"public": public}
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(y))
        splits[f"random {seed}"] = order[:1000], order[1000:1208], order[1208:2708]
    best = {}
    for words, norm, (depth, skip, strength) in product(
        graphs,
        ("sym", "row"),
        (
            *((depth, None, 0.1) for depth in (1, 2, 3)),
            *((depth, "alpha", 0.1) for depth in (2, 4, 8)),
            *((depth, "alpha", 0.2) for depth in (4, 8)),
        ),
    ):
        kernel = GraphConvolutionNTKernel(
            depth,
            graph=graphs[words],
            normalization=norm,
            skip=skip,
            skip_strength=strength,
        )
        K = kernel(nodes)
        for cosine in (False, True):
            gram = scaled(K, np.diag(K), np.diag(K)) if cosine else K
            for name, split in splits.items():
                for good, test, a in ridge_scores(gram, y, split, name != "public"):
                    if name not in best or good > best[name][0]:
                        which = words, norm, depth, skip, strength, cosine, a
                        best[name] = good, test, which
        print(words, norm, depth, skip, strength, flush=True)
    for name, ((good, _), test, which) in best.items():
        print(f"Cora, {name}: {100 * test:.1f} (chosen at {100 * good:.1f})", which)
    mean = np.mean([100 * best[name][1] for name in best if name != "public"])
    print(f"mean of the random splits: {mean:.2f}")


# -- sequences ------------------------------------------------------------------------


def vowels_data(folder):
    """Return sequences, scaled on the training part, labels, and its size."""
    data = np.load(folder / "series" / "JapaneseVowels.npz")
    train, test = data["values_train"].astype(float), data["values_test"].astype(float)
    rows = (np.concatenate([train, test]) - train.mean(axis=0)) / train.std(axis=0)
    lengths = np.concatenate([data["lengths_train"], data["lengths_test"]])
    y = np.concatenate([data["y_train"], data["y_test"]])
    return np.split(rows, np.cumsum(lengths)[:-1]), y, len(data["y_train"])


def vowels(folder):
    """Architecture and ridge by leave-one-out of the training part."""
    X, y, n = vowels_data(folder)
    y = np.unique(y, return_inverse=True)[1]
    Y, best = np.eye(y.max() + 1)[y[:n]], ((0.0, 0.0), 0.0, None)
    for readout, both, sw, su, sb in product(
        ("last", "each", "average"),
        (False, True),
        (1.2, 1.5),
        (0.1, 0.25, 0.5, 1.0),
        (0.0, 0.2),
    ):
        kernel = RecurrentNTKernel(
            weight_variance=[su**2, 1.0],
            recurrent_variance=sw**2,
            bias_variance=sb**2,
            readout=readout,
            bidirectional=both,
        )
        K = kernel(X)
        for cosine in (False, True):
            gram = scaled(K, np.diag(K), np.diag(K)) if cosine else K
            for a, dual, left_out in ridges(gram[:n, :n], Y, np.arange(-6.0, 0.1, 0.5)):
                good = quality(left_out, Y)
                if good > best[0]:
                    score = np.mean((gram[n:, :n] @ dual).argmax(1) == y[n:])
                    best = good, score, (readout, both, sw, su, sb, cosine, a)
    (good, _), score, which = best
    print(f"JapaneseVowels: {100 * score:.2f}, chosen at {100 * good:.2f}:", which)


def learned(folder):
    """Layer weights learned, architecture by leave-one-out of the training part."""
    X, y, n = vowels_data(folder)
    rows, found = SequencePacker().fit_transform(X), {}
    for su, readout, both in product(
        (0.1, 0.5, 1.0), ("last", "average", "each"), (False, True)
    ):
        kernel = RecurrentNTKernel(
            weight_variance=[su**2, 1.0],
            bias_variance=0.04,
            layer_weights=np.ones(4),  # W, U, b, and the read-out
            readout=readout,
            bidirectional=both,
            n_channels=X[0].shape[1],
        )
        model = WNTKClassifier(kernel).fit(rows[:n], y[:n])
        left_out = np.mean(model.loo_predictions_ == y[:n])
        found[su, readout, both] = left_out, model.score(rows[n:], y[n:])
        print(su, readout, both, found[su, readout, both], flush=True)
    best = max(found, key=lambda name: found[name][0])
    print(f"JapaneseVowels, learned: {100 * found[best][1]:.2f}", best)


# -- images ---------------------------------------------------------------------------


def cifar_data(folder, rows):
    """Return images, scaled channel by channel on the training part, and labels."""
    data = np.load(folder / "images" / "cifar10_4k1k.npz")
    train, test = data["X_train"][:rows].astype(float), data["X_test"].astype(float)
    mean, deviation = train.mean(axis=(0, 1, 2)), train.std(axis=(0, 1, 2))
    images = [(part - mean) / deviation for part in (train, test)]
    return *images, data["y_train"][:rows], data["y_test"]


def cifar(folder, rows):
    """Ridge and normalisation of the kernel by leave-one-out of training rows."""
    train, test, y, y_test = cifar_data(folder, rows)
    kernel = ConvolutionalNTKernel(3, weight_variance=[2.0, 2.0, 2.0, 1.0])
    start = time.process_time()
    K, K_test = kernel(train), kernel(test, train)
    print(f"{time.process_time() - start:.0f} s of processor time", flush=True)
    own, own_test = np.diag(K), kernel.diag(test)
    grams = {
        "raw": (K, K_test),
        "cosine": (scaled(K, own, own), scaled(K_test, own_test, own)),
    }
    Y, found = np.eye(10)[y], []
    for name, (gram, gram_test) in grams.items():
        for a, dual, left_out in ridges(gram, Y - 0.1, np.arange(-4.0, 1.3, 0.125)):
            score = np.mean((gram_test @ dual).argmax(1) == y_test)
            found.append((quality(left_out, Y - 0.1), score, name, a))
    (good, _), score, name, a = max(found)
    print(f"CIFAR-10: {100 * score:.1f}, chosen at {100 * good:.1f}:", name, a)


def digits():
    """Average pooling beside an RBF machine, both nested."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:1000] / 16, y[:1000]
    grams = {}
    for depth in (1, 2):
        K = ConvolutionalNTKernel(depth, readout="average", image_shape=(8, 8))(X)
        roots = np.sqrt(np.diag(K))
        grams[depth] = K / np.outer(roots, roots)
    outer = StratifiedKFold(5, shuffle=True, random_state=0)
    ours, rbf = [], []
    grid = {"C": CS[4:], "gamma": 10.0 ** np.arange(-3, 1)}
    for train, test in outer.split(X, y):
        depth, C = best_svm(grams, y, train, 3)
        ours.append(svm_score(grams[depth], C, y, train, test))
        search = GridSearchCV(SVC(), grid, cv=3).fit(X[train], y[train])
        rbf.append(search.score(X[test], y[test]))
    print(f"digits: average {100 * np.mean(ours):.2f}, RBF {100 * np.mean(rbf):.2f}")


# -- speed ----------------------------------------------------------------------------


def speed(folder):
    """Processor time of each kernel matrix."""
    images = cifar_data(folder, 64)[0]
    flat, deep = ConvolutionalNTKernel(3), ConvolutionalNTKernel(10)
    average = ConvolutionalNTKernel(3, readout="average")
    graphs = mutag_graphs(folder)[0]
    sequences = vowels_data(folder)[0]
    contenders = {
        "flatten, depth 3, n = 64": lambda: flat(images),
        "flatten, depth 10, n = 64": lambda: deep(images),
        "average, depth 3, n = 8": lambda: average(images[:8]),
        "MUTAG, two blocks": lambda: GraphNTKernel(1, n_blocks=2)(graphs),
        "JapaneseVowels, last": lambda: RecurrentNTKernel()(sequences),
        "JapaneseVowels, average": lambda: RecurrentNTKernel(readout="average")(
            sequences
        ),
    }
    for name, contender in (
        ("flatten, depth 3, n = 32", lambda: flat(images[:32])),
        ("average, depth 3, n = 4", lambda: average(images[:4])),
    ):
        contender()  # compiles
        tracemalloc.start()
        contender()
        most = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        print(f"{name}: {most:.0f} MiB at most")
    times = interleaved(contenders, 3, clock=time.process_time)
    for name in contenders:
        print(f"{name}: {min(times[name]):.2f} s")
    for name, pairs in (
        ("flatten, depth 3, n = 64", 64 * 65 / 2 * 1024 * 3),
        ("flatten, depth 10, n = 64", 64 * 65 / 2 * 1024 * 10),
        ("average, depth 3, n = 8", 8 * 9 / 2 * 1024**2 * 3),
    ):
        print(f"{name}: {1e9 * min(times[name]) / pairs:.2f} ns per pair and layer")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = {
        "mutag": mutag,
        "cora": cora,
        "vowels": vowels,
        "learned": learned,
        "speed": speed,
    }
    parser.add_argument("what", choices=[*what, "cifar", "digits"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rows", type=int, default=2000)
    given = parser.parse_args()
    if given.what == "digits":
        digits()
    elif given.what == "cifar":
        cifar(given.folder, given.rows)
    else:
        what[given.what](given.folder)
