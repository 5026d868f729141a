"""Counting: how many go, and how many stay, for any scores on any network."""

from itertools import pairwise

import numpy as np
import pytest
from by_hand import choices, kept_weights, live_units
from generators import (
    Given,
    any_scores,
    cases,
    digest,
    distinct_scores,
    networks,
    patterns,
    plan_or_none,
    refusal,
    sparsities,
    tied_scores,
)
from hypothesis import assume, given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import BudgetError
from minprune.pruning.patterns import NM, Blocks, Vectors


def _gone(network):
    return network.weights - len(kept_weights(network))


@given(networks(), st.data())
def test_exact_count(network, data):
    """round(s N) weights are gone, whatever the scores; never fewer than were gone before."""
    scores, sparsity = data.draw(any_scores(network)), data.draw(sparsities(network.weights))
    plan = mp.plan(network, Given(scores), sparsity=sparsity, min_keep=0)
    asked = round(sparsity * network.weights)
    assert plan.requested == asked
    assert plan.achieved == max(asked, _gone(network))
    pruned = plan.apply(network)
    assert pruned.weights - pruned.kept == plan.achieved


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-30])
@pytest.mark.parametrize("k", range(30))
def test_exact_count_of_equal_scores(value, k):
    network = mp.Network.mlp([3, 6, 2], rng=0)
    scores = {name: np.full(p.shape, value) for name, p in network.prunable.items()}
    assert mp.plan(network, Given(scores), sparsity=k / 30, min_keep=0).achieved == k


@pytest.mark.parametrize(
    ("sparsity", "goes"),
    [(0.0, 0), (0.04, 0), (0.05, 0), (0.0500001, 1), (0.15, 2), (0.25, 2), (0.35, 4), (0.45, 4), (0.55, 6), (0.949, 9)],
)
def test_exact_count_rounds_as_python_does(sparsity, goes):
    """Of ten weights: a half goes to the even side."""
    network = mp.Network.mlp([10, 1], rng=0)
    assert mp.plan(network, mp.Magnitude(), sparsity=sparsity).achieved == goes == round(sparsity * 10)


@given(networks(layers=(2, 4)), st.data())
def test_unit_budget(network, data):
    """achieved ≤ asked, and what is missed is less than one unit."""
    request = {
        "sparsity": data.draw(sparsities(network.weights)),
        "pattern": data.draw(patterns(network)),
        "allocation": mp.Global(),
        "min_keep": data.draw(st.integers(0, 2)),
    }
    if isinstance(request["pattern"], mp.Neurons):
        request["allocation"] = data.draw(st.sampled_from([mp.Global(), mp.Uniform()]))
    scores = data.draw(any_scores(network))
    plan = plan_or_none(network, scores, request)
    assume(plan is not None)
    asked, gone = round(request["sparsity"] * network.weights), _gone(network)
    assert plan.requested == asked
    if asked <= gone:
        assert plan.achieved == gone
    else:
        largest = max(len(unit.weights) for unit in live_units(network, scores, request["pattern"]))
        assert 0 <= asked - plan.achieved < largest


@given(cases())
def test_zero_is_identity(case):
    network, scores, request = case
    if isinstance(request["allocation"], mp.PerLayer):
        request["allocation"] = mp.PerLayer(dict.fromkeys(request["allocation"].sparsities, 0.0))
    else:
        request["sparsity"] = 0.0
    assert digest(mp.plan(network, Given(scores), **request).apply(network)) == digest(network)


@given(cases(), st.data())
def test_target_is_idempotent(case, data):
    """Asking for the same again drops nothing; of a pruned network, whatever the scores have become."""
    network, scores, request = case
    first = plan_or_none(network, scores, request)
    assume(first is not None)
    once = first.apply(network)
    again = data.draw(st.sampled_from([scores, data.draw(distinct_scores(network))])) if _gone(once) else scores
    second = mp.plan(once, Given(again), **request)
    assert second.achieved == first.achieved
    assert digest(second.apply(once)) == digest(once)


