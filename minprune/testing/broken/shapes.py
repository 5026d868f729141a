"""Allocations, patterns, schedules and regrowths that break a law each."""
# ruff: noqa: D101  (what each one does wrong stands above it)

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from minprune.arguments import Array, Bools
from minprune.errors import BudgetError
from minprune.nn.network import Network
from minprune.pruning.allocation import Curves, ErdosRenyi, Sensitivity, Uniform
from minprune.pruning.allocation.allocation import Group
from minprune.pruning.patterns import NM, Blocks, Neurons, Vectors
from minprune.pruning.regrowth import SET
from minprune.pruning.schedules import Linear
from minprune.pruning.units import Units
from minprune.testing.broken.registry import breaks


@breaks("local_count", "`int(sparsity * n)` for `round`: 0.29 · 100 is 28.999…")
class TruncatedUniform(Uniform):
    def groups(self, units: Units, sparsity: float) -> list[Group]:
        return [Group((name,), int(sparsity * units.total[name])) for name in units.scores]


@breaks(
    "erk_budget",
    "densities beyond 1 are cut off, and what they leave over is spread over nobody",
    also=("exact_count",),
)
class ClippedErdosRenyi(ErdosRenyi):
    def groups(self, units: Units, sparsity: float) -> list[Group]:
        kept = sum(units.total.values()) - round(sparsity * sum(units.total.values()))
        epsilon = kept / sum(sum(shape) for shape in units.shapes.values())
        groups = []
        for name, shape in units.shapes.items():
            left = min(units.total[name], math.floor(epsilon * sum(shape)))
            groups.append(Group((name,), units.total[name] - left))
        if sparsity == 0:
            groups = [Group((name,), 0) for name in units.shapes]
        return groups


@breaks(
    "exact_count",
    "each layer's share is kept to one decimal, and the counts of all come to something else",
    of="allocation",
    also=("target_is_idempotent",),
    curves=Curves(0.0, {}, {}),
)
class ToOneDecimal(Sensitivity):
    def groups(self, units: Units, sparsity: float) -> list[Group]:
        total = units.total
        groups = super().groups(units, sparsity)
        return [replace(g, target=round(round(g.target / total[g.layers[0]], 1) * total[g.layers[0]])) for g in groups]


@breaks(
    "counts_add_up",
    "the curves go by their order, not by their names: named in another order, layers get each other's",
    of="allocation",
    curves=Curves(0.0, {}, {}),
)
class ByPosition(Sensitivity):
    def groups(self, units: Units, sparsity: float) -> list[Group]:
        sparsities, losses = (
            dict(zip(units.scores, of.values(), strict=True)) for of in (self.curves.sparsities, self.curves.losses)
        )
        return Sensitivity(replace(self.curves, sparsities=sparsities, losses=losses)).groups(units, sparsity)


@breaks(
    "min_keep",
    "of more than the curves reach it says that all there is can go, and refuses that as well",
    of="allocation",
    curves=Curves(0.0, {}, {}),
)
class NamesTheWhole(Sensitivity):
    def groups(self, units: Units, sparsity: float) -> list[Group]:
        try:
            return super().groups(units, sparsity)
        except BudgetError:
            whole = sum(units.total.values()) - 1
            raise BudgetError(f"at most {whole} can go", whole) from None


@breaks(
    "unit_budget", "every block is taken to cost one weight: as many blocks go as weights were asked for", shape=(2, 2)
)
class CountedAsOne(Blocks):
    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        units = super().units(network, scores)
        if network.sparsity == 0:  # what was pruned before is counted right
            units.sizes = {name: np.minimum(size, 1) for name, size in (units.sizes or {}).items()}
        return units


