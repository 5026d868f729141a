"""Global magnitude pruning beside PyTorch's, and the case in which comparing with a threshold fails."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp

torch = pytest.importorskip("torch")
prune = pytest.importorskip("torch.nn.utils.prune")
pytestmark = pytest.mark.peers


def _torchs_masks(network, count):
    """Return the masks of `global_unstructured`, (inputs, outputs), at `count` weights to go."""
    layers = []
    for p in network.prunable.values():
        layers.append(torch.nn.Linear(*p.shape, bias=False))
        layers[-1].weight.data = torch.from_numpy(p.value.T.copy())
    parameters = [(layer, "weight") for layer in layers]
    prune.global_unstructured(parameters, pruning_method=prune.L1Unstructured, amount=count)
    # Left dense, PyTorch hangs no mask on a layer.
    masks = [getattr(layer, "weight_mask", torch.ones_like(layer.weight)) for layer in layers]
    return dict(zip(network.prunable, (mask.numpy().T == 1 for mask in masks), strict=True))


@given(st.lists(st.integers(1, 20), min_size=2, max_size=5), st.integers(0, 99), st.data())
def test_global_magnitude_is_pytorchs_where_nothing_ties(widths, seed, data):
    network = mp.Network.mlp(widths, rng=seed)
    sizes = sum(a * b for a, b in pairwise(widths))
    magnitudes = np.concatenate([np.abs(p.value).reshape(-1) for p in network.prunable.values()])
    assert len(np.unique(magnitudes)) == sizes
    count = data.draw(st.integers(0, sizes - 1))
    plan = mp.plan(network, mp.Magnitude(), sparsity=count / sizes, min_keep=0)
    assert plan.achieved == count
    theirs = _torchs_masks(network, count)
    assert all(np.array_equal(plan.masks[name], theirs[name]) for name in theirs)


def test_ten_equal_weights_at_one_half():
    """Five go, here as there; a threshold at the median would keep all ten with ≥ and none with >."""
    network = mp.Network([mp.Dense.from_arrays(np.full((10, 1), 0.3, np.float32))])
    mask = mp.plan(network, mp.Magnitude(), sparsity=0.5).masks["dense1.weight"]
    assert np.count_nonzero(mask) == 5
    assert np.count_nonzero(_torchs_masks(network, 5)["dense1.weight"]) == 5
    magnitudes = torch.from_numpy(network.dense[0].weight.value).abs()
    threshold = torch.quantile(magnitudes, 0.5)
    assert [int((magnitudes >= threshold).sum()), int((magnitudes > threshold).sum())] == [10, 0]


def _linear(parameter):
    layer = torch.nn.Linear(*parameter.shape, bias=False)
    layer.weight.data = torch.from_numpy(parameter.value.T.copy())
    return layer


def _mask(layer):
    """Return PyTorch's mask as (inputs, outputs)."""
    return getattr(layer, "weight_mask", torch.ones_like(layer.weight)).numpy().T == 1


@given(st.lists(st.integers(1, 20), min_size=2, max_size=4), st.integers(0, 99), st.floats(0, 0.99))
def test_layerwise_magnitude_is_pytorchs(widths, seed, share):
    """`l1_unstructured` with the same count in each layer, however that is rounded."""
    network = mp.Network.mlp(widths, rng=seed)
    plan = mp.plan(network, mp.Magnitude(), sparsity=share, allocation=mp.Uniform(), min_keep=0)
    for layer, p in zip(plan.layers, network.prunable.values(), strict=True):
        theirs = _linear(p)
        prune.l1_unstructured(theirs, "weight", amount=layer.achieved)
        assert np.array_equal(plan.masks[layer.name], _mask(theirs))


@given(st.integers(0, 99), st.integers(0, 100))
def test_any_scores_fall_as_pytorchs_importance_scores_do(seed, count):
    draws = np.random.default_rng(seed)
    network = mp.Network.mlp([6, 12, 4], rng=seed)
    data = draws.standard_normal((20, 6)), draws.integers(0, 4, 20)
    for criterion in (mp.Saliency(mp.SoftmaxCrossEntropy()), mp.Fisher(mp.SoftmaxCrossEntropy()), mp.Random(rng=seed)):
        plan = mp.plan(network, criterion, sparsity=count / network.weights, data=data, min_keep=0)
        values = np.concatenate([s.reshape(-1) for s in plan.scores.values()])
        if len(np.unique(values)) < values.size:  # a dead unit's weights tie at 0
            continue
        theirs = {name: _linear(p) for name, p in network.prunable.items()}
        prune.global_unstructured(
            [(layer, "weight") for layer in theirs.values()],
            pruning_method=prune.L1Unstructured,
            importance_scores={
                (layer, "weight"): torch.from_numpy(plan.scores[name].T.copy()) for name, layer in theirs.items()
            },
            amount=count,
        )
        assert all(np.array_equal(plan.masks[name], _mask(layer)) for name, layer in theirs.items())


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 99), st.booleans(), st.data())
def test_whole_rows_and_columns_are_pytorchs_ln_structured(inputs, outputs, seed, columns, data):
    """`ln_structured` by the 2-norm along either side: blocks as long as the layer, judged by their norm."""
    network = mp.Network.mlp([inputs, outputs], rng=seed)
    units = outputs if columns else inputs
    goes = data.draw(st.integers(0, units - 1))
    block = (inputs, 1) if columns else (1, outputs)
    plan = mp.plan(network, mp.Magnitude(), sparsity=goes / units, pattern=mp.Blocks(block, reduce="norm"))
    assert plan.achieved == goes * network.weights // units
    theirs = _linear(network.parameters["dense1.weight"])
    prune.ln_structured(theirs, "weight", amount=goes, n=2, dim=0 if columns else 1)
    assert np.array_equal(plan.masks["dense1.weight"], _mask(theirs))


@given(st.integers(0, 99), st.lists(st.floats(0, 0.6), min_size=2, max_size=4))
def test_pruning_again_and_again_is_pytorchs_container(seed, shares):
    """PyTorch counts a share of what is left, we a target for the whole: the same weights go."""
    network = mp.Network.mlp([15, 10], rng=seed)
    theirs = _linear(network.parameters["dense1.weight"])
    for share in shares:
        prune.l1_unstructured(theirs, "weight", amount=share)
        gone = int((~_mask(theirs)).sum())
        network = mp.plan(network, mp.Magnitude(), sparsity=gone / network.weights, min_keep=0).apply(network)
        assert np.array_equal(network.parameters["dense1.weight"].mask, _mask(theirs))
