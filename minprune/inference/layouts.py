"""Two ways for a batch to lie in memory, and how to get from one to the other.

    rows       (batch, width)        a sample after the other: how data come and answers leave; dense BLAS likes it
    features   (width + 1, batch)    a feature of all samples, then the next: what a sparse product gathers is one piece

The feature-major array has one more line, and that is all ones: so a bias is just one more weight, on an input that is
always 1, and no kernel has to add it. For one sample the two are the same numbers in the same order.

To transpose is not free. From 256 × 4096 floats NumPy takes 29 ms if it reads down columns that lie a power of two
bytes apart, since all of them fall on the same few places of the cache; from rows that are 16 floats longer it takes
1 ms. So large batches go through such rows first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minprune.arguments import Array
from minprune.inference.matrix import Call

ROWS, FEATURES = "rows", "features"
_PAD = 16  # floats: a cache line
_SMALL = 32  # neither side longer: no detour


def blank(width: int, batch: int, dtype: np.dtype[Any]) -> Array:
    """Return a new feature-major array with its line of ones; the rest is zero."""
    result = np.zeros((width + 1, batch), dtype)
    result[width] = 1
    return result


def to_features(width: int, batch: int, dtype: np.dtype[Any]) -> Call:
    """Return what brings a batch, (batch, width), into its feature-major array, made here once."""
    result = blank(width, batch, dtype)
    lines = result[:width].T
    if min(width, batch) <= _SMALL:
        straight = lines.__setitem__

        def copy(x: Array) -> Array:
            straight(..., x)
            return result

        return copy
    detour = np.empty((batch, width + _PAD), dtype)[:, :width]

    def transpose(x: Array) -> Array:
        detour[...] = x
        lines[...] = detour
        return result

    return transpose


def to_rows(width: int, batch: int, dtype: np.dtype[Any]) -> Call:
    """Return what brings a feature-major array, (width + 1, batch), into an array of rows, made here once."""
    result = np.empty((batch, width), dtype)
    lines = result.T
    detour = np.empty((width, batch + _PAD), dtype)[:, :batch] if min(width, batch) > _SMALL else None

    def transpose(x: Array) -> Array:
        if detour is None:
            lines[...] = x[:width]
        else:
            detour[...] = x[:width]
            lines[...] = detour
        return result

    return transpose
