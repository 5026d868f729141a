"""CSR: what goes in comes out, the product is the dense product, and nothing but its result is written to."""

import copy
import dataclasses
import pickle
import threading
import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minprune.errors import InvalidTypeError, InvalidValueError, MinpruneError
from minprune.inference import product as module
from minprune.inference.csr import CSR

FLOATS = st.sampled_from([np.float32, np.float64])
SIZES = st.integers(0, 7)


def _slow_matmul(w, x):
    """Three nested loops over Python floats: y[r, b] = Σ_c w[r, c] · x[c, b]."""
    y = np.zeros((w.shape[0], x.shape[1]), w.dtype)
    for r in range(w.shape[0]):
        for b in range(x.shape[1]):
            total = 0.0
            for c in range(w.shape[1]):
                total += float(w[r, c]) * float(x[c, b])
            y[r, b] = total
    return y


def _bits(array):
    return array.dtype, array.shape, array.tobytes()


def _layouts(array):
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


def _eighths(draw, shape, dtype):
    """Multiples of 1/8 in [-4, 4], about half of them zero: sums of a few products are exact in float32."""
    elements = st.one_of(st.just(0), st.integers(-32, 32))
    return draw(hnp.arrays(np.int8, shape, elements=elements)).astype(dtype) / dtype(8)


@st.composite
def _products(draw):
    """A matrix and a batch for it, with empty rows and columns, and sizes of 0."""
    dtype, rows, columns, batch = draw(FLOATS), draw(SIZES), draw(SIZES), draw(SIZES)
    w = _eighths(draw, (rows, columns), dtype)
    w[draw(hnp.arrays(bool, rows))] = 0
    w[:, draw(hnp.arrays(bool, columns))] = 0
    return w, _eighths(draw, (columns, batch), dtype)


@st.composite
def _any_bits(draw):
    """A matrix of arbitrary bits: −0.0, subnormal, infinite, NaN with any payload; half of them +0.0."""
    shape, bits = (draw(SIZES), draw(SIZES)), draw(st.sampled_from([np.uint32, np.uint64]))
    special = [0, 1 << (np.iinfo(bits).bits - 1), np.iinfo(bits).max]
    elements = st.one_of(st.just(0), st.sampled_from(special), st.integers(0, np.iinfo(bits).max))
    return draw(hnp.arrays(bits, shape, elements=elements)).view(f"f{np.dtype(bits).itemsize}")