@given(cases(pruned=True))
def test_pruned_do_not_count_and_no_revival(case):
    """What is gone stays gone, and is not dropped a second time to fill the budget."""
    network, scores, request = case
    for name, p in network.prunable.items():
        scores[name] = np.where(p.mask, scores[name], 0)  # the lowest scores of all: they must not use it up
    plan = plan_or_none(network, scores, request)
    assume(plan is not None)
    for name, p in network.parameters.items():
        assert not (plan.masks.get(name, p.mask) & ~p.mask).any()
    if isinstance(request["pattern"], mp.Unstructured | NM) and isinstance(request["allocation"], mp.Global):
        assert plan.achieved == max(_gone(network), round(request["sparsity"] * network.weights))


@given(cases())
def test_min_keep(case):
    """No layer falls below min_keep live units, or below what it has if that is less."""
    network, scores, request = case
    assume(not isinstance(request["pattern"], mp.Neurons))
    plan = plan_or_none(network, scores, request)
    assume(plan is not None)
    for name in network.prunable:
        live = [u.weights for u in live_units(network, scores, request["pattern"]) if u.name == name]
        left = [weights for weights in live if any(plan.masks[at[0]][at[1:]] for at in weights)]
        assert len(left) >= min(request["min_keep"], len(live))


@given(cases(shape=mp.Neurons(), pruned=False, layers=(2, 4)))
def test_min_keep_of_neurons(case):
    network, scores, request = case
    plan = plan_or_none(network, scores, request)
    assume(plan is not None)
    for layer, following in pairwise(network.dense):
        # A neuron whose inputs have all gone still has its outgoing row.
        left = plan.masks[layer.weight.name].any(axis=0) | plan.masks[following.weight.name].any(axis=1)
        assert int(left.sum()) >= min(request["min_keep"], layer.outputs)


@given(networks(), st.integers(1, 4), st.data())
def test_min_keep_names_the_largest_count_that_can_be_met(network, min_keep, data):
    """Single weights: that count can be met exactly, and not one more; with every layer at its min_keep then."""
    scores = data.draw(st.one_of(tied_scores(network), distinct_scores(network)))
    n = network.weights

    def ask(count):
        return mp.plan(network, Given(scores), sparsity=count / n, min_keep=min_keep)

    must_stay = sum(min(min_keep, p.kept) for p in network.prunable.values())
    error = refusal(lambda: ask(n - 1))
    if must_stay <= 1:
        assert error is None
        return
    assert error.largest == n - must_stay
    assert f"at most {error.largest:,} can go with min_keep={min_keep} weight(s) a layer" in str(error)
    assert "would empty dense" in str(error)
    assert ask(error.largest).achieved == error.largest
    assert refusal(lambda: ask(error.largest + 1)).largest == error.largest
    named = float(str(error).split("a sparsity of ")[1].split(",")[0])
    assert mp.plan(network, Given(scores), sparsity=named, min_keep=min_keep).achieved <= error.largest


@given(networks(layers=(2, 4)), st.integers(1, 4), st.data())
def test_min_keep_of_neurons_names_what_can_go(network, min_keep, data):
    """Neurons: that count can be asked for, and one that is a whole neuron larger can't."""
    scores = data.draw(st.one_of(tied_scores(network), distinct_scores(network)))
    request = {"pattern": mp.Neurons(), "min_keep": min_keep}
    n, unit = network.weights, max((len(u.weights) for u in live_units(network, scores, mp.Neurons())), default=0)

    def ask(count):
        return mp.plan(network, Given(scores), sparsity=count / n, **request)

    error = refusal(lambda: ask(n - 1))
    if error is None:
        by_hand = choices(network, scores, sparsity=(n - 1) / n, allocation=mp.Global(), **request)
        assert ask(n - 1).achieved == n - len(kept_weights(network)) + _weights_in(by_hand)
        return
    assert f"at most {error.largest:,} can go with min_keep={min_keep} neuron(s) a layer" in str(error)
    assert 0 <= error.largest - ask(error.largest).achieved < max(unit, 1)
    if error.largest + unit < n:
        assert refusal(lambda: ask(error.largest + unit)).largest == error.largest


def _weights_in(decided):
    return len(set().union(*(unit.weights for choice in decided for unit in choice.dropped)))


