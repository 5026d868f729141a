"""Compressed sparse rows: keep the weights that are left, and where they are.

Three arrays hold a 3×4 matrix with four entries left, row by row::

    W = [[ 5  0  0  7 ]       data    = [ 5  7  8  6 ]     the entries
         [ 0  0  0  0 ]       indices = [ 0  3  1  2 ]     the column of each
         [ 0  8  6  0 ]]      indptr  = [ 0  2  2  4 ]     row r is data[indptr[r]:indptr[r + 1]]; row 1 is empty

and y = W x is three passes over them, each one NumPy call::

    gather    x[indices]           [  x0   x3   x1   x2 ]
    multiply  · data               [ 5x0  7x3  8x1  6x2 ]
    add       reduceat at [0, 2]   [ 5x0 + 7x3, 8x1 + 6x2 ]   the rows that are not empty; the others are 0

With `nnz` stored entries and B samples it costs, against a dense product::

    multiply-adds   nnz · B                                    rows · columns · B
    bytes           nnz · (itemsize + 8) + (rows + 1) · 8      rows · columns · itemsize

so in float32 it is smaller than dense only above a sparsity of 2/3. An index has eight bytes because NumPy gathers
with eight-byte indices: it converts four-byte ones in every call, measured at up to 60 % more time.

Its place is one sample. Measured in float32 on one thread, in turns and in bursts, so that each matrix stays in the
cache if it fits: the time of ``product(x, out)`` over that of SciPy's CSR, then over that of dense BLAS
(``tests/benchmarks/inference.py``)::

    sparsity     256 × 256      1024 × 1024      4096 × 4096
    90 %         1.8   3.1       1.5   1.7        1.5   0.85
    95 %         1.9   2.4       1.6   1.0        1.5   0.40
    99 %         2.1   1.9       2.6   0.42       2.1   0.12

``csr @ x`` makes its scratch first, 10 µs and more. For batches of 16 to 256 dense BLAS won nearly everywhere at
90–95 %, and CSR won at 99 % only with 4096 × 4096 or a batch of 256.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minprune.arguments import LARGEST_ARRAY, Array, Bools, float_dtype, mask_of_shape, numeric, whole
from minprune.display import count, percent, size
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.inference.product import CSRProduct

__all__ = ["CSR", "CSRProduct"]


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class CSR:
    """A matrix in compressed sparse rows. It never changes, so threads may share it.

    Parameters
    ----------
    data : (nnz,) array, float32 or float64
        The stored entries, row by row.
    indices : (nnz,) integer array
        The column of each entry, rising within a row.
    indptr : (rows + 1,) integer array
        Where each row begins in `data`: starts at 0, never falls, ends at nnz.
    shape : (int, int)
        Rows and columns; either may be 0.

    The arrays are checked and copied; the attributes of these names are read-only.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If they don't describe a matrix; the text says what is wrong and where.

    Examples
    --------
    >>> csr = CSR.from_dense(np.array([[5, 0, 0, 7], [0, 0, 0, 0], [0, 8, 6, 0]], np.float32))
    >>> csr
    CSR 3×4 float32, 4 stored (33.3 %), 80 B
    >>> csr @ np.array([1, 2, 3, 4])
    array([33.,  0., 34.], dtype=float32)
    >>> csr.T.to_dense()[3]
    array([7., 0., 0.], dtype=float32)
    """

    data: Array
    indices: Array
    indptr: Array
    shape: tuple[int, int]

    __array_ufunc__ = None  # makes ``array @ csr`` ask __rmatmul__ instead of making an array of objects

    def __post_init__(self) -> None:
        data, indices, indptr, shape = _checked(self)
        object.__setattr__(self, "shape", shape)
        for name, array in ("data", data), ("indices", indices), ("indptr", indptr):
            frozen = np.array(array, data.dtype if name == "data" else np.intp).view()
            frozen.flags.writeable = False
            object.__setattr__(self, name, frozen)

    def __reduce__(self) -> tuple[Any, ...]:  # a copy or an unpickled matrix is checked and frozen like any other
        return CSR, (self.data, self.indices, self.indptr, self.shape)

    @classmethod
    def from_dense(cls, w: object, mask: Bools | None = None) -> CSR:
        """Pack a dense matrix: exactly the kept entries if there is a mask, else every entry that is not +0.0.

        Entries are stored bit for bit, −0.0 and the payload of a NaN included.

        Parameters
        ----------
        w : (rows, columns) array
            float32 or float64 in any memory layout, or integers, which become float64. Copied, never written to.
        mask : (rows, columns) bool array, optional
            True = stored, zero or not.

        Examples
        --------
        >>> w = np.array([[0.0, -0.0, 1.5]])
        >>> CSR.from_dense(w).nnz, CSR.from_dense(w, mask=np.array([[True, True, True]])).nnz
        (2, 3)
        """
        dense = numeric(w, "w", "CSR.from_dense")
        if dense.ndim != 2:
            raise InvalidValueError(f"w must have shape (rows, columns), got {dense.shape} in CSR.from_dense()")
        if dense.dtype.kind in "iu":
            dense = dense.astype(np.float64)
        float_dtype(dense.dtype, "CSR.from_dense")
        bits = dense.view(f"u{dense.itemsize}")  # because -0.0 == 0.0
        rows, columns = np.nonzero(bits if mask is None else mask_of_shape(mask, dense.shape, "w", "CSR.from_dense"))
        return cls(dense[rows, columns], columns, _row_starts(rows, dense.shape[0]), dense.shape)

    def to_dense(self) -> Array:
        """Return the matrix as a new dense array; what is not stored is +0.0."""
        dense = np.zeros(self.shape, self.dtype)
        dense[self._rows(), self.indices] = self.data
        return dense

    @property
    def T(self) -> CSR:
        """The transposed matrix, made anew each time. That of a Dense weight (in, out) has a row for each output."""
        order = np.argsort(self.indices, kind="stable")  # stable: the old rows stay in order within a new one
        return CSR(self.data[order], self._rows()[order], _row_starts(self.indices, self.shape[1]), self.shape[::-1])

    def __matmul__(self, x: object) -> Array:
        """Return the product with `x`, (columns,) or (columns, batch), as a new array in the matrix's dtype."""
        return CSRProduct(self)(x)

    def __rmatmul__(self, x: object) -> Array:
        raise InvalidTypeError("a CSR multiplies from the left: x @ csr is (csr.T @ x.T).T, with csr.T made once")

    def product(self) -> CSRProduct:
        """Return ``x ↦ self @ x`` with its scratch arrays kept, so that repeated calls allocate nothing."""
        return CSRProduct(self)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self.data.dtype

    @property
    def nnz(self) -> int:
        """How many entries are stored, the zeros among them included."""
        return self.data.size

    @property
    def density(self) -> float:
        """The stored share of the matrix, a fraction; 0 for a matrix without entries."""
        return self.nnz / max(1, self.shape[0] * self.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of data, indices and indptr together."""
        return self.data.nbytes + self.indices.nbytes + self.indptr.nbytes

    def __repr__(self) -> str:
        stored = f"{count(self.nnz)} stored ({percent(self.density)})"
        return f"CSR {self.shape[0]}×{self.shape[1]} {self.dtype}, {stored}, {size(self.nbytes)}"

    def _rows(self) -> Array:
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))


def _checked(csr: CSR) -> tuple[Array, Array, Array, tuple[int, int]]:
    """Return the parts of `csr` if they describe a matrix; nothing is copied yet."""
    if not isinstance(csr.shape, tuple) or len(csr.shape) != 2:
        raise InvalidTypeError(f"shape must be (rows, columns), got {csr.shape!r} in CSR()")
    rows, columns = (whole(n, "shape", "CSR", at_least=0, at_most=LARGEST_ARRAY) for n in csr.shape)
    data, indices, indptr = (numeric(getattr(csr, name), name, "CSR") for name in ("data", "indices", "indptr"))
    float_dtype(data.dtype, "CSR")
    for array, name in (data, "data"), (indices, "indices"), (indptr, "indptr"):
        if array.ndim != 1:
            raise InvalidValueError(f"{name} must have one dimension, got shape {array.shape} in CSR()")
        if name != "data" and array.dtype.kind not in "iu":
            raise InvalidTypeError(f"{name} must hold integers, got dtype {array.dtype} in CSR()")
    if indices.size != data.size:
        raise InvalidValueError(f"indices must be as many as data, {data.size}, got {indices.size} in CSR()")
    if indptr.size != rows + 1:
        raise InvalidValueError(f"indptr must have rows + 1 entries, {rows + 1}, got {indptr.size} in CSR()")
    if (indptr[0], indptr[-1]) != (0, data.size):
        raise InvalidValueError(f"indptr must go from 0 to {data.size}, got {indptr[0]} to {indptr[-1]} in CSR()")
    for at in np.flatnonzero(indptr[1:] < indptr[:-1]):
        raise InvalidValueError(f"indptr must never fall, got {indptr[at + 1]} after {indptr[at]} at {at + 1} in CSR()")
    for at in np.flatnonzero((indices < 0) | (indices >= columns)):
        raise InvalidValueError(f"indices must be in [0, {columns}), got {indices[at]} at {at} in CSR()")
    stays = indices[1:] <= indices[:-1]
    stays[indptr[(indptr > 0) & (indptr < data.size)] - 1] = False  # a row may begin with any column
    for at in np.flatnonzero(stays):
        got = f"{indices[at + 1]} after {indices[at]} at {at + 1}"
        raise InvalidValueError(f"indices must rise within a row, got {got} in CSR()")
    return data, indices, indptr, (rows, columns)


def _row_starts(rows: Array, count_of_rows: int) -> Array:
    return np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=count_of_rows))])
