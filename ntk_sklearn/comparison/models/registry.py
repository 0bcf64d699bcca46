"""The table of the models of a study, each with its tuner."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module

from sklearn.base import BaseEstimator
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR

from ...estimators._classifier import WNTKClassifier
from ...estimators._regressor import WNTKRegressor
from ..data.datasets import CLASSIFICATION, REGRESSION
from ..errors import StudyError, chosen
from . import kernel_families as families
from .model import Family, Job, LearnedFamily, Model, Tuner
from .peers import KernelRidgeClassifier, XRFMClassifier, XRFMRegressor
from .tuning import as_is, by_evidence, by_grid, by_kernel_grid

# A class of estimators, or a function that makes one.
Kind = Callable[..., BaseEstimator]
# Number of iterations of libsvm after which a fit is stopped, converged or not.
SVM_ITERATIONS = 500_000


# -- tuners ---------------------------------------------------------------------------


def _either(job: Job, kinds: tuple[Kind, Kind]) -> Kind:
    """Return the classifier or the regressor of a pair, as the task needs."""
    return kinds[0] if job.classifies else kinds[1]


def _defaults(job: Job, kinds: tuple[Kind, Kind]) -> Tuner:
    return as_is(_either(job, kinds)(random_state=job.seed))


def _svm(job: Job, family: Family) -> Tuner:
    if job.classifies:
        machine = SVC(max_iter=SVM_ITERATIONS)
        powers = [-1, 1, 3] if job.quick else [-2, -1, 0, 1, 2, 3, 4]
    else:  # of a standardised target
        machine, powers = SVR(max_iter=SVM_ITERATIONS), [-1, 0, 1, 2]
    grid = {"C": [10.0**p for p in powers]}
    return by_kernel_grid(machine, family, grid, job.quick)


def _ridge(job: Job, family: Family) -> Tuner:
    ridge = _either(job, (KernelRidgeClassifier, KernelRidge))()
    powers = (-3, -1, 1) if job.quick else range(-5, 3)
    grid = {"alpha": [10.0**p for p in powers]}
    return by_kernel_grid(ridge, family, grid, job.quick)


def _gaussian_process(job: Job, kernels: LearnedFamily) -> Tuner:
    return by_evidence(kernels, job.quick)


def _forest(job: Job, kinds: tuple[Kind, Kind]) -> Tuner:
    features = ["sqrt", 0.5] if job.classifies else [0.33, 1.0]
    grid = {"max_features": features, "min_samples_leaf": [1] if job.quick else [1, 3]}
    # A choice between grid points needs fewer trees than the predictions do.
    few, many = (25, 50) if job.quick else (50, 300)
    kind = _either(job, kinds)
    tuner = by_grid(kind(n_estimators=few, random_state=job.seed), grid)
    return lambda X, y, splits: tuner(X, y, splits).set_params(n_estimators=many)


def _boosting(job: Job) -> Tuner:
    fixed = {"max_iter": 150}
    grid: dict[str, list] = {"min_samples_leaf": [5, 20]}
    if job.quick:
        fixed = {"max_iter": 30, "max_leaf_nodes": 7}
    else:
        grid |= {"learning_rate": [0.03, 0.1], "max_leaf_nodes": [7, 31]}
    kind = _either(job, (HistGradientBoostingClassifier, HistGradientBoostingRegressor))
    return by_grid(kind(early_stopping=False, random_state=job.seed, **fixed), grid)


def _mlp(job: Job) -> Tuner:
    # scikit-learn's advice: a quasi-Newton method on small sets.
    base = _either(job, (MLPClassifier, MLPRegressor))(
        solver="lbfgs" if job.n_rows < 1000 else "adam",
        max_iter=100 if job.quick else 300,
        random_state=job.seed,
    )
    if job.quick:
        return by_grid(base, {"alpha": [0.01, 1.0]})
    layers = [(100,), (100, 100)]
    return by_grid(base, {"hidden_layer_sizes": layers, "alpha": [1e-4, 0.01, 1.0]})


def _boosting_of(job: Job, package: str, prefix: str, grid: dict, fixed: dict) -> Tuner:
    """Tune a gradient boosting package with scikit-learn's interface."""
    module = import_module(package)
    kinds = (
        getattr(module, f"{prefix}Classifier"),
        getattr(module, f"{prefix}Regressor"),
    )
    first = {key: values[-1:] for key, values in grid.items()}
    estimator = _either(job, kinds)(random_state=job.seed, **fixed)
    return by_grid(estimator, first if job.quick else grid)


def _pytabkit(job: Job, name: str) -> Tuner:
    """Return the tuner of a network of pytabkit, which has defaults that were tuned."""
    package = import_module("pytabkit")
    # Its training loop writes lines of advice for every fit.
    for name_of_log in ("lightning.pytorch", "pytorch_lightning"):
        logging.getLogger(name_of_log).setLevel(logging.ERROR)
    task = "Classifier" if job.classifies else "Regressor"
    network = getattr(package, f"{name}_{task}")
    return as_is(network(random_state=job.seed, device="cpu", n_threads=1))


# -- the table ------------------------------------------------------------------------

