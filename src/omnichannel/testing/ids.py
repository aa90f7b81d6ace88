"""Ids and tokens that are the same in every run with the same seed."""

from __future__ import annotations

import random

from omnichannel.model.ids import format_id, uuid7
from omnichannel.runtime.clock import Clock


class SeededIds:
    """An `IdSource` for tests: ascending with the clock, and drawn from a seed. Not secret."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self._random = random.Random(f"ids:{seed}")  # noqa: S311 - repeatable, not secret
        self._clock = clock
        self._last = 0

    def new(self, prefix: str) -> str:
        """A new id with this prefix, above all before it."""
        number = uuid7(int(self._clock.now().timestamp() * 1000), self._random.getrandbits(74))
        if number <= self._last:
            number = self._last + 1 + self._random.getrandbits(16)
        self._last = number
        return format_id(prefix, number)

    def token(self, bits: int = 128) -> int:
        """That many drawn bits."""
        return self._random.getrandbits(bits)
