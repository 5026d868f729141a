"""Input features as units: rows of the first layer, ranked with the neurons; and neurons judged by scores given."""

import numpy as np
import pytest
from by_hand import all_units, kept_weights, live_units
from generators import Given, any_scores, distinct_scores, networks, plan_or_none, sparsities, tied_scores
from hypothesis import assume, given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import BudgetError, InvalidTypeError, InvalidValueError
from minprune.pruning.units import REDUCTIONS

ways = st.sampled_from([*REDUCTIONS, np.median])
BOTH = mp.Neurons(inputs=True)


def _exact_scores(data, network):
    return data.draw(st.one_of(tied_scores(network), distinct_scores(network)))


@given(networks(), ways, st.data())
def test_an_input_is_its_row(network, reduce, data):
    scores, pattern = _exact_scores(data, network), mp.Neurons(reduce=reduce, inputs=True)
    units = pattern.units(network, scores)
    assert list(units.scores) == ["inputs", *list(network.prunable)[:-1]]
    assert list(units.total) == list(units.gone) == list(network.prunable)
    by_hand = {(u.name, u.position): u for u in live_units(network, scores, pattern)}
    for name, _, position, weights in all_units(network, pattern):
        unit = by_hand.get((name, position))
        assert units.alive[name][position] == (unit is not None)
        assert units.sizes[name][position] == (len(unit.weights) if unit else 0)
        assert units.scores[name][position] == (unit.score if unit else 0)
        for weight in weights:
            assert (name, position) in [place[:2] for place in units.of_weight(weight[0], weight[1:])]


@given(networks(), st.data())
def test_lost_counts_a_weight_between_an_input_and_a_neuron_once(network, data):
    scores = _exact_scores(data, network)
    units = BOTH.units(network, scores)
    layers = data.draw(st.lists(st.sampled_from(list(units.scores)), min_size=1, unique=True))
    everyone = [(name, position) for name in layers for position in range(units.scores[name].size)]
    members = {(name, position): weights for name, _, position, weights in all_units(network, BOTH)}
    order = np.array(data.draw(st.permutations(range(len(everyone)))))
    kept, lost, counts = kept_weights(network), set(), []
    for position in order:
        lost |= kept & set(members[everyone[position]])
        counts.append(len(lost))
    assert units.lost(layers, order).tolist() == counts


@given(networks(), st.data())
def test_neuron_whole_and_input_whole(network, data):
    """A dropped input loses its row and nothing else; the output ignores it then, and the width stays."""
    units = BOTH.units(network, _exact_scores(data, network))
    dropped = {
        name: np.array(data.draw(st.lists(st.booleans(), min_size=alive.size, max_size=alive.size)))
        for name, alive in units.alive.items()
    }
    masks = units.masks(dropped)
    rows = dropped["inputs"]
    first = network.dense[0].weight
    assert not masks[first.name][rows].any()
    columns = dropped.get(first.name, np.zeros(first.shape[1], bool))
    assert np.array_equal(masks[first.name][~rows], first.mask[~rows] & ~columns)
    pruned = network.copy()
    for name, mask in masks.items():
        pruned.parameters[name].mask = mask
    x = np.random.default_rng(0).standard_normal((3, network.inputs)).astype(np.float32)
    assert np.array_equal(pruned(x), pruned(np.where(rows, np.float32(7.0), x)))


@given(networks(), st.integers(0, 3), st.data())
def test_min_keep_of_inputs(network, min_keep, data):
    """No fewer live inputs are left than min_keep, or than there were; the same holds for the neurons."""
    request = {"sparsity": data.draw(sparsities(network.weights)), "pattern": BOTH, "min_keep": min_keep}
    plan = plan_or_none(network, data.draw(any_scores(network)), request)
    assume(plan is not None)
    first = network.dense[0].weight
    before = int(first.mask.any(axis=1).sum())
    # An input whose neurons have all gone is dead without having been dropped; only those dropped are counted here.
    dropped = sum(int(r.dropped["inputs"].sum()) for r in plan._decision.rankings)
    assert before - dropped >= min(min_keep, before)


def test_a_single_layer_can_drop_its_inputs():
    network = mp.Network([mp.Dense.from_arrays(np.array([[1.0, 2.0], [3.0, 4.0], [0.5, 0.5]]))])
    plan = mp.plan(network, mp.Magnitude(), sparsity=0.4, pattern=BOTH)
    assert plan.masks["dense1.weight"].tolist() == [[True, True], [True, True], [False, False]]
    assert str(plan.explain("dense1.weight", (2, 1))) == (
        "dense1.weight (2, 1) goes: score 0.5, in input 2, unit score 0.25, rank 1 of 3 (1 goes first), budget 2 "
        "weights, cutoff 0.25"
    )
    with pytest.raises(
        BudgetError, match=r"^pruning 6 of 6 weights would empty inputs: at most 4 can go with min_keep="
    ):
        mp.plan(network, mp.Magnitude(), sparsity=0.95, pattern=BOTH)


