"""Masks: the exact selection against a sort, and the algebra of bool arrays."""

import numpy as np
import pytest
from generators import FEW, networks
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning import masks
from minprune.pruning.masks import compose, lowest, lowest_within, shuffled


def _lowest_by_sorting(scores, count):
    """Sort the pairs (score, position) and take the first `count`."""
    first = sorted((float(score), position) for position, score in enumerate(scores))[:count]
    return [any(position == i for _, i in first) for position in range(len(scores))]


@st.composite
def _scores_and_count(draw):
    few = draw(st.sampled_from([FEW, [0.0], [3.0], [0.0, -0.0], [1.0, np.inf]]))
    elements = draw(st.sampled_from([st.sampled_from(few), st.floats(0, 2.0**100, width=32)]))
    scores = draw(hnp.arrays(draw(st.sampled_from([np.float32, np.float64])), st.integers(1, 40), elements=elements))
    return scores, draw(st.integers(0, scores.size))


@given(_scores_and_count())
def test_exact_count_and_ties_by_position(case):
    scores, count = case
    before = scores.tobytes()
    chosen = lowest(scores, count)
    assert chosen.dtype == np.bool_
    assert chosen.tolist() == _lowest_by_sorting(scores, count)
    assert scores.tobytes() == before


@pytest.mark.parametrize("count", [0, 1, 2, 4999, 5000, 5001, 9998, 9999, 10_000])
def test_exact_count_of_many_equal_scores(count):
    scores = np.repeat(np.float32([1.0, 0.5]), 5000)
    order = [*range(5000, 10_000), *range(5000)]
    assert np.flatnonzero(lowest(scores, count)).tolist() == sorted(order[:count])


@given(_scores_and_count(), st.sampled_from([1, 2, 3, 10]))
def test_asking_a_sample_first_changes_nothing(case, size):
    """Whatever the sample is like, also one of a single score."""
    scores, count = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masks, "_SAMPLE", size)
        assert lowest(scores, count).tolist() == _lowest_by_sorting(scores, count)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("share", [0.001, 0.3, 0.7, 1.0])
def test_exact_count_where_many_share_one_score(value, share):
    draws = np.random.default_rng(0)
    scores = draws.random(20_000, dtype=np.float32)
    scores[draws.permutation(20_000)[: round(share * 20_000)]] = value
    order = np.argsort(scores, kind="stable")
    for count in (1, 2000, 9999, 10_000, 13_999, 14_001, 19_999):
        assert np.flatnonzero(lowest(scores, count)).tolist() == sorted(order[:count])


def _within_by_walking(scores, sizes, budget):
    """Take one after another, in the order (score, position), and stop at the first that doesn't fit."""
    chosen = [False] * len(scores)
    for _, position in sorted((float(score), position) for position, score in enumerate(scores)):
        budget -= int(sizes[position])
        if budget < 0:
            break
        chosen[position] = True
    return chosen


@given(_scores_and_count(), st.data())
def test_lowest_within_a_budget(case, data):
    scores, _ = case
    largest = data.draw(st.sampled_from([1, 3, 100]))
    sizes = data.draw(hnp.arrays(np.int64, scores.size, elements=st.integers(1, largest)))
    budget = data.draw(st.integers(0, int(sizes.sum()) + 1))
    before = scores.tobytes(), sizes.tobytes()
    chosen = lowest_within(scores, sizes, budget)
    assert chosen.dtype == np.bool_
    assert chosen.tolist() == _within_by_walking(scores, sizes, budget)
    assert before == (scores.tobytes(), sizes.tobytes())


@pytest.mark.parametrize("levels", [1, 7, 10_000])
def test_lowest_within_a_budget_among_many(levels):
    draws = np.random.default_rng(levels)
    scores = draws.integers(levels, size=30_000).astype(np.float32)
    sizes = draws.integers(1, 9, size=30_000)
    order = np.argsort(scores, kind="stable")
    for share in (0, 1e-5, 0.1, 0.5, 0.9, 0.99999):
        budget = int(share * sizes.sum())
        fits = np.searchsorted(np.cumsum(sizes[order]), budget, side="right")
        assert np.flatnonzero(lowest_within(scores, sizes, budget)).tolist() == sorted(order[:fits])


