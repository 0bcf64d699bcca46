"""Arrays of other libraries at the doors of the estimators.

Inputs, targets and weights become arrays of NumPy, which are encoded and looked at;
kernel matrices, factorisations and their products stay on the device. Results go back
to where the inputs came from: everything follows ``X``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator

from .._utils.arrays import Place, place_of, to_numpy


class Decisions(NamedTuple):
    """Decision values of some rows.

    Attributes
    ----------
    X : ndarray of shape (n, n_features)
        The checked rows.
    values : ndarray of shape (n, k)
        The decision values.
    place : Place or None
        Where the rows came from, and results go to; None means NumPy.
    """

    X: np.ndarray
    values: np.ndarray
    place: Place | None


def as_numpy(array, name: str = "X"):
    """Return what an array of another library holds; anything else as it is.

    Parameters
    ----------
    array : object
        The array.
    name : str, default="X"
        Its name in messages.

    Raises
    ------
    TypeError
        If NumPy has no type for its numbers.
    """
    place = place_of(array, name)
    if place is None:
        return array
    try:
        return to_numpy(array)
    except TypeError as error:
        raise TypeError(
            f"{name} has the type {array.dtype}, which NumPy cannot read ({error}); "
            f"use {place.name}.asarray({name}, dtype={place.name}.float32)."
        ) from error


def follow(place: Place | None, result):
    """Return an array at a place; anything else as it is."""
    if place is None or not isinstance(result, np.ndarray):
        return result
    return place.move(result)


def check_fitted_at(estimator: BaseEstimator, place: Place | None, method: str) -> None:
    """Raise if an estimator was fitted to arrays of another library or device.

    Without the option ``array_api_dispatch``, all arrays are converted to NumPy, and
    nothing is raised.

    Parameters
    ----------
    estimator : WNTKRegressor or WNTKClassifier
        The fitted estimator.
    place : Place or None
        The place of the inputs.
    method : str
        The method that was called, for the message.

    Raises
    ------
    ValueError
        If the places differ.
    """
    if not get_config()["array_api_dispatch"]:
        return
    fitted = place_of(estimator.dual_coef_)
    if fitted == place:
        return

    def named(one):
        return "NumPy" if one is None else f"{one.name} on the device {one.device}"

    raise ValueError(
        f"Inputs passed to {method} must use the same namespace and the same device as "
        f"those passed to fit(), which were of {named(fitted)}; these are of "
        f"{named(place)}. Move them, or the estimator by sklearn's move_estimator_to."
    )
