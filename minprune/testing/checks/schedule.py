"""The laws of a schedule: it never falls, it lands, and nothing divides by zero on the way."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

import copy
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.pruning.schedules import OneShot, Schedule
from minprune.testing.cases import Case
from minprune.testing.running import Property, demand


def varied(schedule: Schedule, case: Case) -> Schedule:
    """Return a copy that begins, ends and updates as the case says; `OneShot` has one moment."""
    result = copy.copy(schedule)
    single = isinstance(schedule, OneShot)
    result.begin, result.end, result.updates = (case.end if single else case.begin), case.end, case.updates
    result.updates = 1 if single else case.updates
    return result


def schedule_monotone(schedule: Schedule, case: Case) -> None:
    schedule = varied(schedule, case)
    low, high = case.initial, case.final
    levels = [schedule.level(k / case.number, low, high) for k in range(case.number + 1)]
    rises = all(a <= b for a, b in pairwise(levels))
    demand(rises, f"sparsities that never fall from {low} to {high}", [round(level, 4) for level in levels])
    inside = all(low <= level <= high for level in levels)
    demand(inside, f"sparsities from {low} to {high}", f"{min(levels)} to {max(levels)}")
    demand(levels[-1] == high, f"exactly {high!r} at the end", repr(levels[-1]))
    if schedule.begin > 0:
        before = schedule.sparsity(schedule.begin / 2, high, low)
        demand(before == low, f"exactly {low!r} before it begins", repr(before))


def schedule_lands(schedule: Schedule, case: Case) -> None:
    schedule = varied(schedule, case)
    due = schedule.due(case.steps)
    steps, places = list(due), list(due.values())
    inside = all(0 <= step < case.steps for step in steps) and steps == sorted(steps)
    demand(inside, f"updates at rising steps in 0 … {case.steps - 1}", steps)
    reached = schedule.level(places[-1], case.initial, case.final) if places else None
    demand(reached == case.final, f"the last of {case.updates} updates in {case.steps} steps at {case.final}", reached)


def schedule_degenerate(schedule: Schedule, case: Case) -> None:
    schedule = varied(schedule, case)
    due = schedule.due(case.steps)
    reached = [schedule.level(t, case.initial, case.final) for t in due.values()]
    demand(reached and reached[-1] == case.final, f"{case.final} reached", reached)
    for progress in (schedule.begin, schedule.end, 1.0):
        got = schedule.sparsity(progress, case.final, case.initial)
        demand(case.initial <= got <= case.final, f"a sparsity in [{case.initial}, {case.final}] at {progress}", got)
    demand(got == case.final, f"{case.final} at the end of the training", got)


def _ordered(one: int, other: int) -> tuple[float, float]:
    return min(one, other) / 100, max(one, other) / 100  # not exact in binary: an end is missed by a rounding error


@st.composite
def _ways(draw: DrawFn) -> Case:
    begin, end = _ordered(draw(st.integers(0, 100)), draw(st.integers(0, 100)))
    initial, final = _ordered(draw(st.integers(0, 99)), draw(st.integers(0, 99)))
    updates, steps = draw(st.integers(1, 6)), draw(st.integers(1, 20))
    return Case(
        begin=begin,
        end=end,
        updates=updates,
        initial=initial,
        final=final,
        steps=steps,
        number=draw(st.integers(1, 12)),
    )


@st.composite
def _degenerate(draw: DrawFn) -> Case:
    case = draw(_ways())
    which = draw(st.sampled_from(["a moment", "no way", "nothing"]))
    if which == "a moment":
        case.end = case.begin
    elif which == "no way":
        case.initial = case.final
    else:
        case.initial = case.final = 0.0
    return case


PROPERTIES = {
    "schedule_monotone": Property(schedule_monotone, lambda _: _ways()),
    "schedule_lands": Property(schedule_lands, lambda _: _ways()),
    "schedule_degenerate": Property(schedule_degenerate, lambda _: _degenerate()),
}
