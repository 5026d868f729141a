"""The losses against slow loops in plain Python, their gradients against differences, with and without weights."""

import math

import numpy as np
import pytest
from differences import central
from hypothesis import given
from hypothesis import strategies as st

from minprune import BinaryCrossEntropy, InvalidTypeError, InvalidValueError, MeanSquaredError, SoftmaxCrossEntropy

LOSSES = {"softmax": SoftmaxCrossEntropy(), "binary": BinaryCrossEntropy(), "squares": MeanSquaredError()}


def one_by_hand(name, z, y):
    """The loss of one sample."""
    if name == "softmax":
        return math.log(sum(math.exp(v) for v in z)) - z[y]
    if name == "binary":
        p = 1 / (1 + math.exp(-z[0]))
        return -y * math.log(p) - (1 - y) * math.log(1 - p)
    return sum((a - b) ** 2 for a, b in zip(z, y, strict=True)) / len(z)


def batch(name, rng, rows, outputs):
    """Logits and targets."""
    z = rng.standard_normal((rows, 1 if name == "binary" else outputs))
    if name == "softmax":
        return z, rng.integers(0, outputs, rows)
    return z, rng.random(rows) if name == "binary" else rng.standard_normal((rows, outputs))


@pytest.mark.parametrize("name", LOSSES)
@given(rows=st.integers(1, 6), outputs=st.integers(1, 5), weighted=st.booleans(), seed=st.integers(0, 2**16))
def test_values_and_gradients_are_weighted_means(name, rows, outputs, weighted, seed):
    rng = np.random.default_rng(seed)
    z, y = batch(name, rng, rows, outputs)
    weight = rng.choice([0.0, 0.5, 1.0, 3.0], rows) + (np.arange(rows) == 0) if weighted else None
    v = np.ones(rows) if weight is None else weight
    expected = sum(v[b] * one_by_hand(name, z[b], y[b]) for b in range(rows)) / v.sum()
    value, grad = LOSSES[name].value_and_gradient(z, y, weight)
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-14)
    assert LOSSES[name](z, y, weight) == value
    slope = central(lambda: LOSSES[name].value_and_gradient(z, y, weight)[0], z)
    np.testing.assert_allclose(grad, slope, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", LOSSES)
def test_weights_count_in_proportion_and_a_weightless_sample_is_not_there(name):
    rng = np.random.default_rng(0)
    z, y = batch(name, rng, 6, 3)
    weight = np.array([1.0, 0.0, 2.0, 0.0, 1.0, 3.0])
    loss = LOSSES[name]
    assert loss(z, y, 7 * weight) == pytest.approx(loss(z, y, weight), rel=1e-14)
    assert loss(z, y, np.full(6, 0.3)) == pytest.approx(loss(z, y), rel=1e-14)
    there = np.repeat(np.arange(6), weight.astype(int))
    assert loss(z, y, weight) == pytest.approx(loss(z[there], y[there]), rel=1e-14)
    assert not loss.value_and_gradient(z, y, weight)[1][weight == 0].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits_give_the_limits_and_no_warning(dtype):
    z = np.array([[1e4, -1e4], [-1e30, 1e30], [1e4, -1e4]], dtype)
    value, grad = SoftmaxCrossEntropy().value_and_gradient(z, np.array([0, 1, 1]))
    assert value == pytest.approx(2e4 / 3)
    np.testing.assert_allclose(grad, np.array([[0, 0], [0, 0], [1, -1]]) / 3, rtol=1e-6)
    assert grad.dtype == dtype
    z = np.array([[1e4], [-1e30], [-1e4], [1e4]], dtype)
    value, grad = BinaryCrossEntropy().value_and_gradient(z, np.array([1.0, 0.0, 1.0, 0.0]))
    assert value == pytest.approx(2e4 / 4)
    np.testing.assert_array_equal(grad, np.array([[0], [0], [-1], [1]]) / 4)
    assert grad.dtype == dtype


def test_the_gradient_on_a_confident_negative_keeps_its_digits():
    value, grad = BinaryCrossEntropy().value_and_gradient(np.array([[-50.0]]), np.array([0.0]))
    assert grad[0, 0] == pytest.approx(math.exp(-50), rel=1e-12, abs=0)
    assert value == pytest.approx(math.exp(-50), rel=1e-12, abs=0)


def test_a_single_class_costs_nothing():
    value, grad = SoftmaxCrossEntropy().value_and_gradient(np.array([[3.0], [-2.0]]), np.array([0, 0]))
    assert value == 0
    assert not grad.any()


def test_nothing_given_is_written_to():
    for name, loss in LOSSES.items():
        z, y = batch(name, np.random.default_rng(0), 4, 3)
        weight = np.ones(4)
        for array in (z, y, weight):
            array.setflags(write=False)
        loss(z, y, weight)


def test_targets_come_in_the_forms_that_can_be_meant():
    z = np.array([[1.0], [2.0]])
    assert BinaryCrossEntropy()(z, [True, False]) == BinaryCrossEntropy()(z, np.array([[1], [0]]))
    assert MeanSquaredError()(z, [1, 2]) == MeanSquaredError()(z, [[1.0], [2.0]]) == 0
    assert SoftmaxCrossEntropy()(np.eye(2), [1.0, 0.0]) == SoftmaxCrossEntropy()(np.eye(2), [True, False])
    assert repr(MeanSquaredError()) == "MeanSquaredError()"


@pytest.mark.parametrize("target", [[True, False], [1, 0], np.array([1, 0], np.uint8)])
@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), MeanSquaredError()])
def test_targets_that_are_no_floats_become_float64_and_floats_stay_what_they_are(loss, target):
    checked = loss.check_target(target, 2, 1, "fit")
    assert (checked.dtype, checked.ravel().tolist()) == (np.float64, [1, 0])
    assert loss.check_target(np.array([1, 0], np.float32), 2, 1, "fit").dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_weightless_sample_is_not_there_though_its_loss_is_infinite(dtype):
    """0 · ∞ would be NaN, of the value as well as of the gradient."""
    big = np.finfo(dtype).max
    z, y, weight = np.array([[big], [3.0]], dtype), np.array([[-big], [1.0]], dtype), np.array([0.0, 2.0])
    assert MeanSquaredError()(z, y, weight) == 4.0
    with np.errstate(over="ignore"):
        value, grad = MeanSquaredError().value_and_gradient(z, y, weight)
    assert (value, grad.tolist()) == (4.0, [[0.0], [4.0]])


