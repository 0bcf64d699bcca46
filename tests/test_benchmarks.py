"""Benchmarks: one timer for all, and nothing of the package but what is public."""

import ast
import importlib.util
import itertools
from functools import partial
from pathlib import Path

import pytest

from . import house

FOLDER = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = house.modules(FOLDER)


@pytest.fixture
def timing():
    spec = importlib.util.spec_from_file_location("timing", FOLDER / "timing.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Clock:
    """A clock that goes only while a contender runs."""

    def __init__(self, **seconds):
        self.now, self.calls = 0.0, []
        self.contenders = {
            name: partial(self.run, name, iter(each)) for name, each in seconds.items()
        }

    def run(self, name, seconds):
        """Take the next number of seconds."""
        self.calls.append(name)
        self.now += next(seconds)
        return name

    def __call__(self):
        return self.now


def test_a_call_is_timed_and_answers(timing):
    clock = Clock(a=[3.0])
    assert timing.timed(clock.contenders["a"], clock) == (3.0, "a")


def test_contenders_run_in_turn(timing):
    clock = Clock(a=[50.0, 1.0, 4.0, 2.0], b=[50.0, 2.0, 2.0, 6.0])
    reported = {"far": itertools.count(10.0).__next__}
    times = timing.interleaved(clock.contenders, 3, clock=clock, reported=reported)
    assert clock.calls == ["a", "b"] * 4
    # The first call of each, which compiles, does not count.
    assert times == {"a": [1.0, 4.0, 2.0], "b": [2.0, 2.0, 6.0], "far": [10, 11, 12]}
    assert times.median("a") == 2.0


def test_ratios_are_taken_within_rounds(timing, capsys):
    # Each round is ten times as slow as the one before, for both alike.
    times = timing.Times(a=[1.0, 10.0, 100.0], b=[2.0, 20.0, 200.0])
    assert times.ratio("b", "a") == 2.0
    times.show("who is fast", "a")
    title, *lines = capsys.readouterr().out.split("\n")[1:-1]
    assert title == "who is fast"
    assert [line.split() for line in lines] == [
        ["a", "10000.00", "ms", "1.000"],
        ["b", "20000.00", "ms", "2.000"],
    ]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.where)
def test_benchmarks_use_what_is_public(script):
    for base, name, _ in script.imports:
        assert "mock" not in (base, name)
        if base.split(".")[0] == "ntk_sklearn":
            assert not any(map(house.is_private, [*base.split("."), name or ""]))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.where)
def test_benchmarks_have_one_clock(script):
    if script.parts == ("timing",):
        return
    calls = {ast.unparse(n.func) for n in ast.walk(script.tree) if type(n) is ast.Call}
    assert not calls & {"time.perf_counter", "time.time", "perf_counter", "time"}
