"""What each kind of unit answers, on layers of a few weights: worth, size, what is lost, and what comes back."""

import numpy as np
import pytest
from generators import Given

import minprune as mp
from minprune.pruning.patterns import NM, Blocks, Tiling
from minprune.pruning.units import Reduction

FIRST, SECOND = "dense1.weight", "dense2.weight"
SCORES = {
    FIRST: np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]),
    SECOND: np.array([[1.0], [2.0], [4.0]]),
}


def _network(gone=()):
    network = mp.Network([mp.Dense(3, 3, rng=0), mp.Dense(3, 1, rng=0)])
    for name, at in gone:
        mask = network.parameters[name].mask.copy()
        mask[at] = False
        network.parameters[name].mask = mask
    return network


def _units(pattern, gone=()):
    return pattern.units(_network(gone), SCORES)


def _plain(arrays):
    return {name: array.tolist() for name, array in arrays.items()}


def _flags(**layers):
    return {f"{name}.weight": np.array(flags, bool) for name, flags in layers.items()}


class Columns(Tiling):
    noun = "column"

    def numbers(self, shape):
        return np.zeros((shape[0], 1), int) + np.arange(shape[1])


def test_single_weights():
    units = _units(mp.Unstructured(), [(FIRST, (0, 1)), (SECOND, (2, 0))])
    assert (units.noun, units.separable, units.sizes, units.full) == ("weight", True, None, None)
    assert (units.spared, units.advice) == ("", "")
    assert units.shapes == {FIRST: (3, 3), SECOND: (3, 1)}
    assert (units.total, units.gone) == ({FIRST: 9, SECOND: 3}, {FIRST: 1, SECOND: 1})
    assert _plain(units.scores) == {name: s.reshape(-1).tolist() for name, s in SCORES.items()}
    assert _plain(units.dead) == {FIRST: [False, True, *[False] * 7], SECOND: [False, False, True]}
    assert [units.may_go(name) for name in units.scores] == [8, 2]
    assert units.safe(FIRST) == 0
    assert units.lost((FIRST, SECOND), np.array([3, 0, 9])).tolist() == [1, 2, 3]
    assert units.left({}) == {FIRST: 8, SECOND: 2}
    assert units.left(_flags(dense2=[1, 0, 0])) == {FIRST: 8, SECOND: 1}
    masks = units.masks(_flags(dense2=[1, 0, 0]))
    assert _plain(masks) == {FIRST: [[True, False, True], [True] * 3, [True] * 3], SECOND: [[False], [True], [False]]}
    assert units.of_weight(FIRST, (1, 2)) == [(FIRST, 5, "weight (1, 2)")]


def test_slots():
    """Of each group of two inputs of an output one stays; the last group has one alone, which does."""
    units = _units(NM(1, 2), [(FIRST, (1, 0))])
    assert (units.noun, units.separable, units.sizes) == ("slot", True, None)
    assert units.spared == "among the highest of its group, which 1:2 keeps"
    assert units.advice == "1:2 lets no more go: leave out sparsity= for all that it does, or take another N:M"
    assert _plain(units.alive) == {FIRST: [False, True, True, *[False] * 6], SECOND: [True, False, False]}
    assert _plain(units.dead) == {FIRST: [False] * 3 + [True] + [False] * 5, SECOND: [False] * 3}
    assert [units.safe(name) for name in units.scores] == [6, 2]
    assert [units.may_go(name) for name in units.scores] == [2, 1]
    assert units.left({}) == {FIRST: 8, SECOND: 3}
    assert units.left(_flags(dense1=[0, 1, 1, *[0] * 6])) == {FIRST: 6, SECOND: 3}
    assert units.of_weight(FIRST, (1, 2)) == [(FIRST, 5, "slot 1 of inputs 0–1 to output 2")]
    assert units.of_weight(FIRST, (2, 0)) == [(FIRST, 6, "slot 0 of input 2 to output 0")]


def test_what_slots_have_room_for():
    """One that went this time may come back, or its neighbour, which was gone before."""
    units = _units(NM(1, 2), [(FIRST, (1, 0)), (FIRST, (1, 1))])
    dropped = _flags(dense1=[1, *[0] * 8])
    worth = units.growth(SCORES, dropped)
    assert worth[FIRST].tolist() == [-np.inf, -np.inf, -np.inf, 4.0, *[-np.inf] * 5]
    assert worth[SECOND].tolist() == [-np.inf] * 3


