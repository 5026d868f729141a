"""From scores of weights to the score of a unit: by name, by a Reduction of one's own, by any function."""

import numpy as np
import pytest
from by_hand import REDUCED
from generators import Pairs, distinct_scores, networks, tied_scores
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.patterns import Blocks, Vectors
from minprune.pruning.units import REDUCTIONS, Reduction

SHAPES = {
    "tiles": lambda reduce: Pairs(reduce=reduce),
    "blocks": lambda reduce: Blocks((2, 3), reduce=reduce),
    "vectors": lambda reduce: Vectors(4, reduce=reduce),
    "neurons": lambda reduce: mp.Neurons(reduce=reduce, inputs=True),
}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


@every_shape
@given(network=networks(), name=st.sampled_from(list(REDUCTIONS)), data=st.data())
def test_a_name_is_its_function(shape, network, name, data):
    """The quick way of a name gives, to the last bit where sums are exact, what its formula gives unit by unit."""
    scores = data.draw(st.one_of(tied_scores(network), distinct_scores(network)))
    quick, slow = (shape(how).units(network, scores) for how in (name, lambda kept: REDUCED[name](kept.tolist())))
    assert quick.scores.keys() == slow.scores.keys()
    for layer in quick.scores:
        assert quick.scores[layer].tolist() == slow.scores[layer].tolist()


@every_shape
@given(network=networks(pruned=True), data=st.data())
def test_a_reduction_of_ones_own(shape, network, data):
    """The lowest score decides, over the root of how many there are: gone weights have no say in it."""
    scores = data.draw(distinct_scores(network))
    how = Reduction(np.positive, np.minimum, lambda lowest, size: lowest / np.sqrt(size), gone=np.inf)
    quick = shape(how).units(network, scores)
    slow = shape(lambda kept: kept.min() / np.sqrt(kept.size)).units(network, scores)
    for layer in quick.scores:
        assert quick.scores[layer].tolist() == slow.scores[layer].tolist()


@every_shape
def test_a_function_gets_the_kept_scores_in_order(shape):
    """In the order of the weights; of a neuron the incoming ones first. What is gone is not among them."""
    network = mp.Network(
        [mp.Dense.from_arrays(np.arange(1.0, 7.0).reshape(3, 2)), mp.Dense.from_arrays([[7.0], [8.0]])]
    )
    network.parameters["dense1.weight"].mask = np.array([[True, False], [True, True], [True, True]])
    seen = []

    def keep(kept):
        seen.append(kept.tolist())
        return kept.max()

    shape(keep).units(network, mp.Magnitude().scores(network))
    assert (
        seen
        == {
            SHAPES["tiles"]: [[1, 3], [4], [5], [6], [7, 8]],
            SHAPES["blocks"]: [[1, 3, 4], [5, 6], [7, 8]],
            SHAPES["vectors"]: [[1], [3, 4], [5, 6], [7], [8]],
            SHAPES["neurons"]: [[1], [3, 4], [5, 6], [1, 3, 5, 7], [4, 6, 8]],
        }[shape]
    )


def test_the_scores_of_a_large_tile_come_row_by_row():
    shown = []
    network = mp.Network([mp.Dense.from_arrays(np.arange(1.0, 121.0).reshape(10, 12))])
    mp.plan(network, mp.Magnitude(), sparsity=0.1, pattern=Blocks((7, 8), reduce=lambda s: shown.append(s) or 1.0))
    weights = network.parameters["dense1.weight"].value
    tiles = [weights[:7, :8], weights[:7, 8:], weights[7:, :8], weights[7:, 8:]]
    assert [s.tolist() for s in shown] == [tile.ravel().tolist() for tile in tiles]


def test_a_function_decides_what_goes():
    """A row with one large weight: its mean saves it, its median does not."""
    weights = np.array([[9.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    network = mp.Network([mp.Dense.from_arrays(weights)])
    kept = {
        how: mp.plan(network, mp.Magnitude(), sparsity=0.5, pattern=Blocks((1, 3), reduce=how)).masks["dense1.weight"][
            :, 0
        ]
        for how in ("mean", np.median)
    }
    assert kept["mean"].tolist() == [True, False]
    assert kept[np.median].tolist() == [False, True]


@pytest.mark.parametrize("answer", [np.ones(2), None, "1", 1j, True])
def test_what_a_function_returns_is_one_number(answer):
    def wrong(kept):
        return answer

    network = mp.Network.mlp([3, 2], rng=0)
    with pytest.raises(InvalidTypeError, match=r"^reduce must return one number for a unit, got .* from wrong\(\)"):
        mp.plan(network, mp.Magnitude(), sparsity=0.5, pattern=Vectors(2, reduce=wrong))


@pytest.mark.parametrize("answer", [np.nan, -1, np.inf])
def test_no_nan_from_a_function_decides(answer):
    network = mp.Network.mlp([3, 2], rng=0)
    with pytest.raises(InvalidValueError, match=r"^scores of vectors of dense1.weight must be finite and non-negative"):
        mp.plan(network, mp.Magnitude(), sparsity=0.5, pattern=Vectors(2, reduce=lambda kept: answer))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((2, np.add), r"each must be a function, got 2 in Reduction\(\)"),
        ((np.square, np.add, "mean"), r"finish must be a function, got 'mean' in Reduction\(\)"),
        ((np.square, sum), r"combine must be a ufunc of two arguments, such as np.add, got .* in Reduction\(\)"),
        ((np.square, np.sqrt), r"combine must be a ufunc of two arguments, such as np.add, got .* in Reduction\(\)"),
    ],
)
def test_bad_parts_are_refused(arguments, says):
    with pytest.raises(InvalidTypeError, match=rf"^{says}"):
        Reduction(*arguments)


def test_reprs():
    how = Reduction(np.square, np.add)
    assert repr(how) == "Reduction(square, add, as_it_is)"
    assert repr(Vectors(4, reduce=how)) == "Vectors(4, reduce=Reduction(square, add, as_it_is))"
    assert repr(mp.Neurons(reduce=np.median)) == "Neurons(reduce=median)"
