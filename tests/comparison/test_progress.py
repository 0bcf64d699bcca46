"""The line on stderr that says how far a study is."""

import io

import pytest

from ntk_sklearn.comparison.progress import StudyProgress

from ..disk import full_stream, needs_full


def test_the_remaining_time_follows_from_what_each_model_took():
    stream = io.StringIO()
    progress = StudyProgress([("a", 1.0), ("a", 2.0), ("b", 1.0)], stream, every=0.0)
    progress.advance(0, 3.0, "one")
    # a: 2 at 3 s; b, unknown: 1 at 3 s. All at the measured pace of one at a time.
    assert progress.remaining(3.0) == pytest.approx(9.0)
    progress.advance(2, 1.0, "two")
    assert progress.remaining(4.0) == pytest.approx(6.0)
    # Two at a time: half of the pieces' own seconds have passed.
    assert progress.remaining(2.0) == pytest.approx(3.0)
    progress.advance(1, 6.0, "three")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    first = "[compare] 0 of 3 fits  the first fit on a machine also compiles"
    assert lines[0] == first
    assert lines[1] == "[compare] 1 of 3 fits in 0 s  one"
    assert lines[-1] == "[compare] 3 of 3 fits in 0 s, about 0 s left  three"


def test_a_fit_that_also_compiled_does_not_count_for_the_others():
    work = [("a", 1.0)] * 5 + [("b", 1.0)] * 5
    progress = StudyProgress(work, io.StringIO())
    for at, seconds in [(0, 60.0), (1, 2.0), (2, 1.0)]:
        progress.advance(at, seconds, "")
    # Seven at the median of two seconds, and not at the mean of 21.
    assert progress.remaining(63.0) == pytest.approx(14.0)


@needs_full
def test_a_full_log_does_not_stop_a_study():
    with full_stream() as stream:
        StudyProgress([("a", 1.0)], stream, every=0.0).advance(0, 0.1, "one")
