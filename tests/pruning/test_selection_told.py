"""Selection: refusals in full for each way to count, groups by hand, and layers that are empty from the start."""

import numpy as np
import pytest
from generators import Given

import minprune as mp
from minprune.pruning.allocation import Allocation, Group
from minprune.pruning.patterns import NM, Blocks

A, B, C = "dense1.weight", "dense2.weight", "dense3.weight"


class Grouped(Allocation):
    def __init__(self, *groups):
        self.made = groups

    def groups(self, units, sparsity):
        return list(self.made)


def _plan(*weights, gone=(), **request):
    """Plan for layers with these scores; the allocation says how many go, unless a sparsity does."""
    arrays = {f"dense{k}.weight": np.array(w, float) for k, w in enumerate(weights, 1)}
    network = mp.Network([mp.Dense.from_arrays(array) for array in arrays.values()])
    for name in gone:
        network.parameters[name].mask = np.zeros(arrays[name].shape, bool)
    return mp.plan(network, Given(arrays), **({"sparsity": 0.5} | request))


def _gone(plan):
    return {name: np.flatnonzero(~mask).tolist() for name, mask in plan.masks.items()}


def test_groups_are_counted_by_themselves():
    plan = _plan([[1.0, 4.0]], [[9.0], [8.0]], [[2.0, 3.0]], allocation=Grouped(Group((A, C), 2), Group((B,), 1)))
    assert _gone(plan) == {A: [0], B: [1], C: [0]}
    assert [r.budget for r in plan._decision.rankings] == [2, 1]


def test_in_units_not_in_weights():
    plan = _plan([[1.0] * 3, [2.0] * 3, [3.0] * 3], allocation=Grouped(Group((A,), 2, "units")), pattern=Blocks((1, 3)))
    assert _gone(plan) == {A: [0, 1, 2, 3, 4, 5]}
    assert (plan.requested, plan.achieved) == (6, 6)
    assert str(plan.explain(A, (1, 0))).endswith("rank 2 of 3 (1 goes first), budget 2 units, cutoff 4")


def test_the_longest_prefix_that_fits_and_no_other():
    """Blocks of two and of one: of three weights asked the lowest block has two, the next does not fit."""
    scores = [[1.0, 1.0, 9.0], [2.0, 2.0, 8.0], [3.0, 3.0, 7.0]]
    plan = _plan(scores, sparsity=3 / 9, pattern=Blocks((1, 2)))
    assert _gone(plan) == {A: [0, 1]}
    assert (plan.requested, plan.achieved) == (3, 2)
    assert _gone(_plan(scores, sparsity=4 / 9, pattern=Blocks((1, 2)))) == {A: [0, 1, 3, 4]}


def test_a_budget_of_less_than_a_unit_is_met():
    plan = _plan([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], sparsity=0.5, pattern=Blocks((1, 2)))
    assert plan.achieved == 2
    network = mp.Network([mp.Dense.from_arrays(np.array([[0.0, 0.0], [2.0, 2.0], [3.0, 3.0]]))])
    network.parameters[A].mask = np.array([[False, False], [True, True], [True, True]])
    ask = {"sparsity": 0.5, "pattern": Blocks((1, 2))}
    assert mp.plan(network, mp.Magnitude(), **ask).achieved == 2  # one more weight is less than a block
    network.parameters[A].mask = np.array([[False, False], [False, True], [True, True]])
    assert mp.plan(network, mp.Magnitude(), **ask | {"sparsity": 4 / 6}).achieved == 3


def test_a_layer_that_is_empty_already_is_not_in_the_way():
    plan = _plan([[1.0], [2.0]], [[3.0]], gone=[B], sparsity=2 / 3)
    assert _gone(plan) == {A: [0], B: [0]}
    plan = _plan([[1.0], [2.0]], [[3.0]], gone=[A, B], sparsity=0.9)
    assert plan.achieved == 3


def test_all_candidates_go_if_that_is_what_is_asked():
    plan = _plan([[1.0], [2.0], [3.0], [4.0]], sparsity=0.5, pattern=NM(1, 2))
    assert _gone(plan) == {A: [0, 2]}
    plan = _plan([[1.0], [2.0], [3.0]], sparsity=2 / 3)
    assert _gone(plan) == {A: [0, 1]}


def test_of_many_units_of_one_size_as_many_as_fit():
    scores = np.repeat(np.arange(60.0), 2).reshape(60, 2)
    plan = _plan(scores, sparsity=51 / 120, pattern=Blocks((1, 2)))
    assert _gone(plan) == {A: list(range(50))}


