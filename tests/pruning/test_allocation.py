"""Allocations: the groups and their counts, and what each layer gives up in the end."""

import numpy as np
import pytest
from by_hand import live_units
from generators import Given, any_scores, distinct_scores, networks, sparsities, tied_scores
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.allocation import Allocation, Group


def _gone(network):
    return {name: int((~p.mask).sum()) for name, p in network.prunable.items()}


@given(networks(), st.data())
def test_global_is_one_group_with_the_networks_count(network, data):
    sparsity = data.draw(sparsities(network.weights))
    units = mp.Unstructured().units(network, mp.Magnitude().scores(network))
    (group,) = mp.Global().groups(units, sparsity)
    assert group.layers == tuple(network.prunable)
    assert group.target == round(sparsity * network.weights)
    assert (group.counted_in, group.scores) == ("weights", None)


@given(networks(), st.data())
def test_local_count_of_uniform(network, data):
    """Each layer loses round(s · n_l), or what it had lost already if that is more."""
    scores = data.draw(any_scores(network))
    sparsity = data.draw(sparsities(data.draw(st.sampled_from([p.size for p in network.prunable.values()]))))
    plan = mp.plan(network, Given(scores), sparsity=sparsity, allocation=mp.Uniform(), min_keep=0)
    gone = _gone(network)
    for layer in plan.layers:
        assert layer.asked == round(sparsity * layer.weights)
        assert layer.achieved == max(layer.asked, gone[layer.name])
        assert layer.achieved == int((~plan.masks[layer.name]).sum())
        assert layer.pruned_before == gone[layer.name]


@given(networks(), st.data())
def test_local_count_of_per_layer(network, data):
    """Each named layer loses round(s_l · n_l); the others are left alone."""
    names = data.draw(st.lists(st.sampled_from(list(network.prunable)), min_size=1, unique=True))
    asked = {name: data.draw(sparsities(network.prunable[name].size)) for name in names}
    plan = mp.plan(network, Given(data.draw(any_scores(network))), allocation=mp.PerLayer(asked), min_keep=0)
    gone = _gone(network)
    for layer in plan.layers:
        if layer.name in asked:
            assert layer.asked == round(asked[layer.name] * layer.weights)
            assert layer.achieved == max(layer.asked, gone[layer.name])
        else:
            assert layer.asked is None
            assert layer.achieved == gone[layer.name]
            assert np.array_equal(plan.masks[layer.name], network.parameters[layer.name].mask)


@given(networks(layers=(2, 4), pruned=False), st.data())
def test_local_count_of_neurons(network, data):
    """PerLayer takes its share of a layer's neurons, dead ones included."""
    names = list(network.prunable)[:-1]
    asked = {name: data.draw(sparsities(network.prunable[name].shape[1])) for name in names}
    scores = Given(data.draw(distinct_scores(network)))
    plan = mp.plan(network, scores, allocation=mp.PerLayer(asked), pattern=mp.Neurons(), min_keep=0)
    assert plan.requested == plan.achieved
    dropped = dict.fromkeys(names, 0)
    for name, _ in _dropped_neurons(plan):
        dropped[name] += 1
    assert dropped == {name: round(asked[name] * network.prunable[name].shape[1]) for name in names}


def _dropped_neurons(plan):
    return [
        (name, unit)
        for ranking in plan._decision.rankings
        for name, dropped in ranking.dropped.items()
        for unit in np.flatnonzero(dropped)
    ]


@given(networks(), st.data())
def test_counts_add_up(network, data):
    """The layers' counts add up to the network's, and the order of naming the layers doesn't matter."""
    names = data.draw(st.permutations(list(network.prunable)))
    share = {name: data.draw(sparsities(network.prunable[name].size)) for name in network.prunable}
    scores = Given(data.draw(any_scores(network)))
    plans = [
        mp.plan(network, scores, allocation=mp.PerLayer({name: share[name] for name in order}), min_keep=0)
        for order in (list(network.prunable), names)
    ]
    for plan in plans:
        assert plan.achieved == sum(layer.achieved for layer in plan.layers)
        assert plan.achieved == sum(int((~plan.masks[name]).sum()) for name in network.prunable)
        assert plan.requested == sum(layer.asked for layer in plan.layers)
        assert plan.weights == sum(layer.weights for layer in plan.layers) == network.weights
        assert [layer.name for layer in plan.layers] == list(network.prunable)
    assert all(np.array_equal(plans[0].masks[name], plans[1].masks[name]) for name in names)


