"""The bundled sets: every row once, preprocessing learnt from train alone, and damaged files refused."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minprune import datasets
from minprune.errors import InvalidValueError, StorageError
from minprune.splits import deal

DATA = Path(__file__).resolve().parent.parent / "data"


def raw(name):
    with np.load(DATA / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def credit_rows():
    """The rows of the file that each part of credit has."""
    return deal(raw("credit")["default"], (0.6, 0.2, 0.2), np.random.default_rng(0))


@pytest.fixture
def build():
    spec = importlib.util.spec_from_file_location("build", DATA / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("credti", r"got 'credti' in load\(\); did you mean 'credit'\? Known: credit, digits, mnist"),
        ("MNIST", r"got 'MNIST' in load\(\); did you mean 'mnist'"),
        ("xyz", r"got 'xyz' in load\(\); known: credit, digits, mnist"),
        (3, r"got 3 in load\(\)"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(name, text):
    with pytest.raises(InvalidValueError, match=text):
        datasets.load(name)


def test_a_missing_file_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "_FOLDERS", (tmp_path / "a", tmp_path / "b"))
    with pytest.raises(StorageError, match=r"credit\.npz is not in .*a nor in .*b in load\(\): reinstall minprune"):
        datasets.load("credit")


def test_a_truncated_file_is_refused_and_the_whole_one_then_loads(tmp_path, monkeypatch):
    whole = (DATA / "credit.npz").read_bytes()
    file = tmp_path / "credit.npz"
    file.write_bytes(whole[: len(whole) // 2])
    monkeypatch.setattr(datasets, "_FOLDERS", (tmp_path,))
    with pytest.raises(StorageError, match=r"credit\.npz can't be read in load\(\) \(BadZipFile.*build\.py"):
        datasets.load("credit")
    file.write_bytes(whole)
    assert len(datasets.load("credit").train) == 18_000


def test_the_file_of_another_set_is_refused(tmp_path, monkeypatch):
    (tmp_path / "credit.npz").write_bytes((DATA / "digits.npz").read_bytes())
    monkeypatch.setattr(datasets, "_FOLDERS", (tmp_path,))
    with pytest.raises(StorageError, match="other arrays than credit has"):
        datasets.load("credit")


def test_a_pickle_is_never_opened(tmp_path, monkeypatch):
    np.savez(tmp_path / "digits.npz", x=np.array([{}], dtype=object), y=np.zeros(1))
    monkeypatch.setattr(datasets, "_FOLDERS", (tmp_path,))
    with pytest.raises(StorageError, match="allow_pickle"):
        datasets.load("digits")


@given(position=st.integers(0, (DATA / "digits.npz").stat().st_size - 1), flip=st.integers(1, 255), cut=st.booleans())
def test_any_damage_is_noticed_or_harmless(tmp_path_factory, position, flip, cut):
    content = bytearray((DATA / "digits.npz").read_bytes())
    if cut:
        del content[position:]
    else:
        content[position] ^= flip
    folder = tmp_path_factory.getbasetemp()
    (folder / "digits.npz").write_bytes(content)
    try:
        arrays = datasets._read("digits", folder)
    except StorageError:
        return
    assert not cut
    for key, array in raw("digits").items():
        assert np.array_equal(arrays[key], array)


# ------------------------------------------------------------------------------------------------ data/build.py


def test_the_committed_files_hold_the_pinned_data():
    done = subprocess.run([sys.executable, DATA / "build.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("as pinned") == 3


def test_the_check_notices_a_swapped_pair_of_rows(build):
    arrays = raw("digits")
    arrays["x"][[3, 4]] = arrays["x"][[4, 3]]
    build.check_facts("digits", arrays)
    with pytest.raises(SystemExit, match="digits: fingerprint"):
        build.check("digits", arrays)


@pytest.mark.parametrize(
    ("fact", "value", "text"),
    [("SEX", 0, "codes of SEX"), ("PAY_3", 9, "codes of PAY_3"), ("AGE", 20, "mean of AGE"), ("default", 0, "22.12 %")],
)
def test_the_check_knows_the_published_facts(build, fact, value, text):
    arrays = raw("credit")
    arrays[fact][0] = value
    with pytest.raises(SystemExit, match=text):
        build.check_facts("credit", arrays)


def test_the_check_says_which_file_is_missing(tmp_path):
    command = [sys.executable, DATA / "build.py", "--check", "--into", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "mnist.npz is missing" in done.stderr


def test_writing_gives_the_same_bytes_every_time(build, tmp_path):
    arrays = raw("digits")
    for name in ("one.npz", "two.npz"):
        build.write(tmp_path / name, arrays)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]
    again = build.load(tmp_path / "one.npz")
    assert build.fingerprint(again) == build.FINGERPRINTS["digits"]


def test_a_source_with_another_sum_is_refused(build, tmp_path):
    name = "sklearn/datasets/data/digits.csv.gz"
    with zipfile.ZipFile(tmp_path / "p.whl", "w") as wheel:
        wheel.writestr(name, b"other bytes")
    with pytest.raises(SystemExit, match=r"has SHA-256 .* expected 09f66e6d"):
        build.read(tmp_path / "p.whl", name)


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
