"""Architectures and arrays that are forged, under a header and a checksum that are right."""

import json
import tracemalloc

import numpy as np
import pytest
from keeping import DENSE, architecture, digest, file_of, forged, header_of, masked, refused, small

import minprune as mp
from minprune.errors import StorageError
from minprune.storage import load, save, write_whole
from minprune.storage.architecture import Architecture

RELU = {"kind": "ReLU"}
SELECT = {"kind": "Select", "inputs": 4, "outputs": 2}


def dense(inputs, outputs=3, bias=True):
    return {"kind": "Dense", "inputs": inputs, "outputs": outputs, "bias": bias}


ARCHITECTURES = {
    "no JSON": ("Dense(3, 2)", "its architecture must have '{'"),
    "empty": ("", "its architecture must have '{'"),
    "a list": ("[]", "its architecture must have '{'"),
    "nothing": ("{}", "its architecture must have version, dtype and layers"),
    "no layers": (json.dumps({"version": 1, "dtype": "float32"}), "must have version, dtype and layers"),
    "layers twice": (architecture(DENSE)[:-1] + ', "layers": []}', "holds 'layers' twice"),
    "something more": (architecture(DENSE)[:-1] + ', "import": "os"}', "must have version, dtype and layers, got"),
    "something after": (architecture(DENSE) + "{}", "must end"),
    "version 2": (architecture(DENSE, version=2), "it is of version 2 of the format, and this minprune reads 1"),
    "version 1.0": (architecture(DENSE, version=1.0), "must have a whole number"),
    "version true": (architecture(DENSE, version=True), "must have a whole number"),
    "float16": (architecture(DENSE, dtype="float16"), "its dtype must be float32 or float64, got 'float16'"),
    "other float": (architecture(DENSE, dtype="float64"), r"must be F64 \[3\], got F32 \[3\]"),
    "none": (architecture(), "its layers must hold at least one Dense, got none"),
    "no Dense": (architecture(RELU), "its layers must hold at least one Dense, got none"),
    "no kind": (architecture({"inputs": 3}), "its layers must be Dense · Select · .* · GELU, got ''"),
    "unknown kind": (architecture({"kind": "Conv2d"}), "got 'Conv2d'"),
    "mistyped kind": (architecture({"kind": "Relu"}), "got 'Relu'"),
    "a class": (architecture({"kind": "os.system"}), "got 'os.system'"),
    "abstract": (architecture(DENSE, {"kind": "Activation"}), "got 'Activation'"),
    "kind a number": (architecture({"kind": 3}), "must have a string"),
    "layer a list": (architecture([1]), "its architecture must have '{'"),
    "layer a text": (architecture("Dense"), "its architecture must have '{'"),
    "layer null": (architecture(None), "its architecture must have '{'"),
    "too little": (architecture({"kind": "Dense", "inputs": 2}), "its Dense must have inputs, outputs, bias, got"),
    "of another kind": (architecture({**DENSE, "rate": 0.5}), "its Dense must have inputs, outputs, bias, got"),
    "a ReLU with a slope": (architecture({**RELU, "slope": 0.5}), "its ReLU must have nothing, got slope"),
    "too much": (architecture({**DENSE, "init": "he"}), "has a layer with 'init', which no layer has"),
    "twice": (architecture(DENSE).replace('"bias"', '"inputs": 2, "bias"'), "holds 'inputs' twice"),
    "width 2.0": (architecture(dense(2.0)), "its Dense must have inputs as int, got 2.0"),
    "width true": (architecture(dense(True)), "its Dense must have inputs as int, got True"),
    "width text": (architecture(dense("2")), "its Dense must have inputs as int, got '2'"),
    "width list": (architecture(dense([2])), "must have a string, a number, true or false"),
    "width null": (architecture(dense(None)), "must have a string, a number, true or false"),
    "width NaN": (architecture(dense(float("nan"))), "must have a string, a number, true or false"),
    "width -Infinity": (architecture(dense(float("-inf"))), "is no JSON"),
    "width 0": (architecture(dense(0)), "its Dense must have widths of at least 1, got 0 and 3"),
    "width -1": (architecture(dense(2, -1)), "its Dense must have widths of at least 1, got 2 and -1"),
    "width 10⁹ × 10⁹": (architecture(dense(10**9, 10**9)), "must have at most 2,147,483,648 weights, got 10000"),
    "width of 5000 digits": (architecture(dense(0)).replace("0", "9" * 5000, 1), "is no JSON"),
    "bias 1": (architecture(dense(2, bias=1)), "its Dense must have bias as bool, got 1"),
    "widths that don't fit": (architecture(DENSE, dense(4)), "its layers must fit, got 3 outputs before {'inputs': 4"),
    "Select that doesn't fit": (architecture({**SELECT, "outputs": 3}, DENSE), "its layers must fit, got 3 outputs"),
    "Select in between": (architecture(DENSE, {**SELECT, "inputs": 3}), "may hold one Select, in front of the first"),
    "two Selects": (architecture(SELECT, {**SELECT, "inputs": 2}, DENSE), "may hold one Select, in front of the first"),
    "Select of nothing": (architecture({**SELECT, "outputs": 0}, DENSE), "its Select must have widths of at least 1"),
    "rate 1": (architecture(DENSE, {"kind": "Dropout", "rate": 1.0}), "its Dropout can't be: rate must be in"),
    "rate -0.5": (architecture(DENSE, {"kind": "Dropout", "rate": -0.5}), "its Dropout can't be: rate must be in"),
    "rate 0": (architecture(DENSE, {"kind": "Dropout", "rate": 0}), "its Dropout must have rate as float, got 0"),
    "rate 10⁹⁹⁹": (architecture(DENSE, {"kind": "Dropout", "rate": 0}).replace("0}", "1e999}"), "its Dropout can't be"),
    "slope 2": (architecture(DENSE, {"kind": "LeakyReLU", "slope": 2.0}), "its LeakyReLU can't be: slope must be in"),
    "half a character": (architecture({"kind": "\ud800"}), r"got '\\ud800'"),
}  # fmt: skip


