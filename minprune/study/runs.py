"""Many runs, side by side, each done once: what a sweep over seeds stands on.

A run is a plain function of a *task*, a dict of plain values, and returns a dict of plain values and arrays. Each
result is written to a folder the moment it is there, in a file of its own that is named by its task. So a stopped
program goes on where it was: what is in the folder is read, and what is not is run.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from minprune.arguments import flag_or_none, whole
from minprune.display import Progress
from minprune.errors import InvalidTypeError, InvalidValueError, StorageError
from minprune.storage import write_whole

Task = Mapping[str, Any]
Work = Callable[..., Mapping[str, Any]]
Keep = Callable[[str, Task, Mapping[str, Any]], None]
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def run_all(
    work: Work,
    tasks: Sequence[Task],
    *,
    folder: Path | str | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    shared: Mapping[str, Any] | Callable[[Task], Mapping[str, Any]] | None = None,
    label: str = "runs",
    progress: bool | None = None,
) -> list[dict[str, Any]]:
    """Call ``work(**task)`` for each task and return ``task | result``, in the order of the tasks.

    Parameters
    ----------
    work : function
        Of a module, so that other processes can find it. It returns a dict of arrays and of values that JSON has.
    tasks : sequence of dicts
        Values that JSON has; all different.
    folder : path, optional
        Where finished results are kept, and read from instead of running again: JSON, with arrays in an npz beside.
    executor : concurrent.futures.Executor, optional
        Who does the work: Dask's ``client.get_executor()`` or MPI's, for instance. It is left open.
    workers : int, optional
        Without an `executor`: how many processes, each with one BLAS thread; 0 runs in this process. As many as there
        are processors, by default. A script that uses processes has its code under ``if __name__ == "__main__":``.
    shared : dict, or function of a task that returns one, optional
        More arguments of `work`, of any kind that can be pickled; no part of a task's name.
    label : str
        What the progress bar says.
    progress : bool, optional
        Show a progress bar; by default on a terminal only.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        Tasks that are not dicts of plain values, or two that are the same; a `work` that processes can't be given, or
        that returns something else.
    StorageError
        The folder can't be written, or holds a file that is no result.
    Exception
        Whatever a run raised, with a note that says which. Runs that have begun are finished and kept; no other is.

    Examples
    --------
    >>> def square(*, x):
    ...     return {"y": x * x}
    >>> run_all(square, [{"x": 2}, {"x": 3}], workers=0)
    [{'x': 2, 'y': 4}, {'x': 3, 'y': 9}]
    """
    names = _names(tasks)
    count = check_workers(executor, workers, "run_all")
    flag_or_none(progress, "progress", "run_all")
    place = None if folder is None else Path(folder)
    results: dict[str, dict[str, Any]] = {}
    if place is not None:
        results = {name: found for name in names if (found := _read(place, name)) is not None}
    missing = [(name, dict(task)) for name, task in zip(names, tasks, strict=True) if name not in results]

    def extra(task: Task) -> Mapping[str, Any]:
        return shared(task) if callable(shared) else shared or {}

    with Progress(len(names), label, shown=progress) as bar:
        bar.step(by=len(results))

        def keep(name: str, task: Task, result: Mapping[str, Any]) -> None:
            results[name] = _kept(place, name, task, result)
            bar.step()

        if executor is None and count == 0:
            for name, task in missing:
                with _named(task):
                    keep(name, task, work(**task, **extra(task)))
        elif executor is not None:
            _side_by_side(executor, work, missing, extra, keep)
        elif missing:
            check_sendable(work, "work", "run_all")
            with _processes(min(count, len(missing))) as pool:
                _side_by_side(pool, work, missing, extra, keep, own=True)
    return [results[name] for name in names]


def check_workers(executor: object, workers: object, where: str) -> int:
    """Return how many processes shall be started: those asked for, or one for each processor."""
    if executor is not None and not isinstance(executor, Executor):
        raise InvalidTypeError(
            f"executor must be a concurrent.futures.Executor, got {type(executor).__name__} in {where}()"
        )
    if workers is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if executor is not None:
        raise InvalidValueError(f"workers must be left out with an executor, got {workers!r} in {where}()")
    return whole(workers, "workers", where, at_least=0)


def check_sendable(value: object, name: str, where: str) -> None:
    """Refuse what another process can't be given: it finds functions and classes by their module, and only there."""
    what = getattr(value, "__qualname__", None) or type(value).__name__
    hint = "move it to the top level of a module, or run in this process with workers=0"
    try:
        pickle.dumps(value)
        reason = ""
    except Exception as error:  # pickle raises what it likes
        reason = str(error)
    home = getattr(getattr(value, "func", value), "__module__", None)  # the func is that of a partial
    if home == "__main__" and not hasattr(sys.modules["__main__"], "__file__"):
        reason = reason or "it is known to this session only"
    if reason:
        raise InvalidTypeError(
            f"{name} must be something other processes can find, got {what} in {where}(): {hint} ({reason})"
        )


