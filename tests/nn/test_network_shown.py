"""The network as it is shown and built, and how it tells where its output stops being finite."""

import numpy as np
import pytest

from minprune import Dense, Dropout, InvalidTypeError, InvalidValueError, Network, ReLU, Select, Tanh


def test_a_network_is_shown_layer_by_layer():
    net = Network(
        [Select(np.array([0, 2]), 3), Dense(2, 1000, rng=0), Dropout(0.5), ReLU(), Dense(1000, 1, bias=False)]
    )
    mask = np.ones((2, 1000), bool)
    mask[0, :750] = False
    net.parameters["dense1.weight"].mask = mask
    assert (
        repr(net)
        == """\
Network 3-1000-1 float32, 3,000 weights, 25.0 % pruned
layer     kind                        weights   kept
────────────────────────────────────────────────────
select1   Select(2 of 3)
dense1    Dense(2, 1000)                2,000  1,250
dropout1  Dropout(rate=0.5)
relu1     ReLU()
dense2    Dense(1000, 1, bias=False)    1,000  1,000"""
    )
    assert net.sparsity == 0.25
    assert (net.weights, net.kept) == (3000, 2250)


def kinds(net):
    return [type(layer).__name__ for layer in net.layers]


def test_mlp_puts_an_activation_and_its_dropout_between_dense_layers_and_none_after_the_last():
    assert kinds(Network.mlp([3, 2])) == ["Dense"]
    assert kinds(Network.mlp([3, 4, 5, 2])) == ["Dense", "ReLU", "Dense", "ReLU", "Dense"]
    tanh = Network.mlp([3, 4, 2], activation="tanh", dropout=0.25)
    assert kinds(tanh) == ["Dense", "Tanh", "Dropout", "Dense"]
    assert tanh.layers[2].rate == 0.25
    assert tanh.dtype == np.float32
    assert Network.mlp([3, 2], dtype=np.float64).dtype == np.float64
    assert kinds(Network.mlp(np.array([3, 4, 2]))) == kinds(Network.mlp((3, 4, 2))) == ["Dense", "ReLU", "Dense"]


@pytest.mark.parametrize(
    ("activation", "init"),
    [("relu", "he"), ("leaky_relu", "he"), ("gelu", "he"), ("tanh", "glorot"), ("sigmoid", "glorot")],
)
def test_mlp_draws_its_layers_one_after_another_by_the_init_of_the_activation(activation, init):
    net, draws = Network.mlp([5, 4, 3], activation=activation, rng=7), np.random.default_rng(7)
    for layer, (inputs, outputs) in zip(net.dense, [(5, 4), (4, 3)], strict=True):
        expected = Dense(inputs, outputs, init=init, rng=draws).weight.value
        np.testing.assert_array_equal(layer.weight.value, expected)
        assert not layer.bias.value.any()


def large(*middle):
    """A network whose numbers grow by 3e38 in each of two layers."""
    layers = [Dense.from_arrays(np.full((2, 2), 3e38, np.float32)) for _ in range(2)]
    return Network([layers[0], *middle, layers[1]])


TEXT = (
    "the network's output must be finite, got {} NaN or infinite in {}(), the first at ({}, 0): {}; "
    "not finite from {} on"
)


@pytest.mark.parametrize(
    ("net", "x", "first", "value", "layer"),
    [
        (large(), [[0.0, 0.0], [0.5, 0.5]], 1, "inf", "dense2"),
        (large(Tanh(), ReLU()), [[0.0, 0.0], [0.5, 0.5]], 1, "inf", "dense2"),
        (large(ReLU()), [[1.0, 1.0], [0.0, 0.0]], 0, "inf", "dense1"),
        (large(ReLU()), [[0.0, 0.0], [0.0, 0.0], [0.1, 0.1]], 2, "inf", "dense2"),
    ],
)
def test_an_output_that_is_not_finite_names_its_place_and_the_layer(net, x, first, value, layer):
    for call, where in ((net, "Network"), (net.predict, "predict"), (net.predict_proba, "predict_proba")):
        with pytest.raises(InvalidValueError) as caught:
            call(np.array(x))
        assert str(caught.value) == TEXT.format(2, where, first, value, layer)
    with pytest.raises(InvalidValueError) as caught:  # there is nothing to go back from
        net.backward(np.ones((len(x), 2)))
    assert str(caught.value) == "backward() follows a forward pass; call the network first"