def test_blocks():
    """2 × 2: four, two, two and one of the first layer; two and one of the second."""
    units = _units(Blocks((2, 2), reduce="sum"), [(FIRST, (0, 0)), (FIRST, (2, 2))])
    assert (units.noun, units.separable) == ("block", True)
    assert _plain(units.full) == {FIRST: [4, 2, 2, 1], SECOND: [2, 1]}
    assert _plain(units.sizes) == {FIRST: [3, 2, 2, 0], SECOND: [2, 1]}
    assert _plain(units.scores) == {FIRST: [11.0, 9.0, 15.0, 0.0], SECOND: [3.0, 4.0]}
    assert _plain(units.dead) == {FIRST: [False, False, False, True], SECOND: [False, False]}
    assert [units.may_go(name) for name in units.scores] == [7, 3]
    assert units.lost((FIRST, SECOND), np.array([4, 1, 0])).tolist() == [2, 4, 7]
    assert units.masks(_flags(dense1=[0, 1, 0, 0]))[FIRST].tolist() == [
        [False, True, False], [True, True, False], [True, True, False],
    ]  # fmt: skip
    assert units.of_weight(FIRST, (0, 1)) == [(FIRST, 0, "block of inputs 0–1 and outputs 0–1 of dense1")]
    assert units.of_weight(FIRST, (2, 2)) == [(FIRST, 3, "block of input 2 and output 2 of dense1")]
    assert units.of_weight(SECOND, (2, 0)) == [(SECOND, 1, "block of input 2 and output 0 of dense2")]


@pytest.mark.parametrize("reduce", ["sum", np.sum])
def test_blocks_that_come_back(reduce):
    """Whole, and worth what all their weights are: the last is gone already, the second goes now."""
    units = _units(Blocks((2, 2), reduce=reduce), [(FIRST, (0, 0)), (FIRST, (2, 2))])
    dropped = _flags(dense1=[0, 1, 0, 0])
    worth = units.growth(SCORES, dropped)
    assert _plain(worth) == {FIRST: [-np.inf, 9.0, -np.inf, 9.0], SECOND: [-np.inf] * 2}
    masks = units.regrown(dropped, _flags(dense1=[0, 0, 0, 1]))
    assert masks[FIRST].tolist() == [[False, True, False], [True, True, False], [True, True, True]]
    assert masks[SECOND].tolist() == [[True]] * 3
    assert units.growth(SCORES, {})[FIRST].tolist() == [-np.inf, -np.inf, -np.inf, 9.0]


@pytest.mark.parametrize("reduce", ["max", np.max])
def test_columns(reduce):
    units = _units(Columns(reduce=reduce), [(FIRST, (2, 0))])
    assert units.noun == "column"
    assert _plain(units.full) == {FIRST: [3, 3, 3], SECOND: [3]}
    assert _plain(units.sizes) == {FIRST: [2, 3, 3], SECOND: [3]}
    assert _plain(units.scores) == {FIRST: [4.0, 8.0, 9.0], SECOND: [4.0]}
    assert units.of_weight(FIRST, (1, 2)) == [(FIRST, 2, "column 2 of dense1")]
    assert units.masks(_flags(dense1=[1, 0, 0]))[FIRST].tolist() == [[False, True, True]] * 3


@pytest.mark.parametrize("reduce", ["sum", np.sum])
def test_neurons_and_inputs(reduce):
    units = _units(mp.Neurons(reduce=reduce, inputs=True), [(FIRST, (0, 0))])
    assert (units.noun, units.separable) == ("neuron", False)
    assert _plain(units.sizes) == {"inputs": [2, 3, 3], FIRST: [3, 4, 4]}
    assert _plain(units.scores) == {"inputs": [5.0, 15.0, 24.0], FIRST: [12.0, 17.0, 22.0]}
    assert (units.total, units.gone) == ({FIRST: 9, SECOND: 3}, {FIRST: 1, SECOND: 0})
    assert units.lost(("inputs", FIRST), np.array([0, 3, 4])).tolist() == [2, 5, 8]
    assert units.lost((FIRST,), np.array([2])).tolist() == [4]
    masks = units.masks({"inputs": np.array([1, 0, 0], bool), FIRST: np.array([0, 1, 0], bool)})
    assert _plain(masks) == {
        FIRST: [[False] * 3, [True, False, True], [True, False, True]],
        "dense1.bias": [True, False, True],
        SECOND: [[True], [False], [True]],
    }
    assert units.left({}) == {"inputs": 3, FIRST: 3}
    assert units.left({"inputs": np.array([1, 1, 0], bool)}) == {"inputs": 1, FIRST: 3}
    assert units.of_weight(FIRST, (1, 2)) == [("inputs", 1, "input 1"), (FIRST, 2, "neuron 2 of dense1")]
    assert units.of_weight(SECOND, (1, 0)) == [(FIRST, 1, "neuron 1 of dense1")]
    with pytest.raises(mp.InvalidValueError) as caught:
        units.growth(SCORES, {})
    assert str(caught.value) == "neurons share weights, and so can't be grown one by one"


