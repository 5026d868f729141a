"""The activations against their formulas, one number at a time, and their gradients against differences."""

import math

import numpy as np
import pytest
from differences import away_from_kinks, central
from hypothesis import given
from hypothesis import strategies as st

from minprune import GELU, InvalidTypeError, InvalidValueError, LeakyReLU, ReLU, Sigmoid, Tanh
from minprune.nn.activations import ACTIVATIONS

BY_HAND = {
    "relu": lambda x: x if x > 0 else 0.0,
    "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x)),
    "gelu": lambda x: x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(seed=st.integers(0, 2**16), scale=st.sampled_from([1e-3, 1.0, 5.0]))
def test_values_and_gradients_are_those_of_the_formula(name, seed, scale):
    rng = np.random.default_rng(seed)
    layer = ACTIVATIONS[name]()
    x = scale * away_from_kinks(rng, (3, 4))
    x = np.where(np.abs(x) < 0.01, 0.01, x)
    y = layer.forward(x)
    # 1 + tanh cancels where it is near 0, in the formula by hand as well: ε |x| of absolute error is what can be asked.
    np.testing.assert_allclose(y, np.vectorize(BY_HAND[name])(x), rtol=1e-13, atol=2e-15 if name == "gelu" else 0)
    c = rng.standard_normal(x.shape)
    expected = central(lambda: (c * ACTIVATIONS[name]().forward(x)).sum(), x)
    np.testing.assert_allclose(layer.backward(c), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_numbers_give_the_limits_and_no_warning(name, dtype):
    big = np.finfo(dtype).max / 2
    x = np.array([[-big, -1e30, -1e4, 0.0, 1e4, 1e30, big]], dtype)
    layer = ACTIVATIONS[name]()
    y, slope = layer.forward(x), layer.backward(np.ones_like(x))
    assert y.dtype == slope.dtype == dtype
    low = {"relu": 0, "leaky_relu": 0.01 * x[0, :3], "tanh": -1, "sigmoid": 0, "gelu": 0}[name]
    high = {"tanh": 1, "sigmoid": 1}.get(name, x[0, 4:])
    np.testing.assert_allclose(y[0, :3], np.broadcast_to(low, 3), rtol=1e-6)
    np.testing.assert_allclose(y[0, 4:], np.broadcast_to(high, 3), rtol=1e-6)
    np.testing.assert_array_equal(slope[0, [0, 1, 2]], dtype(0.01 if name == "leaky_relu" else 0))
    np.testing.assert_array_equal(slope[0, [4, 5, 6]], 0 if name in ("tanh", "sigmoid") else 1)


def test_the_kink_belongs_to_the_lower_side():
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    for layer, slope in ((ReLU(), 0.0), (LeakyReLU(0.2), 0.2)):
        layer.forward(zero)
        assert layer.backward(one) == slope


def test_the_logistic_function_keeps_its_digits_far_below_zero():
    np.testing.assert_allclose(Sigmoid().forward(np.array([[-40.0, -700.0]])), np.exp([[-40.0, -700.0]]), rtol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_infer_is_forward_in_place_and_forward_does_not_write_to_its_input(name):
    layer = ACTIVATIONS[name]()
    x = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)
    x.setflags(write=False)
    y = x.copy()
    layer.infer(y)
    np.testing.assert_array_equal(y, layer.forward(x))


@pytest.mark.parametrize("layer", [ReLU(), LeakyReLU(0.3), Tanh(), Sigmoid(), GELU()])
def test_a_copy_is_equal_and_remembers_no_batch(layer):
    layer.forward(np.ones((1, 1)))
    twin = layer.copy()
    assert repr(twin) == repr(layer)
    assert not hasattr(twin, "_y")


@pytest.mark.parametrize(
    ("slope", "error", "message"),
    [
        (1.0, InvalidValueError, "slope must be in [0, 1), got 1 in LeakyReLU()"),
        (-0.1, InvalidValueError, "slope must be in [0, 1), got -0.1 in LeakyReLU()"),
        (float("nan"), InvalidValueError, "slope must be in [0, 1), got nan in LeakyReLU()"),
        (True, InvalidTypeError, "slope must be a number, got bool True in LeakyReLU()"),
    ],
)
def test_what_no_slope_can_be_is_refused(slope, error, message):
    with pytest.raises(error) as caught:
        LeakyReLU(slope)
    assert str(caught.value) == message
