"""The laws of an allocation, asked of plans for single weights that are made with it.

One that goes by what was measured on a network, `Sensitivity`, is checked on networks and data of the cases: its curves
are measured anew for each.
"""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from minprune.arguments import Bools
from minprune.errors import BudgetError
from minprune.nn.losses import MeanSquaredError
from minprune.nn.network import Network
from minprune.pruning.allocation import Allocation, ErdosRenyi, PerLayer, Sensitivity, Uniform
from minprune.pruning.patterns import Unstructured
from minprune.pruning.plan import Plan, plan
from minprune.pruning.sensitivity import sensitivity
from minprune.pruning.units import Units
from minprune.testing import strategies
from minprune.testing.cases import Case, Given
from minprune.testing.cases import network as made
from minprune.testing.checks import local_selector, selector
from minprune.testing.checks.selector import Scores, Selector
from minprune.testing.running import Property, demand

LEVELS = (0.25, 0.5, 0.75, 0.9, 0.99)  # at which an allocation that measures does so


def measured(allocation: Allocation, network: Network, scores: Scores, case: Case) -> Allocation:
    """Return the allocation as it is for this network: `Sensitivity` measures it first, on the case's data."""
    if not isinstance(allocation, Sensitivity):
        return allocation
    result, loss = copy.copy(allocation), MeanSquaredError()
    result.curves = sensitivity(network, Given(scores), (case.x, case.y), loss=loss, sparsities=LEVELS, progress=False)
    return result


def selector_of(allocation: Allocation, case: Case) -> Selector:
    """Return the selector that plans with this allocation, for single weights of a dense network.

    What is measured, if anything, is the loss of a network whose weights are the case's scores.
    """
    network = made(list(case.scores.values()))

    def select(scores: Scores, sparsity: float) -> Mapping[str, Bools]:
        mine = measured(allocation, network, scores, case)
        asked = None if allocation.sets_sparsity else sparsity
        return plan(network, Given(scores), sparsity=asked, allocation=mine, min_keep=0).masks

    return select


def within_reach(check: Callable[[Allocation, Case], None]) -> Callable[[Allocation, Case], None]:
    """Return a check that says nothing of what `Sensitivity` refuses: whether rightly, is for `min_keep` to say."""

    def checked(allocation: Allocation, case: Case) -> None:
        try:
            check(allocation, case)
        except BudgetError:
            if not isinstance(allocation, Sensitivity):
                raise

    return checked


def exact_count(allocation: Allocation, case: Case) -> None:
    selector.exact_count(selector_of(allocation, case), case)


def zero_is_identity(allocation: Allocation, case: Case) -> None:
    selector.zero_is_identity(selector_of(allocation, case), case)


def local_count(allocation: Allocation, case: Case) -> None:
    gone = selector.dropped(selector_of(allocation, case), case.scores, case.sparsity)
    for name, flags in gone.items():
        share = allocation.sparsities.get(name, 0.0) if isinstance(allocation, PerLayer) else case.sparsity
        want, got = round(share * flags.size), int(flags.sum())
        demand(got == want, f"round({share} · {flags.size}) = {want} dropped of {name}", f"{got} dropped")


def erk_budget(allocation: Allocation, case: Case) -> None:
    network = made(list(case.scores.values()))
    groups = allocation.groups(Unstructured().units(network, case.scores), case.sparsity)
    kept = {name: network.parameters[name].size - group.target for group in groups for name in group.layers}
    for name, number in kept.items():
        density = number / network.parameters[name].size
        demand(0 <= density <= 1, f"a density of {name} in [0, 1]", f"{density:g}")
    want = network.weights - round(case.sparsity * network.weights)
    demand(sum(kept.values()) == want, f"{want} weights kept in all layers together", f"{sum(kept.values())}: {kept}")


def order(allocation: Allocation, case: Case) -> None:
    local_selector.order(selector_of(allocation, case), case)


def ties_by_position(allocation: Allocation, case: Case) -> None:
    local_selector.ties_by_position(selector_of(allocation, case), case)


def scale_free(allocation: Allocation, case: Case) -> None:
    selector.scale_free(selector_of(allocation, case), case)


