"""Values and gradients of every layer, activation, loss and penalty beside PyTorch's autograd, in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.nn.activations import ACTIVATIONS

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.peers

SEEDS = st.integers(0, 2**16)
THEIRS = {
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
}


def tensor(array):
    return torch.tensor(array, dtype=torch.float64, requires_grad=True)


def assert_close(ours, theirs, *, rounding=0.0):
    """To 1e-9, relative to the largest entry of the array, or to what rounding leaves of it."""
    theirs = theirs.detach().numpy() if torch.is_tensor(theirs) else theirs
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=max(1e-9 * np.abs(theirs).max(initial=0.0), rounding))


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(seed=SEEDS, scale=st.sampled_from([0.1, 1.0, 10.0, 500.0]))
def test_activations(name, seed, scale):
    rng, layer = np.random.default_rng(seed), ACTIVATIONS[name]()
    x, c = scale * rng.standard_normal((4, 5)), rng.standard_normal((4, 5))
    theirs = tensor(x)
    y = THEIRS[name](theirs)
    y.backward(torch.tensor(c))
    assert_close(layer.forward(x), y)
    # Both take the slope from y, as 1 − y² and the like: where y is flat that is known to ε, however small it is.
    assert_close(layer.backward(c), theirs.grad, rounding=4 * np.finfo(np.float64).eps * np.abs(c).max())


@pytest.mark.parametrize("bias", [True, False])
@given(seed=SEEDS)
def test_dense(bias, seed):
    rng = np.random.default_rng(seed)
    layer = mp.Dense(5, 4, bias=bias, rng=rng, dtype=np.float64)
    x, c = rng.standard_normal((3, 5)), rng.standard_normal((3, 4))
    inputs, weight = tensor(x), tensor(layer.weight.value.T)
    b = tensor(layer.bias.value) if bias else None
    y = F.linear(inputs, weight, b)
    y.backward(torch.tensor(c))
    assert_close(layer.forward(x), y)
    assert_close(layer.backward(c), inputs.grad)
    assert_close(layer.weight.grad, weight.grad.T)
    if bias:
        assert_close(layer.bias.grad, b.grad)


@given(seed=SEEDS)
def test_select_and_dropout_with_the_same_draws(seed):
    rng, columns = np.random.default_rng(seed), np.array([0, 2, 3])
    x, c = rng.standard_normal((3, 5)), rng.standard_normal((3, 3))
    inputs, select, dropout = tensor(x), mp.Select(columns, 5), mp.Dropout(0.4)
    chosen = select.forward(x)
    ours = dropout.forward(chosen, rng)
    y = inputs[:, torch.tensor(columns)] * torch.tensor(ours != 0) / (1 - 0.4)
    y.backward(torch.tensor(c))
    assert_close(ours, y)
    assert_close(select.backward(dropout.backward(c)), inputs.grad)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("name", ["softmax", "binary", "squares"])
@given(seed=SEEDS, scale=st.sampled_from([1.0, 30.0]))
def test_losses(name, weighted, seed, scale):
    rng = np.random.default_rng(seed)
    z = scale * rng.standard_normal((6, 1 if name == "binary" else 4))
    weight = rng.random(6) if weighted else None
    v = torch.tensor(weight if weighted else np.ones(6))
    logits = tensor(z)
    if name == "softmax":
        loss, y = mp.SoftmaxCrossEntropy(), rng.integers(0, 4, 6)
        each = F.cross_entropy(logits, torch.tensor(y), reduction="none")
    elif name == "binary":
        loss, y = mp.BinaryCrossEntropy(), rng.random(6)
        each = F.binary_cross_entropy_with_logits(logits[:, 0], torch.tensor(y), reduction="none")
    else:
        loss, y = mp.MeanSquaredError(), rng.standard_normal((6, 4))
        each = F.mse_loss(logits, torch.tensor(y), reduction="none").mean(dim=1)
    theirs = (v * each).sum() / v.sum()
    theirs.backward()
    value, grad = loss.value_and_gradient(z, y, weight)
    assert value == pytest.approx(theirs.item(), rel=1e-9)
    assert_close(grad, logits.grad)


@given(seed=SEEDS)
def test_class_weights_are_the_sample_weights_of_the_labels(seed):
    rng = np.random.default_rng(seed)
    z, y, of_class = rng.standard_normal((8, 3)), rng.integers(0, 3, 8), np.array([0.2, 1.0, 5.0])
    logits = tensor(z)
    theirs = F.cross_entropy(logits, torch.tensor(y), weight=torch.tensor(of_class))
    theirs.backward()
    value, grad = mp.SoftmaxCrossEntropy().value_and_gradient(z, y, of_class[y])
    assert value == pytest.approx(theirs.item(), rel=1e-9)
    assert_close(grad, logits.grad)


def omega(penalty, w, mask):
    """The penalty in PyTorch's terms."""
    if isinstance(penalty, mp.L2):
        return penalty.strength / 2 * (w * mask).square().sum()
    if isinstance(penalty, mp.L1):
        return penalty.strength * (w * mask).abs().sum()
    if isinstance(penalty, mp.GroupLasso):
        along = 1 if penalty.axis == "inputs" else 0
        return penalty.strength * (mask.sum(dim=along).double().sqrt() * torch.linalg.norm(w * mask, dim=along)).sum()
    return sum(omega(part, w, mask) for part in penalty.parts)


