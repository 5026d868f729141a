"""Files are written whole or not at all, and only plain files are read."""

import os
import stat
import subprocess
import sys
import threading
import time

import pytest

from minprune.errors import StorageError
from minprune.storage import files, write_whole


def test_text_and_bytes_arrive_in_a_folder_that_is_made(tmp_path):
    path = tmp_path / "a" / "b" / "note.txt"
    assert write_whole(path, "größer\n") == path
    assert path.read_bytes() == "größer\n".encode()
    assert write_whole(str(path), b"\x00\xff").read_bytes() == b"\x00\xff"
    assert write_whole(path, [b"one ", memoryview(b"two"), b""]).read_bytes() == b"one two"
    assert os.listdir(path.parent) == ["note.txt"]


class Failing:
    """An open file that takes half of what it is given, and then fails."""

    def __init__(self, failure, step):
        self.failure, self.step = failure, step

    def __call__(self, path, mode):
        self.file = open(path, mode)  # noqa: SIM115
        return self

    def write(self, data):
        self.file.write(data[: len(data) // 2])
        if self.step == "write":
            raise self.failure

    def flush(self):
        self.file.flush()
        if self.step == "flush":
            raise self.failure

    def fileno(self):
        return self.file.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()
        if self.step == "close":
            raise self.failure


def let_fail(monkeypatch, step, failure):
    def fail(*arguments, **options):
        raise failure

    if step in ("write", "flush", "close"):
        monkeypatch.setattr(files, "open", Failing(failure, step), raising=False)
    elif step == "name":
        for name in ("replace", "link"):
            monkeypatch.setattr(os, name, fail)
    else:
        monkeypatch.setattr(*((files, "open") if step == "open" else (os, step)), fail, raising=False)


STEPS = ["open", "write", "flush", "fsync", "close", "chmod", "name"]
FAILURES = [KeyboardInterrupt(), OSError(28, "No space left on device"), PermissionError(13, "Permission denied")]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("step", STEPS)
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step, failure):
    path = tmp_path / "figures.json"
    path.write_text("old")
    let_fail(monkeypatch, step, failure)
    with pytest.raises(StorageError if isinstance(failure, OSError) else KeyboardInterrupt) as caught:
        write_whole(path, "new")
    if isinstance(failure, OSError):
        assert str(caught.value) == f"{path} can't be written: {failure.strerror}"
    assert os.listdir(tmp_path) == ["figures.json"]
    assert path.read_text() == "old"


@pytest.mark.parametrize("step", set(STEPS) - {"chmod"})
def test_a_first_write_that_fails_leaves_nothing(tmp_path, monkeypatch, step):
    let_fail(monkeypatch, step, FAILURES[1])
    with pytest.raises(StorageError):
        write_whole(tmp_path / "figures.json", "new", overwrite=False)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_in_the_middle(tmp_path):
    resource = pytest.importorskip("resource")
    path = write_whole(tmp_path / "net", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageError, match="net can't be written: File too large"):
            write_whole(path, [b"x" * 60_000] * 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == ["net"]
    assert path.read_bytes() == b"old"


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    events, fsync, replace, link = [], os.fsync, os.replace, os.link

    def noted(name, call):
        def step(*arguments):
            kind = "folder " if name == "fsync" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else ""
            events.append(kind + name)
            return call(*arguments)

        return step

    for name, call in (("fsync", fsync), ("replace", replace), ("link", link)):
        monkeypatch.setattr(os, name, noted(name, call))
    write_whole(tmp_path / "net", b"x" * 10, overwrite=False)
    assert events == ["fsync", "link", "folder fsync"]
    events.clear()
    write_whole(tmp_path / "net", b"y" * 10)
    assert events == ["fsync", "replace", "folder fsync"]


def test_a_folder_that_can_not_be_synced_is_no_failure(tmp_path, monkeypatch):
    def fail(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fail)
    assert write_whole(tmp_path / "net", b"x").read_bytes() == b"x"


# what is there already


def test_what_the_file_system_refuses_is_a_storage_error_that_names_the_path(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for overwrite in (True, False):
        with pytest.raises(StorageError, match=r"file/below can't be written: (Not a directory|File exists)"):
            write_whole(tmp_path / "file" / "below", "x", overwrite=overwrite)
    with pytest.raises(StorageError, match=r"folder can't be written: it is a folder"):
        write_whole(tmp_path / "folder", "x")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path, overwrite):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    for name in ("pipe", "link"):
        with pytest.raises(StorageError, match=f"{name} can't be written: it is no plain file"):
            write_whole(tmp_path / name, "x", overwrite=overwrite)
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]


def test_a_taken_name_is_refused_before_and_after_writing(tmp_path, monkeypatch):
    path = write_whole(tmp_path / "net", b"old")
    taken = "net can't be written: it is there already, and overwrite=True is not given"
    with monkeypatch.context() as patch:
        let_fail(patch, "open", FAILURES[1])  # it doesn't come to that
        with pytest.raises(StorageError, match=taken):
            write_whole(path, b"new", overwrite=False)
    monkeypatch.setattr(files, "_mode", lambda place: None)  # it was not there when we looked
    with pytest.raises(StorageError, match=taken):
        write_whole(path, b"new", overwrite=False)
    monkeypatch.setattr(os, "link", lambda *names: (_ for _ in ()).throw(OSError(95, "Operation not supported")))
    with pytest.raises(StorageError, match=taken):
        write_whole(path, b"new", overwrite=False)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["net"]
    assert write_whole(tmp_path / "other", b"new", overwrite=False).read_bytes() == b"new"  # without hard links
    assert sorted(os.listdir(tmp_path)) == ["net", "other"]


def test_a_symbolic_link_stays_one_and_the_file_behind_it_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far" / "net")
    write_whole(tmp_path / "link", b"one", overwrite=False)  # it leads nowhere as yet
    write_whole(tmp_path / "link", b"two")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "net").read_bytes() == b"two"
    assert os.listdir(tmp_path / "far") == ["net"]
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(StorageError, match="loop can't be written"):
        write_whole(tmp_path / "loop", b"x")


