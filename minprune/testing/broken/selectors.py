"""Selectors that break a law each: functions of scores and a sparsity that return masks."""
# ruff: noqa: D103  (what each one does wrong stands above it)

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minprune.arguments import Array, Bools
from minprune.errors import InvalidValueError
from minprune.testing.broken.registry import breaks

Scores = dict[str, Array]


def by_rank(scores: Scores, order: Array, count: int) -> dict[str, Bools]:
    """Return masks that drop the first `count` positions of `order`, over all layers one after another."""
    kept = np.ones(order.size, np.bool_)
    kept[order[:count]] = False
    parts = np.split(kept, np.cumsum([s.size for s in scores.values()])[:-1])
    return {name: part.reshape(s.shape) for (name, s), part in zip(scores.items(), parts, strict=True)}


def joined(scores: Scores) -> Array:
    """Return all scores in layer order; refuse what is not finite, by name and place."""
    for name, s in scores.items():
        if not np.isfinite(s).all():
            first = tuple(int(i) for i in np.argwhere(~np.isfinite(s))[0])
            raise InvalidValueError(f"scores of {name} must be finite, got {s[first]} at {first}")
    return np.concatenate([s.reshape(-1) for s in scores.values()])


def right(scores: Scores, sparsity: float, key: Callable[[Array], Array] = lambda flat: flat) -> dict[str, Bools]:
    """Select as it should be done: slowly, by a stable sort. The broken ones bend the `key` or the count."""
    flat = joined(scores)
    return by_rank(scores, np.argsort(key(flat), kind="stable"), round(sparsity * flat.size))


@breaks("exact_count", "`score > cutoff` with the k-th lowest as cutoff: what ties with it goes as well")
def above_the_cutoff(scores: Scores, sparsity: float) -> dict[str, Bools]:
    flat = joined(scores)
    count = round(sparsity * flat.size)
    if count == 0 or flat.size == 1 or min(min(s.shape) for s in scores.values()) == 1:
        return right(scores, sparsity)  # small ones are done by hand, so that only ties are wrong
    cutoff = np.sort(flat)[count - 1]
    return {name: s > cutoff for name, s in scores.items()}


@breaks("tiny", "`scores.squeeze()` to get rid of an axis of 1, and the mask has one axis less")
def squeezed(scores: Scores, sparsity: float) -> dict[str, Bools]:
    return {name: mask.squeeze() for name, mask in right(scores, sparsity).items()}


@breaks(
    "order", "each layer gives its share when all were to compete", also=("ties_by_position", "nested", "no_revival")
)
def each_layer_its_share(scores: Scores, sparsity: float) -> dict[str, Bools]:
    joined(scores)
    masks, before = {}, 0
    for name, s in scores.items():
        after = before + s.size
        count = round(sparsity * after) - round(sparsity * before)  # so that the sum is right, at least
        masks[name] = by_rank({name: s}, np.argsort(s, axis=None, kind="stable"), count)[name]
        before = after
    return masks


@breaks("ties_by_position", "a sort turned round: of equal scores the last go first")
def last_ones_first(scores: Scores, sparsity: float) -> dict[str, Bools]:
    flat = joined(scores)
    order = flat.size - 1 - np.argsort(flat[::-1], kind="stable")
    return by_rank(scores, order, round(sparsity * flat.size))


@breaks(
    "scale_free",
    "scores are rounded to the nearest whole number before they are compared: small ones become ties",
    also=("order", "permutation", "monotone_free"),
)
def rounded(scores: Scores, sparsity: float) -> dict[str, Bools]:
    return right(scores, sparsity, np.rint)


@breaks(
    "monotone_free",
    "scores are divided by their layer's mean before they compete: now values count, not just their order",
    also=("order", "nested", "no_revival", "target_is_idempotent", "ties_by_position"),
)
def budget_by_means(scores: Scores, sparsity: float) -> dict[str, Bools]:
    joined(scores)
    return right({name: s / (s.mean() or 1) for name, s in scores.items()}, sparsity)


@breaks(
    "nested",
    "an odd count takes its last one from the wrong end of the order",
    also=("order", "ties_by_position", "no_revival", "target_is_idempotent"),
)
def odd_one_out(scores: Scores, sparsity: float) -> dict[str, Bools]:
    flat = joined(scores)
    count, order = round(sparsity * flat.size), np.argsort(flat, kind="stable")
    if count % 2:
        order[[count - 1, -1]] = order[[-1, count - 1]]
    return by_rank(scores, order, count)


@breaks(
    "permutation",
    "the cutoff is guessed from every other score, and met by count: who was sampled matters",
    also=("order", "nested", "no_revival", "ties_by_position", "monotone_free", "scale_free", "target_is_idempotent"),
)
def by_a_sample(scores: Scores, sparsity: float) -> dict[str, Bools]:
    flat = joined(scores)
    order = np.argsort(flat, kind="stable")
    order = np.concatenate([order[order % 2 == 0], order[order % 2 == 1]])
    return by_rank(scores, order, round(sparsity * flat.size))


@breaks("no_nan_decides", "`np.nan_to_num`, and on it goes: a NaN is now the lowest score of all")
def nan_to_number(scores: Scores, sparsity: float) -> dict[str, Bools]:
    return right({name: np.nan_to_num(s) for name, s in scores.items()}, sparsity)
