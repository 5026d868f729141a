"""The product of a CSR is the dense product, and nothing but its result is written to."""

import threading
import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from matrices import EACH_BLOCK, EACH_WAY, bits, go, layouts, products, random_matrix, slow_matmul

from minprune.inference.csr import CSR


@EACH_WAY
@EACH_BLOCK
@given(products())
def test_product_is_bitwise_the_dense_product_where_sums_are_exact(by_row, block, case):
    w, x = case
    expected = slow_matmul(w, x)
    with go(by_row, block):
        packed = CSR.from_dense(w)
        assert bits(packed @ x) == bits(expected)
        for j in range(x.shape[1]):
            assert bits(packed @ x[:, j]) == bits(expected[:, j].copy())


@EACH_WAY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 500), (500, 1), (60, 70), (300, 784)])
def test_product_is_the_dense_product_to_rounding(by_row, dtype, shape):
    w = random_matrix(shape, 0.7, dtype)
    x = np.random.default_rng(1).standard_normal((shape[1], 5)).astype(dtype)
    exact = w.astype(np.longdouble) @ x.astype(np.longdouble)
    # |fl(Σ) − Σ| ≤ n·u·Σ|w||x| for a sum of n products in any order, u half an epsilon (and n + 1 for the product).
    bound = (shape[1] + 1) * np.finfo(dtype).eps / 2 * (np.abs(w).astype(np.float64) @ np.abs(x))
    with go(by_row):
        assert (np.abs((CSR.from_dense(w) @ x) - exact) <= bound).all()


@EACH_WAY
def test_rows_longer_than_a_block_and_many_blocks(by_row):
    rng = np.random.default_rng(2)
    w = rng.integers(-4, 5, (40, 90)).astype(np.float32)
    w[[0, 7, 8, 39]] = 0
    w[3, 1:] = 0
    x = rng.integers(-4, 5, (90, 3)).astype(np.float32)
    with go(by_row, block=64):
        product = CSR.from_dense(w).product()
        assert len(product._blocks) > 20
        assert bits(product(x)) == bits(slow_matmul(w, x))


def test_the_cut_covers_every_filled_row_once_and_keeps_to_the_block():
    w = random_matrix((200, 50), 0.8)
    w[::7] = 0
    with go(False, block=64):
        blocks = CSR.from_dense(w).product()._blocks
    filled = np.flatnonzero(w.any(axis=1)).size
    assert [r for *_, rows in blocks for r in range(rows.start, rows.stop)] == list(range(filled))
    assert all(data.size <= 64 for _, data, *_ in blocks)
    assert sum(data.size for _, data, *_ in blocks) == np.count_nonzero(w)
    with go(False, block=4):
        assert [data.size for _, data, *_ in CSR.from_dense(np.ones((5, 2))).product()._blocks] == [4, 4, 2]


def test_both_ways_are_taken_as_the_batch_grows():
    packed = CSR.from_dense(random_matrix((20, 200), 0.5))
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
    with go(by_row):
        assert bits(packed @ np.ones(shape[1])) == bits(np.zeros(shape[0], np.float32))
        assert bits(packed @ np.ones((shape[1], 2))) == bits(np.zeros((shape[0], 2), np.float32))


@EACH_WAY
@given(products())
def test_layout_of_x_and_out_does_not_matter_and_x_is_not_written_to(by_row, case):
    w, x = case
    packed = CSR.from_dense(w)
    with go(by_row):
        expected = bits(packed @ x)
        for name, same in layouts(x).items():
            before = bits(same)
            assert bits(packed @ same) == expected, name
            assert bits(same) == before, name
        product = packed.product()
        for name, out in layouts(np.full((w.shape[0], x.shape[1]), np.nan, w.dtype)).items():
            if name != "read-only":
                assert product(x, out=out) is out
                assert bits(out) == expected, name


@EACH_WAY
def test_strided_out_leaves_its_neighbours_alone(by_row):
    w = random_matrix((6, 8), 0.5)
    room = np.full((6, 10), 99, np.float32)
    with go(by_row):
        CSR.from_dense(w).product()(np.ones((8, 5)), out=room[:, ::2])
    assert (room[:, 1::2] == 99).all()
    assert (room[:, ::2] != 99).all()


@EACH_WAY
def test_earlier_results_stay_when_the_product_is_called_again(by_row):
    w = random_matrix((9, 30), 0.6)
    w[4] = 0
    product = CSR.from_dense(w).product()
    rng = np.random.default_rng(3)
    with go(by_row):
        for shape in ((30,), (30, 4), (30, 2), (30, 9)):
            first_x, second_x = rng.standard_normal(shape), rng.standard_normal(shape)
            first = product(first_x)
            before = bits(first)
            second = product(second_x)
            assert bits(first) == before
            assert not np.shares_memory(first, second)
            for held in vars(product).values():
                if isinstance(held, np.ndarray):
                    assert not np.shares_memory(first, held)
            assert bits(product(first_x)) == before


def test_repeated_calls_allocate_no_arrays():
    w = random_matrix((2000, 500), 0.9)
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
    packed = CSR.from_dense(random_matrix((20, 30), 0.8))
    inputs = np.random.default_rng(5).standard_normal((2, 30)).astype(np.float32)
    expected = [bits(packed @ x) for x in inputs]
    results, multiply, both_have_gathered = [None, None], np.multiply, threading.Barrier(2, timeout=30)

    def multiply_together(*args, **kwargs):
        both_have_gathered.wait()  # where one thread's gather would overwrite the other's, were the scratch shared
        return multiply(*args, **kwargs)

    def work(i):
        results[i] = bits(packed @ inputs[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    with mock.patch("numpy.multiply", multiply_together):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == expected
