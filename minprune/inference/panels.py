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

There are two ways to go through them. *Together*: a ``take`` gathers for many panels and one batched ``matmul``
multiplies, so NumPy is called twice for all of them. For that they are sorted by width and cut into a few groups, each
filled up to equal size, and the results are put back in order at the end: best for small panels and few samples.
*Apart* (``together=False``): gather, ``dot``, next, with nothing filled up and a buffer that stays in the cache.

Its place, measured in float32 on two threads: times as fast as dense BLAS, random vectors of r outputs, one layer that
is called again and again, so that what is small stays in the cache (``tests/benchmarks/formats.py``)::

                      1024 × 1024                4096 × 4096
    pruned    r       B = 1    16     256        1      16     256
    90 %      16      2.0      2.7    2.9        6.1    3.3    3.2
    90 %      64      2.8      3.9    5.9        8.9    5.4    6.3
    95 %      64      5.5      6.5    9.3        17     10     12

What keeps it from the ideal, 1/density: BLAS works on such a small product with one thread, at half its best speed or
less. And in a network whose weights leave the cache that thread waits for memory: three layers of 4096 at 90 % and
batch 16 are 3.2 times as fast as dense, not 5.4 (``tutorials/results/speed.md``). The gather takes a tenth. Two Python
threads gained nothing, since OpenBLAS lets only one of them in at a time.

The panels are found from the mask: neighbours with the same columns. Rows that share nothing make panels of height one;
then this is a slow way to write `CSR`.

Reference: Narang, Undersander & Diamos (2017), "Block-sparse recurrent neural networks", for blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
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

