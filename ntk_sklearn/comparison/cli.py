"""The command line of the comparison."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence

from .arguments import FOLDS, MAX_ROWS, PROGRAM, QUICK_FOLDS, parse
from .data.datasets import CLASSIFICATION, Dataset, load_bundled, load_suite
from .data.folds import thinned, with_folds
from .errors import StudyError
from .models.model import Model
from .models.registry import MODELS, choose_models, not_installed, other_task
from .protocols import StudySettings
from .results.plots import check_plots, write_plots
from .results.report import report
from .results.summary import read_baselines
from .structured import SUITES, load_structured
from .study import run_study

QUICK_ROWS = 250


def main(argv: list[str] | None = None, models: Mapping[str, Model] = MODELS) -> int:
    """Run the command line, with the process's own arguments unless there are others.

    Its status is 0 for success, 2 for a wrong argument, file or data set, and 130 for
    an interrupt.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name must not cost a study its report
            stream.reconfigure(errors="replace")
    try:
        compare(parse(argv, models), models)
    except StudyError as error:
        message = " ".join(str(error).split())
        print(f"{PROGRAM}: error: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{PROGRAM}: interrupted", file=sys.stderr)
        return 130
    return 0


def compare(arguments: argparse.Namespace, models: Mapping[str, Model]) -> None:
    """Run a study as the command line describes it, and print its report."""
    settings = StudySettings(arguments.protocol, arguments.seed, arguments.quick)
    published = read_baselines(arguments.baselines)
    if arguments.plots is not None:
        check_plots(arguments.plots)
    if arguments.suite in SUITES:
        loaded, models = load_structured(arguments.suite, arguments.data)
    else:
        loaded = _load(arguments)
    datasets, left_out = _prepared(arguments, loaded)
    chosen = choose_models(arguments.models, models)
    rows = run_study(
        datasets,
        chosen,
        settings,
        out=arguments.out,
        n_jobs=arguments.jobs or (1 if arguments.quick else -1),
        retry_failed=arguments.retry_failed,
    )
    _tell(report(rows, datasets, published))
    if arguments.models is None:
        left_out += not_installed(models)
    else:
        left_out += other_task(chosen, dict.fromkeys(d.task for d in datasets))
    for line in left_out:
        _tell(f"* {line}")
    if arguments.plots is not None:
        written = write_plots(arguments.plots, rows, published)
        none = ["no diagrams: they need two models of one task"]
        for line in [f"wrote {path}" for path in written] or none:
            _tell(f"* {line}")


def _tell(text: str) -> None:
    try:
        print(text, flush=True)
    except OSError as error:
        raise StudyError(
            f"the report cannot be written: {error.strerror or error}"
        ) from error


def _load(arguments: argparse.Namespace) -> list[Dataset]:
    if arguments.csv is not None:
        from .data.tables import read_tables

        return read_tables(arguments.csv, arguments.target, arguments.task)
    if arguments.openml is not None:
        from .data.openml import load_openml

        return load_openml(arguments.openml)
    if arguments.suite in (None, "bundled"):
        return load_bundled(arguments.data)
    return load_suite(arguments.suite, arguments.data)


def _prepared(
    arguments: argparse.Namespace, datasets: Sequence[Dataset]
) -> tuple[list[Dataset], list[str]]:
    """Return the sets with their folds, and notes on the sets that are left out."""
    # A quick look uses a sample of the rows of a large set.
    most = arguments.max_rows or (math.inf if arguments.quick else MAX_ROWS)
    kept, left_out = [], []
    for dataset in datasets:
        n_rows = len(dataset.y)
        if n_rows > most:
            reason = f"{n_rows} rows are more than --max-rows {most}"
            left_out.append(f"{dataset.name}: left out, {reason}")
        elif arguments.protocol == "arora" and dataset.task != CLASSIFICATION:
            left_out.append(f"{dataset.name}: left out, arora is for classification")
        else:
            kept.append(_with_folds(arguments, dataset))
    if not kept:
        raise StudyError(f"no data set is left: {'; '.join(left_out)}")
    return kept, left_out


def _with_folds(arguments: argparse.Namespace, dataset: Dataset) -> Dataset:
    """Draw the wanted number of folds, or the default one, or keep the set's own."""
    if arguments.quick and arguments.protocol != "arora":  # which needs its own rows
        dataset = thinned(dataset, QUICK_ROWS, arguments.seed)
    usual = QUICK_FOLDS if arguments.quick else FOLDS
    own = usual if dataset.folds is None else len(dataset.folds)
    return with_folds(dataset, arguments.folds or min(usual, own), arguments.seed)
