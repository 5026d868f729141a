"""What stands in a file, byte by byte: a file of today is read tomorrow."""

import json

import numpy as np
import pytest
from keeping import checksum

import minprune as mp
from minprune.storage import load, safetensors, save

ARCHITECTURE = (
    '{"version":1,"dtype":"float32","layers":[{"kind":"Select","inputs":3,"outputs":2},'
    '{"kind":"Dense","inputs":2,"outputs":3,"bias":true},{"kind":"LeakyReLU","slope":0.25},'
    '{"kind":"Dropout","rate":0.5},{"kind":"Dense","inputs":3,"outputs":1,"bias":false}]}'
)
COLUMNS = b"\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"
KEPT, BIAS, LAST = (np.array(values, "<f4") for values in ([1, -0.0, 5], [0.5, -1, 0], [7, 8, 9]))
FILES = {
    True: (
        '"select1.columns":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},'
        '"dense1.weight.kept":{"dtype":"F32","shape":[3],"data_offsets":[16,28]},'
        '"dense1.bias":{"dtype":"F32","shape":[3],"data_offsets":[28,40]},'
        '"dense2.weight":{"dtype":"F32","shape":[3,1],"data_offsets":[40,52]},'
        '"dense1.weight.bits":{"dtype":"U8","shape":[1],"data_offsets":[52,53]}}',
        [COLUMNS, KEPT, BIAS, LAST, b"\x15"],
    ),
    False: (
        '"select1.columns":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},'
        '"dense1.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[16,40]},'
        '"dense1.bias":{"dtype":"F32","shape":[3],"data_offsets":[40,52]},'
        '"dense2.weight":{"dtype":"F32","shape":[3,1],"data_offsets":[52,64]},'
        '"dense1.weight.mask":{"dtype":"BOOL","shape":[2,3],"data_offsets":[64,70]}}',
        [COLUMNS, np.array([1, 0, -0.0, 0, 5, 0], "<f4"), BIAS, LAST, b"\1\0\1\0\1\0"],
    ),
}  # fmt: skip


def network():
    first = mp.Dense.from_arrays(np.array([[1, 2, -0.0], [4, 5, 6]], np.float32), BIAS)
    second = mp.Dense.from_arrays(LAST[:, None])
    layers = [mp.Select(np.array([0, 2]), 3), first, mp.LeakyReLU(0.25), mp.Dropout(0.5), second]
    made = mp.Network(layers)
    made.parameters["dense1.weight"].mask = np.array([[1, 0, 1], [0, 1, 0]], bool)
    return made


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_has_these_bytes(tmp_path, packed):
    entries, pieces = FILES[packed]
    arrays = {
        "select1.columns": np.array([0, 2]), "dense1.bias": BIAS, "dense2.weight": LAST[:, None],
        **({"dense1.weight.kept": KEPT, "dense1.weight.bits": np.array([0x15], "u1")} if packed else
           {"dense1.weight": pieces[1].reshape(2, 3), "dense1.weight.mask": np.array([[1, 0, 1], [0, 1, 0]], bool)}),
    }  # fmt: skip
    said = {"minprune": ARCHITECTURE, "sha256": checksum(ARCHITECTURE, arrays)}
    header = f'{{"__metadata__":{json.dumps(said, separators=(",", ":"))},{entries}'
    header += " " * (-len(header) % 8)
    path = save(network(), tmp_path / "net", packed=packed)
    expected = len(header).to_bytes(8, "little") + header.encode() + b"".join(bytes(piece) for piece in pieces)
    assert path.read_bytes() == expected
    assert load(path).parameters["dense1.weight"].value.tobytes() == np.array([1, 0, -0.0, 0, 5, 0], "<f4").tobytes()


def test_packed_is_the_default(tmp_path):
    assert save(network(), tmp_path / "a").read_bytes() == save(network(), tmp_path / "b", packed=True).read_bytes()


def test_the_bound_of_a_header():
    assert [safetensors.largest_header(size) for size in (0, 7, 8, 80)] == [131_072, 131_072, 131_073, 131_082]


def test_a_header_as_long_as_its_bound_is_read_and_one_byte_more_is_not(tmp_path):
    whole = save(network(), tmp_path / "net").read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header, payload = whole[8 : 8 + length].rstrip(), whole[8 + length :]
    longest = next(n for n in range(149_000, 151_000) if n + 1 > safetensors.largest_header(8 + n + 1 + len(payload)))
    assert longest == safetensors.largest_header(8 + longest + len(payload)) == 149_805
    for more in (0, 1):
        (tmp_path / "net").write_bytes((longest + more).to_bytes(8, "little") + header.ljust(longest + more) + payload)
        if not more:
            assert load(tmp_path / "net").inputs == 3
        else:
            with pytest.raises(mp.StorageError, match=r"its header of 149,806 bytes is larger than 149,805, the bound"):
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
