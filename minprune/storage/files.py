"""Files that are there whole or not at all, and are read as what they are.

Writing goes by a file beside the place that is meant:

    write `.‹random›.part`  →  fsync: it is on the disk  →  give it its name, in one step  →  fsync the folder

Whoever looks, at whatever moment, and whatever fails, sees the old file or the new one. A name that must not be taken
is given by a hard link: unlike a rename it fails if the name is there, so of two writers only one can get it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from minprune.errors import InvalidTypeError, InvalidValueError, StorageError


def path_of(value: object, where: str, name: str = "path") -> Path:
    """Return `value` as a path: a str or a path object, not empty, and such that a file system can hold it."""
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
        got = f"{type(value).__name__} {value!r:.40}"
        raise InvalidTypeError(f"{name} must be a str or a Path, got {got} in {where}()")
    text = os.fspath(value)
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        encoded = b"\0"
    if not text or b"\0" in encoded:
        raise InvalidValueError(f"{name} must be the name of a file, got {text!r} in {where}()")
    return Path(text)


def write_whole(path: Path | str, data: bytes | str | Iterable[bytes | memoryview], *, overwrite: bool = True) -> Path:
    """Write a file so that nobody ever sees half of it: beside its place first, then moved there in one go.

    Parameters
    ----------
    path : path
        Its folder is made if it isn't there. Through a symbolic link the file behind it is written.
    data : bytes, str, or iterable of bytes and memoryviews
        Text is written as UTF-8; pieces are written one after the other.
    overwrite : bool
        Whether a file that is there is replaced, with the permissions that it has. If anything fails, or Ctrl-C
        comes, it stays as it was.

    Returns
    -------
    Path

    Raises
    ------
    StorageError
        The file system refuses, a file is there that must not be replaced, or what is there is no plain file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder, "new", "note.txt"), "kept").read_text()
    'kept'
    """
    if isinstance(data, str):
        data = data.encode("utf-8")
    place = Path(os.path.realpath(path))
    beside = place.with_name(f".{os.urandom(8).hex()}.part")
    try:
        mode = _mode(place)
        if mode is not None and not overwrite:
            raise _taken()
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(beside, "xb") as file:
                for piece in [data] if isinstance(data, bytes) else data:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            if mode is not None:
                beside.chmod(mode)
            _name(beside, place, overwrite)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror or error}") from error
    with contextlib.suppress(OSError):  # the file is there; not every system can say when its name is on the disk
        _sync(place.parent)
    return Path(path)


def _mode(place: Path) -> int | None:
    """Return the permissions of the file that is there, or None if nothing is."""
    try:
        found = os.stat(place).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(found):
        raise StorageError("it is a folder")
    if not stat.S_ISREG(found):
        raise StorageError("it is no plain file")
    return stat.S_IMODE(found)


def _name(beside: Path, place: Path, overwrite: bool) -> None:
    if not overwrite:
        try:
            return os.link(beside, place)
        except FileExistsError:
            raise _taken() from None
        except OSError:  # a file system without hard links: look, then rename
            if place.exists():
                raise _taken() from None
    os.replace(beside, place)


def _taken() -> StorageError:
    return StorageError("it is there already, and overwrite=True is not given")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """Open a plain file and yield it with its size; folders, pipes and devices are refused, and none is waited for."""
    with open(path, "rb", opener=_open_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise StorageError("it is no plain file")
        yield file, found.st_size


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # opening a pipe would wait for its other end