def _random(shape, sparsity, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    w = rng.standard_normal(shape).astype(dtype)
    w[rng.random(shape) < sparsity] = 0
    return w


# ── what goes in comes out ──────────────────────────────────────────────────────────────────────────────────────────


@given(_any_bits())
def test_round_trip_is_bit_for_bit(w):
    before = _bits(w)
    packed = CSR.from_dense(w)
    assert _bits(packed.to_dense()) == before
    assert _bits(w) == before
    assert packed.nnz == np.count_nonzero(w.view(f"u{w.itemsize}"))


@given(_any_bits(), st.data())
def test_mask_stores_exactly_the_kept_entries(w, data):
    mask = data.draw(hnp.arrays(bool, w.shape))
    packed = CSR.from_dense(w, mask=mask)
    rows, columns = np.nonzero(mask)
    assert packed.indices.tolist() == columns.tolist()
    assert _bits(packed.data) == _bits(w[rows, columns])
    assert np.diff(packed.indptr).tolist() == mask.sum(axis=1).tolist()
    expected = np.zeros_like(w)
    expected[mask] = w[mask]
    assert _bits(packed.to_dense()) == _bits(expected)


@given(_any_bits())
def test_transpose_is_the_transpose(w):
    packed = CSR.from_dense(w)
    assert _bits(packed.T.to_dense()) == _bits(np.ascontiguousarray(w.T))
    twice = packed.T.T
    for name in ("data", "indices", "indptr"):
        assert _bits(getattr(twice, name)) == _bits(getattr(packed, name))


@given(_any_bits())
def test_from_dense_reads_any_layout(w):
    expected = CSR.from_dense(w)
    for name, same in _layouts(w).items():
        packed = CSR.from_dense(same)
        assert _bits(packed.data) == _bits(expected.data), name
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
    packed = CSR.from_dense(_random((5, 6), 0.5))
    again = copied(packed)
    assert _bits(again.to_dense()) == _bits(packed.to_dense())
    assert _bits(again @ np.ones(6)) == _bits(packed @ np.ones(6))
    assert not again.indices.flags.writeable


@given(_any_bits())
def test_bytes_are_honest(w):
    packed = CSR.from_dense(w)
    held = [getattr(packed, field.name) for field in dataclasses.fields(packed)]
    arrays = [value for value in held if isinstance(value, np.ndarray)]
    assert packed.nbytes == sum(array.nbytes for array in arrays)
    assert packed.nbytes == packed.nnz * (w.itemsize + 8) + (w.shape[0] + 1) * 8  # the formula in the module
    assert all(array.base.nbytes == array.nbytes for array in arrays)  # no larger buffer hides behind a view


def test_density_and_repr():
    packed = CSR.from_dense(_random((300, 784), 0.95), mask=np.arange(300 * 784).reshape(300, 784) % 20 == 0)
    assert packed.density == 11760 / (300 * 784) == 0.05
    assert repr(packed) == "CSR 300×784 float32, 11,760 stored (5.0 %), 144 kB"
    assert repr(packed.product()) == "CSRProduct of CSR 300×784 float32, 11,760 stored (5.0 %), 144 kB"
    assert CSR.from_dense(np.zeros((0, 5))).density == 0.0


# ── the product ─────────────────────────────────────────────────────────────────────────────────────────────────────

EACH_WAY = pytest.mark.parametrize("by_row", [False, True], ids=["by sample", "by row"])
EACH_BLOCK = pytest.mark.parametrize("block", [1, 3, 65536])


def _go(by_row, block=65536):
    """Force one of the two ways, or small blocks, whatever the size of the batch."""
    return mock.patch.multiple(module, _STEP=-1 if by_row else 10**9, _BLOCK=block)


@EACH_WAY
@EACH_BLOCK
@given(_products())
def test_product_is_bitwise_the_dense_product_where_sums_are_exact(by_row, block, case):
    w, x = case
    expected = _slow_matmul(w, x)
    with _go(by_row, block):
        packed = CSR.from_dense(w)
        assert _bits(packed @ x) == _bits(expected)
        for j in range(x.shape[1]):
            assert _bits(packed @ x[:, j]) == _bits(expected[:, j].copy())


@EACH_WAY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 500), (500, 1), (60, 70), (300, 784)])
def test_product_is_the_dense_product_to_rounding(by_row, dtype, shape):
    w = _random(shape, 0.7, dtype)
    x = np.random.default_rng(1).standard_normal((shape[1], 5)).astype(dtype)
    exact = w.astype(np.longdouble) @ x.astype(np.longdouble)
    # |fl(Σ) − Σ| ≤ n·u·Σ|w||x| for a sum of n products in any order, u half an epsilon (and n + 1 for the product).
    bound = (shape[1] + 1) * np.finfo(dtype).eps / 2 * (np.abs(w).astype(np.float64) @ np.abs(x))
    with _go(by_row):
        assert (np.abs((CSR.from_dense(w) @ x) - exact) <= bound).all()


@EACH_WAY
def test_rows_longer_than_a_block_and_many_blocks(by_row):
    rng = np.random.default_rng(2)
    w = rng.integers(-4, 5, (40, 90)).astype(np.float32)
    w[[0, 7, 8, 39]] = 0
    w[3, 1:] = 0
    x = rng.integers(-4, 5, (90, 3)).astype(np.float32)
    with _go(by_row, block=64):
        product = CSR.from_dense(w).product()
        assert len(product._blocks) > 20
        assert _bits(product(x)) == _bits(_slow_matmul(w, x))


