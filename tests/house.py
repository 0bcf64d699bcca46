"""Measures of how a package is built, taken from its source without importing it.

A *module* is a file, and so is the ``__init__`` of a package. A *room* is an entry at
the top level of the package: a folder or a module. `test_house.py` holds this package
to limits, and ``python benchmarks/house.py`` prints the figures of any package.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

# Python makes these names of a NamedTuple public, although they begin with a line.
PUBLIC_BY_CONVENTION = {"_asdict", "_field_defaults", "_fields", "_make", "_replace"}

Graph = dict[str, set[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Import(NamedTuple):
    """An import of a module, or of a name from it, and what the file calls it."""

    module: str
    name: str | None
    called: str


class Module(NamedTuple):
    """A source file: its package, the parts of its path, and its syntax tree."""

    root: str
    parts: tuple[str, ...]
    tree: ast.Module

    @property
    def name(self) -> str:
        """Dotted name; the ``__init__`` of a package has the package's."""
        parts = self.parts[:-1] if self.parts[-1] == "__init__" else self.parts
        return ".".join([self.root, *parts])

    @property
    def room(self) -> str:
        """First part of the path."""
        return self.parts[0]

    @property
    def imports(self) -> Iterator[Import]:
        """Imports wherever in the file, those within functions too."""
        package = [self.root, *self.parts[:-1]]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(alias.name, None, alias.asname or alias.name)
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else []
                base = ".".join([*above, *([node.module] if node.module else [])])
                for alias in node.names:
                    yield Import(base, alias.name, alias.asname or alias.name)

    @property
    def where(self) -> str:
        """The path, for messages."""
        return "/".join(self.parts) + ".py"


def modules(root: Path) -> list[Module]:
    """Read every source file of a package."""
    return [
        Module(
            root.name,
            path.relative_to(root).with_suffix("").parts,
            ast.parse(path.read_text(encoding="utf-8")),
        )
        for path in sorted(root.rglob("*.py"))
    ]


# -- imports --------------------------------------------------------------------------


def import_graph(package: list[Module]) -> Graph:
    """Return the modules of the package that each of its modules imports."""
    names = {module.name for module in package}
    graph: Graph = {}
    for module in package:
        found = graph[module.name] = set()
        for base, name, _ in module.imports:
            inner = f"{base}.{name}"
            found |= {inner if inner in names else base} & names - {module.name}
    return graph


def room_graph(package: list[Module]) -> Graph:
    """Return the rooms that each room imports."""
    rooms = {module.name: module.room for module in package}
    graph: Graph = {}
    for module, others in import_graph(package).items():
        room = rooms[module]
        graph.setdefault(room, set()).update({rooms[o] for o in others} - {room})
    return graph


def longest_path(graph: Mapping[str, set[str]]) -> list[str]:
    """Return the longest chain of imports; one that comes back to itself is cut."""
    longest: dict[str, list[str]] = {}

    def below(node: str, above: frozenset[str]) -> list[str]:
        if node in above:
            return []
        if node not in longest:
            chains = [below(other, above | {node}) for other in sorted(graph[node])]
            longest[node] = [node, *max(chains, key=len, default=[])]
        return longest[node]

    return max((below(node, frozenset()) for node in sorted(graph)), key=len)


def rooms(package: list[Module]) -> list[str]:
    """Return the entries at the top level, without its ``__init__``."""
    return sorted({module.room for module in package} - {"__init__"})


# -- functions ------------------------------------------------------------------------


def functions(tree: ast.AST) -> Iterator[tuple[Function, ast.ClassDef | None]]:
    """Yield every function, however deep, and the class whose method it is."""
    for outer in ast.walk(tree):
        for inner in ast.iter_child_nodes(outer):
            if isinstance(inner, Function):
                yield inner, outer if isinstance(outer, ast.ClassDef) else None


