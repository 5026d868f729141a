"""Runs are done once, kept the moment they are done, and come back as they were."""

import os
import re
import signal
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from minprune.errors import InvalidTypeError, InvalidValueError, StorageError
from minprune.study.runs import check_sendable, run_all

TASKS = [{"x": x} for x in (3, 1, 2)]


def root(*, x, shift=0):
    return {"root": (x + shift) ** 0.5, "half": np.full(2, x / 2, np.float32), "seen": [x, None, "é"]}


def surroundings(*, x):
    quiet = signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    return {"threads": os.environ.get("OPENBLAS_NUM_THREADS"), "ends without a word on Ctrl-C": quiet}


def fails_at(*, x, bad, log):
    log.append(x)
    if x == bad:
        raise ZeroDivisionError("no root")
    return {"root": x**0.5}


def equal(a, b):
    def plain(record):
        return {k: (v.tolist(), str(v.dtype)) if isinstance(v, np.ndarray) else v for k, v in record.items()}

    return [plain(record) for record in a] == [plain(record) for record in b]


def test_results_come_in_the_order_of_the_tasks_from_whoever_did_them():
    expected = [task | root(**task) for task in TASKS]
    assert equal(run_all(root, TASKS, workers=0), expected)
    assert equal(run_all(root, TASKS, workers=2), expected)
    with ThreadPoolExecutor(2) as executor:
        assert equal(run_all(root, TASKS, executor=executor), expected)
        assert executor.submit(abs, -1).result() == 1  # it is left open


def test_arrays_and_numbers_come_back_from_the_folder_bit_for_bit(tmp_path):
    first = run_all(root, TASKS, folder=tmp_path, workers=0)
    assert equal(first, run_all(root, TASKS, workers=0))
    log = []
    again = run_all(partial(fails_at, bad=3, log=log), TASKS, folder=tmp_path, workers=0)
    assert log == []
    assert equal(again, first)
    assert len(list(tmp_path.glob("*.npz"))) == len(list(tmp_path.glob("*.json"))) == 3


def test_a_task_is_known_in_whatever_order_it_is_written(tmp_path):
    run_all(root, [{"x": 1, "shift": 3}], folder=tmp_path, workers=0)
    run_all(root, [{"shift": 3, "x": 1}], folder=tmp_path, workers=0)
    assert len(list(tmp_path.glob("*.json"))) == 1


def test_shared_arguments_are_the_same_for_all_or_made_for_each_task():
    assert [r["root"] for r in run_all(root, TASKS, workers=0, shared={"shift": 1})] == [2, 2**0.5, 3**0.5]
    each = run_all(root, TASKS, workers=0, shared=lambda task: {"shift": -task["x"]})
    assert [r["root"] for r in each] == [0, 0, 0]


