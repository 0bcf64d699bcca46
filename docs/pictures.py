"""Pictures of the documentation, drawn by ``python docs/pictures.py [STUDY.csv]``.

Without a file of results, the intervals of the first page and the times in
``speed_grid.rst``; with one, which ``python -m ntk_sklearn compare --out STUDY.csv``
has written, the mean ranks and the mean errors of the models in it. It then also writes
the tables of the study's page, ``study.txt``, and prints the sets on which other models
are better, which the page names.
"""

import sys
from collections import Counter
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "ntk_sklearn"  # equal pictures are equal files

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from ntk_sklearn import WNTKRegressor
from ntk_sklearn.comparison import Row, read_results, report
from ntk_sklearn.comparison.data.datasets import CLASSIFICATION, TASKS
from ntk_sklearn.comparison.results.statistics import ranks
from ntk_sklearn.comparison.results.summary import complete_part, score_table

STATIC = Path(__file__).parent / "_static"
OURS, OTHERS = "#c65d00", "#9aa7b5"


def save(figure, name: str) -> None:
    """Write a picture on white, which dark pages show as well."""
    figure.savefig(STATIC / name, bbox_inches="tight", metadata={"Date": None})


def draw_intervals() -> None:
    """Draw the intervals of the first page, by predicted value."""
    X, y = load_diabetes(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = WNTKRegressor().fit(X_train, y_train)
    mean, (low, high) = model.predict(X_test), model.predict_interval(X_test).T
    order = np.argsort(mean)
    inside = (low <= y_test) & (y_test <= high)
    figure, axes = plt.subplots(figsize=(7, 2.8))
    at = np.arange(len(mean))
    axes.fill_between(
        at, low[order], high[order], color="#cfe0f3", label="90 % interval"
    )
    axes.plot(at, mean[order], color="#1f5fa8", label="prediction")
    for held, colour, label in (
        (inside[order], "#222222", "new patient, inside"),
        (~inside[order], OURS, "outside"),
    ):
        axes.scatter(at[held], y_test[order][held], s=12, color=colour, label=label)
    axes.set(xlabel="new patients, by prediction", ylabel="progression")
    axes.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    save(figure, "intervals.svg")


def finished(rows: list[Row]) -> list[Row]:
    """Keep the models that did most sets, and the sets that all of these did."""
    folds = Counter((row.set, row.model) for row in rows)
    full, kept = max(folds.values()), []
    for task in TASKS:
        mine = [row for row in rows if row.task == task]
        done: dict[str, set[str]] = {row.set: set() for row in mine}
        for row in mine:
            if folds[row.set, row.model] == full:
                done[row.set].add(row.model)
        count = Counter(model for models in done.values() for model in models)
        usual = {model for model in count if 2 * count[model] > len(done)}
        kept += [row for row in mine if row.model in usual and usual <= done[row.set]]
    return kept


def draw_headline(rows: list[Row]) -> None:
    """Draw the mean ranks and the mean errors over the best, for each task."""
    figure, panels = plt.subplots(2, 2, figsize=(9, 7.2), layout="constrained")
    for task, (left, right) in zip(TASKS, panels, strict=True):
        higher = task == CLASSIFICATION
        chosen = [row for row in rows if row.task == task]
        table, _ = complete_part(score_table(chosen))
        rank = ranks(table.mean, higher).mean(axis=0)
        error = 100 * (1 - table.mean) if higher else table.mean
        what = "mean error, %" if higher else "mean RMSE, in standard deviations"
        order = np.argsort(-rank)
        names = [table.models[at] for at in order]
        colours = [OURS if name == "wntk" else OTHERS for name in names]
        for axes, values, label in (
            (left, rank, "mean rank (1 is best)"),
            (right, error.mean(axis=0), what),
        ):
            bars = axes.barh(names, values[order], color=colours)
            axes.bar_label(
                bars, padding=3, fmt="%.2f" if axes is left or not higher else "%.1f"
            )
            axes.set(xlabel=label)
            axes.spines[["top", "right"]].set_visible(False)
            axes.margins(x=0.12)
        left.set_title(f"{task}, {len(table.sets)} sets", loc="left")
        print_losses(task, table)
    save(figure, "headline.svg")


def print_losses(task: str, table) -> None:
    """Print on how many sets, and where most, another model is better than wntk."""
    sign, unit = (1, 100) if task == CLASSIFICATION else (-1, 1)
    scores, ours = sign * unit * table.mean, table.models.index("wntk")
    behind = np.round(scores.max(axis=1) - scores[:, ours], 9)
    lost = np.flatnonzero(behind)
    print(f"{task}: another model is better on {len(lost)} of {len(behind)} sets")
    for at in lost[np.argsort(-behind[lost])]:
        winner = table.models[int(np.argmax(scores[at]))]
        print(f"  {table.sets[at]}: {behind[at]:.3f} behind {winner}")


def grid_of_times() -> list[dict[str, str]]:
    """Return the rows of the table of times, by the names of its columns."""
    text = (STATIC.parent / "speed_grid.rst").read_text(encoding="utf-8")
    head, *body = (part.split("\n     - ") for part in text.split("\n   * - ")[1:])
    return [
        dict(zip(head, (cell.strip() for cell in row), strict=True)) for row in body
    ]


def draw_speed() -> None:
    """Draw times against rows and depth, and the distance to the machine's limit."""
    grid = [row for row in grid_of_times() if row["bias"] == "0.0"]
    figure, panels = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
    features = sorted({int(row["features"]) for row in grid})
    shades = plt.get_cmap("viridis")(np.linspace(0.1, 0.8, len(features)))
    for width, shade in zip(features, shades, strict=True):
        mine = [row for row in grid if int(row["features"]) == width]
        by_rows = [row for row in mine if row["depth"] == "3"]
        by_depth = [row for row in mine if row["n"] == "2000"]
        for axes, rows, across, what, style in (
            (panels[0], by_rows, "n", "ours", "o-"),
            (panels[0], by_rows, "n", "rbf_kernel", "x:"),
            (panels[1], by_depth, "depth", "ours", "o-"),
            (panels[1], by_depth, "depth", "NumPy recursion", "x:"),
            (panels[2], by_rows, "n", "ours / limit", "o-"),
        ):
            points = [(float(r[across]), float(r[what])) for r in rows if r[what]]
            if points:
                axes.plot(*zip(*points, strict=True), style, color=shade, ms=4)
    titles = (
        "ms, depth 3; dotted: rbf_kernel",
        "ms, 2000 rows; dotted: NumPy",
        "time over the limit",
    )
    for axes, title, label in zip(
        panels, titles, ("rows", "depth", "rows"), strict=True
    ):
        axes.set(xscale="log", yscale="log", xlabel=label)
        axes.set_title(title, fontsize=10)
        ticks = sorted({int(row["n" if label == "rows" else "depth"]) for row in grid})
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
    panels[2].set_yticks([1, 2, 5, 10], ["1", "2", "5", "10"])
    lines = [plt.Line2D([], [], color=shade) for shade in shades]
    names = [f"{width} features" for width in features]
    figure.legend(lines, names, ncols=len(names), loc="outside lower center")
    save(figure, "speed.svg")


if __name__ == "__main__":
    if sys.argv[1:]:
        study = finished(read_results(sys.argv[1]))
        draw_headline(study)
        tables = report(study).partition("\n\n* ")[0]
        (STATIC.parent / "study.txt").write_text(tables + "\n", encoding="utf-8")
    else:
        draw_intervals()
        draw_speed()
