"""A step does what its layer and the functions after it do, in rows and in features."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matrices import bits
from packing import ALL, held_arrays

from minprune import Dense, LeakyReLU, ReLU, Tanh
from minprune.inference import step as module
from minprune.inference.kernels import KERNELS, LayerWeights
from minprune.inference.layouts import FEATURES, blank
from minprune.inference.step import Step

EACH_KERNEL = pytest.mark.parametrize("kernel", KERNELS)
BATCHES = (1, 2, 17)


def step(layer, functions=(), *, kernel="dense", batch=8):
    bias = None if layer.bias is None or not layer.bias.value.any() else layer.bias.value
    weights = LayerWeights(layer.weight.effective(), layer.weight.mask, bias)
    return Step.of("dense1", weights, functions, KERNELS[kernel].at(batch))


def dense(bias=None, dtype=np.float64):
    return Dense.from_arrays(np.eye(len(bias) if bias is not None else 3, dtype=dtype), bias)


def run(made, x):
    """What the step makes of rows, as rows again."""
    call = made.bind(len(x))
    if made.kernel.layout != FEATURES:
        return call(x)
    standing = blank(x.shape[1], len(x), x.dtype)
    standing[:-1] = x.T
    result = call(standing)
    assert (result[-1] == 1).all()  # for the next step
    return np.ascontiguousarray(result[:-1].T)


@EACH_KERNEL
@pytest.mark.parametrize("first", [None, *ALL], ids=repr)
@pytest.mark.parametrize("bias", [None, [0.0, 0.0, 0.0], [0.5, -1.0, 0.0]], ids=["no bias", "zero bias", "bias"])
def test_functions_follow_in_their_order(kernel, first, bias):
    layer = Dense.from_arrays(np.array([[1.0, 2, 0], [0, 0.5, 0], [0, 0, 0], [-1, 0, 0]]), bias)
    layer.weight.mask = layer.weight.value != 0
    for functions in ([], [first], [first, Tanh()], [ReLU(), first]) if first else ([],):
        made = step(layer, functions, kernel=kernel)
        for batch in BATCHES:
            x = np.random.default_rng(batch).integers(-8, 9, (batch, 4)) / 4
            before = bits(x)
            expected = layer.forward(x)
            for function in functions:
                expected = function.forward(expected)
            assert np.allclose(run(made, x), expected, rtol=1e-14, atol=0)
            assert bits(x) == before


@EACH_KERNEL
def test_a_bound_step_gives_the_same_again_and_two_do_not_disturb_each_other(kernel):
    made = step(dense(np.array([1.0, -2.0, 0.5])), [ReLU(), Tanh()], kernel=kernel)
    for batch in BATCHES:
        call, other = made.bind(batch), made.bind(batch)
        x, y = (np.random.default_rng(seed).standard_normal((4, batch)) for seed in range(2))
        x[3] = y[3] = 1
        if made.kernel.layout != FEATURES:
            x, y = (np.ascontiguousarray(z[:3].T) for z in (x, y))
        first = call(x)
        before = bits(first)
        other(y)
        assert bits(first) == before
        assert bits(call(y)) != before
        assert bits(call(x)) == before


@EACH_KERNEL
@pytest.mark.parametrize("batch", [1, 64])
def test_a_bound_step_allocates_nothing(kernel, batch):
    layer = Dense(40, 2000, rng=0)
    layer.bias.value = np.ones(2000)
    layer.weight.mask = np.repeat(np.random.default_rng(0).random((40, 250)) < 0.3, 8, axis=1)
    made = step(layer, [ReLU()], kernel=kernel, batch=batch)
    call = made.bind(batch)
    x = np.ones((batch, 40) if made.kernel.layout != FEATURES else (41, batch), np.float32)
    call(x)
    tracemalloc.start()
    call(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (4_000 if batch == 1 else 80_000)  # views, and what NumPy broadcasts with; of 8 kB or 512 kB


# ── the rectifier ───────────────────────────────────────────────────────────────────────────────────────────────────

MODERATE = st.floats(-(2.0**100), 2.0**100, width=32)


@given(hnp.arrays(np.float32, (3, 4), elements=MODERATE), hnp.arrays(np.float32, 4, elements=MODERATE))
def test_a_rectifier_by_two_arrays_is_the_rectifier_to_the_last_bit(z, bias):
    made = step(dense(bias, np.float32), [ReLU()])
    assert not made.functions
    assert made.rectified
    assert bits(run(made, z) + 0.0) == bits(np.maximum(z + bias, 0) + 0.0)


@EACH_KERNEL
def test_a_rectifier_without_bias_gives_no_negative_zero(kernel):
    for layer in (dense(), dense(np.zeros(3))):
        assert not np.signbit(run(step(layer, [ReLU()], kernel=kernel), -np.ones((2, 3)))).any()


@EACH_KERNEL
@pytest.mark.parametrize("small", [0, 10**9], ids=["by a number", "by zeros"])
def test_rectified_by_a_number_or_by_as_many_zeros(kernel, small, monkeypatch):
    monkeypatch.setattr(module, "_SMALL", small)
    x = np.array([[-1.0, 2, -3], [4, -5, 6]])
    assert run(step(dense(np.array([0.0, 0, 2])), [ReLU()], kernel=kernel), x).tolist() == [[0, 2, 0], [4, 0, 8]]


@pytest.mark.parametrize(("outputs", "shape"), [(4096, (4096, 1)), (4097, ())])
def test_up_to_4096_numbers_are_compared_with_as_many_zeros(outputs, shape, monkeypatch):
    call, zeros = step(Dense(1, outputs, rng=0), [ReLU()], batch=1).bind(1), []
    call(np.ones((2, 1), np.float32))
    monkeypatch.setattr(np, "maximum", lambda z, zero, *, out: zeros.append(zero))
    step(Dense(1, outputs, rng=0), [ReLU()], batch=1).bind(1)(np.ones((2, 1), np.float32))
    assert [bits(zero) for zero in zeros] == [bits(np.zeros(shape, np.float32))]


@EACH_KERNEL
def test_only_a_plain_rectifier_that_comes_first_is_taken_for_one(kernel):
    class Other(ReLU):
        def infer(self, y):
            y[...] = 7

    for functions in ([Other()], [LeakyReLU(), ReLU()], [Tanh()]):
        made = step(dense(), functions, kernel=kernel)
        assert not made.rectified
        assert made.floor is None
        assert made.functions == tuple(functions)
    assert (run(step(dense(), [Other()], kernel=kernel), np.ones((2, 3))) == 7).all()


# ── what it says of itself ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("bias", "functions", "rows", "features"),
    [
        (None, [], (72, 18), (96, 24)),
        ([0.0, 0.0, 0.0], [], (72, 18), (96, 24)),
        ([0.0, 1.0, 0.0], [], (72 + 24, 18 + 3), (96, 24)),
        ([0.0, 1.0, 0.0], [ReLU()], (72 + 48, 18 + 3), (96, 24)),
        (None, [ReLU()], (72 + 24, 18), (96, 24)),
    ],
)
def test_bytes_and_operations_by_hand(bias, functions, rows, features):
    for batch, (nbytes, flops) in ((8, rows), (1, features)):  # for one sample the bias is in the matrix
        made = step(dense(None if bias is None else np.array(bias)), functions, batch=batch)
        assert (made.nbytes, made.flops) == (nbytes, flops)
        assert (made.kept, made.inputs, made.outputs) == (9, 3, 3)


def test_what_it_is_made_of():
    layer, tanh = (
        Dense.from_arrays(np.arange(6, dtype=np.float32).reshape(2, 3), np.array([0.5, -1, 0], np.float32)),
        Tanh(),
    )
    weights = LayerWeights(layer.weight.value, layer.weight.value > 0, layer.bias.value)
    kernel, times = KERNELS["packed"], {"dense": 2.0, "packed": 1.0}
    made = Step.of("dense7", weights, [ReLU(), tanh], kernel, times)
    assert (made.name, made.inputs, made.outputs, made.kept) == ("dense7", 2, 3, 5)
    assert made.kernel is kernel
    assert bits(made.matrix.to_dense()) == bits(layer.weight.value)
    assert made.matrix.nnz == 5
    assert (made.rectified, made.functions, made.times) == (True, (tanh,), times)
    assert made.times is not times
    assert bits(made.bias) == bits(np.array([[0.5, -1, 0]], np.float32))
    assert bits(made.floor) == bits(np.array([[-0.5, 1, 0]], np.float32))
    assert not np.shares_memory(made.bias, layer.bias.value)
    plain = Step.of("dense1", LayerWeights(weights.weight, weights.mask, None), [ReLU()], kernel)
    assert (plain.bias, plain.functions, plain.times) == (None, (), {})
    assert bits(plain.floor) == bits(np.zeros((1, 3), np.float32))
    for made in (Step.of("dense1", weights, [tanh], kernel), Step.of("dense1", weights, [], kernel.at(1))):
        assert made.floor is None
        assert made.rectified is False


def test_bytes_and_operations_of_a_packed_step_by_hand():
    layer = Dense.from_arrays(np.ones((4, 3)), np.array([1.0, 2.0, 3.0]))
    layer.weight.mask = np.array([[1, 1, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0]], bool)
    rows = step(layer, kernel="packed")
    assert (rows.nbytes, rows.flops) == (4 * 8 + 4 * 8 + 3 * 8, 2 * 4 + 3)
    csr = step(layer, kernel="csr")  # four weights, three biases, four row bounds
    assert (csr.nbytes, csr.flops) == (7 * (8 + 8) + 4 * 8, 2 * 7)


def held_by(made, batch):
    """The shapes of the floats that a bound step holds besides the step's own."""
    own = {id(array) for array in held_arrays(made)}
    found = [array for array in held_arrays(made.bind(batch)) if id(array) not in own and array.dtype.kind == "f"]
    assert all(array.dtype == made.matrix.dtype for array in found)
    return sorted(array.shape for array in found)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_a_step_in_rows_holds(dtype):
    layer = Dense.from_arrays(np.ones((6, 5), dtype))
    assert held_by(step(layer), 3) == [(3, 5)]
    layer.weight.mask = np.arange(6)[:, None] > np.array([1] * 5)
    assert held_by(step(layer, kernel="packed"), 3) == [(3, 4), (3, 5)]  # what is gathered, and the result
    layer.weight.mask = np.arange(6)[:, None] > np.array([1, 2, 3, 4, 5])
    assert held_by(step(layer, kernel="packed"), 3) == [(3, 4), (3, 4), (3, 5)]  # and the outputs that are there


def test_a_wide_packed_step_gathers_without_a_buffer_in_between():
    layer = Dense(20_000, 4, rng=0)
    layer.weight.mask = np.repeat(np.arange(20_000)[:, None] % 2 == 0, 4, axis=1)
    call, x = step(layer, kernel="packed").bind(2), np.ones((2, 20_000), np.float32)
    call(x)
    tracemalloc.start()
    call(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000  # of 80 kB
