"""Explanations whose wording or whose way to a decision no other test looks at; and when each layer would be empty."""

import numpy as np
import pytest
from generators import Given

import minprune as mp
from minprune.pruning.allocation import Allocation, Group


def _plan(*scores, network=None, **request):
    arrays = {f"dense{k}.weight": np.array(s, float) for k, s in enumerate(scores, 1)}
    if network is None:
        network = mp.Network([mp.Dense.from_arrays(array) for array in arrays.values()])
    return mp.plan(network, Given(arrays), **request)


@pytest.mark.parametrize(
    ("scores", "tied"),
    [
        ([1.0, 3.0, 4.0, 3.0], ", tied with 1 other (lower positions go first)"),
        ([1.0, 3.0, 3.0, 3.0], ", tied with 2 others (lower positions go first)"),
        ([1.0, 3.0, 4.0, 5.0], ""),
    ],
)
def test_ties_are_counted(scores, tied):
    why = _plan([[s] for s in scores], sparsity=0.5).explain("dense1.weight", (1, 0))
    assert str(why) == (
        f"dense1.weight (1, 0) goes: score 3, rank 2 of 4 (1 goes first), budget 2 weights, cutoff 3{tied}"
    )


def test_large_numbers_have_separators():
    scores = np.floor(np.arange(5000.0).reshape(50, 100) / 1500)
    why = _plan(scores, sparsity=0.5).explain("dense1.weight", (29, 99))
    assert str(why) == (
        "dense1.weight (29, 99) stays: score 1, rank 3,000 of 5,000 (1 goes first), budget 2,500 weights, cutoff 1, "
        "tied with 1,499 others (lower positions go first)"
    )


def test_ranked_by_other_scores_than_its_own():
    why = _plan([[1.0], [2.0]], [[4.0]], sparsity=1 / 3, allocation=mp.LAMP()).explain("dense1.weight", (0, 0))
    assert str(why) == (
        "dense1.weight (0, 0) goes: score 1, ranked by 0.2, rank 1 of 3 (1 goes first), budget 1 weights, cutoff 0.2"
    )
    assert (why.score, why.unit_score, why.group) == (1.0, 0.2, ("dense1.weight", "dense2.weight"))


def test_what_a_pattern_never_lets_go_is_out_of_bounds():
    plan = _plan([[1.0], [2.0], [3.0], [4.0]], pattern=mp.NM(1, 2))
    why = plan.explain("dense1.weight", (1, 0))
    assert str(why) == (
        "dense1.weight (1, 0) stays: score 2, in slot 1 of inputs 0–1 to output 0, out of bounds: among the highest of "
        "its group, which 1:2 keeps"
    )
    assert (why.verdict, why.units, why.cutoff, why.group, why.budget) == (
        "stays", ("slot 1 of inputs 0–1 to output 0",), 3.0, ("dense1.weight",), 2,
    )  # fmt: skip


def test_of_two_neurons_both_are_named():
    plan = _plan([[1.0, 5.0]], [[2.0, 4.0], [6.0, 3.0]], [[7.0], [1.0]], sparsity=0.4, pattern=mp.Neurons(reduce="sum"))
    assert str(plan.explain("dense2.weight", (0, 1))) == (
        "dense2.weight (0, 1) goes: score 4, in neuron 0 of dense1 and neuron 1 of dense2, unit score 7, rank 1 of 4 "
        "(1 goes first), budget 3 weights, cutoff 7"
    )


def _limits(*scores, **request):
    return _plan(*scores, **request).collapses


def test_a_layer_is_empty_when_its_highest_has_gone():
    assert _limits([[1.0], [2.0]], [[3.0]], sparsity=0.0) == {"dense1.weight": 2 / 3, "dense2.weight": 1.0}
    assert _limits([[1.0], [9.0]], [[3.0]], sparsity=0.0) == {"dense2.weight": 2 / 3, "dense1.weight": 1.0}
    assert list(_limits([[1.0], [9.0]], [[3.0]], sparsity=0.0)) == ["dense2.weight", "dense1.weight"]


def test_a_layer_that_is_empty_at_the_score_at_which_others_are_too():
    """Of the threes those of the layers before fall first, and in the layer itself all up to its last."""
    assert _limits([[3.0, 1.0]], [[3.0, 0.0], [3.0, 5.0]], sparsity=0.0)["dense1.weight"] == 3 / 6
    assert _limits([[3.0, 1.0]], [[3.0, 0.0], [3.0, 2.0]], sparsity=0.0) == {"dense1.weight": 4 / 6, "dense2.weight": 1}


def test_by_the_scores_that_layers_are_ranked_by():
    """By their own scores the second layer would be the first to be empty; LAMP's highest of each layer is 1."""
    scores = [[9.0], [8.0]], [[1.0]]
    assert _limits(*scores, sparsity=0.0) == {"dense2.weight": 1 / 3, "dense1.weight": 1.0}
    assert _limits(*scores, sparsity=0.0, allocation=mp.LAMP()) == {"dense1.weight": 2 / 3, "dense2.weight": 1.0}


class Grouped(Allocation):
    def __init__(self, *groups):
        self.made = groups

    def groups(self, units, sparsity):
        return list(self.made)


def test_a_layer_by_itself_does_not_hide_those_that_compete():
    alone, both = Group(("dense1.weight",), 0), Group(("dense2.weight", "dense3.weight"), 1)
    scores = [[1.0], [1.0]], [[2.0]], [[3.0]]
    plan = _plan(*scores, sparsity=0.25, allocation=Grouped(alone, both), min_keep=0)
    assert plan.collapses == {"dense2.weight": 0.5, "dense3.weight": 1.0}
    assert repr(plan).splitlines()[-1] == (
        "dense2.weight collapses first, at a sparsity of 0.5 of dense2.weight, dense3.weight; here it keeps 0 weights"
    )


def test_the_line_under_the_table_is_there_when_half_of_what_is_left_would_do():
    """At 0 of 8 that is 4; the first layer has 3 low weights, or 4."""
    low, even = [[1.0], [1.0], [1.0]], [[1.0], [1.0], [1.0], [1.0]]
    assert repr(_plan(low, [[2.0] * 5], sparsity=0.0)).splitlines()[-1] == (
        "dense1.weight collapses first, at a sparsity of 0.375; here it keeps 3 weights"
    )
    assert repr(_plan(even, [[2.0] * 4], sparsity=0.0)).splitlines()[-1].startswith("total")


def test_a_limit_is_rounded_down():
    line = repr(_plan([[1.0], [2.0]], [[3.0]], sparsity=1 / 3)).splitlines()[-1]
    assert line.startswith("total")
    line = repr(_plan([[1.0]], [[3.0, 4.0]], sparsity=0.0)).splitlines()[-1]
    assert line == "dense1.weight collapses first, at a sparsity of 0.3333; here it keeps 1 weight"
