"""The laws of regrowth: what goes and what comes back balance, in every layer."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.pruning.patterns import Unstructured
from minprune.pruning.regrowth import Regrowth
from minprune.testing import strategies
from minprune.testing.cases import Case, digest
from minprune.testing.running import Property, demand


def regrow_conserves(regrowth: Regrowth, case: Case) -> None:
    before = digest(case.network)
    masks = regrowth.masks(
        case.network,
        case.scores,
        case.place,
        pattern=Unstructured(),
        data=(case.x, case.y),
        rng=np.random.default_rng(case.seed),
    )
    for name, p in case.network.prunable.items():
        has = int(np.count_nonzero(masks[name]))
        demand(has == p.kept, f"{p.kept} connections in {name}, as many as before", has)
    demand(digest(case.network) == before, "the network left alone", "a changed one")


@st.composite
def _cases(draw: DrawFn) -> Case:
    request = draw(strategies.plan_requests(pruned=True, dtype=np.float32))
    net = request.network
    data = draw(strategies.splits(inputs=net.inputs, outputs=net.outputs))
    place = draw(st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    return Case(network=net, scores=request.scores, place=place, x=data.x, y=data.y, seed=draw(st.integers(0, 9)))


PROPERTIES = {"regrow_conserves": Property(regrow_conserves, lambda _: _cases())}
