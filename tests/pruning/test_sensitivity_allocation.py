"""The counts that `Sensitivity` gives to layers, against all there is to choose from."""

import itertools

import numpy as np
import pytest
from generators import networks
from hypothesis import assume, given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import BudgetError, InvalidTypeError, InvalidValueError
from minprune.pruning.allocation import Curves


def cost_by_hand(curves, name, share):
    """Go along the curve to the two measurements around `share`, and take the straight line between them."""
    points = [(s, loss - curves.base) for s, loss in zip(curves.sparsities[name], curves.losses[name], strict=True)]
    for (s, a), (t, b) in itertools.pairwise(points):
        if s <= share <= t:
            return a + (b - a) * (share - s) / (t - s)
    return points[0][1] if share < points[0][0] else points[-1][1]


@st.composite
def any_curves(draw, sizes):
    """Curves of any form: up and down, and ending anywhere."""
    sparsities, losses = {}, {}
    for name, size in sizes.items():
        grid = st.integers(1, size - 1).map(lambda k, size=size: k / size) if size > 1 else st.just(0.5)
        found = draw(st.sets(st.one_of(grid, st.floats(0.05, 0.99)), max_size=4))
        sparsities[name] = (0.0, *sorted(found))
        losses[name] = (1.0, *(draw(st.integers(-8, 8)) / 4 for _ in found))
    return Curves(1.0, sparsities, losses)


def brute_force(curves, sizes, least, reach, goes):
    """Return the least total cost of all counts that add up to `goes`."""
    ranges = [range(least[name], reach[name] + 1) for name in sizes]
    return min(
        sum(cost_by_hand(curves, name, count / sizes[name]) for name, count in zip(sizes, counts, strict=True))
        for counts in itertools.product(*ranges)
        if sum(counts) == goes
    )


@given(networks(layers=(2, 3), width=3), st.data())
def test_no_other_counts_lose_less(network, draws):
    """Whatever the curves' form, in networks that are pruned already too, also beyond where their curve ends."""
    sizes = {name: p.size for name, p in network.prunable.items()}
    least = {name: p.size - p.kept for name, p in network.prunable.items()}
    curves = draws.draw(any_curves(sizes))
    reach = {n: max(least[n], int(curves.sparsities[n][-1] * sizes[n] + 1e-9)) for n in sizes}
    low, high = sum(least.values()), min(sum(reach.values()), network.weights - 1)
    assume(low <= high)
    goes = draws.draw(st.integers(low, high))
    ask = {"sparsity": goes / network.weights, "allocation": mp.Sensitivity(curves), "min_keep": 0}
    made = mp.plan(network, mp.Magnitude(), **ask)
    counts = {layer.name: layer.achieved for layer in made.layers}
    assert made.requested == made.achieved == goes
    assert all(least[name] <= counts[name] <= reach[name] for name in sizes)
    total = sum(cost_by_hand(curves, name, counts[name] / sizes[name]) for name in sizes)
    assert total == pytest.approx(brute_force(curves, sizes, least, reach, goes), abs=1e-9)


