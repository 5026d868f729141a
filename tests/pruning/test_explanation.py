"""Explanations: each verdict by hand, and every one of them against the walk by hand."""

import numpy as np
import pytest
from by_hand import choices
from generators import Given, cases, plan_or_none
from hypothesis import assume, given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError

# A network 2-2-1 and one 1-2-2-1, whose scores are written out.
SHALLOW = {"dense1.weight": np.array([[1.0, 2.0], [3.0, 4.0]]), "dense2.weight": np.array([[5.0], [6.0]])}
DEEP = {
    "dense1.weight": np.array([[1.0, 5.0]]),
    "dense2.weight": np.array([[2.0, 4.0], [6.0, 3.0]]),
    "dense3.weight": np.array([[7.0], [1.0]]),
}


def _plan(scores=SHALLOW, gone=(), **request):
    network = mp.Network([mp.Dense.from_arrays(array) for array in scores.values()])
    for name, at in gone:
        mask = network.parameters[name].mask.copy()
        mask[at] = False
        network.parameters[name].mask = mask
    return mp.plan(network, Given(scores), **request)


def test_a_weight_that_goes():
    why = _plan(sparsity=0.5).explain("dense1.weight", (1, 0))
    assert str(why) == ("dense1.weight (1, 0) goes: score 3, rank 3 of 6 (1 goes first), budget 3 weights, cutoff 3")
    assert (why.name, why.index, why.verdict, why.score) == ("dense1.weight", (1, 0), "goes", 3.0)
    assert (why.units, why.unit_score, why.rank, why.candidates, why.tied) == (("weight (1, 0)",), 3.0, 3, 6, 0)
    assert (why.cutoff, why.group, why.budget) == (3.0, ("dense1.weight", "dense2.weight"), 3)


def test_a_weight_that_stays():
    why = _plan(sparsity=0.5).explain("dense2.weight", (0, 0))
    assert str(why) == "dense2.weight (0, 0) stays: score 5, rank 5 of 6 (1 goes first), budget 3 weights, cutoff 3"
    assert (why.verdict, why.rank, why.cutoff) == ("stays", 5, 3.0)


def test_a_weight_that_was_gone_already():
    """It has no rank, uses up no budget, and the others' ranks don't count it."""
    plan = _plan(sparsity=0.5, gone=[("dense1.weight", (0, 0))])
    why = plan.explain("dense1.weight", (0, 0))
    assert str(why) == "dense1.weight (0, 0) was gone already, before this plan"
    assert (why.verdict, why.score, why.rank, why.cutoff, why.group) == ("was gone already", 1.0, None, None, ())
    assert str(plan.explain("dense1.weight", (0, 1))) == (
        "dense1.weight (0, 1) goes: score 2, rank 1 of 5 (1 goes first), budget 2 weights, cutoff 3"
    )


def test_a_tie_goes_by_position():
    plan = _plan({name: np.ones_like(array) for name, array in SHALLOW.items()}, sparsity=0.5)
    last, first = plan.explain("dense1.weight", (1, 0)), plan.explain("dense1.weight", (1, 1))
    tied = "budget 3 weights, cutoff 1, tied with 5 others (lower positions go first)"
    assert str(last) == f"dense1.weight (1, 0) goes: score 1, rank 3 of 6 (1 goes first), {tied}"
    assert str(first) == f"dense1.weight (1, 1) stays: score 1, rank 4 of 6 (1 goes first), {tied}"
    assert (last.tied, first.tied) == (5, 5)


def test_a_tie_away_from_the_cutoff_decides_nothing_and_is_not_spoken_of():
    scores = SHALLOW | {"dense1.weight": np.array([[1.0, 1.0], [3.0, 4.0]])}
    why = _plan(scores, sparsity=0.5).explain("dense1.weight", (0, 1))
    assert str(why) == "dense1.weight (0, 1) goes: score 1, rank 2 of 6 (1 goes first), budget 3 weights, cutoff 3"
    assert why.tied == 1


def test_a_threshold():
    plan = _plan(threshold=3.0)
    assert str(plan.explain("dense1.weight", (0, 1))) == (
        "dense1.weight (0, 1) goes: score 2, rank 2 of 4 (1 goes first), threshold 3"
    )
    assert str(plan.explain("dense1.weight", (1, 0))) == (  # equal to it: stays
        "dense1.weight (1, 0) stays: score 3, rank 3 of 4 (1 goes first), threshold 3"
    )
    assert plan.explain("dense2.weight", (0, 0)).cutoff is None


def test_the_last_of_a_layer_is_out_of_bounds():
    scores = SHALLOW | {"dense2.weight": np.array([[0.1], [0.2]])}
    plan = _plan(scores, sparsity=0.5)
    why = plan.explain("dense2.weight", (1, 0))
    assert str(why) == (
        "dense2.weight (1, 0) stays: score 0.2, out of bounds: among the last weights of its layer (min_keep)"
    )
    assert (why.rank, why.unit_score, why.budget, why.cutoff) == (None, None, 3, 2.0)
    assert plan.explain("dense2.weight", (0, 0)).verdict == "goes"
    assert plan.explain("dense1.weight", (1, 0)).candidates == 4  # six but for one in each layer


def test_a_layer_that_the_plan_does_not_prune():
    plan = _plan(allocation=mp.PerLayer({"dense1": 0.5}))
    why = plan.explain("dense2.weight", (1, 0))
    assert str(why) == "dense2.weight (1, 0) stays: score 6, in no layer that this plan prunes"
    assert plan.explain("dense1.weight", (0, 1)).group == ("dense1.weight",)