def test_the_cut_covers_every_filled_row_once_and_keeps_to_the_block():
    w = _random((200, 50), 0.8)
    w[::7] = 0
    with _go(False, block=64):
        blocks = CSR.from_dense(w).product()._blocks
    filled = np.flatnonzero(w.any(axis=1)).size
    assert [r for *_, rows in blocks for r in range(rows.start, rows.stop)] == list(range(filled))
    assert all(data.size <= 64 for _, data, *_ in blocks)
    assert sum(data.size for _, data, *_ in blocks) == np.count_nonzero(w)
    with _go(False, block=4):
        assert [data.size for _, data, *_ in CSR.from_dense(np.ones((5, 2))).product()._blocks] == [4, 4, 2]


def test_both_ways_are_taken_as_the_batch_grows():
    packed = CSR.from_dense(_random((20, 200), 0.5))
    small, large = np.ones((200, 2), np.float32), np.ones((200, 64), np.float32)
    product = packed.product()
    with mock.patch.object(product, "_row_by_row", wraps=product._row_by_row) as by_row:
        product(small)
        assert by_row.call_count == 0
        product(large)
        assert by_row.call_count == 1


@EACH_WAY
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (3, 4)])
def test_nothing_stored_gives_zeros(by_row, shape):
    packed = CSR.from_dense(np.zeros(shape, np.float32))
    with _go(by_row):
        assert _bits(packed @ np.ones(shape[1])) == _bits(np.zeros(shape[0], np.float32))
        assert _bits(packed @ np.ones((shape[1], 2))) == _bits(np.zeros((shape[0], 2), np.float32))


@EACH_WAY
@given(_products())
def test_layout_of_x_and_out_does_not_matter_and_x_is_not_written_to(by_row, case):
    w, x = case
    packed = CSR.from_dense(w)
    with _go(by_row):
        expected = _bits(packed @ x)
        for name, same in _layouts(x).items():
            before = _bits(same)
            assert _bits(packed @ same) == expected, name
            assert _bits(same) == before, name
        product = packed.product()
        for name, out in _layouts(np.full((w.shape[0], x.shape[1]), np.nan, w.dtype)).items():
            if name != "read-only":
                assert product(x, out=out) is out
                assert _bits(out) == expected, name


@EACH_WAY
def test_strided_out_leaves_its_neighbours_alone(by_row):
    w = _random((6, 8), 0.5)
    room = np.full((6, 10), 99, np.float32)
    with _go(by_row):
        CSR.from_dense(w).product()(np.ones((8, 5)), out=room[:, ::2])
    assert (room[:, 1::2] == 99).all()
    assert (room[:, ::2] != 99).all()


@EACH_WAY
def test_earlier_results_stay_when_the_product_is_called_again(by_row):
    w = _random((9, 30), 0.6)
    w[4] = 0
    product = CSR.from_dense(w).product()
    rng = np.random.default_rng(3)
    with _go(by_row):
        for shape in ((30,), (30, 4), (30, 2), (30, 9)):
            first_x, second_x = rng.standard_normal(shape), rng.standard_normal(shape)
            first = product(first_x)
            before = _bits(first)
            second = product(second_x)
            assert _bits(first) == before
            assert not np.shares_memory(first, second)
            for held in vars(product).values():
                if isinstance(held, np.ndarray):
                    assert not np.shares_memory(first, held)
            assert _bits(product(first_x)) == before


