"""How a law is checked: cases are drawn until one breaks it, and that one is made as small as it gets.

A `Property` is a check and where its cases come from. `run` hands the cases to Hypothesis, always the same ones (no
seed from outside, no database), and returns what came out: passed, or the smallest case that failed and lines to paste
that show it again.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from textwrap import indent
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

import minprune
from minprune.display import table
from minprune.errors import InvalidTypeError, InvalidValueError, MinpruneError, did_you_mean
from minprune.pruning.allocation import Sensitivity
from minprune.testing.cases import Case, source
from minprune.testing.framework import Framework
from minprune.testing.laws import LAWS, Law


class LawBroken(AssertionError):
    """A law that doesn't hold: what was asked for, and what came."""

    def __init__(self, asked: str, came: str) -> None:
        super().__init__(f"asked: {asked}; came: {came}")
        self.asked, self.came = asked, came


def demand(holds: object, asked: str, came: object) -> None:
    """Raise `LawBroken` unless `holds`."""
    if not holds:
        raise LawBroken(asked, str(came))


@dataclass(frozen=True)
class Property:
    """A law as it is checked for one component.

    Attributes
    ----------
    check : function
        ``check(subject, case)`` raises if the law doesn't hold.
    cases : function
        ``cases(subject)`` returns the Hypothesis strategy that draws them.
    skip : function
        ``skip(subject)`` returns why the law says nothing about this subject, or "".
    """

    check: Callable[[Any, Any], None]
    cases: Callable[[Any], SearchStrategy[Case]]
    skip: Callable[[Any], str] = lambda subject: ""


@dataclass(frozen=True)
class Result:
    """What became of one law: "passed", "failed", "skipped", or "expected" of a failure that was announced.

    An announced failure that doesn't come is "failed" too: the announcement is out of date.
    """

    law: Law
    outcome: str
    note: str = ""
    text: str = ""
    case: Case | None = None

    def raise_for_failure(self) -> None:
        if self.outcome == "failed":
            raise LawBroken(self.law.statement, self.text)


@dataclass(frozen=True, repr=False)
class Report:
    """What a check found: one `Result` for each law. ``report.ok`` if laws were checked and none failed."""

    subject: str
    component: str
    results: tuple[Result, ...] = field(default=())

    def _those(self, *outcomes: str) -> list[str]:
        return [result.law.name for result in self.results if result.outcome in outcomes]

    @property
    def ran(self) -> list[str]:
        """The names of the laws that were checked."""
        return self._those("passed", "failed", "expected")

    @property
    def passed(self) -> list[str]:
        return self._those("passed")

    @property
    def failed(self) -> list[str]:
        return self._those("failed")

    @property
    def expected(self) -> list[str]:
        """Those that failed as announced."""
        return self._those("expected")

    @property
    def skipped(self) -> list[str]:
        return self._those("skipped")

    @property
    def ok(self) -> bool:
        return bool(self.ran) and not self.failed

    def __getitem__(self, law: str) -> Result:
        return {result.law.name: result for result in self.results}[law]

    def raise_for_failures(self) -> None:
        """Raise one `LawBroken` with all failures in full; also if no law was checked at all."""
        if not self.ran:
            raise LawBroken("at least one law to be checked", f"none ran for {self.subject}")
        if self.failed:
            texts = [result.text for result in self.results if result.outcome == "failed"]
            raise LawBroken(f"{self.subject} to keep {len(self.ran)} laws", "\n\n".join(["", *texts]))

    def __repr__(self) -> str:
        rows = [(result.law.name, result.outcome, result.note) for result in self.results]
        counts = [f"{len(self.ran)} laws ran", f"{len(self.passed)} passed", f"{len(self.failed)} failed"]
        counts += [f"{len(self.expected)} failed as expected"] if self.expected else []
        counts += [f"{len(self.skipped)} skipped"] if self.skipped else []
        title = f"{self.subject}: {', '.join(counts)}"
        return table(["law", "outcome", ""], rows, title=title, left=3)


def report(
    component: str,
    subject: Any,
    properties: Mapping[str, Property],
    *,
    expected_failures: Mapping[str, str] | None = None,
    laws: object = None,
    examples: int = 100,
) -> Report:
    """Check a subject for every law in `properties`, or those named in `laws`."""
    expected = _announced(expected_failures, properties, component)
    names = list(properties) if laws is None else list(laws)  # type: ignore[call-overload]
    for name in names:
        if name not in properties:
            raise InvalidValueError(f"laws must be laws of a {component}, got {name!r}{did_you_mean(name, properties)}")
    results = tuple(run(component, name, subject, properties[name], expected.get(name), examples) for name in names)
    return Report(called(subject), component, results)