def test_nothing_to_go_leaves_no_cutoff():
    why = _plan(sparsity=0.0).explain("dense1.weight", (0, 0))
    assert str(why) == "dense1.weight (0, 0) stays: score 1, rank 1 of 6 (1 goes first), budget 0 weights"


def test_a_neuron():
    """Neuron 0 has the scores 1, 3 and 5, of mean square 35/3; neuron 1 has 2, 4 and 6, of mean square 56/3."""
    plan = _plan(sparsity=0.5, pattern=mp.Neurons())
    assert str(plan.explain("dense2.weight", (0, 0))) == (
        "dense2.weight (0, 0) goes: score 5, in neuron 0 of dense1, unit score 11.7, rank 1 of 2 (1 goes first), "
        "budget 3 weights, cutoff 11.7"
    )
    why = plan.explain("dense1.weight", (0, 1))
    assert why.verdict == "stays"
    assert why.units == ("neuron 1 of dense1",)
    assert why.unit_score == pytest.approx(56 / 3)


def test_a_weight_between_two_neurons_goes_with_the_first_of_them():
    """Sums: neuron 0 of dense1 has 1 + 2 + 4 = 7, neuron 1 has 14; of dense2 they have 15 and 8."""
    plan = _plan(DEEP, sparsity=0.4, pattern=mp.Neurons(reduce="sum"))
    why = plan.explain("dense2.weight", (0, 1))
    assert why.units == ("neuron 0 of dense1", "neuron 1 of dense2")
    assert (why.verdict, why.unit_score, why.rank) == ("goes", 7.0, 1)
    stays = plan.explain("dense2.weight", (1, 1))
    assert (stays.verdict, stays.unit_score, stays.rank) == ("stays", 8.0, 2)


def test_of_two_neurons_in_different_groups_the_one_that_goes_is_the_reason():
    """In dense1 none goes, though its neuron 0 has the lowest score of all; in dense2 neuron 1 goes."""
    plan = _plan(DEEP, allocation=mp.PerLayer({"dense1": 0.0, "dense2": 0.5}), pattern=mp.Neurons(reduce="sum"))
    why = plan.explain("dense2.weight", (0, 1))
    assert (why.verdict, why.unit_score, why.group) == ("goes", 8.0, ("dense2.weight",))
    assert str(why).endswith("unit score 8, rank 1 of 2 (1 goes first), budget 1 units, cutoff 8")
    assert plan.explain("dense2.weight", (0, 0)).group == ("dense1.weight",)  # both stay: the nearer to going


@given(cases(exact=True, width=5), st.data())
def test_every_verdict_agrees_with_the_walk_by_hand(case, data):
    network, scores, request = case
    plan = plan_or_none(network, scores, request)
    assume(plan is not None)
    decided = choices(network, scores, **request)
    name = data.draw(st.sampled_from(list(network.prunable)))
    at = data.draw(st.sampled_from(list(np.ndindex(network.prunable[name].shape))))
    why = plan.explain(name, at)
    if not network.prunable[name].mask[at]:
        assert why.verdict == "was gone already"
        return
    mine = [(choice, unit) for choice in decided for unit in choice.live if (name, *at) in unit.weights]
    goes = any(unit in choice.dropped for choice, unit in mine)
    assert why.verdict == ("goes" if goes else "stays")
    assert why.score == float(scores[name][at])
    if why.rank is not None:
        places = {
            (choice.candidates.index(unit) + 1, len(choice.candidates), unit.score, len(choice.dropped))
            for choice, unit in mine
            if unit in choice.candidates
        }
        found = [place for place in places if place[:3] == (why.rank, why.candidates, why.unit_score)]
        assert found
        assert goes == any(why.rank <= dropped for *_, dropped in found)
    else:
        assert not any(unit in choice.candidates for choice, unit in mine)


@pytest.mark.parametrize(
    ("name", "index", "error", "says"),
    [
        (
            "dense1.wieght",
            (0, 0),
            InvalidValueError,
            r"got 'dense1.wieght' in explain\(\); did you mean 'dense1.weight'\?",
        ),
        ("dense1.bias", (0,), InvalidValueError, r"name must be a prunable weight, got 'dense1.bias' in explain\(\)"),
        (["dense1.weight"], (0, 0), InvalidValueError, r"name must be a prunable weight, got \['dense1.weight'\] in"),
        (
            "dense1.weight",
            3,
            InvalidValueError,
            r"index must be 2 whole numbers \(input, output\), got 3 in explain\(\)",
        ),
        ("dense1.weight", (1,), InvalidValueError, r"index must be 2 whole numbers \(input, output\), got \(1,\) in"),
        ("dense1.weight", (0, 2), InvalidValueError, r"index must be at most 1, got 2 in explain\(\)"),
        ("dense1.weight", (-1, 0), InvalidValueError, r"index must be at least 0, got -1 in explain\(\)"),
        ("dense1.weight", (0, 1.0), InvalidTypeError, r"index must be a whole number, got float 1.0 in explain\(\)"),
        ("dense1.weight", "00", InvalidTypeError, r"index must be a whole number, got str '0' in explain\(\)"),
    ],
)
def test_bad_input_is_refused(name, index, error, says):
    with pytest.raises(error, match=says):
        _plan(sparsity=0.5).explain(name, index)


def test_an_index_may_come_from_numpy():
    plan = _plan(sparsity=0.5)
    assert str(plan.explain("dense1.weight", np.array([1, 0]))) == str(plan.explain("dense1.weight", (1, 0)))
    assert plan.explain("dense1.weight", np.argwhere(plan.scores["dense1.weight"] == 3)[0]).score == 3
