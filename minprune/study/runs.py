"""Many runs, side by side, each done once: what a sweep over seeds stands on.

A run is a plain function of a *task*, a dict of plain values, and returns a dict of plain values. Each result is
written to a folder the moment it is there, in a file of its own that is named by its task. So a stopped program goes
on where it was: what is in the folder is read, and what is not is run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from minprune.arguments import whole
from minprune.display import Progress
from minprune.errors import InvalidTypeError, InvalidValueError, StorageError
from minprune.storage import write_whole

Task = Mapping[str, Any]
Work = Callable[..., Mapping[str, Any]]
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def run_all(
    work: Work,
    tasks: Sequence[Task],
    *,
    folder: Path | str | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    shared: Mapping[str, Any] | None = None,
    label: str = "runs",
    progress: bool | None = None,
) -> list[dict[str, Any]]:
    """Call ``work(**task)`` for each task and return ``task | result``, in the order of the tasks.

    Parameters
    ----------
    work : function
        Of a module, so that other processes can find it. It returns a dict of values that JSON has.
    tasks : sequence of dicts
        Values that JSON has; all different.
    folder : path, optional
        Where finished results are kept, and read from instead of running again.
    executor : concurrent.futures.Executor, optional
        Who does the work: Dask's ``client.get_executor()`` or MPI's, for instance. It is left open.
    workers : int, optional
        Without an `executor`: how many processes, each with one BLAS thread; 0 runs in this process. As many as there
        are processors, by default.
    shared : dict, optional
        More arguments of `work`, the same for all tasks, of any kind that can be pickled; no part of a task's name.
    label : str
        What the progress bar says.
    progress : bool, optional
        Show a progress bar; by default on a terminal only.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        Tasks that are not dicts of plain values, or two that are the same.
    StorageError
        The folder can't be written, or holds a file that is no result.

    Examples
    --------
    >>> def square(*, x):
    ...     return {"y": x * x}
    >>> run_all(square, [{"x": 2}, {"x": 3}], workers=0)
    [{'x': 2, 'y': 4}, {'x': 3, 'y': 9}]
    """
    names = _names(tasks)
    results: dict[str, dict[str, Any]] = {}
    if folder is not None:
        results = {name: found for name in names if (found := _read(Path(folder), name)) is not None}
    missing = [(name, dict(task)) for name, task in zip(names, tasks, strict=True) if name not in results]
    count = None if workers is None else whole(workers, "workers", "run_all", at_least=0)

    def keep(name: str, task: Task, result: Mapping[str, Any]) -> None:
        record = dict(task) | dict(result)
        if folder is not None:
            write_whole(Path(folder) / f"{name}.json", json.dumps(record, indent=1) + "\n")
        results[name] = record

    with Progress(len(names), label, shown=progress) as bar:
        if results:
            bar.step(by=len(results))
        if executor is None and count == 0:
            for name, task in missing:
                keep(name, task, work(**task, **(shared or {})))
                bar.step()
        elif missing:
            pool = nullcontext(executor) if executor is not None else _processes(min(count or _cores(), len(missing)))
            with pool as does:
                futures: dict[Future[Any], tuple[str, Task]] = {
                    does.submit(work, **task, **(shared or {})): (name, task) for name, task in missing
                }
                try:
                    for future in as_completed(futures):
                        keep(*futures[future], future.result())
                        bar.step()
                except BaseException:  # also Ctrl-C: what has not begun never will, and what is done is kept
                    for future in futures:
                        future.cancel()
                    raise
    return [results[name] for name in names]


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


def _read(folder: Path, name: str) -> dict[str, Any] | None:
    path = folder / f"{name}.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} is no result of a run: {error}; remove it to run again") from error
    if not isinstance(record, dict):
        raise StorageError(f"{path} is no result of a run; remove it to run again")
    return record


@contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Give processes that each use one BLAS thread; what was begun when it fails is waited for, what was not is not."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # read once, by the NumPy of a new process
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
