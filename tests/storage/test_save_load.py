"""A network that was kept is the same network."""

import json
import os
import re
from inspect import isabstract

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keeping import digest, every_kind, masked, networks

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError, StorageError
from minprune.nn.layers import Layer
from minprune.storage import load, save
from minprune.storage.architecture import KINDS

NET = mp.Network.mlp([4, 8, 3], rng=0)


@given(network=networks(), packed=st.booleans())
def test_save_load_equal_and_save_stable(network, packed, tmp_path_factory):
    before = digest(network)
    folder = tmp_path_factory.mktemp("kept")
    first = save(network, folder / "first", packed=packed)
    loaded = load(first)
    assert digest(loaded) == digest(network) == before
    assert all((p.value[~p.mask].view(f"u{p.dtype.itemsize}") == 0).all() for p in loaded.parameters.values())
    assert save(loaded, folder / "second", packed=packed).read_bytes() == first.read_bytes()
    assert digest(load(save(loaded, folder / "third", packed=not packed))) == before
    if loaded.inputs < 301:  # it works like any other
        x = np.ones((2, network.inputs))
        assert answer(loaded, x) == answer(network, x)


def answer(network, x):
    """What it puts out, or why it refuses to: with any finite weights some outputs are infinite."""
    try:
        return network(x).tobytes()
    except InvalidValueError as error:
        return str(error)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_kind_of_layer_comes_back_with_its_settings(tmp_path, dtype, packed):
    network = every_kind(dtype)
    loaded = load(save(network, tmp_path / "net", packed=packed))
    assert digest(loaded) == digest(network)
    assert loaded.dtype == network.dtype
    assert [type(layer).__name__ for layer in loaded.layers][:5] == ["Select", "Dense", "ReLU", "Dropout", "LeakyReLU"]
    assert loaded.layers[3].rate == 0.1
    assert loaded.layers[4].slope == 1e-3
    x = np.random.default_rng(1).normal(size=(7, 5))
    assert loaded(x).tobytes() == network(x).tobytes()


def test_the_table_of_kinds_knows_every_layer_and_all_that_makes_one():
    def below(kind):
        return {kind}.union(*map(below, kind.__subclasses__()))

    ours = {kind for kind in below(Layer) if kind.__module__.startswith("minprune.") and not isabstract(kind)}
    assert ours == {kind for kind, _ in KINDS.values()}
    for layer in every_kind().layers:
        said = set(layer.config())
        assert said - {"columns"} | ({"outputs"} if "columns" in said else set()) == set(KINDS[type(layer).__name__][1])


def test_all_dropped_and_a_mask_on_a_bias_alone(tmp_path):
    network = NET.copy()
    network.parameters["dense1.weight"].mask = np.zeros((4, 8), bool)
    network.parameters["dense2.bias"].mask = np.array([True, False, True])
    for packed in (True, False):
        assert digest(load(save(network, tmp_path / f"{packed}", packed=packed))) == digest(network)


def test_training_goes_on_after_loading_as_it_would_have_without(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(32, 4)), np.arange(32) % 3
    network = masked(NET)
    loaded = load(save(network, tmp_path / "net"))
    for each in (network, loaded):
        mp.fit(each, (x, y), loss=mp.SoftmaxCrossEntropy(), optimizer=mp.Adam(0.01), epochs=3, rng=1)
    assert digest(loaded) == digest(network)


