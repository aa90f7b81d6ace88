"""What a message from a customer means for what we have said, or wait to say, to them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from omnichannel.stores.progress import RANK, SPOKEN
from omnichannel.stores.schema import deliveries, steps
from omnichannel.stores.units import Fact
from omnichannel.stores.upsert import among

_OUT = tuple(state for state, rank in RANK.items() if rank > 0)


def heard(
    connection: Connection, customer_ids: Collection[str], conversation_ids: Collection[str], now: datetime
) -> list[Fact]:
    """They wrote: what is held for them is looked at again (their window is open now), and the newest thing that we
    said in each of the conversations is answered."""
    if not conversation_ids:
        return []
    held = update(deliveries).where(among(deliveries.c.customer_id, customer_ids), deliveries.c.state == "held")
    connection.execute(held.values(due_at=now))
    newest = (
        select(func.max(deliveries.c.id))
        .where(
            among(deliveries.c.conversation_id, conversation_ids),
            deliveries.c.kind.in_(SPOKEN),
            deliveries.c.state.in_(_OUT),
        )
        .group_by(deliveries.c.conversation_id)
    )
    answered = select(deliveries).where(deliveries.c.id.in_(newest), deliveries.c.state != "replied")
    facts: list[Fact] = []
    for row in connection.execute(answered).all():
        this = (steps.c.delivery_id == row.id, steps.c.n == row.step)
        connection.execute(update(steps).where(*this).values(state="ok", deadline_at=None))
        replied = update(deliveries).where(deliveries.c.id == row.id)
        connection.execute(replied.values(state="replied", due_at=None, reason=None))
        what = {"delivery": row.id, "conversation": row.conversation_id, "channel": row.channel, "state": "replied"}
        facts.append(Fact(type="delivery.updated", brand=row.brand, data=what))
    return facts
