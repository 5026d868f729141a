"""What is said of a path or of a file as a whole, word by word; what is in a file is in the tests of each part."""

import pytest

import minprune as mp
from minprune.storage import load, save, write_whole

NET = mp.Network.mlp([2, 2], rng=0)
PROGRAM = mp.compile(NET, kernels="dense")


def told(call, *arguments, **options):
    with pytest.raises(mp.MinpruneError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def test_no_plain_file():
    assert told(load, "/dev/null") == "/dev/null can't be loaded: it is no plain file"
    assert told(write_whole, "/dev/null", "") == "/dev/null can't be written: it is no plain file"


def test_a_taken_name(tmp_path):
    path = save(NET, tmp_path / "net")
    taken = f"{path} can't be written: it is there already, and overwrite=True is not given"
    assert told(save, NET, path) == told(write_whole, path, "", overwrite=False) == taken
    assert (
        told(save, NET, tmp_path) == told(write_whole, tmp_path, "") == f"{tmp_path} can't be written: it is a folder"
    )


def test_no_network():
    assert told(save, 3, "new") == "network must be a Network, got int in save()"
    assert told(save, PROGRAM, "new") == (
        "network must be a Network, got Program in save(): save the network that it was compiled from, and compile it "
        "after loading"
    )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (3, "path must be a str or a Path, got int 3 in {}()"),
        (b"a" * 99, "path must be a str or a Path, got bytes b'" + "a" * 38 + " in {}()"),
        ("", "path must be the name of a file, got '' in {}()"),
        ("a\0b", "path must be the name of a file, got 'a\\x00b' in {}()"),
        ("\ud800", "path must be the name of a file, got '\\ud800' in {}()"),
    ],
)
def test_no_path(path, words):
    assert told(load, path) == words.format("load")
    assert told(save, NET, path) == words.format("save")


def test_no_flag():
    assert told(save, NET, "new", packed=1) == "packed must be True or False, got 1 in save()"
    assert told(save, NET, "new", overwrite=None) == "overwrite must be True or False, got None in save()"


def test_too_many_layers(tmp_path, monkeypatch):
    deep, asked = mp.Network([mp.Dense(1, 1, rng=0), *[mp.ReLU() for _ in range(1000)]]), []
    bound = 20_360  # exactly the bytes of its header
    monkeypatch.setattr("minprune.storage.safetensors.largest_header", lambda size: asked.append(size) or bound)
    path = save(deep, tmp_path / "deep")
    assert asked == [path.stat().st_size]
    bound -= 1
    assert told(save, deep, tmp_path / "new") == (
        "network must fit a header of 20,359 bytes, got 1,001 layers with 20,360 in save()"
    )


def test_too_little_memory(tmp_path, monkeypatch):
    path = save(NET, tmp_path / "net")
    monkeypatch.setattr("minprune.storage.np.empty", lambda *size: (_ for _ in ()).throw(MemoryError()))
    assert told(load, path) == f"{path} can't be loaded: there is not enough memory"


def test_an_error_of_the_system_without_a_number(tmp_path, monkeypatch):
    def speechless(*arguments):
        raise OSError("no number, no name")

    path = save(NET, tmp_path / "net")
    monkeypatch.setattr("minprune.storage.safetensors.Header", speechless)
    assert told(load, path) == f"{path} can't be loaded: no number, no name"
    monkeypatch.setattr("minprune.storage.files.os.replace", speechless)
    assert told(save, NET, path, overwrite=True) == f"{path} can't be written: no number, no name"


def test_a_file_that_changed_and_one_that_is_damaged(tmp_path, monkeypatch):
    path = save(NET, tmp_path / "net")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"\1")
    assert told(load, path) == f"{path} can't be loaded: its checksum is another: the file is damaged"
    path.write_bytes(whole)
    found = path.stat()
    path.write_bytes(whole + b"\0")
    monkeypatch.setattr("os.fstat", lambda handle: found)
    assert told(load, path) == f"{path} can't be loaded: it changed while it was read"
