"""SynFlow beside its definition: the gradient of R, by PyTorch."""

import numpy as np
import pytest
from generators import networks
from hypothesis import given

from minprune.pruning.criteria.synflow import SynFlow

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers


@given(networks(layers=(1, 5)))
def test_it_is_the_gradient_of_r(network):
    """|w| · ∂R/∂|w| / R, with all weights replaced by their sizes and an input of ones, in double precision."""
    sizes = [torch.from_numpy(np.abs(p.value)).double().requires_grad_() for p in network.prunable.values()]
    signal = torch.ones(1, network.inputs, dtype=torch.float64)
    for size in sizes:
        signal = signal @ size
    r = signal.sum()
    r.backward()
    for size, score in zip(sizes, SynFlow().scores(network).values(), strict=True):
        theirs = (size * size.grad / r if r > 0 else torch.zeros_like(size)).detach().numpy()
        assert np.allclose(score, theirs, rtol=1e-6, atol=0)
