"""The line that says how far a long computation is."""

import io

from ntk_sklearn._utils.progress import Progress, clock


def test_durations():
    assert [clock(s) for s in (7.4, 750, 3723)] == ["7 s", "12:30", "1:02:03"]


def test_lines_are_rare_and_the_first_and_the_last_are_never_left_out():
    stream = io.StringIO()
    progress = Progress("fit", every=1e9, stream=stream)
    for done in range(4):
        progress(done, 3)
    first, last = stream.getvalue().splitlines()
    assert first == "[fit] 0 of 3 blocks"
    assert last == "[fit] 3 of 3 blocks in 0 s, about 0 s left"


def test_one_line_is_rewritten_on_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    stream = io.StringIO()
    stream.isatty = lambda: True
    progress = Progress("fit", stream=stream)
    progress(1, 2, label="of many words, more than fit")
    progress(2, 2)
    first, second, end = stream.getvalue().split("\r")
    assert (first, end) == ("[fit] 1 of 2 blocks in 0 s, a", "\n")
    assert second == "[fit] 2 of 2 blocks in 0 s, a"
