"""CSR beside SciPy: the same arrays, and the same products to rounding."""

import numpy as np
import pytest
from hypothesis import given
from matrices import EACH_WAY, bits, go, products, random_matrix, slow_matmul

from minprune.inference.csr import CSR

pytestmark = pytest.mark.peers
sparse = pytest.importorskip("scipy.sparse")


@EACH_WAY
@given(products())
def test_product_is_that_of_scipy_bit_for_bit_where_sums_are_exact(by_row, case):
    w, x = case
    with go(by_row):
        theirs = sparse.csr_array(w) @ x
        assert bits(CSR.from_dense(w) @ x) == bits(np.ascontiguousarray(theirs)) == bits(slow_matmul(w, x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "sparsity"), [((300, 784), 0.9), ((300, 784), 0.99), ((70, 80), 0.95), ((1, 9), 1)])
def test_arrays_are_those_of_scipy(shape, sparsity, dtype):
    w = random_matrix(shape, sparsity, dtype)
    for ours, theirs in ((CSR.from_dense(w), sparse.csr_array(w)), (CSR.from_dense(w).T, sparse.csr_array(w.T))):
        assert ours.indices.tolist() == theirs.indices.tolist()
        assert ours.indptr.tolist() == theirs.indptr.tolist()
        assert bits(ours.data) == bits(theirs.data)


@EACH_WAY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sparsity", [0.9, 0.95, 0.99])
def test_product_is_that_of_scipy_to_rounding(by_row, dtype, sparsity):
    w = random_matrix((300, 784), sparsity, dtype)
    x = np.random.default_rng(4).standard_normal((784, 8)).astype(dtype)
    # Both are within n·u·Σ|w||x| of the exact product, n the longest row plus one, so within twice that of each other.
    bound = ((w != 0).sum(axis=1).max() + 1) * np.finfo(dtype).eps * (np.abs(w).astype(np.float64) @ np.abs(x))
    with go(by_row):
        assert (np.abs((CSR.from_dense(w) @ x) - sparse.csr_array(w) @ x) <= bound).all()
