"""What a refused file is told, word by word: one line for each thing that can be wrong with it."""

import struct

import numpy as np
import pytest
from keeping import DENSE, architecture, checksum, file_of, forged, header_of, small

import minprune as mp
from minprune.storage import load, save, write_whole

TEXT = architecture(DENSE)
SELECT = {"kind": "Select", "inputs": 4, "outputs": 2}
HEADER, PAYLOAD = header_of(TEXT, small())
SUM = {"sha256": checksum(TEXT, small())}


def entry(name="dense1.bias", **changes):
    """A right file, but for something in an entry of its header."""
    header, payload = header_of(TEXT, small())
    header[name] = {**header.get(name, {}), **changes}
    return file_of(header, payload)


def without(*names):
    return file_of({name: value for name, value in HEADER.items() if name not in names}, PAYLOAD)


def arrays(**changes):
    """Right in itself, but for arrays, whose names have _ for a dot."""
    changed = {**small(), **{name.replace("_", "."): array for name, array in changes.items()}}
    return forged(TEXT, {name: array for name, array in changed.items() if array is not None})


def layers(*said, **options):
    return forged(architecture(*said, **options), small())


def f4(*values):
    return np.array(values, "<f4")


LONG = "x" * 200
FORMS = "must be there as {0}, with a mask or not, or as kept and bits, got {1}"
KINDS = "Dense · Select · Dropout · ReLU · LeakyReLU · Tanh · Sigmoid · GELU"
WORDS = [
    # the header
    (b"", "it is no safetensors file, or cut short: 0 bytes, of which 0 of header"),
    (struct.pack("<Q", 1) + b"{}", "it is no safetensors file, or cut short: 10 bytes, of which 1 of header"),
    (struct.pack("<Q", 3000) + b"{}" * 999,
     "it is no safetensors file, or cut short: 2,006 bytes, of which 3,000 of header"),
    (file_of("{" + " " * 199_999, b""), "its header of 200,000 bytes is larger than 156,073, the bound"),
    (file_of('{"größe":1}', b""), "its header must be ASCII throughout"),
    (file_of("{}", b""), "its header must begin with __metadata__ at character 2: ''"),
    (file_of('{"a":1}', b""), "its header must begin with __metadata__ at character 5: '1}'"),
    (file_of({"__metadata__": {LONG: "1"}}, b""), f"its metadata hold '{'x' * 59}: it was not written by minprune"),
    (file_of({"__metadata__": SUM}, b""), "its metadata lack 'minprune': it was not written by minprune"),
    (file_of({"__metadata__": {"minprune": TEXT}}, b""), "its metadata lack 'sha256': it was not written by minprune"),
    (file_of({"__metadata__": {}}, b""), "its metadata lack 'minprune': it was not written by minprune"),
    # an entry
    (file_of({**HEADER, "dense1.bias": {LONG: 1}}, PAYLOAD),
     f"its header must have dtype, shape and data_offsets, got '{'x' * 59} at character 614: ' 1}}}}'"),
    (file_of({**HEADER, "dense1.bias": {}}, PAYLOAD),
     "its header must give dtype, shape and two data_offsets of 'dense1.bias' at character 412: '}'"),
    (entry(dtype=LONG), f"'dense1.bias' must be F64, F32, I64, U8, BOOL, got '{'x' * 59}"),
    (entry(data_offsets=[13, 26]), "'dense1.bias' must have the bytes of F32 [3] among 25, got 13 … 26"),
    (entry(data_offsets=[14, 26]), "'dense1.bias' must have the bytes of F32 [3] among 25, got 14 … 26"),
    (entry(shape=[4]), "'dense1.bias' must have the bytes of F32 [4] among 25, got 13 … 25"),
    (entry(data_offsets=[12, 24]), "dense1.bias must begin where the array before it ends, at 13: there is an overlap"),
    (without("dense1.weight.bits"), "dense1.bias must begin where the array before it ends, at 12: there is a gap"),
    (file_of(HEADER, PAYLOAD + bytes(2000)), "its arrays end at 25, and there are 2,025 bytes"),
    (file_of({**HEADER, "__metadata__": {"minprune": TEXT, "sha256": "0" * 64}}, PAYLOAD),
     "its checksum is another: the file is damaged"),
    # the architecture
    (layers(DENSE, version=12), "it is of version 12 of the format, and this minprune reads 1"),
    (layers(DENSE, dtype=LONG), f"its dtype must be float32 or float64, got '{'x' * 39}"),
    (layers(), "its layers must hold at least one Dense, got none"),
    (layers(DENSE, {"kind": LONG}), f"its layers must be {KINDS}, got '{'x' * 39}"),
    (layers({"kind": "Dense"}), "its Dense must have inputs, outputs, bias, got nothing"),
    (layers({"kind": "Dense", "inputs": 1, "rate": 1}), "its Dense must have inputs, outputs, bias, got inputs, rate"),
    (layers(DENSE, {"kind": "ReLU", "slope": 1}), "its ReLU must have nothing, got slope"),
    (layers({**DENSE, "inputs": LONG}), f"its Dense must have inputs as int, got '{'x' * 39}"),
    (layers({**DENSE, "inputs": 0}), "its Dense must have widths of at least 1, got 0 and 3"),
    (layers({**DENSE, "outputs": 0}), "its Dense must have widths of at least 1, got 2 and 0"),
    (layers({**SELECT, "inputs": 0}, DENSE), "its Select must have widths of at least 1, got 0 and 2"),
    (layers({**DENSE, "inputs": 2**16, "outputs": 2**15 + 1}),
     "its Dense must have at most 2,147,483,648 weights, got 65536 × 32769"),
    (layers({**DENSE, "inputs": 2**16, "outputs": 2**15}), "dense1.weight.bits must be U8 [268435456], got U8 [1]"),
    (layers(DENSE, DENSE),
     "its layers must fit, got 3 outputs before {'inputs': 2, 'outputs': 3, 'bias': True}"),
    (layers(DENSE, SELECT), "its layers may hold one Select, in front of the first Dense"),
    (layers(DENSE, {"kind": "Dropout", "rate": 1.5}),
     "its Dropout can't be: rate must be in [0, 1), got 1.5 in Dropout()"),
    (forged('{"version":1}', small()), "its architecture must have version, dtype and layers"),
    (forged('{"' + LONG + '":1}', small()),
     f"its architecture must have version, dtype and layers, got '{'x' * 39} at character 204: '1}}'"),
    (layers({**DENSE, LONG: 1}),
     f"its architecture has a layer with '{'x' * 39}, which no layer has at character 308: ' 1}}]}}'"),
    # the arrays
    (arrays(dense1_bias=f4([1, 2, 3])), "dense1.bias must be F32 [3], got F32 [1, 3]"),
    (forged(TEXT, {**small(), LONG: f4(1)}), f"it holds '{'x' * 99}, for which its layers have no use"),
    (arrays(dense1_bias=None), "dense1.bias " + FORMS.format("dense1.bias", [])),
    (arrays(dense1_weight_bits=None), "dense1.weight " + FORMS.format("dense1.weight", [".kept"])),
    (arrays(dense1_bias=f4(1, np.nan, np.inf)), "dense1.bias must be finite, got nan"),
    (arrays(dense1_weight_kept=f4()), "dense1.weight.bits must have 0 ones among 6, got 3"),
    (arrays(dense1_weight_bits=np.array([0b1010100], "u1")), "dense1.weight.bits must be 0 behind its 6 entries"),
    (layers(SELECT, DENSE), "select1.columns must be there"),
    (forged(architecture(SELECT, DENSE), {**small(), "select1.columns": np.array([2, 4])}),
     "select1.columns must rise within 0 … 3"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "words"), WORDS, ids=[words[:40] for _, words in WORDS])
def test_a_refused_file_is_told_why(tmp_path, content, words):
    path = write_whole(tmp_path / "net", content)
    with pytest.raises(mp.StorageError) as caught:
        load(path)
    assert str(caught.value) == f"{path} can't be loaded: {words}"


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
