"""The laws of masks: the functions `sparsity`, `set_mask`, `compose` and `shuffled` of a `Framework`."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.testing import strategies
from minprune.testing.cases import Case
from minprune.testing.framework import Framework
from minprune.testing.running import LawBroken, Property, demand

NO_MASKS: dict[str, Any] = {
    "zeros and ones": lambda mask: mask.astype(np.uint8),
    "floats": lambda mask: mask.astype(np.float32),
    "a list": lambda mask: mask.tolist(),
    "another shape": lambda mask: np.ones((mask.shape[0] + 1, mask.shape[1]), np.bool_),
    "a row": lambda mask: mask[0],
    "None": lambda mask: None,
}


def mask_type(framework: Framework, case: Case) -> None:
    network = case.network
    for (name, p), mask in zip(network.prunable.items(), case.masks, strict=True):
        framework.set_mask(network, name, mask)
        good = p.mask.dtype == np.bool_ and p.mask.shape == p.shape and bool((p.mask == mask).all())
        demand(good, f"{mask.tolist()} as the mask of {name}", p.mask.tolist())
        try:
            framework.set_mask(network, name, NO_MASKS[case.wrong](mask))
        except (TypeError, ValueError):
            continue
        raise LawBroken(f"a refusal of {case.wrong} as the mask of {name}", f"a mask of {p.mask.tolist()}")


def compose_is_and(framework: Framework, case: Case) -> None:
    one, two, three = case.masks
    both = framework.compose(one, two)
    for name in {**one, **two}:
        want = np.logical_and(one.get(name, True), two.get(name, True))
        demand(name in both, f"a mask for {name}", f"masks for {', '.join(both)}")
        demand((both[name] == want).all(), f"what both keep of {name}, {want.tolist()}", both[name].tolist())
    _same(both, framework.compose(two, one), "the same in the other order")
    _same(framework.compose(both, three), framework.compose(one, framework.compose(two, three)), "the same in brackets")
    _same(one, framework.compose(one, one), "a mask with itself to be itself")


def _same(one: Mapping[str, Any], other: Mapping[str, Any], what: str) -> None:
    equal = set(one) == set(other) and all((one[name] == other[name]).all() for name in one)
    demand(equal, what, {name: mask.tolist() for name, mask in other.items()})


def mask_not_value(framework: Framework, case: Case) -> None:
    network = case.network
    want = sum(int((~p.mask).sum()) for p in network.prunable.values()) / network.weights
    got = framework.sparsity(network)
    demand(abs(got - want) < 1e-12, f"a sparsity of {want:g}, that of the masks", f"{got:g}")


def shuffle_control(framework: Framework, case: Case) -> None:
    masks = case.masks[0]
    moved = 0
    for seed in range(8):
        control = framework.shuffled(masks, rng=case.seed + seed)
        for name, mask in masks.items():
            want, got = int(mask.sum()), int(control[name].sum())
            demand(got == want, f"{want} kept in {name}, as many as before", got)
            moved += int((control[name] != mask).any())
    mixed = any(0 < mask.sum() < mask.size and mask.size > 5 for mask in masks.values())
    demand(moved or not mixed, "other positions with one of eight seeds", "the same")


@st.composite
def _settings(draw: DrawFn) -> Case:
    network = draw(strategies.networks(layers=(1, 2), width=3))
    masks = [draw(strategies.masks(p.shape)) for p in network.prunable.values()]
    return Case(network=network, masks=masks, wrong=draw(st.sampled_from(sorted(NO_MASKS))))


@st.composite
def _masks(draw: DrawFn) -> Case:
    """Three sets of masks by name; a name may be missing in one of them."""
    shapes = dict(zip("abc", draw(strategies.shapes_of_layers(width=4)), strict=False))
    names = [draw(st.lists(st.sampled_from(sorted(shapes)), min_size=1, unique=True)) for _ in range(3)]
    sets = [{name: draw(strategies.masks(shapes[name])) for name in sorted(some)} for some in names]
    return Case(masks=sets, seed=draw(st.integers(0, 99)))


PROPERTIES = {
    "mask_type": Property(mask_type, lambda _: _settings()),
    "compose_is_and": Property(compose_is_and, lambda _: _masks()),
    "mask_not_value": Property(mask_not_value, lambda _: strategies.networks().map(lambda n: Case(network=n))),
    "shuffle_control": Property(shuffle_control, lambda _: _masks()),
}
