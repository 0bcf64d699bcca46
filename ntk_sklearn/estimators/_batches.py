"""Which estimators can add batches of rows."""

from __future__ import annotations


def can_add_batches(estimator) -> bool:
    """Return True, or raise if the solver needs all rows at once.

    Parameters
    ----------
    estimator : WNTKRegressor or WNTKClassifier

    Returns
    -------
    bool

    Raises
    ------
    AttributeError
        As scikit-learn wants of a method that is not available.
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
