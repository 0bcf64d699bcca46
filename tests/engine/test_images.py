"""Which images meet: every pair, and few of them twice."""

import numpy as np
import pytest

from ntk_sklearn._engine.images import _tasks


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
