"""A packed matrix: what the formats have in common.

A pruned layer is a matrix of which much is gone. A *format* says what is held of it, and how it is multiplied::

    format         held                                        multiply-adds a sample     wins
    DenseMatrix    everything                                  rows · columns             much is kept, large batches
    PackedDense    the rows and columns with anything in them  live rows · live columns   whole units are gone
    Panels         per panel of rows, the columns it looks at  Σ rows · columns           `Vectors`, `Blocks`
    ELL            as many entries for each row                rows · entries             `NM`, few samples
    CSR            the entries, row by row                     entries                    the same

Samples are columns here, as in algebra: y = W x with W (rows, columns), x (columns, batch) and y (rows, batch). A row
of W is an output, a column an input. With the samples side by side, what an output needs of all of them is the same few
*rows* of x, which lie in memory in one piece: that is why a sparse product in this layout, *feature-major*, is fast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from minprune.arguments import LARGEST_ARRAY, Array, Bools, float_dtype, mask_of_shape, numeric, whole
from minprune.display import count, percent, size
from minprune.errors import InvalidTypeError, InvalidValueError

Call = Callable[[Array], Array]


class Matrix(ABC):
    """A matrix in some format. It never changes, so threads may share it.

    A new format writes `_pack` and `to_dense`, which are each other's inverse, `into`, what it `_holds`, and
    `__reduce__`, so that a copy or an unpickled matrix is made, and its arrays frozen, like any other.

    Attributes
    ----------
    shape : (int, int)
        Rows and columns; either may be 0.
    dtype : dtype
        float32 or float64.
    nnz : int
        How many entries are stored because they were kept, zero or not; what only fills up a format is not counted.
    multiply_adds : int
        What is done for one sample, padding included.
    """

    __slots__ = ()
    __array_ufunc__ = None  # makes ``array @ matrix`` ask __rmatmul__ instead of making an array of objects

    shape: tuple[int, int]
    nnz: int
    multiply_adds: int

    @classmethod
    def from_dense(cls, w: object, mask: Bools | None = None) -> Self:
        """Pack a dense matrix: the kept entries if there is a mask, else every entry that is not +0.0.

        Entries are stored bit for bit, −0.0 and the payload of a NaN included.

        Parameters
        ----------
        w : (rows, columns) array
            float32 or float64 in any memory layout, or integers, which become float64. Copied, never written to.
        mask : (rows, columns) bool array, optional
            True = stored, zero or not.

        Raises
        ------
        InvalidTypeError, InvalidValueError
            Not a matrix of real numbers, or a mask of another shape.
        """
        return cls._pack(*cls._checked(w, mask))

    @classmethod
    def _checked(cls, w: object, mask: object) -> tuple[Array, Bools]:
        where = f"{cls.__name__}.from_dense"
        dense = numeric(w, "w", where)
        if dense.ndim != 2:
            raise InvalidValueError(f"w must have shape (rows, columns), got {dense.shape} in {where}()")
        if dense.dtype.kind in "iu":
            dense = dense.astype(np.float64)
        float_dtype(dense.dtype, where)
        if mask is None:
            mask = dense.view(f"u{dense.itemsize}") != 0  # by its bits, because -0.0 == 0.0
        return dense, mask_of_shape(mask, dense.shape, "w", where)

    @classmethod
    @abstractmethod
    def _pack(cls, w: Array, mask: Bools) -> Self:
        """Pack `w`, known to be good; where the mask is False, `w` may hold anything and counts as +0.0."""

    @abstractmethod
    def to_dense(self) -> Array:
        """Return the matrix as a new dense array; what is not stored is +0.0."""

    @abstractmethod
    def into(self, out: Array) -> Call:
        """Return ``x ↦ self @ x`` that writes to `out` and returns it, with its scratch made beforehand.

        Nothing is checked and nothing is allocated when it is called; it serves one thread at a time.

        Parameters
        ----------
        out : (rows, batch) array of the matrix's dtype, C-contiguous
            What is called takes (columns, batch) arrays of the same dtype, C-contiguous as well.
        """

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""

    @abstractmethod
    def _holds(self) -> tuple[Array, ...]:
        """Return the arrays it is made of."""

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays it holds: values, indices and padding; scratch is not part of the matrix."""
        return sum(array.nbytes for array in self._holds())

    @property
    def density(self) -> float:
        """The stored share of the matrix, a fraction; 0 for a matrix without entries."""
        return self.nnz / max(1, self.shape[0] * self.shape[1])

    def __matmul__(self, x: object) -> Array:
        """Return the product with `x`, (columns,) or (columns, batch), as a new array in the matrix's dtype.

        Raises
        ------
        InvalidTypeError, InvalidValueError
            If `x` doesn't fit. A value that is not finite is let through, to the rows that look at it.
        """
        rows, columns = self.shape
        given = numeric(x, "x", "matmul")
        if given.ndim not in (1, 2) or given.shape[0] != columns:
            raise InvalidValueError(
                f"x must have shape ({columns},) or ({columns}, batch), got {given.shape} in matmul()"
            )
        with np.errstate(over="ignore"):
            samples = np.ascontiguousarray(given[:, None] if given.ndim == 1 else given, self.dtype)
        out = np.zeros((rows, samples.shape[1]), self.dtype)
        if out.size and columns:
            with np.errstate(over="ignore", invalid="ignore"):  # infinite or NaN as a dense product would be
                self.into(out)(samples)
            out += 0.0  # a sum starts from +0.0: a row whose only product is -0.0 gives what a dense product gives
        return out[:, 0] if given.ndim == 1 else out

    def __rmatmul__(self, x: object) -> Array:
        name = type(self).__name__
        raise InvalidTypeError(f"a {name} multiplies from the left: x @ w is (w.T @ x.T).T; pack the transposed matrix")

    def _detail(self) -> str:
        return ""

    def __repr__(self) -> str:
        stored = f"{count(self.nnz)} stored ({percent(self.density)})"
        rows, columns = self.shape
        parts = [f"{type(self).__name__} {rows}×{columns} {self.dtype}", stored + self._detail(), size(self.nbytes)]
        return ", ".join(parts)


