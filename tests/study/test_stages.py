"""The two stages of a run, without a sweep around them and without training: each is done by hand as well."""

from types import SimpleNamespace

import numpy as np
import pytest

from minprune import Global, GradientMagnitude, Magnitude, Network, Neurons, Random, SoftmaxCrossEntropy, Uniform
from minprune import plan as plan_by_hand
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.patterns import Unstructured
from minprune.study import stages
from minprune.study.controls import reinitialised, shuffled_in_layers, smaller
from minprune.study.stages import Recipe, built, prune, rebuilt, train_dense

DATA = (np.arange(40.0).reshape(10, 4) % 7 - 3, np.arange(10) % 3)


class Remembering(Magnitude):
    """Counts how often it was asked."""

    def __init__(self):
        super().__init__()
        self.asked = 0

    def scores(self, network, data=None):
        self.asked += 1
        return super().scores(network, data)


def build(seed):
    return Network.mlp([4, 6, 5, 3], rng=seed)


def shift(by):
    """Return a training that adds to every bias, and leaves in each the seed."""

    def train(network, seed):
        for name, p in network.parameters.items():
            if name.endswith("bias"):
                p.value = p.value + np.float32(by * (seed + 1))

    return train


TRAIN, FINETUNE = shift(1), shift(100)


def judge(network):
    biases = sum(float(p.value.sum()) for name, p in network.parameters.items() if name.endswith("bias"))
    return {"biases": biases, "weight": sum(float(np.abs(p.value).sum()) for p in network.prunable.values())}


def recipe(**more):
    criteria = {"magnitude": Magnitude(), "gradient": GradientMagnitude(SoftmaxCrossEntropy())}
    asked = {
        "build": build,
        "train": TRAIN,
        "finetune": FINETUNE,
        "evaluate": judge,
        "data": DATA,
        "criteria": criteria,
    }
    asked |= {"allocations": {"Global": Global(), "Uniform": Uniform()}}
    return Recipe(**asked | {"patterns": {"Unstructured": Unstructured(), "Neurons": Neurons()}} | more)


ASKED = {"criterion": "magnitude", "allocation": "Uniform", "pattern": "Unstructured", "sparsity": 0.5, "control": None}


