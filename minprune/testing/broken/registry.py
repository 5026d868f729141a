"""Where broken implementations are gathered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from minprune.testing.framework import Framework
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
    of : str
        What it is, if that is not the component that the law is of first of all.
    """

    law: str
    subject: Any
    why: str
    also: tuple[str, ...] = ()
    of: str = ""

    @property
    def component(self) -> str:
        return self.of or LAWS[self.law].component


def breaks(
    law: str, why: str, *, also: tuple[str, ...] = (), of: str = "", **arguments: Any
) -> Callable[[Thing], Thing]:
    """Register what follows as breaking `law`: a function as it is, a class by an instance made with `arguments`.

    One of another component than the law's own goes by both names, such as "min_keep of a pattern".
    """

    def register(thing: Thing) -> Thing:
        subject = thing(**arguments) if isinstance(thing, type) and not hasattr(thing, "from_dense") else thing
        name = f"{law} of {'an' if of[0] in 'ao' else 'a'} {of}" if of else law
        BROKEN[name] = Broken(law, subject, why, also, of)
        return thing

    return register


def breaks_framework(law: str, why: str, *, also: tuple[str, ...] = ()) -> Callable[[Thing], Thing]:
    """Register the function that follows as breaking `law`, within a `Framework` of minprune's own.

    It takes the place of the one whose name its own begins with: ``load_guessing`` that of `load`.
    """

    def register(thing: Thing) -> Thing:
        name: str = thing.__name__  # type: ignore[attr-defined]
        place = next(f.name for f in fields(Framework) if name.startswith(f.name))
        BROKEN[law] = Broken(law, Framework(**{place: thing}), why, also)  # type: ignore[arg-type]
        return thing

    return register
