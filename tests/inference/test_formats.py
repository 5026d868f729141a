"""Every format: what goes in comes out to the last bit, nothing is shared, and it says truly what it holds."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matrices import (
    EACH_FORMAT,
    EACH_WAY,
    FORMATS,
    SHARED,
    any_bits,
    bits,
    going,
    kept,
    layouts,
    matrices,
    random_matrix,
)
from packing import held_arrays

from minprune.errors import InvalidTypeError, InvalidValueError, MinpruneError
from minprune.inference.csr import CSR
from minprune.inference.dense import DenseMatrix, PackedDense
from minprune.inference.ell import ELL
from minprune.inference.panels import Panels

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {n}": lambda m, n=n: pickle.loads(pickle.dumps(m, n)) for n in (2, pickle.HIGHEST_PROTOCOL)},
}


@EACH_WAY
@SHARED
@given(any_bits(), st.data())
def test_the_round_trip_is_bit_for_bit_and_stores_exactly_what_the_mask_keeps(way, w, data):
    mask = data.draw(hnp.arrays(bool, w.shape))
    before, mask_before = bits(w), bits(mask)
    with going(way) as kind:
        packed, whole = kind.from_dense(w, mask), kind.from_dense(w)
        assert bits(packed.to_dense()) == bits(kept(w, mask))
        assert bits(whole.to_dense()) == before
    assert packed.nnz == np.count_nonzero(mask)
    assert whole.nnz == np.count_nonzero(w.view(f"u{w.itemsize}"))
    assert (packed.shape, packed.dtype) == (w.shape, w.dtype)
    assert (bits(w), bits(mask)) == (before, mask_before)


@EACH_WAY
@SHARED
@given(matrices())
def test_structured_matrices_come_back_too(way, case):
    w, mask = case
    with going(way) as kind:
        packed = kind.from_dense(w, mask)
    assert bits(packed.to_dense()) == bits(kept(w, mask))
    assert packed.nnz == np.count_nonzero(mask)
    assert packed.density == (packed.nnz / mask.size if mask.size else 0)


@EACH_FORMAT
def test_a_kept_zero_is_stored(kind):
    packed = kind.from_dense(np.array([[0.0, 0.0], [1.0, 2.0]]), np.array([[True, False], [True, True]]))
    assert packed.nnz == 3
    assert kind.from_dense(packed.to_dense()).nnz == 2


@EACH_FORMAT
@given(any_bits())
def test_any_layout_of_w_is_read(kind, w):
    expected = [bits(array) for array in kind.from_dense(w)._holds()]
    for name, same in layouts(w).items():
        before = bits(same)
        assert [bits(array) for array in kind.from_dense(same)._holds()] == expected, name
        assert bits(same) == before, name


@EACH_FORMAT
def test_integers_become_float64(kind):
    for dtype in (np.int8, np.uint16, np.int64):
        packed = kind.from_dense(np.array([[3, 0], [0, 2]], dtype))
        assert packed.dtype == np.float64
        assert packed.to_dense().tolist() == [[3, 0], [0, 2]]


@EACH_WAY
def test_nothing_is_shared_with_what_was_given_and_nothing_can_be_written_to(way):
    for w in (random_matrix((20, 9), 0.6), np.ones((20, 9), np.float32)):
        mask = w != 0
        mask[3] = False
        before = bits(kept(w, mask))
        with going(way) as kind:
            packed = kind.from_dense(w, mask)
        for array in held_arrays(packed):
            assert not np.shares_memory(array, w)
            assert not np.shares_memory(array, mask)
        assert not any(array.flags.writeable for array in packed._holds())
        w[...], mask[...] = 7, True
        assert bits(packed.to_dense()) == before
        packed.to_dense()[...] = 7  # a new array each time
        assert bits(packed.to_dense()) == before


@EACH_WAY
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_copies_are_whole_and_as_unchangeable(way, copied):
    w, x = random_matrix((9, 8), 0.5), random_matrix((8, 3), 0, seed=1)
    w[4] = 0
    w[6] = w[7]
    with going(way) as kind:
        packed = kind.from_dense(w)
        again = copied(packed)
        assert type(again) is kind
        assert repr(again) == repr(packed)
        assert bits(again.to_dense()) == bits(w)
        for samples in (x, x[:, 0]):
            assert bits(again @ samples) == bits(packed @ samples)
    assert (again.nnz, again.multiply_adds, again.nbytes) == (packed.nnz, packed.multiply_adds, packed.nbytes)
    assert not any(array.flags.writeable for array in again._holds())


@EACH_WAY
@SHARED
@given(matrices())
def test_bytes_are_those_of_all_arrays_held(way, case):
    with going(way) as kind:
        packed = kind.from_dense(*case)
    assert packed.nbytes == sum(array.nbytes for array in held_arrays(packed))


@EACH_FORMAT
@given(matrices())
def test_bytes_and_multiply_adds_by_the_formulas_in_the_modules(kind, case):
    packed, (rows, columns), kept_ = kind.from_dense(*case), case[1].shape, case[1]
    item, nnz = packed.dtype.itemsize, np.count_nonzero(kept_)
    live_rows, live_columns = kept_.any(axis=1).sum(), kept_.any(axis=0).sum()
    if kind is DenseMatrix:
        expected = rows * columns * item, rows * columns
    elif kind is PackedDense:
        expected = live_rows * live_columns * item + (live_rows + live_columns) * 8, live_rows * live_columns
    elif kind is CSR:
        expected = nnz * (item + 8) + (rows + 1) * 8, nnz
    elif kind is ELL:
        done = sum(values.size for values, _ in packed.slices)
        expected = done * (item + 8) + (0 if packed.places is None else rows * 8), done
        assert nnz <= done
    else:
        done = sum(group.values.size for group in packed.groups)
        gathered = sum(group.columns.size for group in packed.groups)
        bounds = sum(3 * len(group.widths) for group in packed.groups)
        expected = done * item + (gathered + bounds) * 8, done
        assert nnz <= done
    assert (packed.nbytes, packed.multiply_adds) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (DenseMatrix, "DenseMatrix 4×5 float32, 5 stored (25.0 %), 80 B"),
        (PackedDense, "PackedDense 4×5 float32, 5 stored (25.0 %), as 3×3, 84 B"),
        (Panels, "Panels 4×5 float32, 5 stored (25.0 %), 2 panels, 1 … 2 columns in each, 92 B"),
        (ELL, "ELL 4×5 float32, 5 stored (25.0 %), 2 in each row, 104 B"),
        (CSR, "CSR 4×5 float32, 5 stored (25.0 %), 100 B"),
    ],
)
def test_repr(kind, text):
    mask = np.array([[1, 0, 1, 0, 0], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0]], bool)
    assert repr(kind.from_dense(np.ones((4, 5), np.float32), mask)) == text


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


@EACH_FORMAT
@pytest.mark.parametrize(
    ("w", "message"),
    [
        (np.ones(3), "w must have shape (rows, columns), got (3,) in {}.from_dense()"),
        (np.ones((1, 2, 3)), "w must have shape (rows, columns), got (1, 2, 3) in {}.from_dense()"),
        (np.ones((2, 2), bool), "dtype must be float32 or float64, got bool in {}.from_dense()"),
        (np.ones((2, 2), np.float16), "dtype must be float32 or float64, got float16 in {}.from_dense()"),
        (np.ones((2, 2), ">f4"), "dtype must be float32 or float64, got >f4 in {}.from_dense()"),
        (np.ones((2, 2), complex), "w must hold real numbers, got dtype complex128 in {}.from_dense()"),
        (np.ma.ones((2, 2)), "w must be a plain array, got a masked array in {}.from_dense(): fill it first"),
    ],
)
def test_what_is_no_dense_matrix(kind, w, message):
    with pytest.raises(MinpruneError) as caught:
        kind.from_dense(w)
    assert str(caught.value) == message.format(kind.__name__)


@EACH_FORMAT
@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((2, 2)), "mask of w must be a bool array, got dtype float64 in {}.from_dense()"),
        (
            [[True, True]] * 2,
            "mask of w must be a bool array, got list [[True, True], [True, True]] in {}.from_dense()",
        ),
        (np.ones((2, 3), bool), "mask of w must have shape (2, 2), got (2, 3) in {}.from_dense()"),
    ],
)
def test_what_is_no_mask(kind, mask, message):
    with pytest.raises(MinpruneError) as caught:
        kind.from_dense(np.ones((2, 2)), mask=mask)
    assert str(caught.value) == message.format(kind.__name__)


@EACH_FORMAT
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones(3), InvalidValueError, "x must have shape (4,) or (4, batch), got (3,) in matmul()"),
        (np.ones((2, 4)), InvalidValueError, "x must have shape (4,) or (4, batch), got (2, 4) in matmul()"),
        (np.ones((4, 1, 1)), InvalidValueError, "x must have shape (4,) or (4, batch), got (4, 1, 1) in matmul()"),
        (2.0, InvalidValueError, "x must have shape (4,) or (4, batch), got () in matmul()"),
        ([[1, 2], [3]], InvalidValueError, "x must be a rectangular array in matmul()"),
        (np.ones(4, object), InvalidTypeError, "x must hold real numbers, got dtype object in matmul()"),
        (np.ones(4, complex), InvalidTypeError, "x must hold real numbers, got dtype complex128 in matmul()"),
        (["a"] * 4, InvalidTypeError, "x must hold real numbers, got dtype <U1 in matmul()"),
        (np.ma.ones(4), InvalidTypeError, "x must be a plain array, got a masked array in matmul(): fill it first"),
    ],
)
def test_x_that_does_not_fit(kind, x, error, message):
    with pytest.raises(error) as caught:
        kind.from_dense(np.eye(3, 4)) @ x
    assert str(caught.value).startswith(message)


@EACH_FORMAT
def test_the_product_of_two_packed_matrices_is_refused(kind):
    for other in FORMATS:
        with pytest.raises(InvalidTypeError, match="must hold real numbers, got dtype object in matmul"):
            kind.from_dense(np.eye(3)) @ other.from_dense(np.eye(3))


@EACH_FORMAT
def test_multiplying_from_the_right_says_what_to_write(kind):
    w, x = random_matrix((3, 4), 0.3), np.arange(6, dtype=np.float32).reshape(2, 3)
    with pytest.raises(InvalidTypeError) as caught:
        x @ kind.from_dense(w)
    name = kind.__name__
    assert str(caught.value) == (
        f"a {name} multiplies from the left: x @ w is (w.T @ x.T).T; pack the transposed matrix"
    )
    assert np.allclose((kind.from_dense(w.T) @ x.T).T, x @ w)