@given(networks(layers=(2, 4)), st.data())
def test_uniform_neurons_go_by_their_rank_within_the_layer(network, data):
    """The unit of rank r among its layer's n comes at (r + ½) / n, the dead first, then by (score, position)."""
    scores = data.draw(st.one_of(tied_scores(network), distinct_scores(network)))
    units = mp.Neurons().units(network, scores)
    (group,) = mp.Uniform().groups(units, 0.5)
    live = live_units(network, scores, mp.Neurons())
    for name in units.scores:
        n = network.prunable[name].shape[1]
        alive = [u.position for u in live if u.name == name]
        dead = [position for position in range(n) if position not in alive]
        for rank, position in enumerate(dead + alive):
            assert float(group.scores[name][position]) == (rank + 0.5) / n


@given(st.integers(1, 6), st.data())
def test_uniform_neurons_take_equal_shares(half, data):
    """In layers of equal width no layer is more than one neuron ahead of another."""
    width = 2 * half
    network = mp.Network.mlp([width] * 5, rng=0)
    sparsity = data.draw(st.floats(0, 0.95))
    plan = mp.plan(
        network,
        Given(data.draw(distinct_scores(network))),
        sparsity=sparsity,
        allocation=mp.Uniform(),
        pattern=mp.Neurons(),
        min_keep=0,
    )
    counts = dict.fromkeys(list(network.prunable)[:-1], 0)
    for name, _ in _dropped_neurons(plan):
        counts[name] += 1
    assert max(counts.values()) - min(counts.values()) <= 1


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1))
def test_per_layer_scales_by_the_share_of_the_way(sparsity, share):
    part = mp.PerLayer({"dense1": sparsity}).scaled(lambda s: share * s)
    assert part.sparsities == {"dense1.weight": share * sparsity}
    assert mp.PerLayer({"dense1": sparsity}).scaled(lambda s: s).sparsities == {"dense1.weight": sparsity}


def test_the_others_take_the_sparsity_they_are_given():
    for allocation in (mp.Global(), mp.Uniform()):
        assert allocation.scaled(lambda s: 0.3 * s) is allocation
        assert not allocation.sets_sparsity
    assert mp.PerLayer.sets_sparsity


@pytest.mark.parametrize(
    ("sparsities", "error", "says"),
    [
        ({}, InvalidTypeError, r"sparsities must be a mapping of layers to sparsities, got \{\} in PerLayer\(\)"),
        (None, InvalidTypeError, r"sparsities must be a mapping of layers to sparsities, got None in PerLayer\(\)"),
        ([("dense1", 0.5)], InvalidTypeError, "sparsities must be a mapping of layers to sparsities"),
        ({1: 0.5}, InvalidTypeError, r"sparsities must go by the names of layers, got 1 in PerLayer\(\)"),
        (0.5, InvalidTypeError, r"sparsities must be a mapping of layers to sparsities, got 0.5 in PerLayer\(\)"),
        ({"dense1": 1.0}, InvalidValueError, r"sparsities\['dense1'\] must be in \[0, 1\), got 1 in PerLayer\(\)"),
        ({"dense1": -0.1}, InvalidValueError, r"sparsities\['dense1'\] must be in \[0, 1\), got -0.1 in PerLayer\(\)"),
        ({"dense1": 90}, InvalidValueError, r"sparsities\['dense1'\] must be in \[0, 1\), got 90 in PerLayer\(\)"),
        ({"dense1": np.nan}, InvalidValueError, r"sparsities\['dense1'\] must be in \[0, 1\), got nan in PerLayer\(\)"),
        (
            {"dense1": "0.5"},
            InvalidTypeError,
            r"sparsities\['dense1'\] must be a number, got str '0.5' in PerLayer\(\)",
        ),
        ({"dense1": True}, InvalidTypeError, r"sparsities\['dense1'\] must be a number, got bool True in PerLayer\(\)"),
        (
            {"dense1": 0.5, "dense1.weight": 0.6},
            InvalidValueError,
            r"sparsities must name a layer once, got dense1.weight twice in PerLayer\(\)",
        ),
    ],
)
def test_bad_input_is_refused(sparsities, error, says):
    with pytest.raises(error, match=says):
        mp.PerLayer(sparsities)


