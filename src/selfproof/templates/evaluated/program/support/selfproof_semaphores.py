"""Semaphores for ``multiprocessing`` where there is no shared memory, as in a jail: bytes in a pipe. Protected.

Evaluators that end a slow candidate from another process use queues, locks and pools, which need them. They work
among processes that were forked; a count that no pipe can hold never comes to its end in practice and is not kept.
"""

import _multiprocessing
import array
import fcntl
import os
import select
import termios
import threading
import time
from pathlib import Path

RECURSIVE = 0  # the kind of a lock that its owner may take again; 1 is a plain semaphore
MOST = 4096  # bytes that any pipe holds


class PipeSemaphore:
    """The interface of ``_multiprocessing.SemLock``: a byte in the pipe is a turn that may be taken."""

    SEM_VALUE_MAX = 2**31 - 1
    name = None

    def __init__(self, kind, value, maxvalue, name, unlink):
        self.kind, self.maxvalue = kind, maxvalue
        self._endless = value > MOST
        self._reader, self._writer = os.pipe()
        self.handle = self._reader
        os.set_blocking(self._reader, False)
        if not self._endless:
            os.write(self._writer, b"." * value)
        self._held, self._owner = 0, None

    def _me(self):
        return os.getpid(), threading.get_ident()

    def _is_mine(self):
        return self._held > 0 and self._owner == self._me()

    def acquire(self, block=True, timeout=None):
        """Whether a turn was had, at the latest after ``timeout`` seconds."""
        if self.kind == RECURSIVE and self._is_mine():
            self._held += 1
            return True
        until = None if timeout is None else time.monotonic() + max(0.0, timeout)
        while not self._endless:
            left = 0.0 if not block else None if until is None else max(0.0, until - time.monotonic())
            if not select.select([self._reader], [], [], left)[0]:
                return False
            try:
                if os.read(self._reader, 1):
                    break
            except BlockingIOError:  # another was quicker
                continue
        self._held, self._owner = self._held + 1, self._me()
        return True

    def release(self):
        """Give a turn back."""
        if self.kind == RECURSIVE:
            if not self._is_mine():
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self._held > 1:
                self._held -= 1
                return
        elif not self._endless and self._get_value() >= self.maxvalue:
            raise ValueError("semaphore or lock released too many times")
        self._held -= 1
        if not self._endless:
            os.write(self._writer, b".")

    def _count(self):
        return self._held

    def _get_value(self):
        if self._endless:
            return self.maxvalue
        there = array.array("i", [0])
        fcntl.ioctl(self._reader, termios.FIONREAD, there)
        return there[0]

    def _is_zero(self):
        return self._get_value() == 0

    def _after_fork(self):
        self._held = 0

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *problem):
        self.release()


def install():
    """Put them in the place of the kernel's where these need a folder that is not there."""
    if not Path("/dev/shm").is_dir():  # noqa: S108  where the C library keeps them
        _multiprocessing.SemLock = PipeSemaphore
