"""What measuring asks of the parts that it stands on, when little is said and when all is: those take notes."""

from types import SimpleNamespace

import numpy as np
import pytest
from clocks import Clock, Ticking
from noting import Bar, Notes
from test_drawn import ONE, network

import minprune
from minprune import evaluate
from minprune.errors import InvalidValueError
from minprune.pruning.patterns import NM, Unstructured
from minprune.study import breakeven as mapping
from minprune.study import replay, serving, timing
from minprune.study.serving import Served

# evaluate


def test_rows_go_to_the_model_4096_at_a_time_unless_it_is_said():
    seen = []

    def model(x):
        seen.append(len(x))
        return x

    x, y = np.arange(4099.0)[:, None] % 5, np.arange(4099) % 2
    for size in ({}, {"batch_size": 2000}):
        assert evaluate(model, (x, y), **size) == evaluate(lambda x: x, (x, y), batch_size=10_000)
    assert seen == [4096, 3, 2000, 2000, 99]


def test_a_single_row_can_be_judged():
    assert evaluate(lambda x: x, ([[1.0]], [1])).note == "AUC and false declines need both classes; y holds only 1"


def test_the_threshold_is_in_the_dtype_of_the_logits_and_whole_numbers_become_floats():
    z = np.array([[1e-9, 1.0], [0.0, 0.5]], np.float32)
    assert evaluate(lambda x: z, (np.ones((2, 1)), [1, 0])).threshold == 1.0  # as it is in float32
    assert evaluate(lambda x: z.astype(float), (np.ones((2, 1)), [1, 0])).threshold == 1.0 - 1e-9
    whole = np.array([[0, 2**62], [2**62, 0]])
    assert evaluate(lambda x: -whole, (np.ones((2, 1)), [0, 1])).threshold == 2.0**62


def test_logits_far_apart_are_infinite_in_their_place_and_so_may_the_loss_be():
    z = np.array([[-3e38, 3e38], [3e38, -3e38]], np.float32)
    found = evaluate(lambda x: z, (np.ones((2, 1)), [1, 0]))
    assert (found.threshold, found.auc, found.log_loss) == (np.inf, 1.0, 0.0)
    assert evaluate(lambda x: z, (np.ones((2, 1)), [0, 1])).log_loss == pytest.approx(6e38, rel=1e-6)
    far = np.array([[-1e308, 1e308], [1e308, -1e308]])
    assert evaluate(lambda x: far, (np.ones((2, 1)), [0, 1])).log_loss == np.inf


# breakeven


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


def test_a_pattern_that_says_how_much_goes_may_be_a_hundredth_off():
    net = network([8, 8], lambda i, o: i < 0)
    for level, near in ((0.5, True), (0.4901, True), (0.5099, True), (0.4899, False), (0.5101, False)):
        pruned, why = mapping._pruned(net, NM(2, 4), level)
        assert (pruned is not None) == near
        assert why == ("" if near else f"NM(2, 4) prunes 0.5 of the weights here, not {level:g}")


# replay


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
        assert streams["model"][1].max() < 1.0
        assert how["slices"] == 3
    assert [run.rate for run in found.highest["model"].tried] == rates[1:]
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


@pytest.mark.parametrize(("budget", "length"), [(0.01, 100_000), (1.0, 100_000), (2.0, 200_000), (50.0, 1_000_000)])
def test_a_simulation_is_a_hundred_budgets_long(budget, length):
    service, gaps = replay._simulated(np.array([0.0005, 0.0015]), np.ones(1_000_000), budget)
    assert len(service) == len(gaps) == length
    assert service[:3].tolist() == [0.0005, 0.0015, 0.0005]
