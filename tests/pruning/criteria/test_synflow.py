"""SynFlow: every path by hand, a flow that is conserved, and no overflow in deep networks."""

from itertools import pairwise, product
from math import prod

import numpy as np
import pytest
from generators import digest, networks
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria.synflow import SynFlow


def _by_paths(network):
    """Walk every path from an input to an output; its product goes to each weight on it."""
    weights = [np.abs(layer.weight.value.astype(np.float64)) for layer in network.dense]
    widths = [network.dense[0].inputs, *(layer.outputs for layer in network.dense)]
    scores = [np.zeros(w.shape) for w in weights]
    total = 0.0
    for path in product(*map(range, widths)):
        size = prod(float(w[path[k], path[k + 1]]) for k, w in enumerate(weights))
        total += size
        for k, score in enumerate(scores):
            score[path[k], path[k + 1]] += size
    return [score / total if total else score for score in scores]


@given(networks(width=5))
def test_a_score_is_the_share_of_the_paths_through_the_weight(network):
    scores = SynFlow().scores(network)
    assert list(scores) == list(network.prunable)
    for p, by_hand, score in zip(network.prunable.values(), _by_paths(network), scores.values(), strict=True):
        assert score.dtype == p.dtype
        assert np.allclose(score, by_hand, rtol=1e-6, atol=0)  # float32: half a unit in the last place is 6e-8


@given(networks(dtype=np.float64, layers=(2, 5), width=4))
def test_synflow_conserved(network):
    """What enters a hidden unit leaves it, biases or not; each layer's scores add up to 1, or to 0 without a path."""
    scores = list(SynFlow().scores(network).values())
    for before, after in pairwise(scores):
        assert np.allclose(before.sum(axis=0), after.sum(axis=1), rtol=1e-13, atol=0)
    connected = any(score.any() for score in _by_paths(network))
    assert [score.sum() for score in scores] == pytest.approx([float(connected)] * len(scores), rel=1e-13)


@given(networks(dtype=np.float64), st.floats(1e-3, 1e3), st.data())
def test_scaling_a_layer_changes_no_score(network, factor, data):
    """R is homogeneous of degree 1 in each layer, so scores over R are of degree 0."""
    before = SynFlow().scores(network)
    p = network.parameters[data.draw(st.sampled_from(list(network.prunable)))]
    p.value = p.value * factor
    after = SynFlow().scores(network)
    assert all(np.allclose(before[name], after[name], rtol=1e-12, atol=0) for name in before)


@given(networks())
def test_it_asks_nothing_but_the_sizes_of_the_weights(network):
    """Not the biases, the activations, a Select in front or a Dropout; and the data it is given makes no difference."""
    before = SynFlow().scores(network)
    kept = digest(network)
    other = [mp.Select(np.arange(1, network.inputs + 1), network.inputs + 2)]
    for layer in network.layers:
        other += [layer.copy(), mp.Dropout(0.5)] if isinstance(layer, mp.Dense) else [mp.GELU()]
    changed = mp.Network(other)
    for p in changed.parameters.values():
        p.value = -p.value if p.prunable else p.value + 3
    after = SynFlow().scores(changed, (np.ones((2, 1)), "anything"))
    assert all(np.array_equal(after[name], before[name]) for name in before)
    assert digest(network) == kept


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1e3, 1e30])
def test_deep_networks_neither_overflow_nor_vanish(size):
    """R is size^200 · 4^201, far outside any float; the share of each of the 16 weights of a layer is 1/16 still."""
    network = mp.Network([mp.Dense.from_arrays(np.full((4, 4), size, np.float32)) for _ in range(200)])
    for score in SynFlow().scores(network).values():
        assert np.allclose(score, 1 / 16, rtol=1e-6)


@pytest.mark.parametrize("widths", [[2, 70_000, 1], [500, 300, 200, 10]])
def test_layers_larger_than_a_piece_are_whole(widths):
    """A row longer than a piece, and several pieces with a ragged last one: as the formula says it in one go."""
    network = mp.Network.mlp(widths, rng=0)
    scores = SynFlow().scores(network)
    weights = [np.abs(layer.weight.value.astype(np.float64)) for layer in network.dense]
    a = [np.ones(widths[0])]
    for w in weights:
        a.append(a[-1] @ w)
    b = np.ones(widths[-1])
    for w, reach, score in reversed(list(zip(weights, a, scores.values(), strict=False))):
        assert np.allclose(score, reach[:, None] * w * b / a[-1].sum(), rtol=1e-6, atol=0)
        b = w @ b


def test_nothing_flows_into_a_dead_end():
    first, second = np.array([[1.0, 2.0]]), np.array([[0.0], [3.0]])
    scores = SynFlow().scores(mp.Network([mp.Dense.from_arrays(first), mp.Dense.from_arrays(second)]))
    assert scores["dense1.weight"].tolist() == [[0.0, 1.0]]
    assert scores["dense2.weight"].tolist() == [[0.0], [1.0]]


def test_without_a_path_all_scores_are_zero():
    first, second = np.array([[1.0, 0.0]]), np.array([[0.0], [3.0]])
    scores = SynFlow().scores(mp.Network([mp.Dense.from_arrays(first), mp.Dense.from_arrays(second)]))
    assert not any(score.any() for score in scores.values())


def test_in_rounds_it_keeps_layers_alive_that_one_round_empties():
    """The point of the paper: at 99.5 %, a hundred rounds leave a path where one cuts every one of them."""
    network = mp.Network.mlp([100, 60, 200, 60, 10], rng=0)
    paths = {}
    for rounds in (1, 100):
        pruned = mp.plan(network, SynFlow(rounds=rounds), sparsity=0.998, min_keep=0).apply(network)
        paths[rounds] = any(score.any() for score in SynFlow().scores(pruned).values())
    assert paths == {1: False, 100: True}


@pytest.mark.parametrize(
    ("rounds", "error", "says"),
    [
        (0, InvalidValueError, r"rounds must be at least 1, got 0 in SynFlow\(\)"),
        (2.0, InvalidTypeError, r"rounds must be a whole number, got float 2.0 in SynFlow\(\)"),
    ],
)
def test_bad_input_is_refused(rounds, error, says):
    with pytest.raises(error, match=says):
        SynFlow(rounds)


def test_repr_and_rounds():
    assert repr(SynFlow()) == "SynFlow(rounds=100)"
    assert SynFlow(3).rounds == 3
    assert not SynFlow.needs_data
