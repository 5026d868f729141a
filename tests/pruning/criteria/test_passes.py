"""Passes over data: x and δ are what they say, row by row, and nothing of the network is touched."""

import numpy as np
import pytest
from generators import digest
from hypothesis import given
from hypothesis import strategies as st
from problems import assert_near, gradients, problems

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria import inputs_of_layers, mean_gradients, signals

LOSS = mp.SoftmaxCrossEntropy()


def _entering(network, row):
    """Return what enters each Dense layer when one row goes through."""
    a, result = row[None], []
    for layer in network.copy().layers:
        result += [a[0]] if isinstance(layer, mp.Dense) else []
        a = layer.forward(a)
    return dict(zip(network.prunable, result, strict=True))


@given(problems(), st.integers(1, 8))
def test_x_is_what_enters_each_layer_row_by_row(problem, batch_size):
    network, _, x, _ = problem
    batches = list(inputs_of_layers(network, x, batch_size))
    assert [len(batch["dense1.weight"]) for batch in batches] == [
        min(batch_size, len(x) - i) for i in range(0, len(x), batch_size)
    ]
    for name in network.prunable:
        got = np.concatenate([batch[name] for batch in batches])
        expected = np.array([_entering(network, row)[name] for row in x])
        assert np.allclose(got, expected, rtol=1e-12, atol=1e-14)


@given(problems(), st.integers(1, 8))
def test_x_times_delta_is_the_gradient_of_each_rows_own_loss(problem, batch_size):
    network, loss, x, y = problem
    b = 0
    for batch in signals(network, (x, y), loss, batch_size):
        assert list(batch) == list(network.prunable)
        for k in range(len(batch["dense1.weight"][0])):
            own = {name: np.outer(entering[k], delta[k]) for name, (entering, delta) in batch.items()}
            assert_near(own, gradients(network, loss, x[b : b + 1], y[b : b + 1]), least=1e-14)
            b += 1
    assert b == len(x)


@given(problems(), st.integers(1, 8))
def test_mean_gradients_are_those_of_backprop(problem, batch_size):
    network, loss, x, y = problem
    assert_near(
        mean_gradients(network, (x, y), loss, batch_size), gradients(network, loss, x, y), share=1e-12, least=1e-14
    )


@given(problems())
def test_a_pass_between_forward_and_backward_disturbs_nothing(problem):
    network, loss, x, y = problem
    other = network.copy()
    _, grad = loss.value_and_gradient(network.forward(x, np.random.default_rng(0)), y)
    before = digest(network)
    assert list(signals(network, (x[:1], y[:1]), loss, 1))
    assert list(inputs_of_layers(network, x[:1], 1))
    assert digest(network) == before
    network.backward(grad)
    other.forward(x, np.random.default_rng(0))
    other.backward(grad)
    assert digest(network) == digest(other)


def test_a_batch_stays_as_it_is_when_the_pass_goes_on():
    network = mp.Network.mlp([3, 5, 4, 2], rng=0)
    x = np.random.default_rng(0).standard_normal((6, 3))
    passing = signals(network, (x, np.zeros(6)), LOSS, 2)
    first = next(passing)
    before = {name: (entering.copy(), delta.copy()) for name, (entering, delta) in first.items()}
    assert len(list(passing)) == 2
    for name, (entering, delta) in first.items():
        assert (entering == before[name][0]).all()
        assert (delta == before[name][1]).all()


X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.mark.parametrize(
    "data",
    [X, X.astype(int), (X, [0, 1]), [X, None], (X, "what y is does not matter"), mp.datasets.Split(X, [0, 1])],
    ids=["x", "whole numbers", "pair", "list", "bad y", "split"],
)
def test_inputs_of_layers_takes_x_alone_or_with_a_y(data):
    """An array is x also where it has two rows."""
    (batch,) = inputs_of_layers(mp.Network.mlp([3, 2], rng=0), data, 10)
    assert (batch["dense1.weight"] == X).all()
    assert batch["dense1.weight"].dtype == np.float32


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (None, InvalidValueError, r"needs data: pass data=\(x, y\), a Split such as data=sets.train, or x$"),
        (5, InvalidTypeError, r"data must be a Split or a pair \(x, y\), got int in scores\(\)"),
        (np.ones(3), InvalidValueError, r"x of data must have shape \(batch, 3\), got \(3,\) in scores\(\)"),
        (np.ones((0, 3)), InvalidValueError, r"x of data must have at least one row"),
        (np.ones((2, 4)), InvalidValueError, r"x of data must have 3 columns, got 4 in scores\(\)"),
        (np.full((2, 3), np.inf), InvalidValueError, r"x of data must be finite"),
        (np.array(["a"]), InvalidTypeError, r"x of data must hold real numbers"),
    ],
)
def test_bad_inputs_are_refused_before_the_first_batch(data, error, says):
    with pytest.raises(error, match=says):
        inputs_of_layers(mp.Network.mlp([3, 2], rng=0), data, 10)


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (None, InvalidValueError, r"needs data: pass data=\(x, y\), or a Split such as data=sets.train$"),
        (X, InvalidValueError, r"x of data must have shape \(batch, 3\), got \(3,\) in scores\(\)"),
        ((X, [0]), InvalidValueError, r"y must have shape \(2,\), one label a row, got \(1,\) in scores\(\)"),
        ((X, [0, 2]), InvalidValueError, r"y must be in 0 … 1, got 2 at 1 in scores\(\)"),
    ],
)
def test_bad_pairs_are_refused_before_the_first_batch(data, error, says):
    with pytest.raises(error, match=says):
        signals(mp.Network.mlp([3, 2], rng=0), data, LOSS, 10)
