"""Growth: dead units can come back, whole; in N:M only where their group has room."""

import math

import numpy as np
import pytest
from by_hand import all_units
from generators import Given, Pairs, distinct_scores, networks, tied_scores
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidValueError
from minprune.pruning.patterns import NM, Blocks, Vectors

few = st.integers(1, 4)
groups = st.tuples(few, few).map(lambda pair: NM(pair[0], pair[0] + pair[1]))
tiles = st.one_of(st.builds(Pairs), st.builds(Blocks, st.tuples(few, few)), st.builds(Vectors, few))
separable = st.one_of(st.just(mp.Unstructured()), groups, tiles)


def _flags(data, sizes):
    return {name: np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for name, n in sizes.items()}


def _drawn(data, network, pattern):
    """Return units, scores to grow by, and some live units to drop."""
    scores = data.draw(st.one_of(tied_scores(network), distinct_scores(network)))
    units = pattern.units(network, mp.Magnitude().scores(network))
    some = _flags(data, {name: dead.size for name, dead in units.dead.items()})
    return units, scores, {name: some[name] & ~dead for name, dead in units.dead.items()}


@given(networks(), separable, st.data())
def test_dead_is_all_gone_and_full_is_all_there_was(network, pattern, data):
    units, _, _ = _drawn(data, network, pattern)
    for name, _, position, weights in all_units(network, pattern):
        kept = sum(bool(network.parameters[name].mask[at[1:]]) for at in weights)
        assert units.dead[name][position] == (kept == 0)
        assert (1 if units.full is None else units.full[name][position]) == len(weights)


@given(networks(), tiles, st.data())
def test_a_dead_tile_is_worth_what_all_its_weights_are(network, pattern, data):
    units, scores, dropped = _drawn(data, network, pattern)
    worth = units.growth(scores, dropped)
    for name, _, position, weights in all_units(network, pattern):
        values = [float(scores[name][at[1:]]) for at in weights]
        free = units.dead[name][position] or dropped[name][position]
        assert worth[name][position] == (sum(s * s for s in values) / len(values) if free else -np.inf)


@given(networks(), groups, st.data())
def test_a_slot_can_come_back_where_its_group_has_room(network, pattern, data):
    """As many of each group, the highest, as it has fewer than n now, or than it had."""
    units, scores, dropped = _drawn(data, network, pattern)
    worth = units.growth(scores, dropped)
    for name, p in network.prunable.items():
        after = p.mask & ~dropped[name].reshape(p.shape)
        can = worth[name].reshape(p.shape) > -np.inf
        assert np.array_equal(worth[name].reshape(p.shape)[can], scores[name][can])
        for j in range(p.shape[1]):
            for first in range(0, p.shape[0], pattern.m):
                rows = range(first, min(first + pattern.m, p.shape[0]))
                most = max(math.ceil(pattern.n * len(rows) / pattern.m), sum(bool(p.mask[i, j]) for i in rows))
                room = most - sum(bool(after[i, j]) for i in rows)
                best_first = sorted((-float(scores[name][i, j]), i) for i in rows if not after[i, j])
                assert [i for i in rows if can[i, j]] == sorted(i for _, i in best_first[:room])


@given(networks(), separable, st.data())
def test_regrown_brings_back_what_was_asked_whole(network, pattern, data):
    units, scores, dropped = _drawn(data, network, pattern)
    worth = units.growth(scores, dropped)
    some = _flags(data, {name: w.size for name, w in worth.items()})
    grown = {name: some[name] & (w > -np.inf) for name, w in worth.items()}
    masks = units.regrown(dropped, grown)
    expected = {name: p.mask.copy() for name, p in network.prunable.items()}
    for flags, value in ((dropped, False), (grown, True)):
        for name, _, position, weights in all_units(network, pattern):
            for at in weights if flags[name][position] else ():
                expected[name][at[1:]] = value
    assert all(np.array_equal(masks[name], expected[name]) for name in expected)


@given(networks(), groups, st.data())
def test_nm_groups_stay_when_slots_are_exchanged(network, pattern, data):
    """From a full N:M, as many as were dropped can always come back, and all that may is N:M again."""
    full = mp.plan(network, Given(mp.Magnitude().scores(network)), pattern=pattern, min_keep=0).apply(network)
    units, scores, dropped = _drawn(data, full, pattern)
    grown = {name: worth > -np.inf for name, worth in units.growth(scores, dropped).items()}
    masks = units.regrown(dropped, grown)
    for name, p in full.prunable.items():
        assert grown[name].sum() >= dropped[name].sum()
        for first in range(0, p.shape[0], pattern.m):
            rows = slice(first, min(first + pattern.m, p.shape[0]))
            assert (masks[name][rows].sum(axis=0) <= math.ceil(pattern.n * (rows.stop - first) / pattern.m)).all()


def test_what_is_dropped_comes_back_last_if_it_is_hoped_little_of():
    """A group that has nothing else to give takes its own back: that keeps the count."""
    network = mp.Network([mp.Dense.from_arrays(np.array([[1.0], [2.0], [3.0], [4.0]]))])
    network.parameters["dense1.weight"].mask = np.array([[True], [True], [True], [False]])
    units = NM(3, 4).units(network, mp.Magnitude().scores(network))
    hopes = {"dense1.weight": np.array([[0.0], [0.0], [5.0], [1.0]])}
    worth = units.growth(hopes, {"dense1.weight": np.array([True, True, False, False])})
    assert worth["dense1.weight"].tolist() == [0.0, -np.inf, -np.inf, 1.0]


def test_a_layer_that_is_not_named_loses_and_gains_nothing():
    network = mp.Network.mlp([3, 2, 1], rng=0)
    units = mp.Unstructured().units(network, mp.Magnitude().scores(network))
    masks = units.regrown({"dense1.weight": np.arange(6) < 2}, {})
    assert masks["dense1.weight"].reshape(-1).tolist() == [False, False, True, True, True, True]
    assert masks["dense2.weight"].all()
    assert set(units.growth(mp.Magnitude().scores(network), {})) == {"dense1.weight", "dense2.weight"}


def test_neurons_cannot_be_grown():
    network = mp.Network.mlp([3, 2, 1], rng=0)
    units = mp.Neurons().units(network, mp.Magnitude().scores(network))
    with pytest.raises(InvalidValueError, match=r"^neurons share weights, and so can't be grown one by one"):
        units.growth(mp.Magnitude().scores(network), {})
