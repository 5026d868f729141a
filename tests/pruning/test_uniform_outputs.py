"""Uniform(within="output"): weights compared with those that lead to the same output, and the layer's exact count."""

import numpy as np
import pytest
from by_hand import live_units, never
from generators import Given, any_scores, distinct_scores, networks, sparsities
from hypothesis import assume, given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidValueError

WITHIN = mp.Uniform(within="output")
_NM = st.tuples(st.integers(1, 4), st.integers(1, 4)).map(lambda pair: mp.NM(pair[0], sum(pair)))


def places_by_hand(network, scores, pattern, name):
    """Sort each output's weights: those gone, those that may go by (score, position), those the pattern keeps."""
    inputs, outputs = network.prunable[name].shape
    live = live_units(network, scores, pattern)
    kept = {weight for unit in live for weight in unit.weights}
    spared = {weight for unit in never(network, live, pattern) for weight in unit.weights}
    places = np.zeros((inputs, outputs))
    for j in range(outputs):
        turns = [((name, i, j) in kept, (name, i, j) in spared, scores[name][i, j], i) for i in range(inputs)]
        for rank, (*_, i) in enumerate(sorted(turns)):
            places[i, j] = (rank + 0.5) / inputs
    return places


@given(networks(width=6), st.one_of(st.just(mp.Unstructured()), _NM), st.data())
def test_a_weight_is_ranked_by_its_place_in_its_output(network, pattern, draws):
    scores = draws.draw(any_scores(network))
    sparsity = draws.draw(sparsities(network.weights))
    groups = WITHIN.groups(pattern.units(network, scores), sparsity)
    assert [group.layers for group in groups] == [(name,) for name in network.prunable]
    for group in groups:
        (name,) = group.layers
        assert (group.target, group.counted_in) == (round(sparsity * network.prunable[name].size), "weights")
        assert np.array_equal(group.scores[name], places_by_hand(network, scores, pattern, name).reshape(-1))


def masks_by_hand(network, scores, sparsity):
    """Until a layer has lost its count, take the lowest of an output that has lost the fewest; first the upper left."""
    masks = {name: p.mask.copy() for name, p in network.prunable.items()}
    for name, mask in masks.items():
        while (~mask).sum() < round(sparsity * mask.size):
            lost = (~mask).sum(axis=0)
            lowest = [min((scores[name][i, j], i, j) for i in np.flatnonzero(mask[:, j])) for j in outputs_left(mask)]
            _, i, j = min((low for low in lowest if lost[low[2]] == lost.min()), key=lambda low: low[1:])
            mask[i, j] = False
    return masks


def outputs_left(mask):
    return np.flatnonzero(mask.any(axis=0))


@given(networks(width=6), st.data())
def test_outputs_give_in_turn_and_the_layers_count_is_exact(network, draws):
    scores, sparsity = draws.draw(any_scores(network)), draws.draw(sparsities(network.weights))
    plan = mp.plan(network, Given(scores), sparsity=sparsity, allocation=WITHIN, min_keep=0)
    for name, mask in masks_by_hand(network, scores, sparsity).items():
        assert np.array_equal(plan.masks[name], mask)
    for layer in plan.layers:
        assert layer.asked == round(sparsity * layer.weights)
        assert layer.achieved == max(layer.asked, layer.pruned_before)


@given(networks(), st.data())
def test_outputs_differ_by_at_most_one_weight_but_for_what_they_had_lost(network, draws):
    scores, sparsity = draws.draw(distinct_scores(network)), draws.draw(sparsities(network.weights))
    plan = mp.plan(network, Given(scores), sparsity=sparsity, allocation=WITHIN, min_keep=0)
    for name, mask in plan.masks.items():
        before = network.prunable[name].mask
        lost, lost_before = (~mask).sum(axis=0), (~before).sum(axis=0)
        assert ((lost - lost.min() <= 1) | (lost == lost_before)).all()
        highest_gone = np.where(before & ~mask, scores[name], 0).max(axis=0)
        assert (np.where(mask, scores[name], np.inf).min(axis=0) > highest_gone).all()


@given(networks(), st.data())
def test_the_scale_of_an_output_does_not_matter(network, draws):
    """Each output by itself: within a layer it does."""
    scores, sparsity = draws.draw(distinct_scores(network)), draws.draw(sparsities(network.weights))
    rng = np.random.default_rng(draws.draw(st.integers(0, 99)))
    scaled = {name: s * np.float32(2) ** rng.integers(-9, 9, s.shape[1]) for name, s in scores.items()}
    plans = [mp.plan(network, Given(s), sparsity=sparsity, allocation=WITHIN, min_keep=0) for s in (scores, scaled)]
    assert all(np.array_equal(mask, plans[1].masks[name]) for name, mask in plans[0].masks.items())