def masked(seed):
    rng = np.random.default_rng(seed)
    p = mp.Parameter(rng.standard_normal((5, 6)), "dense1.weight", prunable=True)
    p.mask = rng.random((5, 6)) < 0.7
    return p, {"dense1.weight": p}


@pytest.mark.parametrize(
    "penalty", [mp.L2(0.3), mp.L1(0.3, subgradient=True), mp.L2(0.2) + mp.L1(0.1, subgradient=True)]
)
@given(seed=SEEDS)
def test_penalties_that_act_by_their_gradient(penalty, seed):
    p, parameters = masked(seed)
    w = tensor(p.value)
    theirs = omega(penalty, w, torch.tensor(p.mask))
    theirs.backward()
    penalty.add_gradient(parameters)
    assert penalty.value(parameters) == pytest.approx(theirs.item(), rel=1e-9)
    assert_close(p.grad, w.grad)


@pytest.mark.parametrize("penalty", [mp.L1(0.3), mp.GroupLasso(0.3), mp.GroupLasso(0.3, axis="outputs")])
@given(seed=SEEDS)
def test_penalties_that_act_by_their_proximal_step(penalty, seed):
    """At its end u, (w − u)/η is the gradient of the penalty, wherever u is not 0."""
    p, parameters = masked(seed)
    before, step = p.value.copy(), 0.5
    penalty.shrink(parameters, step)
    u = tensor(p.value)
    theirs = omega(penalty, u, torch.tensor(p.mask))
    theirs.backward()
    assert penalty.value(parameters) == pytest.approx(theirs.item(), rel=1e-9)
    there = p.value != 0
    assert there.any()
    assert_close(((before - p.value) / step)[there], u.grad.numpy()[there])


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(seed=SEEDS)
def test_whole_masked_networks(name, seed):
    rng, loss = np.random.default_rng(seed), mp.SoftmaxCrossEntropy()
    net = mp.Network.mlp([6, 8, 7, 4], activation=name, rng=rng, dtype=np.float64)
    for p in net.parameters.values():
        p.mask = rng.random(p.shape) < 0.6
    x, y = rng.standard_normal((5, 6)), rng.integers(0, 4, 5)
    theirs = {k: tensor(p.value) for k, p in net.parameters.items()}
    h = torch.tensor(x)
    for k in (1, 2, 3):
        h = h @ theirs[f"dense{k}.weight"] + theirs[f"dense{k}.bias"]
        h = THEIRS[name](h) if k < 3 else h
    F.cross_entropy(h, torch.tensor(y)).backward()
    output = net(x)
    net.backward(loss.value_and_gradient(output, y)[1])
    assert_close(output, h)
    for k, p in net.parameters.items():
        assert_close(p.grad, theirs[k].grad)
