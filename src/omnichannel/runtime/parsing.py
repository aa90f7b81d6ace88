"""Stage one of inbound: journal rows are parsed in order, per endpoint, and filed."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from omnichannel.channel.base import Channel
from omnichannel.model.exceptions import StoreError
from omnichannel.model.ids import IdSource
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.doors import Doors
from omnichannel.runtime.leasing import Leasing
from omnichannel.runtime.quiet import where_raised
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
    lease_ttl: timedelta = leases.TTL
    _leased: Leasing[str] = field(init=False)

    def __post_init__(self) -> None:
        self._leased = Leasing(self.store, self.owner, self.lease_ttl, _lease_name)

    async def step(self) -> tuple[int, set[int]]:
        """Parses one batch of each endpoint with rows; gives how many rows, and the lanes that have work now."""
        now = self.clock.now()
        held = self._leased.sure(now)
        waiting = await self.store.read(lambda c: _waiting(c, held))
        if others := self._leased.to_ask(waiting, now):
            mine = await self._leased.ask(others, now)
            waiting |= await self.store.read(lambda c: {one: journal.take(c, one, BATCH) for one in mine})
        parsed = {
            endpoint: [self._parse(self.doors.endpoints.get(endpoint), row) for row in rows]
            for endpoint, rows in waiting.items()
            if rows
        }
        return sum(map(len, parsed.values())), await self._file_all(parsed)

    async def _file_all(self, parsed: Mapping[str, Sequence[Parsed]]) -> set[int]:
        """Files what was parsed, all endpoints in one commit where that can be."""
        units = [
            partial(self._unit, parsed=rows, endpoint=endpoint, fence=self._leased.fences[endpoint])
            for endpoint, rows in parsed.items()
        ]
        lanes: set[int] = set()
        filed = await self.store.write_side_by_side(units) if units else []
        for (endpoint, rows), found in zip(parsed.items(), filed, strict=True):
            if isinstance(found, StoreError):
                raise found
            if isinstance(found, Exception):
                lanes |= await self._file_each(rows, endpoint, found)
            elif found is None:
                self._leased.lost(endpoint)
            else:
                lanes |= found
        return lanes

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
            # What a parser raises may quote the customer: the log says where, the row what.
            _log.error("journal row %s of %s could not be parsed: %s", row.seq, row.endpoint, where_raised(error))
            return Parsed(row.seq, error=f"{type(error).__name__}: {error}")

    async def _file(self, parsed: Sequence[Parsed], endpoint: str) -> set[int]:
        fence = self._leased.fences[endpoint]
        try:
            lanes = await self.store.write(lambda c: self._unit(c, parsed, endpoint, fence))
        except StoreError:
            raise
        except Exception as error:
            return await self._file_each(parsed, endpoint, error)
        if lanes is None:
            self._leased.lost(endpoint)
            return set()
        return lanes

    async def _file_each(self, parsed: Sequence[Parsed], endpoint: str, error: Exception) -> set[int]:
        """One of them cannot be filed: it is found by filing them one by one, and parked."""
        if len(parsed) == 1:
            _log.error("journal row %s could not be filed: %s", parsed[0].seq, where_raised(error))
            if parsed[0].error is not None:
                raise error
            return await self._file([Parsed(parsed[0].seq, error=f"{type(error).__name__}: {error}")], endpoint)
        lanes: set[int] = set()
        for one in parsed:
            if endpoint in self._leased.fences:
                lanes |= await self._file([one], endpoint)
        return lanes

    def _unit(self, connection: Connection, parsed: Sequence[Parsed], endpoint: str, fence: int) -> set[int] | None:
        """Files rows; None where another process parses this endpoint now."""
        if not leases.held(connection, _lease_name(endpoint), self.owner, fence):
            return None
        return Intake(connection, self.doors.infos, self.ids, self.clock.now()).file(parsed)


def _lease_name(endpoint: str) -> str:
    return f"parse:{endpoint}"


def _waiting(connection: Connection, held: Collection[str]) -> dict[str, Sequence[AnyRow]]:
    """The endpoints with rows to parse, and the next of these rows where the endpoint is ours."""
    found = journal.waiting_endpoints(connection)
    return {one: journal.take(connection, one, BATCH) if one in held else () for one in found}
