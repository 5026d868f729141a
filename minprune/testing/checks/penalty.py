"""The laws of a penalty: its gradient is that of its value, its proximal step makes zeros, what is pruned is free.

A penalty acts by its gradient or by its proximal step; it is checked for what it does.
"""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.arguments import Array
from minprune.nn.network import Network
from minprune.nn.parameter import Parameter
from minprune.nn.penalties import L1, GroupLasso, Penalty, Sum
from minprune.testing import strategies
from minprune.testing.cases import Case
from minprune.testing.running import Property, demand

H = 1e-4


def prox_zeroes(penalty: Penalty, case: Case) -> None:
    before = {name: p.value.copy() for name, p in case.network.prunable.items()}
    penalty.shrink(case.network.parameters, case.step)
    reach = case.step * _strength(penalty)
    for name, p in case.network.prunable.items():
        near = np.abs(before[name]) <= reach * (1 - 1e-6)
        demand(not p.value[near].any(), f"{name} to be 0 where |w| ≤ {reach:g}", p.value[near].tolist())
        flipped = p.value * before[name] < 0
        demand(not flipped.any(), f"no sign of {name} to flip", f"{before[name][flipped]} to {p.value[flipped]}")
        moved = float(np.abs(before[name] - p.value).max())
        demand(moved <= reach * (1 + 1e-6), f"no weight of {name} to move by more than {reach:g}", moved)


def group_prox(penalty: GroupLasso, case: Case) -> None:
    across = penalty.axis == "outputs"
    before = {name: p.value.copy() for name, p in case.network.prunable.items()}
    penalty.shrink(case.network.parameters, case.step)
    for name, p in case.network.prunable.items():
        was, now = (a.T if across else a for a in (before[name], p.value))
        for k in range(len(was)):
            whole = not now[k].any() or ((now[k] != 0) == (was[k] != 0)).all()
            demand(whole, f"group {k} of {name}, {was[k]}, to become 0 as a whole or nowhere", now[k])
        empties = np.square(was).sum(axis=1) < (case.step * penalty.strength * 0.999) ** 2
        demand(
            not now[empties].any(), f"groups of {name} with a norm below the step to become 0", now[empties].tolist()
        )


def penalty_skips_pruned(penalty: Penalty, case: Case) -> None:
    clean, hostile = case.network.copy(), case.network
    for p in hostile.prunable.values():
        p.value[~p.mask] = 7.0  # nobody should; a penalty must not look there
    values = [penalty.value(network.parameters) for network in (clean, hostile)]
    demand(values[0] == values[1], f"the value {values[0]:g} of what is kept", f"{values[1]:g}")
    for name, gradient in _gradient(penalty, hostile).items():
        mask = hostile.parameters[name].mask
        demand(not gradient[~mask].any(), f"no gradient where {name} is pruned", gradient[~mask].tolist())


def penalty_gradient(penalty: Penalty, case: Case) -> None:
    network = case.network
    for name, gradient in _gradient(penalty, network).items():
        p = network.parameters[name]
        for at in map(tuple, np.argwhere(p.mask).tolist()):
            want = _slope(penalty, network, p, at)
            got = float(gradient[at])
            demand(
                abs(got - want) <= 1e-6 * max(1.0, abs(want)),
                f"a slope of {want:g} at {at} of {name}",
                f"{got:g}",
            )


def _gradient(penalty: Penalty, network: Network) -> dict[str, Array]:
    for p in network.parameters.values():
        p.grad[...] = 0
    penalty.add_gradient(network.parameters)
    return {name: p.grad.copy() for name, p in network.parameters.items()}


def _slope(penalty: Penalty, network: Network, p: Parameter, at: tuple[int, ...]) -> float:
    """∂Ω/∂w by five-point differences; weights are at least 1/8 from 0, where there may be a kink."""
    was, total = p.value[at], 0.0
    for step, factor in ((2, -1), (1, 8), (-1, -8), (-2, 1)):
        p.value[at] = was + step * H
        total += factor * penalty.value(network.parameters) / (12 * H)
    p.value[at] = was
    return total


def _strength(penalty: Penalty) -> float:
    strength: float = penalty.strength  # type: ignore[attr-defined]
    return strength


@st.composite
def _networks(draw: DrawFn, pruned: bool | None = None) -> Case:
    network = draw(strategies.networks(layers=(1, 2), width=4, pruned=pruned, zeros=False, dtype=np.float64))
    return Case(network=network, step=draw(st.sampled_from([1.0, 4.0, 16.0, 0.5])))


def _proximal(penalty: Penalty) -> str:
    return "" if isinstance(penalty, L1) and penalty.proximal else "it is no proximal L1"


def _grouped(penalty: Penalty) -> str:
    return "" if isinstance(penalty, GroupLasso) else "it is no GroupLasso"


def _smooth(penalty: Penalty) -> str:
    parts = penalty.parts if isinstance(penalty, Sum) else (penalty,)
    return "it acts by its proximal step" if any(part.proximal for part in parts) else ""


PROPERTIES = {
    "prox_zeroes": Property(prox_zeroes, lambda _: _networks(), _proximal),
    "group_prox": Property(group_prox, lambda _: _networks(), _grouped),
    "penalty_skips_pruned": Property(penalty_skips_pruned, lambda _: _networks(pruned=True)),
    "penalty_gradient": Property(penalty_gradient, lambda _: _networks(), _smooth),
}
