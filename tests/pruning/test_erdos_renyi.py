"""ErdosRenyi: its densities against the loop that spreads again what capped layers leave over, and its exact count."""

import math

import numpy as np
import pytest
from by_hand import all_units, live_units
from generators import Given, distinct_scores, networks, patterns, plan_or_none, sparsities, tied_scores
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import BudgetError
from minprune.pruning.allocation.erdos_renyi import spread


def densities_by_hand(shapes, sparsity):
    """The loop of RigL's published code: a layer that would need a density above 1 is dense, and the rest tries again.

    All that divides is one ε, with density_l = ε (n_in + n_out) / (n_in n_out) in the layers that are not dense.
    """
    dense, found = set(), {}
    while True:
        divisor, ones = 0.0, 0.0
        for name, (n_in, n_out) in shapes.items():
            if name in dense:
                ones -= sparsity * n_in * n_out  # what it does not lose, others lose
            else:
                ones += (1 - sparsity) * n_in * n_out
                found[name] = (n_in + n_out) / (n_in * n_out)
                divisor += found[name] * n_in * n_out
        epsilon = ones / divisor if divisor else 0.0
        open_ = [name for name in shapes if name not in dense]
        highest = max((found[name] for name in open_), default=0.0)
        if highest * epsilon <= 1:
            return {name: 1.0 if name in dense else epsilon * found[name] for name in shapes}
        dense |= {name for name in open_ if found[name] == highest}


def kept_of(plan):
    return {layer.name: layer.weights - layer.achieved for layer in plan.layers}


@given(networks(pruned=False, width=20), st.data())
def test_erk_budget(network, draws):
    """Densities are those of the published loop, to a weight; none is above 1, and the total is the budget's."""
    sparsity = draws.draw(sparsities(network.weights))
    plan = mp.plan(network, mp.Magnitude(), sparsity=sparsity, allocation=mp.ErdosRenyi(), min_keep=0)
    assert plan.requested == plan.achieved == round(sparsity * network.weights)
    shapes = {name: p.shape for name, p in network.prunable.items()}
    for name, density in densities_by_hand(shapes, plan.sparsity).items():
        assert density <= 1 + 1e-12
        assert abs(kept_of(plan)[name] - density * network.prunable[name].size) < 1
        assert plan.layers[list(shapes).index(name)].asked == network.prunable[name].size - kept_of(plan)[name]


def kept_by_hand(budget, neurons, caps):
    """Give each layer its share; those that have no more than that keep all, and the rest is spread again."""
    full = set()
    while True:
        left = budget - sum(caps[name] for name in full)
        epsilon = left / max(sum(neurons[name] for name in caps if name not in full), 1)
        found = {name: caps[name] if name in full else epsilon * neurons[name] for name in caps}
        capped = {name for name in caps if name not in full and found[name] > caps[name]}
        if not capped:
            return found
        full |= capped


@given(networks(pruned=True), st.data())
def test_erk_budget_of_networks_that_are_pruned_already(network, draws):
    """A layer that has no more left than its share keeps that; others give the rest, and none comes back."""
    sparsity = draws.draw(sparsities(network.weights))
    plan = mp.plan(network, mp.Magnitude(), sparsity=sparsity, allocation=mp.ErdosRenyi(), min_keep=0)
    gone = network.weights - network.kept
    assert plan.achieved == max(round(sparsity * network.weights), gone)
    assert plan.requested == plan.achieved
    caps = {name: p.kept for name, p in network.prunable.items()}
    neurons = {name: sum(p.shape) for name, p in network.prunable.items()}
    for name, share in kept_by_hand(network.weights - plan.achieved, neurons, caps).items():
        assert abs(kept_of(plan)[name] - share) < 1
        assert kept_of(plan)[name] <= caps[name]


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 6), st.integers(0, 9)), min_size=1, max_size=4))
def test_spread_is_rounding_at_one_epsilon_and_of_a_larger_amount_none_gets_less(layers):
    """Give one after another, each to the layer whose next one comes at the lowest ε: (count + ½) / share."""
    shares, least, more = ({i: layer[k] for i, layer in enumerate(layers)} for k in range(3))
    most = {i: least[i] + more[i] for i in least}
    counts = dict(least)
    for amount in range(sum(most.values()) + 2):
        while sum(counts.values()) < min(amount, sum(most.values())):
            able = [i for i in counts if counts[i] < most[i]]
            counts[min(able, key=lambda i: ((counts[i] + 0.5) / shares[i], i))] += 1
        found = spread(amount, shares, least, most)
        assert found == counts
        assert all(type(number) is int for number in found.values())


