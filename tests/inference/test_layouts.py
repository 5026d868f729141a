"""Layouts: there and back is the plain transpose, the line of ones stands, and nothing is allocated."""

import tracemalloc

import numpy as np
import pytest
from matrices import bits, layouts

from minprune.inference.layouts import blank, to_features, to_rows

# Lines that lie a power of two apart take a detour; those next to it, and few or short ones, go straight.
SIDES = (1, 2, 8, 9, 17, 128, 256, 257)
EACH_SIZE = pytest.mark.parametrize(("width", "batch"), [(w, b) for w in SIDES for b in SIDES])


@EACH_SIZE
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_there_is_the_plain_transpose_above_a_line_of_ones(width, batch, dtype):
    change, rng = to_features(width, batch, np.dtype(dtype)), np.random.default_rng(0)
    for _ in range(2):
        x = rng.standard_normal((batch, width)).astype(dtype)
        for name, same in layouts(x).items():
            before = bits(same)
            result = change(same)
            assert result.shape == (width + 1, batch), name
            assert result.flags.c_contiguous
            assert bits(result[:width]) == bits(np.ascontiguousarray(x.T)), name
            assert (result[width] == 1).all()
            assert bits(same) == before


@EACH_SIZE
def test_back_is_the_plain_transpose_without_the_ones(width, batch):
    change, rng = to_rows(width, batch, np.dtype(np.float32)), np.random.default_rng(0)
    for _ in range(2):
        standing = rng.standard_normal((width + 1, batch)).astype(np.float32)
        before = bits(standing)
        result = change(standing)
        assert result.flags.c_contiguous
        assert bits(result) == bits(np.ascontiguousarray(standing[:width].T))
        assert bits(standing) == before


def test_blank_is_zero_above_a_line_of_ones():
    assert blank(2, 3, np.dtype(np.float64)).tolist() == [[0, 0, 0], [0, 0, 0], [1, 1, 1]]
    assert blank(0, 2, np.dtype(np.float32)).tolist() == [[1, 1]]


@pytest.mark.parametrize(("width", "batch"), [(200, 300), (256, 256), (2, 30_000), (30_000, 1)])
def test_a_call_allocates_nothing_and_another_one_has_its_own_buffers(width, batch):
    for make, shape in ((to_features, (batch, width)), (to_rows, (width + 1, batch))):
        one, other = (make(width, batch, np.dtype(np.float32)) for _ in range(2))
        x = np.ones(shape, np.float32)
        assert one(x) is one(x)
        assert not np.shares_memory(one(x), other(x))
        assert not np.shares_memory(one(x), x)
        tracemalloc.start()
        one(x)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2_000