@pytest.fixture
def dense():
    network = build(3)
    TRAIN(network, 3)
    return network


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Each look at the clock is a second later than the one before was."""
    looks = iter(range(1, 100))
    monkeypatch.setattr(stages, "perf_counter", lambda: next(looks) ** 2)


def by_hand(dense, criterion=None, **more):
    asked = {"sparsity": 0.5, "allocation": Uniform(), "pattern": Unstructured(), "data": DATA} | more
    return plan_by_hand(dense, criterion or Magnitude(), **asked)


def random_of(seed):
    return np.random.default_rng([2, seed])


def control_by_hand(control, dense, seed):
    """Return what a control trains, if it does, before it is fine-tuned."""
    rng = np.random.default_rng(
        [{"small_dense": 1, "random": 2, "shuffled": 3, "reinitialised": 4}.get(control, 0), seed]
    )
    if control == "dense":
        return dense.copy()
    if control == "small_dense":
        network = smaller(dense, dense.weights - round(0.5 * dense.weights), rng=rng)
        TRAIN(network, seed)
        return network
    if control == "random":
        return by_hand(dense, Random(rng=rng)).apply(dense)
    if control == "shuffled":
        return shuffled_in_layers(dense, by_hand(dense).masks, rng=rng)
    network = by_hand(dense).apply(dense)
    if control == "reinitialised":
        network = reinitialised(network, rng=rng)
        TRAIN(network, seed)
    return network


def test_stage_1_trains_a_network_of_the_seed_and_returns_all_that_it_is():
    made = []

    def build_and_keep(seed):
        made.append(build(seed))
        return made[-1]

    found = train_dense(seed=3, recipe=recipe(build=build_and_keep))
    [network] = made
    wanted = build(3)
    TRAIN(wanted, 3)
    assert found.pop("after") == judge(wanted)
    assert found.pop("seconds") == 3
    assert set(found) == {f"{name}{end}" for name in wanted.parameters for end in ("", ".mask")}
    for name, p in wanted.parameters.items():
        np.testing.assert_array_equal(found[name], p.value)
        np.testing.assert_array_equal(found[f"{name}.mask"], p.mask)
        network.parameters[name].value[:] = 7.0
        np.testing.assert_array_equal(found[name], p.value)  # a copy


def test_the_network_of_stage_1_is_made_again_from_its_record():
    record = {"seed": 3} | train_dense(seed=3, recipe=recipe())
    record["dense2.weight.mask"] = np.arange(30).reshape(6, 5) % 3 > 0
    record["dense2.weight"] = record["dense2.weight"] * record["dense2.weight.mask"]
    seeds = []
    network = rebuilt(recipe(build=lambda seed: seeds.append(seed) or build(seed)), record)
    assert seeds == [3]
    for name, p in network.parameters.items():
        np.testing.assert_array_equal(p.value, record[name])
        np.testing.assert_array_equal(p.mask, record[f"{name}.mask"])


@pytest.mark.parametrize("control", [None, "dense", "random", "shuffled", "reinitialised", "small_dense"])
@pytest.mark.parametrize("seed", [0, 3])
def test_each_control_is_pruned_trained_and_fine_tuned_as_by_hand(control, seed, dense):
    asked = ASKED | {"control": control} | ({"criterion": None} if control == "random" else {})
    if control in ("dense", "small_dense"):
        asked |= {"criterion": None, "allocation": None, "pattern": None}
    untouched = dense.copy()
    found = prune(seed=seed, recipe=recipe(), dense=dense, **asked)
    wanted = control_by_hand(control, untouched, seed)
    before = judge(wanted)
    FINETUNE(wanted, seed)
    assert found == {
        "achieved": 1 - wanted.kept / untouched.weights,
        "kept": wanted.kept,
        "weights": untouched.weights,
        "before": before,
        "after": judge(wanted),
        "seconds": 3,
    }
    for name, p in dense.parameters.items():
        np.testing.assert_array_equal(p.value, untouched.parameters[name].value)
        np.testing.assert_array_equal(p.mask, untouched.parameters[name].mask)


def test_criterion_allocation_and_pattern_are_those_of_the_names_and_data_go_to_the_plan(dense):
    asked = ASKED | {"criterion": "gradient", "allocation": "Global", "pattern": "Neurons", "sparsity": 0.4}
    found = prune(seed=0, recipe=recipe(finetune=None), dense=dense, **asked)
    made = by_hand(
        dense, GradientMagnitude(SoftmaxCrossEntropy()), sparsity=0.4, allocation=Global(), pattern=Neurons()
    )
    assert found["kept"] == made.apply(dense).kept
    assert found["before"] == found["after"] == judge(made.apply(dense))


def test_what_may_remember_is_copied_for_each_run_and_data_are_read_if_they_are_needed(dense):
    remembering, reads = Remembering(), []

    def read():
        reads.append(1)
        return DATA

    made = recipe(criteria={"magnitude": remembering, "gradient": GradientMagnitude(SoftmaxCrossEntropy())}, data=read)
    prune(seed=0, recipe=made, dense=dense, **ASKED)
    assert (remembering.asked, len(reads)) == (0, 0)
    prune(seed=0, recipe=made, dense=dense, **ASKED | {"criterion": "gradient"})
    assert len(reads) == 1


class Own:
    """A criterion and an allocation that derives from none: it has the methods, and says nothing else."""

    def scores(self, network, data=None):
        assert data is not DATA
        return {name: np.abs(p.value) for name, p in network.prunable.items()}

    def groups(self, units, sparsity):
        return Uniform().groups(units, sparsity)


def test_a_criterion_that_does_not_say_that_it_needs_data_gets_none_that_would_have_to_be_read(dense):
    def read():
        raise AssertionError

    made = recipe(criteria={"magnitude": Own()}, allocations={"Uniform": Own()}, data=read)
    found = prune(seed=0, recipe=made, dense=dense, **ASKED)
    wanted = prune(seed=0, recipe=recipe(), dense=dense, **ASKED)
    assert found["after"] == wanted["after"]


def test_latency_is_that_of_both_programs_compiled_for_the_batch_size_in_turns(dense, monkeypatch):
    compiled, timed = [], []

    class Turns(dict):
        def speedup(self, name, baseline):
            return {"ours": 3.0, "dense": 1 / 3}[name] if name != baseline else 1.0

    def turns(programs, rows, **how):
        timed.append((programs, rows, how))
        return Turns(ours=SimpleNamespace(median=0.25), dense=SimpleNamespace(median=0.5))

    monkeypatch.setattr(stages, "compile", lambda *asked: compiled.append(asked) or f"program {len(compiled)}")
    monkeypatch.setattr(stages, "time_in_turns", turns)
    found = prune(seed=0, recipe=recipe(), dense=dense, batch_size=2, **ASKED)
    assert {key: found[key] for key in ("latency", "dense_latency", "speedup")} == {
        "latency": 0.25, "dense_latency": 0.5, "speedup": 3.0
    }  # fmt: skip
    (ours, size), (its, same) = compiled
    assert (ours.kept, its, size, same) == (found["kept"], dense, 2, 2)
    [(programs, rows, how)] = timed
    assert programs == {"ours": "program 1", "dense": "program 2"}
    np.testing.assert_array_equal(rows, np.random.default_rng(0).standard_normal((16, 4)))
    assert how == {"batch_size": 2, "seconds": 0.3}


def test_a_number_is_a_metric_called_value_and_a_dict_is_plain_numbers(dense):
    found = prune(seed=0, recipe=recipe(evaluate=lambda network: network.kept / 2), dense=dense, **ASKED)
    assert found["before"] == found["after"] == {"value": found["kept"] / 2}
    found = prune(seed=0, recipe=recipe(evaluate=lambda network: {"a": np.float32(0.5), "b": 2}), dense=dense, **ASKED)
    assert found["after"] == {"a": 0.5, "b": 2.0}
    assert [type(value) for value in found["after"].values()] == [float, float]


TAKEN = ("seed", "criterion", "allocation", "pattern", "sparsity", "control", "batch_size", "achieved", "kept")
REFUSED = {
    **{
        name: ({name: 1.0}, f"evaluate must leave the name {name!r} to another column of the records in sweep()")
        for name in (*TAKEN, "weights", "seconds", "latency", "dense_latency", "speedup")
    },
    "before": (
        {"a": 1, "a_before": 2},
        "evaluate must leave the name 'a_before' to another column of the records in sweep()",
    ),
    "none": ({}, "evaluate must return a number or a dict of names to numbers, got {} in sweep()"),
    "unnamed": ({3: 1.0}, "evaluate must return a number or a dict of names to numbers, got {3: 1.0} in sweep()"),
    "words": ({"a": "b"}, "evaluate's 'a' must be a number, got str 'b' in sweep()"),
    "nan": ({"a": 1.0, "b": np.nan}, "evaluate's 'b' must be finite, got nan in sweep()"),
    "nothing": (None, "evaluate's 'value' must be a number, got NoneType None in sweep()"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_evaluation_that_is_none_is_refused_by_name(case):
    given, text = REFUSED[case]
    with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
        train_dense(seed=0, recipe=recipe(evaluate=lambda network: given))
    assert str(caught.value) == text


def test_a_build_that_returns_no_network_is_refused():
    with pytest.raises(InvalidTypeError) as caught:
        built(recipe(build=lambda seed: seed), 3)
    assert str(caught.value) == "build must return a Network, got int in sweep()"
