"""What a plan says and refuses, to the letter, on networks small enough to be worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from generators import Given, small_plan

import minprune as mp


def _network(*weights):
    return mp.Network([mp.Dense.from_arrays(np.array(w, float), np.zeros(len(w[0]))) for w in weights])


class Turns(Given):
    """Scores that change from round to round."""

    rounds = 2

    def __init__(self, *scores):
        self.given, self.later = scores[0], list(scores[1:])
        self.all = scores

    def scores(self, network, data=None):
        kept = sum(p.kept for p in network.prunable.values())
        return self.all[0] if kept == network.weights else self.all[1]

    def __repr__(self):
        return "Turns()"


def test_in_which_round_a_weight_fell():
    """Of eight weights four go, two of them in the first round: 1 − √½ of eight, 2.3, is two."""
    first = {"dense1.weight": np.array([[1.0, 8.0], [2.0, 7.0], [6.0, 5.0]]), "dense2.weight": np.array([[3.0], [4.0]])}
    second = {name: 10 - scores for name, scores in first.items()}
    network = _network([[1, 2], [3, 4], [5, 6]], [[7], [8]])
    plan = mp.plan(network, Turns(first, second), sparsity=0.5)
    why = [plan.explain("dense1.weight", at) for at in ((0, 0), (0, 1), (1, 1), (2, 1))]
    assert [str(reason) for reason in why] == [
        "dense1.weight (0, 0) goes: score 1, rank 1 of 8 (1 goes first), budget 2 weights, cutoff 2, in round 1 of 2",
        "dense1.weight (0, 1) goes: score 2, rank 1 of 6 (1 goes first), budget 2 weights, cutoff 3, in round 2 of 2",
        "dense1.weight (1, 1) goes: score 3, rank 2 of 6 (1 goes first), budget 2 weights, cutoff 3, in round 2 of 2",
        "dense1.weight (2, 1) stays: score 5, rank 4 of 6 (1 goes first), budget 2 weights, cutoff 3",
    ]
    assert [(reason.name, reason.index, reason.round) for reason in why[::3]] == [
        ("dense1.weight", (0, 0), 1), ("dense1.weight", (2, 1), None),
    ]  # fmt: skip
    assert plan.scores["dense1.weight"].tolist() == [[1.0, 2.0], [2.0, 3.0], [4.0, 5.0]]
    assert plan.scores["dense2.weight"].tolist() == [[7.0], [6.0]]
    assert {name: fell.tolist() for name, fell in plan._rounds.fell.items()} == {
        "dense1.weight": [[1, 2], [1, 2], [0, 0]], "dense2.weight": [[0], [0]],
    }  # fmt: skip
    assert not any(array.flags.writeable for arrays in (plan.scores, plan.masks) for array in arrays.values())
    assert plan.recipe == "Turns() · Global() · Unstructured() · sparsity 0.5"


@pytest.mark.parametrize("criterion", [mp.Magnitude(), mp.SynFlow(rounds=2)])
@pytest.mark.parametrize(
    ("name", "index", "says"),
    [
        (
            "dense1.wieght",
            (0, 0),
            "name must be a prunable weight, got 'dense1.wieght' in explain(); did you mean 'dense1.weight'? "
            "Known: dense1.weight, dense2.weight",
        ),
        (3, (0, 0), "name must be a prunable weight, got 3 in explain(); known: dense1.weight, dense2.weight"),
        ("dense2.weight", (0, 1), "index must be at most 0, got 1 in explain()"),
        ("dense2.weight", (-1, 0), "index must be at least 0, got -1 in explain()"),
        ("dense2.weight", 1, "index must be 2 whole numbers (input, output), got 1 in explain()"),
        ("dense2.weight", (1,), "index must be 2 whole numbers (input, output), got (1,) in explain()"),
    ],
)
def test_a_weight_that_is_none(criterion, name, index, says):
    plan = mp.plan(_network([[1, 2], [3, 4], [5, 6]], [[7], [8]]), criterion, sparsity=0.5)
    with pytest.raises(mp.InvalidValueError) as caught:
        plan.explain(name, index)
    assert str(caught.value) == says


def test_weights_gone_before_the_rounds_began():
    network = _network([[1, 2], [3, 4], [5, 6]], [[7], [8]])
    network.parameters["dense1.weight"].mask = np.array([[False, True]] * 3)
    plan = mp.plan(network, mp.SynFlow(rounds=2), sparsity=0.5)
    assert [(layer.pruned_before, layer.achieved) for layer in plan.layers] == [(3, 3), (0, 1)]
    assert str(plan.explain("dense1.weight", (1, 0))) == "dense1.weight (1, 0) was gone already, before this plan"
    assert str(plan.explain("dense2.weight", (0, 0))) == (
        "dense2.weight (0, 0) goes: score 0, rank 1 of 5 (1 goes first), budget 1 weights, cutoff 0, in round 1 of 2"
    )


def test_of_a_weight_that_was_gone_already():
    network = _network([[1, 2], [3, 4]], [[5], [6]])
    network.parameters["dense1.weight"].mask = np.array([[False, True], [True, True]])
    why = mp.plan(network, mp.Magnitude(), sparsity=0.5).explain("dense1.weight", (0, 0))
    assert (why.name, why.index, why.score, why.units, why.tied, why.text) == (
        "dense1.weight", (0, 0), 0.0, (), 0, "dense1.weight (0, 0) was gone already, before this plan",
    )  # fmt: skip


def test_of_equal_scores_only_the_earlier_fall_before_a_layer_is_empty():
    """The fives of the second layer come after those of the first, and fall when it is empty already."""
    made = mp.plan(_network([[1, 5]], [[5], [9]]), mp.Magnitude(), sparsity=0.25)
    assert made.collapses == {"dense1.weight": 0.5, "dense2.weight": 1.0}
    made = mp.plan(_network([[5, 1]], [[5, 5], [9, 2]]), mp.Magnitude(), sparsity=0.25)
    assert made.collapses == {"dense1.weight": 3 / 6, "dense2.weight": 1.0}


def test_applied_to_what_does_not_fit():
    plan = small_plan(sparsity=0.5)
    shapes = "{'dense1.weight': (3, 2), 'dense2.weight': (2, 1)}"
    for call in (plan.apply, plan.apply_in_place):
        where = call.__name__
        with pytest.raises(mp.InvalidTypeError) as caught:
            call("net")
        assert str(caught.value) == f"network must be a Network, got str in {where}()"
        with pytest.raises(mp.InvalidValueError) as caught:
            call(mp.Network.mlp([3, 1], rng=0))
        assert str(caught.value) == (
            f"network must have the layers planned for, {shapes}, got {{'dense1.weight': (3, 1)}} in {where}()"
        )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"masks": 3}, "masks must be a mapping of names to arrays, got 3 in Plan()"),
        ({"values": 3}, "values must be a mapping of names to arrays, got 3 in Plan()"),
        ({"layers": (3,)}, "layers must be a tuple of LayerPlans, got (3,) in Plan()"),
        ({"masks": {"a": np.ones(2)}}, "mask of a must be a bool array, got dtype float64 in Plan()"),
        ({"scores": {}}, "scores must have dense1.weight, a layer of the plan, in Plan()"),
        ({"masks": {}}, "masks must have dense1.weight, a layer of the plan, in Plan()"),
        ({"requested": -1}, "requested must be at least 0, got -1 in Plan()"),
        ({"achieved": 1.0}, "achieved must be a whole number, got float 1.0 in Plan()"),
        ({"_decision": 3}, "a Plan is made by plan(), which knows its reasons, got 3 in Plan()"),
    ],
)
def test_a_plan_that_is_none(change, says):
    with pytest.raises(mp.MinpruneError) as caught:
        replace(small_plan(sparsity=0.5), **change)
    assert str(caught.value) == says


def test_a_plan_may_have_nothing_to_do():
    made = replace(small_plan(sparsity=0.5), requested=0, achieved=0)
    assert (made.requested, made.achieved, made.sparsity) == (0, 0, 0.0)


def test_its_table_where_thousands_are_counted():
    network = mp.Network.mlp([60, 50, 2], rng=0)
    network.parameters["dense1.weight"].mask = np.arange(3000).reshape(60, 50) >= 1200
    made = mp.plan(network, mp.Magnitude(), sparsity=0.5, allocation=mp.Uniform())
    assert repr(made).splitlines() == [
        "Plan: Magnitude() · Uniform() · Unstructured() · sparsity 0.5",
        "layer          weights  gone before  asked  achieved   kept  sparsity",
        "─────────────────────────────────────────────────────────────────────",
        "dense1.weight    3,000        1,200  1,500     1,500  1,500    50.0 %",
        "dense2.weight      100            0     50        50     50    50.0 %",
        "─────────────────────────────────────────────────────────────────────",
        "total            3,100        1,200  1,550     1,550  1,550    50.0 %",
    ]
