"""The laws of pruning as a table: what must hold, whatever the network, the data or the seed.

Each law has a name, a statement of one line, the component that it is a law of, where it comes from, and a check: a
function of an implementation and a case that raises `LawBroken` if the law doesn't hold there. A check is looked up
when it is first asked for, so the table itself needs nothing but Python.

Three of them pin a selection down: `exact_count` says how many go, `order` which, `ties_by_position` who goes first
among equals. Whoever keeps these three keeps `scale_free`, `monotone_free`, `nested` and `permutation` as well. They
have names of their own because each is a well-known way of getting it wrong, and says so more clearly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from minprune.display import table
from minprune.errors import InvalidValueError, did_you_mean
from minprune.testing import need_hypothesis
from minprune.testing.statements import TEXT

__all__ = ["LAWS", "Law", "law", "laws_table"]


@dataclass(frozen=True)
class Law:
    """One law of pruning.

    Attributes
    ----------
    name, group, statement : str
    component : str
        What it is a law of first of all: "selector", "plan", "criterion", …; others may be checked for it too.
    source : str
        Where it comes from, or what breaks it.
    """

    name: str
    group: str
    statement: str
    component: str
    source: str

    @property
    def check(self) -> Callable[[Any, Any], None]:
        """``check(subject, case)``: does nothing if the law holds for this case, and raises `LawBroken` if not."""
        return self.check_of(self.component)

    def check_of(self, component: str) -> Callable[[Any, Any], None]:
        """Return the check of this law for another component, such as `exact_count` for an allocation."""
        need_hypothesis(f"law({self.name!r}).check")
        properties = import_module(f"minprune.testing.checks.{component}").PROPERTIES
        if self.name not in properties:
            raise InvalidValueError(f"{self.name} is no law of a {component}{did_you_mean(self.name, properties)}")
        check: Callable[[Any, Any], None] = properties[self.name].check
        return check


def law(name: str) -> Law:
    """Return the law of that name.

    Raises
    ------
    InvalidValueError
        There is none.

    Examples
    --------
    >>> law("mask_not_value").statement
    'Sparsity comes from masks: a kept weight that is 0.0 counts as kept.'
    """
    if name not in LAWS:
        raise InvalidValueError(f"name must be that of a law, got {name!r} in law(){did_you_mean(name, LAWS)}")
    return LAWS[name]


def laws_table(*, group: str | None = None) -> str:
    """Return the laws as text, group by group: name, what it is a law of, statement.

    Parameters
    ----------
    group : str, optional
        Only that group, such as "Counting".

    Examples
    --------
    >>> print(laws_table(group="Patterns and structure").splitlines()[0])
    Patterns and structure
    """
    groups = list(dict.fromkeys(entry.group for entry in LAWS.values()))
    if group is not None and group not in groups:
        raise InvalidValueError(f"group must be one of the laws' groups, got {group!r}{did_you_mean(group, groups)}")
    parts = []
    for each in groups if group is None else [group]:
        rows = [(entry.name, entry.component, entry.statement) for entry in LAWS.values() if entry.group == each]
        parts.append(table(["law", "of a", "statement"], rows, title=each, left=3))
    return "\n\n".join(parts)


def _read(text: str) -> dict[str, Law]:
    """Read the laws from lines: a group; or ``name (component): source``, with the statement in the next."""
    laws, group = {}, ""
    lines = iter(text.splitlines())
    for line in lines:
        if ":" in line:
            head, source = line.split(": ", 1)
            name, component = head.rstrip(")").split(" (")
            laws[name] = Law(name, group, next(lines).strip(), component, source)
        elif line:
            group = line
    return laws


LAWS = _read(TEXT)
