"""The plan is made: which weights go is decided before anything is changed, with the reason for each.

    scores of weights  →  scores of units  →  groups with budgets  →  the lowest of each group  →  new masks
       criterion             pattern            allocation              selection

Each arrow is one small object from another file; here they are put in a row. A criterion that wants to see what is
left before it goes on, such as `SynFlow`, walks that row in several rounds, with densities that fall geometrically.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from minprune.arguments import Array, Bools, finite, fraction, numeric, real, whole
from minprune.errors import InvalidTypeError, InvalidValueError, did_you_mean
from minprune.nn.network import Network
from minprune.pruning.allocation import Allocation, Global, groups_of
from minprune.pruning.answer import LayerPlan, Plan, Rounds
from minprune.pruning.criteria import Criterion, check_scores, scores_of
from minprune.pruning.explanation import Decision
from minprune.pruning.patterns import Pattern, Unstructured
from minprune.pruning.selection import Ranking, below, select
from minprune.pruning.units import Units

__all__ = ["LayerPlan", "Plan", "check_parts", "plan"]


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
        Which weights are worth keeping; anything with ``scores(network, data)`` will do. One with `rounds` is asked
        again as often on the way to the target, along densities that fall by the same factor each time.
    sparsity : float
        In [0, 1): the share of all N prunable weights that shall be gone, those gone already included. For single
        weights exactly ``round(sparsity * N)`` are, whatever the scores; of larger units the longest prefix that fits.
        Asked again, nothing more goes; only where a layer's budget was less than its first tile, and the pruned
        network's new scores bring a smaller tile of the edge to the front, may that tile go the second time.
        Left out if the allocation says how many go (`PerLayer`); it may be for a pattern that does (`NM`).
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
    >>> from minprune import Magnitude
    >>> net = Network.mlp([4, 8, 2], rng=0)
    >>> plan(net, Magnitude(), sparsity=0.75)
    Plan: Magnitude() · Global() · Unstructured() · sparsity 0.75
    layer          weights  gone before   asked  achieved  kept  sparsity
    ─────────────────────────────────────────────────────────────────────
    dense1.weight       32            0  shared        21    11    65.6 %
    dense2.weight       16            0  shared        15     1    93.8 %
    ─────────────────────────────────────────────────────────────────────
    total               48            0      36        36    12    75.0 %
    dense2.weight collapses first, at a sparsity of 0.6875 but for min_keep; here it keeps 1 weight
    """
    allocation = Global() if allocation is None else allocation
    pattern = Unstructured() if pattern is None else pattern
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in plan()")
    check_parts("plan", criterion=criterion, allocation=allocation, pattern=pattern)
    target, limit, how = _target(sparsity, threshold, allocation, pattern)
    least = whole(min_keep, "min_keep", "plan", at_least=0)
    request = _Request(criterion, allocation, pattern, data, least, target, limit)
    recipe = f"{criterion!r} · {allocation!r} · {pattern!r}{how}"
    rounds = whole(getattr(criterion, "rounds", 1), "rounds", type(criterion).__name__)
    made = _once(network, request) if rounds == 1 or limit is not None else _in_rounds(network, request, rounds)
    return replace(made, recipe=recipe, values=_compensated(network, made.masks, request))


@dataclass(frozen=True)
class _Request:
    """What was asked of `plan`, checked. Without a target and a limit, every candidate goes."""

    criterion: Criterion
    allocation: Allocation
    pattern: Pattern
    data: object
    min_keep: int
    target: float | None
    limit: float | None


def _once(network: Network, request: _Request) -> Plan:
    """Walk the row once."""
    scores = scores_of(request.criterion, network, request.data, "plan")
    units = request.pattern.units(network, scores)
    of_neurons = getattr(request.criterion, "neuron_scores", None)
    if of_neurons is not None and hasattr(units, "rescored"):
        units = units.rescored(of_neurons(network, request.data))
    for name, of_units in units.scores.items() if units.sizes is not None else ():  # else they are the weights' own
        check_scores(f"{units.noun}s of {name}", of_units, of_units.shape, "plan")
    if request.target is None:
        rankings = below(units, np.inf if request.limit is None else request.limit, request.min_keep)
    else:
        groups = groups_of(request.allocation, units, request.target)
        rankings = select(units, groups, request.min_keep)
    masks = units.masks({name: dropped for ranking in rankings for name, dropped in ranking.dropped.items()})
    before = {name: p.mask for name, p in network.prunable.items()}
    for mask in masks.values():
        mask.setflags(write=False)
    layers = tuple(_layer_plan(name, before[name], masks[name], rankings, units) for name in before)
    achieved = sum(layer.achieved for layer in layers)
    return Plan(
        masks=MappingProxyType({name: masks[name] for name in network.parameters if name in masks}),
        requested=_requested(rankings, layers, units, achieved),
        achieved=achieved,
        layers=layers,
        scores=MappingProxyType(scores),
        recipe="",
        _decision=Decision(MappingProxyType(before), units, tuple(rankings), request.limit),
    )


