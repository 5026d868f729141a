"""A sweep that is stopped goes on where it was: no run is lost, none is done twice, and no process is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from types import SimpleNamespace

import pytest
import sweeping
from sweeping import ASKED, CRITERIA, build, same

from minprune.study import runs as running
from minprune.study.sweep import sweep

RUNS = 2 * (1 + 2 * 8)


def start(results, notes):
    return subprocess.Popen(
        [sys.executable, sweeping.__file__, str(results), str(notes)], start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(["", *sys.path])},
    )  # fmt: skip


def count(folder, ending=""):
    return len(list(folder.glob(f"[!.]*{ending}"))) if folder.exists() else 0


def until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, and sends signals")
def test_a_stopped_sweep_goes_on_where_it_was(tmp_path):
    results, notes = tmp_path / "results", tmp_path / "notes"
    notes.mkdir()

    def workers():
        return {int(path.name.split("-")[2]) for path in notes.iterdir()}

    def stop(send):
        kept, before = count(results / "runs", ".json"), workers()
        done = count(notes)
        program = start(results, notes)
        until(lambda: count(results / "runs", ".json") >= kept + 5 and len(workers() - before) == 2)
        send(program.pid)
        said = program.communicate(timeout=60)[1]
        until(lambda: not any(runs(pid) for pid in workers()))
        return said, count(results / "runs", ".json") - kept, count(notes) - done

    said, new, done = stop(lambda pid: os.killpg(pid, signal.SIGINT))  # Ctrl-C: to the workers too
    assert said.count("KeyboardInterrupt") == 1  # of one process; what it was doing may have its own traceback above
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert new <= done <= new + 2  # a run that was cut off between its note and its result, one for each worker

    _, new, done = stop(lambda pid: os.kill(pid, signal.SIGKILL))
    assert new <= done <= new + 3  # likewise, and a result that was on its way

    kept, done = count(results / "runs", ".json"), count(notes)
    assert 10 <= kept < RUNS
    program = start(results, notes)
    assert program.communicate(timeout=60)[1] == ""
    assert count(notes) - done == RUNS - kept
    assert count(results / "runs", ".json") == RUNS


def test_a_worker_goes_on_as_long_as_its_parent_and_no_longer(monkeypatch):
    over, ended = Event(), SimpleQueue()
    monkeypatch.setattr(running, "parent_process", lambda: SimpleNamespace(join=over.wait))
    monkeypatch.setattr("os._exit", ended.put)
    monkeypatch.setattr("signal.signal", lambda *how: None)
    running._leave_with_parent()
    with pytest.raises(Empty):
        ended.get(timeout=0.05)
    over.set()
    assert ended.get(timeout=60) == 1


def test_what_a_stopped_sweep_comes_to_is_what_one_in_one_go_finds(tmp_path):
    def stopped(network, seed):
        if seed == 1:
            raise KeyboardInterrupt
        sweeping.finetune(network, seed)

    whole = sweep(build, CRITERIA, [0.5], [0, 1], **ASKED, workers=0)
    sweep(build, CRITERIA, [0.5], [0], **ASKED, folder=tmp_path, workers=0)
    with pytest.raises(KeyboardInterrupt):
        sweep(build, CRITERIA, [0.5], [1], **ASKED | {"finetune": stopped}, workers=0)
    assert same(sweep(build, CRITERIA, [0.5], [0, 1], **ASKED, folder=tmp_path, workers=0).records) == same(
        whole.records
    )
