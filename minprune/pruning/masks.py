"""Masks: bool arrays in which True means kept, and the one selection that everything counts on.

    lowest(s, k)[i] = 1  ⇔  i is among the first k when positions are ordered by (score, position)

That is exact for any scores, all equal included, where a comparison with a threshold is not: ten equal scores cut
"below the median" lose none or all ten. It is linear in the number of scores: `np.partition` finds the k-th smallest
without sorting, what is below it goes, and of those equal to it just enough, the lower positions first. Where what is
counted is not scores but the sizes that come with them, the cut is found by halving, and it is linear still.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minprune.arguments import RNG, Array, Bools, generator, mask_of_shape
from minprune.errors import InvalidTypeError

_SAMPLE = 4096


def lowest(scores: Array, count: int) -> Bools:
    """Return True at the `count` lowest scores; of equal scores, those at lower positions come first.

    Parameters
    ----------
    scores : array, (n,)
        No NaN.
    count : int
        0 ≤ count ≤ n.

    Examples
    --------
    >>> lowest(np.array([3.0, 1.0, 1.0, 1.0]), 2)
    array([False,  True,  True, False])
    """
    if count <= 0 or count >= scores.size:
        return np.full(scores.size, count > 0)
    cut = _nth_lowest(scores, count)
    chosen: Bools = scores < cut
    short = count - int(np.count_nonzero(chosen))
    tied = scores == cut
    end = _length_with(tied, short)
    chosen[:end] |= tied[:end]
    return chosen


def lowest_within(scores: Array, sizes: Array, budget: int) -> Bools:
    """Return True at the longest prefix, in the order (score, position), whose sizes add up to `budget` or less.

    Parameters
    ----------
    scores : array, (n,)
        No NaN.
    sizes : int array, (n,)
        Each ≥ 1.
    budget : int

    Examples
    --------
    >>> lowest_within(np.array([3.0, 1.0, 2.0, 0.0]), np.array([1, 4, 5, 2]), 10)
    array([False,  True, False,  True])
    """
    if sizes.sum() <= budget:
        return np.ones(scores.size, dtype=np.bool_)
    # The score at which the budget runs out lies among `values`. Half of them go each time: those below the middle as
    # paid for, or those above it as out of reach.
    values, costs, left = scores, sizes, budget
    while True:
        middle = _nth_lowest(values, (values.size + 1) // 2)
        below, above = values < middle, values > middle
        cost = int(costs[below].sum())
        if cost > left:
            values, costs = values[below], costs[below]
            continue
        tied = int(costs.sum()) - cost - int(costs[above].sum())
        left -= cost
        if tied > left:
            break
        values, costs, left = values[above], costs[above], left - tied
    chosen: Bools = scores < middle
    equal = np.flatnonzero(scores == middle)
    chosen[equal[: np.searchsorted(np.cumsum(sizes[equal]), left, side="right")]] = True
    return chosen


def _length_with(flags: Bools, n: int) -> int:
    """Return how long the shortest prefix with n Trues is: by halving, since counting is cheaper than listing them."""
    start, stop = 0, flags.size
    while stop - start > 1:
        middle = (start + stop) // 2
        found = int(np.count_nonzero(flags[start:middle]))
        if found >= n:
            stop = middle
        else:
            start, n = middle, n - found
    return stop


def _nth_lowest(scores: Array, n: int) -> Any:
    """Return the n-th lowest score, n ≥ 1.

    `np.partition` takes many times longer where the answer is a value that a large part shares, as 0 is after an L1
    penalty. So a sample is asked first whether there is such a value, and counting then says if it is the answer.
    """
    step = scores.size // _SAMPLE
    if step > 1:
        sample = np.sort(scores[::step])
        guess = sample[(n - 1) // step]
        if np.count_nonzero(sample == guess) > 1:
            below, upto = np.count_nonzero(scores < guess), np.count_nonzero(scores <= guess)
            if below < n <= upto:
                return guess
    return np.partition(scores, n - 1)[n - 1]


def compose(first: Mapping[str, Bools], *others: Mapping[str, Bools]) -> dict[str, Bools]:
    """Return the AND of masks by name: what every one of them keeps. A name that is missing somewhere is kept whole
    there.

    Parameters
    ----------
    first, *others : mapping of str to bool array
        Masks of one shape under each name; True = kept. They are left alone.

    Returns
    -------
    dict of str to bool array

    Raises
    ------
    InvalidTypeError, InvalidValueError
        What is no mapping, no bool array, or of another shape than its namesake.

    Examples
    --------
    >>> compose({"w": np.array([True, True])}, {"w": np.array([True, False])})
    {'w': array([ True, False])}
    """
    result: dict[str, Bools] = {}
    for masks in (first, *others):
        for name, mask in _by_name(masks, "compose").items():
            if name in result:
                result[name] &= mask_of_shape(mask, result[name].shape, name, "compose")
            else:
                result[name] = _any_mask(mask, name, "compose").copy()
    return result


def shuffled(masks: Mapping[str, Bools], *, rng: RNG = None) -> dict[str, Bools]:
    """Return masks with the same number kept in each, at random positions: the control for "it is just the count".

    Parameters
    ----------
    masks : mapping of str to bool array
        Such as `Plan.masks`; left alone.
    rng : Generator or seed
        Draws the positions.

    Returns
    -------
    dict of str to bool array

    Raises
    ------
    InvalidTypeError
        What is no mapping of names to bool arrays.

    References
    ----------
    Frankle et al. (2021), "Pruning neural networks at initialization: why are we missing the mark?"

    Examples
    --------
    >>> shuffled({"w": np.array([True, True, False, False])}, rng=0)["w"].sum()
    np.int64(2)
    """
    draws = generator(rng, "shuffled")
    return {
        name: draws.permutation(_any_mask(mask, name, "shuffled").ravel()).reshape(mask.shape)
        for name, mask in _by_name(masks, "shuffled").items()
    }


def _any_mask(mask: object, name: str, where: str) -> Bools:
    return mask_of_shape(mask, getattr(mask, "shape", ()), name, where)


def _by_name(masks: object, where: str) -> Mapping[str, Bools]:
    if not isinstance(masks, Mapping):
        raise InvalidTypeError(f"masks must be a mapping of names to masks, got {type(masks).__name__} in {where}()")
    return masks
