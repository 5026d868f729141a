"""A program: a network packed for inference.

    compact  →  for each layer, time the kernels that suit it at the asked batch size, here  →  take the fastest

What was folded is exact, and what was chosen was measured, so a program is not slower than the dense network it came
from beyond the noise of the clock. It does not learn, it does not change, and it says which kernel runs each layer
and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minprune.arguments import Array, choice, features, real, whole
from minprune.display import count, duration, size, table
from minprune.errors import InvalidTypeError, InvalidValueError, did_you_mean
from minprune.inference.compaction import compact
from minprune.inference.kernels import KERNELS, Kernel, LayerWeights, candidates
from minprune.inference.step import Step
from minprune.inference.tuning import fastest
from minprune.nn.layers import Dense, Dropout, Layer, Select
from minprune.nn.network import Network, decisions, probabilities


class Program:
    """A network packed for inference: ``program(x)`` gives the network's logits. Made by `compile`.

    It takes any batch. Buffers for the batch size it was compiled for are kept: a call allocates its result, one bool
    for each number of `x`, to find those that are not finite, and what activations other than ReLU and tanh need. One
    program serves one thread at a time.

    Attributes
    ----------
    inputs, outputs : int
    dtype : dtype
    batch_size : int
        What it was tuned for.
    steps : tuple of Step
    kept : int
    sparsity : float
        Those of the network it was made from, by its masks: packing prunes nothing.
    live : int
        The kept weights that are left after folding: those on a path from an input to an output, as in `analyze`.
    nbytes : int
        Bytes of all arrays it holds but its buffers: weights, indices, biases.
    flops : int
        Floating-point operations done for one row: two for each multiply-add, one for each bias. A dense kernel
        multiplies by its zeros, so they count. Activations do not.

    Examples
    --------
    >>> program = compile(Network.mlp([8, 16, 2], rng=0), batch_size=1)
    >>> program(np.ones((3, 8), np.float32)).shape, program.kept
    ((3, 2), 160)
    """

    def __init__(self, steps: Sequence[Step], front: Sequence[Layer], network: Network, batch_size: int) -> None:
        self.steps = tuple(steps)
        self.inputs, self.outputs, self.dtype = network.inputs, network.outputs, network.dtype
        self.batch_size = batch_size
        self._front = tuple(front)
        self._buffers: dict[int, list[Array]] = {}
        self.kept, self.sparsity = network.kept, network.sparsity
        self.live = sum(step.kept for step in steps)
        self.nbytes = sum(step.nbytes for step in steps)
        self.flops = sum(step.flops for step in steps)

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
        h = self._checked(x)
        if self._front:
            h = h.copy()
            for function in self._front:
                function.infer(h)
        for step, out in zip(self.steps[:-1], self._scratch(len(h)), strict=True):
            h = step(h, out)
        return self.steps[-1](h, np.empty((len(h), self.outputs), self.dtype))

    def _checked(self, x: Array) -> Array:
        """Return `x` as the kernels want it; by a few quick looks if it is already, else by `features`."""
        if (
            type(x) is np.ndarray
            and x.dtype == self.dtype
            and x.ndim == 2
            and x.shape[1] == self.inputs
            and x.flags.c_contiguous
            and np.count_nonzero(np.isfinite(x)) == x.size > 0  # half the time of np.isfinite(x).all() for one row
        ):
            return x
        return np.ascontiguousarray(features(x, self.inputs, "Program", dtype=self.dtype))

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
            | {"nbytes": s.nbytes, "flops": s.flops, "why": s.why}
            for s in self.steps
        ]
        return {
            "batch_size": self.batch_size,
            "kept": self.kept,
            "sparsity": self.sparsity,
            "live": self.live,
            "nbytes": self.nbytes,
            "flops": self.flops,
            "layers": rows,
        }

    def __repr__(self) -> str:
        names = list(dict.fromkeys(name for step in self.steps for name in step.times))
        rows = []
        for s in self.steps:
            times = [duration(s.times[name]) if name in s.times else "" for name in names]
            rows.append((s.name, s.kernel.name, s.outputs, count(s.kept), size(s.nbytes), *times))
        title = (
            f"Program for batches of {self.batch_size}: {count(self.live)} of {count(self.kept)} kept weights "
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
        or "csr". A layer that folding leaves nothing of is passed over.
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
    Program for batches of 1: 160 of 160 kept weights left after folding, 704 B, 320 FLOPs a row
    layer   kernel  units  kept  bytes
    ──────────────────────────────────
    dense1  dense      16   128  576 B
    dense2  dense       2    32  128 B
    dense1: dense, asked for
    dense2: dense, asked for
    """
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in compile()")
    rows = whole(batch_size, "batch_size", "compile")
    budget = real(seconds, "seconds", "compile", low=0.0)
    names = [name for name, layer in zip(network.names, network.layers, strict=True) if isinstance(layer, Dense)]
    forced = _forced(kernels, names)
    folded = compact(network)
    used = np.arange(folded.inputs)
    front: list[Layer] = []
    layers: list[tuple[str, Dense, list[Layer]]] = []
    for name, layer in zip(folded.names, folded.layers, strict=True):
        if isinstance(layer, Select):
            used = layer.columns
        elif isinstance(layer, Dense):
            layers.append((name, layer, []))
        elif not isinstance(layer, Dropout):  # which does nothing outside training
            (layers[-1][2] if layers else front).append(layer)
    steps: list[Step] = []
    for name, layer, functions in layers:
        inputs, seen = (layer.inputs, np.arange(layer.inputs)) if steps else (folded.inputs, used)
        weights = LayerWeights(layer.weight.value, layer.weight.mask, inputs, seen)
        if name in forced:
            kernel: Kernel = KERNELS[forced[name]](weights)
            times: dict[str, float] = {}
        else:
            kernel, times = fastest(candidates(weights), weights, rows, budget)
        steps.append(Step.of(name, layer, functions, kernel, times))
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
            raise InvalidValueError(
                f"kernels must name Dense layers, got {name!r} in compile(){did_you_mean(name, names)}"
            )
    return {name: choice(kernel, "kernels", "compile", KERNELS) for name, kernel in wanted.items()}
