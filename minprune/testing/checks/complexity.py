"""The laws of counting what a network costs: the function `analyze` of a `Framework`."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.nn.network import Network
from minprune.testing import strategies
from minprune.testing.cases import Case
from minprune.testing.framework import Framework
from minprune.testing.running import Property, demand


def paths(framework: Framework, case: Case) -> None:
    want, got = _walked(case.network), framework.analyze(case.network).paths
    demand(got == want, f"{want} paths, walked one by one", got)


def _walked(network: Network) -> int:
    """Walk along kept weights from every input to every output."""
    masks = [layer.weight.mask for layer in network.dense]
    units = [range(network.inputs), *(range(layer.outputs) for layer in network.dense)]
    return sum(all(mask[a, b] for mask, (a, b) in zip(masks, pairwise(way), strict=True)) for way in product(*units))


def flops_honest(framework: Framework, case: Case) -> None:
    dense = kept = 0
    for layer in case.network.dense:
        for at in np.ndindex(layer.weight.shape):
            dense += 2  # a multiply and an add
            kept += 2 * int(layer.weight.mask[at])
        if layer.bias is not None:
            dense += layer.outputs
            kept += int(layer.bias.mask.sum())
    total = framework.analyze(case.network).total
    demand(total.flops == dense, f"{dense} operations for a row, counted one by one", total.flops)
    demand(total.kept_flops == kept, f"{kept} of them for what is kept", total.kept_flops)


@st.composite
def _pruned(draw: DrawFn) -> Case:
    return Case(network=draw(strategies.networks(pruned=True, width=4)))


PROPERTIES = {
    "paths": Property(paths, lambda _: _pruned()),
    "flops_honest": Property(flops_honest, lambda _: _pruned()),
}
