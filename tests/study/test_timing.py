import gc
import json
from itertools import groupby

import numpy as np
import pytest
from clocks import Clock
from hypothesis import given
from hypothesis import strategies as st

from minprune import Network, time_inference
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.inference.compilation import compile
from minprune.study import timing
from minprune.study.timing import Blas, Timing, time_in_turns

MS = 10**6  # nanoseconds
X = np.arange(20.0).reshape(10, 2)
HERE = Blas("someblas 1.0", 1, "OMP_NUM_THREADS")


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "perf_counter_ns", clock)
    monkeypatch.setattr(timing, "blas", lambda: HERE)
    return clock


def test_the_median_and_the_quartiles_are_of_the_calls_and_nothing_else(clock):
    # Two warm-up calls and the burst's first are not counted, though each takes a second.
    model = clock.model("m", *[1000 * MS] * 3, 30 * MS, 10 * MS, 50 * MS, 20 * MS, 40 * MS)
    found = time_inference(model, X, batch_size=3, seconds=0.15, warmup=2)
    assert len(clock.calls) == 8
    assert (found.calls, found.batch_size, found.blas) == (5, 3, HERE)
    times = (found.fastest, found.p25, found.median, found.p75, found.p99, found.iqr)
    assert times == pytest.approx((0.010, 0.020, 0.030, 0.040, 0.0496, 0.020))
    assert found.rows_per_second == pytest.approx(100)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=30))
