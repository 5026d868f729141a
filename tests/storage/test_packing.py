"""Arrays of parameters: what they are, and what is said of those that are wrong."""

import numpy as np
import pytest
from keeping import DENSE, architecture, forged, small

import minprune as mp
from minprune.storage import load, packing, safetensors, write_whole
from minprune.storage.architecture import Architecture

SELECT = {"kind": "Select", "inputs": 4, "outputs": 2}
BARE = {**DENSE, "bias": False}
LONG = "x" * 200
FORMS = "must be there as {0}, with a mask or not, or as kept and bits, got {1}"


def f4(*values):
    return np.array(values, "<f4")


def forged_with(*layers, **changes):
    """A file that is right in itself, but for arrays, whose names have _ for a dot."""
    changed = {**small(), **{name.replace("_", "."): array for name, array in changes.items()}}
    arrays = {name: array for name, array in changed.items() if array is not None}
    return forged(architecture(*(layers or [DENSE])), arrays)


WORDS = [
    (forged_with(dense1_bias=f4([1, 2, 3])), "dense1.bias must be F32 [3], got F32 [1, 3]"),
    (forged_with(**{LONG: f4(1)}), f"it holds '{'x' * 99}, for which its layers have no use"),
    (forged_with(dense1_bias=None), "dense1.bias " + FORMS.format("dense1.bias", [])),
    (forged_with(dense1_weight_bits=None), "dense1.weight " + FORMS.format("dense1.weight", [".kept"])),
    (forged_with(dense1_bias=f4(1, np.nan, np.inf)), "dense1.bias must be finite, got nan"),
    (forged_with(dense1_weight_kept=f4()), "dense1.weight.bits must have 0 ones among 6, got 3"),
    (forged_with(dense1_weight_bits=np.array([0b1010100], "u1")), "dense1.weight.bits must be 0 behind its 6 entries"),
    (forged_with(SELECT, DENSE), "select1.columns must be there"),
    (forged(architecture(SELECT, DENSE), {**small(), "select1.columns": np.array([2, 4])}),
     "select1.columns must rise within 0 … 3"),
    (forged_with(dense1_weight_mask=np.ones((2, 3), bool)),
     "dense1.weight " + FORMS.format("dense1.weight", [".kept", ".bits", ".mask"])),
    (forged_with(dense1_weight_kept=None, dense1_weight_bits=None, dense1_weight_mask=np.ones((2, 3), bool)),
     "dense1.weight " + FORMS.format("dense1.weight", [".mask"])),
    (forged_with(BARE), "it holds 'dense1.bias', for which its layers have no use"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "words"), WORDS, ids=[words[:40] for _, words in WORDS])
def test_a_refused_file_is_told_why(tmp_path, content, words):
    path = write_whole(tmp_path / "net", content)
    with pytest.raises(mp.StorageError) as caught:
        load(path)
    assert str(caught.value) == f"{path} can't be loaded: {words}"


# ── without a file ──────────────────────────────────────────────────────────────────────────────────────────────────


def told(call, *arguments):
    with pytest.raises(mp.StorageError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "dtype", "shape", "right"),
    [
        ("dense1.weight", "F64", (2, 3), None),
        ("dense1.weight", "F32", (2, 3), "F64 [2, 3]"),
        ("dense1.bias", "F64", (3,), None),
        ("dense1.bias", "F64", (2,), "F64 [3]"),
        ("dense1.weight.kept", "F64", (0,), None),
        ("dense1.weight.kept", "F64", (6,), None),
        ("dense1.weight.kept", "F32", (6,), "F64 [6]"),
        ("dense1.weight.bits", "U8", (1,), None),
        ("dense1.weight.bits", "BOOL", (1,), "U8 [1]"),
        ("dense1.bias.bits", "U8", (1,), None),
        ("dense1.weight.mask", "BOOL", (2, 3), None),
        ("dense1.weight.mask", "BOOL", (6,), "BOOL [2, 3]"),
        ("dense2.weight.bits", "U8", (2,), None),  # of 9 weights
        ("dense2.weight.bits", "U8", (1,), "U8 [2]"),
        ("select1.columns", "I64", (2,), None),
        ("select1.columns", "I64", (4,), "I64 [2]"),
    ],
)
def test_an_entry_must_have_the_type_and_the_shape_of_its_array(name, dtype, shape, right):
    made = Architecture.from_json(architecture(SELECT, DENSE, {**BARE, "inputs": 3}, dtype="float64"))
    entry = safetensors.Entry(dtype, shape, 0, 0)
    if right is None:
        packing.check_entry(name, entry, made)
    else:
        words = f"{name} must be {right}, got {dtype} {list(shape)}"
        assert told(packing.check_entry, name, entry, made) == words


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("dense1.weight.kept", (7,)), ("dense1.weight.kept", (2, 3)), ("dense1.weight.kept", ()), ("dense3.bias", (1,)),
        ("dense2.bias", (3,)), ("dense2.bias.kept", (1,)), ("dense1.weight.sum", (2, 3)), ("dense1.weight.", (2, 3)),
        ("select1.columns", (2,)), ("select1", (2,)), (".kept", (1,)), ("", ()),
    ],
)  # fmt: skip
def test_an_entry_that_nobody_needs(name, shape):
    made = Architecture.from_json(architecture(DENSE, {**BARE, "inputs": 3}))
    entry = safetensors.Entry("F32", shape, 0, 0)
    assert told(packing.check_entry, name, entry, made) == f"it holds {name!r}, for which its layers have no use"


