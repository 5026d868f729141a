"""Tuning: which way is the fastest, measured here.

    round after round: each candidate in turn has a burst of calls   →  the median of each

In turns, so that a slow moment of the machine hits all of them. In bursts, the first call of which is not counted: a
program that is called again and again finds its weights in the cache, not those of the kernels that lost. Who takes
twice as long as the fastest drops out after the first round, so that what is close is measured longest.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Mapping
from time import perf_counter_ns
from typing import TypeVar

TIE = 0.95  # something else replaces a dense product only if it takes less than this share of its time
_BURST = 5
_MOST_ROUNDS = 200
_HOPELESS = 2.0

Name = TypeVar("Name", bound=Hashable)


def race(calls: Mapping[Name, Callable[[], object]], seconds: float, *, least: int = 1) -> dict[Name, float]:
    """Return the median time of each call, in seconds.

    There are at least `least` rounds, in each of which a call is made twice and timed once, however short `seconds` is.
    """
    took: dict[Name, list[int]] = {name: [] for name in calls}
    running = dict(calls)
    until = perf_counter_ns() + round(seconds * 1e9)
    for turn in range(_MOST_ROUNDS):
        for name, call in running.items():
            call()
            for _ in range(_BURST):
                began = perf_counter_ns()
                call()
                ended = perf_counter_ns()
                took[name].append(max(ended - began, 1))  # a coarse clock may not have moved at all
                if ended >= until:
                    break
        best = min(statistics.median(times) for times in took.values())
        running = {name: call for name, call in running.items() if statistics.median(took[name]) < _HOPELESS * best}
        if (perf_counter_ns() >= until and turn + 1 >= least) or len(running) < 2:
            break
    return {name: statistics.median(times) * 1e-9 for name, times in took.items()}
