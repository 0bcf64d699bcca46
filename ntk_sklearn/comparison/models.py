"""The models of a study: one table, each with the grid it is tuned over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR

from ..estimators._classifier import WNTKClassifier
from ..estimators._regressor import WNTKRegressor
from . import kernel_families as families
from .datasets import CLASSIFICATION, REGRESSION, TASKS
from .errors import StudyError, known
from .peers import KernelRidgeClassifier, XRFMClassifier, XRFMRegressor
from .tuning import Tuner, as_is, by_evidence, by_grid, by_kernel_grid

# Iterations of libsvm after which a hopeless point of a grid is given up.
SVM_ITERATIONS = 500_000


@dataclass(frozen=True)
class Job:
    """What a model may know before it sees data: the task, the size, the budget."""

    task: str
    n_rows: int
    quick: bool = False
    seed: int = 0

    @property
    def classifies(self) -> bool:
        """Whether the target holds classes."""
        return self.task == CLASSIFICATION


@dataclass(frozen=True)
class Model:
    """A line of the table: a name and the tuner that makes the estimator.

    Attributes
    ----------
    about : str
        What it is, in a few words.
    tuner : callable
        From a `Job` to a tuner.
    tasks : tuple of str
        Which tasks it can do.
    default : tuple of str
        The tasks for which a study runs it without being asked.
    requires : str or None
        The package it comes from, if that may be absent.
    squares : int
        Number of n × n matrices it holds, for the memory estimate.
    """

    about: str
    tuner: Callable[[Job], Tuner]
    tasks: tuple[str, ...] = TASKS
    default: tuple[str, ...] = TASKS
    requires: str | None = None
    squares: int = 0

    @property
    def available(self) -> bool:
        """Whether the package it needs is installed."""
        return self.requires is None or find_spec(self.requires) is not None


# -- tuners ---------------------------------------------------------------------------


def _wntk(job: Job) -> Tuner:

    estimator = WNTKClassifier if job.classifies else WNTKRegressor
    return as_is(estimator(random_state=job.seed))


def _svm(job: Job, family) -> Tuner:
    if job.classifies:
        machine = SVC(max_iter=SVM_ITERATIONS)
        powers = [-1, 1, 3] if job.quick else [-2, -1, 0, 1, 2, 3, 4]
    else:  # of a standardised target
        machine, powers = SVR(max_iter=SVM_ITERATIONS), [-1, 0, 1, 2]
    grid = {"C": [10.0**p for p in powers]}
    return by_kernel_grid(machine, family, grid, job.quick)


def _ridge(job: Job, family) -> Tuner:
    powers = (-3, -1, 1) if job.quick else range(-5, 3)
    estimator = KernelRidgeClassifier() if job.classifies else KernelRidge()
    return by_kernel_grid(
        estimator, family, {"alpha": [10.0**p for p in powers]}, job.quick
    )


def _gaussian_process(job: Job, kernels) -> Tuner:
    return by_evidence(kernels, job.quick)


def _forest(job: Job) -> Tuner:
    forest = RandomForestClassifier if job.classifies else RandomForestRegressor
    features = ["sqrt", 0.5] if job.classifies else [0.33, 1.0]
    grid = {"max_features": features, "min_samples_leaf": [1] if job.quick else [1, 3]}
    n_trees = 50 if job.quick else 300
    return by_grid(forest(n_estimators=n_trees, random_state=job.seed), grid)


def _boosting(job: Job) -> Tuner:
    classes = HistGradientBoostingClassifier, HistGradientBoostingRegressor
    boosting = classes[0] if job.classifies else classes[1]
    if job.quick:
        return by_grid(
            boosting(max_iter=30, max_leaf_nodes=7, random_state=job.seed),
            {"min_samples_leaf": [5, 20]},
        )
    grid = {
        "learning_rate": [0.03, 0.1],
        "max_leaf_nodes": [7, 31],
        "min_samples_leaf": [5, 20],
    }
    return by_grid(
        boosting(max_iter=150, early_stopping=False, random_state=job.seed), grid
    )


def _mlp(job: Job) -> Tuner:
    network = MLPClassifier if job.classifies else MLPRegressor
    # scikit-learn's advice: a quasi-Newton method on small sets.
    solver = "lbfgs" if job.n_rows < 1000 else "adam"
    max_iter = 100 if job.quick else 300
    base = network(solver=solver, max_iter=max_iter, random_state=job.seed)
    if job.quick:
        return by_grid(base, {"alpha": [0.01, 1.0]})
    layers = [(100,), (100, 100)]
    return by_grid(base, {"hidden_layer_sizes": layers, "alpha": [1e-4, 0.01, 1.0]})


def _trees_of(package: str, names: tuple[str, str], grid: dict, fixed: dict):
    """Tuner of a gradient boosting package with scikit-learn's interface."""

    def tuner(job: Job) -> Tuner:
        module = __import__(package)
        estimator = getattr(module, names[0] if job.classifies else names[1])
        seeded = estimator(random_state=job.seed, **fixed)
        first = {key: values[-1:] for key, values in grid.items()}
        return by_grid(seeded, first if job.quick else grid)

    return tuner


