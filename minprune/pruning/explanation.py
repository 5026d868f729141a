"""Why does this weight stay or go? Every decision of a plan, traced to its score, its rank and its group's cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minprune.arguments import Array, Bools, whole
from minprune.errors import InvalidValueError, did_you_mean
from minprune.pruning.criteria.neuron import INPUTS
from minprune.pruning.selection import Ranking
from minprune.pruning.units import Units


@dataclass(frozen=True)
class Explanation:
    """Why one weight stays or goes; ``print`` it for the sentence.

    Attributes
    ----------
    name, index
        The weight.
    verdict : {"stays", "goes", "was gone already"}
    score : float
        The criterion's score of the weight.
    units : tuple of str
        The units it belongs to: itself, or one or two neurons.
    unit_score : float or None
        The score of the unit that decides, as its group ranks it; None if nothing was up for decision.
    rank, candidates : int or None
        The unit's place among the candidates of its group, 1 = the first to go, and how many there are.
    tied : int
        How many other candidates have the same score; of those, the lower positions go first.
    cutoff : float or None
        The highest unit score in the group that goes.
    group : tuple of str
        The layers ranked together with it.
    budget : int or None
        Weights (or units) of that group that were to go in this plan.
    round : int or None
        In which round it fell, of a plan made in several.
    text : str
    """

    name: str
    index: tuple[int, ...]
    verdict: str
    score: float
    units: tuple[str, ...] = ()
    unit_score: float | None = None
    rank: int | None = None
    candidates: int | None = None
    tied: int = 0
    cutoff: float | None = None
    group: tuple[str, ...] = ()
    budget: int | None = None
    round: int | None = None
    text: str = ""

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Decision:
    """All that a plan was decided by.

    Attributes
    ----------
    before : mapping of str to bool array
        The masks that the plan found.
    units : Units
    rankings : tuple of Ranking
    threshold : float or None
    """

    before: Mapping[str, Bools]
    units: Units
    rankings: tuple[Ranking, ...]
    threshold: float | None

    def collapses(self) -> dict[str, float]:
        """Return at which sparsity of its group each layer would be empty, lowest first; see `Plan.collapses`."""
        units, found = self.units, {}
        for ranking in self.rankings:
            group = ranking.group
            if len(group.layers) < 2 or self.threshold is not None:
                continue
            source = units.scores if group.scores is None else group.scores
            scores = np.concatenate([source[name] for name in group.layers])
            alive = np.concatenate([units.alive[name] for name in group.layers])
            layers = np.repeat(np.arange(len(group.layers)), [source[name].size for name in group.layers])
            counted = group.layers if units.separable else tuple(units.total)
            total, gone = sum(units.total[name] for name in counted), sum(units.gone[name] for name in counted)
            for i, name in enumerate(group.layers):
                mine = alive & (layers == i)
                if not mine.any() or units.safe(name):  # nothing to lose, or something that the pattern never lets go
                    continue
                highest = scores[mine].max()
                last = int(np.flatnonzero(mine & (scores == highest))[-1])
                falls = alive & (scores < highest)
                falls[: last + 1] |= (alive & (scores == highest))[: last + 1]
                if units.sizes is None:
                    lost = int(np.count_nonzero(falls))
                else:
                    lost = int(units.lost(group.layers, np.flatnonzero(falls))[-1])
                found[name] = (gone + lost) / total
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def left(self, name: str) -> tuple[int, str, tuple[str, ...], int]:
        """Return how many units a ranked layer keeps, what they are called, the layers whose weights are counted with
        its own, and how many of those were asked to be gone: if units were counted, at least so many.
        """
        units = self.units
        ranking = next(ranking for ranking in self.rankings if name in ranking.group.layers)
        group = ranking.group
        kept = int(np.count_nonzero(units.alive[name] & ~ranking.dropped[name]))
        noun = "input" if name == INPUTS else units.noun
        rivals = group.layers if units.separable else tuple(units.total)
        return kept, noun, rivals, group.target


def explain(
    name: str, index: Sequence[int], scores: Mapping[str, Array], after: Mapping[str, Bools], decision: Decision
) -> Explanation:
    """Return why the weight at `index` of `name` stays or goes; see `Plan.explain`."""
    before, units, rankings, threshold = decision.before, decision.units, decision.rankings, decision.threshold
    at = place(name, index, before)
    score = float(scores[name][at])
    if not before[name][at]:
        text = f"{name} {at} was gone already, before this plan"
        return Explanation(name, at, "was gone already", score, text=text)
    verdict = "stays" if after[name][at] else "goes"
    text = f"{name} {at} {verdict}: score {score:.3g}"
    mine = units.of_weight(name, at)
    labels = tuple(label for _, _, label in mine)
    if units.noun != "weight":
        text += f", in {' and '.join(labels)}"
    found = [spot for layer, unit, _ in mine for spot in _places(rankings, units, layer, unit)]
    if not found:
        text += ", in no layer that this plan prunes"
        return Explanation(name, at, verdict, score, labels, text=text)
    # Of two neurons one that goes decides; if both go or both stay, the one that is nearer to going.
    spot = min(found, key=lambda spot: (not spot.goes, spot.ranking.scores[spot.position], spot.position))
    ranking = spot.ranking
    group, budget, cutoff = ranking.group, ranking.budget, ranking.cutoff
    unit_score = float(ranking.scores[spot.position])
    if np.isinf(unit_score):
        why = f"among the last {units.noun}s of its layer (min_keep)"
        text += f", out of bounds: {why if units.alive[spot.layer][spot.unit] else units.spared}"
        return Explanation(
            name, at, verdict, score, labels, cutoff=cutoff, group=group.layers, budget=budget, text=text
        )
    rank, candidates = ranking.place(spot.position)
    tied = int(np.count_nonzero(ranking.scores == unit_score)) - 1
    text += "" if unit_score == score else f", {'unit score' if group.scores is None else 'ranked by'} {unit_score:.3g}"
    text += f", rank {rank:,} of {candidates:,} (1 goes first)"
    if threshold is not None:
        text += f", threshold {threshold:.3g}"
    else:
        text += f", budget {budget:,} {group.counted_in}"
        text += f", cutoff {cutoff:.3g}" if cutoff is not None else ""
        if tied and unit_score == cutoff:
            text += f", tied with {tied:,} other{'s' if tied > 1 else ''} (lower positions go first)"
    return Explanation(
        name, at, verdict, score, labels, unit_score, rank, candidates, tied, cutoff, group.layers, budget, text=text
    )


def place(name: object, index: object, arrays: Mapping[str, Array]) -> tuple[int, ...]:
    """Return `index` as a tuple of plain numbers, if `name` is one of the `arrays` and has such a place."""
    if not isinstance(name, str) or name not in arrays:
        raise InvalidValueError(
            f"name must be a prunable weight, got {name!r} in explain(){did_you_mean(name, arrays)}"
        )
    shape = arrays[name].shape
    given = tuple(index) if isinstance(index, Sequence | np.ndarray) else (index,)
    if len(given) != len(shape):
        raise InvalidValueError(f"index must be {len(shape)} whole numbers (input, output), got {index!r} in explain()")
    return tuple(whole(i, "index", "explain", at_least=0, at_most=n - 1) for i, n in zip(given, shape, strict=True))


@dataclass(frozen=True)
class _Spot:
    """Where a unit stands in a ranking, and whether it goes."""

    ranking: Ranking
    position: int
    goes: bool
    layer: str
    unit: int


def _places(rankings: Sequence[Ranking], units: Units, layer: str, unit: int) -> list[_Spot]:
    found = []
    for ranking in rankings:
        start = 0
        for name in ranking.group.layers:
            if name == layer:
                found.append(_Spot(ranking, start + unit, bool(ranking.dropped[name][unit]), layer, unit))
            start += units.scores[name].size
    return found
