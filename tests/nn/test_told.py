"""Layers, learning rates, losses and penalties: what they refuse, to the letter and quickly.

The table of bad input asks the same of every public call, and more thoroughly.
"""

import math

import numpy as np
import pytest

from minprune import (
    L1,
    L2,
    BinaryCrossEntropy,
    CosineDecay,
    Dense,
    GroupLasso,
    InvalidTypeError,
    InvalidValueError,
    MeanSquaredError,
    Network,
    Parameter,
    SoftmaxCrossEntropy,
    StepDecay,
)

ONES = np.ones((2, 3))
FROM = "in Dense.from_arrays()"
REAL = "must hold real numbers, got dtype <U1"
W = {"w": Parameter(ONES, "w", prunable=True)}
MAPPING = "parameters must be a mapping of names to parameters, got list in {}(): pass network.parameters"


def hole(value, dtype=np.float64):
    array = np.ones((2, 3), dtype)
    array[1, 2] = value
    return array


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Dense(2**16, 2**16), InvalidValueError,
         "inputs × outputs must be at most 2,147,483,648, got 65,536 × 65,536 in Dense()"),
        (lambda: Dense.from_arrays("a"), InvalidTypeError, f"weight {REAL} {FROM}"),
        (lambda: Dense.from_arrays(hole(np.nan)), InvalidValueError,
         f"weight must be finite, got 1 NaN or infinite {FROM}, the first at (1, 2): nan"),
        (lambda: Dense.from_arrays(ONES[0]), InvalidValueError,
         f"weight must have shape (inputs, outputs), got (3,) {FROM}"),
        (lambda: Dense.from_arrays(ONES.astype(int)), InvalidValueError,
         f"dtype must be float32 or float64, got int64 {FROM}"),
        (lambda: Dense.from_arrays(ONES, "a"), InvalidTypeError, f"bias {REAL} {FROM}"),
        (lambda: Dense.from_arrays(ONES, hole(np.inf)[1]), InvalidValueError,
         f"bias must be finite, got 1 NaN or infinite {FROM}, the first at (2,): inf"),
        (lambda: Dense.from_arrays(ONES, np.ones(2)), InvalidValueError, f"bias must have shape (3,), got (2,) {FROM}"),
        (lambda: Dense.from_arrays(ONES.astype(np.float32), hole(1e39)[1]), InvalidValueError,
         f"bias must be finite, got 1 NaN or infinite {FROM}, the first at (2,): inf"),
        (lambda: CosineDecay(0.1)(-0.5), InvalidValueError, "progress must be in [0, 1], got -0.5 in CosineDecay()"),
        (lambda: CosineDecay(0.1)(1.5), InvalidValueError, "progress must be in [0, 1], got 1.5 in CosineDecay()"),
        (lambda: CosineDecay(0.1, -1), InvalidValueError, "final must be in [0, 0.1], got -1 in CosineDecay()"),
        (lambda: StepDecay(0.1)(-0.5), InvalidValueError, "progress must be in [0, 1], got -0.5 in StepDecay()"),
        (lambda: StepDecay(0.1)(1.5), InvalidValueError, "progress must be in [0, 1], got 1.5 in StepDecay()"),
        *((lambda loss=loss: loss(ONES[0], [0]), InvalidValueError,
           f"output must have shape (batch, outputs), got (3,) in {type(loss).__name__}()")
          for loss in (SoftmaxCrossEntropy(), BinaryCrossEntropy(), MeanSquaredError())),
        *((lambda p=p: p.shrink(W, -1), InvalidValueError,
           f"step must be at least 0 and finite, got -1 in {type(p).__name__}.shrink()")
          for p in (L1(1), L2(1), GroupLasso(1))),
        *((lambda p=p: p.shrink(W, "x"), InvalidTypeError,
           f"step must be a number, got str 'x' in {type(p).__name__}.shrink()")
          for p in (L1(1), L2(1), GroupLasso(1))),
        *((lambda p=p, act=act: getattr(p, act)([W]), InvalidTypeError, MAPPING.format(type(p).__name__))
          for p in (L1(1), L2(1), GroupLasso(1)) for act in ("value", "add_gradient")),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_in_full(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize("penalty", [L1(2.0), L2(2.0), GroupLasso(2.0)], ids=repr)
def test_a_value_beyond_a_float_is_infinite_without_a_warning(penalty):
    """Of a sum of several weights, of which each is finite."""
    w = Parameter(np.full((2, 2), 1.7e308), "w", prunable=True)
    assert penalty.value({"w": w}) == math.inf


def test_a_gradient_needs_a_forward_pass_of_its_shape():
    net = Network.mlp([3, 2], rng=0)
    with pytest.raises(InvalidValueError) as caught:
        net.backward(np.ones((1, 2)))
    assert str(caught.value) == "backward() follows a forward pass; call the network first"
    net(ONES)
    with pytest.raises(InvalidValueError) as caught:
        net.backward(np.ones((1, 2)))
    assert str(caught.value) == "grad must have shape (2, 2), got (1, 2) in backward()"
