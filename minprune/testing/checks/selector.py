"""The laws of a selector: a function of scores, by name, and a sparsity, that returns masks by name, True = kept.

Everything that prunes has one inside, so this is the seam for pruners of any library: hand in the scores, take out
which weights were left.
"""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.arguments import Array, Bools
from minprune.testing import strategies
from minprune.testing.cases import Case
from minprune.testing.running import LawBroken, Property, demand

Scores: TypeAlias = dict[str, Array]
Selector: TypeAlias = Callable[[Scores, float], Mapping[str, Bools]]

TRANSFORMS: dict[str, Callable[[Array], Array]] = {"square": np.square, "sqrt": np.sqrt, "add 8": lambda s: s + 8}


def dropped(select: Selector, scores: Scores, sparsity: float) -> dict[str, Bools]:
    """Ask for masks and return what they drop; masks of zeros and ones are read as well, for all laws but one."""
    masks = select({name: s.copy() for name, s in scores.items()}, sparsity)
    for name, s in scores.items():
        demand(name in masks, f"a mask for {name}", f"masks for {', '.join(masks)}")
        demand(np.shape(masks[name]) == s.shape, f"a mask of shape {s.shape} for {name}", np.shape(masks[name]))
    return {name: ~np.asarray(masks[name]).astype(np.bool_) for name in scores}


def flat(by_name: Mapping[str, Array]) -> Array:
    """Return all entries in layer order, then by flat index."""
    return np.concatenate([array.ravel() for array in by_name.values()])


def exact_count(select: Selector, case: Case) -> None:
    gone, total = flat(dropped(select, case.scores, case.sparsity)), flat(case.scores).size
    want, got = round(case.sparsity * total), int(gone.sum())
    demand(got == want, f"round({case.sparsity} · {total}) = {want} of {total} weights dropped", f"{got} dropped")


def zero_is_identity(select: Selector, case: Case) -> None:
    got = int(flat(dropped(select, case.scores, 0.0)).sum())
    demand(got == 0, "no weight dropped at sparsity 0", f"{got} dropped")


def target_is_idempotent(select: Selector, case: Case) -> None:
    first = dropped(select, case.scores, case.sparsity)
    left = {name: np.where(first[name], 0, s).astype(s.dtype) for name, s in case.scores.items()}
    again = dropped(select, left, case.sparsity)
    more = int(flat(again).sum()) - int(flat(first).sum())
    demand(equal(first, again), "the same mask when what was dropped scores 0", f"{more:+d} dropped, or others")


def no_revival(select: Selector, case: Case) -> None:
    first = dropped(select, case.scores, min(case.sparsities))
    left = {name: np.where(first[name], 0, s).astype(s.dtype) for name, s in case.scores.items()}
    then = dropped(select, left, max(case.sparsities))
    back = sum(int((first[name] & ~then[name]).sum()) for name in first)
    demand(back == 0, "no weight back at the next, higher sparsity", f"{back} back")


def tiny(select: Selector, case: Case) -> None:
    for sparsity in (0.0, case.sparsity):
        exact_count(select, Case(scores=case.scores, sparsity=sparsity))


def order(select: Selector, case: Case) -> None:
    in_order(case.scores, dropped(select, case.scores, case.sparsity))


def ties_by_position(select: Selector, case: Case) -> None:
    gone = dropped(select, case.scores, case.sparsity)
    low_positions_first(flat(case.scores), flat(gone), "layer order, then flat index")
    same = equal(gone, dropped(select, case.scores, case.sparsity))
    demand(same, "the same mask for the same call", "another")


def scale_free(select: Selector, case: Case) -> None:
    scaled = {name: (s * case.factor).astype(s.dtype) for name, s in case.scores.items()}
    same = equal(dropped(select, case.scores, case.sparsity), dropped(select, scaled, case.sparsity))
    demand(same, f"the same mask for scores times {case.factor:g}", "another")


def monotone_free(select: Selector, case: Case) -> None:
    bent = {name: TRANSFORMS[case.transform](s) for name, s in case.scores.items()}
    same = equal(dropped(select, case.scores, case.sparsity), dropped(select, bent, case.sparsity))
    demand(same, f"the same mask after {case.transform} of all scores", "another")


def nested(select: Selector, case: Case) -> None:
    low, high = sorted(case.sparsities)
    less, more = flat(dropped(select, case.scores, low)), flat(dropped(select, case.scores, high))
    back = int((less & ~more).sum())
    demand(back == 0, f"what goes at {low:g} to go at {high:g} too", f"{back} kept again")


def permutation(select: Selector, case: Case) -> None:
    first, second = case.scores
    permuted = dict(case.scores)
    permuted[first] = case.scores[first][:, case.permutation]
    permuted[second] = case.scores[second][case.permutation]
    plain, moved = (dropped(select, s, case.sparsity) for s in (case.scores, permuted))
    same = (plain[first][:, case.permutation] == moved[first]).all()
    same &= (plain[second][case.permutation] == moved[second]).all()
    demand(same, f"the mask permuted like the hidden units, {case.permutation}", "another mask")


