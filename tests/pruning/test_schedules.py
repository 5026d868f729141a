"""Schedules: monotone, exact at both ends, and landing whatever the numbers of steps and updates."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.schedules import Constant, Cubic, Custom, Geometric, Linear, OneShot, Schedule

shares = st.one_of(st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.floats(0, 1))
GRADUAL = {
    "linear": Linear,
    "cubic": Cubic,
    "geometric": Geometric,
    "constant": Constant,
    "square": lambda *times: Custom(lambda t: t * t, *times),
    "steps": lambda *times: Custom(lambda t: math.floor(3 * t) / 3, *times),
}


@st.composite
def schedules(draw):
    begin, end = sorted([draw(shares), draw(shares)])
    kind = draw(st.sampled_from(["one shot", *GRADUAL]))
    return OneShot(at=end) if kind == "one shot" else GRADUAL[kind](begin, end, draw(st.integers(1, 60)))


@given(schedules(), st.lists(shares, min_size=2, max_size=20), st.floats(0, 0.99), st.floats(0, 0.99))
def test_schedule_monotone(schedule, progresses, one, other):
    """Targets never fall, start at the start value and end at the end value exactly."""
    initial, final = sorted([one, other])
    targets = [schedule.sparsity(p, final, initial) for p in sorted(progresses)]
    assert targets == sorted(targets)
    assert all(initial <= target <= final for target in targets)
    if schedule.begin > 0:
        assert schedule.sparsity(0.0, final, initial) == initial
        assert schedule.sparsity(np.nextafter(schedule.begin, 0), final, initial) == initial
    at_once = isinstance(schedule, Constant)
    for progress in (schedule.begin, 1.0, schedule.end):
        there = at_once or progress >= schedule.end
        assert schedule.sparsity(progress, final, initial) == (final if there else initial)


@given(schedules(), st.lists(st.floats(0, 1), min_size=1), st.floats(0, 0.999), st.floats(0, 0.999))
def test_no_rounding_leaves_the_ends(schedule, places, one, other):
    initial, final = sorted([one, other])
    places = sorted([0.0, *places, float(np.nextafter(1.0, 0.0)), 1.0])
    levels = [schedule.level(t, initial, final) for t in places]
    assert levels == sorted(levels)
    assert all(initial <= level <= final for level in levels)
    assert levels[0] == (final if isinstance(schedule, Constant) else initial)
    assert levels[-1] == final


@given(schedules(), st.integers(1, 500))
def test_schedule_lands(schedule, steps):
    """The last masks are set before the last step at the latest, and go the whole way."""
    due = schedule.due(steps)
    assert list(due) == sorted(due)
    assert min(due) >= 0
    assert max(due) <= steps - 1
    assert list(due.values()) == sorted(due.values())
    assert list(due.values())[-1] == 1.0
    assert all(0 <= t <= 1 for t in due.values())
    assert 1 <= len(due) <= schedule.updates


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 12), st.integers(1, 60), st.booleans())
def test_updates_fall_on_the_first_step_that_is_far_enough(a, b, updates, steps, constant):
    """Against looking through the steps, in fractions; of updates on one step the last stands."""
    begin, end = sorted([a, b])
    places = [Fraction(k, updates) for k in range(1, updates + 1)]
    if constant:
        places = [Fraction(k, max(1, updates - 1)) for k in range(updates)]
        end = begin if updates == 1 else end
    expected = {}
    for t in places:
        progress = Fraction(begin, 20) + Fraction(end - begin, 20) * t
        step = next((s for s in range(steps) if Fraction(s, steps) >= progress), steps - 1)
        expected[step] = float(t) if constant and updates > 1 else float(t or 1)
    due = (Constant if constant else Cubic)(begin=begin / 20, end=end / 20, updates=updates).due(steps)
    assert list(due) == list(expected)
    assert list(due.values()) == pytest.approx(list(expected.values()))


@given(shares, st.integers(1, 60), st.integers(1, 100), st.floats(0, 0.99), st.sampled_from(sorted(GRADUAL)))
def test_schedule_degenerate(moment, updates, steps, final, kind):
    """begin = end is one shot, whatever the number of updates; and a way of length 0 stays where it is."""
    sudden = GRADUAL[kind](moment, moment, updates)
    assert sudden.due(steps) == OneShot(at=moment).due(steps)
    for progress in (0.0, moment, 1.0):
        assert sudden.place(progress) == OneShot(at=moment).place(progress) == float(progress >= moment)
        assert sudden.sparsity(progress, final) == OneShot(at=moment).sparsity(progress, final)
        assert sudden.sparsity(progress, 0.0) == 0.0
        assert sudden.sparsity(progress, final, final) == final


@given(st.floats(0, 1), st.floats(0, 0.9), st.floats(0, 0.9))
def test_cubic_is_the_formula_of_the_paper(progress, one, other):
    """s_f + (s_i − s_f)(1 − (t − t_0)/(nΔt))³, from t_0 = 0.2 to t_0 + nΔt = 0.7."""
    initial, final = sorted([one, other])
    t = min(max(progress, 0.2), 0.7)
    expected = final + (initial - final) * (1 - (t - 0.2) / 0.5) ** 3
    got = Cubic(begin=0.2, end=0.7).sparsity(progress, final, initial)
    assert got == pytest.approx(expected, abs=1e-12)


@given(st.integers(1, 30), st.floats(0.01, 0.5), st.floats(0, 0.9))
def test_geometric_takes_the_same_share_of_what_remains_each_time(rounds, share, initial):
    """Against a loop that takes it."""
    kept = [1 - initial]
    for _ in range(rounds):
        kept.append(kept[-1] * (1 - share))
    way = Geometric(0, 1, rounds)
    assert [way.level(k / rounds, initial, 1 - kept[-1]) for k in range(rounds + 1)] == pytest.approx(
        [1 - density for density in kept], abs=1e-9
    )


def test_by_hand():
    assert OneShot(at=0.5).due(10) == {5: 1.0}
    assert OneShot(at=0.0).due(10) == {0: 1.0}
    assert OneShot(at=1.0).due(10) == {9: 1.0}
    assert Cubic(begin=0.0, end=1.0, updates=2).due(4) == {2: 0.5, 3: 1.0}
    assert Linear(begin=0.2, end=0.6, updates=4).due(10) == {3: 0.25, 4: 0.5, 5: 0.75, 6: 1.0}
    assert list(Linear(begin=0.1, end=0.6, updates=5).due(10)) == [2, 3, 4, 5, 6]  # 0.1 + 0.5 · 0.4 is above 0.3
    assert Cubic(updates=50).due(1) == {0: 1.0}
    assert Constant(0.0, 1.0, updates=3).due(10) == {0: 0.0, 5: 0.5, 9: 1.0}
    assert Constant(0.5, 1.0, updates=1).due(10) == {5: 1.0}
    assert [Cubic().level(t, 0.0, 0.5) for t in (0, 0.25, 0.5, 0.75, 1)] == [0, 37 / 128, 56 / 128, 63 / 128, 0.5]
    assert [Linear().level(t, 0.5, 1.0) for t in (0, 0.25, 0.5, 1)] == [0.5, 0.625, 0.75, 1.0]
    assert [Geometric().level(t, 0.0, 0.75) for t in (0, 0.5, 1)] == [0.0, 0.5, 0.75]
    assert [Constant().level(t, 0.0, 0.75) for t in (0, 0.5, 1)] == [0.75] * 3
    assert [Custom(lambda t: t**2).level(t, 0.0, 0.5) for t in (0, 0.5, 1)] == [0.0, 0.125, 0.5]
    assert [Constant(0.3).sparsity(p, 0.75) for p in (0.0, 0.2, 0.3, 0.5, 0.9)] == [0.0, 0.0, 0.75, 0.75, 0.75]


def test_a_function_that_misses_1_by_rounding_lands_all_the_same():
    for end in (1 - 1e-12, 1 + 1e-12):
        way = Custom(lambda t, end=end: t * end)
        assert way.level(1.0, 0.0, 0.75) == 0.75
        assert way.level(0.5, 0.0, 0.5) == pytest.approx(0.25)
    late = Custom(lambda t: min(1 + 1e-12, 2 * t))
    assert late.level(0.75, 0.0, 0.5) == 0.5


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Cubic(begin=-0.1), InvalidValueError, r"begin must be in \[0, 1\], got -0.1 in Cubic\(\)"),
        (lambda: Cubic(end=1.1), InvalidValueError, r"end must be in \[0, 1\], got 1.1 in Cubic\(\)"),
        (lambda: Cubic(begin=np.nan), InvalidValueError, r"begin must be in \[0, 1\], got nan in Cubic\(\)"),
        (lambda: Cubic(begin="0"), InvalidTypeError, r"begin must be a number, got str '0' in Cubic\(\)"),
        (lambda: Cubic(0.6, 0.5), InvalidValueError, r"begin must be at most end, got begin=0.6, end=0.5 in Cubic"),
        (lambda: Cubic(updates=0), InvalidValueError, r"updates must be at least 1, got 0 in Cubic\(\)"),
        (
            lambda: Cubic(updates=2.0),
            InvalidTypeError,
            r"updates must be a whole number, got float 2.0 in Cubic\(\)",
        ),
        (lambda: OneShot(at=2), InvalidValueError, r"at must be in \[0, 1\], got 2 in OneShot\(\)"),
        (lambda: OneShot(at=None), InvalidTypeError, r"at must be a number, got NoneType None in OneShot\(\)"),
        (lambda: Cubic().due(0), InvalidValueError, r"steps must be at least 1, got 0 in due\(\)"),
        (lambda: Cubic().place(1.5), InvalidValueError, r"progress must be in \[0, 1\], got 1.5 in place\(\)"),
        (lambda: Cubic().sparsity(0.5, 1.0), InvalidValueError, r"final must be in \[0, 1\), got 1 in sparsity\(\)"),
        (
            lambda: Cubic().sparsity(0.5, 0.5, initial=0.6),
            InvalidValueError,
            r"initial must be in \[0, 0.5\], got 0.6 in sparsity\(\)",
        ),
        (lambda: Schedule(0, 1, 1), TypeError, "abstract"),
        (lambda: Custom(0.5), InvalidTypeError, r"function must be a function of t, got 0.5 in Custom\(\)"),
        (lambda: Custom(int), InvalidTypeError, r"function must be a function of t, got <class 'int'> in Custom\(\)"),
        (
            lambda: Custom(lambda t: 0.9 * t),
            InvalidValueError,
            r"function must be 1 at t = 1, got 0.9 in Custom\(\); divide it by that to land there",
        ),
        (lambda: Custom(lambda t: 2 * t), InvalidValueError, r"function must be 1 at t = 1, got 2 in Custom\(\)"),
        (
            lambda: Custom(lambda t: None),
            InvalidTypeError,
            r"function\(1\) must be a number, got NoneType None in Cust",
        ),
        (
            lambda: Custom(lambda t: 1.0 if t > 0.5 else math.nan, updates=4),
            InvalidValueError,
            r"function\(0\) must be at least 0 and finite, got nan in Custom\(\)",
        ),
        (
            lambda: Custom(lambda t: 2 * t - 1, updates=4),
            InvalidValueError,
            r"function\(0\) must be at least 0 and finite, got -1 in Custom\(\)",
        ),
        (
            lambda: Custom(lambda t: abs(2 * t - 1), updates=4),
            InvalidValueError,
            r"function must never fall, got 0.5 at t = 0.25 after 1 in Custom\(\)",
        ),
        (
            lambda: Custom(lambda t: min(2 * t, 3 - 2 * t), updates=4),
            InvalidValueError,
            r"function\(0.75\) must be at most 1, got 1.5 in Custom\(\)",
        ),
        (
            lambda: Custom(lambda t: t if t in (0, 0.5, 1) else -1, updates=2).level(0.3, 0, 0.5),
            InvalidValueError,
            r"function\(0.3\) must be at least 0 and finite, got -1 in Custom\(\)",
        ),
        (lambda: Linear(end=2), InvalidValueError, r"end must be in \[0, 1\], got 2 in Linear\(\)"),
        (lambda: Geometric(updates=0), InvalidValueError, r"updates must be at least 1, got 0 in Geometric\(\)"),
        (lambda: Constant(0.8), InvalidValueError, r"begin must be at most end, got begin=0.8, end=0.75 in Constant"),
    ],
)
def test_bad_input_is_refused(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_reprs():
    assert repr(OneShot(at=0.25)) == "OneShot(at=0.25)"
    assert repr(Cubic(0.1, 0.6, updates=7)) == "Cubic(begin=0.1, end=0.6, updates=7)"
    assert repr(Geometric()) == "Geometric(begin=0.1, end=0.6, updates=50)"
    assert repr(Constant(0, 1, updates=3)) == "Constant(begin=0, end=1, updates=3)"
    assert repr(Custom(math.sqrt, updates=3)) == "Custom(sqrt, begin=0.1, end=0.6, updates=3)"


def test_geometric_goes_evenly_in_the_logarithm_of_the_density():
    assert [Geometric().ramp(t) for t in (0.0, 0.25, 1.0)] == [0.0, 0.25, 1.0]
