"""A program: a network packed for inference.

    compact  →  for each layer, time the kernels that suit it at the asked batch size, here  →  take the fastest

What was folded is exact, and what was chosen was measured, so a program is not slower than the dense network it came
from beyond the noise of the clock. It does not learn, it does not change, and it says which kernel runs each layer
and why.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minprune.arguments import Array, choice, features, real, whole
from minprune.display import count, duration, size, table
from minprune.errors import InvalidTypeError, InvalidValueError, did_you_mean
from minprune.inference.compaction import compact
from minprune.inference.kernels import KERNELS, Kernel, LayerWeights, candidates
from minprune.nn.layers import Dense, Dropout, Layer, Select
from minprune.nn.network import Network, decisions, probabilities

_TIE = 0.95  # another kernel replaces dense only if it takes less than this share of dense's time


@dataclass
class Step:
    """One layer of a program: kernel, bias, and what follows number by number."""

    name: str
    outputs: int
    kept: int
    kernel: Kernel
    bias: Array | None
    functions: tuple[Layer, ...]
    times: dict[str, float] = field(default_factory=dict)

    def __call__(self, x: Array, out: Array) -> Array:
        self.kernel(x, out)
        if self.bias is not None:
            out += self.bias
        for function in self.functions:
            function.infer(out)
        return out

    @property
    def why(self) -> str:
        """The reason for the kernel, in words."""
        if len(self.times) < 2:
            return "asked for" if not self.times else "nothing to gain: no weight is pruned"
        mine = self.times[self.kernel.name]
        others = {name: t for name, t in self.times.items() if name != self.kernel.name}
        nearest = min(others, key=lambda name: others[name])
        ratio = others[nearest] / mine
        if ratio < 1 / _TIE:
            return f"{duration(mine)}; {nearest} is within {100 * (1 / _TIE - 1):.0f} % of it"
        return f"{duration(mine)}; {nearest} takes {ratio:.1f} times as long"


class Program:
    """A network packed for inference: ``program(x)`` gives the network's logits. Made by `compile`.

    It takes any batch; buffers for the batch size it was compiled for are kept, so that a call allocates nothing but
    its result. One program serves one thread at a time.

    Attributes
    ----------
    inputs, outputs : int
    dtype : dtype
    batch_size : int
        What it was tuned for.
    steps : tuple of Step
    kept : int
        The weights it still multiplies by, those of folded units not counted.
    nbytes : int
        Bytes of all arrays it holds but its buffers: weights, indices, biases.
    flops : int
        Floating-point operations for one row: two for each multiply-add, one for each bias.
    """

    def __init__(self, steps: Sequence[Step], front: Sequence[Layer], network: Network, batch_size: int) -> None:
        self.steps = tuple(steps)
        self.inputs, self.outputs, self.dtype = network.inputs, network.outputs, network.dtype
        self.batch_size = batch_size
        self._front = tuple(front)
        self._buffers: dict[int, list[Array]] = {}
        biases = [step.bias for step in steps if step.bias is not None]
        self.kept = sum(step.kept for step in steps)
        self.nbytes = sum(step.kernel.nbytes for step in steps) + sum(bias.nbytes for bias in biases)
        self.flops = sum(2 * step.kernel.multiply_adds for step in steps) + sum(bias.size for bias in biases)
        self._folded_from = network.kept

    def __call__(self, x: Array) -> Array:
        """Return the logits, (batch, outputs), as a new array.

        Parameters
        ----------
        x : array, (batch, inputs)
            Finite numbers; converted to the program's dtype if need be, never written to.

        Raises
        ------
        InvalidTypeError, InvalidValueError
            An `x` of another rank or width, empty, not real numbers, or not finite.
        """
        h = np.ascontiguousarray(features(x, self.inputs, "Program", dtype=self.dtype))
        if self._front:
            h = h.copy()
            for function in self._front:
                function.infer(h)
        result = np.empty((len(h), self.outputs), self.dtype)
        for step, out in zip(self.steps, [*self._scratch(len(h)), result], strict=True):
            h = step(h, out)
        return result

    def _scratch(self, batch: int) -> list[Array]:
        if batch not in self._buffers:
            self._buffers = {b: kept for b, kept in self._buffers.items() if b == self.batch_size}
            self._buffers[batch] = [np.empty((batch, step.outputs), self.dtype) for step in self.steps[:-1]]
        return self._buffers[batch]

    def predict(self, x: Array) -> Array:
        """Return the likeliest class of each row, (batch,) int64, as `Network.predict` does."""
        return decisions(self(x))

    def predict_proba(self, x: Array) -> Array:
        """Return class probabilities, (batch, classes), as `Network.predict_proba` does."""
        return probabilities(self(x))

    def to_dict(self) -> dict[str, object]:
        """Return what runs where as plain values; times in seconds a batch."""
        rows = [
            {"layer": s.name, "outputs": s.outputs, "kept": s.kept, "kernel": s.kernel.name, "times": dict(s.times)}
            | {"nbytes": s.kernel.nbytes, "why": s.why}
            for s in self.steps
        ]
        return {
            "batch_size": self.batch_size,
            "kept": self.kept,
            "nbytes": self.nbytes,
            "flops": self.flops,
            "layers": rows,
        }

    def __repr__(self) -> str:
        names = list(dict.fromkeys(name for step in self.steps for name in step.times))
        rows = []
        for s in self.steps:
            times = [duration(s.times[name]) if name in s.times else "" for name in names]
            rows.append((s.name, s.kernel.name, s.outputs, count(s.kept), size(s.kernel.nbytes), *times))
        title = (
            f"Program for batches of {self.batch_size}: {count(self.kept)} of {count(self._folded_from)} kept weights "
            f"left after folding, {size(self.nbytes)}, {count(self.flops)} FLOPs a row"
        )
        body = table(["layer", "kernel", "units", "kept", "bytes", *names], rows, title=title, left=2)
        reasons = [f"{step.name}: {step.kernel.name}, {step.why}" for step in self.steps]
        return "\n".join([body, *reasons])


def compile(
    network: Network,
    batch_size: int = 1,
    *,
    kernels: str | Mapping[str, str] | None = None,
    seconds: float = 0.03,
) -> Program:
    """Pack `network` for inference at a batch size.

    Parameters
    ----------
    network : Network
        It is not touched, and shares no memory with the program.
    batch_size : int
        The number of rows in a call that the choice of kernels is tuned for; others work too.
    kernels : str or mapping of str to str, optional
        Force a kernel, for all layers or by layer (``{"dense1": "csr"}``), instead of timing: "dense", "used inputs"
        or "csr".
    seconds : float
        Time spent on each layer's tuning.

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
    Program for batches of 1: 160 of 160 kept weights left after folding, 640 B, 320 FLOPs a row
    layer   kernel  units  kept  bytes
    ──────────────────────────────────
    dense1  dense      16   128  512 B
    dense2  dense       2    32  128 B
    dense1: dense, asked for
    dense2: dense, asked for
    """
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in compile()")
    rows = whole(batch_size, "batch_size", "compile")
    budget = real(seconds, "seconds", "compile", low=0.0)
    folded = compact(network)
    names = [name for name, layer in zip(folded.names, folded.layers, strict=True) if isinstance(layer, Dense)]
    forced = _forced(kernels, names)
    front: list[Layer] = []
    steps: list[Step] = []
    used = np.arange(folded.inputs)
    for name, layer in zip(folded.names, folded.layers, strict=True):
        if isinstance(layer, Select):
            used = layer.columns
        elif isinstance(layer, Dense):
            inputs = folded.inputs if not steps else layer.inputs
            weights = LayerWeights(
                layer.weight.value, layer.weight.mask, inputs, used if not steps else np.arange(inputs)
            )
            times: dict[str, float] = {}
            if name in forced:
                kernel: Kernel = KERNELS[forced[name]](weights)
            else:
                kernel, times = _fastest(candidates(weights), weights, rows, budget)
            bias = None if layer.bias is None or not layer.bias.value.any() else layer.bias.value.copy()
            steps.append(Step(name, layer.outputs, layer.weight.kept, kernel, bias, (), times))
        elif not isinstance(layer, Dropout):
            if steps:
                steps[-1].functions += (layer.copy(),)
            else:
                front.append(layer.copy())
    return Program(steps, front, network, rows)


def _forced(kernels: str | Mapping[str, str] | None, names: Sequence[str]) -> dict[str, str]:
    """Return the kernel asked for each layer, checked."""
    if kernels is None:
        return {}
    wanted: Mapping[Any, Any] = dict.fromkeys(names, kernels) if isinstance(kernels, str) else kernels
    if not isinstance(wanted, Mapping):
        raise InvalidTypeError(f"kernels must be a name, a mapping or None, got {kernels!r} in compile()")
    for name in wanted:
        if name not in names:
            raise InvalidValueError(f"kernels names no Dense layer: {name!r}{did_you_mean(name, names)}")
    return {name: choice(kernel, "kernels", "compile", KERNELS) for name, kernel in wanted.items()}


def _fastest(
    kernels: Sequence[Kernel], layer: LayerWeights, batch: int, seconds: float
) -> tuple[Kernel, dict[str, float]]:
    """Return the fastest kernel and each one's median time; dense stays unless another is clearly faster."""
    x = np.random.default_rng(0).standard_normal((batch, layer.inputs)).astype(layer.weight.dtype)
    out = np.empty((batch, layer.weight.shape[1]), layer.weight.dtype)
    clock = time.perf_counter
    seen: dict[str, list[float]] = {kernel.name: [] for kernel in kernels}
    for kernel in kernels:
        kernel(x, out)  # the first call makes buffers and warms caches
    until = clock() + (seconds if len(kernels) > 1 else 0)
    while not seen[kernels[0].name] or (clock() < until and len(seen[kernels[0].name]) < 1000):
        for kernel in kernels:  # in turns, so that a slow moment of the machine hits all
            began = clock()
            kernel(x, out)
            seen[kernel.name].append(clock() - began)
    times = {name: statistics.median(values) for name, values in seen.items()}
    best = min(kernels, key=lambda kernel: times[kernel.name])
    if times[best.name] > _TIE * times[kernels[0].name]:
        best = kernels[0]
    return best, times
