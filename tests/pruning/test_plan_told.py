"""How a plan is put together: neurons that score, units beyond a float, patterns that say how much goes, rounds."""

import numpy as np
import pytest
from generators import Given

import minprune as mp
from minprune.pruning.criteria import Criterion
from minprune.pruning.criteria.neuron import NeuronCriterion
from minprune.pruning.patterns import NM, Blocks

LOSS = mp.SoftmaxCrossEntropy()
GOOD = {"dense1.weight": np.ones((3, 4)), "dense2.weight": np.ones((4, 2))}


@pytest.fixture
def network():
    return mp.Network.mlp([3, 4, 2], rng=0)


class Written(NeuronCriterion):
    """Scores of neurons that a test wrote down; it notes what it is asked with."""

    needs_data = True

    def __init__(self, scores):
        self.written, self.asked = scores, []

    def neuron_scores(self, network, data=None):
        self.asked.append((network, data))
        return self.written

    def __repr__(self):
        return "Written()"


def _neurons(network, scores, data="some", **more):
    criterion = Written({name: np.array(s) for name, s in scores.items()})
    pattern = mp.Neurons(**more)
    plan = mp.plan(network, criterion, sparsity=0.5, pattern=pattern, data=data)
    return plan, criterion.asked


def test_scores_of_neurons_are_ranked_as_they_are(network):
    plan, asked = _neurons(network, {"inputs": [1.0, 2.0, 3.0], "dense1.weight": [4.0, 1.0, 3.0, 2.0]})
    assert [made is network and data == "some" for made, data in asked] == [True, True]  # of weights, and of neurons
    assert plan.masks["dense1.bias"].tolist() == [True, False, True, False]
    assert str(plan.explain("dense1.weight", (0, 3))) == (
        "dense1.weight (0, 3) goes: score 2, in neuron 3 of dense1, rank 2 of 4 (1 goes first), budget 10 weights, "
        "cutoff 2"
    )
    assert plan.scores["dense2.weight"].tolist() == [[4.0, 4.0], [1.0, 1.0], [3.0, 3.0], [2.0, 2.0]]


def test_where_single_weights_go_they_decide_nothing(network):
    criterion = Written({"inputs": np.ones(3), "dense1.weight": np.arange(4.0)})
    mp.plan(network, criterion, sparsity=0.5, data="some")
    assert len(criterion.asked) == 1


@pytest.mark.parametrize(
    ("scores", "more", "says"),
    [
        ({"inputs": [1.0] * 3}, {}, "Written() gave no scores for the units of dense1.weight in scores()"),
        (
            {"dense1.weight": [1.0] * 4},
            {"inputs": True},
            "scores of neurons must hold 'inputs', got dense1.weight in plan(); leave out inputs=True",
        ),
        (
            {"inputs": [1.0, 2.0], "dense1.weight": [1.0] * 4},
            {"inputs": True},
            "scores of neurons of inputs must be a float array of shape (3,), got float64 (2,) in plan()",
        ),
    ],
)
def test_scores_of_neurons_that_are_refused(network, scores, more, says):
    with pytest.raises(mp.InvalidValueError) as caught:
        _neurons(network, scores, **more)
    assert str(caught.value) == says


def test_units_whose_scores_are_beyond_a_float_are_named(network):
    huge = GOOD | {"dense2.weight": np.array([[1.0, 1.0]] * 2 + [[1e200, 1.0]] * 2)}
    with pytest.raises(mp.InvalidValueError) as caught:
        mp.plan(network, Given(huge), sparsity=0.5, pattern=Blocks((2, 2)))
    assert str(caught.value) == (
        "scores of blocks of dense2.weight must be finite and non-negative, got 1 that are not in plan(), the first at "
        "(1,): inf"
    )


def test_a_pattern_that_says_how_much_goes():
    network = mp.Network([mp.Dense.from_arrays(np.arange(1.0, 7.0)[:, None])])
    plan = mp.plan(network, mp.Magnitude(), pattern=NM(1, 3))
    assert plan.recipe == "Magnitude() · Global() · NM(1, 3)"
    assert plan.masks["dense1.weight"][:, 0].tolist() == [False, False, True, False, False, True]
    assert (plan.requested, plan.achieved) == (4, 4)
    in_rounds = mp.plan(network, mp.SynFlow(rounds=2), pattern=NM(1, 3))
    assert in_rounds.achieved == 4
    assert in_rounds._rounds.fell["dense1.weight"][:, 0].tolist() == [1, 1, 0, 1, 2, 0]
    assert in_rounds._rounds.fell["dense1.weight"].dtype == np.int32


def test_rounds_end_where_one_would_and_take_the_same_share_each_time():
    network = mp.Network([mp.Dense.from_arrays(np.arange(1.0, 17.0)[:, None])])
    plan = mp.plan(network, mp.SynFlow(rounds=4), sparsity=15 / 16)
    assert plan._rounds.fell["dense1.weight"][:, 0].tolist() == [1] * 8 + [2] * 4 + [3] * 2 + [4, 0]
    assert plan._rounds.number == 4
    half = mp.plan(network, mp.Magnitude(), sparsity=0.5).apply(network)
    plan = mp.plan(half, mp.SynFlow(rounds=3), sparsity=15 / 16)
    assert plan._rounds.fell["dense1.weight"][:, 0].tolist() == [0] * 8 + [1] * 4 + [2] * 2 + [3, 0]
    assert [(layer.pruned_before, layer.asked, layer.achieved) for layer in plan.layers] == [(8, 15, 15)]
    done = mp.plan(half, mp.SynFlow(rounds=3), sparsity=0.25)
    assert done.achieved == 8