def no_nan_decides(select: Selector, case: Case) -> None:
    name, index = case.first
    bad = {n: s.copy() for n, s in case.scores.items()}
    bad[name][index] = case.value
    asked = f"an error that names {name} and {index}, where a score is {case.value}"
    try:
        select(bad, case.sparsity)
    except Exception as error:
        demand(name in str(error) and str(index) in str(error), asked, f"{type(error).__name__}: {error}")
    else:
        raise LawBroken(asked, "masks")


def mask_type(select: Selector, case: Case) -> None:
    masks = select({name: s.copy() for name, s in case.scores.items()}, case.sparsity)
    for name, s in case.scores.items():
        mask = masks[name]
        good = isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == s.shape
        demand(good, f"a bool array of shape {s.shape} for {name}", _described(mask))


def _described(mask: object) -> str:
    return f"{mask.dtype} of shape {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__


def in_order(scores: Scores, gone: Mapping[str, Bools], where: str = "") -> None:
    values, flags = flat(scores), flat(gone)
    if flags.any() and not flags.all():
        highest, lowest = values[flags].max(), values[~flags].min()
        demand(highest <= lowest, f"no kept score below a dropped one{where}", f"{highest} dropped, {lowest} kept")


def low_positions_first(values: Array, gone: Bools, what: str) -> None:
    for value in np.unique(values):
        at = np.flatnonzero(values == value)
        first, last = at[~gone[at]], at[gone[at]]
        if first.size and last.size:
            came = f"at score {value}, position {last.max()} dropped and {first.min()} kept"
            demand(last.max() < first.min(), f"equal scores to fall by position, in {what}", came)


def equal(one: Mapping[str, Bools], other: Mapping[str, Bools]) -> bool:
    return all((one[name] == other[name]).all() for name in one)


@st.composite
def selections(draw: DrawFn, *, ties: bool | None = None, layers: tuple[int, int] = (1, 3)) -> Case:
    """Draw a sparsity, and scores of layers with two or more inputs and outputs each, of which at least one goes."""
    sparsity = draw(strategies.sparsities())
    shapes = draw(strategies.shapes_of_layers(layers=layers, width=4, least=2))
    assume(round(sparsity * sum(m * n for m, n in shapes)) > 0)
    return Case(scores=draw(strategies.scores(shapes, ties=ties)), sparsity=sparsity)


@st.composite
def _pairs(draw: DrawFn) -> Case:
    other = draw(strategies.sparsities())
    case = draw(selections(ties=False))
    return Case(scores=case.scores, sparsities=[case.sparsity, other])


@st.composite
def scaled(draw: DrawFn, *, layers: tuple[int, int] = (1, 3)) -> Case:
    """Draw scores and a factor."""
    case = draw(selections(ties=False, layers=layers))
    return Case(**vars(case), factor=2.0 ** draw(st.integers(-12, 12)))


@st.composite
def _bent(draw: DrawFn) -> Case:
    case = draw(selections(ties=False))
    return Case(**vars(case), transform=draw(st.sampled_from(sorted(TRANSFORMS))))


@st.composite
def _permuted(draw: DrawFn) -> Case:
    case = draw(selections(ties=False, layers=(2, 2)))
    width = next(iter(case.scores.values())).shape[1]
    return Case(**vars(case), permutation=draw(st.permutations(range(width))))


@st.composite
def poisoned(draw: DrawFn, *, layers: tuple[int, int] = (1, 3)) -> Case:
    """Draw scores and a place among them for a NaN or an infinity."""
    case = draw(selections(layers=layers))
    name = draw(st.sampled_from(list(case.scores)))
    index = tuple(draw(st.integers(0, n - 1)) for n in case.scores[name].shape)
    return Case(**vars(case), first=(name, index), value=draw(st.sampled_from([float("nan"), float("inf")])))


@st.composite
def _tiny(draw: DrawFn) -> Case:
    sparsity = draw(strategies.sparsities())
    shapes = draw(strategies.shapes_of_layers(layers=(1, 2), width=2))
    assume(any(1 in shape for shape in shapes))
    return Case(scores=draw(strategies.scores(shapes)), sparsity=sparsity)


PROPERTIES = {
    "exact_count": Property(exact_count, lambda _: selections()),
    "zero_is_identity": Property(zero_is_identity, lambda _: selections().map(lambda c: Case(scores=c.scores))),
    "target_is_idempotent": Property(target_is_idempotent, lambda _: selections(ties=False)),
    "tiny": Property(tiny, lambda _: _tiny()),
    "order": Property(order, lambda _: selections(ties=False)),
    "ties_by_position": Property(ties_by_position, lambda _: selections(ties=True)),
    "scale_free": Property(scale_free, lambda _: scaled()),
    "monotone_free": Property(monotone_free, lambda _: _bent()),
    "nested": Property(nested, lambda _: _pairs()),
    "permutation": Property(permutation, lambda _: _permuted()),
    "no_nan_decides": Property(no_nan_decides, lambda _: poisoned()),
    "mask_type": Property(mask_type, lambda _: selections()),
    "no_revival": Property(no_revival, lambda _: _pairs()),
}
