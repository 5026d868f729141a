"""Headers that are forged: a StorageError that says why, and nothing else, in little memory."""

import struct

import numpy as np
import pytest
from keeping import DENSE, architecture, digest, file_of, forged, header_of, refused, small

from minprune.storage import load, write_whole

TEXT = architecture(DENSE)


def entry(dtype="F32", shape=(3,), offsets=(0, 12)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def changed(**entries):
    """A right file, but for entries of its header, whose names have _ for a dot."""
    header, payload = header_of(TEXT, small())
    for name, value in entries.items():
        name = name.replace("_", ".")
        if value is None:
            del header[name]
        else:
            header[name] = value
    return file_of(header, payload)


def raw(old, new, times=1):
    """A right file, but for a piece of its header's text."""
    whole = forged(TEXT, small())
    text = whole[8:].replace(old.encode(), new.encode(), times)
    assert text != whole[8:]
    length = int.from_bytes(whole[:8], "little")
    return struct.pack("<Q", length + len(text) - len(whole[8:])) + text


def many(count, name="t{}", shape=(1,), payload=4):
    metadata = header_of(TEXT, small())[0]["__metadata__"]
    entries = {name.format(i): entry("U8", shape, (0, shape[0])) for i in range(count)}
    return file_of({"__metadata__": metadata, **entries}, b"\0" * payload)


GOOD, PAYLOAD = header_of(TEXT, small())
FORGED = {
    "length 2⁶³": (struct.pack("<Q", 2**63) + b"{}" * 50, "it is no safetensors file"),
    "length 2⁶⁴ - 1": (struct.pack("<Q", 2**64 - 1) + b"{}" * 50, "it is no safetensors file"),
    "length of the file": (struct.pack("<Q", 108) + b"{}" * 50, "it is no safetensors file"),
    "header above its bound": (file_of("{" + " " * 200_000, b""), r"header of 200,001 bytes is larger than 156,\d\d\d"),
    "shape 2³² × 2³²": (changed(dense1_bias=entry(shape=(2**32, 2**32))), "'dense1.bias' must have the bytes of"),
    "shape and offsets 2³² × 2³²": (
        changed(dense1_bias=entry(shape=(2**32, 2**29), offsets=(0, 2**63))), "must have the bytes of"),
    "shape that wraps to 0": (changed(dense1_bias=entry(shape=(2**32, 2**32), offsets=(0, 0))), "the bytes of"),
    "shape 0 × 2⁶³": (changed(dense1_bias=entry(shape=(0, 2**63), offsets=(0, 0))), r"must be F32 \[3\], got F32 \[0"),
    "three axes": (changed(dense1_bias=entry(shape=(1, 1, 3))), "more than 2 numbers in a list"),
    "no axis": (changed(dense1_bias=entry(shape=(), offsets=(0, 4))), r"must be F32 \[3\], got F32 \[\]"),
    "negative shape": (changed(dense1_bias=entry(shape=(-3,), offsets=(12, 0))), "must have a whole number"),
    "fractional shape": (changed(dense1_bias=entry(shape=(3.0,))), "must have a whole number"),
    "shape as text": (changed(dense1_bias=entry(shape=("3",))), "must have a whole number"),
    "true as shape": (changed(dense1_bias=entry(shape=(True,))), "must have a whole number"),
    "NaN as shape": (changed(dense1_bias=entry(shape=(float("nan"),))), "must have a whole number"),
    "exponent as shape": (raw('"shape": [3]', '"shape": [3e0]'), "must have a whole number"),
    "huge number": (raw('"shape": [3]', f'"shape": [{"3" * 5000}]'), "must have a whole number"),
    "leading zero": (raw('"shape": [3]', '"shape": [03]'), "must have a whole number"),
    "shape no list": (raw('"shape": [3]', '"shape": 3'), r"must have '\['"),
    "shape null": (raw('"shape": [3]', '"shape": null'), r"must have '\['"),
    "list open": (raw('"shape": [3]', '"shape": [3,]'), "must have a whole number"),
    "offsets reversed": (changed(dense1_bias=entry(offsets=(12, 0))), "must have the bytes of"),
    "one offset": (changed(dense1_bias=entry(offsets=(12,))), "must give dtype, shape and two data_offsets"),
    "three offsets": (changed(dense1_bias=entry(offsets=(0, 12, 12))), "more than 2 numbers in a list"),
    "overlap": (changed(dense1_bias=entry(offsets=(12, 24))), "there is an overlap"),
    "same extent": (changed(dense1_bias=entry(offsets=(0, 12))), "there is an overlap"),
    "outside": (changed(dense1_bias=entry(offsets=(14, 26))), "must have the bytes of"),
    "hole at the beginning": (changed(dense1_weight_kept=entry(shape=(2,), offsets=(4, 12))), "there is a gap"),
    "hole in between": (changed(dense1_weight_bits=None), "there is a gap"),
    "trailing bytes": (file_of(GOOD, PAYLOAD + b"\0"), "its arrays end at 25, and there are 26 bytes"),
    "bytes of nobody": (changed(dense1_bias=None), "its arrays end at 13, and there are 25 bytes"),
    "wrong dtype": (changed(dense1_bias=entry("I32")), "must be F64, F32, I64, U8, BOOL, got 'I32'"),
    "another dtype": (changed(dense1_bias=entry("F64", (1,), (13, 21))), r"must be F32 \[3\], got F64 \[1\]"),
    "object dtype": (changed(dense1_bias=entry("O")), "must be F64, F32"),
    "dtype a number": (changed(dense1_bias={"dtype": 32, "shape": [3], "data_offsets": [0, 12]}), "must have a string"),
    "no dtype": (changed(dense1_bias={"shape": [3], "data_offsets": [0, 12]}), "must give dtype, shape"),
    "more in an entry": (changed(dense1_bias={**entry(), "run": "rm"}), "must have dtype, shape and data_offsets, got"),
    "entry no object": (changed(dense1_bias=[1, 2]), "must have '{'"),
    "same name twice": (raw('"dense1.bias"', '"dense1.weight.kept"'), "holds 'dense1.weight.kept' twice"),
    "same name, escaped": (raw('"dense1.bias"', r'"dense1.weight.\u006bept"'), "holds 'dense1.weight.kept' twice"),
    "same key twice": (raw('"shape": [3]', '"shape": [3], "shape": [3]'), "holds 'shape' twice"),
    "metadata twice": (raw('"dense1.bias"', '"__metadata__"'), "holds '__metadata__' twice"),
    "metadata later": (file_of(dict(reversed(GOOD.items())), PAYLOAD), "must begin with __metadata__"),
    "metadata no object": (raw('{"minprune"', '["minprune"'), "must have '{'"),
    "metadata a number": (file_of({"__metadata__": {"minprune": 1}}, b""), "must have a string"),
    "more metadata": (file_of({"__metadata__": {**GOOD["__metadata__"], "run": "rm"}}, b""), "metadata hold 'run'"),
    "no checksum": (file_of({"__metadata__": {"minprune": TEXT}}, b""), "its metadata lack 'sha256'"),
    "another checksum": (raw(GOOD["__metadata__"]["sha256"], "0" * 64), "its checksum is another"),
    "checksum in capitals": (
        raw(GOOD["__metadata__"]["sha256"], GOOD["__metadata__"]["sha256"].upper()), "its checksum is another"),
    "deep lists": (file_of('{"__metadata__": ' + "[" * 100_000, b""), "must have '{'"),
    "deep objects": (file_of('{"__metadata__": ' + '{"a":' * 20_000, b""), "metadata hold 'a'"),
    "deep shape": (raw('"shape": [3]', '"shape": ' + "[" * 50_000), "must have a whole number"),
    "deep architecture": (forged("[" * 50_000, small()), "its architecture must have '{'"),
    "empty lists": (raw('"shape": [3]', '"shape": [' + "[]," * 30_000), "must have a whole number"),
    "long list": (raw('"shape": [3]', f'"shape": [{"0," * 60_000}0]'), "more than 2 numbers in a list"),
    "10⁵ tensors on one extent": (many(100_000), "header of .* bytes is larger than"),
    "10⁵ tensors and bytes enough": (many(100_000, payload=2**26), "it holds 't0', for which its layers have no use"),
    "10³ tensors on one extent": (many(1000), "it holds 't0', for which its layers have no use"),
    "not ASCII": (raw("dense1.bias", "größe"), "its header must be ASCII throughout"),
    "half a character": (raw("dense1.bias", r"\ud800"), r"it holds '\\ud800', for which"),
    "zero byte": (raw("dense1.bias", "dense1\0bias"), "is no JSON"),
    "zero byte, escaped": (raw("dense1.bias", r"dense1\u0000bias"), r"it holds 'dense1\\x00bias'"),
    "long name": (raw("dense1.bias", "x" * 50_000), "it holds 'xxxxx"),
    "comment": (raw('"dense1.bias"', '/* */ "dense1.bias"'), "must have a string"),
    "single quotes": (raw('"dense1.bias"', "'dense1.bias'"), "must have a string"),
    "open string": (raw('"dense1.bias"', '"dense1.bias'), "must have ':'"),
    "two values": (raw("}}", "}} {}"), "must end"),
    "cut header": (file_of('{"__metadata__": {"minprune"', b""), "must have ':'"),
    "header a list": (file_of("[]", b""), "must have '{'"),
}  # fmt: skip


def test_the_file_that_the_forgeries_are_made_from_is_right(tmp_path):
    path = write_whole(tmp_path / "net", forged(TEXT, small()))
    network = load(path)
    kept = np.array([[True, False, True], [False, True, False]])
    assert (network.parameters["dense1.weight"].mask == kept).all()
    assert network.parameters["dense1.weight"].value[kept].tobytes() == small()["dense1.weight.kept"].tobytes()
    assert network.parameters["dense1.bias"].value.tolist() == [0.5, 0.0, -1.0]


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_header_is_refused(tmp_path, case):
    content, text = FORGED[case]
    refused(write_whole(tmp_path / "net", content), text)


def test_white_space_and_order_are_free(tmp_path):
    header, payload = header_of(TEXT, small())
    header = {"__metadata__": header.pop("__metadata__"), **dict(reversed(header.items()))}
    loaded = load(write_whole(tmp_path / "net", file_of(header, payload)))
    assert digest(loaded) == digest(load(write_whole(tmp_path / "other", forged(TEXT, small()))))
