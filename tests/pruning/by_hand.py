"""Selection by hand: the rules read out slowly, in plain Python, to hold the fast code against.

Sort the units by (score, layer, position); walk along and drop one after another, noting every weight lost; stop at
the first that no longer fits the budget. `network` may be pruned already: what is gone counts, and is never a choice.
"""

from dataclasses import dataclass

from minprune import Global, Neurons, PerLayer, Uniform, Unstructured


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


def live_units(network, scores, pattern):
    """Return the live units, sorted in the order in which they go."""
    kept, names = kept_weights(network), list(network.prunable)
    worth = {(name, i, j): float(scores[name][i, j]) for name, i, j in kept}
    units = []
    if isinstance(pattern, Unstructured):
        for name, i, j in kept:
            position = i * network.prunable[name].shape[1] + j
            units.append(Unit(worth[name, i, j], names.index(name), position, name, frozenset({(name, i, j)})))
        return sorted(units)
    for k, name in enumerate(names[:-1] if isinstance(pattern, Neurons) else names):
        shape = network.prunable[name].shape
        for position in range(shape[1] if isinstance(pattern, Neurons) else shape[0] * shape[1]):
            if isinstance(pattern, Neurons):
                into, out = (name, 2), (names[k + 1], 1)
                mine = {w for w in kept for layer, axis in (into, out) if w[0] == layer and w[axis] == position}
            else:
                mine = {w for w in kept if w[0] == name and pattern.numbers(shape)[w[1:]] == position}
            if mine:
                values = [worth[w] for w in mine]
                score = {
                    "mean_square": lambda v: sum(s * s for s in v) / len(v),
                    "mean": lambda v: sum(v) / len(v),
                    "sum": sum,
                    "max": max,
                    "norm": lambda v: sum(s * s for s in v) ** 0.5,
                }[pattern.reduce](values)
                units.append(Unit(score, k, position, name, frozenset(mine)))
    return sorted(units)


def walk(units, budget, by_units=False):
    """Drop one unit after another; stop at the first that doesn't fit. Return those dropped and the weights lost."""
    dropped, lost = [], set()
    for unit in units:
        after = lost | unit.weights
        if (len(dropped) + 1 if by_units else len(after)) > budget:
            break
        dropped, lost = [*dropped, unit], after
    return dropped, lost


def choose(network, live, layers, target, min_keep, *, by_units, separable):
    """Decide one group of layers."""
    size = {name: p.size for name, p in network.prunable.items()}
    kept = kept_weights(network)
    if by_units:
        gone = sum(network.prunable[name].shape[1] for name in layers) - len(live)
    else:
        counted = layers if separable else list(size)
        gone = sum(size[name] for name in counted) - sum(w[0] in counted for w in kept)
    budget = max(0, target - gone)
    if not by_units and gone and budget < max((len(unit.weights) for unit in live), default=0):
        budget = 0  # missed by less than one unit counts as met
    dropped, lost = walk(live, budget, by_units)
    left = {name: [u for u in live if u.name == name and u not in dropped] for name in layers}
    starved = any(len(left[u.name]) < min_keep for u in dropped)
    exhausted = len(dropped) == len(live) and (len(dropped) if by_units else len(lost)) < budget
    if not (starved or exhausted):
        return Choice(layers, live, live, dropped, budget)
    protected = [u for name in layers for u in [v for v in live if v.name == name][::-1][:min_keep]]
    candidates = [u for u in live if u not in protected]
    most = len(candidates) if by_units else len(set().union(*(u.weights for u in candidates)))
    if budget > most:
        raise Refused(gone + most)
    return Choice(layers, live, candidates, walk(candidates, budget, by_units)[0], budget)


def choices(network, scores, *, pattern, allocation=None, sparsity=None, threshold=None, min_keep=1):
    """Decide all groups; raise `Refused` with the largest count (or threshold) if one can't be met."""
    live = live_units(network, scores, pattern)
    separable = not isinstance(pattern, Neurons)
    names = list(network.prunable)[: None if separable else -1]
    of = {name: [u for u in live if u.name == name] for name in names}
    size = {name: p.size for name, p in network.prunable.items()}
    if threshold is not None:
        return choose_below(of, threshold, min_keep)
    if isinstance(allocation, PerLayer):
        shares = allocation.sparsities
        count = {name: size[name] if separable else network.prunable[name].shape[1] for name in names}
        asked = [([name], of[name], round(shares[name] * count[name]), not separable) for name in shares]
    elif isinstance(allocation, Uniform) and separable:
        asked = [([name], of[name], round(sparsity * size[name]), False) for name in names]
    elif isinstance(allocation, Uniform):
        asked = [(names, by_rank(network, of), round(sparsity * sum(size.values())), False)]
    else:
        assert isinstance(allocation, Global)
        asked = [(names, live, round(sparsity * sum(size.values())), False)]
    return [
        choose(network, units, layers, target, min_keep, by_units=by_units, separable=separable)
        for layers, units, target, by_units in asked
    ]


def by_rank(network, of):
    """Return the units with (rank + ½) / n for a score, n the units of their layer, the dead ones first."""
    ranked = []
    for name, units in of.items():
        n = network.prunable[name].shape[1]
        for rank, unit in enumerate(units, start=n - len(units)):
            ranked.append(Unit((rank + 0.5) / n, unit.layer, unit.position, name, unit.weights))
    return sorted(ranked)


def choose_below(of, threshold, min_keep):
    result, limits = [], []
    for name, units in of.items():
        dropped = [u for u in units if u.score < threshold]
        able = min(min_keep, len(units))
        if len(units) - len(dropped) < able:
            limits.append(units[-able].score)
        result.append(Choice([name], units, units, dropped, len(dropped)))
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
