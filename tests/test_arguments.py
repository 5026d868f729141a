import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minprune import arguments
from minprune.errors import InvalidTypeError, InvalidValueError, MinpruneError

F32 = np.dtype(np.float32)
SIGNALLING = np.full((1, 3), 0x7FF0000000000001, np.uint64).view(np.float64)  # NaNs of which a cast would warn


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3)])
def test_whole_numbers_come_back_as_int(value):
    found = arguments.whole(value, "p", "fn", at_least=3, at_most=3)
    assert (found, type(found)) == (3, int)


@pytest.mark.parametrize("value", [0.25, Fraction(1, 4), Decimal("0.25"), np.float16(0.25), np.longdouble(0.25)])
def test_real_numbers_come_back_as_float(value):
    found = arguments.real(value, "p", "fn")
    assert (found, type(found)) == (0.25, float)


@given(st.floats(-2, 2), st.sampled_from(["[]", "[)", "(]", "()"]))
def test_an_interval_holds_what_its_brackets_say(value, ends):
    inside = (0 < value < 1) or (value == 0 and ends[0] == "[") or (value == 1 and ends[1] == "]")
    try:
        assert arguments.real(value, "p", "fn", low=0, high=1, ends=ends) == value
        assert inside
    except InvalidValueError:
        assert not inside


