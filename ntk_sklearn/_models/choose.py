"""The choice of a solver by the number of rows and the memory of the machine."""

from __future__ import annotations

from .._utils.arrays import Place
from .._utils.memory import available_memory

# Number of (n, n) matrices of float64 that a solver holds at its peak. Learning by
# factorisation holds the kernel matrix, its inverse, and what their gradients need.
MATRICES = {"cholesky": 5.0, "cg": 1.5}
# Why a solver was chosen.
REASONS = {
    "cholesky": "all of them are learned from, and the solution is exact",
    "local": "a sample is learned from, and the solution is exact within clusters, "
    "which loses less than one per cent and takes a fraction of the time",
    "cg": "a sample is learned from, and the matrix is not factorised, as it is large",
    "nystrom": "a sample is learned from, and the kernel is approximated by centres",
}
# Up to this many rows, all of them are learned from and factorised in a minute or less.
_EXACT_BELOW = 6000
# Up to this many rows, models that are exact within clusters take a minute or two.
_CLUSTERS_BELOW = 100_000
# Above this many rows a factorisation takes minutes, and iterations are faster.
_FACTOR_BELOW = 20_000


def choose_solver(
    n_samples: int,
    memory: float | None = None,
    n_components: int | None = None,
    n_matrices: float = MATRICES["cholesky"],
    has_distances: bool = True,
) -> str:
    """Choose a solver of the ridge problem.

    Parameters
    ----------
    n_samples : int
        Number of rows.
    memory : float, default=None
        Bytes that may be used; None means three quarters of the machine's memory.
    n_components : int, default=None
        Number of Nyström centres, if the user has given one.
    n_matrices : float, default=5
        Number of (n, n) matrices that a fit by factorisation holds.
    has_distances : bool, default=True
        Whether the rows are dense vectors, which centres and clusters need.

    Returns
    -------
    {"cholesky", "cg", "nystrom", "local"}
        If `n_components` is given: "nystrom" for more rows than that, else "cholesky".
        Otherwise "cholesky" for up to 6000 rows, if its matrices fit into memory;
        "local" for up to 100,000, and "nystrom" for more. For rows without distances,
        "cholesky" for up to 20,000 rows, then "cg", as long as their matrices fit into
        memory.
    """
    if n_components is not None:
        return "nystrom" if n_components < n_samples else "cholesky"
    memory = 0.75 * available_memory() if memory is None else memory
    matrix, most = 8.0 * n_samples**2, _EXACT_BELOW if has_distances else _FACTOR_BELOW
    if n_samples <= most and n_matrices * matrix <= memory:
        return "cholesky"
    if has_distances and _EXACT_BELOW < n_samples <= _CLUSTERS_BELOW:
        return "local"
    return "cg" if MATRICES["cg"] * matrix <= memory else "nystrom"


def check_memory(n: int, n_matrices: float, place: Place | None = None) -> None:
    """Raise an error if the matrices of an exact fit do not fit into memory.

    Parameters
    ----------
    n : int
        Number of rows.
    n_matrices : float
        Number of (n, n) matrices that the fit holds.
    place : Place, default=None
        The device that holds them; None means the memory of the machine.

    Raises
    ------
    MemoryError
        If they are larger than the memory of the machine, or what is free on the
        device.
    """
    needed, total = n_matrices * 8.0 * n * n, available_memory()
    where, advice = "this machine has {} GiB", "fit a sample of the rows"
    free = None if place is None else place.free_memory()
    if place is not None and free is not None:
        total, where = free, f"the device {place.device} has {{}} GiB free"
        advice += ", or pass arrays on the CPU"
    if needed > total:
        raise MemoryError(
            f"fitting {n} rows exactly needs about {needed / 2**30:.1f} GiB for "
            f"{n_matrices:g} kernel matrices of shape ({n}, {n}), but "
            f"{where.format(f'{total / 2**30:.1f}')}; use "
            f'solver="nystrom" with n_components centres, or {advice}.'
        )
