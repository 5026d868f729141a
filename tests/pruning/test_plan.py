"""Plans: what they say, what applying them does, and that nothing else changes."""

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from generators import cases, digest, plan_or_none, small_plan
from hypothesis import assume, given
from hypothesis import strategies as st

import minprune as mp


def _arrays(network):
    return [a for p in network.parameters.values() for a in (p.value, p.grad, p.mask)]


@given(cases())
def test_original_untouched(case):
    """`apply` leaves the given network bit-identical and shares no memory with the new one."""
    network, scores, request = case
    before = digest(network)
    plan = plan_or_none(network, scores, request)
    assume(plan is not None)
    assert digest(network) == before
    pruned = plan.apply(network)
    assert digest(network) == before
    for new in _arrays(pruned):
        assert not any(np.shares_memory(new, old) for old in (*_arrays(network), *plan.masks.values()))


@given(cases())
def test_apply_clears_what_goes_and_leaves_the_rest(case):
    network, scores, request = case
    for p in network.parameters.values():
        p.grad = np.full(p.shape, 2.0, p.dtype)
    plan = plan_or_none(network, scores, request)
    assume(plan is not None)
    pruned = plan.apply(network)
    for name, p in network.parameters.items():
        new = pruned.parameters[name]
        assert np.array_equal(new.mask, p.mask & plan.masks.get(name, True))
        gone = ~new.mask
        for mine, its in ((p.value, new.value), (p.grad, new.grad)):
            assert its[new.mask].tobytes() == mine[new.mask].tobytes()
            assert its[gone].tobytes() == bytes(its[gone].nbytes)  # +0.0, to the last bit
    assert pruned.weights - pruned.kept == plan.achieved


@given(cases(), st.data())
def test_no_revival(case, data):
    """What the network has lost since stays lost, though the plan would keep it."""
    network, scores, request = case
    plan = plan_or_none(network, scores, request)
    assume(plan is not None)
    for p in network.parameters.values():
        p.mask = p.mask & np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 2, p.shape).astype(bool)
    pruned = plan.apply(network)
    for name, p in network.parameters.items():
        assert not (pruned.parameters[name].mask & ~p.mask).any()
        assert np.array_equal(pruned.parameters[name].mask, p.mask & plan.masks.get(name, True))


@given(cases())
def test_apply_in_place_is_apply(case):
    network, scores, request = case
    plan = plan_or_none(network, scores, request)
    assume(plan is not None)
    pruned = plan.apply(network)
    plan.apply_in_place(network)
    assert digest(network) == digest(pruned)
    plan.apply_in_place(network)
    assert digest(network) == digest(pruned)


def test_apply_in_place_clears_the_optimizers_state():
    network, optimizer = mp.Network.mlp([3, 4, 2], rng=0), mp.Adam(0.1)
    network(np.ones((5, 3)))
    network.backward(np.ones((5, 2)))
    optimizer.step(network.parameters)
    mp.plan(network, mp.Magnitude(), sparsity=0.5).apply_in_place(network)
    for p in network.parameters.values():
        for array in optimizer.state(p).arrays.values():
            assert array[~p.mask].tobytes() == bytes(array[~p.mask].nbytes)


@given(cases(shape=mp.Neurons(), layers=(2, 4)))
def test_a_neurons_plan_carries_the_masks_of_biases(case):
    network, scores, request = case
    plan = plan_or_none(network, scores, request)
    assume(plan is not None)
    # In the order of the parameters; a bias is among them if its layer's neurons were up for dropping.
    assert list(plan.masks) == [name for name in network.parameters if name in plan.masks]
    assert set(plan.masks) >= set(network.prunable)
    assert f"{network.names[-1]}.bias" not in plan.masks