class Difference(MeanSquaredError):
    """One of the reader's own, where ∞ − ∞ may turn up."""

    def per_sample(self, output, target):
        huge = output[:, 0] * 1e38
        return huge * 10 - huge * 10, np.zeros_like(output)


def test_a_loss_of_ones_own_may_be_nan_without_a_warning():
    assert math.isnan(Difference()(np.ones((2, 1), np.float32), np.zeros(2)))


TWO = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("loss", "output", "target", "weight", "error", "message"),
    [
        (
            "softmax",
            TWO[0],
            [0],
            None,
            InvalidValueError,
            "output must have shape (batch, outputs), got (3,) in SoftmaxCrossEntropy()",
        ),
        (
            "softmax",
            TWO[:0],
            [],
            None,
            InvalidValueError,
            "output must have shape (batch, outputs), got (0, 3) in SoftmaxCrossEntropy()",
        ),
        (
            "softmax",
            TWO + np.nan,
            [0, 1],
            None,
            InvalidValueError,
            ("output must be finite, got 6 NaN or infinite in SoftmaxCrossEntropy(), the first at (0, 0): nan"),
        ),
        (
            "softmax",
            TWO + 1j,
            [0, 1],
            None,
            InvalidTypeError,
            "output must hold real numbers, got dtype complex128 in SoftmaxCrossEntropy()",
        ),
        (
            "softmax",
            TWO,
            [0],
            None,
            InvalidValueError,
            "y must have shape (2,), one label a row, got (1,) in SoftmaxCrossEntropy()",
        ),
        ("softmax", TWO, [0, 3], None, InvalidValueError, "y must be in 0 … 2, got 3 at 1 in SoftmaxCrossEntropy()"),
        ("softmax", TWO, [0, -1], None, InvalidValueError, "y must be in 0 … 2, got -1 at 1 in SoftmaxCrossEntropy()"),
        (
            "softmax",
            TWO,
            [0, 0.5],
            None,
            InvalidValueError,
            "y must hold whole numbers, got 0.5 at 1 in SoftmaxCrossEntropy()",
        ),
        (
            "softmax",
            TWO,
            ["a", "b"],
            None,
            InvalidTypeError,
            "y must hold real numbers, got dtype <U1 in SoftmaxCrossEntropy()",
        ),
        (
            "binary",
            TWO,
            [0, 1],
            None,
            InvalidValueError,
            "BinaryCrossEntropy needs a network with 1 output, got 3 in BinaryCrossEntropy()",
        ),
        (
            "binary",
            TWO[:, :1],
            [0, 2],
            None,
            InvalidValueError,
            "y must be in [0, 1], got 2 at 1 in BinaryCrossEntropy()",
        ),
        (
            "binary",
            TWO[:, :1],
            [0],
            None,
            InvalidValueError,
            "y must have shape (2,), got (1,) in BinaryCrossEntropy()",
        ),
        ("squares", TWO, [0, 1], None, InvalidValueError, "y must have shape (2, 3), got (2,) in MeanSquaredError()"),
        (
            "squares",
            TWO,
            TWO + np.inf,
            None,
            InvalidValueError,
            "y must be finite, got 6 NaN or infinite in MeanSquaredError(), the first at (0, 0): inf",
        ),
        (
            "softmax",
            TWO,
            [0, 1],
            [1],
            InvalidValueError,
            "sample_weight must have shape (2,), got (1,) in SoftmaxCrossEntropy()",
        ),
        (
            "softmax",
            TWO,
            [0, 1],
            [1, -1],
            InvalidValueError,
            "sample_weight must be non-negative and not all zero in SoftmaxCrossEntropy()",
        ),
        (
            "softmax",
            TWO,
            [0, 1],
            [0, 0],
            InvalidValueError,
            "sample_weight must be non-negative and not all zero in SoftmaxCrossEntropy()",
        ),
    ],
)
def test_what_no_loss_can_take_is_refused(loss, output, target, weight, error, message):
    with pytest.raises(error) as caught:
        LOSSES[loss](output, target, weight)
    assert str(caught.value) == message


def test_whole_numbers_are_outputs_too():
    assert LOSSES["squares"](np.array([[3], [1]]), np.array([1, 1])) == 2.0
    assert LOSSES["softmax"](np.array([[5, 5]]), np.array([1])) == pytest.approx(math.log(2))
