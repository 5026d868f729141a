"""Counts that allocations give, written out: Erdős–Rényi, LAMP, uniform, sensitivity; and each refusal in full."""

import numpy as np
import pytest
from generators import Given

import minprune as mp
from minprune.pruning.allocation import Allocation, Curves, Group
from minprune.pruning.allocation.erdos_renyi import spread
from minprune.pruning.allocation.lamp import _apart, _rising_order, lamp_scores
from minprune.pruning.allocation.layers import rank_shares

A, B, C = "dense1.weight", "dense2.weight", "dense3.weight"


def _network(*widths, gone=()):
    network = mp.Network.mlp(list(widths), rng=0)
    for name, at in gone:
        mask = network.parameters[name].mask.copy()
        mask[at] = False
        network.parameters[name].mask = mask
    return network


def _counts(network, allocation, scores=None, **request):
    criterion = mp.Magnitude() if scores is None else Given(scores)
    return [layer.achieved for layer in mp.plan(network, criterion, allocation=allocation, **request).layers]


@pytest.mark.parametrize(
    ("amount", "shares", "most", "expected"),
    [
        (1, [1, 1, 1], [0, 5, 5], [0, 1, 0]),  # the first would be next, but has no room
        (2, [1, 1, 1], [5, 5, 5], [1, 1, 0]),
        (10, [1, 1, 2], [1, 9, 9], [1, 3, 6]),
        (3, [0.1, 0.1], [2, 2], [2, 1]),
        (9, [1, 1], [2, 3], [2, 3]),
        (0, [1, 1], [2, 3], [0, 0]),
    ],
)
def test_spread(amount, shares, most, expected):
    names = "abc"[: len(shares)]
    made = spread(amount, *(dict(zip(names, of, strict=True)) for of in (shares, [0] * len(shares), most)))
    assert list(made.values()) == expected
    assert all(type(n) is int for n in made.values())


def test_spread_keeps_the_least():
    assert spread(6, {"a": 1, "b": 1}, {"a": 5, "b": 0}, {"a": 9, "b": 9}) == {"a": 5, "b": 1}


def test_erdos_renyi():
    """Layers of 10 + 4 and of 4 + 2 neurons: of 24 weights kept they have 16.8 and 7.2, rounded."""
    network = _network(10, 4, 2)  # 40 + 8 weights
    assert _counts(network, mp.ErdosRenyi(), sparsity=0.5) == [40 - 17, 8 - 7]
    assert _counts(network, mp.ErdosRenyi(), sparsity=0.25) == [40 - 28, 0]
    pruned = _network(10, 4, 2, gone=[(A, slice(0, 9))])  # 4 left, and the second layer keeps what that cannot
    assert _counts(pruned, mp.ErdosRenyi(), sparsity=38 / 48) == [36, 2]


def test_erdos_renyi_of_neurons():
    """1/ε at which it is a neuron's turn: its layer's density over what is kept then."""
    network = _network(6, 4, 2, 2)
    scores = {A: np.ones((6, 4)), B: np.ones((4, 2)), C: np.ones((2, 2))}
    plan = mp.plan(network, Given(scores), sparsity=0.5, allocation=mp.ErdosRenyi(), pattern=mp.Neurons())
    ranked = plan._decision.rankings[0].scores
    densities = [10 / 24] * 4 + [6 / 8] * 2
    places = [1 / 8, 3 / 8, 5 / 8, 7 / 8, 1 / 4, 3 / 4]
    assert ranked[ranked < np.inf].tolist() == pytest.approx(
        [d / (1 - p) for d, p in zip(densities, places, strict=True)][: (ranked < np.inf).sum()]
    )
    assert plan.achieved == 16


