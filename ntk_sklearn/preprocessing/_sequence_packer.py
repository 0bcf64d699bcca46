"""Sequences of different lengths as rows of one table."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._utils.validation import check_list


class SequencePacker(TransformerMixin, BaseEstimator):
    """Pack sequences of different lengths into rows of one length.

    Most estimators of scikit-learn accept rows of numbers only. A packed row has the
    length of a sequence first, then the channels of each time, and zeros to the end.
    :class:`~ntk_sklearn.RecurrentNTKernel` reads such rows if it is given `n_channels`.

    Parameters
    ----------
    max_length : int or None, default=None
        Longest sequence that there is room for. None means the longest of those that
        the packer is fitted to; longer ones keep their end.

    Attributes
    ----------
    n_channels_ : int
        Number of channels.
    max_length_ : int
        Longest sequence that there is room for.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import SequencePacker
    >>> packer = SequencePacker()
    >>> packer.fit_transform([np.array([[1.0], [2.0], [3.0]]), np.array([[4.0]])])
    array([[3., 1., 2., 3.],
           [1., 4., 0., 0.]])
    """

    def __init__(self, max_length=None):
        self.max_length = max_length

    def fit(self, X, y=None):
        """Find the number of channels and the longest sequence.

        Parameters
        ----------
        X : list of array-like of shape (n_times, n_channels)
            The sequences.
        y : None
            Ignored.

        Returns
        -------
        SequencePacker
            The packer itself.
        """
        found = _checked(X, None)
        longest = max(len(one) for one in found)
        if self.max_length is not None:
            if not isinstance(self.max_length, (int, np.integer)) or (
                self.max_length < 1
            ):
                raise ValueError(
                    f"max_length must be a positive integer, got {self.max_length!r}."
                )
            longest = int(self.max_length)
        self.n_channels_, self.max_length_ = found[0].shape[1], longest
        return self

    def transform(self, X):
        """Return the packed rows.

        Parameters
        ----------
        X : list of array-like of shape (n_times, n_channels)
            The sequences.

        Returns
        -------
        ndarray of shape (n, n_numbers)
            The length, and for each of `max_length_` times a number for each channel.
        """
        check_is_fitted(self)
        found = _checked(X, self.n_channels_)
        out = np.zeros((len(found), 1 + self.max_length_ * self.n_channels_))
        for row, one in zip(out, found, strict=True):
            kept = one[-self.max_length_ :]
            row[0] = len(kept)
            row[1 : 1 + kept.size] = kept.ravel()
        return out

    def __sklearn_tags__(self):
        """Return what scikit-learn needs to know: the inputs are no table."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def _checked(X, n_channels) -> list[np.ndarray]:
    """Return sequences as arrays."""
    check_list(X, "X", "sequence")
    found = []
    for i, given in enumerate(X):
        try:
            one = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"X must be sequences of finite numbers, but sequence {i} is {given!r}."
            ) from error
        found.append(one)
        if one.ndim != 2 or 0 in one.shape or not np.isfinite(one).all():
            raise ValueError(
                "X must be sequences of finite numbers, of shape (n_times, n_channels) "
                f"with at least one time, but sequence {i} has shape {one.shape}."
            )
        wanted = found[0].shape[1] if n_channels is None else n_channels
        if one.shape[1] != wanted:
            raise ValueError(
                f"X must be sequences of {wanted} channels, but sequence {i} has "
                f"{one.shape[1]}."
            )
    return found
