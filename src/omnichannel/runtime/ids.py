"""Random ids: the one place where they come from."""

from __future__ import annotations

import os
import secrets
from threading import Lock

from omnichannel.model.ids import format_id, uuid7
from omnichannel.runtime.clock import Clock

DRAWN = 10
SUPPLY = 64 * DRAWN


class RandomIds:
    """Ids that ascend within this process, even within one millisecond and from several threads, and cannot be
    guessed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self._lock = Lock()
        self._chance = b""
        self._process = 0

    def new(self, prefix: str) -> str:
        """A new id with this prefix."""
        milliseconds = int(self._clock.now().timestamp() * 1000)
        with self._lock:
            drawn = self._draw()
            number = uuid7(milliseconds, drawn >> 6)  # 74 of 80 bits
            if number <= self._last:
                number = self._last + 1 + (drawn & 0xFFFF)
            self._last = number
        return format_id(prefix, number)

    def _draw(self) -> int:
        """80 bits nobody can guess. Rows need many, so the system is asked for a supply at a time; a fork gets another,
        or parent and child would make the same ids."""
        if not self._chance or self._process != os.getpid():
            self._chance, self._process = secrets.token_bytes(SUPPLY), os.getpid()
        drawn, self._chance = self._chance[:DRAWN], self._chance[DRAWN:]
        return int.from_bytes(drawn)

    def token(self, bits: int = 128) -> int:
        """Unguessable bits."""
        return secrets.randbits(bits)
