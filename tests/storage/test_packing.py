"""Arrays of parameters: what they are, and what is said of those that are wrong."""

import numpy as np
import pytest
from keeping import DENSE, architecture, forged, small

import minprune as mp
from minprune.storage import load, write_whole

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
    (forged_with(BARE), "it holds 'dense1.bias', for which its layers have no use"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "words"), WORDS, ids=[words[:40] for _, words in WORDS])
def test_a_refused_file_is_told_why(tmp_path, content, words):
    path = write_whole(tmp_path / "net", content)
    with pytest.raises(mp.StorageError) as caught:
        load(path)
    assert str(caught.value) == f"{path} can't be loaded: {words}"
