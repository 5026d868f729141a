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

Its place is one sample. Measured in float32 on one thread, medians, the kernels in random order: the time of
``product(x, out)`` over that of SciPy's CSR, then over that of dense BLAS::

    sparsity     300 × 784       1024 × 1024      4096 × 4096
    90 %         1.4   1.7       1.6   0.85       1.5   0.51
    95 %         1.6   1.4       1.5   0.50       1.5   0.34
    99 %         1.8   0.73      1.5   0.25       2.0   0.14

``csr @ x`` makes its scratch first, 10 µs and more. For batches of 16 to 256 dense BLAS won nearly everywhere at
90–95 %, and CSR won at 99 % only with 4096 × 4096 or a batch of 256.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from minprune.arguments import LARGEST_ARRAY, Array, Bools, float_dtype, mask_of_shape, numeric, whole
from minprune.display import count, percent, size
from minprune.errors import InvalidTypeError, InvalidValueError

__all__ = ["CSR", "CSRProduct"]

_BLOCK = 65536  # entries gathered at a time, so that the products are still in the cache when they are added up
_STEP = 1500  # one Python step costs as much time as gathering, multiplying and adding about this many entries


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


class CSRProduct:
    """What ``csr.product()`` returns: ``csr @ x`` with scratch arrays of its own, for one thread at a time.

    A batch goes sample by sample, each as in the module's picture. Where a row has enough to do to pay for a Python
    step it goes row by row instead: gather the rows of `x` that this row needs, then one BLAS call. Samples are
    read in place from ``x.T`` of a (batch, columns) array, rows from a (columns, batch) array; else `x` is copied.

    Examples
    --------
    >>> product = CSR.from_dense(np.array([[1.0, 0.0], [0.0, 4.0]])).product()
    >>> y = np.empty(2)
    >>> product(np.array([1.0, 2.0]), out=y) is y, y
    (True, array([1., 8.]))
    """

    def __init__(self, csr: CSR) -> None:
        self.csr = csr
        self._indices: Any = csr.indices.base  # the writeable array below: take copies a read-only one in every call
        # reduceat repeats an element for an empty row and refuses one at the end, so it never gets to see them.
        filled = csr.indptr[:-1] < csr.indptr[1:]
        self._filled = None if filled.all() else np.flatnonzero(filled)
        self._sums = np.empty(0 if self._filled is None else self._filled.size, csr.dtype)
        self._batch = np.empty(0, csr.dtype)  # scratch of the row by row way, made when first used
        self._cut_into_blocks()

    def __call__(self, x: Any, out: Array | None = None) -> Array:
        """Return ``csr @ x``, a new array or `out`.

        Parameters
        ----------
        x : (columns,) or (columns, batch) array
            Any memory layout; converted to the matrix's dtype. A NaN reaches only rows that store its column.
        out : (rows,) or (rows, batch) array, optional
            Where to write the result: the matrix's dtype, any memory layout, apart from `x`.

        Raises
        ------
        InvalidTypeError, InvalidValueError
            If `x` or `out` doesn't fit. Nothing is written then.
        """
        rows, columns = self.csr.shape
        x = numeric(x, "x", "matmul")
        shape = (rows, *x.shape[1:])
        if x.ndim not in (1, 2) or x.shape[0] != columns:
            raise InvalidValueError(f"x must have shape ({columns},) or ({columns}, batch), got {x.shape} in matmul()")
        if out is None:
            out = np.empty(shape, self.csr.dtype)
        elif not isinstance(out, np.ndarray) or out.dtype != self.csr.dtype:
            raise InvalidTypeError(f"out must be a {self.csr.dtype} array in matmul()")
        elif out.shape != shape or not out.flags.writeable or np.may_share_memory(out, x):
            raise InvalidValueError(f"out must have shape {shape}, be writeable and apart from x in matmul()")
        if x.ndim == 1:
            self._one_sample(x, out)
        elif self.csr.nnz * x.shape[1] > _STEP * rows:
            self._row_by_row(x, out)
        else:
            for j in range(x.shape[1]):
                self._one_sample(x[:, j], out[:, j])
        out += 0.0  # a sum starts from +0.0: a row whose only product is -0.0 gives what a dense product gives
        return out

    def _one_sample(self, x: Array, out: Array) -> None:
        x = np.ascontiguousarray(x, self.csr.dtype)
        sums = out if self._filled is None else self._sums
        for indices, data, products, offsets, rows in self._blocks:
            # The indices were checked when the matrix was made; "wrap" is the mode that does least to them again.
            x.take(indices, mode="wrap", out=products)
            np.multiply(products, data, out=products)
            np.add.reduceat(products, offsets, out=sums[rows])
        if self._filled is not None:
            out[...] = 0.0
            out[self._filled] = sums

    def _row_by_row(self, x: Array, out: Array) -> None:
        x = np.ascontiguousarray(x, self.csr.dtype)
        batch, longest = x.shape[1], int(np.diff(self.csr.indptr).max())
        if self._batch.size < (1 + longest) * batch:
            self._batch = np.empty((1 + longest) * batch, self.csr.dtype)
        line, scratch = self._batch[:batch], self._batch[batch : (1 + longest) * batch].reshape(longest, batch)
        for row, (begin, end) in enumerate(pairwise(self.csr.indptr.tolist())):
            gathered = scratch[: end - begin]
            x.take(self._indices[begin:end], axis=0, mode="wrap", out=gathered)
            np.dot(self.csr.data[begin:end], gathered, out=line)
            out[row] = line  # `out` may be strided, which dot refuses

    def _cut_into_blocks(self) -> None:
        """Cut the filled rows into runs of at most `_BLOCK` entries, or of one long row, as views made once."""
        starts, ends = self.csr.indptr[:-1], self.csr.indptr[1:]
        if self._filled is not None:
            starts, ends = starts[self._filled], ends[self._filled]
        cuts = [0]
        while cuts[-1] < starts.size:
            most = int(np.searchsorted(ends, starts[cuts[-1]] + _BLOCK, side="right"))
            cuts.append(max(most, cuts[-1] + 1))
        spans = [(int(starts[a]), int(ends[b - 1]), slice(a, b)) for a, b in pairwise(cuts)]
        self._products = np.empty(max((end - begin for begin, end, _ in spans), default=0), self.csr.dtype)
        self._blocks = [
            (self._indices[i:j], self.csr.data[i:j], self._products[: j - i], starts[rows] - i, rows)
            for i, j, rows in spans
        ]

    def __repr__(self) -> str:
        return f"CSRProduct of {self.csr!r}"


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
