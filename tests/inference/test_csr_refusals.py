"""What a CSR and its product refuse, and in which words."""

import numpy as np
import pytest

from minprune.errors import InvalidTypeError, InvalidValueError, MinpruneError
from minprune.inference.csr import CSR

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
