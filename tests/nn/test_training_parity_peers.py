"""To 1e-12 beside PyTorch and SciPy in float64: every option that both have, and whole trainings.

`test_gradients_peers.py` and `test_optimizers_peers.py` draw many cases of each part; here are the tables of options.
"""

from itertools import pairwise, product

import numpy as np
import pytest

import minprune as mp
from minprune.nn.activations import ACTIVATIONS

torch = pytest.importorskip("torch")
prune = pytest.importorskip("torch.nn.utils.prune")
special = pytest.importorskip("scipy.special")
F = torch.nn.functional
pytestmark = pytest.mark.peers

STEPS = 10
CLOSE = 1e-12
THEIRS = {
    "relu": torch.nn.ReLU,
    "leaky_relu": lambda: torch.nn.LeakyReLU(0.01),
    "tanh": torch.nn.Tanh,
    "sigmoid": torch.nn.Sigmoid,
    "gelu": lambda: torch.nn.GELU(approximate="tanh"),
}


def assert_close(ours, theirs, *, at_least=0.0):
    """To 1e-12 of the largest entry of the array."""
    theirs = theirs.detach().numpy() if torch.is_tensor(theirs) else np.asarray(theirs)
    size = max(np.abs(theirs).max(initial=0.0), at_least)
    np.testing.assert_allclose(ours, theirs, rtol=CLOSE, atol=CLOSE * size)


def pair_of_networks(activation, seed, *, widths=(6, 9, 8, 4), bias=True):
    """Ours in float64, and theirs with the same weights."""
    rng = np.random.default_rng(seed)
    ours, theirs = [], []
    for k, (a, b) in enumerate(pairwise(widths)):
        if k:
            ours.append(ACTIVATIONS[activation]())
            theirs.append(THEIRS[activation]())
        ours.append(mp.Dense.from_arrays(rng.standard_normal((a, b)), rng.standard_normal(b) if bias else None))
        linear = torch.nn.Linear(a, b, bias=bias, dtype=torch.float64)
        linear.weight.data = torch.tensor(ours[-1].weight.value.T.copy())
        if bias:
            linear.bias.data = torch.tensor(ours[-1].bias.value)
        theirs.append(linear)
    return mp.Network(ours), torch.nn.Sequential(*theirs)


def a_batch(seed, loss, *, rows=20, inputs=6, outputs=4):
    rng = np.random.default_rng(seed + 1)
    x = rng.standard_normal((rows, inputs))
    if isinstance(loss, mp.SoftmaxCrossEntropy):
        return x, rng.integers(0, outputs, rows)
    if isinstance(loss, mp.BinaryCrossEntropy):
        return x, rng.random(rows)
    return x, rng.standard_normal((rows, outputs))