def test_of_sizes_all_alike_as_many_as_fit():
    scores = np.random.default_rng(0).integers(5, size=200).astype(np.float64)
    for budget in range(0, 650, 13):
        assert np.array_equal(lowest_within(scores, np.full(200, 3), budget), lowest(scores, min(200, budget // 3)))


_MASKS = st.dictionaries(st.sampled_from("abc"), hnp.arrays(np.bool_, (2, 3)))


def _same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first)


@given(_MASKS, _MASKS, _MASKS)
def test_compose_is_and(a, b, c):
    assert _same(compose(a, b), compose(b, a))
    assert _same(compose(compose(a, b), c), compose(a, compose(b, c)))
    assert _same(compose(a, b, c), compose(compose(a, b), c))
    assert _same(compose(a, a), a)
    assert _same(compose(a), a)
    joined = compose(a, b)
    assert joined.keys() == a.keys() | b.keys()
    whole = np.ones((2, 3), bool)
    for name, mask in joined.items():
        for at in np.ndindex(2, 3):
            assert mask[at] == (bool(a.get(name, whole)[at]) and bool(b.get(name, whole)[at]))


@given(_MASKS, _MASKS)
def test_compose_leaves_what_it_is_given(a, b):
    before = [{name: mask.copy() for name, mask in masks.items()} for masks in (a, b)]
    joined = compose(a, b)
    for mask in joined.values():
        mask[...] = ~mask
    assert _same(a, before[0])
    assert _same(b, before[1])


@given(_MASKS, st.integers(0, 99))
def test_shuffle_control(masks, seed):
    before = {name: mask.copy() for name, mask in masks.items()}
    moved = shuffled(masks, rng=seed)
    assert {n: (m.shape, m.dtype, m.sum()) for n, m in moved.items()} == {
        n: (m.shape, m.dtype, m.sum()) for n, m in masks.items()
    }
    assert _same(masks, before)
    assert _same(moved, shuffled(masks, rng=seed))
    assert not any(np.shares_memory(moved[name], masks[name]) for name in masks)


def test_shuffle_control_moves_positions_evenly():
    mask = np.arange(24).reshape(4, 6) < 6
    draws = np.random.default_rng(0)
    often = sum(shuffled({"w": mask}, rng=draws)["w"].astype(int) for _ in range(4000))
    # A position is kept in 1000 ± 27 of 4000 shuffles; five standard deviations are 137.
    assert np.abs(often - 1000).max() < 137


@pytest.mark.parametrize(
    ("mask", "error", "says"),
    [
        (np.ones(3), InvalidTypeError, "mask of w must be a bool array, got dtype float64"),
        (np.ones(3, np.int8), InvalidTypeError, "mask of w must be a bool array, got dtype int8"),
        ([True, False, True], InvalidTypeError, r"mask of w must be a bool array, got list \[True, False, True\]"),
        (np.ma.masked_array([True]), InvalidTypeError, "mask of w must be a bool array, got .*"),
        (np.ones((3, 1), bool), InvalidValueError, r"mask of w must have shape \(3,\), got \(3, 1\)"),
    ],
)
def test_mask_type(mask, error, says):
    good = np.ones(3, bool)
    with pytest.raises(error, match=rf"{says} in compose\(\)"):
        compose({"w": good}, {"w": mask})
    assert good.all()
    if error is InvalidTypeError:
        with pytest.raises(error, match=rf"{says} in compose\(\)"):
            compose({"w": mask})
        with pytest.raises(error, match=rf"{says} in shuffled\(\)"):
            shuffled({"w": mask})


@pytest.mark.parametrize("call", [compose, shuffled])
@pytest.mark.parametrize("masks", [None, 5, [np.ones(3, bool)], np.ones(3, bool)])
def test_what_is_no_mapping_of_masks_is_refused(call, masks):
    with pytest.raises(
        InvalidTypeError, match=rf"masks must be a mapping of names to masks, got .* in {call.__name__}\(\)"
    ):
        call(masks)


@given(networks(), st.floats(0, 0.99), st.integers(0, 99))
def test_mask_not_value(network, sparsity, seed):
    """Sparsity comes from masks: a kept weight that is 0.0 counts as kept."""
    draws = np.random.default_rng(seed)
    for p in network.prunable.values():
        p.value = p.value * draws.integers(0, 2, p.shape)
    kept = sum(np.count_nonzero(p.mask) for p in network.prunable.values())
    assert network.kept == kept
    assert network.sparsity == pytest.approx(1 - kept / network.weights)
    plan = mp.plan(network, mp.Magnitude(), sparsity=sparsity, min_keep=0)
    assert [layer.pruned_before for layer in plan.layers] == [p.size - p.mask.sum() for p in network.prunable.values()]
    pruned = plan.apply(network)
    assert pruned.weights - pruned.kept == max(round(sparsity * network.weights), network.weights - kept)
