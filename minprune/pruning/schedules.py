"""When? A schedule says at which steps of the training masks are set, and how far each goes.

With progress p in [0, 1] through the training, and t = (p − begin)/(end − begin) clipped to [0, 1], the share of the
way from the initial to the final sparsity is

    OneShot    0 before `at`, 1 from then on
    Cubic      1 − (1 − t)³         much at first, while there is much that doesn't matter; little near the end

    sparsity(p) = initial + (final − initial) · share

The last update lands on the final sparsity exactly, however few steps there are.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from minprune.arguments import fraction, real, whole
from minprune.errors import InvalidValueError


class Schedule(ABC):
    """`updates` masks at even distances after `begin`, the last at `end`. A new one writes `ramp`.

    Parameters
    ----------
    begin, end : float
        Shares of the training, 0 ≤ begin ≤ end ≤ 1.
    updates : int
        How many times masks are set.
    """

    def __init__(self, begin: float, end: float, updates: int) -> None:
        where = type(self).__name__
        self.begin = real(begin, "begin", where, low=0.0, high=1.0)
        self.end = real(end, "end", where, low=0.0, high=1.0)
        if self.begin > self.end:
            raise InvalidValueError(f"begin must be at most end, got begin={begin:g}, end={end:g} in {where}()")
        self.updates = whole(updates, "updates", where)

    @abstractmethod
    def ramp(self, t: float) -> float:
        """Return the share of the way at t in [0, 1]: never falling, and 1 at t = 1."""

    def share(self, progress: float) -> float:
        """Return the share of the way at `progress` in [0, 1]."""
        progress = real(progress, "progress", "share", low=0.0, high=1.0)
        if progress >= self.end:
            return 1.0
        if progress <= self.begin:
            return 0.0
        return self.ramp((progress - self.begin) / (self.end - self.begin))

    def sparsity(self, progress: float, final: float, initial: float = 0.0) -> float:
        """Return the target sparsity at `progress`: `initial` before it begins, `final` from its end on, exactly.

        Raises
        ------
        InvalidTypeError, InvalidValueError
            A progress outside [0, 1], or sparsities that are not 0 ≤ initial ≤ final < 1.

        Examples
        --------
        >>> Cubic(begin=0.0, end=1.0).sparsity(0.5, final=0.5)
        0.4375
        """
        last = fraction(final, "final", "sparsity")
        return between(real(initial, "initial", "sparsity", low=0.0, high=last), last, self.share(progress))

    def due(self, steps: int) -> dict[int, float]:
        """Return the steps (from 0) before which masks are set, with the share of the way each goes; the last is 1.

        Examples
        --------
        >>> Cubic(begin=0.0, end=1.0, updates=2).due(100)
        {50: 0.875, 99: 1.0}
        """
        steps = whole(steps, "steps", "due")
        result = {}
        for k in range(1, self.updates + 1):
            progress = self.begin + (self.end - self.begin) * k / self.updates
            # Where several updates fall on one step the last, which goes farthest, stands.
            step = min(steps - 1, math.ceil(progress * steps - 1e-9))
            result[step] = 1.0 if k == self.updates else self.ramp(k / self.updates)
        return result

    def __repr__(self) -> str:
        return f"{type(self).__name__}(begin={self.begin:g}, end={self.end:g}, updates={self.updates})"


class OneShot(Schedule):
    """All at once, at one moment of the training.

    Parameters
    ----------
    at : float
        Share of the training in [0, 1]; the rest of it is fine-tuning.

    Examples
    --------
    >>> OneShot(at=0.5).due(10)
    {5: 1.0}
    """

    def __init__(self, at: float = 0.5) -> None:
        moment = real(at, "at", "OneShot", low=0.0, high=1.0)
        super().__init__(moment, moment, 1)

    def ramp(self, t: float) -> float:
        return float(t >= 1)

    def __repr__(self) -> str:
        return f"OneShot(at={self.end:g})"


class Cubic(Schedule):
    """Gradual pruning along a cubic, share = 1 − (1 − t)³.

    Parameters
    ----------
    begin, end : float
        Shares of the training, 0 ≤ begin ≤ end ≤ 1.
    updates : int
        How many times masks are set; 50 are as good as a thousand, and cost nothing next to the training.

    References
    ----------
    Zhu & Gupta (2018), "To prune, or not to prune: exploring the efficacy of pruning for model compression".

    Examples
    --------
    >>> [round(s, 3) for s in Cubic(begin=0, end=1, updates=4).due(100).values()]
    [0.578, 0.875, 0.984, 1.0]
    """

    def __init__(self, begin: float = 0.1, end: float = 0.6, updates: int = 50) -> None:
        super().__init__(begin, end, updates)

    def ramp(self, t: float) -> float:
        return 1 - (1 - t) ** 3


def between(initial: float, final: float, share: float) -> float:
    """Return initial + (final − initial) · share, with both ends exact."""
    return final if share >= 1 else initial + (final - initial) * share
