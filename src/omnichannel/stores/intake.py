"""Stage one of inbound: parsed events become rows, each exactly once, in one unit with their journal rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from omnichannel.model.event import ChannelEvent
from omnichannel.model.ids import IdSource
from omnichannel.stores import journal
from omnichannel.stores.filing import Filing
from omnichannel.stores.inbound_changes import Found, filed, runs_of
from omnichannel.stores.texts import without_nul
from omnichannel.stores.units import AccountInfo


@dataclass(frozen=True, slots=True)
class Parsed:
    """A journal row with what was found in it, or why nothing could be."""

    seq: int
    events: Sequence[ChannelEvent] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Intake:
    """Files batches within one unit of work."""

    connection: Connection
    accounts: Mapping[str, AccountInfo]
    ids: IdSource
    now: datetime

    def file(self, batch: Sequence[Parsed]) -> set[int]:
        """Files a batch of parsed journal rows; gives the lanes that have work now."""
        if self.connection.dialect.name == "postgresql":
            batch = without_nul(batch)
        lanes: set[int] = set()
        for run in runs_of(self._fresh([(row.seq, event) for row in batch for event in row.events])):
            lanes |= Filing(self.connection, self.accounts, self.ids, self.now).file(run)
        journal.parsed(self.connection, [row.seq for row in batch if row.error is None])
        for row in batch:
            if row.error is not None:
                journal.park(self.connection, row.seq, row.error)
        return lanes

    def _fresh(self, found: Sequence[Found]) -> list[Found]:
        """Those that were never filed before: by the platform's own key, for ever."""
        keys = list({event.dedupe for _, event in found})
        if not keys:
            return []
        seen = filed(self.connection, keys)
        fresh: list[Found] = []
        for seq, event in found:
            key = (event.account, event.kind, event.dedupe)
            if key not in seen:
                seen.add(key)
                fresh.append((seq, event))
        return fresh