def test_a_neuron_falls_with_its_last_weights():
    units = _units(
        mp.Neurons(inputs=True), [(FIRST, (0, 1)), (FIRST, (0, 2)), (FIRST, (1, 0)), (FIRST, (2, 0)), (SECOND, (0, 0))]
    )
    assert units.left({"inputs": np.array([1, 0, 0], bool)}) == {"inputs": 2, FIRST: 2}


def test_of_neurons_each_gets_all_that_is_kept_of_both_sides_incoming_first():
    heard = []

    def listen(scores):
        heard.append(scores.tolist())
        return float(len(scores))

    units = _units(mp.Neurons(reduce=listen), [(FIRST, (1, 0)), (SECOND, (1, 0))])
    assert heard == [[1.0, 7.0, 1.0], [2.0, 5.0, 8.0], [3.0, 6.0, 9.0, 4.0]]
    assert units.scores[FIRST].tolist() == [3.0, 3.0, 4.0]


def test_a_reduction_of_ones_own():
    """How many scores are above 4; `each` returns no floats, and what is gone counts as none."""
    how = Reduction(lambda s: s > 4, np.add)
    units = _units(Blocks((2, 2), reduce=how), [(FIRST, (1, 1))])
    assert units.scores[FIRST].tolist() == [0.0, 1.0, 2.0, 1.0]
    assert how.prepared(np.array([3.0, 5.0]), None).dtype == np.float64
    assert how.finished(np.array([3, 5]), np.array([1, 0])).tolist() == [3.0, 0.0]
    least = Reduction(np.positive, np.minimum, gone=np.inf)
    assert _units(Blocks((2, 2), reduce=least), [(FIRST, (0, 0))]).scores[FIRST].tolist() == [2.0, 3.0, 7.0, 9.0]
    assert repr(Blocks((2, 2), reduce=least)) == "Blocks((2, 2), reduce=Reduction(positive, minimum, as_it_is))"
    assert repr(mp.Neurons(reduce=np.median)) == "Neurons(reduce=median)"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Reduction(3, np.add), "each must be a function, got 3 in Reduction()"),
        (lambda: Reduction(np.square, np.add, 3), "finish must be a function, got 3 in Reduction()"),
        (
            lambda: Reduction(np.square, np.sqrt),
            "combine must be a ufunc of two arguments, such as np.add, got <ufunc 'sqrt'> in Reduction()",
        ),
        (
            lambda: Reduction(np.square, sum),
            "combine must be a ufunc of two arguments, such as np.add, got <built-in function sum> in Reduction()",
        ),
        (
            lambda: Blocks((2, 2), reduce=np.add),
            "reduce must be a name, a Reduction or a function of a unit's kept scores, got <ufunc 'add'> in Blocks(); "
            "np.add.reduce is one; names: mean_square, mean, sum, norm, max",
        ),
        (
            lambda: mp.Neurons(reduce=np.sqrt),
            "reduce must be a name, a Reduction or a function of a unit's kept scores, got <ufunc 'sqrt'> in "
            "Neurons(); names: mean_square, mean, sum, norm, max",
        ),
        (
            lambda: mp.Vectors(2, reduce=float),
            "reduce must be a name, a Reduction or a function of a unit's kept scores, got <class 'float'> in "
            "Vectors(); names: mean_square, mean, sum, norm, max",
        ),
        (
            lambda: mp.Vectors(2, reduce="maxx"),
            "reduce must be a known name, got 'maxx' in Vectors(); did you mean 'max'? Known: mean_square, mean, sum, "
            "norm, max",
        ),
        (
            lambda: _units(Blocks((3, 3), reduce=np.sort)),
            "reduce must return one number for a unit, got array([1., 2., 3., 4., 5., 6., 7., 8., 9.]) from sort()",
        ),
        (
            lambda: _units(Blocks((3, 3), reduce=lambda s: "much")),
            "reduce must return one number for a unit, got 'much' from <lambda>()",
        ),
    ],
)
def test_what_is_no_reduction(make, says):
    with pytest.raises(mp.MinpruneError) as caught:
        make()
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: mp.plan(mp.Network.mlp([4, 2], rng=0), mp.Magnitude(), sparsity=0.5, pattern=mp.Neurons()),
            "Neurons needs a network with a hidden layer, got a single Dense in plan(); Neurons(inputs=True) can drop "
            "its inputs",
        ),
        (lambda: mp.Neurons(inputs=1), "inputs must be True or False, got 1 in Neurons()"),
        (lambda: NM(2, 2), "n must be at most 1, got 2 in NM()"),
        (lambda: NM(0, 2), "n must be at least 1, got 0 in NM()"),
        (lambda: NM(1, 1), "m must be at least 2, got 1 in NM()"),
        (lambda: Blocks(3), "shape must be two whole numbers (inputs, outputs), got 3 in Blocks()"),
        (lambda: Blocks((0, 2)), "shape[0] must be at least 1, got 0 in Blocks()"),
        (lambda: Blocks((2, 0)), "shape[1] must be at least 1, got 0 in Blocks()"),
        (lambda: mp.Vectors(0), "length must be at least 1, got 0 in Vectors()"),
        (lambda: Blocks((2, 2)).numbers(3), "shape must be (inputs, outputs), got 3 in numbers()"),
        (lambda: Blocks((2, 2)).numbers((3,)), "shape must be (inputs, outputs), got (3,) in numbers()"),
        (lambda: Blocks((2, 2)).numbers((0, 2)), "shape[0] must be at least 1, got 0 in numbers()"),
        (lambda: Blocks((2, 2)).numbers((2, 0)), "shape[1] must be at least 1, got 0 in numbers()"),
        (lambda: NM(1, 2).units(3, SCORES), "network must be a Network, got int in units()"),
        (lambda: NM(1, 2).units(_network(), 3), "scores must be a mapping of names to arrays, got int in units()"),
        (
            lambda: NM(1, 2).units(_network(), {FIRST: SCORES[FIRST]}),
            "scores of dense2.weight must be a float array of shape (3, 1), got NoneType in units()",
        ),
        (
            lambda: NM(1, 2).units(_network(), {FIRST: np.ones((3, 3), int)}),
            "scores of dense1.weight must be a float array of shape (3, 3), got int64 (3, 3) in units()",
        ),
    ],
)
def test_what_makes_no_units(make, says):
    with pytest.raises(mp.MinpruneError) as caught:
        make()
    assert str(caught.value) == says


