"""Patterns: what a unit is, what it is worth, and all that goes with it."""

import numpy as np
import pytest
from by_hand import kept_weights, live_units
from generators import Given, distinct_scores, networks, patterns, tied_scores
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.patterns import Pattern
from minprune.pruning.units import REDUCTIONS, Reduction

deep = networks(layers=(2, 4))
every_reduction = pytest.mark.parametrize("reduce", REDUCTIONS)


def _exact_scores(data, network):
    return data.draw(st.one_of(tied_scores(network), distinct_scores(network)))


def _some_units(data, units, layers):
    """Draw an order of some of the live units of `layers`, as positions one layer after another."""
    alive = np.flatnonzero(np.concatenate([units.alive[name] for name in layers]))
    return np.array(data.draw(st.permutations(alive.tolist()))[: data.draw(st.integers(0, len(alive)))], dtype=int)


@given(networks(), st.data())
def test_a_single_weight_is_its_own_unit(network, data):
    scores = _exact_scores(data, network)
    units = mp.Unstructured().units(network, scores)
    by_hand = live_units(network, scores, mp.Unstructured())
    found = [
        (float(units.scores[name][at]), k, at)
        for k, name in enumerate(network.prunable)
        for at in range(units.scores[name].size)
        if units.alive[name][at]
    ]
    assert sorted(found) == [(u.score, u.layer, u.position) for u in by_hand]
    assert (units.noun, units.separable, units.sizes) == ("weight", True, None)
    order = _some_units(data, units, list(network.prunable))
    assert units.lost(list(network.prunable), order).tolist() == list(range(1, len(order) + 1))


@every_reduction
@given(network=deep, data=st.data())
def test_a_neuron_is_its_column_and_its_row(reduce, network, data):
    scores = _exact_scores(data, network)
    pattern = mp.Neurons(reduce=reduce)
    units = pattern.units(network, scores)
    names = list(network.prunable)
    assert list(units.scores) == names[:-1]  # the output layer's units are not up for dropping
    by_hand = {(u.name, u.position): u for u in live_units(network, scores, pattern)}
    for name in names[:-1]:
        assert len(units.scores[name]) == len(units.alive[name]) == len(units.sizes[name])
        assert len(units.scores[name]) == network.prunable[name].shape[1]
        for neuron in range(len(units.scores[name])):
            unit = by_hand.get((name, neuron))
            assert units.alive[name][neuron] == (unit is not None)
            assert units.sizes[name][neuron] == (len(unit.weights) if unit else 0)
            assert float(units.scores[name][neuron]) == (unit.score if unit else 0)


@given(deep, st.data())
def test_lost_counts_each_weight_once(network, data):
    """Against adding up sets of weights, for any order of any of the layers' units."""
    scores = _exact_scores(data, network)
    units = mp.Neurons().units(network, scores)
    layers = data.draw(st.lists(st.sampled_from(list(units.scores)), min_size=1, unique=True))
    order = _some_units(data, units, layers)
    everyone = [(name, neuron) for name in layers for neuron in range(units.scores[name].size)]
    weights = {(u.name, u.position): u.weights for u in live_units(network, scores, mp.Neurons())}
    lost, counts = set(), []
    for position in order:
        lost |= weights[everyone[position]]
        counts.append(len(lost))
    assert units.lost(layers, order).tolist() == counts


@given(deep, st.data())
def test_neuron_whole(network, data):
    """A dropped neuron loses its incoming column, its bias and its outgoing row; nothing else changes."""
    units = mp.Neurons().units(network, _exact_scores(data, network))
    dropped = {
        name: np.array(data.draw(st.lists(st.booleans(), min_size=alive.size, max_size=alive.size)))
        for name, alive in units.alive.items()
    }
    masks = units.masks(dropped)
    for k, layer in enumerate(network.dense):
        mine = dropped.get(layer.weight.name, np.zeros(layer.outputs, bool))
        before = dropped[network.dense[k - 1].weight.name] if k else np.zeros(layer.inputs, bool)
        for i, j in np.ndindex(layer.weight.shape):
            kept = bool(layer.weight.mask[i, j]) and not before[i] and not mine[j]
            assert bool(masks[layer.weight.name][i, j]) == kept
        if layer.bias is not None:
            expected = layer.bias.mask & ~mine
            assert np.array_equal(masks.get(layer.bias.name, layer.bias.mask), expected)


