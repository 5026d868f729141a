"""The product of a matrix in compressed sparse rows with one sample or a batch.

For one sample it is three calls over the stored entries, as in the picture in `csr`: gather, multiply, add. There are
two ways through a batch::

    by sample    the three calls for each sample: B · (some µs + nnz)
    by row       for each row gather the rows of x that it needs, then one BLAS call: rows · (some µs + nnz/rows · B)

By row is taken where a row has enough to do to pay for its Python step.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from minprune.arguments import Array, numeric
from minprune.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from minprune.inference.csr import CSR

_BLOCK = 65536  # entries gathered at a time, so that the products are still in the cache when they are added up
_STEP = 1500  # one Python step costs as much time as gathering, multiplying and adding about this many entries


class CSRProduct:
    """What ``csr.product()`` returns: ``csr @ x`` with scratch arrays of its own, for one thread at a time.

    Samples are read in place from ``x.T`` of a (batch, columns) array, rows from a (columns, batch) array; any other
    `x` is copied.

    Attributes
    ----------
    csr : CSR
    nbytes : int
        Bytes of the matrix and of what was made from it beforehand; scratch arrays apart.

    Examples
    --------
    >>> from minprune import CSR
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
        self._zeros = np.zeros(csr.shape[0], csr.dtype)
        self._batch = np.empty(0, csr.dtype)  # scratch of the row by row way, made when first used
        self._cut_into_blocks()
        made = [self._zeros, *([] if self._filled is None else [self._filled]), *(block[3] for block in self._blocks)]
        self.nbytes: int = csr.nbytes + sum(array.nbytes for array in made)

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
        self.into(x.astype(self.csr.dtype, copy=False), out)
        return out

    def into(self, x: Array, out: Array) -> None:
        """Write ``csr @ x`` to `out`, both known to be good: the call without its checks."""
        if x.ndim == 1:
            self._one_sample(x, out)
        elif self.csr.nnz * x.shape[1] > _STEP * self.csr.shape[0]:
            self._row_by_row(x, out)
        else:
            for j in range(x.shape[1]):
                self._one_sample(x[:, j], out[:, j])

    def _one_sample(self, x: Array, out: Array) -> None:
        sums = out if self._filled is None else self._sums
        for indices, data, products, offsets, rows in self._blocks:
            # The indices were checked when the matrix was made; "wrap" is the mode that does least to them again.
            x.take(indices, mode="wrap", out=products)
            np.multiply(products, data, out=products)
            np.add.reduceat(products, offsets, out=sums[rows])
        if self._filled is not None:
            out[...] = 0.0
            out[self._filled] = sums
        # A sum starts from +0.0: a row whose only product is -0.0 gives what a dense product gives. Zeros of the same
        # shape, because NumPy needs longer for a scalar.
        np.add(out, self._zeros, out=out)

    def _row_by_row(self, x: Array, out: Array) -> None:
        batch, longest = x.shape[1], int(np.diff(self.csr.indptr).max())
        lines = 1 + longest + (0 if x.flags.c_contiguous else x.shape[0])
        if self._batch.size < lines * batch:
            self._batch = np.empty(lines * batch, self.csr.dtype)
        scratch = self._batch[: lines * batch].reshape(lines, batch)
        line, room = scratch[0], scratch[1 : 1 + longest]
        if not x.flags.c_contiguous:
            scratch[1 + longest :] = x
            x = scratch[1 + longest :]
        for row, (begin, end) in enumerate(pairwise(self.csr.indptr.tolist())):
            gathered = room[: end - begin]
            x.take(self._indices[begin:end], axis=0, mode="wrap", out=gathered)
            np.dot(self.csr.data[begin:end], gathered, out=line)
            out[row] = line  # `out` may be strided, which dot refuses
        out += 0.0  # as for one sample

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
