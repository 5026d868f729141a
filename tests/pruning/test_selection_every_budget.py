"""Every budget there is, on small networks: met to the count, or refused with the largest that can be met."""

from itertools import pairwise

import numpy as np
import pytest
from by_hand import Refused, choices, masks_after
from generators import Given

import minprune as mp
from minprune.errors import BudgetError
from minprune.pruning.patterns import NM, Blocks, Vectors


def _network(seed, widths=4):
    """Return a pruned network with scores that tie often, so that many units fall with others."""
    draws = np.random.default_rng(seed)
    sizes = [int(n) for n in draws.integers(1, widths + 1, size=4)]
    network = mp.Network([mp.Dense(*pair, rng=0, dtype=np.float64) for pair in pairwise(sizes)])
    for p in network.prunable.values():
        p.mask = draws.random(p.shape) < draws.uniform(0.3, 1)
    return network, {name: draws.integers(1, 7, p.shape) / 4 for name, p in network.prunable.items()}


def _live(network, masks):
    """Return how many neurons each hidden layer has with any kept weight, in or out."""
    arrays = [masks.get(name, p.mask) for name, p in network.prunable.items()]
    return [int((into.any(axis=0) | out.any(axis=1)).sum()) for into, out in pairwise(arrays)]


def _answers(network, scores, **request):
    """Return, for each number of weights, what a plan achieves, or the largest number that its refusal names."""
    met, named = {}, {}
    for goes in range(network.weights):
        try:
            met[goes] = mp.plan(network, Given(scores), sparsity=goes / network.weights, **request)
        except BudgetError as refused:
            named[goes] = refused.largest
    return met, named


# In all of these a neuron that nobody chose falls with its last weights, and would leave a layer with too few.
STARVING = [(5, 3, 1, 8), (5, 3, 2, 8), (11, 3, 1, 8), (14, 4, 1, 19), (35, 3, 1, 8), (45, 3, 1, 13), (47, 4, 1, 18)]


@pytest.mark.parametrize(("seed", "widths", "min_keep", "largest"), STARVING)
def test_of_neurons(seed, widths, min_keep, largest):
    network, scores = _network(seed, widths)
    before, had = network.weights - network.kept, _live(network, {})
    met, named = _answers(network, scores, pattern=mp.Neurons(), min_keep=min_keep)
    for goes, plan in met.items():
        assert plan.requested == goes
        assert before <= plan.achieved <= max(before, goes)
        left = _live(network, plan.masks)
        assert all(n >= min(min_keep, full) for n, full in zip(left, had, strict=True)) or plan.achieved == before
    assert set(named.values()) == {largest}
    assert all(goes > largest for goes in named)
    assert max(plan.achieved for plan in met.values()) <= largest
    assert largest in met


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pattern", [mp.Unstructured(), NM(1, 2), Blocks((2, 2)), Vectors(2)], ids=repr)
@pytest.mark.parametrize("allocation", [mp.Global(), mp.Uniform()], ids=repr)
def test_of_units_that_share_nothing(seed, pattern, allocation):
    network, scores = _network(seed, 3)
    request = {"pattern": pattern, "allocation": allocation, "min_keep": seed % 3}
    met, named = _answers(network, scores, **request)
    for goes in range(network.weights):
        try:
            decided, largest = choices(network, scores, sparsity=goes / network.weights, **request), None
        except Refused as refused:
            decided, largest = None, refused.largest
        assert named.get(goes) == largest
        if decided is not None:
            masks = {name: met[goes].masks[name].tolist() for name in network.prunable}
            assert masks == masks_after(network, decided)