@pytest.mark.parametrize("case", ARCHITECTURES)
def test_a_forged_architecture_is_refused(tmp_path, case):
    text, why = ARCHITECTURES[case]
    refused(write_whole(tmp_path / "net", forged(text, small())), why)


def f4(*values):
    return np.array(values, "<f4")


def u1(*values):
    return np.array(values, "u1")


PLAIN = {"dense1.weight": f4([1, 0, 2], [3, 4, 5]), "dense1.bias": f4(1, 2, 3)}
MASK = np.array([[True, False, True], [True, True, True]])
ARRAYS = {
    "one kept too few": ({"dense1.weight.kept": f4(1, 2)}, "dense1.weight.bits must have 2 ones among 6, got 3"),
    "one kept too many": ({"dense1.weight.kept": f4(1, 2, 3, 4)}, "dense1.weight.bits must have 4 ones among 6, got 3"),
    "seven kept of six": ({"dense1.weight.kept": f4(*range(7))}, "it holds 'dense1.weight.kept', for which"),
    "kept in two axes": ({"dense1.weight.kept": f4([1, 2, 3])}, "it holds 'dense1.weight.kept', for which"),
    "bits behind the end": ({"dense1.weight.bits": u1(0b10000011)}, "weight.bits must be 0 behind its 6 entries"),
    "a byte too many": ({"dense1.weight.bits": u1(0b010101, 0)}, r"dense1.weight.bits must be U8 \[1\], got U8 \[2\]"),
    "no bits": ({"dense1.weight.bits": None}, r"dense1.weight must be there as .* got \['.kept'\]"),
    "no kept": ({"dense1.weight.kept": None}, r"dense1.weight must be there as .* got \['.bits'\]"),
    "no bias": ({"dense1.bias": None}, r"dense1.bias must be there as .* got \[\]"),
    "kept and plain": ({**PLAIN}, r"dense1.weight must be there as .* got \['', '.kept', '.bits'\]"),
    "bits and mask": ({"dense1.weight.mask": MASK}, r"must be there as .* got \['.kept', '.bits', '.mask'\]"),
    "NaN": ({"dense1.weight.kept": f4(1, np.nan, 2)}, "dense1.weight must be finite, got nan"),
    "infinity": ({"dense1.bias": f4(1, -np.inf, 2)}, "dense1.bias must be finite, got -inf"),
    "float64": ({"dense1.bias": np.array([1.0, 2, 3])}, r"dense1.bias must be F32 \[3\], got F64 \[3\]"),
    "bias as a column": ({"dense1.bias": f4([1], [2], [3])}, r"dense1.bias must be F32 \[3\], got F32 \[3, 1\]"),
    "wider": ({"dense1.bias": f4(1, 2, 3, 4)}, r"dense1.bias must be F32 \[3\], got F32 \[4\]"),
    "a second layer": ({"dense2.weight": f4([1])}, "it holds 'dense2.weight', for which its layers have no use"),
    "a layer 0": ({"dense0.weight": f4([1])}, "it holds 'dense0.weight', for which its layers have no use"),
    "a layer 01": ({"dense01.bias": f4(1, 2, 3)}, "it holds 'dense01.bias', for which its layers have no use"),
    "columns of nothing": ({"select1.columns": np.array([0, 1])}, "it holds 'select1.columns', for which its layers"),
    "another name": ({"weight": f4(1)}, "it holds 'weight', for which its layers have no use"),
    "another form": ({"dense1.bias.grad": f4(1, 2, 3)}, "it holds 'dense1.bias.grad', for which its layers have no"),
    "empty name": ({"": f4(1)}, "it holds '', for which its layers have no use"),
    "line break": ({"dense1.bias\n": f4(1, 2, 3)}, r"it holds 'dense1.bias\\n', for which its layers have no use"),
}  # fmt: skip


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_that_do_not_belong_are_refused(tmp_path, case):
    changes, why = ARRAYS[case]
    arrays = {name: array for name, array in {**small(), **changes}.items() if array is not None}
    refused(write_whole(tmp_path / "net", forged(architecture(DENSE), arrays)), why)


