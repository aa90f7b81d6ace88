"""The default engine: wakes the workers of this process. Others find their work by the sweep."""

from __future__ import annotations

import anyio
import anyio.lowlevel


class InProcess:
    """Wakes everyone who waits. May be kicked before anybody waits: the next wait then returns at once."""

    def __init__(self) -> None:
        self._waiting: anyio.Event | None = None
        self._kicked = False

    def kick(self) -> None:
        """There may be work."""
        self._kicked = True
        if self._waiting is not None:
            self._waiting.set()

    async def wait(self, seconds: float) -> None:
        """Returns at the next kick, or after so many seconds."""
        if self._kicked:
            self._kicked = False
            await anyio.lowlevel.checkpoint()
            return
        if self._waiting is None or self._waiting.is_set():
            self._waiting = anyio.Event()
        with anyio.move_on_after(seconds):
            await self._waiting.wait()
        self._kicked = False
