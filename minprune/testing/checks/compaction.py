"""The laws of compaction: the function `compact` of a `Framework` removes what does nothing, and that exactly."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.nn.network import Network
from minprune.testing import strategies
from minprune.testing.cases import Case
from minprune.testing.framework import Framework
from minprune.testing.running import Property, demand


def compact_equal(framework: Framework, case: Case) -> None:
    _equal(framework.compact(case.network), case)


def constant_folded(framework: Framework, case: Case) -> None:
    """See that a unit without inputs, whose bias is what it puts out, is not lost with it."""
    first, second = case.network.dense[:2]
    mask = first.weight.mask.copy()
    mask[:, case.unit] = False
    first.weight.mask = mask
    assert first.bias is not None
    first.bias.mask = np.ones(first.bias.shape, np.bool_)
    bias = first.bias.value.copy()
    bias[case.unit] = 1.5
    first.bias.value = bias
    second.weight.mask = np.ones(second.weight.shape, np.bool_)
    _equal(framework.compact(case.network), case)


def _equal(small: Network, case: Case) -> None:
    want, got = case.network(case.x), small(case.x)
    demand(got.shape == want.shape, f"an output of shape {want.shape}", got.shape)
    demand(np.allclose(got, want, 1e-5, 1e-5), f"the same output, {want.tolist()}", got.tolist())


def compact_minimal(framework: Framework, case: Case) -> None:
    small = framework.compact(case.network)
    for before, after in pairwise(small.dense):
        into, out = before.weight.mask.any(axis=0), after.weight.mask.any(axis=1)
        demand(into.all() and out.all(), "no unit without kept weights on both sides", f"in {into}, out {out}")
    again = framework.compact(small)
    shapes = [[p.shape for p in each.parameters.values()] for each in (small, again)]
    demand(shapes[0] == shapes[1], f"nothing to go the second time: {shapes[0]}", shapes[1])


@st.composite
def _cases(draw: DrawFn, /, **options: Any) -> Case:
    network = draw(strategies.networks(pruned=True, **options))
    x = draw(strategies.weights((2, network.inputs)))
    return Case(network=network, x=x)


@st.composite
def _with_a_unit(draw: DrawFn) -> Case:
    case = draw(_cases(layers=(2, 3), bias=True, zeros=False))
    return Case(**vars(case), unit=draw(st.integers(0, case.network.dense[0].outputs - 1)))


PROPERTIES = {
    "compact_equal": Property(compact_equal, lambda _: _cases(bias=False, activations=("relu",))),
    "constant_folded": Property(constant_folded, lambda _: _with_a_unit()),
    "compact_minimal": Property(compact_minimal, lambda _: _cases()),
}
