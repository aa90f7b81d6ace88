"""Whose turn it is to write, among the processes that share a SQLite file.

SQLite lets writers wait without an order: a process that commits again and again can keep another one out for
seconds. Two locks beside the database make an order: who wants to write holds the first one while it waits for the
second, so that whoever has just written has to line up behind it. It is courtesy, not safety: SQLite's own locks
guard the data, and a writer that waits too long, or a system without such locks, goes on without.
"""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Self

# Windows has no such locks: there, writers wait as SQLite lets them.
if sys.platform != "win32":
    import fcntl

PAUSE = 0.001


class Turnstile:
    """Used around each writing transaction, by one thread at a time. `path=None` lets everyone through."""

    def __init__(self, path: str | None, patience: float) -> None:
        self._patience = patience
        self._files: list[int] = []
        if path is not None and sys.platform != "win32":
            names = (f"{path}-queue", f"{path}-turn")
            self._files = [os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for name in names]

    def __enter__(self) -> Self:
        if self._files:
            queue, turn = self._files
            until = time.monotonic() + self._patience
            lined_up = self._lock(queue, until)
            self._lock(turn, until)
            if lined_up:
                _unlock(queue)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._files:
            _unlock(self._files[1])

    @staticmethod
    def _lock(file: int, until: float) -> bool:
        while True:
            if _try(file):
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(PAUSE)

    def close(self) -> None:
        """Lets go of the files."""
        for file in self._files:
            os.close(file)
        self._files = []


def _try(file: int) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def _unlock(file: int) -> None:
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_UN)
