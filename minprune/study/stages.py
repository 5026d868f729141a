"""One run of a sweep: a function of what it is asked and of its seed, and of nothing else.

    stage 1   build → train → evaluate                                the dense network of a seed
    stage 2   plan → apply → evaluate → fine-tune → evaluate          one way to prune it, or one control

Not of who else runs, nor when, nor where: each has its own random numbers and its own copies of what may remember.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np

from minprune.arguments import real
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.inference.compilation import compile
from minprune.nn.network import Network
from minprune.pruning.allocation import Allocation
from minprune.pruning.criteria import Criterion, Random
from minprune.pruning.patterns import Pattern
from minprune.pruning.plan import plan
from minprune.study.controls import reinitialised, shuffled_in_layers, smaller
from minprune.study.timing import time_in_turns

Build: TypeAlias = Callable[[int], Network]
Train: TypeAlias = Callable[[Network, int], object]
Evaluate: TypeAlias = Callable[[Network], float | Mapping[str, float]]

ASKED = ("seed", "criterion", "allocation", "pattern", "sparsity", "control", "batch_size")
FOUND = ("achieved", "kept", "weights", "seconds", "latency", "dense_latency", "speedup")
_SECONDS = 0.3  # that each latency is measured
_DRAWS = {None: 0, "dense": 0, "small_dense": 1, "random": 2, "shuffled": 3, "reinitialised": 4}  # random streams


@dataclass(frozen=True)
class Recipe:
    """All that the runs of a sweep have in common."""

    build: Build
    train: Train
    finetune: Train | None
    evaluate: Evaluate
    data: object
    criteria: dict[str, Criterion]
    allocations: dict[str, Allocation]
    patterns: dict[str, Pattern]


def train_dense(*, seed: int, recipe: Recipe) -> dict[str, Any]:
    """Stage 1: return the values and masks of a trained network, and how good it is."""
    began = perf_counter()
    network = built(recipe, seed)
    recipe.train(network, seed)
    arrays = {name: p.value.copy() for name, p in network.parameters.items()}
    arrays |= {f"{name}.mask": p.mask.copy() for name, p in network.parameters.items()}
    return {"after": _metrics(recipe, network), "seconds": perf_counter() - began, **arrays}


def rebuilt(recipe: Recipe, record: Mapping[str, Any]) -> Network:
    """Return the network that stage 1 trained."""
    network = built(recipe, record["seed"])
    for name, parameter in network.parameters.items():
        parameter.mask, parameter.value = record[f"{name}.mask"], record[name]
    return network


def prune(
    *,
    seed: int,
    criterion: str | None,
    allocation: str | None,
    pattern: str | None,
    sparsity: float,
    control: str | None,
    recipe: Recipe,
    dense: Network,
    batch_size: int | None = None,
) -> dict[str, Any]:
    """Stage 2: return what comes of one way to prune, or of one control."""
    began = perf_counter()
    rng = np.random.default_rng([_DRAWS[control], seed])
    if control == "dense":
        network = dense.copy()
    elif control == "small_dense":
        network = smaller(dense, dense.weights - round(sparsity * dense.weights), rng=rng)
        recipe.train(network, seed)
    else:
        assert allocation is not None
        assert pattern is not None
        chosen = Random(rng=rng) if criterion is None else recipe.criteria[criterion]
        made = plan(
            dense,
            deepcopy(chosen),  # it may remember things, and others may be using it
            sparsity=sparsity,
            allocation=deepcopy(recipe.allocations[allocation]),
            pattern=deepcopy(recipe.patterns[pattern]),
            data=recipe.data() if callable(recipe.data) and getattr(chosen, "needs_data", False) else recipe.data,
        )
        network = shuffled_in_layers(dense, made.masks, rng=rng) if control == "shuffled" else made.apply(dense)
        if control == "reinitialised":
            network = reinitialised(network, rng=rng)
            recipe.train(network, seed)
    before = after = _metrics(recipe, network)
    if recipe.finetune is not None:
        recipe.finetune(network, seed)
        after = _metrics(recipe, network)
    counts = {"achieved": 1 - network.kept / dense.weights, "kept": network.kept, "weights": dense.weights}
    seconds = {"seconds": perf_counter() - began}
    return counts | {"before": before, "after": after} | seconds | _latency(network, dense, batch_size)


def _latency(network: Network, dense: Network, batch_size: int | None) -> dict[str, float]:
    """Return how long calls of the compiled networks take, and how many times as fast as the dense one ours is."""
    if batch_size is None:
        return {}
    programs = {"ours": compile(network, batch_size), "dense": compile(dense, batch_size)}
    rows = np.random.default_rng(0).standard_normal((8 * batch_size, dense.inputs))
    turns = time_in_turns(programs, rows, batch_size=batch_size, seconds=_SECONDS)
    times = {"latency": turns["ours"].median, "dense_latency": turns["dense"].median}
    return times | {"speedup": turns.speedup("ours", "dense")}


def _metrics(recipe: Recipe, network: Network) -> dict[str, float]:
    found = recipe.evaluate(network)
    named = found if isinstance(found, Mapping) else {"value": found}
    if not named or not all(isinstance(name, str) for name in named):
        raise InvalidValueError(
            f"evaluate must return a number or a dict of names to numbers, got {found!r} in sweep()"
        )
    taken = {*ASKED, *FOUND, *(f"{name}_before" for name in named)}
    for name in named:
        if name in taken:
            raise InvalidValueError(
                f"evaluate must leave the name {name!r} to another column of the records in sweep()"
            )
    return {name: real(value, f"evaluate's {name!r}", "sweep") for name, value in named.items()}


def built(recipe: Recipe, seed: int) -> Network:
    """Return the network of a seed before training."""
    network = recipe.build(seed)
    if not isinstance(network, Network):
        raise InvalidTypeError(f"build must return a Network, got {type(network).__name__} in sweep()")
    return network
