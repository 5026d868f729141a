"""What the laws of a schedule say of each way to break them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from told import rows_of

import minprune as mp
from minprune.testing import Case
from minprune.testing.checks.schedule import PROPERTIES

COMPONENT = "schedule"
WAY = Case(begin=0.2, end=0.7, updates=3, initial=0.1, final=0.9, steps=10, number=4)


def way(**changes):
    return Case(**{**vars(WAY), **changes})


class Told(mp.Linear):
    """A linear schedule with some of its answers changed."""

    def __init__(self, level=None, sparsity=None, due=None):
        super().__init__()
        self.changes = level, sparsity, due

    def level(self, t, initial, final):
        found = super().level(t, initial, final)
        return found if self.changes[0] is None else self.changes[0](t, found)

    def sparsity(self, progress, *levels):
        found = super().sparsity(progress, *levels)
        return found if self.changes[1] is None else self.changes[1](progress, found)

    def due(self, steps):
        found = super().due(steps)
        return found if self.changes[2] is None else self.changes[2](steps, found)


class Once(mp.OneShot):
    def due(self, steps):
        assert self.begin == self.end == 0.7
        assert self.updates == 1
        return super().due(steps)


def last(change):
    return lambda t, found: change(found) if t == 1 else found


SCHEDULES = [mp.Linear(), mp.Cubic(), mp.OneShot(), mp.Constant(), mp.Geometric()]
MOMENT = way(end=0.2)
NOTHING = way(initial=0.0, final=0.0)

ROWS = [
    *(
        (name, f"as it should be, {schedule}, {what}", schedule, case)
        for name in ("schedule_monotone", "schedule_lands", "schedule_degenerate")
        for schedule in SCHEDULES
        for what, case in (
            ("on its way", WAY),
            ("in a moment", MOMENT),
            ("to 0", NOTHING),
            ("from the start", way(begin=0.0)),
            ("of one step", way(steps=1)),
        )
    ),
    ("schedule_monotone", "it falls in the middle", Told(lambda t, found: 0.2 if t == 0.75 else found), WAY),
    (
        "schedule_monotone",
        "it falls at the second",
        Told(lambda t, found: 0.2 if t == 0 else 0.15 if t == 0.25 else found),
        WAY,
    ),
    ("schedule_monotone", "it falls by a little", Told(lambda t, found: 0.234567 if t == 0.75 else found), WAY),
    *((name, "a moment is a moment", Once(), WAY) for name in ("schedule_lands", "schedule_degenerate")),
    ("schedule_monotone", "it falls at the end", Told(last(lambda found: 0.8)), way(number=10)),
    ("schedule_monotone", "it stays", Told(lambda t, found: 0.9), WAY),
    ("schedule_monotone", "it is too low at first", Told(lambda t, found: found if t else 0.05), WAY),
    ("schedule_monotone", "it is too high in the end", Told(last(lambda found: 0.95)), WAY),
    (
        "schedule_monotone",
        "it is nearly there in the end",
        Told(last(lambda found: float(np.nextafter(found, 0)))),
        WAY,
    ),
    (
        "schedule_monotone",
        "it begins before it begins",
        Told(None, lambda progress, found: found + 0.1 * (progress == 0.1)),
        WAY,
    ),
    (
        "schedule_monotone",
        "it begins a little before it begins",
        Told(None, lambda progress, found: found + 0.1 * (progress == 0.005)),
        way(begin=0.01),
    ),
    ("schedule_monotone", "nothing is before the start", Told(None, lambda progress, found: 1.0), way(begin=0.0)),
    ("schedule_lands", "an update before the first step", Told(None, None, lambda steps, due: {-1: 0.0, **due}), WAY),
    ("schedule_lands", "an update at the first step", Told(None, None, lambda steps, due: {0: 0.0, **due}), WAY),
    ("schedule_lands", "an update after the last step", Told(None, None, lambda steps, due: {**due, steps: 1.0}), WAY),
    ("schedule_lands", "an update at the last step", Told(None, None, lambda steps, due: {**due, steps - 1: 1.0}), WAY),
    ("schedule_lands", "updates that fall", Told(None, None, lambda steps, due: {**due, 1: 1.0}), WAY),
    ("schedule_lands", "no update", Told(None, None, lambda steps, due: {}), WAY),
    (
        "schedule_lands",
        "not far enough",
        Told(None, None, lambda steps, due: {step: t / 2 for step, t in due.items()}),
        WAY,
    ),
    ("schedule_lands", "only the last but one is there", Told(None, None, lambda steps, due: {1: 1.0, 2: 0.5}), WAY),
    ("schedule_degenerate", "no update", Told(None, None, lambda steps, due: {}), WAY),
    (
        "schedule_degenerate",
        "not far enough",
        Told(None, None, lambda steps, due: {step: t / 2 for step, t in due.items()}),
        WAY,
    ),
    (
        "schedule_degenerate",
        "only the last but one is there",
        Told(None, None, lambda steps, due: {1: 1.0, 2: 0.5}),
        WAY,
    ),
    (
        "schedule_degenerate",
        "too low at the beginning",
        Told(None, lambda progress, found: found if progress != 0.2 else 0.0),
        WAY,
    ),
    (
        "schedule_degenerate",
        "too high at the beginning",
        Told(None, lambda progress, found: found if progress != 0.2 else 1.0),
        WAY,
    ),
    (
        "schedule_degenerate",
        "too low at its end",
        Told(None, lambda progress, found: found if progress != 0.7 else 0.05),
        WAY,
    ),
    (
        "schedule_degenerate",
        "too high in the end",
        Told(None, lambda progress, found: found if progress != 1.0 else 1.0),
        WAY,
    ),
    (
        "schedule_degenerate",
        "not there in the end",
        Told(None, lambda progress, found: found if progress != 1.0 else 0.5),
        WAY,
    ),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()


@pytest.mark.parametrize("name", PROPERTIES)
@given(st.data())
def test_what_is_drawn_is_a_way_in_hundredths(name, data):
    case = data.draw(PROPERTIES[name].cases(None))
    assert 0 <= case.begin <= case.end <= 1
    assert 0 <= case.initial <= case.final <= 0.99
    assert all(round(100 * share) / 100 == share for share in (case.begin, case.end, case.initial, case.final))
