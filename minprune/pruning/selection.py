"""Which units go, exactly: the longest prefix of the ranked units that fits the budget.

Units of a group are ranked by (score, layer, position). Where every unit is one weight, the prefix is as long as the
budget, and `masks.lowest` finds it without sorting. Otherwise it is the largest k for which

    lost(first k units) ≤ budget

so that what is missed is less than one unit. For units that share no weights, `masks.lowest_within` finds that without
sorting too; neurons are few, and sorted. Two rules guard it. *A target that is missed by less than one unit
counts as met*: a network that is already pruned loses nothing more unless its largest live unit fits, and so asking
twice changes nothing. *No layer is emptied silently*: the highest `min_keep` live units of each layer are out of
bounds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from minprune.arguments import Array, Bools
from minprune.display import count
from minprune.errors import BudgetError
from minprune.pruning.allocation import Group
from minprune.pruning.masks import lowest, lowest_within
from minprune.pruning.units import Units


@dataclass(frozen=True)
class Ranking:
    """A group with its candidates ranked and the lowest of them chosen: enough to explain each decision.

    Attributes
    ----------
    group : Group
    scores : array
        The score of each unit of the group, layer after layer; infinite where a unit is no candidate.
    dropped : dict of str to bool array
        The units chosen to go, by layer.
    budget : int
        Weights (or units) that may still go.
    """

    group: Group
    scores: Array
    dropped: dict[str, Bools]
    budget: int

    @property
    def cutoff(self) -> float | None:
        """The highest score among those that go; None if none does."""
        chosen = np.concatenate(list(self.dropped.values()))
        return float(self.scores[chosen].max()) if chosen.any() else None

    def place(self, position: int) -> tuple[int, int]:
        """Return the rank of the unit at `position`, 1 = the first to go, and the number of candidates."""
        score = self.scores[position]
        lower = np.count_nonzero(self.scores < score) + np.count_nonzero(self.scores[:position] == score)
        return int(lower) + 1, int(np.count_nonzero(self.scores < np.inf))


@dataclass(frozen=True)
class _Refusal:
    """More is asked of a group than can go: how much can, in what it counts, and the layers that would be emptied."""

    largest: int
    emptied: tuple[str, ...]


def select(units: Units, groups: Sequence[Group], min_keep: int) -> list[Ranking]:
    """Choose the units that go, group by group.

    Raises
    ------
    BudgetError
        More would have to go than `min_keep` lets; it names the layer and the largest count that can be met.
    """
    rankings: list[Ranking] = []
    dropped: dict[str, Bools] = {}
    for group in groups:
        found = _choose(units, group, min_keep) if units.separable else _fed(units, group, dropped, min_keep)
        if isinstance(found, _Refusal):
            raise _too_much(units, group, found, min_keep)
        dropped |= found.dropped
        rankings.append(found)
    return rankings


def _choose(units: Units, group: Group, min_keep: int) -> Ranking | _Refusal:
    """Choose the units of a group that go."""
    gone = _gone(units, group)
    budget = max(0, group.target - gone)
    if group.counted_in == "weights" and units.sizes is not None and gone:
        largest = max(int(units.sizes[name].max(initial=0)) for name in group.layers)
        budget = budget if budget >= largest else 0
    candidates = {name: units.alive[name] for name in group.layers}
    chosen = _prefix(units, group, candidates, budget)
    emptied = [
        name
        for name in group.layers
        if _left(units, name, chosen.dropped[name]) < min_keep and chosen.dropped[name].any()
    ]
    if not emptied and _reaches(units, chosen):
        return chosen
    # Only now are the highest units looked for: a network that is far from empty pays nothing for min_keep.
    candidates = {name: alive & ~_highest(units, group, name, min_keep) for name, alive in candidates.items()}
    most = _worth(units, group, np.concatenate(list(candidates.values())))
    return _Refusal(gone + most, tuple(emptied)) if budget > most else _prefix(units, group, candidates, budget)


def _fed(units: Units, group: Group, earlier: Mapping[str, Bools], min_keep: int) -> Ranking | _Refusal:
    """Choose where units share weights: one may fall that nobody chose, with its last weight, and starve its layer."""
    found = _choose(units, group, min_keep)
    if isinstance(found, _Refusal):
        less = _fed(units, replace(group, target=found.largest), earlier, min_keep)
        return less if isinstance(less, _Refusal) else found
    layers = group.layers
    chosen = np.flatnonzero(np.concatenate(list(found.dropped.values())))
    order = chosen[np.argsort(found.scores[chosen], kind="stable")]
    ends = np.cumsum([len(found.dropped[name]) for name in layers])

    def first(number: int) -> Bools:
        goes = np.zeros(ends[-1], dtype=np.bool_)
        goes[order[:number]] = True
        return goes

    def starved(number: int) -> str | None:
        goes = dict(zip(layers, np.split(first(number), ends[:-1]), strict=True))
        return _starved(units, {**earlier, **goes}, min_keep)

    name = starved(len(order))
    if name is None:
        return found
    good = bisect_left(range(len(order)), True, key=lambda number: starved(number) is not None) - 1
    return _Refusal(_gone(units, group) + _worth(units, group, first(good)), (name,))


def below(units: Units, threshold: float, min_keep: int) -> list[Ranking]:
    """Choose every live unit with a score below `threshold`, whatever their number.

    Raises
    ------
    BudgetError
        A layer would be left with fewer than `min_keep` live units; it names the largest threshold that can be met.
    """
    rankings: list[Ranking] = []
    limits: dict[str, float] = {}  # the largest threshold that leaves each layer enough
    for name, scores in units.scores.items():
        alive = units.alive[name]
        dropped = alive & (scores < np.float64(threshold))  # exact: a plain float would be rounded to the scores' type
        able = min(min_keep, int(np.count_nonzero(alive)) + units.safe(name))
        if _left(units, name, dropped) < able:
            able -= units.safe(name)
            limits[name] = float(np.partition(scores[alive], -able)[-able])
        group = Group((name,), int(np.count_nonzero(dropped)), "units")
        rankings.append(Ranking(group, np.where(alive, scores, np.inf), {name: dropped}, group.target))
    if not units.separable:
        limits = _starving_thresholds(units, {name: r.dropped[name] for r in rankings for name in r.dropped}, min_keep)
    if limits:
        name = min(limits, key=lambda layer: limits[layer])
        raise BudgetError(
            f"threshold must be at most {limits[name]:g} to leave {min_keep} {units.noun}(s) in {name} (min_keep), "
            f"got {threshold:g} in plan()",
            limits[name],
        )
    return rankings


def _starving_thresholds(units: Units, dropped: Mapping[str, Bools], min_keep: int) -> dict[str, float]:
    """Return a layer that is starved by these, with the largest threshold that starves none; nothing if none is."""
    name = _starved(units, dropped, min_keep)
    if name is None:
        return {}
    alive = units.alive
    levels = np.unique(np.concatenate([units.scores[layer][alive[layer]] for layer in units.scores]))

    def starves(threshold: float) -> bool:
        falling = {layer: alive[layer] & (scores < threshold) for layer, scores in units.scores.items()}
        return _starved(units, falling, min_keep) is not None

    return {name: float(levels[bisect_left(levels.tolist(), True, key=starves) - 1])}


def _prefix(units: Units, group: Group, candidates: Mapping[str, Bools], budget: int) -> Ranking:
    source = units.scores if group.scores is None else group.scores
    scores = np.concatenate([source[name] for name in group.layers])
    allowed = np.concatenate(list(candidates.values()))
    able = int(np.count_nonzero(allowed))
    if able < 0.98 * allowed.size:
        # As below, but without a branch for each: a quarter of the time where half of them are no candidates.
        scores += np.array([np.inf, 0], scores.dtype).take(allowed.view(np.uint8), mode="clip")
    elif able < allowed.size:
        scores[~allowed] = np.inf
    if group.counted_in == "units" or units.sizes is None:
        chosen = lowest(scores, min(budget, able))
    elif units.separable:
        chosen = _lowest_within(scores, np.concatenate([units.sizes[name] for name in group.layers]), allowed, budget)
    else:
        order = np.argsort(scores, kind="stable")[:able]
        fits = int(np.searchsorted(units.lost(group.layers, order), budget, side="right"))
        chosen = np.zeros(scores.size, dtype=np.bool_)
        chosen[order[:fits]] = True
    ends = np.cumsum([source[name].size for name in group.layers])
    return Ranking(group, scores, dict(zip(group.layers, np.split(chosen, ends[:-1]), strict=True)), budget)


def _lowest_within(scores: Array, sizes: Array, allowed: Bools, budget: int) -> Bools:
    """Return the longest prefix of the candidates that fits; candidates all of one size need not be weighed."""
    if not allowed.any():
        return allowed
    if not allowed.all():
        sizes = sizes[allowed]
    size = int(sizes[0])
    if (sizes == size).all():  # `scores` are infinite elsewhere
        return lowest(scores, min(budget // size, sizes.size))
    chosen = np.zeros(scores.size, dtype=np.bool_)
    chosen[allowed] = lowest_within(scores[allowed], sizes, budget)
    return chosen


def _gone(units: Units, group: Group) -> int:
    """Return what is gone before, in what the group counts."""
    if group.counted_in == "units":
        return sum(int(np.count_nonzero(units.dead[name])) for name in group.layers)
    return sum(units.gone[name] for name in (group.layers if units.separable else units.total))


def _starved(units: Units, dropped: Mapping[str, Bools], min_keep: int) -> str | None:
    """Return a layer that keeps too few live units when these go."""
    left = units.left(dropped)
    return next((name for name, had in units.left({}).items() if left[name] < min(min_keep, had)), None)


def _left(units: Units, name: str, dropped: Bools) -> int:
    """Return how many live units of a layer stay."""
    return units.safe(name) + int(np.count_nonzero(units.alive[name] & ~dropped))


def _highest(units: Units, group: Group, name: str, number: int) -> Bools:
    """Return those of a layer's candidates that would go last, so that `number` live units stay."""
    number = max(0, number - units.safe(name))
    scores = (units.scores if group.scores is None else group.scores)[name]
    alive = units.alive[name]
    return alive & ~lowest(np.where(alive, scores, -np.inf), alive.size - number)


