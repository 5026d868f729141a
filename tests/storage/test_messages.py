"""What is said of a path or of a file as a whole, word by word; what is in a file is in the tests of each part."""

import pytest

import minprune as mp
from minprune.storage import load, save, write_whole


def test_other_words(tmp_path, monkeypatch):
    net = mp.Network.mlp([2, 2], rng=0)
    path = save(net, tmp_path / "net")

    def told(call, *arguments, **options):
        with pytest.raises(mp.MinpruneError) as caught:
            call(*arguments, **options)
        return str(caught.value).replace(str(tmp_path), "…")

    assert told(load, "/dev/null") == "/dev/null can't be loaded: it is no plain file"
    assert told(write_whole, "/dev/null", "") == "/dev/null can't be written: it is no plain file"
    taken = "…/net can't be written: it is there already, and overwrite=True is not given"
    assert told(save, net, path) == told(write_whole, path, "", overwrite=False) == taken
    assert told(save, 3, tmp_path / "new") == "network must be a Network, got int in save()"
    assert told(save, mp.compile(net, kernels="dense"), tmp_path / "new") == (
        "network must be a Network, got Program in save(): save the network that it was compiled from, and compile it "
        "after loading"
    )
    deep = mp.Network([mp.Dense(1, 1, rng=0) for _ in range(1100)])
    assert told(save, deep, tmp_path / "deep") == (
        "network must fit a header of 160,722 bytes, got 1,100 layers with 228,400 in save()"
    )
    with monkeypatch.context() as patch:
        patch.setattr("minprune.storage.np.empty", lambda *size: (_ for _ in ()).throw(MemoryError()))
        assert told(load, path) == "…/net can't be loaded: there is not enough memory"

    def speechless(*arguments):
        raise OSError("no number, no name")

    monkeypatch.setattr("minprune.storage.safetensors.Header", speechless)
    assert told(load, path) == "…/net can't be loaded: no number, no name"
    monkeypatch.setattr("minprune.storage.files.os.replace", speechless)
    assert told(save, net, path, overwrite=True) == "…/net can't be written: no number, no name"
