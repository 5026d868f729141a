"""The safetensors format: what its reader says of a header that is wrong, and the bounds on the dot."""

import struct

import numpy as np
import pytest
from keeping import DENSE, architecture, checksum, file_of, header_of, small

import minprune as mp
from minprune.storage import load, safetensors, write_whole

TEXT = architecture(DENSE)
HEADER, PAYLOAD = header_of(TEXT, small())
SUM = {"sha256": checksum(TEXT, small())}
LONG = "x" * 200


def entry(name="dense1.bias", **changes):
    """A right file, but for something in an entry of its header."""
    header, payload = header_of(TEXT, small())
    header[name] = {**header.get(name, {}), **changes}
    return file_of(header, payload)


def without(*names):
    return file_of({name: value for name, value in HEADER.items() if name not in names}, PAYLOAD)


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
]  # fmt: skip


@pytest.mark.parametrize(("content", "words"), WORDS, ids=[words[:40] for _, words in WORDS])
def test_a_refused_file_is_told_why(tmp_path, content, words):
    path = write_whole(tmp_path / "net", content)
    with pytest.raises(mp.StorageError) as caught:
        load(path)
    assert str(caught.value) == f"{path} can't be loaded: {words}"


def test_the_bound_of_a_header():
    assert [safetensors.largest_header(size) for size in (0, 7, 8, 80)] == [131_072, 131_072, 131_073, 131_082]


def test_a_header_as_long_as_its_bound_is_read_and_one_byte_more_is_not(tmp_path):
    whole = file_of(HEADER, PAYLOAD)
    length = int.from_bytes(whole[:8], "little")
    header, payload = whole[8 : 8 + length].rstrip(), whole[8 + length :]
    longest = next(n for n in range(149_000, 151_000) if n + 1 > safetensors.largest_header(8 + n + 1 + len(payload)))
    assert longest == safetensors.largest_header(8 + longest + len(payload)) == 149_801
    for more in (0, 1):
        (tmp_path / "net").write_bytes((longest + more).to_bytes(8, "little") + header.ljust(longest + more) + payload)
        if not more:
            assert load(tmp_path / "net").inputs == 2
        else:
            with pytest.raises(mp.StorageError, match=r"its header of 149,802 bytes is larger than 149,801, the bound"):
                load(tmp_path / "net")


@pytest.mark.parametrize("size", range(10))
def test_a_file_that_is_shorter_than_its_header(size, tmp_path):
    for length in (0, 1, 2, 2**20):
        (tmp_path / "net").write_bytes((length.to_bytes(8, "little") + b"{}")[:size])
        length = int.from_bytes(length.to_bytes(8, "little")[:size], "little")
        with pytest.raises(mp.StorageError) as caught:
            load(tmp_path / "net")
        words = f"it is no safetensors file, or cut short: {size:,} bytes, of which {length:,} of header"
        assert str(caught.value) == f"{tmp_path}/net can't be loaded: {words}"


def test_an_array_without_bytes_may_stand_anywhere(tmp_path):
    arrays = {
        "dense1.weight.kept": np.array([], "<f4"),
        "dense1.bias": np.array([0.5, 1, 2], "<f4"),
        "dense1.weight.bits": np.zeros(1, "u1"),
    }
    header, payload = header_of(TEXT, arrays)
    for place in (0, 12, 13):
        header["dense1.weight.kept"]["data_offsets"] = [place, place]
        for order in (header, {"__metadata__": 0, **dict(reversed(header.items()))} | header):
            (tmp_path / "net").write_bytes(file_of(order, payload))
            assert load(tmp_path / "net").parameters["dense1.bias"].value.tolist() == [0.5, 1, 2]
    header["dense1.weight.kept"]["data_offsets"] = [4, 4]
    (tmp_path / "net").write_bytes(file_of(header, payload))
    with pytest.raises(mp.StorageError, match=r"dense1.weight.kept must begin where .*, at 12: there is an overlap"):
        load(tmp_path / "net")


def test_the_header_is_ascii_whatever_the_names_are():
    head, pieces = safetensors.encode({"größe": "x"}, {"ä": np.zeros((2, 0), np.float64), "b": np.ones(1, bool)})
    text = (
        '{"__metadata__":{"gr\\u00f6\\u00dfe":"x"},"\\u00e4":{"dtype":"F64","shape":[2,0],"data_offsets":[0,0]},'
        '"b":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}'
    )
    assert head[8:].decode("ascii").rstrip() == text
    assert [bytes(piece) for piece in pieces] == [b"", b"\1"]


def test_arrays_of_any_order_in_memory_are_written_in_c_order_and_little_endian():
    array = np.arange(6, dtype=">f4").reshape(2, 3)
    expected = np.arange(6, dtype="<f4").tobytes()
    for same in (array, np.asfortranarray(array), array[::-1][::-1], np.repeat(array, 2, axis=1)[:, ::2]):
        _, [piece] = safetensors.encode({}, {"a": same})
        assert bytes(piece) == expected
        assert safetensors.checksum("", {"a": same}) == checksum("", {"a": array.astype("<f4")})
