"""ELL: as many entries for each row.

Where every output looks at the same number of inputs, as after ``NM(n, m)`` pruning, no row pointers are needed, and
the entries lie in a rectangle. It stands on its side here, with an output in each column::

    W = [[ 5  0  0  7 ]      values  = [ 5  8 ]     columns = [ 0  1 ]     the first entry of each row
         [ 0  8  6  0 ]]               [ 7  6 ]               [ 3  2 ]     the second

and y = W x is again gather, multiply, add, but the sum runs down the rectangle: it adds whole lines, which is what a
processor does best, instead of starting anew for each output::

    gather    x[columns]      [ x0   x1  ]
                              [ x3   x2  ]
    multiply  · values        [ 5x0  8x1 ]
                              [ 7x3  6x2 ]
    add       down            [ 5x0 + 7x3,  8x1 + 6x2 ]

A batch goes line by line: gather a row of x for each output, multiply, add to y.

Rows that differ are sorted by length and cut into a few *slices*, each filled up to its longest row with zeros at a
column that the row has anyway. So little is wasted (a tenth at most, if a few slices of thousands of entries can do
that) and the results are put back in order at the end. With `nnz'` entries, filled up, it costs::

    multiply-adds   nnz' · B              bytes   nnz' · (itemsize + 8) + rows · 8 if slices were sorted

Its place is one sample, like `CSR`'s, where it saves what `reduceat` takes for each row; and a batch of some twenty
samples where nearly all is pruned.

References: NVIDIA's ELLPACK, Bell & Garland (2009), "Implementing sparse matrix-vector multiplication on
throughput-oriented processors"; slices, Kreutzer et al. (2014), "A unified sparse matrix data format for efficient
general sparse matrix-vector multiplication".
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from minprune.arguments import Array, Bools, float_dtype, whole
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.inference.matrix import (
    Call,
    Matrix,
    floats,
    frozen,
    integers,
    line_up,
    pair_of_sizes,
    writeable,
)

_WASTE = 1.1  # fill-up that is accepted, as a multiple of the entries
_MOST_SLICES = 8
_LEAST = 4096  # entries of a slice: to gather fewer takes less time than calling NumPy


class ELL(Matrix):
    """Rows of equal length, or slices of nearly equal ones.

    Attributes
    ----------
    slices : list of (values, columns), arrays of shape (longest, rows of the slice)
    places : int array, (rows,), or None
        Where each row is found in the slices, one behind the other; past their end if it is empty. None if the rows
        are there in order.

    A sample that is not finite makes NaN of rows that are filled up, since 0 · ∞ is not 0.

    Examples
    --------
    >>> ell = ELL.from_dense(np.array([[5, 0, 0, 7], [0, 8, 6, 0]], np.float32))
    >>> ell
    ELL 2×4 float32, 4 stored (50.0 %), 2 in each row, 48 B
    >>> ell.slices[0][1]
    array([[0, 1],
           [3, 2]])
    >>> ell @ np.array([1, 2, 3, 4])
    array([33., 34.], dtype=float32)
    """

    def __init__(
        self, slices: list[tuple[Array, Array]], places: Array | None, shape: tuple[int, int], dtype: Any, nnz: int
    ) -> None:
        self.shape = pair_of_sizes(shape, "ELL")
        self._dtype: np.dtype[Any] = float_dtype(dtype, "ELL")
        self.slices = [(frozen(v), frozen(c)) for v, c in _checked_slices(slices, self._dtype, self.shape[1])]
        found = _checked_places(places, sum(values.shape[1] for values, _ in self.slices), self.shape[0])
        self.places = None if found is None else frozen(found)
        self.multiply_adds = sum(values.size for values, _ in self.slices)
        self.nnz = whole(nnz, "nnz", "ELL", at_least=0, at_most=self.multiply_adds)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.slices, self.places, self.shape, self._dtype, self.nnz)

    @classmethod
    def _pack(cls, w: Array, mask: Bools) -> Self:
        lengths = np.count_nonzero(mask, axis=1)
        nnz, filled = int(lengths.sum()), np.flatnonzero(lengths)
        order = filled[np.argsort(-lengths[filled], kind="stable")]
        parts = [order] if nnz else []
        while len(parts) < min(_MOST_SLICES, order.size, nnz // _LEAST):
            if sum(part.size * int(lengths[part].max(initial=0)) for part in parts) <= _WASTE * nnz:
                break
            parts = np.array_split(order, 2 * len(parts))
        places = None
        if len(parts) == 1 and filled.size == lengths.size:
            parts = [filled]
        else:
            places = np.full(lengths.size, order.size)
            places[order] = np.arange(order.size)
        return cls([_rectangle(w, mask, part) for part in parts if part.size], places, w.shape, w.dtype, nnz)

    def to_dense(self) -> Array:
        dense = np.zeros(self.shape, self.dtype)
        rows = np.arange(self.shape[0]) if self.places is None else np.argsort(self.places)
        for values, columns in self.slices:
            here, rows = rows[: values.shape[1]], rows[values.shape[1] :]
            for line, at in zip(values[::-1], columns[::-1], strict=True):  # so that the first entry has the last word
                dense[here, at] = line
        return dense

    def into(self, out: Array) -> Call:
        batch, stored = out.shape[1], sum(values.shape[1] for values, _ in self.slices)
        places = None if self.places is None else writeable(self.places)
        sums = out if places is None else np.zeros((stored + 1, batch), self.dtype)  # an empty row is found at the end
        first, work = 0, []
        for values, columns in self.slices:
            part = sums[first : first + values.shape[1]]
            first += values.shape[1]
            work.append((_one_sample if batch == 1 else _line_by_line)(values, writeable(columns), part))

        return line_up(work, sums, places, out)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    def _holds(self) -> tuple[Array, ...]:
        places = () if self.places is None else (self.places,)
        return *(array for pair in self.slices for array in pair), *places

    def _detail(self) -> str:
        longest = [len(values) for values, _ in self.slices]
        if len(longest) < 2:
            return f", {(longest or [0])[0]} in each row"
        return f", {longest[0]} … {longest[-1]} in each row of {len(longest)} slices"


def _checked_slices(slices: object, dtype: np.dtype[Any], columns: int) -> list[tuple[Array, Array]]:
    """Return pairs of values and columns of one shape."""
    if not isinstance(slices, list | tuple) or any(not isinstance(s, tuple) or len(s) != 2 for s in slices):
        raise InvalidTypeError("slices must be a list of pairs (values, columns) in ELL()")
    result = []
    for k, (given, at) in enumerate(slices):
        values = floats(given, f"values of slices[{k}]", "ELL", 2)
        if values.dtype != dtype:
            raise InvalidValueError(f"values of slices[{k}] must have dtype {dtype}, got {values.dtype} in ELL()")
        result.append((values, integers(at, f"columns of slices[{k}]", "ELL", values.shape, columns)))
    return result


def _checked_places(places: object, stored: int, rows: int) -> Array | None:
    """Return where each row is found: every stored one once."""
    if places is None:
        if stored != rows:
            raise InvalidValueError(f"places must say where the {rows} rows are, {stored} stored, got None in ELL()")
        return None
    found = integers(places, "places", "ELL", (rows,), stored + 1)
    if not np.array_equal(np.sort(found[found < stored]), np.arange(stored)):
        raise InvalidValueError(f"places must name each of the {stored} stored rows once in ELL()")
    return found


def _rectangle(w: Array, mask: Bools, rows: Array) -> tuple[Array, Array]:
    """Return values and columns of the kept entries of some rows, none of them empty, each (longest, rows)."""
    kept = mask[rows]
    lengths = np.count_nonzero(kept, axis=1)
    row, column = np.nonzero(kept)
    place = np.arange(row.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    values, columns = (np.zeros((int(lengths.max()), rows.size), kind) for kind in (w.dtype, np.intp))
    columns[:] = kept.argmax(axis=1)  # what fills up looks at a column that the row has anyway
    values[place, row], columns[place, row] = w[rows[row], column], column
    return values, columns


def _one_sample(values: Array, columns: Any, out: Array) -> Call:
    products, sums = np.empty_like(values), out[:, 0]

    def call(x: Array) -> Array:
        x.take(columns, None, products, "wrap")
        np.multiply(products, values, products)
        np.add.reduce(products, 0, None, sums)  # type: ignore[call-overload]  # by place, which is quicker
        return out

    return call


def _line_by_line(values: Array, columns: Any, out: Array) -> Call:
    gathered = np.empty_like(out)
    lines = [(line[:, None], at) for line, at in zip(values, columns, strict=True)]

    def call(x: Array) -> Array:
        out[...] = 0.0
        for line, at in lines:
            x.take(at, 0, gathered, "wrap")
            np.multiply(gathered, line, gathered)
            np.add(out, gathered, out)
        return out

    return call
