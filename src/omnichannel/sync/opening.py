"""What is opened at first use, shared by threads, and never taken over a fork.

SQLite forbids a connection in a child process that its parent opened, even to close it there
(https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_across_a_fork_). So it is closed before a fork,
and parent and child open their own when they need one again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Condition
from typing import Any, Generic, TypeVar
from weakref import WeakSet

T = TypeVar("T")
PATIENCE = 10.0
"""Seconds that a fork waits for the threads that are just using a store."""

_known: WeakSet[Opening[Any]] = WeakSet()
_abandoned: list[object] = []
"""What a fork did take along: nobody uses it in the child, and nobody closes it there."""


class Opening(Generic[T]):
    """`open_` is called by the first who uses it, `close` by whoever closes it; then the next one opens it anew."""

    def __init__(self, open_: Callable[[], T], close: Callable[[T], None]) -> None:
        self._open = open_
        self._close = close
        self._changed = Condition()
        self._opened: list[T] = []
        self._users = 0
        self._closing = 0
        _known.add(self)

    @contextmanager
    def use(self) -> Generator[T]:
        """What is opened, which stays open meanwhile. Raises what opening raises."""
        with self._changed:
            self._changed.wait_for(self._may_enter)
            if not self._opened:
                self._opened.append(self._open())
            opened = self._opened[0]
            self._users += 1
        try:
            yield opened
        finally:
            with self._changed:
                self._users -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Closes it, once those who are using it have done so. Whoever uses it later opens it anew."""
        with self._changed:
            self._close_when_idle(None)

    def _close_when_idle(self, seconds: float | None) -> None:
        self._closing += 1  # nobody enters any more: otherwise busy threads would keep it open for ever
        try:
            if self._changed.wait_for(self._is_idle, seconds):
                while self._opened:
                    self._close(self._opened.pop())
        finally:
            self._closing -= 1
            self._changed.notify_all()

    def _is_idle(self) -> bool:
        return self._users == 0

    def _may_enter(self) -> bool:
        return self._closing == 0

    # -- forks; the lock is held across, so that nobody opens in between

    def before_fork(self) -> None:
        """Closes it, if those who are using it end soon."""
        self._changed.acquire()
        self._close_when_idle(PATIENCE)

    def after_in_parent(self) -> None:
        """Goes on."""
        self._changed.release()

    def after_in_child(self) -> None:
        """Begins anew: the other threads are not there any more."""
        self._changed = Condition()
        _abandoned.extend(self._opened)
        self._opened.clear()
        self._users = 0


def _before_fork() -> None:
    for opening in list(_known):
        opening.before_fork()


def _after_in_parent() -> None:
    for opening in list(_known):
        opening.after_in_parent()


def _after_in_child() -> None:
    for opening in list(_known):
        opening.after_in_child()


# Windows has no forks.
if sys.platform != "win32":
    os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
