"""A transformer that writes a table for a network: scaled, as ranks, as indicators."""

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
    """Columns of a table, written as numbers for a network or any other estimator.

    Numbers are written scaled and as ranks, categories as indicators, dates as time,
    and what is missing has an indicator of its own.

    A network, or any smooth model, sees a scaled column as a straight line, and one far
    value stretches it. The *rank* of a number is how far it lies from the smallest to
    the largest training value: a straight line between each two of the column's
    quantiles. It does not depend on the column's units, and hardly on a monotone
    transformation of it. With both, a model may use whichever tells more. This is how
    :class:`~ntk_sklearn.WNTKRegressor` writes its inputs by default.

    Tables are arrays, and DataFrames of pandas, polars and other libraries, with
    columns of

    - numbers and truth values, written as `codes` says;
    - strings and categories. Each level has an indicator: whether a row has it, less
      the share of rows that have it. All indicators of a column together have variance
      1/2, however many there are, and variance 1 if the column has two levels. A level
      that was not seen in `fit` counts as a rare level if there are such, or else as
      the mean of all levels;
    - dates, times and durations, which become numbers of seconds, and are written as
      numbers are.

    Numbers and times that are missing are written as the mean, and one more column is
    an indicator of them, if some were missing in `fit`. In a column of levels, missing
    is one more level. Columns that do not vary are left out.

    Parameters
    ----------
    codes : tuple or list of {"standard", "ranks"}, default=("standard", "ranks")
        What each column of numbers is written as. The output holds the scaled columns
        and the indicators first and the ranks last.

        - ``"standard"``: scaled to mean 0 and variance 1.
        - ``"ranks"``: the rank. A column of two values has none and is written scaled,
          whatever the codes: its ranks would be the same but for a factor.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        The columns whose values are levels, as in
        :class:`~sklearn.ensemble.HistGradientBoostingRegressor`.

        - ``"from_dtype"``: columns that hold strings, or have a type of categories.
        - a mask, or the numbers or names of columns: these columns too, whose values
          may be numbers.
        - None: no column; strings and categories are refused.
    max_categories : int, default=128
        Maximum number of indicators of levels of a column. If there are more levels,
        the rarest share one.
    n_quantiles : int, default=32
        Number of parts of equal weight into which the quantiles divide a column. A
        column of no more than ``n_quantiles + 1`` different values has a level for each
        value.
    rank_levels : {"even", "mass"}, default="even"
        Levels of the quantiles, or of the values where there are few.

        - ``"even"``: all equally far apart.
        - ``"mass"``: the share of the training rows below a value and half of those at
          it (mid-ranks). Values that are rare are then close to their neighbours.
    rank_scale : {"standard", "unit"}, default="standard"
        Units of the output.

        - ``"standard"``: ranks have mean 0 and variance 1, as scaled columns have. For
          any estimator.
        - ``"unit"``: ranks lie between 0 and 1, for a kernel with `n_ranks`, such as
          :class:`~ntk_sklearn.NTKernel`. As ranks cannot be scaled then,
          `length_scale_` says what the kernel is to divide each column by. Other
          columns are multiplied by the square root of the number of output columns per
          varying input column: the kernel divides inner products by the former, and
          should divide by the latter.
    clip : bool, default=True
        Whether to hold the numbers of a scaled column within the range of its training
        values, widened by a tenth of it on either side. Models that extrapolate
        linearly, as rectified networks do, would otherwise follow a stray value far
        out.
        Ranks end at the smallest and the largest training value in any case.

    Attributes
    ----------
    n_ranks_ : int
        How many of the last output columns are ranks between 0 and 1, as `n_ranks` of
        a kernel; 0 if ``rank_scale="standard"``.
    length_scale_ : ndarray of shape (n_encoded,)
        What a kernel is to divide each output column by; ones if
        ``rank_scale="standard"``.
    n_varying_ : int
        Number of columns that are written, but at least 1.
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
    Beside scaled columns, ranks improve a linear model a little:

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

    A kernel is told which of its inputs are ranks:

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
