"""Blocks, vectors and tiles of any form: kept whole or dropped whole, and the quick way is the plain one."""

import numpy as np
import pytest
from by_hand import all_units, kept_weights, live_units
from generators import Given, Pairs, any_scores, distinct_scores, networks, plan_or_none, sparsities, tied_scores
from hypothesis import assume, given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.patterns import Blocks, Tiling, Vectors
from minprune.pruning.units import REDUCTIONS, Rectangles, Reduction, Tiles

sides = st.integers(1, 9)
ways = st.sampled_from([*REDUCTIONS, np.median, Reduction(np.positive, np.minimum, gone=np.inf)])


def _exact_scores(data, network):
    return data.draw(st.one_of(tied_scores(network), distinct_scores(network)))


def _whole(network, plan, tile):
    """Say that each tile lost all that it had, or nothing."""
    r, c = tile
    for name, p in network.prunable.items():
        for i in range(0, p.shape[0], r):
            for j in range(0, p.shape[1], c):
                before, after = p.mask[i : i + r, j : j + c], plan.masks[name][i : i + r, j : j + c]
                assert not after.any() or np.array_equal(before, after)


def _plan(network, pattern, data):
    request = {
        "sparsity": data.draw(sparsities(network.weights)),
        "pattern": pattern,
        "allocation": data.draw(st.sampled_from([mp.Global(), mp.Uniform(), mp.LAMP(), mp.ErdosRenyi()])),
        "min_keep": data.draw(st.integers(0, 2)),
    }
    plan = plan_or_none(network, data.draw(any_scores(network)), request)
    assume(plan is not None)
    return plan


@given(networks(), sides, sides, st.data())
def test_blocks_whole(network, r, c, data):
    _whole(network, _plan(network, Blocks((r, c)), data), (r, c))


@given(networks(), sides, st.data())
def test_vectors_whole(network, length, data):
    _whole(network, _plan(network, Vectors(length), data), (1, length))


@given(
    networks(),
    st.one_of(st.builds(Pairs), st.builds(Blocks, st.tuples(sides, sides)), st.builds(Vectors, sides)),
    st.data(),
)
def test_unit_budget_of_tiles(network, pattern, data):
    """Of each layer by itself as well: achieved ≤ asked, and what is missed is less than one tile."""
    scores, sparsity = data.draw(any_scores(network)), data.draw(sparsities(network.weights))
    allocation = data.draw(st.sampled_from([mp.Global(), mp.Uniform()]))
    plan = mp.plan(network, Given(scores), sparsity=sparsity, allocation=allocation, pattern=pattern, min_keep=0)
    live = live_units(network, scores, pattern)
    layers = (
        [(None, network.weights, plan.achieved)]
        if isinstance(allocation, mp.Global)
        else [(layer.name, layer.weights, layer.achieved) for layer in plan.layers]
    )
    for name, size, achieved in layers:
        mine = [u for u in live if name in (None, u.name)]
        kept = sum(len(u.weights) for u in mine)
        asked, gone = round(sparsity * size), size - kept
        if asked <= gone:
            assert achieved == gone
        else:
            assert 0 <= asked - achieved < max(len(u.weights) for u in mine)


@given(networks(), sides, sides, ways, st.data())
def test_rectangles_are_the_tiles_of_their_numbers(network, r, c, reduce, data):
    """The quick way against the plain one, to the last bit where sums are exact; also the number of each weight."""
    scores, pattern = _exact_scores(data, network), Blocks((r, c), reduce=reduce)
    quick = pattern.units(network, scores)
    plain = Tiles(network, scores, REDUCTIONS.get(reduce, reduce), pattern.numbers, "block")
    assert isinstance(quick, Rectangles)
    for name, p in network.prunable.items():
        for one, other in ((quick.scores, plain.scores), (quick.sizes, plain.sizes), (quick.full, plain.full)):
            assert one[name].tolist() == other[name].tolist()
        flags = np.array(
            data.draw(st.lists(st.booleans(), min_size=quick.full[name].size, max_size=quick.full[name].size))
        )
        assert np.array_equal(quick.spread(name, flags), plain.spread(name, flags))
        at = tuple(data.draw(st.integers(0, n - 1)) for n in p.shape)
        assert quick.of_weight(name, at)[0][:2] == plain.of_weight(name, at)[0][:2]


@given(networks(), sides, sides, ways, st.data())
def test_a_block_by_hand(network, r, c, reduce, data):
    scores, pattern = _exact_scores(data, network), Blocks((r, c), reduce=reduce)
    if not isinstance(reduce, str):
        pattern.reduce = np.median if reduce is np.median else min
    units = Blocks((r, c), reduce=reduce).units(network, scores)
    by_hand = {(u.name, u.position): u for u in live_units(network, scores, pattern)}
    for name, _, position, weights in all_units(network, pattern):
        unit = by_hand.get((name, position))
        assert units.full[name][position] == len(weights)
        assert units.sizes[name][position] == (len(unit.weights) if unit else 0)
        assert units.alive[name][position] == (unit is not None) == (not units.dead[name][position])
        assert units.scores[name][position] == (unit.score if unit else 0)
        for weight in weights:
            assert units.of_weight(name, weight[1:])[0][:2] == (name, position)


