"""Planners that break a law each: `minprune.plan`, but for one thing."""
# ruff: noqa: D101, D103  (what each one does wrong stands above it)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from minprune.arguments import Bools
from minprune.nn.layers import Dense, Layer
from minprune.nn.network import Network
from minprune.pruning.answer import Plan
from minprune.pruning.criteria import Criterion
from minprune.pruning.plan import plan
from minprune.testing.broken.registry import breaks


def with_masks(made: Plan, masks: Mapping[str, Bools]) -> Plan:
    """Return a plan with other masks and counts that fit them."""
    layers = tuple(replace(layer, achieved=int(np.count_nonzero(~masks[layer.name]))) for layer in made.layers)
    achieved = sum(layer.achieved for layer in layers)
    return replace(made, masks=MappingProxyType(dict(masks)), layers=layers, achieved=achieved)


def remade(made: Plan, kind: type[Plan]) -> Plan:
    """Return the same plan as one of another class."""
    return kind(**{f.name: getattr(made, f.name) for f in fields(made)})


class AddsZero(Plan):
    def apply(self, network: Network) -> Network:
        result = super().apply(network)
        for p in result.prunable.values():
            p.value = p.value + 0.0
        return result


@breaks("zero_is_identity", "values are worked on when masks are set, `w + 0.0`: a kept −0.0 becomes +0.0")
def touching_values(network: Network, criterion: Criterion, **request: Any) -> Plan:
    return remade(plan(network, criterion, **request), AddsZero)


@breaks(
    "target_is_idempotent",
    "the sparsity is taken as a share of what is left, so that amounts compound",
    also=("pruned_do_not_count", "min_keep"),
)
def share_of_what_is_left(
    network: Network, criterion: Criterion, *, sparsity: float | None = None, **request: Any
) -> Plan:
    if sparsity is not None and network.sparsity < 1:
        sparsity = min(network.sparsity + (1 - network.sparsity) * sparsity, float(np.nextafter(1.0, 0.0)))
    return plan(network, criterion, sparsity=sparsity, **request)


@breaks("pruned_do_not_count", "the lowest of all weights are looked for, and those gone already are among them or not")
def forgets_what_is_gone(
    network: Network, criterion: Criterion, *, sparsity: float | None = None, min_keep: int = 1, **request: Any
) -> Plan:
    made = plan(network, criterion, sparsity=sparsity, min_keep=min_keep, **request)
    if sparsity is None or min_keep:
        return made
    dense = network.copy()
    for p in dense.prunable.values():
        p.mask = np.ones(p.shape, np.bool_)
    masks = plan(dense, criterion, sparsity=sparsity, min_keep=0).masks
    return with_masks(made, {name: network.parameters[name].mask & mask for name, mask in masks.items()})


@breaks("counts_add_up", "the layers count what goes now, their sum all that is gone")
def counts_two_things(network: Network, criterion: Criterion, **request: Any) -> Plan:
    made = plan(network, criterion, **request)
    return replace(
        made, layers=tuple(replace(layer, achieved=layer.achieved - layer.pruned_before) for layer in made.layers)
    )


@breaks("min_keep", "`min_keep` is taken and forgotten: layers are emptied silently")
def empties_layers(network: Network, criterion: Criterion, *, min_keep: int = 1, **request: Any) -> Plan:
    return plan(network, criterion, min_keep=0, **request)


@breaks("threshold_exact", "`<=` for `<`: what equals the threshold goes as well")
def at_or_below(network: Network, criterion: Criterion, *, threshold: float | None = None, **request: Any) -> Plan:
    limit = None if threshold is None else float(np.nextafter(threshold, np.inf))
    return plan(network, criterion, threshold=limit, **request)


@breaks(
    "no_revival",
    "masks are made anew with the right count: one that was gone comes back, another goes for it",
    also=("target_is_idempotent",),
)
def changes_places(network: Network, criterion: Criterion, *, sparsity: float | None = None, **request: Any) -> Plan:
    made = plan(network, criterion, sparsity=sparsity, **request)
    masks = {name: mask.copy() for name, mask in made.masks.items()}
    for name, p in network.prunable.items():
        back, away = np.flatnonzero(~p.mask), np.flatnonzero(masks[name])
        if sparsity and back.size and away.size:
            masks[name].reshape(-1)[[back[0], away[0]]] = [True, False]
            return with_masks(made, masks)
    return made


class InPlace(Plan):
    def apply(self, network: Network) -> Network:
        self.apply_in_place(network)
        return network


@breaks("original_untouched", "`apply` sets the masks on the network it is given, and returns that")
def in_place(network: Network, criterion: Criterion, **request: Any) -> Plan:
    return remade(plan(network, criterion, **request), InPlace)


class Trims(Plan):
    def apply(self, network: Network) -> Network:
        result = super().apply(network)
        last = result.dense[-1]
        used: Bools = np.logical_or.reduce(last.weight.mask, axis=0)
        used[0] = True
        if used.all():
            return result
        trimmed = Dense.from_arrays(last.weight.value[:, used], None if last.bias is None else last.bias.value[used])
        trimmed.weight.mask = last.weight.mask[:, used]
        layers: list[Layer] = [layer.copy() for layer in result.layers if layer is not last]
        return Network([*layers, trimmed])


@breaks(
    "width_kept",
    "outputs without weights are cut off: the network answers about fewer classes",
    also=("zero_is_identity", "target_is_idempotent", "original_untouched"),
)
def cuts_outputs_off(network: Network, criterion: Criterion, **request: Any) -> Plan:
    return remade(plan(network, criterion, **request), Trims)
