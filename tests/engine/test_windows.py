"""Windows that move along images: their means are the naive ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ntk_sklearn._engine.windows import Window, window_means


@pytest.mark.parametrize("padding", ["same", "valid", "circular"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_means_over_windows(length, stride, padding):
    rows, columns = Window(length, stride, padding), Window(3, stride, padding)
    images = np.random.default_rng(0).standard_normal((3, 7, 6))
    size = rows.size(7), columns.size(6)
    found = np.empty((3, *size))
    work, along = np.empty((2, 20)), columns.along(6)
    window_means(images, rows.sources(7), along, work, found)
    expected = np.zeros_like(found)
    for y, x in np.ndindex(size):
        for i in rows.sources(7)[y]:
            for j in columns.sources(6)[x]:
                if i >= 0 and j >= 0:
                    expected[:, y, x] += images[:, i, j] / (3 * length)
    assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