@pytest.mark.parametrize("columns", [[2, 1], [1, 1], [-1, 1], [1, 4], [4, 5], [-2, -1]])
def test_columns_must_rise_within_the_inputs(columns):
    made = Architecture.from_json(architecture(SELECT, DENSE))
    for good in ([0, 1], [0, 3], [2, 3]):
        packing.check_arrays(small() | {packing.COLUMNS: np.array(good)}, made)
    arrays = small() | {packing.COLUMNS: np.array(columns)}
    assert told(packing.check_arrays, arrays, made) == "select1.columns must rise within 0 … 3"


def test_three_columns_must_rise_one_after_the_other():
    made = Architecture.from_json(architecture({**SELECT, "outputs": 3}, {**DENSE, "inputs": 3}))
    parts = small() | {"dense1.weight.bits": np.array([0b010101, 0], "u1")}
    packing.check_arrays(parts | {packing.COLUMNS: np.array([0, 1, 3])}, made)
    for columns in ([0, 2, 2], [1, 1, 3], [0, 3, 1], [0, 2, 4], [-1, 0, 1]):
        arrays = parts | {packing.COLUMNS: np.array(columns)}
        assert told(packing.check_arrays, arrays, made) == "select1.columns must rise within 0 … 3"


@pytest.mark.parametrize("entries", range(1, 20))
def test_bits_of_any_number_of_entries(entries):
    made = Architecture.from_json(architecture({**BARE, "inputs": 1, "outputs": entries}))
    for mask in (np.ones(entries, bool), np.arange(entries) > 0, np.arange(entries) % 3 == 0):
        arrays = {
            "dense1.weight.kept": np.ones(mask.sum(), np.float32),
            "dense1.weight.bits": np.packbits(mask, bitorder="little"),
        }
        packing.check_arrays(arrays, made)
        network = made.build(None)
        packing.unpack(network, arrays)
        weight = network.parameters["dense1.weight"]
        assert weight.mask.ravel().tolist() == mask.tolist()
        assert weight.value.ravel().tolist() == mask.tolist()
        if entries % 8:
            arrays["dense1.weight.bits"][-1] |= 1 << entries % 8
            words = f"dense1.weight.bits must be 0 behind its {entries} entries"
            assert told(packing.check_arrays, arrays, made) == words


def test_a_plain_parameter_and_its_mask():
    made = Architecture.from_json(architecture(BARE))
    weight, mask = f4([1, 0, 2], [3, 4, 5]), np.array([[True, False, True], [True, True, True]])
    packing.check_arrays({"dense1.weight": weight, "dense1.weight.mask": mask}, made)
    for wrong in (1, -0.0):
        arrays = {"dense1.weight": f4([1, wrong, 2], [3, 4, 5]), "dense1.weight.mask": mask}
        assert told(packing.check_arrays, arrays, made) == "dense1.weight must be +0.0 where its mask is False"
    for wrong in (2, 3, 255):
        arrays = {"dense1.weight": weight, "dense1.weight.mask": (mask.view("u1") * np.uint8(wrong)).view(bool)}
        assert told(packing.check_arrays, arrays, made) == "dense1.weight.mask must hold 0 and 1 only"
    arrays = {"dense1.weight": f4([1, 0, 2], [3, np.inf, np.nan])}
    assert told(packing.check_arrays, arrays, made) == "dense1.weight must be finite, got inf"
