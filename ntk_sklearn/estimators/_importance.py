"""How much predictions depend on each column of the inputs."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._models.ensemble import Ensemble
from .._models.importance import column_importances


class ImportanceMixin:
    """The importance of each input column to a fitted estimator."""

    _ensemble: Ensemble

    @cached_property
    def feature_importances_(self) -> np.ndarray:
        """The importance of each input column, `(n_features_in_,)`; they sum to one.

        By how much predictions change, squared and on average, if the value of the
        column is replaced by that of another training row: the share of the column in
        the sum of these total effects. All that was learned counts, through whatever
        encoding, scales and blend, and no targets are needed. A column that is switched
        off by its length scale has an importance near zero; two columns that say the
        same share theirs. Computed from up to 500 pairs of training rows when it is
        first asked for.
        """
        check_is_fitted(self)
        found = column_importances(self._ensemble)
        if found is None:
            raise AttributeError(
                f"this {type(self).__name__} has no feature_importances_, as its "
                "inputs are sparse or no table of columns."
            )
        return found
