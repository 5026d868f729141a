"""Layers: what they refuse, to the letter, and what they are before any batch came."""

import numpy as np
import pytest

from minprune import Dense, Dropout, InvalidTypeError, InvalidValueError

ONES = np.ones((2, 3))
FROM = "in Dense.from_arrays()"
REAL = "must hold real numbers, got dtype <U1"


def hole(value):
    array = np.ones((2, 3))
    array[1, 2] = value
    return array


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Dense.from_arrays("a"), InvalidTypeError, f"weight {REAL} {FROM}"),
        (lambda: Dense.from_arrays(hole(np.nan)), InvalidValueError,
         f"weight must be finite, got 1 NaN or infinite {FROM}, the first at (1, 2): nan"),
        (lambda: Dense.from_arrays(ONES[0]), InvalidValueError,
         f"weight must have shape (inputs, outputs), got (3,) {FROM}"),
        (lambda: Dense.from_arrays(ONES, "a"), InvalidTypeError, f"bias {REAL} {FROM}"),
        (lambda: Dense.from_arrays(ONES, hole(np.inf)[1]), InvalidValueError,
         f"bias must be finite, got 1 NaN or infinite {FROM}, the first at (2,): inf"),
        (lambda: Dense.from_arrays(ONES.astype(np.float32), hole(1e39)[1]), InvalidValueError,
         f"bias must be finite, got 1 NaN or infinite {FROM}, the first at (2,): inf"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_in_full(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text


def test_dropout_that_never_ran_lets_a_gradient_through():
    assert Dropout(0.5).backward(ONES) is ONES
