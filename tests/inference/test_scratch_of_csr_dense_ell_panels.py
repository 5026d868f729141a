"""What a bound product holds besides the matrix: the scratch that it needs and no more, made once."""

import tracemalloc
from unittest import mock

import numpy as np
import pytest
from matrices import EACH_WAY, going, in_panels, random_matrix
from packing import held_arrays

from minprune.inference import csr
from minprune.inference.csr import CSR
from minprune.inference.dense import DenseMatrix, PackedDense
from minprune.inference.ell import ELL
from minprune.inference.panels import Panels

# Rows of 3, 0, 2, 2, 1, 1 entries; all but the first column are looked at. Two panels of two rows, and two of one.
MASK = np.array([
    [0, 1, 0, 1, 1],
    [0, 0, 0, 0, 0],
    [0, 0, 1, 0, 1],
    [0, 0, 1, 0, 1],
    [0, 1, 0, 0, 0],
    [0, 1, 0, 0, 0],
], bool)  # fmt: skip
ORDERED = MASK[[0, 2, 3, 4, 5]]  # no row is empty


def scratch(packed, batch):
    """The numbers in arrays that a bound product holds, besides those of the matrix and of `out`; sorted."""
    out = np.empty((packed.shape[0], batch), packed.dtype)
    call = packed.into(out)
    mine = {id(array) for array in held_arrays(packed)} | {id(out)}
    found = [array for array in held_arrays(call) if id(array) not in mine]
    floats = [array for array in found if array.dtype.kind == "f"]
    assert all(array.dtype == packed.dtype for array in floats)
    return sorted(array.size for array in floats)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("kind", "mask", "batch", "sizes"),
    [
        (DenseMatrix, MASK, 7, []),
        (PackedDense, MASK, 7, [4 * 7, 5 * 7]),  # what is gathered, and the rows that are there
        (PackedDense, MASK[:, 1:], 7, [0, 5 * 7]),
        (PackedDense, ORDERED, 7, [4 * 7]),
        (PackedDense, ORDERED[:, 1:], 7, [0]),
        (CSR, MASK, 1, [5, 9]),  # the sums of filled rows, and all products
        (CSR, ORDERED, 1, [9]),
        (CSR, np.zeros((2, 3), bool), 1, [0]),
        (ELL, MASK, 1, [5 + 1, 3 * 5]),
        (ELL, MASK, 7, [5 * 7, 5 * 7 + 7]),
        (ELL, ORDERED, 1, [3 * 5]),
        (ELL, ORDERED, 7, [5 * 7]),
    ],
)
def test_scratch_is_as_large_as_what_passes_through(kind, mask, batch, sizes, dtype):
    assert scratch(kind.from_dense(np.ones(mask.shape, dtype), mask), batch) == sizes


@pytest.mark.parametrize(
    ("way", "mask", "batch", "sizes"),
    [
        ("csr by row", MASK, 7, [3 * 7]),  # the longest row
        ("csr by row", np.zeros((2, 3), bool), 7, [0]),
        ("csr by row", np.zeros((0, 3), bool), 7, []),
        ("csr by sample", MASK, 7, [5, 5, 6, 9]),  # sums, a sample, its result, products
        ("csr by sample", ORDERED, 7, [5, 5, 9]),
        ("csr in blocks of 3", ORDERED, 1, [3]),
        ("panels apart", MASK, 7, [1 * 7, 2 * 7, 3 * 7]),
        ("panels all in a group", MASK, 7, [6 * 7 + 7, 3 * 3 * 7]),
        ("panels never filled up", MASK, 7, [1 * 7, 2 * 7, 3 * 7, 5 * 7 + 7]),
        ("ell in many slices", MASK, 1, [1, 1, 2, 2, 3, 6]),
        ("ell in many slices", MASK, 7, [1 * 7] * 5 + [6 * 7]),
    ],
)
def test_scratch_of_each_way(way, mask, batch, sizes):
    with going(way) as kind:
        assert scratch(kind.from_dense(np.ones(mask.shape, np.float32), mask), batch) == sizes


def test_panels_that_fit_the_cache_are_gathered_together_and_no_more():
    mask = np.kron(np.eye(8), np.ones((4, 8))).astype(bool)  # eight panels of 4 × 8
    packed = Panels.from_dense(np.ones(mask.shape), mask)
    for room, many in ((8 * 3 * 8 * 5, 5), (8 * 3 * 8 * 5 - 1, 4), (1, 1), (10**6, 8)):
        with mock.patch("minprune.inference.panels._CACHE", room):
            assert scratch(packed, 3) == [many * 8 * 3]


@EACH_WAY
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("panels", [True, False])
def test_long_rows_are_gathered_without_a_buffer_in_between(way, batch, panels):
    w = in_panels((4, 40_000), 2, 0.6) if panels else random_matrix((4, 40_000), 0.6)
    with going(way) as kind:
        if "blocks" in way:
            return  # of a few entries
        call, x = kind.from_dense(w).into(np.empty((4, batch), np.float32)), np.ones((40_000, batch), np.float32)
        call(x)
        tracemalloc.start()
        call(x)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 4_000, peak  # of the 64 kB or so that a row looks at


@pytest.mark.parametrize(("batch", "way"), [(1, "_one_sample"), (2, "_by_sample"), (3, "_by_row"), (9, "_by_row")])
def test_a_csr_goes_by_row_from_the_batch_on_at_which_that_takes_less_time(batch, way):
    packed, ways = CSR.from_dense(np.eye(3, 50) + np.eye(3, 50, 1) * (np.arange(3) < 1)[:, None]), []
    assert (packed.shape, packed.nnz) == ((3, 50), 4)
    with mock.patch.multiple(csr, _STEP=6, _SAMPLE=5):  # 6 · 3 against batch · (4 + 5)
        for name in ("_one_sample", "_by_sample", "_by_row"):
            mock.patch.object(CSR, name, lambda self, out, name=name: ways.append(name)).start()
        packed.into(np.empty((3, batch)))
        mock.patch.stopall()
    assert ways == [way]
