"""LAMP: its scores against the double loop of the paper, and what they leave as it was."""

import numpy as np
import pytest
from by_hand import live_units
from generators import Given, any_scores, cases, networks, reduced, sparsities, tied_scores
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minprune as mp
from minprune.errors import BudgetError, InvalidTypeError, InvalidValueError
from minprune.pruning.allocation.lamp import _rising_order, lamp_scores


def lamp_by_hand(scores, power):
    """For each, its energy over that of itself and of all that come after it in the order of (score, position)."""
    keys = [(score, position) for position, score in enumerate(scores)]
    return [
        float(score) ** power / sum(float(other) ** power for other, at in keys if (other, at) >= (score, position))
        for score, position in keys
    ]


def order_of(scores):
    return np.argsort(scores, kind="stable").tolist()


@given(hnp.arrays(np.float64, st.integers(1, 12), elements=st.floats(1e-3, 1e3)), st.sampled_from([0.5, 1, 2, 3]))
def test_it_is_the_papers_share_of_what_is_left(scores, power):
    found = lamp_scores(scores, np.ones(scores.size, bool), power)
    assert found.dtype == np.float64
    assert found.tolist() == pytest.approx(lamp_by_hand(scores, power), rel=1e-12)


@given(hnp.arrays(np.float32, st.integers(1, 12), elements=st.floats(0, 4, width=32)), st.data())
def test_what_is_gone_has_no_energy(scores, draws):
    live = draws.draw(hnp.arrays(np.bool_, scores.size))
    found = lamp_scores(scores, live, 2)
    assert (found[~live] == 0).all()
    assert np.array_equal(found[live], lamp_scores(scores[live], np.ones(live.sum(), bool), 2))


_NEAR = 1 + np.arange(5) * np.finfo(np.float64).eps
_ANY = [0.0, 5e-324, 1e-310, 3e-170, 1e-45, *_NEAR, 1.5, 3e7, *(3e7 * _NEAR), 1e154, 1e200, 1.7e308]


@given(
    st.one_of(
        hnp.arrays(np.float64, st.integers(1, 12), elements=st.sampled_from(_ANY)),
        hnp.arrays(np.float64, st.integers(1, 12), elements=st.floats(0, allow_infinity=False)),
        hnp.arrays(np.float32, st.integers(1, 12), elements=st.floats(0, width=32, allow_infinity=False)),
    ),
    st.sampled_from([0.3, 1, 2]),
)
def test_the_order_within_a_layer_never_changes(scores, power):
    """Ties, zeros, numbers a rounding apart, and those whose squares no float holds."""
    found = lamp_scores(scores, np.ones(scores.size, bool), power)
    assert np.isfinite(found).all()
    assert order_of(found) == order_of(scores)
    rising = np.sort(scores)
    assert (np.diff(np.sort(found))[np.diff(rising) > 0] > 0).all(), "and what differs goes on differing"
    assert found.max() == pytest.approx(1)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([7.0], [1]),
        ([0.0], [1]),
        ([0.0, 0.0, 0.0, 0.0], [1 / 4, 1 / 3, 1 / 2, 1]),
        ([2.0, 2.0, 2.0], [1 / 3, 1 / 2, 1]),  # all equal: as all 0
        ([0.0, 3.0, 0.0], [0, 1, 0]),
        ([3.0, -0.0, 4.0, 0.0], [9 / 25, 0, 1, 0]),  # both are zeros
        ([4.0, 3.0], [1, 9 / 25]),
        ([3e-30, 4e-30], [9 / 25, 1]),  # in float32 their squares are nothing
        ([3e30, 4e30], [9 / 25, 1]),  # or infinite
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_by_hand(scores, expected, dtype):
    found = lamp_scores(np.array(scores, dtype), np.ones(len(scores), bool), 2)
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


