"""How a case is written down: values and networks as Python that makes them again, bit for bit."""

from types import MappingProxyType

import numpy as np
import pytest

import minprune as mp
from minprune.testing import Case, Given, network
from minprune.testing.cases import bits, digest, source

MADE = {"np": np, "network": network, "Case": Case, "Given": Given}
NAN, INF = float("nan"), float("inf")

VALUES = [
    (0, "0"),
    (0.1, "0.1"),
    (-0.0, "-0.0"),
    (True, "True"),
    (None, "None"),
    ("nan", "'nan'"),
    (NAN, "float('nan')"),
    (INF, "float('inf')"),
    (-INF, "float('-inf')"),
    ([], "[]"),
    ([1], "[1]"),
    ((), "()"),
    ((1,), "(1,)"),
    ((1, 2.5), "(1, 2.5)"),
    ([[1], [NAN, (INF,)]], "[[1], [float('nan'), (float('inf'),)]]"),
    ({}, "{}"),
    ({"a": [1, (2,)], 3: (1, "b")}, "{'a': [1, (2,)], 3: (1, 'b')}"),
    ({"a": {"b": np.array([1.0])}, "c": None}, "{'a': {'b': np.array([1.0])}, 'c': None}"),
    (np.array([1.0, 0.1]), "np.array([1.0, 0.1])"),
    (np.array([[1.5, -0.0]], np.float32), "np.array([[1.5, -0.0]], np.float32)"),
    (np.array([0.1, 0.2], np.float16), "np.array([0.0999755859375, 0.199951171875], np.float16)"),
    (np.array([NAN, 1.0, INF, -INF]), "np.array([np.nan, 1.0, np.inf, -np.inf])"),
    (np.array([[NAN], [-INF]], np.float32), "np.array([[np.nan], [-np.inf]], np.float32)"),
    (np.array([True, False]), "np.array([True, False])"),
    (np.array([1, -2]), "np.array([1, -2])"),
    (np.array([1, -2], np.int8), "np.array([1, -2], np.int8)"),
    (np.array([[1]], np.uint8), "np.array([[1]], np.uint8)"),
    (np.array(2.5), "np.array(2.5)"),
    (np.array(INF, np.float32), "np.array(np.inf, np.float32)"),
    (np.zeros(0), "np.zeros((0,), np.float64)"),
    (np.zeros((0, 3), np.float32), "np.zeros((0, 3), np.float32)"),
    (np.zeros((2, 0), np.int64), "np.zeros((2, 0), np.int64)"),
    (np.zeros((2, 0, 1), np.int8), "np.zeros((2, 0, 1), np.int8)"),
    (np.dtype(np.float32), "np.dtype('float32')"),
    (np.dtype(np.int8), "np.dtype('int8')"),
    (np.float64, "np.float64"),
    (np.int8, "np.int8"),
]


