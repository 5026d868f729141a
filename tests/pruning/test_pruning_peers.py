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