def test_repeated_calls_allocate_no_arrays():
    w = _random((2000, 500), 0.9)
    w[5] = 0
    packed = CSR.from_dense(w)
    product, x, out = packed.product(), np.ones(500, np.float32), np.empty(2000, np.float32)
    batch, outs = np.ones((500, 64), np.float32), np.empty((2000, 64), np.float32)
    for arguments, limit in (((x, out), 4_000), ((batch, outs), 100_000)):  # bytes; the list of row bounds is 90 kB
        product(*arguments)
        tracemalloc.start()
        product(*arguments)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < limit < packed.data.nbytes


def test_x_is_converted_to_the_dtype_of_the_matrix():
    third = 1 / 3
    packed = CSR.from_dense(np.eye(2, dtype=np.float32))
    for x in (np.array([third, 2.0]), [third, 2.0], np.array([[third], [2.0]])):
        y = packed @ x
        assert y.dtype == np.float32
        assert y.ravel().tolist() == [np.float32(third), 2.0]
    assert (CSR.from_dense(np.eye(2)) @ np.array([3, True])).dtype == np.float64
    assert (packed @ np.array([True, False])).tolist() == [1.0, 0.0]


def test_what_is_not_stored_takes_no_part():
    packed = CSR.from_dense(np.array([[1.0, 0.0], [0.0, 2.0]]))
    assert (packed @ [3.0, np.nan]).tolist()[0] == 3.0
    assert np.isnan(packed @ [3.0, np.nan])[1]
    kept = CSR.from_dense(np.zeros((1, 2)), mask=np.array([[True, False]]))
    assert np.isnan(kept @ [np.nan, 1.0])[0]


def test_threads_share_one_matrix():
    packed = CSR.from_dense(_random((20, 30), 0.8))
    inputs = np.random.default_rng(5).standard_normal((2, 30)).astype(np.float32)
    expected = [_bits(packed @ x) for x in inputs]
    results, multiply, both_have_gathered = [None, None], np.multiply, threading.Barrier(2, timeout=30)

    def multiply_together(*args, **kwargs):
        both_have_gathered.wait()  # where one thread's gather would overwrite the other's, were the scratch shared
        return multiply(*args, **kwargs)

    def work(i):
        results[i] = _bits(packed @ inputs[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    with mock.patch("numpy.multiply", multiply_together):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == expected


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────

GOOD = {
    "data": np.array([1.0, 2.0, 3.0]),
    "indices": np.array([0, 3, 1]),
    "indptr": np.array([0, 2, 2, 3]),
    "shape": (3, 4),
}


def test_the_good_parts_are_good():
    assert CSR(**GOOD).to_dense().tolist() == [[1, 0, 0, 2], [0, 0, 0, 0], [0, 3, 0, 0]]
    small = {**GOOD, "indices": np.array([0, 3, 1], np.uint64), "indptr": np.array([0, 2, 2, 3], np.uint8)}
    assert CSR(**small).indices.dtype == CSR(**small).indptr.dtype == np.intp


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("data", np.array([1, 2, 3]), "dtype must be float32 or float64, got int64 in CSR()"),
        ("data", np.array([1.0, 2.0, 3.0], np.float16), "dtype must be float32 or float64, got float16 in CSR()"),
        ("data", np.array([1.0, 2.0, 3.0], ">f8"), "dtype must be float32 or float64, got >f8 in CSR()"),
        ("data", np.array([1j, 2, 3]), "data must hold real numbers, got dtype complex128 in CSR()"),
        ("data", np.ones((1, 3)), "data must have one dimension, got shape (1, 3) in CSR()"),
        ("data", np.ones(2), "indices must be as many as data, 2, got 3 in CSR()"),
        ("indices", np.array([0.0, 3.0, 1.0]), "indices must hold integers, got dtype float64 in CSR()"),
        ("indices", np.array([[0, 3, 1]]), "indices must have one dimension, got shape (1, 3) in CSR()"),
        ("indices", np.array([0, 4, 1]), "indices must be in [0, 4), got 4 at 1 in CSR()"),
        ("indices", np.array([0, 3, -1]), "indices must be in [0, 4), got -1 at 2 in CSR()"),
        ("indices", np.array([0, 3, 2**63], np.uint64), f"indices must be in [0, 4), got {2**63} at 2 in CSR()"),
        ("indices", np.array([3, 0, 1]), "indices must rise within a row, got 0 after 3 at 1 in CSR()"),
        ("indices", np.array([3, 3, 1]), "indices must rise within a row, got 3 after 3 at 1 in CSR()"),
        ("indptr", np.array([0.0, 2, 2, 3]), "indptr must hold integers, got dtype float64 in CSR()"),
        ("indptr", np.array([[0, 2, 2, 3]]), "indptr must have one dimension, got shape (1, 4) in CSR()"),
        ("indptr", np.array([0, 2, 3]), "indptr must have rows + 1 entries, 4, got 3 in CSR()"),
        ("indptr", np.array([], np.intp), "indptr must have rows + 1 entries, 4, got 0 in CSR()"),
        ("indptr", np.array([1, 2, 2, 3]), "indptr must go from 0 to 3, got 1 to 3 in CSR()"),
        ("indptr", np.array([0, 2, 2, 2]), "indptr must go from 0 to 3, got 0 to 2 in CSR()"),
        ("indptr", np.array([0, 2, 1, 3]), "indptr must never fall, got 1 after 2 at 2 in CSR()"),
        ("indptr", np.array([0, 5, 5, 3], np.uint8), "indptr must never fall, got 3 after 5 at 3 in CSR()"),
        ("shape", (3, 3), "indices must be in [0, 3), got 3 at 1 in CSR()"),
        ("shape", (3, -1), "shape must be at least 0, got -1 in CSR()"),
        ("shape", (3, 4.0), "shape must be a whole number, got float 4.0 in CSR()"),
        ("shape", (3, 4, 1), "shape must be (rows, columns), got (3, 4, 1) in CSR()"),
        ("shape", 12, "shape must be (rows, columns), got 12 in CSR()"),
    ],
)
def test_parts_that_are_no_matrix(part, value, message):
    with pytest.raises(MinpruneError) as caught:
        CSR(**{**GOOD, part: value})
    assert str(caught.value) == message


