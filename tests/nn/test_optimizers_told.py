"""Optimizers by a few numbers: what they do without options, how they are shown, what they refuse to the letter."""

import math

import numpy as np
import pytest

from minprune import SGD, Adam, AdamW, CosineDecay, InvalidTypeError, InvalidValueError, Parameter
from minprune.nn import optimizers


def stepped(optimizer, *, value=(1.0, 2.0), grads=((0.5, -1.0),), progress=()):
    """Return a parameter after a step along each of the gradients."""
    p = Parameter(np.array(value), "w")
    for g in grads:
        p.grad[...] = g
        optimizer.step({"w": p}, *progress)
    return p


def test_sgd_goes_against_the_gradient():
    assert stepped(SGD(0.5)).value.tolist() == [0.75, 2.5]


def test_momentum_remembers_and_nesterov_looks_ahead():
    two = ((1.0, 0.0), (0.0, 2.0))
    assert stepped(SGD(1.0, momentum=0.5), grads=two).value.tolist() == [-0.5, 0.0]
    assert stepped(SGD(1.0, momentum=0.5, nesterov=True), grads=two).value.tolist() == [-0.75, -1.0]


def test_adam_goes_by_the_sign_first_with_the_constants_of_the_paper():
    p = stepped(Adam())
    expected = [1.0 - 1e-3 * 0.5 / (0.5 + 1e-8), 2.0 + 1e-3 * 1.0 / (1.0 + 1e-8)]
    np.testing.assert_allclose(p.value, expected, rtol=1e-15)
    tiny = stepped(Adam(), value=(0.0,), grads=((1e-8,),))  # where ε is half of the divisor
    np.testing.assert_allclose(tiny.value, [-0.5e-3], rtol=1e-12)
    assert (Adam().betas, Adam().eps, AdamW().betas, AdamW().eps) == ((0.9, 0.999), 1e-8, (0.9, 0.999), 1e-8)


def test_adamw_decays_by_a_hundredth_of_the_rate():
    plain, decayed = stepped(Adam(0.1)), stepped(AdamW(0.1))
    np.testing.assert_allclose(decayed.value, plain.value - 0.1 * 0.01 * np.array([1.0, 2.0]), rtol=1e-14)
    assert (AdamW().lr, AdamW().weight_decay) == (1e-3, 0.01)


def test_what_is_given_to_adam_is_kept_by_adamw_too():
    for kind in (Adam, AdamW):
        made = kind(0.1, betas=(0.5, 0.25), eps=1e-3)
        assert (made.lr, made.betas, made.eps) == (0.1, (0.5, 0.25), 1e-3)


def test_every_piece_of_a_large_parameter_takes_its_step_once(monkeypatch):
    monkeypatch.setattr(optimizers, "_PIECE", 4)
    assert [(s.start, s.stop) for s in optimizers._pieces(9)] == [(0, 4), (4, 8), (8, 12)]
    p = stepped(SGD(1.0, momentum=0.5), value=np.zeros(9), grads=(np.arange(9.0),) * 2)
    assert p.value.tolist() == (-2.5 * np.arange(9.0)).tolist()


def test_what_is_remembered_has_a_name_and_plain_sgd_remembers_nothing():
    cases = {
        "nothing": SGD(0.1), "momentum": SGD(0.1, momentum=0.5), "mean, square": Adam(),
    }  # fmt: skip
    for slots, optimizer in cases.items():
        p = stepped(optimizer, grads=((1.0, 1.0),) * 3)
        assert repr(optimizer.state(p)) == f"State({slots} after 3 steps)"


def test_a_step_is_taken_at_the_start_of_a_schedule_unless_told_how_far_training_is():
    decay = CosineDecay(1.0)
    assert stepped(SGD(decay)).value.tolist() == [0.5, 3.0]
    assert stepped(SGD(decay), progress=[0.5]).value.tolist() == [0.75, 2.5]
    assert stepped(SGD(decay), progress=[1.0]).value.tolist() == [1.0, 2.0]


def test_each_is_shown_by_what_it_was_made_of():
    assert repr(SGD(0.1)) == "SGD(0.1, momentum=0)"
    assert repr(SGD(CosineDecay(0.1), momentum=0.9)) == "SGD(CosineDecay(0.1, 0), momentum=0.9)"
    assert repr(SGD(0.1, momentum=0.9, nesterov=True)) == "SGD(0.1, momentum=0.9, nesterov=True)"
    assert repr(Adam(0.1)) == "Adam(0.1)"
    assert repr(AdamW(0.1, weight_decay=0.5)) == "AdamW(0.1, weight_decay=0.5)"


def test_a_step_that_overflows_does_not_warn():
    p = stepped(SGD(1e38), value=np.ones(2, np.float32), grads=((1e10, 1.0),))
    assert p.value[0] == -np.inf
    p = stepped(SGD(1.0, momentum=0.5), value=np.ones(1, np.float32), grads=((np.inf,), (-np.inf,)))
    assert np.isnan(p.value).all()


W = Parameter(np.ones(2), "w")
MAPPING = "parameters must be a mapping of names to parameters, got list in step(): pass network.parameters"
CLASS = "lr must be a number or a schedule, got a class in {}(): pass CosineDecay(…)"


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_a_refusal_names_the_optimizer(kind):
    name = kind.__name__
    for call, error, text in (
        (lambda: kind(0), InvalidValueError, f"lr must be greater than 0 and finite, got 0 in {name}()"),
        (lambda: kind(CosineDecay), InvalidTypeError, CLASS.format(name)),
        (lambda: kind(0.1).rate(1.5), InvalidValueError, f"progress must be in [0, 1], got 1.5 in {name}.rate()"),
        (lambda: kind(0.1).rate(-0.5), InvalidValueError, f"progress must be in [0, 1], got -0.5 in {name}.rate()"),
        (
            lambda: kind(lambda p: math.nan).rate(0.5),
            InvalidValueError,
            f"lr must be at least 0 and finite, got nan in {name}()",
        ),
        (lambda: kind(0.1).step([W]), InvalidTypeError, MAPPING),
        (lambda: kind(0.1).state(3), InvalidTypeError, "parameter must be a Parameter, got int in state()"),
    ):
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == text


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: SGD(0.1, nesterov=True), InvalidValueError,
         "nesterov needs a momentum greater than 0, got momentum=0 in SGD()"),
        (lambda: SGD(0.1).carry(3, W), InvalidTypeError,
         "parameters must hold Parameters, got int under 'source' in carry()"),
        (lambda: SGD(0.1).carry(W, 3), InvalidTypeError,
         "parameters must hold Parameters, got int under 'target' in carry()"),
        (lambda: SGD(0.1).carry(Parameter(np.ones(3)), W), InvalidValueError,
         "target must have the shape of its part of source, (3,), got (2,) in carry()"),
        (lambda: SGD(0.1).carry(W, W, [2]), InvalidValueError,
         "index must be one of (2,), got index 2 is out of bounds for axis 0 with size 2 in carry()"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_in_full(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
