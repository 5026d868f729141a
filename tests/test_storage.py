"""Files are written whole or not at all."""

import os
import stat

import pytest

from minprune.errors import StorageError
from minprune.storage import write_whole


def test_text_and_bytes_arrive_in_a_folder_that_is_made(tmp_path):
    path = tmp_path / "a" / "b" / "note.txt"
    assert write_whole(path, "größer\n") == path
    assert path.read_bytes() == "größer\n".encode()
    assert write_whole(str(path), b"\x00\xff").read_bytes() == b"\x00\xff"
    assert os.listdir(path.parent) == ["note.txt"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("step", ["pathlib.Path.write_bytes", "os.replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step, failure):
    path = tmp_path / "figures.json"
    path.write_text("old")

    def fail(*arguments, **options):
        if step.endswith("write_bytes"):
            (tmp_path / arguments[0].name).write_text("ha")  # half of it got there
        raise failure

    monkeypatch.setattr(step, fail)
    expected = KeyboardInterrupt if isinstance(failure, KeyboardInterrupt) else StorageError
    with pytest.raises(expected):
        write_whole(path, "new")
    assert os.listdir(tmp_path) == ["figures.json"]
    assert path.read_text() == "old"


def test_what_the_file_system_refuses_is_a_storage_error_that_names_the_path(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/below can't be written: (Not a directory|File exists)"):
        write_whole(tmp_path / "file" / "below", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match=r"folder can't be written: Is a directory"):
        write_whole(tmp_path / "folder", "x")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    usual = tmp_path / "usual"
    usual.write_text("")
    assert stat.S_IMODE(write_whole(tmp_path / "ours", "").stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)