def test_one_float_array_is_not_indices_too():
    same = np.array([0.0, 1.0])
    with pytest.raises(InvalidTypeError, match="indices must hold integers"):
        CSR(same, same, np.array([0, 2]), (1, 2))


@pytest.mark.parametrize(
    ("w", "message"),
    [
        (np.ones(3), "w must have shape (rows, columns), got (3,) in CSR.from_dense()"),
        (np.ones((1, 2, 3)), "w must have shape (rows, columns), got (1, 2, 3) in CSR.from_dense()"),
        (np.ones((2, 2), bool), "dtype must be float32 or float64, got bool in CSR.from_dense()"),
        (np.ones((2, 2), np.float16), "dtype must be float32 or float64, got float16 in CSR.from_dense()"),
        (np.ones((2, 2), complex), "w must hold real numbers, got dtype complex128 in CSR.from_dense()"),
        (np.ma.ones((2, 2)), "w must be a plain array, got a masked array in CSR.from_dense(): fill it first"),
    ],
)
def test_what_is_no_dense_matrix(w, message):
    with pytest.raises(MinpruneError) as caught:
        CSR.from_dense(w)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((2, 2)), "mask of w must be a bool array, got dtype float64 in CSR.from_dense()"),
        (np.ones((2, 3), bool), "mask of w must have shape (2, 2), got (2, 3) in CSR.from_dense()"),
    ],
)
def test_what_is_no_mask(mask, message):
    with pytest.raises(MinpruneError) as caught:
        CSR.from_dense(np.ones((2, 2)), mask=mask)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones(3), InvalidValueError, "x must have shape (4,) or (4, batch), got (3,) in matmul()"),
        (np.ones((2, 4)), InvalidValueError, "x must have shape (4,) or (4, batch), got (2, 4) in matmul()"),
        (np.ones((4, 1, 1)), InvalidValueError, "x must have shape (4,) or (4, batch), got (4, 1, 1) in matmul()"),
        (2.0, InvalidValueError, "x must have shape (4,) or (4, batch), got () in matmul()"),
        (np.ones(4, object), InvalidTypeError, "x must hold real numbers, got dtype object in matmul()"),
        (np.ones(4, complex), InvalidTypeError, "x must hold real numbers, got dtype complex128 in matmul()"),
        (CSR(**GOOD), InvalidTypeError, "x must hold real numbers, got dtype object in matmul()"),
    ],
)
def test_x_that_does_not_fit(x, error, message):
    for multiply in (CSR(**GOOD).__matmul__, CSR(**GOOD).product()):
        with pytest.raises(error) as caught:
            multiply(x)
        assert str(caught.value) == message


