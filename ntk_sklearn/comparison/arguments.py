"""The arguments of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
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


def _integer(wanted: str, allowed: Callable[[int], bool], text: str) -> int:
    try:
        if allowed(value := int(text)):
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"an integer {wanted} is needed, got {text!r}")


def _at_least(least: int) -> Callable[[str], int]:
    return partial(_integer, f"of at least {least}", range(least, 2**32).__contains__)


# As in joblib: -1 means all cores, -2 all but one.
_jobs = partial(_integer, "of at least 1, or -1 for all cores,", bool)


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
    add, source = group.add_argument, group.add_mutually_exclusive_group().add_argument
    sets = ", ".join(BUNDLED)
    about = f"which sets of the suite; scikit-learn ships {sets}"
    add("--data", type=_names, metavar="NAME[,NAME]", help=about)
    about = "scikit-learn's own tables (default), a set of images, series or graphs "
    about += "with models for it, or a folder of npz files"
    source("--suite", metavar="bundled|images|series|graphs|DIR", help=about)
    about = "tables of your own, all of which are compared"
    source("--csv", action="extend", nargs="+", metavar="FILE", help=about)
    about = "data sets of OpenML"
    source("--openml", type=_names, metavar="ID[,ID]", help=about)
    about = "their target (default: the last column)"
    add("--target", metavar="COLUMN", help=about)
    about = "what the target of --csv is (default: look at it)"
    add("--task", choices=("auto", *TASKS), default="auto", help=about)
    about = f"leave larger sets out (default: {MAX_ROWS})"
    add("--max-rows", type=_at_least(1), metavar="N", help=about)


def _add_study(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("study").add_argument
    about = "which of the models below (default: all that are installed)"
    add("--models", type=_names, metavar="NAME[,NAME]", help=about)
    about = "tune inside each training fold (default), or on the suite's split"
    add("--protocol", choices=PROTOCOLS, default="nested", help=about)
    about = (
        f"outer folds (default: {FOLDS}, {QUICK_FOLDS} with --quick, or fewer if the "
        "suite has fewer)"
    )
    add("--folds", type=_at_least(2), metavar="N", help=about)
    about = "of folds and random models (default: 0)"
    add("--seed", type=_at_least(0), default=0, metavar="N", help=about)
    about = "fits at a time (default: as many as cores, one with --quick)"
    add("--jobs", type=_jobs, metavar="N", help=about)
    add(
        "--quick",
        action="store_true",
        help="few rows and grid points: a minute",
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("results").add_argument
    about = "append every result to a file, and resume from it"
    add("--out", metavar="FILE.csv", help=about)
    about = "try recorded failures again"
    add("--retry-failed", action="store_true", help=about)
    about = "published scores to show beside ours"
    add("--baselines", action="append", default=[], metavar="FILE.csv", help=about)
    add("--plots", metavar="DIR", help="write diagrams as PNG")


def parse(argv: list[str] | None, models: Mapping[str, Model]) -> argparse.Namespace:
    """Parse the arguments, and check that they can be combined."""
    arguments = make_parser(models).parse_args(argv)
    if (arguments.csv or arguments.openml) and arguments.data is not None:
        raise StudyError("--data cannot be combined with --csv or --openml")
    if arguments.csv is None and (arguments.target or arguments.task != "auto"):
        raise StudyError("--target and --task need --csv")
    return arguments
