"""Cells in parallel: the same rows, lost workers, memory, full disks."""

import os
import warnings
from dataclasses import replace

import joblib
import numpy as np
from joblib import parallel_config
from sklearn.linear_model import LogisticRegression

from ntk_sklearn._utils.memory import free_memory
from ntk_sklearn.comparison import MODELS, Model, load_bundled, with_folds
from ntk_sklearn.comparison.cells import Cell, jobs_that_fit

from ..disk import full_beyond
from . import cases
from .cases import QUICK, scores, study


def test_parallel_rows_equal_sequential_ones():
    iris, names = cases.iris(), ["rbf-svm", "ntk-ridge"]
    alone = study([iris], names, QUICK)
    with parallel_config("threading", n_jobs=2):
        threads = study([iris], names, QUICK)
    assert scores(threads) == scores(alone)
    assert [row.key for row in threads] == [row.key for row in alone]


def test_a_killed_worker_is_a_recorded_failure():
    pid = os.getpid()

    def tuner(job):
        def tune(X, y, splits):
            if os.getpid() != pid:
                os._exit(1)
            return LogisticRegression()

        return tune

    models = {"deadly": Model("dies", tuner), "rbf-svm": MODELS["rbf-svm"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joblib tells of the lost worker
        rows = study([cases.iris(1)], models, QUICK, n_jobs=2)
    assert [row.ok for row in rows] == [False, True]
    assert "killed its process" in rows[0].message


def test_memory_limits_the_cells_at_a_time():
    cell = Cell(cases.iris(), "ntk-svm", MODELS["ntk-svm"], (0,))
    assert jobs_that_fit([cell] * 20, 16, 10 * cell.n_bytes) == 7
    assert jobs_that_fit([cell] * 20, 16, 1) == 1
    assert jobs_that_fit([cell] * 20, 16, None) == 16
    # This very process runs in what was free.
    free = free_memory()
    assert free is None or 2**20 < free < 2**50


def test_a_study_needs_no_folder_for_its_workers(tmp_path):
    data = with_folds(load_bundled(["digits"])[0], 2, 0)
    data = replace(data, X=np.repeat(data.X, 2, axis=1))  # 1.8 MB: joblib makes files
    with joblib.parallel_config(temp_folder=tmp_path), full_beyond(100_000):
        rows = study([data], ["rbf-ridge"], QUICK, n_jobs=2)
    assert all(row.ok for row in rows)
    assert list(tmp_path.iterdir()) == []