def test_out_that_does_not_fit_is_not_written_to():
    product, x = CSR(**GOOD).product(), np.ones(4)
    frozen = np.full(3, 9.0)
    frozen.flags.writeable = False
    for out in (np.full(4, 9.0), np.full((3, 1), 9.0), frozen):
        with pytest.raises(InvalidValueError) as caught:
            product(x, out=out)
        assert str(caught.value) == "out must have shape (3,), be writeable and apart from x in matmul()"
        assert (out == 9).all()
    for out in (np.full(3, 9.0, np.float32), [9.0, 9.0, 9.0]):
        with pytest.raises(InvalidTypeError) as caught:
            product(x, out=out)
        assert str(caught.value) == "out must be a float64 array in matmul()"
        assert list(out) == [9, 9, 9]
    square, x = CSR.from_dense(np.eye(3)[::-1]).product(), np.array([1.0, 2.0, 3.0])
    with pytest.raises(InvalidValueError, match="apart from x"):
        square(x, out=x)
    assert x.tolist() == [1, 2, 3]


def test_multiplying_from_the_right_says_what_to_write():
    with pytest.raises(InvalidTypeError) as caught:
        np.ones((2, 3)) @ CSR(**GOOD)
    assert str(caught.value) == "a CSR multiplies from the left: x @ csr is (csr.T @ x.T).T, with csr.T made once"
    packed, x = CSR(**GOOD), np.arange(6.0).reshape(2, 3)
    assert (x @ packed.to_dense() == (packed.T @ x.T).T).all()


# ── beside SciPy ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.peers
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "sparsity"), [((300, 784), 0.9), ((300, 784), 0.99), ((70, 80), 0.95), ((1, 9), 1)])
def test_arrays_are_those_of_scipy(shape, sparsity, dtype):
    from scipy import sparse

    w = _random(shape, sparsity, dtype)
    for ours, theirs in ((CSR.from_dense(w), sparse.csr_array(w)), (CSR.from_dense(w).T, sparse.csr_array(w.T))):
        assert ours.indices.tolist() == theirs.indices.tolist()
        assert ours.indptr.tolist() == theirs.indptr.tolist()
        assert _bits(ours.data) == _bits(theirs.data)


@pytest.mark.peers
@EACH_WAY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sparsity", [0.9, 0.95, 0.99])
def test_product_is_that_of_scipy_to_rounding(by_row, dtype, sparsity):
    from scipy import sparse

    w = _random((300, 784), sparsity, dtype)
    x = np.random.default_rng(4).standard_normal((784, 8)).astype(dtype)
    # Both are within n·u·Σ|w||x| of the exact product, n the longest row plus one, so within twice that of each other.
    bound = ((w != 0).sum(axis=1).max() + 1) * np.finfo(dtype).eps * (np.abs(w).astype(np.float64) @ np.abs(x))
    with _go(by_row):
        assert (np.abs((CSR.from_dense(w) @ x) - sparse.csr_array(w) @ x) <= bound).all()
