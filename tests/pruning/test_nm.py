"""N:M: n of every m inputs of an output stay, and no group ever loses more."""

import math

import numpy as np
import pytest
from by_hand import live_units, never
from generators import Given, any_scores, distinct_scores, networks, refusal, tied_scores
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minprune as mp
from minprune.errors import BudgetError, InvalidTypeError, InvalidValueError
from minprune.pruning.allocation import Allocation, Group
from minprune.pruning.patterns import NM
from minprune.pruning.units import weights
from minprune.pruning.units.weights import lowest_of_groups

ratios = st.tuples(st.integers(1, 5), st.integers(1, 5)).map(lambda pair: NM(pair[0], pair[0] + pair[1]))


def _groups(shape, m):
    """Go through the groups: the places of each."""
    for j in range(shape[1]):
        for first in range(0, shape[0], m):
            yield [(i, j) for i in range(first, min(first + m, shape[0]))]


def _keeps(pattern, group):
    return math.ceil(pattern.n * len(group) / pattern.m)


@given(networks(), ratios, st.data())
def test_nm_groups(network, pattern, data):
    """All that the pattern lets go: each group is left with n of m or what it had, the highest, later ones on ties."""
    scores = data.draw(any_scores(network))
    plan = mp.plan(network, Given(scores), pattern=pattern, min_keep=0)
    for name, p in network.prunable.items():
        for group in _groups(p.shape, pattern.m):
            kept = sorted((float(scores[name][at]), at) for at in group if p.mask[at])
            stay = [at for _, at in kept[-_keeps(pattern, group) :]]
            assert [at for at in group if plan.masks[name][at]] == sorted(stay)
    assert plan.requested == plan.achieved


@given(networks(), ratios, st.data())
def test_nm_groups_lose_no_more_on_the_way(network, pattern, data):
    """At any sparsity up to that the count is exact, and no group falls below n of m."""
    scores = Given(data.draw(any_scores(network)))
    most = mp.plan(network, scores, pattern=pattern, min_keep=0)
    asked = data.draw(st.integers(0, min(most.achieved, network.weights - 1)))  # all may be gone already
    plan = mp.plan(network, scores, sparsity=asked / network.weights, pattern=pattern, min_keep=0)
    assert plan.achieved == max(asked, network.weights - network.kept)
    for name, p in network.prunable.items():
        assert not (most.masks[name] & ~plan.masks[name]).any()
        for group in _groups(p.shape, pattern.m):
            left = sum(bool(plan.masks[name][at]) for at in group)
            assert left >= min(_keeps(pattern, group), sum(bool(p.mask[at]) for at in group))


@given(networks(), ratios, st.integers(0, 2), st.data())
def test_more_than_the_pattern_lets_go_is_refused(network, pattern, min_keep, data):
    """It names the largest count, and that can be asked for; min_keep counts the ones that never go, too."""
    scores = Given(data.draw(st.one_of(tied_scores(network), distinct_scores(network))))
    n = network.weights

    def ask(count):
        return mp.plan(network, scores, sparsity=count / n, pattern=pattern, min_keep=min_keep)

    must_stay = 0
    for p in network.prunable.values():
        safe = sum(
            min(_keeps(pattern, group), sum(bool(p.mask[at]) for at in group)) for group in _groups(p.shape, pattern.m)
        )
        must_stay += max(safe, min(min_keep, p.kept))
    error = refusal(lambda: ask(n - 1))
    if must_stay <= 1:
        assert error is None
    else:
        assert error.largest == n - must_stay
        assert ask(error.largest).achieved == error.largest


def test_the_refusal_says_what_to_do():
    network = mp.Network.mlp([8, 3, 2], rng=0)
    with pytest.raises(BudgetError) as caught:
        mp.plan(network, mp.Magnitude(), sparsity=0.8, pattern=NM(2, 4))
    assert str(caught.value) == (
        "pruning 24 of 30 weights: at most 14 can go with min_keep=1 slot(s) a layer, a sparsity of 0.466666, in "
        "plan(); 2:4 lets no more go: leave out sparsity= for all that it does, or take another N:M"
    )
    assert mp.plan(network, mp.Magnitude(), pattern=NM(2, 4)).achieved == 14


def test_the_refusal_names_the_layer_where_it_is_one():
    network = mp.Network.mlp([8, 5, 2], rng=0)
    with pytest.raises(BudgetError, match=r"^pruning 5 of 10 weights of dense2.weight: at most 4 can go .*; 2:4 lets"):
        mp.plan(network, mp.Magnitude(), sparsity=0.5, pattern=NM(2, 4), allocation=mp.Uniform())


