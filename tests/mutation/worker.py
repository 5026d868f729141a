"""A forked process with limits of time and memory."""

import contextlib
import os
import resource
import select
import signal
import sys
import time

MEMORY = 8 << 30  # bytes of address space: a mutant may ask for any size


class Worker:
    """One forked process: what it tries, until when, and the pipe on which it names the test that failed."""

    def __init__(self, work, limit):
        self.read, write = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.setpgid(0, 0)
            os.close(self.read)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            code = 3
            try:
                code = work(write)
            finally:
                os._exit(code)
        os.close(write)
        self.ends = time.monotonic() + limit

    def wait(self):
        """Return the exit code, None at the time limit, and what was written; whatever still runs is killed."""
        handle = os.pidfd_open(self.pid)
        ready, _, _ = select.select([handle], [], [], max(0.0, self.ends - time.monotonic()))
        os.close(handle)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # also what a test had started and a mutant left behind
        _, status = os.waitpid(self.pid, 0)
        with os.fdopen(self.read, "rb") as pipe:
            said = pipe.read().decode()
        return (os.waitstatus_to_exitcode(status) if ready else None), said
