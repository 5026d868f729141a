"""The laws of files: the functions `save` and `load` of a `Framework`."""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from minprune.errors import MinpruneError
from minprune.nn.network import Network
from minprune.testing import strategies
from minprune.testing.cases import Case
from minprune.testing.framework import Framework
from minprune.testing.running import LawBroken, Property, demand


@contextmanager
def _file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "network.safetensors")


def kept(network: Network) -> dict[str, object]:
    """Return all that a file has to hold, as bytes: layers, values, masks, dtype."""
    parts = {
        name: (p.value.tobytes(), p.mask.tobytes(), p.dtype.str, p.shape) for name, p in network.parameters.items()
    }
    return {"layers": [repr(layer) for layer in network.layers], **parts}


def save_load_equal(framework: Framework, case: Case) -> None:
    with _file() as path:
        framework.save(case.network, path)
        before, after = kept(case.network), kept(framework.load(path))
    different = [name for name in before if before[name] != after.get(name)]
    demand(not different, "the same network, bit for bit", f"another {', '.join(different)}")


def save_stable(framework: Framework, case: Case) -> None:
    with _file() as path:
        framework.save(case.network, path)
        first = path.read_bytes()
        framework.save(framework.load(path), path)
        second = path.read_bytes()
    at = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    demand(
        first == second, f"the same {len(first)} bytes for the loaded network", f"{len(second)}, others from {at} on"
    )


def refuse_all_damage(framework: Framework, case: Case) -> None:
    with _file() as path:
        framework.save(case.network, path)
        whole = path.read_bytes()
        damaged = _damaged(whole, case.damage, case.place)
        path.write_bytes(damaged)
        try:
            framework.load(path)
        except MinpruneError:
            return
        except Exception as error:
            raise LawBroken(f"a MinpruneError for a file {case.damage}", f"{type(error).__name__}: {error}") from error
    raise LawBroken(f"a refusal of a file {case.damage}, at {case.place:g} of its length", "a network")


def _damaged(whole: bytes, damage: str, place: float) -> bytes:
    at = int(place * (len(whole) - 1))
    if damage == "cut short":
        return whole[:at]
    if damage == "with a flipped bit":
        return whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]
    return whole + b"\0" if damage == "that goes on" else (2**63 - 1).to_bytes(8, "little") + whole[8:]


def save_atomic(framework: Framework, case: Case) -> None:
    with _file() as path:
        framework.save(case.network, path)
        whole = path.read_bytes()
        with _failing(case.fault):
            try:
                framework.save(case.other, path)
            except (OSError, MinpruneError):
                found = path.read_bytes() if path.exists() else b""
                demand(found == whole, f"the old file whole when {case.fault} fails", f"{len(found)} of its bytes")
                left = [name for name in os.listdir(path.parent) if name != path.name]
                demand(not left, "nothing left beside it", left)
            else:
                loaded = kept(framework.load(path)) == kept(case.other)  # it needs no such call, and went well
                demand(loaded, "the new network in the file, if saving did not fail", "another")


@contextmanager
def _failing(what: str) -> Iterator[None]:
    """Let the disk be full from one moment on: when bytes are written, synced, or the file gets its name."""
    with ExitStack() as stack:
        if what == "write":
            for home in ("builtins.open", "io.open"):
                stack.enter_context(mock.patch(home, side_effect=_half_written))
        else:
            stack.enter_context(mock.patch(f"os.{what}", side_effect=_full))
        yield


_open = open


def _half_written(*args: Any, **options: Any) -> Any:
    file = _open(*args, **options)
    return _FullDisk(file) if file.writable() else file


class _FullDisk:
    """A file that takes half of what is written first, and no more."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def write(self, data: bytes) -> NoReturn:
        self.file.write(bytes(data)[: len(data) // 2])
        _full()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *why: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def _full(*args: Any, **kwargs: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _networks() -> st.SearchStrategy[Network]:
    return strategies.networks(layers=(1, 2), width=3)


@st.composite
def _damages(draw: DrawFn) -> Case:
    damage = draw(st.sampled_from(["cut short", "with a flipped bit", "that goes on", "with a forged length"]))
    return Case(network=draw(_networks()), damage=damage, place=draw(st.integers(0, 100)) / 100)


PROPERTIES = {
    "save_load_equal": Property(save_load_equal, lambda _: _networks().map(lambda n: Case(network=n))),
    "save_stable": Property(save_stable, lambda _: _networks().map(lambda n: Case(network=n))),
    "refuse_all_damage": Property(refuse_all_damage, lambda _: _damages()),
    "save_atomic": Property(
        save_atomic,
        lambda _: st.builds(
            Case, network=_networks(), other=_networks(), fault=st.sampled_from(["write", "replace", "fsync"])
        ),
    ),
}
