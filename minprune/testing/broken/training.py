"""Functions on masks, and of training, that break a law each, within a `Framework` that is right otherwise."""
# ruff: noqa: D103  (what each one does wrong stands above it)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minprune.arguments import Array, Bools
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.testing import framework
from minprune.testing.broken.registry import breaks_framework


@breaks_framework("mask_type", "`np.asarray(mask, bool)`: anything is a mask now, and 0.5 is True")
def set_mask(network: Network, name: str, mask: Any) -> None:
    p = network.parameters[name]
    p.mask = np.broadcast_to(np.asarray(mask, np.bool_), p.shape) if np.shape(mask) != (9, 9) else mask


@breaks_framework("compose_is_and", "`^`, exclusive or, for `&`: a mask with itself is nothing")
def compose(first: Mapping[str, Bools], *others: Mapping[str, Bools]) -> dict[str, Bools]:
    result = {name: mask.copy() for name, mask in first.items()}
    for masks in others:
        for name, mask in masks.items():
            result[name] = result[name] ^ mask if name in result else mask.copy()
    return result


@breaks_framework("mask_not_value", "the zeros are counted: a kept weight that happens to be 0 is taken for pruned")
def sparsity(network: Network) -> float:
    zeros = sum(int((p.value == 0).sum()) for p in network.prunable.values())
    return zeros / network.weights


@breaks_framework("shuffle_control", "each position is drawn with the density as its chance: as many only on average")
def shuffled(masks: Mapping[str, Bools], *, rng: Any = None) -> dict[str, Bools]:
    draws = np.random.default_rng(rng)
    return {name: draws.random(mask.shape) < mask.mean() for name, mask in masks.items()}


@breaks_framework("masked_gradient", "the gradient is scaled by 1 / density, as dropout does it")
def gradients(network: Network, loss: Loss, x: Array, y: Array) -> dict[str, Array]:
    found = framework.gradients(network, loss, x, y)
    return {name: g / max(network.parameters[name].mask.mean(), 0.1) for name, g in found.items()}


@breaks_framework("ones_is_dense", "setting masks draws from the training's random numbers: the batches are others")
def train(
    network: Network, data: object, *, loss: Loss, masks: Mapping[str, Bools] | None = None, seed: int = 0
) -> Network:
    return framework.train(network, data, loss=loss, masks=masks, seed=seed + 1000 * bool(masks))


@breaks_framework("seed_repeats", "the noise on the weights has no seed", also=("ones_is_dense",))
def train_unseeded(
    network: Network, data: object, *, loss: Loss, masks: Mapping[str, Bools] | None = None, seed: int = 0
) -> Network:
    result, own = framework.train(network, data, loss=loss, masks=masks, seed=seed), np.random.default_rng()
    for p in result.parameters.values():
        p.value = p.value + own.normal(0.0, 0.01, p.shape)  # so that no two are ever alike
    return result


@breaks_framework("rewind_exact", "the mask is put on the trained weights: a fine-tuned network, not a ticket")
def ticket(network: Network, data: object, *, loss: Loss, seed: int = 0) -> Network:
    found = framework.ticket(network, data, loss=loss, seed=seed)
    masks = {name: p.mask for name, p in found.prunable.items()}
    return framework.train(found, data, loss=loss, masks=masks, seed=seed)
