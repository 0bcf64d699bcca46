"""The condition under which an estimator has `partial_fit`."""

from __future__ import annotations


def can_add_batches(estimator) -> bool:
    """Return True if an estimator has `partial_fit`, and raise otherwise.

    Parameters
    ----------
    estimator : WNTKRegressor or WNTKClassifier

    Returns
    -------
    bool
        Always True.

    Raises
    ------
    AttributeError
        If the solver, or balanced class weights, need all rows at once. Scikit-learn
        expects this error of a method that is not available.
    """
    if estimator.solver not in ("auto", "nystrom"):
        raise AttributeError(
            f"solver={estimator.solver!r} needs all rows at once; call fit, or use "
            'solver="nystrom" for partial_fit.'
        )
    if isinstance(getattr(estimator, "class_weight", None), str):
        raise AttributeError(
            'class_weight="balanced" needs all rows at once; pass a dictionary, or '
            "sample_weight, to partial_fit."
        )
    return True
