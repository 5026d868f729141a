"""The plan: which weights go, decided before anything is changed, with the reason for each.

    scores of weights  →  scores of units  →  groups with budgets  →  the lowest of each group  →  new masks
       criterion             pattern            allocation              selection

Each arrow is one small object from another file; here they are put in a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from minprune.arguments import Array, Bools, fraction, real, whole
from minprune.display import count, percent, table
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.network import Network
from minprune.pruning.allocation import Allocation, Global, groups_of
from minprune.pruning.criteria import Criterion, check_scores, scores_of
from minprune.pruning.explanation import Explanation, explain
from minprune.pruning.patterns import Pattern, Unstructured
from minprune.pruning.selection import Ranking, below, select
from minprune.pruning.units import Units


@dataclass(frozen=True)
class LayerPlan:
    """What a plan does to one layer: counts of its weights.

    ``pruned_before`` are gone already; ``asked`` is what the allocation wanted gone in the end (None if layers
    compete and only their sum is set), ``achieved`` what will be.
    """

    name: str
    weights: int
    pruned_before: int
    asked: int | None
    achieved: int

    @property
    def sparsity(self) -> float:
        return self.achieved / self.weights


@dataclass(frozen=True, eq=False)
class Plan:
    """Which weights go. Immutable; nothing has been changed yet.

    Attributes
    ----------
    masks : mapping of str to bool array
        The new mask of each prunable weight, and of each bias that goes with a neuron. Read-only.
    requested, achieved : int
        Prunable weights asked to be gone, and that will be, those gone before included. They are equal for single
        weights; for larger units, ``requested − achieved`` is less than one unit.
    layers : tuple of LayerPlan
    scores : mapping of str to array
        The score of each weight.

    Examples
    --------
    >>> from minprune.pruning.criteria import Magnitude
    >>> made = plan(Network.mlp([4, 8, 2], rng=0), Magnitude(), sparsity=0.75)
    >>> made.requested, made.achieved, made.weights
    (36, 36, 48)
    """

    masks: Mapping[str, Bools]
    requested: int
    achieved: int
    layers: tuple[LayerPlan, ...]
    scores: Mapping[str, Array]
    recipe: str
    _before: Mapping[str, Bools]
    _units: Units
    _rankings: tuple[Ranking, ...]
    _threshold: float | None

    @property
    def weights(self) -> int:
        """The number of prunable weights, N."""
        return sum(layer.weights for layer in self.layers)

    @property
    def sparsity(self) -> float:
        """The share of prunable weights that will be gone."""
        return self.achieved / self.weights

    def apply(self, network: Network) -> Network:
        """Return a copy of `network` with these masks; what is pruned in it already stays pruned.

        Raises
        ------
        InvalidValueError
            A network with other layers than the one planned for.
        """
        self._check_fits(network, "apply")
        result = network.copy()
        self.apply_in_place(result)
        return result

    def apply_in_place(self, network: Network) -> None:
        """Set these masks on `network` itself: for a pruner at work inside `fit`."""
        self._check_fits(network, "apply_in_place")
        for name, mask in self.masks.items():
            parameter = network.parameters[name]
            parameter.mask = parameter.mask & mask

    def _check_fits(self, network: Network, where: str) -> None:
        if not isinstance(network, Network):
            raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in {where}()")
        planned = {name: mask.shape for name, mask in self.masks.items()}
        shapes = {name: p.shape for name, p in network.parameters.items() if p.prunable or name in planned}
        if shapes != planned:
            raise InvalidValueError(f"network must have the layers planned for, {planned}, got {shapes} in {where}()")

    def explain(self, name: str, index: Sequence[int]) -> Explanation:
        """Say why one weight stays or goes: its score, its unit's rank among the candidates, the cutoff, the verdict.

        Parameters
        ----------
        name : str
            Of a prunable weight.
        index : (int, int)
            Input and output.

        Examples
        --------
        >>> from minprune.pruning.criteria import Magnitude
        >>> net = Network.mlp([2, 2], rng=0)
        >>> plan(net, Magnitude(), sparsity=0.5).explain("dense1.weight", (0, 1))
        dense1.weight (0, 1) stays: score 1.39, rank 4 of 4 (1 goes first), budget 2 weights, cutoff 0.804
        """
        return explain(name, index, self.scores, self._before, self.masks, self._units, self._rankings, self._threshold)

    def to_dict(self) -> dict[str, object]:
        """Return the counts as plain values."""
        rows = [vars(layer) | {"sparsity": layer.sparsity} for layer in self.layers]
        totals = {"requested": self.requested, "achieved": self.achieved, "sparsity": self.sparsity}
        return totals | {"weights": self.weights, "recipe": self.recipe, "layers": rows}

    def __repr__(self) -> str:
        rows: list[Sequence[object]] = [
            (
                layer.name,
                count(layer.weights),
                count(layer.pruned_before),
                "shared" if layer.asked is None else count(layer.asked),
                count(layer.achieved),
                count(layer.weights - layer.achieved),
                percent(layer.sparsity),
            )
            for layer in self.layers
        ]
        before = count(sum(layer.pruned_before for layer in self.layers))
        left = count(self.weights - self.achieved)
        total = ("total", count(self.weights), before, count(self.requested), count(self.achieved), left)
        rows += [(), (*total, percent(self.sparsity))]
        headers = ["layer", "weights", "gone before", "asked", "achieved", "kept", "sparsity"]
        return table(headers, rows, title=f"Plan: {self.recipe}")


def plan(
    network: Network,
    criterion: Criterion,
    *,
    sparsity: float | None = None,
    threshold: float | None = None,
    allocation: Allocation | None = None,
    pattern: Pattern | None = None,
    data: object = None,
    min_keep: int = 1,
) -> Plan:
    """Decide which weights of `network` go, and change nothing.

    Parameters
    ----------
    network : Network
    criterion : Criterion
        Which weights are worth keeping; anything with ``scores(network, data)`` will do.
    sparsity : float
        In [0, 1): the share of all N prunable weights that shall be gone, those gone already included. For single
        weights exactly ``round(sparsity * N)`` are, whatever the scores.
    threshold : float
        Instead of `sparsity`: every unit with a score below it goes, however many that are; one that equals it stays.
    allocation : Allocation, default `Global`
        How many in each layer.
    pattern : Pattern, default `Unstructured`
        In what shape.
    data : Split or (x, y), optional
        For a criterion that needs it.
    min_keep : int
        No layer is left with fewer live units than this (or than it has).

    Returns
    -------
    Plan

    Raises
    ------
    InvalidTypeError, InvalidValueError
        Arguments that can't be meant; scores that are not finite, negative or of the wrong shape.
    BudgetError
        More is asked than `min_keep` lets go; it names the layer and the largest that can be met.

    References
    ----------
    Blalock et al. (2020), "What is the state of neural network pruning?", for the parts and their names.

    Examples
    --------
    >>> from minprune.pruning.criteria import Magnitude
    >>> net = Network.mlp([4, 8, 2], rng=0)
    >>> plan(net, Magnitude(), sparsity=0.75)
    Plan: Magnitude() · Global() · Unstructured() · sparsity 0.75
    layer          weights  gone before   asked  achieved  kept  sparsity
    ─────────────────────────────────────────────────────────────────────
    dense1.weight       32            0  shared        21    11    65.6 %
    dense2.weight       16            0  shared        15     1    93.8 %
    ─────────────────────────────────────────────────────────────────────
    total               48            0      36        36    12    75.0 %
    """
    allocation = Global() if allocation is None else allocation
    pattern = Unstructured() if pattern is None else pattern
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in plan()")
    check_parts("plan", criterion=criterion, allocation=allocation, pattern=pattern)
    target, limit, how = _target(sparsity, threshold, allocation)
    least = whole(min_keep, "min_keep", "plan", at_least=0)

    scores = scores_of(criterion, network, data, "plan")
    units = pattern.units(network, scores)
    for name, of_units in units.scores.items() if units.sizes is not None else ():  # else they are the weights' own
        check_scores(f"{units.noun}s of {name}", of_units, of_units.shape, "plan")
    if limit is not None:
        rankings = below(units, limit, least)
    else:
        rankings = [select(units, group, least) for group in groups_of(allocation, units, target)]
    masks = units.masks({name: dropped for ranking in rankings for name, dropped in ranking.dropped.items()})
    for mask in masks.values():
        mask.setflags(write=False)
    before = {name: p.mask for name, p in network.prunable.items()}
    layers = tuple(_layer_plan(name, before[name], masks[name], rankings, units) for name in before)
    achieved = sum(layer.achieved for layer in layers)
    return Plan(
        masks=MappingProxyType({name: masks[name] for name in network.parameters if name in masks}),
        requested=_requested(rankings, layers, units, achieved),
        achieved=achieved,
        layers=layers,
        scores=MappingProxyType(scores),
        recipe=f"{criterion!r} · {allocation!r} · {pattern!r}{how}",
        _before=MappingProxyType(before),
        _units=units,
        _rankings=tuple(rankings),
        _threshold=limit,
    )


def check_parts(where: str, **parts: object) -> None:
    """Refuse a criterion, allocation, pattern or schedule that is none; one is known by the method it must have."""
    for name, value in parts.items():
        method = {"criterion": "scores", "allocation": "groups", "pattern": "units", "schedule": "due"}[name]
        if isinstance(value, type) or not callable(getattr(value, method, None)):
            article = "an" if name == "allocation" else "a"
            hint = f"; pass an instance: {value.__name__}()" if isinstance(value, type) else ""
            raise InvalidTypeError(f"{name} must be {article} {name.title()}, got {value!r} in {where}(){hint}")


def _target(sparsity: object, threshold: object, allocation: Allocation) -> tuple[float, float | None, str]:
    """Return the sparsity, the threshold, and how the plan says it; exactly one of the two is given."""
    if getattr(allocation, "sets_sparsity", False):
        if sparsity is not None or threshold is not None:
            raise InvalidValueError(
                f"{allocation!r} sets each layer's sparsity: leave out sparsity= and threshold= in plan()"
            )
        return 0.0, None, ""
    if (sparsity is None) == (threshold is None):
        got = "neither" if sparsity is None else "both"
        raise InvalidValueError(f"exactly one of sparsity= and threshold= must be given, got {got} in plan()")
    if threshold is None:
        target = fraction(sparsity, "sparsity", "plan")
        return target, None, f" · sparsity {target:g}"
    if not isinstance(allocation, Global):
        raise InvalidValueError(f"threshold= needs no allocation, got {allocation!r} in plan()")
    limit = real(threshold, "threshold", "plan", low=0.0)
    return 0.0, limit, f" · threshold {limit:g}"


def _layer_plan(name: str, before: Bools, after: Bools, rankings: Sequence[Ranking], units: Units) -> LayerPlan:
    asked = None
    for ranking in rankings:
        if units.separable and ranking.group.layers == (name,) and ranking.group.counted_in == "weights":
            asked = ranking.group.target
    size = before.size
    return LayerPlan(name, size, size - int(np.count_nonzero(before)), asked, size - int(np.count_nonzero(after)))


def _requested(rankings: Sequence[Ranking], layers: Sequence[LayerPlan], units: Units, achieved: int) -> int:
    """Return the weights asked to be gone; where units are counted instead, what their going comes to."""
    if any(ranking.group.counted_in == "units" for ranking in rankings):
        return achieved
    ranked = {name for ranking in rankings for name in (ranking.group.layers if units.separable else units.total)}
    unranked = sum(layer.pruned_before for layer in layers if layer.name not in ranked)
    return unranked + sum(ranking.group.target for ranking in rankings)
