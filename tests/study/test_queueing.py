from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minprune.study.queueing import arrivals, highest_rate, percentile, response_at, waits

times = st.lists(st.floats(0.01, 10.0), min_size=1, max_size=60)


def served_by_hand(service, gaps):
    """One server, one request after another: when each arrives, is begun and is done."""
    waited, arrived, free = [], 0.0, 0.0
    for n, took in enumerate(service):
        arrived += gaps[n] if n else 0.0
        begun = max(arrived, free)
        free = begun + took
        waited.append(begun - arrived)
    return waited


def draws(seed=0):
    return np.random.default_rng(seed)


@given(times, st.data())
def test_waits_are_those_of_a_server_that_takes_one_after_another(service, data):
    gaps = data.draw(st.lists(st.floats(0.0, 10.0), min_size=len(service), max_size=len(service)))
    found = waits(np.array(service), np.array(gaps))
    np.testing.assert_allclose(found, served_by_hand(service, gaps), rtol=1e-9, atol=1e-9)
    assert found[0] == 0
    assert (found >= 0).all()


def simulated(load, service, seed, n=400_000):
    return service, draws(seed).exponential(size=n) / load


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_with_equal_service_times_the_mean_wait_is_that_of_m_d_1(load):
    service, gaps = simulated(load, np.ones(400_000), 1)
    assert waits(service, gaps).mean() == pytest.approx(load / (2 * (1 - load)), rel=0.04)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_with_exponential_service_times_responses_are_those_of_m_m_1(load):
    service, gaps = simulated(load, draws(2).exponential(size=400_000), 3)
    response = waits(service, gaps) + service
    assert response.mean() == pytest.approx(1 / (1 - load), rel=0.05)
    for share in (0.5, 0.9, 0.99):  # they are exponential with the mean 1 / (1 − load)
        assert percentile(response, share) == pytest.approx(-np.log(1 - share) / (1 - load), rel=0.1)


def test_the_highest_rate_is_the_one_that_the_formula_of_m_m_1_gives():
    # The 99th percentile is ln 100 / (1 − rate), so it is 20 where the rate is 1 − ln 100 / 20.
    service, gaps = simulated(1.0, draws(4).exponential(size=400_000), 5)
    assert highest_rate(service, gaps, budget=20.0) == pytest.approx(1 - np.log(100) / 20, rel=0.02)


@given(times, st.floats(0.05, 50.0), st.integers(0, 100))
def test_the_highest_rate_keeps_the_budget_and_a_bit_more_does_not(service, budget, seed):
    service = np.array(service)
    gaps = draws(seed).exponential(size=len(service))
    assume(abs(percentile(service, 0.99) - budget) > 1e-6)
    found = highest_rate(service, gaps, budget)
    if percentile(service, 0.99) > budget:
        assert found == 0
        return
    assert 0 < found <= 1 / service.mean()
    assert response_at(found, service, gaps) <= budget
    if found < 1 / service.mean():
        assert response_at(found * (1 + 1e-6), service, gaps) > budget


def test_a_rate_beyond_what_the_server_can_do_is_none_that_keeps_a_budget_for_long():
    # In 1000 requests no queue gets as long as 1000, at any rate. It would, later.
    assert highest_rate(np.full(1000, 0.5), np.ones(1000), budget=1000.0) == 2.0


def test_a_budget_that_is_met_exactly_is_kept():
    assert highest_rate(np.ones(10), np.ones(10), budget=1.0) == 1.0
    assert highest_rate(np.ones(10), np.full(10, 0.5), budget=1.0) == pytest.approx(0.5)


def test_the_share_that_must_be_in_time_may_be_another():
    service = draws(7).exponential(size=500)
    gaps = draws(8).exponential(size=500)
    found = highest_rate(service, gaps, 2.0, share=0.5)
    assert highest_rate(service, gaps, 6.0) == highest_rate(service, gaps, 6.0, share=0.99) < 1 / service.mean()
    assert response_at(found, service, gaps, 0.5) <= 2.0 < response_at(found * (1 + 1e-6), service, gaps, 0.5)


@given(times, st.integers(0, 100))
def test_a_percentile_can_only_grow_with_the_rate(service, seed):
    service = np.array(service)
    gaps = draws(seed).exponential(size=len(service))
    found = [response_at(rate, service, gaps) for rate in (0.01, 0.1, 0.5, 1.0, 3.0, 100.0)]
    assert all(b >= a - 1e-9 for a, b in pairwise(found))


@given(st.lists(st.integers(0, 20), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99, 0.999, 1.0]))
def test_a_percentile_is_the_smallest_value_that_the_share_does_not_exceed(values, share):
    enough = [v for v in sorted(values) if sum(other <= v for other in values) >= share * len(values) - 1e-6]
    assert percentile(np.array(values, float), share) == enough[0]


@given(st.floats(1.0, 2000.0), st.floats(0.01, 1.0), st.integers(0, 50))
def test_arrivals_rise_and_lie_within_the_stream(rate, seconds, seed):
    found = arrivals(rate, seconds, draws(seed))
    assert (found >= 0).all()
    assert (found < seconds).all()
    assert (np.diff(found) > 0).all()
    assert np.array_equal(found, arrivals(rate, seconds, draws(seed)))


class Short:
    """Draws whose sums are much smaller than usual, so that the first lot ends early."""

    def exponential(self, scale, size):
        return np.full(size, scale / 3)


def test_arrivals_go_on_to_the_end_where_many_gaps_are_short():
    found = arrivals(30.0, 1.0, Short())
    np.testing.assert_allclose(found, np.arange(1, 90) / 90)


class Late:
    """Draws of which the first lies at the end of the stream already."""

    def exponential(self, scale, size):
        self.asked = (scale, size)
        return np.full(size, 0.5)


def test_an_arrival_at_the_end_is_none_and_nothing_is_drawn_beyond_it():
    late = Late()
    assert arrivals(4.0, 0.5, late).tolist() == []
    assert late.asked == (0.25, 9)  # two are usual, and four times their root more; and one


class Exact:
    """Draws whose sum is the end of the stream, to the last bit; they can be asked for once."""

    def exponential(self, scale, size):
        assert not hasattr(self, "size"), "asked again"
        self.size = size
        return np.append(np.full(size - 1, 1 / 16), 1 - (size - 1) / 16)


def test_draws_that_just_reach_the_end_are_enough():
    assert len(arrivals(2.0, 1.0, Exact())) == 8


def test_gaps_are_exponential_and_counts_are_poisson():
    found = arrivals(1000.0, 200.0, draws(6))
    gaps = np.diff(found)
    assert gaps.mean() == pytest.approx(1e-3, rel=0.01)
    for share in (0.1, 0.5, 0.9, 0.99):
        assert percentile(gaps, share) == pytest.approx(-np.log(1 - share) * 1e-3, rel=0.03)
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.01
    counts = np.bincount(found.astype(int), minlength=200)
    assert counts.var() == pytest.approx(counts.mean(), rel=0.3)
