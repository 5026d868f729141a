"""What the map of where pruning pays asks of the parts that it stands on: those take notes."""

from types import SimpleNamespace

import numpy as np
import pytest
from clocks import Clock
from noting import Bar, Notes
from test_drawn import ONE, network

import minprune
from minprune.pruning.patterns import NM, Blocks, Neurons, Unstructured, Vectors
from minprune.study import breakeven as mapping
from minprune.study import timing


@pytest.fixture
def workshop(monkeypatch):
    """Programs that take a millisecond, and notes of how they are made and timed."""
    clock, notes = Clock(), SimpleNamespace(bar=Bar())
    monkeypatch.setattr(timing, "perf_counter_ns", clock)
    monkeypatch.setattr(mapping, "blas", lambda: ONE)
    monkeypatch.setattr(mapping, "Progress", notes.bar)

    def compiled(network, batch_size, *, kernels=None, seconds=0.0):
        program = clock.model(f"{kernels}", 10**6)
        program.nbytes = 100
        return program

    for name, answer in (("compile", compiled), ("time_inference", timing.time_inference),
                         ("time_in_turns", timing.time_in_turns)):  # fmt: skip
        setattr(notes, name, Notes(answer))
        monkeypatch.setattr(mapping, name, getattr(notes, name))
    return notes


def test_a_cell_is_compiled_and_timed_three_times_with_the_seconds_and_rounds_asked_for(workshop):
    mapping.breakeven([[4, 2]], [0.5], [3], [Unstructured()], seconds=0.3, rounds=7)
    assert [(size, more) for (_, size), more in workshop.compile] == 3 * [
        (3, {"kernels": "dense"}),
        (3, {"seconds": 0.03}),
    ]
    for (_, x), more in workshop.time_inference:
        assert x.shape == (64, 4)
        assert more == {"batch_size": 3, "seconds": 1e-6, "warmup": 1}
    for (programs, x), more in workshop.time_in_turns:
        assert list(programs) == ["dense", "pruned"]
        assert x.shape == (64, 4)
        assert more == {"batch_size": 3, "seconds": pytest.approx(0.1), "rounds": 3, "warmup": 1}
    assert len(workshop.time_inference) == len(workshop.time_in_turns) == 3
    assert workshop.bar.asked == (1, "1 cells, about 870 ms", None)
    assert workshop.bar.steps == [("Unstructured, 4-2, 0.5, batch 3", 1)]


def test_rounds_are_as_many_as_fit_four_calls_each_and_never_less_than_two(workshop):
    for seconds, rounds, wanted in ((0.3, 90, 25), (0.3, 60, 20), (0.012, 90, 2), (0.048, 90, 4)):
        workshop.time_in_turns.clear()
        mapping.breakeven([4], [0.5], [1], [Unstructured()], seconds=seconds, rounds=rounds)
        assert {more["rounds"] for _, more in workshop.time_in_turns} == {wanted}


def test_the_usual_map_is_of_two_widths_five_sparsities_three_batch_sizes_and_three_patterns(workshop, monkeypatch):
    measured = Notes(lambda cell, *_: cell)
    monkeypatch.setattr(mapping, "_measured", measured)
    monkeypatch.setattr(mapping, "_pruned", lambda network, pattern, level: (network, ""))
    found = mapping.breakeven(progress=False)
    assert workshop.bar.asked == (90, "90 cells, about 51.3 s", False)
    asked = [(c.width, c.pattern, c.batch_size, c.sparsity) for c in found.cells]
    assert asked == [
        (width, pattern, size, level)
        for width in (256, 1024)
        for pattern in ("Unstructured", "Vectors(64)", "Neurons")
        for size in (1, 16, 256)
        for level in (0.5, 0.8, 0.9, 0.95, 0.99)
    ]
    assert found.depth == 3
    args = [one for one, _ in measured]
    assert {one[4:] for one in args} == {(0.15, 9)}
    draws = np.random.default_rng(0)
    first = minprune.Network.mlp([256] * 4, rng=draws)
    np.testing.assert_array_equal(args[0][1].dense[0].weight.value, first.dense[0].weight.value)
    np.testing.assert_array_equal(args[0][3], draws.standard_normal((64, 256), np.float32))
    assert [one[3].shape for one in args[:3]] == [(64, 256), (64, 256), (1024, 256)]


