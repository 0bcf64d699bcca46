"""The house as a whole: who imports whom, what an import costs, what is documented."""

import ast
import doctest
import importlib
import importlib.metadata
import inspect
import pkgutil
import subprocess
import sys
import textwrap
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import pytest

import ntk_sklearn
from ntk_sklearn._utils import jit

from . import house

ROOT = Path(ntk_sklearn.__file__).parent

# Rooms by storey: each file imports only from rooms below its own, or from its own
# room. A new room needs a storey here.
STOREYS = [
    {"_utils"},
    {"activations", "_blocks"},
    {"_engine", "solvers"},
    {"kernels", "objectives", "optimizers", "preprocessing"},
    {"_learning"},
    {"_models"},
    {"estimators", "approximation"},
    {"dynamics", "networks"},
    {"inspection"},
    {"comparison"},
    {"__main__", "__init__"},
]
STOREY = {room: height for height, rooms in enumerate(STOREYS) for room in rooms}
NUMBA_ROOMS = {"_utils", "activations", "_engine"}
# Objectives and solvers know matrices, not kernels.
STRANGERS = {"objectives": "kernels", "solvers": "kernels", "optimizers": "kernels"}


PACKAGE = house.modules(ROOT)
each_module = pytest.mark.parametrize("module", PACKAGE, ids=lambda m: m.where)


def imported_rooms(module):
    """Rooms of the package that a file imports, its own left out."""
    dotted = (f"{base}.{name}".split(".") for base, name, _ in module.imports)
    found = {parts[1] for parts in dotted if parts[0] == "ntk_sklearn"}
    return (found & STOREY.keys()) - {module.room}


def test_there_is_something_to_walk():
    rooms = {module.room for module in PACKAGE}
    assert {"_utils", "activations", "_engine", "kernels"} <= rooms
    text = "def f():\n    from .._engine import gram\n    from .. import solvers"
    module = house.Module("ntk_sklearn", ("kernels", "_base"), ast.parse(text))
    assert imported_rooms(module) == {"_engine", "solvers"}


@each_module
def test_each_room_imports_only_from_below(module):
    assert module.room in STOREY, f"give the new room {module.room} a storey"
    for other in imported_rooms(module):
        assert STOREY[other] < STOREY[module.room], f"{module.where} imports {other}"
        assert other != STRANGERS.get(module.room), f"{module.where} imports {other}"


@each_module
def test_named_tuples_have_no_other_base(module):
    """Python 3.10 raises an error for them when it imports the module."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and len(node.bases) > 1:
            names = {base.id for base in node.bases if isinstance(base, ast.Name)}
            assert "NamedTuple" not in names, f"{module.where}: {node.name}"


def test_no_module_imports_itself_by_way_of_others():
    TopologicalSorter(house.import_graph(PACKAGE)).prepare()
    TopologicalSorter(house.room_graph(PACKAGE)).prepare()


def test_kernels_and_matrices_meet_in_learning():
    """The two legs of the house: neither stands on the other below `_learning`."""
    for room, others in house.room_graph(PACKAGE).items():
        if STOREY[room] < STOREY["_learning"]:
            assert not {"kernels", "solvers"} <= others | {room}, room
        if room == "_engine":  # knows no ridge
            assert not {"solvers", "objectives"} & others


@each_module
def test_only_the_engine_knows_numba(module):
    roots = {base.split(".")[0] for base, *_ in module.imports}
    if module.room not in NUMBA_ROOMS:
        assert not roots & {"numba", "llvmlite"}
    if module.room != "comparison":  # which runs peers too, where they are installed
        assert not roots & {"jax", "torch", "tensorflow", "tqdm"}


def test_all_sources_of_compiled_functions_count_for_the_cache():
    assert set(jit.ROOMS) == NUMBA_ROOMS
    assert jit.fingerprint(ROOT) == jit.SOURCES


def test_nothing_is_jitted_past_the_one_decorator():
    """So that every function has the same options, and a place in the disk cache."""
    for module in PACKAGE:
        if module.parts == ("_utils", "jit"):
            continue
        names = {n.attr for n in ast.walk(module.tree) if isinstance(n, ast.Attribute)}
        assert not names & {"njit", "guvectorize", "vectorize", "cfunc"}, module.where
        # At module level only: a jitted closure is compiled anew in every process.
        for outer in ast.walk(module.tree):
            if not isinstance(outer, (ast.FunctionDef, ast.ClassDef)):
                continue
            for inner in ast.walk(outer):
                if inner is outer or not isinstance(inner, ast.FunctionDef):
                    continue
                decorators = {ast.unparse(d) for d in inner.decorator_list}
                where = f"{module.where}: {inner.name}"
                assert not decorators & {"jit", "jit_sums", "jit_exact"}, where


# -- processes ------------------------------------------------------------------------


def run_script(script):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


DISPATCHERS = """
import sys
from numba.core.dispatcher import Dispatcher

def dispatchers():
    found = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("ntk_sklearn"):
            for value in vars(module).values():
                if isinstance(value, Dispatcher):
                    found[id(value)] = value
    return list(found.values())
