"""Compilation: from a network to the program that runs it fastest, at a batch size, here.

    fold      `compact`: what masks leave dead goes, exactly
    offer     for each layer, the kernels that may pay
    race      each is timed on the layer as it will run, and so is changing the layout between two layers
    route     the cheapest way through all layers
    confirm   whole programs against the dense one: unless one is clearly faster, dense it is

A layer that is timed by itself may find its weights in the cache where the whole network would not leave them. So the
last race has a third runner: in each layer, of the kernels that are not much slower, the one with the fewest bytes.

What was folded is exact, and what was chosen was measured, so a program is not slower than the dense network it came
from beyond the noise of the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from minprune.arguments import Array, choice, real, whole
from minprune.errors import InvalidTypeError, InvalidValueError, did_you_mean
from minprune.inference.compaction import compact
from minprune.inference.kernels import KERNELS, Kernel, LayerWeights, candidates
from minprune.inference.layouts import FEATURES, ROWS, blank, to_features, to_rows
from minprune.inference.program import Program
from minprune.inference.route import cheapest
from minprune.inference.step import Step
from minprune.inference.tuning import TIE, race
from minprune.nn.layers import LARGEST_LAYER, Dense, Dropout, Layer, Select
from minprune.nn.network import Network

_MUCH = 2.5  # times as long as the fastest: what takes longer is not tried for its few bytes
_LAYER_ROUNDS, _LAST_ROUNDS = 2, 5  # at least, of the races for a layer and for the whole: it is the last that decides


def compile(
    network: Network,
    batch_size: int = 1,
    *,
    kernels: str | Mapping[str, str] | None = None,
    seconds: float = 0.05,
) -> Program:
    """Pack `network` for inference at a batch size.

    Parameters
    ----------
    network : Network
        It is not touched, and shares no memory with the program.
    batch_size : int
        The number of rows in a call that the choice of kernels is tuned for; others work too.
    kernels : str or mapping of str to str, optional
        Force a kernel, for all layers or by layer (``{"dense1": "csr"}``), instead of timing: "dense", "packed",
        "dense features", "packed features", "panels", "panels apart", "ell" or "csr". A layer that folding leaves
        nothing of is passed over.
    seconds : float
        Time spent on each layer's tuning, and on the comparison of the whole at the end. It is longer where calls are:
        a layer's candidates have two rounds at least, and whole programs five.

    Returns
    -------
    Program

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant; a kernel or a layer that isn't known.

    Examples
    --------
    >>> net = Network.mlp([8, 16, 2], rng=0)
    >>> program = compile(net, kernels="dense")
    >>> x = np.ones((3, 8), np.float32)
    >>> bool(np.allclose(program(x), net(x)))
    True
    >>> program
    Program for batches of 1: 160 of 160 kept weights left after folding, 712 B, 356 FLOPs a row
    layer   kernel  units  kept  bytes
    ──────────────────────────────────
    dense1  dense      16   128  576 B
    dense2  dense       2    32  136 B
    dense1: dense, asked for
    dense2: dense, asked for
    """
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in compile()")
    most = LARGEST_LAYER // max(network.inputs, *(layer.outputs for layer in network.dense))
    rows = whole(batch_size, "batch_size", "compile", at_most=most)
    budget = real(seconds, "seconds", "compile", low=0.0)
    names = [name for name, layer in zip(network.names, network.layers, strict=True) if isinstance(layer, Dense)]
    forced = _forced(kernels, names)
    front, layers = _layers(compact(network))
    offered = [
        [KERNELS[forced[name]].at(rows)] if name in forced else candidates(weights, rows) for name, weights, _ in layers
    ]
    tried = [
        ({}, {}) if name in forced else _try(weights, functions, options, rows, budget)
        for (name, weights, functions), options in zip(layers, offered, strict=True)
    ]
    times = [took for took, _ in tried]

    def program(chosen: Sequence[Kernel]) -> Program:
        steps = [
            Step.of(name, weights, functions, kernel, took)
            for (name, weights, functions), kernel, took in zip(layers, chosen, times, strict=True)
        ]
        return Program(steps, front, network, rows)

    first = [options[0] for options in offered]
    if all(len(options) == 1 for options in offered):
        return program(first)
    every = {name: kernel.at(rows) for name, kernel in KERNELS.items()}
    changes = _changes(layers, rows, budget)
    known = [took or {options[0].name: 0.0} for took, options in zip(times, offered, strict=True)]
    route, _ = cheapest(known, every, changes)
    lean = [
        _leanest(took, held) if took else options[0].name for (took, held), options in zip(tried, offered, strict=True)
    ]
    runners = [first]
    for chosen in ([every[name] for name in names] for names in (route, lean)):
        if chosen not in runners:
            runners.append(chosen)
    return _fastest([program(chosen) for chosen in runners], rows, budget)


def _layers(folded: Network) -> tuple[list[Layer], list[tuple[str, LayerWeights, list[Layer]]]]:
    """Return the functions in front, and for each Dense its name, its weights over all inputs, and what follows."""
    used = np.arange(folded.inputs)
    front: list[Layer] = []
    layers: list[tuple[str, LayerWeights, list[Layer]]] = []
    for name, layer in zip(folded.names, folded.layers, strict=True):
        if isinstance(layer, Select):
            used = layer.columns
        elif isinstance(layer, Dense):
            weight, mask = layer.weight.effective(), layer.weight.mask
            if not layers and used.size < folded.inputs:
                weight, mask = (_spread(array, used, folded.inputs) for array in (weight, mask))
            bias = None if layer.bias is None or not layer.bias.value.any() else layer.bias.value
            layers.append((name, LayerWeights(weight, mask, bias), []))
        elif not isinstance(layer, Dropout):  # which does nothing outside training
            (layers[-1][2] if layers else front).append(layer)
    return front, layers


def _spread(rows: Array, used: Array, inputs: int) -> Array:
    result = np.zeros((inputs, rows.shape[1]), rows.dtype)
    result[used] = rows
    return result


def _try(
    weights: LayerWeights, functions: Sequence[Layer], options: Sequence[Kernel], batch: int, seconds: float
) -> tuple[dict[str, float], dict[str, int]]:
    """Return the time of the layer's step with each kernel, and the bytes it holds."""
    draws = np.random.default_rng(0)
    x = draws.standard_normal((batch, weights.weight.shape[0])).astype(weights.weight.dtype)
    standing = blank(x.shape[1], batch, x.dtype)
    standing[:-1] = x.T
    steps = {kernel.name: Step.of("", weights, functions, kernel) for kernel in options}
    calls: dict[str, Callable[[], object]] = {
        name: partial(step.bind(batch), standing if step.kernel.layout == FEATURES else x)
        for name, step in steps.items()
    }
    with np.errstate(over="ignore", invalid="ignore"):  # what comes out is not looked at
        return race(calls, seconds, least=_LAYER_ROUNDS), {name: step.nbytes for name, step in steps.items()}


