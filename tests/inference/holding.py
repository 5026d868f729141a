"""What an object of this package really holds, found by walking through it."""

import numpy as np

SCRATCH = {"_gathered", "_sums", "_products", "_batch", "_buffers"}  # what nbytes leaves out, as it says


def _walk(value, arrays, scratch):
    if isinstance(value, np.ndarray):
        while value.base is not None:
            value = value.base
        arrays[id(value)] = value
    elif isinstance(value, dict):
        for part in value.values():
            _walk(part, arrays, scratch)
    elif isinstance(value, list | tuple):
        for part in value:
            _walk(part, arrays, scratch)
    elif type(value).__module__.startswith("minprune."):
        slots = {name: getattr(value, name) for name in getattr(type(value), "__slots__", ())}
        for name, part in (slots | getattr(value, "__dict__", {})).items():
            _walk(part, scratch if name in SCRATCH else arrays, scratch)


def owners(thing):
    """Every array that `thing` holds, through attributes, lists and views: the ones that own memory, each once."""
    arrays = {}
    _walk(thing, arrays, arrays)
    return list(arrays.values())


def bytes_of(thing):
    """The bytes of the arrays that `thing` holds, scratch apart, though views of it are met elsewhere."""
    arrays, scratch = {}, {}
    _walk(thing, arrays, scratch)
    return sum(array.nbytes for at, array in arrays.items() if at not in scratch)
