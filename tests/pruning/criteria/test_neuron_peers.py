"""The Taylor term beside PyTorch's autograd, asked for the gradient of each activation, one row at a time."""

import numpy as np
import pytest
from generators import networks
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.pruning.criteria.neuron import NeuronTaylor

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

LAYERS = {mp.ReLU: torch.relu, mp.Tanh: torch.tanh}


@given(networks(dtype=np.float64), st.integers(1, 6))
def test_it_is_activation_times_gradient(network, rows):
    draws = np.random.default_rng(rows)
    data = draws.standard_normal((rows, network.inputs)), draws.integers(0, network.outputs, rows)
    total = [0.0 for _ in network.dense]
    for row, label in zip(*data, strict=True):
        a, puts_out = torch.from_numpy(row[None]), []
        for layer in network.layers:
            if isinstance(layer, mp.Dense):
                a = a.detach().requires_grad_() if not puts_out else a
                a.retain_grad()
                puts_out.append(a)
                a = a @ torch.from_numpy(layer.weight.value)
                a = a if layer.bias is None else a + torch.from_numpy(layer.bias.value)
            else:
                a = LAYERS[type(layer)](a)
        torch.nn.functional.cross_entropy(a, torch.tensor([label])).backward()
        for k, out in enumerate(puts_out):
            total[k] = total[k] + (out * out.grad).abs().detach().numpy()[0] / rows
    scores = NeuronTaylor(mp.SoftmaxCrossEntropy()).neuron_scores(network, data)
    for ours, theirs in zip(scores.values(), total, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-10, atol=1e-14)
