"""Optimizers beside torch.optim: the same path from the same start, step by step, in float64."""

import numpy as np
import pytest

import minprune as mp

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

STEPS = 30
PAIRS = {
    "sgd": (lambda: mp.SGD(0.1), lambda w: torch.optim.SGD(w, 0.1)),
    "momentum": (lambda: mp.SGD(0.1, momentum=0.9), lambda w: torch.optim.SGD(w, 0.1, momentum=0.9)),
    "nesterov": (
        lambda: mp.SGD(0.1, momentum=0.9, nesterov=True),
        lambda w: torch.optim.SGD(w, 0.1, momentum=0.9, nesterov=True),
    ),
    "adam": (lambda: mp.Adam(0.05), lambda w: torch.optim.Adam(w, 0.05)),
    "adam, other betas": (
        lambda: mp.Adam(0.05, betas=(0.5, 0.9), eps=1e-3),
        lambda w: torch.optim.Adam(w, 0.05, betas=(0.5, 0.9), eps=1e-3),
    ),
    "adamw": (lambda: mp.AdamW(0.05, weight_decay=0.2), lambda w: torch.optim.AdamW(w, 0.05, weight_decay=0.2)),
}
L2_IS_THEIR_WEIGHT_DECAY = {
    "sgd": lambda w: torch.optim.SGD(w, 0.1, momentum=0.9, weight_decay=0.3),
    "nesterov": lambda w: torch.optim.SGD(w, 0.1, momentum=0.9, nesterov=True, weight_decay=0.3),
    "adam": lambda w: torch.optim.Adam(w, 0.1, weight_decay=0.3),
}
OURS_WITH_L2 = {
    "sgd": lambda: mp.SGD(0.1, momentum=0.9),
    "nesterov": lambda: mp.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: mp.Adam(0.1),
}


def a_function():
    """A smooth function of a weight matrix with a curved, narrow valley: its gradient, for NumPy and for PyTorch."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((8, 5)), rng.standard_normal((8, 4))

    def ours(w):
        return a.T @ np.tanh(a @ w - b)

    def theirs(w):
        return torch.tensor(a).T @ torch.tanh(torch.tensor(a) @ w - torch.tensor(b))

    return rng.standard_normal((5, 4)), ours, theirs


def assert_same_path(ours, theirs, *, penalty=None, schedule=None):
    start, our_gradient, their_gradient = a_function()
    p = mp.Parameter(start, "dense1.weight", prunable=True)
    parameters = {p.name: p}
    w = torch.tensor(start, requires_grad=True)
    optimizer, peer = ours(), theirs([w])
    for t in range(STEPS):
        p.grad = our_gradient(p.value)
        if penalty is not None:
            penalty.add_gradient(parameters)
        optimizer.step(parameters, t / STEPS)
        w.grad = their_gradient(w.detach())
        for group in peer.param_groups if schedule else ():
            group["lr"] = schedule(t / STEPS)
        peer.step()
        np.testing.assert_allclose(p.value, w.detach().numpy(), rtol=1e-9)


@pytest.mark.parametrize("name", PAIRS)
def test_the_path_is_theirs(name):
    assert_same_path(*PAIRS[name])


@pytest.mark.parametrize("name", OURS_WITH_L2)
def test_the_l2_penalty_is_their_weight_decay(name):
    assert_same_path(OURS_WITH_L2[name], L2_IS_THEIR_WEIGHT_DECAY[name], penalty=mp.L2(0.3))


@pytest.mark.parametrize("schedule", [mp.CosineDecay(0.1, 0.01), mp.StepDecay(0.1)])
def test_a_scheduled_path_is_theirs(schedule):
    assert_same_path(
        lambda: mp.SGD(schedule, momentum=0.9), lambda w: torch.optim.SGD(w, 0.1, momentum=0.9), schedule=schedule
    )


@pytest.mark.parametrize(
    ("schedule", "theirs"),
    [
        (mp.CosineDecay(0.1, 0.01), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 40, eta_min=0.01)),
        (mp.StepDecay(0.1, 0.3, (0.25, 0.8)), lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [10, 32], gamma=0.3)),
    ],
)
def test_the_rates_are_those_of_their_schedulers(schedule, theirs):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    scheduler = theirs(optimizer)
    for t in range(40):
        assert schedule(t / 40) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        scheduler.step()


def test_masked_training_is_theirs_with_gradients_and_weights_multiplied_by_the_mask():
    start, our_gradient, their_gradient = a_function()
    mask = np.random.default_rng(1).random(start.shape) < 0.5
    p = mp.Parameter(start, "dense1.weight", prunable=True)
    p.mask = mask
    w = torch.tensor(start * mask, requires_grad=True)
    optimizer, peer = mp.Adam(0.05), torch.optim.Adam([w], 0.05)
    for _ in range(STEPS):
        p.grad = our_gradient(p.value)
        optimizer.step({p.name: p})
        w.grad = their_gradient(w.detach()) * torch.tensor(mask)
        peer.step()
        np.testing.assert_allclose(p.value, w.detach().numpy(), rtol=1e-9)
