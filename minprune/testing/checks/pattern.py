"""The laws of a pattern, asked of plans that are made with it: how much goes, and what shape is left."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.arguments import Bools
from minprune.errors import BudgetError
from minprune.nn.network import Network
from minprune.pruning.patterns import NM, Blocks, Neurons, Pattern, Tiling, Unstructured, Vectors
from minprune.pruning.plan import plan
from minprune.testing import strategies
from minprune.testing.cases import Case, Given
from minprune.testing.running import Property, demand

Weights = set[tuple[str, int, int]]


def plan_of(pattern: Pattern, case: Case, **changes: Any) -> dict[str, Bools]:
    """Return the masks of a plan with this pattern, those of biases included."""
    request = {"sparsity": case.sparsity, "min_keep": case.min_keep} | changes
    return dict(plan(case.network, Given(case.scores), pattern=pattern, **request).masks)


def masks_of(pattern: Pattern, case: Case, **changes: Any) -> dict[str, Bools] | None:
    """Return the masks of a plan with this pattern; None if it can't be met."""
    try:
        return plan_of(pattern, case, **changes)
    except BudgetError:
        return None


def kept_weights(masks: dict[str, Bools]) -> Weights:
    return {(name, int(i), int(j)) for name, mask in masks.items() if mask.ndim == 2 for i, j in np.argwhere(mask)}


def layers_of_units(network: Network, pattern: Pattern) -> dict[str, list[Weights]]:
    """Return the weights of each unit, layer by layer, by the definition of the pattern."""
    units: dict[str, dict[int, Weights]] = {}
    names = list(network.prunable)
    for k, name in enumerate(names):
        shape = network.prunable[name].shape
        numbers = (
            pattern.numbers(shape) if isinstance(pattern, Tiling) else np.arange(shape[0] * shape[1]).reshape(shape)
        )
        for i, j in np.ndindex(shape):
            if isinstance(pattern, Neurons):
                before = names[k - 1] if k else "inputs"
                mine = [(before, i)] if k or pattern.inputs else []
                mine += [(name, j)] if name != names[-1] else []
            else:
                mine = [(name, int(numbers[i, j]))]
            for layer, unit in mine:
                units.setdefault(layer, {}).setdefault(unit, set()).add((name, i, j))
    return {layer: list(of_layer.values()) for layer, of_layer in units.items()}


def largest_unit(network: Network, pattern: Pattern, kept: Weights) -> int:
    """Return how many kept weights the largest unit has."""
    return max(len(unit & kept) for units in layers_of_units(network, pattern).values() for unit in units)


def unit_budget(pattern: Pattern, case: Case) -> None:
    before = kept_weights({name: p.mask for name, p in case.network.prunable.items()})
    masks = masks_of(pattern, case)
    if masks is None:
        return
    total = case.network.weights
    asked, gone_before = round(case.sparsity * total), total - len(before)
    achieved = total - len(kept_weights(masks))
    largest = largest_unit(case.network, pattern, before)
    demand(achieved <= max(asked, gone_before), f"at most {asked} gone, {gone_before} before", f"{achieved} gone")
    near = asked - achieved < max(largest, 1)
    demand(near, f"{asked} gone but for less than one unit of {largest}", f"{achieved} gone")


def zero_is_identity(pattern: Pattern, case: Case) -> None:
    masks = masks_of(pattern, case, sparsity=0.0)
    assert masks is not None
    same = all((masks[name] == p.mask).all() for name, p in case.network.prunable.items())
    demand(same, "the masks as they were at sparsity 0", "others")


def no_revival(pattern: Pattern, case: Case) -> None:
    masks = masks_of(pattern, case)
    back = 0 if masks is None else sum(int((masks[n] & ~p.mask).sum()) for n, p in case.network.prunable.items())
    demand(back == 0, "no weight that was gone in the new masks", f"{back} back")


def target_is_idempotent(pattern: Pattern, case: Case) -> None:
    """Ask again: with the same scores, and with them turned round, as training that goes on may do."""
    made = masks_of(pattern, case)
    if made is None:
        return
    once = case.network.copy()
    for name, mask in made.items():
        once.parameters[name].mask = once.parameters[name].mask & mask
    highest = max(s.max() for s in case.scores.values())
    turned = {name: highest - s for name, s in case.scores.items()}
    rounds = {"the same scores": case.scores}
    if once.kept < once.weights:  # of a dense network nothing was missed yet
        rounds["the scores turned round"] = turned
    for what, scores in rounds.items():
        again = masks_of(pattern, Case(**{**vars(case), "network": once, "scores": scores}))
        came = "a refusal" if again is None else f"{once.kept - len(kept_weights(again))} more gone"
        demand(came == "0 more gone", f"nothing to go at {case.sparsity} when that much is gone, for {what}", came)


def min_keep(pattern: Pattern, case: Case) -> None:
    network, before = case.network, kept_weights({name: p.mask for name, p in case.network.prunable.items()})
    try:
        masks = plan_of(pattern, case)
    except BudgetError as error:
        _largest(pattern, case, error, largest_unit(network, pattern, before))
        return
    after = kept_weights(masks)
    for layer, units in layers_of_units(network, pattern).items():
        had, left = (sum(bool(unit & kept) for unit in units) for kept in (before, after))
        least = min(case.min_keep, had)
        demand(left >= least, f"at least {least} units of {layer} left, of {had}", f"{left} left")
    missed = round(case.sparsity * network.weights) - (network.weights - len(after))
    largest = largest_unit(network, pattern, before)
    demand(missed < max(largest, 1), f"a refusal, or the budget met but for less than {largest}", f"{missed} missed")