@given(st.sampled_from([np.float32, np.float64]).flatmap(lambda dtype: hnp.arrays(dtype, st.integers(1, 40),
       elements=st.sampled_from([0.0, -0.0, 1e-40, 0.5, 1.0, 1.5, 3e38]), fill=st.nothing())))  # fmt: skip
def test_ties_go_by_position_in_either_precision(scores):
    assert _rising_order(scores).tolist() == sorted(range(len(scores)), key=lambda i: (scores[i], i))


@pytest.mark.parametrize("factor", [2.0**-40, 2.0, 2.0**30])
def test_a_layers_scale_does_not_matter(factor):
    """Each layer by itself: unlike under Global."""
    network, scores = mp.Network.mlp([6, 5, 4, 3], rng=0), {}
    for k, (name, p) in enumerate(network.prunable.items()):
        scores[name] = np.abs(np.random.default_rng(k).standard_normal(p.shape))
    scaled = scores | {"dense2.weight": scores["dense2.weight"] * factor}
    plans = [mp.plan(network, Given(s), sparsity=0.7, allocation=mp.LAMP()) for s in (scores, scaled)]
    assert all(np.array_equal(mask, plans[1].masks[name]) for name, mask in plans[0].masks.items())


def masks_by_hand(network, scores, sparsity):
    """Drop the weight with the lowest LAMP score, over the network, until the count is met."""
    count = round(sparsity * network.weights) - (network.weights - network.kept)
    masks, ranked = {name: p.mask.copy() for name, p in network.prunable.items()}, []
    for layer, (name, mask) in enumerate(masks.items()):
        places = [at for at in np.ndindex(mask.shape) if mask[at]]
        squares = [float(scores[name][at]) for at in places]
        if squares and max(squares) == 0:
            squares = [1.0] * len(squares)
        found = lamp_by_hand(squares, 2) if squares else []
        ranked += [(value, layer, at, name) for value, at in zip(found, places, strict=True)]
    for *_, at, name in sorted(ranked)[: max(count, 0)]:
        masks[name][at] = False
    return masks


@given(networks(width=4), st.data())
def test_the_lowest_of_the_network_go_and_the_count_is_exact(network, draws):
    scores = draws.draw(tied_scores(network))
    sparsity = draws.draw(sparsities(network.weights))
    plan = mp.plan(network, Given(scores), sparsity=sparsity, allocation=mp.LAMP(), min_keep=0)
    assert plan.requested == round(sparsity * network.weights)
    assert plan.achieved == max(plan.requested, network.weights - network.kept)
    for name, mask in masks_by_hand(network, scores, sparsity).items():
        assert np.array_equal(plan.masks[name], mask)


@given(networks(), st.data())
def test_it_only_decides_how_much_each_layer_gives(network, draws):
    """Given its counts, PerLayer drops the same weights."""
    scores = Given(draws.draw(any_scores(network)))
    sparsity = draws.draw(sparsities(network.weights))
    try:
        plan = mp.plan(network, scores, sparsity=sparsity, allocation=mp.LAMP())
    except BudgetError:
        assume(False)
    shares = {layer.name: layer.sparsity for layer in plan.layers if layer.achieved < layer.weights}
    assume(shares)
    alike = mp.plan(network, scores, allocation=mp.PerLayer(shares))
    assert all(np.array_equal(mask, alike.masks[name]) for name, mask in plan.masks.items())


@given(cases(exact=True, width=5), st.sampled_from([None, 1, 2]))
def test_units_are_ranked_by_the_scores_of_those_that_are_left(case, power):
    """Their scores are mean squares, and are not squared once more; those that the pattern spares are left."""
    network, scores, request = case
    pattern = reduced(request["pattern"], "mean_square")
    units = pattern.units(network, scores)
    (group,) = mp.LAMP(power=power).groups(units, 0.5)
    assert group.layers == tuple(units.scores)
    assert group.target == round(0.5 * network.weights)
    single = isinstance(pattern, mp.Unstructured | mp.NM)
    by_hand = live_units(network, scores, pattern)
    for name in units.scores:
        mine = [unit for unit in by_hand if unit.name == name]
        worth = [unit.score if mine[-1].score else 1.0 for unit in mine]
        expected = lamp_by_hand(worth, power or (2 if single else 1))
        found = group.scores[name]
        assert [found[unit.position] for unit in mine] == pytest.approx(expected)
        assert np.count_nonzero(found) <= len(mine)