def nested(allocation: Allocation, case: Case) -> None:
    selector.nested(selector_of(allocation, case), case)


def no_nan_decides(allocation: Allocation, case: Case) -> None:
    selector.no_nan_decides(selector_of(allocation, case), case)


def target_is_idempotent(allocation: Allocation, case: Case) -> None:
    network = made(list(case.scores.values()))
    mine = measured(allocation, network, case.scores, case)
    once = _ask(mine, network, case).apply(network)
    again = _ask(mine, once, case).apply(once)
    demand(again.kept == once.kept, "nothing more to go the second time", f"{once.kept - again.kept} more")


def counts_add_up(allocation: Allocation, case: Case) -> None:
    mine = measured(allocation, case.network, case.scores, case)
    found = _ask(mine, case.network, case)
    counted = {name: int(np.count_nonzero(~found.masks[name])) for name in case.network.prunable}
    told = {layer.name: layer.achieved for layer in found.layers}
    demand(told == counted, f"each layer's count to be {counted}", told)
    demand(found.achieved == sum(counted.values()), f"a total of {sum(counted.values())}", found.achieved)
    try:
        turned = {layer.name: layer.achieved for layer in _ask(_turned(mine), case.network, case).layers}
    except BudgetError as error:
        turned = {"refused": int(error.largest)}
    demand(turned == told, f"{told} gone, in whatever order layers are named", turned)


def min_keep(allocation: Allocation, case: Case) -> None:
    mine = measured(allocation, case.network, case.scores, case)
    try:
        masks = _ask(mine, case.network, case).masks
    except BudgetError as error:
        _largest(mine, case, int(error.largest))
        return
    for name, p in case.network.prunable.items():
        least, left = min(case.min_keep, p.kept), int(np.count_nonzero(masks[name]))
        demand(left >= least, f"at least {least} of {name} kept", f"{left} kept")
    gone, before = ({n: int((~m).sum()) for n, m in of.items()} for of in (masks, _kept(case.network)))
    for group in mine.groups(Unstructured().units(case.network, case.scores), case.sparsity):
        want = max(group.target, sum(before[name] for name in group.layers))
        came = sum(gone[name] for name in group.layers)
        demand(came == want, f"a refusal, or {want} of {' and '.join(group.layers)} gone", f"{came} gone")


def _largest(mine: Allocation, case: Case, largest: int) -> None:
    """See that what a refusal named is what a group has to give; or, if the allocation refused, what it can ask for."""
    units, total = Unstructured().units(case.network, case.scores), case.network.weights
    try:
        groups = mine.groups(units, case.sparsity)
    except BudgetError:
        met = _granted(mine, units, largest / total)
        demand(met == largest, f"groups for the largest count named, {largest}", f"groups for {met}")
        more = _granted(mine, units, min(largest + 1, total) / total)
        demand(more is None, f"a refusal beyond the largest count named, {largest}", f"groups for {more}")
        return
    able = {name: p.size - min(case.min_keep, p.kept) for name, p in case.network.prunable.items()}
    room = [(group.target, sum(able[name] for name in group.layers)) for group in groups]
    limits = [most for target, most in room if target > most]
    demand(largest in limits, f"the largest count that can go, {limits}, or no refusal", f"a refusal beyond {largest}")


def _granted(mine: Allocation, units: Units, sparsity: float) -> int | None:
    """Return how many the groups for a sparsity come to; None if there are none."""
    try:
        return sum(group.target for group in mine.groups(units, sparsity))
    except BudgetError:
        return None


def _ask(mine: Allocation, network: Network, case: Case) -> Plan:
    sparsity, least = None if mine.sets_sparsity else case.sparsity, getattr(case, "min_keep", 0)
    return plan(network, Given(case.scores), sparsity=sparsity, allocation=mine, min_keep=least)


