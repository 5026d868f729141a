"""What stands in a file, byte by byte: a file of today is read tomorrow."""

import json

import numpy as np
import pytest
from keeping import checksum

import minprune as mp
from minprune.storage import load, save

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
