"""Images that a kernel is given, as arrays or as rows of numbers, checked."""

from __future__ import annotations

import numpy as np

from .._utils.validation import check_samples, check_squares, is_positive_integer


def checked_images(X, name: str, shape: tuple[int, ...] | None) -> np.ndarray:
    """Return images as an array of shape (n, channels, height, width).

    Parameters
    ----------
    X : array-like
        Images of shape (n, height, width) or (n, height, width, channels), or rows of
        numbers.
    name : str
        The name of the argument in messages.
    shape : tuple of int, or None
        The height, the width and the number of channels, if there are several. Rows of
        numbers need it.

    Returns
    -------
    ndarray of shape (n, channels, height, width)

    Raises
    ------
    ValueError
        If they are no such images, with a sentence that says what is needed.
    """
    if shape is not None and not (
        isinstance(shape, (tuple, list))
        and len(shape) in (2, 3)
        and all(is_positive_integer(size) for size in shape)
    ):
        raise ValueError(
            "image_shape must be (height, width) or (height, width, channels), of "
            f"positive integers, got {shape!r}."
        )
    X = X if hasattr(X, "ndim") else _as_array(X, name)
    if X.ndim == 2:
        return _from_rows(check_samples(X, name), name, shape)
    if X.ndim not in (3, 4) or 0 in X.shape:
        raise ValueError(
            f"{name} must be images of shape (n, height, width) or (n, height, "
            f"width, channels), or rows of numbers with image_shape, got shape "
            f"{X.shape}."
        )
    images = X[..., None] if X.ndim == 3 else X
    expected = None if shape is None else (*shape, 1)[:3]
    if expected is not None and images.shape[1:] != expected:
        raise ValueError(
            f"{name} has images of shape {images.shape[1:]}, but image_shape={shape!r}."
        )
    flat = check_samples(images.reshape(len(images), -1), name)
    check_squares(flat, name)
    return np.ascontiguousarray(flat.reshape(images.shape).transpose(0, 3, 1, 2))


def _from_rows(X: np.ndarray, name: str, shape: tuple[int, ...] | None) -> np.ndarray:
    if shape is None:
        raise ValueError(
            f"image_shape must be given for rows of numbers, but it is None and "
            f"{name} has shape {X.shape}."
        )
    if X.shape[1] != np.prod(shape):
        raise ValueError(
            f"image_shape={shape!r} needs {int(np.prod(shape))} numbers for each "
            f"image, but {name} has {X.shape[1]} features."
        )
    check_squares(X, name)
    images = X.reshape(len(X), *(*shape, 1)[:3])
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _as_array(X, name: str) -> np.ndarray:
    """Return lists of images as one array."""
    try:
        return np.asarray(X)
    except ValueError as error:
        raise ValueError(
            f"{name} must be images of one shape, (height, width) or (height, width, "
            f"channels), but they differ: {error}"
        ) from error
