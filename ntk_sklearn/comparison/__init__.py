"""The comparison of models on tables behind ``python -m ntk_sklearn compare``."""

from .data.datasets import Dataset, load_bundled, load_suite
from .data.folds import with_folds
from .errors import StudyError
from .models.model import Model
from .models.registry import MODELS, choose_models
from .protocols import StudySettings
from .results.report import report
from .results.results_file import Row, read_results
from .study import run_study

__all__ = [
    "MODELS",
    "Dataset",
    "Model",
    "Row",
    "StudyError",
    "StudySettings",
    "choose_models",
    "load_bundled",
    "load_suite",
    "read_results",
    "report",
    "run_study",
    "with_folds",
]
