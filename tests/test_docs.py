"""Every snippet of the documentation and of README.md runs. Sphinx is not needed."""

import ast
import doctest
import re
from pathlib import Path

import numpy as np
import pytest

import ntk_sklearn

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
MADE = {"_build", "auto_examples", "generated", "_templates"}
PAGES = sorted(
    page
    for page in DOCS.rglob("*.rst")
    if not MADE & set(page.relative_to(DOCS).parts) and page.name[:3] != "sg_"
)
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="docs/ is not here")


def name_of(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_snippets_run(page):
    with np.printoptions(legacy=False):
        result = doctest.testfile(str(page), module_relative=False, optionflags=OPTIONS)
    assert result.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_blocks_are_python(page):
    """Blocks without a prompt at least parse, and what they import of us exists."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"code-block:: python\n\n((?:(?: {3}.*)?\n)+)", text)
    for block in blocks:
        tree = ast.parse("\n".join(line[3:] for line in block.splitlines()))
        imports = [
            node
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            and node.module.split(".")[0] in ("ntk_sklearn", "sklearn")
        ]
        code = compile(ast.Module(imports, []), str(page), "exec")
        exec(code, {})


def fenced(language):
    """Fenced blocks of README.md in one language."""
    text = README.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_readme_begins_with_its_two_commands():
    first, second = fenced("console")[:2]
    # Each makes its own environment: a system's Python may refuse to install packages.
    make = "python3 -m venv .venv && .venv/bin/pip install"
    assert first == f"{make} . && .venv/bin/python -m ntk_sklearn compare\n"
    assert second == f'{make} ".[test]" && .venv/bin/pytest\n'


def test_readme_snippets_run():
    blocks = fenced("python")
    assert blocks
    test = doctest.DocTestParser().get_doctest(
        "\n".join(blocks), {}, "README.md", str(README), 0
    )
    assert test.examples
    assert doctest.DocTestRunner(optionflags=OPTIONS).run(test).failed == 0


def test_readme_is_whole_on_a_page_of_its_own():
    """An index shows it without the files beside it: files are named, not linked."""
    text = README.read_text(encoding="utf-8")
    assert [t for t in re.findall(r"\]\(([^)]+)\)", text) if "://" not in t] == []
    for name in re.findall(r"`(\w+\.rst)`", text):
        assert (DOCS / name).exists(), name


def test_pages_are_linked():
    """Every page is in some table of contents, and every entry is a page."""
    listed = {"index"}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for body in re.findall(r"\.\. toctree::\n((?:(?: {3}.*)?\n)+)", text):
            lines = (line.strip() for line in body.splitlines())
            listed |= {line for line in lines if line and line[0] != ":"}
    pages = {p.relative_to(DOCS).with_suffix("").as_posix() for p in PAGES}
    pages -= {"examples/README"}  # the head of the gallery
    assert pages == listed - {"auto_examples/index", "generated/api"}


def test_every_activation_is_in_the_table():
    from ntk_sklearn.activations import ACTIVATIONS

    text = (DOCS / "kernels.rst").read_text(encoding="utf-8")
    for name in ACTIVATIONS:
        assert f"* - `{name}`" in text


def test_examples_say_what_they_show():
    scripts = sorted((DOCS / "examples").glob("plot_*.py"))
    assert len(scripts) >= 5
    for script in scripts:
        tree = ast.parse(script.read_text(encoding="utf-8"))
        title, rule, *rest = ast.get_docstring(tree).splitlines()
        assert set(rule) == {"="} and len(rule) >= len(title) and "".join(rest)


def test_examples_are_in_reading_order():
    names = [path.name for path in sorted((DOCS / "examples").glob("plot_*.py"))]
    numbers = [int(name.split("_")[1]) for name in names]
    assert numbers == list(range(1, len(names) + 1))


def test_changelog_has_this_version():
    version = ntk_sklearn.__version__.split(".dev")[0]
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## .*\b{re.escape(version)}\b", text, re.MULTILINE)
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {version}\n" in citation