def _side_by_side(
    pool: Executor,
    work: Work,
    missing: Sequence[tuple[str, Task]],
    extra: Callable[[Task], Any],
    keep: Keep,
    *,
    own: bool = False,
) -> None:
    """Hand all the work out, and keep each result when it comes."""
    out: dict[Future[Any], tuple[str, Task]] = {}
    try:
        for name, task in missing:
            out[pool.submit(work, **task, **extra(task))] = name, task
        for future in as_completed(list(out)):
            with _named(out[future][1]):
                keep(*out[future], future.result())
            del out[future]
    except BaseException:  # also Ctrl-C: what has not begun never will, and what has is kept if it comes to an end
        if own:  # all at once, since Python 3.11 stumbles over single ones when Ctrl-C ends the processes as well
            pool.shutdown(wait=True, cancel_futures=True)
        for future in [future for future in out if not future.cancel()]:
            if future.exception() is None:
                keep(*out[future], future.result())
        raise


@contextmanager
def _named(task: Task) -> Iterator[None]:
    """Note on an error in which run it came."""
    try:
        yield
    except Exception as error:
        error.add_note("in the run " + ", ".join(f"{name}={value!r}" for name, value in task.items()))
        if isinstance(error, BrokenExecutor):
            error.add_note(
                "a process ended at once: for lack of memory, or since a script must have its code under "
                'if __name__ == "__main__":'
            )
        raise


def _names(tasks: Sequence[Task]) -> list[str]:
    names = []
    for task in tasks:
        if not isinstance(task, Mapping):
            raise InvalidTypeError(f"tasks must be dicts, got {type(task).__name__} in run_all()")
        try:
            text = json.dumps(dict(task), sort_keys=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidTypeError(
                f"tasks must hold values that JSON has, got {task!r} in run_all(): {error}"
            ) from None
        names.append(hashlib.sha256(text.encode()).hexdigest()[:16])
    if len(set(names)) < len(names):
        twice = next(task for name, task in zip(names, tasks, strict=True) if names.count(name) > 1)
        raise InvalidValueError(f"tasks must be different, got {twice!r} twice in run_all()")
    return names


def _kept(folder: Path | None, name: str, task: Task, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a run, in a folder or not the same; once its JSON is there the run counts as done."""
    if not isinstance(result, Mapping):
        raise InvalidTypeError(f"work must return a dict, got {type(result).__name__} in run_all()")
    record = dict(task) | dict(result)
    arrays = {key: value for key, value in record.items() if isinstance(value, np.ndarray)}
    plain = {key: value for key, value in record.items() if key not in arrays}
    try:
        text = json.dumps(plain | ({"arrays": list(arrays)} if arrays else {}), indent=1)
    except TypeError as error:
        raise InvalidTypeError(f"work must return arrays and values that JSON has, in run_all(): {error}") from None
    if folder is not None:
        if arrays:
            packed = io.BytesIO()
            np.savez(packed, **arrays)  # type: ignore[arg-type]  # their names are no parameters of savez
            write_whole(folder / f"{name}.npz", packed.getvalue())
        write_whole(folder / f"{name}.json", text + "\n")
    read: dict[str, Any] = json.loads(text)
    return {key: value for key, value in read.items() if key != "arrays"} | arrays


def _read(folder: Path, name: str) -> dict[str, Any] | None:
    path = folder / f"{name}.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict):
            raise ValueError(f"it holds a {type(record).__name__}")
        keys = record.pop("arrays", [])
        if keys:
            path = folder / f"{name}.npz"
            content = io.BytesIO(path.read_bytes())  # NumPy leaves a damaged file open
            with np.load(content, allow_pickle=False) as arrays:
                record |= {key: arrays[key] for key in keys}
    except FileNotFoundError as error:
        if path.suffix == ".json":
            return None
        raise StorageError(f"{path} is missing, beside its json; remove that to run again") from error
    except Exception as error:  # a damaged npz raises what it likes
        raise StorageError(f"{path} is no result of a run: {error}; remove it to run again") from error
    return record


@contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Give processes that each use one BLAS thread, and wait for their end."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # read once, by the NumPy of a new process
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_leave_with_parent)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _leave_with_parent() -> None:
    """See to it that this process ends, without a word, on Ctrl-C and when the one that started it has ended."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = parent_process()
    assert parent is not None  # this is not it

    def leave() -> None:
        parent.join()
        os._exit(1)

    Thread(target=leave, daemon=True).start()