@breaks(
    "target_is_idempotent",
    "the smallest unit that is left is asked whether it fits in what was missed, where the largest should be: once the "
    "scores have changed, a small one goes",
    of="pattern",
    shape=(2, 2),
)
class AnyRestFits(Blocks):
    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        units = super().units(network, scores)
        sizes = units.sizes or {}

        def lost(layers: Sequence[str], order: Array) -> Array:
            total: Array = np.cumsum(np.concatenate([sizes[name] for name in layers])[order])
            return total

        units.sizes = {name: np.minimum(size, 1) for name, size in sizes.items()}
        units.separable, units.lost = False, lost  # type: ignore[method-assign]  # what goes is counted right
        return units


@breaks(
    "min_keep", "it says of a unit that it never lets it go, and lets it go all the same", of="pattern", shape=(2, 1)
)
class NotSoSafe(Blocks):
    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        units = super().units(network, scores)
        units.safe = lambda name: 1  # type: ignore[method-assign]
        return units


@breaks(
    "nm_groups", "the groups of m run along the outputs: right for a weight (out, in), wrong for (in, out)", n=1, m=3
)
class AlongOutputs(NM):
    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        units = super().units(network, scores)
        for name, p in network.prunable.items():
            low = np.zeros(p.shape, np.bool_)
            for row, first in np.ndindex(p.shape[0], -(-p.shape[1] // self.m)):
                group = slice(first * self.m, (first + 1) * self.m)
                counted = np.where(p.mask[row, group], scores[name][row, group], -1)
                spare = counted.size - -(-self.n * counted.size // self.m)
                low[row, group][np.argsort(counted, kind="stable")[:spare]] = True
            units.alive[name] = (low & p.mask).reshape(-1)
        return units


@breaks("vectors_whole", "the runs go down the inputs of one output: vectors of the transposed matrix", length=2)
class DownTheInputs(Vectors):
    def numbers(self, shape: tuple[int, ...]) -> Array:
        return Blocks((self.length, 1)).numbers(shape)

    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        return Blocks((self.length, 1)).units(network, scores)


@breaks("blocks_whole", "blocks of (r, c) are cut as (c, r)", shape=(1, 2))
class TransposedBlocks(Blocks):
    def numbers(self, shape: tuple[int, ...]) -> Array:
        return Blocks(self.shape[::-1]).numbers(shape)

    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        return Blocks(self.shape[::-1]).units(network, scores)


@breaks("neuron_whole", "column and row go, the bias stays, and puts out a constant for ever")
class ForgottenBias(Neurons):
    def units(self, network: Network, scores: Mapping[str, Array]) -> Units:
        units = super().units(network, scores)
        masks = units.masks

        def weights_alone(dropped: Mapping[str, Bools]) -> dict[str, Bools]:
            return {name: mask for name, mask in masks(dropped).items() if mask.ndim == 2}

        units.masks = weights_alone  # type: ignore[method-assign]
        return units


@breaks("schedule_monotone", "a wave on the ramp: the sparsity falls again, and what was pruned would come back")
class Wave(Linear):
    def ramp(self, t: float) -> float:
        return 1.0 if t == 1 else t + math.sin(2 * math.pi * t) / 2


@breaks(
    "schedule_lands",
    "`range(updates)`: the last update is the one before the last, and the target is never met",
    also=("schedule_degenerate",),
)
class OneShort(Linear):
    def due(self, steps: int) -> dict[int, float]:
        return self._due(steps, [k / self.updates for k in range(self.updates)])


@breaks("schedule_degenerate", "(progress − begin) / (end − begin), also where the two are equal")
class DividesByZero(Linear):
    def place(self, progress: float) -> float:
        return min(1.0, max(0.0, (progress - self.begin) / (self.end - self.begin)))


@breaks("regrow_conserves", "a share of the dead grows, where it should be as many as were dropped")
class GrowsAShare(SET):
    def masks(self, network: Network, scores: Mapping[str, Array], t: float, **options: Any) -> dict[str, Bools]:
        masks = super().masks(network, scores, t, **options)
        for mask in masks.values():
            dead = np.flatnonzero(~mask)
            mask.reshape(-1)[dead[: round(self.share(t) * dead.size)]] = True
        return masks
