"""The laws of a selector that gives every layer the same share: what is said of the network holds in each layer."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

from dataclasses import replace

from minprune.testing.cases import Case
from minprune.testing.checks import selector
from minprune.testing.checks.selector import Selector, dropped, selections
from minprune.testing.running import Property, demand


def local_count(select: Selector, case: Case) -> None:
    for name, gone in dropped(select, case.scores, case.sparsity).items():
        want, got = round(case.sparsity * gone.size), int(gone.sum())
        demand(got == want, f"round({case.sparsity} · {gone.size}) = {want} dropped of {name}", f"{got} dropped")


def order(select: Selector, case: Case) -> None:
    gone = dropped(select, case.scores, case.sparsity)
    for name in gone:
        selector.in_order({name: case.scores[name]}, {name: gone[name]}, f" in {name}")


def ties_by_position(select: Selector, case: Case) -> None:
    gone = dropped(select, case.scores, case.sparsity)
    for name in gone:
        selector.low_positions_first(case.scores[name].ravel(), gone[name].ravel(), f"{name} by flat index")
    again = dropped(select, case.scores, case.sparsity)
    demand(selector.equal(gone, again), "the same mask for the same call", "another")


def tiny(select: Selector, case: Case) -> None:
    for sparsity in (0.0, case.sparsity):
        local_count(select, Case(scores=case.scores, sparsity=sparsity))


PROPERTIES = {
    "local_count": Property(local_count, lambda _: selections()),
    **{name: prop for name, prop in selector.PROPERTIES.items() if name != "exact_count"},
}
for _name, _check in {"order": order, "ties_by_position": ties_by_position, "tiny": tiny}.items():
    PROPERTIES[_name] = replace(PROPERTIES[_name], check=_check)