def _reaches(units: Units, ranking: Ranking) -> bool:
    """Return whether the budget was met: candidates were left over, or what they all came to was just the budget."""
    chosen = np.concatenate(list(ranking.dropped.values()))
    if np.count_nonzero(chosen) < np.count_nonzero(ranking.scores < np.inf):
        return True
    return _worth(units, ranking.group, chosen) == ranking.budget


def _worth(units: Units, group: Group, chosen: Bools) -> int:
    """Return what dropping the chosen units comes to, in what the group counts."""
    if group.counted_in == "units" or units.sizes is None:
        return int(np.count_nonzero(chosen))
    lost = units.lost(group.layers, np.flatnonzero(chosen))
    return int(lost[-1]) if lost.size else 0


def _too_much(units: Units, group: Group, found: _Refusal, min_keep: int) -> BudgetError:
    counted = group.layers if units.separable or group.counted_in == "units" else tuple(units.total)
    size = sum(units.scores[n].size if group.counted_in == "units" else units.total[n] for n in counted)
    what = f"{units.noun}s" if group.counted_in == "units" else "weights"
    largest, emptied = found.largest, found.emptied
    which = f" would empty {emptied[0]}" if emptied else f" of {group.layers[0]}" if len(group.layers) == 1 else ""
    advice = f"; {units.advice}" if units.advice and not emptied else ""
    return BudgetError(
        f"pruning {count(group.target)} of {count(size)} {what}{which}: at most {count(largest)} can go with "
        f"min_keep={min_keep} {units.noun}(s) a layer, "
        f"a sparsity of {np.floor(1e6 * largest / size) / 1e6:g}, in plan(){advice}",
        largest,
    )