def test_what_a_network_remembers_of_training_is_not_kept(tmp_path):
    network = NET.copy()
    path = save(network, tmp_path / "before")
    network(np.ones((2, 4)))
    network.backward(np.ones((2, 3)))
    assert save(network, tmp_path / "after").read_bytes() == path.read_bytes()
    loaded = load(path)
    assert not any(p.grad.any() or p.states for p in loaded.parameters.values())
    assert all(p.value.flags.writeable and p.value.flags.owndata for p in loaded.parameters.values())


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 0.12), ("float64", 0.12)])
def test_at_95_percent_a_file_is_less_than_an_eighth_of_the_dense_one(tmp_path, dtype, bound):
    dense = mp.Network.mlp([784, 300, 100, 10], rng=0, dtype=dtype)
    pruned = mp.plan(dense, mp.Magnitude(), sparsity=0.95).apply(dense)
    size = save(pruned, tmp_path / "pruned").stat().st_size
    assert size <= bound * save(dense, tmp_path / "dense").stat().st_size
    number = np.dtype(dtype).itemsize
    weights, biases = dense.weights, 410
    exact = number * (pruned.kept + biases) + sum(-(-p.size // 8) for p in pruned.prunable.values())
    assert 0 < size - exact < 1500  # the header
    assert weights == 266_200


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_array_starts_at_a_multiple_of_its_item_size(tmp_path, dtype, packed):
    sizes = {"F64": 8, "F32": 4, "I64": 8, "U8": 1, "BOOL": 1}
    for network in (every_kind(dtype), mp.Network.mlp([3, 1], dtype=dtype), mp.Network.mlp([3, 11], dtype=dtype)):
        content = save(network, tmp_path / "net", packed=packed, overwrite=True).read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        del header["__metadata__"]
        assert length % 8 == 0
        assert all(entry["data_offsets"][0] % sizes[entry["dtype"]] == 0 for entry in header.values())


# what is refused


class Custom(mp.ReLU):
    pass


class Mine(mp.Network):
    pass


def custom(layer):
    return mp.Network([mp.Dense(4, 8, rng=0), layer, mp.Dense(8, 3, rng=0)])


NOT_SAVED = {
    "path first": ("net.safetensors", {}, InvalidTypeError, "network must be a Network, got str in save()"),
    "none": (None, {}, InvalidTypeError, "network must be a Network, got NoneType in save()"),
    "subclass": (Mine(NET.copy().layers), {}, InvalidTypeError, "network must be a Network, got Mine in save()"),
    "layer": (custom(Custom()), {}, InvalidValueError,
              "Tanh · Sigmoid · GELU, got custom1, Custom() in save()"),
    "same name": (custom(type("ReLU", (mp.ReLU,), {})()), {}, InvalidValueError, "got relu1, ReLU() in save()"),
    "packed": (NET, {"packed": 1}, InvalidTypeError, "packed must be True or False, got 1 in save()"),
    "overwrite": (NET, {"overwrite": "yes"}, InvalidTypeError, "overwrite must be True or False, got 'yes' in save()"),
    "path number": (NET, {"path": 3}, InvalidTypeError, "path must be a str or a Path, got int 3 in save()"),
    "path bytes": (NET, {"path": b"a"}, InvalidTypeError, "path must be a str or a Path, got bytes b'a' in save()"),
    "path empty": (NET, {"path": ""}, InvalidValueError, "path must be the name of a file, got '' in save()"),
    "path with 0": (NET, {"path": "a\0b"}, InvalidValueError, r"path must be the name of a file, got 'a\x00b' in"),
    "surrogate": (NET, {"path": "\ud800"}, InvalidValueError, r"path must be the name of a file, got '\ud800' in"),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_SAVED)
def test_save_refuses(tmp_path, monkeypatch, case):
    network, options, kind, text = NOT_SAVED[case]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=re.escape(text)):
        save(network, **{"path": "net", **options})
    assert os.listdir(tmp_path) == []


def test_a_program_is_refused_with_what_to_do_instead(tmp_path):
    text = r"network must be a Network, got Program in save\(\): save the network that it was compiled from"
    with pytest.raises(InvalidTypeError, match=text):
        save(mp.compile(NET, batch_size=1), tmp_path / "net")


@pytest.mark.parametrize("path", [3, None, b"net", "", "a\0b", "\ud800"])
def test_load_refuses_what_is_no_path(path):
    with pytest.raises(InvalidTypeError if not isinstance(path, str) else InvalidValueError, match=r"in load\(\)"):
        load(path)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_and_nothing_is_written(tmp_path, value, packed):
    network = masked(NET, biases=True)
    p = network.parameters["dense2.weight"]
    row, column = np.argwhere(p.mask)[3]
    p.value[row, column] = value
    before = digest(network)
    text = f"dense2.weight must be finite, got 1 NaN or infinite in save(), the first at ({row}, {column}): {value}"
    with pytest.raises(InvalidValueError, match=re.escape(text)):
        save(network, tmp_path / "net", packed=packed)
    assert os.listdir(tmp_path) == []
    assert digest(network) == before


@pytest.mark.parametrize("packed", [True, False])
def test_what_stands_at_a_dropped_weight_does_not_count(tmp_path, packed):
    network = masked(NET)
    clean = save(network, tmp_path / "clean", packed=packed).read_bytes()
    p = network.parameters["dense1.weight"]
    p.value[~p.mask] = np.nan
    assert save(network, tmp_path / "net", packed=packed).read_bytes() == clean
    assert np.isnan(p.value).any()  # the network is not touched


def test_more_layers_than_a_header_holds_are_refused_and_as_many_as_it_holds_are_not(tmp_path):
    def deep(count):
        ones = np.ones((1, 1), np.float32)
        return masked(mp.Network([mp.Dense.from_arrays(ones, ones[0]) for _ in range(count)]))

    network = deep(300)
    assert digest(load(save(network, tmp_path / "net"))) == digest(network)
    with pytest.raises(InvalidValueError, match=r"network must fit a header of \d\d\d,\d\d\d bytes, got 900 layers"):
        save(deep(900), tmp_path / "deep")
    assert os.listdir(tmp_path) == ["net"]


def test_errors_of_storage_are_os_errors_that_name_the_file(tmp_path):
    for kind in (StorageError, OSError, mp.MinpruneError):
        with pytest.raises(kind, match=r"none can't be loaded: No such file or directory"):
            load(tmp_path / "none")
    path = save(NET, tmp_path / "net")
    with pytest.raises(OSError, match=r"net can't be written: it is there already, and overwrite=True is not given"):
        save(NET, path)
    assert digest(load(save(masked(NET), path, overwrite=True))) == digest(masked(NET))


def test_paths_may_be_of_any_kind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("net", "größe.safetensors", "a/b/net", tmp_path / "folder" / "net", "x" * 255):
        assert digest(load(save(NET, path))) == digest(NET)
        assert digest(load(str(path))) == digest(NET)
