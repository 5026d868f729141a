"""The architecture: which layers a network has, as JSON, and which arrays a file must hold for them.

    {"version":1,"dtype":"float32","layers":[{"kind":"Dense","inputs":784,"outputs":300,"bias":true},{"kind":"ReLU"},…]}

A layer's kind is looked up in the table below and nowhere else: a file names no module, no class and no function, and
holds no code. Layers are numbered by their kind, as in a network: dense1, relu1, dense2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from minprune.arguments import Array
from minprune.errors import InvalidValueError, MinpruneError, StorageError
from minprune.nn.activations import GELU, LeakyReLU, ReLU, Sigmoid, Tanh
from minprune.nn.layers import LARGEST_LAYER, Dense, Dropout, Layer, Select
from minprune.nn.network import Network
from minprune.storage.notation import Text

VERSION = 1  # of the format; a file of another version is refused

# Each kind of layer with what is said of it, in this order.
KINDS: dict[str, tuple[type[Layer], dict[str, type]]] = {
    "Dense": (Dense, {"inputs": int, "outputs": int, "bias": bool}),
    "Select": (Select, {"inputs": int, "outputs": int}),  # its columns are an array
    "Dropout": (Dropout, {"rate": float}),
    "ReLU": (ReLU, {}),
    "LeakyReLU": (LeakyReLU, {"slope": float}),
    "Tanh": (Tanh, {}),
    "Sigmoid": (Sigmoid, {}),
    "GELU": (GELU, {}),
}
_KNOWN = " · ".join(KINDS)
_PARAMETER = re.compile(r"dense([1-9][0-9]{0,8})\.(weight|bias)")


class Described(NamedTuple):
    """A layer as it is written down: its kind, and the values that the table above asks for."""

    kind: str
    values: tuple[int | float, ...]

    @property
    def options(self) -> dict[str, int | float]:
        return dict(zip(KINDS[self.kind][1], self.values, strict=True))


class Architecture:
    """Layers and a dtype, known to make a network: each by itself, and each with the next.

    Raises
    ------
    StorageError
        No `Dense`, widths that don't fit, a value out of range.
    """

    def __init__(self, layers: Sequence[Described], dtype: str) -> None:
        if dtype not in ("float32", "float64"):
            raise StorageError(f"its dtype must be float32 or float64, got {dtype!r:.40}")
        self.layers, self.dtype = layers, dtype
        self.dense = [layer for layer in layers if layer.kind == "Dense"]
        self.select = [layer for layer in layers if layer.kind == "Select"]
        if not self.dense:
            raise StorageError("its layers must hold at least one Dense, got none")
        for layer in layers:
            _check(layer)
        sized = [layer for layer in layers if layer.kind in ("Dense", "Select")]
        if any(layer.kind == "Select" for layer in sized[1:]):
            raise StorageError("its layers may hold one Select, in front of the first Dense")
        for before, after in pairwise(sized):
            if before.values[1] != after.values[0]:
                raise StorageError(f"its layers must fit, got {before.values[1]} outputs before {after.options}")

    @classmethod
    def of(cls, network: Network) -> Architecture:
        """Return that of a network, or raise InvalidValueError if a layer is of a kind that is not in the table."""
        layers = []
        for name, layer in zip(network.names, network.layers, strict=True):
            kind = type(layer).__name__
            if kind not in KINDS or type(layer) is not KINDS[kind][0]:
                raise InvalidValueError(f"layers must be {_KNOWN}, got {name}, {layer!r} in save()")
            said = layer.config()
            if isinstance(layer, Select):
                said["outputs"] = layer.outputs
            layers.append(Described(kind, tuple(said[key] for key in KINDS[kind][1])))  # type: ignore[misc]
        return cls(layers, network.dtype.name)

    def to_json(self) -> str:
        """Return the text: the same for the same network, always."""
        layers = [{"kind": layer.kind, **layer.options} for layer in self.layers]
        said = {"version": VERSION, "dtype": self.dtype, "layers": layers}
        return json.dumps(said, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Return what a text says, all of it checked."""
        reader = Text(text, "architecture")
        said: dict[str, str | list[Described]] = {}
        for key in reader.object():
            if key == "version":
                if (version := reader.whole()) != VERSION:
                    raise StorageError(f"it is of version {version} of the format, and this minprune reads {VERSION}")
                said[key] = str(version)
            elif key == "dtype":
                said[key] = reader.string()
            elif key == "layers":
                said[key] = [_layer(reader) for _ in reader.array()]
            else:
                reader.refuse(f"must have version, dtype and layers, got {key!r:.40}")
        reader.end()
        match said:
            case {"version": _, "dtype": str(dtype), "layers": list(layers)}:
                return cls(layers, dtype)
        raise StorageError("its architecture must have version, dtype and layers")

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Return the shape of the parameter with that name, or None if the network has no such parameter."""
        found = _PARAMETER.fullmatch(name)
        if found is None or int(found[1]) > len(self.dense):
            return None
        inputs, outputs, bias = self.dense[int(found[1]) - 1].values
        if found[2] == "weight":
            return int(inputs), int(outputs)
        return (int(outputs),) if bias else None

    def build(self, columns: Array | None) -> Network:
        """Return a network of these layers, its parameters 0 and its masks True."""
        layers: list[Layer] = []
        for layer in self.layers:
            if layer.kind == "Dense":
                inputs, outputs, bias = layer.values
                zero = np.zeros((), self.dtype)  # one zero, seen everywhere
                weight = np.broadcast_to(zero, (int(inputs), int(outputs)))
                layers.append(Dense.from_arrays(weight, np.broadcast_to(zero, (int(outputs),)) if bias else None))
            elif layer.kind == "Select":
                assert columns is not None
                layers.append(Select(columns, int(layer.values[0])))
            else:
                layers.append(KINDS[layer.kind][0](**layer.options))
        return Network(layers)


def _layer(text: Text) -> Described:
    """Read a layer."""
    said: dict[str, str | bool | int | float] = {}
    kind = ""
    for key in text.object():
        if key == "kind":
            kind = text.string()
        elif any(key in keys for _, keys in KINDS.values()):
            said[key] = text.scalar()
        else:
            text.refuse(f"has a layer with {key!r:.40}, which no layer has")
    if kind not in KINDS:
        raise StorageError(f"its layers must be {_KNOWN}, got {kind!r:.40}")
    keys = KINDS[kind][1]
    if said.keys() != keys.keys():
        raise StorageError(f"its {kind} must have {', '.join(keys) or 'nothing'}, got {', '.join(said) or 'nothing'}")
    for key, wanted in keys.items():
        if type(said[key]) is not wanted:
            raise StorageError(f"its {kind} must have {key} as {wanted.__name__}, got {said[key]!r:.40}")
    return Described(kind, tuple(said[key] for key in keys))  # type: ignore[misc]


def _check(layer: Described) -> None:
    """Raise unless there can be such a layer, without making it if it takes memory."""
    if layer.kind in ("Dense", "Select"):
        inputs, outputs, *_ = layer.values
        if inputs < 1 or outputs < 1:
            raise StorageError(f"its {layer.kind} must have widths of at least 1, got {inputs} and {outputs}")
        if layer.kind == "Dense" and inputs * outputs > LARGEST_LAYER:
            raise StorageError(f"its Dense must have at most {LARGEST_LAYER:,} weights, got {inputs} × {outputs}")
    else:
        try:
            KINDS[layer.kind][0](**layer.options)
        except MinpruneError as error:
            raise StorageError(f"its {layer.kind} can't be: {error}") from None
