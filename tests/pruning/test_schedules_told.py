"""Schedules: what holds when nothing is said, how they are shown, and each refusal to the letter."""

import functools
import math

import pytest

import minprune as mp
from minprune.pruning.schedules import Constant, Cubic, Custom, Geometric, Linear, OneShot

GRADUAL = (Linear, Cubic, Geometric)


def test_what_holds_when_nothing_is_said():
    for kind in GRADUAL:
        assert repr(kind()) == f"{kind.__name__}(begin=0.1, end=0.6, updates=50)"
    assert repr(Constant()) == "Constant(begin=0, end=0.75, updates=50)"
    assert repr(OneShot()) == "OneShot(at=0.5)"
    assert repr(Custom(math.sqrt)) == "Custom(sqrt, begin=0.1, end=0.6, updates=50)"
    assert Cubic().sparsity(0.0, 0.5) == 0.0
    assert [Cubic().due(100)[k] for k in (11, 60)] == [0.02, 1.0]


def test_a_function_without_a_name_is_shown_as_it_is():
    part = functools.partial(pow, exp=2)
    assert repr(Custom(part, updates=2)) == f"Custom({part!r}, begin=0.1, end=0.6, updates=2)"


def test_how_much_of_the_way_is_done():
    table = {
        Linear(): [0.0, 0.25, 0.5, 1.0],
        Cubic(): [0.0, 1 - 0.75**3, 1 - 0.5**3, 1.0],
        Geometric(): [0.0, 0.25, 0.5, 1.0],
        Constant(): [1.0] * 4,
        OneShot(): [0.0, 0.0, 0.0, 1.0],
        Custom(lambda t: t * t): [0.0, 1 / 16, 0.25, 1.0],
        Custom(lambda t: min(1.0, 2 * t) + 1e-12 * t): [0.0, 0.5, 1.0, 1.0],
    }
    for schedule, ramp in table.items():
        assert [schedule.ramp(t) for t in (0.0, 0.25, 0.5, 1.0)] == pytest.approx(ramp, abs=3e-13)
        assert max(schedule.ramp(t) for t in (0.5, 1.0)) <= 1.0


def test_the_place_on_the_way():
    way = Linear(begin=0.25, end=0.75, updates=4)
    assert [way.place(p) for p in (0.0, 0.25, 0.375, 0.5, 0.75, 1.0)] == [0.0, 0.0, 0.25, 0.5, 1.0, 1.0]
    assert [way.sparsity(p, 0.5, 0.25) for p in (0.0, 0.25, 0.5, 0.75, 1.0)] == [0.25, 0.25, 0.375, 0.5, 0.5]
    assert Linear(0.5, 0.5, 1).place(0.5) == 1.0
    assert way.due(8) == {3: 0.25, 4: 0.5, 5: 0.75, 6: 1.0}
    assert way.due(2) == {1: 1.0}
    assert Linear(0.3, 0.3, updates=1).due(10) == {3: 1.0}


def test_as_many_updates_as_a_million():
    assert Cubic(updates=10**6).updates == 10**6


@pytest.mark.parametrize("kind", GRADUAL)
@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"begin": -0.1}, "begin must be in [0, 1], got -0.1 in {}()"),
        ({"begin": 1.1}, "begin must be in [0, 1], got 1.1 in {}()"),
        ({"end": -0.1}, "end must be in [0, 1], got -0.1 in {}()"),
        ({"end": 1.1}, "end must be in [0, 1], got 1.1 in {}()"),
        ({"begin": 0.7}, "begin must be at most end, got begin=0.7, end=0.6 in {}()"),
        ({"updates": 0}, "updates must be at least 1, got 0 in {}()"),
        ({"updates": 10**6 + 1}, "updates must be at most 1000000, got 1000001 in {}()"),
    ],
)
def test_when_it_cannot_be(kind, asked, says):
    _refuses(lambda: kind(**asked), says.format(kind.__name__))


@pytest.mark.parametrize("schedule", [Linear(), Geometric(), Constant()], ids=repr)
@pytest.mark.parametrize(
    ("way", "says"),
    [
        ((-0.1, 0.0, 0.5), "t must be in [0, 1], got -0.1 in level()"),
        ((1.1, 0.0, 0.5), "t must be in [0, 1], got 1.1 in level()"),
        (("1", 0.0, 0.5), "t must be a number, got str '1' in level()"),
        ((0.5, -0.1, 0.5), "initial must be in [0, 0.5], got -0.1 in level()"),
        ((0.5, 0.6, 0.5), "initial must be in [0, 0.5], got 0.6 in level()"),
        ((0.5, 0.0, -0.1), "final must be in [0, 1], got -0.1 in level()"),
        ((0.5, 0.0, 1.1), "final must be in [0, 1], got 1.1 in level()"),
        ((0.5, 0.0, None), "final must be a number, got NoneType None in level()"),
    ],
)
def test_a_way_that_is_none(schedule, way, says):
    _refuses(lambda: schedule.level(*way), says)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: Linear().place(-0.1), "progress must be in [0, 1], got -0.1 in place()"),
        (lambda: Linear().place(1.1), "progress must be in [0, 1], got 1.1 in place()"),
        (lambda: Linear().sparsity(0.5, -0.1), "final must be in [0, 1), got -0.1 in sparsity()"),
        (lambda: Linear().sparsity(0.5, 0.5, -0.1), "initial must be in [0, 0.5], got -0.1 in sparsity()"),
        (lambda: Linear().sparsity(0.5, 0.5, 0.6), "initial must be in [0, 0.5], got 0.6 in sparsity()"),
        (lambda: Linear().due(0), "steps must be at least 1, got 0 in due()"),
        (lambda: OneShot(at=-0.1), "at must be in [0, 1], got -0.1 in OneShot()"),
        (lambda: OneShot(at=1.1), "at must be in [0, 1], got 1.1 in OneShot()"),
        (lambda: Custom(3), "function must be a function of t, got 3 in Custom()"),
        (lambda: Custom(int), "function must be a function of t, got <class 'int'> in Custom()"),
        (lambda: Custom(lambda t: "1"), "function(1) must be a number, got str '1' in Custom()"),
        (
            lambda: Custom(lambda t: 0.9 * t),
            "function must be 1 at t = 1, got 0.9 in Custom(); divide it by that to land there",
        ),
        (
            lambda: Custom(lambda t: (1 + 1e-8) * t),
            "function must be 1 at t = 1, got 1.00000001 in Custom(); divide it by that to land there",
        ),
        (
            lambda: Custom(lambda t: abs(2 * t - 1), updates=4),
            "function must never fall, got 0.5 at t = 0.25 after 1 in Custom()",
        ),
        (
            lambda: Custom(lambda t: t if t != 0.75 else 0.25, updates=4),
            "function must never fall, got 0.25 at t = 0.75 after 0.5 in Custom()",
        ),
        (
            lambda: Custom(lambda t: min(2 * t, 3 - 2 * t), updates=4),
            "function(0.75) must be at most 1, got 1.5 in Custom()",
        ),
        (
            lambda: Custom(lambda t: t if t == 1 else -1.0),
            "function(0) must be at least 0 and finite, got -1 in Custom()",
        ),
    ],
)
def test_what_else_is_refused(ask, says):
    _refuses(ask, says)


def _refuses(ask, says):
    with pytest.raises(mp.MinpruneError) as caught:
        ask()
    assert str(caught.value) == says
