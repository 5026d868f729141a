"""Learning rates against their closed forms, and what is refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minprune import SGD, CosineDecay, InvalidTypeError, InvalidValueError, StepDecay

PROGRESS = st.floats(0.0, 1.0)


@given(PROGRESS, st.floats(1e-6, 10.0), st.floats(0.0, 1.0))
def test_cosine_follows_half_a_cosine_within_its_ends(p, initial, share):
    final = initial * share
    rate = CosineDecay(initial, final)(p)
    assert rate == pytest.approx(final + 0.5 * (initial - final) * (1 + math.cos(math.pi * p)), rel=1e-12)
    assert CosineDecay(initial, final)(0.0) == pytest.approx(initial, rel=1e-15)
    assert CosineDecay(initial, final)(1.0) == final
    assert CosineDecay(initial, final)(p / 2) >= rate


@given(PROGRESS | st.sampled_from([0.25, 0.5, 0.9]))
def test_step_multiplies_by_the_factor_at_each_milestone(p):
    expected = 0.4
    for milestone in (0.25, 0.5, 0.9):
        if p >= milestone:
            expected *= 0.5
    assert StepDecay(0.4, 0.5, (0.25, 0.5, 0.9))(p) == pytest.approx(expected, rel=1e-15)


def test_an_optimizer_takes_a_number_or_any_function_of_progress():
    assert SGD(0.5).rate(0.3) == 0.5
    assert SGD(lambda p: 1 - p).rate(0.25) == 0.75
    assert SGD(CosineDecay(0.1)).rate(0.5) == pytest.approx(0.05)
    assert SGD(CosineDecay(0.1)).rate(1.0) == 0.0


def test_repr_names_the_numbers():
    assert repr(CosineDecay(0.1)) == "CosineDecay(0.1, 0)"
    assert repr(StepDecay(0.1)) == "StepDecay(0.1, 0.1, (0.5, 0.75))"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: CosineDecay(0.0),
            InvalidValueError,
            "initial must be greater than 0 and finite, got 0 in CosineDecay()",
        ),
        (lambda: CosineDecay("a"), InvalidTypeError, "initial must be a number, got str 'a' in CosineDecay()"),
        (lambda: CosineDecay(0.1, 0.2), InvalidValueError, "final must be in [0, 0.1], got 0.2 in CosineDecay()"),
        (lambda: CosineDecay(0.1)(-0.5), InvalidValueError, "progress must be in [0, 1], got -0.5 in CosineDecay()"),
        (lambda: CosineDecay(0.1)(1.5), InvalidValueError, "progress must be in [0, 1], got 1.5 in CosineDecay()"),
        (lambda: StepDecay(0.1)(-0.5), InvalidValueError, "progress must be in [0, 1], got -0.5 in StepDecay()"),
        (lambda: StepDecay(0.1)(1.5), InvalidValueError, "progress must be in [0, 1], got 1.5 in StepDecay()"),
        (lambda: StepDecay(0.1, 0.0), InvalidValueError, "factor must be in (0, 1], got 0 in StepDecay()"),
        (
            lambda: StepDecay(0.1, 0.5, 0.5),
            InvalidTypeError,
            "milestones must be a sequence of numbers, got 0.5 in StepDecay()",
        ),
        (lambda: StepDecay(0.1, 0.5, [1.0]), InvalidValueError, "milestones must be in (0, 1), got 1 in StepDecay()"),
        (
            lambda: StepDecay(0.1, 0.5, [0.5, 0.5]),
            InvalidValueError,
            "milestones must rise, got (0.5, 0.5) in StepDecay()",
        ),
        (lambda: SGD(0), InvalidValueError, "lr must be greater than 0 and finite, got 0 in SGD()"),
        (lambda: SGD(-0.1), InvalidValueError, "lr must be greater than 0 and finite, got -0.1 in SGD()"),
        (lambda: SGD(math.nan), InvalidValueError, "lr must be greater than 0 and finite, got nan in SGD()"),
        (
            lambda: SGD("cosine"),
            InvalidTypeError,
            "lr must be a number or a schedule such as CosineDecay(0.1), got 'cosine' in SGD()",
        ),
        (lambda: SGD(True), InvalidTypeError, "lr must be a number, got bool True in SGD()"),
        (lambda: SGD(None), InvalidTypeError, "lr must be a number, got NoneType None in SGD()"),
        (
            lambda: SGD(CosineDecay),
            InvalidTypeError,
            "lr must be a number or a schedule, got a class in SGD(): pass CosineDecay(…)",
        ),
        (
            lambda: SGD(lambda p: math.nan).rate(0),
            InvalidValueError,
            "lr must be at least 0 and finite, got nan in SGD()",
        ),
        (lambda: SGD(lambda p: -p).rate(1.0), InvalidValueError, "lr must be at least 0 and finite, got -1 in SGD()"),
        (lambda: SGD(lambda p: None).rate(0), InvalidTypeError, "lr must be a number, got NoneType None in SGD()"),
    ],
)
def test_what_no_rate_can_be_is_refused(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == message
