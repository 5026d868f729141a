import json

import numpy as np
import pytest
from clocks import Clock
from noting import Notes

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study import comparison, timing
from minprune.study.comparison import Cost, compare
from minprune.study.evaluation import evaluate
from minprune.study.timing import Blas, Timing

MS = 10**6  # nanoseconds
X = np.eye(4, dtype=np.float32)
Y = np.array([0, 1, 0, 1])
QUICK = {"batch_sizes": [1], "seconds": 1e-6, "rounds": 1}


class Said:
    """A model that says what it costs."""

    def __init__(self, answer, **said):
        self.answer = answer
        self.__dict__.update(said)

    def __call__(self, x):
        return self.answer(x)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "perf_counter_ns", clock)
    monkeypatch.setattr(timing, "blas", lambda: Blas("someblas 1.0", 1, "OMP_NUM_THREADS"))
    return clock


def two_models(clock):
    """A model of 100 weights, and one of 10 that is twice as fast for one row and four times for three."""

    def paced(one, three, right):
        def answer(x):
            clock.now += one if len(x) == 1 else three
            # Scores of the rows of X: 1, 3, 0, 2 rank one row of class 0 above none of class 1, and so on.
            return x @ np.array([[1.0], [3.0], [0.0], [2.0]] if right else [[1.0], [3.0], [2.0], [0.0]])

        return answer

    dense = Said(paced(2 * MS, 8 * MS, True), kept=100, sparsity=0.0, nbytes=400, flops=200)
    small = Said(paced(1 * MS, 2 * MS, False), kept=np.int64(10), sparsity=np.float64(0.9), nbytes=80, flops=25)
    return {"dense": dense, "small": small}


def test_every_number_is_that_of_a_calculation_by_hand(clock):
    found = compare(two_models(clock), (X, Y), batch_sizes=(1, 3), seconds=0.03, rounds=3, recall=1.0)
    assert found.baseline == "dense"
    # Both of class 1 lie above both of class 0; then one of them lies below both.
    assert [found.evaluations[name].auc for name in ("dense", "small")] == [1.0, 0.5]
    assert [found.evaluations[name].false_declines for name in ("dense", "small")] == [0.0, 1.0]
    assert found.costs == {"dense": Cost(100, 0.0, 400, 200), "small": Cost(10, 0.9, 80, 25)}
    assert (found.theoretical_speedup("small"), found.kept_share("small")) == (8.0, 0.1)
    assert found.speedups[1] == pytest.approx({"dense": 1.0, "small": 2.0})
    assert found.speedups[3] == pytest.approx({"dense": 1.0, "small": 4.0})
    assert found.timings[3]["dense"].median == pytest.approx(0.008)
    assert found.timings[3]["dense"].batch_size == 3
    assert [found.timings[1][name].calls for name in ("dense", "small")] == [15, 30]  # in 30 ms
    assert found.masked == ()


def test_it_is_printed_as_quality_and_size_and_then_as_time(clock):
    found = compare(two_models(clock), (X, Y), batch_sizes=(1, 3), seconds=0.01, rounds=3, recall=1.0)
    assert repr(found).splitlines() == [
        "Comparison on 4 rows: quality and size",
        "model  accuracy     AUC  false declines  kept    share  bytes  FLOPs/row",
        "────────────────────────────────────────────────────────────────────────",
        "dense   75.00 %  1.0000           0.0 %   100  100.0 %  400 B        200",
        "small   25.00 %  0.5000         100.0 %    10   10.0 %   80 B         25",
        "",
        "Median time of a call, by batch size",
        "model  in theory  batch 1  speed-up  batch 3  speed-up",
        "──────────────────────────────────────────────────────",
        "dense      1.00×  2.00 ms     1.00×  8.00 ms     1.00×",
        "small      8.00×  1.00 ms     2.00×  2.00 ms     4.00×",
        "kept: weights that are not pruned, and their share of those of dense",
        "false declines: share of class 0 refused to catch 100.0 % of class 1",
        "in theory: FLOPs of dense / FLOPs of the model, for one row",
        "speed-up: time of dense / time of the model, the median of ratios taken in turns",
        "someblas 1.0, 1 thread (OMP_NUM_THREADS)",
    ]


def test_any_model_can_be_the_baseline(clock):
    found = compare(two_models(clock), (X, Y), seconds=0.01, rounds=3, baseline="small", batch_sizes=[3])
    assert found.baseline == "small"
    assert (found.theoretical_speedup("dense"), found.kept_share("dense")) == (0.125, 10.0)
    assert found.speedups[3] == pytest.approx({"dense": 0.25, "small": 1.0})
    assert "speed-up: time of small / time of the model" in repr(found)


