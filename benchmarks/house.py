"""The house in figures: how the package is built, beside others.

    python benchmarks/house.py
    python benchmarks/house.py --list
    python benchmarks/house.py /path/to/another/package

tests/test_house.py holds these figures to their limits; both take them from the source.
The figures of other packages, and of this one at commit 73bf4ba, were measured earlier.
Reaches then counted uses within a room as well: by today's rule that commit has 5.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import house  # noqa: E402

OTHERS = ("before", "tinygp", "aeon.distances", "himalaya", "skglm")
# What is measured, its limit, and the figures of the others.
MEASURES = {
    "longest import chain, modules": (16, (32, 11, 8, 14, 7)),
    "entries at the package's top level": (16, (27, 8, 6, 9, 8)),
    "storeys": (11, (15, None, None, None, None)),
    "functions with more than 8 arguments": (6, (22, 0, 6, 18, 22)),
    "reaches into another object's _name": (0, (12, 0, 0, 2, 1)),
    "annotations with Any": (0, (29, None, None, None, None)),
    "function bodies over 40 lines": (
        None,
        ("6 of 681", "2 of 324", "3 of 190", "20 of 235", "20 of 530"),
    ),
    "names in __all__ with an example": (
        "all",
        ("12 of 66", "3 of 59", "79 of 83", "15 of 41", "0 of 52"),
    ),
}


def counted(names):
    """Return how many there are, and which."""
    return len(names), names


def figures(package):
    """Return, for each measure, the figure and what it counts."""
    n_functions = sum(1 for module in package for _ in house.functions(module.tree))
    bodies = house.long_bodies(package)
    n_names = len(house.public_names(package)) - len(house.plain_data(package))
    bare = house.without_example(package)
    found = (
        counted(house.longest_path(house.import_graph(package))),
        counted(house.rooms(package)),
        counted(house.longest_path(house.room_graph(package))),
        counted(house.many_arguments(package)),
        counted(house.reaches(package)),
        counted(house.uses_of_any(package)),
        (f"{len(bodies)} of {n_functions}", bodies),
        (f"{n_names - len(bare)} of {n_names}", bare),
    )
    return dict(zip(MEASURES, found, strict=True))


def show(name, found):
    """Print the table."""
    width = max(map(len, MEASURES))
    head = (name, "at most", *OTHERS)
    print(" " * width, *(f"{text[:14]:>14}" for text in head))
    for measure, (limit, others) in MEASURES.items():
        cells = (found[measure][0], limit, *others)
        shown = ("" if cell is None else str(cell) for cell in cells)
        print(f"{measure:{width}}", *(f"{cell:>14}" for cell in shown))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, nargs="?", default=ROOT / "ntk_sklearn")
    parser.add_argument("--list", action="store_true", help="list what was counted")
    options = parser.parse_args()
    root = options.package.resolve()
    found = figures(house.modules(root))
    show(root.name, found)
    if options.list:
        for measure, (figure, names) in found.items():
            print(f"\n{measure}: {figure}", *names, sep="\n  ")


if __name__ == "__main__":
    main()