# The kernels: words for each, those that are tuned, and those that are learned.
KERNELS: dict[str, tuple[str, Family, LearnedFamily]] = {
    "ntk": ("NTK", families.ntk, families.learned_ntk),
    "nngp": ("conjugate kernel", families.nngp, families.learned_nngp),
    "rbf": ("Gaussian kernel", families.rbf, families.learned_rbf),
    "laplace": ("Laplace kernel", families.laplace, families.learned_laplace),
}
# Packages of gradient boosting: words, names of classes, the grid and what is fixed.
BOOSTING: dict[str, tuple[str, str, dict, dict]] = {
    "xgboost": (
        "XGBoost",
        "XGB",
        {"max_depth": [3, 6], "learning_rate": [0.03, 0.1]},
        {"n_estimators": 300, "verbosity": 0, "n_jobs": 1},
    ),
    "lightgbm": (
        "LightGBM",
        "LGBM",
        {"min_child_samples": [5, 20], "learning_rate": [0.03, 0.1]},
        {"n_estimators": 200, "verbose": -1, "n_jobs": 1},
    ),
    "catboost": (
        "CatBoost, defaults",
        "CatBoost",
        {},
        {"verbose": False, "allow_writing_files": False, "thread_count": 1},
    ),
}


def _with_kernel(name: str) -> dict[str, Model]:
    """Return the kernel methods with one of the kernels."""
    about, family, learned = KERNELS[name]
    # Arora et al. 2020: depths 0 to 4, the first layers frozen or not.
    svm_family, squares = (families.frozen_ntk, 7) if name == "ntk" else (family, 4)
    return {
        f"{name}-svm": Model(
            f"support vector machine, {about}",
            partial(_svm, family=svm_family),
            # Support vector regression takes as long as all other models together.
            default=(CLASSIFICATION,),
            squares=squares,
        ),
        f"{name}-ridge": Model(
            f"kernel ridge regression, {about}",
            partial(_ridge, family=family),
            squares=4,
        ),
        f"{name}-gp": Model(
            f"Gaussian process, {about}",
            partial(_gaussian_process, kernels=learned),
            tasks=(REGRESSION,),
            squares=4,
        ),
    }


MODELS: dict[str, Model] = {
    "wntk": Model(
        "WNTKRegressor or WNTKClassifier, defaults",
        partial(_defaults, kinds=(WNTKClassifier, WNTKRegressor)),
        squares=8,
    ),
    **{key: model for name in KERNELS for key, model in _with_kernel(name).items()},
    "forest": Model(
        "random forest",
        partial(_forest, kinds=(RandomForestClassifier, RandomForestRegressor)),
    ),
    "extra-trees": Model(
        "extremely randomised trees",
        partial(_forest, kinds=(ExtraTreesClassifier, ExtraTreesRegressor)),
    ),
    "boosting": Model("histogram gradient boosting", _boosting),
    "mlp": Model("multi-layer perceptron", _mlp),
    **{
        name: Model(
            about,
            partial(_boosting_of, package=name, prefix=prefix, grid=grid, fixed=fixed),
            requires=name,
        )
        for name, (about, prefix, grid, fixed) in BOOSTING.items()
    },
    "realmlp": Model(
        "RealMLP, tuned defaults of pytabkit",
        partial(_pytabkit, name="RealMLP_TD"),
        requires="pytabkit",
    ),
    "tabm": Model(
        "TabM, defaults of pytabkit",
        partial(_pytabkit, name="TabM_D"),
        requires="pytabkit",
    ),
    "xrfm": Model(
        "xRFM, recursive feature machine, defaults",
        partial(_defaults, kinds=(XRFMClassifier, XRFMRegressor)),
        requires="xrfm",
    ),
}


def choose_models(
    names: Iterable[str] | None = None, models: Mapping[str, Model] = MODELS
) -> dict[str, Model]:
    """Choose the models of a study by their names.

    Parameters
    ----------
    names : iterable of str, default=None
        Keys of `models`, in the wanted order. None means all models that are installed,
        each for its default tasks.
    models : mapping of str to Model, default=MODELS
        The table of all models.

    Returns
    -------
    dict of str to Model

    Examples
    --------
    >>> from ntk_sklearn.comparison import choose_models
    >>> list(choose_models(["rbf-svm", "wntk"]))
    ['rbf-svm', 'wntk']
    >>> choose_models()["ntk-svm"].tasks  # slow on the other task, unless asked for
    ('classification',)
    """
    if names is None:
        usual = {
            name: replace(
                model, tasks=tuple(t for t in model.tasks if t in model.default)
            )
            for name, model in models.items()
            if model.available
        }
        return {name: model for name, model in usual.items() if model.tasks}
    names = chosen(names, models, "model")
    for name in names:
        if not models[name].available:
            raise StudyError(
                f"model {name} needs the package {models[name].requires}: "
                f"pip install {models[name].requires}"
            )
    return {name: models[name] for name in names}


def not_installed(models: Mapping[str, Model]) -> list[str]:
    """Return a note on the models whose packages are not installed."""
    absent = [name for name, model in models.items() if not model.available]
    if not absent:
        return []
    return [
        f"Not installed, and left out: {', '.join(absent)}. "
        'pip install "ntk_sklearn[peers]" brings them.'
    ]


def other_task(models: Mapping[str, Model], tasks: Iterable[str]) -> list[str]:
    """Return notes on the models that are left out of a task."""
    return [
        f"{name}: left out of {task}, it is for {' and '.join(model.tasks)}"
        for task in tasks
        for name, model in models.items()
        if task not in model.tasks
    ]