def test_spread_of_large_layers_is_exact():
    sizes = {"a": 10**8, "b": 3 * 10**7, "c": 17}
    for amount in (0, 1, 12_345_678, sum(sizes.values()) - 1, sum(sizes.values())):
        found = spread(amount, {"a": 20_000, "b": 13_000, "c": 18}, dict.fromkeys(sizes, 0), sizes)
        assert sum(found.values()) == amount
        assert all(0 <= found[name] <= size for name, size in sizes.items())


@given(networks(), st.data())
def test_a_higher_sparsity_keeps_a_part_of_what_a_lower_one_keeps(network, draws):
    """With largest remainders a layer could keep more of a smaller budget. Of neurons it holds as well."""
    low, high = sorted(draws.draw(st.tuples(sparsities(network.weights), sparsities(network.weights))))
    neurons = len(network.prunable) > 1 and draws.draw(st.booleans())
    scores = Given(draws.draw(tied_scores(network)))
    parts = {"allocation": mp.ErdosRenyi(), "pattern": mp.Neurons() if neurons else mp.Unstructured(), "min_keep": 0}
    less, more = (mp.plan(network, scores, sparsity=s, **parts) for s in (low, high))
    assert all(not (more.masks[name] & ~less.masks[name]).any() for name in network.prunable)


@given(networks(layers=(2, 4)), st.booleans(), st.data())
def test_neurons_go_as_epsilon_falls(network, inputs, draws):
    """Walk down ε: a unit at place (rank + ½) / n goes when its layer keeps no more than the rest of the way."""
    scores, pattern = draws.draw(distinct_scores(network)), mp.Neurons(inputs=inputs)
    units = pattern.units(network, scores)
    sparsity = draws.draw(sparsities(network.weights))
    (group,) = mp.ErdosRenyi().groups(units, sparsity)
    assert (group.layers, group.target) == (tuple(units.scores), round(sparsity * network.weights))
    density = {name: sum(p.shape) / p.size for name, p in network.prunable.items()}
    density["inputs"] = sum(density.values()) / len(density)
    turns = {}
    for name in units.scores:
        n = sum(unit[0] == name for unit in all_units(network, pattern))
        alive = [unit.position for unit in live_units(network, scores, pattern) if unit.name == name]
        dead = [position for position in range(n) if position not in alive]
        for rank, position in enumerate(dead + alive):
            epsilon = (1 - (rank + 0.5) / n) / density[name]
            turns[name, position] = 1 / epsilon
    found = {(name, i): score for name, given_ in group.scores.items() for i, score in enumerate(given_)}
    assert found == pytest.approx(turns)


@given(networks(width=6), st.data())
def test_with_every_pattern_the_count_is_met_to_a_unit_in_each_layer(network, draws):
    pattern = draws.draw(patterns(network))
    request = {"sparsity": draws.draw(sparsities(network.weights)), "pattern": pattern, "min_keep": 0}
    scores = draws.draw(distinct_scores(network))
    plan = plan_or_none(network, scores, request | {"allocation": mp.ErdosRenyi()})
    if plan is None:
        assert isinstance(pattern, mp.NM)
        assert plan_or_none(network, scores, request) is None, "Global can't either"
        return
    asked, gone = round(request["sparsity"] * network.weights), network.weights - network.kept
    units = pattern.units(network, scores)
    assert plan.requested == (max(asked, gone) if units.separable else asked)
    if not units.separable:
        return
    for layer in plan.layers:
        largest = 1 if units.sizes is None else max(units.full[layer.name])
        assert layer.asked is not None
        assert 0 <= layer.asked - layer.achieved < largest or layer.achieved == layer.pruned_before


