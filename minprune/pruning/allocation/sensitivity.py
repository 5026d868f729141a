"""Sensitivity: prune one layer at a time, see what it costs, and give each layer the share with the least total cost.

`minprune.sensitivity` measures, for each layer l and each sparsity s on a grid, the loss with only that layer pruned,

    Δ_l(s) = L(network with layer l at s) − L(network)

and this allocation takes those curves and finds the counts d_l that lose least for the budget D,

    minimise  Σ_l Δ_l(d_l / n_l)    subject to  Σ_l d_l = D

as if the layers' losses added up. Between measured sparsities a curve is a straight line. The minimum is found by
dynamic programming in steps of D/1000 weights, so it is exact up to a step, whatever the curves' shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from minprune.arguments import Array, numeric, real
from minprune.display import percent, table
from minprune.errors import BudgetError, InvalidTypeError, InvalidValueError, did_you_mean
from minprune.pruning.allocation.allocation import Allocation, Group, check_question, known_layers
from minprune.pruning.allocation.layers import in_proportion
from minprune.pruning.units import Units

_STEPS = 1000


@dataclass(frozen=True, eq=False)
class Curves:
    """What pruning each layer alone does to the loss; `minprune.sensitivity` measures them.

    ``plot_quality(curves.rows(), metric="loss", baseline=curves.base)`` draws them, a line for each layer.

    Attributes
    ----------
    base : float
        The loss of the network as it was.
    sparsities : dict of str to tuple of float
        For each layer the measured sparsities, rising.
    losses : dict of str to tuple of float
        The loss with that layer alone at each of them.
    recipe : str
        How they were measured.

    Examples
    --------
    >>> curves = Curves(0.1, {"dense1.weight": (0.0, 0.9)}, {"dense1.weight": (0.1, 0.2)})
    >>> curves.rows()[1]
    {'criterion': 'dense1.weight', 'sparsity': 0.9, 'value': 0.2}
    >>> from minprune import plot_quality
    >>> figure = plot_quality(curves.rows(), metric="loss", baseline=curves.base)
    """

    base: float
    sparsities: Mapping[str, tuple[float, ...]]
    losses: Mapping[str, tuple[float, ...]]
    recipe: str = ""

    def __post_init__(self) -> None:
        real(self.base, "base", "Curves")
        for what in ("sparsities", "losses"):
            if not isinstance(getattr(self, what), Mapping):
                raise InvalidTypeError(
                    f"{what} must be a dict of layers to numbers, got {getattr(self, what)!r} in Curves()"
                )
        if self.sparsities.keys() != self.losses.keys():
            first, second = (", ".join(map(str, of)) or "none" for of in (self.sparsities, self.losses))
            raise InvalidValueError(
                f"sparsities and losses must be of the same layers, got {first} and {second} in Curves()"
            )
        for name in self.losses:
            if not isinstance(name, str):
                raise InvalidTypeError(f"losses must go by the names of layers, got {name!r} in Curves()")
            levels = _numbers(self.sparsities[name], f"sparsities[{name!r}]", high=1.0)
            found = _numbers(self.losses[name], f"losses[{name!r}]")
            if len(found) != len(levels):
                raise InvalidValueError(
                    f"losses[{name!r}] must have {len(levels)} entries, as sparsities has, got {len(found)} in Curves()"
                )
            if any(b <= a for a, b in pairwise(levels)):
                raise InvalidValueError(f"sparsities[{name!r}] must rise, got {levels} in Curves()")
        if not isinstance(self.recipe, str):
            raise InvalidTypeError(f"recipe must be a string, got {self.recipe!r} in Curves()")

    def rows(self) -> list[dict[str, object]]:
        """Return one dict for each measurement, as `plot_quality` takes them, with the layer for a criterion.

        A layer of which nothing was left to begin with has no place on its axis, and is left out.
        """
        return [
            {"criterion": name, "sparsity": s, "value": loss}
            for name in self.losses
            for s, loss in zip(self.sparsities[name], self.losses[name], strict=True)
            if s < 1
        ]

    def cost(self, name: str, sparsity: Array) -> Array:
        """Return Δ of a layer at `sparsity`: on the line between measurements, infinite beyond the last."""
        if name not in self.losses:
            raise InvalidValueError(f"{name!r} is no layer of these curves{did_you_mean(name, self.losses)}")
        cost = np.asarray(self.losses[name]) - self.base
        return np.interp(sparsity, self.sparsities[name], cost, right=np.inf)

    def __repr__(self) -> str:
        levels = sorted({s for values in self.sparsities.values() for s in values})
        rows = []
        for name, losses in self.losses.items():
            found = dict(zip(self.sparsities[name], losses, strict=True))
            rows.append([name, *(f"{found[s]:.4f}" if s in found else "" for s in levels)])
        return table(
            ["loss at", *(percent(s) for s in levels)],
            rows,
            title=f"Sensitivity: one layer pruned at a time, {self.recipe}; loss {self.base:.4f} as it was",
        )


def _numbers(values: object, name: str, *, high: float = np.inf) -> list[float]:
    """Return the numbers of a curve, at least one: sparsities up to `high`, or losses of any size."""
    array = numeric(values, name, "Curves")
    if array.ndim != 1 or array.size == 0:
        raise InvalidValueError(f"{name} must hold at least one number, got {values!r} in Curves()")
    low = 0.0 if high == 1 else -np.inf
    return [real(value, name, "Curves", low=low, high=high) for value in array.tolist()]


class Sensitivity(Allocation):
    """The counts that lose least for the budget, by curves measured one layer at a time.

    It is worth its price where layers differ much in what they bear, and it sees what no rule on shapes or magnitudes
    can. It fails where layers hurt together: each is measured with all others whole, and without fine-tuning. For units
    that span layers, the shares are of the layer's units.

    Parameters
    ----------
    curves : Curves
        As `minprune.sensitivity` measured them, for this network's layers.

    Raises
    ------
    BudgetError
        More is asked than the curves reach: measure at higher sparsities.

    References
    ----------
    Han, Pool, Tran & Dally (2015), "Learning both weights and connections", section 3.2 and figure 6; Li et al. (2017),
    "Pruning filters for efficient ConvNets", on sensitivity; He et al. (2018), "AMC", for layers' budgets by search.

    Examples
    --------
    >>> from minprune import Magnitude, Network, plan
    >>> curves = Curves(0.1, {"dense1.weight": (0.0, 0.9), "dense2.weight": (0.0, 0.9)},
    ...                      {"dense1.weight": (0.1, 0.2), "dense2.weight": (0.1, 0.9)})
    >>> made = plan(Network.mlp([10, 10, 10], rng=0), Magnitude(), sparsity=0.5, allocation=Sensitivity(curves))
    >>> [layer.achieved for layer in made.layers]
    [90, 10]
    """

    def __init__(self, curves: Curves) -> None:
        if not isinstance(curves, Curves):
            raise InvalidTypeError(
                f"curves must be what sensitivity() measured, got {type(curves).__name__} in Sensitivity()"
            )
        self.curves = curves

    def groups(self, units: Units, sparsity: float) -> list[Group]:
        check_question(units, sparsity)
        known_layers(self.curves.losses, units, "Sensitivity()")
        names = [name for name in units.scores if name in self.curves.losses]
        missing = [name for name in units.total if name in units.scores and name not in names]
        if missing:
            raise InvalidValueError(f"curves must have every layer, got none of {missing[0]} in Sensitivity()")
        total = sum(units.total.values())
        goes = round(sparsity * total)
        if not units.separable:
            return [in_proportion(units, self._shares(units, names, goes), goes)]
        sizes = {name: units.total[name] for name in names}
        least = {name: units.gone[name] for name in names}
        most = {name: least[name] + units.may_go(name) for name in names}
        reach = {name: max(least[name], min(most[name], self._end(name, sizes[name]))) for name in names}
        _check_reach(goes, sum(reach.values()), total)
        counts = self._best(sizes, least, reach, goes)
        return [Group((name,), counts[name]) for name in names]

    def _shares(self, units: Units, names: list[str], goes: int) -> dict[str, float]:
        """Return the share of each layer's units, of as few units as it takes for `goes` weights to be gone."""
        sizes = {name: units.scores[name].size for name in names}
        none = dict.fromkeys(names, 0)
        reach = {name: self._end(name, sizes[name]) for name in names}
        _check_reach(goes, _gone(units, reach), sum(units.total.values()))
        low, high = 0, sum(reach.values())
        while low < high:
            middle = (low + high) // 2
            enough = _gone(units, self._best(sizes, none, reach, middle)) >= goes
            low, high = (low, middle) if enough else (middle + 1, high)
        counts = self._best(sizes, none, reach, low)
        return {name: counts[name] / sizes[name] for name in names}

    def _end(self, name: str, size: int) -> int:
        """Return how many of `size` the last sparsity of the curve is."""
        return int(self.curves.sparsities[name][-1] * size + 1e-9)

    def _best(
        self, sizes: Mapping[str, int], least: Mapping[str, int], reach: Mapping[str, int], goes: int
    ) -> dict[str, int]:
        """Return how many go in each layer, `goes` in all, for the least total cost."""
        names = list(sizes)
        extra = max(0, goes - sum(least.values()))
        room = {name: reach[name] - least[name] for name in names}
        step = max(1, extra // _STEPS)
        steps = min(extra // step, sum(room[name] // step for name in names))
        best = np.full(steps + 1, np.inf)  # the least cost of the layers so far, having given 0, 1, … steps
        best[0] = 0.0
        choices = []
        for name in names:
            able = min(room[name] // step, steps)
            cost = self._cost(name, least[name] + step * np.arange(able + 1), sizes[name])
            total, choice = np.full(steps + 1, np.inf), np.zeros(steps + 1, np.int64)
            for i, price in enumerate(cost):  # this layer gives i steps, those before it the rest
                with_it = best[: steps + 1 - i] + price
                better = with_it < total[i:]
                total[i:][better], choice[i:][better] = with_it[better], i
            best = total
            choices.append(choice)
        counts, left = dict(least), steps
        for name, choice in zip(reversed(names), reversed(choices), strict=True):
            counts[name] += step * int(choice[left])
            left -= int(choice[left])
        return self._rest(counts, extra - step * steps, sizes, reach)

    def _cost(self, name: str, counts: Array, size: int) -> Array:
        """Return Δ at counts within reach; a layer that has lost more already costs what it does at its curve's end."""
        return self.curves.cost(name, np.minimum(counts / size, self.curves.sparsities[name][-1]))

    def _rest(
        self, counts: dict[str, int], rest: int, sizes: Mapping[str, int], reach: Mapping[str, int]
    ) -> dict[str, int]:
        """Give what is less than a step to the layers that can bear it, the cheapest first."""
        while rest:
            able = {name: min(rest, reach[name] - count) for name, count in counts.items() if reach[name] > count}

            def price(name: str, able: Mapping[str, int] = able) -> float:
                ends = np.array([counts[name], counts[name] + able[name]])
                return float(np.diff(self._cost(name, ends, sizes[name]))[0]) / able[name]

            name = min(able, key=price)
            counts[name] += able[name]
            rest -= able[name]
        return counts


def _gone(units: Units, counts: Mapping[str, int]) -> int:
    """Return how many weights are gone when so many units of each layer are: the dead ones first, then the lowest."""
    order, start = [], 0
    for name, scores in units.scores.items():
        ranked = np.lexsort((scores, units.alive[name]))
        order.append(start + ranked[: counts.get(name, 0)])
        start += scores.size
    lost = units.lost(tuple(units.scores), np.concatenate(order))
    return sum(units.gone.values()) + (int(lost[-1]) if lost.size else 0)


def _check_reach(goes: int, largest: int, size: int) -> None:
    if goes > largest:
        raise BudgetError(
            f"pruning {goes:,} of {size:,} weights is more than the curves reach: {largest:,}, a sparsity of "
            f"{np.floor(1e6 * largest / size) / 1e6:g}, in Sensitivity(); measure at higher sparsities",
            largest,
        )