def pair_of_sizes(shape: object, where: str) -> tuple[int, int]:
    """Return rows and columns, either of which may be 0."""
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise InvalidTypeError(f"shape must be (rows, columns), got {shape!r} in {where}()")
    rows, columns = (whole(n, "shape", where, at_least=0, at_most=LARGEST_ARRAY) for n in shape)
    return rows, columns


def floats(array: object, name: str, where: str, dimensions: int) -> Array:
    """Return stored entries: a float32 or float64 array of so many dimensions."""
    entries = numeric(array, name, where)
    float_dtype(entries.dtype, where)
    if entries.ndim != dimensions:
        raise InvalidValueError(f"{name} must have {dimensions} dimensions, got shape {entries.shape} in {where}()")
    return entries


def integers(
    array: object, name: str, where: str, shape: tuple[int, ...] | None, below: int, *, rising: bool = False
) -> Array:
    """Return indices: whole numbers in [0, below) of this shape, or of one dimension and any length for None."""
    indices = numeric(array, name, where)
    if indices.dtype.kind not in "iu":
        raise InvalidTypeError(f"{name} must hold integers, got dtype {indices.dtype} in {where}()")
    if indices.shape != (shape if shape is not None else (indices.size,)):
        wanted = "one dimension" if shape is None else f"shape {shape}"
        raise InvalidValueError(f"{name} must have {wanted}, got shape {indices.shape} in {where}()")
    off = (indices < 0) | (indices >= below)
    if off.any():
        raise InvalidValueError(f"{name} must be in [0, {below}), got {indices[off][0]} in {where}()")
    if rising and (indices[1:] <= indices[:-1]).any():
        raise InvalidValueError(f"{name} must rise, got {_few(indices)} in {where}()")
    return indices.astype(np.intp, copy=False)


def _few(array: Array) -> str:
    return np.array2string(array, threshold=6, edgeitems=3)


def line_up(work: Sequence[Call], lines: Array, places: Array | None, out: Array) -> Call:
    """Return what has each part of the work fill its `lines`, and puts those in their order in `out`.

    `places` says where each row of `out` is found; None if `lines` is `out` already.
    """

    def call(x: Array) -> Array:
        for part in work:
            part(x)
        if places is not None:
            lines.take(places, 0, out, "wrap")
        return out

    return call


def frozen(array: Array) -> Array:
    """Return a read-only view of a copy."""
    view = np.array(array, order="C").view()
    view.flags.writeable = False
    return view


def writeable(array: Array) -> Array:
    """Return the array behind a `frozen` one, for ``take``, which copies read-only indices in every call."""
    behind = array.base
    assert isinstance(behind, np.ndarray)
    return behind