def test_a_plan_does_not_change():
    network = mp.Network.mlp([3, 4, 2], rng=0)
    plan = mp.plan(network, mp.Magnitude(), sparsity=0.5)
    text, why = repr(plan), str(plan.explain("dense1.weight", (0, 0)))
    masks = {name: mask.tobytes() for name, mask in plan.masks.items()}
    for p in network.parameters.values():
        p.value = p.value + 1
        p.mask = np.zeros(p.shape, bool)
    assert repr(plan) == text
    assert str(plan.explain("dense1.weight", (0, 0))) == why
    assert {name: mask.tobytes() for name, mask in plan.masks.items()} == masks
    with pytest.raises(FrozenInstanceError):
        plan.achieved = 0
    with pytest.raises(TypeError, match="does not support item assignment"):
        plan.masks["dense1.weight"] = None
    for arrays in (plan.masks, plan.scores):
        with pytest.raises(ValueError, match="read-only"):
            arrays["dense1.weight"][0, 0] = 0


def test_its_table_and_its_plain_values():
    plan = small_plan(sparsity=0.5)
    assert repr(plan) == "\n".join(
        [
            "Plan: Magnitude() · Global() · Unstructured() · sparsity 0.5",
            "layer          weights  gone before   asked  achieved  kept  sparsity",
            "─────────────────────────────────────────────────────────────────────",
            "dense1.weight        6            0  shared         4     2    66.7 %",
            "dense2.weight        2            0  shared         0     2     0.0 %",
            "─────────────────────────────────────────────────────────────────────",
            "total                8            0       4         4     4    50.0 %",
        ]
    )
    dense1 = {"name": "dense1.weight", "weights": 6, "pruned_before": 0, "asked": None, "achieved": 4}
    dense2 = {"name": "dense2.weight", "weights": 2, "pruned_before": 0, "asked": None, "achieved": 0}
    expected = {
        "requested": 4,
        "achieved": 4,
        "sparsity": 0.5,
        "weights": 8,
        "recipe": "Magnitude() · Global() · Unstructured() · sparsity 0.5",
        "layers": [dense1 | {"sparsity": 4 / 6}, dense2 | {"sparsity": 0.0}],
    }
    assert plan.to_dict() == expected
    assert json.loads(json.dumps(plan.to_dict())) == expected


@pytest.mark.parametrize(
    ("request_", "recipe", "asked", "requested", "achieved"),
    [
        ({"sparsity": 0.5, "allocation": mp.Uniform()}, "Uniform() · Unstructured() · sparsity 0.5", [3, 1], 4, 4),
        ({"threshold": 4.5}, "Global() · Unstructured() · threshold 4.5", [None, None], 4, 4),
        (
            {"allocation": mp.PerLayer({"dense1": 0.5})},
            "PerLayer({'dense1.weight': 0.5}) · Unstructured()",
            [3, None],
            3,
            3,
        ),
        # A neuron has 4 weights: of 5 asked one neuron goes, and counted in neurons what was asked is what went.
        (
            {"sparsity": 0.6, "pattern": mp.Neurons()},
            "Neurons(reduce='mean_square') · sparsity 0.6",
            [None, None],
            5,
            4,
        ),
        (
            {"allocation": mp.PerLayer({"dense1": 0.5}), "pattern": mp.Neurons()},
            "PerLayer({'dense1.weight': 0.5}) · Neurons(reduce='mean_square')",
            [None, None],
            4,
            4,
        ),
    ],
    ids=["uniform", "threshold", "per layer", "neurons", "neurons per layer"],
)
def test_asked_and_achieved(request_, recipe, asked, requested, achieved):
    plan = small_plan(**request_)
    assert plan.recipe.startswith("Magnitude() · ")
    assert plan.recipe.endswith(recipe)
    assert [layer.asked for layer in plan.layers] == asked
    assert (plan.requested, plan.achieved) == (requested, achieved)
    assert (plan.weights, plan.sparsity) == (8, achieved / 8)


def test_a_network_of_the_same_layers_will_do():
    """Also with other weights, activations or precision: a plan is for layers, not for numbers."""
    plan = small_plan(sparsity=0.5)
    other = mp.Network([mp.Dense(3, 2, rng=0), mp.Tanh(), mp.Dense(2, 1, bias=False, rng=0)])
    assert plan.apply(other).sparsity == 0.5
