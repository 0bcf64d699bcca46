"""Which images meet, and what windows see: every pair once, and the naive means."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ntk_sklearn._engine.convolution import window_means
from ntk_sklearn._engine.images import _tasks
from ntk_sklearn._engine.planes import Window


def met(n, m, lanes, rows, symmetric):
    """How often each pair of images meets."""
    counts = np.zeros((n, m), int)
    for start, stop, meetings in _tasks(n, m, lanes, rows, symmetric):
        assert sum(meeting.stop - meeting.first for meeting in meetings) <= rows
        for meeting in meetings:
            for i in range(meeting.first, meeting.stop):
                for b in range(stop - start):
                    row, column = i, start + b
                    if meeting.own:
                        row = start + (b + i) % (stop - start)
                        row, column = min(row, column), max(row, column)
                    counts[row, column] += 1
    return counts


@pytest.mark.parametrize("rows", [1, 3, 100])
@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_every_pair_meets_and_few_meet_twice(lanes, rows):
    assert (met(11, 13, lanes, rows, False) == 1).all()
    for n in (1, 8, 13, 32):
        counts = met(n, n, lanes, rows, True)
        assert (counts[np.triu_indices(n)] >= 1).all()
        assert not counts[np.tril_indices(n, -1)].any()
        twice = n // lanes * (lanes // 2) * (lanes % 2 == 0)
        rest = n % lanes
        twice += rest // 2 * (rest % 2 == 0)
        assert counts.sum() == n * (n + 1) // 2 + twice


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
