"""The laws of an optimizer: nothing that is pruned is ever moved, whatever gradients, momentum and penalties bring."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.arguments import Array, Bools
from minprune.nn.network import Network
from minprune.nn.optimizers import Optimizer
from minprune.nn.penalties import L1, L2, GroupLasso, Penalty
from minprune.testing import strategies
from minprune.testing.cases import Case
from minprune.testing.running import Property, demand

PENALTIES: dict[str, Callable[[], Penalty]] = {
    "L1": lambda: L1(0.05),
    "L1 by its subgradient": lambda: L1(0.05, subgradient=True),
    "L2": lambda: L2(0.05),
    "GroupLasso": lambda: GroupLasso(0.05),
}


def steps(optimizer: Optimizer, case: Case) -> Iterator[int]:
    """Train for some steps, the masks set after two: with gradients everywhere, and values where nothing is kept."""
    network = case.network
    penalty = PENALTIES[case.penalty]() if case.penalty else None
    draws = np.random.default_rng(case.seed)
    for number in range(case.steps):
        if number == 2:
            set_masks(network, case.masks)
        for p in network.parameters.values():
            p.grad[...] = draws.integers(-16, 17, p.shape) / 8
            p.value[~p.mask] = -1.0  # nobody should write there; if somebody does, the next step clears it
        if penalty is not None:
            penalty.add_gradient(network.parameters)
        optimizer.step(network.parameters)
        if penalty is not None:
            penalty.shrink(network.parameters, optimizer.rate(0.0))
        yield number


def set_masks(network: Network, masks: list[Bools]) -> None:
    for p, mask in zip(network.prunable.values(), masks, strict=True):
        p.mask = mask


def positive_zeros(array: Array, mask: Bools) -> bool:
    dropped = array[~mask]
    return not dropped.any() and not np.signbit(dropped).any()


def stays_zero(optimizer: Optimizer, case: Case) -> None:
    for number in steps(optimizer, case):
        for name, p in case.network.parameters.items():
            good = positive_zeros(p.value, p.mask)
            demand(good, f"+0.0 where {name} is pruned, after step {number + 1}", p.value[~p.mask].tolist())


def state_clean(optimizer: Optimizer, case: Case) -> None:
    for number in steps(optimizer, case):
        for name, p in case.network.parameters.items():
            for slot, array in optimizer.state(p).arrays.items():
                good = positive_zeros(array, p.mask)
                demand(good, f"no {slot} where {name} is pruned, after step {number + 1}", array[~p.mask].tolist())


def grown_start_zero(optimizer: Optimizer, case: Case) -> None:
    for _ in steps(optimizer, case):
        pass
    network = case.network
    grown = {name: ~p.mask for name, p in network.prunable.items()}
    set_masks(network, [np.ones(p.shape, np.bool_) for p in network.prunable.values()])
    for name, p in network.prunable.items():
        demand(positive_zeros(p.value, ~grown[name]), f"what grows in {name} to be 0", p.value[grown[name]].tolist())
        for slot, array in optimizer.state(p).arrays.items():
            fresh = positive_zeros(array, ~grown[name])
            demand(fresh, f"no {slot} of what grows in {name}", array[grown[name]].tolist())
        p.grad[...] = 0
    optimizer.step(network.parameters)
    for name, p in network.prunable.items():
        still = not p.value[grown[name]].any()
        demand(still, f"what grows in {name} to be moved by its gradient alone", p.value[grown[name]].tolist())


@st.composite
def _trainings(draw: DrawFn) -> Case:
    penalty = draw(st.sampled_from(["", *PENALTIES]))
    network = draw(strategies.networks(layers=(1, 2), width=3, pruned=False, zeros=False))
    masks = [draw(strategies.masks(p.shape)) for p in network.prunable.values()]
    return Case(
        network=network, masks=masks, penalty=penalty, steps=draw(st.integers(3, 5)), seed=draw(st.integers(0, 9))
    )


PROPERTIES = {
    "stays_zero": Property(stays_zero, lambda _: _trainings()),
    "state_clean": Property(state_clean, lambda _: _trainings()),
    "grown_start_zero": Property(grown_start_zero, lambda _: _trainings()),
}
