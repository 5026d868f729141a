"""Which arrays a CSR refuses, and in which words; what every format refuses is in test_formats."""

import numpy as np
import pytest

from minprune.errors import InvalidTypeError, MinpruneError
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
