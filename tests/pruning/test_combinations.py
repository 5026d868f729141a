"""Every criterion with every allocation and every pattern: a plan that counts, has its shape, and can be explained."""

from dataclasses import dataclass

import numpy as np
import pytest
from by_hand import never
from combining import (
    ALLOCATIONS,
    COST,
    CRITERIA,
    PATTERNS,
    assert_counted,
    assert_gone_is_zero,
    assert_shape,
    budgets,
    full_slots,
    meant,
    problem,
    request,
    units_of,
)
from generators import Pairs, digest

import minprune as mp
from minprune.pruning.criteria import NeuronCriterion

NOUNS = {mp.Unstructured: "weight", mp.NM: "slot", mp.Blocks: "block", mp.Vectors: "vector", Pairs: "pair"}


def _every(criteria):
    return [
        pytest.param(criterion, allocation, pattern, id=f"{criterion}-{allocation}-{pattern}")
        for criterion in criteria
        for allocation in ALLOCATIONS
        for pattern in PATTERNS
        if meant(allocation, pattern)
    ]


@pytest.mark.parametrize(("criterion", "allocation", "pattern"), _every(CRITERIA))
def test_plan(criterion, allocation, pattern):
    _check_plan("relu", criterion, allocation, pattern)


some = ["Random", "GraSP", "SynFlow", "OptimalBrainSurgeon", "NeuronTaylor"]  # the first scores what is gone as well


@pytest.mark.parametrize(("criterion", "allocation", "pattern"), _every(some))
def test_plan_for_a_network_that_was_pruned_before(criterion, allocation, pattern):
    _check_plan("tanh", criterion, allocation, pattern)


def _check_plan(network, criterion, allocation, pattern):
    given = problem(network)
    network, data, criterion = given.network, given.data, CRITERIA[criterion](given)
    asked, full = request(given, allocation, pattern), pattern == "NM-all" and allocation == "Global"
    before, inputs = digest(network), [array.tobytes() for array in data]
    plan = mp.plan(network, criterion, data=data, **asked)
    assert _bits(plan) == _bits(mp.plan(network, criterion, data=data, **asked))
    assert digest(network) == before
    assert [array.tobytes() for array in data] == inputs

    assert plan.masks.keys() >= network.prunable.keys()
    for name, mask in plan.masks.items():
        assert mask.dtype == bool
        assert mask.shape == network.parameters[name].shape
        assert not (mask & ~network.parameters[name].mask).any()
    assert plan.achieved == sum(int((~plan.masks[name]).sum()) for name in network.prunable)
    promised = budgets(network, plan, **asked)
    assert_counted(network, plan.masks, promised, asked["pattern"])
    assert_shape(network, plan.masks, asked["pattern"], full=full)
    _check_fair(given, plan, **asked)
    _check_order(network, plan, _live(given, criterion, plan, asked["pattern"]), criterion, full=full, **asked)
    _check_explained(network, criterion, plan, promised, asked["pattern"])

    pruned = plan.apply(network)
    assert digest(network) == before
    assert_gone_is_zero(pruned)
    assert pruned.weights - pruned.kept == plan.achieved
    assert bool(plan.values) == isinstance(criterion, mp.OptimalBrainSurgeon)
    for name, value in plan.values.items():
        gone = value[~pruned.parameters[name].mask]
        assert gone.tobytes() == bytes(gone.nbytes)
    for name, p in pruned.parameters.items():
        mask, value = network.parameters[name].mask, network.parameters[name].value
        assert (p.mask == plan.masks.get(name, mask)).all()
        assert (p.value == np.where(p.mask, plan.values.get(name, value), 0)).all()
    assert mp.plan(pruned, criterion, data=data, **asked).achieved == plan.achieved


def _bits(plan):
    arrays = [plan.masks, plan.scores, plan.values]
    return repr(plan), [{name: array.tobytes() for name, array in named.items()} for named in arrays]


@dataclass(eq=False)
class Live:
    """A unit of which something was left."""

    name: str
    position: int
    weights: list
    score: float
    stays: bool


def _live(given, criterion, plan, pattern):
    """Return the live units with their scores by hand, in the order in which those of a layer go."""
    neurons = None
    if isinstance(criterion, NeuronCriterion) and isinstance(pattern, mp.Neurons):
        neurons = criterion.neuron_scores(given.network, given.data)
    before = {name: p.mask for name, p in given.network.prunable.items()}
    live = []
    for layer, _, position, weights in units_of(given.network, pattern):
        mine = [(name, i, j) for name, i, j in weights if before[name][i, j]]
        if not mine:
            continue
        scores = [float(plan.scores[name][i, j]) for name, i, j in mine]
        score = scores[0] if _single(pattern) else sum(s * s for s in scores) / len(scores)
        score = score if neurons is None else float(neurons[layer][position])
        live.append(Live(layer, position, mine, score, any(plan.masks[name][i, j] for name, i, j in mine)))
    return sorted(live, key=lambda unit: unit.score)


def _single(pattern):
    return isinstance(pattern, mp.Unstructured | mp.NM)