def test_the_dict_is_plain_and_whole(clock):
    found = compare(two_models(clock), (X, Y), batch_sizes=(1, 3), seconds=0.01, rounds=3)
    plain = found.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["baseline"], plain["masked"], list(plain["models"])) == ("dense", [], ["dense", "small"])
    small = plain["models"]["small"]
    assert small["cost"] == {"kept": 10, "sparsity": 0.9, "nbytes": 80, "flops": 25}
    assert (small["kept_share"], small["theoretical_speedup"]) == (0.1, 8.0)
    assert small["speedups"] == {"1": found.speedups[1]["small"], "3": found.speedups[3]["small"]}
    assert small["timings"]["3"] == found.timings[3]["small"].to_dict()
    assert small["evaluation"] == found.evaluations["small"].to_dict()


def test_a_model_that_says_nothing_gets_dashes():
    found = compare({"dense": mp.Network.mlp([4, 8, 2], rng=0), "function": lambda x: x[:, :2]}, (X, Y), **QUICK)
    assert found.costs["function"] == Cost(None, None, None, None)
    assert found.theoretical_speedup("function") is None
    assert found.kept_share("function") is None
    quality, time = (line for line in repr(found).splitlines() if line.startswith("function"))
    assert quality.split()[-4:] == ["–"] * 4
    assert time.split()[1] == "–"


@pytest.mark.parametrize("said", [{"kept": True, "flops": "12"}, {"kept": None, "nbytes": [3]}])
def test_what_is_no_number_is_not_believed(said):
    assert Cost.of(Said(None, **said)) == Cost(None, None, None, None)


def test_nothing_is_divided_by_a_model_that_does_or_holds_nothing():
    models = {"a": Said(lambda x: x[:, :2], kept=10, flops=20), "none": Said(lambda x: x[:, :2], kept=0, flops=0)}
    found = compare(models, (X, Y), **QUICK)
    assert (found.theoretical_speedup("none"), found.kept_share("none")) == (None, 0.0)
    turned = compare(models, (X, Y), **QUICK, baseline="none")
    assert (turned.theoretical_speedup("a"), turned.kept_share("a")) == (0.0, None)


def pruned_network(sparsity=0.5, outputs=2):
    network = mp.Network.mlp([4, 8, outputs], rng=0)
    return network, mp.plan(network, mp.Magnitude(), sparsity=sparsity).apply(network)


def test_a_masked_network_costs_what_the_dense_one_does_and_is_told_so():
    network, masked = pruned_network()
    found = compare({"dense": network, "half": masked}, (X, Y), **QUICK)
    assert found.costs["dense"] == Cost(kept=48, sparsity=0.0, nbytes=4 * 58, flops=2 * 48 + 10)
    assert found.costs["half"] == Cost(kept=24, sparsity=0.5, nbytes=4 * 58, flops=2 * 48 + 10)
    assert found.theoretical_speedup("half") == 1.0
    assert found.masked == ("half",)
    assert "networks hold their pruned weights as zeros and multiply by them: half" in repr(found).splitlines()


def test_a_program_is_compared_by_what_it_says():
    network, masked = pruned_network(0.6)
    program = mp.compile(masked, kernels="csr")
    found = compare({"dense": network, "program": program}, (X, Y), **QUICK)
    assert found.costs["program"] == Cost(program.kept, program.sparsity, program.nbytes, program.flops)
    assert found.theoretical_speedup("program") == 106 / program.flops
    assert found.masked == ()
    auc = found.evaluations["program"].auc
    assert auc == evaluate(masked, (X, Y)).auc


def test_more_classes_than_two_are_compared_by_accuracy():
    network, masked = pruned_network(outputs=4)
    shown = repr(compare({"dense": network, "half": masked}, (X, np.arange(4)), **QUICK))
    assert shown.splitlines()[1].split() == ["model", "accuracy", "kept", "share", "bytes", "FLOPs/row"]
    assert "false declines" not in shown


def test_the_usual_comparison_fits_100_columns(clock):
    names = ("dense network", "masked network", "compact network", "program")
    models = {name: Said(clock.model(name, 385_000), kept=48384, flops=97154, nbytes=195e3) for name in names}
    found = compare(models, (np.eye(2), np.array([0, 1])), seconds=1e-6, rounds=1)
    assert list(found.timings) == [1, 16, 256]
    assert max(map(len, repr(found).splitlines())) <= 100


def test_the_same_batches_and_rows_are_given_again_for_the_same_seed(clock):
    def rows_for(seed):
        clock.calls.clear()
        compare({"m": clock.model("m", MS)}, (X[:, :2], Y), batch_sizes=(1, 2), seconds=0.001, rounds=1, rng=seed)
        return [x.tolist() for _, x in clock.calls]

    assert rows_for(3) == rows_for(3) == rows_for(np.random.default_rng(3))
    assert rows_for(3) != rows_for(4)


