"""Combinations that can't be meant: each is refused by a text that says why, before anything is changed."""

import inspect
import re

import pytest
from combining import ALLOCATIONS, CRITERIA, LOSS, PATTERNS, REFUSED, REGROWTH, SCHEDULES, problem, request
from generators import digest

import minprune as mp
from minprune.errors import BudgetError, InvalidValueError
from minprune.pruning.allocation import Allocation, Curves
from minprune.pruning.criteria import Criterion, NeuronCriterion
from minprune.pruning.patterns import Pattern
from minprune.pruning.regrowth import Regrowth
from minprune.pruning.schedules import Schedule


class FanOut(NeuronCriterion):
    """Knows of neurons, and not of inputs."""

    def neuron_scores(self, network, data=None):
        layers = zip(network.prunable, network.dense[1:], strict=False)
        return {name: layer.weight.mask.sum(axis=1).astype(float) for name, layer in layers}


def _straight(*names):
    return mp.Sensitivity(Curves(0.5, dict.fromkeys(names, (0.0, 0.4)), dict.fromkeys(names, (0.5, 0.9))))


def _fit(network, pruner):
    settings = {"loss": LOSS, "optimizer": mp.SGD(0.1), "epochs": 3, "batch_size": 10, "rng": 0}
    mp.fit(network, problem("relu").data, pruner=pruner, **settings)


def _assert_refused(
    error, says, *, criterion=None, schedule=None, regrow=None, data=None, plan=True, fit=True, **asked
):
    """By `plan` and by a `Pruner`, in whose training no step is taken."""
    network, criterion = problem("relu").network.copy(), mp.Magnitude() if criterion is None else criterion
    before = digest(network)
    if plan:
        with pytest.raises(error, match=re.escape(says)):
            mp.plan(network, criterion, data=data, **asked)
    if fit:
        with pytest.raises(error, match=re.escape(says)):
            _fit(network, mp.Pruner(criterion, schedule=schedule, regrow=regrow, **asked))
    assert digest(network) == before


@pytest.mark.parametrize(("one", "other"), REFUSED, ids=["-".join(pair) for pair in REFUSED])
def test_members_that_refuse_each_other(one, other):
    if one in REGROWTH:
        schedule, asked = SCHEDULES.get(other, mp.Cubic()), {"pattern": PATTERNS.get(other), "sparsity": 0.5}
        _assert_refused(
            InvalidValueError, REFUSED[one, other], plan=False, schedule=schedule, regrow=REGROWTH[one], **asked
        )
    else:
        _assert_refused(InvalidValueError, REFUSED[one, other], **request(problem("relu"), one, other))


hidden = ("dense1.weight", "dense2.weight")
everything = (*hidden, "dense3.weight")


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        (
            {"pattern": mp.Neurons(), "allocation": mp.PerLayer({"dense3": 0.5})},
            InvalidValueError,
            "PerLayer() names no layer with neurons to drop: 'dense3.weight'; did you mean",
        ),
        (
            {"pattern": mp.Neurons(), "allocation": mp.PerLayer({"inputs": 0.5})},
            InvalidValueError,
            "PerLayer() names no layer with neurons to drop: 'inputs'",
        ),
        (
            {"allocation": mp.PerLayer({"inputs": 0.5})},
            InvalidValueError,
            "PerLayer() names no layer with weights to drop: 'inputs'",
        ),
        (
            {"pattern": mp.Neurons(), "allocation": _straight(*everything), "sparsity": 0.3},
            InvalidValueError,
            "Sensitivity() names no layer with neurons to drop: 'dense3.weight'",
        ),
        (
            {"allocation": _straight(*hidden), "sparsity": 0.3},
            InvalidValueError,
            "curves must have every layer, got none of dense3.weight in Sensitivity()",
        ),
        (
            {"allocation": _straight(*everything), "sparsity": 0.5},
            BudgetError,
            "pruning 112 of 224 weights is more than the curves reach: 88, a sparsity of 0.392857, in Sensitivity()",
        ),
        (
            {"pattern": mp.NM(2, 4), "sparsity": 0.6},
            BudgetError,
            "a sparsity of 0.5, in plan(); 2:4 lets no more go: leave out sparsity= for all that it does",
        ),
        *(
            (
                {"pattern": mp.NM(2, 4), "allocation": allocation, "sparsity": 0.6},
                BudgetError,
                f"can go{how}, a sparsity of 0.5, in {where}(); 2:4 lets no more go",
            )
            for allocation, how, where in [
                (mp.Uniform(), " with min_keep=1 slot(s) a layer", "plan"),
                (mp.Uniform(within="output"), " with min_keep=1 slot(s) a layer", "plan"),
                (mp.LAMP(), " with min_keep=1 slot(s) a layer", "plan"),
                (mp.ErdosRenyi(), "", "ErdosRenyi"),
            ]
        ),
        (
            {"pattern": mp.NM(2, 4), "allocation": mp.PerLayer({"dense2": 0.6})},
            BudgetError,
            "pruning 58 of 96 weights of dense2.weight: at most 48 can go with min_keep=1 slot(s) a layer",
        ),
        (
            {"pattern": mp.Neurons(), "sparsity": 0.99},
            BudgetError,
            "at most 211 can go with min_keep=1 neuron(s) a layer",
        ),
        (
            {"criterion": FanOut(), "pattern": mp.Neurons(inputs=True), "sparsity": 0.5},
            InvalidValueError,
            "scores of neurons must hold 'inputs', got dense1.weight, dense2.weight in plan(); leave out inputs=True",
        ),
    ],
)
def test_parts_that_do_not_fit(asked, error, says):
    _assert_refused(error, says, **asked)


