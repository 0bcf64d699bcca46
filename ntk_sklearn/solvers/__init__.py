"""Ridge solvers as plain functions of matrices; they know no kernels."""

from ._cholesky import Solution, inverse, solve, warn_jitter
from ._path import RidgePath, ridge_path

__all__ = ["RidgePath", "Solution", "inverse", "ridge_path", "solve", "warn_jitter"]