def test_without_a_limit_of_min_keep_a_layer_keeps_one(network):
    assert mp.plan(network, mp.Magnitude(), sparsity=18 / 20).layers[1].achieved <= 7
    with pytest.raises(mp.BudgetError) as caught:
        mp.plan(network, mp.Magnitude(), sparsity=19 / 20)
    assert caught.value.largest == 18


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"network": 3}, "network must be a Network, got int in plan()"),
        (
            {"pattern": NM(1, 2), "allocation": mp.Uniform()},
            "NM(1, 2) without sparsity= needs no allocation, got Uniform() in plan()",
        ),
        (
            {"pattern": NM(1, 2), "sparsity": 0.5, "threshold": 0.1},
            "exactly one of sparsity= and threshold= must be given, got both in plan()",
        ),
        (
            {"allocation": mp.PerLayer({"dense1": 0.5}), "threshold": 0.1},
            "PerLayer({'dense1.weight': 0.5}) sets each layer's sparsity: leave out sparsity= and threshold= in plan()",
        ),
        ({"threshold": 0.1, "allocation": mp.LAMP()}, "threshold= needs no allocation, got LAMP() in plan()"),
        ({"criterion": Given(3), "sparsity": 0.5}, "scores of Given() must be a mapping of names to arrays, got int in "
                                                  "plan()"),
        ({"criterion": Given({}), "sparsity": 0.5}, "Given() gave no scores for dense1.weight in plan()"),
        (
            {"criterion": Given(GOOD | {"dense2.weight": np.ones((4, 2), int)}), "sparsity": 0.5},
            "scores of dense2.weight must be a float array of shape (4, 2), got int64 (4, 2) in plan()",
        ),
        (
            {"criterion": mp.Saliency(LOSS), "sparsity": 0.5},
            "Saliency(SoftmaxCrossEntropy()) needs data: pass data=(x, y) or a Split to plan()",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(network, request_, says):
    asked = {"network": network, "criterion": mp.Magnitude()} | request_
    with pytest.raises(mp.MinpruneError) as caught:
        mp.plan(asked.pop("network"), asked.pop("criterion"), **asked)
    assert str(caught.value) == says


@pytest.mark.parametrize(("min_keep", "largest"), [(1, 8), (2, 7), (7, 2)])
def test_a_threshold_that_leaves_too_few(min_keep, largest):
    """The largest that leaves enough is the score of the lowest that must stay, in the layer where that is lowest."""
    scores = {"dense1.weight": np.arange(2.0, 14.0).reshape(3, 4), "dense2.weight": np.arange(1.0, 9.0).reshape(4, 2)}
    network = mp.Network.mlp([3, 4, 2], rng=0)
    with pytest.raises(mp.BudgetError) as caught:
        mp.plan(network, Given(scores), threshold=99, min_keep=min_keep)
    assert str(caught.value) == (
        f"threshold must be at most {largest} to leave {min_keep} weight(s) in dense2.weight (min_keep), got 99 in "
        f"plan()"
    )
    assert caught.value.largest == largest
    assert mp.plan(network, Given(scores), threshold=largest, min_keep=min_keep).layers[1].achieved == largest - 1


class Gives(Criterion):
    def __init__(self, values):
        self.values = values

    def scores(self, network, data=None):
        return mp.Magnitude().scores(network)

    def compensate(self, network, data, masks):
        return self.values


def test_values_of_a_parameter_that_is_none(network):
    with pytest.raises(mp.InvalidValueError) as caught:
        mp.plan(network, Gives({"dense1.weigth": np.ones((3, 4))}), sparsity=0.5)
    assert str(caught.value) == (
        "Gives() must compensate by values of parameters, got 'dense1.weigth' in plan(); did you mean 'dense1.weight'? "
        "Known: dense1.weight, dense1.bias, dense2.weight, dense2.bias"
    )


def test_an_asked_count_is_told_only_of_a_layer_that_has_one(network):
    made = mp.plan(network, Given(GOOD), sparsity=0.5, allocation=mp.Uniform())
    assert [layer.asked for layer in made.layers] == [6, 4]
    made = mp.plan(network, Given(GOOD), allocation=mp.PerLayer({"dense2": 0.25}))
    assert [(layer.asked, layer.achieved) for layer in made.layers] == [(None, 0), (2, 2)]
    assert (made.requested, made.achieved) == (2, 2)
    pruned = made.apply(network)
    again = mp.plan(pruned, Given(GOOD), allocation=mp.PerLayer({"dense1": 0.25}))
    assert (again.requested, again.achieved) == (5, 5)  # what the other layer has lost is counted too
    neurons = mp.plan(network, Given(GOOD), allocation=mp.PerLayer({"dense1": 0.25}), pattern=mp.Neurons())
    assert [layer.asked for layer in neurons.layers] == [None, None]
    assert (neurons.requested, neurons.achieved) == (5, 5)


class Both(Given):
    """Scores of weights, and others of neurons."""

    def __init__(self, scores, of_neurons):
        super().__init__(scores)
        self.of_neurons = of_neurons

    def neuron_scores(self, network, data=None):
        return self.of_neurons


def test_scores_of_neurons_that_lack_a_layer(network):
    with pytest.raises(mp.InvalidValueError) as caught:
        mp.plan(network, Both(GOOD, {"a": np.ones(1), "b": np.ones(1)}), sparsity=0.5, pattern=mp.Neurons())
    assert str(caught.value) == "scores of neurons must hold 'dense1.weight', got a, b in plan()"
    with pytest.raises(mp.InvalidValueError) as caught:
        mp.plan(network, Both(GOOD, {"dense1.weight": -np.ones(4)}), sparsity=0.5, pattern=mp.Neurons())
    assert str(caught.value) == (
        "scores of neurons of dense1.weight must be finite and non-negative, got 4 that are not in plan(), the first "
        "at (0,): -1.0"
    )
