"""Every format, in every way through it: the product is the dense product, and nothing but the result is written to."""

import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import (
    ANY_MASK,
    BATCHES,
    EACH_FORMAT,
    EACH_WAY,
    SHARED,
    bits,
    bound,
    eighths,
    going,
    in_panels,
    kept,
    layouts,
    matrices,
    random_matrix,
    slow_matmul,
)
from packing import held_arrays

from minprune.inference.csr import CSR
from minprune.inference.dense import DenseMatrix, PackedDense
from minprune.inference.ell import ELL
from minprune.inference.panels import Panels


def ragged(dtype=np.float32):
    """60 × 70: panels of 7 rows, an empty one among them, then rows that differ, with an empty one."""
    w = in_panels((60, 70), 7, 0.7, dtype)
    w[35:] = random_matrix((25, 70), 0.8, dtype)
    w[14:21] = w[50] = 0
    return w


# ── the product ─────────────────────────────────────────────────────────────────────────────────────────────────────


@EACH_WAY
@SHARED
@given(matrices(), st.integers(0, 2**16))
def test_it_is_bitwise_the_dense_product_where_sums_are_exact(way, case, seed):
    w, mask = case
    whole = kept(w, mask)
    with going(way) as kind:
        packed = kind.from_dense(w, mask)
        for batch in BATCHES:
            x = eighths((w.shape[1], batch), w.dtype, seed)
            assert bits(packed @ x) == bits(slow_matmul(whole, x))
        x = eighths(w.shape[1], w.dtype, seed)
        assert bits(packed @ x) == bits(slow_matmul(whole, x[:, None])[:, 0].copy())


@EACH_WAY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("w", [(1, 500), (500, 1), (60, 70), (64, 300)], ids=str)
def test_it_is_the_dense_product_to_rounding(way, dtype, w):
    w = random_matrix(w, 0.7, dtype) if w != (64, 300) else in_panels(w, 16, 0.8, dtype)
    with going(way) as kind:
        packed = kind.from_dense(w)
        for batch in (1, 2, 17):
            x = random_matrix((w.shape[1], batch), 0, dtype, seed=1)
            exact = w.astype(np.longdouble) @ x.astype(np.longdouble)
            assert (np.abs(packed @ x - exact) <= bound(w, x)).all()


@EACH_WAY
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (3, 4)])
def test_nothing_stored_gives_zeros(way, shape):
    with going(way) as kind:
        packed = kind.from_dense(np.zeros(shape, np.float32))
        assert bits(packed @ np.ones(shape[1])) == bits(np.zeros(shape[0], np.float32))
        for batch in BATCHES:
            assert bits(packed @ np.ones((shape[1], batch))) == bits(np.zeros((shape[0], batch), np.float32))


@EACH_WAY
def test_no_negative_zero_comes_out(way):
    with going(way) as kind:
        packed = kind.from_dense(np.array([[-1.0, 0.0], [0.0, 0.0], [-1.0, -1.0]]))
        for x in (np.zeros(2), np.zeros((2, 1)), np.zeros((2, 17))):
            assert not np.signbit(packed @ x).any()


@EACH_WAY
@SHARED
@given(ANY_MASK, st.data())
def test_a_nan_reaches_the_rows_that_look_at_it_and_no_others(way, mask, data):
    column, batch = data.draw(st.integers(0, max(0, mask.shape[1] - 1))), data.draw(st.sampled_from([1, 2, 17]))
    x = np.ones((mask.shape[1], batch))
    x[column : column + 1] = np.nan
    with going(way) as kind:
        found = np.isnan(kind.from_dense(mask.astype(float), mask) @ x)
    looks = mask[:, column : column + 1].any(axis=1)
    assert found[looks].all()
    if kind is PackedDense:  # which looks at what any row looks at
        looks = mask.any(axis=1) & looks.any()
    if kind is not DenseMatrix:  # which looks at everything
        assert not found[~looks].any()


@EACH_WAY
@SHARED
@given(matrices())
def test_the_layout_of_x_does_not_matter_and_it_is_not_written_to(way, case):
    w, mask = case
    with going(way) as kind:
        packed = kind.from_dense(w, mask)
        for x in (eighths((w.shape[1], 3), w.dtype), eighths(w.shape[1], w.dtype)):
            expected = bits(packed @ x)
            for name, same in layouts(x).items():
                before = bits(same)
                assert bits(packed @ same) == expected, name
                assert bits(same) == before, name


@EACH_FORMAT
def test_x_is_converted_to_the_dtype_of_the_matrix(kind):
    third = 1 / 3
    packed = kind.from_dense(np.eye(2, dtype=np.float32))
    for x in (np.array([third, 2.0]), [third, 2.0], np.array([[third], [2.0]])):
        y = packed @ x
        assert y.dtype == np.float32
        assert y.ravel().tolist() == [np.float32(third), 2.0]
    assert (kind.from_dense(np.eye(2)) @ np.array([3, 1])).dtype == np.float64
    assert (packed @ np.array([True, False])).tolist() == [1.0, 0.0]


