"""Splits and data sets as they are shown, what they refuse in full, and what holds when nothing is said."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.splits import Dataset, Split, deal, split

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.array([0, 1, 0, 1, 2, 2])
PART = Split(X, Y)


def dataset(**changes):
    fields = {"name": "d", "train": PART, "valid": PART, "test": PART, "feature_names": ("a", "b")}
    return Dataset(**fields | {"classes": ("r", "g", "b")} | changes)


def test_a_data_set_is_shown_with_its_sizes_and_shares():
    large = Split(np.zeros((2000, 2)), np.arange(2000) % 2)
    shown = dataset(train=large, groups={"A": (0,), "B": (1,)}, description="Three colours.")
    assert (
        repr(shown)
        == """\
Dataset 'd': 2 features from 2 facts, 3 classes
Three colours.
        rows       r       g       b
────────────────────────────────────
train  2,000  50.0 %  50.0 %   0.0 %
valid      6  33.3 %  33.3 %  33.3 %
test       6  33.3 %  33.3 %  33.3 %"""
    )
    assert repr(dataset()).splitlines()[:2] == [
        "Dataset 'd': 2 features, 3 classes",
        "       rows       r       g       b",
    ]


@pytest.mark.parametrize(("classes", "shown"), [(10, True), (11, False)])
def test_shares_of_up_to_ten_classes_are_shown(classes, shown):
    lines = repr(split(np.zeros((33, 1)), np.arange(33) % classes)).splitlines()
    assert lines[0] == f"Dataset 'data': 1 features, {classes} classes"
    assert lines[1].split() == ["rows", *(map(str, range(classes)) if shown else [])]
    assert len(lines[3].split()) == 2 + 20 * shown


def test_a_split_is_shown_with_shares_of_up_to_five_classes():
    assert repr(Split(np.zeros((2000, 1)), np.arange(2000) % 5)) == (
        "Split(2,000 rows × 1 features, float64; classes 0: 20.0 %, 1: 20.0 %, 2: 20.0 %, 3: 20.0 %, 4: 20.0 %)"
    )
    assert repr(Split(X, np.arange(6))) == "Split(6 rows × 2 features, float32; 6 classes)"
    assert repr(Split(X.astype(np.float64), np.zeros(6))) == "Split(6 rows × 2 features, float64; classes 0: 100.0 %)"


def test_the_parts_are_found_by_name():
    train, valid, test = Split(X, Y), Split(X + 1, Y), Split(X + 2, Y)
    assert dataset(train=train, valid=valid, test=test).parts == {"train": train, "valid": valid, "test": test}
    assert (dataset().groups, dataset().description) == ({}, "")


NAMES = "must be a sequence of strings, got {} in split()"
FRACTIONS = "fractions must be three positive numbers with sum 1, got {} in split()"
SHAPE = "x must have shape (rows, features), neither 0, got {}"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: PART.take([]), InvalidValueError, "rows must be a list of at least one row, got shape (0,) in take()"),
        (lambda: PART.take(3), InvalidValueError, "rows must be a list of at least one row, got shape () in take()"),
        (lambda: PART.take([0.0]), InvalidTypeError, "rows must be whole numbers, got dtype float64 in take()"),
        (lambda: PART.take(["a"]), InvalidTypeError, "rows must hold real numbers, got dtype <U1 in take()"),
        (lambda: PART.take([5, 6]), InvalidValueError, "rows must be in 0 … 5, got 6 in take()"),
        (lambda: PART.take([0, -1]), InvalidValueError, "rows must be in 0 … 5, got -1 in take()"),
        (lambda: Split(X[:, 0], Y), InvalidValueError, SHAPE.format("(6,) in Split(); one column is x[:, None]")),
        (lambda: Split([], []), InvalidValueError, SHAPE.format("(0,) in Split()")),
        (lambda: Split(X[None], Y), InvalidValueError, SHAPE.format("(1, 6, 2) in Split()")),
        (lambda: Split(X[:, :0], Y), InvalidValueError, SHAPE.format("(6, 0) in Split()")),
        (lambda: split(X[0], Y), InvalidValueError, SHAPE.format("(2,) in split(); one column is x[:, None]")),
        (lambda: Split(X.astype(str), Y), InvalidTypeError, "x must hold real numbers, got dtype <U32 in Split()"),
        (lambda: Split(X > 1, Y), InvalidTypeError, "x must be float or integer, got dtype bool in Split()"),
        (lambda: Split(X, Y + 999_998), InvalidValueError, "y must be in 0 … 999999, got 1e+06 at 4 in Split()"),
        (lambda: split(X, Y, rng="s"), InvalidTypeError,
         "rng must be a Generator, a seed or None, got str 's' in split()"),
        (lambda: split(X, Y, fractions=[[0.5]]), InvalidValueError, FRACTIONS.format("[[0.5]]")),
        (lambda: split(X, Y, fractions=(0.5, 0.5, 0.0)), InvalidValueError, FRACTIONS.format("(0.5, 0.5, 0.0)")),
        (lambda: split(X, Y, fractions=(0.5, 0.3, 0.1)), InvalidValueError, FRACTIONS.format("(0.5, 0.3, 0.1)")),
        (lambda: split(X, Y, fractions="abc"), InvalidTypeError,
         "fractions must hold real numbers, got dtype <U3 in split()"),
        (lambda: split(X, Y, fractions=(0.5, 0.5, np.nan)), InvalidValueError,
         "fractions must be finite, got 1 NaN or infinite in split(), the first at (2,): nan"),
        (lambda: split(X[:2], Y[:2]), InvalidValueError,
         "each part must get a row, got 1 / 1 / 0 of 2 rows in split()"),
        (lambda: split(X, Y, feature_names="ab"), InvalidTypeError, "feature_names " + NAMES.format("'ab'")),
        (lambda: split(X, Y, feature_names=["a", 1]), InvalidTypeError, "feature_names " + NAMES.format("['a', 1]")),
        (lambda: split(X, Y, classes=3), InvalidTypeError, "classes " + NAMES.format("3")),
        (lambda: dataset(test=X), InvalidTypeError, "test must be a Split, got ndarray in Dataset()"),
        (lambda: dataset(feature_names=("a",)), InvalidValueError,
         "feature_names must name each of the 2 columns of train, got 1 in Dataset()"),
        (lambda: dataset(test=Split(X[:, :1], Y)), InvalidValueError,
         "feature_names must name each of the 1 columns of test, got 2 in Dataset()"),
        (lambda: dataset(classes=("r", "g")), InvalidValueError,
         "classes must name each label, got 2 names and label 2 in Dataset()"),
        (lambda: dataset(groups={"A": (0, 2)}), InvalidValueError,
         "groups['A'] must be columns 0 … 1, got (0, 2) in Dataset()"),
        (lambda: dataset(groups={"A": (0, 1), "B": (-1,)}), InvalidValueError,
         "groups['B'] must be columns 0 … 1, got (-1,) in Dataset()"),
    ],
)  # fmt: skip
def test_a_refusal_names_what_is_wrong_the_rule_and_the_call(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert (type(caught.value), str(caught.value)) == (error, text)


def test_without_options_six_two_and_two_tenths_are_dealt_by_seed_0_and_names_are_numbers():
    x, y = np.arange(60.0).reshape(20, 3), np.arange(20) % 2
    plain = split(x, y)
    assert [len(part) for part in plain.parts.values()] == [12, 4, 4]
    assert (plain.name, plain.feature_names, plain.classes) == ("data", ("x0", "x1", "x2"), ("0", "1"))
    for part, rows in zip(plain.parts.values(), deal(y, (0.6, 0.2, 0.2), np.random.default_rng(0)), strict=True):
        np.testing.assert_array_equal(part.x, x[rows])
        np.testing.assert_array_equal(part.y, y[rows])


def test_classes_that_are_named_may_be_more_than_turn_up_and_one_column_is_enough():
    data = split(np.zeros((6, 1)), np.zeros(6), classes=["none", "some"])
    assert data.classes == ("none", "some")
    assert data.feature_names == ("x0",)


@pytest.mark.parametrize(
    ("counts", "fractions", "sizes"),
    [
        ((7, 3), (0.5, 0.5), (5, 5)),
        ((1, 1, 1, 1), (0.5, 0.5), (2, 2)),
        ((3, 3), (0.6, 0.2, 0.2), (4, 1, 1)),
        ((1, 1, 1), (0.4, 0.3, 0.3), (1, 1, 1)),
        ((5,), (0.5, 0.5), (3, 2)),  # the half is rounded up where the parts meet
        ((10, 20), (0.1, 0.2, 0.7), (3, 6, 21)),
    ],
)
def test_the_parts_have_the_sizes_of_the_rounded_shares(counts, fractions, sizes):
    y = np.repeat(np.arange(len(counts)), counts)
    assert tuple(map(len, deal(y, fractions, np.random.default_rng(0)))) == sizes


weights = st.lists(st.integers(1, 20), min_size=1, max_size=4)


@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=5), weights=weights, seed=st.integers(0, 99))
@example(counts=[38, 15, 1], weights=[7, 11, 12], seed=0)
def test_every_count_is_its_exact_share_rounded_down_or_one_more(counts, weights, seed):
    """In whole numbers, so that a share which is whole is never one less; and of all rows it is rounded up or down."""
    y = np.repeat(np.arange(len(counts)), counts)
    parts = deal(y, [weight / sum(weights) for weight in weights], np.random.default_rng(seed))
    for part, weight in zip(parts, weights, strict=True):
        for label, count in enumerate(counts):
            exact = Fraction(weight * count, sum(weights))
            assert (y[part] == label).sum() - math.floor(exact) in (0, 1)
        exact = Fraction(weight * len(y), sum(weights))
        assert len(part) in (math.floor(exact), math.ceil(exact))


def test_a_share_that_is_whole_is_never_one_less():
    """12/30 of the 15 rows of class 1 are 6."""
    y = np.repeat([0, 1, 2], [38, 15, 1])
    last = deal(y, [7 / 30, 11 / 30, 12 / 30], np.random.default_rng(0))[2]
    assert (y[last] == 1).sum() in (6, 7)


def test_a_split_may_hold_what_its_array_shares_and_never_writes_to_it():
    x, y = X.copy(), Y.astype(np.int64)
    part = Split(x, y)
    assert np.shares_memory(part.y, y)
    assert x.flags.writeable
    assert y.flags.writeable
    assert not part.x.flags.writeable
    assert not part.y.flags.writeable
