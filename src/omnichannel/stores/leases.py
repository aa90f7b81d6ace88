"""Who works on what: named leases with a fence, so that a process that was paused cannot settle another's work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlalchemy import Connection, delete, select, update

from omnichannel.model.base import EPOCH
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.schema import leases
from omnichannel.stores.units import LEASE_TTL
from omnichannel.stores.upsert import among, member_of, update_rows, upsert

Held: TypeAlias = tuple[str, str, int]
"""A lease by name, with its owner and fence."""
_STANDING = Prepared(
    select(leases.c.name, leases.c.owner, leases.c.fence)
    .where(member_of(leases.c.name, "names"))
    .with_for_update(read=True)
)
TTL = LEASE_TTL


def acquire(
    connection: Connection, names: Sequence[str], owner: str, now: datetime, ttl: timedelta = TTL
) -> Mapping[str, int]:
    """Takes or renews the leases that are free, expired or already the owner's; gives the fence of each one got.

    The fence grows whenever a lease changes hands. `owner` names the incarnation of a process, never the machine.
    """
    missing = [{"name": name, "owner": "", "until": EPOCH, "fence": 0} for name in names]
    upsert(connection, leases, missing, key=("name",))
    got: dict[str, int] = {}
    taken: list[dict[str, object]] = []
    for row in connection.execute(select(leases).where(among(leases.c.name, names)).with_for_update()).all():
        if row.owner == owner or row.until <= now:
            got[row.name] = row.fence if row.owner == owner else row.fence + 1
            taken.append({"name": row.name, "owner": owner, "until": now + ttl, "fence": got[row.name]})
    update_rows(connection, leases, taken, key="name")
    return got


def held(connection: Connection, name: str, owner: str, fence: int) -> bool:
    """Whether the owner still has the lease under this fence: asked in the unit that settles."""
    return (name, owner, fence) in held_of(connection, [(name, owner, fence)])


def held_of(connection: Connection, claimed: Iterable[Held]) -> set[Held]:
    """Those of the leases that are still held by these owners under these fences. They cannot change hands before the
    unit ends."""
    asked = set(claimed)
    found = _STANDING.rows(connection, names=list({one[0] for one in asked}))
    return asked.intersection(tuple(row) for row in found)


def release(connection: Connection, names: Iterable[str], owner: str, now: datetime) -> None:
    """Gives leases back; the rows stay, so that the fence goes on growing."""
    connection.execute(update(leases).where(among(leases.c.name, names), leases.c.owner == owner).values(until=now))


def release_all(connection: Connection, owner: str, now: datetime) -> None:
    """Gives back whatever an owner holds."""
    connection.execute(update(leases).where(leases.c.owner == owner, leases.c.until > now).values(until=now))


def forget(connection: Connection, before: datetime) -> None:
    """Drops leases that nobody has held for long."""
    connection.execute(delete(leases).where(leases.c.until < before))
