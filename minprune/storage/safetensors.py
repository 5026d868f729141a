"""The safetensors format: named arrays in a file, and every check that a reader owes itself.

    0 … 7          N, an unsigned little-endian whole number
    8 … 7 + N      the header, JSON:  {"__metadata__": {"key": "text", …},
                                       "name": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]}, …}
    8 + N … end    the arrays' bytes, in C order and little-endian; offsets count from here

Arrays lie one after the other without gap or overlap, those with larger numbers first, and the header ends in as many
spaces as let the first start at a multiple of 8: so each starts where its numbers like to be. The format allows more
than is read here: the header is ASCII, the metadata come first, so that one knows what the file should hold before it
says what it holds, and arrays have at most two axes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, NamedTuple

import numpy as np

from minprune.arguments import Array
from minprune.errors import StorageError
from minprune.storage.notation import Text

DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "I64": np.dtype("<i8"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_CODES = {dtype: code for code, dtype in DTYPES.items()}
_SHOWN = 60  # characters of a text from the file that an error quotes


class Entry(NamedTuple):
    """What the header says of an array: type, shape, and where its bytes begin and end."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def largest_header(size: int) -> int:
    """Return how many bytes the header of a file of `size` bytes may have: 128 KiB and an eighth of the file.

    What is built from a header takes up to eight times its bytes, so reading never takes more than the file itself
    and 1 MiB, whatever is in there.
    """
    return 2**17 + size // 8


def encode(metadata: Mapping[str, str], arrays: Mapping[str, Array]) -> tuple[bytes, list[memoryview]]:
    """Return the first 8 + N bytes of a file, and the bytes of the arrays in the order in which they follow."""
    header: dict[str, object] = {"__metadata__": metadata}
    pieces: list[memoryview] = []
    at = 0
    for name in sorted(arrays, key=lambda name: -arrays[name].itemsize):  # stable: the given order among equals
        dtype, shape, content = _told(arrays[name])
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + content.nbytes]}
        pieces.append(content)
        at += content.nbytes
    text = json.dumps(header, separators=(",", ":"))
    text += " " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text.encode("ascii"), pieces


class Header:
    """The header of a file: ``metadata``, and an iterator over the names and entries that follow.

    Parameters
    ----------
    file : binary file
        At its beginning. The header is read, and nothing else.
    size : int
        The bytes of the file.
    keys : iterable of str
        What the metadata must hold, and nothing else.

    Raises
    ------
    StorageError
        A length that can't be, bytes that are not ASCII, JSON of another form.
    """

    def __init__(self, file: IO[bytes], size: int, keys: Iterable[str]) -> None:
        length = int.from_bytes(file.read(8), "little")
        if length < 2 or length > size - 8:
            raise StorageError(
                f"it is no safetensors file, or cut short: {size:,} bytes, of which {length:,} of header"
            )
        if length > largest_header(size):
            raise StorageError(f"its header of {length:,} bytes is larger than {largest_header(size):,}, the bound")
        self.payload = size - 8 - length
        raw = file.read(length)
        if len(raw) < length or not raw.isascii():
            raise StorageError("its header must be ASCII throughout")
        self._text = Text(raw.decode("ascii"), "header")
        self._names = self._text.object()
        if next(self._names, None) != "__metadata__":
            self._text.refuse("must begin with __metadata__")
        self.metadata: dict[str, str] = {}
        wanted = tuple(keys)
        for key in self._text.object():
            if key not in wanted:
                raise StorageError(f"its metadata hold {key!r:.{_SHOWN}}: it was not written by minprune")
            self.metadata[key] = self._text.string()
        if missing := [key for key in wanted if key not in self.metadata]:
            raise StorageError(f"its metadata lack {missing[0]!r}: it was not written by minprune")

    def __iter__(self) -> Iterator[tuple[str, Entry]]:
        """Yield name and entry, each right in itself: a known type, and as many bytes as its shape takes."""
        for name in self._names:
            yield name, self._entry(name)
        self._text.end()

    def _entry(self, name: str) -> Entry:
        found: dict[str, str | tuple[int, ...]] = {}
        for key in self._text.object():
            if key == "dtype":
                found[key] = self._text.string()
            elif key in ("shape", "data_offsets"):
                found[key] = self._text.wholes(most=2)
            else:
                self._text.refuse(f"must have dtype, shape and data_offsets, got {key!r:.{_SHOWN}}")
        match found:
            case {"dtype": str(dtype), "shape": tuple(shape), "data_offsets": (int(begin), int(end))}:
                pass
            case _:
                self._text.refuse(f"must give dtype, shape and two data_offsets of {name!r:.{_SHOWN}}")
        if dtype not in DTYPES:
            raise StorageError(f"{name!r:.{_SHOWN}} must be {', '.join(DTYPES)}, got {dtype!r:.{_SHOWN}}")
        if end - begin != math.prod(shape) * DTYPES[dtype].itemsize or end > self.payload:
            raise StorageError(
                f"{name!r:.{_SHOWN}} must have the bytes of {dtype} {list(shape)} among {self.payload:,}, "
                f"got {begin} … {end}"
            )
        return Entry(dtype, shape, begin, end)

    def check_extents(self, entries: Mapping[str, Entry]) -> None:
        """Raise unless the arrays cover all bytes behind the header, each once."""
        at = 0
        for name in sorted(entries, key=lambda name: entries[name][2:]):
            if entries[name].begin != at:
                what = "a gap" if entries[name].begin > at else "an overlap"
                raise StorageError(f"{name} must begin where the array before it ends, at {at}: there is {what}")
            at = entries[name].end
        if at != self.payload:
            raise StorageError(f"its arrays end at {at:,}, and there are {self.payload:,} bytes")


def decode(payload: Array, entries: Mapping[str, Entry]) -> dict[str, Array]:
    """Return the arrays: views into `payload`, the bytes behind the header."""
    return {
        name: payload[entry.begin : entry.end].view(DTYPES[entry.dtype]).reshape(entry.shape)
        for name, entry in entries.items()
    }


def checksum(text: str, arrays: Mapping[str, Array]) -> str:
    """Return SHA-256 of a text and of all arrays by name, each after a line such as ``dense1.bias F32 [300]``.

    It is taken of what a file says, not of how it is laid out: another order of the arrays, or other white space in
    the header, leave it as it is.
    """
    digest = hashlib.sha256(text.encode("ascii"))
    for name in sorted(arrays):
        dtype, shape, content = _told(arrays[name])
        digest.update(f"\n{name} {dtype} {shape}\n".encode("ascii"))
        digest.update(content)
    return digest.hexdigest()


def _told(array: Array) -> tuple[str, list[int], memoryview]:
    """Return an array as a file has it: the name of its type, its shape, and its bytes, copied only if need be."""
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return _CODES[array.dtype], list(array.shape), array.ravel().view(np.uint8).data
