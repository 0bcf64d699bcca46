"""Diagrams of a study, written as PNG files by matplotlib, which is optional."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..data.datasets import CLASSIFICATION, TASKS
from ..errors import StudyError
from . import statistics
from .results_file import Row
from .summary import (
    Published,
    ScoreTable,
    complete_part,
    reference_model,
    score_table,
)


def write_plots(
    folder: str | os.PathLike, rows: Sequence[Row], published: Published | None = None
) -> list[Path]:
    """Write the diagrams of every task that has at least two models.

    They are ``{task}_critical_difference.png`` and ``{task}_pairs.png``, or
    ``{task}_scores.png`` if there is one set only.
    """
    folder, written = check_plots(folder), []
    for task in TASKS:
        chosen = [row for row in rows if row.task == task]
        if not chosen:
            continue
        table, _ = complete_part(score_table(chosen, published))
        if len(table.models) < 2 or not table.sets:
            continue
        for name, draw in DIAGRAMS[min(len(table.sets), 2)].items():
            figure = draw(table, higher_is_better=task == CLASSIFICATION)
            written.append(folder / f"{task}_{name}.png")
            _save(figure, written[-1])
    return written


def _save(figure, path: Path) -> None:
    try:
        figure.savefig(path, dpi=150, bbox_inches="tight")
    except OSError as error:
        path.unlink(missing_ok=True)  # half a picture
        raise StudyError(
            f"--plots {path}: cannot be written: {error.strerror or error}"
        ) from error


def check_plots(folder: str | os.PathLike) -> Path:
    """Make the folder of the diagrams, and check that matplotlib is installed."""
    try:
        import matplotlib  # noqa: F401

        Path(folder).mkdir(parents=True, exist_ok=True)
    except ImportError as error:
        raise StudyError("--plots needs matplotlib: pip install matplotlib") from error
    except OSError as error:
        raise StudyError(f"--plots {folder}: {error.strerror or error}") from error
    return Path(folder)


def _figure(width: float, height: float):
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def draw_critical_difference(table: ScoreTable, higher_is_better: bool):
    """Draw mean ranks with half the critical difference on both sides [1]_.

    Models whose bars do not overlap differ significantly.

    References
    ----------
    .. [1] Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets",
       JMLR 7, 2006.
    """
    n_sets, n_models = table.mean.shape
    rank = statistics.ranks(table.mean, higher_is_better).mean(axis=0)
    difference = statistics.critical_difference(n_models, n_sets)
    title = (
        f"Mean rank over {n_sets} sets; the bars of models that differ\n"
        f"significantly do not overlap (critical difference {difference:.2f})"
    )
    halves = np.full(n_models, difference / 2)
    return _draw_dots(table.models, -rank, rank, halves, "mean rank, 1 is best", title)


def draw_scores(table: ScoreTable, higher_is_better: bool):
    """Draw the mean scores of all models on one set, with their standard errors."""
    sign, unit = (1, 100) if higher_is_better else (-1, 1)
    mean, error = unit * table.mean[0], unit * np.nan_to_num(table.error[0])
    label = "accuracy, %" if higher_is_better else "RMSE, standard deviations"
    title = f"{table.sets[0]}, mean ± standard error"
    return _draw_dots(table.models, sign * mean, mean, error, label, title)


def _draw_dots(names, goodness, values, errors, label: str, title: str):
    """Draw a line for each model, the best on top."""
    order = np.argsort(goodness, kind="stable")
    figure = _figure(6, 1.4 + 0.28 * len(names))
    axes = figure.add_subplot()
    axes.errorbar(values[order], range(len(names)), xerr=errors[order], fmt="o")
    axes.set_yticks(range(len(names)), [names[at] for at in order])
    axes.set_xlabel(label)
    axes.set_title(title, fontsize=10)
    axes.grid(axis="x", alpha=0.3)
    return figure


def draw_pairs(table: ScoreTable, higher_is_better: bool):
    """Draw a panel for each other model: its scores against those of the reference."""
    reference = reference_model(table, higher_is_better)
    contests = statistics.against(table.mean, table.models, reference, higher_is_better)
    mine = table.mean[:, table.models.index(reference)]
    n_columns = min(4, len(contests))
    n_rows = -(-len(contests) // n_columns)
    figure = _figure(3 * n_columns, 3.2 * n_rows)
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes in panels[len(contests) :]:
        axes.axis("off")
    for axes, contest in zip(panels, contests, strict=False):
        theirs = table.mean[:, table.models.index(contest.other)]
        better = mine > theirs if higher_is_better else mine < theirs
        axes.axline((mine[0], mine[0]), slope=1, color="grey", lw=0.8)
        axes.scatter(theirs, mine, s=14, c=np.where(better, "tab:blue", "tab:orange"))
        title = f"{contest.wins} wins, {contest.losses} losses"
        axes.set(xlabel=contest.other, ylabel=reference, aspect="equal", title=title)
    return figure


# What is drawn of one set, and of two or more.
DIAGRAMS = {
    1: {"scores": draw_scores},
    2: {"critical_difference": draw_critical_difference, "pairs": draw_pairs},
}