_FILL = 1.15  # filling up that is accepted, as a multiple of what is stored
_MOST_GROUPS = 8
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
    starts, heights, widths : int arrays, (panels,)
        The row of the matrix each panel begins at, and its rows and columns that are not filling.
    """

    values: Array
    columns: Array
    starts: Array
    heights: Array
    widths: Array

    def __post_init__(self) -> None:
        values = floats(self.values, "values", "Group", 3)
        panels, height, width = values.shape
        most = np.iinfo(np.intp).max
        object.__setattr__(self, "values", frozen(values))
        for name, shape, below in (
            ("columns", (panels, width), most),
            ("starts", (panels,), most),
            ("heights", (panels,), height + 1),
            ("widths", (panels,), width + 1),
        ):
            object.__setattr__(self, name, frozen(integers(getattr(self, name), name, "Group", shape, below)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.values, self.columns, self.starts, self.heights, self.widths)


class Panels(Matrix):
    """Runs of rows with the same columns, each a small dense matrix.

    A sample that is not finite makes NaN of panels that are filled up, since 0 · ∞ is not 0.

    Examples
    --------
    >>> panels = Panels.from_dense(np.array([[1.0, 0, 2, 0], [3, 0, 4, 0], [0, 0, 0, 5], [0, 0, 0, 6]]))
    >>> panels
    Panels 4×4 float64, 6 stored (37.5 %), 2 panels, 1 … 2 columns in each, 120 B
    >>> panels @ np.array([1, 2, 3, 4])
    array([ 7., 15., 20., 24.])
    """

    def __init__(self, groups: list[Group], shape: tuple[int, int], dtype: Any, nnz: int, together: bool) -> None:
        self.shape = pair_of_sizes(shape, "Panels")
        self._dtype: np.dtype[Any] = float_dtype(dtype, "Panels")
        if not isinstance(together, bool):
            raise InvalidTypeError(f"together must be True or False, got {together!r} in Panels()")
        _check_groups(groups, self._dtype, self.shape, together)
        self.groups, self.together = groups, together
        self.multiply_adds = sum(group.values.size for group in groups)
        self.nnz = whole(nnz, "nnz", "Panels", at_least=0, at_most=self.multiply_adds)

    @classmethod
    def from_dense(cls, w: object, mask: Bools | None = None, *, together: bool = True) -> Self:
        """Pack a dense matrix, as in `Matrix.from_dense`.

        Parameters
        ----------
        w, mask
            As there.
        together : bool
            Whether panels are filled up to groups that are multiplied at once, or each is multiplied by itself.
        """
        if not isinstance(together, bool):
            raise InvalidTypeError(f"together must be True or False, got {together!r} in Panels.from_dense()")
        return cls._pack(*cls._checked(w, mask), together=together)

    @classmethod
    def _pack(cls, w: Array, mask: Bools, together: bool = True) -> Self:
        bounds = panel_starts(mask)
        starts, heights, widths = bounds[:-1], np.diff(bounds), np.count_nonzero(mask[bounds[:-1]], axis=1)
        filled = np.flatnonzero(widths)
        if together:
            parts = _alike(filled[np.argsort(widths[filled], kind="stable")], heights, widths)
        else:
            parts = [filled[p : p + 1] for p in range(filled.size)]
        groups = [_group(w, mask, starts[part], heights[part], widths[part]) for part in parts]
        return cls(groups, w.shape, w.dtype, int(np.count_nonzero(mask)), together)

    def to_dense(self) -> Array:
        dense = np.zeros(self.shape, self.dtype)
        for group in self.groups:
            for p, (start, height, width) in enumerate(zip(group.starts, group.heights, group.widths, strict=True)):
                rows = np.arange(start, start + height)
                dense[rows[:, None], group.columns[p, :width]] = group.values[p, :height, :width]
        return dense

    def into(self, out: Array) -> Call:
        return self._together(out) if self.together else self._apart(out)

    def _apart(self, out: Array) -> Call:
        work = [_one(group, out) for group in self.groups]
        empty = sum(int(group.heights.sum()) for group in self.groups) < self.shape[0]

        def call(x: Array) -> Array:
            if empty:
                out[...] = 0.0
            for multiply in work:
                multiply(x)
            return out

        return call

    def _together(self, out: Array) -> Call:
        batch, filled = out.shape[1], sum(group.values.shape[0] * group.values.shape[1] for group in self.groups)
        places = np.full(self.shape[0], filled)  # a row without columns is found behind the others, and is zero
        first = 0
        for group in self.groups:
            for start, height in zip(group.starts, group.heights, strict=True):
                places[start : start + height] = first + np.arange(height)
                first += group.values.shape[1]
        in_order = np.array_equal(places, np.arange(filled))
        lines = out if in_order else np.zeros((filled + 1, batch), out.dtype)
        first, work = 0, []
        for group in self.groups:
            panels, height, width = group.values.shape
            many = max(1, _CACHE // (width * batch * out.itemsize))
            gathered = np.empty((min(many, panels), width, batch), out.dtype)
            for p in range(0, panels, many):
                last = min(p + many, panels)
                part = lines[first : first + (last - p) * height].reshape(last - p, height, batch)
                first += (last - p) * height
                work.append(_some(group.values[p:last], writeable(group.columns)[p:last], gathered[: last - p], part))

        return line_up(work, lines, None if in_order else places, out)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    def _holds(self) -> tuple[Array, ...]:
        return tuple(a for g in self.groups for a in (g.values, g.columns, g.starts, g.heights, g.widths))

    def _detail(self) -> str:
        widths = [int(width) for group in self.groups for width in group.widths]
        if not widths:
            return ", 0 panels"
        return f", {len(widths)} panels, {min(widths)} … {max(widths)} columns in each"


def _check_groups(groups: object, dtype: np.dtype[Any], shape: tuple[int, int], together: bool) -> None:
    """Refuse panels that are not in the matrix, or lie over each other."""
    if not isinstance(groups, list) or not all(isinstance(group, Group) for group in groups):
        raise InvalidTypeError(f"groups must be a list of Groups, got {type(groups).__name__} in Panels()")
    if not groups:
        return
    for k, group in enumerate(groups):
        if group.values.dtype != dtype:
            raise InvalidValueError(
                f"values of groups[{k}] must have dtype {dtype}, got {group.values.dtype} in Panels()"
            )
        if not together and (len(group.values) != 1 or group.heights[0] != group.values.shape[1]):
            raise InvalidValueError(f"groups[{k}] must hold one panel, not filled up, if not together in Panels()")
    last = max(int(group.columns.max(initial=-1)) for group in groups)
    if last >= shape[1]:
        raise InvalidValueError(f"columns must be in [0, {shape[1]}), got {last} in Panels()")
    starts, heights = (np.concatenate([getattr(group, name) for group in groups]) for name in ("starts", "heights"))
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], (starts + heights)[order]
    if (starts[1:] < ends[:-1]).any() or ends.max(initial=0) > shape[0]:
        raise InvalidValueError(f"panels must lie apart within {shape[0]} rows in Panels()")


def panel_starts(mask: Bools) -> Array:
    """Return the rows at which the columns change, 0 first and the number of rows last."""
    changes = np.flatnonzero((mask[1:] != mask[:-1]).any(axis=1)) + 1
    return np.concatenate([[0], changes, [len(mask)]]) if len(mask) else np.zeros(1, np.intp)


def _alike(order: Array, heights: Array, widths: Array) -> list[Array]:
    """Cut panels, sorted by width, into as few groups as filling up allows; each in the order of its rows."""
    parts = [order] if order.size else []
    stored = int((heights * widths).sum())
    while len(parts) < min(_MOST_GROUPS, order.size):
        if sum(part.size * int(heights[part].max()) * int(widths[part].max()) for part in parts) <= _FILL * stored:
            break
        parts = [part for part in np.array_split(order, 2 * len(parts)) if part.size]
    return [np.sort(part) for part in parts]


def _group(w: Array, mask: Bools, starts: Array, heights: Array, widths: Array) -> Group:
    values = np.zeros((len(widths), heights.max(), widths.max()), w.dtype)
    columns = np.zeros((len(widths), widths.max()), np.intp)
    for p, (start, height) in enumerate(zip(starts, heights, strict=True)):
        at = np.flatnonzero(mask[start])
        columns[p] = at[0]
        columns[p, : at.size] = at
        values[p, :height, : at.size] = w[start : start + height, at]
    return Group(values, columns, starts, heights, widths)


def _one(group: Group, out: Array) -> Call:
    start = int(group.starts[0])
    values, at, part = group.values[0], writeable(group.columns)[0], out[start : start + int(group.heights[0])]
    gathered = np.empty((at.size, out.shape[1]), out.dtype)

    def call(x: Array) -> Array:
        values.dot(x.take(at, 0, gathered, "wrap"), part)
        return part

    return call


def _some(values: Array, columns: Array, gathered: Array, result: Array) -> Call:
    def call(x: Array) -> Array:
        np.matmul(values, x.take(columns, 0, gathered, "wrap"), result)
        return result

    return call
