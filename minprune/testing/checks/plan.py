"""The laws of planning: a function like `minprune.plan`, called with networks that may be pruned already.

What a plan promises is read off its ``masks`` and off the network that ``apply`` returns.
"""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.arguments import Array, Bools
from minprune.errors import BudgetError
from minprune.nn.network import Network
from minprune.pruning.allocation import PerLayer
from minprune.testing import strategies
from minprune.testing.cases import Case, Given, digest
from minprune.testing.running import LawBroken, Property, demand

Planner = Callable[..., Any]


def ask(plan: Planner, case: Case, network: Network | None = None, **changes: Any) -> Any:
    """Ask for a plan at the case's sparsity."""
    given = {"sparsity": case.sparsity, "min_keep": case.min_keep} | changes
    return plan(case.network if network is None else network, Given(case.scores), **given)


def kept(network: Network) -> dict[str, Bools]:
    return {name: p.mask for name, p in network.prunable.items()}


def gone(masks: Mapping[str, Bools], network: Network) -> int:
    """Return how many weights are dropped by `masks`."""
    return sum(int(np.count_nonzero(~masks[name])) for name in network.prunable)


def zero_is_identity(plan: Planner, case: Case) -> None:
    before = digest(case.network)
    after = digest(ask(plan, case, sparsity=0.0).apply(case.network))
    different = [str(new[0]) for old, new in zip(before, after, strict=True) if old != new]  # type: ignore[index]
    demand(not different, "the same network at sparsity 0, bit for bit", f"another {', '.join(different)}")


def target_is_idempotent(plan: Planner, case: Case) -> None:
    once = ask(plan, case).apply(case.network)
    masks = kept(once)
    again = ask(plan, case, once).masks
    more = gone(again, once) - gone(masks, once)
    same = all((again[name] == masks[name]).all() for name in masks)
    demand(same, f"nothing to go at {case.sparsity} when that much is gone", f"{more:+d} gone, or others")


def pruned_do_not_count(plan: Planner, case: Case) -> None:
    before, asked = gone(kept(case.network), case.network), round(case.sparsity * case.network.weights)
    want, got = max(before, asked), gone(ask(plan, case).masks, case.network)
    demand(got == want, f"{want} gone: {asked} asked, {before} gone before", f"{got} gone")


def counts_add_up(plan: Planner, case: Case) -> None:
    network = case.network
    made = ask(plan, case)
    counted = {name: int(np.count_nonzero(~made.masks[name])) for name in network.prunable}
    told = {layer.name: layer.achieved for layer in made.layers}
    demand(told == counted, f"each layer's count to be {counted}", told)
    demand(made.achieved == sum(counted.values()), f"a total of {sum(counted.values())}", made.achieved)
    names = list(network.prunable)
    one, other = (
        ask(plan, case, sparsity=None, allocation=PerLayer(dict.fromkeys(order, case.sparsity))).achieved
        for order in (names, [names[i] for i in case.order])
    )
    demand(one == other, f"{one} gone, in whatever order layers are named", other)


def min_keep(plan: Planner, case: Case) -> None:
    network, total = case.network, case.network.weights
    able = {name: min(case.min_keep, p.kept) for name, p in network.prunable.items()}
    try:
        made = ask(plan, case)
    except BudgetError as error:
        _largest(plan, case, int(error.largest), total)
        return
    for name, least in able.items():
        left = int(np.count_nonzero(made.masks[name]))
        demand(left >= least, f"at least {least} of {name} kept", f"{left} kept")


def _largest(plan: Planner, case: Case, largest: int, total: int) -> None:
    """See that what a refusal named can be met, and one weight more can't."""
    met = gone(ask(plan, case, sparsity=largest / total).masks, case.network)
    demand(met == largest, f"a plan for the largest count named, {largest}", f"{met} gone")
    if largest + 1 < total:
        try:
            ask(plan, case, sparsity=(largest + 1) / total)
        except BudgetError:
            return
        raise LawBroken(f"a refusal beyond the largest count named, {largest}", "a plan")


def no_revival(plan: Planner, case: Case) -> None:
    before = kept(case.network)
    masks = ask(plan, case).masks
    back = sum(int(np.count_nonzero(masks[name] & ~before[name])) for name in before)
    demand(back == 0, "no weight that was gone in the new masks", f"{back} back")


def threshold_exact(plan: Planner, case: Case) -> None:
    made = ask(plan, case, sparsity=None, threshold=case.threshold)
    for name, p in case.network.prunable.items():
        want = p.mask & (case.scores[name] >= np.float64(case.threshold))
        same = bool((made.masks[name] == want).all())
        demand(
            same, f"those of {name} with a score < {case.threshold} dropped, {_count(~want)}", _count(~made.masks[name])
        )


def _count(mask: Array) -> int:
    return int(np.count_nonzero(mask))


def original_untouched(plan: Planner, case: Case) -> None:
    network = case.network
    before = digest(network)
    new = ask(plan, case).apply(network)
    demand(digest(network) == before, "the network as it was", "a changed one")
    for name, p in network.parameters.items():
        q = new.parameters[name]
        shared = any(np.shares_memory(a, b) for a in (p.value, p.grad, p.mask) for b in (q.value, q.grad, q.mask))
        demand(not shared, f"a new network with memory of its own for {name}", "shared memory")


def width_kept(plan: Planner, case: Case) -> None:
    network = case.network
    new = ask(plan, case).apply(network)
    want = (network.inputs, network.outputs)
    demand((new.inputs, new.outputs) == want, f"{want} inputs and outputs", (new.inputs, new.outputs))
    shape = new(np.ones((2, network.inputs), network.dtype)).shape
    demand(shape == (2, network.outputs), f"an output of shape {(2, network.outputs)}", shape)


@st.composite
def _with_order(draw: DrawFn) -> Case:
    case = draw(strategies.plan_requests())
    return Case(**vars(case), order=draw(st.permutations(range(len(case.network.dense)))))


@st.composite
def _with_threshold(draw: DrawFn) -> Case:
    case = draw(strategies.plan_requests())
    values = np.unique(np.concatenate([s.reshape(-1) for s in case.scores.values()])).tolist()
    return Case(**vars(case), threshold=draw(st.sampled_from(values)) + draw(st.sampled_from([0.0, 0.125])))


def _requests(**options: Any) -> Any:
    return lambda _: strategies.plan_requests(**options)


PROPERTIES = {
    "zero_is_identity": Property(zero_is_identity, _requests()),
    "target_is_idempotent": Property(target_is_idempotent, _requests()),
    "pruned_do_not_count": Property(pruned_do_not_count, _requests(pruned=True)),
    "counts_add_up": Property(counts_add_up, lambda _: _with_order()),
    "min_keep": Property(min_keep, _requests(min_keep=None)),
    "threshold_exact": Property(threshold_exact, lambda _: _with_threshold()),
    "no_revival": Property(no_revival, _requests(pruned=True)),
    "original_untouched": Property(original_untouched, _requests()),
    "width_kept": Property(width_kept, _requests()),
}
