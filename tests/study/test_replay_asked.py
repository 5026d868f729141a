"""What a replay asks of the parts that it stands on, when little is said and when all is: those take notes."""

from types import SimpleNamespace

import numpy as np
import pytest
from clocks import Ticking
from noting import Bar, Notes
from test_drawn import ONE

from minprune.errors import InvalidValueError
from minprune.study import replay, serving, timing
from minprune.study.serving import Served


@pytest.fixture
def served(monkeypatch):
    clock, notes = Ticking(), SimpleNamespace(bar=Bar())
    for place in (serving, timing):
        monkeypatch.setattr(place, "perf_counter_ns", clock)

    def serve(models, rows, streams, *, seconds, slices, step):
        step()
        answered = {}
        for name, (rate, arrived) in streams.items():
            answered[name] = Served(rate, arrived, arrived, arrived + 0.001, seconds)
        return answered

    for name, answer in (("serve_in_turns", serve), ("time_in_turns", timing.time_in_turns),
                         ("highest_rate", lambda service, gaps, budget, share: 200.0)):  # fmt: skip
        setattr(notes, name, Notes(answer))
        monkeypatch.setattr(replay, name, getattr(notes, name))
    monkeypatch.setattr(replay, "Progress", notes.bar)
    monkeypatch.setattr(replay, "blas", lambda: ONE)
    notes.model = lambda name, ms=2: clock.model(name, ms * 10**6)
    return notes


X = np.arange(20.0).reshape(10, 2)


def test_a_replay_of_which_little_is_said(served):
    found = replay.replay({"a": served.model("a"), "b": served.model("b", 5)}, X)
    assert (found.seconds, found.budget, found.blas) == (5.0, 0.01, ONE)
    assert found.rate == pytest.approx(100, rel=1e-3)  # half of what the slower one can do
    [((models, rows), how)] = served.time_in_turns
    assert (list(models), rows.shape, how["seconds"], how["rounds"]) == (["a", "b"], (10, 2), 0.1, 3)
    assert isinstance(how["rng"], np.random.Generator)
    (names, requests, _), how = served.serve_in_turns[0]
    assert (list(names), len(requests), requests[0].shape) == (["a", "b"], 10, (1, 2))
    assert (how["seconds"], how["slices"]) == (5.0, 10)
    assert served.bar.asked == (40, "serving, 15.0 s or more", None)
    assert len(served.bar.steps) == len(served.serve_in_turns)
    draws = np.random.default_rng(0)
    order = draws.permutation(10)
    np.testing.assert_array_equal(np.concatenate(requests), X[order])


def test_rates_are_tried_for_half_the_time_upwards_in_longer_and_longer_steps_eight_times_at_most(served):
    found = replay.replay(served.model("a"), X, rate=100, seconds=2, slices=3, progress=True)
    runs = served.serve_in_turns
    assert len(runs) == 1 + 8
    rates = [args[2]["model"][0] for args, _ in runs]
    assert rates[:2] == [100.0, 200.0]
    assert np.divide(rates[2:], rates[1:-1]) == pytest.approx([1.1, 1.1**2, 1.1**4, *[1.1**8] * 4])
    for (_, _, streams), how in runs[1:]:
        assert how["seconds"] == 1.0
        assert 0.8 < streams["model"][1].max() < 1.0
        assert how["slices"] == 3
    assert [run.rate for run in found.highest["model"].tried] == rates[1:]
    assert found._gaps.shape == (1_000_000,)
    assert served.bar.asked == (6, "serving, 3.00 s or more", True)
    ((service, gaps, budget, share), _) = served.highest_rate[0]
    assert (len(service), len(gaps), budget, share) == (100_000, 100_000, 0.01, 0.99)


def test_a_rate_that_would_bring_too_many_requests_is_not_tried(served, monkeypatch):
    for most, tries in ((400, 1), (399, 0)):
        monkeypatch.setattr(replay, "_MOST_REQUESTS", most)
        found = replay.replay(served.model("a"), X, rate=100, seconds=2)
        assert [run.rate for run in found.highest["model"].tried] == [200.0] * tries
    monkeypatch.setattr(replay, "_MOST_REQUESTS", 200)
    assert replay.replay(served.model("a"), X, rate=100, seconds=2).rate == 100
    with pytest.raises(InvalidValueError) as refused:
        replay.replay(served.model("a"), X, rate=100.5, seconds=2)
    assert str(refused.value) == "rate must leave at most 200 requests in 2 s, got 100.5 in replay()"


@pytest.mark.parametrize(("requests", "tried"), [(99, 0), (100, 1)])
def test_a_run_has_a_hundred_requests(served, monkeypatch, requests, tried):
    monkeypatch.setattr(replay, "arrivals", lambda rate, length, draws: np.arange(requests) * 1e-6)
    monkeypatch.setattr(replay, "_ATTEMPTS", 1)
    assert len(replay.replay(served.model("a"), X, rate=100).highest["model"].tried) == tried


def test_there_are_1024_different_requests_at_most(served):
    for rows, requests in ((1023, 1023), (2000, 1024)):
        replay.replay(served.model("a"), np.zeros((rows, 2)), rate=100)
        assert len(served.serve_in_turns[-1][0][1]) == requests


def test_names_and_rates_of_response_at_are_refused_in_full(served):
    found = replay.replay(served.model("a"), X, rate=100)
    for asked, text in (
        (("modle", 1), "name must be a known name, got 'modle' in response_at(); did you mean 'model'? Known: model"),
        (("model", -1), "rate must be greater than 0 and finite, got -1 in response_at()"),
    ):
        with pytest.raises(InvalidValueError) as refused:
            found.response_at(*asked)
        assert str(refused.value) == text


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(0.4567, "0.457"), (12.0, "12"), (99.94, "99.9"), (100.0, "100"), (1709.4, "1,709"), (1e6, "1,000,000")],
)
def test_a_rate_is_shown_with_three_digits_at_least(rate, shown):
    assert replay.per_second(rate) == shown


@pytest.mark.parametrize(("budget", "length"), [(0.01, 100_000), (1.0, 100_000), (2.0, 200_000), (50.0, 1_000_000)])
def test_a_simulation_is_a_hundred_budgets_long(budget, length):
    service, gaps = replay._simulated(np.array([0.0005, 0.0015]), np.ones(1_000_000), budget)
    assert len(service) == len(gaps) == length
    assert service[:3].tolist() == [0.0005, 0.0015, 0.0005]
