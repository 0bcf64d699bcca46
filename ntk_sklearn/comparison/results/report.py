"""The report of a study as text: a table for each task, statistics and footnotes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from ..data.datasets import CLASSIFICATION, REGRESSION, Dataset
from ..errors import plural
from . import statistics
from .results_file import Row
from .summary import (
    Published,
    ScoreTable,
    complete_part,
    reference_model,
    score_table,
)

# Up to this many sets are columns beside the models; more become rows.
FEW_SETS = 6


def report(
    rows: Sequence[Row],
    datasets: Sequence[Dataset] = (),
    published: Published | None = None,
) -> str:
    """Return the tables of a study as text.

    Parameters
    ----------
    rows : sequence of Row
        The results, from `run_study`.
    datasets : sequence of Dataset, default=()
        The sets, whose notes become footnotes.
    published : mapping of str to mapping of str to float, default=None
        Scores of other models by set, see `read_baselines`.

    Returns
    -------
    str

    Examples
    --------
    >>> from ntk_sklearn.comparison import StudySettings, choose_models, load_bundled
    >>> from ntk_sklearn.comparison import report, run_study, with_folds
    >>> iris = with_folds(load_bundled(["iris"])[0], n_folds=2, seed=0)
    >>> models = choose_models(["rbf-svm"])
    >>> rows = run_study([iris], models, StudySettings(quick=True), progress=False)
    >>> title, head, *_ = report(rows).splitlines()
    >>> title.split(",")[0], head.split()[:2]
    ('Classification: 1 set', ['model', 'iris'])
    """
    parts = []
    for task in (CLASSIFICATION, REGRESSION):
        chosen = [row for row in rows if row.task == task]
        if chosen:
            parts.append(_task_report(task, chosen, published or {}))
    footnotes = list(_footnotes(rows, datasets, published or {}))
    if footnotes:
        parts.append("\n".join(f"* {line}" for line in footnotes))
    return "\n\n".join(parts)


def _task_report(task: str, rows: Sequence[Row], published: Published) -> str:
    table = score_table(rows, published)
    sets = len(table.sets)
    if task == CLASSIFICATION:
        what = "accuracy in %, mean ± standard error over folds (higher is better)"
    else:
        what = (
            "RMSE in units of the training standard deviation, mean ± standard error "
            "over folds (lower is better)"
        )
    title = f"{task.capitalize()}: {plural(sets, 'set')}, {what}"
    parts = [f"{title}\n{_scores(task, table)}"]
    if sets > 1:
        parts.append(_summary(task, table))
    return "\n\n".join(parts)


# -- scores ---------------------------------------------------------------------------


def _cell(task: str, table: ScoreTable, i: int, j: int) -> str:
    """Return the score of model j on set i as text."""
    mean, error = table.mean[i, j], table.error[i, j]
    if not table.asked[i, j]:
        return "-"
    if np.isnan(mean):
        return "failed"
    if task == CLASSIFICATION:
        text, spread = f"{100 * mean:.1f}", f"{100 * error:.1f}"
    else:
        text, spread = f"{mean:.3f}", f"{error:.3f}"
    return text if np.isnan(error) else f"{text} ± {spread}"


def _cost(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


_COSTS = ("tune s", "fit s", "predict s", "MB")


def _scores(task: str, table: ScoreTable) -> str:
    """Return few sets as columns, with the costs of each model; and many as rows."""
    indices = range(len(table.sets))
    cells = [
        [_cell(task, table, i, j) for i in indices] for j in range(len(table.models))
    ]
    if len(table.sets) > FEW_SETS:
        by_set = zip(table.sets, zip(*cells, strict=True), strict=True)
        return aligned(
            [["set", *table.models], *([name, *row] for name, row in by_set)]
        )
    lines = [["model", *table.sets, *_COSTS]]
    for model, row, costs in zip(table.models, cells, table.costs, strict=True):
        lines.append([model, *row, *map(_cost, costs)])
    return aligned(lines)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as aligned columns, with a rule below the first line."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([padded[0], rule, *padded[1:]])


# -- statistics over sets -------------------------------------------------------------


def _summary(task: str, table: ScoreTable) -> str:
    part, left_out = complete_part(table)
    notes = []
    if left_out:
        notes.append(f"Without {', '.join(left_out)}: no score on most sets.")
    n_sets, n_models = part.mean.shape
    if n_models < 2 or n_sets < 2:
        return "\n".join([*notes, "Too few complete sets and models for ranks."])
    title = f"Over the {n_sets} sets that all {n_models} models finished"
    lines = _summary_lines(task, part)
    notes.insert(0, f"{title}\n{aligned(lines)}")
    higher = task == CLASSIFICATION
    p = statistics.friedman_p(part.mean)
    if not np.isnan(p):
        difference = statistics.critical_difference(n_models, n_sets)
        enough = f"Mean ranks that differ by {difference:.2f} or more differ"
        if difference > n_models - 1:  # the largest difference that there can be
            enough = "With so few sets, no mean ranks differ"
        notes.append(
            f"Friedman's test that all models are equal: p = {p:.2g}. {enough} "
            "significantly (Nemenyi, 5 %)."
        )
    if n_sets >= statistics.FEWEST_SETS:
        notes.append(_contests(part, higher))
    else:
        notes.append(f"Signed-rank tests need at least {statistics.FEWEST_SETS} sets.")
    return "\n".join(notes)


def _summary_lines(task: str, part: ScoreTable) -> list[list[str]]:
    higher = task == CLASSIFICATION
    rank = statistics.ranks(part.mean, higher).mean(axis=0)
    unit, digits = (100, 2) if higher else (1, 4)
    mean, spread = part.mean.mean(axis=0), part.mean.std(axis=0, ddof=1)
    spreads = zip(
        _texts(unit * mean, digits), _texts(unit * spread, digits), strict=True
    )
    columns = {
        "model": part.models,
        "mean ± sd": [f"{m} ± {s}" for m, s in spreads],
        "rank": _texts(rank, 2),
    }
    if higher:
        columns["P90"] = _texts(statistics.p_at(part.mean, 0.9), 1)
        columns["P95"] = _texts(statistics.p_at(part.mean, 0.95), 1)
        columns["PMA"] = _texts(statistics.percent_of_maximum(part.mean), 1)
    else:
        best = part.mean.min(axis=1, keepdims=True)
        ratio = part.mean / np.maximum(best, np.finfo(float).tiny)
        columns["mean / best"] = _texts(ratio.mean(axis=0), 3)
    for name, costs in zip(_COSTS, part.costs.T, strict=True):
        columns[name] = [_cost(value) for value in costs]
    body = [list(line) for line in zip(*columns.values(), strict=True)]
    return [list(columns), *(body[at] for at in np.argsort(rank, kind="stable"))]


def _texts(values, digits: int) -> list[str]:
    return [f"{value:.{digits}f}" for value in values]


def _contests(part: ScoreTable, higher: bool) -> str:
    """Return signed-rank tests of a reference model against each other model."""
    reference = reference_model(part, higher)
    contests = statistics.against(part.mean, part.models, reference, higher)
    unit = 100 if higher else 1
    lines = [["against", "wins", "ties", "losses", "mean difference", "p", "p (Holm)"]]
    for c in contests:
        difference = f"{unit * c.mean_difference:+.3f}"
        counts = map(str, (c.wins, c.ties, c.losses))
        lines.append([c.other, *counts, difference, f"{c.p:.3g}", f"{c.p_holm:.3g}"])
    return f"\n{reference} against each, Wilcoxon's signed-rank test:\n{aligned(lines)}"


# -- footnotes ------------------------------------------------------------------------


def _footnotes(
    rows: Sequence[Row], datasets: Sequence[Dataset], published: Published
) -> Iterator[str]:
    yield (
        "tune s, fit s, predict s: seconds for tuning, the final fit, and predicting "
        "the test rows; MB: the rise of the process's memory; all are medians over "
        "the folds."
    )
    n_sets = Counter(task for task, _ in {(row.task, row.set) for row in rows})
    if any(count > 1 for count in n_sets.values()):
        yield "rank: the mean over the sets of a model's place, 1 for the best."
    if n_sets[CLASSIFICATION] > 1:
        yield (
            "P90, P95: the percentage of sets on which a model reaches 90 or 95 % of "
            "the best accuracy; PMA: its mean accuracy in per cent of the best."
        )
    for dataset in datasets:
        if dataset.notes:
            yield f"{dataset.name}: {'; '.join(dataset.notes)}."
    failures: dict[tuple, list[Row]] = {}
    for row in rows:
        if not row.ok:
            failures.setdefault((row.set, row.model, row.message), []).append(row)
    for (name, model, message), failed in failures.items():
        folds = plural(len(failed), "fold")
        yield f"{model} failed on {name} ({folds}): {message}"
    warned: Counter[str] = Counter()
    for row in rows:
        warned[row.model] += row.n_warnings
    told = [f"{model} {count}" for model, count in warned.items() if count]
    if told:
        yield f"Warnings while fitting, not shown: {', '.join(told)}."
    yield from _common_warnings(rows)
    if any(row.protocol == "arora" for row in rows):
        yield (
            "Protocol arora: hyperparameters chosen on the collection's tuning split, "
            "which overlaps the test rows; wntk learns on each fold's training rows."
        )
    if published:
        yield "Columns without times are published scores, not computed here."
    if any(row.quick for row in rows):
        yield "Quick look: few rows and grid points, few folds unless --folds is given."


def _common_warnings(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the most frequent warning of each model."""
    heard: dict[str, list[Row]] = {}
    for row in rows:
        if row.ok and row.message:
            heard.setdefault(row.model, []).append(row)
    for model, warned in heard.items():
        message, count = Counter(row.message for row in warned).most_common(1)[0]
        sets = {row.set: None for row in warned if row.message == message}
        where, *others = sets
        if others:
            where += f" and {plural(len(others), 'other set')}"
        yield f"{model} warned on {where} ({plural(count, 'fold')}): {message}"
