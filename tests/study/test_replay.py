import gc
import json
from dataclasses import replace

import numpy as np
import pytest
from clocks import Ticking

from minprune import Network
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.inference.compilation import compile
from minprune.study import replay as module
from minprune.study import serving, timing
from minprune.study.rates import Highest
from minprune.study.replay import Replay, replay
from minprune.study.serving import Served
from minprune.study.timing import Blas

MS = 10**6  # nanoseconds
X = np.arange(20.0).reshape(10, 2)


@pytest.fixture
def clock(monkeypatch):
    clock = Ticking()
    for place in (serving, timing):
        monkeypatch.setattr(place, "perf_counter_ns", clock)
    monkeypatch.setattr(serving, "sleep", clock.sleep)
    monkeypatch.setattr(serving, "_SPIN", 1000)  # this clock is watched slowly
    monkeypatch.setattr(module, "blas", lambda: Blas("someblas 1.0", 1, "OMP_NUM_THREADS"))
    return clock


def test_models_get_the_same_requests_at_the_same_moments(clock):
    found = replay({"a": clock.model("a", MS), "b": clock.model("b", 2 * MS)}, X, rate=50, seconds=4)
    a, b = found.served.values()
    assert np.array_equal(a.arrived, b.arrived)
    assert len(a.arrived) == pytest.approx(200, rel=0.2)
    assert a.service == pytest.approx([0.001] * len(a.arrived), rel=0.01)
    assert b.service == pytest.approx([0.002] * len(b.arrived), rel=0.01)
    asked = {name: [x.tobytes() for n, x in clock.calls if n == name] for name in "ab"}
    assert set(asked["a"]) == set(asked["b"]) == {row.tobytes() for row in X}
    assert all(x.shape == (1, 2) for _, x in clock.calls)


def test_equal_services_give_the_highest_rate_of_m_d_1(clock):
    # 10 ms each, 99 % within 30 ms: the chance in M/D/1 of waiting for two services at most (Erlang 1909).
    found = replay(clock.model("m", 10 * MS), X, rate=20, seconds=60, budget=0.030, slices=2)
    load = 0.01 * found.highest["model"].computed
    within = (1 - load) * sum(
        (load * (k - 2)) ** k / np.prod(range(1, k + 1)) * np.exp(load * (2 - k)) for k in (0, 1, 2)
    )
    assert within == pytest.approx(0.99, abs=0.002)


def test_a_rate_that_keeps_the_budget_is_raised_until_one_does_not(clock):
    found = replay(clock.model("m", 10 * MS), X, rate=20, seconds=40, budget=0.030, slices=2)
    highest = found.highest["model"]
    rates = [run.rate for run in highest.tried]
    assert rates[0] == highest.computed
    kept = [run.within(0.030) >= 0.99 for run in highest.tried]
    assert highest.confirmed == max(rate for rate, good in zip(rates, kept, strict=True) if good)
    assert 2 <= len(rates) <= 8
    above = min(rate for rate in rates if rate > highest.confirmed)
    assert above <= 1.101 * highest.confirmed


def test_where_one_answer_takes_too_long_no_rate_keeps_the_budget(clock):
    found = replay(clock.model("m", 10 * MS), X, rate=5, seconds=20, budget=0.009)
    assert found.served["model"].within(0.009) == 0
    highest = found.highest["model"]
    assert (highest.computed, highest.tried, highest.confirmed) == (0, (), None)


def test_a_rate_that_brings_less_than_a_hundred_requests_is_not_tried(clock):
    # 10 ms each, and 10.5 ms of budget: only one in a hundred may wait, so that the rate is about 1 a second.
    for seconds, tried in ((60, False), (600, True)):
        found = replay(clock.model("m", 10 * MS), X, rate=5, seconds=seconds, budget=0.0105, slices=2)
        highest = found.highest["model"]
        assert 0.5 < highest.computed < 2
        assert bool(highest.tried) == tried
        assert all(len(run.arrived) >= 100 for run in highest.tried)


def test_without_a_rate_it_is_half_of_what_the_slowest_can_do(clock):
    found = replay({"fast": clock.model("f", MS), "slow": clock.model("s", 5 * MS)}, X, seconds=2)
    assert found.rate == pytest.approx(100, rel=1e-3)


