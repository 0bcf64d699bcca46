"""The transformer from a raw table to numbers of comparable size."""

from __future__ import annotations

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from ..data.datasets import Dataset

# Largest number of categories of a column; rarer ones are merged.
MAX_CATEGORIES = 20


def make_preprocessor(dataset: Dataset):
    """Return the standard transformer of the columns of a set.

    Missing numbers become the median, and a column marks them; then numbers are scaled
    to mean 0 and variance 1. Each category becomes a column. A missing value is a
    category too, and categories that are not among the training rows count as rare.
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
