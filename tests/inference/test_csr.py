"""CSR: its three arrays, its transpose, and how it is cut into blocks."""

import dataclasses
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matrices import any_bits, bits, going, random_matrix, slow_matmul

from minprune.inference import csr as module
from minprune.inference.csr import CSR


def test_the_picture_in_the_module():
    packed = CSR.from_dense(np.array([[5, 0, 0, 7], [0, 0, 0, 0], [0, 8, 6, 0]], np.float32))
    assert packed.data.tolist() == [5, 7, 8, 6]
    assert packed.indices.tolist() == [0, 3, 1, 2]
    assert packed.indptr.tolist() == [0, 2, 2, 4]


@given(any_bits(), st.data())
def test_the_arrays_are_the_kept_entries_row_by_row(w, data):
    mask = data.draw(hnp.arrays(bool, w.shape))
    packed = CSR.from_dense(w, mask=mask)
    rows, columns = np.nonzero(mask)
    assert packed.indices.tolist() == columns.tolist()
    assert bits(packed.data) == bits(w[rows, columns])
    assert np.diff(packed.indptr).tolist() == mask.sum(axis=1).tolist()


@given(any_bits())
def test_the_transpose_is_the_transpose(w):
    packed = CSR.from_dense(w)
    assert bits(packed.T.to_dense()) == bits(np.ascontiguousarray(w.T))
    twice = packed.T.T
    for name in ("data", "indices", "indptr"):
        assert bits(getattr(twice, name)) == bits(getattr(packed, name))


def test_given_parts_are_copied_and_frozen():
    parts = [np.array([1.0, 2.0]), np.array([0, 1], np.intp), np.array([0, 1, 2], np.intp)]
    packed = CSR(*parts, (2, 2))
    for held in (packed.data, packed.indices, packed.indptr):
        assert not any(np.shares_memory(held, part) for part in parts)
        assert not held.flags.writeable
    assert all(part.flags.writeable for part in parts)
    with pytest.raises(ValueError, match="read-only"):
        packed.data[0] = 7
    with pytest.raises(dataclasses.FrozenInstanceError):
        packed.shape = (1, 4)


def test_density_and_repr():
    packed = CSR.from_dense(random_matrix((300, 784), 0.95), mask=np.arange(300 * 784).reshape(300, 784) % 20 == 0)
    assert packed.density == 11760 / (300 * 784) == 0.05
    assert repr(packed) == "CSR 300×784 float32, 11,760 stored (5.0 %), 144 kB"
    assert CSR.from_dense(np.zeros((0, 5))).density == 0.0


# ── blocks, and the two ways through a batch ────────────────────────────────────────────────────────────────────────


def _cut(w, block):
    packed = CSR.from_dense(w)
    rows = np.flatnonzero(np.diff(packed.indptr))
    with mock.patch.object(module, "_BLOCK", block):
        return packed._blocks(rows, np.empty(rows.size, w.dtype)), packed


@given(any_bits(), st.sampled_from([1, 2, 3, 7, 64]))
def test_the_cut_covers_every_filled_row_once_and_keeps_to_the_block(w, block):
    blocks, packed = _cut(w, block)
    assert b"".join(data.tobytes() for _, data, *_ in blocks) == packed.data.tobytes()
    assert [c for indices, *_ in blocks for c in indices.tolist()] == packed.indices.tolist()
    assert sum(part.size for *_, part in blocks) == np.count_nonzero(np.diff(packed.indptr))
    assert all(data.size <= block or part.size == 1 for _, data, _, _, part in blocks)
    assert all(offsets[0] == 0 and offsets.size == part.size for *_, offsets, part in blocks)


def test_a_block_is_as_long_as_it_may_be():
    assert [data.size for _, data, *_ in _cut(np.ones((5, 2)), 4)[0]] == [4, 4, 2]
    assert [data.size for _, data, *_ in _cut(np.ones((3, 5)), 4)[0]] == [5, 5, 5]


@pytest.mark.parametrize("way", ["csr", "csr by row", "csr in blocks of 3"])
def test_rows_longer_than_a_block_and_many_blocks(way):
    rng = np.random.default_rng(2)
    w = rng.integers(-4, 5, (40, 90)).astype(np.float32)
    w[[0, 7, 8, 39]] = 0
    w[3, 1:] = 0
    x = rng.integers(-4, 5, (90, 3)).astype(np.float32)
    with going(way):
        for samples in (x, x[:, :1]):
            assert bits(CSR.from_dense(w) @ samples) == bits(slow_matmul(w, samples))


def test_both_ways_are_taken_as_the_batch_grows():
    packed = CSR.from_dense(random_matrix((200, 200), 0.5))
    with mock.patch.object(CSR, "_by_row", autospec=True, side_effect=CSR._by_row) as by_row:
        for batch in (1, 2):
            packed @ np.ones((200, batch))
        assert by_row.call_count == 0
        packed @ np.ones((200, 64))
        assert by_row.call_count == 1
