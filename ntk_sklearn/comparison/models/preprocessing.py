"""From a raw table to numbers of comparable size, fitted on training rows only."""

from __future__ import annotations

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from ..data.datasets import Dataset

# Rarer categories of one column are put together.
MAX_CATEGORIES = 20


def make_preprocessor(dataset: Dataset):
    """Build the standard transformer of a set's columns.

    Numbers: the median for missing values (with a column that says so), then zero
    mean and unit variance. Categories: one column each, a missing value being a
    category too, and categories not seen in training counting as rare.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    transformer
        Not fitted.
    """
    if dataset.as_given and dataset.categorical is None:
        return FunctionTransformer()
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    categorical = dataset.categorical
    if categorical is None or not categorical.any():
        return numbers if np.isnan(dataset.X).any() else StandardScaler()
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_CATEGORIES,
        sparse_output=False,
    )
    return ColumnTransformer(
        [
            ("numbers", numbers, np.flatnonzero(~categorical)),
            ("categories", categories, np.flatnonzero(categorical)),
        ]
    )
