"""Optimizers: their rules by hand, one number at a time, and what masks demand of all of them."""

import math

import numpy as np
import pytest
from differences import OPTIMIZERS, PENALTIES, hostile, networks, positive_zeros
from hypothesis import given
from hypothesis import strategies as st

from minprune import SGD, Adam, AdamW, InvalidTypeError, InvalidValueError, Network, Parameter
from minprune.nn import optimizers


def by_hand(optimizer, w, gradients):
    """The path of one number under the rule of `optimizer`."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        rate = optimizer.rate(0.0)
        if isinstance(optimizer, SGD):
            m = optimizer.momentum * m + g
            w -= rate * (g + optimizer.momentum * m if optimizer.nesterov else m)
            continue
        b1, b2 = optimizer.betas
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        if isinstance(optimizer, AdamW):
            w -= rate * optimizer.weight_decay * w
        w -= rate * (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t)) + optimizer.eps)
    return w


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(seed=st.integers(0, 2**16), steps=st.integers(1, 6))
def test_each_number_follows_the_rule_as_written(name, seed, steps):
    rng = np.random.default_rng(seed)
    p, optimizer = Parameter(rng.standard_normal((2, 3)), "w"), OPTIMIZERS[name]()
    before, gradients = p.value.copy(), rng.standard_normal((steps, 2, 3))
    for g in gradients:
        p.grad = g
        optimizer.step({"w": p})
    for at in np.ndindex(p.shape):
        expected = by_hand(OPTIMIZERS[name](), before[at], [g[at] for g in gradients])
        assert p.value[at] == pytest.approx(expected, rel=1e-11, abs=1e-13)


def assert_obeyed(network, optimizer):
    for p in network.parameters.values():
        for array in (p.value, p.grad, *optimizer.state(p).arrays.values()):
            assert positive_zeros(array, p.mask)
        assert np.isfinite(p.value).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(net=networks(dtype=np.float32), seed=st.integers(0, 99), meddle=st.booleans())
def test_stays_zero(name, net, seed, meddle):
    """A pruned weight is +0.0 after every step: every optimizer, every penalty, whatever is written in between."""
    for penalty in PENALTIES.values():
        rng, twin, optimizer, extra = np.random.default_rng(seed), net.copy(), OPTIMIZERS[name](), penalty()
        for t in range(3):
            for p in twin.parameters.values():
                p.grad[...] = rng.standard_normal(p.shape)
            if meddle:
                hostile(twin, rng)
            with np.errstate(over="ignore", invalid="ignore"):
                if extra:
                    extra.add_gradient(twin.parameters)
                optimizer.step(twin.parameters, t / 3)
                if extra:
                    extra.shrink(twin.parameters, optimizer.rate(t / 3))
            assert_obeyed(twin, optimizer)


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(net=networks(masked=False), seed=st.integers(0, 99))
def test_state_clean(name, net, seed):
    """Optimizer state of pruned weights is zero, during and after, also when the mask is set, or widened, midway."""
    rng, optimizer = np.random.default_rng(seed), OPTIMIZERS[name]()
    for t in range(6):
        for p in net.parameters.values():
            p.grad[...] = rng.standard_normal(p.shape)
        optimizer.step(net.parameters, t / 6)
        assert_obeyed(net, optimizer)
        if t in (1, 3):
            for p in net.parameters.values():
                p.mask = rng.random(p.shape) < rng.choice([0.0, 0.04, 0.5, 1.0])
            assert_obeyed(net, optimizer)


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(net=networks(dtype=np.float32), seed=st.integers(0, 99), piece=st.integers(1, 40), meddle=st.booleans())
def test_gathered_in_pieces_or_whole_the_bits_are_the_same(name, net, seed, piece, meddle):
    results = []
    for few, size in ((0.0, 10**9), (1.0, 10**9), (0.0, piece)):
        rng, twin, optimizer = np.random.default_rng(seed), net.copy(), OPTIMIZERS[name]()
        optimizer.few = few
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(optimizers, "_PIECE", size)
            for t in range(4):
                for p in twin.parameters.values():
                    p.grad[...] = rng.standard_normal(p.shape)
                if meddle:
                    hostile(twin, rng)
                optimizer.step(twin.parameters, t / 4)
        arrays = [(p.value, p.grad, *optimizer.state(p).arrays.values()) for p in twin.parameters.values()]
        results.append([array.tobytes() for some in arrays for array in some])
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(net=networks(masked=False, dtype=np.float32), seed=st.integers(0, 99))
def test_a_full_mask_steps_as_no_mask_bit_for_bit(name, net, seed):
    values = []
    for masked in (False, True):
        rng, twin, optimizer = np.random.default_rng(seed), net.copy(), OPTIMIZERS[name]()
        for p in twin.parameters.values() if masked else ():
            p.mask = np.ones(p.shape, bool)
        for t in range(3):
            for p in twin.parameters.values():
                p.grad[...] = rng.standard_normal(p.shape)
            optimizer.step(twin.parameters, t / 3)
        values.append([p.value.tobytes() for p in twin.parameters.values()])
    assert values[0] == values[1]


def test_state_belongs_to_a_parameter_and_an_optimizer():
    net = Network.mlp([2, 3, 1], rng=0)
    one, other = SGD(0.1, momentum=0.9), Adam()
    one.step(net.parameters)
    one.step(net.parameters)
    other.step(net.parameters)
    p = net.parameters["dense1.weight"]
    assert (one.state(p).steps, other.state(p).steps) == (2, 1)
    assert repr(other.state(p)) == "State(mean, square after 1 steps)"
    assert not net.copy().parameters["dense1.weight"].states
    del other
    assert len(p.states) == 1


def test_an_empty_mask_and_a_rate_of_zero_are_steps_too():
    p = Parameter(np.ones((2, 2)), "w")
    p.mask = np.zeros((2, 2), bool)
    for name in OPTIMIZERS:
        OPTIMIZERS[name]().step({"w": p})
    assert positive_zeros(p.value, p.mask)
    q = Parameter(np.ones(2), "q")
    q.grad[...] = 1
    SGD(lambda p: 0.0).step({"q": q})
    np.testing.assert_array_equal(q.value, 1)


def test_repr_names_the_numbers():
    assert repr(SGD(0.1, momentum=0.9, nesterov=True)) == "SGD(0.1, momentum=0.9, nesterov=True)"
    assert repr(Adam()) == "Adam(0.001)"
    assert repr(AdamW(0.1)) == "AdamW(0.1, weight_decay=0.01)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: SGD(0.1, momentum=1.0), InvalidValueError, "momentum must be in [0, 1), got 1 in SGD()"),
        (
            lambda: SGD(0.1, nesterov=True),
            InvalidValueError,
            "nesterov needs a momentum greater than 0, got momentum=0 in SGD()",
        ),
        (
            lambda: SGD(0.1, momentum=0.9, nesterov=1),
            InvalidTypeError,
            "nesterov must be True or False, got 1 in SGD()",
        ),
        (lambda: Adam(betas=0.9), InvalidTypeError, "betas must be a pair of numbers, got 0.9 in Adam()"),
        (lambda: Adam(betas=(0.9, 1.0)), InvalidValueError, "betas must be in [0, 1), got 1 in Adam()"),
        (lambda: Adam(eps=0), InvalidValueError, "eps must be greater than 0 and finite, got 0 in Adam()"),
        (lambda: AdamW(eps="a"), InvalidTypeError, "eps must be a number, got str 'a' in AdamW()"),
        (
            lambda: AdamW(weight_decay=-1),
            InvalidValueError,
            "weight_decay must be at least 0 and finite, got -1 in AdamW()",
        ),
        (
            lambda: SGD(0.1).step(Network.mlp([1, 1])),
            InvalidTypeError,
            ("parameters must be a mapping of names to parameters, got Network in step(): pass network.parameters"),
        ),
    ],
)
def test_what_no_optimizer_can_be_is_refused(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


def test_a_step_at_a_refused_rate_changes_nothing():
    p = Parameter(np.ones(3), "w")
    p.grad[...] = 1
    optimizer = SGD(lambda progress: math.nan, momentum=0.5)
    with pytest.raises(InvalidValueError, match="lr must be at least 0"):
        optimizer.step({"w": p})
    np.testing.assert_array_equal(p.value, 1)
    assert optimizer.state(p).steps == 0
