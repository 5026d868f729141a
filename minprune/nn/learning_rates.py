"""Learning rates that change while training: functions of progress p, the share of the training that is done.

    constant   η(p) = η₀                     a plain number will do
    cosine     η(p) = η₁ + (η₀ − η₁)(1 + cos πp)/2
    step       η(p) = η₀ · factor^(milestones passed)

A function of progress needs no number of steps: `fit` knows how many there will be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

from minprune.arguments import real
from minprune.errors import InvalidTypeError, InvalidValueError

LearningRate: TypeAlias = float | Callable[[float], float]


class CosineDecay:
    """From `initial` to `final` along half a cosine.

    Parameters
    ----------
    initial : float
        The rate at the start, > 0.
    final : float
        The rate at the end, in [0, initial].

    References
    ----------
    Loshchilov & Hutter (2017), "SGDR: stochastic gradient descent with warm restarts".

    Examples
    --------
    >>> [round(CosineDecay(0.1)(p), 3) for p in (0.0, 0.5, 1.0)]
    [0.1, 0.05, 0.0]
    """

    def __init__(self, initial: float, final: float = 0.0) -> None:
        self.initial = real(initial, "initial", "CosineDecay", low=0.0, ends="(]")
        self.final = real(final, "final", "CosineDecay", low=0.0, high=self.initial)

    def __call__(self, progress: float) -> float:
        p = real(progress, "progress", "CosineDecay", low=0.0, high=1.0)
        return self.final + (self.initial - self.final) * (1 + math.cos(math.pi * p)) / 2

    def __repr__(self) -> str:
        return f"CosineDecay({self.initial:g}, {self.final:g})"


class StepDecay:
    """Times `factor` at each milestone.

    Parameters
    ----------
    initial : float
        The rate at the start, > 0.
    factor : float
        In (0, 1].
    milestones : sequence of float
        Shares of the training, rising, each in (0, 1).

    Examples
    --------
    >>> [round(StepDecay(0.1)(p), 4) for p in (0.0, 0.5, 0.75)]
    [0.1, 0.01, 0.001]
    """

    def __init__(self, initial: float, factor: float = 0.1, milestones: Sequence[float] = (0.5, 0.75)) -> None:
        self.initial = real(initial, "initial", "StepDecay", low=0.0, ends="(]")
        self.factor = real(factor, "factor", "StepDecay", low=0.0, high=1.0, ends="(]")
        if isinstance(milestones, str) or not isinstance(milestones, Iterable):
            raise InvalidTypeError(f"milestones must be a sequence of numbers, got {milestones!r} in StepDecay()")
        self.milestones = tuple(real(m, "milestones", "StepDecay", low=0.0, high=1.0, ends="()") for m in milestones)
        if any(a >= b for a, b in pairwise(self.milestones)):
            raise InvalidValueError(f"milestones must rise, got {self.milestones} in StepDecay()")

    def __call__(self, progress: float) -> float:
        p = real(progress, "progress", "StepDecay", low=0.0, high=1.0)
        return self.initial * self.factor ** sum(p >= m for m in self.milestones)

    def __repr__(self) -> str:
        return f"StepDecay({self.initial:g}, {self.factor:g}, {self.milestones})"


def learning_rate(value: object, where: str) -> LearningRate:
    """Return a learning rate as it was given, checked: a number > 0, or a function of progress."""
    if isinstance(value, type):
        raise InvalidTypeError(f"lr must be a number or a schedule, got a class in {where}(): pass {value.__name__}(…)")
    if callable(value):
        return value
    if isinstance(value, str):
        raise InvalidTypeError(
            f"lr must be a number or a schedule such as CosineDecay(0.1), got {value!r} in {where}()"
        )
    return real(value, "lr", where, low=0.0, ends="(]")
