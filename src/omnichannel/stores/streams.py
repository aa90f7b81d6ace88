"""Streams of owned channels: appended once per key, read from any place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from omnichannel.stores.schema import stream_items
from omnichannel.stores.types import AnyRow
from omnichannel.stores.upsert import upsert


def append(connection: Connection, stream: str, key: str, body: Any, now: datetime) -> int:
    """Appends a body and gives its number; the earlier one's where the key was appended before."""
    row = {"stream": stream, "key": key, "body": body, "at": now}
    upsert(connection, stream_items, [row], key=("key",))
    seq: int = connection.execute(select(stream_items.c.seq).where(stream_items.c.key == key)).scalar_one()
    return seq


def after(connection: Connection, prefix: str, seq: int, limit: int = 200) -> Sequence[AnyRow]:
    """What was appended to streams that begin so, after a number."""
    query = select(stream_items).where(stream_items.c.stream.startswith(prefix, autoescape=True))
    return connection.execute(query.where(stream_items.c.seq > seq).order_by(stream_items.c.seq).limit(limit)).all()


def last(connection: Connection) -> int:
    """The newest number, 0 where there is none."""
    newest: int = connection.execute(select(func.coalesce(func.max(stream_items.c.seq), 0))).scalar_one()
    return newest
