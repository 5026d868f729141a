"""The kernels: ways to compute x @ W for a layer that never changes again.

    kernel        multiply-adds a row     bytes held                  wins
    dense         inputs · outputs        itemsize · inputs·outputs   where much is kept, and at large batches
    used inputs   used · outputs          itemsize · used·outputs     where whole inputs are unused
    csr           kept                    (itemsize + 8) · kept       at batch 1 where little is kept

Which of them it is for a layer, here and at this batch size, is not argued but measured: `candidates` offers, `tuning`
times. At batch 1 a small layer is one or two microseconds of arithmetic, and a call into NumPy costs half of one: so
the kernels call methods of arrays, which are nearer than functions, with arguments in their places.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from minprune.arguments import Array, Bools
from minprune.inference.csr import CSR


@dataclass(frozen=True)
class LayerWeights:
    """What a kernel is made from: the weight of one layer over the inputs it looks at.

    Attributes
    ----------
    weight : array, (used, outputs)
    mask : bool array, (used, outputs)
    inputs : int
        How wide the layer's input is.
    used : int array, (used,)
        Which of its columns the rows of `weight` stand for.
    """

    weight: Array
    mask: Bools
    inputs: int
    used: Array


class Kernel(ABC):
    """x @ W into a given array.

    ``nbytes`` are the bytes of the arrays it holds, scratch apart; ``multiply_adds`` what it does for each row of x.
    """

    name: str
    nbytes: int
    multiply_adds: int

    @abstractmethod
    def __init__(self, layer: LayerWeights) -> None:
        """Pack a layer's weights."""

    @staticmethod
    @abstractmethod
    def suits(layer: LayerWeights) -> bool:
        """Return whether there is any point in trying it."""

    @abstractmethod
    def __call__(self, x: Array, out: Array) -> None:
        """Write x @ W, (batch, outputs), to `out`; `x` is (batch, inputs), C-contiguous, and is left alone."""


class DenseKernel(Kernel):
    """One BLAS call, zeros and all."""

    name = "dense"

    def __init__(self, layer: LayerWeights) -> None:
        self._weight = np.zeros((layer.inputs, layer.weight.shape[1]), layer.weight.dtype)
        self._weight[layer.used] = layer.weight
        self.nbytes, self.multiply_adds = self._weight.nbytes, self._weight.size

    @staticmethod
    def suits(layer: LayerWeights) -> bool:
        return True

    def __call__(self, x: Array, out: Array) -> None:
        x.dot(self._weight, out)


class UsedInputsKernel(Kernel):
    """Gather the inputs that any kept weight looks at, then one BLAS call on those."""

    name = "used inputs"

    def __init__(self, layer: LayerWeights) -> None:
        self._weight = layer.weight.copy()
        self._used = layer.used.copy()
        self._gathered = np.empty((0, layer.used.size), layer.weight.dtype)
        self.nbytes = self._weight.nbytes + self._used.nbytes
        self.multiply_adds = self._weight.size

    @staticmethod
    def suits(layer: LayerWeights) -> bool:
        return layer.used.size < layer.inputs

    def __call__(self, x: Array, out: Array) -> None:
        if len(self._gathered) != len(x):
            self._gathered = np.empty((len(x), self._used.size), x.dtype)
        x.take(self._used, 1, self._gathered, "wrap")  # without a mode, take would buffer its output
        self._gathered.dot(self._weight, out)


class CSRKernel(Kernel):
    """Only the kept weights, as compressed sparse rows with a row for each output."""

    name = "csr"

    def __init__(self, layer: LayerWeights) -> None:
        outputs, rows = np.nonzero(layer.mask.T)
        starts = np.concatenate([[0], np.cumsum(np.bincount(outputs, minlength=layer.weight.shape[1]))])
        shape = (layer.weight.shape[1], layer.inputs)
        self._product = CSR(layer.weight[rows, outputs], layer.used[rows], starts, shape).product()
        self.nbytes, self.multiply_adds = self._product.nbytes, self._product.csr.nnz

    @staticmethod
    def suits(layer: LayerWeights) -> bool:
        return not layer.mask.all()

    def __call__(self, x: Array, out: Array) -> None:
        if len(x) == 1:
            self._product.into(x[0], out[0])
        else:
            self._product.into(x.T, out.T)


KERNELS: dict[str, type[Kernel]] = {kind.name: kind for kind in (DenseKernel, UsedInputsKernel, CSRKernel)}


def candidates(layer: LayerWeights) -> list[Kernel]:
    """Return the kernels worth timing for a layer, dense first."""
    return [kind(layer) for kind in KERNELS.values() if kind.suits(layer)]
