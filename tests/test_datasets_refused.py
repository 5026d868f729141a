"""The bundled sets: unknown names, and files that are missing, damaged or not what they should be."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minprune import datasets
from minprune.errors import InvalidValueError, StorageError

DATA = Path(__file__).resolve().parent.parent / "data"


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
    with np.load(DATA / "digits.npz") as whole:
        for key in whole.files:
            assert np.array_equal(arrays[key], whole[key])