LOSSES = {
    "softmax": (mp.SoftmaxCrossEntropy(), F.cross_entropy),
    "binary": (mp.BinaryCrossEntropy(), lambda z, y: F.binary_cross_entropy_with_logits(z[:, 0], y)),
    "squares": (mp.MeanSquaredError(), F.mse_loss),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_and_backward_of_every_activation_with_every_loss(activation, name, bias):
    loss, its = LOSSES[name]
    widths = (6, 9, 8, 1 if name == "binary" else 4)
    for seed in range(5):
        net, module = pair_of_networks(activation, seed, widths=widths, bias=bias)
        x, y = a_batch(seed, loss)
        inputs = torch.tensor(x, requires_grad=True)
        z = module(inputs)
        value = its(z, torch.tensor(y))
        value.backward()
        ours, grad = loss.value_and_gradient(net(x), y)
        entering = net.backward(grad, input_grad=True)
        assert_close(net(x), z)
        assert ours == pytest.approx(value.item(), rel=CLOSE)
        assert_close(entering, inputs.grad)
        linears = [part for part in module if isinstance(part, torch.nn.Linear)]
        for layer, linear in zip(net.dense, linears, strict=True):
            assert_close(layer.weight.grad, linear.weight.grad.T)
            if bias:
                assert_close(layer.bias.grad, linear.bias.grad)


OPTIMIZERS = {
    **{
        f"SGD momentum={m} nesterov={n} decay={d}": (
            lambda m=m, n=n: mp.SGD(0.1, momentum=m, nesterov=n),
            lambda w, m=m, n=n, d=d: torch.optim.SGD(w, 0.1, momentum=m, nesterov=n, weight_decay=d),
            d,
        )
        for m, n, d in product([0.0, 0.5, 0.9], [False, True], [0.0, 0.3])
        if m or not n
    },
    **{
        f"Adam betas={b} eps={e} decay={d}": (
            lambda b=b, e=e: mp.Adam(0.05, betas=b, eps=e),
            lambda w, b=b, e=e, d=d: torch.optim.Adam(w, 0.05, betas=b, eps=e, weight_decay=d),
            d,
        )
        for b, e, d in product([(0.9, 0.999), (0.5, 0.9), (0.0, 0.99)], [1e-8, 1e-3], [0.0, 0.3])
    },
    **{
        f"AdamW betas={b} eps={e} decay={d}": (
            lambda b=b, e=e, d=d: mp.AdamW(0.05, betas=b, eps=e, weight_decay=d),
            lambda w, b=b, e=e, d=d: torch.optim.AdamW(w, 0.05, betas=b, eps=e, weight_decay=d),
            None,
        )
        for b, e, d in product([(0.9, 0.999), (0.5, 0.9)], [1e-8, 1e-3], [0.0, 0.2])
    },
}


def smooth(w, numbers):
    """A function of a weight whose gradient is the same arithmetic for NumPy and for PyTorch."""
    return numbers.tanh(w) + 0.5 * w - 0.25


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_ten_steps_of_every_optimizer_with_every_option(name):
    """An L2 penalty is their weight decay, but for AdamW, which has its own."""
    make, their, decay = OPTIMIZERS[name]
    start = np.random.default_rng(0).standard_normal((5, 4))
    p, w = mp.Parameter(start, "dense1.weight", prunable=True), torch.tensor(start, requires_grad=True)
    ours, theirs, named = make(), their([w]), {"dense1.weight": p}
    for _ in range(STEPS):
        p.grad = smooth(p.value, np)
        if decay:
            mp.L2(decay).add_gradient(named)
        ours.step(named)
        w.grad = smooth(w.detach(), torch)
        theirs.step()
        assert_close(p.value, w)


SCHEDULES = {
    "cosine": (mp.CosineDecay(0.1), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS)),
    "cosine to 0.01": (
        mp.CosineDecay(0.1, 0.01),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.01),
    ),
    "steps": (
        mp.StepDecay(0.1, 0.5, (0.2, 0.4, 0.6, 0.8)),
        lambda o: torch.optim.lr_scheduler.StepLR(o, 2, gamma=0.5),
    ),
    "milestones": (
        mp.StepDecay(0.1, 0.3, (0.3, 0.7)),
        lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [3, 7], gamma=0.3),
    ),
    "a function": (
        lambda p: 0.1 / (1 + p),
        lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t / STEPS)),
    ),
    "a line": (
        lambda p: 0.1 * (1 - 0.9 * p),
        lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.1, total_iters=STEPS),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_ten_steps_of_a_training_with_every_schedule(name):
    """A whole `fit` on full batches beside their loop, under masks that are multiplied on."""
    rate, scheduler = SCHEDULES[name]
    loss, its = LOSSES["softmax"]
    net, module = pair_of_networks("tanh", 3)
    x, y = a_batch(3, loss)
    linears = [part for part in module if isinstance(part, torch.nn.Linear)]
    for layer, linear in zip(net.dense, linears, strict=True):
        layer.weight.mask = np.random.default_rng(4).random(layer.weight.shape) < 0.6
        prune.custom_from_mask(linear, "weight", torch.tensor(layer.weight.mask.T.copy()))
    mp.fit(net, (x, y), loss=loss, optimizer=mp.SGD(rate, momentum=0.9), epochs=STEPS, batch_size=len(x), rng=0)
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    schedule = scheduler(optimizer)
    for _ in range(STEPS):
        optimizer.zero_grad()
        its(module(torch.tensor(x)), torch.tensor(y)).backward()
        optimizer.step()
        schedule.step()
    module(torch.tensor(x))  # the pruned weight is made anew in the forward pass
    for layer, linear in zip(net.dense, linears, strict=True):
        assert_close(layer.weight.value, linear.weight.T)
        assert_close(layer.bias.value, linear.bias)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_probabilities_and_losses_are_those_of_scipy(scale):
    rng = np.random.default_rng(0)
    z, y = scale * rng.standard_normal((50, 5)), rng.integers(0, 5, 50)
    net = mp.Network([mp.Dense.from_arrays(np.eye(5))])
    assert_close(net.predict_proba(z), special.softmax(z, axis=1))
    value, grad = mp.SoftmaxCrossEntropy().value_and_gradient(z, y)
    assert value == pytest.approx(-special.log_softmax(z, axis=1)[np.arange(50), y].mean(), rel=CLOSE)
    assert_close(grad * 50, special.softmax(z, axis=1) - np.eye(5)[y])
    one = mp.Network([mp.Dense.from_arrays(np.eye(1))])
    assert_close(one.predict_proba(z[:, :1])[:, 1], special.expit(z[:, 0]))
    t = rng.random(50)
    value, grad = mp.BinaryCrossEntropy().value_and_gradient(z[:, :1], t)
    expected = -(t * special.log_expit(z[:, 0]) + (1 - t) * special.log_expit(-z[:, 0])).mean()
    assert value == pytest.approx(expected, rel=CLOSE)
    assert_close(grad[:, 0] * 50, special.expit(z[:, 0]) - t)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_group_lasso_is_the_sum_of_scipys_norms_and_its_step_their_shrinkage(axis):
    linalg = pytest.importorskip("scipy.linalg")
    w = np.random.default_rng(0).standard_normal((6, 5))
    p, penalty = mp.Parameter(w, "w", prunable=True), mp.GroupLasso(0.3, axis=["outputs", "inputs"][axis])
    norms, size = linalg.norm(w, axis=axis, keepdims=True), np.sqrt(w.shape[axis])
    assert penalty.value({"w": p}) == pytest.approx(0.3 * size * norms.sum(), rel=CLOSE)
    penalty.shrink({"w": p}, 2.0)
    assert_close(p.value, w * np.maximum(0, 1 - 0.6 * size / norms))
    q = mp.Parameter(w, "w", prunable=True)
    mp.L1(0.3).shrink({"w": q}, 2.0)
    assert_close(q.value, F.softshrink(torch.tensor(w), 0.6))
