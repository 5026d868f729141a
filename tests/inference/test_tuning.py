"""Tuning: how long each call takes, by a clock that only the calls move."""

import pytest

from minprune.inference import tuning
from minprune.inference.tuning import race

US = 1000


class _Clock:
    def __init__(self):
        self.now, self.called = 0, []

    def call(self, name, *nanoseconds, then=None):
        """A call that takes these times, one after the other, and `then` later on (the last one if not given)."""
        first = list(nanoseconds)

        def call():
            self.called.append(name)
            self.now += first.pop(0) if first else nanoseconds[-1] if then is None else then

        return call


@pytest.fixture
def clock(monkeypatch):
    clock = _Clock()
    monkeypatch.setattr(tuning, "perf_counter_ns", lambda: clock.now)
    return clock


def _race(clock, seconds=1e-3, **times):
    """Race calls that take these times; nanoseconds come back."""
    calls = {name: clock.call(name, *(took if isinstance(took, tuple) else (took,))) for name, took in times.items()}
    return {name: round(took * 1e9) for name, took in race(calls, seconds).items()}


def test_each_has_the_median_of_its_times(clock):
    assert _race(clock, dense=9 * US, a=5 * US, b=8 * US) == {"dense": 9 * US, "a": 5 * US, "b": 8 * US}


def test_a_slow_or_a_quick_call_now_and_then_does_not_count(clock):
    slow_at_times = (2 * US, 900 * US, 2 * US, 2 * US, 900 * US, 2 * US, 2 * US)
    quick_at_times = (3 * US, 1 * US, 3 * US)
    assert _race(clock, 1e-2, a=slow_at_times, b=quick_at_times) == {"a": 2 * US, "b": 3 * US}


def test_the_first_call_of_a_burst_is_not_counted(clock):
    cold = ([50 * US] + [2 * US] * tuning._BURST) * 300
    assert _race(clock, dense=3 * US, csr=tuple(cold)) == {"dense": 3 * US, "csr": 2 * US}


def test_they_take_turns_in_bursts(clock):
    _race(clock, a=1 * US, b=1 * US)
    burst = tuning._BURST + 1
    assert clock.called[: 4 * burst] == (["a"] * burst + ["b"] * burst) * 2
    assert abs(clock.called.count("a") - clock.called.count("b")) <= tuning._BURST


def test_who_takes_far_longer_than_the_fastest_drops_out_and_who_is_close_goes_on(clock):
    hopeless = round(tuning._HOPELESS * 10 * US)
    assert _race(clock, a=10 * US, close=hopeless - 1, far=hopeless) == {
        "a": 10 * US,
        "close": hopeless - 1,
        "far": hopeless,
    }
    burst = tuning._BURST + 1
    assert clock.called.count("far") == burst
    assert clock.called.count("close") > 2 * burst
    assert clock.called.count("a") > 2 * burst


def test_one_that_was_slow_in_the_first_round_only_is_judged_by_its_median(clock):
    late = tuple([90 * US] * 3 + [1 * US] * 100)  # the first is not counted, then two of the burst are slow
    assert _race(clock, a=2 * US, late=late)["late"] == 1 * US


def test_the_race_ends_when_only_one_is_left(clock):
    _race(clock, 1.0, a=1 * US, b=9 * US)
    assert len(clock.called) == 2 * (tuning._BURST + 1)


def test_the_time_asked_for_is_kept_to(clock):
    _race(clock, 1e-3, dense=20 * US, csr=30 * US)
    assert 1000 * US <= clock.now <= 1000 * US + 2 * (20 + 30) * US


def test_time_is_up_on_the_dot(clock):
    _race(clock, 6e-6, a=2 * US, b=2 * US)
    assert (
        clock.called == ["a"] * 3 + ["b"] * 2
    )  # a's burst ends early, for no time is left when it has been timed twice
    clock.called.clear()
    clock.now = 0
    burst = tuning._BURST + 1
    _race(clock, 2 * burst * 1e-6, a=1 * US, b=1 * US)
    assert clock.called == ["a"] * burst + ["b"] * burst


def test_seconds_are_seconds(clock):
    _race(clock, 1.0, a=125_000 * US, b=125_000 * US)
    assert clock.called == ["a"] * (tuning._BURST + 1) + ["b"] * 2


def test_it_ends_though_calls_take_no_time(clock):
    assert _race(clock, 1.0, dense=0, csr=0) == {"dense": 1, "csr": 1}
    assert len(clock.called) == 2 * tuning._MOST_ROUNDS * (tuning._BURST + 1)


def test_without_time_each_is_timed_once_all_the_same(clock):
    assert _race(clock, 0.0, dense=4 * US, csr=3 * US, ell=99 * US) == {"dense": 4 * US, "csr": 3 * US, "ell": 99 * US}
    assert clock.called == ["dense", "dense", "csr", "csr", "ell", "ell"]


def test_there_are_at_least_as_many_rounds_as_asked_for_however_long_they_take(clock):
    calls = {name: clock.call(name, 10_000 * US) for name in ("a", "b")}
    race(calls, 0.0, least=3)
    assert clock.called == ["a", "a", "b", "b"] * 3


def test_one_alone_is_timed_in_one_burst(clock):
    assert _race(clock, 1.0, dense=4 * US) == {"dense": 4 * US}
    assert len(clock.called) == tuning._BURST + 1


def test_names_may_be_of_any_kind_that_can_be_one(clock):
    calls = {("rows", "features"): clock.call("a", US), 3: clock.call("b", US)}
    assert list(race(calls, 0.0)) == [("rows", "features"), 3]