def test_what_rounding_made_equal_is_set_apart():
    half, after = 0.5, float(np.nextafter(0.5, 1))
    assert _apart(np.array([half] * 3), np.array([True, False])).tolist() == [half, after, after]
    assert _apart(np.array([half, 0.25, 0.75]), np.array([True, True])).tolist() == [half, after, 0.75]
    assert _apart(np.array([half]), np.array([], bool)).tolist() == [half]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lamp(dtype):
    scores = np.array([2.0, 1.0, -0.0, 2.0, 9.0, 0.0], dtype)
    live = np.array([True, True, True, True, False, True])
    assert _rising_order(scores).tolist() == [2, 5, 1, 0, 3, 4]
    assert lamp_scores(scores, live, 2).tolist() == pytest.approx([0.5, 1 / 9, 0.0, 1.0, 0.0, 0.0])
    assert lamp_scores(scores, live, 1).tolist() == pytest.approx([0.5, 1 / 5, 0.0, 1.0, 0.0, 0.0])
    assert lamp_scores(np.zeros(3, dtype), np.ones(3, bool), 2).tolist() == pytest.approx([1 / 3, 1 / 2, 1.0])
    assert lamp_scores(scores, np.zeros(6, bool), 2).tolist() == [0.0] * 6
    assert lamp_scores(scores, live, 2).dtype == np.float64


def test_the_power_of_lamp():
    """2 for single weights and 1 for units that are mean squares, unless it is said."""
    network = _network(2, 2, 2)
    scores = {A: np.array([[1.0, 2.0], [3.0, 4.0]]), B: np.array([[1.0, 1.0], [2.0, 5.0]])}

    def ranked(allocation, **request):
        plan = mp.plan(network, Given(scores), sparsity=0.25, allocation=allocation, **request)
        return plan._decision.rankings[0].scores.tolist()

    assert ranked(mp.LAMP())[:4] == pytest.approx([1 / 30, 4 / 29, 9 / 25, 1.0])
    assert ranked(mp.LAMP(power=1))[:4] == pytest.approx([0.1, 2 / 9, 3 / 7, 1.0])
    blocks = mp.Blocks((1, 2), reduce="sum")
    assert ranked(mp.LAMP(), pattern=blocks)[:2] == pytest.approx([0.3, 1.0])
    assert ranked(mp.LAMP(power=2), pattern=blocks)[:2] == pytest.approx([9 / 58, 1.0])
    assert (repr(mp.LAMP()), repr(mp.LAMP(power=1))) == ("LAMP()", "LAMP(power=1)")


def test_ranks_as_shares():
    shares = rank_shares(np.array([3.0, 1.0, 1.0, 2.0]), np.array([True, True, True, False]))
    assert shares.tolist() == [0.875, 0.375, 0.625, 0.125]


def test_uniform():
    network = _network(4, 3, 2)
    assert _counts(network, mp.Uniform(), sparsity=0.5) == [6, 3]
    assert _counts(network, mp.Uniform(within="output"), sparsity=0.5) == [6, 3]
    scores = {A: np.arange(12.0).reshape(4, 3), B: np.array([[1.0, 9.0], [2.0, 8.0], [3.0, 7.0]])}
    plan = mp.plan(network, Given(scores), sparsity=1 / 3, allocation=mp.Uniform(within="output"))
    assert plan.masks[B].tolist() == [[False, True], [True, True], [True, False]]
    assert plan._decision.rankings[1].scores.tolist()[:3] == pytest.approx([1 / 6, 5 / 6, 1 / 2])
    assert (repr(mp.Uniform()), repr(mp.Uniform(within="output"))) == ("Uniform()", "Uniform(within='output')")


def _curves(ends, slopes, names=(A, B, C)):
    """Straight lines from 0 at 0."""
    lines = list(zip(names, ends, slopes, strict=False))
    return Curves(0.0, {n: (0.0, end) for n, end, _ in lines}, {n: (0.0, s * end) for n, end, s in lines})


def test_sensitivity_fills_the_cheapest_first():
    """What a weight costs is the slope over the layer's size."""
    network = _network(4, 5, 6, 2)  # 20 + 30 + 12 weights
    for slopes, expected in (
        ((1.0, 2.0, 3.0), [18, 13, 0]),
        ((3.0, 1.0, 2.0), [4, 27, 0]),
        ((3.0, 1.0, 0.1), [0, 21, 10]),
    ):
        assert _counts(network, mp.Sensitivity(_curves([0.9] * 3, slopes)), sparsity=0.5) == expected


