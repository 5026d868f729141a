"""What minprune raises: one family of errors, each of which is also the built-in it resembles.

``except MinpruneError`` catches everything this package refuses; ``except ValueError`` goes on working for those
who have never heard of it. A text names the parameter, the rule and the value got::

    sparsity must be in [0, 1), got 1.3 in plan()
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["BudgetError", "DivergedError", "InvalidTypeError", "InvalidValueError", "MinpruneError", "StorageError"]


class MinpruneError(Exception):
    """Anything minprune refuses to do. A refused call leaves everything as it was."""


class InvalidValueError(MinpruneError, ValueError):
    """An argument of the right type with a value that can't be meant."""


class InvalidTypeError(MinpruneError, TypeError):
    """An argument of the wrong type."""


class StorageError(MinpruneError, OSError):
    """A file that can't be read, written or trusted."""


class BudgetError(InvalidValueError):
    """More was asked to go than may; ``largest`` is the largest count (or threshold) that can be met."""

    def __init__(self, message: str, largest: float) -> None:
        super().__init__(message)
        self.largest = largest


class DivergedError(InvalidValueError):
    """Training produced a loss that is not finite; the network holds its last finite weights."""


def did_you_mean(name: object, options: Iterable[str]) -> str:
    """Return the nearest option and the list of all, to end an error about a mistyped name.

    Examples
    --------
    >>> did_you_mean("credti", ["credit", "digits", "mnist"])
    "; did you mean 'credit'? Known: credit, digits, mnist"
    """
    known = list(options)
    in_lower_case = {option.lower(): option for option in reversed(known)}
    near = difflib.get_close_matches(str(name).lower(), in_lower_case, n=1, cutoff=0.5)
    return (f"; did you mean {in_lower_case[near[0]]!r}? Known: " if near else "; known: ") + ", ".join(known)