# Check, arguments after the value, and what is said of each value that is refused.
REFUSED = {
    "whole": (
        ("p", "fn"),
        {"at_least": 1, "at_most": 9},
        [
            (0, "p must be at least 1, got 0 in fn()"),
            (10, "p must be at most 9, got 10 in fn()"),
            (True, "p must be a whole number, got bool True in fn()"),
            (np.True_, "p must be a whole number, got bool np.True_ in fn()"),
            (2.0, "p must be a whole number, got float 2.0 in fn()"),
            ("2", "p must be a whole number, got str '2' in fn()"),
            (None, "p must be a whole number, got NoneType None in fn()"),
            (np.array(2), "p must be a whole number, got ndarray array(2) in fn()"),
            (int, "p must be a whole number, got type <class 'int'> in fn()"),
        ],
    ),
    "real": (
        ("p", "fn"),
        {"low": 0.0, "high": 1.0, "ends": "[)"},
        [
            (1.0, "p must be in [0, 1), got 1 in fn()"),
            (-1e-9, "p must be in [0, 1), got -1e-09 in fn()"),
            (1.0000001, "p must be in [0, 1), got 1.0000001 in fn()"),  # not "got 1"
            (float("nan"), "p must be in [0, 1), got nan in fn()"),
            (float("inf"), "p must be in [0, 1), got inf in fn()"),
            (10**400, "p must be in [0, 1), got inf in fn()"),
            (False, "p must be a number, got bool False in fn()"),
            (np.False_, "p must be a number, got bool np.False_ in fn()"),
            ("0.5", "p must be a number, got str '0.5' in fn()"),
            (None, "p must be a number, got NoneType None in fn()"),
            (0.5j, "p must be a number, got complex 0.5j in fn()"),
            (np.complex64(0.5), "p must be a number, got complex64 np.complex64(0.5+0j) in fn()"),
            (np.timedelta64(0), "p must be a number, got timedelta64 np.timedelta64(0) in fn()"),
            (np.array(0.5), "p must be a number, got ndarray array(0.5) in fn()"),
            ([0.5], "p must be a number, got list [0.5] in fn()"),
            (float, "p must be a number, got type <class 'float'> in fn()"),
        ],
    ),
    "choice": (
        ("p", "fn", ["relu", "tanh"]),
        {},
        [
            ("rleu", "p must be a known name, got 'rleu' in fn(); did you mean 'relu'? Known: relu, tanh"),
            (3, "p must be a known name, got 3 in fn(); known: relu, tanh"),
            (["relu"], "p must be a known name, got ['relu'] in fn(); did you mean 'relu'? Known: relu, tanh"),
        ],
    ),
    "float_dtype": (
        ("fn",),
        {},
        [
            (np.float16, "dtype must be float32 or float64, got float16 in fn()"),
            (int, "dtype must be float32 or float64, got int64 in fn()"),
            (">f4", "dtype must be float32 or float64, got >f4 in fn()"),
            ("flot", "dtype must be float32 or float64, got str 'flot' in fn()"),
            (None, "dtype must be float32 or float64, got NoneType None in fn()"),
            ({"names": [1]}, "dtype must be float32 or float64, got dict {'names': [1]} in fn()"),
        ],
    ),
    "generator": (
        ("fn",),
        {},
        [
            (-1, "rng must be a Generator, a seed or None, got int -1 in fn()"),
            (1.0, "rng must be a Generator, a seed or None, got float 1.0 in fn()"),
            (True, "rng must be a Generator, a seed or None, got bool True in fn()"),
            ("seed", "rng must be a Generator, a seed or None, got str 'seed' in fn()"),
            (np.random, "rng must be a Generator, a seed or None, got module <module 'numpy.random' from"),
        ],
    ),
    "numeric": (
        ("p", "fn"),
        {},
        [
            ([[1, 2], [3]], "p must be a rectangular array in fn(): "),
            (["a"], "p must hold real numbers, got dtype <U1 in fn()"),
            ([None], "p must hold real numbers, got dtype object in fn()"),
            ([10**30], "p must hold real numbers, got dtype object in fn()"),
            ([1j], "p must hold real numbers, got dtype complex128 in fn()"),
            (np.zeros(1, "m8[s]"), "p must hold real numbers, got dtype timedelta64[s] in fn()"),
            (np.ma.array([1.0]), "p must be a plain array, got a masked array in fn(): fill it first"),
        ],
    ),
    "features": (
        (3, "fn"),
        {"dtype": F32},
        [
            (np.zeros(3), "x must have shape (batch, 3), got (3,) in fn(); one row is x[None, :]"),
            (np.zeros((1, 1, 3)), "x must have shape (batch, 3), got (1, 1, 3) in fn()"),
            ([["a"]], "x must hold real numbers, got dtype <U1 in fn()"),
            (np.zeros((0, 3)), "x must have at least one row, got (0, 3) in fn()"),
            (np.zeros((2, 4)), "x must have 3 columns, got 4 in fn()"),
            (np.zeros((2, 3), bool), "x must be float or integer, got dtype bool in fn()"),
            (np.full((2, 3), np.nan), "x must be finite, got 6 NaN or infinite in fn(), the first at (0, 0): nan"),
            (np.array([[0, 0, 1e39]]), "x must be finite, got 1 NaN or infinite in fn(), the first at (0, 2): inf"),
            (SIGNALLING, "x must be finite, got 3 NaN or infinite in fn(), the first at (0, 0): nan"),
        ],
    ),
    "labels": (
        (3, 2, "fn"),
        {},
        [
            ([0, 1], "y must have shape (3,), one label a row, got (2,) in fn()"),
            (["a"], "y must hold real numbers, got dtype <U1 in fn()"),
            ([[0], [1], [1]], "y must have shape (3,), one label a row, got (3, 1) in fn()"),
            ([0, 1, 2], "y must be in 0 … 1, got 2 at 2 in fn()"),
            ([0, -1, 1], "y must be in 0 … 1, got -1 at 1 in fn()"),
            ([0, 0.5, 1], "y must hold whole numbers, got 0.5 at 1 in fn()"),
            ([0, np.nan, 1], "y must be finite, got 1 NaN or infinite in fn(), the first at (1,): nan"),
            (np.array([0, 2**63, 1], np.uint64), "y must be in 0 … 1, got 9.22337e+18 at 1 in fn()"),
        ],
    ),
    "weights_of_samples": (
        (2, "fn"),
        {},
        [
            ([1.0], "sample_weight must have shape (2,), got (1,) in fn()"),
            (["a", "b"], "sample_weight must hold real numbers, got dtype <U1 in fn()"),
            ([1.0, -1.0], "sample_weight must be non-negative and not all zero in fn()"),
            ([0.0, 0.0], "sample_weight must be non-negative and not all zero in fn()"),
            ([1e308, 1e308], "sample_weight must have a finite sum, got inf in fn()"),
            ([1.0, np.inf], "sample_weight must be finite, got 1 NaN or infinite in fn(), the first at (1,): inf"),
        ],
    ),
    "mask_of_shape": (
        ((2,), "dense1.weight", "fn"),
        {},
        [
            ([True, False], "mask of dense1.weight must be a bool array, got list [True, False] in fn()"),
            (np.ones(2), "mask of dense1.weight must be a bool array, got dtype float64 in fn()"),
            (np.ma.array([True, False]), "mask of dense1.weight must be a bool array, got dtype bool in fn()"),
            (np.ones(3, bool), "mask of dense1.weight must have shape (2,), got (3,) in fn()"),
        ],
    ),
}


