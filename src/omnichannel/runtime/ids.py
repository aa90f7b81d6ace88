"""Random ids: the one place where they come from."""

from __future__ import annotations

import secrets
from threading import Lock

from omnichannel.model.ids import format_id, uuid7
from omnichannel.runtime.clock import Clock


class RandomIds:
    """Ids that ascend within this process, even within one millisecond and from several threads, and cannot be
    guessed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self._lock = Lock()

    def new(self, prefix: str) -> str:
        """A new id with this prefix."""
        milliseconds = int(self._clock.now().timestamp() * 1000)
        number = uuid7(milliseconds, secrets.randbits(74))
        with self._lock:
            if number <= self._last:
                number = self._last + 1 + secrets.randbits(16)
            self._last = number
        return format_id(prefix, number)

    def token(self, bits: int = 128) -> int:
        """Unguessable bits."""
        return secrets.randbits(bits)
