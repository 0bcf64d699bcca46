"""A transformer that encodes a table: scaled columns, ranks and indicators."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from .._utils.compat import (
    Interval,
    StrOptions,
    _check_feature_names_in,
    _check_sample_weight,
    _fit_context,
)
from ._columns import Rank, Standard
from ._levels import Indicators, level_indicators, missing_indicators
from ._table_reader import TableReader, validated

CODES = ("standard", "ranks")
Code = Standard | Rank | Indicators
_CHECKS = {"dtype": np.float64, "ensure_all_finite": "allow-nan"}
# Rows that are written at a time, so that they stay in the cache.
_BATCH = 16_384


class TableEncoder(TransformerMixin, BaseEstimator):
    """Encode the columns of a table as numbers, for a kernel or any other estimator.

    Each column of numbers is scaled, and also written as its rank among the training
    values. Categories become indicators, dates become seconds, and missing values have
    an indicator of their own.

    The *rank* of a number is its position among the training values of its column, from
    0 for the smallest to 1 for the largest, and linear between the column's quantiles.
    It does not depend on the column's units, and an outlier does not stretch it. A
    model that is given both can use the scaled column, its rank, or both.
    :class:`~ntk_sklearn.WNTKRegressor` encodes its inputs in this way by default.

    Tables are arrays, and DataFrames of pandas, polars and other libraries. They may
    have columns of

    - numbers and booleans, which are encoded as `codes` says;
    - strings and categories. Each level, or different value, has an indicator: 1 in
      rows of this level and else 0, minus its mean. All indicators of a column together
      have variance 1/2, or 1 if the column has two levels. A level that was not seen in
      `fit` counts as a rare level if there are such, and otherwise as the mean of all
      levels;
    - dates, times and durations, which become seconds and are then encoded like
      numbers.

    Missing numbers and times are replaced by the mean. If some were missing in `fit`,
    an indicator column is added. In a column of strings or categories, missing is one
    more level. Columns with a single value are left out.

    Parameters
    ----------
    codes : tuple or list of {"standard", "ranks"}, default=("standard", "ranks")
        The forms in which each column of numbers is written. In the output, scaled
        columns and indicators come first, and ranks last.

        - ``"standard"``: scaled to mean 0 and variance 1.
        - ``"ranks"``: the rank. A column of two values is always scaled and has no
          rank, which would differ only by a factor.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        The columns whose values are levels, as in
        :class:`~sklearn.ensemble.HistGradientBoostingRegressor`.

        - ``"from_dtype"``: columns of strings, and columns of a categorical dtype.
        - a mask, or the numbers or names of columns: these as well, even if their
          values are numbers.
        - None: no column; strings and categories raise an error.
    max_categories : int, default=128
        Maximum number of indicators of levels of a column. If there are more levels,
        the rarest share one.
    n_quantiles : int, default=32
        Number of parts of equal weight into which the quantiles divide a column. A
        column of no more than ``n_quantiles + 1`` different values has a level for each
        value.
    rank_levels : {"even", "mass"}, default="even"
        The ranks of the quantiles or, in a column of few different values, of these.

        - ``"even"``: equally spaced.
        - ``"mass"``: the share of the training rows below a value plus half of those at
          it (mid-ranks). Rare values are then close to their neighbours.
    rank_scale : {"standard", "unit"}, default="standard"
        Scale of the ranks in the output.

        - ``"standard"``: ranks have mean 0 and variance 1, like the scaled columns, for
          any estimator.
        - ``"unit"``: ranks lie between 0 and 1, for a kernel with `n_ranks`, such as
          :class:`~ntk_sklearn.NTKernel`. The kernel must then be given `length_scale_`
          as its length scales.
    clip : bool, default=True
        Whether to clip scaled columns to the range of the training values, widened by a
        tenth of it on either side. Models that extrapolate linearly, such as kernels of
        ReLU networks, are otherwise dominated by outliers. Ranks are always clipped to
        the range of the training values.

    Attributes
    ----------
    n_ranks_ : int
        The number of output columns, counted from the last, that are ranks between 0
        and 1, for `n_ranks` of a kernel; 0 if ``rank_scale="standard"``.
    length_scale_ : ndarray of shape (n_encoded,)
        The length scale of each output column for a kernel, such that a scaled column
        and the steps of its rank have variance 1, and inner products are divided by
        the number of input columns. Ones if ``rank_scale="standard"``.
    n_varying_ : int
        Number of input columns that are not left out, but at least 1.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, if `X` has names that are all strings.

    See Also
    --------
    sklearn.preprocessing.QuantileTransformer : Ranks between up to a thousand
        quantiles, without weights, in place of the columns.
    sklearn.preprocessing.OneHotEncoder : Indicators of levels alone.
    sklearn.preprocessing.StandardScaler : Scaled columns alone, not clipped.

    Examples
    --------
    Ranks improve a linear model a little:

    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import KFold, cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from ntk_sklearn import TableEncoder
    >>> X, y = load_diabetes(return_X_y=True)
    >>> folds = KFold(10, shuffle=True, random_state=0)
    >>> for transformer in StandardScaler(), TableEncoder():
    ...     model = make_pipeline(transformer, Ridge(alpha=10.0))
    ...     print(round(cross_val_score(model, X, y, cv=folds).mean(), 3))
    0.483
    0.491

    Categories and missing values:

    >>> table = [["red", 1.5], ["blue", 2.5], ["green", None], ["red", 2.0]]
    >>> encoder = TableEncoder().fit(table)
    >>> encoder.get_feature_names_out(["colour", "size"]).tolist()
    ['colour_blue', 'colour_green', 'colour_red', 'size', 'size_missing', 'size_rank']
    >>> encoder.transform([["red", 1.5], ["pink", None]]).round(1).tolist()
    [[-0.2, -0.2, 0.4, -1.2, -0.6, -1.2], [0.0, 0.0, 0.0, 0.0, 1.7, 0.0]]

    For kernels with `n_ranks`:

    >>> from sklearn.kernel_ridge import KernelRidge
    >>> from ntk_sklearn import NTKernel
    >>> encoder = TableEncoder(rank_scale="unit").fit(X)
    >>> encoder.n_varying_, encoder.n_ranks_
    (10, 9)
    >>> kernel = NTKernel(
    ...     depth=1, length_scale=encoder.length_scale_, n_ranks=encoder.n_ranks_
    ... )
    >>> model = make_pipeline(encoder, KernelRidge(kernel=kernel, alpha=10.0))
    >>> round(model.fit(X, y).score(X, y), 2)
    0.66
    """

    _parameter_constraints: dict = {
        "codes": [tuple, list],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "max_categories": [Interval(Integral, 2, None, closed="left")],
        "n_quantiles": [Interval(Integral, 1, None, closed="left")],
        "rank_levels": [StrOptions({"even", "mass"})],
        "rank_scale": [StrOptions({"standard", "unit"})],
        "clip": ["boolean"],
    }

    def __init__(
        self,
        codes=("standard", "ranks"),
        *,
        categorical_features="from_dtype",
        max_categories=128,
        n_quantiles=32,
        rank_levels="even",
        rank_scale="standard",
        clip=True,
    ):
        self.codes = codes
        self.categorical_features = categorical_features
        self.max_categories = max_categories
        self.n_quantiles = n_quantiles
        self.rank_levels = rank_levels
        self.rank_scale = rank_scale
        self.clip = clip

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn the range, the moments, the quantiles and the levels of every column.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            A table. Numbers must not be infinite.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative. A row of weight 2 counts as the row
            twice, and a row of weight 0 is left out. Where some value of a column
            weighs less than one row, the column's quantiles are those of weights
            raised in proportion until it weighs as much.

        Returns
        -------
        TableEncoder
            The fitted transformer.
        """
        self._check_codes()
        reader = TableReader.of(X, self.categorical_features)
        X = validated(self, reader, X, reset=True, **_CHECKS)
        s = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        if not s.all():
            X, s = X[s > 0.0], s[s > 0.0]
        if not len(s):
            raise ValueError("sample_weight is zero for every row; none is left.")
        self._reader, self._columns = reader, self._fit_columns(X, s, reader.levels)
        width = sum(len(code.suffixes) for _, code in self._columns)
        self.n_varying_ = max(1, len({j for j, _ in self._columns}))
        self.n_ranks_, self._gain = 0, 1.0
        self.length_scale_ = np.ones(max(1, width))
        if self.rank_scale == "unit" and self._columns:
            self._gain = np.sqrt(width / self.n_varying_)
            ranks = [c.length_scale for _, c in self._columns if isinstance(c, Rank)]
            self.n_ranks_ = len(ranks)
            self.length_scale_[width - len(ranks) :] = np.array(ranks) / self._gain
        return self

    def _check_codes(self) -> None:
        """Raise if the codes are not different ones of those that are known."""
        codes = list(self.codes)
        known = all(isinstance(code, str) and code in CODES for code in codes)
        if not (codes and known and len(set(codes)) == len(codes)):
            raise ValueError(
                f"codes must be one or more different ones of {CODES}, got "
                f"{self.codes!r}."
            )

    def _fit_columns(self, X, s, levels) -> list[tuple[int, Code]]:
        """Return each code and the index of the column it writes, ranks last."""
        first: list[tuple[int, Code]] = []
        last: list[tuple[int, Code]] = []
        shared: dict[bytes, np.ndarray] = {}  # equal levels of ranks are one array
        for j, names in enumerate(levels or (None,) * X.shape[1]):
            x = np.ascontiguousarray(X[:, j])
            codes: list[Code] = []
            if names is not None:
                codes += level_indicators(x, s, names, self.max_categories)
            else:
                codes += self._fit_numbers(x, s)
            for code in codes:
                if isinstance(code, Rank):
                    code.levels = shared.setdefault(code.levels.tobytes(), code.levels)
                (last if isinstance(code, Rank) else first).append((j, code))
        return first + last

    def _fit_numbers(self, x, s) -> list[Code]:
        """Return the codes of numbers, and of what is missing among them."""
        missing, codes = np.isnan(x), list[Indicators]()
        if missing.any():
            codes = missing_indicators(x, s)
            x, s = x[~missing], s[~missing]
        if not len(x):
            return []
        is_scaled, found = "standard" in self.codes, list[Rank | Standard]()
        if "ranks" in self.codes:
            by_mass, plain = self.rank_levels == "mass", self.rank_scale != "unit"
            rank = Rank(self.n_quantiles, by_mass, plain).fit(x, s)
            if rank.is_binary:
                is_scaled = True  # of two values, this says everything
            else:
                found.append(rank)
        if is_scaled:
            found.append(Standard(self.clip).fit(x, s))
        return [*(code for code in found if code.usable), *codes]

    def transform(self, X):
        """Write rows of the same table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            A table with the columns of that of `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_encoded)
            One column of zeros, if no column of the training rows varied.
        """
        check_is_fitted(self)
        X = validated(self, self._reader, X, reset=False, **_CHECKS)
        Z = np.zeros((len(X), len(self.length_scale_)))
        for rows in gen_batches(len(X), _BATCH):
            start = 0
            for j, code in self._columns:
                stop = start + len(code.suffixes)
                Z[rows, start:stop] = code.transform(X[rows, j]).reshape(
                    -1, stop - start
                )
                start = stop
            Z[rows, : Z.shape[1] - self.n_ranks_] *= self._gain
        return Z

    def get_feature_names_out(self, input_features=None):
        """Return the names of the output columns: "age", "age_rank", "colour_red".

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the input columns, which must be those seen in `fit` if these had
            names. None means those, or else ``"x0"``, ``"x1"`` and so on.

        Returns
        -------
        ndarray of str objects
            ``"constant"`` for the column of zeros, if no column of the training rows
            varied.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        written = [
            f"{names[j]}{suffix}"
            for j, code in self._columns
            for suffix in code.suffixes
        ]
        return np.array(written or ["constant"], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        for kind in ("allow_nan", "categorical", "string"):
            setattr(tags.input_tags, kind, True)
        return tags