@pytest.mark.parametrize("allocation", [name for name in ALLOCATIONS if name not in ("Global", "PerLayer")])
def test_a_threshold_leaves_nothing_to_allocate(allocation):
    asked = request(problem("relu"), allocation, "Unstructured") | {"threshold": 0.1, "sparsity": None}
    _assert_refused(InvalidValueError, "threshold= needs no allocation, got ", fit=False, **asked)


@pytest.mark.parametrize("asked", [{"threshold": 0.1}, {"sparsity": 0.5}], ids=str)
def test_sparsities_of_layers_leave_nothing_to_ask(asked):
    says = "sets each layer's sparsity: leave out sparsity= and threshold= in plan()"
    _assert_refused(InvalidValueError, says, fit=False, allocation=mp.PerLayer({"dense1": 0.5}), **asked)


@pytest.mark.parametrize("criterion", [name for name, make in CRITERIA.items() if make(problem("relu")).needs_data])
def test_a_plan_by_a_criterion_that_needs_data(criterion):
    made = CRITERIA[criterion](problem("relu"))
    says = f"{made!r} needs data: pass data=(x, y) or a Split to plan()"
    _assert_refused(InvalidValueError, says, criterion=made, sparsity=0.5, fit=False)


@pytest.mark.parametrize("schedule", [mp.OneShot(0), mp.Constant(0, 0.8, updates=4)], ids=repr)
def test_movement_at_the_first_step(schedule):
    """Nothing has moved yet."""
    says = "Movement() has seen no training: pass it to fit(…, callbacks=[movement]), or to a Pruner whose schedule"
    _assert_refused(InvalidValueError, says, criterion=mp.Movement(), sparsity=0.5, schedule=schedule)


@pytest.mark.parametrize("regrow", ["RigL", "SET"])
def test_regrowth_with_a_single_update(regrow):
    says = "regrow needs a schedule of several updates, as nothing comes back at the last, got Cubic("
    asked = {"schedule": mp.Cubic(updates=1), "sparsity": 0.5, "regrow": REGROWTH[regrow]}
    _assert_refused(InvalidValueError, says, plan=False, **asked)


@pytest.mark.parametrize("pattern", [mp.Neurons(), mp.Neurons(inputs=True)], ids=repr)
def test_neurons_of_a_single_layer(pattern):
    """There are none; inputs there are."""
    network = mp.Network([mp.Dense(8, 4, rng=0)])
    if pattern.inputs:
        assert mp.plan(network, mp.Magnitude(), sparsity=0.5, pattern=pattern).achieved == 16
        return
    with pytest.raises(InvalidValueError, match=r"needs a network with a hidden layer, .* Neurons\(inputs=True\) can"):
        mp.plan(network, mp.Magnitude(), sparsity=0.5, pattern=pattern)


def test_every_member_is_in_the_tables():
    given = problem("relu")
    found = {type(make(given)) for make in CRITERIA.values()} | {type(pattern) for pattern in PATTERNS.values()}
    found |= {type(request(given, name, "Unstructured")["allocation"]) for name in ALLOCATIONS}
    found |= {type(part) for part in (*SCHEDULES.values(), *REGROWTH.values())}
    kinds = (Criterion, Allocation, Pattern, Schedule, Regrowth)
    members = [getattr(mp, name) for name in mp.__all__ if inspect.isclass(getattr(mp, name))]
    assert {member for member in members if issubclass(member, kinds)} <= found
