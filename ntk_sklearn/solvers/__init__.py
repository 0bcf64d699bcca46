"""Solvers of the ridge problem, as functions of matrices and of any kernel."""

from .._blocks.sources import BlockError
from ._attribution import contributions, influence, smoother
from ._centres import leverage_scores, select_centres
from ._cholesky import Solution, solve
from ._clustered import ClusteredRows, ClusteredSolution, clustered_solve
from ._clusters import cluster_rows, nearest_cluster
from ._conjugate_gradient import IterativeSolution, conjugate_solve
from ._features import NystromFeatures
from ._leave_one_out import leave_one_out
from ._logistic import (
    HeldOutLogits,
    LogisticSolution,
    logistic_influence,
    logistic_leave_one_out,
    logistic_solve,
)
from ._normal_equations import NormalEquations
from ._nystrom import NystromSolution, NystromSystem
from ._ridge_path import RidgePath
from ._row_weights import RowWeights
from ._spectrum import SpectralFit, Spectrum, ridge_path
from ._streaming import accumulate, predict

__all__ = [
    "BlockError",
    "ClusteredRows",
    "ClusteredSolution",
    "HeldOutLogits",
    "IterativeSolution",
    "LogisticSolution",
    "NormalEquations",
    "NystromFeatures",
    "NystromSolution",
    "NystromSystem",
    "RidgePath",
    "RowWeights",
    "Solution",
    "SpectralFit",
    "Spectrum",
    "accumulate",
    "cluster_rows",
    "clustered_solve",
    "conjugate_solve",
    "contributions",
    "influence",
    "leave_one_out",
    "leverage_scores",
    "logistic_influence",
    "logistic_leave_one_out",
    "logistic_solve",
    "nearest_cluster",
    "predict",
    "ridge_path",
    "select_centres",
    "smoother",
    "solve",
]
