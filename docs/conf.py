"""Sphinx configuration: ``sphinx-build -W --keep-going docs docs/_build/html``."""

import importlib
import inspect
import os
import re
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

import ntk_sklearn

HERE = Path(__file__).parent

project = "ntk_sklearn"
author = "the ntk_sklearn developers"
project_copyright = "the ntk_sklearn developers, BSD-3-Clause"
version = release = ntk_sklearn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
# Built without network: nothing is fetched from other projects' documentation.
exclude_patterns = ["_build", "examples", "**/sg_execution_times.rst"]
templates_path = ["_templates"]
default_role = "code"
nitpicky = False

autosummary_generate = True
autodoc_default_options = {"members": True, "inherited-members": False}
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_title = f"ntk_sklearn {release}"
html_show_sourcelink = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("ntk_sklearn",),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "image_scrapers": ("matplotlib",),
    "matplotlib_animations": False,
    "min_reported_time": 0,
    "plot_gallery": "True",
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
}

# The rooms of the reference, and the heading of each.
REFERENCE = {
    "ntk_sklearn": "Kernels and estimators",
    "ntk_sklearn.preprocessing": "Preprocessing",
    "ntk_sklearn.approximation": "Random features",
    "ntk_sklearn.dynamics": "Training in time",
    "ntk_sklearn.networks": "Networks that were trained",
    "ntk_sklearn.inspection": "Displays and checks",
    "ntk_sklearn.objectives": "Objectives",
    "ntk_sklearn.activations": "Activations",
    "ntk_sklearn.solvers": "Ridge solvers",
}


def public_names(module) -> list[str]:
    """Return the public classes and functions that a module defines."""
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__ == module.__name__
    ]


def write_reference() -> None:
    """Write the page of the reference from the modules' ``__all__``."""
    lines = ["API reference", "=============", ""]
    lines += ["Everything public, as listed in the modules' ``__all__``.", ""]
    seen: set[int] = set()
    for name, heading in REFERENCE.items():
        module = importlib.import_module(name)
        names = getattr(module, "__all__", None) or public_names(module)
        objects = {n: getattr(module, n) for n in names}
        listed = [
            n
            for n, thing in objects.items()
            if (inspect.isclass(thing) or inspect.isfunction(thing))
            and id(thing) not in seen
        ]
        seen.update(id(objects[n]) for n in listed)
        if not listed:
            continue
        lines += [heading, "-" * len(heading), "", f".. currentmodule:: {name}", ""]
        lines += [inspect.cleandoc(module.__doc__ or "").splitlines()[0], ""]
        lines += [".. autosummary::", "   :toctree: .", "   :nosignatures:", ""]
        lines += [f"   {n}" for n in listed] + [""]
    page = HERE / "generated" / "api.rst"
    page.parent.mkdir(exist_ok=True)
    text = "\n".join(lines)
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")


write_reference()

# Methods that scikit-learn adds to every estimator, with references to its own pages.
ROUTING = {"get_metadata_routing", "get_params", "set_params"}


def skip_routing(app, what, name, thing, skip, options):
    """Leave out what every scikit-learn estimator has."""
    if name in ROUTING or (name.startswith("set_") and name.endswith("_request")):
        return True
    return None


def mend_docstring(app, what, name, thing, options, lines):
    """Join lines continued by a backslash; keep trailing underscores from docutils."""
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    lines[:] = [
        # The type of a parameter or an attribute: what follows its name.
        re.sub(
            r"^(\w[\w, ]* : )(.*)",
            lambda m: m[1] + re.sub(r"(?<![\w`])(\w+_)(?![\w`])", r"`\1`", m[2]),
            line,
        )
        for line in joined.split("\n")
    ]


def setup(app):
    """Mend docstrings before numpydoc reads them."""
    app.connect("autodoc-skip-member", skip_routing)
    app.connect("autodoc-process-docstring", mend_docstring, priority=100)