def n_arguments(function: Function, owner: ast.ClassDef | None) -> int:
    """Count the parameters, without the object or class of a method."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    starred = [part for part in (given.vararg, given.kwarg) if part]
    decorators = {ast.unparse(decorator) for decorator in function.decorator_list}
    bound = owner is not None and "staticmethod" not in decorators
    return len(named) + len(starred) - bound


def many_arguments(package: list[Module], most: int = 8) -> list[str]:
    """Return the functions with more than so many arguments."""
    return [
        f"{module.where}: {function.name} has {count}"
        for module in package
        for function, owner in functions(module.tree)
        if (count := n_arguments(function, owner)) > most
    ]


def long_bodies(package: list[Module], most: int = 40) -> list[str]:
    """Return the functions of more than so many lines, docstrings left out."""
    found = []
    for module in package:
        for function, _ in functions(module.tree):
            documented = ast.get_docstring(function) and len(function.body) > 1
            first = function.body[1 if documented else 0]
            lines = function.end_lineno - first.lineno + 1
            if lines > most:
                found.append(f"{module.where}: {function.name} has {lines}")
    return found


# -- private names --------------------------------------------------------------------


def is_private(name: str) -> bool:
    """Return True for _name, and False for __name__ and what Python calls public."""
    dunder = name.startswith("__") and name.endswith("__")
    return name.startswith("_") and not dunder and name not in PUBLIC_BY_CONVENTION


def attributes(owner: ast.ClassDef) -> set[str]:
    """Return the names that a class gives its objects."""
    found = set()
    for node in owner.body:
        if isinstance(node, (Function, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            found.add(ast.unparse(node.target))
        elif isinstance(node, ast.Assign):
            found |= {ast.unparse(target) for target in node.targets}
    stored = (
        node
        for node in ast.walk(owner)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    )
    return found | {n.attr for n in stored if ast.unparse(n.value) in {"self", "cls"}}


def reaches(package: list[Module]) -> list[str]:
    """Return the uses of another object's private name outside the room it is from.

    The other object is none of self, cls and super(), nor an imported module. The name
    is from the room if a class there defines it. An attribute of self is taken to be of
    another class than self.
    """
    owners: dict[str, list[tuple[ast.ClassDef, set[str]]]] = {}
    for module in package:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                owners.setdefault(module.room, []).append((node, attributes(node)))
    found = []
    names = {module.name for module in package}
    for module in package:
        imported = _imported_modules(module, names)
        for node, owner in _private_uses(module.tree):
            receiver = ast.unparse(node.value)
            if receiver in {"self", "cls", "super()"} | imported:
                continue
            foreign = owner if receiver.startswith("self.") else None
            if not any(
                node.attr in names and definer is not foreign
                for definer, names in owners.get(module.room, [])
            ):
                found.append(f"{module.where}:{node.lineno} {ast.unparse(node)}")
    return found


def _private_uses(
    tree: ast.AST, owner: ast.ClassDef | None = None
) -> Iterator[tuple[ast.Attribute, ast.ClassDef | None]]:
    """Yield every attribute with a private name, and the class it is used in."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            yield node, owner
        inside = node if isinstance(node, ast.ClassDef) else owner
        yield from _private_uses(node, inside)


def _imported_modules(module: Module, names: set[str]) -> set[str]:
    """Return the names by which a file calls modules: any other's, and our own."""
    return {
        called
        for base, name, called in module.imports
        if name is None or f"{base}.{name}" in names
    }


# -- types ----------------------------------------------------------------------------


def annotations(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield the annotations of arguments, of returned values, of fields and globals."""
    for function, _ in functions(tree):
        yield from (a.annotation for a in ast.walk(function.args) if _annotated(a))
        if function.returns is not None:
            yield function.returns
    for outer in ast.walk(tree):
        if isinstance(outer, (ast.Module, ast.ClassDef)):
            fields = (node for node in outer.body if isinstance(node, ast.AnnAssign))
            yield from (field.annotation for field in fields)


def _annotated(node: ast.AST) -> bool:
    return isinstance(node, ast.arg) and node.annotation is not None


def uses_of_any(package: list[Module]) -> list[str]:
    """Return the annotations that hold ``Any``."""
    return [
        f"{module.where}:{annotation.lineno} {ast.unparse(annotation)}"
        for module in package
        for annotation in annotations(module.tree)
        if "Any" in {ast.unparse(node).split(".")[-1] for node in ast.walk(annotation)}
        or (isinstance(annotation, ast.Constant) and "Any" in str(annotation.value))
    ]


# -- documentation --------------------------------------------------------------------


def public_names(package: list[Module]) -> dict[str, ast.AST | None]:
    """Return every name in the ``__all__`` of a public package, and its definition.

    None stands for a name whose definition was not found in the package.
    """
    by_name = {module.name: module for module in package}
    found = {}
    for module in package:
        private = any(is_private(part) for part in module.parts)
        if module.parts[-1] == "__init__" and not private:
            for name in _all(module.tree):
                origin, definition = _definition(by_name, module, name)
                found[f"{origin}.{name}"] = definition
    return found


def _all(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def _definition(
    by_name: Mapping[str, Module], module: Module, name: str
) -> tuple[str, ast.AST | None]:
    """Follow imports to the module that defines a name."""
    for node in module.tree.body:
        if isinstance(node, (Function, ast.ClassDef)) and node.name == name:
            return module.name, node
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if name in {target.id for target in targets if isinstance(target, ast.Name)}:
            return module.name, node
    for base, imported, called in module.imports:
        if called == name and imported and base in by_name:
            return _definition(by_name, by_name[base], imported)
    return module.name, None


def has_example(definition: ast.AST | None) -> bool:
    """Return True if the docstring of a class or function has an example to run."""
    if not isinstance(definition, (Function, ast.ClassDef)):
        return False
    doc = ast.get_docstring(definition) or ""
    return bool(doctest.DocTestParser().get_examples(doc))


def plain_data(package: list[Module]) -> list[str]:
    """Return the public names that are neither classes nor functions."""
    return [
        name
        for name, definition in public_names(package).items()
        if isinstance(definition, (ast.Assign, ast.AnnAssign))
    ]


def without_example(package: list[Module]) -> list[str]:
    """Return the public classes and functions without an example."""
    data = set(plain_data(package))
    return [
        name
        for name, definition in public_names(package).items()
        if name not in data and not has_example(definition)
    ]
