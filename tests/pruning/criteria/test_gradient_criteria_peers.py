"""Saliency, Fisher and GraSP beside PyTorch's autograd, in float64: row by row, and by double backward."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from problems import assert_near, problems

import minprune as mp
from minprune.pruning.criteria import Fisher, GradientMagnitude, GraSP, Saliency

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.peers

THEIRS = {
    mp.ReLU: F.relu,
    mp.LeakyReLU: lambda x: F.leaky_relu(x, 0.01),
    mp.Tanh: torch.tanh,
    mp.Sigmoid: torch.sigmoid,
    mp.GELU: lambda x: F.gelu(x, approximate="tanh"),
    mp.Dropout: lambda x: x,  # as in eval()
}


def _tensor(array, **options):
    return torch.tensor(np.asarray(array, np.float64), **options)


def _weights(network):
    return {name: _tensor(p.value, requires_grad=True) for name, p in network.prunable.items()}


def _loss(network, weights, loss, x, y, temperature=1.0):
    """The mean loss as PyTorch sees it; a float64 scalar with a graph."""
    z = _tensor(x)
    for layer in network.layers:
        if isinstance(layer, mp.Dense):
            z = z @ weights[layer.weight.name] + (0.0 if layer.bias is None else _tensor(layer.bias.value))
        elif isinstance(layer, mp.Select):
            z = z[:, torch.from_numpy(layer.columns)]
        else:
            z = THEIRS[type(layer)](z)
    z = z / temperature
    if isinstance(loss, mp.SoftmaxCrossEntropy):
        return F.cross_entropy(z, torch.tensor(y))
    if isinstance(loss, mp.BinaryCrossEntropy):
        return F.binary_cross_entropy_with_logits(z[:, 0], _tensor(y))
    return F.mse_loss(z, _tensor(y))


def _gradients(network, loss, x, y):
    weights = _weights(network)
    grads = torch.autograd.grad(_loss(network, weights, loss, x, y), list(weights.values()))
    return {name: g.numpy() for name, g in zip(weights, grads, strict=True)}


@given(problems())
def test_gradient_magnitude_and_saliency(problem):
    network, loss, x, y = problem
    grads = _gradients(network, loss, x, y)
    sizes = {name: np.abs(g) for name, g in grads.items()}
    assert_near(GradientMagnitude(loss).scores(network, (x, y)), sizes, least=1e-13)
    saliency = {name: np.abs(p.value * grads[name]) for name, p in network.prunable.items()}
    assert_near(Saliency(loss).scores(network, (x, y)), saliency, least=1e-13)


@given(problems())
def test_fisher_row_by_row(problem):
    network, loss, x, y = problem
    rows = [_gradients(network, loss, x[b : b + 1], y[b : b + 1]) for b in range(len(x))]
    expected = {
        name: p.value**2 * np.mean([row[name] ** 2 for row in rows], axis=0) for name, p in network.prunable.items()
    }
    assert_near(Fisher(loss, batch_size=3).scores(network, (x, y)), expected, least=1e-25)


@given(problems(), st.sampled_from([1.0, 200.0]))
def test_grasp_by_double_backward(problem, temperature):
    network, loss, x, y = problem
    weights, kept = _weights(network), {name: p.mask for name, p in network.prunable.items()}
    grads = torch.autograd.grad(
        _loss(network, weights, loss, x, y, temperature), list(weights.values()), create_graph=True
    )
    # As in the authors' code: the gradient of gᵀ stop(g) is H g; of weights that are gone g is left out.
    flow = sum(
        (g * (g.detach() * torch.from_numpy(kept[name].astype(float)))).sum()
        for name, g in zip(weights, grads, strict=True)
    )
    products = torch.autograd.grad(flow, list(weights.values()), allow_unused=True) if flow.requires_grad else ()
    importance = {name: np.zeros(w.shape) for name, w in weights.items()}
    for name, hg in zip(weights, products, strict=False):
        importance[name] = (weights[name].detach() * (0 if hg is None else hg)).numpy()
    least = min((importance[name][kept[name]].min() for name in kept if kept[name].any()), default=0.0)
    expected = {name: np.where(kept[name], importance[name] - least, 0.0) for name in kept}
    scale = max(np.abs(array).max() for array in importance.values())
    # Ours is a difference: what rounding leaves of gradients, 1e-15, over its step of 1e-7 of the weights.
    assert_near(
        GraSP(loss, temperature=temperature).scores(network, (x, y)), expected, 1e-6, 1e-6 * scale + 1e-9 / temperature
    )
