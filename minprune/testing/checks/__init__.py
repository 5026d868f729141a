"""One function for each kind of part: it checks the part for all laws that speak of it, and returns a `Report`.

All of them take the same last arguments:

expected_failures : mapping of law to reason
    Laws that are known not to hold, and why; if one holds after all, that is a failure, so that the list stays true.
laws : sequence of str
    Check only these.
examples : int
    How many cases are drawn for each law.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, TypeAlias

from minprune.arguments import choice, whole
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.optimizers import Optimizer
from minprune.nn.penalties import Penalty
from minprune.pruning.allocation import Allocation
from minprune.pruning.criteria import Criterion
from minprune.pruning.patterns import Pattern
from minprune.pruning.regrowth import Regrowth
from minprune.pruning.schedules import Schedule
from minprune.testing.framework import Framework
from minprune.testing.running import LawBroken, Property, Report, Result, called, report, run

Reasons: TypeAlias = Mapping[str, str] | None
Names: TypeAlias = Iterable[str] | None

FRAMEWORK = ("masks", "training", "compaction", "complexity", "storage", "network")
COMPONENTS = (
    "selector", "local_selector", "plan", "criterion", "allocation", "pattern", "schedule", "regrowth", "optimizer",
    "penalty", "kernel", "program", *FRAMEWORK,
)  # fmt: skip


def properties(component: str) -> Mapping[str, Property]:
    """Return the laws of a component as they are checked, by name."""
    found: Mapping[str, Property] = import_module(f"minprune.testing.checks.{component}").PROPERTIES
    return found


def check(
    component: str, subject: Any, *, expected_failures: Reasons = None, laws: Names = None, examples: int = 100
) -> Report:
    """Check a subject as one of `COMPONENTS`; the functions below are this with a name."""
    choice(component, "component", "check", COMPONENTS)
    count = whole(examples, "examples", f"check_{component}")
    return report(
        component, subject, properties(component), expected_failures=expected_failures, laws=laws, examples=count
    )


def check_selector(
    select: Callable[[dict[str, Any], float], Mapping[str, Any]], *, scope: str = "network", **options: Any
) -> Report:
    """Check a function that selects: ``select(scores, sparsity)`` returns masks, True = kept.

    It is the seam for any library's pruner: wrap it so that it takes a dict of name to array of scores ≥ 0 (in layer
    order) and returns a dict of name to bool array.

    Parameters
    ----------
    select : function
    scope : {"network", "layer"}
        What the sparsity is of: all weights together, or each layer by itself.
    **options
        As for all checks: ``expected_failures``, ``laws``, ``examples``.

    Examples
    --------
    >>> import numpy as np
    >>> def select(scores, sparsity):
    ...     ranks = {name: s.argsort(None, "stable").argsort().reshape(s.shape) for name, s in scores.items()}
    ...     return {name: rank >= round(sparsity * rank.size) for name, rank in ranks.items()}
    >>> check_selector(select, scope="layer", laws=["local_count", "order", "no_nan_decides"], examples=20).failed
    ['no_nan_decides']
    """
    _callable(select, "select", "check_selector")
    scoped = {"network": "selector", "layer": "local_selector"}
    return check(scoped[choice(scope, "scope", "check_selector", scoped)], select, **options)


def check_plan(plan: Callable[..., Any], **options: Any) -> Report:
    """Check a function that plans, with the arguments of `minprune.plan` and a result like its own."""
    return check("plan", _callable(plan, "plan", "check_plan"), **options)


def check_criterion(criterion: Criterion, **options: Any) -> Report:
    """Check a criterion: scores that can be ranked, and changing nothing; and what its class promises of them.

    A subclass of `Saliency`, say, is checked to be the first order of the loss.

    Examples
    --------
    >>> from minprune import Magnitude
    >>> check_criterion(Magnitude(), examples=20).ok
    True
    """
    return check("criterion", _method(criterion, "scores", "criterion"), **options)


def check_allocation(allocation: Allocation, **options: Any) -> Report:
    """Check an allocation, through plans made with it for single weights.

    Of a `Sensitivity` the curves are exchanged for those of each case's network.

    Examples
    --------
    >>> from minprune import Sensitivity
    >>> from minprune.pruning.allocation import Curves
    >>> check_allocation(Sensitivity(Curves(0.0, {}, {})), laws=["exact_count", "counts_add_up"], examples=20).ok
    True
    """
    return check("allocation", _method(allocation, "groups", "allocation"), **options)


def check_pattern(pattern: Pattern, **options: Any) -> Report:
    """Check a pattern, through plans made with it: the budget, and the shape of what is left."""
    return check("pattern", _method(pattern, "units", "pattern"), **options)


def check_schedule(schedule: Schedule, **options: Any) -> Report:
    """Check a schedule; its `begin`, `end` and `updates` are varied on copies."""
    return check("schedule", _method(schedule, "due", "schedule"), **options)


def check_regrowth(regrowth: Regrowth, **options: Any) -> Report:
    """Check drop-and-grow: every layer stays as sparse as it is."""
    return check("regrowth", _method(regrowth, "masks", "regrowth"), **options)


def check_optimizer(optimizer: Optimizer, **options: Any) -> Report:
    """Check that an optimizer revives nothing, whatever gradients and penalties bring.

    Examples
    --------
    >>> from minprune import SGD
    >>> check_optimizer(SGD(0.1, momentum=0.9), examples=20).passed
    ['stays_zero', 'state_clean', 'grown_start_zero']
    """
    return check("optimizer", _method(optimizer, "step", "optimizer"), **options)


def check_penalty(penalty: Penalty, **options: Any) -> Report:
    """Check a penalty: value against gradient, proximal step, and that what is pruned costs nothing."""
    return check("penalty", _method(penalty, "shrink", "penalty"), **options)


def check_kernel(kind: type, **options: Any) -> Report:
    """Check a matrix format: ``kind.from_dense(w, mask=None)``, ``to_dense()``, ``m @ x``, ``nbytes``.

    Examples
    --------
    >>> from minprune import CSR
    >>> check_kernel(CSR, examples=20).ok
    True
    """
    return check("kernel", _method(kind, "from_dense", "kind", "check_kernel"), **options)


def check_program(compile_fn: Callable[..., Any], **options: Any) -> Report:
    """Check what packs a network: ``compile_fn(network, batch_size)`` returns a function of x."""
    return check("program", _callable(compile_fn, "compile_fn", "check_program"), **options)


def check_framework(framework: Framework | None = None, *, parts: Sequence[str] = FRAMEWORK, **options: Any) -> Report:
    """Check the functions of a framework, minprune's own by default: masks, training, compaction, counting, files.

    Parameters
    ----------
    framework : Framework
    parts : sequence of str
        Of "masks", "training", "compaction", "complexity", "storage", "network".
    """
    subject = Framework() if framework is None else framework
    if not isinstance(subject, Framework):
        raise InvalidTypeError(f"framework must be a Framework, got {type(subject).__name__} in check_framework()")
    results: list[Result] = []
    known = {name: part for part in parts for name in properties(choice(part, "parts", "check_framework", FRAMEWORK))}
    expected, laws = options.pop("expected_failures", None) or {}, options.pop("laws", None)
    for name in {*expected, *(laws or ())} - known.keys():
        raise InvalidValueError(f"{name!r} is no law of {', '.join(parts)} in check_framework()")
    for part in parts:
        here = {name: why for name, why in expected.items() if known[name] == part}
        some = None if laws is None else [name for name in laws if known[name] == part]
        results += check(part, subject, expected_failures=here, laws=some, **options).results
    return Report(repr(subject), "framework", tuple(results))


def parametrize_with_checks(
    subjects: Iterable[Any],
    *,
    component: str | None = None,
    expected_failures: Mapping[str, str] | Callable[[Any], Mapping[str, str]] | None = None,
    examples: int = 100,
) -> Any:
    """Decorate a pytest function so that it becomes one test for each subject and law; it takes ``check``.

    Laws that say nothing about a subject are left out.

    Parameters
    ----------
    subjects : iterable
        Criteria, allocations, patterns, schedules, optimizers, penalties, …; all of one `component` if it is given.
    component : str, optional
        As in ``check_<component>``; by default what the class of each subject says.
    expected_failures : mapping, or function of a subject that returns one
    examples : int

    Examples
    --------
    >>> from minprune import Magnitude, SynFlow
    >>> @parametrize_with_checks([Magnitude(), SynFlow()])
    ... def test_our_criteria(check):
    ...     check()
    """
    import pytest

    rows = []
    for subject in subjects:
        kind = (
            _component_of(subject)
            if component is None
            else choice(component, "component", "parametrize_with_checks", COMPONENTS)
        )
        known = expected_failures(subject) if callable(expected_failures) else (expected_failures or {})
        for name, prop in properties(kind).items():
            if not prop.skip(subject):
                check_it = _one(kind, name, subject, prop, known.get(name), examples)
                rows.append(pytest.param(check_it, id=f"{called(subject)}-{name}"))
    if not rows:
        raise InvalidValueError("subjects must hold at least one, got none in parametrize_with_checks()")
    return pytest.mark.parametrize("check", rows)


def _one(
    component: str, name: str, subject: Any, prop: Property, expected: str | None, examples: int
) -> Callable[[], None]:
    def check_it() -> None:
        run(component, name, subject, prop, expected, examples).raise_for_failure()

    return check_it


def _component_of(subject: object) -> str:
    kinds: dict[type, str] = {
        Criterion: "criterion",
        Allocation: "allocation",
        Pattern: "pattern",
        Schedule: "schedule",
        Regrowth: "regrowth",
        Optimizer: "optimizer",
        Penalty: "penalty",
        Framework: "network",
    }
    for kind, component in kinds.items():
        if isinstance(subject, kind):
            return component
    if isinstance(subject, type) and hasattr(subject, "from_dense"):
        return "kernel"
    raise InvalidValueError(
        f"component must be given for {called(subject)} in parametrize_with_checks(): what is it to be checked as?"
    )


def _callable(value: Any, name: str, where: str) -> Any:
    if not callable(value):
        raise InvalidTypeError(f"{name} must be a function, got {type(value).__name__} in {where}()")
    return value


def _method(value: Any, method: str, name: str, where: str = "") -> Any:
    is_class = isinstance(value, type) and method != "from_dense"
    if is_class or not callable(getattr(value, method, None)):
        hint = f"; pass an instance: {value.__name__}()" if is_class else ""
        raise InvalidTypeError(
            f"{name} must have {method}(), got {called(value)} in {where or f'check_{name}'}(){hint}"
        )
    return value


__all__ = [
    "COMPONENTS",
    "LawBroken",
    "check",
    "check_allocation",
    "check_criterion",
    "check_framework",
    "check_kernel",
    "check_optimizer",
    "check_pattern",
    "check_penalty",
    "check_plan",
    "check_program",
    "check_regrowth",
    "check_schedule",
    "check_selector",
    "parametrize_with_checks",
]
