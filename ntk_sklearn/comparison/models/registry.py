"""The table of the models of a study, each with its tuner."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module

from sklearn.kernel_ridge import KernelRidge
from sklearn.svm import SVC, SVR

from ..data.datasets import CLASSIFICATION, REGRESSION
from ..errors import StudyError, chosen
from . import kernel_families as families
from . import peers
from .model import Family, Job, LearnedFamily, Model, Tuner
from .tuning import by_evidence, by_grid, by_kernel_grid

# Number of iterations of libsvm after which a fit is stopped, converged or not.
SVM_ITERATIONS = 500_000


# -- tuners ---------------------------------------------------------------------------


def _estimator(job: Job, path: str):
    """Return the class of a path such as ``sklearn.ensemble.ExtraTrees``, by task."""
    module, _, prefix = path.rpartition(".")
    task = "Classifier" if job.classifies else "Regressor"
    return getattr(import_module(module), prefix + task)


def _tuned(job: Job, path: str, fixed: dict, grid: dict) -> Tuner:
    """Tune an estimator on a grid, of which a quick look takes the last of each."""
    # The training loop of pytabkit writes lines of advice for every fit.
    for name in ("lightning.pytorch", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    estimator = _estimator(job, path)(random_state=job.seed, **fixed)
    last = {key: values[-1:] for key, values in grid.items()}
    return by_grid(estimator, last if job.quick else grid)


def _svm(job: Job, family: Family) -> Tuner:
    if job.classifies:
        machine = SVC(max_iter=SVM_ITERATIONS)
        powers = [-1, 1, 3] if job.quick else [-2, -1, 0, 1, 2, 3, 4]
    else:  # of a standardised target
        machine, powers = SVR(max_iter=SVM_ITERATIONS), [-1, 0, 1, 2]
    grid = {"C": [10.0**p for p in powers]}
    return by_kernel_grid(machine, family, grid, job.quick)


def _ridge(job: Job, family: Family) -> Tuner:
    ridge = peers.KernelRidgeClassifier() if job.classifies else KernelRidge()
    powers = (-3, -1, 1) if job.quick else range(-5, 3)
    grid = {"alpha": [10.0**p for p in powers]}
    return by_kernel_grid(ridge, family, grid, job.quick)


def _gaussian_process(job: Job, kernels: LearnedFamily) -> Tuner:
    return by_evidence(kernels, job.quick)


def _forest(job: Job, path: str) -> Tuner:
    features = ["sqrt", 0.5] if job.classifies else [0.33, 1.0]
    grid = {"max_features": features, "min_samples_leaf": [1] if job.quick else [1, 3]}
    # A choice between grid points needs fewer trees than the predictions do.
    few, many = (25, 50) if job.quick else (50, 300)
    forest = _estimator(job, path)(n_estimators=few, random_state=job.seed)
    tuner = by_grid(forest, grid)
    return lambda X, y, splits: tuner(X, y, splits).set_params(n_estimators=many)


def _mlp(job: Job) -> Tuner:
    # scikit-learn's advice: a quasi-Newton method on small sets.
    base = _estimator(job, "sklearn.neural_network.MLP")(
        solver="lbfgs" if job.n_rows < 1000 else "adam",
        max_iter=100 if job.quick else 300,
        random_state=job.seed,
    )
    if job.quick:
        return by_grid(base, {"alpha": [0.01, 1.0]})
    layers = [(100,), (100, 100)]
    return by_grid(base, {"hidden_layer_sizes": layers, "alpha": [1e-4, 0.01, 1.0]})


# -- the table ------------------------------------------------------------------------

# The kernels: words for each, those that are tuned, and those that are learned.
KERNELS: dict[str, tuple[str, Family, LearnedFamily]] = {
    "ntk": ("NTK", families.ntk, families.learned_ntk),
    "nngp": ("conjugate kernel", families.nngp, families.learned_nngp),
    "rbf": ("Gaussian kernel", families.rbf, families.learned_rbf),
    "laplace": ("Laplace kernel", families.laplace, families.learned_laplace),
}
# Estimators that are tuned as they are: words, package if it is optional, class, what
# is fixed and what is tuned.
ESTIMATORS: dict[str, tuple[str, str | None, str, dict, dict]] = {
    "boosting": (
        "histogram gradient boosting",
        None,
        "sklearn.ensemble.HistGradientBoosting",
        {"max_iter": 150, "early_stopping": False},
        {
            "min_samples_leaf": [5, 20],
            "learning_rate": [0.03, 0.1],
            "max_leaf_nodes": [31, 7],
        },
    ),
    "xgboost": (
        "XGBoost",
        "xgboost",
        "xgboost.XGB",
        {"n_estimators": 300, "verbosity": 0, "n_jobs": 1},
        {"max_depth": [3, 6], "learning_rate": [0.03, 0.1]},
    ),
    "lightgbm": (
        "LightGBM",
        "lightgbm",
        "lightgbm.LGBM",
        {"n_estimators": 200, "verbose": -1, "n_jobs": 1},
        {"min_child_samples": [5, 20], "learning_rate": [0.03, 0.1]},
    ),
    "catboost": (
        "CatBoost, defaults",
        "catboost",
        "catboost.CatBoost",
        {"verbose": False, "allow_writing_files": False, "thread_count": 1},
        {},
    ),
    "realmlp": (
        "RealMLP, tuned defaults of pytabkit",
        "pytabkit",
        "pytabkit.RealMLP_TD_",
        {"device": "cpu", "n_threads": 1},
        {},
    ),
    "tabm": (
        "TabM, defaults of pytabkit",
        "pytabkit",
        "pytabkit.TabM_D_",
        {"device": "cpu", "n_threads": 1},
        {},
    ),
    "xrfm": (
        "xRFM, recursive feature machine, defaults",
        "xrfm",
        f"{peers.__name__}.XRFM",
        {},
        {},
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
        partial(_tuned, path="ntk_sklearn.WNTK", fixed={}, grid={}),
        squares=8,
    ),
    **{key: model for name in KERNELS for key, model in _with_kernel(name).items()},
    "forest": Model(
        "random forest", partial(_forest, path="sklearn.ensemble.RandomForest")
    ),
    "extra-trees": Model(
        "extremely randomised trees",
        partial(_forest, path="sklearn.ensemble.ExtraTrees"),
    ),
    "mlp": Model("multi-layer perceptron", _mlp),
    **{
        name: Model(
            about,
            partial(_tuned, path=path, fixed=fixed, grid=grid),
            requires=requires,
        )
        for name, (about, requires, path, fixed, grid) in ESTIMATORS.items()
    },
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
