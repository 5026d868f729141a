"""Every kernel is x @ W, and says truly what it holds and does."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matrices import EACH_WAY, FLOATS, bits, eighths, go, slow_matmul
from packing import held_arrays

from minprune.inference.kernels import KERNELS, LayerWeights, candidates

EACH_KERNEL = pytest.mark.parametrize("kind", KERNELS.values(), ids=KERNELS)
BATCHES = (1, 2, 17)


@st.composite
def layers(draw):
    """Weights of eighths over some of the inputs, none and all included; under the mask zero, and zero now and then."""
    dtype, inputs, outputs = draw(FLOATS), draw(st.integers(1, 7)), draw(st.integers(1, 7))
    used = np.flatnonzero(draw(hnp.arrays(bool, inputs)))
    mask = draw(st.one_of(st.just(np.ones((used.size, outputs), bool)), hnp.arrays(bool, (used.size, outputs))))
    return LayerWeights(eighths(draw, mask.shape, dtype) * mask, mask, inputs, used)


def random_layer(inputs, outputs, *, used=None, kept=0.3, dtype=np.float32):
    rng = np.random.default_rng(0)
    rows = np.arange(inputs) if used is None else np.sort(rng.permutation(inputs)[:used])
    mask = rng.random((rows.size, outputs)) < kept
    return LayerWeights(np.where(mask, rng.standard_normal(mask.shape), 0).astype(dtype), mask, inputs, rows)


def spread_out(layer):
    """The weight over all inputs, a row of zeros for each that is not used."""
    whole = np.zeros((layer.inputs, layer.weight.shape[1]), layer.weight.dtype)
    for at, row in zip(layer.used, layer.weight, strict=True):
        whole[at] = row
    return whole


def run(kernel, x, outputs):
    """What the kernel writes; every zero as +0.0, for the sign of a zero is for BLAS to choose."""
    out = np.full((len(x), outputs), np.nan, x.dtype)
    kernel(x, out)
    return out + 0.0


# ── the product ─────────────────────────────────────────────────────────────────────────────────────────────────────


@EACH_KERNEL
@EACH_WAY
@given(layers(), st.permutations(BATCHES))
def test_a_kernel_is_bitwise_the_product_where_sums_are_exact(kind, by_row, layer, batches):
    kernel, w, rng = kind(layer), spread_out(layer), np.random.default_rng(0)
    with go(by_row):
        for batch in batches:
            x = rng.choice([0, 0, 0, -4, -0.125, 0.5, 1, 3.75], (batch, layer.inputs)).astype(w.dtype)
            assert bits(run(kernel, x, w.shape[1])) == bits(slow_matmul(x, w))


@EACH_KERNEL
@EACH_WAY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (200, 150)])
def test_a_kernel_is_the_product_to_rounding(kind, by_row, dtype, batch, shape):
    layer = random_layer(*shape, used=max(1, shape[0] // 2), dtype=dtype)
    x, w = np.random.default_rng(1).standard_normal((batch, shape[0])).astype(dtype), spread_out(layer)
    exact = x.astype(np.longdouble) @ w.astype(np.longdouble)
    # |fl(Σ) − Σ| ≤ n·u·Σ|x||w| for a sum of n products in any order, u half an epsilon (and n + 1 for the product).
    bound = (shape[0] + 1) * np.finfo(dtype).eps / 2 * (np.abs(x).astype(np.float64) @ np.abs(w))
    with go(by_row):
        assert (np.abs(run(kind(layer), x, shape[1]) - exact) <= bound).all()


@EACH_KERNEL
@pytest.mark.parametrize("batch", BATCHES)
def test_a_layer_of_which_nothing_is_left_gives_zeros(kind, batch):
    x = np.random.default_rng(0).standard_normal((batch, 3))
    for used in (0, 2, 3):
        nothing = LayerWeights(np.zeros((used, 4)), np.zeros((used, 4), bool), 3, np.arange(used))
        assert bits(run(kind(nothing), x, 4)) == bits(np.zeros((batch, 4)))


@EACH_KERNEL
def test_x_and_the_given_weights_are_not_written_to_nor_looked_at_again(kind):
    layer = random_layer(20, 9, used=12)
    given_bits = [bits(array) for array in (layer.weight, layer.mask, layer.used)]
    kernel = kind(layer)
    for batch in BATCHES:
        x = np.random.default_rng(batch).standard_normal((batch, 20)).astype(np.float32)
        before = bits(x)
        x.flags.writeable = False
        expected = bits(run(kernel, x, 9))
        assert bits(x) == before
        assert [bits(array) for array in (layer.weight, layer.mask, layer.used)] == given_bits
        for array in (layer.weight, layer.mask, layer.used):
            array[...] = 0
        assert bits(run(kernel, x, 9)) == expected
        for array, (dtype, shape, stored) in zip((layer.weight, layer.mask, layer.used), given_bits, strict=True):
            array[...] = np.frombuffer(stored, dtype).reshape(shape)


@EACH_KERNEL
def test_an_earlier_result_stays_when_other_batches_come_between(kind):
    kernel, rng = kind(random_layer(30, 8, used=20)), np.random.default_rng(2)
    first_x = rng.standard_normal((2, 30)).astype(np.float32)
    first = np.empty((2, 8), np.float32)
    kernel(first_x, first)
    before = bits(first)
    for batch in (2, 17, 1, 17, 2):
        run(kernel, rng.standard_normal((batch, 30)).astype(np.float32), 8)
        assert bits(first) == before
        assert bits(run(kernel, first_x, 8)) == bits(first + 0.0)


# ── what it says of itself ──────────────────────────────────────────────────────────────────────────────────────────


@EACH_KERNEL
@given(layers())
def test_bytes_are_those_of_all_arrays_held(kind, layer):
    kernel = kind(layer)
    for batch in BATCHES:
        run(kernel, np.ones((batch, layer.inputs), layer.weight.dtype), layer.weight.shape[1])
    assert kernel.nbytes == sum(array.nbytes for array in held_arrays(kernel))


class Factor:
    """A number that counts how often it is multiplied."""

    done = 0

    def __mul__(self, other):
        Factor.done += 1
        return float(other)


@pytest.mark.parametrize("name", ["dense", "used inputs"])
@pytest.mark.parametrize("used", [0, 3, 6])
def test_multiply_adds_are_those_that_blas_does(name, used):
    mask = np.ones((used, 5), bool)
    layer = LayerWeights(np.full((used, 5), 2.0, object), mask, 6, np.arange(used))
    kernel = KERNELS[name](layer)
    for batch in BATCHES:
        x = np.array([[Factor() for _ in range(6)] for _ in range(batch)], object)
        Factor.done = 0
        kernel(x, np.empty((batch, 5), object))
        assert Factor.done == kernel.multiply_adds * batch


@EACH_WAY
@given(layers())
def test_multiply_adds_of_csr_are_those_it_does(by_row, layer):
    kernel, done = KERNELS["csr"](layer), []
    multiply, dot = np.multiply, np.dot

    def counted(call, size):
        return lambda *args, **kwargs: (done.append(size(*args)), call(*args, **kwargs))[1]

    with (
        go(by_row),
        mock.patch("numpy.multiply", counted(multiply, lambda a, b: np.broadcast(a, b).size)),
        mock.patch("numpy.dot", counted(dot, lambda a, b: b.size)),
    ):
        for batch in BATCHES:
            done.clear()
            run(kernel, np.ones((batch, layer.inputs), layer.weight.dtype), layer.weight.shape[1])
            assert sum(done) == kernel.multiply_adds * batch == np.count_nonzero(layer.mask) * batch


# ── which are worth a try ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("inputs", "used", "dropped", "names"),
    [
        (4, [0, 1, 2, 3], 0, ["dense"]),
        (4, [0, 1, 2, 3], 1, ["dense", "csr"]),
        (4, [0, 3], 0, ["dense", "used inputs"]),
        (4, [0, 3], 1, ["dense", "used inputs", "csr"]),
        (1, [0], 0, ["dense"]),
    ],
)
def test_candidates_are_dense_first_and_only_what_suits(inputs, used, dropped, names):
    mask = np.ones((len(used), 3), bool)
    mask.flat[:dropped] = False
    offered = candidates(LayerWeights(mask.astype(np.float32), mask, inputs, np.array(used)))
    assert [kernel.name for kernel in offered] == names
    assert [type(kernel) for kernel in offered] == [KERNELS[name] for name in names]


def test_a_kept_zero_is_a_connection_that_csr_stores():
    mask = np.array([[True, False], [True, True]])
    layer = LayerWeights(np.array([[0.0, 0.0], [1.0, 2.0]]), mask, 2, np.arange(2))
    assert KERNELS["csr"](layer).multiply_adds == 3
