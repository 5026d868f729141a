"""Properties of what is measured, on a clock that stands still until a model is called: every time is known."""

import math
import sys
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minprune as mp
from minprune.study import breakeven as breaking
from minprune.study import serving, timing

sys.path.append(str(Path(__file__).parent / "study"))  # for when this file is run alone
from clocks import Clock, Ticking

MS = 10**6  # nanoseconds
X = np.arange(24.0).reshape(12, 2)
times = st.integers(1, 500).map(lambda k: k * MS // 10)


@contextmanager
def stopped(clock, **more):
    """Let whatever is timed read this clock."""
    with pytest.MonkeyPatch.context() as patch:
        for place in (timing, serving):
            patch.setattr(place, "perf_counter_ns", clock)
        for place, name, value in more.values():
            patch.setattr(place, name, value)
        yield clock


@given(times, st.integers(1, 5), st.integers(1, 2000))
def test_a_model_that_always_takes_as_long_is_told_to_take_that(each, batch, tenths):
    seconds = (tenths - 0.5) / 10_000  # halfway between two calls, as these take tenths of a millisecond
    with stopped(Clock()) as clock:
        found = mp.time_inference(clock.model("m", each), X, batch_size=batch, seconds=seconds)
    quantiles = (found.fastest, found.p25, found.median, found.p75, found.p99)
    assert quantiles == pytest.approx([each * 1e-9] * 5)
    assert found.iqr == pytest.approx(0, abs=1e-15)
    assert found.rows_per_second == pytest.approx(batch / each * 1e9)
    assert all(x.shape == (batch, 2) for _, x in clock.calls)
    assert found.calls == max(3, math.ceil(seconds / each * 1e9))  # as many as it takes, three at least


@given(st.lists(times, min_size=1, max_size=4), st.sets(st.integers(1, 4), min_size=1, max_size=2), st.data())
@settings(max_examples=15)
def test_speed_ups_are_the_ratios_of_times(each, batches, data):
    baseline = data.draw(st.sampled_from(range(len(each))))
    y = np.arange(12) % 2
    with stopped(Clock()) as clock:
        models = {f"m{k}": clock.model(f"m{k}", time) for k, time in enumerate(each)}
        found = mp.compare(models, (X, y), baseline=f"m{baseline}", batch_sizes=sorted(batches), seconds=0.01, rounds=2)
    assert list(found.timings) == sorted(batches)
    for batch in batches:
        for k, time in enumerate(each):
            assert found.timings[batch][f"m{k}"].median == pytest.approx(time * 1e-9)
            assert found.speedups[batch][f"m{k}"] == pytest.approx(each[baseline] / time)
    assert {repr(evaluation) for evaluation in found.evaluations.values()} == {repr(found.evaluations["m0"])}


@given(
    st.integers(1, 60), st.integers(1, 60), st.sets(st.sampled_from([0.25, 0.5, 0.75]), min_size=1),
    st.sets(st.sampled_from([1, 2, 4]), min_size=1),
)  # fmt: skip
@settings(max_examples=10)
def test_a_map_has_a_cell_for_everything_and_pays_where_the_ratio_does(dense, pruned, levels, batches):
    clock = Clock()

    def compiled(network, batch_size, *, kernels=None, seconds=0.0):
        program = clock.model(kernels, (dense if kernels == "dense" else pruned) * MS)
        program.nbytes = 100 if kernels == "dense" else 50
        return program

    patterns = [mp.Unstructured(), mp.Neurons()]
    with stopped(clock, compile=(breaking, "compile", compiled)):
        found = mp.breakeven([4, [4, 8, 2]], sorted(levels), sorted(batches), patterns, seconds=0.01, progress=False)
    asked = set(product([4, (4, 8, 2)], sorted(levels), sorted(batches), ["Unstructured", "Neurons"]))
    assert {(cell.width, cell.sparsity, cell.batch_size, cell.pattern) for cell in found.cells} == asked
    assert len(found.cells) == len(asked)
    for cell in found.cells:
        assert (cell.speedup, cell.low, cell.high) == pytest.approx([dense / pruned] * 3)
        assert cell.pays == (dense / pruned > 1.05)
    lowest = min(levels) if dense / pruned > 1.05 else None
    assert set(found.frontier().values()) == {lowest}


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 1000))
@settings(max_examples=10)
def test_all_models_get_the_same_requests_one_by_one_and_each_is_answered_after_it_came(first, second, seed):
    with stopped(Ticking()) as clock, pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "sleep", clock.sleep)
        patch.setattr(serving, "_SPIN", 1000)  # this clock is watched slowly
        models = {"a": clock.model("a", first * MS), "b": clock.model("b", second * MS)}
        found = mp.replay(models, X, rate=20, seconds=1, rng=seed)
    a, b = found.served.values()
    np.testing.assert_array_equal(a.arrived, b.arrived)
    for served, each in ((a, first), (b, second)):
        assert (np.diff(served.arrived) >= 0).all()
        assert (served.started >= served.arrived[: len(served.started)]).all()
        assert (served.started[1:] >= served.finished[:-1]).all()
        np.testing.assert_allclose(served.service, each / 1000, rtol=0.01)
    assert isinstance(found, mp.Replay)


def judged(network):
    return {"counted": network.kept}


@given(
    st.lists(st.sampled_from([0.25, 0.5, 0.75, 0.9]), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True),
    st.sets(st.sampled_from(["dense", "random", "shuffled", "reinitialised", "small_dense"])),
)
@settings(max_examples=10)
def test_a_sweep_has_a_record_for_every_run_with_the_count_that_was_asked_for(levels, seeds, controls):
    """For each seed the dense network; for each sparsity and criterion the pruned one and its controls."""
    criteria = {"magnitude": mp.Magnitude(), "chance": mp.Random(rng=0)}
    found = mp.sweep(
        lambda seed: mp.Network.mlp([6, 5, 4], rng=seed), criteria, levels, seeds, train=lambda network, seed: None,
        evaluate=judged, controls=sorted(controls), workers=0, progress=False,
    )  # fmt: skip
    kinds = [(r["seed"], r["control"], r["criterion"], r["sparsity"]) for r in found.records if r["control"] != "dense"]
    shaped = [None, *(c for c in ("shuffled", "reinitialised") if c in controls)]
    wanted = set(product(seeds, shaped, criteria, levels))
    wanted |= set(product(seeds, [c for c in ("random", "small_dense") if c in controls], [None], levels))
    assert set(kinds) == wanted
    assert len(kinds) == len(wanted)
    dense = [record for record in found.records if record["control"] == "dense"]
    assert len(dense) == len(seeds) * ("dense" in controls)
    for record in found.records:
        assert record["counted"] == record["kept"] == round((1 - record["achieved"]) * record["weights"])
        if record["control"] not in ("dense", "small_dense"):
            assert record["kept"] == 50 - round(record["sparsity"] * 50)