def _in_rounds(network: Network, request: _Request, rounds: int, stop: int | None = None) -> Plan:
    """Walk the row `rounds` times on a copy; with `stop`, return what was decided in that round alone."""
    work = network.copy()
    before = {name: p.mask for name, p in network.prunable.items()}
    fell = {name: np.zeros(mask.shape, np.int32) for name, mask in before.items()}
    scores: dict[str, Array] = {}
    for k in range(1, rounds + 1):
        made = _once(work, _on_the_way(network, request, k / rounds))
        if k == stop:
            return made
        for name in before:
            here = work.parameters[name].mask
            fell[name][here & ~made.masks[name]] = k
            scores[name] = made.scores[name] if k == 1 else np.where(here, made.scores[name], scores[name])
            scores[name].setflags(write=False)
        made.apply_in_place(work)
        for name, value in _compensated(network, made.masks, request).items() if k < rounds else ():
            work.parameters[name].value = value
    origin = network.copy()  # `again` must find the network as it is now
    layers = tuple(
        replace(layer, pruned_before=layer.weights - int(np.count_nonzero(before[layer.name]))) for layer in made.layers
    )
    return replace(
        made,
        layers=layers,
        scores=MappingProxyType(scores),
        _decision=replace(made._decision, before=MappingProxyType(before)),
        _rounds=Rounds(rounds, fell, lambda k: _in_rounds(origin, request, rounds, k)),
    )


def _on_the_way(network: Network, request: _Request, t: float) -> _Request:
    """Return the request of the round at t in (0, 1]: what is kept falls by the same factor each round."""
    if t == 1:
        return request
    final = request.target
    if final is None:  # every candidate of the pattern shall go: what will be gone then?
        units = request.pattern.units(network, {name: np.zeros(p.shape) for name, p in network.prunable.items()})
        final = (sum(units.gone.values()) + sum(map(units.may_go, units.alive))) / network.weights

    def level(sparsity: float, initial: float = 0.0) -> float:
        if initial >= sparsity:  # it is there already
            return sparsity
        return 1 - (1 - initial) * math.pow((1 - sparsity) / (1 - initial), t)

    return replace(request, target=level(final, network.sparsity), allocation=request.allocation.scaled(level))


def _compensated(network: Network, masks: Mapping[str, Bools], request: _Request) -> Mapping[str, Array]:
    """Return the new values of what is kept, from a criterion that gives them: copies, +0.0 where a mask is False."""
    compensate = getattr(request.criterion, "compensate", None)
    if compensate is None:
        return MappingProxyType({})
    given = compensate(network, request.data, {name: masks[name] for name in network.prunable})
    if not isinstance(given, Mapping):
        raise InvalidTypeError(
            f"{request.criterion!r} must compensate by a mapping of names to arrays, "
            f"got {type(given).__name__} in plan()"
        )
    values = {}
    for name, value in given.items():
        parameter = network.parameters.get(name)
        if parameter is None:
            raise InvalidValueError(
                f"{request.criterion!r} must compensate by values of parameters, got {name!r} in plan()"
                f"{did_you_mean(name, network.parameters)}"
            )
        what = f"value of {name} by {request.criterion!r}"
        array = numeric(value, what, "plan")
        if array.shape != parameter.shape:
            raise InvalidValueError(f"{what} must have shape {parameter.shape}, got {array.shape} in plan()")
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is found next
            array = finite(array.astype(parameter.dtype), what, "plan")
        array[~masks.get(name, parameter.mask)] = 0
        array.setflags(write=False)
        values[name] = array
    return MappingProxyType(values)


def check_parts(where: str, **parts: object) -> None:
    """Refuse a criterion, allocation, pattern or schedule that is none; one is known by the method it must have."""
    for name, value in parts.items():
        method = {"criterion": "scores", "allocation": "groups", "pattern": "units", "schedule": "due"}[name]
        if isinstance(value, type) or not callable(getattr(value, method, None)):
            article = "an" if name == "allocation" else "a"
            hint = f"; pass an instance: {value.__name__}()" if isinstance(value, type) else ""
            raise InvalidTypeError(f"{name} must be {article} {name.title()}, got {value!r} in {where}(){hint}")


def _target(
    sparsity: object, threshold: object, allocation: Allocation, pattern: Pattern
) -> tuple[float | None, float | None, str]:
    """Return the sparsity or the threshold, neither if every candidate goes, and how the plan says it."""
    if getattr(allocation, "sets_sparsity", False):
        if sparsity is not None or threshold is not None:
            raise InvalidValueError(
                f"{allocation!r} sets each layer's sparsity: leave out sparsity= and threshold= in plan()"
            )
        return 0.0, None, ""
    if sparsity is None and threshold is None and getattr(pattern, "complete", False):
        if not isinstance(allocation, Global):
            raise InvalidValueError(f"{pattern!r} without sparsity= needs no allocation, got {allocation!r} in plan()")
        return None, None, ""
    if (sparsity is None) == (threshold is None):
        got = "neither" if sparsity is None else "both"
        raise InvalidValueError(f"exactly one of sparsity= and threshold= must be given, got {got} in plan()")
    if threshold is None:
        target = fraction(sparsity, "sparsity", "plan")
        return target, None, f" · sparsity {target:g}"
    if not isinstance(allocation, Global):
        raise InvalidValueError(f"threshold= needs no allocation, got {allocation!r} in plan()")
    limit = real(threshold, "threshold", "plan", low=0.0)
    return None, limit, f" · threshold {limit:g}"


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
