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

There are two ways through a batch, of which the cheaper is taken::

    by row       for each row gather the rows of x that it needs, then one BLAS call: rows · (some µs + nnz/rows · B)
    by sample    the three passes for each sample: B · (some µs + nnz)

Its place is one sample. Measured in float32 on one thread, in turns and in bursts, so that each matrix stays in the
cache if it fits: the time of ``csr.into(y)(x)`` over that of SciPy's CSR, then over that of dense BLAS
(``tests/benchmarks/formats.py``)::

    sparsity     256 × 256      1024 × 1024      4096 × 4096
    90 %         1.8   3.1       1.5   1.7        1.5   0.85
    95 %         1.9   2.4       1.6   1.0        1.5   0.40
    99 %         2.1   1.9       2.6   0.42       2.1   0.12

For batches of 16 to 256 dense BLAS won nearly everywhere at 90–95 %, and CSR won at 99 % only with 4096 × 4096 or a
batch of 256.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

import numpy as np

from minprune.arguments import Array, Bools, float_dtype, numeric
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.inference.matrix import Call, Matrix, frozen, pair_of_sizes, writeable

_BLOCK = 65536  # entries gathered at a time, so that the products are still in the cache when they are added up
_STEP = 1000  # a row by itself costs as much time as gathering, multiplying and adding about this many entries
_SAMPLE = 10_000  # and a sample by itself as much as these, besides its own


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class CSR(Matrix):
    """A matrix in compressed sparse rows.

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
    nnz: int = field(init=False)
    multiply_adds: int = field(init=False)

    def __post_init__(self) -> None:
        data, indices, indptr, shape = _checked(self)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "nnz", data.size)
        object.__setattr__(self, "multiply_adds", data.size)
        for name, array in ("data", data), ("indices", indices), ("indptr", indptr):
            object.__setattr__(self, name, frozen(array.astype(data.dtype if name == "data" else np.intp, copy=False)))

    def __reduce__(self) -> tuple[Any, ...]:  # a copy or an unpickled matrix is checked and frozen like any other
        return CSR, (self.data, self.indices, self.indptr, self.shape)

    @classmethod
    def _pack(cls, w: Array, mask: Bools) -> Self:
        rows, columns = np.nonzero(mask)
        return cls(w[rows, columns], columns, _row_starts(rows, w.shape[0]), w.shape)

    def to_dense(self) -> Array:
        dense = np.zeros(self.shape, self.dtype)
        dense[self._rows(), self.indices] = self.data
        return dense

    @property
    def T(self) -> CSR:
        """The transposed matrix, made anew each time. That of a Dense weight (in, out) has a row for each output."""
        order = np.argsort(self.indices, kind="stable")  # stable: the old rows stay in order within a new one
        return CSR(self.data[order], self._rows()[order], _row_starts(self.indices, self.shape[1]), self.shape[::-1])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.data.dtype

    def _holds(self) -> tuple[Array, ...]:
        return self.data, self.indices, self.indptr

    def into(self, out: Array) -> Call:
        batch = out.shape[1]
        if batch == 1:
            return self._one_sample(out)
        by_row = _STEP * self.shape[0] < batch * (self.nnz + _SAMPLE)
        return self._by_row(out) if by_row else self._by_sample(out)

    def _one_sample(self, out: Array) -> Call:
        # reduceat repeats an element for an empty row and refuses one at the end, so it never gets to see them.
        rows = np.flatnonzero(self.indptr[:-1] < self.indptr[1:])
        all_filled = rows.size == self.shape[0]
        sums = out[:, 0] if all_filled else np.empty(rows.size, self.dtype)
        blocks = self._blocks(rows, sums)

        def call(x: Array) -> Array:
            for indices, data, products, offsets, part in blocks:
                # The indices were checked when the matrix was made; "wrap" is the mode that does least to them again.
                x.take(indices, None, products, "wrap")
                np.multiply(products, data, products)
                np.add.reduceat(products, offsets, 0, None, part)
            if not all_filled:
                out[...] = 0.0
                out[rows, 0] = sums
            return out

        return call

    def _blocks(self, rows: Array, sums: Array) -> list[tuple[Array, ...]]:
        """Cut the filled rows into runs of at most `_BLOCK` entries, or of one long row, as views made once."""
        starts, ends = self.indptr[rows], self.indptr[rows + 1]
        cuts = [0]
        while cuts[-1] < rows.size:
            most = int(np.searchsorted(ends, starts[cuts[-1]] + _BLOCK, side="right"))
            cuts.append(max(most, cuts[-1] + 1))
        spans = [(slice(a, b), int(starts[a]), int(ends[b - 1])) for a, b in pairwise(cuts)]
        room = np.empty(max((end - begin for _, begin, end in spans), default=0), self.dtype)
        indices = writeable(self.indices)
        return [(indices[i:j], self.data[i:j], room[: j - i], starts[s] - i, sums[s]) for s, i, j in spans]

    def _by_row(self, out: Array) -> Call:
        indices = writeable(self.indices)
        room = np.empty((int(np.diff(self.indptr).max(initial=0)), out.shape[1]), self.dtype)
        steps = [
            (indices[i:j], room[: j - i], self.data[i:j], out[row])
            for row, (i, j) in enumerate(pairwise(self.indptr.tolist()))
        ]

        def call(x: Array) -> Array:
            for columns, gathered, data, line in steps:
                x.take(columns, 0, gathered, "wrap")
                data.dot(gathered, line)
            return out

        return call

    def _by_sample(self, out: Array) -> Call:
        sample, result = np.empty((self.shape[1], 1), self.dtype), np.empty((self.shape[0], 1), self.dtype)
        one = self._one_sample(result)

        def call(x: Array) -> Array:
            for j in range(out.shape[1]):
                sample[:, 0] = x[:, j]
                one(sample)
                out[:, j] = result[:, 0]
            return out

        return call

    def _rows(self) -> Array:
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))


def _checked(csr: CSR) -> tuple[Array, Array, Array, tuple[int, int]]:
    """Return the parts of `csr` if they describe a matrix; nothing is copied yet."""
    rows, columns = pair_of_sizes(csr.shape, "CSR")
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
