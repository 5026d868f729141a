"""Matrix formats and programs that break a law each."""
# ruff: noqa: D101, D103  (what each one does wrong stands above it)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minprune.arguments import Array, Bools
from minprune.nn.network import Network
from minprune.testing.broken.registry import breaks


class Rows:
    """Compressed sparse rows in a few lines, and right; a base for what goes wrong."""

    def __init__(self, data: Array, columns: Array, starts: Array, shape: tuple[int, ...]) -> None:
        self.data, self.columns, self.starts, self.shape = data, columns, starts, shape
        self.dtype = data.dtype

    @classmethod
    def stored(cls, w: Array, mask: Bools | None) -> Bools:
        """Return which entries to store: those of the mask, or all that are not +0.0."""
        if mask is not None:
            return mask
        kept: Bools = (w != 0) | np.signbit(w)
        return kept

    @classmethod
    def from_dense(cls, w: Array, mask: Bools | None = None) -> Rows:
        rows, columns = np.nonzero(cls.stored(w, mask))
        starts = np.searchsorted(rows, np.arange(w.shape[0] + 1))
        return cls(w[rows, columns], columns, starts, w.shape)

    def to_dense(self) -> Array:
        dense = np.zeros(self.shape, self.dtype)
        dense[np.repeat(np.arange(self.shape[0]), np.diff(self.starts)), self.columns] = self.data
        return dense

    def __matmul__(self, x: Array) -> Array:
        y = np.zeros((self.shape[0], *x.shape[1:]), self.dtype)
        for r in range(self.shape[0]):
            here = slice(self.starts[r], self.starts[r + 1])
            y[r] = self.data[here] @ x[self.columns[here]]
        return y

    @property
    def nbytes(self) -> int:
        return self.data.nbytes + self.columns.nbytes + self.starts.nbytes


@breaks("format_round_trip", "`w != 0` decides what is stored: −0.0 comes back as +0.0", also=("layout_free",))
class LosesTheSign(Rows):
    @classmethod
    def stored(cls, w: Array, mask: Bools | None) -> Bools:
        kept: Bools = w != 0 if mask is None else mask
        return kept


@breaks("matmul_equal", "`np.add.reduceat` on all rows: an empty one repeats an entry that is another's")
class EmptyRowsRepeat(Rows):
    def __matmul__(self, x: Array) -> Array:
        if not self.data.size:
            return np.zeros((self.shape[0], *x.shape[1:]), self.dtype)
        products = self.data.reshape(-1, *[1] * (x.ndim - 1)) * x[self.columns]
        sums: Array = np.add.reduceat(products, np.minimum(self.starts[:-1], len(products) - 1), axis=0)
        return sums


@breaks("bytes_honest", "the bytes of the values alone: as if indices were for nothing")
class ValuesAlone(Rows):
    @property
    def nbytes(self) -> int:
        return self.data.nbytes


@breaks("layout_free", "`x.ravel(order='K')` to go through x quickly: in Fortran order that is another x")
class ByMemoryOrder(Rows):
    def __matmul__(self, x: Array) -> Array:
        return super().__matmul__(x.ravel(order="K").reshape(x.shape))


Program = Callable[[Any], Array]


def accepting(batch_size: object, network: Network) -> Network:
    """Return the network if the batch size is one."""
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size!r}")
    return network


@breaks("program_equal", "the last bias is forgotten")
def forgets_a_bias(network: Network, batch_size: int) -> Program:
    program = accepting(batch_size, network.copy())
    bias = program.dense[-1].bias
    if bias is not None:
        bias.value = np.zeros(bias.shape, bias.dtype)
    return program


@breaks("program_repeats", "the result is a buffer of its own, and the next call writes into it")
def hands_out_its_buffer(network: Network, batch_size: int) -> Program:
    program = accepting(batch_size, network.copy())
    buffers: dict[int, Array] = {}

    def call(x: Array) -> Array:
        y = program(x)
        buffer = buffers.setdefault(len(y), np.empty_like(y))
        buffer[...] = y
        return buffer

    return call