def test_it_is_the_layer_of_the_first_row_though_another_row_fails_earlier():
    with pytest.raises(InvalidValueError) as caught:
        large(ReLU())(np.array([[0.5, 0.5], [1.0, 1.0]]))
    assert str(caught.value) == TEXT.format(4, "Network", 0, "inf", "dense2")


def test_predictions_in_batches_are_told_of_as_one():
    with pytest.raises(InvalidValueError) as caught:
        large().predict(np.array([[0.0, 0.0], [0.5, 0.5], [0.0, 0.0]]), batch_size=1)
    assert str(caught.value) == TEXT.format(2, "predict", 1, "inf", "dense2")


WIDTHS = "widths must hold at least two whole numbers, got {} in Network.mlp()"
LARGE = "inputs × outputs must be at most 2,147,483,648, got {} in Network.mlp()"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        *((lambda bad=bad: Network.mlp(bad), InvalidValueError, WIDTHS.format(repr(bad)))
          for bad in ([], [4], "42", b"42", {4, 2}, 4, np.array(4), None)),
        (lambda: Network.mlp([2, "3"]), InvalidTypeError,
         "widths[1] must be a whole number, got str '3' in Network.mlp()"),
        (lambda: Network.mlp([2, 3, 2**40]), InvalidValueError, LARGE.format("3 × 1,099,511,627,776")),
        (lambda: Network.mlp([2, 3], activation="rleu"), InvalidValueError,
         "activation must be a known name, got 'rleu' in Network.mlp(); did you mean 'relu'? Known: relu, leaky_relu, "
         "tanh, sigmoid, gelu"),
        (lambda: Network.mlp([2, 3], rng="x"), InvalidTypeError,
         "rng must be a Generator, a seed or None, got str 'x' in Network.mlp()"),
        (lambda: Network.mlp([2, 3], dtype=int), InvalidValueError,
         "dtype must be float32 or float64, got int64 in Network.mlp()"),
        (lambda: Network("net"), InvalidTypeError, "layers must be a sequence of layers, got 'net' in Network()"),
        (lambda: Network([ReLU()]), InvalidValueError, "layers must hold at least one Dense, got none in Network()"),
        (lambda: Network([Select(np.array([0]), 2), Select(np.array([0]), 1), Dense(1, 1)]), InvalidValueError,
         "layers may hold one Select, in front of the first Dense, in Network()"),
        (lambda: Network([Select(np.array([0]), 2), Dense(2, 1)]), InvalidValueError,
         "layers must fit: select1 has 1 outputs, dense1 takes 2 in Network()"),
        (lambda: Network([Dense(2, 3), ReLU(), Dense(4, 1)]), InvalidValueError,
         "layers must fit: dense1 has 3 outputs, dense2 takes 4 in Network()"),
        (lambda: Network.mlp([2, 3]).predict([[1.0]]), InvalidValueError, "x must have 2 columns, got 1 in predict()"),
        (lambda: Network.mlp([2, 3]).predict_proba([[1.0]]), InvalidValueError,
         "x must have 2 columns, got 1 in predict_proba()"),
        (lambda: Network.mlp([2, 3]).predict_proba([[1.0, 1.0]], batch_size=0), InvalidValueError,
         "batch_size must be at least 1, got 0 in predict_proba()"),
        (lambda: Network.mlp([2, 3]).backward("x"), InvalidTypeError,
         "grad must hold real numbers, got dtype <U1 in backward()"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_in_full(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text


def test_input_grad_is_a_flag():
    net = Network.mlp([2, 3], rng=0)
    net(np.ones((1, 2)))
    with pytest.raises(InvalidTypeError) as caught:
        net.backward(np.ones((1, 3)), input_grad=1)
    assert str(caught.value) == "input_grad must be True or False, got 1 in backward()"