def test_what_was_computed_at_the_rate_that_was_is_near_what_was_measured(clock):
    took = np.random.default_rng(0).exponential(5 * MS, 997).astype(int).tolist()
    found = replay(clock.model("m", *took), X, rate=120, seconds=100, budget=0.001)
    assert found.response_at("model", 120) == pytest.approx(found.served["model"].percentile(0.99), rel=0.25)
    assert found.response_at("model", 0.001) < found.response_at("model", 60) < found.response_at("model", 150)


def stream(rate, response, waiting=0.0, unanswered=0):
    n = len(response)
    arrived = np.arange(n + unanswered) / rate
    return Served(rate, arrived, arrived[:n] + waiting, arrived[:n] + response, (n + unanswered) / rate)


def test_it_is_printed_and_given_as_plain_values():
    slow = stream(20.0, np.where(np.arange(200) < 50, 0.12, 0.04), waiting=0.02)
    fast = stream(20.0, np.full(1000, 0.001))
    tried = [stream(800.0, np.full(100, 0.05)), stream(880.0, np.full(100, 0.2))]
    found = Replay(
        rate=20.0, seconds=10.0, budget=0.1, served={"dense": slow, "pruned": fast},
        highest={"dense": Highest(0.4, (), None), "pruned": Highest(801.0, tuple(tried), 800.0)},
        blas=Blas("someblas 1.0", 1, "OMP_NUM_THREADS"), _gaps=np.ones(10),
    )  # fmt: skip
    assert repr(found).splitlines() == [
        "Single decisions, 20 a second for 10.0 s: time from arrival to answer, to be within 100 ms",
        "model       p50      p99    p99.9    within    busy  highest rate  confirmed",
        "────────────────────────────────────────────────────────────────────────────",
        "dense   40.0 ms   120 ms        –   75.00 %  80.0 %         0.4/s          –",
        "pruned  1.00 ms  1.00 ms  1.00 ms  100.00 %   2.0 %         801/s      800/s",
        "highest rate that keeps 99 % within: computed from the service times measured; confirmed by a real run",
        "someblas 1.0, 1 thread (OMP_NUM_THREADS)",
    ]
    kept = replace(found, highest=found.highest | {"pruned": Highest(801.0, (tried[0],), 800.0)})
    assert repr(kept).splitlines()[4].endswith("801/s    ≥ 800/s")
    plain = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert (plain["rate"], plain["seconds"], plain["budget"]) == (20.0, 10.0, 0.1)
    assert plain["models"]["dense"] == {
        "rate": 20.0,
        "requests": 200,
        "unanswered": 0,
        "percentiles": {"50": pytest.approx(0.04), "90": pytest.approx(0.12), "99": pytest.approx(0.12)}
        | {"99.9": None, "99.99": None},
        "within_budget": 0.75,
        "utilisation": pytest.approx(0.8),
        "mean_service": pytest.approx(0.04),
        "highest_rate_computed": 0.4,
        "highest_rate_confirmed": None,
        "tried": [],
    }
    pruned = plain["models"]["pruned"]
    assert (pruned["highest_rate_computed"], pruned["highest_rate_confirmed"]) == (801.0, 800.0)
    assert [(one["rate"], one["within_budget"]) for one in pruned["tried"]] == [(800.0, 1.0), (880.0, 0.0)]


def test_a_model_that_can_not_keep_up_is_printed_with_what_it_left(clock):
    found = replay(clock.model("m", 500 * MS), X, rate=20, seconds=5, budget=0.1)
    lines = repr(found).splitlines()
    assert lines[3].startswith("model  ≥ ")
    assert (
        lines[-1]
        == f"model could not keep up and was stopped with {found.served['model'].unanswered} requests unanswered"
    )
    assert found.to_dict()["models"]["model"]["unanswered"] == len(found.served["model"].arrived) - 20


def test_the_seed_draws_arrivals_and_rows(clock):
    same = [replay(clock.model(f"{seed} {i}", MS), X, rate=50, seconds=1, rng=seed) for i, seed in enumerate((0, 0, 1))]
    first, again, other = (found.served["model"].arrived.tolist() for found in same)
    assert first == again
    assert first != other


