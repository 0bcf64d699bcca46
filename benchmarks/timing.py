"""The timer of the benchmarks: contenders in turn, medians, and ratios within rounds.

Each round calls every contender once, so that a machine which is busy for a while slows
all of them alike.
"""

from __future__ import annotations

import statistics
import time

import numpy as np


def timed(function, clock=time.perf_counter):
    """Return the seconds that a call took, and what it returned."""
    start = clock()
    result = function()
    return clock() - start, result


def wall_and_processor():
    """Return the seconds of the clock and of the processor, as an array."""
    return np.array([time.perf_counter(), time.process_time()])


def interleaved(contenders, rounds, *, clock=time.perf_counter, reported=None):
    """Time contenders in turn, after one call of each to compile and to touch memory.

    Parameters
    ----------
    contenders : dict of str to callable
        Functions without arguments, by name.
    rounds : int
        How often each is called.
    clock : callable, default=time.perf_counter
        The time, in seconds.
    reported : dict of str to callable, default=None
        Contenders that return their seconds, such as those in other processes.

    Returns
    -------
    Times
    """
    reported = reported or {}
    times = Times({name: [] for name in (*contenders, *reported)})
    for function in contenders.values():
        function()
    for _ in range(rounds):
        for name, function in contenders.items():
            # The result is dropped at once: two of them may not fit.
            times[name].append(timed(function, clock)[0])
        for name, function in reported.items():
            times[name].append(function())
    return times


class Times(dict):
    """Seconds by contender: a list, with a number for each round."""

    def median(self, name):
        """Return the median of a contender's seconds."""
        return statistics.median(self[name])

    def ratio(self, name, unit):
        """Return the median, over rounds, of a contender's time over that of `unit`."""
        pairs = zip(self[name], self[unit], strict=True)
        return statistics.median(own / other for own, other in pairs)

    def show(self, title, unit):
        """Print a line for each contender: its median, and its ratio to `unit`."""
        print(f"\n{title}")
        for name in self:
            milliseconds = 1e3 * self.median(name)
            print(f"  {name:44s} {milliseconds:10.2f} ms {self.ratio(name, unit):8.3f}")
