"""The architecture: what is written is read, layer by layer, and what can not be is told so, word by word."""

import json

import numpy as np
import pytest
from keeping import DENSE, architecture, every_kind

import minprune as mp
from minprune.storage.architecture import Architecture, Described

SELECT = {"kind": "Select", "inputs": 4, "outputs": 2}
LONG = "x" * 200
KINDS = "Dense · Select · Dropout · ReLU · LeakyReLU · Tanh · Sigmoid · GELU"


def dense(inputs, outputs, bias=True):
    return {"kind": "Dense", "inputs": inputs, "outputs": outputs, "bias": bias}


WIDE = dense(2**16, 2**15 + 1)
WORDS = [
    ("{}", "its architecture must have version, dtype and layers"),
    ('{"version":1}', "its architecture must have version, dtype and layers"),
    ('{"version":1,"layers":[]}', "its architecture must have version, dtype and layers"),
    ('{"dtype":"float32","layers":[]}', "its architecture must have version, dtype and layers"),
    ('{"' + LONG + '":1}',
     f"its architecture must have version, dtype and layers, got '{'x' * 39} at character 204: '1}}'"),
    (architecture(DENSE) + "]", "its architecture must end at character 106: ']'"),
    (architecture(DENSE, version=0), "it is of version 0 of the format, and this minprune reads 1"),
    (architecture(DENSE, version=12), "it is of version 12 of the format, and this minprune reads 1"),
    (architecture(DENSE, dtype="float16"), "its dtype must be float32 or float64, got 'float16'"),
    (architecture(DENSE, dtype=LONG), f"its dtype must be float32 or float64, got '{'x' * 39}"),
    (architecture(), "its layers must hold at least one Dense, got none"),
    (architecture(SELECT), "its layers must hold at least one Dense, got none"),
    (architecture(DENSE, {"kind": LONG}), f"its layers must be {KINDS}, got '{'x' * 39}"),
    (architecture(DENSE, {}), f"its layers must be {KINDS}, got ''"),
    (architecture({**DENSE, LONG: 1}),
     f"its architecture has a layer with '{'x' * 39}, which no layer has at character 308: ' 1}}]}}'"),
    (architecture({"kind": "Dense"}), "its Dense must have inputs, outputs, bias, got nothing"),
    (architecture({"kind": "Dense", "inputs": 1, "rate": 1}),
     "its Dense must have inputs, outputs, bias, got inputs, rate"),
    (architecture(DENSE, {"kind": "ReLU", "slope": 1}), "its ReLU must have nothing, got slope"),
    (architecture({**DENSE, "inputs": LONG}), f"its Dense must have inputs as int, got '{'x' * 39}"),
    (architecture({**DENSE, "outputs": True}), "its Dense must have outputs as int, got True"),
    (architecture({**DENSE, "bias": 1}), "its Dense must have bias as bool, got 1"),
    (architecture(DENSE, {"kind": "Dropout", "rate": 0}), "its Dropout must have rate as float, got 0"),
    (architecture(dense(0, 3)), "its Dense must have widths of at least 1, got 0 and 3"),
    (architecture(dense(2, 0)), "its Dense must have widths of at least 1, got 2 and 0"),
    (architecture({**SELECT, "inputs": 0}, DENSE), "its Select must have widths of at least 1, got 0 and 2"),
    (architecture({**SELECT, "outputs": 0}, DENSE), "its Select must have widths of at least 1, got 4 and 0"),
    (architecture(WIDE), "its Dense must have at most 2,147,483,648 weights, got 65536 × 32769"),
    (architecture(DENSE, {"kind": "Dropout", "rate": 1.5}),
     "its Dropout can't be: rate must be in [0, 1), got 1.5 in Dropout()"),
    (architecture(DENSE, {"kind": "LeakyReLU", "slope": 1.5}),
     "its LeakyReLU can't be: slope must be in [0, 1), got 1.5 in LeakyReLU()"),
    (architecture(DENSE, DENSE), "its layers must fit, got 3 outputs before {'inputs': 2, 'outputs': 3, 'bias': True}"),
    (architecture({**SELECT, "outputs": 3}, DENSE),
     "its layers must fit, got 3 outputs before {'inputs': 2, 'outputs': 3, 'bias': True}"),
    (architecture(DENSE, SELECT), "its layers may hold one Select, in front of the first Dense"),
    (architecture(SELECT, {**SELECT, "inputs": 2}, DENSE),
     "its layers may hold one Select, in front of the first Dense"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WORDS, ids=[words[:50] for _, words in WORDS])
def test_what_can_not_be_is_told_so(text, words):
    with pytest.raises(mp.StorageError) as caught:
        Architecture.from_json(text)
    assert str(caught.value) == words


GOOD = [
    architecture(dense(1, 1, False)),
    architecture(dense(1, 2), dense(2, 1), dtype="float64"),
    architecture(dense(2**16, 2**15)),
    architecture({"kind": "Select", "inputs": 1, "outputs": 1}, dense(1, 1)),
    architecture(
        {"kind": "Tanh"}, {"kind": "Dropout", "rate": 0.0}, SELECT, {"kind": "ReLU"}, DENSE,
        {"kind": "LeakyReLU", "slope": 0.5}, {"kind": "Sigmoid"}, {"kind": "GELU"}, dense(3, 5),
    ),
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_what_is_read_is_written_again(text):
    read = Architecture.from_json(text)
    assert json.loads(read.to_json()) == json.loads(text)
    assert read.to_json() == text.replace(": ", ":").replace(", ", ",")


def test_keys_may_come_in_any_order():
    text = '{"layers": [{"bias": true, "outputs": 3, "kind": "Dense", "inputs": 2}], "dtype": "float64", "version": 1}'
    read = Architecture.from_json(text)
    assert read.layers == read.dense == [Described("Dense", (2, 3, True))]
    assert (read.select, read.dtype) == ([], "float64")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_that_of_a_network_makes_a_network_like_it(dtype):
    network = every_kind(dtype)
    made = Architecture.of(network)
    assert [layer.kind for layer in made.layers] == [type(layer).__name__ for layer in network.layers]
    assert [layer.kind for layer in made.dense] == ["Dense"] * 3
    assert made.select == [Described("Select", (5, 3))]
    built = made.build(network.layers[0].columns)
    assert built.names == network.names
    assert built.dtype == network.dtype
    assert [repr(layer) for layer in built.layers] == [repr(layer) for layer in network.layers]
    assert {name: p.shape for name, p in built.parameters.items()} == {
        name: p.shape for name, p in network.parameters.items()
    }
    assert not any(p.value.any() or not p.mask.all() for p in built.parameters.values())
    assert all(p.value.flags.owndata and p.value.flags.writeable for p in built.parameters.values())


def test_shapes_of_parameters():
    made = Architecture.from_json(architecture(dense(2, 3), dense(3, 4, False), *[dense(4, 4)] * 9))
    assert [made.shape(f"dense{n}.weight") for n in (1, 2, 3, 11)] == [(2, 3), (3, 4), (4, 4), (4, 4)]
    assert [made.shape(f"dense{n}.bias") for n in (1, 2, 3, 11)] == [(3,), None, (4,), (4,)]
    for name in (
        "",
        "dense12.weight",
        "dense0.weight",
        "dense01.bias",
        "dense1.gain",
        "dense1.weight.kept",
        "dense.bias",
    ):
        assert made.shape(name) is None
        assert made.shape("x" + name) is None
    assert made.shape("dense1000000000.weight") is None


@pytest.mark.parametrize("kind", [type("Mine", (mp.ReLU,), {}), type("ReLU", (mp.ReLU,), {})])
def test_of_a_network_with_a_layer_of_another_kind(kind):
    network = mp.Network([mp.Dense(1, 1, rng=0), kind()])
    with pytest.raises(mp.InvalidValueError) as caught:
        Architecture.of(network)
    assert str(caught.value) == f"layers must be {KINDS}, got {network.names[1]}, {kind.__name__}() in save()"


def test_columns_of_a_select_are_those_that_are_given():
    made = Architecture.from_json(architecture(SELECT, DENSE))
    assert made.build(np.array([1, 3])).layers[0].columns.tolist() == [1, 3]