def test_per_layer_takes_its_share_of_the_inputs():
    network = mp.Network.mlp([10, 6, 2], rng=0)
    plan = mp.plan(network, mp.Magnitude(), allocation=mp.PerLayer({"inputs": 0.3}), pattern=BOTH)
    assert (~plan.masks["dense1.weight"].any(axis=1)).sum() == 3
    assert plan.masks["dense2.weight"].all()
    with pytest.raises(InvalidValueError, match=r"names no layer with neurons to drop: 'inputs'"):
        mp.plan(network, mp.Magnitude(), allocation=mp.PerLayer({"inputs": 0.3}), pattern=mp.Neurons())


def test_an_explanation_names_input_and_neuron():
    network = mp.Network.mlp([3, 2, 1], rng=0)
    plan = mp.plan(network, mp.Magnitude(), sparsity=0.3, pattern=BOTH)
    assert plan.explain("dense1.weight", (2, 1)).units == ("input 2", "neuron 1 of dense1")
    assert plan.explain("dense2.weight", (1, 0)).units == ("neuron 1 of dense1",)
    assert plan.explain("dense1.weight", (0, 0)).group == ("inputs", "dense1.weight")


def test_behind_a_select_layer_they_are_the_features_it_hands_on():
    network = mp.Network([mp.Select(np.array([0, 2, 4]), 5), *mp.Network.mlp([3, 2, 1], rng=0).layers])
    assert BOTH.units(network, mp.Magnitude().scores(network)).scores["inputs"].size == 3


@given(networks(layers=(2, 4)), st.booleans(), st.data())
def test_rescored_units_are_ranked_by_what_was_given(network, inputs, data):
    pattern = mp.Neurons(inputs=inputs)
    units = pattern.units(network, mp.Magnitude().scores(network))
    scores = {name: np.random.default_rng(1).random(own.size) for name, own in units.scores.items()}
    twin = units.rescored({"inputs": np.ones(network.inputs), **scores})
    assert list(twin.scores) == list(units.scores)
    assert all(twin.scores[name] is scores[name] for name in scores)
    assert twin.alive is units.alive
    assert all(units.scores[name] is not scores[name] for name in scores)


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        (
            {"dense1.weight": np.ones(2)},
            r"scores of neurons must hold 'inputs', got dense1.weight in plan\(\); leave out",
        ),
        ({"inputs": np.ones(3)}, r"scores of neurons must hold 'dense1.weight', got inputs in plan\(\)$"),
        (
            {"inputs": np.ones(3), "dense1.weight": np.ones(3)},
            r"scores of neurons of dense1.weight must be a float array",
        ),
        (
            {"inputs": -np.ones(3), "dense1.weight": np.ones(2)},
            r"scores of neurons of inputs must be finite and non-neg",
        ),
    ],
)
def test_scores_of_neurons_that_do_not_fit_are_refused(scores, says):
    network = mp.Network.mlp([3, 2, 1], rng=0)
    with pytest.raises(InvalidValueError, match=rf"^{says}"):
        BOTH.units(network, mp.Magnitude().scores(network)).rescored(scores)


@pytest.mark.parametrize("value", [1, "yes", None, np.True_])
def test_inputs_is_true_or_false(value):
    with pytest.raises(InvalidTypeError, match=r"^inputs must be True or False, got .* in Neurons\(\)"):
        mp.Neurons(inputs=value)


def test_repr():
    assert repr(mp.Neurons(inputs=True, reduce="norm")) == "Neurons(reduce='norm', inputs=True)"


@given(networks(pruned=False), st.data())
def test_given_scores_rank_inputs_first_on_ties(network, data):
    """Ties go by layer, and the inputs are the first."""
    scores = Given({name: np.ones(p.shape, np.float32) for name, p in network.prunable.items()})
    plan = mp.plan(network, scores, sparsity=data.draw(sparsities(network.weights)), pattern=BOTH, min_keep=0)
    (ranking,) = plan._decision.rankings
    chosen = np.concatenate(list(ranking.dropped.values()))
    assert not chosen[np.argmin(chosen) :].any() or chosen.all()
