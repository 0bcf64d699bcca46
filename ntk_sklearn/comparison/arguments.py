"""The arguments of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from importlib import import_module

from .data.datasets import BUNDLED, TASKS
from .errors import StudyError
from .models.model import Model
from .protocols import PROTOCOLS

PROGRAM = "ntk_sklearn"
MAX_ROWS = 5000
FOLDS = 5
QUICK_FOLDS = 3


class _Parser(argparse.ArgumentParser):
    """A parser that reports a wrong argument in one line."""

    def error(self, message):
        raise StudyError(f"{message} (try --help)")


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(f"a name is needed, got {text!r}")
    return names


def _at_least(least: int, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value < 2**32:
        raise argparse.ArgumentTypeError(
            f"an integer of at least {least} is needed, got {text!r}"
        )
    return value


def _jobs(text: str) -> int:
    """Read a number of jobs as in joblib: -1 means all cores, -2 all but one."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value == 0:
        raise argparse.ArgumentTypeError(
            f"an integer of at least 1, or -1 for all cores, is needed, got {text!r}"
        )
    return value


def _list(models: Mapping[str, Model]) -> str:
    """List the models with their descriptions."""
    width = max(map(len, models))
    lines = [f"  {name:{width}}  {_about(model)}" for name, model in models.items()]
    return "\n".join(["models:", *lines])


def _about(model: Model) -> str:
    limits = [f"for {task}" for task in model.tasks if model.tasks != TASKS]
    if not model.available:
        limits.append(f"needs the package {model.requires}")
    return ", ".join([model.about, *limits])


def make_parser(models: Mapping[str, Model]) -> argparse.ArgumentParser:
    """Build the parser of the command line, whose help lists the models."""
    parser = _Parser(
        prog=f"python -m {PROGRAM}", description="Neural tangent kernels on tables."
    )
    version = import_module(PROGRAM).__version__
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="compare")
    compare = commands.add_parser(
        "compare",
        help="cross-validate NTK models beside others",
        description="Cross-validate NTK models beside Gaussian kernels, forests, "
        "boosting\nand networks, each tuned inside the training rows.",
        epilog=_list(models),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_data(compare)
    _add_study(compare)
    _add_results(compare)
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data",
        type=_names,
        metavar="NAME[,NAME]",
        help=f"which sets of the suite; scikit-learn ships {', '.join(BUNDLED)}",
    )
    group.add_argument(
        "--suite",
        metavar="bundled|images|series|graphs|DIR",
        help="scikit-learn's own tables (default), a set of images, series or graphs "
        "with models for it, or a folder of npz files",
    )
    group.add_argument(
        "--csv",
        action="extend",
        nargs="+",
        metavar="FILE",
        help="tables of your own, all of which are compared",
    )
    group.add_argument(
        "--target", metavar="COLUMN", help="their target (default: the last column)"
    )
    group.add_argument(
        "--task",
        choices=("auto", *TASKS),
        default="auto",
        help="what the target of --csv is (default: look at it)",
    )
    group.add_argument(
        "--openml", type=_names, metavar="ID[,ID]", help="data sets of OpenML"
    )
    group.add_argument(
        "--max-rows",
        type=partial(_at_least, 1),
        metavar="N",
        help=f"leave larger sets out (default: {MAX_ROWS})",
    )


def _add_study(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("study")
    group.add_argument(
        "--models",
        type=_names,
        metavar="NAME[,NAME]",
        help="which of the models below (default: all that are installed)",
    )
    group.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default="nested",
        help="tune inside each training fold (default), or on the suite's split",
    )
    group.add_argument(
        "--folds",
        type=partial(_at_least, 2),
        metavar="N",
        help=f"outer folds (default: {FOLDS}, {QUICK_FOLDS} with --quick, or fewer if "
        "the suite has fewer)",
    )
    group.add_argument(
        "--seed",
        type=partial(_at_least, 0),
        default=0,
        metavar="N",
        help="of folds and random models (default: 0)",
    )
    group.add_argument(
        "--jobs",
        type=_jobs,
        metavar="N",
        help="fits at a time (default: as many as cores, one with --quick)",
    )
    group.add_argument("--quick", action="store_true", help="a look in under a minute")


def _add_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("results")
    group.add_argument(
        "--out",
        metavar="FILE.csv",
        help="append every result to a file, and resume from it",
    )
    group.add_argument(
        "--retry-failed", action="store_true", help="try recorded failures again"
    )
    group.add_argument(
        "--baselines",
        action="append",
        default=[],
        metavar="FILE.csv",
        help="published scores to show beside ours",
    )
    group.add_argument("--plots", metavar="DIR", help="write diagrams as PNG")


def parse(argv: list[str] | None, models: Mapping[str, Model]) -> argparse.Namespace:
    """Parse the arguments, and check that they can be combined."""
    arguments = make_parser(models).parse_args(argv)
    named = {
        "--csv": arguments.csv,
        "--openml": arguments.openml,
        "--suite": arguments.suite,
    }
    sources = [flag for flag, value in named.items() if value is not None]
    if len(sources) > 1:
        raise StudyError(f"{sources[0]} and {sources[1]} cannot be combined")
    own = arguments.csv or arguments.openml
    if own and arguments.data is not None:
        raise StudyError(f"--data and {sources[0]} cannot be combined")
    if arguments.csv is None and (arguments.target or arguments.task != "auto"):
        raise StudyError("--target and --task need --csv")
    return arguments
