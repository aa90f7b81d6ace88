"""The engine as a port."""

from __future__ import annotations

from typing import Protocol


class Engine(Protocol):
    """Wakes whoever waits for work. A lost, doubled or late wake-up is harmless."""

    def kick(self) -> None:
        """There may be work."""
        ...

    async def wait(self, seconds: float) -> None:
        """Returns at the next kick, or after so many seconds: the sweep."""
        ...