def test_a_new_file_has_the_usual_permissions_and_a_replaced_one_keeps_its_own(tmp_path):
    usual = tmp_path / "usual"
    usual.write_text("")
    path = write_whole(tmp_path / "ours", "")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)
    path.chmod(0o600)
    assert stat.S_IMODE(write_whole(path, "new").stat().st_mode) == 0o600


# several at once, and none to the end


def test_of_many_writers_at_once_one_wins_and_every_file_is_whole(tmp_path):
    """Threads, so that names of temporary files could clash; readers look all the while."""
    path, results, seen = tmp_path / "net", [], set()
    contents = [bytes([number]) * 200_000 for number in range(8)]
    start = threading.Barrier(9)

    def write(content):
        start.wait()
        for overwrite in (False, True, True):
            try:
                write_whole(path, content, overwrite=overwrite)
                results.append(overwrite)
            except StorageError:
                results.append(None)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    start.wait()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            seen.add(path.read_bytes())
    assert seen <= set(contents)
    assert path.read_bytes() in contents
    assert results.count(True) == 16
    assert results.count(False) <= 1
    assert os.listdir(tmp_path) == ["net"]


def test_without_overwrite_exactly_one_of_two_processes_writes(tmp_path):
    code = (
        "import sys, time\nfrom minprune.storage import write_whole\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "write_whole(sys.argv[1], sys.argv[2] * 300_000, overwrite=False)"
    )
    path = tmp_path / "net"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), letter], **pipes) for letter in "ab"]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    errors = [writer.communicate()[1] for writer in writers]
    assert sorted(writer.returncode for writer in writers) == [0, 1]
    loser = next(error for error in errors if error)
    assert "StorageError" in loser
    assert "it is there already" in loser
    winner = "ab"[errors.index("")]
    assert path.read_text() == winner * 300_000
    assert os.listdir(tmp_path) == ["net"]


def test_a_killed_writer_leaves_the_old_file_whole(tmp_path):
    path = write_whole(tmp_path / "net", b"old")
    code = (
        "import sys, time\nfrom minprune.storage import write_whole\n"
        "def pieces():\n    for _ in range(20): yield b'x' * 50_000\n    print('half', flush=True); time.sleep(60)\n"
        "write_whole(sys.argv[1], pieces())"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout.readline() == b"half\n"
    writer.kill()
    writer.communicate()
    assert path.read_bytes() == b"old"
    [left] = set(os.listdir(tmp_path)) - {"net"}  # nobody was there to take it away
    assert left.endswith(".part")
    assert write_whole(path, b"new").read_bytes() == b"new"  # and it is in nobody's way


# reading


def test_only_plain_files_are_read_and_no_pipe_is_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    began = time.monotonic()
    for place in (tmp_path / "pipe", files.Path("/dev/zero")):
        with pytest.raises(StorageError, match="it is no plain file"), files.reading(place):
            pass
    assert time.monotonic() - began < 30  # it would wait for ever
    with pytest.raises(IsADirectoryError), files.reading(tmp_path):
        pass
    path = write_whole(tmp_path / "net", b"1234")
    with files.reading(path) as (file, size):
        assert (file.read(), size) == (b"1234", 4)
    assert file.closed