def test_a_quantile_lies_between_the_sorted_times_as_its_rank_says(nanoseconds):
    found = Timing.of(np.array(nanoseconds), 1, HERE)
    for share, quantile in ((0, found.fastest), (0.25, found.p25), (0.5, found.median), (0.75, found.p75)):
        rank = share * (len(nanoseconds) - 1)
        low, high = sorted(nanoseconds)[int(rank)], sorted(nanoseconds)[-int(-rank // 1)]
        assert quantile == pytest.approx((low + (rank % 1) * (high - low)) * 1e-9)


def test_at_least_three_calls_are_timed_however_long_they_take(clock):
    assert time_inference(clock.model("m", 900 * MS), X, seconds=1e-9, warmup=0).calls == 3


def test_a_call_that_the_clock_does_not_see_took_a_nanosecond(clock):
    found = time_inference(clock.model("m", 0, 0, 0, 4 * MS), X, seconds=0.004, warmup=0)
    assert (found.fastest, found.median) == (1e-9, 1e-9)
    assert np.isfinite(found.rows_per_second)


def test_each_model_has_a_burst_a_round_and_who_comes_first_rotates(clock):
    models = {name: clock.model(name, 1 * MS) for name in "abc"}
    turns = time_in_turns(models, X, seconds=0.040, rounds=4, warmup=5)
    bursts = [(name, len(list(calls))) for name, calls in groupby(clock.names[15:])]
    assert clock.names[:15] == [*"aaaaabbbbbccccc"]
    # 11 calls a burst: one that is not counted, and 40 ms / 4 rounds / 1 ms. The last of a round may begin the next.
    order = "abcbcacababc"
    assert [name for name, n in bursts for _ in range(n)] == [name for name in order for _ in range(11)]
    assert [turns[name].calls for name in "abc"] == [40, 40, 40]
    assert all(len(burst) == 4 for burst in turns.bursts.values())


def test_the_speed_up_is_the_median_of_the_ratios_within_a_round(clock):
    # The machine is slow in the second round, and one model in the third; four calls a burst, the first not counted.
    slow = clock.model("slow", *[2 * MS] * 4, *[20 * MS] * 4, *[3 * MS] * 4)
    fast = clock.model("fast", *[1 * MS] * 4, *[10 * MS] * 4, *[1 * MS] * 4)
    turns = time_in_turns({"slow": slow, "fast": fast}, X, seconds=1e-6, rounds=3, warmup=0)
    assert turns.bursts["slow"] == pytest.approx([0.002, 0.020, 0.003])
    assert turns.bursts["fast"] == pytest.approx([0.001, 0.010, 0.001])
    assert turns.speedup("fast", "slow") == pytest.approx(2.0)  # of 2, 2, 3; the medians' ratio is 3
    assert turns.speedup("slow", "fast") == pytest.approx(0.5)
    assert turns["slow"].median == pytest.approx(0.003)


def test_a_burst_is_summed_up_by_its_median(clock):
    turns = time_in_turns({"a": clock.model("a", 7 * MS, 1 * MS, 2 * MS, 90 * MS)}, X, seconds=1e-6, rounds=2, warmup=0)
    assert turns.bursts["a"] == pytest.approx([0.002, 0.002])


@pytest.mark.parametrize("was_on", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_the_garbage_collector_waits_and_is_then_as_it_was(clock, was_on, fails):
    seen = []

    def model(x):
        seen.append(gc.isenabled())
        clock.now += MS
        if fails and len(seen) == 3:
            raise KeyError
        return x

    before = gc.isenabled()
    try:
        (gc.enable if was_on else gc.disable)()
        if fails:
            with pytest.raises(KeyError):
                time_inference(model, X, seconds=0.001)
        else:
            time_inference(model, X, seconds=0.001)
        after = gc.isenabled()
    finally:
        (gc.enable if before else gc.disable)()
    assert after == was_on
    assert set(seen) == {False}


def batches_of(clock):
    return list({id(x): x for _, x in clock.calls}.values())


def test_batches_are_cut_beforehand_and_deal_out_every_row_once(clock):
    time_inference(clock.model("m", 1 * MS), X, batch_size=5, seconds=0.02)
    batches = batches_of(clock)
    assert len(clock.calls) > 20
    assert [batch.shape for batch in batches] == [(5, 2), (5, 2)]
    assert sorted(np.concatenate(batches).tolist()) == X.tolist()


def test_rows_are_repeated_where_a_batch_needs_more(clock):
    time_inference(clock.model("m", 1 * MS), X[:3], batch_size=7, seconds=0.01)
    (batch,) = batches_of(clock)
    rows = [batch.tolist().count(row) for row in X[:3].tolist()]
    assert sorted(rows) == [2, 2, 3]


def test_there_are_32_batches_at_most(clock):
    time_inference(clock.model("m", 1 * MS), np.eye(100), seconds=0.1)
    assert len(batches_of(clock)) == 32
    assert len({id(x) for _, x in clock.calls[:10]}) == 10  # the warm-up too goes from one to the next


def test_all_models_get_the_same_batches_in_the_same_order(clock):
    models = {name: clock.model(name, 1 * MS) for name in "ab"}
    time_in_turns(models, X, batch_size=2, seconds=0.01, rounds=2, warmup=3)
    a, b = ([id(x) for name, x in clock.calls if name == wanted] for wanted in "ab")
    assert a == b
    assert len(set(a)) == 5


@pytest.mark.parametrize("same", [True, False])
def test_the_seed_draws_the_order_of_the_rows(clock, same):
    for seed in (0, 0 if same else 1):
        time_inference(clock.model(seed, 1 * MS), X, batch_size=10, seconds=0.001, warmup=0, rng=seed)
    first, *_, last = (x for _, x in clock.calls)
    assert np.array_equal(first, last) == same


@pytest.mark.parametrize("pack", [Network.copy, lambda network: compile(network, kernels="dense")])
def test_rows_are_in_the_dtype_of_a_network_or_program_among_the_models(clock, monkeypatch, pack):
    packed = pack(Network.mlp([2, 3, 2], rng=0))
    monkeypatch.setattr(type(packed), "__call__", staticmethod(clock.model("packed", 1 * MS)))
    time_in_turns({"other": clock.model("other", 1 * MS), "packed": packed}, X, seconds=0.001, rounds=1)
    assert {x.dtype for _, x in clock.calls} == {np.dtype(np.float32)}


def test_a_network_and_its_input_are_left_as_they_were():
    network = Network.mlp([2, 3, 2], rng=0)
    x = X.copy()
    x.setflags(write=False)
    before = {name: p.value.copy() for name, p in network.parameters.items()}
    found = time_inference(network, x, batch_size=4, seconds=0.001)
    assert 0 < found.fastest <= found.p25 <= found.median <= found.p75 <= found.p99
    assert found.calls >= 3
    assert np.array_equal(x, X)
    assert all(np.array_equal(p.value, before[name]) for name, p in network.parameters.items())


def test_what_is_found_is_printed_and_given_as_plain_values(clock):
    found = time_inference(clock.model("m", 2 * MS), X, batch_size=10, seconds=0.02)
    assert repr(found).splitlines() == [
        "Time of a call with 10 rows, over 10 calls",
        "fastest  25 % within   median  75 % within  99 % within  rows/s",
        "───────────────────────────────────────────────────────────────",
        "2.00 ms      2.00 ms  2.00 ms      2.00 ms      2.00 ms   5,000",
        "someblas 1.0, 1 thread (OMP_NUM_THREADS)",
    ]
    plain = found.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["median"], plain["iqr"], plain["rows_per_second"]) == (found.median, 0, found.rows_per_second)
    assert plain["blas"] == {"library": "someblas 1.0", "threads": 1, "source": "OMP_NUM_THREADS"}


def test_times_are_printed_at_the_right_whatever_their_length(clock):
    found = time_inference(clock.model("m", 2000 * MS), X, seconds=0.02)
    assert repr(found).splitlines()[1:4] == [
        "fastest  25 % within  median  75 % within  99 % within  rows/s",
        "──────────────────────────────────────────────────────────────",
        " 2.00 s       2.00 s  2.00 s       2.00 s       2.00 s       0",
    ]


def test_a_burst_ends_when_its_time_is_up_to_the_nanosecond(clock):
    assert time_inference(clock.model("m", 250 * MS), X, seconds=1.0, warmup=0).calls == 4
    assert time_inference(clock.model("m", 250 * MS), X, seconds=1.000000002, warmup=0).calls == 5


def test_turns_are_printed_and_given_as_plain_values(clock):
    turns = time_in_turns({"dense": clock.model("d", 3 * MS), "b": clock.model("b", MS)}, X, seconds=0.03, rounds=3)
    assert repr(turns).splitlines() == [
        "Time of a call with 1 row, in turns",
        "model   median  quartile range  99 % within  speed-up",
        "─────────────────────────────────────────────────────",
        "dense  3.00 ms             0 s      3.00 ms     1.00×",
        "b      1.00 ms             0 s      1.00 ms     3.00×",
        "speed-up over dense: the median of 3 rounds' ratios; someblas 1.0, 1 thread (OMP_NUM_THREADS)",
    ]
    plain = turns.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["bursts"]["b"] == turns.bursts["b"].tolist()
    assert plain["timings"]["b"] == turns["b"].to_dict()


def same(x):
    return x


TURNS, ONE = time_in_turns, time_inference


@pytest.mark.parametrize(
    ("call", "model", "x", "options", "error", "text"),
    [
        (ONE, same, X, {"batch_size": 0}, InvalidValueError,
         "batch_size must be at least 1, got 0 in time_inference()"),
        (ONE, same, X, {"seconds": 0}, InvalidValueError,
         "seconds must be greater than 0 and finite, got 0 in time_inference()"),
        (ONE, same, X, {"seconds": np.inf}, InvalidValueError,
         "seconds must be greater than 0 and finite, got inf in time_inference()"),
        (ONE, same, X, {"warmup": -1}, InvalidValueError, "warmup must be at least 0, got -1 in time_inference()"),
        (ONE, same, X, {"rng": "a"}, InvalidTypeError,
         "rng must be a Generator, a seed or None, got str 'a' in time_inference()"),
        (ONE, same, X[0], {}, InvalidValueError,
         "x must have shape (batch, inputs), with at least one row, got (2,) in time_inference()"),
        (ONE, "net", X, {}, InvalidTypeError,
         "model must be a Network or a function from rows to logits, got str in time_inference()"),
        (TURNS, {"a": same}, X, {"rounds": 0}, InvalidValueError,
         "rounds must be at least 1, got 0 in time_in_turns()"),
        (TURNS, {"a": same}, X * np.nan, {}, InvalidValueError,
         "x must be finite, got 20 NaN or infinite in time_in_turns(), the first at (0, 0): nan"),
        (TURNS, {}, X, {}, InvalidValueError, "models must hold at least one model, got none in time_in_turns()"),
        (TURNS, [same], X, {}, InvalidTypeError,
         "models must be a dict of names to models, got list in time_in_turns()"),
        (TURNS, {"a": 3}, X, {}, InvalidTypeError, "models must map names to callables, got 'a': 3 in time_in_turns()"),
        (TURNS, {3: same}, X, {}, InvalidTypeError,
         f"models must map names to callables, got 3: {same} in time_in_turns()"),
    ],
)  # fmt: skip
def test_what_can_not_be_timed_is_refused(call, model, x, options, error, text):
    with pytest.raises(error) as refused:
        call(model, x, **options)
    assert str(refused.value) == text


def test_a_network_is_refused_what_does_not_fit_it_before_it_is_called():
    with pytest.raises(InvalidValueError, match=r"^x must have 3 columns, got 2 in time_in_turns\(\)$"):
        time_in_turns({"other": same, "network": Network.mlp([3, 2], rng=0)}, X)


def test_a_mistyped_model_gets_a_did_you_mean(clock):
    turns = time_in_turns({"dense": clock.model("m", MS)}, X, seconds=0.001)
    with pytest.raises(InvalidValueError, match="did you mean 'dense'"):
        turns["dens"]
    with pytest.raises(InvalidValueError, match="did you mean 'dense'"):
        turns.speedup("dense", "dens")
