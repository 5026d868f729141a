"""The highest rate that keeps a budget: computed from service times first, and then looked for by real runs.

upwards      while the budget is kept, in steps of a tenth that get longer and longer
downwards    until it is kept, if the computed rate was too high
in between   halfway (by ratio) from the highest that kept it to the lowest above that did not, until they are near
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from minprune.study.serving import Served

SHARE = 0.99  # of the requests must be answered within the budget
_STEP = 1.1  # from the rate that was computed to the next that is tried
_NEAR = 1.101  # two rates that are as near to each other as that are one


@dataclass(frozen=True, eq=False, repr=False)
class Highest:
    """The highest rate that keeps the 99th percentile within the budget.

    Attributes
    ----------
    computed : float
        Requests a second, from service times; 0 if a single answer takes too long already.
    tried : tuple of Served
        Real runs, the first at that rate.
    confirmed : float, optional
        The highest rate of those that kept the budget, None if none did. A run has at least a hundred requests; rates
        that bring fewer are not tried.
    """

    computed: float
    tried: tuple[Served, ...]
    confirmed: float | None


def next_rate(computed: float, tried: Sequence[Served], budget: float) -> float | None:
    """Return the rate to try next, None if the highest one lies between two that were tried.

    Examples
    --------
    >>> next_rate(1000.0, [], 0.01)
    1000.0
    """
    if not tried:
        return computed or None
    stride = math.pow(_STEP, 2 ** min(len(tried) - 1, 3))  # longer and longer, where the computed rate was far off
    best = confirmed(tried, budget)
    if best is None:
        return min(run.rate for run in tried) / stride
    lost = min((run.rate for run in tried if run.rate > best), default=None)
    if lost is None:
        return best * stride
    return None if lost <= _NEAR * best else math.sqrt(best * lost)


def confirmed(tried: Sequence[Served], budget: float) -> float | None:
    """Return the highest rate of those runs in which enough was answered within the budget, None if in none."""
    return max((run.rate for run in tried if run.within(budget) >= SHARE), default=None)
