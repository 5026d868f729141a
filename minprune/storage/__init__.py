"""Keeping networks: `save` and `load`, in the safetensors format, with nothing in the file that could run.

A file holds numbers, a description and a checksum. Someone who wants to read it elsewhere needs what follows, and for
the arrays of a file that is not packed no more than any safetensors library.

========  ==================================================================================================
bytes     what
========  ==================================================================================================
8         N, an unsigned little-endian whole number
N         the header, JSON in ASCII: ``{"__metadata__": {"minprune": …, "sha256": …}, "dense1.weight": …}``
the rest  the arrays one after the other, little-endian, in C order
========  ==================================================================================================

===================================  ==========  ==============  ============================================
entry of the header                  dtype       shape           what
===================================  ==========  ==============  ============================================
`dense1.weight`, `dense1.bias`, …    F32 or F64  of parameter    all values; +0.0 where dropped
`dense1.weight.mask`, …              BOOL        of parameter    beside it if something is dropped
`dense1.weight.kept`, …              F32 or F64  kept values     packed, in place of the two: the kept values,
`dense1.weight.bits`, …              U8          ⌈entries / 8⌉   and the mask, lowest bit first, 1 = kept
`select1.columns`                    I64         columns         of a compacted network: the inputs it reads
`__metadata__` · `minprune`          text                        the architecture, JSON; see `architecture`
`__metadata__` · `sha256`            text                        64 digits: of all that, see `checksum`
===================================  ==========  ==============  ============================================

What is kept is what the network computes: layers, weights, masks, dtype. Gradients and optimizer state are not. The
same network makes the same bytes, so files can be compared by their checksum.

A file is read in one order, and nothing is built before the last check: is it a plain file → size → header bound →
metadata → architecture → names, types, shapes → extents → bytes → checksum → masks, finiteness. Whatever is wrong, it
is a `StorageError` that says what; and whatever the file says, up to there reading takes at most twice the file and
1 MiB. The network itself, at least one bit of the file for each weight, comes on top.

Read `files` → `notation` (JSON, with care) → `safetensors` → `architecture` → `packing`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from minprune.errors import InvalidTypeError, InvalidValueError, StorageError
from minprune.nn.network import Network
from minprune.storage import packing, safetensors
from minprune.storage.architecture import Architecture
from minprune.storage.files import path_of, reading, write_whole

__all__ = ["load", "save", "write_whole"]


def save(network: Network, path: str | os.PathLike[str], *, packed: bool = True, overwrite: bool = False) -> Path:
    """Write a network to a file: whole, or not at all.

    Parameters
    ----------
    network : Network
        Of the layers that come with minprune, every kept value finite. It is not touched.
    path : str or path
        Usually ends in ``.safetensors``. Its folder is made if it isn't there.
    packed : bool
        Leave the dropped weights out and write masks as bits: at 95 % sparsity a twelfth of the dense file. False
        writes every parameter as a plain array, with zeros, as PyTorch and JAX read it.
    overwrite : bool
        Whether a file that is there is replaced. If saving fails, at whatever point, it stays as it was.

    Returns
    -------
    Path

    Raises
    ------
    InvalidTypeError, InvalidValueError
        Not a `Network` (of a `Program`, save the network that it was compiled from), a layer of another kind, a value
        that is NaN or infinite, more layers than a header may have.
    StorageError
        A file is there already, or the file system refuses.

    Examples
    --------
    >>> import tempfile
    >>> net = Network.mlp([4, 8, 2], rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(net, Path(folder, "net.safetensors"))
    ...     same = load(path)
    >>> bool((same.parameters["dense1.weight"].value == net.parameters["dense1.weight"].value).all())
    True
    """
    _check_network(network)
    place = path_of(path, "save")
    for name, value in (("packed", packed), ("overwrite", overwrite)):
        if not isinstance(value, bool):
            raise InvalidTypeError(f"{name} must be True or False, got {value!r} in save()")
    arrays = packing.pack(network, packed)
    text = Architecture.of(network).to_json()
    metadata = {"minprune": text, "sha256": safetensors.checksum(text, arrays)}
    header, pieces = safetensors.encode(metadata, arrays)
    bound = safetensors.largest_header(len(header) + sum(piece.nbytes for piece in pieces))
    if len(header) > bound:
        raise InvalidValueError(
            f"network must fit a header of {bound:,} bytes, got {len(network.layers):,} layers with {len(header):,} "
            "in save()"
        )
    return write_whole(place, [header, *pieces], overwrite=overwrite)


def load(path: str | os.PathLike[str]) -> Network:
    """Read a network that `save` wrote, after checking all of the file.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Network
        Equal to the saved one bit for bit: layers, weights, masks, dtype. Its gradients are 0.

    Raises
    ------
    StorageError
        There is no such file, it can't be read, or anything in it is not as it must be.

    Examples
    --------
    >>> load("missing.safetensors")
    Traceback (most recent call last):
        ...
    minprune.errors.StorageError: missing.safetensors can't be loaded: No such file or directory
    """
    place = path_of(path, "load")
    try:
        with reading(place) as (file, size):
            header = safetensors.Header(file, size, ("minprune", "sha256"))
            architecture = Architecture.from_json(header.metadata["minprune"])
            entries = {}
            for name, entry in header:
                packing.check_entry(name, entry, architecture)
                entries[name] = entry
            header.check_extents(entries)
            payload = np.empty(header.payload, np.uint8)
            if file.readinto(payload.data) != payload.size or file.read(1):  # type: ignore[attr-defined]
                raise StorageError("it changed while it was read")
        arrays = safetensors.decode(payload, entries)
        if safetensors.checksum(header.metadata["minprune"], arrays) != header.metadata["sha256"]:
            raise StorageError("its checksum is another: the file is damaged")
        packing.check_arrays(arrays, architecture)
        network = architecture.build(arrays.get(packing.COLUMNS))
        packing.unpack(network, arrays)
    except MemoryError:
        raise StorageError(f"{path} can't be loaded: there is not enough memory") from None
    except OSError as error:  # a StorageError too
        raise StorageError(f"{path} can't be loaded: {error.strerror or error}") from None
    return network


def _check_network(network: object) -> None:
    if type(network) is Network:
        return
    kind = type(network).__name__
    hint = ": save the network that it was compiled from, and compile it after loading" if kind == "Program" else ""
    raise InvalidTypeError(f"network must be a Network, got {kind} in save(){hint}")