@pytest.mark.parametrize("tile", [(1, 4), (1, 7), (1, 64), (3, 1), (4, 4), (3, 11), (17, 9)])
def test_equal_blocks_have_equal_scores(tile):
    """Wherever they stand: a tie is a tie, to the last bit."""
    draws = np.random.default_rng(0)
    one = draws.random(tile, dtype=np.float32)
    network = mp.Network([mp.Dense.from_arrays(np.tile(one, (5, 6)))])
    scores = Blocks(tile).units(network, mp.Magnitude().scores(network)).scores["dense1.weight"]
    assert len(set(scores.tolist())) == 1
    assert scores[0] == pytest.approx(float(np.mean(one.astype(float) ** 2)), rel=1e-14)


def test_ragged_edges_are_smaller_blocks():
    network = mp.Network([mp.Dense.from_arrays(np.arange(1.0, 16.0).reshape(3, 5))])
    units = Blocks((2, 2), reduce="sum").units(network, mp.Magnitude().scores(network))
    assert units.full["dense1.weight"].tolist() == [4, 4, 2, 2, 2, 1]
    assert units.scores["dense1.weight"].tolist() == [1 + 2 + 6 + 7, 3 + 4 + 8 + 9, 5 + 10, 11 + 12, 13 + 14, 15]


def test_a_block_is_explained_by_where_it_is():
    network = mp.Network([mp.Dense.from_arrays(np.arange(1.0, 16.0).reshape(3, 5))])
    plan = mp.plan(network, mp.Magnitude(), sparsity=0.4, pattern=Blocks((2, 2), reduce="max"))
    assert str(plan.explain("dense1.weight", (1, 1))) == (
        "dense1.weight (1, 1) goes: score 7, in block of inputs 0–1 and outputs 0–1 of dense1, rank 1 of 6 (1 goes "
        "first), budget 6 weights, cutoff 7"
    )
    assert plan.explain("dense1.weight", (2, 4)).units == ("block of input 2 and output 4 of dense1",)
    vectors = mp.plan(network, mp.Magnitude(), sparsity=0.4, pattern=Vectors(3))
    assert vectors.explain("dense1.weight", (1, 3)).units == ("vector of input 1 and outputs 3–4 of dense1",)


@given(networks(layers=(1, 3)), sides, st.data())
def test_of_weight_and_lost_of_vectors(network, length, data):
    scores = _exact_scores(data, network)
    units = Vectors(length).units(network, scores)
    names = list(units.scores)
    everyone = [(name, position) for name in names for position in range(units.scores[name].size)]
    order = np.array(data.draw(st.permutations(range(len(everyone)))))
    kept, lost, counts = kept_weights(network), 0, []
    members = {(name, position): weights for name, _, position, weights in all_units(network, Vectors(length))}
    for position in order:
        lost += len(kept & set(members[everyone[position]]))
        counts.append(lost)
    assert units.lost(names, order).tolist() == counts


def test_a_pattern_of_ones_own_with_a_function_of_ones_own():
    class Rows(Tiling):
        noun = "row"

        def numbers(self, shape):
            return np.indices(shape)[0]

    network = mp.Network([mp.Dense.from_arrays(np.array([[1.0, 9.0, 1.0], [2.0, 2.0, 2.0]]))])
    plan = mp.plan(network, mp.Magnitude(), sparsity=0.5, pattern=Rows(reduce=np.median))
    assert plan.masks["dense1.weight"].tolist() == [[False] * 3, [True] * 3]
    assert plan.recipe == "Magnitude() · Global() · Rows(reduce=median) · sparsity 0.5"


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (
            lambda: Blocks(4),
            InvalidTypeError,
            r"shape must be two whole numbers \(inputs, outputs\), got 4 in Blocks\(\)",
        ),
        (lambda: Blocks((4,)), InvalidTypeError, r"shape must be two whole numbers .* got \(4,\) in Blocks\(\)"),
        (lambda: Blocks((4, 0)), InvalidValueError, r"shape\[1\] must be at least 1, got 0 in Blocks\(\)"),
        (lambda: Blocks("44"), InvalidTypeError, r"shape\[0\] must be a whole number, got str '4' in Blocks\(\)"),
        (
            lambda: Blocks((4, 4), reduce="means"),
            InvalidValueError,
            r"reduce must be a known name, .* in Blocks\(\)",
        ),
        (lambda: Vectors(0), InvalidValueError, r"length must be at least 1, got 0 in Vectors\(\)"),
        (
            lambda: Vectors((1, 4)),
            InvalidTypeError,
            r"length must be a whole number, got tuple \(1, 4\) in Vectors\(\)",
        ),
    ],
)
def test_bad_input_is_refused(make, error, says):
    with pytest.raises(error, match=rf"^{says}"):
        make()


def test_reprs():
    assert repr(Blocks([4, 2], reduce="norm")) == "Blocks((4, 2), reduce='norm')"
    assert repr(Vectors(np.int32(64))) == "Vectors(64, reduce='mean_square')"
