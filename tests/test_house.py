"""How the package is built, in figures: each has a limit that it may not pass."""

import ast
import textwrap
from pathlib import Path

import pytest

import ntk_sklearn

from . import house
from .test_package import STOREYS

PACKAGE = house.modules(Path(ntk_sklearn.__file__).parent)

# Public names that are neither classes nor functions, and need no example.
PLAIN_DATA = {"ACTIVATIONS", "MODELS", "OBJECTIVES", "OPTIMIZERS", "__version__"}


# -- the house ------------------------------------------------------------------------


def test_entries_at_the_top_level():
    rooms = house.rooms(PACKAGE)
    assert len(rooms) <= 18, "\n".join(rooms)


def test_storeys():
    floors = house.longest_path(house.room_graph(PACKAGE))
    assert len(floors) <= 11, "\n".join(floors)
    assert len(STOREYS) <= 11


def test_longest_chain_of_imports():
    chain = house.longest_path(house.import_graph(PACKAGE))
    assert len(chain) <= 16, "\n".join(chain)


def test_functions_with_many_arguments():
    found = house.many_arguments(PACKAGE, most=8)
    assert len(found) <= 6, "\n".join(found)


def test_nobody_reaches_into_another_room():
    found = house.reaches(PACKAGE)
    assert not found, "\n".join(found)


def test_types_are_named():
    found = house.uses_of_any(PACKAGE)
    assert not found, "\n".join(found)


def test_public_names_have_examples():
    found = house.without_example(PACKAGE)
    assert not found, "\n".join(found)


def test_only_data_goes_without():
    names = {name.rpartition(".")[2] for name in house.plain_data(PACKAGE)}
    assert names == PLAIN_DATA


# -- the measures ---------------------------------------------------------------------


def package(**files):
    """Modules of a package ``p`` by their paths, with ``__`` for a slash."""
    return [
        house.Module("p", tuple(path.split("__")), ast.parse(textwrap.dedent(text)))
        for path, text in files.items()
    ]


def test_chains_are_counted_through_functions_and_packages():
    modules = [
        house.Module("p", parts, ast.parse(text))
        for parts, text in (
            (("__init__",), "from .a.b import f"),
            (("a", "__init__"), "from .c import g"),
            (("a", "b"), "def f():\n    from . import h"),  # a name of the package
            (("a", "c"), "import numpy, p.d"),
            (("d",), ""),
        )
    ]
    chain = house.longest_path(house.import_graph(modules))
    assert chain == ["p", "p.a.b", "p.a", "p.a.c", "p.d"]
    assert house.rooms(modules) == ["a", "d"]
    assert house.longest_path(house.room_graph(modules)) == ["__init__", "a", "d"]


def test_a_chain_that_bites_its_tail_is_cut():
    modules = package(a="from . import b", b="from . import a")
    assert len(house.longest_path(house.import_graph(modules))) == 2


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("def f(a, b, /, c, *d, e, **f): ...", 6),
        ("class C:\n    def f(self, a, *, b): ...", 2),
        ("class C:\n    @classmethod\n    def f(cls, a): ...", 1),
        ("class C:\n    @staticmethod\n    def f(a, b): ...", 2),
    ],
)
def test_arguments_are_counted_without_self(text, count):
    ((function, owner),) = house.functions(ast.parse(text))
    assert house.n_arguments(function, owner) == count
    assert house.many_arguments(package(a=text), most=count) == []
    assert house.many_arguments(package(a=text), most=count - 1) == [
        f"a.py: f has {count}"
    ]


def test_lines_are_counted_without_the_docstring():
    text = 'def f():\n    """Do.\n\n    It.\n    """\n    a = 1\n    return a'
    assert house.long_bodies(package(a=text), most=2) == []
    assert house.long_bodies(package(a=text), most=1) == ["a.py: f has 2"]


def test_reaches_are_uses_of_names_from_elsewhere():
    modules = package(
        a__x="""
            import os
            from . import y

            class Own:
                _slot: int
                _shared = 1

                def _method(self):
                    self._set, self.other = 1, None

                def use(self, other, row):
                    os._exit, y._private, super()._up, self._what
                    other._slot, other._set, other._method, row._replace(a=1)
                    other.__class__, other._elsewhere
                    self.other._shared, self.other._slot
        """,
        a__y="def use(own): own._slot, own._private",
        b="def use(own): own._slot",
    )
    found = [reach.split(" ")[1] for reach in house.reaches(modules)]
    assert found == [
        "other._elsewhere",
        "self.other._shared",
        "self.other._slot",
        "own._private",
        "own._slot",
    ]


def test_any_is_found_wherever_it_hides():
    text = """
        import typing
        from typing import Any
        a: Any = 1
        def f(a: dict[str, Any], b: "Any", *c: int) -> typing.Any:
            local: Any = 1
        class C:
            field: list[Any]
            def method(self, a: Anything) -> "Company": ...
    """
    assert len(house.uses_of_any(package(a=text))) == 5


def test_names_are_followed_to_what_defines_them():
    example = "\n    Do.\n\n    >>> 1\n    1\n    "
    modules = [
        house.Module("p", parts, ast.parse(text))
        for parts, text in (
            (("__init__",), "from .a import f, g\nD = {}\n__all__ = ['D', 'f', 'g']"),
            (("a", "__init__"), "from ._b import f, g"),
            (("a", "_b"), f'def f():\n    """{example}"""\nclass g:\n    """Be."""'),
            (("_c", "__init__"), "from ..a import g\n__all__ = ['g', 'nowhere']"),
        )
    ]
    assert list(house.public_names(modules)) == ["p.D", "p.a._b.f", "p.a._b.g"]
    assert house.plain_data(modules) == ["p.D"]
    assert house.without_example(modules) == ["p.a._b.g"]
