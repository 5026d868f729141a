"""A step does what its layer and the functions after it do, and gives the reason for its kernel in words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matrices import bits
from packing import ALL

from minprune import Dense, LeakyReLU, ReLU, Tanh
from minprune.inference.kernels import KERNELS, LayerWeights
from minprune.inference.step import Step


def step(layer, functions=(), *, kernel="dense", times=()):
    weights = LayerWeights(layer.weight.value, layer.weight.mask, layer.inputs, np.arange(layer.inputs))
    return Step.of("dense1", layer, functions, KERNELS[kernel](weights), dict(times))


def dense(bias=None, dtype=np.float64):
    return Dense.from_arrays(np.eye(len(bias) if bias is not None else 3, dtype=dtype), bias)


MODERATE = st.floats(-(2.0**100), 2.0**100, width=32)


@given(hnp.arrays(np.float32, (3, 4), elements=MODERATE), hnp.arrays(np.float32, 4, elements=MODERATE))
def test_a_rectifier_by_two_arrays_is_the_rectifier_to_the_last_bit(z, bias):
    made = step(dense(bias, np.float32), [ReLU()])
    assert not made.functions
    assert bits(made(z, np.empty_like(z)) + 0.0) == bits(np.maximum(z + bias, 0) + 0.0)


def test_a_rectifier_without_bias_gives_no_negative_zero():
    for layer in (dense(), dense(np.zeros(3))):
        assert not np.signbit(step(layer, [ReLU()])(-np.ones((2, 3)), np.empty((2, 3)))).any()


@pytest.mark.parametrize("first", ALL, ids=repr)
@pytest.mark.parametrize("second", [ReLU(), Tanh()], ids=repr)
@pytest.mark.parametrize("bias", [None, [0.0, 0.0, 0.0], [0.5, -1.0, 0.0]])
def test_functions_follow_in_their_order(first, second, bias):
    layer = dense(None if bias is None else np.array(bias))
    x, out = np.random.default_rng(0).standard_normal((4, 3)), np.empty((4, 3))
    expected = second.forward(first.forward(layer.forward(x)))
    assert step(layer, [first, second])(x, out) is out
    assert np.allclose(out, expected, rtol=1e-14, atol=0)


def test_only_a_plain_rectifier_that_comes_first_is_taken_for_one():
    class Other(ReLU):
        def infer(self, y):
            y[...] = 7

    for functions in ([Other()], [LeakyReLU(), ReLU()], [Tanh()]):
        made = step(dense(), functions)
        assert made.floor is None
        assert made.functions == tuple(functions)
    assert (step(dense(), [Other()])(np.ones((1, 3)), np.empty((1, 3))) == 7).all()


@pytest.mark.parametrize(
    ("bias", "functions", "nbytes", "flops"),
    [
        (None, [], 72, 18),
        ([0.0, 0.0, 0.0], [], 72, 18),
        ([0.0, 1.0, 0.0], [], 72 + 24, 18 + 3),
        ([0.0, 1.0, 0.0], [ReLU()], 72 + 48, 18 + 3),
        (None, [ReLU()], 72 + 24, 18),
    ],
)
def test_bytes_and_operations_by_hand(bias, functions, nbytes, flops):
    made = step(dense(None if bias is None else np.array(bias)), functions)
    assert (made.nbytes, made.flops, made.kept, made.outputs) == (nbytes, flops, 9, 3)


@pytest.mark.parametrize(
    ("kernel", "times", "why"),
    [
        ("dense", {}, "asked for"),
        ("csr", {}, "asked for"),
        ("dense", {"dense": 2e-6}, "2.00 µs a call; nothing in it is pruned, so nothing else was tried"),
        ("csr", {"dense": 4e-6, "csr": 2e-6}, "2.00 µs a call; the next, dense, takes 2.0 times as long"),
        ("dense", {"dense": 1e-6, "csr": 3e-6}, "1.00 µs a call; the next, csr, takes 3.0 times as long"),
        ("dense", {"dense": 2e-6, "csr": 1.95e-6}, "2.00 µs a call; csr, with 1.95 µs, is not clearly faster"),
        ("dense", {"dense": 2e-6, "csr": 2.05e-6}, "2.00 µs a call; csr, with 2.05 µs, is not clearly faster"),
        (
            "csr",
            {"dense": 9e-6, "used inputs": 2.05e-6, "csr": 2e-6},
            "2.00 µs a call; used inputs, with 2.05 µs, is about as fast",
        ),
        (
            "csr",
            {"dense": 9e-6, "used inputs": 4e-6, "csr": 2e-6},
            "2.00 µs a call; the next, used inputs, takes 2.0 times as long",
        ),
    ],
)
def test_the_reason_for_a_kernel_in_words(kernel, times, why):
    assert step(dense(), kernel=kernel, times=times).why == why
