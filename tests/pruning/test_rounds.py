"""Plans in rounds, against a loop that plans and applies by hand at densities that fall by the same factor."""

import numpy as np
import pytest
from generators import Given, cases, digest, plan_or_none
from hypothesis import given

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria import Criterion

LOSS = mp.SoftmaxCrossEntropy()


class InRounds(Criterion):
    """Any criterion, asked again on the way."""

    def __init__(self, criterion, rounds):
        self.criterion, self.rounds, self.asked = criterion, rounds, 0
        self.needs_data = criterion.needs_data
        if hasattr(criterion, "neuron_scores"):
            self.neuron_scores = criterion.neuron_scores

    def scores(self, network, data=None):
        self.asked += 1
        return self.criterion.scores(network, data)


@pytest.fixture(params=[False, True], ids=["dense", "pruned"])
def network(request):
    made = mp.Network.mlp([6, 8, 5, 3], rng=0)
    for p in made.parameters.values():
        p.value = np.random.default_rng(p.size).standard_normal(p.shape)
    if request.param:
        made = mp.plan(made, mp.Random(rng=0), sparsity=0.2).apply(made)
    return made


@pytest.fixture
def data():
    draws = np.random.default_rng(1)
    return draws.standard_normal((40, 6)), draws.integers(0, 3, 40)


def on_the_way(start, end, t):
    start = min(start, end)
    return 1 - (1 - start) * ((1 - end) / (1 - start)) ** t


def by_hand(network, criterion, rounds, *, sparsity=None, allocation=None, **parts):
    """Plan and apply one round after another; return the plans."""
    work, plans = network.copy(), []
    for k in range(1, rounds + 1):
        t, asked = k / rounds, {"sparsity": sparsity}
        if isinstance(allocation, mp.PerLayer):
            shares = {name: s if k == rounds else on_the_way(0, s, t) for name, s in allocation.sparsities.items()}
            asked = {"allocation": mp.PerLayer(shares)}
        elif k < rounds:
            asked = {"sparsity": on_the_way(network.sparsity, sparsity, t), "allocation": allocation}
        elif allocation is not None:
            asked["allocation"] = allocation
        plans.append(mp.plan(work, criterion, **asked, **parts))
        work = plans[-1].apply(work)
    return plans


CASES = {
    "synflow": (mp.SynFlow(rounds=1), {"sparsity": 0.8}),
    "gradients": (mp.GradientMagnitude(LOSS), {"sparsity": 0.7}),
    "activations, uniform": (mp.ActivationNorm(), {"sparsity": 0.9, "allocation": mp.Uniform()}),
    "fisher, lamp": (mp.Fisher(LOSS), {"sparsity": 0.9, "allocation": mp.LAMP()}),
    "saliency, erdős–rényi": (mp.Saliency(LOSS), {"sparsity": 0.6, "allocation": mp.ErdosRenyi()}),
    "per layer": (mp.Saliency(LOSS), {"allocation": mp.PerLayer({"dense1": 0.9, "dense2": 0.4})}),
    "n:m, some": (mp.SynFlow(rounds=1), {"sparsity": 0.3, "pattern": mp.NM(1, 3)}),
    "blocks": (mp.ActivationNorm(), {"sparsity": 0.8, "pattern": mp.Blocks((2, 2)), "min_keep": 0}),
    "neurons": (mp.SynFlow(rounds=1), {"sparsity": 0.6, "pattern": mp.Neurons(inputs=True)}),
    "neurons that score": (mp.Activity(), {"sparsity": 0.6, "pattern": mp.Neurons()}),
    "neurons per layer": (
        mp.NeuronTaylor(LOSS),
        {"allocation": mp.PerLayer({"dense1": 0.7, "dense2": 0.3}), "pattern": mp.Neurons()},
    ),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request):
    return request.param


@pytest.mark.parametrize("rounds", [2, 5])
def test_it_is_planning_and_applying_by_hand(network, data, case, rounds):
    criterion, asked = case
    before = digest(network)
    made = mp.plan(network, InRounds(criterion, rounds), data=data, **asked)
    plans = by_hand(network, criterion, rounds, data=data, **asked)
    assert digest(network) == before
    assert list(made.masks) == list(plans[-1].masks)
    for name, mask in made.masks.items():
        assert np.array_equal(mask, plans[-1].masks[name])
    assert (made.requested, made.achieved) == (plans[-1].requested, plans[-1].achieved)
    assert [layer.pruned_before for layer in made.layers] == [p.size - p.kept for p in network.prunable.values()]
    assert [layer.asked for layer in made.layers] == [layer.asked for layer in plans[-1].layers]
    if isinstance(asked.get("pattern", mp.Unstructured()), mp.Unstructured | mp.NM) and "sparsity" in asked:
        assert made.requested == made.achieved
        assert made.achieved == pytest.approx(asked["sparsity"] * network.weights, abs=2)  # of layers, each is rounded
    masks = {name: mask for name, mask in made.masks.items() if name in network.prunable}
    again = mp.plan(made.apply(network), InRounds(criterion, rounds), data=data, **asked)
    assert all(np.array_equal(again.masks[name], mask) for name, mask in masks.items()), "asking again changes nothing"