def test_sensitivity_in_steps():
    """Of 5,000 weights 2,901 go in steps of 2: the cheapest layer bears 1,001, which is odd, and no more."""
    network = _network(60, 50, 40)
    curves = _curves([1001 / 3000 + 1e-9, 0.99], [0.0, 1.0])
    assert _counts(network, mp.Sensitivity(curves), sparsity=2901 / 5000) == [1001, 1900]
    swapped = _curves([0.99, 1001 / 2000 + 1e-9], [1.0, 0.0])
    assert _counts(network, mp.Sensitivity(swapped), sparsity=2901 / 5000) == [1900, 1001]


def test_sensitivity_of_neurons():
    """Of 8-4-4-4-2: a neuron of the first layer has 12 weights, of the second 8, of the third 6."""
    network = _network(8, 4, 4, 4, 2)
    names = (A, B, C)
    for slopes, goes, expected in (
        ((1.0, 2.0, 3.0), 24, [2, 0, 0]),
        ((2.0, 1.0, 3.0), 24, [0, 3, 0]),
        ((3.0, 2.0, 1.0), 18, [0, 0, 3]),
        ((3.0, 2.0, 1.0), 23, [0, 1, 3]),
        ((1.0, 2.0, 3.0), 0, [0, 0, 0]),
    ):
        asked = {"sparsity": goes / network.weights, "allocation": mp.Sensitivity(_curves([0.75] * 3, slopes, names))}
        made = mp.plan(network, mp.Magnitude(), pattern=mp.Neurons(), **asked)
        assert [int((~made.masks[name].any(axis=0)).sum()) for name in names] == expected
        assert made.requested == goes


def test_sensitivity_of_neurons_and_inputs_without_a_curve():
    """The hidden neurons have the shares that they have without inputs; those go along at the mean."""
    network = _network(8, 4, 4, 4, 2)
    allocation = mp.Sensitivity(_curves([0.75] * 3, (1.0, 2.0, 3.0)))
    scores = {name: np.ones(p.shape) for name, p in network.prunable.items()}
    with_inputs, without = (
        allocation.groups(mp.Neurons(inputs=inputs).units(network, scores), 1 / 3)[0] for inputs in (True, False)
    )
    assert without.scores.keys() == {A, B, C}
    for name, expected in without.scores.items():
        np.testing.assert_array_equal(with_inputs.scores[name], expected)
    assert with_inputs.scores["inputs"].shape == (8,)


def test_curves():
    curves = Curves(0.5, {A: (0.0, 0.5, 1.0), B: (0.25,)}, {A: (0.5, 1.5, 3.5), B: (0.5,)})
    assert curves.cost(A, np.array([0.0, 0.25, 0.75, 1.0])).tolist() == [0.0, 0.5, 2.0, 3.0]
    assert curves.cost(B, np.array([0.0, 0.25, 0.5])).tolist() == [0.0, 0.0, np.inf]
    assert curves.rows() == [
        {"criterion": A, "sparsity": 0.0, "value": 0.5},
        {"criterion": A, "sparsity": 0.5, "value": 1.5},
        {"criterion": B, "sparsity": 0.25, "value": 0.5},
    ]
    assert curves.recipe == ""


class Odd(Allocation):
    def __init__(self, *groups):
        self.made = groups

    def groups(self, units, sparsity):
        return list(self.made)


