"""CSR: what goes in comes out, to the last bit."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matrices import any_bits, bits, layouts, random_matrix

from minprune.inference.csr import CSR


@given(any_bits())
def test_round_trip_is_bit_for_bit(w):
    before = bits(w)
    packed = CSR.from_dense(w)
    assert bits(packed.to_dense()) == before
    assert bits(w) == before
    assert packed.nnz == np.count_nonzero(w.view(f"u{w.itemsize}"))


@given(any_bits(), st.data())
def test_mask_stores_exactly_the_kept_entries(w, data):
    mask = data.draw(hnp.arrays(bool, w.shape))
    packed = CSR.from_dense(w, mask=mask)
    rows, columns = np.nonzero(mask)
    assert packed.indices.tolist() == columns.tolist()
    assert bits(packed.data) == bits(w[rows, columns])
    assert np.diff(packed.indptr).tolist() == mask.sum(axis=1).tolist()
    expected = np.zeros_like(w)
    expected[mask] = w[mask]
    assert bits(packed.to_dense()) == bits(expected)


@given(any_bits())
def test_transpose_is_the_transpose(w):
    packed = CSR.from_dense(w)
    assert bits(packed.T.to_dense()) == bits(np.ascontiguousarray(w.T))
    twice = packed.T.T
    for name in ("data", "indices", "indptr"):
        assert bits(getattr(twice, name)) == bits(getattr(packed, name))


@given(any_bits())
def test_from_dense_reads_any_layout(w):
    expected = CSR.from_dense(w)
    for name, same in layouts(w).items():
        packed = CSR.from_dense(same)
        assert bits(packed.data) == bits(expected.data), name
        assert packed.indices.tolist() == expected.indices.tolist(), name


def test_the_picture_in_the_module():
    packed = CSR.from_dense(np.array([[5, 0, 0, 7], [0, 0, 0, 0], [0, 8, 6, 0]], np.float32))
    assert packed.data.tolist() == [5, 7, 8, 6]
    assert packed.indices.tolist() == [0, 3, 1, 2]
    assert packed.indptr.tolist() == [0, 2, 2, 4]


def test_integers_become_float64():
    packed = CSR.from_dense(np.array([[3, 0], [0, -2]], np.int32))
    assert packed.dtype == np.float64
    assert packed.to_dense().tolist() == [[3, 0], [0, -2]]


def test_nothing_is_shared_with_the_inputs():
    w = np.array([[1.0, 2.0], [3.0, 4.0]])
    parts = [np.array([1.0, 2.0]), np.array([0, 1], np.intp), np.array([0, 1, 2], np.intp)]
    for packed in (CSR.from_dense(w), CSR(*parts, (2, 2))):
        for held in (packed.data, packed.indices, packed.indptr):
            assert not any(np.shares_memory(held, given_) for given_ in (w, *parts))
            assert not held.flags.writeable
    assert all(part.flags.writeable for part in parts)


def test_it_never_changes():
    packed = CSR.from_dense(np.eye(2))
    with pytest.raises(ValueError, match="read-only"):
        packed.data[0] = 7
    with pytest.raises(dataclasses.FrozenInstanceError):
        packed.shape = (1, 4)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda packed: pickle.loads(pickle.dumps(packed))])
def test_copies_are_whole_and_frozen(copied):
    packed = CSR.from_dense(random_matrix((5, 6), 0.5))
    again = copied(packed)
    assert bits(again.to_dense()) == bits(packed.to_dense())
    assert bits(again @ np.ones(6)) == bits(packed @ np.ones(6))
    assert not again.indices.flags.writeable


@given(any_bits())
def test_bytes_are_honest(w):
    packed = CSR.from_dense(w)
    held = [getattr(packed, field.name) for field in dataclasses.fields(packed)]
    arrays = [value for value in held if isinstance(value, np.ndarray)]
    assert packed.nbytes == sum(array.nbytes for array in arrays)
    assert packed.nbytes == packed.nnz * (w.itemsize + 8) + (w.shape[0] + 1) * 8  # the formula in the module
    assert all(array.base.nbytes == array.nbytes for array in arrays)  # no larger buffer hides behind a view


def test_density_and_repr():
    packed = CSR.from_dense(random_matrix((300, 784), 0.95), mask=np.arange(300 * 784).reshape(300, 784) % 20 == 0)
    assert packed.density == 11760 / (300 * 784) == 0.05
    assert repr(packed) == "CSR 300×784 float32, 11,760 stored (5.0 %), 144 kB"
    assert repr(packed.product()) == "CSRProduct of CSR 300×784 float32, 11,760 stored (5.0 %), 144 kB"
    assert CSR.from_dense(np.zeros((0, 5))).density == 0.0
