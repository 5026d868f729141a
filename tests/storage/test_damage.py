"""Damaged and foreign files: a StorageError, and nothing else."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keeping import TINY, architecture, digest, every_kind, file_of, refused

import minprune as mp
from minprune.errors import StorageError
from minprune.storage import load, save, write_whole

NET = every_kind()


# damage


@pytest.mark.parametrize("packed", [True, False])
def test_every_truncation_and_every_extension_is_refused(tmp_path, packed):
    path = save(TINY, tmp_path / "net", packed=packed)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(StorageError):
            load(path)
    for more in (b"\0", b" ", b"\n", b"{}", b"\0" * 8, whole):
        path.write_bytes(whole + more)
        with pytest.raises(StorageError):
            load(path)
    path.write_bytes(whole)
    assert digest(load(path)) == digest(TINY)


@pytest.mark.parametrize("packed", [True, False])
def test_a_flip_of_any_bit_is_refused(tmp_path, packed):
    path = save(TINY, tmp_path / "net", packed=packed)
    whole = path.read_bytes()
    assert b" " in whole[: 8 + int.from_bytes(whole[:8], "little")]  # with spaces at the header's end, flipped as well
    with open(path, "r+b", buffering=0) as file:
        for place, byte in enumerate(whole):
            for bit in range(8):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), place)
                with pytest.raises(StorageError):
                    load(path)
            os.pwrite(file.fileno(), bytes([byte]), place)
    assert digest(load(path)) == digest(TINY)


@given(data=st.data())
def test_bytes_changed_at_random_are_refused(data, tmp_path_factory):
    path = save(NET, tmp_path_factory.mktemp("kept") / "net")
    whole = path.read_bytes()
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, min(len(whole), begin + 40)))
    pieces = st.binary(max_size=40) | st.sampled_from([whole[:50], b"[" * 40, b"9" * 30, b'{"a":', b"NaN", b"null"])
    changed = whole[:begin] + data.draw(pieces) + whole[end:]
    path.write_bytes(changed)
    if changed == whole:
        assert digest(load(path)) == digest(NET)
    else:
        with pytest.raises(StorageError):
            load(path)


@pytest.mark.parametrize("change", [-30, -1, 1, 1000])
def test_a_file_that_shrinks_or_grows_while_it_is_read_is_refused(tmp_path, monkeypatch, change):
    path = save(NET, tmp_path / "net")
    before = path.stat()
    os.truncate(path, before.st_size + change)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", lambda handle: before)  # as it was when we looked
        with pytest.raises(StorageError, match="it changed while it was read"):
            load(path)


# what is no such file


def npz():
    file = io.BytesIO()
    np.savez(file, weight=np.ones((3, 2)))
    return file.getvalue()


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("net.safetensors", "{}")
    return file.getvalue()


FOREIGN = {
    "npz": npz(),
    "zip": zipped(),
    "pickle": pickle.dumps({"weight": [1.0, 2.0]}),
    "pickled network": pickle.dumps(mp.Network.mlp([2, 2], rng=0)),
    "png": b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
    "text": b"This is a text of some length, and no network.\n",
    "empty": b"",
    "short": b"\x02\0\0\0\0\0\0",
    "zeros": b"\0" * 1000,
    "ones": b"\xff" * 1000,
    "no header": struct.pack("<Q", 0),
    "empty header": file_of("{}", b""),
    "no metadata": file_of({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4),
    "other metadata": file_of({"__metadata__": {"format": "pt"}}, b""),
    "another's network": file_of({"__metadata__": {"sha256": "0"}}, b""),
    "utf-16": "{}".encode("utf-16") * 4,
    "byte order mark": file_of("\ufeff{}", b""),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_file_of_another_kind_is_refused(tmp_path, case):
    path = tmp_path / "net"
    path.write_bytes(FOREIGN[case])
    refused(path)


def test_a_file_of_another_program_is_said_to_be_one(tmp_path):
    for case in ("other metadata", "another's network"):
        (tmp_path / "net").write_bytes(FOREIGN[case])
        refused(tmp_path / "net", "it was not written by minprune")


def test_folders_pipes_devices_and_missing_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, text in [
        (tmp_path, "Is a directory"),
        (tmp_path / "pipe", "it is no plain file"),
        ("/dev/zero", "it is no plain file"),
        (tmp_path / "none", "No such file or directory"),
        (tmp_path / "none" / "none", "No such file or directory"),
        (tmp_path / "file" / "none", "Not a directory"),
        (tmp_path / "loop", "Too many levels of symbolic links"),
        (tmp_path / ("x" * 300), "File name too long"),
    ]:
        with pytest.raises(StorageError, match=f"can't be loaded: {text}"):
            load(path)


@pytest.mark.parametrize("step", ["open", "fstat"])
def test_a_file_that_can_not_be_read_is_refused(tmp_path, monkeypatch, step):
    path = save(NET, tmp_path / "net")

    def fail(*arguments):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(StorageError, match="net can't be loaded: Permission denied"):
            load(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = save(NET, tmp_path / "net")
    path.chmod(0)
    with pytest.raises(StorageError, match="net can't be loaded: Permission denied"):
        load(path)


def test_a_file_larger_than_memory_is_refused(tmp_path, monkeypatch):
    """A sparse file: its size is a lie, and its header says that the size is right."""
    text = architecture({"kind": "Dense", "inputs": 2**15, "outputs": 2**16, "bias": False})
    entry = {"dtype": "F32", "shape": [2**15, 2**16], "data_offsets": [0, 2**33]}
    start = file_of({"__metadata__": {"minprune": text, "sha256": ""}, "dense1.weight": entry}, b"")
    path = write_whole(tmp_path / "net", start)
    os.truncate(path, len(start) + 2**33)

    def no_room(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(np, "empty", no_room)
    refused(path, "there is not enough memory")
