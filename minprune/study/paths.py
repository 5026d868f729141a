"""Paths from inputs to outputs: what is still connected to what.

For masks M_1 … M_L of shapes (inputs, outputs), one after another, a path goes from an input to an output along kept
weights, one in each layer. From a unit i there are as many ways on as from all the units that it leads to::

    ways_L+1 = 1        ways_l = M_l ways_l+1        paths = Σ ways_1 = 1ᵀ M_1 M_2 … M_L 1

A dense 784-300-100-10 has 235 million of them; with four layers of 100 more, no float holds the number exactly. So they
are counted in whole numbers of any size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minprune.arguments import Bools


def reached(masks: Sequence[Bools]) -> list[Bools]:
    """Return which units a path leads to: of the inputs (all do), then of the units of each layer.

    Which units lead on to an output is the same question, asked backwards: ``reached([m.T for m in masks[::-1]])``.

    Examples
    --------
    >>> reached([np.array([[True, False]]), np.array([[False], [True]])])
    [array([ True]), array([ True, False]), array([False])]
    """
    units: list[Bools] = [np.ones(len(masks[0]), np.bool_)]
    for mask in masks:
        units.append(np.any(mask[units[-1]], axis=0))
    return units


def count_paths(masks: Sequence[Bools]) -> int:
    """Return the exact number of paths through `masks`.

    Examples
    --------
    >>> count_paths([np.array([[True, True], [False, True]]), np.array([[True], [True]])])
    3
    """
    ways = [1] * masks[-1].shape[1]
    for mask in reversed(masks):
        ways = _times(mask, ways)
    return sum(ways)


def _times(mask: Bools, numbers: list[int]) -> list[int]:
    """Return mask @ numbers, for whole numbers of any size.

    They are cut into parts of 31 bits: a sum of at most 2³¹ of those is exact in 64 bits, and NumPy does it.
    """
    result, shift = [0] * len(mask), 0
    while any(numbers):
        parts = np.array([number & (2**31 - 1) for number in numbers], np.int64)
        sums = np.einsum("ij,j->i", mask, parts).tolist()  # unlike @, it makes no 64-bit copy of the whole mask
        result = [so_far + (more << shift) for so_far, more in zip(result, sums, strict=True)]
        numbers, shift = [number >> 31 for number in numbers], shift + 31
    return result
