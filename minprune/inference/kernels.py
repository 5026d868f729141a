"""The kernels: ways to compute one layer that never changes again, each a format and a layout.

    kernel             format         layout      offered
    dense              DenseMatrix    rows        always
    packed             PackedDense    rows        where inputs or outputs are unused
    dense features     DenseMatrix    features    for batches: beside a layer that wants features
    packed features    PackedDense    features    the same
    panels             Panels         features    where neighbouring outputs share their inputs: many in one product
    panels apart       Panels         features    the same: each panel by itself
    ell, csr           ELL, CSR       features    where little is kept

For one sample rows and features are the same, and everything is feature-major. Which kernel it is for a layer, here and
at this batch size, is not argued but measured: `candidates` offers, `tuning` times. What can't win is not offered, for
to build and to time it would take longer than all the others together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from minprune.arguments import Array, Bools
from minprune.inference.csr import CSR
from minprune.inference.dense import DenseMatrix, PackedDense
from minprune.inference.ell import ELL
from minprune.inference.layouts import FEATURES, ROWS
from minprune.inference.matrix import Matrix
from minprune.inference.panels import Panels, panel_starts

_LOWEST_PANEL = 4  # rows, in the mean: below, a panel gathers nearly as often as a sparse row


@dataclass(frozen=True)
class LayerWeights:
    """What a kernel is made from.

    Attributes
    ----------
    weight : array, (inputs, outputs)
        Zero where the mask is False.
    mask : bool array, (inputs, outputs)
    bias : array, (outputs,), or None
        None if it is zero throughout.
    """

    weight: Array
    mask: Bools
    bias: Array | None

    @property
    def kept(self) -> int:
        """How many weights are kept."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def augmented(self) -> tuple[Array, Bools]:
        """Weight and mask with outputs as rows, and the bias as the weights of one more input, always 1."""
        inputs, outputs = self.weight.shape
        weight, mask = np.zeros((outputs, inputs + 1), self.weight.dtype), np.zeros((outputs, inputs + 1), np.bool_)
        weight[:, :inputs], mask[:, :inputs] = self.weight.T, self.mask.T
        if self.bias is not None:
            weight[:, inputs], mask[:, inputs] = self.bias, True
        return weight, mask


@dataclass(frozen=True)
class Kernel:
    """A format and a layout, under the name that ``compile(kernels=…)`` takes."""

    name: str
    format: type[Matrix]
    layout: str
    together: bool = True

    def at(self, batch: int) -> Kernel:
        """Return the kernel as it is for a batch: with a single sample all are feature-major."""
        return replace(self, layout=FEATURES) if batch == 1 else self

    def pack(self, layer: LayerWeights) -> Matrix:
        """Return the layer's matrix: with outputs as rows and the bias in it for features, as it is for rows."""
        if self.layout == ROWS:
            return self.format.from_dense(layer.weight, layer.mask)
        if self.format is Panels:
            return Panels.from_dense(*layer.augmented, together=self.together)
        return self.format.from_dense(*layer.augmented)

    def suits(self, layer: LayerWeights, batch: int) -> bool:
        """Return whether there is any point in trying it."""
        if self.name.endswith(FEATURES) and batch == 1:
            return False
        if self.format is PackedDense:
            return not (layer.mask.any(axis=0).all() and layer.mask.any(axis=1).all())
        if self.format is Panels:
            if layer.mask.all():
                return False
            return bool((panel_starts(layer.mask.T).size - 1) * _LOWEST_PANEL <= layer.mask.shape[1])
        if self.format in (CSR, ELL):  # a dense product does some three times as much in the same time, of a batch 20
            most: int = layer.mask.size
            return layer.kept * min(3 * batch, 20) <= most
        return True


KERNELS = {
    kernel.name: kernel
    for kernel in (
        Kernel("dense", DenseMatrix, ROWS),
        Kernel("packed", PackedDense, ROWS),
        Kernel("dense features", DenseMatrix, FEATURES),
        Kernel("packed features", PackedDense, FEATURES),
        Kernel("panels", Panels, FEATURES),
        Kernel("panels apart", Panels, FEATURES, together=False),
        Kernel("ell", ELL, FEATURES),
        Kernel("csr", CSR, FEATURES),
    )
}


def candidates(layer: LayerWeights, batch: int) -> list[Kernel]:
    """Return the kernels worth timing for a layer at a batch size, dense first."""
    return [kernel.at(batch) for kernel in KERNELS.values() if kernel.suits(layer, batch)]