def _largest(pattern: Pattern, case: Case, error: BudgetError, unit: int) -> None:
    """See that what a refusal named can be met to a unit, and one unit more can't."""
    named, total = int(error.largest), case.network.weights
    demand(f"{named:,}" in str(error), f"an error that names the largest count, {named:,}", str(error))
    masks = masks_of(pattern, case, sparsity=named / total)
    asked = f"a plan for the largest count named, {named}"
    demand(masks is not None, asked, "a refusal")
    missed = named - (total - len(kept_weights(masks or {})))
    demand(missed < max(unit, 1), f"{asked}, met but for less than {unit}", f"{missed} fewer gone")
    if named + unit < total:
        more = masks_of(pattern, case, sparsity=(named + unit) / total)
        demand(more is None, f"a refusal of a unit more than the largest count named, {named} + {unit}", "a plan")


def nm_groups(pattern: NM, case: Case) -> None:
    full, partly = masks_of(pattern, case, sparsity=None, min_keep=0), masks_of(pattern, case)
    for masks, exactly in ((full, True), (partly, False)):
        for name, p in case.network.prunable.items() if masks is not None else ():
            assert masks is not None
            for start in range(0, p.shape[0], pattern.m):
                had, has = (mask[start : start + pattern.m] for mask in (p.mask, masks[name]))
                least = np.minimum(had.sum(axis=0), -(-pattern.n * len(had) // pattern.m))
                good = has.sum(axis=0) == least if exactly else has.sum(axis=0) >= least
                where = f"of inputs {start}–{start + len(had) - 1} of {name}, for each output"
                demand(
                    good.all(),
                    f"{'' if exactly else 'at least '}{least.tolist()} kept {where}",
                    has.sum(axis=0).tolist(),
                )


def _tiles(shape: tuple[int, ...], rows: int, columns: int) -> Iterator[tuple[slice, slice]]:
    for i in range(0, shape[0], rows):
        for j in range(0, shape[1], columns):
            yield slice(i, i + rows), slice(j, j + columns)


def blocks_whole(pattern: Blocks, case: Case) -> None:
    masks = masks_of(pattern, case)
    for name, p in case.network.prunable.items() if masks is not None else ():
        assert masks is not None
        for tile in _tiles(p.shape, *pattern.shape):
            whole = not masks[name][tile].any() or (masks[name][tile] == p.mask[tile]).all()
            at = f"{tile[0].start}:{tile[0].stop}, {tile[1].start}:{tile[1].stop}"
            demand(whole, f"{name}[{at}] kept whole or dropped whole", masks[name][tile].tolist())


def vectors_whole(pattern: Vectors, case: Case) -> None:
    blocks_whole(pattern, case)  # a vector is a block of 1 × length


def neuron_whole(pattern: Neurons, case: Case) -> None:
    masks = masks_of(pattern, case, min_keep=1)
    if masks is None:
        return
    names = list(case.network.prunable)
    for first, second in pairwise(names):
        into, out = masks[first].any(axis=0), masks[second].any(axis=1)
        demand((into == out).all(), f"units of {first} with a column and a row, or neither", f"{into} and {out}")
        bias = first.replace("weight", "bias")
        if bias in case.network.parameters:
            kept = masks.get(bias, case.network.parameters[bias].mask)
            demand((kept == into).all(), f"the bias of a unit of {first} to go with its column", f"{kept} for {into}")
        for name, mask in ((first, masks[first]), (second, masks[second])):
            whole = mask == np.logical_and.outer(mask.any(axis=1), mask.any(axis=0))
            demand(whole.all(), f"rows and columns of {name} dropped whole", mask.tolist())


def _claims(kind: type, but: type | tuple[type, ...] = ()) -> Any:
    def skip(pattern: Pattern) -> str:
        return "" if isinstance(pattern, kind) and not isinstance(pattern, but) else f"it is no {kind.__name__}"

    return skip


def _units_unknown(pattern: Pattern) -> str:
    known = isinstance(pattern, Unstructured | NM | Tiling | Neurons)
    return "" if known else "what its units are is known of a Tiling, NM, Neurons or Unstructured"


@st.composite
def requests(draw: DrawFn, /, pattern: Pattern, **options: Any) -> Case:
    """Draw what is asked of a plan; hidden layers if neurons are to go."""
    least = 2 if isinstance(pattern, Neurons) else 1
    return draw(strategies.plan_requests(layers=(least, 3), **options))


@st.composite
def _counts(draw: DrawFn, pattern: Pattern) -> Case:
    """Draw requests of any number of weights, with scores of which no two are equal."""
    case = draw(requests(pattern, ties=False))
    total = case.network.weights
    return Case(**{**vars(case), "sparsity": draw(st.integers(0, total - 1)) / total})


@st.composite
def _to_be_emptied(draw: DrawFn, pattern: Pattern) -> Case:
    """Draw requests that may need more than there is."""
    case = draw(requests(pattern))
    total = case.network.weights
    asked = {"min_keep": draw(st.integers(0, 8)), "sparsity": draw(st.integers(0, total - 1)) / total}
    return Case(**{**vars(case), **asked})


PROPERTIES = {
    "unit_budget": Property(unit_budget, requests, _units_unknown),
    "zero_is_identity": Property(zero_is_identity, requests),
    "target_is_idempotent": Property(target_is_idempotent, _counts),
    "min_keep": Property(min_keep, _to_be_emptied, _units_unknown),
    "no_revival": Property(no_revival, requests),
    "nm_groups": Property(nm_groups, requests, _claims(NM)),
    "vectors_whole": Property(vectors_whole, requests, _claims(Vectors)),
    "blocks_whole": Property(blocks_whole, requests, _claims(Blocks, but=Vectors)),
    "neuron_whole": Property(neuron_whole, lambda p: requests(p, pruned=False), _claims(Neurons)),
}
