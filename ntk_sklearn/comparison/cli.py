"""The command line of the comparison."""

from __future__ import annotations

import argparse
import sys

from .datasets import (
    CLASSIFICATION,
    TASKS,
    Dataset,
    load_bundled,
    load_suite,
    thinned,
    with_folds,
)
from .errors import StudyError
from .protocols import PROTOCOLS, Settings
from .report import report
from .study import run_study
from .summary import read_baselines

PROGRAM = "ntk_sklearn"
QUICK_ROWS = 250


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        raise StudyError(f"{message} (try --help)")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


_count.__name__ = "positive integer"


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    parser = _Parser(
        prog=f"python -m {PROGRAM}", description="Neural tangent kernels on tables."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="compare")
    compare = commands.add_parser(
        "compare",
        help="cross-validate NTK models beside others",
        description="Cross-validate NTK models beside Gaussian kernels, forests, "
        "boosting and networks, each tuned inside the training rows.",
    )
    data = compare.add_argument_group("data")
    data.add_argument("--data", type=_names, metavar="NAME[,NAME]", help="which sets")
    data.add_argument(
        "--suite",
        default="bundled",
        metavar="bundled|DIR",
        help="scikit-learn's own sets (default), or a folder of npz files",
    )
    data.add_argument("--csv", metavar="FILE", help="a table of your own")
    data.add_argument("--target", metavar="COLUMN", help="its target (default: last)")
    data.add_argument(
        "--task",
        choices=("auto", *TASKS),
        default="auto",
        help="what the target of --csv is (default: look at it)",
    )
    data.add_argument(
        "--openml", type=_names, metavar="ID[,ID]", help="data sets of OpenML"
    )
    data.add_argument(
        "--max-rows",
        type=_count,
        default=5000,
        metavar="N",
        help="leave larger sets out (default: 5000)",
    )
    how = compare.add_argument_group("study")
    how.add_argument(
        "--models", type=_names, metavar="NAME[,NAME]", help="which models"
    )
    how.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default="nested",
        help="tune inside each training fold (default), or on the suite's split",
    )
    how.add_argument(
        "--folds",
        type=_count,
        default=5,
        metavar="N",
        help="outer folds (default: 5, or the suite's)",
    )
    how.add_argument("--seed", type=int, default=0)
    how.add_argument(
        "--jobs",
        type=int,
        default=-1,
        metavar="N",
        help="fits at a time (default: all cores)",
    )
    how.add_argument("--quick", action="store_true", help="a look in under a minute")
    result = compare.add_argument_group("results")
    result.add_argument(
        "--out",
        metavar="FILE.csv",
        help="append every result to a file, and resume from it",
    )
    result.add_argument(
        "--retry-failed", action="store_true", help="try recorded failures again"
    )
    result.add_argument(
        "--baselines",
        action="append",
        default=[],
        metavar="FILE.csv",
        help="published scores to show beside ours",
    )
    result.add_argument("--plots", metavar="DIR", help="write diagrams as PNG")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None means the process's own.

    Returns
    -------
    int
        Exit status: 0, or 2 for what the user can mend, or 130 if interrupted.
    """
    try:
        arguments = make_parser().parse_args(argv)
        compare(arguments)
    except StudyError as error:
        message = " ".join(str(error).split())
        print(f"{PROGRAM}: error: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{PROGRAM}: interrupted", file=sys.stderr)
        return 130
    return 0


def compare(arguments: argparse.Namespace) -> None:
    """Run a study as the command line describes it, and print its report."""
    settings = Settings(arguments.protocol, arguments.seed, arguments.quick)
    published = read_baselines(arguments.baselines)
    datasets, left_out = _prepared(arguments, _load(arguments))
    rows = run_study(
        datasets,
        arguments.models,
        settings,
        out=arguments.out,
        n_jobs=arguments.jobs or None,
        retry_failed=arguments.retry_failed,
    )
    print(report(rows, datasets, published))
    for line in left_out:
        print(f"* {line}")


def _load(arguments) -> list[Dataset]:
    sources = [arguments.csv, arguments.openml, arguments.data]
    if sum(source is not None for source in sources[:2]) > 1:
        raise StudyError("--csv and --openml cannot be combined")
    if arguments.csv is not None:
        from .tables import read_csv

        return [read_csv(arguments.csv, arguments.target, arguments.task)]
    if arguments.suite == "bundled":
        return load_bundled(arguments.data)
    return load_suite(arguments.suite, arguments.data)


def _prepared(arguments, datasets) -> tuple[list[Dataset], list[str]]:
    """Give every set its folds; say which were left out."""
    kept, left_out = [], []
    for dataset in datasets:
        n_rows = len(dataset.y)
        if n_rows > arguments.max_rows and not arguments.quick:
            left_out.append(f"{dataset.name}: left out, {n_rows} rows")
        elif arguments.protocol == "arora" and dataset.task != CLASSIFICATION:
            left_out.append(f"{dataset.name}: left out, arora is for classification")
        else:
            if arguments.quick:
                dataset = thinned(dataset, QUICK_ROWS, arguments.seed)
            n_folds = 3 if arguments.quick else arguments.folds
            kept.append(with_folds(dataset, n_folds, arguments.seed))
    if not kept:
        raise StudyError(f"no data set is left: {'; '.join(left_out)}; see --max-rows")
    return kept, left_out
