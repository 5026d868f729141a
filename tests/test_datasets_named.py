"""The bundled sets: what they are called and say of themselves, and refusals in full."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from minprune import datasets
from minprune.errors import InvalidValueError, StorageError

DATA = Path(__file__).resolve().parent.parent / "data"
REMEDY = "reinstall minprune, or run data/build.py in a checkout"
SHOWN = {
    "credit": """\
Dataset 'credit': 60 features from 23 facts, 2 classes
Will a credit card customer of October 2005 default? (Yeh and Lien 2009)
         rows    paid  default
──────────────────────────────
train  18,000  77.9 %   22.1 %
valid   6,000  77.9 %   22.1 %
test    6,000  77.9 %   22.1 %""",
    "digits": """\
Dataset 'digits': 64 features, 10 classes
Handwritten digits, 8 × 8 pixels (Alpaydin and Kaynak 1998)
        rows       0       1       2       3       4       5       6       7      8       9
───────────────────────────────────────────────────────────────────────────────────────────""",
    "mnist": """\
Dataset 'mnist': 784 features, 10 classes
Handwritten digits, 28 × 28 pixels (LeCun and Cortes)""",
}


@pytest.mark.parametrize("name", datasets.NAMES)
def test_a_set_says_what_it_is(name):
    data = datasets.load(name)
    assert repr(data).startswith(SHOWN[name])
    assert data.classes == (("paid", "default") if name == "credit" else tuple("0123456789"))


def test_pixels_are_named_row_by_row():
    for name, side in (("digits", 8), ("mnist", 28)):
        names = datasets.load(name).feature_names
        assert names[:2] == ("pixel 0,0", "pixel 0,1")
        assert (names[side], names[-1]) == ("pixel 1,0", f"pixel {side - 1},{side - 1}")
        assert len(names) == side * side


def test_only_credit_has_columns_made_of_facts():
    groups = datasets.load("credit").groups
    assert (groups["LIMIT_BAL"], groups["SEX"], groups["AGE"]) == ((0,), (1, 2), (14,))
    assert datasets.load("digits").groups == datasets.load("mnist").groups == {}


def test_an_unknown_name_is_told_with_those_there_are():
    with pytest.raises(InvalidValueError) as caught:
        datasets.load("credti")
    text = "name must be a known name, got 'credti' in load(); did you mean 'credit'? Known: credit, digits, mnist"
    assert str(caught.value) == text


def refused(monkeypatch, *folders):
    monkeypatch.setattr(datasets, "_FOLDERS", folders)
    with pytest.raises(StorageError) as caught:
        datasets.load("digits")
    return str(caught.value)


def test_a_missing_a_damaged_and_a_wrong_file_are_named_with_what_to_do(tmp_path, monkeypatch):
    path = tmp_path / "digits.npz"
    assert refused(monkeypatch, tmp_path, tmp_path / "b") == (
        f"digits.npz is not in {tmp_path} nor in {tmp_path / 'b'} in load(): {REMEDY}"
    )
    path.write_bytes(b"")
    text = refused(monkeypatch, tmp_path / "b", tmp_path)
    assert text.startswith(f"{path} can't be read in load() (EOFError: ")  # and what NumPy says
    assert text.endswith(f"): {REMEDY}")
    np.savez(path, x=np.zeros((1_797, 64)))
    assert refused(monkeypatch, tmp_path) == f"{path} holds other arrays than digits has in load(): {REMEDY}"


def test_the_first_folder_that_has_the_file_is_taken(tmp_path, monkeypatch):
    for folder in ("good", "bad"):
        (tmp_path / folder).mkdir()
    shutil.copy(DATA / "digits.npz", tmp_path / "good")
    (tmp_path / "bad" / "digits.npz").touch()
    monkeypatch.setattr(datasets, "_FOLDERS", tuple(tmp_path / name for name in ("none", "good", "bad")))
    assert len(datasets.load("digits").train) == 1_078
    assert str(tmp_path / "bad" / "digits.npz") in refused(monkeypatch, tmp_path / "bad", tmp_path / "good")
