"""Sphinx configuration: ``sphinx-build -W --keep-going docs docs/_build/html``."""

import importlib
import inspect
import os
import re
import zlib
from pathlib import Path

from sklearn.gaussian_process import kernels as gaussian_kernels
from sklearn.utils.discovery import all_displays, all_estimators, all_functions

os.environ.setdefault("MPLBACKEND", "Agg")

import ntk_sklearn

HERE = Path(__file__).parent
# What docstrings that scikit-learn's classes pass on to ours refer to.
LABELS = {
    "accuracy_score": "modules/model_evaluation.html#accuracy-score",
    "r2_score": "modules/model_evaluation.html#r2-score",
    "df_output_transform": "auto_examples/miscellaneous/plot_set_output.html",
    "sphx_glr_auto_examples_miscellaneous_plot_set_output.py": (
        "auto_examples/miscellaneous/plot_set_output.html"
    ),
}
KERNELS = ["DotProduct", "Kernel", "Matern", "RBF", "RationalQuadratic", "WhiteKernel"]

project = "ntk_sklearn"
author = "the ntk_sklearn developers"
project_copyright = "the ntk_sklearn developers, BSD-3-Clause"
version = release = ntk_sklearn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # formulas without a network
    "numpydoc",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "examples", "**/sg_execution_times.rst"]
templates_path = ["_templates"]
default_role = "code"
nitpicky = True

autosummary_generate = True
autodoc_default_options = {"members": True}
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_title = f"ntk_sklearn {release}"
html_show_sourcelink = False
# Pages without pages below them have nothing to put into a side bar.
html_sidebars = {page: [] for page in ("start", "which", "study", "search", "genindex")}
html_domain_indices = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "header_links_before_dropdown": 6,
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
    "within_subsection_order": "FileNameSortKey",
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

# What a person wants to do, and the public names for it, in the order of the reference.
JOBS = {
    "Six classes for most jobs": (
        "Two estimators for tables, three kernels for any scikit-learn estimator that "
        "takes one, and a transformer.",
        "WNTKRegressor WNTKClassifier NTKernel NNGPKernel WeightedNTKernel "
        "TableEncoder",
    ),
    "Images, sequences and graphs": (
        "Kernels of convolutional, recurrent, graph and residual networks, and objects "
        "that hold or convert their inputs.",
        "ConvolutionalNTKernel RecurrentNTKernel GraphNTKernel "
        "GraphConvolutionNTKernel ResidualNTKernel MultiDepthNTKernel SequencePacker "
        "Graph GraphCollection NetworkGram",
    ),
    "Networks that are trained for a limited time": (
        "When to stop training, and how networks from different random starts differ.",
        "GradientDescentRegressor GradientDescentClassifier SurrogateNTKRegressor "
        "SurrogateNTKernel",
    ),
    "Networks that were trained": (
        "The kernel of a fitted network, and a kernel model that imitates it.",
        "EmpiricalNTKernel KernelSurrogate",
    ),
    "Other models": (
        "Random features that approximate a kernel for many rows, and logistic "
        "regression on any kernel.",
        "NTKSampler KernelLogisticRegression",
    ),
}

# The modules whose remaining names follow, and the heading of each.
MODULES = {
    "ntk_sklearn.inspection": "Displays and checks",
    "ntk_sklearn.networks": "Functions of trained networks",
    "ntk_sklearn.dynamics": "Functions of training in time",
    "ntk_sklearn.approximation": "Networks of finite width",
    "ntk_sklearn.objectives": "Objectives",
    "ntk_sklearn.activations": "Activations",
    "ntk_sklearn.solvers": "Ridge solvers",
}


def section(heading: str, module: str, about: str, names: list[str]) -> list[str]:
    """Return the lines of a section of the reference."""
    lines = [heading, "-" * len(heading), "", f".. currentmodule:: {module}", ""]
    lines += [about, "", ".. autosummary::", "   :toctree: .", "   :nosignatures:", ""]
    return [*lines, *(f"   {name}" for name in names), ""]


def reference() -> list[str]:
    """Return the lines of the reference: classes by job, then functions by module."""
    lines = ["API reference", "=============", ""]
    for name in ("ntk_sklearn", *MODULES):
        lines += [f".. module:: {name}", ""]
    seen = set()
    for heading, (about, names) in JOBS.items():
        seen |= {getattr(ntk_sklearn, name) for name in names.split()}
        lines += section(heading, "ntk_sklearn", about, names.split())
    for name, heading in MODULES.items():
        module = importlib.import_module(name)
        things = {n: getattr(module, n) for n in module.__all__}
        rest = [n for n, thing in things.items() if callable(thing)]
        rest = [n for n in rest if things[n] not in seen]
        about = inspect.getdoc(module).splitlines()[0]
        lines += section(heading, name, about, rest)
    return lines


def inventory(pages: dict[str, str]) -> bytes:
    """Return a list of other projects' objects and pages, as Sphinx reads it."""
    head = (
        "# Sphinx inventory version 2\n# Project: \n# Version: \n# The rest is zlib.\n"
    )
    body = "".join(f"{name} 1 {page} -\n" for name, page in pages.items())
    return head.encode() + zlib.compress(body.encode())


def other_projects() -> dict[str, dict[str, str]]:
    """Return the names that can be linked to where no other site can be reached."""
    things = [*all_estimators(), *all_displays(), *all_functions()]
    kernels = [(name, getattr(gaussian_kernels, name)) for name in KERNELS]
    sklearn = {}
    for name, thing in [*things, *kernels]:
        place = thing.__module__.split("._")[0]  # the public module
        kind = "class" if inspect.isclass(thing) else "function"
        page = f"modules/generated/{place}.{name}.html#$"
        sklearn[f"{place}.{name} py:{kind}"] = page
    for label, page in LABELS.items():
        sklearn[f"{label} std:label"] = page
    return {
        "sklearn": sklearn,
        "numpy": {"numpy.ndarray py:class": "reference/generated/$.html#$"},
        "scipy": {"scipy.sparse.csr_array py:class": "reference/generated/$.html#$"},
    }


def write(name: str, content: bytes) -> None:
    """Write a generated file, unless it is there: a new time would read it anew."""
    path = HERE / "generated" / name
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)


write("api.rst", "\n".join(reference()).encode())
for project_name, pages in other_projects().items():
    write(f"{project_name}.inv", inventory(pages))

# The lists of the projects themselves, where they can be fetched, or else our own.
intersphinx_timeout = 5
intersphinx_mapping = {
    name: (site, (None, f"generated/{name}.inv"))
    for name, site in {
        "sklearn": "https://scikit-learn.org/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "scipy": "https://docs.scipy.org/doc/scipy/",
    }.items()
}

# Methods that scikit-learn adds to every estimator, with references to its own pages.
ROUTING = {"get_metadata_routing", "get_params", "set_params"}


def skip_routing(app, what, name, thing, skip, options):
    """Leave out what every scikit-learn estimator and every tuple has."""
    if name in ("count", "index"):
        return True
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
