"""What the checks of arguments tell, to the letter, and what they let through as it is."""

import numpy as np
import pytest

from minprune import arguments
from minprune.errors import InvalidTypeError, InvalidValueError

F32 = np.dtype(np.float32)


@pytest.mark.parametrize(("value", "told"), [
    ("x" * 38, "str '" + "x" * 38 + "'"),  # forty characters, quotes included
    ("x" * 39, "str '" + "x" * 36 + "..."),
    (list(range(1000)), "list [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11..."),
])  # fmt: skip
def test_what_is_longer_than_forty_characters_is_told_short(value, told):
    with pytest.raises(InvalidTypeError) as caught:
        arguments.whole(value, "p", "fn")
    assert str(caught.value) == f"p must be a whole number, got {told} in fn()"


def test_bounds_are_open_unless_they_are_given():
    assert arguments.whole(1, "p", "fn") == 1
    assert arguments.whole(10**30, "p", "fn") == 10**30
    with pytest.raises(InvalidValueError, match=r"^p must be at least 1, got 0 in fn\(\)$"):
        arguments.whole(0, "p", "fn")
    for value in (-1e308, 1e308):
        assert arguments.real(value, "p", "fn") == value
    assert (arguments.real(0, "p", "fn", low=0, high=1), arguments.real(1, "p", "fn", low=0, high=1)) == (0, 1)


@pytest.mark.parametrize(("ends", "low", "high"), [("[]", 1, 1), ("[)", 1, 0), ("(]", 0, 1), ("()", 0, 0)])
def test_an_end_belongs_to_an_interval_where_its_bracket_is_square(ends, low, high):
    for value, inside in ((0.0, low), (0.5, True), (1.0, high)):
        if inside:
            assert arguments.real(value, "p", "fn", low=0.0, high=1.0, ends=ends) == value
            continue
        with pytest.raises(InvalidValueError) as caught:
            arguments.real(value, "p", "fn", low=0.0, high=1.0, ends=ends)
        assert str(caught.value) == f"p must be in {ends[0]}0, 1{ends[1]}, got {value:g} in fn()"


def test_a_bool_label_is_told_as_a_number():
    with pytest.raises(InvalidValueError) as caught:
        arguments.labels([False, True], 2, 1, "fn")
    assert str(caught.value) == "y must be in 0 … 0, got 1 at 1 in fn()"


def test_what_is_not_finite_is_told_with_a_hint_where_there_is_one():
    array = np.array([[0.0, np.nan], [np.inf, 0.0]])
    text = "w must be finite, got 2 NaN or infinite in fn(), the first at (0, 1): nan"
    for hint in ("", "; look elsewhere"):
        with pytest.raises(InvalidValueError) as caught:
            arguments.finite(array, "w", "fn", *([hint] if hint else []))
        assert str(caught.value) == text + hint
    whole = np.ones(2)
    assert arguments.finite(whole, "w", "fn") is whole


def test_arguments_are_called_what_their_call_calls_them():
    with pytest.raises(
        InvalidValueError, match=r"^data must have shape \(batch, 3\), got \(3,\) in fn\(\); one row is d"
    ):
        arguments.features(np.ones(3), 3, "fn", dtype=F32, name="data")
    with pytest.raises(InvalidValueError, match=r"^labels must have shape \(2,\), one label a row, got \(1,\) in fn"):
        arguments.labels([0], 2, 2, "fn", name="labels")
    with pytest.raises(InvalidValueError, match=r"^v must have shape \(2,\), got \(1,\) in fn\(\)$"):
        arguments.weights_of_samples([1.0], 2, "fn", name="v")


def test_a_pair_is_taken_apart_and_anything_else_is_not():
    assert arguments.pair([1, 2], "data", "fn") == (1, 2)
    for value in ([1], (1, 2, 3), 3, None):
        with pytest.raises(InvalidTypeError) as caught:
            arguments.pair(value, "data", "fn")
        kind = type(value).__name__
        assert str(caught.value) == f"data must be a Split or a pair (x, y), got {kind} in fn()"


@pytest.mark.parametrize("value", [None, True, False])
def test_a_flag_may_be_left_to_the_call(value):
    assert arguments.flag_or_none(value, "progress", "fn") is value


@pytest.mark.parametrize("value", [0, 1, "yes", np.True_])
def test_what_only_looks_like_a_flag_is_none(value):
    with pytest.raises(InvalidTypeError) as caught:
        arguments.flag_or_none(value, "progress", "fn")
    assert str(caught.value) == f"progress must be True, False or None, got {value!r} in fn()"


@pytest.mark.parametrize("value", [np.ma.ones(2), [np.ma.ones(2)], (1, np.ma.ones(2))])
def test_a_masked_array_is_refused_in_a_list_too(value):
    with pytest.raises(InvalidTypeError) as caught:
        arguments.plain_array(value, "p", "fn")
    assert str(caught.value) == "p must be a plain array, got a masked array in fn(): fill it first"


def test_sample_weights_are_float64_and_not_copied_if_they_are():
    weight = np.array([1.0, 0.0])
    assert arguments.weights_of_samples(weight, 2, "fn") is weight
    assert arguments.weights_of_samples(np.ones(2, np.float32), 2, "fn").dtype == np.float64


def test_the_cause_of_a_refused_seed_is_kept():
    with pytest.raises(InvalidValueError) as caught:
        arguments.generator(-1, "fn")
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.skipif(np.longdouble(1).itemsize == 8, reason="a long double is a double here")
def test_a_wider_float_than_float64_is_no_feature():
    with pytest.raises(InvalidTypeError, match=r"^x must be float or integer, got dtype \w+ in fn\(\)$"):
        arguments.features(np.ones((1, 3), np.longdouble), 3, "fn", dtype=F32)