def test_a_disturbed_cell_is_said_to_be_measured_once_more(workshop, monkeypatch):
    monkeypatch.setattr(
        mapping, "_judged", lambda cells: [mapping.replace(c, disturbed=c.sparsity > 0.6) for c in cells]
    )
    mapping.breakeven([4], [0.5, 0.75], [1], [Unstructured()], progress=True)
    assert workshop.bar.steps == [
        ("Unstructured, 3 × 4, 0.5, batch 1", 1), ("Unstructured, 3 × 4, 0.75, batch 1", 1),
        ("once more, as the machine was busy", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(("dense", "busy"), [(1.5, False), (1.51, True)])
def test_busy_is_where_dense_took_more_than_one_and_a_half_times_its_best(dense, busy):
    best = mapping.Cell(4, "p", 0.5, 1, dense=1.0)
    one = mapping.Cell(4, "p", 0.9, 1, dense=dense)
    assert [cell.disturbed for cell in mapping._judged([best, one])] == [False, busy]
    other, none = mapping.Cell(4, "p", 0.9, 2, dense=dense), mapping.Cell(4, "p", 0.9, 3)
    assert [cell.disturbed for cell in mapping._judged([best, other, none])] == [False] * 3


def test_speed_up_and_quartiles_are_of_the_ratios_of_all_pairs(workshop, monkeypatch):
    rounds = iter([[4, 1, 8], [3, 9, 5], [2, 6, 7]])
    shares = {5: 2}  # of the pruned program: 1 s but for one round
    monkeypatch.setattr(
        mapping, "time_in_turns",
        lambda *_, **__: SimpleNamespace(bursts={"dense": np.array(now := next(rounds)) * 10.0,
                                                 "pruned": np.array([10.0 * shares.get(k, 1) for k in now])}),
    )  # fmt: skip
    [cell] = mapping.breakeven([4], [0.5], [1], [Unstructured()]).cells
    # 1, 2, 2.5, 3, 4, 6, 7, 8, 9
    assert (cell.low, cell.speedup, cell.high) == (2.5, 4, 7)
    assert (cell.dense, cell.pruned, cell.bytes, cell.achieved) == (50, 10, 1, 0.5)


class Own:
    """A pattern of somebody who knows of nothing but units."""

    def units(self, network, scores):
        return Unstructured().units(network, scores)

    def __repr__(self):
        return "Own()"


def test_a_pattern_of_ones_own_is_asked_for_the_sparsity(workshop):
    [cell] = mapping.breakeven([4], [0.25], [1], [Own()]).cells
    assert (cell.pattern, cell.achieved, cell.why) == ("Own", 0.25, "")


def test_a_pattern_that_prunes_nothing_is_measured_up_to_a_hundredth():
    net = network([1, 8], lambda i, o: i < 0)  # of one input one stays
    assert [mapping._pruned(net, NM(1, 2), level)[1] for level in (0.0, 0.01)] == ["", ""]
    assert mapping._pruned(net, NM(1, 2), 0.011) == (None, "NM(1, 2) prunes 0 of the weights here, not 0.011")


def test_a_pattern_is_named_by_what_is_not_usual():
    named = {
        Neurons(inputs=True): "Neurons(inputs=True)",
        Neurons(reduce="max", inputs=True): "Neurons(reduce='max', inputs=True)",
        Blocks((2, 3)): "Blocks((2, 3))",
        Vectors(4, reduce="max"): "Vectors(4, reduce='max')",
        NM(2, 4): "NM(2, 4)",
    }
    assert [mapping.pattern_name(pattern) for pattern in named] == list(named.values())


def test_a_pattern_that_says_how_much_goes_may_be_a_hundredth_off():
    net = network([8, 8], lambda i, o: i < 0)
    for level, near in ((0.5, True), (0.4901, True), (0.5099, True), (0.4899, False), (0.5101, False)):
        pruned, why = mapping._pruned(net, NM(2, 4), level)
        assert (pruned is not None) == near
        assert why == ("" if near else f"NM(2, 4) prunes 0.5 of the weights here, not {level:g}")