def test_a_pattern_that_lets_less_go_is_named():
    network = mp.Network.mlp([8, 12, 8, 4], rng=0)
    asked = {"allocation": mp.ErdosRenyi(), "pattern": mp.NM(2, 4)}
    with pytest.raises(BudgetError) as caught:
        mp.plan(network, mp.Magnitude(), sparsity=0.6, **asked)
    assert str(caught.value) == (
        "pruning 134 of 224 weights: at most 112 can go, a sparsity of 0.5, in ErdosRenyi(); "
        "2:4 lets no more go: leave out sparsity= for all that it does, or take another N:M"
    )
    assert caught.value.largest == 112
    assert mp.plan(network, mp.Magnitude(), sparsity=0.5, **asked).achieved == 112


def test_the_sparsity_that_can_be_met_is_rounded_down():
    with pytest.raises(BudgetError, match=r"at most 162 can go, a sparsity of 0\.666666, in ErdosRenyi"):
        mp.plan(
            mp.Network.mlp([9, 15, 6, 3], rng=0),
            mp.Magnitude(),
            sparsity=0.67,
            allocation=mp.ErdosRenyi(),
            pattern=mp.NM(1, 3),
        )


def test_tiny_layers_go_by_position_and_min_keep_is_obeyed():
    network = mp.Network.mlp([1, 1, 1, 1], rng=0)
    ask = {"sparsity": 1 / 3, "allocation": mp.ErdosRenyi()}
    plan = mp.plan(network, mp.Magnitude(), min_keep=0, **ask)
    assert kept_of(plan) == {"dense1.weight": 1, "dense2.weight": 1, "dense3.weight": 0}
    with pytest.raises(BudgetError, match=r"pruning 1 of 1 weights would empty dense3.weight: at most 0 can go"):
        mp.plan(network, mp.Magnitude(), **ask)
    assert mp.plan(network, mp.Magnitude(), sparsity=0.0, allocation=mp.ErdosRenyi()).achieved == 0


def test_narrow_layers_stay_dense():
    """LeNet-300-100 at 90 %: of 26,620 weights the ten outputs keep all their 1,000, the others share the rest."""
    network = mp.Network.mlp([784, 300, 100, 10], rng=0)
    plan = mp.plan(network, mp.Magnitude(), sparsity=0.9, allocation=mp.ErdosRenyi())
    assert kept_of(plan) == {
        "dense1.weight": math.floor(25_620 * 1084 / 1484 + 0.5),
        "dense2.weight": math.floor(25_620 * 400 / 1484 + 0.5),
        "dense3.weight": 1000,
    }


def test_an_explanation_knows_its_layers_budget():
    network = mp.Network.mlp([100, 50, 10], rng=0)
    plan = mp.plan(network, mp.Magnitude(), sparsity=0.8, allocation=mp.ErdosRenyi())
    why = plan.explain("dense2.weight", (0, 0))
    assert (why.group, why.budget, why.candidates) == (("dense2.weight",), 500 - 314, 500)
    neurons = mp.plan(network, mp.Magnitude(), sparsity=0.5, allocation=mp.ErdosRenyi(), pattern=mp.Neurons())
    assert "ranked by" in str(neurons.explain("dense1.weight", (0, 0)))


def test_repr_and_what_it_takes():
    assert repr(mp.ErdosRenyi()) == "ErdosRenyi()"
    assert not mp.ErdosRenyi.sets_sparsity
    assert np.isclose(densities_by_hand({"a": (10, 10)}, 0.25)["a"], 0.75)
