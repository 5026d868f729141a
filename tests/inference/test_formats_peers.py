"""Every format beside SciPy's CSR: the same products, and for CSR the same arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import BATCHES, EACH_WAY, SHARED, bits, bound, eighths, going, in_panels, kept, matrices, random_matrix

from minprune.inference.csr import CSR

pytestmark = pytest.mark.peers
sparse = pytest.importorskip("scipy.sparse")


@EACH_WAY
@SHARED
@given(matrices(), st.integers(0, 2**16))
def test_the_product_is_that_of_scipy_bit_for_bit_where_sums_are_exact(way, case, seed):
    w, mask = case
    theirs = sparse.csr_array(kept(w, mask))
    with going(way) as kind:
        packed = kind.from_dense(w, mask)
        for shape in ((w.shape[1],), *((w.shape[1], batch) for batch in BATCHES)):
            x = eighths(shape, w.dtype, seed)
            assert bits(packed @ x) == bits(np.ascontiguousarray(theirs @ x) + w.dtype.type(0))


@EACH_WAY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sparsity", [0.9, 0.95, 0.99])
def test_the_product_is_that_of_scipy_to_rounding(way, dtype, sparsity):
    for w in (random_matrix((300, 784), sparsity, dtype), in_panels((300, 784), 16, sparsity, dtype)):
        with going(way) as kind:
            packed = kind.from_dense(w)
            for shape in ((784,), (784, 1), (784, 8)):
                x = random_matrix(shape, 0, dtype, seed=4)
                theirs = sparse.csr_array(w) @ x
                assert (np.abs(packed @ x - theirs) <= 2 * bound(w, x)).all()  # each is within it of the exact product


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "sparsity"), [((300, 784), 0.9), ((300, 784), 0.99), ((70, 80), 0.95), ((1, 9), 1)])
def test_the_arrays_of_csr_are_those_of_scipy(shape, sparsity, dtype):
    w = random_matrix(shape, sparsity, dtype)
    for ours, theirs in ((CSR.from_dense(w), sparse.csr_array(w)), (CSR.from_dense(w).T, sparse.csr_array(w.T))):
        assert ours.indices.tolist() == theirs.indices.tolist()
        assert ours.indptr.tolist() == theirs.indptr.tolist()
        assert bits(ours.data) == bits(theirs.data)
