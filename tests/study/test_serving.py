import numpy as np
import pytest
from clocks import Clock, Ticking
from hypothesis import given
from hypothesis import strategies as st

from minprune.study import serving
from minprune.study.queueing import waits
from minprune.study.serving import Served, serve_in_turns

MS = 10**6  # nanoseconds
ROWS = [np.full((1, 2), i) for i in range(3)]


@pytest.fixture
def clock(monkeypatch):
    clock = Ticking()
    monkeypatch.setattr(serving, "perf_counter_ns", clock)
    monkeypatch.setattr(serving, "sleep", clock.sleep)
    return clock


def serve(model, arrived, *, seconds=1.0, slices=1, rows=ROWS, **models):
    models = {"m": model, **models}
    streams = dict.fromkeys(models, (10.0, np.array(arrived)))
    return serve_in_turns(models, rows, streams, seconds=seconds, slices=slices)


def about(seconds):
    return pytest.approx(seconds, abs=20e-6)


def test_requests_are_answered_in_order_one_by_one_and_waiting_counts(clock):
    # 30 ms each: the second comes while the first is served, the third while the second waits, the fourth much later.
    found = serve(clock.model("m", 30 * MS), [0.010, 0.020, 0.030, 0.500])["m"]
    assert found.started == about([0.010, 0.040, 0.070, 0.500])
    assert found.finished == about([0.040, 0.070, 0.100, 0.530])
    assert found.service == about([0.030] * 4)
    assert found.response == about([0.030, 0.050, 0.070, 0.030])
    assert found.utilisation == pytest.approx(0.120, abs=1e-3)
    assert (found.unanswered, found.ended) == (0, 1.0)


def test_a_server_that_is_stuck_once_makes_all_wait_that_arrive_meanwhile(clock):
    # A closed loop would have sent one request in this second and seen one slow answer of ten.
    arrived = np.arange(10) / 10
    found = serve(clock.model("m", MS, 1000 * MS, *[MS] * 20), arrived, seconds=1.5)["m"]
    assert found.response == about([1.0 + 0.001 * i - 0.1 * i for i in range(10)])
    assert found.within(0.5) == 0.4  # the last four
    assert found.percentile(0.5) == about(0.505)


def test_it_sleeps_until_shortly_before_an_arrival_and_not_at_all_before_a_near_one(clock):
    serve(clock.model("m", MS), [0.1, 0.1014])
    assert clock.slept == [pytest.approx(0.1 - MS - 5e-4 + MS, abs=2e-5)]


def test_who_wakes_up_late_lets_the_request_wait(clock):
    clock.late = 7 * MS
    found = serve(clock.model("m", MS), [0.1])["m"]
    assert found.started == about([0.1065])
    assert found.response == about([0.0075])
    assert found.occupied == about([0.0075])  # what kept the server from starting counts
    assert found.service == about([0.001])


def test_rows_are_asked_one_after_another_and_again_from_the_first_and_the_first_call_is_not_counted(clock):
    serve(clock.model("m", MS), [0.1, 0.2, 0.3, 0.4])
    assert [int(x[0, 0]) for _, x in clock.calls] == [2, 0, 1, 2, 0]
    assert all(x.shape == (1, 2) for _, x in clock.calls)


def test_models_take_turns_and_who_comes_first_changes(clock):
    arrived = np.arange(8) / 8
    found = serve(clock.model("a", MS), arrived, slices=4, b=clock.model("b", MS))
    assert "".join(clock.names) == "aaabbb" + "bbbaaa" + "aaabbb" + "bbbaaa"  # two requests, and one not counted
    assert found["m"].response == about(found["b"].response)


def test_the_clock_of_a_model_stands_still_while_others_have_their_turn(clock):
    slow = clock.model("slow", 100 * MS)
    found = serve(clock.model("m", MS), [0.05, 0.55, 0.95], slices=10, slow=slow)
    assert found["m"].response == about([0.001] * 3)
    assert found["slow"].response == about([0.100] * 3)


def test_who_has_nothing_to_do_until_the_slice_ends_passes_the_turn_on(clock):
    serve(clock.model("m", MS), [0.05, 0.951], slices=10)
    assert sum(clock.slept) == pytest.approx(0.05 + 0.051, abs=0.002)


def test_a_queue_at_the_end_of_a_slice_is_there_when_the_next_one_begins(clock):
    # Slices of 100 ms; ten arrive at once and take 30 ms each, so that they go on until 0.3.
    arrived = [0.001 * i for i in range(1, 11)]
    found = serve(clock.model("m", 30 * MS), arrived, slices=10, other=clock.model("o", MS))["m"]
    assert found.finished == pytest.approx([0.001 + 0.030 * i for i in range(1, 11)], abs=1e-4)


def test_a_server_that_can_not_keep_up_goes_on_as_long_again_and_is_then_stopped(clock):
    arrived = np.arange(100) / 100  # one each 10 ms, and 50 ms to answer it
    found = serve(clock.model("m", 50 * MS), arrived, slices=4)["m"]
    assert found.unanswered == 60
    assert found.ended == pytest.approx(2.0, abs=0.05)
    assert found.response[:40] == pytest.approx(0.05 * np.arange(1, 41) - arrived[:40], abs=1e-3)
    assert found.response[40:] == pytest.approx(found.ended - arrived[40:])  # at least
    assert found.within(100.0) == 0.4
    assert found.utilisation == pytest.approx(1.0, abs=1e-3)