def test_models_and_data_are_left_as_they_were():
    network, masked = pruned_network()
    before = {name: (p.value.copy(), p.mask.copy()) for name, p in masked.parameters.items()}
    x = X.copy()
    x.setflags(write=False)
    compare({"dense": network, "half": masked}, (x, Y), **QUICK)
    for name, p in masked.parameters.items():
        assert np.array_equal(p.value, before[name][0])
        assert np.array_equal(p.mask, before[name][1])


def test_what_is_not_said_is_nine_rounds_of_a_third_of_a_second_each_in_an_order_drawn_from_zero(clock, monkeypatch):
    timed, judged = Notes(comparison.time_in_turns), Notes(evaluate)
    monkeypatch.setattr(comparison, "time_in_turns", timed)
    monkeypatch.setattr(comparison, "evaluate", judged)
    models = {"a": clock.model("a", 100 * MS)}
    compare(models, (X[:, :2], Y))
    orders = [more.pop("rng") for _, more in timed]
    assert [more for _, more in timed] == [{"batch_size": b, "seconds": 0.3, "rounds": 9} for b in (1, 16, 256)]
    assert [more for _, more in judged] == [{"recall": 0.8}]
    assert len({id(order) for order in orders}) == 1
    first = [x.tolist() for _, x in clock.calls]
    for asked, same in (({"rng": 0}, True), ({"rng": 1}, False)):
        clock.calls.clear()
        compare(models, (X[:, :2], Y), **asked)
        assert ([x.tolist() for _, x in clock.calls] == first) == same
    compare(models, (X[:, :2], Y), batch_sizes=[2], seconds=0.5, rounds=2, recall=0.5)
    assert {name: timed[-1][1][name] for name in ("batch_size", "seconds", "rounds")} == {
        "batch_size": 2, "seconds": 0.5, "rounds": 2,
    }  # fmt: skip
    assert judged[-1][1] == {"recall": 0.5}


def test_each_batch_size_is_timed_for_each_model():
    network, masked = pruned_network()
    found = compare({"dense": network, "half": masked}, (X, Y), batch_sizes=(2, 1), seconds=1e-6, rounds=2)
    assert list(found.timings) == list(found.speedups) == [2, 1]
    for batch, of in found.timings.items():
        assert {type(of[name]) for name in ("dense", "half")} == {Timing}
        assert of["half"].batch_size == batch
        assert of["half"].calls >= 6


def echo(x):
    return x[:, :2]


@pytest.mark.parametrize(
    ("models", "options", "error", "text"),
    [
        ({}, {}, InvalidValueError, "models must hold at least one model, got none in compare()"),
        ([echo], {}, InvalidTypeError, "models must be a dict of names to models, got list in compare()"),
        ({"a": 3}, {}, InvalidTypeError, "models must map names to callables, got 'a': 3 in compare()"),
        ({"dense": echo}, {"baseline": "dens"}, InvalidValueError,
         "baseline must be a known name, got 'dens' in compare(); did you mean 'dense'? Known: dense"),
        ({"a": echo}, {"batch_sizes": ()}, InvalidValueError,
         "batch_sizes must hold at least one whole number, got () in compare()"),
        ({"a": echo}, {"batch_sizes": 16}, InvalidValueError,
         "batch_sizes must hold at least one whole number, got 16 in compare()"),
        ({"a": echo}, {"batch_sizes": "16"}, InvalidValueError,
         "batch_sizes must hold at least one whole number, got '16' in compare()"),
        ({"a": echo}, {"batch_sizes": [1, 0]}, InvalidValueError,
         "batch_sizes[1] must be at least 1, got 0 in compare()"),
        ({"a": echo}, {"batch_sizes": [1.5]}, InvalidTypeError,
         "batch_sizes[0] must be a whole number, got float 1.5 in compare()"),
        ({"a": echo}, {"seconds": 0}, InvalidValueError,
         "seconds must be greater than 0 and finite, got 0 in compare()"),
        ({"a": echo}, {"rounds": 0}, InvalidValueError, "rounds must be at least 1, got 0 in compare()"),
        ({"a": echo}, {"rng": "x"}, InvalidTypeError,
         "rng must be a Generator, a seed or None, got str 'x' in compare()"),
        ({"a": echo}, {"recall": 2}, InvalidValueError, "recall must be in (0, 1], got 2 in evaluate()"),
    ],
)  # fmt: skip
def test_what_can_not_be_compared_is_refused(models, options, error, text):
    with pytest.raises(error) as refused:
        compare(models, (X, Y), **options)
    assert str(refused.value) == text


def test_data_that_is_no_pair_is_refused():
    with pytest.raises(InvalidTypeError) as refused:
        compare({"a": echo}, 3)
    assert str(refused.value) == "split must be a Split or a pair (x, y), got int in compare()"


def test_a_mistyped_model_gets_a_did_you_mean():
    found = compare({"dense": echo}, (X, Y), **QUICK)
    for ask in (found.theoretical_speedup, found.kept_share):
        with pytest.raises(InvalidValueError, match="did you mean 'dense'"):
            ask("dens")
