"""Layouts: there and back is the plain transpose, the line of ones stands, and nothing is allocated."""

import tracemalloc

import numpy as np
import pytest
from matrices import bits, layouts

from minprune.inference import layouts as module
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


F4, F8 = np.dtype(np.float32), np.dtype(np.float64)


@pytest.mark.parametrize(
    ("lines", "length", "dtype", "longer"),
    [
        (8, 256, F4, True), (7, 256, F4, False), (8, 255, F4, False), (8, 512, F4, True), (8, 128, F4, False),
        (8, 128, F8, True), (8, 192, F8, False), (8, 1, F4, False), (10_000, 256, F4, True),
    ],
)  # fmt: skip
def test_longer_lines_are_made_where_lines_are_in_each_others_way(lines, length, dtype, longer):
    made = module._longer(lines, length, dtype)
    if not longer:
        assert made is None
        return
    assert (made.shape, made.dtype) == ((lines, length), dtype)
    assert made.strides == ((length + module._PAD) * dtype.itemsize, dtype.itemsize)


def test_it_is_the_lines_that_are_read_along_which_are_made_longer(monkeypatch):
    asked, longer = [], module._longer
    monkeypatch.setattr(module, "_longer", lambda *lines: (asked.append(lines), longer(*lines))[1])
    to_features(3, 5, F8)
    to_rows(3, 5, F4)
    assert asked == [(5, 3, F8), (3, 5, F4)]
    detour = np.zeros((5, 3))
    monkeypatch.setattr(module, "_longer", lambda *lines: detour.T if lines[0] == 3 else detour)
    x = np.arange(15.0).reshape(5, 3)
    to_features(3, 5, F8)(x)
    assert bits(detour) == bits(x)
    detour[...] = 0
    to_rows(3, 5, F8)(np.ascontiguousarray(x.T))
    assert bits(detour) == bits(x)
