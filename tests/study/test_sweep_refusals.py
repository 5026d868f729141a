"""What a sweep can't do it says before it trains anything; what a run can't do it says with the run's name."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import sweeping
from sweeping import ASKED, CRITERIA, build, train

from minprune import (
    BudgetError,
    Dense,
    Global,
    GradientMagnitude,
    Magnitude,
    Network,
    Neurons,
    PerLayer,
    Random,
    Uniform,
)
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study.runs import check_sendable
from minprune.study.sweep import sweep


def go(*, made=build, criteria=CRITERIA, sparsities=(0.5,), seeds=(0,), workers=0, **more):
    return sweep(made, criteria, sparsities, seeds, **ASKED | {"workers": workers} | more)


def local(network, seed):
    """A function of this module, and a nested one below."""


def nested():
    def inside(network, seed):
        pass

    return inside


HINT = "move it to the top level of a module, or run in this process with workers=0"
REFUSED = {
    lambda: go(made=3): "build must be a function, got int 3 in sweep()",
    lambda: go(train=None): "train must be a function, got NoneType None in sweep()",
    lambda: go(finetune="x"): "finetune must be a function, got str 'x' in sweep()",
    lambda: go(evaluate=0): "evaluate must be a function, got int 0 in sweep()",
    lambda: go(made=lambda seed: seed): "build must return a Network, got int in sweep()",
    lambda: go(criteria=[]): "criteria must hold at least one, got none in sweep()",
    lambda: go(criteria={}): "criteria must hold at least one, got none in sweep()",
    lambda: go(criteria=Magnitude()): "criteria must be a sequence, got Magnitude Magnitude() in sweep()",
    lambda: go(criteria=[Magnitude]): "criterion must be a Criterion, got <class 'minprune.pruning.criteria.magnitude."
    "Magnitude'> in sweep(); pass an instance: Magnitude()",
    lambda: go(criteria={3: Magnitude()}): "criteria must go by names, got 3 in sweep()",
    lambda: go(criteria=[Magnitude(), Magnitude()]): "criteria must have different names, got 'Magnitude' twice in "
    "sweep(): pass a dict",
    lambda: go(allocations=[3]): "allocation must be an Allocation, got 3 in sweep()",
    lambda: go(allocations=[PerLayer({"dense1": 0.5})]): "allocations must leave the sparsity to sweep(), got "
    "PerLayer({'dense1.weight': 0.5})",
    lambda: go(patterns=[]): "patterns must hold at least one, got none in sweep()",
    lambda: go(sparsities=[]): "sparsities must hold at least one, got none in sweep()",
    lambda: go(sparsities=0.5): "sparsities must be a sequence, got float 0.5 in sweep()",
    lambda: go(sparsities=[0.5, 1.0]): "sparsities[1] must be in [0, 1), got 1 in sweep()",
    lambda: go(sparsities=[90]): "sparsities[0] must be in [0, 1), got 90 in sweep()",
    lambda: go(sparsities=[0.5, 0.5]): "sparsities must be different, got 0.5 twice in sweep()",
    lambda: go(seeds=[]): "seeds must hold at least one, got none in sweep()",
    lambda: go(seeds=3): "seeds must be a sequence, got int 3 in sweep()",
    lambda: go(seeds=[0, -1]): "seeds[1] must be at least 0, got -1 in sweep()",
    lambda: go(seeds=[0.0]): "seeds[0] must be a whole number, got float 0.0 in sweep()",
    lambda: go(seeds=[1, 2, 1]): "seeds must be different, got 1 twice in sweep()",
    lambda: go(controls=["densse"]): "controls must be a known name, got 'densse' in sweep(); did you mean 'dense'? "
    "Known: dense, random, shuffled, reinitialised, small_dense",
    lambda: go(controls="dense"): "controls must be a sequence, got str 'dense' in sweep()",
    lambda: go(controls=["dense", "dense"]): "controls must be different, got 'dense' twice in sweep()",
    lambda: go(latency=0): "latency must be at least 1, got 0 in sweep()",
    lambda: go(latency=True): "latency must be a whole number, got bool True in sweep()",
    lambda: go(workers=-1): "workers must be at least 0, got -1 in sweep()",
    lambda: go(executor=3, workers=None): "executor must be a concurrent.futures.Executor, got int in sweep()",
    lambda: go(data=None): "GradientMagnitude(SoftmaxCrossEntropy()) needs data: pass data=(x, y), or a Split, to "
    "sweep()",
    lambda: go(made=lambda seed: Network([Dense(8, 3, rng=seed)])): "network must have a hidden layer to shrink, got a "
    "single Dense in smaller()",
    lambda: go(criteria={"": Magnitude()}): "criteria must go by names, got '' in sweep()",
    lambda: go(criteria=3): "criteria must be a sequence, got int 3 in sweep()",
    lambda: go(criteria="magnitude"): "criteria must be a sequence, got str 'magnitude' in sweep()",
    lambda: go(criteria=[Magnitude(), Random(rng=0), Random(rng=0)]): "criteria must have different names, got "
    "'Random' twice in sweep(): pass a dict",
    lambda: go(allocations=[]): "allocations must hold at least one, got none in sweep()",
    lambda: go(allocations=3): "allocations must be a sequence, got int 3 in sweep()",
    lambda: go(allocations={1: Global()}): "allocations must go by names, got 1 in sweep()",
    lambda: go(allocations=[Global(), Uniform(), Global()]): "allocations must have different names, got 'Global' "
    "twice in sweep(): pass a dict",
    lambda: go(patterns={}): "patterns must hold at least one, got none in sweep()",
    lambda: go(patterns=3): "patterns must be a sequence, got int 3 in sweep()",
    lambda: go(patterns={None: Neurons()}): "patterns must go by names, got None in sweep()",
    lambda: go(patterns=[3]): "pattern must be a Pattern, got 3 in sweep()",
    lambda: go(patterns=[Neurons(), Neurons()]): "patterns must have different names, got "
    "\"Neurons(reduce='mean_square')\" twice in sweep(): pass a dict",
    lambda: go(sparsities={0.5: 1}): "sparsities must be a sequence, got dict {0.5: 1} in sweep()",
    lambda: go(controls=None): "controls must be a sequence, got NoneType None in sweep()",
    lambda: go(progress=1): "progress must be True, False or None, got 1 in sweep()",
    lambda: go(folder=3): "folder must be a str or a Path, got int 3 in sweep()",
    lambda: go(folder=""): "folder must be the name of a file, got '' in sweep()",
    lambda: go(executor=ThreadPoolExecutor(1), workers=2): "workers must be left out with an executor, got 2 in "
    "sweep()",
    lambda: go(train=nested(), workers=1): "train must be something other processes can find, got "
    f"nested.<locals>.inside in sweep(): {HINT} (Can't pickle local object 'nested.<locals>.inside')",
    lambda: go(criteria={"m": Unsent()}, workers=None): "criteria['m'] must be something other processes can find, got "
    f"Unsent in sweep(): {HINT} (no)",
}


class Unsent(Magnitude):
    def __reduce__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(("call", "text"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_cannot_be_meant_is_refused_by_name(call, text, monkeypatch):
    monkeypatch.setattr(sweeping, "fit", None)  # nothing is trained
    with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
        call()
    said = str(caught.value).replace("Can't get local object", "Can't pickle local object")  # as Python < 3.12 says it
    assert said == text


def test_a_sparsity_that_cannot_be_met_is_told_before_training(monkeypatch):
    monkeypatch.setattr(sweeping, "fit", None)
    with pytest.raises(BudgetError, match="at most"):
        go(patterns=[Neurons()], sparsities=[0.5, 0.99])


def fails(network, seed):
    if seed == 1:
        raise FloatingPointError("diverged")


def test_a_run_that_fails_is_named_and_what_is_done_is_kept(tmp_path):
    asked = {"criteria": [Magnitude()], "seeds": [0, 1], "folder": tmp_path, "controls": ["random"]}
    with pytest.raises(FloatingPointError, match="diverged") as caught:
        go(**asked, finetune=fails)
    assert caught.value.__notes__[-1] == (
        "in the run seed=1, control=None, sparsity=0.5, criterion='Magnitude', allocation='Global', "
        "pattern='Unstructured'"
    )
    assert len(list((tmp_path / "dense").glob("*.json"))) == 2
    assert len(list((tmp_path / "runs").glob("*.json"))) == 2


EVALUATIONS = {
    "a string": (lambda network: "x", "evaluate's 'value' must be a number, got str 'x' in sweep()"),
    "not finite": (lambda network: {"a": float("nan")}, "evaluate's 'a' must be finite, got nan in sweep()"),
    "nothing": (lambda network: {}, "evaluate must return a number or a dict of names to numbers, got {} in sweep()"),
    "no names": (
        lambda n: {1: 2},
        "evaluate must return a number or a dict of names to numbers, got {1: 2} in sweep()",
    ),
    "a taken name": (
        lambda network: {"seed": 1.0},
        "evaluate must leave the name 'seed' to another column of the records in sweep()",
    ),
    "a name that stands for before": (
        lambda network: {"a": 1.0, "a_before": 1.0},
        "evaluate must leave the name 'a_before' to another column of the records in sweep()",
    ),
}


@pytest.mark.parametrize("case", EVALUATIONS)
def test_an_evaluation_that_is_none_is_refused_in_the_first_run(case):
    evaluate, text = EVALUATIONS[case]
    with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
        go(evaluate=evaluate, train=local)
    assert str(caught.value) == text
    assert caught.value.__notes__ == ["in the run seed=0"]


def test_functions_of_a_module_and_partials_of_them_can_be_sent():
    for part in (train, partial(train, seed=1), sweeping.points, GradientMagnitude(sweeping.LOSS)):
        check_sendable(part, "part", "sweep")