def test_a_queue_that_can_be_answered_in_that_time_is(clock):
    found = serve(clock.model("m", 31 * MS), np.arange(50) / 50, slices=4)["m"]
    assert found.unanswered == 0
    assert found.finished[-1] == pytest.approx(1.55, abs=1e-3)
    assert found.ended == found.finished[-1]  # not when its slice would have


def test_an_answer_that_the_clock_does_not_see_took_a_nanosecond(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(serving, "perf_counter_ns", clock)
    found = serve(clock.model("m", 0), [0.0])["m"]
    assert found.service == pytest.approx([1e-9])
    assert (found.arrived.tolist(), found.started.tolist()) == ([0.0], [0.0])


def test_times_are_kept_to_the_nanosecond(clock):
    found = serve(clock.model("m", MS), [0.25, 30.000000003], seconds=40)["m"]
    assert found.arrived.tolist() == pytest.approx([0.25, 30.000000003], abs=1e-10, rel=0)
    assert (found.rate, found.ended) == (10.0, 40)


@pytest.fixture
def still(monkeypatch):
    """A clock that moves only while a model answers and while somebody sleeps, who is never late."""
    clock = Ticking(look=0)
    monkeypatch.setattr(serving, "perf_counter_ns", clock)
    monkeypatch.setattr(serving, "sleep", clock.sleep)
    monkeypatch.setattr(serving, "_SPIN", 0)
    return clock


def test_nobody_is_begun_at_the_end_of_a_slice(still):
    # The first takes the whole slice, to the nanosecond; the second has to wait for the next one.
    serve(still.model("m", 1000 * MS), [0.0, 0.5], seconds=2, slices=2, n=still.model("n", MS))
    assert "".join(still.names) == "mm" + "nnn" + "n" + "mm"  # the first of each turn is not counted


def test_who_has_no_request_in_the_first_slice_waits_for_a_later_one(clock):
    found = serve(clock.model("m", MS), [0.95], slices=10)["m"]
    assert found.response == about([0.001])
    assert found.ended == 1.0


def test_the_last_answer_may_come_after_the_end(clock):
    found = serve(clock.model("m", 100 * MS), [0.99])["m"]
    assert found.ended == found.finished[0] == about(1.09)


def test_a_server_that_is_stopped_was_there_to_the_end(monkeypatch):
    clock = Ticking(look=10 * MS)  # so that it is between two requests when the time is up
    monkeypatch.setattr(serving, "perf_counter_ns", clock)
    found = serve(clock.model("m", 12 * MS), np.arange(99) / 100)["m"]
    assert found.unanswered > 0
    assert found.finished[-1] < 2.0
    assert found.ended == 2.0


def test_of_three_models_each_comes_first_in_turn(still):
    models = {name: still.model(name, MS) for name in "abc"}
    serve_in_turns(models, ROWS, dict.fromkeys("abc", (1.0, np.array([9.0]))), seconds=3.0, slices=3)
    assert "".join(still.names[:9]) == "abcbcacab"


def test_a_turn_is_told(clock):
    turns = []
    streams = dict.fromkeys("ab", (1.0, np.array([0.1])))
    models = {name: clock.model(name, MS) for name in "abc"}
    serve_in_turns(models, ROWS, streams, seconds=1.0, slices=3, step=lambda: turns.append(len(clock.calls)))
    assert len(turns) == 6
    assert set(clock.names) == {"a", "b"}


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_lindleys_recursion_with_the_times_that_requests_occupied_the_server_gives_what_was_measured(seed, n):
    draws = np.random.default_rng(seed)
    arrived = np.cumsum(draws.exponential(size=n))
    late, took = draws.exponential(0.1, n), draws.exponential(0.7, n)
    started, finished, free = np.empty(n), np.empty(n), 0.0
    for i in range(n):
        started[i] = max(arrived[i], free) + late[i]
        free = finished[i] = started[i] + took[i]
    served = Served(1.0, arrived, started, finished, float(finished[-1]))
    gaps = np.diff(arrived, prepend=0.0)
    np.testing.assert_allclose(waits(served.occupied, gaps) + served.occupied, served.response, atol=1e-9)


def served(responses, unanswered=0):
    n = len(responses)
    arrived = np.arange(n + unanswered, dtype=float)
    return Served(1.0, arrived, arrived[:n], arrived[:n] + responses, float(n + unanswered))


def test_a_percentile_needs_a_request_beyond_it():
    found = served(np.arange(1, 101) / 1000)
    assert found.percentile(0.5) == pytest.approx(0.050)
    assert found.percentile(0.99) == pytest.approx(0.099)
    assert found.percentile(0.999) is None


@pytest.mark.parametrize(("late", "share"), [(1, 0.99), (2, 0.98)])
def test_the_share_within_a_budget_and_the_percentile_say_the_same(late, share):
    found = served(np.where(np.arange(100) < late, 0.020, 0.010))
    assert found.within(0.015) == share
    assert (found.percentile(0.99) <= 0.015) == (share >= 0.99)
    assert found.within(0.001) == 0


def test_just_in_time_is_in_time():
    found = served(np.full(4, 0.5))
    assert (found.within(0.5), found.within(0.4999)) == (1.0, 0.0)


def test_who_got_no_answer_got_none_in_time():
    assert served(np.full(3, 0.5), unanswered=1).within(10.0) == 0.75
