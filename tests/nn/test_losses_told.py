"""Losses: what they refuse, to the letter, and sums in float64."""

import numpy as np
import pytest

from minprune import BinaryCrossEntropy, InvalidTypeError, InvalidValueError, MeanSquaredError, SoftmaxCrossEntropy

OUTPUT, TARGET = np.zeros((2, 3)), np.array([0, 1])
GOT = "output must be a float array (batch, outputs), got {} in value_and_gradient()"
ENTRIES = "target must be an array with 2 entries, got {} in value_and_gradient()"


@pytest.mark.parametrize(
    ("output", "target", "text"),
    [
        ("x", TARGET, GOT.format("str")),
        (OUTPUT[0], TARGET, GOT.format("float64 (3,)")),
        (OUTPUT.astype(int), TARGET, GOT.format("int64 (2, 3)")),
        (OUTPUT[:0], TARGET[:0], GOT.format("float64 (0, 3)")),
        (OUTPUT, 3, ENTRIES.format("int")),
        (OUTPUT, [0, 1], ENTRIES.format("list")),
        (OUTPUT, np.array(3), ENTRIES.format("shape ()")),
        (OUTPUT, np.zeros(3), ENTRIES.format("shape (3,)")),
    ],
)
def test_what_is_no_batch_is_told_in_full(output, target, text):
    for loss in (SoftmaxCrossEntropy(), MeanSquaredError()):
        with pytest.raises(InvalidTypeError) as caught:
            loss.value_and_gradient(output, target)
        assert str(caught.value) == text


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), BinaryCrossEntropy(), MeanSquaredError()])
def test_an_output_of_another_shape_is_told_in_full(loss):
    with pytest.raises(InvalidValueError) as caught:
        loss(OUTPUT[0], [0])
    assert str(caught.value) == f"output must have shape (batch, outputs), got (3,) in {loss!r}"


def test_losses_and_weights_in_float32_are_summed_in_float64():
    """In float32, 2²⁴ + 1 is 2²⁴."""
    z = np.array([[4096.0], [1.0], [1.0]], np.float32)
    loss, zeros = MeanSquaredError(), np.zeros((3, 1))
    assert loss.value_and_gradient(z, zeros)[0] == (2**24 + 2) / 3
    weight = np.array([2**24, 1, 1], np.float32)
    assert loss.value_and_gradient(z / z, zeros, weight)[0] == pytest.approx(1, rel=1e-12)
    grad = loss.value_and_gradient(z.astype(np.float64), zeros, weight)[1]
    assert grad[1, 0] == pytest.approx(2 / (2**24 + 2), rel=1e-12)