@pytest.mark.parametrize(
    ("check", "value", "text"),
    [
        pytest.param(check, value, text, id=f"{check}-{i}")
        for check, (_, _, cases) in REFUSED.items()
        for i, (value, text) in enumerate(cases)
    ],
)
def test_what_is_refused_is_told_by_name_rule_and_value(check, value, text):
    rest, options, _ = REFUSED[check]
    with pytest.raises(MinpruneError) as caught:
        getattr(arguments, check)(value, *rest, **options)
    told, open_end = str(caught.value), text.endswith((": ", " from"))  # others go on there
    assert told.startswith(text) if open_end else told == text
    assert isinstance(caught.value, ValueError | TypeError)


@pytest.mark.parametrize(
    ("check", "value", "kind"),
    [
        ("whole", 0, InvalidValueError),
        ("whole", 2.0, InvalidTypeError),
        ("real", 1.0, InvalidValueError),
        ("real", "1", InvalidTypeError),
        ("float_dtype", "f2", InvalidValueError),
        ("float_dtype", "flot", InvalidTypeError),
        ("generator", -1, InvalidValueError),
        ("generator", 1j, InvalidTypeError),
        ("numeric", [[1], []], InvalidValueError),
        ("numeric", ["a"], InvalidTypeError),
        ("mask_of_shape", np.ones(3, bool), InvalidValueError),
        ("mask_of_shape", np.ones(2), InvalidTypeError),
    ],
)
def test_a_wrong_type_is_a_type_error_and_a_wrong_value_a_value_error(check, value, kind):
    rest, options, _ = REFUSED[check]
    with pytest.raises(kind):
        getattr(arguments, check)(value, *rest, **options)


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ({}, "finite"),
        ({"low": 0.0}, "at least 0 and finite"),
        ({"low": 0.0, "ends": "(]"}, "greater than 0 and finite"),
        ({"low": 0.0, "high": 1.0}, "in [0, 1]"),
        ({"low": 0.0, "high": 1.0, "ends": "(]"}, "in (0, 1]"),
    ],
)
def test_an_interval_is_told_in_words(bounds, text):
    with pytest.raises(InvalidValueError, match=re.escape(f"p must be {text}, got -inf in fn()")):
        arguments.real(float("-inf"), "p", "fn", **bounds)


def test_a_fraction_is_in_0_to_1_without_1():
    assert arguments.fraction(0, "sparsity", "plan") == 0.0
    with pytest.raises(InvalidValueError, match=r"^sparsity must be in \[0, 1\), got 1.3 in plan\(\)$"):
        arguments.fraction(1.3, "sparsity", "plan")


@pytest.mark.parametrize("dtype", ["f4", np.float32, F32, float, "float64"])
def test_the_two_float_widths_are_known_by_any_of_their_names(dtype):
    assert arguments.float_dtype(dtype, "fn") == np.dtype(dtype)


def test_a_generator_is_used_as_it_is_and_a_seed_makes_one():
    rng = np.random.default_rng(3)
    assert arguments.generator(rng, "fn") is rng
    for seed in (3, [3], np.random.SeedSequence(3)):
        assert arguments.generator(seed, "fn").random() == np.random.default_rng(3).random()


def test_the_global_random_state_is_left_alone():
    np.random.random()  # noqa: NPY002 - so that it is not at the start of a seed
    before = np.random.get_state()  # noqa: NPY002
    arguments.generator(None, "fn").random()
    after = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@given(hnp.arrays(np.float32, (2, 3), elements=st.floats(-9, 9, width=32)), st.booleans())
def test_features_that_fit_are_not_copied(x, transposed):
    x = np.asfortranarray(x) if transposed else x
    assert arguments.features(x, 3, "fn", dtype=F32) is x


@pytest.mark.parametrize("dtype", ["f2", "f8", "i1", "u8", ">f4"])
def test_features_are_converted_to_the_dtype_of_the_network(dtype):
    found = arguments.features(np.ones((1, 3), dtype), 3, "fn", dtype=F32)
    assert found.dtype == F32
    assert found.tolist() == [[1, 1, 1]]


@pytest.mark.parametrize("y", [[0, 1, 1], [0.0, 1.0, 1.0], [False, True, True], np.array([0, 1, 1], np.uint8)])
def test_labels_come_back_as_whole_numbers(y):
    found = arguments.labels(y, 3, 2, "fn")
    assert found.dtype == np.intp
    assert found.tolist() == [0, 1, 1]


def test_sample_weights_may_be_left_out_or_be_whole_numbers():
    assert arguments.weights_of_samples(None, 2, "fn") is None
    assert arguments.weights_of_samples([2, 0], 2, "fn").tolist() == [2.0, 0.0]


def test_a_mask_that_fits_is_itself():
    mask = np.array([True, False])
    assert arguments.mask_of_shape(mask, (2,), "w", "fn") is mask