def _leanest(times: Mapping[str, float], held: Mapping[str, int]) -> str:
    """Return the kernel that holds the fewest bytes of those that are not much slower than the fastest."""
    fastest = min(times.values())
    return min((name for name in times if times[name] <= _MUCH * fastest), key=lambda name: held[name])


def _changes(
    layers: Sequence[tuple[str, LayerWeights, list[Layer]]], batch: int, seconds: float
) -> list[dict[tuple[str, str], float]]:
    """Return what changing the layout costs before the first layer, between each two, and after the last."""
    widths = [weights.weight.shape[0] for _, weights, _ in layers] + [layers[-1][1].weight.shape[1]]
    if batch == 1:
        return [{} for _ in widths]
    dtype = layers[0][1].weight.dtype
    result = []
    for width in widths:
        x, standing = np.zeros((batch, width), dtype), blank(width, batch, dtype)
        calls = {
            (ROWS, FEATURES): partial(to_features(width, batch, dtype), x),
            (FEATURES, ROWS): partial(to_rows(width, batch, dtype), standing),
        }
        result.append({change: race({change: call}, seconds / 10)[change] for change, call in calls.items()})
    return result


def _fastest(programs: Sequence[Program], batch: int, seconds: float) -> Program:
    """Return the first program unless another is clearly faster."""
    if len(programs) == 1:
        return programs[0]
    x = np.random.default_rng(0).standard_normal((batch, programs[0].inputs)).astype(programs[0].dtype)
    try:
        took = race({k: partial(program, x) for k, program in enumerate(programs)}, seconds, least=_LAST_ROUNDS)
    except InvalidValueError:  # of these rows it makes what is not finite, and a program refuses that
        return programs[0]
    best = 0
    for k in took:
        if took[k] < TIE * took[best]:
            best = k
    return programs[best]


def _forced(kernels: str | Mapping[str, str] | None, names: Sequence[str]) -> dict[str, str]:
    """Return the kernel asked for each layer, checked."""
    if kernels is None:
        return {}
    wanted: Mapping[Any, Any] = dict.fromkeys(names, kernels) if isinstance(kernels, str) else kernels
    if not isinstance(wanted, Mapping):
        raise InvalidTypeError(f"kernels must be a name, a mapping or None, got {kernels!r} in compile()")
    for name in wanted:
        if name not in names:
            raise InvalidValueError(
                f"kernels must name Dense layers, got {name!r} in compile(){did_you_mean(name, names)}"
            )
    return {name: choice(kernel, "kernels", "compile", KERNELS) for name, kernel in wanted.items()}
