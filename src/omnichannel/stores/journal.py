"""Raw inbound, kept before it is acknowledged and parsed from what was kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, literal_column, select, update

from omnichannel.channel.wire import Envelope
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.schema import cursors, journal, media
from omnichannel.stores.types import AnyRow, fetch
from omnichannel.stores.upsert import among, insert_rows, upsert

MAX_TRIES = 5
_IS_NEW = journal.c.state == literal_column("'new'")  # a literal: a partial index is not found by a parameter

_WAITING = select(func.min(journal.c.endpoint).label("endpoint")).where(_IS_NEW)
_FIRST = Prepared(_WAITING)
_NEXT = Prepared(_WAITING.where(journal.c.endpoint > bindparam("after")))


@dataclass(frozen=True, slots=True)
class Arrival:
    """An envelope for the journal of an endpoint, with the cursor that must commit together with it."""

    endpoint: str
    envelope: Envelope
    cursor: tuple[str, str] | None = None


def append(connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[None]:
    """Journals envelopes, in order. The caller acknowledges after the commit, never before."""
    insert_rows(connection, journal, [_row(arrival) for arrival in arrivals])
    for arrival in arrivals:
        if arrival.cursor is not None:
            set_cursor(connection, *arrival.cursor, arrival.envelope.received_at)
    return [None] * len(arrivals)


def append_one(connection: Connection, arrival: Arrival) -> int:
    """Journals one envelope, and gives its number."""
    seq: int = connection.execute(insert(journal).returning(journal.c.seq), _row(arrival)).scalar_one()
    return seq


def _row(arrival: Arrival) -> dict[str, Any]:
    envelope = arrival.envelope
    return {
        "endpoint": arrival.endpoint,
        "source": envelope.source,
        "received_at": envelope.received_at,
        "url": envelope.url,
        "headers": _kept_headers(envelope),
        "content": envelope.content,
        "blob": envelope.blob_id,
        "state": "new",
    }


_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


def _kept_headers(envelope: Envelope) -> dict[str, str]:
    kept = {name: value for name, value in envelope.headers.items() if name not in _SECRET_HEADERS}
    return kept | {"": envelope.method} | {f"?{name}": value for name, value in envelope.query.items()}


def envelope_of(row: AnyRow) -> Envelope:
    """The envelope as it was journalled, without the blob's reader."""
    headers = {name: value for name, value in row.headers.items() if name and not name.startswith("?")}
    query = {name[1:]: value for name, value in row.headers.items() if name.startswith("?")}
    return Envelope(
        source=row.source,
        method=row.headers.get("", "POST"),
        url=row.url,
        query=query,
        headers=headers,
        content=row.content,
        blob_id=row.blob,
        received_at=row.received_at,
    )


def waiting_endpoints(connection: Connection) -> list[str]:
    """The endpoints with rows to parse. Hops over the index, so that it costs the same with a million rows behind."""
    found: list[str] = []
    (row,) = _FIRST.rows(connection)
    while row.endpoint is not None:
        found.append(row.endpoint)
        (row,) = _NEXT.rows(connection, after=row.endpoint)
    return found


def take(connection: Connection, endpoint: str, limit: int) -> Sequence[AnyRow]:
    """The next rows of an endpoint, oldest first."""
    query = select(journal).where(_IS_NEW, journal.c.endpoint == endpoint)
    return fetch(connection, query.order_by(journal.c.seq).limit(limit))


def parsed(connection: Connection, seqs: Sequence[int]) -> None:
    """Marks rows as done."""
    if seqs:
        connection.execute(update(journal).where(among(journal.c.seq, seqs)).values(state="done"))


def park(connection: Connection, seq: int, error: str) -> None:
    """Sets a row aside with its bytes: it no longer stops the rows behind it, and can be replayed."""
    row = update(journal).where(journal.c.seq == seq)
    connection.execute(row.values(state="parked", error=error, tries=journal.c.tries + 1))


def replay(connection: Connection, seqs: Sequence[int] = ()) -> int:
    """Parses parked rows once more; all of them where none are named."""
    parked = update(journal).where(journal.c.state == "parked")
    if seqs:
        parked = parked.where(among(journal.c.seq, seqs))
    return connection.execute(parked.values(state="new", error=None)).rowcount


def count(connection: Connection, state: str) -> int:
    """How many rows are in a state."""
    return connection.execute(select(func.count()).select_from(journal).where(journal.c.state == state)).scalar_one()


def forget(connection: Connection, before: datetime) -> int:
    """Drops parsed rows that are older than the retention, except those whose bytes an attachment is read from."""
    named = exists().where(media.c.journal_seq == journal.c.seq)
    old = delete(journal).where(journal.c.state == "done", journal.c.received_at < before, ~named)
    return connection.execute(old).rowcount


def content(connection: Connection, seq: int) -> bytes | None:
    """The bytes of a row; None where there is none any more."""
    found: bytes | None = connection.execute(select(journal.c.content).where(journal.c.seq == seq)).scalar()
    return found


def set_cursor(connection: Connection, source: str, cursor: str, now: datetime) -> None:
    """Remembers how far a source has been read."""
    values = {"source": source, "cursor": cursor, "updated_at": now}
    upsert(connection, cursors, [values], key=("source",), update=("cursor", "updated_at"))


def cursor(connection: Connection, source: str) -> str | None:
    """How far a source has been read."""
    return connection.execute(select(cursors.c.cursor).where(cursors.c.source == source)).scalar()
