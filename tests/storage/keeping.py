"""Networks to keep, what it means that two are the same, and a writer of files that takes nothing from minprune.

The writer follows the description in `minprune.storage` and `minprune.storage.safetensors`, so a test that forges a
file with it also shows that the description is enough.
"""

import hashlib
import json
import os
import re
import struct
import tracemalloc
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis.extra import numpy as hnp

import minprune as mp
from minprune.errors import StorageError
from minprune.storage import load

NAMES = {"float64": "F64", "float32": "F32", "int64": "I64", "uint8": "U8", "bool": "BOOL"}
DENSE = {"kind": "Dense", "inputs": 2, "outputs": 3, "bias": True}


def masked(network, sparsity=0.5, *, biases=False, seed=0):
    """A copy with random masks."""
    rng = np.random.default_rng(seed)
    twin = network.copy()
    for parameter in twin.parameters.values():
        if parameter.prunable or biases:
            parameter.mask = rng.random(parameter.shape) >= sparsity
    return twin


TINY = masked(mp.Network([mp.Select(np.array([0, 2]), 3), mp.Dense(2, 3, rng=0), mp.Dropout(0.25)]))


def every_kind(dtype="float32", seed=0):
    """A network of all kinds of layers that there are, with masks on weights and biases."""
    rng = np.random.default_rng(seed)
    dense = [
        mp.Dense(i, o, rng=rng, dtype=dtype, bias=bias) for i, o, bias in [(3, 4, True), (4, 4, False), (4, 2, True)]
    ]
    for layer in dense[::2]:
        layer.bias.value[...] = rng.normal(size=layer.outputs)
    layers = [
        mp.Select(np.array([0, 2, 3]), 5),
        dense[0], mp.ReLU(), mp.Dropout(0.1), mp.LeakyReLU(1e-3),
        dense[1], mp.Tanh(), mp.Sigmoid(), mp.ReLU(),
        dense[2], mp.GELU(),
    ]  # fmt: skip
    return masked(mp.Network(layers), biases=True, seed=seed)


def digest(network):
    """All there is to a network that a file keeps, as plain values: equal exactly if the networks are, bit for bit."""
    layers = [(type(layer), repr(layer), repr(sorted(layer.config().items()))) for layer in network.layers]
    parameters = [
        (name, p.dtype.str, p.shape, p.prunable, p.value.tobytes(), p.mask.tobytes())
        for name, p in network.parameters.items()
    ]
    return layers, network.names, parameters


def architecture(*layers, dtype="float32", version=1):
    return json.dumps({"version": version, "dtype": dtype, "layers": list(layers)})


def small():
    """The arrays of a file with one layer of six weights, half of them dropped."""
    return {
        "dense1.weight.kept": np.array([1.0, -0.0, 2.5], "<f4"),
        "dense1.weight.bits": np.array([0b010101], "u1"),
        "dense1.bias": np.array([0.5, 0.0, -1.0], "<f4"),
    }


def checksum(text, arrays):
    content = text.encode()
    for name, array in sorted(arrays.items()):
        content += f"\n{name} {NAMES[array.dtype.name]} {list(array.shape)}\n".encode() + array.tobytes()
    return hashlib.sha256(content).hexdigest()


def header_of(text, arrays, metadata=None):
    """The header as a dict, and the payload."""
    header = {"__metadata__": {"minprune": text, "sha256": checksum(text, arrays)} if metadata is None else metadata}
    payload = b""
    for name, array in arrays.items():
        begin = len(payload)
        payload += array.tobytes()
        header[name] = {
            "dtype": NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [begin, len(payload)],
        }
    return header, payload


def file_of(header, payload):
    """The file, from a header as a dict or as text, and a payload."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text)) + text + payload


def forged(text, arrays):
    """A file whose checksum is right, whatever else is wrong."""
    return file_of(*header_of(text, arrays))


def refused(path, text=""):
    """Loading is refused with `text`, and takes no more memory than it may."""
    size = os.path.getsize(path)
    tracemalloc.start()
    try:
        with pytest.raises(StorageError, match=re.escape(f"{path} can't be loaded: ") + f".*{text}") as caught:
            load(path)
        assert tracemalloc.get_traced_memory()[1] <= 2 * size + 2**20
    finally:
        tracemalloc.stop()
    str(caught.value).encode()  # it can be shown: no half characters of the file in it
    assert len(str(caught.value)) < 500 + len(str(path))


@st.composite
def networks(draw):
    """Small networks of all kinds of layers, any finite values, any masks."""
    dtype = draw(st.sampled_from(["float32", "float64"]))
    numbers = st.floats(width=int(dtype[-2:]), allow_nan=False, allow_infinity=False)
    widths = draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    between = st.one_of(
        st.sampled_from([mp.ReLU, mp.Tanh, mp.Sigmoid, mp.GELU]).map(lambda kind: kind()),
        st.floats(0, 1, exclude_max=True).map(mp.Dropout),
        st.floats(0, 1, exclude_max=True).map(mp.LeakyReLU),
    )
    layers = []
    if draw(st.booleans()):
        columns = draw(st.sets(st.integers(0, 300), min_size=widths[0], max_size=widths[0]))
        layers.append(mp.Select(np.array(sorted(columns)), 301))
    for inputs, outputs in pairwise(widths):
        layers += draw(st.lists(between, max_size=2))
        weight = draw(hnp.arrays(dtype, (inputs, outputs), elements=numbers))
        bias = draw(st.none() | hnp.arrays(dtype, outputs, elements=numbers))
        layers.append(mp.Dense.from_arrays(weight, bias))
    network = mp.Network(layers)
    for parameter in network.parameters.values():
        if draw(st.booleans()):
            parameter.mask = draw(hnp.arrays(np.bool_, parameter.shape))
    return network
