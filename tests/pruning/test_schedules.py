"""Schedules: monotone, exact at both ends, and landing whatever the numbers of steps and updates."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.schedules import Schedule, between

shares = st.one_of(st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.floats(0, 1))


@st.composite
def schedules(draw):
    begin, end = sorted([draw(shares), draw(shares)])
    return draw(st.sampled_from([mp.OneShot(at=end), mp.Cubic(begin=begin, end=end, updates=draw(st.integers(1, 60)))]))


@given(schedules(), st.lists(shares, min_size=2, max_size=20), st.floats(0, 0.99), st.floats(0, 0.99))
def test_schedule_monotone(schedule, progresses, one, other):
    """Targets never fall, start at the start value and end at the end value exactly."""
    initial, final = sorted([one, other])
    targets = [schedule.sparsity(p, final, initial) for p in sorted(progresses)]
    assert targets == sorted(targets)
    assert all(initial <= target <= final for target in targets)
    assert schedule.sparsity(0.0, final, initial) == (initial if schedule.end > 0 else final)
    for progress in (schedule.begin, 1.0, schedule.end):
        at_end = progress >= schedule.end
        assert schedule.sparsity(progress, final, initial) == (final if at_end else initial)


@given(schedules(), st.integers(1, 500))
def test_schedule_lands(schedule, steps):
    """The last masks are set before the last step at the latest, and go the whole way."""
    due = schedule.due(steps)
    assert list(due) == sorted(due)
    assert min(due) >= 0
    assert max(due) <= steps - 1
    assert list(due.values()) == sorted(due.values())
    assert list(due.values())[-1] == 1.0
    assert all(0 <= share <= 1 for share in due.values())
    assert 1 <= len(due) <= schedule.updates


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 12), st.integers(1, 60))
def test_updates_fall_on_the_first_step_that_is_far_enough(a, b, updates, steps):
    """Against looking through the steps, in fractions; of updates on one step the last stands."""
    begin, end = sorted([a, b])
    expected = {}
    for k in range(1, updates + 1):
        progress = Fraction(begin, 20) + Fraction(end - begin, 20) * Fraction(k, updates)
        step = next((s for s in range(steps) if Fraction(s, steps) >= progress), steps - 1)
        expected[step] = 1 - (1 - k / updates) ** 3
    due = mp.Cubic(begin=begin / 20, end=end / 20, updates=updates).due(steps)
    assert list(due) == list(expected)
    assert list(due.values()) == pytest.approx(list(expected.values()))


@given(shares, st.integers(1, 60), st.integers(1, 100), st.floats(0, 0.99))
def test_schedule_degenerate(moment, updates, steps, final):
    """begin = end is one shot, whatever the number of updates; and a way of length 0 stays where it is."""
    sudden = mp.Cubic(begin=moment, end=moment, updates=updates)
    assert sudden.due(steps) == mp.OneShot(at=moment).due(steps)
    for progress in (0.0, moment, 1.0):
        assert sudden.share(progress) == mp.OneShot(at=moment).share(progress) == float(progress >= moment)
        assert sudden.sparsity(progress, 0.0) == 0.0
        assert sudden.sparsity(progress, final, final) == final


@given(st.floats(0, 1), st.floats(0, 0.9), st.floats(0, 0.9))
def test_cubic_is_the_formula_of_the_paper(progress, one, other):
    """s_f + (s_i − s_f)(1 − (t − t_0)/(nΔt))³, from t_0 = 0.2 to t_0 + nΔt = 0.7."""
    initial, final = sorted([one, other])
    t = min(max(progress, 0.2), 0.7)
    expected = final + (initial - final) * (1 - (t - 0.2) / 0.5) ** 3
    got = mp.Cubic(begin=0.2, end=0.7).sparsity(progress, final, initial)
    assert got == pytest.approx(expected, abs=1e-12)


def test_by_hand():
    assert mp.OneShot(at=0.5).due(10) == {5: 1.0}
    assert mp.OneShot(at=0.0).due(10) == {0: 1.0}
    assert mp.OneShot(at=1.0).due(10) == {9: 1.0}
    assert mp.Cubic(begin=0.0, end=1.0, updates=2).due(4) == {2: 0.875, 3: 1.0}
    assert mp.Cubic(begin=0.2, end=0.6, updates=4).due(10) == {
        3: 1 - 0.75**3,
        4: 1 - 0.5**3,
        5: 1 - 0.25**3,
        6: 1.0,
    }
    assert mp.Cubic(updates=50).due(1) == {0: 1.0}


@given(st.floats(0, 0.99), st.floats(0, 0.99), st.lists(st.floats(0, 1), min_size=2))
def test_no_rounding_leaves_the_ends(one, other, ways):
    initial, final = sorted([one, other])
    ways += [float(np.nextafter(1.0, 0.0)), 1.0]
    values = [between(initial, final, share) for share in sorted(ways)]
    assert values == sorted(values)
    assert all(initial <= value <= final for value in values)
    assert between(initial, final, 0.0) == initial
    assert between(initial, final, 1.0) == final


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: mp.Cubic(begin=-0.1), InvalidValueError, r"begin must be in \[0, 1\], got -0.1 in Cubic\(\)"),
        (lambda: mp.Cubic(end=1.1), InvalidValueError, r"end must be in \[0, 1\], got 1.1 in Cubic\(\)"),
        (lambda: mp.Cubic(begin=np.nan), InvalidValueError, r"begin must be in \[0, 1\], got nan in Cubic\(\)"),
        (lambda: mp.Cubic(begin="0"), InvalidTypeError, r"begin must be a number, got str '0' in Cubic\(\)"),
        (lambda: mp.Cubic(0.6, 0.5), InvalidValueError, r"begin must be at most end, got begin=0.6, end=0.5 in Cubic"),
        (lambda: mp.Cubic(updates=0), InvalidValueError, r"updates must be at least 1, got 0 in Cubic\(\)"),
        (
            lambda: mp.Cubic(updates=2.0),
            InvalidTypeError,
            r"updates must be a whole number, got float 2.0 in Cubic\(\)",
        ),
        (lambda: mp.OneShot(at=2), InvalidValueError, r"at must be in \[0, 1\], got 2 in OneShot\(\)"),
        (lambda: mp.OneShot(at=None), InvalidTypeError, r"at must be a number, got NoneType None in OneShot\(\)"),
        (lambda: mp.Cubic().due(0), InvalidValueError, r"steps must be at least 1, got 0 in due\(\)"),
        (lambda: mp.Cubic().share(1.5), InvalidValueError, r"progress must be in \[0, 1\], got 1.5 in share\(\)"),
        (lambda: mp.Cubic().sparsity(0.5, 1.0), InvalidValueError, r"final must be in \[0, 1\), got 1 in sparsity\(\)"),
        (
            lambda: mp.Cubic().sparsity(0.5, 0.5, initial=0.6),
            InvalidValueError,
            r"initial must be in \[0, 0.5\], got 0.6 in sparsity\(\)",
        ),
        (lambda: Schedule(0, 1, 1), TypeError, "abstract"),
    ],
)
def test_bad_input_is_refused(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_reprs():
    assert repr(mp.OneShot(at=0.25)) == "OneShot(at=0.25)"
    assert repr(mp.Cubic(0.1, 0.6, updates=7)) == "Cubic(begin=0.1, end=0.6, updates=7)"
