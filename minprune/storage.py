"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from minprune.errors import StorageError


def write_whole(path: Path | str, data: bytes | str) -> Path:
    """Write a file so that nobody ever sees half of it: beside its place first, then moved there in one go.

    Parameters
    ----------
    path : path
        Its folder is made if it isn't there. A file that is there is replaced; if anything fails, or Ctrl-C comes, it
        stays as it was.
    data : bytes or str
        Text is written as UTF-8.

    Returns
    -------
    Path

    Raises
    ------
    StorageError
        The file system refuses.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder, "new", "note.txt"), "kept").read_text()
    'kept'
    """
    path = Path(path)
    content = data.encode("utf-8") if isinstance(data, str) else data
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(content)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror or error}") from error
    return path
