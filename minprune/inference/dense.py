"""Dense formats: everything, or the rows and columns that have anything in them.

`DenseMatrix` is one BLAS call, zeros and all::

    multiply-adds   rows · columns · B            bytes   rows · columns · itemsize

`PackedDense` leaves out rows and columns in which nothing is stored. It gathers the rows of x that count, multiplies,
and puts the results in their places::

    multiply-adds   live rows · live columns · B  bytes   (live rows · live columns) · itemsize + (rows + columns) · 8

A dense product is the yardstick: BLAS comes within a few percent of what a processor can do, where the matrix is in
the cache or the batch is large. So these win where much is kept, where few samples are not few, and where pruning took
whole neurons or inputs.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from minprune.arguments import Array, Bools, whole
from minprune.errors import InvalidValueError
from minprune.inference.matrix import Call, Matrix, floats, frozen, integers, pair_of_sizes, writeable


class DenseMatrix(Matrix):
    """Everything, zeros included.

    Examples
    --------
    >>> DenseMatrix.from_dense(np.array([[1.0, 0.0], [2.0, 3.0]]))
    DenseMatrix 2×2 float64, 3 stored (75.0 %), 32 B
    """

    def __init__(self, values: Array, nnz: int) -> None:
        self.values = frozen(floats(values, "values", "DenseMatrix", 2))
        self.shape: tuple[int, int] = (self.values.shape[0], self.values.shape[1])
        self.nnz = whole(nnz, "nnz", "DenseMatrix", at_least=0, at_most=self.values.size)
        self.multiply_adds = self.values.size

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.values, self.nnz)

    @classmethod
    def _pack(cls, w: Array, mask: Bools) -> Self:
        return cls(np.where(mask, w, w.dtype.type(0)), int(np.count_nonzero(mask)))

    def to_dense(self) -> Array:
        return self.values.copy()

    def into(self, out: Array) -> Call:
        values = self.values
        return lambda x: values.dot(x, out)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    def _holds(self) -> tuple[Array, ...]:
        return (self.values,)


class PackedDense(Matrix):
    """The rows and columns with anything in them, dense.

    Examples
    --------
    >>> w = np.zeros((4, 5))
    >>> w[1, [0, 3]] = 2.0
    >>> packed = PackedDense.from_dense(w)
    >>> packed
    PackedDense 4×5 float64, 2 stored (10.0 %), as 1×2, 40 B
    >>> packed @ np.arange(5)
    array([0., 6., 0., 0.])
    """

    def __init__(self, values: Array, rows: Array, columns: Array, shape: tuple[int, int], nnz: int) -> None:
        where = "PackedDense"
        self.shape = pair_of_sizes(shape, where)
        self.values = frozen(floats(values, "values", where, 2))
        self.rows = frozen(integers(rows, "rows", where, None, self.shape[0], rising=True))
        self.columns = frozen(integers(columns, "columns", where, None, self.shape[1], rising=True))
        if self.values.shape != (self.rows.size, self.columns.size):
            raise InvalidValueError(
                f"values must have shape {(self.rows.size, self.columns.size)}, a row for each of rows and a column "
                f"for each of columns, got {self.values.shape} in {where}()"
            )
        self.nnz = whole(nnz, "nnz", where, at_least=0, at_most=self.values.size)
        self.multiply_adds = self.values.size

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.values, self.rows, self.columns, self.shape, self.nnz)

    @classmethod
    def _pack(cls, w: Array, mask: Bools) -> Self:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        live = np.ix_(rows, columns)
        values = np.where(mask[live], w[live], w.dtype.type(0))
        return cls(values, rows, columns, w.shape, int(np.count_nonzero(mask)))

    def to_dense(self) -> Array:
        dense = np.zeros(self.shape, self.dtype)
        dense[np.ix_(self.rows, self.columns)] = self.values
        return dense

    def into(self, out: Array) -> Call:
        batch, values, rows, columns = out.shape[1], self.values, self.rows, writeable(self.columns)
        all_rows, all_columns = rows.size == self.shape[0], columns.size == self.shape[1]
        gathered = np.empty((0 if all_columns else columns.size, batch), self.dtype)
        product = out if all_rows else np.empty((rows.size, batch), self.dtype)

        def call(x: Array) -> Array:
            # The indices are known to be good; "wrap" is the mode that does least to them, and writes straight to out.
            values.dot(x if all_columns else x.take(columns, 0, gathered, "wrap"), product)
            if not all_rows:
                out[...] = 0.0
                out[rows] = product
            return out

        return call

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    def _holds(self) -> tuple[Array, ...]:
        return self.values, self.rows, self.columns

    def _detail(self) -> str:
        return f", as {self.rows.size}×{self.columns.size}"