@given(deep, st.data())
def test_pruned_neurons_are_silent(network, data):
    """What a dropped neuron would have said reaches nobody: the output ignores anything done to its weights."""
    scores = _exact_scores(data, network)
    request = {"sparsity": data.draw(st.floats(0, 0.99)), "pattern": mp.Neurons(), "min_keep": 0}
    plan = mp.plan(network, Given(scores), **request)
    pruned = plan.apply(network)
    x = np.random.default_rng(0).standard_normal((3, network.inputs))
    output = pruned(x)
    units = mp.Neurons().units(network, scores)
    for k, layer in enumerate(pruned.dense[:-1]):
        silent = ~pruned.dense[k + 1].weight.mask.any(axis=1)
        went = units.alive[layer.weight.name] & ~layer.weight.mask.any(axis=0) & silent
        layer.weight.value[:, went] = 7.0  # past the mask, on purpose
    assert np.array_equal(pruned(x), output)


@given(deep, st.data())
def test_width_kept(network, data):
    pattern = data.draw(patterns(network))
    plan = mp.plan(network, mp.Magnitude(), threshold=data.draw(st.floats(0, 2)), pattern=pattern, min_keep=0)
    pruned = plan.apply(network)
    assert [d.weight.shape for d in pruned.dense] == [d.weight.shape for d in network.dense]
    assert pruned(np.zeros((2, network.inputs))).shape == (2, network.outputs)


@given(deep, st.data())
def test_of_weight_is_the_inverse_of_the_units(network, data):
    pattern = data.draw(patterns(network))
    scores = _exact_scores(data, network)
    units = pattern.units(network, scores)
    by_hand = live_units(network, scores, pattern)
    for name, i, j in kept_weights(network):
        mine = [(layer, position) for layer, position, _ in units.of_weight(name, (i, j))]
        assert sorted(mine) == sorted((u.name, u.position) for u in by_hand if (name, i, j) in u.weights)


@every_reduction
def test_huge_scores_are_refused_or_ranked_but_never_overflow_silently(reduce):
    """The square of 1e200 is beyond float64: the unit's score would be infinite, and no infinity decides."""
    network = mp.Network.mlp([2, 3, 2], rng=0, dtype=np.float64)
    scores = {name: np.full(p.shape, 1e200) for name, p in network.prunable.items()}
    scores["dense1.weight"][:, 1] = 2e200
    asked = {"sparsity": 0.4, "pattern": mp.Neurons(reduce=reduce)}
    if reduce in ("mean_square", "norm"):
        with pytest.raises(InvalidValueError, match=r"^scores of neurons of dense1.weight must be finite"):
            mp.plan(network, Given(scores), **asked)
    else:
        assert mp.plan(network, Given(scores), **asked).masks["dense1.bias"].tolist() == [False, True, True]


@pytest.mark.parametrize("value", ["mean squares", ""])
def test_bad_input_is_refused(value):
    with pytest.raises(InvalidValueError, match=r"reduce must be a known name, got .* in Neurons\(\); "):
        mp.Neurons(reduce=value)


@pytest.mark.parametrize("value", [None, 3, ["mean"], np.add, Reduction])
def test_what_is_no_reduction_is_refused(value):
    rule = "reduce must be a name, a Reduction or a function of a unit's kept scores"
    with pytest.raises(InvalidTypeError, match=rf"^{rule}, got .* in Neurons\(\).*; names: mean_square, mean, sum, "):
        mp.Neurons(reduce=value)


def test_a_mistyped_reduction_gets_a_hint():
    with pytest.raises(InvalidValueError, match=r"got 'mean_sqare' in Neurons\(\); did you mean 'mean_square'\?"):
        mp.Neurons(reduce="mean_sqare")


def test_neurons_need_a_hidden_layer():
    network = mp.Network.mlp([3, 2], rng=0)
    with pytest.raises(InvalidValueError, match=r"Neurons needs a network with a hidden layer, got a single Dense in"):
        mp.plan(network, mp.Magnitude(), sparsity=0.5, pattern=mp.Neurons())


def test_reprs_and_the_base():
    assert repr(mp.Unstructured()) == "Unstructured()"
    assert repr(mp.Neurons(reduce="max")) == "Neurons(reduce='max')"
    with pytest.raises(TypeError, match="abstract"):
        Pattern()
