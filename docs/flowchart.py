"""Draw the flowchart of "Which class do I want?": ``python docs/flowchart.py``."""

import io
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

QUESTION, ANSWER, EDGE = "#e8eef7", "#ffe9c7", "#44546a"

# name: (x, y, text, is it an answer)
BOXES = {
    "rows": (1.6, 4.7, "More rows than\nabout 10,000?", False),
    "sampler": (
        5.4,
        4.7,
        "The estimators, which\nthen approximate,\nor NTKSampler",
        True,
    ),
    "model": (
        1.6,
        3.2,
        "For an estimator that\ntakes a kernel: SVC,\nKernelRidge, GPR?",
        False,
    ),
    "target": (1.6, 1.5, "What is to be\npredicted?", False),
    "number": (0.2, 0.1, "WNTKRegressor", True),
    "label": (3.0, 0.1, "WNTKClassifier", True),
    "time": (6.4, 1.5, "GradientDescent-\nRegressor,\n-Classifier", True),
    "layers": (5.4, 3.2, "Which layers of the\nnetwork are trained?", False),
    "ntk": (10.0, 4.4, "NTKernel", True),
    "nngp": (10.0, 3.2, "NNGPKernel", True),
    "weighted": (10.0, 2.0, "WeightedNTKernel", True),
}
ARROWS = [
    ("rows", "sampler", "yes"),
    ("rows", "model", "no"),
    ("model", "layers", "yes"),
    ("model", "target", "no"),
    ("target", "number", "numbers"),
    ("target", "label", "labels"),
    ("target", "time", "either, by a network\nthat stops early"),
    ("layers", "ntk", "all"),
    ("layers", "nngp", "the last\nonly"),
    ("layers", "weighted", "all, at\ndifferent rates"),
]
WIDTH, HEIGHT = 1.22, 0.42  # half sizes of a box


def draw():
    fig, ax = plt.subplots(figsize=(10.5, 5))
    ax.set(xlim=(-1.15, 11.4), ylim=(-0.5, 5.3))
    ax.axis("off")
    for x, y, text, answer in BOXES.values():
        ax.add_patch(
            FancyBboxPatch(
                (x - WIDTH, y - HEIGHT),
                2 * WIDTH,
                2 * HEIGHT,
                boxstyle="round,pad=0.05" if answer else "square,pad=0.05",
                facecolor=ANSWER if answer else QUESTION,
                edgecolor=EDGE,
            )
        )
        ax.text(
            x,
            y,
            text,
            ha="center",
            va="center",
            fontsize=9,
            fontweight="bold" if answer else "normal",
        )
    for start, end, text in ARROWS:
        arrow(ax, BOXES[start][:2], BOXES[end][:2], text)
    return fig


def arrow(ax, start, end, text):
    (x0, y0), (x1, y1) = start, end
    if x1 - x0 > 2.5:  # to the right
        tail, head = (x0 + WIDTH + 0.06, y0), (x1 - WIDTH - 0.08, y1)
    else:  # down
        tail, head = (x0, y0 - HEIGHT - 0.06), (x1, y1 + HEIGHT + 0.08)
    ax.annotate("", head, tail, arrowprops={"arrowstyle": "-|>", "color": EDGE})
    middle = (tail[0] + head[0]) / 2, (tail[1] + head[1]) / 2
    ax.text(
        *middle,
        text,
        ha="center",
        va="center",
        fontsize=8.5,
        color=EDGE,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
    )


def main():
    """Write the picture, without the spaces that matplotlib leaves at ends of lines."""
    mpl.rcParams["svg.hashsalt"] = "ntk_sklearn"
    buffer = io.StringIO()
    draw().savefig(
        buffer,
        format="svg",
        bbox_inches="tight",
        facecolor="white",
        metadata={"Date": None},
    )
    lines = [line.rstrip() for line in buffer.getvalue().splitlines()]
    path = Path(__file__).parent / "_static" / "which.svg"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
