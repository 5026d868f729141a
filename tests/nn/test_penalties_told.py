"""Penalties: what they refuse, to the letter, and numbers too large for a float without a warning."""

import math

import numpy as np
import pytest

from minprune import L1, L2, GroupLasso, InvalidTypeError, InvalidValueError, Parameter

ALL = [L1(2.0), L2(2.0), GroupLasso(2.0)]
W = {"w": Parameter(np.ones((2, 2)), "w", prunable=True)}


@pytest.mark.parametrize("penalty", ALL, ids=repr)
def test_what_is_refused_is_told_in_full(penalty):
    name = type(penalty).__name__
    mapping = f"parameters must be a mapping of names to parameters, got list in {name}(): pass network.parameters"
    cases = [
        (lambda: penalty.shrink(W, -1), InvalidValueError,
         f"step must be at least 0 and finite, got -1 in {name}.shrink()"),
        (lambda: penalty.shrink(W, "x"), InvalidTypeError, f"step must be a number, got str 'x' in {name}.shrink()"),
        (lambda: penalty.value([W]), InvalidTypeError, mapping),
        (lambda: penalty.add_gradient([W]), InvalidTypeError, mapping),
    ]  # fmt: skip
    for call, error, text in cases:
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == text


def huge(dtype):
    return {"w": Parameter(np.full((2, 2), np.finfo(dtype).max * dtype(0.95)), "w", prunable=True)}


@pytest.mark.parametrize("penalty", ALL, ids=repr)
def test_a_value_beyond_a_float_is_infinite(penalty):
    """Of a sum of several weights, of which each is finite."""
    assert penalty.value(huge(np.float64)) == math.inf


@pytest.mark.parametrize("penalty", [L2(1e10), L1(1e300, subgradient=True)], ids=repr)
def test_a_gradient_beyond_float32_is_infinite(penalty):
    parameters = huge(np.float32)
    penalty.add_gradient(parameters)
    assert (parameters["w"].grad == np.inf).all()


def test_a_subgradient_of_infinite_strength_at_zero_is_nan():
    w = {"w": Parameter(np.zeros((1, 2), np.float32), "w", prunable=True)}
    L1(1e300, subgradient=True).add_gradient(w)
    assert np.isnan(w["w"].grad).all()


def test_a_proximal_step_beyond_float32_takes_all():
    parameters = huge(np.float32)
    L1(1e300).shrink(parameters, 1.0)
    assert not parameters["w"].value.any()


@pytest.mark.parametrize("step", [1.0, 1.5e307, 1e308])
def test_a_group_whose_norm_is_infinite_ends_as_no_number(step):
    """∞ / ∞; with a step that is infinite as well, ∞ − ∞ leaves nothing of it."""
    parameters = huge(np.float64)
    GroupLasso(10.0).shrink(parameters, step)
    value = parameters["w"].value
    assert np.isnan(value).all() if step == 1.0 else not value.any()