def _xrfm(job: Job) -> Tuner:
    return as_is((XRFMClassifier if job.classifies else XRFMRegressor)(job.seed))


# -- the table ------------------------------------------------------------------------


def _family_rows() -> dict[str, Model]:
    """Kernel machines: every machine with every kernel."""
    kernels = {
        "ntk": ("NTK", families.ntk, families.learned_ntk),
        "nngp": ("conjugate kernel", families.nngp, families.learned_nngp),
        "rbf": ("Gaussian kernel", families.rbf, families.learned_rbf),
        "laplace": ("Laplace kernel", families.laplace, families.learned_laplace),
    }
    rows = {}
    for name, (about, family, learned) in kernels.items():
        # Arora et al. 2020: depths 0 to 4, the first layers frozen or not.
        svm_family, squares = (families.frozen_ntk, 7) if name == "ntk" else (family, 4)
        rows[f"{name}-svm"] = Model(
            f"support vector machine, {about}",
            partial(_svm, family=svm_family),
            # A support vector regression takes as long as all the others together.
            default=(CLASSIFICATION,),
            squares=squares,
        )
        rows[f"{name}-ridge"] = Model(
            f"kernel ridge regression, {about}",
            partial(_ridge, family=family),
            squares=4,
        )
        rows[f"{name}-gp"] = Model(
            f"Gaussian process, {about}, by evidence",
            partial(_gaussian_process, kernels=learned),
            tasks=(REGRESSION,),
            squares=4,
        )
    return rows


MODELS: dict[str, Model] = {
    "wntk": Model(
        "layer weights and ridge learned, defaults",
        _wntk,
        squares=8,
    ),
    **_family_rows(),
    "forest": Model("random forest", _forest),
    "boosting": Model("histogram gradient boosting", _boosting),
    "mlp": Model("multi-layer perceptron", _mlp),
    "xgboost": Model(
        "XGBoost",
        _trees_of(
            "xgboost",
            ("XGBClassifier", "XGBRegressor"),
            {"max_depth": [3, 6], "learning_rate": [0.03, 0.1]},
            {"n_estimators": 300, "verbosity": 0, "n_jobs": 1},
        ),
        requires="xgboost",
    ),
    "lightgbm": Model(
        "LightGBM",
        _trees_of(
            "lightgbm",
            ("LGBMClassifier", "LGBMRegressor"),
            {"min_child_samples": [5, 20], "learning_rate": [0.03, 0.1]},
            {"n_estimators": 200, "verbose": -1, "n_jobs": 1},
        ),
        requires="lightgbm",
    ),
    "catboost": Model(
        "CatBoost",
        _trees_of(
            "catboost",
            ("CatBoostClassifier", "CatBoostRegressor"),
            {"depth": [4, 6]},
            {"verbose": False, "allow_writing_files": False, "thread_count": 1},
        ),
        requires="catboost",
    ),
    "xrfm": Model("recursive feature machine, defaults", _xrfm, requires="xrfm"),
}


def other_task(names: Iterable[str], tasks: Iterable[str]) -> list[str]:
    """Say which of the named models are left out of which task."""
    names = dict.fromkeys(names)
    return [
        f"{name}: left out of {task}, it is for {' and '.join(MODELS[name].tasks)}"
        for task in tasks
        for name in names
        if task not in MODELS[name].tasks
    ]


def choose_models(names: Iterable[str] | None, task: str) -> dict[str, Model]:
    """Return the models of a task, in the table's order or in that of `names`.

    Parameters
    ----------
    names : iterable of str or None
        Keys of `MODELS`; None means every default model that is installed.
    task : {"classification", "regression"}
    """
    if names is None:
        return {
            name: model
            for name, model in MODELS.items()
            if task in model.default and task in model.tasks and model.available
        }
    names = list(dict.fromkeys(names))
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        raise StudyError(
            f"unknown model: {', '.join(unknown)}; known are {known(MODELS)}"
        )
    for name in names:
        if not MODELS[name].available:
            raise StudyError(
                f"model {name} needs the package {MODELS[name].requires}: "
                f"pip install {MODELS[name].requires}"
            )
    return {name: MODELS[name] for name in names if task in MODELS[name].tasks}
