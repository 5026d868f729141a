"""What is drawn: dyadic values, shapes that fit, small things when they shrink, and cases that can be pasted."""

import copy
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

import minprune as mp
from minprune.testing import Case, strategies
from minprune.testing.cases import Given, digest, network, source

SHRINKS = settings(phases=[Phase.generate, Phase.shrink])  # whatever the profile
MADE = {"np": np, "network": network, "Case": Case, "Given": Given}


@given(strategies.weights())
def test_weights_are_small_multiples_of_an_eighth(w):
    assert ((w * 8) % 1 == 0).all()
    assert (np.abs(w) <= 4).all()


def test_a_shape_that_is_not_asked_for_is_of_1_to_6_by_1_to_6():
    for beyond in (lambda shape: max(shape) > 6, lambda shape: min(shape) < 1):
        with pytest.raises(NoSuchExample):
            find(strategies._shapes(), beyond)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (6, 6)])
def test_a_shape_may_be_of_any_of_these(shape):
    assert find(strategies._shapes(), lambda drawn: drawn == shape) == shape


@given(strategies.weights((2, 3), ties=False, zeros=False, dtype=np.float64))
def test_weights_without_ties_or_zeros(w):
    assert w.dtype == np.float64
    assert np.unique(np.abs(w)).size == w.size
    assert w.all()


@given(strategies.scores(ties=False), st.data())
def test_scores_without_ties_are_all_different(scores, data):
    flat = np.concatenate([s.ravel() for s in scores.values()])
    assert sorted(flat) == list(range(1, flat.size + 1))
    shapes = [s.shape for s in scores.values()]
    assert all(a[1] == b[0] for a, b in pairwise(shapes))


@given(strategies.sparsities())
def test_sparsities_are_in_range(sparsity):
    assert 0 <= sparsity < 1


@given(st.from_type(mp.Network), st.from_type(mp.datasets.Split))
def test_networks_and_splits_come_from_their_type(net, split):
    assert isinstance(net, mp.Network)
    assert isinstance(split, mp.datasets.Split)


@given(strategies.networks(pruned=False, bias=True, layers=(2, 2)))
def test_networks_are_as_asked_for(net):
    assert len(net.dense) == 2
    assert net.sparsity == 0
    assert all(layer.bias is not None for layer in net.dense)


@given(strategies.sparse_matrices(), strategies.plan_requests())
def test_matrices_and_requests_can_be_had(matrix, request):
    assert matrix.ndim == 2
    assert list(request.scores) == list(request.network.prunable)


def test_they_shrink_to_what_can_be_read():
    assert source(find(strategies.networks(), lambda net: net.weights > 1, settings=SHRINKS)) in (
        "network([np.array([[0.0, 0.0]], np.float32)])",
        "network([np.array([[0.0], [0.0]], np.float32)])",
    )
    least = find(strategies.masks((1, 3)), lambda mask: not mask.all(), settings=SHRINKS).tolist()
    assert least in ([[True, True, False]], [[False, False, False]])  # the latter takes fewer choices to draw
    assert find(strategies.sparsities(), lambda s: s > 0, settings=SHRINKS) == 0.5


@given(strategies.networks())
def test_a_network_is_made_again_from_what_is_shown(net):
    assert digest(eval(source(net), MADE)) == digest(net)


VALUES = [
    np.array([[1.5, -0.0]], np.float32),
    np.array([1.0, np.nan, np.inf, -np.inf]),
    np.array([True, False]),
    np.array([1, 2]),
    np.array([1, 2], np.uint8),
    np.zeros((0, 3), np.float32),
    np.zeros((2, 0)),
    np.float32(0.5),
    float("nan"),
    float("-inf"),
    {"a": [1, (2,)], "b": (np.array([1.0]), None)},
    np.dtype(np.float32),
    np.float64,
    "text",
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_made_again_from_what_is_shown(value):
    text = source(value)
    assert source(eval(text, MADE)) == text


def test_a_case_is_made_again_from_what_is_shown():
    case = Case(scores={"a": np.array([[1.0]])}, criterion=Given({"a": np.array([[1.0]])}), sparsity=0.5)
    assert repr(eval(repr(case), MADE)) == repr(case) == repr(copy.deepcopy(case))
