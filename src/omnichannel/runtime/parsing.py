"""Stage one of inbound: journal rows are parsed in order, per endpoint, and filed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from omnichannel.channel.base import Channel
from omnichannel.model.exceptions import StoreError
from omnichannel.model.ids import IdSource
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.doors import Doors
from omnichannel.stores import journal, leases
from omnichannel.stores.base import BlobStore, Store
from omnichannel.stores.intake import Intake, Parsed
from omnichannel.stores.types import AnyRow

_log = logging.getLogger("omnichannel.parsing")

BATCH = 256


@dataclass(slots=True)
class Parser:
    """Parses what was journalled. One process at a time per endpoint, so that order holds; each step is one unit."""

    store: Store
    blobs: BlobStore
    doors: Doors
    clock: Clock
    ids: IdSource
    owner: str

    async def step(self) -> tuple[int, set[int]]:
        """Parses one batch of each endpoint with rows; gives how many rows, and the lanes that have work now."""
        endpoints = await self.store.read(journal.waiting_endpoints)
        done, lanes = 0, set[int]()
        for endpoint in endpoints:
            count, found = await self._endpoint(endpoint)
            done += count
            lanes |= found
        return done, lanes

    async def _endpoint(self, endpoint: str) -> tuple[int, set[int]]:
        name = f"parse:{endpoint}"
        now = self.clock.now()
        held = await self.store.write(lambda c: leases.acquire(c, [name], self.owner, now))
        if name not in held:
            return 0, set()
        rows = await self.store.read(lambda c: journal.take(c, endpoint, BATCH))
        channel = self.doors.endpoints.get(endpoint)
        parsed = [self._parse(channel, row) for row in rows]
        return len(rows), await self._file(parsed, name, held[name])

    def _parse(self, channel: Channel[Any] | None, row: AnyRow) -> Parsed:
        if channel is None:
            return Parsed(row.seq, error=f"no account or endpoint {row.endpoint!r} is configured")
        try:
            envelope = journal.envelope_of(row)
            if envelope.blob_id is not None:
                envelope = replace(envelope, blob=self.blobs.open(envelope.blob_id))
            return Parsed(row.seq, tuple(channel.parse(envelope)))
        except Exception as error:
            # A parser's bug must not stop the rows behind: the row is parked with its bytes and can be replayed.
            _log.exception("journal row %s of %s could not be parsed", row.seq, row.endpoint)
            return Parsed(row.seq, error=f"{type(error).__name__}: {error}")

    async def _file(self, parsed: Sequence[Parsed], name: str, fence: int) -> set[int]:
        try:
            return await self.store.write(lambda c: self._unit(c, parsed, name, fence))
        except StoreError:
            raise
        except Exception as error:
            if len(parsed) == 1:
                _log.exception("journal row %s could not be filed", parsed[0].seq)
                return await self._file([Parsed(parsed[0].seq, error=f"{type(error).__name__}: {error}")], name, fence)
            lanes: set[int] = set()
            for one in parsed:
                lanes |= await self._file([one], name, fence)
            return lanes

    def _unit(self, connection: Connection, parsed: Sequence[Parsed], name: str, fence: int) -> set[int]:
        if not leases.held(connection, name, self.owner, fence):
            return set()
        return Intake(connection, self.doors.infos, self.ids, self.clock.now()).file(parsed)