def test_each_weight_is_explained_by_the_round_in_which_it_fell(network, data, case):
    criterion, asked = case
    made = mp.plan(network, InRounds(criterion, 3), data=data, **asked)
    plans = by_hand(network, criterion, 3, data=data, **asked)
    rounds_seen = set()
    for name, p in network.prunable.items():
        found = {}
        for at in np.ndindex(p.shape):
            fell = next((k for k, plan in enumerate(plans, 1) if not plan.masks[name][at]), 0)
            found.setdefault((fell, bool(p.mask[at])), []).append(at)
        for fell, at in ((fell, at) for (fell, _), places in found.items() for at in (places[0], places[-1])):
            why, score = made.explain(name, at), made.scores[name][at]
            if not p.mask[at]:
                assert str(why) == f"{name} {at} was gone already, before this plan"
                assert (why.round, score) == (None, plans[0].scores[name][at])
                continue
            then = plans[fell - 1].explain(name, at)  # of one that stays, the last
            assert str(why) == str(then) + (f", in round {fell} of 3" if fell else "")
            assert why.round == (fell or None)
            assert (why.verdict, why.rank, why.cutoff, why.budget) == (
                then.verdict,
                then.rank,
                then.cutoff,
                then.budget,
            )
            assert score == why.score == plans[fell - 1].scores[name][at]
            rounds_seen.add(fell)
    assert {0, 3} <= rounds_seen
    assert rounds_seen & {1, 2}


@pytest.mark.parametrize("criterion", [mp.SynFlow(rounds=1), mp.ActivationNorm()])
def test_without_a_sparsity_n_m_is_filled_in_rounds(network, data, criterion):
    pattern = mp.NM(1, 3)
    made = mp.plan(network, InRounds(criterion, 4), pattern=pattern, data=data)
    end = mp.plan(network, mp.Magnitude(), pattern=pattern).sparsity  # how many go doesn't hang on the scores
    work = network.copy()
    for t in (0.25, 0.5, 0.75):
        asked = on_the_way(network.sparsity, end, t)
        work = mp.plan(work, criterion, sparsity=asked, pattern=pattern, data=data).apply(work)
    last = mp.plan(work, criterion, pattern=pattern, data=data)
    assert made.sparsity == end
    for name, mask in made.masks.items():
        assert np.array_equal(mask, last.masks[name])
        for start in range(0, mask.shape[0], 3):
            assert (mask[start : start + 3].sum(axis=0) <= 1).all()


def test_n_m_of_a_network_with_nothing_left():
    dead = mp.Network.mlp([4, 4, 2], rng=0)
    for p in dead.prunable.values():
        p.mask = np.zeros(p.shape, bool)
    assert mp.plan(dead, mp.SynFlow(rounds=3), pattern=mp.NM(2, 4)).achieved == dead.weights


@given(cases(shape=mp.Unstructured()))
def test_scores_that_stay_the_same_decide_the_same_in_rounds(case):
    network, scores, request = case
    once, twice = plan_or_none(network, scores, request), None
    try:
        twice = mp.plan(network, InRounds(Given(scores), 3), **request)
    except mp.BudgetError:
        assert once is None
        return
    assert (twice.requested, twice.achieved) == (once.requested, once.achieved)
    assert twice.layers == once.layers
    for name in once.masks:
        assert np.array_equal(twice.masks[name], once.masks[name])
        assert np.array_equal(twice.scores[name], once.scores[name])


@pytest.mark.parametrize(("asked", "times"), [({"threshold": 0.01}, 1), ({"sparsity": 0.5}, 7)])
def test_a_threshold_is_one_round(network, asked, times):
    criterion = InRounds(mp.Magnitude(), 7)
    made = mp.plan(network, criterion, **asked)
    assert criterion.asked == times
    at = np.unravel_index(np.argmin(np.abs(network.dense[0].weight.value)), (6, 8))
    assert made.explain("dense1.weight", at).round is None or times > 1


def test_what_it_says_does_not_change_with_the_network():
    network = mp.Network.mlp([6, 8, 5, 3], rng=0)
    made = mp.plan(network, mp.SynFlow(rounds=4), sparsity=0.8)
    places = [(n, at) for n, p in network.prunable.items() for at in np.ndindex(p.shape)]
    texts = [str(made.explain(*place)) for place in places[::5]]
    for p in network.parameters.values():
        p.value = p.value[::-1]
        p.mask = np.zeros(p.shape, bool)
    assert [str(made.explain(*place)) for place in places[::5]] == texts
    for scores in made.scores.values():
        with pytest.raises(ValueError, match="read-only"):
            scores[0, 0] = 0


@pytest.mark.parametrize(
    ("rounds", "error", "says"),
    [
        (0, InvalidValueError, "rounds must be at least 1, got 0 in InRounds()"),
        ("3", InvalidTypeError, "rounds must be a whole number, got str '3' in InRounds()"),
    ],
)
def test_rounds_that_are_refused(network, rounds, error, says):
    with pytest.raises(error) as caught:
        mp.plan(network, InRounds(mp.Magnitude(), rounds), sparsity=0.5)
    assert str(caught.value) == says