def run(
    component: str,
    name: str,
    subject: Any,
    prop: Property,
    expected: str | None = None,
    examples: int = 100,
    *,
    shrink: bool = True,
) -> Result:
    """Check one law for one subject; without `shrink`, a case that breaks it is shown as it was found."""
    law = LAWS[name]
    why_not = prop.skip(subject)
    if why_not:
        return Result(law, "skipped", why_not)
    found = search(prop, subject, examples, shrink)
    if found is None:
        if expected is None:
            return Result(law, "passed")
        note = f"it was expected to fail ({expected}), and passed: take it out of expected_failures"
        return Result(law, "failed", note, f"{name}: {note}")
    case, error = found
    asked, came = (error.asked, error.came) if isinstance(error, LawBroken) else ("an answer", _shown(error))
    text = _failure(law, component, subject, case, asked, came)
    if expected is not None:
        return Result(law, "expected", expected, text, case)
    return Result(law, "failed", f"asked: {asked}; came: {came}".split("\n")[0][:140], text, case)


def search(prop: Property, subject: Any, examples: int, shrink: bool) -> tuple[Case, Exception] | None:
    """Return the smallest case found that breaks a law, with what was raised; None if all held."""
    last: list[tuple[Case, Exception]] = []

    @settings(
        max_examples=examples,
        derandomize=True,  # which keeps no database
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
    )
    @given(prop.cases(subject))
    def holds(case: Case) -> None:
        try:
            prop.check(subject, copy.deepcopy(case))  # what is shown is the case as it was before
        except Exception as error:
            last[:] = [(case, error)]
            raise

    try:
        holds()
    except Flaky:  # it failed once and not again: what has no seed does that
        pass
    except Exception:
        if not last:
            raise  # not the subject's fault: no case could be drawn
    return last[0] if last else None


def called(subject: Any) -> str:
    """Return how to call a subject: a function or class by its name, anything else by its repr."""
    text = getattr(subject, "__name__", None) or repr(subject)
    return text if len(text) <= 80 else text[:77] + "…"


def _announced(expected: object, properties: Mapping[str, Property], component: str) -> Mapping[str, str]:
    if expected is None:
        return {}
    if not isinstance(expected, Mapping):
        raise InvalidTypeError(
            f"expected_failures must be a mapping of laws to reasons, got {type(expected).__name__} in "
            f"check_{component}()"
        )
    for name, reason in expected.items():
        if name not in properties:
            raise InvalidValueError(
                f"expected_failures must name laws of a {component}, got {name!r} in check_{component}()"
                f"{did_you_mean(name, properties)}"
            )
        if not isinstance(reason, str) or not reason:
            raise InvalidValueError(f"expected_failures[{name!r}] must say why, got {reason!r} in check_{component}()")
    return expected


def _failure(law: Law, component: str, subject: Any, case: Case, asked: str, came: str) -> str:
    lines = [
        f"{law.name} does not hold for {called(subject)}",
        f"    law    {law.statement}",
        f"    asked  {asked}",
        f"    came   {came}",
        *(f"    {'input' if k == 0 else '     '}  {name} = {text}" for k, (name, text) in enumerate(_fields(case))),
        "    paste",
        indent(reproduction(law, component, subject, case), "        "),
    ]
    return "\n".join(lines)


def _fields(case: Case) -> list[tuple[str, str]]:
    return [(name, source(value)) for name, value in vars(case).items()]


def reproduction(law: Law, component: str, subject: Any, case: Case) -> str:
    """Return lines that check the law on this case once more."""
    check = "check" if component == law.component else f"check_of({component!r})"
    lines: list[str] = []
    if isinstance(subject, Framework):
        lines += filter(None, (_import(function) for function in subject.own.values()))
        how = repr(subject)
    else:
        named = subject if hasattr(subject, "__qualname__") else type(subject)
        how = named.__name__ if named is subject else repr(subject)
        if isinstance(subject, Sensitivity):  # the curves are measured anew for each case
            lines.append("from minprune.pruning.allocation import Curves")
            how = f"{named.__name__}(Curves(0.0, {{}}, {{}}))"
        line = _import(named) if how.split("(")[0] == named.__name__ else ""
        public = dict.fromkeys(name for name in re.findall(r"\w+", how) if name in minprune.__all__)
        lines += [f"from minprune import {name}" for name in public if not line.endswith(f" {name}")]
        lines.append(line or f"# subject = {called(subject)}, which is yours: put it here")
        how = how if line else "subject"
    lines.append(f"law({law.name!r}).{check}({how}, {case!r})")
    used = [name for name in ("Case", "Framework", "law", "network") if f"{name}(" in lines[-1]]
    return "\n".join(["import numpy as np", f"from minprune.testing import {', '.join(used)}", *lines])


def _import(thing: Any) -> str:
    """Return the line that imports a function or class; "" if none does."""
    home, name = thing.__module__, thing.__qualname__
    return f"from {home} import {name}" if name.isidentifier() and home != "__main__" else ""


def _shown(error: Exception) -> str:
    kind = type(error).__name__
    return f"{kind}: {error}" + ("" if isinstance(error, MinpruneError) else f" (a {kind} from inside)")
