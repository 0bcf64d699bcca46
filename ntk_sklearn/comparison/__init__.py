"""The tabular study behind ``python -m ntk_sklearn compare``."""

from .datasets import Dataset, load_bundled, load_suite, with_folds
from .errors import StudyError
from .models import MODELS, Model
from .protocols import Settings
from .report import report
from .results import Row, read_results
from .study import run_study
from .summary import ScoreTable, read_baselines, score_table

__all__ = [
    "MODELS",
    "Dataset",
    "Model",
    "Row",
    "ScoreTable",
    "Settings",
    "StudyError",
    "load_bundled",
    "load_suite",
    "read_baselines",
    "read_results",
    "report",
    "run_study",
    "score_table",
    "with_folds",
]
