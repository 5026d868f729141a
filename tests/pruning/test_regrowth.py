"""Drop-and-grow: each layer keeps its number of connections, the right ones go and come, and what comes is new."""

import math

import numpy as np
import pytest
from generators import Given, Pairs, digest, distinct_scores, networks, split, tied_scores
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.pruning.patterns import NM, Blocks, Tiling, Vectors
from minprune.pruning.regrowth import SET, Regrowth, RigL

LOSS = mp.SoftmaxCrossEntropy()


class Hopes(Regrowth):
    """What a test wrote down."""

    def __init__(self, hopes, fraction=0.3, may_return=True):
        super().__init__(fraction)
        self.hopes, self.may_return = hopes, may_return

    def promise(self, network, data, rng):
        return self.hopes


class Runs(Tiling):
    """Four neighbours of a row at a time, fewer at its end."""

    noun = "run"

    def numbers(self, shape):
        rows, columns = np.indices(shape)
        return rows * -(-shape[1] // 4) + columns // 4


def exchange_by_hand(mask, worth, hope, share, may_return):
    """One connection at a time: the lowest live one goes, then the most hopeful of the dead ones comes."""
    flat, count = mask.reshape(-1).copy(), round(share * int(mask.sum()))
    was, count = flat.copy(), min(count, int((~mask).sum()))
    for _ in range(count):
        live = [i for i in range(flat.size) if flat[i]]
        flat[min(live, key=lambda i: worth.reshape(-1)[i])] = False
    free = [i for i in range(flat.size) if not flat[i] and (may_return or not was[i])]
    for _ in range(count):
        best = max(free, key=lambda i: (hope.reshape(-1)[i], -i))
        flat[best] = True
        free.remove(best)
    return flat.reshape(mask.shape)


@given(st.data(), networks(pruned=True), st.booleans(), st.floats(0, 1), st.floats(0.01, 1))
def test_the_lowest_go_and_the_most_hopeful_come(data, network, may_return, t, fraction):
    """Against the slow walk, on any masks, ties included."""
    scores, hopes = (data.draw(st.one_of(tied_scores(network), distinct_scores(network))) for _ in range(2))
    regrow = Hopes(hopes, fraction, may_return)
    before = digest(network)
    masks = regrow.masks(network, scores, t, pattern=mp.Unstructured(), data=None, rng=None)
    assert digest(network) == before
    share = fraction / 2 * (1 + math.cos(math.pi * t))
    for name, p in network.prunable.items():
        expected = exchange_by_hand(p.mask, scores[name], hopes[name], share, may_return)
        np.testing.assert_array_equal(masks[name], expected)


@given(
    st.data(),
    networks(pruned=True),
    st.sampled_from([mp.Unstructured(), Pairs(), Runs(reduce="max"), Vectors(3), Blocks((2, 3)), NM(2, 4), NM(1, 3)]),
    st.floats(0, 1),
    st.sampled_from(["set", "rigl", "hopes"]),
)
def test_regrow_conserves(data, network, pattern, t, kind):
    """The number of connections of each layer, whatever shape they come in and however the masks came about."""
    x = np.random.default_rng(0).standard_normal((7, network.inputs))
    y = np.arange(7) % network.outputs
    scores = data.draw(tied_scores(network))
    loss = LOSS if network.outputs > 1 else mp.MeanSquaredError()
    regrow = {"set": SET(1.0), "rigl": RigL(loss, 0.7), "hopes": Hopes(data.draw(tied_scores(network)), 0.5)}[kind]
    masks = regrow.masks(network, scores, t, pattern=pattern, data=(x, y), rng=np.random.default_rng(1))
    for name, p in network.prunable.items():
        assert masks[name].dtype == np.bool_
        assert masks[name].sum() == p.kept
        if t == 1:
            np.testing.assert_array_equal(masks[name], p.mask)


@given(
    st.data(), networks(pruned=False), st.sampled_from([Pairs(), Runs(), Vectors(3), Blocks((2, 2))]), st.floats(0, 0.9)
)
def test_tiles_are_exchanged_whole(data, network, pattern, t):
    scores, hopes = (data.draw(distinct_scores(network)) for _ in range(2))
    pruned = mp.plan(network, Given(scores), sparsity=0.5, pattern=pattern, min_keep=0).apply(network)
    masks = Hopes(hopes, 0.8).masks(pruned, scores, t, pattern=pattern, data=None, rng=None)
    for name, p in pruned.prunable.items():
        numbers = pattern.numbers(p.shape)
        for number in np.unique(numbers):
            assert len(set(masks[name][numbers == number])) == 1


@given(st.data(), networks(pruned=False), st.sampled_from([(1, 2), (2, 4), (3, 5)]), st.booleans(), st.floats(0, 1))
def test_groups_of_n_of_m_keep_their_numbers(data, network, nm, may_return, level):
    """So a full pattern stays full, and one on its way there gets no further."""
    scores, hopes = (data.draw(distinct_scores(network)) for _ in range(2))
    full = mp.plan(network, Given(scores), pattern=NM(*nm), min_keep=0)
    part = mp.plan(network, Given(scores), sparsity=level * full.sparsity, pattern=NM(*nm), min_keep=0)
    pruned = part.apply(network)
    regrow = Hopes(hopes, 0.9, may_return)
    masks = regrow.masks(pruned, scores, 0.0, pattern=NM(*nm), data=None, rng=None)
    for name, p in pruned.prunable.items():
        for first in range(0, p.shape[0], nm[1]):
            group = slice(first, first + nm[1])
            np.testing.assert_array_equal(masks[name][group].sum(axis=0), p.mask[group].sum(axis=0))


def test_n_of_m_by_hand():
    """Of a column of two groups, each with two of four, the lowest of all goes: its group has room again."""
    network = mp.Network([mp.Dense(8, 1, rng=0)])
    network.parameters["dense1.weight"].mask = np.array([1, 1, 0, 0, 0, 0, 1, 1], bool)[:, None]
    scores = split(network, np.array([3.0, 1, 0, 0, 0, 0, 8, 9]))
    hopes = split(network, np.array([0.0, 6, 5, 4, 9, 9, 0, 0]))
    for may_return, expected in ((True, [1, 1, 0, 0, 0, 0, 1, 1]), (False, [1, 0, 1, 0, 0, 0, 1, 1])):
        regrow = Hopes(hopes, 0.25, may_return)
        masks = regrow.masks(network, scores, 0.0, pattern=NM(2, 4), data=None, rng=None)
        assert masks["dense1.weight"][:, 0].astype(int).tolist() == expected


def test_what_was_dropped_comes_after_all_others_also_where_nothing_is_hoped():
    network = mp.Network([mp.Dense(4, 1, rng=0)])
    network.parameters["dense1.weight"].mask = np.array([1, 1, 0, 0], bool)[:, None]
    scores, hopes = split(network, np.arange(4.0)), split(network, np.zeros(4))
    regrow = Hopes(hopes, 0.5, may_return=False)
    masks = regrow.masks(network, scores, 0.0, pattern=mp.Unstructured(), data=None, rng=None)
    assert masks["dense1.weight"][:, 0].tolist() == [False, True, True, False]


def test_where_nothing_else_can_come_all_stay():
    """The lowest are in a group where all live: nothing else can come there."""
    network = mp.Network([mp.Dense(8, 1, rng=0)])
    mask = np.array([1, 1, 1, 1, 0, 0, 1, 1], bool)[:, None]
    network.parameters["dense1.weight"].mask = mask
    scores, hopes = split(network, np.array([1.0, 2, 5, 6, 0, 0, 3, 9])), split(network, np.arange(8.0))
    regrow = Hopes(hopes, 0.5, may_return=False)
    masks = regrow.masks(network, scores, 0.0, pattern=NM(2, 4), data=None, rng=None)
    np.testing.assert_array_equal(masks["dense1.weight"], mask)


def test_tiles_by_hand():
    """Of eight pairs four are live; half of them, the lowest two, make room for the two of the highest hope."""
    network = mp.Network([mp.Dense(4, 4, rng=0)])
    numbers = Pairs().numbers((4, 4))
    network.parameters["dense1.weight"].mask = numbers < 4
    scores = split(network, np.repeat([[4.0, 1, 2, 3], [9, 9, 9, 9]], 2, axis=0).reshape(-1))
    hopes = split(network, np.array([[9, 9, 9, 9], [9, 9, 9, 9], [5, 0, 3, 3], [0, 0, 3, 4.0]]).reshape(-1))
    down_and_back = Hopes(hopes, 0.5).masks(network, scores, 0.0, pattern=Pairs(), data=None, rng=None)
    assert set(numbers[down_and_back["dense1.weight"]]) == {0, 1, 2, 3}  # as those that went had the highest hope
    away = Hopes(hopes, 0.5, may_return=False).masks(network, scores, 0.0, pattern=Pairs(), data=None, rng=None)
    # Mean squares of the hopes are 12.5, 0, 9 and 12.5 for the pairs 4 to 7.
    assert set(numbers[away["dense1.weight"]]) == {0, 3, 4, 7}


def test_rigl_grows_what_would_help_the_loss_most():
    """Against central differences, one dead connection at a time."""
    network = mp.Network.mlp([5, 6, 3], rng=0, dtype=np.float64)
    network = mp.plan(network, mp.Random(rng=0), sparsity=0.6).apply(network)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 5)), rng.integers(0, 3, 20)
    worst_first = {name: np.arange(p.size, 0.0, -1).reshape(p.shape) for name, p in network.prunable.items()}
    masks = RigL(LOSS, 0.5).masks(network, worst_first, 0.0, pattern=mp.Unstructured(), data=(x, y), rng=rng)
    for name, p in network.prunable.items():
        slopes = np.zeros(p.shape)
        for at in np.ndindex(p.shape):
            twin = network.copy()
            twin.parameters[name].mask = np.ones(p.shape, bool)
            twin.parameters[name].value[at] += 1e-6
            up = LOSS(twin(x), y)
            twin.parameters[name].value[at] -= 2e-6
            slopes[at] = abs(up - LOSS(twin(x), y)) / 2e-6
        count = round(0.5 * p.kept)
        live = np.flatnonzero(p.mask)[: p.kept - count]  # the last ones go
        free = np.setdiff1d(np.arange(p.size), live)
        best = free[np.argsort(-slopes.reshape(-1)[free])[:count]]
        assert set(np.flatnonzero(masks[name])) == {*live, *best}


def test_set_grows_anywhere_but_where_it_just_dropped():
    network = mp.Network([mp.Dense(4, 4, rng=0)])
    weight = network.parameters["dense1.weight"]
    weight.mask = np.arange(16).reshape(4, 4) < 6
    scores, rng = split(network, np.arange(16.0)), np.random.default_rng(0)
    came = np.zeros((4, 4), int)
    for _ in range(400):
        mask = SET(0.5).masks(network, scores, 0.0, pattern=mp.Unstructured(), data=None, rng=rng)["dense1.weight"]
        assert not mask.reshape(-1)[:3].any()
        assert mask.reshape(-1)[3:6].all()
        came += mask & ~weight.mask
    assert came.sum() == 3 * 400
    assert came.reshape(-1)[6:].min() > 80  # of 120 on average


@given(st.floats(0.01, 1), st.floats(0, 1))
def test_the_share_falls_along_a_cosine(fraction, t):
    regrow = SET(fraction)
    assert regrow.share(t) == pytest.approx(fraction * math.cos(math.pi * t / 2) ** 2, abs=1e-12)
    assert (regrow.share(0), regrow.share(1)) == (fraction, 0.0)
    assert 0 <= regrow.share(t) <= fraction
