"""The laws of a network as a value: the functions `copy` and `set_mask` of a `Framework`, and refusals."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.nn.losses import SoftmaxCrossEntropy
from minprune.nn.network import Network
from minprune.testing import strategies
from minprune.testing.cases import Case, digest
from minprune.testing.framework import Framework
from minprune.testing.running import LawBroken, Property, demand

LOSS = SoftmaxCrossEntropy()

Refused = Callable[[Framework, Network], object]

REFUSALS: dict[str, Refused] = {
    "a mask of another shape": lambda f, n: f.set_mask(n, "dense1.weight", np.zeros((9, 9), np.bool_)),
    "a mask of whole numbers": lambda f, n: f.set_mask(n, "dense1.weight", np.zeros(n.dense[0].weight.shape, np.int8)),
    "labels out of range": lambda f, n: f.train(n, (np.ones((2, n.inputs)), [0, n.outputs]), loss=LOSS),
    "x of another width": lambda f, n: f.train(n, (np.ones((2, n.inputs + 1)), [0, 0]), loss=LOSS),
    "NaN in x": lambda f, n: f.train(n, (np.full((2, n.inputs), np.nan), [0, 0]), loss=LOSS),
    "a network that is none": lambda f, n: f.compact(n.dense),  # type: ignore[arg-type]
}


def refused_unchanged(framework: Framework, case: Case) -> None:
    before = digest(case.network)
    try:
        REFUSALS[case.call](framework, case.network)
    except (TypeError, ValueError):
        demand(digest(case.network) == before, f"a network unchanged by a refusal of {case.call}", "a changed one")
    else:
        raise LawBroken(f"a refusal of {case.call}", "none")


def copy_is_deep(framework: Framework, case: Case) -> None:
    twin = framework.copy(case.network)
    demand(digest(twin) == digest(case.network), "an equal network", "another")
    for name, p in case.network.parameters.items():
        q = twin.parameters[name]
        for what, a, b in (("value", p.value, q.value), ("grad", p.grad, q.grad), ("mask", p.mask, q.mask)):
            demand(not np.shares_memory(a, b), f"a {what} of {name} of its own", "shared memory")
    demand(
        all(a is not b for a, b in zip(case.network.layers, twin.layers, strict=True)), "layers of its own", "shared"
    )


@st.composite
def _refusals(draw: DrawFn) -> Case:
    return Case(network=draw(strategies.networks()), call=draw(st.sampled_from(list(REFUSALS))))


PROPERTIES = {
    "refused_unchanged": Property(refused_unchanged, lambda _: _refusals()),
    "copy_is_deep": Property(copy_is_deep, lambda _: strategies.networks().map(lambda n: Case(network=n))),
}
