"""What runs ask of workers and pools, without any: signals, the end of a pool, and what can be sent to it."""

import os
import signal
from concurrent.futures import Future
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from noting import Notes

from minprune import Magnitude
from minprune.errors import InvalidTypeError, StorageError
from minprune.study import runs
from minprune.study.runs import check_sendable, run_all


def twice(*, x):
    return {"twice": 2 * x}


def test_a_worker_ends_without_a_word_on_ctrl_c_and_when_its_parent_has_ended(monkeypatch):
    order = []
    parent = SimpleNamespace(join=lambda: order.append("joined"))

    class Thread:
        def __init__(self, *, target, daemon):
            order.append(("thread", daemon))
            self.start = target

    monkeypatch.setattr(runs, "Thread", Thread)
    monkeypatch.setattr(runs, "parent_process", lambda: parent)
    monkeypatch.setattr("signal.signal", lambda *how: order.append(how))
    monkeypatch.setattr("os._exit", lambda code: order.append(("exit", code)))
    runs._leave_with_parent()
    assert order == [(signal.SIGINT, signal.SIG_DFL), ("thread", True), "joined", ("exit", 1)]


class Pool(runs.Executor):
    """Has begun the first run, and is interrupted when it gets the third."""

    def __init__(self):
        self.futures, self.ended = [], []

    def submit(self, work, /, **more):
        future = Future()
        if len(self.futures) == 2:
            raise KeyboardInterrupt
        if not self.futures:
            future.set_result(work(**more))
        self.futures.append(future)
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.ended.append((wait, cancel_futures, [future.cancelled() for future in self.futures]))


TASKS = [{"x": x} for x in range(4)]


def test_an_own_pool_is_waited_for_and_its_futures_are_cancelled_before_single_ones_are(tmp_path, monkeypatch):
    pool = Pool()
    monkeypatch.setattr(runs, "ProcessPoolExecutor", lambda *given, **more: pool)
    with pytest.raises(KeyboardInterrupt):
        run_all(twice, TASKS, folder=tmp_path, workers=2)
    assert pool.ended == [(True, True, [False, False]), (True, True, [False, True])]
    assert len(list(tmp_path.glob("*.json"))) == 1


def test_blas_has_one_thread_in_processes_and_afterwards_as_many_as_before_also_after_a_failure(monkeypatch):
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    seen = []

    def environment():
        return [os.environ.get(name) for name in names]

    def made(count, *, mp_context, initializer):
        seen.append(environment())
        return Pool()

    monkeypatch.setattr(runs, "ProcessPoolExecutor", made)
    for name, value in zip(names, ("3", "4", None, None), strict=True):
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    with pytest.raises(KeyboardInterrupt):
        run_all(twice, TASKS, workers=2)
    assert seen == [["1"] * 4]
    assert environment() == ["3", "4", None, None]


def test_an_executor_of_someone_else_is_left_open_when_a_run_fails(tmp_path):
    pool = Pool()
    with pytest.raises(KeyboardInterrupt):
        run_all(twice, TASKS, folder=tmp_path, executor=pool)
    assert pool.ended == []
    assert [future.cancelled() for future in pool.futures] == [False, True]
    assert len(list(tmp_path.glob("*.json"))) == 1


@pytest.mark.parametrize("value", [3, None, 0.5, "text", np.arange(3), (np.ones(2), [1]), {"a": 1}, Magnitude(), int])
def test_plain_values_can_be_sent(value):
    check_sendable(value, "data", "sweep")


def test_functions_of_a_script_can_be_sent_and_those_of_a_prompt_can_not(monkeypatch):
    import __main__

    monkeypatch.setattr(twice, "__module__", "__main__")
    monkeypatch.setattr(__main__, "twice", twice, raising=False)
    monkeypatch.setattr(__main__, "__file__", "script.py", raising=False)
    check_sendable(twice, "work", "run_all")
    check_sendable(partial(twice, x=1), "work", "run_all")
    monkeypatch.delattr(__main__, "__file__")
    for known in (Magnitude(), Magnitude, partial(int, base=8), None):
        check_sendable(known, "criteria", "sweep")
    hint = "move it to the top level of a module, or run in this process with workers=0"
    for work, name in ((twice, "twice"), (partial(twice, x=1), "partial")):
        with pytest.raises(InvalidTypeError) as caught:
            check_sendable(work, "train", "sweep")
        assert str(caught.value) == (
            f"train must be something other processes can find, got {name} in sweep(): {hint} "
            "(it is known to this session only)"
        )
    monkeypatch.delattr(__main__, "twice")
    with pytest.raises(InvalidTypeError) as caught:  # the reason that pickle gives comes first
        check_sendable(twice, "train", "sweep")
    assert "session" not in str(caught.value)


@pytest.mark.parametrize("bad", [1, "yes", 0.0])
def test_progress_is_true_false_or_none(bad):
    with pytest.raises(InvalidTypeError) as caught:
        run_all(twice, TASKS, workers=0, progress=bad)
    assert str(caught.value) == f"progress must be True, False or None, got {bad!r} in run_all()"


def test_what_is_there_is_neither_run_nor_sent(tmp_path, monkeypatch):
    wanted = run_all(twice, TASKS, folder=tmp_path, workers=0)
    monkeypatch.setattr(runs, "ProcessPoolExecutor", Notes())
    assert run_all(lambda *, x: None, TASKS, folder=tmp_path, workers=2) == wanted
    assert runs.ProcessPoolExecutor == []


class Pickled:
    def __reduce__(self):
        return pytest.fail, ("what lies in a folder was run",)


def test_an_array_of_objects_is_not_unpickled(tmp_path):
    run_all(lambda *, x: {"a": np.arange(x)}, [{"x": 2}], folder=tmp_path, workers=0)
    [packed] = tmp_path.glob("*.npz")
    np.savez(packed, a=np.array([Pickled()], object))
    with pytest.raises(StorageError, match="is no result of a run: Object arrays cannot be loaded"):
        run_all(twice, [{"x": 2}], folder=tmp_path, workers=0)


def test_of_a_record_without_arrays_nothing_else_is_read(tmp_path):
    wanted = run_all(twice, TASKS, folder=tmp_path, workers=0)
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"] * len(TASKS)
    assert run_all(twice, TASKS, folder=tmp_path, workers=0) == wanted == [{"x": x, "twice": 2 * x} for x in range(4)]