def test_processes_use_one_blas_thread_and_this_one_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    [found] = run_all(surroundings, [{"x": 1}], workers=1)
    assert found == {"x": 1, "threads": "1", "ends without a word on Ctrl-C": True}
    assert os.environ["OPENBLAS_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_one_process_after_another_keeps_what_came_before_a_failure(tmp_path):
    log = []
    work = partial(fails_at, bad=1, log=log)
    with pytest.raises(ZeroDivisionError) as caught:
        run_all(work, TASKS, folder=tmp_path, workers=0)
    assert caught.value.__notes__ == ["in the run x=1"]
    assert log == [3, 1]
    assert len(run_all(partial(work, bad=None), TASKS, folder=tmp_path, workers=0)) == 3
    assert log == [3, 1, 1, 2]


class Scripted(Executor):
    """Runs nothing by itself: some are done, one has begun, the others wait."""

    def __init__(self, interrupt=None):
        self.futures, self.interrupt = [], interrupt

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.futures.append(future)
        at = len(self.futures)
        if at == 3 and self.interrupt:
            raise self.interrupt
        if at == 2:  # has begun, and comes to an end when it is asked for
            future.set_running_or_notify_cancel()
            future.exception = lambda timeout=None: future.done() or future.set_result(fn(*args, **kwargs))
        if at == 1:
            try:
                future.set_result(fn(*args, **kwargs))
            except ZeroDivisionError as error:
                future.set_exception(error)
        return future


def test_when_a_run_fails_those_begun_are_kept_and_those_that_wait_never_begin(tmp_path):
    log = []
    executor = Scripted()
    with pytest.raises(ZeroDivisionError) as caught:
        run_all(partial(fails_at, bad=3, log=log), TASKS, folder=tmp_path, executor=executor)
    assert caught.value.__notes__ == ["in the run x=3"]
    assert log == [3, 1]
    assert [future.cancelled() for future in executor.futures] == [False, False, True]
    assert run_all(partial(fails_at, bad=1, log=log), TASKS[1:2], folder=tmp_path, workers=0) == [{"x": 1, "root": 1}]


def test_when_it_is_interrupted_what_is_done_and_what_has_begun_is_kept(tmp_path):
    log = []
    executor = Scripted(interrupt=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run_all(partial(fails_at, bad=None, log=log), TASKS, folder=tmp_path, executor=executor)
    assert len(list(tmp_path.glob("*.json"))) == 2
    run_all(partial(fails_at, bad=None, log=log), TASKS, folder=tmp_path, workers=0)
    assert log == [3, 1, 2]


def break_off(*, x):
    os._exit(3)


def test_a_process_that_ends_at_once_is_told_of():
    with pytest.raises(RuntimeError) as caught:
        run_all(break_off, [{"x": 1}], workers=1)
    assert caught.value.__notes__[0] == "in the run x=1"
    assert 'if __name__ == "__main__":' in caught.value.__notes__[1]


def test_what_is_no_result_is_refused_by_its_file(tmp_path):
    run_all(root, TASKS[:1], folder=tmp_path, workers=0)
    [packed], [plain] = tmp_path.glob("*.npz"), tmp_path.glob("*.json")
    whole = packed.read_bytes()
    for damage, text in ((whole[:40], f"{packed} is no result of a run"), (None, f"{packed} is missing")):
        packed.unlink() if damage is None else packed.write_bytes(damage)
        with pytest.raises(StorageError, match=re.escape(text)):
            run_all(root, TASKS[:1], folder=tmp_path, workers=0)
    for damage in ("", "[1]", "{", "\0"):
        plain.write_text(damage)
        with pytest.raises(StorageError, match=re.escape(f"{plain} is no result of a run")):
            run_all(root, TASKS[:1], folder=tmp_path, workers=0)


def nested():
    def inside(*, x):
        return {}

    return inside


REFUSED = {
    lambda: run_all(root, [3]): "tasks must be dicts, got int in run_all()",
    lambda: run_all(root, [{"x": {1}}]): "tasks must hold values that JSON has, got {'x': {1}} in run_all(): Object of "
    "type set is not JSON serializable",
    lambda: run_all(root, [{"x": 1}, {"x": 1}]): "tasks must be different, got {'x': 1} twice in run_all()",
    lambda: run_all(root, TASKS, workers=-1): "workers must be at least 0, got -1 in run_all()",
    lambda: run_all(root, TASKS, workers=1.5): "workers must be a whole number, got float 1.5 in run_all()",
    lambda: run_all(root, TASKS, executor=3): "executor must be a concurrent.futures.Executor, got int in run_all()",
    lambda: run_all(root, TASKS, executor=Scripted(), workers=2): "workers must be left out with an executor, got 2 in "
    "run_all()",
    lambda: run_all(lambda *, x: [x], TASKS, workers=0): "work must return a dict, got list in run_all()",
    lambda: run_all(lambda *, x: {"y": {x}}, TASKS, workers=0): "work must return arrays and values that JSON has, in "
    "run_all(): Object of type set is not JSON serializable",
    lambda: run_all(nested(), TASKS, workers=1): "work must be something other processes can find, got "
    "nested.<locals>.inside in run_all(): move it to the top level of a module, or run in this process with workers=0 "
    "(Can't pickle local object 'nested.<locals>.inside')",
}


@pytest.mark.parametrize(("call", "text"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_cannot_be_meant_is_refused_by_name(call, text):
    with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
        call()
    said = str(caught.value).replace("Can't get local object", "Can't pickle local object")  # as Python < 3.12 says it
    assert said == text


def test_a_function_typed_in_at_a_prompt_is_refused(monkeypatch):
    import __main__

    monkeypatch.delattr(__main__, "__file__")
    monkeypatch.setattr(root, "__module__", "__main__")
    monkeypatch.setattr(__main__, "root", root, raising=False)
    for work in (root, partial(root, shift=1)):
        with pytest.raises(InvalidTypeError, match=r"work must be .* \(it is known to this session only\)"):
            check_sendable(work, "work", "run_all")
