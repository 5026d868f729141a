"""When? A schedule says at which steps of the training masks are set, and how far each goes.

Masks are set `updates` times, at even distances from `begin` to `end`. Each time t in [0, 1] is the place on the way,
and ramp(t) how much of it is done:

    OneShot     one update                    all at once
    Linear      t                             the same number of weights each time
    Cubic       1 − (1 − t)³                  much while there is much that doesn't matter, little near the end
    Geometric   t, in log(1 − s)              the same share of the weights that remain each time
    Constant    1                             all at its begin; what comes later only regrows (`regrowth`)
    Custom      f(t)                          as you like

    s(t) = s₀ + (s₁ − s₀) · ramp(t)           Geometric: 1 − s(t) = (1 − s₀) · ((1 − s₁)/(1 − s₀))^t

The last update lands on the final sparsity exactly, however few steps there are.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

from minprune.arguments import fraction, real, whole
from minprune.errors import InvalidTypeError, InvalidValueError

_MOST_UPDATES = 1_000_000  # more than there are steps, and still few enough to be listed


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
        self.updates = whole(updates, "updates", where, at_most=_MOST_UPDATES)

    @abstractmethod
    def ramp(self, t: float) -> float:
        """Return how much of the way is done at t in [0, 1]: never falling, and 1 at t = 1."""

    def level(self, t: float, initial: float, final: float) -> float:
        """Return the sparsity at place t in [0, 1] on the way from `initial` to `final`; both ends are exact."""
        _check_way(t, initial, final)
        done = self.ramp(t)
        return final if done >= 1 else initial + (final - initial) * done

    def place(self, progress: float) -> float:
        """Return the place t in [0, 1] on the way at `progress` in [0, 1] through the training."""
        progress = real(progress, "progress", "place", low=0.0, high=1.0)
        if progress >= self.end:
            return 1.0
        return 0.0 if progress <= self.begin else (progress - self.begin) / (self.end - self.begin)

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
        first = real(initial, "initial", "sparsity", low=0.0, high=last)
        t = self.place(progress)
        return first if progress < self.begin else self.level(t, first, last)

    def due(self, steps: int) -> dict[int, float]:
        """Return the steps (from 0) before which masks are set, with the place t of each on the way; the last is 1.

        Examples
        --------
        >>> Cubic(begin=0.0, end=1.0, updates=2).due(100)
        {50: 0.5, 99: 1.0}
        """
        return self._due(steps, [k / self.updates for k in range(1, self.updates + 1)])

    def _due(self, steps: int, places: list[float]) -> dict[int, float]:
        steps = whole(steps, "steps", "due")
        result = {}
        for t in places:
            progress = self.begin + (self.end - self.begin) * t
            # Where several updates fall on one step the last, which goes farthest, stands.
            result[min(steps - 1, math.ceil(progress * steps - 1e-9))] = t
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


class Linear(Schedule):
    """Gradual pruning by the same number of weights each time, ramp(t) = t.

    The plainest way there is. It takes from a network that has few weights left as many as from a full one, which is
    why `Cubic` and `Geometric` slow down.

    Parameters
    ----------
    begin, end, updates
        As in `Cubic`.

    Examples
    --------
    >>> Linear(begin=0, end=1, updates=4).level(0.25, initial=0.0, final=0.8)
    0.2
    """

    def __init__(self, begin: float = 0.1, end: float = 0.6, updates: int = 50) -> None:
        super().__init__(begin, end, updates)

    def ramp(self, t: float) -> float:
        return t


class Cubic(Schedule):
    """Gradual pruning along a cubic, ramp(t) = 1 − (1 − t)³.

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
    >>> [round(Cubic().level(t, initial=0.0, final=1.0), 3) for t in (0.25, 0.5, 0.75, 1)]
    [0.578, 0.875, 0.984, 1.0]
    """

    def __init__(self, begin: float = 0.1, end: float = 0.6, updates: int = 50) -> None:
        super().__init__(begin, end, updates)

    def ramp(self, t: float) -> float:
        return 1 - (1 - t) ** 3


class Geometric(Schedule):
    """Gradual pruning by the same share of the weights that remain each time: 1 − s(t) = d₀ · (d₁/d₀)^t.

    d₀ = 1 − s₀ and d₁ = 1 − s₁ are the densities at both ends. The way of iterative pruning, where each round takes,
    say, a fifth of what the last one left; each cut hurts about as much as the one before.

    Parameters
    ----------
    begin, end, updates
        As in `Cubic`.

    References
    ----------
    Han, Pool, Tran & Dally (2015), "Learning both weights and connections for efficient neural networks". Frankle &
    Carbin (2019), "The lottery ticket hypothesis".

    Examples
    --------
    >>> way = Geometric(begin=0, end=1, updates=3)
    >>> [round(way.level(k / 3, initial=0.0, final=0.488), 3) for k in (1, 2, 3)]
    [0.2, 0.36, 0.488]
    """

    def __init__(self, begin: float = 0.1, end: float = 0.6, updates: int = 50) -> None:
        super().__init__(begin, end, updates)

    def ramp(self, t: float) -> float:
        """Return t: how much of the way is done, measured in the logarithm of the density."""
        return t

    def level(self, t: float, initial: float, final: float) -> float:
        _check_way(t, initial, final)
        if t <= 0 or t >= 1 or initial == final:
            return final if t >= 1 else initial
        level = 1 - (1 - initial) * math.pow((1 - final) / (1 - initial), t)
        return min(max(level, initial), final)  # where rounding would leave the way


class Constant(Schedule):
    """The final sparsity from `begin` on; the later updates are there to regrow at a sparsity that stays.

    `updates` counts all: the first at `begin`, the last at `end`.

    Parameters
    ----------
    begin, end, updates
        As in `Cubic`.

    References
    ----------
    Mocanu et al. (2018), "Scalable training of artificial neural networks with adaptive sparse connectivity"; Evci et
    al. (2020), "Rigging the lottery": both train sparse from the start.

    Examples
    --------
    >>> Constant(begin=0, end=0.75, updates=4).due(100)
    {0: 0.0, 25: 0.3333333333333333, 50: 0.6666666666666666, 75: 1.0}
    """

    def __init__(self, begin: float = 0.0, end: float = 0.75, updates: int = 50) -> None:
        super().__init__(begin, end, updates)

    def ramp(self, t: float) -> float:
        return 1.0

    def due(self, steps: int) -> dict[int, float]:
        if self.updates == 1:
            return OneShot(self.begin).due(steps)
        return self._due(steps, [k / (self.updates - 1) for k in range(self.updates)])


class Custom(Schedule):
    """Gradual pruning by a function of yours, ramp(t) = function(t).

    Parameters
    ----------
    function : callable
        Takes t in [0, 1] and returns how much of the way is done: at least 0, never falling, 1 at t = 1. One that ends
        elsewhere would miss the sparsity asked for, and is refused; divide it by what it has at 1.
    begin, end, updates
        As in `Cubic`.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        What is no function, or breaks a rule at one of the updates.

    Examples
    --------
    >>> import math
    >>> Custom(lambda t: math.sin(math.pi / 2 * t)).level(0.5, initial=0.0, final=0.8)
    0.565685424949238
    """

    def __init__(
        self, function: Callable[[float], float], begin: float = 0.1, end: float = 0.6, updates: int = 50
    ) -> None:
        super().__init__(begin, end, updates)
        if not callable(function) or isinstance(function, type):
            raise InvalidTypeError(f"function must be a function of t, got {function!r} in Custom()")
        self.function = function
        last = real(function(1.0), "function(1)", "Custom")
        if not math.isclose(last, 1.0, rel_tol=1e-9):
            raise InvalidValueError(
                f"function must be 1 at t = 1, got {last:.15g} in Custom(); divide it by that to land there"
            )
        done = 0.0
        for k in range(self.updates + 1):
            t = k / self.updates
            before, done = done, self.ramp(t)
            if done < before:
                raise InvalidValueError(
                    f"function must never fall, got {done:.15g} at t = {t:g} after {before:.15g} in Custom()"
                )

    def ramp(self, t: float) -> float:
        if t >= 1:
            return 1.0
        done = real(self.function(t), f"function({t:g})", "Custom", low=0.0)
        if done > 1 + 1e-9:
            raise InvalidValueError(f"function({t:g}) must be at most 1, got {done:.15g} in Custom()")
        return min(done, 1.0)

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", repr(self.function))
        return f"Custom({name}, begin={self.begin:g}, end={self.end:g}, updates={self.updates})"


def _check_way(t: object, initial: object, final: object) -> None:
    """Refuse a place that is not on the way, or a way that leads down."""
    real(t, "t", "level", low=0.0, high=1.0)
    end = real(final, "final", "level", low=0.0, high=1.0)
    real(initial, "initial", "level", low=0.0, high=end)
