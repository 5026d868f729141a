"""Matrices, their bits and layouts, and the product in three loops, for the tests of packing."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minprune.inference import product as module

FLOATS = st.sampled_from([np.float32, np.float64])
SIZES = st.integers(0, 7)


def slow_matmul(w, x):
    """Three nested loops over Python floats: y[r, b] = Σ_c w[r, c] · x[c, b]."""
    y = np.zeros((w.shape[0], x.shape[1]), w.dtype)
    for r in range(w.shape[0]):
        for b in range(x.shape[1]):
            total = 0.0
            for c in range(w.shape[1]):
                total += float(w[r, c]) * float(x[c, b])
            y[r, b] = total
    return y


def bits(array):
    return array.dtype, array.shape, array.tobytes()


def layouts(array):
    """The same values C-ordered, Fortran-ordered, strided both ways, backwards and read-only."""
    strided = np.full([2 * n for n in array.shape], 99, array.dtype)
    strided[tuple(slice(None, None, 2) for _ in array.shape)] = array
    frozen = array.copy()
    frozen.flags.writeable = False
    backwards = np.flip(np.flip(array).copy())
    return {
        "C": array.copy(),
        "Fortran": np.asfortranarray(array),
        "strided": strided[tuple(slice(None, None, 2) for _ in array.shape)],
        "backwards": backwards,
        "read-only": frozen,
    }


def eighths(draw, shape, dtype):
    """Multiples of 1/8 in [-4, 4], about half of them zero: sums of a few products are exact in float32."""
    elements = st.one_of(st.just(0), st.integers(-32, 32))
    return draw(hnp.arrays(np.int8, shape, elements=elements)).astype(dtype) / dtype(8)


@st.composite
def products(draw):
    """A matrix and a batch for it, with empty rows and columns, and sizes of 0."""
    dtype, rows, columns, batch = draw(FLOATS), draw(SIZES), draw(SIZES), draw(SIZES)
    w = eighths(draw, (rows, columns), dtype)
    w[draw(hnp.arrays(bool, rows))] = 0
    w[:, draw(hnp.arrays(bool, columns))] = 0
    return w, eighths(draw, (columns, batch), dtype)


@st.composite
def any_bits(draw):
    """A matrix of arbitrary bits: −0.0, subnormal, infinite, NaN with any payload; half of them +0.0."""
    shape, bits = (draw(SIZES), draw(SIZES)), draw(st.sampled_from([np.uint32, np.uint64]))
    special = [0, 1 << (np.iinfo(bits).bits - 1), np.iinfo(bits).max]
    elements = st.one_of(st.just(0), st.sampled_from(special), st.integers(0, np.iinfo(bits).max))
    return draw(hnp.arrays(bits, shape, elements=elements)).view(f"f{np.dtype(bits).itemsize}")


def random_matrix(shape, sparsity, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    w = rng.standard_normal(shape).astype(dtype)
    w[rng.random(shape) < sparsity] = 0
    return w


EACH_WAY = pytest.mark.parametrize("by_row", [False, True], ids=["by sample", "by row"])
EACH_BLOCK = pytest.mark.parametrize("block", [1, 3, 65536])


def go(by_row, block=65536):
    """Force one of the two ways, or small blocks, whatever the size of the batch."""
    return mock.patch.multiple(module, _STEP=-1 if by_row else 10**9, _BLOCK=block)
