"""Both directions against the safetensors package and PyTorch: what we write they read, what they write we read."""

import json
import os

import numpy as np
import pytest
from hypothesis import given
from keeping import DENSE, architecture, digest, every_kind, file_of, forged, header_of, masked, networks, small

import minprune as mp
from minprune.errors import StorageError
from minprune.storage import load, save, write_whole

pytestmark = pytest.mark.peers
safetensors = pytest.importorskip("safetensors")
numpy_flavour = pytest.importorskip("safetensors.numpy")


def metadata_of(path):
    with safetensors.safe_open(path, "numpy") as file:
        return file.metadata()


@given(network=networks())
def test_they_read_a_plain_file_as_it_is(network, tmp_path_factory):
    path = save(network, tmp_path_factory.mktemp("kept") / "net", packed=False)
    arrays = numpy_flavour.load_file(path)
    for name, parameter in network.parameters.items():
        array = arrays.pop(name)
        assert (array.dtype, array.shape) == (parameter.dtype, parameter.shape)
        assert array.tobytes() == parameter.value.tobytes()
        mask = arrays.pop(f"{name}.mask", None)
        assert (mask is not None) == parameter.is_masked
        assert mask is None or (mask.dtype == bool and (mask == parameter.mask).all())
    assert set(arrays) <= {"select1.columns"}
    said = json.loads(metadata_of(path)["minprune"])
    assert [layer["kind"] for layer in said["layers"]] == [type(layer).__name__ for layer in network.layers]


@given(network=networks())
def test_they_read_a_packed_file_and_the_description_is_enough_to_unpack_it(network, tmp_path_factory):
    path = save(network, tmp_path_factory.mktemp("kept") / "net")
    arrays = numpy_flavour.load_file(path)
    for name, parameter in network.parameters.items():
        if name in arrays:
            value = arrays[name]
        else:
            kept, bits = arrays[f"{name}.kept"], arrays[f"{name}.bits"]
            value, at = np.zeros(parameter.size, parameter.dtype), 0
            for i in range(parameter.size):
                if bits[i // 8] >> i % 8 & 1:
                    value[i] = kept[at]
                    at += 1
            assert at == kept.size
        assert value.tobytes() == parameter.value.tobytes()


@pytest.mark.parametrize("packed", [True, False])
def test_we_read_what_they_write(tmp_path, packed):
    network = every_kind()
    ours = save(network, tmp_path / "ours", packed=packed)
    theirs = tmp_path / "theirs"
    numpy_flavour.save_file(numpy_flavour.load_file(ours), theirs, metadata=metadata_of(ours))
    assert digest(load(theirs)) == digest(network)
    assert save(load(theirs), tmp_path / "again", packed=packed).read_bytes() == ours.read_bytes()


def test_a_file_of_theirs_without_our_metadata_is_refused(tmp_path):
    for metadata in (None, {}, {"format": "pt"}):
        numpy_flavour.save_file({"dense1.weight": np.ones((2, 3), "f4")}, tmp_path / "theirs", metadata=metadata)
        with pytest.raises(StorageError, match=r"must begin with __metadata__|it was not written by minprune"):
            load(tmp_path / "theirs")


def test_torch_reads_a_plain_file_and_computes_the_same(tmp_path):
    torch = pytest.importorskip("torch")
    flavour = pytest.importorskip("safetensors.torch")
    network = masked(mp.Network.mlp([6, 8, 3], rng=0, dtype="float64"), biases=True)
    state = flavour.load_file(save(network, tmp_path / "net", packed=False))
    assert state["dense1.weight"].dtype == torch.float64
    assert state["dense1.weight.mask"].dtype == torch.bool
    x = np.random.default_rng(1).normal(size=(5, 6))
    hidden = torch.relu(torch.from_numpy(x) @ state["dense1.weight"] + state["dense1.bias"])
    y = hidden @ state["dense2.weight"] + state["dense2.bias"]
    np.testing.assert_allclose(y.numpy(), network(x), rtol=1e-12)
    theirs = tmp_path / "theirs"
    flavour.save_file(state, theirs, metadata=metadata_of(tmp_path / "net"))
    assert digest(load(theirs)) == digest(network)


def test_what_they_refuse_we_refuse(tmp_path):
    header, payload = header_of(architecture(DENSE), small())
    whole = forged(architecture(DENSE), small())
    bias = header["dense1.bias"]
    cases = [whole[:i] for i in range(0, len(whole), 7)] + [
        whole + b"\0",
        file_of({**header, "dense1.bias": {**bias, "data_offsets": [0, 12]}}, payload),
        file_of({**header, "dense1.bias": {**bias, "dtype": "I7"}}, payload),
        file_of({**header, "dense1.bias": {**bias, "shape": [2**32, 2**32]}}, payload),
        file_of({name: entry for name, entry in header.items() if name != "dense1.weight.bits"}, payload),
    ]
    for case in cases:
        with pytest.raises(safetensors.SafetensorError):
            safetensors.deserialize(case)
        with pytest.raises(StorageError):
            load(write_whole(tmp_path / "net", case))
    assert os.listdir(tmp_path) == ["net"]
