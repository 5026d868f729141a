"""Two ways for a batch to lie in memory, and how to get from one to the other.

    rows       (batch, width)        a sample after the other: how data come and answers leave; dense BLAS likes it
    features   (width + 1, batch)    a feature of all samples, then the next: what a sparse product gathers is one piece

The feature-major array has one more line, and that is all ones: so a bias is just one more weight, on an input that is
always 1, and no kernel has to add it. For one sample the two are the same numbers in the same order.

To transpose is not free. To turn 256 × 4096 floats NumPy takes 4.5 ms, three times as long as if the rows were 16
floats longer: lines that lie a multiple of a kilobyte apart fall on the same few places of the cache. So such lines go
through longer ones first, where that pays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minprune.arguments import Array
from minprune.inference.matrix import Call

ROWS, FEATURES = "rows", "features"
_PAD = 16  # floats: a cache line
_APART = 1024  # bytes: lines that lie a multiple of this apart are in each other's way
_FEW = 8  # lines that are not


def blank(width: int, batch: int, dtype: np.dtype[Any]) -> Array:
    """Return a new feature-major array with its line of ones; the rest is zero."""
    result = np.zeros((width + 1, batch), dtype)
    result[width] = 1
    return result


def to_features(width: int, batch: int, dtype: np.dtype[Any]) -> Call:
    """Return what brings a batch, (batch, width), into its feature-major array, made here once."""
    result = blank(width, batch, dtype)
    lines = result[:width].T
    detour = _longer(batch, width, dtype)

    def turn(x: Array) -> Array:
        if detour is not None:
            detour[...] = x
            x = detour
        lines[...] = x
        return result

    return turn


def to_rows(width: int, batch: int, dtype: np.dtype[Any]) -> Call:
    """Return what brings a feature-major array, (width + 1, batch), into an array of rows, made here once."""
    result = np.empty((batch, width), dtype)
    lines = result.T
    detour = _longer(width, batch, dtype)

    def turn(x: Array) -> Array:
        x = x[:width]
        if detour is not None:
            detour[...] = x
            x = detour
        lines[...] = x
        return result

    return turn


def _longer(lines: int, length: int, dtype: np.dtype[Any]) -> Array | None:
    """Return an array of this shape whose lines lie further apart, or None where that gains nothing."""
    if lines < _FEW or length * dtype.itemsize % _APART:
        return None
    return np.empty((lines, length + _PAD), dtype)[:, :length]
