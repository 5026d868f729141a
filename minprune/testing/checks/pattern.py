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


def masks_of(pattern: Pattern, case: Case, **changes: Any) -> dict[str, Bools] | None:
    """Return the masks of a plan with this pattern, those of biases included; None if it can't be met."""
    request = {"sparsity": case.sparsity, "min_keep": case.min_keep} | changes
    try:
        return dict(plan(case.network, Given(case.scores), pattern=pattern, **request).masks)
    except BudgetError:
        return None


def kept_weights(masks: dict[str, Bools]) -> Weights:
    return {(name, int(i), int(j)) for name, mask in masks.items() if mask.ndim == 2 for i, j in np.argwhere(mask)}


def units_by_hand(network: Network, pattern: Pattern) -> list[Weights]:
    """Return the weights of each unit, by the definition of the pattern."""
    units: dict[tuple[str, int], Weights] = {}
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
            for unit in mine:
                units.setdefault(unit, set()).add((name, i, j))
    return list(units.values())


def unit_budget(pattern: Pattern, case: Case) -> None:
    before = kept_weights({name: p.mask for name, p in case.network.prunable.items()})
    masks = masks_of(pattern, case)
    if masks is None:
        return
    total = case.network.weights
    asked, gone_before = round(case.sparsity * total), total - len(before)
    achieved = total - len(kept_weights(masks))
    largest = max(len(unit & before) for unit in units_by_hand(case.network, pattern))
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
    made = masks_of(pattern, case)
    if made is None:
        return
    once = case.network.copy()
    for name, mask in made.items():
        once.parameters[name].mask = once.parameters[name].mask & mask
    again = masks_of(pattern, Case(**{**vars(case), "network": once}))
    more = -1 if again is None else once.kept - len(kept_weights(again))
    demand(more == 0, f"nothing to go at {case.sparsity} when that much is gone", f"{more} more gone")


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
def requests(draw: DrawFn, pattern: Pattern, *, pruned: bool | None = None) -> Case:
    """Draw what is asked of a plan; hidden layers if neurons are to go."""
    least = 2 if isinstance(pattern, Neurons) else 1
    return draw(strategies.plan_requests(layers=(least, 3), pruned=pruned))


PROPERTIES = {
    "unit_budget": Property(unit_budget, requests, _units_unknown),
    "zero_is_identity": Property(zero_is_identity, requests),
    "target_is_idempotent": Property(target_is_idempotent, requests),
    "no_revival": Property(no_revival, requests),
    "nm_groups": Property(nm_groups, requests, _claims(NM)),
    "vectors_whole": Property(vectors_whole, requests, _claims(Vectors)),
    "blocks_whole": Property(blocks_whole, requests, _claims(Blocks, but=Vectors)),
    "neuron_whole": Property(neuron_whole, lambda p: requests(p, pruned=False), _claims(Neurons)),
}