def _turned(allocation: Allocation) -> Allocation:
    """Return the same allocation, with the layers that it names in another order."""
    result = copy.copy(allocation)
    if isinstance(result, PerLayer):
        result.sparsities = dict(reversed(result.sparsities.items()))
    if isinstance(result, Sensitivity):
        curves = result.curves
        sparsities, losses = (dict(reversed(list(of.items()))) for of in (curves.sparsities, curves.losses))
        result.curves = replace(curves, sparsities=sparsities, losses=losses)
    return result


def _kept(network: Network) -> dict[str, Bools]:
    return {name: p.mask for name, p in network.prunable.items()}


def _local(allocation: Allocation) -> bool:
    return isinstance(allocation, Uniform | PerLayer)


def _layers(allocation: Allocation) -> tuple[int, int]:
    """Return how many layers a case has: as many as the allocation names, if it names any."""
    named = allocation.sparsities if isinstance(allocation, PerLayer) else {}
    most = max((int("".join(filter(str.isdigit, name)) or 1) for name in named), default=0)
    return (most, max(most, 4)) if most else (1, 3)


def _mixed(allocation: Allocation) -> str:
    return "it compares weights of one output only" if getattr(allocation, "within", None) == "output" else ""


def _own(allocation: Allocation) -> str:
    return "it brings its own sparsities" if allocation.sets_sparsity else ""


def _anew(allocation: Allocation) -> str:
    anew = "it finds what each layer gives anew for each budget"
    return anew if isinstance(allocation, Sensitivity) else _own(allocation)


@st.composite
def _with_data(draw: DrawFn, allocation: Allocation, cases: SearchStrategy[Case]) -> Case:
    """Draw a case, and data for an allocation that measures."""
    case = draw(cases)
    if not isinstance(allocation, Sensitivity):
        return case
    first, *_, last = [s.shape for s in case.scores.values()] * 2
    rows = draw(st.integers(1, 4))
    x, y = (draw(strategies.weights((rows, width))) for width in (first[0], last[1]))
    return Case(**vars(case), x=x, y=y)


def _cases(draws: Callable[..., SearchStrategy[Case]], **options: Any) -> Callable[[Allocation], SearchStrategy[Case]]:
    return lambda allocation: _with_data(allocation, draws(layers=_layers(allocation), **options))


@st.composite
def _pair(draw: DrawFn, *, layers: tuple[int, int]) -> Case:
    other = draw(strategies.sparsities())
    case = draw(selector.selections(ties=False, layers=layers))
    return Case(scores=case.scores, sparsities=[case.sparsity, other])


@st.composite
def _wide(draw: DrawFn, allocation: Allocation) -> Case:
    """Draw layers of very different shapes: where a fair share would be more than a layer has."""
    sparsity = draw(strategies.sparsities())
    shapes = draw(strategies.shapes_of_layers(layers=(2, 3), width=9))
    scores = {f"dense{k}.weight": np.ones(shape, np.float32) for k, shape in enumerate(shapes, 1)}
    return Case(scores=scores, sparsity=sparsity)


_any, _requests = selector.selections, strategies.plan_requests

PROPERTIES = {
    "exact_count": Property(
        within_reach(exact_count), _cases(_any), lambda a: "it counts layer by layer" if _local(a) else ""
    ),
    "local_count": Property(local_count, _cases(_any), lambda a: "" if _local(a) else "it promises no layer a count"),
    "counts_add_up": Property(within_reach(counts_add_up), _cases(_requests)),
    "min_keep": Property(min_keep, _cases(_requests, min_keep=None)),
    "erk_budget": Property(erk_budget, _wide, lambda a: "" if isinstance(a, ErdosRenyi) else "it is no ErdosRenyi"),
    "zero_is_identity": Property(within_reach(zero_is_identity), _cases(_any), _own),
    "target_is_idempotent": Property(within_reach(target_is_idempotent), _cases(_any)),
    "order": Property(within_reach(order), _cases(_any, ties=False), _mixed),
    "ties_by_position": Property(within_reach(ties_by_position), _cases(_any, ties=True), _mixed),
    "scale_free": Property(within_reach(scale_free), _cases(selector.scaled)),
    "nested": Property(nested, _cases(_pair), _anew),
    "no_nan_decides": Property(no_nan_decides, _cases(selector.poisoned)),
}
