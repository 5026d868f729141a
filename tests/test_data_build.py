"""data/build.py: the files it writes and checks are those that are committed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).resolve().parent.parent / "data"


def raw(name):
    with np.load(DATA / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


@pytest.fixture
def build():
    spec = importlib.util.spec_from_file_location("build", DATA / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
