"""A step: one layer of a program, from its kernel to the functions before the next one.

For a single sample most of a small network's time is not arithmetic but calling NumPy. So a step is *bound* to a batch
size once: its buffers are made, and what is left to do in a call is little more than the NumPy calls themselves.

In features the bias is in the matrix, and a rectifier is one call. In rows it takes two, both between arrays::

    max(z + b, 0)  =  max(z, −b) + b        to the last bit: where z > −b both are z + b, elsewhere both are 0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minprune.arguments import Array
from minprune.inference.dense import DenseMatrix, PackedDense
from minprune.inference.kernels import Kernel, LayerWeights
from minprune.inference.layouts import FEATURES, blank
from minprune.inference.matrix import Call, Matrix, writeable
from minprune.nn.activations import ReLU
from minprune.nn.layers import Layer

_SMALL = 4096  # numbers: up to here NumPy is quicker with zeros of the same shape than with a single one


@dataclass(frozen=True, eq=False)
class Step:
    """One layer of a program: a packed matrix, a layout, the bias, and what follows number by number.

    Attributes
    ----------
    name : str
    inputs, outputs : int
        Units that are left, before and after.
    kept : int
        Kept weights.
    kernel : Kernel
    matrix : Matrix
    bias : array, (1, outputs), or None
        In rows only, where the bias is not in the matrix; None if it is zero throughout.
    floor : array, (1, outputs), or None
        −b if a rectifier follows in rows.
    rectified : bool
    functions : tuple of Layer
        What else comes before the next step.
    times : dict of str to float
        The median time of each kernel that was tried, in seconds a batch; empty if none was.
    """

    name: str
    inputs: int
    outputs: int
    kept: int
    kernel: Kernel
    matrix: Matrix
    bias: Array | None
    floor: Array | None
    rectified: bool
    functions: tuple[Layer, ...]
    times: Mapping[str, float]

    @classmethod
    def of(
        cls,
        name: str,
        layer: LayerWeights,
        functions: Sequence[Layer],
        kernel: Kernel,
        times: Mapping[str, float] | None = None,
    ) -> Step:
        """Make the step of a layer and what follows it, by the kernel that was chosen."""
        inputs, outputs = layer.weight.shape
        rectified = bool(functions) and type(functions[0]) is ReLU
        bias = floor = None
        if kernel.layout != FEATURES:
            if layer.bias is not None:
                bias = layer.bias[None].copy()
            if rectified:  # with −bias, −0.0 would come out where +0.0 should
                floor = np.zeros((1, outputs), layer.weight.dtype) - (0 if bias is None else bias)
        rest = tuple(functions[1:] if rectified else functions)
        matrix = kernel.pack(layer)
        return cls(name, inputs, outputs, layer.kept, kernel, matrix, bias, floor, rectified, rest, dict(times or {}))

    def bind(self, batch: int) -> Call:
        """Return what computes the step at a batch size: from its input in the kernel's layout to its output."""
        return self._features(batch) if self.kernel.layout == FEATURES else self._rows(batch)

    def _features(self, batch: int) -> Call:
        whole = blank(self.outputs, batch, self.matrix.dtype)
        out = whole[: self.outputs]
        multiply = self.matrix.into(out)
        functions = [function.infer for function in self.functions]
        if not self.rectified and not functions:

            def affine(x: Array) -> Array:
                multiply(x)
                return whole

            return affine
        zero = np.zeros(out.shape if out.size <= _SMALL else (), out.dtype)
        maximum = np.maximum

        def rectify(x: Array) -> Array:
            multiply(x)
            maximum(out, zero, out=out)
            return whole

        if not functions:
            return rectify
        return self._then(rectify if self.rectified else multiply, out, functions, whole)

    def _rows(self, batch: int) -> Call:
        out = np.empty((batch, self.outputs), self.matrix.dtype)
        multiply, bias, floor = _times(self.matrix, batch, out), self.bias, self.floor

        def call(x: Array) -> Array:
            multiply(x)
            if floor is not None:
                np.maximum(out, floor, out=out)
            if bias is not None:
                np.add(out, bias, out)
            return out

        functions = [function.infer for function in self.functions]
        return self._then(call, out, functions, out) if functions else call

    @staticmethod
    def _then(first: Call, out: Array, functions: Sequence[Callable[[Array], None]], result: Array) -> Call:
        def call(x: Array) -> Array:
            first(x)
            for function in functions:
                function(out)
            return result

        return call

    @property
    def nbytes(self) -> int:
        """Bytes of the matrix and the bias."""
        return self.matrix.nbytes + sum(array.nbytes for array in (self.bias, self.floor) if array is not None)

    @property
    def flops(self) -> int:
        """Floating-point operations for one row: two for each multiply-add, one for each bias that is added apart."""
        return 2 * self.matrix.multiply_adds + (0 if self.bias is None else self.bias.size)


def _times(matrix: Matrix, batch: int, out: Array) -> Call:
    """Return ``x ↦ x @ matrix`` for rows, of the two dense formats."""
    if isinstance(matrix, DenseMatrix):
        values = matrix.values
        return lambda x: x.dot(values, out)
    assert isinstance(matrix, PackedDense), "only dense formats come in rows"
    values, inputs, outputs = matrix.values, writeable(matrix.rows), writeable(matrix.columns)
    gathered = np.empty((batch, inputs.size), matrix.dtype)
    product = out if outputs.size == out.shape[1] else np.empty((batch, outputs.size), matrix.dtype)

    def call(x: Array) -> Array:
        x.take(inputs, 1, gathered, "wrap")
        gathered.dot(values, product)
        if product is not out:
            out[...] = 0.0
            out[:, outputs] = product
        return out

    return call