PLAIN_ARRAYS = {
    "a dropped weight of 1": ({"dense1.weight": f4([1, 1, 2], [3, 4, 5])}, r"must be \+0.0 where its mask"),
    "a dropped weight of -0": ({"dense1.weight": f4([1, -0.0, 2], [3, 4, 5])}, r"must be \+0.0 where its mask"),
    "a dropped NaN": ({"dense1.weight": f4([1, np.nan, 2], [3, 4, 5])}, "dense1.weight must be finite"),
    "mask flat": ({"dense1.weight.mask": MASK.ravel()}, r"dense1.weight.mask must be BOOL \[2, 3\], got BOOL \[6\]"),
    "mask U8": ({"dense1.weight.mask": MASK.view("u1")}, r"dense1.weight.mask must be BOOL \[2, 3\], got U8 \[2, 3\]"),
    "mask of 2": ({"dense1.weight.mask": u1([1, 0, 2], [1, 1, 1]).view("?")}, "dense1.weight.mask must hold 0 and 1"),
    "transposed": ({"dense1.weight": PLAIN["dense1.weight"].T.copy()}, r"must be F32 \[2, 3\], got F32 \[3, 2\]"),
    "mask without weight": ({"dense1.weight": None}, r"dense1.weight must be there as .* got \['.mask'\]"),
}  # fmt: skip


@pytest.mark.parametrize("case", PLAIN_ARRAYS)
def test_plain_arrays_that_do_not_belong_are_refused(tmp_path, case):
    good = {**PLAIN, "dense1.weight.mask": MASK}
    loaded = load(write_whole(tmp_path / "good", forged(architecture(DENSE), good)))
    assert loaded.parameters["dense1.weight"].mask.tolist() == MASK.tolist()
    changes, why = PLAIN_ARRAYS[case]
    arrays = {name: array for name, array in {**good, **changes}.items() if array is not None}
    refused(write_whole(tmp_path / "net", forged(architecture(DENSE), arrays)), why)


