"""Panels: neighbouring outputs that look at the same inputs.

After ``Vectors(64)`` pruning 64 outputs in a row keep or drop an input together. So what is left of their 64 rows is a
*dense* matrix, a panel, on the few inputs that they share::

    W = [[ 1  0  2  0 ]       columns [ 0  2 ]   values [ 1  2 ]       y[0:2] = [ 1  2 ] · [ x0 ]
         [ 3  0  4  0 ]                                 [ 3  4 ]                [ 3  4 ]   [ x2 ]
         [ 0  0  0  5 ]       columns [ 3 ]      values [ 5 ]          y[2:4] = [ 5 ] · [ x3 ]
         [ 0  0  0  6 ]]                                [ 6 ]                   [ 6 ]

The product is: gather the rows of x that a panel looks at, one memory copy each, then multiply at the speed of BLAS.
What it gathers it uses r times, r being the panel's height, and that is why it beats a product entry by entry.
With panels of r rows and K columns and B samples it costs::

    multiply-adds   Σ r · K · B        gathered   Σ K · B        bytes   Σ r · K · itemsize + K · 8

There are two ways through the panels. *One by one*: gather, ``dot``, next; its buffer stays in the cache. *Together*:
a ``take`` gathers for many panels and one batched ``matmul`` multiplies, so NumPy is called twice in all; for that,
panels are filled up to groups of equal size (an eighth more at most). Small panels go together, large ones one by one.

Its place, measured in float32 on two threads: times as fast as dense BLAS, random vectors of r outputs, one layer
(``tests/benchmarks/speed.py``)::

                      1024 × 1024                4096 × 4096
    pruned    r       B = 1    16     256        1      16     256
    90 %      16      2.0      2.7    2.9        6.1    3.3    3.2
    90 %      64      2.8      3.9    5.9        8.9    5.4    6.3
    95 %      64      5.5      6.5    9.3        17     10     12

The gather is what keeps it from the ideal, 1/density: K rows are copied for r · K multiply-adds a sample. The panels
are found from the mask: neighbours with the same columns. Rows that share nothing make panels of height one; then this
is a slow way to write `CSR`.

Reference: Narang, Undersander & Diamos (2017), "Block-sparse recurrent neural networks", for blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np

from minprune.arguments import Array, Bools
from minprune.inference.matrix import Call, Matrix, frozen, writeable

_FILL = 1.125  # filling up that is accepted, as a multiple of a group's values
_LARGE = 1 << 17  # multiply-adds from which a panel goes by itself
_CACHE = 1 << 18  # bytes gathered at a time


@dataclass(frozen=True, eq=False)
class Group:
    """Panels of about equal size, filled up to equal size.

    Attributes
    ----------
    values : array, (panels, r, K)
        Rows and columns that fill up are zero.
    columns : int array, (panels, K)
        Columns that fill up repeat the panel's first.
    starts : int array, (panels + 1,)
        The row of the matrix each panel begins at, and where the last ends: heights are their differences.
    widths : int array, (panels,)
        The columns of each that are not filling.
    """

    values: Array
    columns: Array
    starts: Array
    widths: Array

    def __post_init__(self) -> None:
        for name in ("values", "columns", "starts", "widths"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.values, self.columns, self.starts, self.widths)


class Panels(Matrix):
    """Runs of rows with the same columns, each a small dense matrix.

    Examples
    --------
    >>> panels = Panels.from_dense(np.array([[1.0, 0, 2, 0], [3, 0, 4, 0], [0, 0, 0, 5], [0, 0, 0, 6]]))
    >>> panels
    Panels 4×4 float64, 6 stored (37.5 %), 2 panels, 1 … 2 columns in each, 120 B
    >>> panels @ np.array([1, 2, 3, 4])
    array([ 7., 15., 20., 24.])
    """

    def __init__(self, groups: list[Group], shape: tuple[int, int], dtype: Any, nnz: int) -> None:
        self.groups = groups
        self.shape, self.nnz = shape, nnz
        self._dtype: np.dtype[Any] = np.dtype(dtype)
        self.multiply_adds = sum(group.values.size for group in groups)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.groups, self.shape, self._dtype, self.nnz)

    @classmethod
    def _pack(cls, w: Array, mask: Bools) -> Self:
        starts = panel_starts(mask)
        widths = np.count_nonzero(mask[starts[:-1]], axis=1)
        groups, first = [], 0
        for last in range(1, widths.size + 1):
            if last == widths.size or not _fits(starts[first : last + 2], widths[first : last + 1]):
                groups.append(_group(w, mask, starts[first : last + 1], widths[first:last]))
                first = last
        return cls([g for g in groups if g.values.size], w.shape, w.dtype, int(np.count_nonzero(mask)))

    def to_dense(self) -> Array:
        dense = np.zeros(self.shape, self.dtype)
        for group in self.groups:
            for p, width in enumerate(group.widths):
                rows = np.arange(group.starts[p], group.starts[p + 1])
                dense[rows[:, None], group.columns[p, :width]] = group.values[p, : rows.size, :width]
        return dense

    def into(self, out: Array) -> Call:
        covered = sum(int(group.starts[-1] - group.starts[0]) for group in self.groups)
        empty = covered < self.shape[0]
        work = [do for group in self.groups for do in _ways(group, out)]

        def call(x: Array) -> Array:
            if empty:
                out[...] = 0.0
            for multiply in work:
                multiply(x)
            return out

        return call

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    def _holds(self) -> tuple[Array, ...]:
        return tuple(array for g in self.groups for array in (g.values, g.columns, g.starts, g.widths))

    def _detail(self) -> str:
        widths = [int(width) for group in self.groups for width in group.widths]
        if not widths:
            return ", 0 panels"
        return f", {len(widths)} panels, {min(widths)} … {max(widths)} columns in each"


def panel_starts(mask: Bools) -> Array:
    """Return the rows at which the columns change, 0 first and the number of rows last."""
    changes = np.flatnonzero((mask[1:] != mask[:-1]).any(axis=1)) + 1
    return np.concatenate([[0], changes, [len(mask)]]) if len(mask) else np.zeros(1, np.intp)


def _fits(starts: Array, widths: Array) -> bool:
    """Return whether panels make a group: none is empty, and filling them up costs little."""
    heights = np.diff(starts)
    return bool(widths.all() and len(widths) * heights.max() * widths.max() <= _FILL * (heights * widths).sum())


def _group(w: Array, mask: Bools, starts: Array, widths: Array) -> Group:
    heights = np.diff(starts)
    values = np.zeros((len(widths), heights.max(), widths.max()), w.dtype)
    columns = np.zeros((len(widths), widths.max()), np.intp)
    for p, (a, b) in enumerate(pairwise(starts.tolist())):
        at = np.flatnonzero(mask[a])
        columns[p] = at[0] if at.size else 0
        columns[p, : at.size] = at
        values[p, : b - a, : at.size] = w[a:b, at]
    return Group(values, columns, starts.astype(np.intp), widths.astype(np.intp))


def _ways(group: Group, out: Array) -> list[Call]:
    """Return what multiplies the panels of a group, those that go together cut to gather what the cache holds."""
    panels, height, width = group.values.shape
    batch = out.shape[1]
    if panels == 1 or height * width * batch >= _LARGE:
        return [_one(group, p, out) for p in range(panels)]
    many = max(1, _CACHE // (width * batch * out.itemsize))
    gathered = np.empty((min(many, panels), width, batch), out.dtype)
    return [_together(group, slice(p, min(p + many, panels)), gathered, out) for p in range(0, panels, many)]


def _one(group: Group, p: int, out: Array) -> Call:
    begin, end = int(group.starts[p]), int(group.starts[p + 1])
    values, at, part = group.values[p, : end - begin], writeable(group.columns)[p], out[begin:end]
    gathered = np.empty((at.size, out.shape[1]), out.dtype)

    def call(x: Array) -> Array:
        return values.dot(x.take(at, 0, gathered, "wrap"), part)

    return call


def _together(group: Group, which: slice, room: Array, out: Array) -> Call:
    columns = writeable(group.columns)
    values, at = group.values[which], columns[which]
    starts = group.starts[which.start : which.stop + 1]
    gathered, height = room[: len(values)], values.shape[1]
    part = out[starts[0] : starts[-1]]
    if (np.diff(starts) == height).all():
        result = part.reshape(len(values), height, -1)

        def call(x: Array) -> Array:
            return np.matmul(values, x.take(at, 0, gathered, "wrap"), result)

        return call
    result = np.empty((len(values), height, out.shape[1]), out.dtype)
    lines = result.reshape(-1, out.shape[1])
    places = np.concatenate([p * height + np.arange(n) for p, n in enumerate(np.diff(starts))])

    def call_uneven(x: Array) -> Array:
        np.matmul(values, x.take(at, 0, gathered, "wrap"), result)
        return lines.take(places, 0, part, "wrap")

    return call_uneven
