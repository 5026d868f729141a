"""Selection by hand: the rules read out slowly, in plain Python, to hold the fast code against.

Sort the units by (score, layer, position); walk along and drop one after another, noting every weight lost; stop at
the first that no longer fits the budget. `network` may be pruned already: what is gone counts, and is never a choice.
"""

import math
from dataclasses import dataclass

from minprune import Global, Neurons, PerLayer, Uniform
from minprune.pruning.patterns import NM, Blocks, Tiling


@dataclass(frozen=True, order=True)
class Unit:
    score: float
    layer: int
    position: int
    name: str
    weights: frozenset


@dataclass
class Choice:
    """One group of layers, and what was decided in it."""

    layers: list
    live: list  # its units, in the order in which they go
    candidates: list  # those that min_keep leaves up for dropping
    dropped: list
    budget: int


class Refused(Exception):
    """The budget can't be met; `largest` is the count that can."""

    def __init__(self, largest):
        super().__init__(largest)
        self.largest = largest


def kept_weights(network):
    return {
        (name, i, j)
        for name, p in network.prunable.items()
        for i in range(p.shape[0])
        for j in range(p.shape[1])
        if p.mask[i, j]
    }


def all_units(network, pattern):
    """Return every unit, gone or not, as (name of its layer, number of the layer, position, its weights)."""
    names, units = list(network.prunable), {}
    for k, name in enumerate(names):
        rows, columns = network.prunable[name].shape
        for i in range(rows):
            for j in range(columns):
                if isinstance(pattern, Neurons):
                    mine = [(names[k - 1], k - 1, i)] if k else [("inputs", -1, i)] * pattern.inputs
                    mine += [(name, k, j)] if name != names[-1] else []
                elif isinstance(pattern, Blocks):
                    r, c = pattern.shape
                    mine = [(name, k, i // r * math.ceil(columns / c) + j // c)]
                elif isinstance(pattern, Tiling):
                    mine = [(name, k, int(pattern.numbers((rows, columns))[i, j]))]
                else:
                    mine = [(name, k, i * columns + j)]
                for unit in mine:
                    units.setdefault(unit, []).append((name, i, j))
    return [(*unit, weights) for unit, weights in units.items()]


REDUCED = {
    "mean_square": lambda scores: sum(s * s for s in scores) / len(scores),
    "mean": lambda scores: sum(scores) / len(scores),
    "sum": sum,
    "norm": lambda scores: math.sqrt(sum(s * s for s in scores)),
    "max": max,
}


def live_units(network, scores, pattern):
    """Return the live units, sorted in the order in which they go."""
    kept, units = kept_weights(network), []
    how = getattr(pattern, "reduce", "max")  # of a single score that is the score
    for name, layer, position, weights in all_units(network, pattern):
        mine = [w for w in weights if w in kept]
        if mine:
            score = REDUCED.get(how, how)([float(scores[w[0]][w[1:]]) for w in mine])
            units.append(Unit(score, layer, position, name, frozenset(mine)))
    return sorted(units)


def never(network, live, pattern):
    """Return the live units that the pattern never lets go: of N:M the n highest of each group, later ones on ties."""
    if not isinstance(pattern, NM):
        return []
    groups = {}
    for unit in live:
        ((name, i, j),) = unit.weights
        groups.setdefault((name, i // pattern.m, j), []).append(unit)
    result = []
    for (name, group, _), units in groups.items():
        size = min(pattern.m, network.prunable[name].shape[0] - group * pattern.m)
        result += units[-math.ceil(pattern.n * size / pattern.m) :]
    return result


def walk(units, budget, by_units=False):
    """Drop one unit after another; stop at the first that doesn't fit. Return those dropped and the weights lost."""
    dropped, lost = [], set()
    for unit in units:
        after = lost | unit.weights
        if (len(dropped) + 1 if by_units else len(after)) > budget:
            break
        dropped, lost = [*dropped, unit], after
    return dropped, lost


def choose(network, live, layers, target, min_keep, *, by_units, pattern):
    """Decide one group of layers."""
    size = {name: p.size for name, p in network.prunable.items()}
    kept = kept_weights(network)
    if by_units:
        gone = sum(unit[0] in layers for unit in all_units(network, pattern)) - len(live)
    else:
        counted = list(size) if isinstance(pattern, Neurons) else layers
        gone = sum(size[name] for name in counted) - sum(w[0] in counted for w in kept)
    budget = max(0, target - gone)
    if not by_units and gone and budget < max((len(unit.weights) for unit in live), default=0):
        budget = 0  # missed by less than one unit counts as met
    safe = never(network, live, pattern)
    free = [u for u in live if u not in safe]
    dropped, lost = walk(free, budget, by_units)
    left = {name: [u for u in live if u.name == name and u not in dropped] for name in layers}
    starved = any(len(left[u.name]) < min_keep for u in dropped)
    exhausted = len(dropped) == len(free) and (len(dropped) if by_units else len(lost)) < budget
    if not (starved or exhausted):
        return Choice(layers, live, free, dropped, budget)
    protected = []
    for name in layers:
        must_stay = max(0, min_keep - sum(u.name == name for u in safe))
        protected += [v for v in free if v.name == name][::-1][:must_stay]
    candidates = [u for u in free if u not in protected]
    most = len(candidates) if by_units else len(set().union(*(u.weights for u in candidates)))
    if budget > most:
        raise Refused(gone + most)
    return Choice(layers, live, candidates, walk(candidates, budget, by_units)[0], budget)


def choices(network, scores, *, pattern, allocation=None, sparsity=None, threshold=None, min_keep=1):
    """Decide all groups; raise `Refused` with the largest count (or threshold) if one can't be met."""
    live = live_units(network, scores, pattern)
    separable = not isinstance(pattern, Neurons)
    names = list(dict.fromkeys(unit[0] for unit in sorted(all_units(network, pattern), key=lambda u: u[1])))
    of = {name: [u for u in live if u.name == name] for name in names}
    size = {name: p.size for name, p in network.prunable.items()}
    if threshold is not None:
        return choose_below(of, never(network, live, pattern), threshold, min_keep)
    if isinstance(allocation, PerLayer):
        shares = allocation.sparsities
        count = {name: size[name] if separable else number_of_units(network, pattern, name) for name in names}
        asked = [([name], of[name], round(shares[name] * count[name]), not separable) for name in shares]
    elif isinstance(allocation, Uniform) and separable:
        asked = [([name], of[name], round(sparsity * size[name]), False) for name in names]
    elif isinstance(allocation, Uniform):
        asked = [(names, by_rank(network, pattern, of), round(sparsity * sum(size.values())), False)]
    else:
        assert isinstance(allocation, Global)
        asked = [(names, live, round(sparsity * sum(size.values())), False)]
    return [
        choose(network, units, layers, target, min_keep, by_units=by_units, pattern=pattern)
        for layers, units, target, by_units in asked
    ]


def number_of_units(network, pattern, layer):
    return sum(unit[0] == layer for unit in all_units(network, pattern))


def by_rank(network, pattern, of):
    """Return the units with (rank + ½) / n for a score, n the units of their layer, the dead ones first."""
    ranked = []
    for name, units in of.items():
        n = number_of_units(network, pattern, name)
        for rank, unit in enumerate(units, start=n - len(units)):
            ranked.append(Unit((rank + 0.5) / n, unit.layer, unit.position, name, unit.weights))
    return sorted(ranked)


def choose_below(of, safe, threshold, min_keep):
    result, limits = [], []
    for name, units in of.items():
        free = [u for u in units if u not in safe]
        dropped = [u for u in free if u.score < threshold]
        able = min(min_keep, len(units))
        if len(units) - len(dropped) < able:
            limits.append(free[len(units) - len(free) - able].score)
        result.append(Choice([name], units, free, dropped, len(dropped)))
    if limits:
        raise Refused(min(limits))
    return result


def masks_after(network, decided):
    """Return the weights' masks, as nested lists, once the dropped units are gone."""
    left = kept_weights(network) - {w for choice in decided for unit in choice.dropped for w in unit.weights}
    return {
        name: [[(name, i, j) in left for j in range(p.shape[1])] for i in range(p.shape[0])]
        for name, p in network.prunable.items()
    }
