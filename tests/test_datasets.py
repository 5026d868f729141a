"""The bundled sets: every row once, and preprocessing learnt from train alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from minprune import datasets
from minprune.splits import deal

DATA = Path(__file__).resolve().parent.parent / "data"


def raw(name):
    with np.load(DATA / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def credit_rows():
    """The rows of the file that each part of credit has."""
    return deal(raw("credit")["default"], (0.6, 0.2, 0.2), np.random.default_rng(0))


# ------------------------------------------------------------------------------------------------ every set

SIZES = {"credit": (18_000, 6_000, 6_000), "digits": (1_078, 360, 359), "mnist": (50_000, 10_000, 10_000)}


@pytest.mark.parametrize("name", datasets.NAMES)
def test_sizes_types_and_names(name):
    data = datasets.load(name)
    assert data.name == name
    assert tuple(len(part) for part in data.parts.values()) == SIZES[name]
    assert len(set(data.feature_names)) == len(data.feature_names)
    for part in data.parts.values():
        assert (part.x.dtype, part.y.dtype) == (np.float32, np.int64)
        assert part.x.flags.c_contiguous
        assert part.x.shape == (len(part), len(data.feature_names))
        assert np.isfinite(part.x).all()
        assert np.abs(part.x).max() < 10
        assert set(part.y.tolist()) == set(range(len(data.classes)))


@pytest.mark.parametrize("name", datasets.NAMES)
def test_nothing_in_a_loaded_set_can_be_changed(name):
    data = datasets.load(name)
    for part in data.parts.values():
        for array in part:
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
            with pytest.raises(ValueError, match="WRITEABLE"):
                array.setflags(write=True)
    data.groups["mine"] = (0,)
    assert "mine" not in datasets.load(name).groups


@pytest.mark.parametrize("name", ["credit", "digits"])
def test_loading_from_the_file_again_gives_the_same_bits(name):
    first = datasets.load(name)
    datasets._prepared.cache_clear()
    second = datasets.load(name)
    for one, other in zip(first.parts.values(), second.parts.values(), strict=True):
        assert one.x is not other.x
        assert np.array_equal(one.x, other.x)
        assert np.array_equal(one.y, other.y)


@pytest.mark.parametrize("name", datasets.NAMES)
def test_loading_twice_shares_the_arrays(name):
    assert datasets.load(name).train.x is datasets.load(name).train.x


@pytest.mark.parametrize("name", ["credit", "digits"])
def test_each_class_has_its_share_in_every_part(name):
    data = datasets.load(name)
    labels = np.concatenate([part.y for part in data.parts.values()])
    for part, share in zip(data.parts.values(), (0.6, 0.2, 0.2), strict=True):
        for label in range(len(data.classes)):
            assert abs((part.y == label).sum() - share * (labels == label).sum()) <= 1


def test_the_bundled_splits_never_change(credit_rows):
    """Published numbers hang on which customer is in which part; a new NumPy must not move one."""
    train, valid = deal(raw("mnist")["train_y"], (5 / 6, 1 / 6), np.random.default_rng(0))
    digest = hashlib.sha256()
    for rows in (*credit_rows, train, valid):
        digest.update(rows.astype("<i4").tobytes())
    assert digest.hexdigest() == "3040c5171196650d6dd6375811495d9b71457a91185e959f58be33f90d35cd3f"


# ------------------------------------------------------------------------------------------------ credit


def test_credit_deals_every_customer_once(credit_rows):
    assert np.array_equal(np.sort(np.concatenate(credit_rows)), np.arange(30_000))
    labels = raw("credit")["default"]
    for part, rows in zip(datasets.load("credit").parts.values(), credit_rows, strict=True):
        assert np.array_equal(part.y, labels[rows])


def percentile_by_counting(value, train):
    """The share below plus half the share equal; between two known values, on the line that joins them."""
    below = max((v for v in train if v <= value), default=min(train))
    above = min((v for v in train if v >= value), default=max(train))
    low, high = (
        (sum(1 for v in train if v < known) + sum(1 for v in train if v == known) / 2) / len(train)
        for known in (below, above)
    )
    return low if below == above else low + (high - low) * (value - below) / (above - below)


@pytest.mark.parametrize("seed", [0, 1])
def test_percentiles_are_what_counting_gives(seed):
    rng = np.random.default_rng(seed)
    train = rng.integers(-5, 20, 31)
    values = np.concatenate([train, [-9, -6, 20, 25], rng.uniform(-6, 21, 20)])
    known = np.array([percentile_by_counting(value, train.tolist()) for value in train.tolist()])
    expected = [(percentile_by_counting(v, train.tolist()) - known.mean()) / known.std() for v in values.tolist()]
    assert known.mean() == pytest.approx(0.5, abs=1e-12)
    np.testing.assert_allclose(datasets._percentile(values, among=train), expected, rtol=1e-12, atol=1e-12)


MEANINGS = {
    "SEX": {"male": {1}, "female": {2}},
    "EDUCATION": {
        "graduate school": {1},
        "university": {2},
        "high school": {3},
        "other": {4},
        **{f"code {code}": {code} for code in (0, 5, 6)},
    },
    "MARRIAGE": {"married": {1}, "single": {2}, "other": {3}, "code 0": {0}},
    **{
        f"PAY_{month}": {str(code): {code} for code in (-2, -1, 0, 1, 2)} | {"3+": {3, 4, 5, 6, 7, 8}}
        for month in (0, 2, 3, 4, 5, 6)
    },
}


def test_every_credit_column_is_what_its_name_says(credit_rows):
    data, facts = datasets.load("credit"), raw("credit")
    for column, name in enumerate(data.feature_names):
        fact, _, meaning = name.partition("=")
        train = facts[fact][credit_rows[0]]
        for part, rows in zip(data.parts.values(), credit_rows, strict=True):
            if meaning:
                expected = [1.0 if value in MEANINGS[fact][meaning] else 0.0 for value in facts[fact][rows].tolist()]
                assert part.x[:, column].tolist() == expected, name
            else:
                reference = datasets._percentile(facts[fact][rows], among=train)
                np.testing.assert_allclose(part.x[:, column], reference, rtol=1e-6, atol=1e-6, err_msg=name)


def test_credit_columns_are_in_the_order_of_the_facts_and_groups_find_them():
    data = datasets.load("credit")
    facts = [key for key in raw("credit") if key != "default"]
    assert list(data.groups) == facts
    assert len(facts) == 23
    assert [column for columns in data.groups.values() for column in columns] == list(range(60))
    for fact, columns in data.groups.items():
        assert {data.feature_names[column].partition("=")[0] for column in columns} == {fact}


def test_codes_that_nobody_in_train_has_get_no_column():
    data = datasets.load("credit")
    missing = {f"{fact}={code}" for fact in MEANINGS for code in MEANINGS[fact]} - set(data.feature_names)
    assert missing == {"PAY_4=1", "PAY_5=1", "PAY_6=1"}
    assert (data.train.x.max(axis=0) > data.train.x.min(axis=0)).all()


def test_credit_numbers_are_standardised_on_train():
    data = datasets.load("credit")
    numbers = [column for column, name in enumerate(data.feature_names) if "=" not in name]
    train = data.train.x[:, numbers].astype(np.float64)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-6)


def test_credit_learns_its_preprocessing_from_train_alone(credit_rows):
    """Were valid and test all of one strange customer, train would look the same."""
    facts = raw("credit")
    for fact, values in facts.items():
        if fact != "default":  # the labels decide who is in train
            for rows in credit_rows[1:]:
                values[rows] = values.max()
    data = datasets._credit(facts)
    assert np.array_equal(data.train.x, datasets.load("credit").train.x)
    assert data.feature_names == datasets.load("credit").feature_names


# ------------------------------------------------------------------------------------------------ mnist and digits


def images_with_labels(pixels, labels):
    return Counter((image.tobytes(), int(label)) for image, label in zip(pixels, labels, strict=True))


def test_mnist_is_every_image_once_and_the_official_test_in_its_order():
    data, file = datasets.load("mnist"), raw("mnist")
    for part, name in ((data.train_and_valid, "train"), (data.test, "test")):
        pixels = part.x * np.float32(0.3081)
        pixels += np.float32(0.1307)
        pixels *= 255
        whole = np.rint(pixels)
        pixels -= whole
        assert max(pixels.max(), -pixels.min()) < 1e-3
        whole = whole.astype(np.uint8)
        assert images_with_labels(whole, part.y) == images_with_labels(file[f"{name}_x"], file[f"{name}_y"])
    assert np.array_equal(whole, file["test_x"])
    assert np.array_equal(data.test.y, file["test_y"])


def test_mnist_valid_has_each_digit_in_proportion():
    data = datasets.load("mnist")
    for label in range(10):
        there, all_of_it = (data.valid.y == label).sum(), (data.train_and_valid.y == label).sum()
        assert abs(there - all_of_it / 6) <= 1


def test_digits_are_every_image_once_scaled_by_train_alone():
    data, file = datasets.load("digits"), raw("digits")
    images = sorted((*image, int(label)) for image, label in zip(file["x"].tolist(), file["y"], strict=True))
    rows = deal(file["y"], (0.6, 0.2, 0.2), np.random.default_rng(0))
    train = [pixel for row in rows[0] for pixel in file["x"][row].tolist()]
    mean = sum(train) / len(train)
    deviation = (sum((pixel - mean) ** 2 for pixel in train) / len(train)) ** 0.5
    ours = []
    for part in data.parts.values():
        pixels = part.x * deviation + mean
        assert np.abs(pixels - np.rint(pixels)).max() < 1e-4
        whole = np.rint(pixels).astype(int).tolist()
        ours += [(*image, int(label)) for image, label in zip(whole, part.y, strict=True)]
    assert sorted(ours) == images


# ------------------------------------------------------------------------------------------------ against scikit-learn


@pytest.mark.peers
def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    theirs = load_digits()
    assert np.array_equal(raw("digits")["x"], theirs.data)
    assert np.array_equal(raw("digits")["y"], theirs.target)


@pytest.mark.peers
def test_a_linear_model_already_ranks_customers_well():
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    data = datasets.load("credit")
    model = LogisticRegression(max_iter=500).fit(*data.train)
    assert roc_auc_score(data.valid.y, model.decision_function(data.valid.x)) > 0.76