@pytest.mark.parametrize("allocation", [mp.Uniform(), mp.PerLayer({"dense2": 0.9})])
def test_min_keep_counts_a_layer_by_itself(allocation):
    network = mp.Network.mlp([10, 3, 1], rng=0)
    asked = {} if allocation.sets_sparsity else {"sparsity": 0.9}
    with pytest.raises(BudgetError) as caught:
        mp.plan(network, mp.Magnitude(), allocation=allocation, **asked)
    assert str(caught.value) == (
        "pruning 3 of 3 weights would empty dense2.weight: at most 2 can go with min_keep=1 weight(s) a layer, "
        "a sparsity of 0.666666, in plan()"
    )
    assert caught.value.largest == 2


def test_min_keep_of_neurons_counts_neurons():
    network = mp.Network.mlp([10, 3, 1], rng=0)
    asked = {"allocation": mp.PerLayer({"dense1": 0.9}), "pattern": mp.Neurons()}
    with pytest.raises(BudgetError, match=r"^pruning 3 of 3 neurons would empty dense1.weight: at most 2 can go"):
        mp.plan(network, mp.Magnitude(), **asked)
    assert mp.plan(network, mp.Magnitude(), **asked, min_keep=0).achieved == 33


@given(st.integers(2, 5), st.sampled_from([0.0, 1e-9, 0.49, 0.5]), st.integers(0, 2))
def test_tiny(depth, sparsity, min_keep):
    """1 × 1 layers and one output: round(s · 1) is 0 up to and with a half."""
    network = mp.Network.mlp([1] * depth, rng=0)
    before = digest(network)
    for asked in (
        {"sparsity": sparsity, "allocation": mp.Uniform()},
        {"allocation": mp.PerLayer({"dense1": sparsity})},
        {"sparsity": min(sparsity, 0.1), "allocation": mp.Global()},
    ):
        tiles = [NM(1, 2), Blocks((2, 2)), Vectors(4)]
        for pattern in [mp.Unstructured(), *tiles, *([mp.Neurons()] if depth > 2 else [])]:
            if isinstance(pattern, mp.Neurons) and isinstance(asked["allocation"], mp.Uniform):
                asked = asked | {"sparsity": min(sparsity, 0.1)}  # its neurons are counted by all the weights
            plan = mp.plan(network, mp.Magnitude(), pattern=pattern, min_keep=min_keep, **asked)
            assert plan.achieved == plan.requested == 0
            assert digest(plan.apply(network)) == before


@pytest.mark.parametrize("depth", [3, 4, 5])
def test_tiny_neurons_are_all_that_their_layers_have(depth):
    """In 1-1-…-1 no neuron can go without emptying its layer; without min_keep all do, but for less than one."""
    network = mp.Network.mlp([1] * depth, rng=0)
    with pytest.raises(BudgetError, match=r"would empty dense\d.weight: at most 0 can go with min_keep=1 neuron\(s\)"):
        mp.plan(network, mp.Magnitude(), sparsity=0.9, pattern=mp.Neurons())
    plan = mp.plan(network, mp.Magnitude(), sparsity=0.9, pattern=mp.Neurons(), min_keep=0)
    assert 0 <= plan.requested - plan.achieved < 2


def test_tiny_layer_can_be_emptied_only_on_request():
    network = mp.Network.mlp([1, 1], rng=0)
    with pytest.raises(BudgetError, match=r"^pruning 1 of 1 weights would empty dense1.weight: at most 0 can go"):
        mp.plan(network, mp.Magnitude(), sparsity=0.51)
    assert mp.plan(network, mp.Magnitude(), sparsity=0.51, min_keep=0).achieved == 1


def test_ten_equal_weights_at_one_half():
    """What a comparison with the median gets wrong: it keeps all ten, or none. Here five stay, the later ones."""
    network = mp.Network([mp.Dense.from_arrays(np.full((10, 1), 0.3, np.float32))])
    magnitudes = np.abs(network.dense[0].weight.value)
    median = np.quantile(magnitudes, 0.5)
    assert [np.count_nonzero(magnitudes >= median), np.count_nonzero(magnitudes > median)] == [10, 0]
    plan = mp.plan(network, mp.Magnitude(), sparsity=0.5)
    assert plan.masks["dense1.weight"].reshape(-1).tolist() == [False] * 5 + [True] * 5
