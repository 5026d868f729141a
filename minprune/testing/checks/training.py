"""The laws of training: the functions `gradients`, `train` and `ticket` of a `Framework`."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.nn.losses import SoftmaxCrossEntropy
from minprune.nn.network import Network
from minprune.testing import strategies
from minprune.testing.cases import Case
from minprune.testing.framework import Framework
from minprune.testing.running import Property, demand

H = 1e-4
LOSS = SoftmaxCrossEntropy()


def masked_gradient(framework: Framework, case: Case) -> None:
    network = case.network
    got = framework.gradients(network, LOSS, case.x, case.y)
    for name, p in network.parameters.items():
        for at in map(tuple, np.argwhere(p.mask).tolist()):
            was, want = p.value[at], 0.0
            for step, factor in ((2, -1), (1, 8), (-1, -8), (-2, 1)):
                p.value[at] = was + step * H
                want += factor * LOSS(network.forward(case.x), case.y) / (12 * H)
            p.value[at] = was
            near = abs(float(got[name][at]) - want) <= 1e-6 * max(1.0, abs(want))
            demand(near, f"a slope of {want:g} at {at} of {name}", f"{got[name][at]:g}")


def _values(network: Network) -> dict[str, bytes]:
    return {name: p.value.tobytes() for name, p in network.parameters.items()}


def ones_is_dense(framework: Framework, case: Case) -> None:
    ones = {name: np.ones(p.shape, np.bool_) for name, p in case.network.prunable.items()}
    options = {"loss": LOSS, "seed": case.seed}
    plain = framework.train(case.network, (case.x, case.y), **options)
    masked = framework.train(case.network, (case.x, case.y), masks=ones, **options)
    demand(_values(plain) == _values(masked), "the same weights under masks that drop nothing", "others")


def seed_repeats(framework: Framework, case: Case) -> None:
    once, twice = (framework.train(case.network, (case.x, case.y), loss=LOSS, seed=case.seed) for _ in range(2))
    demand(_values(once) == _values(twice), f"the same weights for seed {case.seed}, bit for bit", "others")


def rewind_exact(framework: Framework, case: Case) -> None:
    first = case.network.copy()
    ticket = framework.ticket(case.network, (case.x, case.y), loss=LOSS, seed=case.seed)
    for name, p in ticket.parameters.items():
        want = np.where(p.mask, first.parameters[name].value, 0).astype(p.dtype)
        same = p.value.tobytes() == want.tobytes()
        demand(same, f"the first values of {name} times its mask, {want.tolist()}", p.value.tolist())
        demand(not p.states, f"no optimizer to remember {name}", dict(p.states))


@st.composite
def _trainings(draw: DrawFn, /, **options: Any) -> Case:
    network = draw(strategies.networks(layers=(1, 2), width=4, activations=("tanh",), **options))
    data = draw(
        strategies.splits(inputs=network.inputs, outputs=network.outputs, rows=(3, 6), dtype=network.dtype.type)
    )
    return Case(network=network, x=data.x, y=data.y, seed=draw(st.integers(0, 9)))


PROPERTIES = {
    "masked_gradient": Property(masked_gradient, lambda _: _trainings(dtype=np.float64)),
    "ones_is_dense": Property(ones_is_dense, lambda _: _trainings(pruned=False)),
    "seed_repeats": Property(seed_repeats, lambda _: _trainings(pruned=False)),
    "rewind_exact": Property(rewind_exact, lambda _: _trainings(pruned=False)),
}