def _planned(allocation, network=None, **request):
    network = _network(3, 4, 4, 2) if network is None else network
    return mp.plan(network, mp.Magnitude(), **{"sparsity": 0.5, "allocation": allocation} | request)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (
            lambda: _planned(Odd(Group(("dense9.weight",), 1))),
            "Odd() names no layer with weights to drop: 'dense9.weight'; did you mean 'dense3.weight'? Known: "
            "dense1.weight, dense2.weight, dense3.weight",
        ),
        (
            lambda: _planned(Odd(Group((A,), 1), Group((A, B), 1))),
            "Odd() must put a layer in one group, got dense1.weight, dense1.weight, dense2.weight in plan()",
        ),
        (
            lambda: _planned(Odd(Group((A,), 1), Group((B,), 1)), pattern=mp.Neurons()),
            "neurons of different layers share weights: Odd() must count units, or make one group of all layers, in "
            "plan()",
        ),
        (
            lambda: _planned(Odd(Group((A,), 1, scores={A: -np.ones(12)}))),
            "scores of weights of dense1.weight must be finite and non-negative, got 12 that are not in plan(), the "
            "first at (0,): -1.0",
        ),
        (
            lambda: _planned(Odd(Group((A,), 1, scores={}))),
            "scores of weights of dense1.weight must be a float array of shape (12,), got NoneType in plan()",
        ),
        (lambda: Group((A,), -1), "target must be at least 0, got -1 in Group()"),
        (
            lambda: Group((A,), 1, "unit"),
            "counted_in must be a known name, got 'unit' in Group(); did you mean 'units'? Known: weights, units",
        ),
        (
            lambda: _planned(mp.ErdosRenyi(), sparsity=0.6, pattern=mp.NM(1, 2)),
            "pruning 22 of 36 weights: at most 16 can go, a sparsity of 0.444444, in ErdosRenyi(); 1:2 lets no more "
            "go: leave out sparsity= for all that it does, or take another N:M",
        ),
        (
            lambda: _planned(mp.Uniform(within="output"), pattern=mp.Blocks((1, 2))),
            "Uniform(within='output') compares the single weights of an output: it needs Unstructured() or NM(), got "
            "blocks in plan()",
        ),
        (lambda: mp.Uniform(within="row"), "within must be a known name, got 'row' in Uniform(); known: layer, output"),
        (lambda: mp.LAMP(power=0), "power must be greater than 0 and finite, got 0 in LAMP()"),
        (lambda: mp.Sensitivity(3), "curves must be what sensitivity() measured, got int in Sensitivity()"),
        (
            lambda: _planned(mp.Sensitivity(_curves([0.9] * 2, [1.0] * 2))),
            "curves must have every layer, got none of dense3.weight in Sensitivity()",
        ),
        (
            lambda: _planned(mp.Sensitivity(_curves([0.9] * 3, [1.0] * 3, (A, B, "dense4.weight")))),
            "Sensitivity() names no layer with weights to drop: 'dense4.weight'; did you mean 'dense3.weight'? Known: "
            "dense1.weight, dense2.weight, dense3.weight",
        ),
        (
            lambda: _planned(mp.Sensitivity(_curves([0.25] * 3, [1.0] * 3))),
            "pruning 18 of 36 weights is more than the curves reach: 9, a sparsity of 0.25, in Sensitivity(); measure "
            "at higher sparsities",
        ),
        (
            lambda: _planned(mp.Global(), sparsity=0.5, pattern=mp.NM(1, 2)),
            "pruning 18 of 36 weights: at most 16 can go with min_keep=1 slot(s) a layer, a sparsity of 0.444444, in "
            "plan(); 1:2 lets no more go: leave out sparsity= for all that it does, or take another N:M",
        ),
        (
            lambda: _planned(mp.Uniform(), network=_network(3, 1), sparsity=0.9),
            "pruning 3 of 3 weights would empty dense1.weight: at most 2 can go with min_keep=1 weight(s) a layer, a "
            "sparsity of 0.666666, in plan()",
        ),
        (
            lambda: _planned(mp.Uniform(), network=_network(4, 1), pattern=mp.NM(1, 2), sparsity=0.75),
            "pruning 3 of 4 weights of dense1.weight: at most 2 can go with min_keep=1 slot(s) a layer, a sparsity of "
            "0.5, in plan(); 1:2 lets no more go: leave out sparsity= for all that it does, or take another N:M",
        ),
        (
            lambda: _planned(mp.PerLayer({"dense1": 0.9}), sparsity=None, pattern=mp.Neurons()),
            "pruning 4 of 4 neurons would empty dense1.weight: at most 3 can go with min_keep=1 neuron(s) a layer, a "
            "sparsity of 0.75, in plan()",
        ),
    ],
)
def test_what_is_refused(ask, says):
    with pytest.raises(mp.MinpruneError) as caught:
        ask()
    assert str(caught.value) == says
