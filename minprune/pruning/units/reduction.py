"""From scores of weights to the score of their unit, said in one line each.

    reduce=          S(u), over the kept weights w of unit u
    ─────────────────────────────────────────────────────────────────────────────────
    "mean_square"    1/|u| Σ s(w)²      the default: fair to units of any size
    "mean"           1/|u| Σ s(w)       the same without weighing the large ones more
    "sum"                  Σ s(w)       what is lost in all: a small unit goes first
    "norm"               √(Σ s(w)²)     its length: of filters and of group lasso
    "max"                max s(w)       one good weight saves it
    Reduction(…)     your own, at the same speed: each → combine → finish
    a function       f(kept scores): any function, such as ``np.median``; one call for each unit, so it is slow

Sums are of float64, in the order of the layer's weights, so that they come out the same every time. A unit of which
nothing is left scores 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from minprune.arguments import Array, Bools, choice
from minprune.errors import InvalidTypeError


def as_it_is(combined: Array, size: Array) -> Array:
    """Return what the combining came to: the plainest `finish`."""
    return combined


def _mean(combined: Array, size: Array) -> Array:
    result: Array = combined / size
    return result


def _root(combined: Array, size: Array) -> Array:
    return np.sqrt(combined)


@dataclass(frozen=True, repr=False)
class Reduction:
    """How scores of weights become the score of their unit: S(u) = finish(combine over w of each(s(w)), |u|).

    Parameters
    ----------
    each : function
        Of an array of scores, entry by entry.
    combine : ufunc
        Of two arguments, in any order the same: ``np.add``, ``np.maximum``, …
    finish : function
        Of the combined values and the numbers of kept weights (≥ 1), both arrays with one entry a unit.
    gone : float
        What stands in for a weight that is gone: combining with it must change nothing. 0 does for sums and maxima of
        numbers ≥ 0; a minimum needs ``np.inf``.

    Examples
    --------
    The largest score, but counted for more in a large unit:

    >>> how = Reduction(np.positive, np.maximum, lambda largest, size: largest * np.sqrt(size))
    >>> how.finished(np.array([2.0, 2.0]), np.array([1, 4]))
    array([2., 4.])
    """

    each: Callable[[Array], Array]
    combine: np.ufunc
    finish: Callable[[Array, Array], Array] = as_it_is
    gone: float = 0.0

    def __post_init__(self) -> None:
        for name in ("each", "finish"):
            if not callable(getattr(self, name)):
                raise InvalidTypeError(f"{name} must be a function, got {getattr(self, name)!r} in Reduction()")
        if not isinstance(self.combine, np.ufunc) or self.combine.nin != 2:
            raise InvalidTypeError(
                f"combine must be a ufunc of two arguments, such as np.add, got {self.combine!r} in Reduction()"
            )

    def prepared(self, scores: Array, mask: Bools | None) -> Array:
        """Return ``each`` of the scores, in float64, and `gone` where the mask is False; without one all are kept."""
        with np.errstate(over="ignore"):  # a square beyond float64 is infinite, and `plan` refuses it
            values = np.asarray(self.each(scores.astype(np.float64)), dtype=np.float64)
        return values if mask is None else np.where(mask, values, self.gone)

    def finished(self, combined: Array, size: Array) -> Array:
        """Return the units' scores, 0 where no weight is left."""
        with np.errstate(over="ignore"):
            scores = np.asarray(self.finish(combined, np.maximum(size, 1)), dtype=np.float64)
        return np.where(size > 0, scores, 0.0)

    def __repr__(self) -> str:
        return f"Reduction({called(self.each)}, {called(self.combine)}, {called(self.finish)})"


REDUCTIONS = {
    "mean_square": Reduction(np.square, np.add, _mean),
    "mean": Reduction(np.positive, np.add, _mean),
    "sum": Reduction(np.positive, np.add),
    "norm": Reduction(np.square, np.add, _root),
    "max": Reduction(np.positive, np.maximum),
}

Reduce: TypeAlias = str | Reduction | Callable[[Array], float]  # what `reduce=` may be


def reduction(reduce: object, where: str) -> Reduction | Callable[[Array], float]:
    """Return what `reduce=` stands for: a name's Reduction, or the Reduction or function given."""
    if isinstance(reduce, str):
        return REDUCTIONS[choice(reduce, "reduce", where, REDUCTIONS)]
    if isinstance(reduce, Reduction):
        return reduce
    if not callable(reduce) or isinstance(reduce, type | np.ufunc):
        hint = f"; np.{reduce.__name__}.reduce is one" if isinstance(reduce, np.ufunc) and reduce.nin == 2 else ""
        raise InvalidTypeError(
            f"reduce must be a name, a Reduction or a function of a unit's kept scores, got {reduce!r} in {where}()"
            f"{hint}; names: {', '.join(REDUCTIONS)}"
        )
    return reduce


def one_by_one(function: Callable[[Array], float], kept: Iterable[Array]) -> Array:
    """Return `function` of each unit's kept scores, 0 where there are none: the slow and obvious way."""
    return np.array([_number(function, scores) if scores.size else 0.0 for scores in kept], dtype=np.float64)


def _number(function: Callable[[Array], float], scores: Array) -> float:
    value = function(scores.astype(np.float64))
    if np.ndim(value) or np.asarray(value).dtype.kind not in "fiu":
        raise InvalidTypeError(f"reduce must return one number for a unit, got {value!r} from {called(function)}()")
    return float(value)


def called(function: object) -> str:
    """Return what a function goes by."""
    return str(getattr(function, "__name__", repr(function)))
