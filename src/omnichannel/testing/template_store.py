"""A store in memory that is ready at once: the schema is made once a process, and copied for each world."""

from __future__ import annotations

import sqlite3
from typing import cast

from omnichannel.stores.sql import SqlStore

_template: list[bytes] = []


class TemplateStore(SqlStore):
    """An empty store of this version's schema."""

    def open_sync(self) -> None:
        """Opens the store. Raises `StoreError`."""
        if _template:
            self.migrate = "off"
            super().open_sync()
            self._memory().deserialize(_template[0])
        else:
            super().open_sync()
            _template.append(self._memory().serialize())

    def _memory(self) -> sqlite3.Connection:
        assert self._connection is not None
        return cast(sqlite3.Connection, self._connection.connection.driver_connection)
