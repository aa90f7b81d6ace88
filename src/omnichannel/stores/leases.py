"""Who works on what: named leases with a fence, so that a process that was paused cannot settle another's work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from omnichannel.stores.schema import leases

TTL = timedelta(seconds=30)


def acquire(
    connection: Connection, names: Sequence[str], owner: str, now: datetime, ttl: timedelta = TTL
) -> Mapping[str, int]:
    """Takes or renews the leases that are free, expired or already the owner's; gives the fence of each one got.

    The fence grows whenever a lease changes hands. `owner` names the incarnation of a process, never the machine.
    """
    found = {row.name: row for row in connection.execute(select(leases).where(leases.c.name.in_(names))).all()}
    got: dict[str, int] = {}
    fresh: list[dict[str, object]] = []
    for name in names:
        row = found.get(name)
        if row is None:
            fresh.append({"name": name, "owner": owner, "until": now + ttl, "fence": 1})
            got[name] = 1
        elif row.owner == owner or row.until <= now:
            fence = row.fence if row.owner == owner else row.fence + 1
            connection.execute(
                update(leases).where(leases.c.name == name).values(owner=owner, until=now + ttl, fence=fence)
            )
            got[name] = fence
    if fresh:
        connection.execute(insert(leases), fresh)
    return got


def held(connection: Connection, name: str, owner: str, fence: int) -> bool:
    """Whether the owner still has the lease under this fence: asked in the unit that settles."""
    row = connection.execute(select(leases.c.owner, leases.c.fence).where(leases.c.name == name)).first()
    return row is not None and row.owner == owner and row.fence == fence


def release(connection: Connection, names: Iterable[str], owner: str, now: datetime) -> None:
    """Gives leases back; the rows stay, so that the fence goes on growing."""
    connection.execute(update(leases).where(leases.c.name.in_(list(names)), leases.c.owner == owner).values(until=now))


def forget(connection: Connection, before: datetime) -> None:
    """Drops leases that nobody has held for long."""
    connection.execute(delete(leases).where(leases.c.until < before))
