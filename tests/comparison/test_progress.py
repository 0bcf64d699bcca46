"""The line on stderr that says how far a study is."""

import io

import numpy as np
import pytest

from ntk_sklearn.comparison.progress import Progress, clock

from ..disk import full_stream, needs_full


def test_progress_guesses_from_what_each_kind_took():
    stream = io.StringIO()
    progress = Progress([("a", 1.0), ("a", 2.0), ("b", 1.0)], stream, every=0.0)
    assert np.isnan(progress.remaining(0.0))
    progress.advance("a", 1.0, 3.0, "one")
    # a: 2 at 3 s; b, unknown: 1 at 3 s. All at the measured pace of one at a time.
    assert progress.remaining(3.0) == pytest.approx(9.0)
    progress.advance("b", 1.0, 1.0, "two")
    assert progress.remaining(4.0) == pytest.approx(6.0)
    # Two at a time: half of the pieces' own seconds have passed.
    assert progress.remaining(2.0) == pytest.approx(3.0)
    progress.advance("a", 2.0, 6.0, "three")
    progress.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert "1/3" in lines[1]
    assert "left  one" in lines[1]
    assert lines[-1].endswith("done")
    assert [clock(s) for s in (7, 750, 3723)] == ["0:07", "12:30", "1:02:03"]


def test_progress_rewrites_one_line_on_a_terminal():
    stream = io.StringIO()
    stream.isatty = lambda: True
    progress = Progress([("a", 1.0)], stream)
    progress.advance("a", 1.0, 0.1, "x")
    progress.close()
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().count("\r") == 2


@needs_full
def test_a_full_log_does_not_stop_a_study():
    with full_stream() as stream:
        progress = Progress([("a", 1.0)], stream, every=0.0)
        progress.advance("a", 1.0, 0.1, "one")
        progress.close()
