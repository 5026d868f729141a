"""Functions of compaction, counting, copying and files that break a law each, within a `Framework` right otherwise."""
# ruff: noqa: D103  (what each one does wrong stands above it)

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from minprune.errors import StorageError
from minprune.inference.compaction import compact
from minprune.nn.layers import Select
from minprune.nn.network import Network
from minprune.study.complexity import analyze
from minprune.testing import framework
from minprune.testing.broken.registry import breaks_framework


@breaks_framework(
    "compact_equal",
    "the inputs that are left are taken from the front, not from where they were",
    also=("constant_folded",),
)
def compact_from_the_front(network: Network) -> Network:
    small = compact(network)
    first = small.layers[0]
    if not isinstance(first, Select):
        return small
    return Network([Select(np.arange(first.outputs), first.inputs), *(layer.copy() for layer in small.layers[1:])])


@breaks_framework("constant_folded", "a unit without inputs is dropped, and the constant that it put out with it")
def compact_without_folding(network: Network) -> Network:
    quiet = network.copy()
    for layer in quiet.dense[:-1]:
        if layer.bias is not None:
            layer.bias.mask = layer.bias.mask & np.logical_or.reduce(layer.weight.mask, axis=0)
    return compact(quiet)


@breaks_framework("compact_minimal", "a copy: equal it is, but nothing was removed")
def compact_nothing(network: Network) -> Network:
    return network.copy()


@breaks_framework("paths", "the layers' kept weights are multiplied, whether they meet or not")
def analyze_products(network: Network) -> Any:
    kept = [layer.weight.kept for layer in network.dense]
    return SimpleNamespace(paths=math.prod(kept), total=analyze(network).total)


@breaks_framework("flops_honest", "multiply-adds are called operations: half the number, and biases for nothing")
def analyze_by_half(network: Network) -> Any:
    found = analyze(network)
    total = SimpleNamespace(flops=network.weights, kept_flops=network.kept)
    return SimpleNamespace(paths=found.paths, total=total)


@breaks_framework("refused_unchanged", "the old mask is cleared before the new one is looked at")
def set_mask_hastily(network: Network, name: str, mask: Any) -> None:
    network.parameters[name].value[...] = 0
    framework.set_mask(network, name, mask)


@breaks_framework("copy_is_deep", "a new object with the old one's attributes: another network on the same arrays")
def copy_shallow(network: Network) -> Network:
    twin = object.__new__(Network)
    vars(twin).update(vars(network))
    return twin


@breaks_framework(
    "save_load_equal", "masks are not kept, and guessed from the zeros when the file is read", also=("save_stable",)
)
def load_guessing(path: Path) -> Network:
    network = framework.load(path)
    for p in network.prunable.values():
        p.mask = p.value != 0
    return network


@breaks_framework(
    "save_stable", "the time of saving is written into the file, so to say: no two are alike", also=("save_load_equal",)
)
def load_with_a_mark(path: Path) -> Network:
    network = framework.load(path)
    first = network.dense[0].weight
    value = first.value.copy()
    value.reshape(-1)[first.kept_at[:1]] += 1
    first.value = value
    return network


@breaks_framework("refuse_all_damage", "what a parser stumbles over comes out as it is: a KeyError, of whatever")
def load_unguarded(path: Path) -> Network:
    try:
        return framework.load(path)
    except StorageError as error:
        raise KeyError(str(error)) from error


@breaks_framework("save_atomic", "the file is opened for writing first, and is empty when anything goes wrong then")
def save_in_place(network: Network, path: Path) -> None:
    path.write_bytes(b"")
    framework.save(network, path)