def test_networks_and_programs_are_served_for_real_and_left_as_they_were():
    network = Network.mlp([2, 3, 2], rng=0)
    x = X.copy()
    x.setflags(write=False)
    before = {name: p.value.copy() for name, p in network.parameters.items()}
    was_on = gc.isenabled()
    models = {"network": network, "program": compile(network, kernels="dense")}
    found = replay(models, x, rate=500, seconds=0.1, budget=1.0, slices=2)
    assert gc.isenabled() == was_on
    for served in found.served.values():
        assert (served.started >= served.arrived).all()
        assert (served.finished > served.started).all()
        assert (served.started[1:] >= served.finished[:-1]).all()
        assert served.within(1.0) == 1
    assert np.array_equal(x, X)
    assert all(np.array_equal(p.value, before[name]) for name, p in network.parameters.items())


def test_rows_are_in_the_dtype_of_a_network_among_the_models(clock, monkeypatch):
    network = Network.mlp([2, 3, 2], rng=0)
    monkeypatch.setattr(type(network), "__call__", staticmethod(clock.model("network", MS)))
    replay({"other": clock.model("other", MS), "network": network}, X, rate=10, seconds=1)
    assert {x.dtype for _, x in clock.calls} == {np.dtype(np.float32)}


def same(x):
    return x


@pytest.mark.parametrize(
    ("models", "x", "options", "error", "text"),
    [
        ({}, X, {}, InvalidValueError, "models must hold at least one model, got none in replay()"),
        ({"a": 3}, X, {}, InvalidTypeError, "models must map names to callables, got 'a': 3 in replay()"),
        (3, X, {}, InvalidTypeError, "models must map names to callables, got 'model': 3 in replay()"),
        (same, X[0], {}, InvalidValueError,
         "x must have shape (batch, inputs), with at least one row, got (2,) in replay()"),
        (same, X[:0], {}, InvalidValueError,
         "x must have shape (batch, inputs), with at least one row, got (0, 2) in replay()"),
        (same, X * np.nan, {}, InvalidValueError,
         "x must be finite, got 20 NaN or infinite in replay(), the first at (0, 0): nan"),
        (same, X, {"rate": 0}, InvalidValueError, "rate must be greater than 0 and finite, got 0 in replay()"),
        (same, X, {"rate": -5.0}, InvalidValueError, "rate must be greater than 0 and finite, got -5 in replay()"),
        (same, X, {"rate": np.nan}, InvalidValueError, "rate must be greater than 0 and finite, got nan in replay()"),
        (same, X, {"rate": True}, InvalidTypeError, "rate must be a number, got bool True in replay()"),
        (same, X, {"rate": "1"}, InvalidTypeError, "rate must be a number, got str '1' in replay()"),
        (same, X, {"rate": 1e9}, InvalidValueError,
         "rate must leave at most 10,000,000 requests in 5 s, got 1e+09 in replay()"),
        (same, X, {"rate": 1e-9}, InvalidValueError,
         "seconds must be long enough for a request to arrive, got 5 at 1e-09 a second in replay()"),
        (same, X, {"seconds": 0}, InvalidValueError, "seconds must be greater than 0 and finite, got 0 in replay()"),
        (same, X, {"seconds": False}, InvalidTypeError, "seconds must be a number, got bool False in replay()"),
        (same, X, {"budget": 0}, InvalidValueError, "budget must be greater than 0 and finite, got 0 in replay()"),
        (same, X, {"budget": None}, InvalidTypeError, "budget must be a number, got NoneType None in replay()"),
        (same, X, {"slices": 0}, InvalidValueError, "slices must be at least 1, got 0 in replay()"),
        (same, X, {"slices": 2.0}, InvalidTypeError, "slices must be a whole number, got float 2.0 in replay()"),
        (same, X, {"progress": "yes"}, InvalidTypeError, "progress must be True, False or None, got 'yes' in replay()"),
        (same, X, {"rng": True}, InvalidTypeError,
         "rng must be a Generator, a seed or None, got bool True in replay()"),
    ],
)  # fmt: skip
def test_what_can_not_be_meant_is_refused_before_anything_is_served(models, x, options, error, text):
    with pytest.raises(error) as refused:
        replay(models, x, **options)
    assert str(refused.value) == text


def test_a_mistyped_model_or_a_rate_that_is_none_is_refused(clock):
    found = replay(clock.model("m", MS), X, rate=50, seconds=1)
    with pytest.raises(InvalidValueError, match="did you mean 'model'"):
        found.response_at("modle", 10)
    with pytest.raises(InvalidValueError, match=r"^rate must be greater than 0 and finite, got 0 in response_at\(\)$"):
        found.response_at("model", 0)
