"""A program: a network packed for inference.

It is a list of steps, one for each layer that is left, and for each batch size it is asked for a *tape*: functions with
their buffers bound, each of which takes the array that the one before it has filled::

    x  →  [into features]  →  step 1  →  step 2  →  …  →  [into rows]  →  a copy, the result

Nothing is decided and nothing is allocated on the way, so a call costs hardly more than the NumPy calls it is made of.
It does not learn, it does not change, and it says which kernel runs each layer and why. `compilation` makes it.
"""

from __future__ import annotations

import contextvars
from collections.abc import Sequence

import numpy as np

from minprune.arguments import Array, choice, features, finite
from minprune.display import count, duration, size, table
from minprune.inference import reasons
from minprune.inference.layouts import FEATURES, ROWS, to_features, to_rows
from minprune.inference.matrix import Call
from minprune.inference.step import Step
from minprune.nn.layers import Layer
from minprune.nn.network import Network, decisions, probabilities


class Program:
    """A network packed for inference: ``program(x)`` gives the network's logits. Made by `compile`.

    It takes any batch. Buffers for the batch size it was compiled for are kept, and those for the last other one: a
    call allocates its result, and what activations other than ReLU and tanh need. One program serves one thread at a
    time; another thread gets a `copy`, which shares the weights.

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
        Floating-point operations done for one row: two for each multiply-add, one for each bias that is added apart
        (in features it is one more input). A dense kernel multiplies by its zeros, so they count. Activations do not.

    Examples
    --------
    >>> from minprune import compile
    >>> program = compile(Network.mlp([8, 16, 2], rng=0), batch_size=1)
    >>> program(np.ones((3, 8), np.float32)).shape, program.kept
    ((3, 2), 160)
    """

    def __init__(self, steps: Sequence[Step], front: Sequence[Layer], network: Network, batch_size: int) -> None:
        self.steps = tuple(steps)
        self.inputs, self.outputs, self.dtype = network.inputs, network.outputs, network.dtype
        self.batch_size = batch_size
        self._front = tuple(front)
        self._tapes: dict[int, _Tape] = {}
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
            An `x` of another rank or width, empty, not real numbers, or not finite; an output that is not.
        """
        tape = self._tapes.get(len(x)) if type(x) is np.ndarray and x.ndim == 2 else None
        if tape is None or not tape.takes(x):
            x = np.ascontiguousarray(features(x, self.inputs, "Program", dtype=self.dtype))
            tape = self._tape(len(x))
        if self._front:
            x = x.copy()
            for function in self._front:
                function.infer(x)
        return tape(x)

    def _tape(self, batch: int) -> _Tape:
        if batch not in self._tapes:
            self._tapes = {size: tape for size, tape in self._tapes.items() if size == self.batch_size}
            self._tapes[batch] = _Tape(self, batch)
        return self._tapes[batch]

    def copy(self) -> Program:
        """Return a program for another thread: the same steps and weights, with buffers of its own."""
        return self.__copy__()

    def __copy__(self) -> Program:
        twin = object.__new__(Program)
        twin.__dict__.update(self.__getstate__())
        return twin

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_tapes": {}}  # buffers are made where they are needed

    def predict(self, x: Array) -> Array:
        """Return the likeliest class of each row, (batch,) int64, as `Network.predict` does."""
        return decisions(self(x))

    def predict_proba(self, x: Array) -> Array:
        """Return class probabilities, (batch, classes), as `Network.predict_proba` does."""
        return probabilities(self(x))

    def explain(self, layer: str) -> str:
        """Return in words why a layer runs by its kernel, from what was measured when the program was compiled.

        Parameters
        ----------
        layer : str
            The name of a step, as printed.

        Raises
        ------
        InvalidTypeError, InvalidValueError
            A name that none of the steps has.

        Examples
        --------
        >>> from minprune import compile
        >>> print(compile(Network.mlp([8, 2], rng=0), kernels="dense").explain("dense1"))
        dense1: dense, asked for, so nothing was timed. After folding it is 8×2 and 0.0 % pruned, 72 B packed.
        """
        name = choice(layer, "layer", "explain", [step.name for step in self.steps])
        return reasons.explain(next(step for step in self.steps if step.name == name), self.batch_size)

    def to_dict(self) -> dict[str, object]:
        """Return what runs where as plain values; times in seconds a batch."""
        rows = [
            {"layer": s.name, "outputs": s.outputs, "kept": s.kept, "kernel": s.kernel.name, "times": dict(s.times)}
            | {"nbytes": s.nbytes, "flops": s.flops, "why": reasons.why(s)}
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
        return "\n".join([body, *(f"{step.name}: {step.kernel.name}, {reasons.why(step)}" for step in self.steps)])


class _Tape:
    """What a program does with batches of one size."""

    def __init__(self, program: Program, batch: int) -> None:
        self._shape, self._dtype = (batch, program.inputs), program.dtype
        self._good = np.empty(self._shape, np.bool_)
        self._fine = np.empty((batch, program.outputs), np.bool_)
        self._calls: list[Call] = []
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused, without a warning before
            self._quiet = contextvars.copy_context()  # to run in it takes a tenth of the time that errstate does
        layout, width = ROWS, program.inputs
        for step in program.steps:
            if step.kernel.layout != layout:
                layout = step.kernel.layout
                change = to_features if layout == FEATURES else to_rows
                self._calls.append(change(width, batch, program.dtype))
            self._calls.append(step.bind(batch))
            width = step.outputs
        if layout == FEATURES and batch > 1:
            self._calls.append(to_rows(width, batch, program.dtype))
        self._columns = layout == FEATURES and batch == 1

    def takes(self, x: Array) -> bool:
        """Return whether `x` can go in as it is: by a few quick looks, where `features` would look closely."""
        if x.shape != self._shape or x.dtype != self._dtype or not x.flags.c_contiguous:
            return False
        # Not by x · 0, though it takes less time for many numbers: NumPy warns of ∞ · 0, and BLAS skips a single 0.
        finite: bool = np.count_nonzero(np.isfinite(x, self._good)) == x.size
        return finite

    def __call__(self, x: Array) -> Array:
        """Return the result for an `x` that is known to be good, as a new array."""
        result = self._quiet.run(self._run, x)
        if np.count_nonzero(np.isfinite(result, self._fine)) < result.size:
            finite(result, "the program's output", "Program")
        return result

    def _run(self, x: Array) -> Array:
        for call in self._calls:
            x = call(x)
        return x[:-1].T.copy() if self._columns else x.copy()
