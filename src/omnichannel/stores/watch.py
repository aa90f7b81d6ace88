"""Notices that somebody else has committed to a SQLite file, so that work from another process need not wait for the
sweep."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import cast

from sqlalchemy import Engine

EVERY = 0.05
"""Seconds between two looks. One takes a few microseconds and reads shared memory alone."""


class Watch:
    """Looks at the number that changes with each commit of another connection, of this process too. It has a connection
    to itself, because the number says nothing beside that of another one.

    https://www.sqlite.org/pragma.html#pragma_data_version
    """

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.raw_connection()
        self._seen = -1
        self.changed()

    def changed(self) -> bool:
        """Whether there was a commit since the last look; False where the file cannot be read now: whoever needs it
        tells. Never raises."""
        with suppress(sqlite3.Error):
            found = self._version()
            changed, self._seen = found != self._seen, found
            return changed
        return False

    def _version(self) -> int:
        driver = cast(sqlite3.Connection, self._connection.driver_connection)
        (found,) = driver.execute("PRAGMA data_version").fetchone()
        return int(found)

    def close(self) -> None:
        """Gives the connection back."""
        self._connection.close()
