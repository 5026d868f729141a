"""The dense formats: everything, or the rows and columns that have anything in them."""

import numpy as np
from hypothesis import given
from matrices import ANY_MASK, bits

from minprune.inference.dense import DenseMatrix, PackedDense


@given(ANY_MASK)
def test_packed_holds_the_live_rows_and_columns(mask):
    w = np.arange(1.0, 1 + mask.size).reshape(mask.shape)
    packed = PackedDense.from_dense(w, mask)
    assert packed.rows.tolist() == [r for r in range(mask.shape[0]) if mask[r].any()]
    assert packed.columns.tolist() == [c for c in range(mask.shape[1]) if mask[:, c].any()]
    assert bits(packed.values) == bits(np.where(mask, w, 0)[packed.rows][:, packed.columns])


@given(ANY_MASK)
def test_dense_holds_everything(mask):
    w = np.arange(1.0, 1 + mask.size).reshape(mask.shape)
    packed = DenseMatrix.from_dense(w, mask)
    assert bits(packed.values) == bits(np.where(mask, w, 0))
    assert packed.multiply_adds == mask.size


def test_rows_that_are_not_live_are_zeroed_in_every_call():
    w = np.zeros((4, 5))
    w[1, [0, 3]] = 2
    for batch in (1, 3):
        out = np.full((4, batch), np.nan)
        call = PackedDense.from_dense(w).into(out)
        for _ in range(2):
            assert call(np.ones((5, batch)))[:, 0].tolist() == [0, 4, 0, 0]
            out[...] = np.nan


def test_a_column_that_is_not_live_is_not_looked_at():
    w = np.zeros((2, 3))
    w[0, 0] = 1
    assert (PackedDense.from_dense(w) @ [1, np.nan, np.inf]).tolist() == [1, 0]
    assert np.isnan(DenseMatrix.from_dense(w) @ [1.0, np.nan, 0.0]).all()