def same(one, other):
    """Tell whether two values are of one type and equal bit for bit, and so on inside."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return bits(one) == bits(other)
    if isinstance(one, float):
        return np.float64(one).tobytes() == np.float64(other).tobytes()
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize(("value", "text"), VALUES, ids=[text for _, text in VALUES])
def test_a_value_is_written_so_that_it_is_made_again_bit_for_bit(value, text):
    assert source(value) == text
    assert same(eval(text, dict(MADE)), value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(0.5), "0.5"),
        (np.float64(NAN), "float('nan')"),
        (np.int8(3), "3"),
        (np.bool_(True), "True"),
        (MappingProxyType({"a": np.int64(1)}), "{'a': 1}"),
        ([np.float32(-INF)], "[float('-inf')]"),
    ],
)
def test_a_numpy_number_or_a_view_of_a_dict_is_written_as_pythons_own(value, text):
    assert source(value) == text


@pytest.mark.parametrize(("value", "text"), [(int, "<class 'int'>"), (mp.Uniform(), "Uniform()")])
def test_what_is_neither_is_shown_as_it_shows_itself(value, text):
    assert source(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Given({"a": np.array([1.0])}), "Given({'a': np.array([1.0])})"),
        (Case(), "Case()"),
        (Case(a=1, b=np.array([2.0])), "Case(a=1, b=np.array([2.0]))"),
        (Case(given=Given({}), pair=(1,)), "Case(given=Given({}), pair=(1,))"),
    ],
)
def test_a_case_and_given_scores_show_themselves_so(value, text):
    assert repr(value) == source(value) == text
    assert repr(eval(text, dict(MADE))) == text


# networks

ONE, TWO = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
NETWORKS = [
    ({"weights": [ONE]}, "network([np.array([[1.0, 2.0]])])"),
    ({"weights": [ONE, TWO]}, "network([np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])])"),
    ({"weights": [ONE], "activation": "tanh"}, "network([np.array([[1.0, 2.0]])])"),  # nothing stands between
    (
        {"weights": [ONE, TWO], "biases": [None, np.array([7.0])], "activation": "sigmoid"},
        "network([np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])], biases=[None, np.array([7.0])], "
        "activation='sigmoid')",
    ),
    (
        {"weights": [ONE, TWO], "masks": [None, np.array([[True], [False]])]},
        "network([np.array([[1.0, 2.0]]), np.array([[3.0], [0.0]])], masks=[None, np.array([[True], [False]])])",
    ),
    (
        {
            "weights": [ONE, TWO, ONE],
            "biases": [np.array([5.0, 6.0]), None, np.array([7.0, 8.0])],
            "bias_masks": [np.array([True, False]), np.array([False]), None],
        },
        "network([np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([[1.0, 2.0]])], "
        "biases=[np.array([5.0, 0.0]), None, np.array([7.0, 8.0])], "
        "bias_masks=[np.array([True, False]), None, None])",
    ),
]


@pytest.mark.parametrize(("given", "text"), NETWORKS, ids=range(len(NETWORKS)))
def test_a_network_is_written_so_that_it_is_made_again_bit_for_bit(given, text):
    net = network(**given)
    assert source(net) == text
    again = eval(text, dict(MADE))
    assert digest(again) == digest(net)
    assert repr(again) == repr(net)


def test_a_network_of_weights_has_relu_between_its_layers_and_no_more_than_was_given():
    net = network([ONE, TWO, ONE])
    assert [type(layer).__name__ for layer in net.layers] == ["Dense", "ReLU", "Dense", "ReLU", "Dense"]
    assert [layer.bias for layer in net.dense] == [None] * 3
    assert [layer.weight.value.tolist() for layer in net.dense] == [ONE.tolist(), TWO.tolist(), ONE.tolist()]
    assert not any(layer.weight.is_masked for layer in net.dense)
    between = network([ONE, TWO], activation="tanh").layers[1]
    assert type(between).__name__ == "Tanh"


@pytest.mark.parametrize(
    ("short", "says"),
    [
        ("biases", r"zip\(\) argument 2 is shorter than argument 1"),
        ("masks", r"zip\(\) argument 2 is shorter than argument 1"),
        ("bias_masks", r"zip\(\) argument 3 is shorter than arguments 1-2"),
    ],
)
def test_a_network_is_told_of_every_layer_or_of_none(short, says):
    with pytest.raises(ValueError, match=says):
        network([ONE, TWO], **{short: [None]})


# what nothing may change


def test_given_scores_are_handed_on_as_they_are():
    scores, net = {"a": np.array([1.0])}, network([ONE])
    assert Given(scores).scores(net) == scores
    assert Given(scores).scores(net, "data") is not scores


def test_a_digest_is_every_bit_of_a_network():
    net = network([np.array([[1.0, -2.0]], np.float32)], masks=[np.array([[True, False]])])
    net.dense[0].weight.grad[...] = 3
    assert digest(net) == (
        (
            "dense1.weight",
            np.array([1.0, 0.0], np.float32).tobytes(),
            np.array([3.0, 3.0], np.float32).tobytes(),
            b"\1\0",
            (1, 2),
            np.dtype(np.float32).str,
        ),
    )
    assert [name for name, *_ in digest(network([ONE, TWO], biases=[np.ones(2), None]))] == [
        "dense1.weight", "dense1.bias", "dense2.weight",
    ]  # fmt: skip


def test_bits_are_dtype_shape_and_bytes():
    assert bits(np.array([[1, 2]], np.int8)) == ("|i1", (1, 2), b"\1\2")
    assert bits(np.array([0.0])) != bits(np.array([-0.0]))
    assert bits(np.array([NAN])) == bits(np.array([NAN]))
