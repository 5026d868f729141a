"""Masks: bool arrays in which True means kept, and the one selection that everything counts on.

    lowest(s, k)[i] = 1  ⇔  i is among the first k when positions are ordered by (score, position)

That is exact for any scores, all equal included, where a comparison with a threshold is not: ten equal scores cut
"below the median" lose none or all ten. It is linear in the number of scores: `np.partition` finds the k-th smallest
without sorting, what is below it goes, and of those equal to it just enough, the lower positions first.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from minprune.arguments import RNG, Array, Bools, generator, mask_of_shape
from minprune.errors import InvalidTypeError


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
    cut = np.partition(scores, count - 1)[count - 1]
    chosen: Bools = scores < cut
    short = count - int(np.count_nonzero(chosen))
    chosen[np.flatnonzero(scores == cut)[:short]] = True
    return chosen


def compose(first: Mapping[str, Bools], *others: Mapping[str, Bools]) -> dict[str, Bools]:
    """Return the AND of masks by name: what every one of them keeps. A name that is missing somewhere is kept whole
    there.

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
                result[name] = mask_of_shape(mask, np.shape(mask), name, "compose").copy()
    return result


def shuffled(masks: Mapping[str, Bools], *, rng: RNG = None) -> dict[str, Bools]:
    """Return masks with the same number kept in each, at random positions: the control for "it is just the count".

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
        name: draws.permutation(mask_of_shape(mask, np.shape(mask), name, "shuffled").reshape(-1)).reshape(mask.shape)
        for name, mask in _by_name(masks, "shuffled").items()
    }


def _by_name(masks: object, where: str) -> Mapping[str, Bools]:
    if not isinstance(masks, Mapping):
        raise InvalidTypeError(f"masks must be a mapping of names to masks, got {type(masks).__name__} in {where}()")
    return masks
