"""Split, Dataset and the stratified deal, checked against a slow count and by properties."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.splits import Dataset, Split, deal, split

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.array([0, 1, 0, 1, 2, 2])


# ------------------------------------------------------------------------------------------------ Split


def test_a_split_holds_contiguous_read_only_arrays_of_the_stated_types():
    part = Split(np.asfortranarray(X.astype(np.int16)), Y.astype(np.uint8))
    assert (part.x.dtype, part.y.dtype) == (np.float32, np.int64)
    assert part.x.flags.c_contiguous
    assert np.array_equal(part.x, X)
    assert np.array_equal(part.y, Y)
    for array in part:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_split_leaves_the_given_array_writable_and_does_not_copy_it():
    x = X.copy()
    part = Split(x, Y)
    x[0] = 7
    assert np.shares_memory(part.x, x)
    assert part.x[0, 0] == 7


@pytest.mark.parametrize(
    ("x", "expected"),
    [(X.astype(np.float64), np.float64), (X, np.float32), (X.tolist(), np.float32), (X.astype(np.float16), np.float32)],
)
def test_only_a_float64_array_stays_float64(x, expected):
    assert Split(x, Y).x.dtype == expected


def test_a_split_unpacks_and_counts_its_rows():
    x, y = Split(X, Y)
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)
    assert len(Split(X, Y)) == 6


@pytest.mark.parametrize("rows", [[5, 0, 0], np.array([5, 0, 0], dtype=np.uint8)])
def test_take_gives_the_rows_asked_for_in_that_order(rows):
    part = Split(X, Y).take(rows)
    assert np.array_equal(part.x, np.stack([X[5], X[0], X[0]]))
    assert part.y.tolist() == [2, 0, 0]
    assert not np.shares_memory(part.x, X)


@pytest.mark.parametrize(
    ("rows", "error", "text"),
    [
        ([], InvalidValueError, "at least one row"),
        ([[0, 1]], InvalidValueError, r"got shape \(1, 2\) in take\(\)"),
        ([0.0, 1.0], InvalidTypeError, "whole numbers, got dtype float64"),
        ([True, False, True, False, True, False], InvalidTypeError, "whole numbers, got dtype bool"),
        ([0, 6], InvalidValueError, r"rows must be in 0 … 5, got 6 in take\(\)"),
        ([-1], InvalidValueError, r"rows must be in 0 … 5, got -1 in take\(\)"),
    ],
)
def test_take_refuses(rows, error, text):
    with pytest.raises(error, match=text):
        Split(X, Y).take(rows)


@pytest.mark.parametrize(
    ("x", "y", "error", "text"),
    [
        (X[:, 0], Y, InvalidValueError, r"got \(6,\) in Split\(\); one column is x\[:, None\]"),
        (X[:0], Y[:0], InvalidValueError, r"got \(0, 2\) in Split\(\)"),
        (X[:, :0], Y, InvalidValueError, r"got \(6, 0\) in Split\(\)"),
        (X, Y[:5], InvalidValueError, r"y must have shape \(6,\)"),
        (X, -Y, InvalidValueError, "y must be in 0"),
        (X, Y + 0.5, InvalidValueError, "whole numbers"),
        (np.where(X == 5, np.nan, X), Y, InvalidValueError, r"x must be finite, got 1 .*\(2, 1\)"),
        (X.astype(str), Y, InvalidTypeError, "real numbers"),
    ],
)
def test_a_split_refuses(x, y, error, text):
    with pytest.raises(error, match=text):
        Split(x, y)


def test_a_split_shows_sizes_and_shares():
    assert repr(Split(X, Y)) == "Split(6 rows × 2 features, float32; classes 0: 33.3 %, 1: 33.3 %, 2: 33.3 %)"
    assert repr(Split(X, np.arange(6))) == "Split(6 rows × 2 features, float32; 6 classes)"


# ------------------------------------------------------------------------------------------------ Dataset


def test_a_dataset_joins_train_and_valid():
    data = Dataset("d", Split(X, Y), Split(X + 1, Y), Split(X, Y), ("a", "b"), ("0", "1", "2"))
    both = data.train_and_valid
    assert np.array_equal(both.x, np.concatenate([X, X + 1]))
    assert np.array_equal(both.y, np.concatenate([Y, Y]))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"feature_names": ("a",)}, "feature_names must name each of the 2 columns of train, got 1"),
        ({"valid": Split(X[:, :1], Y)}, "feature_names must name each of the 1 columns of valid, got 2"),
        ({"classes": ("0", "1")}, "classes must name each label, got 2 names and label 2"),
        ({"groups": {"a": (0, 2)}}, r"groups\['a'\] must be columns 0 … 1, got \(0, 2\)"),
    ],
)
def test_a_dataset_refuses_names_that_do_not_fit(changes, text):
    part = Split(X, Y)
    fields = {"train": part, "valid": part, "test": part, "feature_names": ("a", "b"), "classes": ("0", "1", "2")}
    with pytest.raises(InvalidValueError, match=text):
        Dataset("d", **(fields | changes))


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data))])
def test_a_dataset_can_be_copied_and_pickled(clone):
    data = split(X, Y)
    twin = clone(data)
    assert repr(twin) == repr(data)
    assert np.array_equal(twin.train.x, data.train.x)


def test_a_dataset_of_many_classes_shows_sizes_alone():
    text = repr(split(np.zeros((60, 1)), np.arange(60) % 12))
    assert text.splitlines()[0] == "Dataset 'data': 1 features, 12 classes"
    assert "%" not in text


# ------------------------------------------------------------------------------------------------ dealing

labels = st.lists(st.integers(0, 5), min_size=1, max_size=200).map(np.array)


@st.composite
def fractions(draw):
    """Between one and four positive fractions with sum 1, round ones and odd ones."""
    weights = draw(st.lists(st.integers(1, 1000), min_size=1, max_size=4))
    return [weight / sum(weights) for weight in weights]


@given(y=labels, shares=fractions(), seed=st.integers(0, 2**32))
def test_deal_hands_out_every_row_once_and_every_class_in_proportion(y, shares, seed):
    parts = deal(y, shares, np.random.default_rng(seed))
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(y)))
    for part, share in zip(parts, shares, strict=True):
        assert abs(len(part) - share * len(y)) < 1 + 1e-6
        for label in set(y.tolist()):
            there = sum(1 for row in part if y[row] == label)
            in_all = sum(1 for value in y if value == label)
            assert abs(there - share * in_all) <= 1 + 1e-6


@given(y=labels, seed=st.integers(0, 2**32))
def test_deal_depends_on_the_seed_alone(y, seed):
    first, second = (deal(y, (0.5, 0.3, 0.2), np.random.default_rng(seed)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_deal_mixes_the_rows_of_a_sorted_table():
    y = np.repeat([0, 1], 500)
    train, _ = deal(y, (0.5, 0.5), np.random.default_rng(0))
    assert 20 < y[train[:100]].sum() < 80
    assert 20 < (train[:100] % 500 < 250).sum() < 80


@given(
    rows=st.integers(3, 60),
    width=st.integers(1, 3),
    seed=st.integers(0, 2**32),
    data=st.data(),
)
def test_split_keeps_rows_and_labels_together(rows, width, seed, data):
    y = np.array(data.draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows)))
    x = np.repeat(np.arange(rows)[:, None], width, axis=1)
    dealt = split(x, y, fractions=(0.4, 0.3, 0.3), rng=seed)
    seen = []
    for part in dealt.parts.values():
        for row, label in zip(*part, strict=True):
            assert set(row.tolist()) == {float(row[0])}
            assert label == y[int(row[0])]
            seen.append(int(row[0]))
    assert sorted(seen) == list(range(rows))


def test_split_takes_a_generator_and_leaves_the_global_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    rng = np.random.default_rng(3)
    first, second = split(X, Y, rng=rng), split(X, Y, rng=rng)
    again = split(X, Y, rng=3)
    assert np.array_equal(first.train.x, again.train.x)
    assert not np.array_equal(first.train.x, second.train.x)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_split_takes_names():
    data = split(X, Y, name="mine", feature_names=["a", "b"], classes=["r", "g", "b"])
    assert (data.name, data.feature_names, data.classes, data.groups) == ("mine", ("a", "b"), ("r", "g", "b"), {})


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"fractions": (0.5, 0.5)}, InvalidValueError, r"fractions must be three positive .* in split\(\)"),
        ({"fractions": (0.5, 0.5, 0.0)}, InvalidValueError, "fractions must be three positive"),
        ({"fractions": (0.8, 0.4, -0.2)}, InvalidValueError, "fractions must be three positive"),
        ({"fractions": (0.5, 0.3, 0.3)}, InvalidValueError, r"sum 1, got \(0.5, 0.3, 0.3\)"),
        ({"fractions": (0.5, 0.5, np.nan)}, InvalidValueError, "fractions must be finite"),
        ({"fractions": "abc"}, InvalidTypeError, "fractions must hold real numbers"),
        ({"fractions": (0.98, 0.01, 0.01)}, InvalidValueError, "each part must get a row, got 6 / 0 / 0 of 6 rows"),
        ({"rng": "seed"}, InvalidTypeError, r"rng must be .* in split\(\)"),
        ({"y": Y[:5]}, InvalidValueError, r"y must have shape \(6,\).* in split\(\)"),
        ({"x": X[0]}, InvalidValueError, r"x must have shape \(rows, features\).* in split\(\)"),
        ({"feature_names": ["a"]}, InvalidValueError, "feature_names must name each"),
        ({"classes": ["a"]}, InvalidValueError, "classes must name each"),
    ],
)
def test_split_refuses(arguments, error, text):
    with pytest.raises(error, match=text):
        split(**({"x": X, "y": Y} | arguments))