@pytest.mark.parametrize(
    ("pattern", "power"),
    [
        (mp.Unstructured(), None),
        (mp.NM(1, 2), None),
        (mp.Blocks((2, 1)), None),  # mean squares: 9 and 16
        (mp.Blocks((2, 1), reduce="norm"), 2),
        (mp.Neurons(), None),
        (mp.Neurons(reduce="mean"), 2),
    ],
)
def test_each_kind_of_unit_has_a_power_that_makes_energies_of_its_scores(pattern, power):
    """Of 3 and 4, or units made of nothing else, the lower one has 9 of 25."""
    network = mp.Network([mp.Dense.from_arrays(np.array(w)) for w in ([[3.0, 4.0]], [[3.0], [4.0]])])
    if isinstance(pattern, mp.Blocks):
        network = mp.Network([mp.Dense.from_arrays(np.array([[3.0, 4.0]] * 2))])
    (group,) = mp.LAMP(power=power).groups(pattern.units(network, mp.Magnitude().scores(network)), 0.5)
    assert group.scores["dense1.weight"].tolist() == pytest.approx([9 / 25, 1])


@given(networks(layers=(2, 4), pruned=False), st.data())
def test_no_layer_is_emptied_before_all_are_down_to_one_weight(network, draws):
    scores = Given(draws.draw(any_scores(network)))
    sparsity = (network.weights - len(network.prunable)) / network.weights
    plan = mp.plan(network, scores, sparsity=sparsity, allocation=mp.LAMP(), min_keep=0)
    assert all(mask.sum() == 1 for mask in plan.masks.values())


def test_more_than_min_keep_lets_go_is_refused():
    network = mp.Network.mlp([1, 1, 1, 1], rng=0)
    assert mp.plan(network, mp.Magnitude(), sparsity=0.1, allocation=mp.LAMP()).achieved == 0
    with pytest.raises(BudgetError, match=r"would empty dense1.weight: at most 0 can go with min_keep=1") as caught:
        mp.plan(network, mp.Magnitude(), sparsity=0.4, allocation=mp.LAMP())
    assert caught.value.largest == 0
    assert mp.plan(network, mp.Magnitude(), sparsity=0.4, allocation=mp.LAMP(), min_keep=0).achieved == 1


def test_an_explanation_says_by_what_it_was_ranked():
    network = mp.Network([mp.Dense.from_arrays(np.array([[3.0, 4.0]]))])
    why = mp.plan(network, mp.Magnitude(), sparsity=0.5, allocation=mp.LAMP()).explain("dense1.weight", (0, 0))
    assert str(why) == (
        "dense1.weight (0, 0) goes: score 3, ranked by 0.36, rank 1 of 2 (1 goes first), budget 1 weights, cutoff 0.36"
    )


@pytest.mark.parametrize(
    ("power", "error", "says"),
    [
        (0, InvalidValueError, "power must be greater than 0 and finite, got 0 in LAMP()"),
        (-2, InvalidValueError, "power must be greater than 0 and finite, got -2 in LAMP()"),
        ("2", InvalidTypeError, "power must be a number, got str '2' in LAMP()"),
        (np.inf, InvalidValueError, "power must be greater than 0 and finite, got inf in LAMP()"),
    ],
)
def test_bad_input_is_refused(power, error, says):
    with pytest.raises(error) as caught:
        mp.LAMP(power=power)
    assert str(caught.value) == says


def test_reprs():
    assert repr(mp.LAMP()) == "LAMP()"
    assert repr(mp.LAMP(power=1)) == "LAMP(power=1)"
