"""Dense, Select and Dropout against slow loops, and their gradients against differences."""

import numpy as np
import pytest
from differences import away_from_kinks, central
from hypothesis import given
from hypothesis import strategies as st

from minprune import Dense, Dropout, InvalidTypeError, InvalidValueError, Select
from minprune.nn.layers import Layer, check_layer

SIZES = st.integers(1, 5)


def dense_by_hand(x, weight, bias):
    y = np.zeros((len(x), weight.shape[1]))
    for b in range(len(x)):
        for j in range(weight.shape[1]):
            y[b, j] = bias[j] + sum(x[b, i] * weight[i, j] for i in range(weight.shape[0]))
    return y


@given(batch=SIZES, inputs=SIZES, outputs=SIZES, bias=st.booleans(), seed=st.integers(0, 999))
def test_dense_is_a_weighted_sum_and_its_gradients_are_true(batch, inputs, outputs, bias, seed):
    rng = np.random.default_rng(seed)
    layer = Dense(inputs, outputs, bias=bias, rng=rng, dtype=np.float64)
    if bias:
        layer.bias.value = rng.standard_normal(outputs)
    x, c = rng.standard_normal((batch, inputs)), rng.standard_normal((batch, outputs))
    b = layer.bias.value if bias else np.zeros(outputs)
    np.testing.assert_allclose(layer.forward(x), dense_by_hand(x, layer.weight.value, b), rtol=1e-12, atol=1e-14)

    def value():
        return float((c * layer.forward(x)).sum())

    layer.forward(x)
    grad_x = layer.backward(c)
    np.testing.assert_allclose(grad_x, central(value, x), rtol=1e-9, atol=1e-10)
    for p in layer.parameters:
        np.testing.assert_allclose(p.grad, central(value, p.value), rtol=1e-9, atol=1e-10)
    layer.forward(x)
    assert layer.backward(c, input_grad=False) is None


def test_dense_gives_the_gradient_of_dropped_weights_too():
    layer = Dense.from_arrays(np.array([[1.0], [2.0]]))
    layer.weight.mask = np.array([[True], [False]])
    layer.forward(np.array([[3.0, 4.0]]))
    layer.backward(np.ones((1, 1)))
    np.testing.assert_array_equal(layer.weight.grad, [[3], [4]])


@pytest.mark.parametrize(("init", "variance"), [("he", 2 / 400), ("glorot", 2 / 700)])
def test_dense_draws_weights_of_the_stated_variance(init, variance):
    w = Dense(400, 300, init=init, rng=0).weight.value
    assert w.dtype == np.float32
    assert abs(w.var() / variance - 1) < 0.02
    assert abs(w.mean()) < 0.02 * np.sqrt(variance)


def test_from_arrays_copies_and_gives_the_bias_the_weights_dtype():
    weight, bias = np.ones((2, 3), np.float32), np.ones(3)
    layer = Dense.from_arrays(weight, bias)
    assert layer.bias.dtype == np.float32
    assert not np.shares_memory(layer.weight.value, weight)
    assert repr(layer) == "Dense(2, 3)"


def test_select_takes_columns_and_puts_gradients_back():
    rng, columns = np.random.default_rng(0), [0, 2, 3]
    layer = Select(np.array(columns), 5)
    x, c = rng.standard_normal((4, 5)), rng.standard_normal((4, 3))
    y = layer.forward(x)
    assert all(y[b, k] == x[b, column] for b in range(4) for k, column in enumerate(columns))
    np.testing.assert_allclose(layer.backward(c), central(lambda: (c * layer.forward(x)).sum(), x), atol=1e-10)
    assert layer.backward(c, input_grad=False) is None
    assert layer.backward(c.astype(np.float32)).dtype == np.float32
    assert repr(layer) == "Select(3 of 5)"


@given(rate=st.floats(0.0, 0.95), seed=st.integers(0, 999))
def test_dropout_drops_or_scales_and_its_gradient_follows(rate, seed):
    x = away_from_kinks(np.random.default_rng(seed), (6, 7))
    layer = Dropout(rate)
    y = layer.forward(x, np.random.default_rng(seed))
    kept = y != 0
    np.testing.assert_allclose(y[kept], (x / (1 - rate))[kept], rtol=1e-12)
    c = np.random.default_rng(1).standard_normal(x.shape)
    slope = central(lambda: (c * layer.forward(x, np.random.default_rng(seed))).sum(), x)
    layer.forward(x, np.random.default_rng(seed))
    np.testing.assert_allclose(layer.backward(c), slope, rtol=1e-9, atol=1e-9)


def test_dropout_keeps_the_expectation_and_does_nothing_outside_training():
    x = np.ones((500, 400), np.float32)
    layer = Dropout(0.3)
    assert layer.forward(x) is x
    c = np.ones_like(x)
    assert layer.backward(c) is c
    y = layer.forward(x, np.random.default_rng(0))
    assert y.dtype == np.float32
    assert abs((y == 0).mean() - 0.3) < 0.005
    assert abs(y.mean() - 1) < 0.005


@pytest.mark.parametrize("layer", [Dense(2, 3, rng=0), Dense(2, 3, bias=False), Select(np.array([1]), 3), Dropout(0.2)])
def test_a_copy_is_equal_and_shares_no_memory(layer):
    twin = layer.copy()
    assert type(twin) is type(layer)
    assert repr(twin) == repr(layer)
    for mine, its in zip(layer.parameters, twin.parameters, strict=True):
        np.testing.assert_array_equal(mine.value, its.value)
        assert not np.shares_memory(mine.value, its.value)


class Drawn:
    """A generator whose next numbers are known."""

    def random(self, shape, dtype):
        assert dtype == np.float32
        return np.array([[0.0, 0.25, 0.75]], dtype)


