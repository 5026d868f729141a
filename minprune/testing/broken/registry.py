"""Where broken implementations are gathered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from minprune.testing.laws import LAWS

Thing = TypeVar("Thing")

BROKEN: dict[str, Broken] = {}


@dataclass(frozen=True)
class Broken:
    """An implementation that breaks a law.

    Attributes
    ----------
    law : str
    subject : object
        What to hand to the check of the law's component.
    why : str
        The mistake.
    also : tuple of str
        Other laws that it can't help breaking.
    """

    law: str
    subject: Any
    why: str
    also: tuple[str, ...] = ()

    @property
    def component(self) -> str:
        return LAWS[self.law].component


def breaks(law: str, why: str, *, also: tuple[str, ...] = (), **arguments: Any) -> Callable[[Thing], Thing]:
    """Register what follows as breaking `law`: a function as it is, a class by an instance made with `arguments`."""

    def register(thing: Thing) -> Thing:
        subject = thing(**arguments) if isinstance(thing, type) and not hasattr(thing, "from_dense") else thing
        BROKEN[law] = Broken(law, subject, why, also)
        return thing

    return register
