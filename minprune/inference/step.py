"""A step: one layer of a program, from its kernel to the functions before the next one.

For a single row most of a small network's time is not arithmetic but calling NumPy. A step spares what it can: it
writes into a given buffer, its bias has the shape of a row so that nothing is broadcast, and a rectifier takes two
arrays of one shape instead of an array and a number::

    max(z + b, 0)  =  max(z, −b) + b        to the last bit: where z > −b both are z + b, elsewhere both are 0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minprune.arguments import Array
from minprune.display import duration
from minprune.inference.kernels import DenseKernel, Kernel
from minprune.inference.tuning import TIE
from minprune.nn.activations import ReLU
from minprune.nn.layers import Dense, Layer


@dataclass(frozen=True, eq=False)
class Step:
    """One layer of a program: kernel, bias, and what follows number by number.

    Attributes
    ----------
    name : str
    outputs : int
        Units that are left.
    kept : int
        Their kept weights.
    kernel : Kernel
    bias : array, (1, outputs), or None
        None if it is zero throughout.
    floor : array, (1, outputs), or None
        −b if a rectifier follows, which is then done with: max(z, −b) + b.
    functions : tuple of Layer
        What else comes before the next step.
    times : dict of str to float
        The median time of each kernel that was tried, in seconds a batch; empty if none was.
    """

    name: str
    outputs: int
    kept: int
    kernel: Kernel
    bias: Array | None
    floor: Array | None
    functions: tuple[Layer, ...]
    times: dict[str, float]

    @classmethod
    def of(
        cls, name: str, layer: Dense, functions: Sequence[Layer], kernel: Kernel, times: Mapping[str, float]
    ) -> Step:
        """Make the step of a layer and what follows it, from the kernel that was chosen."""
        bias, floor = np.zeros((1, layer.outputs), layer.weight.dtype), None
        if layer.bias is not None:
            bias[0] = layer.bias.value
        if functions and type(functions[0]) is ReLU:
            floor, functions = 0 - bias, functions[1:]  # with −bias, −0.0 would come out where +0.0 should
        held = bias if bias.any() else None
        return cls(name, layer.outputs, layer.weight.kept, kernel, held, floor, tuple(functions), dict(times))

    def __call__(self, x: Array, out: Array) -> Array:
        """Write f(x @ W + b) to `out`, and return it."""
        self.kernel(x, out)
        if self.floor is not None:
            np.maximum(out, self.floor, out=out)
        if self.bias is not None:
            out += self.bias
        for function in self.functions:
            function.infer(out)
        return out

    @property
    def nbytes(self) -> int:
        """Bytes of the kernel and the bias."""
        held = [array for array in (self.bias, self.floor) if array is not None]
        return self.kernel.nbytes + sum(array.nbytes for array in held)

    @property
    def flops(self) -> int:
        """Floating-point operations for one row: two for each multiply-add, one for each bias."""
        return 2 * self.kernel.multiply_adds + (0 if self.bias is None else self.bias.size)

    @property
    def why(self) -> str:
        """The reason for the kernel, in words."""
        if not self.times:
            return "asked for"
        mine = self.times[self.kernel.name]
        others = {name: t for name, t in self.times.items() if name != self.kernel.name}
        if not others:
            return f"{duration(mine)} a call; nothing in it is pruned, so nothing else was tried"
        nearest = min(others, key=lambda name: others[name])
        if mine < TIE * others[nearest]:
            return f"{duration(mine)} a call; the next, {nearest}, takes {others[nearest] / mine:.1f} times as long"
        if self.kernel.name == DenseKernel.name:
            return f"{duration(mine)} a call; {nearest}, with {duration(others[nearest])}, is not clearly faster"
        return f"{duration(mine)} a call; {nearest}, with {duration(others[nearest])}, is about as fast"