def test_how_patterns_are_shown():
    assert [repr(p) for p in (NM(2, 4), Blocks((2, 3)), mp.Vectors(4), mp.Neurons(), mp.Neurons(inputs=True))] == [
        "NM(2, 4)",
        "Blocks((2, 3), reduce='mean_square')",
        "Vectors(4, reduce='mean_square')",
        "Neurons(reduce='mean_square')",
        "Neurons(reduce='mean_square', inputs=True)",
    ]
    assert (repr(mp.Unstructured()), repr(Columns())) == ("Unstructured()", "Columns(reduce='mean_square')")
    assert [p.complete for p in (mp.Unstructured(), NM(1, 2), Blocks((1, 1)))] == [False, True, False]
    assert mp.Vectors(4).shape == (1, 4)


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 16, 33])
def test_a_tiles_sum_is_to_the_bit_that_of_its_row(length):
    row = np.random.default_rng(0).random((1, 66))
    network = mp.Network([mp.Dense(1, 66, rng=0)])
    units = mp.Vectors(length, reduce="sum").units(network, {FIRST: row})
    expected = [np.add.reduce(row[0, k : k + length]) for k in range(0, 66, length)]
    full = 66 // length
    assert units.scores[FIRST][:full].tolist() == expected[:full]
    assert units.scores[FIRST].tolist() == pytest.approx(expected)


def test_groups_of_more_than_a_byte_can_count():
    scores = np.random.default_rng(0).permutation(600.0 + np.arange(600))[:, None]
    network = mp.Network([mp.Dense(600, 1, rng=0)])
    plan = mp.plan(network, Given({FIRST: scores}), pattern=NM(2, 300))
    for half in (slice(0, 300), slice(300, 600)):
        kept = np.flatnonzero(plan.masks[FIRST][half, 0])
        assert kept.tolist() == sorted(np.argsort(scores[half, 0])[-2:].tolist())
