"""The laws of an allocation, asked of plans for single weights that are made with it."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.arguments import Bools
from minprune.pruning.allocation import Allocation, ErdosRenyi, PerLayer, Uniform
from minprune.pruning.patterns import Unstructured
from minprune.pruning.plan import plan
from minprune.testing import strategies
from minprune.testing.cases import Case, Given
from minprune.testing.cases import network as made
from minprune.testing.checks import local_selector, selector
from minprune.testing.checks.selector import Scores, Selector
from minprune.testing.running import Property, demand


def selector_of(allocation: Allocation) -> Selector:
    """Return the selector that plans with this allocation, for single weights of a dense network."""

    def select(scores: Scores, sparsity: float) -> Mapping[str, Bools]:
        network = made([np.zeros(s.shape, s.dtype) for s in scores.values()])
        asked = None if allocation.sets_sparsity else sparsity
        return plan(network, Given(scores), sparsity=asked, allocation=allocation, min_keep=0).masks

    return select


def exact_count(allocation: Allocation, case: Case) -> None:
    selector.exact_count(selector_of(allocation), case)


def zero_is_identity(allocation: Allocation, case: Case) -> None:
    selector.zero_is_identity(selector_of(allocation), case)


def local_count(allocation: Allocation, case: Case) -> None:
    gone = selector.dropped(selector_of(allocation), case.scores, case.sparsity)
    for name, flags in gone.items():
        share = allocation.sparsities.get(name, 0.0) if isinstance(allocation, PerLayer) else case.sparsity
        want, got = round(share * flags.size), int(flags.sum())
        demand(got == want, f"round({share} · {flags.size}) = {want} dropped of {name}", f"{got} dropped")


def erk_budget(allocation: Allocation, case: Case) -> None:
    network = made([np.zeros(s.shape, s.dtype) for s in case.scores.values()])
    groups = allocation.groups(Unstructured().units(network, case.scores), case.sparsity)
    kept = {name: network.parameters[name].size - group.target for group in groups for name in group.layers}
    for name, number in kept.items():
        density = number / network.parameters[name].size
        demand(0 <= density <= 1, f"a density of {name} in [0, 1]", f"{density:g}")
    want = network.weights - round(case.sparsity * network.weights)
    demand(sum(kept.values()) == want, f"{want} weights kept in all layers together", f"{sum(kept.values())}: {kept}")


def order(allocation: Allocation, case: Case) -> None:
    local_selector.order(selector_of(allocation), case)


def ties_by_position(allocation: Allocation, case: Case) -> None:
    local_selector.ties_by_position(selector_of(allocation), case)


def scale_free(allocation: Allocation, case: Case) -> None:
    selector.scale_free(selector_of(allocation), case)


def nested(allocation: Allocation, case: Case) -> None:
    selector.nested(selector_of(allocation), case)


def no_nan_decides(allocation: Allocation, case: Case) -> None:
    selector.no_nan_decides(selector_of(allocation), case)


def target_is_idempotent(allocation: Allocation, case: Case) -> None:
    network = made([np.zeros(s.shape, s.dtype) for s in case.scores.values()])
    request = {"sparsity": None if allocation.sets_sparsity else case.sparsity, "allocation": allocation, "min_keep": 0}
    once = plan(network, Given(case.scores), **request).apply(network)  # type: ignore[arg-type]
    again = plan(once, Given(case.scores), **request).apply(once)  # type: ignore[arg-type]
    demand(again.kept == once.kept, "nothing more to go the second time", f"{once.kept - again.kept} more")


def _local(allocation: Allocation) -> bool:
    return isinstance(allocation, Uniform | PerLayer)


def _layers(allocation: Allocation) -> tuple[int, int]:
    """Return how many layers a case has: as many as the allocation names, if it names any."""
    named = allocation.sparsities if isinstance(allocation, PerLayer) else {}
    numbers = [int("".join(filter(str.isdigit, name)) or 1) for name in named]
    return (max(numbers), 4) if numbers else (1, 3)


def _mixed(allocation: Allocation) -> str:
    return "it compares weights of one output only" if getattr(allocation, "within", "layer") == "output" else ""


def _own(allocation: Allocation) -> str:
    return "it brings its own sparsities" if allocation.sets_sparsity else ""


@st.composite
def _pair(draw: DrawFn, layers: tuple[int, int]) -> Case:
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


PROPERTIES = {
    "exact_count": Property(
        exact_count,
        lambda a: selector.selections(layers=_layers(a)),
        lambda a: "it counts layer by layer" if _local(a) else "",
    ),
    "local_count": Property(
        local_count,
        lambda a: selector.selections(layers=_layers(a)),
        lambda a: "" if _local(a) else "it promises no layer a count",
    ),
    "erk_budget": Property(erk_budget, _wide, lambda a: "" if isinstance(a, ErdosRenyi) else "it is no ErdosRenyi"),
    "zero_is_identity": Property(zero_is_identity, lambda a: selector.selections(layers=_layers(a)), _own),
    "target_is_idempotent": Property(target_is_idempotent, lambda a: selector.selections(layers=_layers(a))),
    "order": Property(order, lambda a: selector.selections(ties=False, layers=_layers(a)), _mixed),
    "ties_by_position": Property(ties_by_position, lambda a: selector.selections(ties=True, layers=_layers(a)), _mixed),
    "scale_free": Property(scale_free, lambda a: selector.scaled(layers=_layers(a))),
    "nested": Property(nested, lambda a: _pair(_layers(a)), _own),
    "no_nan_decides": Property(no_nan_decides, lambda a: selector.poisoned(layers=_layers(a))),
}