@given(st.integers(0, 2**16), st.floats(0.3, 0.9))
def test_in_large_layers_it_is_exact_up_to_a_step(seed, sparsity):
    """Steps are a thousandth of the budget. Beside all ways to split it between two layers, no more is lost than what
    a step costs at the curves' steepest, twice for each layer; and the count is exact all the same.
    """
    network, draws = mp.Network.mlp([60, 50, 40], rng=0), np.random.default_rng(seed)
    sizes = {name: p.size for name, p in network.prunable.items()}
    levels = (0.0, 0.2, 0.4, 0.6, 0.8, 0.98)
    losses = {name: (0.0, *draws.integers(-3, 6, 5).astype(float)) for name in sizes}
    curves = Curves(0.0, dict.fromkeys(sizes, levels), losses)
    made = mp.plan(network, mp.Magnitude(), sparsity=sparsity, allocation=mp.Sensitivity(curves))
    goes = round(sparsity * network.weights)
    assert made.achieved == goes
    first, second = sizes.values()
    a = np.arange(first + 1)
    splits = a[(goes - a >= 0) & (goes - a <= 0.98 * second) & (a <= 0.98 * first)]
    of = {"dense1.weight": splits / first, "dense2.weight": (goes - splits) / second}
    best = sum(np.interp(share, levels, losses[name]) for name, share in of.items()).min()
    got = sum(cost_by_hand(curves, layer.name, layer.sparsity) for layer in made.layers)
    steepest = max(np.abs(np.diff(losses[n]) / np.diff(levels)).max() / sizes[n] for n in sizes)
    assert best - 1e-9 <= got <= best + 4 * (goes // 1000) * steepest


def _flat(network, end=0.9, names=None):
    names = list(network.prunable) if names is None else names
    return Curves(0.5, dict.fromkeys(names, (0.0, end)), {n: (0.5, 0.5 + k) for k, n in enumerate(names)})


def test_an_end_that_rounding_put_just_below_a_count_is_that_count():
    network = mp.Network.mlp([10, 10, 10], rng=0)
    assert 1 - 0.9 < 0.1
    made = mp.plan(network, mp.Magnitude(), sparsity=0.1, allocation=mp.Sensitivity(_flat(network, 1 - 0.9)))
    assert [layer.achieved for layer in made.layers] == [10, 10]


def test_what_is_less_than_a_step_goes_where_it_costs_least():
    """Steps of two: of 2,001 weights one is left over."""
    network = mp.Network.mlp([60, 50, 40], rng=0)
    made = mp.plan(network, mp.Magnitude(), sparsity=2001 / 5000, allocation=mp.Sensitivity(_flat(network)))
    assert [layer.achieved for layer in made.layers] == [2001, 0]


def test_what_is_gone_beyond_a_curves_end_does_not_stop_the_other_layers():
    network = mp.Network.mlp([10, 10, 10], rng=0)
    pruned = mp.plan(network, mp.Magnitude(), allocation=mp.PerLayer({"dense1": 0.6})).apply(network)
    curves = Curves(0.1, {"dense1.weight": (0.0, 0.3), "dense2.weight": (0.0, 0.9)}, dict.fromkeys(
        ("dense1.weight", "dense2.weight"), (0.1, 0.5)))  # fmt: skip
    made = mp.plan(pruned, mp.Magnitude(), sparsity=0.5, allocation=mp.Sensitivity(curves))
    assert [layer.achieved for layer in made.layers] == [60, 40]


@pytest.mark.parametrize(
    ("pattern", "largest"),
    # Of both layers of 4 neurons, 3 can go: what is left is one path, with 4 weights from inputs and 3 to outputs.
    [(mp.Unstructured(), 9 + 9 + 7), (mp.Neurons(), 44 - (4 + 1 + 3))],
)
def test_more_than_the_curves_reach_is_refused_and_says_how_much_they_do(pattern, largest):
    network = mp.Network.mlp([4, 4, 4, 3], rng=0)
    neurons = isinstance(pattern, mp.Neurons)
    names = list(network.prunable)[: 2 if neurons else 3]
    allocation = mp.Sensitivity(_flat(network, 0.8 if neurons else 0.6, names))
    ask = {"allocation": allocation, "pattern": pattern}
    with pytest.raises(BudgetError) as caught:
        mp.plan(network, mp.Magnitude(), sparsity=0.9, **ask)
    share = np.floor(1e6 * largest / 44) / 1e6
    assert str(caught.value) == (
        f"pruning 40 of 44 weights is more than the curves reach: {largest}, a sparsity of {share:g}, "
        f"in Sensitivity(); measure at higher sparsities"
    )
    assert caught.value.largest == largest
    assert mp.plan(network, mp.Magnitude(), sparsity=largest / 44, **ask).achieved == largest


@pytest.mark.parametrize("inputs", [False, True])
def test_of_neurons_as_few_go_as_it_takes_and_those_that_lose_least(inputs):
    """Any hidden neuron of the first layer that goes costs nothing here; one of the second, much."""
    network = mp.Network.mlp([6, 10, 8, 3], rng=0)
    names = ["dense1.weight", "dense2.weight"]
    curves = _flat(network, 0.9, ["inputs", *names] if inputs else names)
    costs = {"inputs": (0.5, 9.0), "dense1.weight": (0.5, 0.5), "dense2.weight": (0.5, 9.0)}
    curves = Curves(0.5, curves.sparsities, {name: costs[name] for name in curves.losses})
    ask = {"pattern": mp.Neurons(inputs=inputs), "allocation": mp.Sensitivity(curves)}
    made = mp.plan(network, mp.Magnitude(), sparsity=0.5, **ask)
    gone = {name: np.flatnonzero(~mask.any(axis=0)).size for name, mask in made.masks.items() if name in names}
    assert gone == {"dense1.weight": 5, "dense2.weight": 0}  # 14 weights a neuron, and 5 of them fit 81
    assert 0 <= made.requested - made.achieved < 14
    assert made.apply(network).parameters["dense1.weight"].mask.any(axis=1).all()  # no input went


def test_neurons_that_are_gone_already_count_first():
    """Half of the first layer's are, and more of them would cost much: it is the second that gives."""
    network = mp.Network.mlp([6, 10, 8, 3], rng=0)
    half = mp.PerLayer({"dense1": 0.5})
    pruned = mp.plan(network, mp.Magnitude(), allocation=half, pattern=mp.Neurons()).apply(network)
    levels = {"dense1.weight": (0.0, 0.5, 0.9), "dense2.weight": (0.0, 0.9)}
    curves = Curves(0.0, levels, {"dense1.weight": (0.0, 0.0, 10.0), "dense2.weight": (0.0, 1.0)})
    ask = {"pattern": mp.Neurons(), "allocation": mp.Sensitivity(curves)}
    made = mp.plan(pruned, mp.Magnitude(), sparsity=0.6, **ask)
    gone = [int(np.count_nonzero(~made.masks[name].any(axis=0))) for name in levels]
    assert gone == [5, 3]  # of 164 weights 70 are gone, 28 more may go, and a neuron of the second layer has 8


def test_neurons_of_layers_of_other_sizes_go_by_their_shares():
    """Up to half of either costs nothing, so 3 of 6 go and 10 of 20; what is left is 6 by 3, 3 by 10 and 10 by 3."""
    network = mp.Network.mlp([6, 6, 20, 3], rng=0)
    levels = dict.fromkeys(("dense1.weight", "dense2.weight"), (0.0, 0.5, 0.9))
    curves = Curves(0.0, levels, dict.fromkeys(levels, (0.0, 0.0, 9.0)))
    ask = {"pattern": mp.Neurons(), "allocation": mp.Sensitivity(curves)}
    made = mp.plan(network, mp.Magnitude(), sparsity=138 / 216, **ask)
    gone = [int(np.count_nonzero(~made.masks[name].any(axis=0))) for name in levels]
    assert (gone, made.achieved) == ([3, 10], 216 - 3 * 6 - 3 * 10 - 10 * 3)


def test_the_rest_goes_where_a_weight_costs_least_and_no_further_than_the_curve():
    """A weight costs 0.3 of a and 0.2 of b; then as much of b as of nothing else. The names are of layers of ten."""
    levels = {"a": (0.0, 1.0), "b": (0.0, 1.0)}
    sizes = {"a": 10, "b": 10}
    dear = mp.Sensitivity(Curves(0.0, levels, {"a": (0.0, 3.0), "b": (0.0, 2.0)}))
    assert dear._rest({"a": 8, "b": 1}, 5, sizes, {"a": 9, "b": 9}) == {"a": 8, "b": 6}
    cheap = mp.Sensitivity(Curves(0.0, levels, {"a": (0.0, 1.0), "b": (0.0, 2.0)}))
    assert cheap._rest({"a": 8, "b": 1}, 5, sizes, {"a": 9, "b": 9}) == {"a": 9, "b": 5}


@pytest.mark.parametrize(
    ("sparsities", "losses", "says"),
    [
        (
            {"a": (0.0,), "b": (0.0,)},
            {"c": (0.0,)},
            "sparsities and losses must be of the same layers, got a, b and c in Curves()",
        ),
        ({"a": (0.0,)}, {}, "sparsities and losses must be of the same layers, got a and none in Curves()"),
        ({"a": (0.0, 0.5, 0.5)}, {"a": (0.0, 1.0, 1.0)}, "sparsities['a'] must rise, got [0.0, 0.5, 0.5] in Curves()"),
    ],
)
def test_curves_that_cannot_be(sparsities, losses, says):
    with pytest.raises(InvalidValueError) as caught:
        Curves(0.0, sparsities, losses)
    assert str(caught.value) == says


def test_what_it_must_be_given():
    network = mp.Network.mlp([4, 4, 4], rng=0)
    with pytest.raises(InvalidTypeError, match=r"curves must be what sensitivity\(\) measured, got dict in Sensit"):
        mp.Sensitivity({})
    for names, says in (
        (["dense1.weight"], r"curves must have every layer, got none of dense2.weight in Sensitivity\(\)"),
        (["dense1.weight", "dense9.weight"], r"Sensitivity\(\) names no layer with weights to drop: 'dense9.weight'"),
    ):
        with pytest.raises(InvalidValueError, match=says):
            mp.plan(network, mp.Magnitude(), sparsity=0.5, allocation=mp.Sensitivity(_flat(network, names=names)))
    assert repr(mp.Sensitivity(_flat(network))) == "Sensitivity()"


def test_the_table_of_the_curves():
    curves = Curves(
        0.1, {"a.weight": (0.0, 0.5), "b.weight": (0.0, 0.9)}, {"a.weight": (0.1, 2.0), "b.weight": (0.1, 3)}, "by hand"
    )
    assert repr(curves) == "\n".join(
        [
            "Sensitivity: one layer pruned at a time, by hand; loss 0.1000 as it was",
            "loss at    0.0 %  50.0 %  90.0 %",
            "────────────────────────────────",
            "a.weight  0.1000  2.0000",
            "b.weight  0.1000          3.0000",
        ]
    )
