"""Neurons that fall with their last weights, chosen by nobody: they count as gone, and `min_keep` sees it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import BudgetError


class Given:
    """Scores as they are."""

    def __init__(self, scores):
        self.values = scores

    def scores(self, network, data=None):
        return dict(self.values)

    def __repr__(self):
        return "Given()"


def network(widths, masks):
    net = mp.Network.mlp(widths, rng=0)
    for p, mask in zip(net.prunable.values(), masks, strict=True):
        p.mask = np.asarray(mask, bool)
    return net


def live(net, plan):
    """Count each hidden layer's neurons with any kept weight, by loops."""
    masks = [plan.masks.get(name, p.mask) for name, p in net.prunable.items()]
    counts = []
    for into, out in pairwise(masks):
        counts.append(0)
        for j in range(into.shape[1]):
            counts[-1] += any(into[i, j] for i in range(into.shape[0])) or any(out[j, k] for k in range(out.shape[1]))
    return counts


# Neuron 0 of layer 1 leads to neuron 0 of layer 2 alone, which is the lowest of all: dropped, it takes it along.
CUT = network([1, 1, 2, 1], [[[0]], [[1, 0]], [[1], [1]]])
SCORES = Given({
    "dense1.weight": np.array([[1.0]]),
    "dense2.weight": np.array([[0.1, 1.0]]),
    "dense3.weight": np.array([[0.1], [1.0]]),
})  # fmt: skip


@pytest.mark.parametrize("allocation", [mp.Global(), mp.PerLayer({"dense2.weight": 0.5})], ids=repr)
def test_a_budget_that_would_starve_a_layer_is_refused_and_the_largest_that_does_not_is_named(allocation):
    asked = {"sparsity": 0.72} if isinstance(allocation, mp.Global) else {}
    with pytest.raises(BudgetError, match=r"would empty dense1\.weight: at most \d can go") as refusal:
        mp.plan(CUT, SCORES, pattern=mp.Neurons(), allocation=allocation, **asked)
    assert refusal.value.largest == (2 if asked else 0)


def test_the_largest_that_is_named_can_be_met():
    plan = mp.plan(CUT, SCORES, sparsity=2 / 5, pattern=mp.Neurons())
    assert plan.achieved == CUT.weights - CUT.kept == 2
    assert live(CUT, plan) == [1, 2]


def test_a_threshold_that_would_starve_a_layer_is_refused_and_the_largest_that_does_not_is_named():
    with pytest.raises(BudgetError, match=r"threshold must be at most [\d.]+ to leave 1 neuron\(s\)") as refusal:
        mp.plan(CUT, SCORES, threshold=0.9, pattern=mp.Neurons())
    plan = mp.plan(CUT, SCORES, threshold=refusal.value.largest, pattern=mp.Neurons())
    assert min(live(CUT, plan)) >= 1
    with pytest.raises(BudgetError):
        mp.plan(CUT, SCORES, threshold=np.nextafter(refusal.value.largest, 1), pattern=mp.Neurons())


def test_a_threshold_that_drops_no_neuron_of_a_layer_but_starves_it_is_refused():
    """Neuron 0 of layer 2 is worth 0.085; the one of layer 1, worth 0.16, falls with it."""
    scores = Given({
        "dense1.weight": np.array([[1.0]]),
        "dense2.weight": np.array([[0.4, 1.0]]),
        "dense3.weight": np.array([[0.1], [1.0]]),
    })  # fmt: skip
    with pytest.raises(BudgetError, match=r"to leave 1 neuron\(s\) in dense1\.weight") as refusal:
        mp.plan(CUT, scores, threshold=0.1, pattern=mp.Neurons())
    assert refusal.value.largest == pytest.approx(0.085)
    assert live(CUT, mp.plan(CUT, scores, threshold=refusal.value.largest, pattern=mp.Neurons())) == [1, 2]


@settings(max_examples=400)  # one network in a hundred or so has such a neuron
@given(st.data())
def test_no_layer_of_a_network_pruned_at_random_is_starved(data):
    draws = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    widths = [int(n) for n in draws.integers(1, 5, size=4)]
    net = network(widths, [draws.random(pair) < draws.uniform(0.2, 1) for pair in pairwise(widths)])
    scores = Given({name: draws.integers(1, 9, p.shape) / 8 for name, p in net.prunable.items()})
    least, pattern = data.draw(st.integers(0, 2)), mp.Neurons(inputs=data.draw(st.booleans()))
    goal = data.draw(st.sampled_from(["sparsity", "threshold"]))
    before = live(net, mp.plan(net, scores, sparsity=0.0, pattern=pattern))
    value = float(draws.uniform(0, 0.99))
    try:
        plan = mp.plan(net, scores, pattern=pattern, min_keep=least, **{goal: value})
    except BudgetError as refused:
        met = refused.largest / net.weights if goal == "sparsity" else refused.largest
        plan = mp.plan(net, scores, pattern=pattern, min_keep=least, **{goal: met})
        event("refused")
        less = round(value * net.weights) if goal == "sparsity" else value
        assert refused.largest < less  # noqa: PT017
    assert all(left >= min(least, had) for left, had in zip(live(net, plan), before, strict=True))