def _check_order(network, plan, live, criterion, *, allocation, pattern, full, min_keep, sparsity=None):
    """What goes is worth no more than what could have gone and stays, in each group that is ranked together."""
    layers, groups = {}, {}
    for unit in live:
        layers.setdefault(unit.name, []).append(unit)
    stay = {name: sum(unit.stays for unit in units) for name, units in layers.items()}
    assert all(stay[name] >= min(min_keep, len(units)) for name, units in layers.items())
    if getattr(criterion, "rounds", 1) > 1:  # in each of them the scores were others
        return
    worth = {unit: unit.score for unit in live}
    if isinstance(allocation, mp.LAMP):
        worth = {unit: share for units in layers.values() for unit, share in _lamp(units, 2 if _single(pattern) else 1)}
    spared = set(never(network, live, pattern))
    for unit in live:
        group = unit.name
        if isinstance(allocation, mp.Global | mp.LAMP) and not full:
            group = "all"
        elif getattr(allocation, "within", "layer") == "output":
            group = unit.name, unit.weights[0][2]
        goes, left = groups.setdefault(group, ([], []))
        if not unit.stays:
            goes.append(worth[unit])
        elif unit not in spared and stay[unit.name] > min_keep:
            left.append(worth[unit])
    for goes, left in groups.values():
        assert max(goes, default=0.0) <= min(left, default=np.inf) * (1 + 1e-5)


def _lamp(units, power):
    """Return the units of a layer with the share that each has of what is left when all below are gone."""
    shares, above = [], 0.0
    for unit in reversed(units):
        above += unit.score**power
        shares.append((unit, unit.score**power / above if above else 0.0))
    return shares


def _check_fair(given, plan, *, allocation, pattern, sparsity=None, min_keep=1):
    """Layers, or outputs, give what their allocation says."""
    network, asked = given.network, {layer.name: layer.asked for layer in plan.layers}
    if isinstance(pattern, mp.Neurons):
        return
    may_go = {name: p.kept for name, p in network.prunable.items()}
    if isinstance(pattern, mp.NM):
        may_go = {name: full_slots(p.mask, pattern) for name, p in network.prunable.items()}
    if isinstance(allocation, mp.ErdosRenyi):  # all that are at no bound keep round(ε (inputs + outputs))
        kept = {name: p.size - asked[name] for name, p in network.prunable.items()}
        free = [p for name, p in network.prunable.items() if p.kept - may_go[name] < kept[name] < p.kept]
        assert free
        most = min((kept[p.name] + 0.5) / sum(p.shape) for p in free)
        assert max((kept[p.name] - 0.5) / sum(p.shape) for p in free) <= most + 1e-9
    if isinstance(allocation, mp.Sensitivity) and given.name == "relu":  # curves are straight: cheapest weights first
        left = sum(asked.values())
        for name, p in sorted(network.prunable.items(), key=lambda item: COST[item[0]] / item[1].size):
            assert asked[name] == min(left, may_go[name], int(0.9 * p.size))
            left -= asked[name]
    if getattr(allocation, "within", "layer") == "output":
        for name, p in network.prunable.items():
            gone = (~plan.masks[name]).sum(axis=0)
            loses = gone > (~p.mask).sum(axis=0)
            assert np.ptp(gone[loses]) <= 1


def _check_explained(network, criterion, plan, promised, pattern):
    """One weight of each layer that goes and one that stays: the verdict, and what it was decided by."""
    rounds = getattr(criterion, "rounds", 1)
    for name, p in list(network.prunable.items())[: 1 if rounds > 1 else None]:
        for verdict, where in (("stays", plan.masks[name]), ("goes", p.mask & ~plan.masks[name])):
            for index in np.argwhere(where)[:1]:
                at = tuple(index.tolist())
                why = plan.explain(name, at)
                assert (why.name, why.index, why.verdict) == (name, at, verdict)
                assert why.score == plan.scores[name][at]
                assert str(why).startswith(f"{name} {at} {verdict}: score {why.score:.3g}")
                _check_names(why, pattern, network)
                if not why.group:
                    assert verdict == "stays"
                    assert not any(name in budget.layers for budget in promised)
                    assert str(why).endswith("in no layer that this plan prunes")
                    continue
                if rounds > 1 and verdict == "goes":
                    assert str(why).endswith(f"in round {why.round} of {rounds}")
                elif rounds == 1:
                    (budget,) = [budget for budget in promised if budget.layers == why.group]
                    left = budget.target - budget.before  # what is missed by less than a unit counts as met
                    assert why.budget == (left if left >= budget.unit or not budget.before else 0)
                    assert f"budget {why.budget} {budget.counted_in}" in str(why) or why.rank is None
                _check_rank(why)


def _check_names(why, pattern, network):
    if isinstance(pattern, mp.Neurons):
        (i, j), layer, number = why.index, why.name.split(".")[0], int(why.name[5])
        before = [f"neuron {i} of dense{number - 1}"] if number > 1 else [f"input {i}"] * pattern.inputs
        assert why.units == (*before, *([f"neuron {j} of {layer}"] if number < len(network.dense) else []))
    else:
        assert [label.split()[0] for label in why.units] == [NOUNS[type(pattern)]]
    assert isinstance(pattern, mp.Unstructured) or f", in {' and '.join(why.units)}" in str(why)


def _check_rank(why):
    if why.rank is None:
        assert why.verdict == "stays"
        assert "out of bounds: among the " in str(why)
        return
    assert 1 <= why.rank <= why.candidates
    assert f"rank {why.rank} of {why.candidates} (1 goes first)" in str(why)
    assert f"score {why.unit_score:.3g}, " in str(why) or f"ranked by {why.unit_score:.3g}, " in str(why)
    if why.verdict == "goes":
        assert why.unit_score <= why.cutoff
    else:
        assert why.cutoff is None or why.unit_score >= why.cutoff