def test_where_one_of_a_hundred_is_gone():
    scores = np.arange(100.0).reshape(100, 1)
    network = mp.Network([mp.Dense.from_arrays(scores + 1)])
    network.parameters[A].mask = scores != 3
    assert _gone(mp.plan(network, Given({A: scores}), sparsity=0.05)) == {A: [0, 1, 2, 3, 4]}


def test_an_infinite_score_stands_for_what_is_no_candidate():
    """Both ways to write it: a few of many are gone, and most of them."""
    for gone in (1, 90):
        scores = np.arange(1.0, 101.0).reshape(100, 1)
        network = mp.Network([mp.Dense.from_arrays(scores)])
        network.parameters[A].mask = scores > gone
        [ranking] = mp.plan(network, Given({A: scores}), sparsity=0.95)._decision.rankings
        np.testing.assert_array_equal(ranking.scores, [np.inf] * gone + list(range(gone + 1, 101)))
        assert ranking.cutoff == 95.0


def test_scores_too_small_to_be_told_apart_beside_one():
    scores = np.arange(1.0, 101.0)[::-1].reshape(100, 1) * 1e-30
    network = mp.Network([mp.Dense.from_arrays(np.ones((100, 1)))])
    network.parameters[A].mask = np.arange(100).reshape(100, 1) >= 50
    assert _gone(mp.plan(network, Given({A: scores}), sparsity=0.6)) == {A: [*range(50), *range(90, 100)]}


def test_of_many_equal_neurons_the_first_go():
    """Ninety neurons with a score of 1 or 4; each that goes takes 92 weights along."""
    network, size = mp.Network.mlp([2, 90, 90, 2], rng=0), np.random.default_rng(0).integers(1, 3, 90).astype(float)
    scores = {A: np.tile(size, (2, 1)), B: np.tile(size[:, None], (1, 90)), C: np.full((90, 2), 100.0)}
    plan = mp.plan(network, Given(scores), sparsity=20 * 92 / 8460, pattern=mp.Neurons())
    [ranking] = plan._decision.rankings
    goes = {name: np.flatnonzero(dropped).tolist() for name, dropped in ranking.dropped.items()}
    assert goes == {A: np.flatnonzero(size == 1)[:20].tolist(), B: []}


def test_units_that_are_gone_already_count():
    shown = {"allocation": Grouped(Group((A,), 2, "units")), "pattern": Blocks((1, 2)), "sparsity": None}
    scores = np.array([[3.0, 3.0], [1.0, 1.0], [2.0, 2.0], [9.0, 9.0]])
    network = mp.Network([mp.Dense.from_arrays(scores)])
    network.parameters[A].mask = scores < 9
    shown["allocation"].sets_sparsity = True
    assert _gone(mp.plan(network, Given({A: scores}), **shown)) == {A: [2, 3, 6, 7]}


def test_a_group_may_bring_scores_of_its_own():
    """They also say which weight `min_keep` spares."""
    own = Group((A,), 2, scores={A: np.array([3.0, 2.0, 1.0, 4.0])})
    assert _gone(_plan([[1.0], [2.0], [3.0], [4.0]], allocation=Grouped(own))) == {A: [1, 2]}
    both = {A: np.array([4.0, 3.0]), B: np.array([2.0, 1.0])}
    plan = _plan([[1.0], [2.0]], [[3.0, 4.0]], allocation=Grouped(Group((A, B), 2, scores=both)))
    assert _gone(plan) == {A: [1], B: [1]}


def test_a_threshold_by_layer():
    plan = _plan([[1.0], [2.0]], [[1.0, 3.0]], sparsity=None, threshold=2.0)
    assert _gone(plan) == {A: [0], B: [0]}
    assert [(r.group.layers, r.budget, r.cutoff) for r in plan._decision.rankings] == [((A,), 1, 1.0), ((B,), 1, 1.0)]
    assert _gone(_plan([[1.0], [2.0]], [[5.0, 3.0]], sparsity=None, threshold=1.0)) == {A: [], B: []}
    kept = _plan([[1.0], [2.0]], [[5.0, 3.0]], gone=[A], sparsity=None, threshold=4.0)
    assert _gone(kept) == {A: [0, 1], B: [1]}