"""


def test_import_compiles_nothing_and_brings_nothing_heavy():
    printed = run_script(
        "import sys, numba, sklearn, sklearn.gaussian_process.kernels\n"
        "before = set(sys.modules)\n"
        "import ntk_sklearn\n"
        "new = {m.split('.')[0] for m in set(sys.modules) - before}\n"
        "heavy = 'matplotlib pandas dask distributed jax torch pytest IPython'\n"
        "print(*(new & set(heavy.split())))\n"
        "print('dispatchers')\n" + DISPATCHERS + "functions = dispatchers()\n"
        "print(len(functions), sum(len(f.signatures) for f in functions))\n"
    )
    assert printed[0] == "dispatchers"  # nothing heavy printed before
    n_functions, n_compiled = map(int, printed[1:])
    assert n_functions > 20
    assert n_compiled == 0


FIRST_GRAM = (
    """
import numpy as np
from ntk_sklearn import NTKernel, WeightedNTKernel
X = np.random.default_rng(0).standard_normal((20, 3))
for bias in (0.0, 0.1):
    for activation in ("relu", "erf"):
        kernel = NTKernel(activation=activation, bias_variance=bias)
        kernel(X), kernel(X, X[:5]), kernel.diag(X), kernel.components(X)
WeightedNTKernel(depth=2)(X, eval_gradient=True)
WeightedNTKernel(depth=2).contract(X, np.eye(20))
"""
    + DISPATCHERS
    + """
used = [f for f in dispatchers() if f.signatures]
print(
    len(used),
    sum(sum(f.stats.cache_hits.values()) for f in used),
    sum(sum(f.stats.cache_misses.values()) for f in used),
)
"""
)


def test_a_second_process_compiles_nothing():
    """The disk cache holds all that the kernels use: every function is one hit."""
    run_script(FIRST_GRAM)
    n_used, hits, misses = map(int, run_script(FIRST_GRAM))
    assert n_used > 5
    assert misses == 0
    assert hits >= n_used


def test_an_unwritable_cache_is_a_warning_and_not_an_error(monkeypatch):
    import numba

    from ntk_sklearn._utils import jit as _jit

    real = numba.njit

    def njit(cache=False, **options):
        if cache is True:
            raise RuntimeError("no locator available")
        return real(**options)

    monkeypatch.setattr(numba, "njit", njit)
    with pytest.warns(RuntimeWarning, match="NUMBA_CACHE_DIR to a writable"):
        double = _jit.jit(lambda x: 2 * x)
    assert double(3.0) == 6.0


# -- documentation --------------------------------------------------------------------

PUBLIC = {
    name: getattr(ntk_sklearn, name)
    for name in ntk_sklearn.__all__
    if not name.startswith("__")
}


def test_public_names():
    assert ntk_sklearn.__all__ == sorted(ntk_sklearn.__all__)
    assert {"NTKernel", "NNGPKernel", "WeightedNTKernel"} <= set(PUBLIC)
    assert (ROOT / "py.typed").exists()


def test_version_is_the_installed_one():
    assert importlib.metadata.version("ntk_sklearn") == ntk_sklearn.__version__


def parameters_described(doc):
    """Names at the head of the entries of a numpydoc Parameters section."""
    lines = inspect.cleandoc(doc).splitlines()
    start = lines.index("Parameters") + 2
    names = []
    for line, following in zip(lines[start:], [*lines[start + 1 :], ""], strict=False):
        if set(following) == {"-"}:  # the next section's title
            break
        if line and not line[0].isspace() and " : " in line:
            names.extend(part.strip("* ") for part in line.split(" : ")[0].split(","))
    return names


@pytest.mark.parametrize("name", PUBLIC)
def test_public_classes_are_documented(name):
    thing = PUBLIC[name]
    doc = inspect.getdoc(thing)
    assert doc and "Parameters\n---" in doc and "Examples\n---" in doc
    arguments = list(inspect.signature(thing).parameters)
    assert parameters_described(doc) == arguments


def public_methods():
    for name, thing in PUBLIC.items():
        for method, function in inspect.getmembers(thing, inspect.isfunction):
            ours = function.__module__.startswith("ntk_sklearn")
            if ours and (not method.startswith("_") or method == "__call__"):
                yield pytest.param(function, id=f"{name}.{method}")


@pytest.mark.parametrize("function", list(public_methods()))
def test_public_methods_are_documented(function):
    doc = inspect.getdoc(function)
    assert doc and doc.splitlines()[0].endswith(".")
    arguments = [a for a in inspect.signature(function).parameters if a != "self"]
    if arguments:
        assert parameters_described(doc) == arguments
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    returns = [n for n in ast.walk(tree) if isinstance(n, ast.Return) and n.value]
    assert ("Returns\n---" in doc) == bool(returns) or not arguments


MODULES = [
    info.name
    for info in pkgutil.walk_packages([str(ROOT)], "ntk_sklearn.")
    if not info.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["ntk_sklearn", *MODULES])
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    assert module.__doc__
    with np.printoptions(legacy=False):
        result = doctest.testmod(
            module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
        )
    assert result.failed == 0


@pytest.mark.parametrize("room", ["solvers", "objectives"])
def test_functions_of_matrices_have_examples_that_run(room):
    module = importlib.import_module(f"ntk_sklearn.{room}")
    finder = doctest.DocTestFinder(recurse=False)
    for name in module.__all__:
        thing = getattr(module, name)
        found = finder.find(module if isinstance(thing, dict) else thing, name)
        assert any(test.examples for test in found), f"{name} has no example"


def test_every_public_class_has_an_example_that_runs():
    finder = doctest.DocTestFinder()
    for name, thing in PUBLIC.items():
        examples = [test for test in finder.find(thing, name) if test.examples]
        assert examples, f"{name} has no example"
