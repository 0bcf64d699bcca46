"""Ridge solvers as plain functions of matrices; they know no kernels."""

from .._blocks.sampling import gather, sample_rows
from .._blocks.sources import BlockError, is_source, row_blocks
from ._centres import leverage_scores, select_centres
from ._cholesky import (
    Solution,
    inverse,
    kernel_factor,
    leave_one_out,
    solve,
    warn_jitter,
)
from ._clustered import LocalSolution, cluster_rows, local_solve, nearest_cluster
from ._conjugate_gradient import IterativeSolution, conjugate_solve
from ._normal_equations import Sums
from ._nystrom import NystromSolution, NystromSystem
from ._spectrum import RidgePath, ridge_path
from ._streaming import Progress, accumulate, predict, sum_rows

__all__ = [
    "BlockError",
    "IterativeSolution",
    "LocalSolution",
    "NystromSolution",
    "NystromSystem",
    "Progress",
    "RidgePath",
    "Solution",
    "Sums",
    "accumulate",
    "cluster_rows",
    "conjugate_solve",
    "gather",
    "inverse",
    "is_source",
    "kernel_factor",
    "leave_one_out",
    "leverage_scores",
    "local_solve",
    "nearest_cluster",
    "predict",
    "ridge_path",
    "row_blocks",
    "sample_rows",
    "select_centres",
    "solve",
    "sum_rows",
    "warn_jitter",
]