def test_a_neuron_that_two_groups_together_starve():
    """In the middle there is one neuron, with one way in and one way out; the groups before and after it cut both."""
    network = mp.Network([mp.Dense.from_arrays(np.ones(shape)) for shape in ((1, 2), (2, 1), (1, 2), (2, 1))])
    network.parameters[B].mask = np.array([[True], [False]])
    network.parameters[C].mask = np.array([[True, False]])
    low = {A: np.array([[1.0, 9.0]]), B: np.ones((2, 1)), C: np.ones((1, 2)), "dense4.weight": np.array([[1.0], [9.0]])}
    ask = {"allocation": mp.PerLayer({"dense1": 0.5, "dense2": 0.0}), "pattern": mp.Neurons()}
    assert mp.plan(network, Given(low), **ask).achieved == 4  # two were gone
    with pytest.raises(mp.BudgetError) as caught:
        mp.plan(network, Given(low), **ask | {"allocation": mp.PerLayer({"dense1": 0.5, "dense2": 0.0, "dense3": 0.5})})
    assert str(caught.value) == (
        "pruning 1 of 2 neurons would empty dense2.weight: at most 0 can go with min_keep=1 neuron(s) a layer, a "
        "sparsity of 0, in plan()"
    )


@pytest.mark.parametrize(
    ("weights", "request_", "says", "largest"),
    [
        (
            [[[1.0], [2.0]], [[3.0]]],
            {"sparsity": 0.9},
            "pruning 3 of 3 weights would empty dense1.weight: at most 1 can go with min_keep=1 weight(s) a layer, a "
            "sparsity of 0.333333, in plan()",
            1,
        ),
        (
            [[[3.0], [4.0]], [[1.0, 2.0]]],
            {"sparsity": 0.75},
            "pruning 3 of 4 weights would empty dense2.weight: at most 2 can go with min_keep=1 weight(s) a layer, a "
            "sparsity of 0.5, in plan()",
            2,
        ),
        (
            [np.arange(1.0, 2001.0).reshape(40, 50)],
            {"sparsity": 0.9995, "min_keep": 3},
            "pruning 1,999 of 2,000 weights would empty dense1.weight: at most 1,997 can go with min_keep=3 weight(s) "
            "a layer, a sparsity of 0.9985, in plan()",
            1997,
        ),
        (
            [[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]],
            {"allocation": Grouped(Group((A,), 3, "units")), "pattern": Blocks((1, 2))},
            "pruning 3 of 3 blocks would empty dense1.weight: at most 2 can go with min_keep=1 block(s) a layer, a "
            "sparsity of 0.666666, in plan()",
            2,
        ),
        (
            [[[1.0, 2.0]], [[1.0], [2.0]]],
            {"allocation": Grouped(Group((A,), 2, "units")), "pattern": mp.Neurons()},
            "pruning 2 of 2 neurons would empty dense1.weight: at most 1 can go with min_keep=1 neuron(s) a layer, a "
            "sparsity of 0.5, in plan()",
            1,
        ),
        (
            [[[1.0, 2.0]], [[1.0], [2.0]]],
            {"sparsity": 0.99, "pattern": mp.Neurons()},
            "pruning 4 of 4 weights would empty dense1.weight: at most 2 can go with min_keep=1 neuron(s) a layer, a "
            "sparsity of 0.5, in plan()",
            2,
        ),
        (
            [[[1.0], [2.0], [3.0], [4.0]]],
            {"sparsity": 0.75, "pattern": NM(1, 2)},
            "pruning 3 of 4 weights of dense1.weight: at most 2 can go with min_keep=1 slot(s) a layer, a sparsity of "
            "0.5, in plan(); 1:2 lets no more go: leave out sparsity= for all that it does, or take another N:M",
            2,
        ),
        (
            [[[1.0], [2.0], [3.0], [4.0]]],
            {"sparsity": 0.75, "pattern": NM(1, 2), "min_keep": 3},
            "pruning 3 of 4 weights would empty dense1.weight: at most 1 can go with min_keep=3 slot(s) a layer, a "
            "sparsity of 0.25, in plan()",
            1,
        ),
        (
            [[[1.0], [2.0]], [[3.0, 4.0]]],
            {"sparsity": 0.5, "pattern": NM(1, 2)},
            "pruning 2 of 4 weights: at most 1 can go with min_keep=1 slot(s) a layer, a sparsity of 0.25, in plan(); "
            "1:2 lets no more go: leave out sparsity= for all that it does, or take another N:M",
            1,
        ),
        (
            [[[5.0], [7.0]], [[2.0, 6.0]]],
            {"sparsity": None, "threshold": 9.0},
            "threshold must be at most 6 to leave 1 weight(s) in dense2.weight (min_keep), got 9 in plan()",
            6.0,
        ),
        (
            [[[2.0], [3.0]], [[4.0, 6.0]]],
            {"sparsity": None, "threshold": 9.0, "min_keep": 2},
            "threshold must be at most 2 to leave 2 weight(s) in dense1.weight (min_keep), got 9 in plan()",
            2.0,
        ),
    ],
)
def test_more_than_can_go(weights, request_, says, largest):
    with pytest.raises(mp.BudgetError) as caught:
        _plan(*weights, **request_)
    assert str(caught.value) == says
    assert caught.value.largest == largest