@EACH_WAY
def test_what_overflows_or_is_not_finite_comes_out_without_a_warning(way):
    w = np.array([[1.0, -1.0, 0.0], [0.0, 3e38, 3e38], [0.0, 0.0, 1.0]], np.float32)
    mask = np.array([[True, True, True], [False, True, True], [False, False, True]])
    with going(way) as kind:
        packed = kind.from_dense(w, mask)
        for batch in (1, 2, 17):
            for x in ([1e300, 1, 2], [np.inf, np.inf, 2], [-1e39, 2, 2], [1, 1, np.inf]):  # 1e39 is ∞ in float32
                found = packed @ np.repeat(np.array(x, float)[:, None], batch, axis=1)
                assert not np.isfinite(found[:2]).all(axis=0).any()
                assert kind is not CSR or (found[2] == x[2]).all()  # where nothing is filled up


# ── into: bound once, called again and again ────────────────────────────────────────────────────────────────────────


@EACH_WAY
@pytest.mark.parametrize("batch", [1, 2, 17])
def test_what_is_bound_gives_the_same_bits_whatever_came_before(way, batch):
    w = ragged()
    inputs = [random_matrix((70, batch), 0, seed=seed) for seed in range(3)]
    with going(way) as kind:
        packed, out = kind.from_dense(w), np.full((60, batch), np.nan, np.float32)
        call = packed.into(out)
        for x in (*inputs, *inputs[::-1]):
            before = bits(x)
            x.flags.writeable = False
            assert call(x) is out
            assert bits(out + 0.0) == bits(packed @ x)
            assert bits(x) == before
            out[...] = np.nan  # a row that is not written to would show


@EACH_WAY
@pytest.mark.parametrize("batch", [1, 2, 17])
def test_what_is_bound_shares_nothing_with_another_but_the_matrix(way, batch):
    with going(way) as kind:
        packed = kind.from_dense(ragged())
        outs = [np.empty((60, batch), np.float32) for _ in range(2)]
        calls = [packed.into(out) for out in outs]
        x, y = (random_matrix((70, batch), 0, seed=seed) for seed in range(2))
        expected = bits(packed @ y)
    theirs = {id(array) for array in held_arrays(packed)}
    one, other = ({id(array) for array in held_arrays(call)} for call in calls)
    assert one & other <= theirs
    assert one & theirs  # the weights are not copied
    first = bits(calls[0](x))
    calls[1](y)
    assert bits(outs[0]) == first
    assert bits(outs[1] + 0.0) == expected


@EACH_WAY
def test_threads_share_one_matrix(way):
    with going(way) as kind:
        packed = kind.from_dense(ragged())
        inputs = [random_matrix((70, batch), 0, seed=batch) for batch in (1, 17, 17, 1)]
        expected, wrong = [bits(packed @ x) for x in inputs], []
        ready = threading.Barrier(len(inputs), timeout=30)

        def work(x, y):
            call = packed.into(np.empty((60, x.shape[1]), np.float32))
            ready.wait()
            wrong.extend(bits(call(x) + 0.0) for _ in range(30) if bits(call(x) + 0.0) != y)

        threads = [threading.Thread(target=work, args=pair) for pair in zip(inputs, expected, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


@EACH_WAY
@pytest.mark.parametrize(("batch", "numpys_own"), [(1, 4_000), (64, 40_000)])  # views, and what it broadcasts with
def test_a_bound_call_allocates_nothing(way, batch, numpys_own):
    w = in_panels((2048, 100), 8, 0.8)
    w[1000:] = random_matrix((1048, 100), 0.9)
    w[5] = 0
    with going(way) as kind:
        if "blocks" in way:
            w = w[:64]  # there is Python's loop over them
        call, x = kind.from_dense(w).into(np.empty((len(w), batch), np.float32)), np.ones((100, batch), np.float32)
        call(x)
        tracemalloc.start()
        call(x)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < numpys_own  # of y's 8 kB or 524 kB


# ── the work done ───────────────────────────────────────────────────────────────────────────────────────────────────


class Factor:
    """A number that counts how often it is multiplied."""

    done = 0

    def __mul__(self, other):
        Factor.done += 1
        return float(other)

    __rmul__ = __mul__


def of_objects(kind, mask):
    """Pack numbers, and make objects of them afterwards: a constructor takes floats alone."""
    packed = kind._pack(np.full(mask.shape, 2.0), mask)
    if isinstance(packed, CSR):
        object.__setattr__(packed, "data", packed.data.astype(object))
        return packed
    packed._dtype = np.dtype(object)
    if isinstance(packed, ELL):
        packed.slices = [(values.astype(object), columns) for values, columns in packed.slices]
    elif isinstance(packed, Panels):
        for group in packed.groups:
            object.__setattr__(group, "values", group.values.astype(object))
    else:
        packed.values = packed.values.astype(object)
    return packed


@EACH_WAY
@SHARED
@given(ANY_MASK)
def test_multiply_adds_are_those_done_counted_one_by_one(way, mask):
    with going(way) as kind:
        packed = of_objects(kind, mask)
        for batch in (1, 2, 17):
            out = np.zeros((mask.shape[0], batch), object)
            if not mask.size:
                continue
            Factor.done = 0
            packed.into(out)(np.array([[Factor() for _ in range(batch)] for _ in range(mask.shape[1])], object))
            assert Factor.done == packed.multiply_adds * batch
            assert out.tolist() == [[2.0 * n] * batch for n in mask.sum(axis=1)]