@given(networks(), ratios, st.data())
def test_slots_by_hand(network, pattern, data):
    """A slot is up for dropping if it is live and not among the n highest of its group."""
    scores = data.draw(st.one_of(tied_scores(network), distinct_scores(network)))
    units = pattern.units(network, scores)
    live = live_units(network, scores, pattern)
    safe = never(network, live, pattern)
    for name, p in network.prunable.items():
        positions = {u.position for u in live if u.name == name and u not in safe}
        assert set(np.flatnonzero(units.alive[name])) == positions
        assert units.safe(name) == sum(u.name == name for u in safe)
        assert np.array_equal(units.dead[name], ~p.mask.reshape(-1))
    assert (units.noun, units.sizes, units.separable) == ("slot", None, True)


@given(networks(), ratios, st.integers(0, 12), st.data())
def test_min_keep_is_met_by_those_that_never_go(network, pattern, min_keep, data):
    """A threshold: no layer falls below min_keep, and the largest threshold named can be met."""
    scores = Given(data.draw(tied_scores(network)))
    asked = {"pattern": pattern, "min_keep": min_keep}
    error = refusal(lambda: mp.plan(network, scores, threshold=10.0, **asked))
    plan = mp.plan(network, scores, threshold=10.0 if error is None else error.largest, **asked)
    for name, p in network.prunable.items():
        assert plan.masks[name].sum() >= min(min_keep, p.kept)


@st.composite
def _grouped(draw):
    few = st.sampled_from([0.0, 0.5, 1.0, 2.0, np.inf, -1.0])
    values = draw(hnp.arrays(np.float32, st.tuples(st.integers(1, 15), st.integers(1, 4)), elements=few))
    m, columns = draw(st.integers(1, 7)), draw(st.sampled_from([1, values.shape[1]]))
    sizes = np.diff(np.arange(0, len(values), m), append=len(values))[:, None]
    count = draw(hnp.arrays(np.int64, (len(sizes), columns), elements=st.integers(0, m)))
    return values, m, np.minimum(count, sizes)


@pytest.mark.parametrize("pairs", [0, 32])
@given(case=_grouped())
def test_lowest_of_groups_by_sorting(pairs, case):
    """By comparing each with each or by sorting: the lowest of each group, the upper ones on ties."""
    values, m, count = case
    expected = np.zeros(values.shape, bool)
    for group in _groups(values.shape, m):
        (i, j), columns = group[0], count.shape[1]
        for _, at in sorted((float(values[at]), at) for at in group)[: count[i // m, j if columns > 1 else 0]]:
            expected[at] = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "_PAIRS", pairs)
        assert np.array_equal(lowest_of_groups(values, m, count), expected)


def test_a_fixed_number_of_inputs_for_every_output():
    """NM(n, inputs): each output keeps its n highest."""
    network = mp.Network.mlp([100, 7], rng=0)
    plan = mp.plan(network, mp.Magnitude(), pattern=NM(10, 100))
    magnitudes = np.abs(network.dense[0].weight.value)
    for j in range(7):
        kept = np.flatnonzero(plan.masks["dense1.weight"][:, j])
        assert set(kept) == set(np.argsort(magnitudes[:, j])[-10:])


def test_where_units_are_counted_those_that_never_go_are_not_gone():
    class Three(Allocation):
        def groups(self, units, sparsity):
            return [Group(("dense1.weight",), 3, "units")]

    network = mp.Network.mlp([8, 3], rng=0)
    assert mp.plan(network, mp.Magnitude(), sparsity=0.5, allocation=Three(), pattern=NM(2, 4)).achieved == 3


def test_a_slot_is_explained_by_its_group():
    network = mp.Network([mp.Dense.from_arrays(np.array([[3.0], [-4.0], [1.0], [2.0], [5.0]]))])
    plan = mp.plan(network, mp.Magnitude(), sparsity=0.2, pattern=NM(2, 4))
    assert str(plan.explain("dense1.weight", (2, 0))) == (
        "dense1.weight (2, 0) goes: score 1, in slot 2 of inputs 0–3 to output 0, rank 1 of 2 (1 goes first), budget "
        "1 weights, cutoff 1"
    )
    assert str(plan.explain("dense1.weight", (4, 0))) == (
        "dense1.weight (4, 0) stays: score 5, in slot 0 of input 4 to output 0, out of bounds: among the highest of "
        "its group, which 2:4 keeps"
    )


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ((4, 4), InvalidValueError, r"n must be at most 3, got 4 in NM\(\)"),
        ((0, 4), InvalidValueError, r"n must be at least 1, got 0 in NM\(\)"),
        ((1, 1), InvalidValueError, r"m must be at least 2, got 1 in NM\(\)"),
        ((2.0, 4), InvalidTypeError, r"n must be a whole number, got float 2.0 in NM\(\)"),
        ((2, "4"), InvalidTypeError, r"m must be a whole number, got str '4' in NM\(\)"),
    ],
)
def test_bad_input_is_refused(arguments, error, says):
    with pytest.raises(error, match=rf"^{says}"):
        NM(*arguments)


def test_repr_and_what_it_says_of_itself():
    assert repr(NM(np.int64(2), 4)) == "NM(2, 4)"
    assert NM(2, 4).complete
    assert not mp.Unstructured().complete
