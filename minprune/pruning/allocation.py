"""How many in each layer? An allocation sorts the layers into groups and gives each group its budget.

With N weights in the network, n_l in layer l and target sparsity s, counting what is pruned already:

    Global      one group, all layers ranked together            round(s N) in all
    Uniform     each layer a group of its own                    round(s n_l) in layer l
    PerLayer    each named layer a group, with its own sparsity  round(s_l n_l) in layer l

Within a group the lowest scores go; that is all that is left to decide.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from minprune.arguments import Array, choice, fraction, whole
from minprune.errors import InvalidTypeError, InvalidValueError, did_you_mean
from minprune.pruning.criteria import check_scores
from minprune.pruning.units import Units


@dataclass(frozen=True)
class Group:
    """Layers that are ranked together, and how many of their weights shall be pruned in the end.

    Attributes
    ----------
    layers : tuple of str
    target : int
        Weights (or units) of the group that shall be gone, those gone already included. Units that share weights with
        other layers are counted one by one, or all layers are one group and the weights are those of the network.
    counted_in : {"weights", "units"}
    scores : dict of str to array, optional
        Scores to rank by instead of the units' own: how an allocation makes layers comparable.
    """

    layers: tuple[str, ...]
    target: int
    counted_in: str = "weights"
    scores: Mapping[str, Array] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", whole(self.target, "target", "Group", at_least=0))
        choice(self.counted_in, "counted_in", "Group", ("weights", "units"))


class Allocation(ABC):
    """How many weights each layer gives up. A new one writes `groups`."""

    sets_sparsity = False  # whether it brings the counts itself, so that plan() takes no sparsity=

    @abstractmethod
    def groups(self, units: Units, sparsity: float) -> list[Group]:
        """Return the groups and their targets for a sparsity of the whole network."""

    def scaled(self, share: float) -> Allocation:
        """Return this allocation at `share` of the way: itself, unless it sets the sparsity."""
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Global(Allocation):
    """All layers compete: the lowest scores of the network go, wherever they are.

    Needs scores that mean the same in every layer. At high sparsity it can starve a layer; `min_keep` stands in
    between.

    References
    ----------
    Blalock et al. (2020), "What is the state of neural network pruning?", on global and layerwise magnitude pruning.

    Examples
    --------
    >>> Global()
    Global()
    """

    def groups(self, units: Units, sparsity: float) -> list[Group]:
        return [Group(tuple(units.scores), round(sparsity * sum(units.total.values())))]


class Uniform(Allocation):
    """Every layer gives up the same share of its weights.

    Units that span two layers can't be counted layer by layer. There, units go in the order of their rank within
    their layer, as a share of the layer's units, until the network's count is met: every layer gives up the same
    share of its units.

    References
    ----------
    Zhu & Gupta (2018), "To prune, or not to prune".

    Examples
    --------
    >>> Uniform()
    Uniform()
    """

    def groups(self, units: Units, sparsity: float) -> list[Group]:
        if units.separable:
            return [Group((name,), round(sparsity * units.total[name])) for name in units.scores]
        ranks = {name: _rank_shares(units.scores[name], units.alive[name]) for name in units.scores}
        return [Group(tuple(ranks), round(sparsity * sum(units.total.values())), scores=ranks)]


class PerLayer(Allocation):
    """Each named layer gives up its own share; the others stay as they are.

    It says how much goes, so `plan` is called without ``sparsity=``. For units that span layers, such as neurons, the
    shares are of the layer's units.

    Parameters
    ----------
    sparsities : mapping of str to float
        Name of a weight, or of its layer, to a sparsity in [0, 1).

    Examples
    --------
    >>> PerLayer({"dense1": 0.9, "dense2.weight": 0.5})
    PerLayer({'dense1.weight': 0.9, 'dense2.weight': 0.5})
    """

    sets_sparsity = True

    def __init__(self, sparsities: Mapping[str, float]) -> None:
        if not isinstance(sparsities, Mapping) or not sparsities:
            raise InvalidTypeError(
                f"sparsities must be a mapping of layers to sparsities, got {sparsities!r} in PerLayer()"
            )
        self.sparsities: dict[str, float] = {}
        for name, value in sparsities.items():
            if not isinstance(name, str):
                raise InvalidTypeError(f"sparsities must go by the names of layers, got {name!r} in PerLayer()")
            full = name if "." in name else f"{name}.weight"
            if full in self.sparsities:
                raise InvalidValueError(f"sparsities must name a layer once, got {full} twice in PerLayer()")
            self.sparsities[full] = fraction(value, f"sparsities[{name!r}]", "PerLayer")

    def groups(self, units: Units, sparsity: float) -> list[Group]:
        _known(self.sparsities, units, "PerLayer()")
        if units.separable:
            return [Group((name,), round(s * units.total[name])) for name, s in self.sparsities.items()]
        return [Group((name,), round(s * units.scores[name].size), "units") for name, s in self.sparsities.items()]

    def scaled(self, share: float) -> PerLayer:
        return PerLayer({name: share * s for name, s in self.sparsities.items()})

    def __repr__(self) -> str:
        return f"PerLayer({self.sparsities})"


def groups_of(allocation: Allocation, units: Units, sparsity: float) -> list[Group]:
    """Ask `allocation` for its groups, and see that they make sense together."""
    groups = list(allocation.groups(units, sparsity))
    names = [name for group in groups for name in group.layers]
    _known(names, units, repr(allocation))
    if len(set(names)) < len(names):
        raise InvalidValueError(f"{allocation!r} must put a layer in one group, got {', '.join(names)} in plan()")
    if len(groups) > 1 and not units.separable and any(group.counted_in == "weights" for group in groups):
        raise InvalidValueError(
            f"{units.noun}s of different layers share weights: {allocation!r} must count units, or make one group of "
            f"all layers, in plan()"
        )
    for group in groups:
        if group.scores is not None:
            for name in group.layers:
                check_scores(f"{units.noun}s of {name}", group.scores.get(name), units.scores[name].shape, "plan")
    return groups


def _known(names: Iterable[str], units: Units, who: str) -> None:
    for name in names:
        if name not in units.scores:
            raise InvalidValueError(
                f"{who} names no layer with {units.noun}s to drop: {name!r}{did_you_mean(name, units.scores)}"
            )


def _rank_shares(scores: Array, alive: Array) -> Array:
    """Return (rank + ½) / n for each unit, in the order (score, position), dead units first."""
    order = np.lexsort((scores, alive))
    shares = np.empty(scores.size)
    shares[order] = (np.arange(scores.size) + 0.5) / scores.size
    return shares
