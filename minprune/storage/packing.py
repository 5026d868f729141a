"""A parameter as arrays: the mask as bits, and the weights that are kept.

    in the file                       when                       what
    dense1.weight                     nothing is dropped         all weights, in their shape
    dense1.weight.kept + .bits        packed, something is       the k kept weights in C order, and the mask: ⌈n/8⌉ U8
    dense1.weight + .mask             not packed, something is   all weights, +0.0 where dropped, and the mask: BOOL

Entry i of n, in C order, is bit i mod 8 (1, 2, 4, …, 128) of byte ⌊i/8⌋, 1 where kept; the last byte is filled up with
zeros. At a sparsity s a float32 takes 4 (1 − s) + 1/8 bytes instead of 4: 0.08 of them at 95 %. And each weight has at
least one bit in the file, so that a small file can't ask for a large network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import numpy as np

from minprune.arguments import Array, Bools, finite
from minprune.errors import StorageError
from minprune.nn.layers import Select
from minprune.nn.network import Network
from minprune.nn.parameter import Parameter
from minprune.storage.architecture import Architecture
from minprune.storage.safetensors import Entry

COLUMNS = "select1.columns"


def pack(network: Network, packed: bool) -> dict[str, Array]:
    """Return the arrays of a network, or raise InvalidValueError if a kept value is not finite."""
    arrays: dict[str, Array] = {}
    for layer in network.layers:
        if isinstance(layer, Select):
            arrays[COLUMNS] = layer.columns.astype(np.int64)
    for name, parameter in network.parameters.items():
        value = finite(parameter.effective(), name, "save")
        if parameter.is_masked and packed:
            arrays[f"{name}.kept"] = value[parameter.mask]
            arrays[f"{name}.bits"] = np.packbits(parameter.mask, bitorder="little")
        else:
            arrays[name] = value
            if parameter.is_masked:
                arrays[f"{name}.mask"] = parameter.mask
    return arrays


def check_entry(name: str, entry: Entry, architecture: Architecture) -> None:
    """Raise unless the architecture has use for an array of that name, type and shape."""
    parameter, _, form = name.rpartition(".")
    number = {"float32": "F32", "float64": "F64"}[architecture.dtype]
    right: tuple[str, tuple[int, ...]] | None = None
    if name == COLUMNS and architecture.select:
        right = ("I64", (int(architecture.select[0].values[1]),))
    elif shape := architecture.shape(name):
        right = (number, shape)
    elif shape := architecture.shape(parameter):
        entries = math.prod(shape)
        if form == "kept" and len(entry.shape) == 1 and entry.shape[0] <= entries:
            right = (number, entry.shape)  # how many it holds is for the mask to say
        elif form == "bits":
            right = ("U8", (-(-entries // 8),))
        elif form == "mask":
            right = ("BOOL", shape)
    if right is None:
        raise StorageError(f"it holds {name!r:.100}, for which its layers have no use")
    if (entry.dtype, entry.shape) != right:
        raise StorageError(f"{name} must be {right[0]} {list(right[1])}, got {entry.dtype} {list(entry.shape)}")


def check_arrays(arrays: Mapping[str, Array], architecture: Architecture) -> None:
    """Raise unless every parameter is there in one of its forms, finite and at one with its mask.

    Nothing else is there: `check_entry` has seen each of them.
    """
    for number, dense in enumerate(architecture.dense, start=1):
        inputs, outputs, bias = dense.values
        _check_parameter(f"dense{number}.weight", arrays, int(inputs * outputs))
        if bias:
            _check_parameter(f"dense{number}.bias", arrays, int(outputs))
    if architecture.select:
        if COLUMNS not in arrays:
            raise StorageError(f"{COLUMNS} must be there")
        columns = arrays[COLUMNS]
        bound = architecture.select[0].values[0]
        if columns[0] < 0 or columns[-1] >= bound or (columns[1:] <= columns[:-1]).any():
            raise StorageError(f"{COLUMNS} must rise within 0 … {bound - 1}")


def _check_parameter(name: str, arrays: Mapping[str, Array], entries: int) -> None:
    forms = [form for form in ("", ".kept", ".bits", ".mask") if name + form in arrays]
    if forms not in ([""], ["", ".mask"], [".kept", ".bits"]):
        raise StorageError(f"{name} must be there as {name}, with a mask or not, or as kept and bits, got {forms}")
    values = arrays[name] if name in arrays else arrays[f"{name}.kept"]
    good = np.isfinite(values)
    if not good.all():
        raise StorageError(f"{name} must be finite, got {values.flat[np.argmin(good)]}")
    if (mask := arrays.get(f"{name}.mask")) is not None:
        if (mask.view(np.uint8) > 1).any():
            raise StorageError(f"{name}.mask must hold 0 and 1 only")
        set_bits = values.view(f"u{values.itemsize}") != 0  # −0.0 has one
        if (set_bits > mask).any():
            raise StorageError(f"{name} must be +0.0 where its mask is False")
    if (bits := arrays.get(f"{name}.bits")) is not None:
        if entries % 8 and bits[-1] >> entries % 8:
            raise StorageError(f"{name}.bits must be 0 behind its {entries:,} entries")
        if (ones := int(np.bitwise_count(bits).sum())) != values.size:
            raise StorageError(f"{name}.bits must have {values.size:,} ones among {entries:,}, got {ones:,}")


def unpack(network: Network, arrays: Mapping[str, Array]) -> None:
    """Write checked arrays into a network that is all 0."""
    for name, parameter in network.parameters.items():
        if (mask := _mask(parameter, arrays)) is not None:
            parameter.mask = mask
        if name in arrays:
            parameter.value[...] = arrays[name]
        else:
            parameter.value[parameter.mask] = arrays[f"{name}.kept"]


def _mask(parameter: Parameter, arrays: Mapping[str, Array]) -> Bools | None:
    if (bits := arrays.get(f"{parameter.name}.bits")) is not None:
        flat = np.unpackbits(bits, count=parameter.size, bitorder="little")
        return cast("Bools", flat.view(np.bool_).reshape(parameter.shape))
    return arrays.get(f"{parameter.name}.mask")