COLUMNS = {
    "falling": (np.array([2, 1]), "must rise within 0 … 3"),
    "equal": (np.array([1, 1]), "must rise within 0 … 3"),
    "negative": (np.array([-1, 1]), "must rise within 0 … 3"),
    "too large": (np.array([1, 4]), "must rise within 0 … 3"),
    "three": (np.array([0, 1, 2]), r"must be I64 \[2\], got I64 \[3\]"),
    "floats": (np.array([0.0, 1.0]), r"must be I64 \[2\], got F64 \[2\]"),
    "none": (None, "select1.columns must be there"),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_columns_that_can_not_be_are_refused(tmp_path, case):
    columns, why = COLUMNS[case]
    arrays = small() if columns is None else {"select1.columns": columns, **small()}
    refused(write_whole(tmp_path / "net", forged(architecture(SELECT, DENSE), arrays)), why)


# memory


def peak(call):
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("sparsity", [0.0, 0.95])
def test_reading_and_checking_take_no_more_than_twice_the_file(tmp_path, monkeypatch, sparsity, packed):
    path = save(masked(mp.Network.mlp([700, 900, 700], rng=0), sparsity), tmp_path / "net", packed=packed)

    def stop(self, columns):
        raise StorageError("all is checked")

    monkeypatch.setattr(Architecture, "build", stop)
    refused(path, "all is checked")


NUMBERS = 800_000
LONG = {
    "NaN everywhere": {"dense1.weight": np.full((NUMBERS, 1), np.nan, "<f4")},
    "nothing dropped is 0": {
        "dense1.weight": np.ones((NUMBERS, 1), "<f4"),
        "dense1.weight.mask": np.zeros((NUMBERS, 1), "?"),
    },
    "a mask of 2": {
        "dense1.weight": np.ones((NUMBERS, 1), "<f4"),
        "dense1.weight.mask": np.full((NUMBERS, 1), 2, "u1").view("?"),
    },
}


@pytest.mark.parametrize("case", LONG)
def test_finding_what_is_wrong_takes_no_more_than_twice_the_file(tmp_path, case):
    text = architecture(dense(NUMBERS, 1, bias=False))
    refused(write_whole(tmp_path / "net", forged(text, LONG[case])), "dense1.weight.* must")


@pytest.mark.parametrize("packed", [True, False])
def test_loading_takes_the_network_and_twice_the_file(tmp_path, packed):
    path = save(mp.Network.mlp([700, 900, 700], rng=0), tmp_path / "net", packed=packed)
    network = peak(lambda: mp.Network.mlp([700, 900, 700], rng=0).copy())
    assert peak(lambda: load(path)) <= network + 2 * path.stat().st_size + 2**20


FULL = {
    "layers without parameters": [{"kind": "ReLU"}] * 6_000,
    "layers with a number": [{"kind": "Dropout", "rate": i / 10_000} for i in range(3_000)],
    "dense layers": [dense(1, 1)] * 1_500,
    "two kinds in turn": [dense(1, 1), {"kind": "LeakyReLU", "slope": 0.125}] * 900,
}


@pytest.mark.parametrize("case", FULL)
def test_a_header_that_is_full_of_layers_takes_little_memory(tmp_path, case):
    text = json.dumps({"version": 1, "dtype": "float32", "layers": FULL[case]}, separators=(",", ":"))
    path = write_whole(tmp_path / "net", forged(text, {"dense1.weight": f4([1])}))
    assert 0.7 * 2**17 < path.stat().st_size < 1.15 * 2**17
    refused(path)


def test_a_header_that_is_full_of_arrays_takes_little_memory(tmp_path):
    count = 380
    text = json.dumps({"version": 1, "dtype": "float32", "layers": [dense(1, 1)] * count}, separators=(",", ":"))
    arrays = {}
    for number in range(1, count + 1):
        arrays[f"dense{number}.weight.kept"] = arrays[f"dense{number}.bias.kept"] = f4()
        arrays[f"dense{number}.weight.bits"] = arrays[f"dense{number}.bias.bits"] = u1(0)
    header, payload = header_of(text, arrays)
    good = file_of(json.dumps(header, separators=(",", ":")), payload)
    assert 0.9 * 2**17 < len(good) < 1.15 * 2**17
    assert load(write_whole(tmp_path / "good", good)).kept == 0
    refused(write_whole(tmp_path / "net", good + b"\0"), "its arrays end at 760, and there are 761 bytes")


def test_no_small_file_asks_for_a_large_network(tmp_path):
    """Each weight has a bit in the file, at least: 13 bytes of a network at most for each of them."""
    text = architecture(dense(2**15, 2**15, bias=False))
    arrays = {"dense1.weight.kept": f4(), "dense1.weight.bits": u1(0)}
    refused(write_whole(tmp_path / "net", forged(text, arrays)), r"must be U8 \[134217728\], got U8 \[1\]")
    largest = mp.Network.mlp([1000, 100], rng=0)
    for parameter in largest.parameters.values():
        parameter.mask = np.zeros(parameter.shape, bool)
    path = save(largest, tmp_path / "empty")
    assert digest(load(path)) == digest(largest)
    assert peak(lambda: load(path)) < 20 * 8 * path.stat().st_size