@given(networks(), st.data())
def test_masks_are_nested_and_asking_twice_changes_nothing(network, draws):
    low, high = sorted(draws.draw(st.tuples(sparsities(network.weights), sparsities(network.weights))))
    scores, ask = Given(draws.draw(any_scores(network))), {"allocation": WITHIN, "min_keep": 0}
    less, more = (mp.plan(network, scores, sparsity=s, **ask) for s in (low, high))
    onwards = mp.plan(less.apply(network), scores, sparsity=high, **ask)
    again = mp.plan(less.apply(network), scores, sparsity=low, **ask)
    for name in network.prunable:
        assert not (more.masks[name] & ~less.masks[name]).any()
        assert np.array_equal(onwards.masks[name], more.masks[name])
        assert np.array_equal(again.masks[name], less.masks[name])


@given(networks(width=6), _NM, st.data())
def test_the_count_is_exact_as_far_as_nm_lets_it(network, pattern, draws):
    scores, sparsity = draws.draw(distinct_scores(network)), draws.draw(sparsities(network.weights))
    units = pattern.units(network, scores)
    asked = {name: max(round(sparsity * size), units.gone[name]) for name, size in units.total.items()}
    assume(all(asked[name] <= units.gone[name] + alive.sum() for name, alive in units.alive.items()))
    plan = mp.plan(network, Given(scores), sparsity=sparsity, allocation=WITHIN, pattern=pattern, min_keep=0)
    assert {layer.name: layer.achieved for layer in plan.layers} == asked
    for unit in never(network, live_units(network, scores, pattern), pattern):
        ((name, i, j),) = unit.weights
        assert plan.masks[name][i, j]


def test_with_activation_norm_it_is_wanda():
    """The paper sorts |w| · ‖x‖ within each output and drops the lower part."""
    network, rng = mp.Network.mlp([8, 6, 4], rng=0), np.random.default_rng(1)
    data = rng.standard_normal((50, 8)) * 10.0 ** rng.integers(-2, 3, 8), np.zeros(50, int)
    plan = mp.plan(network, mp.ActivationNorm(), sparsity=0.5, allocation=WITHIN, data=data)
    for name, scores in mp.ActivationNorm().scores(network, data).items():
        for j, column in enumerate(scores.T):
            kept = sorted(np.argsort(column)[len(column) // 2 :])
            assert np.flatnonzero(plan.masks[name][:, j]).tolist() == kept


def test_an_explanation_says_by_what_it_was_ranked():
    network = mp.Network([mp.Dense.from_arrays(np.array([[9.0, 2.0], [8.0, 1.0]]))])
    plan = mp.plan(network, mp.Magnitude(), sparsity=0.5, allocation=WITHIN)
    assert plan.masks["dense1.weight"].tolist() == [[True, True], [False, False]]
    assert str(plan.explain("dense1.weight", (1, 0))) == (
        "dense1.weight (1, 0) goes: score 8, ranked by 0.25, rank 1 of 4 (1 goes first), budget 2 weights, "
        "cutoff 0.25, tied with 1 other (lower positions go first)"
    )


@pytest.mark.parametrize(
    ("pattern", "noun"),
    [(mp.Neurons(), "neurons"), (mp.Blocks((2, 2)), "blocks"), (mp.Vectors(2), "vectors")],
)
def test_units_of_several_weights_are_refused(pattern, noun):
    with pytest.raises(InvalidValueError) as caught:
        mp.plan(mp.Network.mlp([3, 4, 2], rng=0), mp.Magnitude(), sparsity=0.5, allocation=WITHIN, pattern=pattern)
    assert str(caught.value) == (
        "Uniform(within='output') compares the single weights of an output: it needs Unstructured() or NM(), "
        f"got {noun} in plan()"
    )


@pytest.mark.parametrize(
    ("within", "says"),
    [
        ("outputs", "got 'outputs' in Uniform(); did you mean 'output'?"),
        (None, "within must be a known name, got None in Uniform(); known: layer, output"),
    ],
)
def test_bad_input_is_refused(within, says):
    with pytest.raises(InvalidValueError) as caught:
        mp.Uniform(within=within)
    assert says in str(caught.value)


def test_the_default_is_within_the_layer():
    assert repr(mp.Uniform()) == repr(mp.Uniform(within="layer")) == "Uniform()"
    assert repr(WITHIN) == "Uniform(within='output')"