def test_dropout_drops_where_the_number_drawn_is_below_the_rate():
    """Numbers are drawn from [0, 1), so it is just `rate` of them that are below it."""
    assert Dropout(0.25).forward(np.ones((1, 3)), Drawn()).tolist() == [[0, 4 / 3, 4 / 3]]


def test_dropout_of_nothing_draws_nothing_and_of_no_stated_rate_is_one_half():
    x, draws = np.ones((2, 3)), np.random.default_rng(0)
    assert Dropout(0.0).forward(x, draws) is x
    assert draws.random() == np.random.default_rng(0).random()
    assert repr(Dropout()) == "Dropout(rate=0.5)"


@pytest.mark.parametrize(("layer", "name"), [(Dense(2, 3), "Dense"), (Select(np.array([0]), 2), "Select")])
def test_what_changes_the_width_cannot_work_in_place(layer, name):
    with pytest.raises(TypeError) as caught:
        layer.infer(np.ones((1, 2)))
    assert str(caught.value) == f"a {name} layer changes the width, so it can't work in place"


def test_a_dense_layer_on_its_own_names_its_parameters_and_knows_that_no_batch_came():
    layer = Dense(2, 3, rng=0)
    assert [p.name for p in layer.parameters] == ["weight", "bias"]
    assert [p.prunable for p in layer.parameters] == [True, False]
    with pytest.raises(AssertionError) as caught:
        layer.backward(np.ones((1, 3)))
    assert str(caught.value) == "backward() follows forward()"


def test_a_layer_may_have_as_many_weights_as_stated_and_no_more():
    check_layer(2**16, 2**15, "Dense")
    with pytest.raises(InvalidValueError, match=r"^inputs × outputs must be at most 2,147,483,648, got 65,537 × "):
        check_layer(2**16 + 1, 2**15, "Dense")


class Clip(Layer):
    """One of the reader's own, with two arguments."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def forward(self, x, rng=None):
        return np.clip(x, self.low, self.high)

    def backward(self, grad, *, input_grad=True):
        return grad

    def infer(self, y):
        np.clip(y, self.low, self.high, out=y)

    def config(self):
        return {"low": self.low, "high": self.high}


def test_a_layer_of_ones_own_is_copied_and_shown_by_its_arguments():
    assert repr(Clip(0, 6).copy()) == "Clip(low=0, high=6)"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dense(0, 2), InvalidValueError, "inputs must be at least 1, got 0 in Dense()"),
        (lambda: Dense(2, 2.0), InvalidTypeError, "outputs must be a whole number, got float 2.0 in Dense()"),
        (
            lambda: Dense(2**16, 2**16),
            InvalidValueError,
            "inputs × outputs must be at most 2,147,483,648, got 65,536 × 65,536 in Dense()",
        ),
        (lambda: Dense(2, 2, bias="no"), InvalidTypeError, "bias must be True or False, got 'no' in Dense()"),
        (
            lambda: Dense(2, 2, init="He"),
            InvalidValueError,
            "init must be a known name, got 'He' in Dense(); did you mean 'he'? Known: he, glorot",
        ),
        (
            lambda: Dense(2, 2, rng="x"),
            InvalidTypeError,
            "rng must be a Generator, a seed or None, got str 'x' in Dense()",
        ),
        (lambda: Dense(2, 2, dtype=int), InvalidValueError, "dtype must be float32 or float64, got int64 in Dense()"),
        (
            lambda: Dense.from_arrays(np.ones(3)),
            InvalidValueError,
            "weight must have shape (inputs, outputs), got (3,) in Dense.from_arrays()",
        ),
        (
            lambda: Dense.from_arrays(np.ones((0, 3))),
            InvalidValueError,
            "weight must have shape (inputs, outputs), got (0, 3) in Dense.from_arrays()",
        ),
        (
            lambda: Dense.from_arrays(np.ones((2, 2), int)),
            InvalidValueError,
            "dtype must be float32 or float64, got int64 in Dense.from_arrays()",
        ),
        (
            lambda: Dense.from_arrays(np.array([[np.nan]])),
            InvalidValueError,
            ("weight must be finite, got 1 NaN or infinite in Dense.from_arrays(), the first at (0, 0): nan"),
        ),
        (
            lambda: Dense.from_arrays(np.ones((2, 3)), np.ones(2)),
            InvalidValueError,
            "bias must have shape (3,), got (2,) in Dense.from_arrays()",
        ),
        (
            lambda: Select(np.array([1, 1]), 3),
            InvalidValueError,
            "columns must rise within 0 … 2, got array([1, 1]) in Select()",
        ),
        (
            lambda: Select(np.array([0, 3]), 3),
            InvalidValueError,
            "columns must rise within 0 … 2, got array([0, 3]) in Select()",
        ),
        (
            lambda: Select(np.array([0, 2, 1]), 3),
            InvalidValueError,
            "columns must rise within 0 … 2, got array([0, 2, 1]) in Select()",
        ),
        (
            lambda: Select(np.array([0.5]), 3),
            InvalidValueError,
            "columns must be a list of whole numbers, got array([0.5]) in Select()",
        ),
        (
            lambda: Select(np.array([], int), 3),
            InvalidValueError,
            "columns must be a list of whole numbers, got array([], dtype=int64) in Select()",
        ),
        (lambda: Dropout(1.0), InvalidValueError, "rate must be in [0, 1), got 1 in Dropout()"),
        (lambda: Dropout("a"), InvalidTypeError, "rate must be a number, got str 'a' in Dropout()"),
    ],
)
def test_what_no_layer_can_be_is_refused(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == message