@pytest.mark.parametrize(
    ("name", "pattern", "says"),
    [
        (
            "dence1",
            mp.Unstructured(),
            r"names no layer with weights to drop: 'dence1.weight'; did you mean 'dense1.weight'",
        ),
        ("dense1.bias", mp.Unstructured(), r"names no layer with weights to drop: 'dense1.bias'"),
        (
            "w",
            mp.Unstructured(),
            r"names no layer with weights to drop: 'w.weight'; .*nown: dense1.weight, dense2.weight",
        ),
        ("dense2", mp.Neurons(), r"names no layer with neurons to drop: 'dense2.weight'"),
    ],
)
def test_a_layer_that_is_not_there_is_refused(name, pattern, says):
    network = mp.Network.mlp([3, 4, 2], rng=0)
    with pytest.raises(InvalidValueError, match=says):
        mp.plan(network, mp.Magnitude(), allocation=mp.PerLayer({name: 0.5}), pattern=pattern)


class _Odd(Allocation):
    def __init__(self, *groups):
        self._groups = groups

    def groups(self, units, sparsity):
        return list(self._groups)


@pytest.mark.parametrize(
    ("groups", "pattern", "says"),
    [
        ([Group(("dense3.weight",), 1)], mp.Unstructured(), r"_Odd\(\) names no layer with weights to drop: 'dense3"),
        (
            [Group(("dense1.weight",), 1), Group(("dense1.weight", "dense2.weight"), 1)],
            mp.Unstructured(),
            r"must put a layer in one group, got dense1.weight, dense1.weight, dense2.weight in plan\(\)",
        ),
        (
            [Group(("dense1.weight",), 1), Group(("dense2.weight",), 1)],
            mp.Neurons(),
            r"neurons of different layers share weights: _Odd\(\) must count units, or make one group of all layers",
        ),
        (
            [Group(("dense1.weight",), 1, scores={"dense1.weight": np.array([1.0, np.nan] * 6)})],
            mp.Unstructured(),
            r"scores of weights of dense1.weight must be finite .* 6 that are not in plan\(\), the first at \(1,\)",
        ),
        (
            [Group(("dense1.weight",), 1, scores={})],
            mp.Unstructured(),
            r"scores of weights of dense1.weight must be a float array of shape \(12,\), got NoneType in plan\(\)",
        ),
    ],
)
def test_groups_that_make_no_sense_are_refused(groups, pattern, says):
    network = mp.Network.mlp([3, 4, *([4] if isinstance(pattern, mp.Neurons) else []), 2], rng=0)
    with pytest.raises(InvalidValueError, match=says):
        mp.plan(network, mp.Magnitude(), sparsity=0.5, allocation=_Odd(*groups), pattern=pattern)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Group(("w",), 2.0), InvalidTypeError, r"target must be a whole number, got float 2.0 in Group\(\)"),
        (lambda: Group(("w",), -1), InvalidValueError, r"target must be at least 0, got -1 in Group\(\)"),
        (lambda: Group(("w",), 1, "unit"), InvalidValueError, r"got 'unit' in Group\(\); did you mean 'units'\?"),
    ],
)
def test_a_group_says_what_it_counts(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_a_target_may_come_from_numpy():
    target = Group(("w",), np.int64(3)).target
    assert (target, type(target)) == (3, int)


def test_reprs_and_the_base():
    assert repr(mp.Global()) == "Global()"
    assert repr(mp.Uniform()) == "Uniform()"
    assert repr(mp.PerLayer({"dense1": 0.5})) == "PerLayer({'dense1.weight': 0.5})"
    with pytest.raises(TypeError, match="abstract"):
        Allocation()
