"""What a message from a customer means for what we have said, or wait to say, to them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select, update

from omnichannel.stores.prepared import Prepared
from omnichannel.stores.progress import RANK, SPOKEN
from omnichannel.stores.schema import deliveries, steps
from omnichannel.stores.statements import set_by
from omnichannel.stores.units import Fact
from omnichannel.stores.upsert import member_of

_OUT = tuple(state for state, rank in RANK.items() if rank > 0)
_HELD = Prepared(
    update(deliveries)
    .where(member_of(deliveries.c.customer_id, "people"), deliveries.c.state == "held")
    .values(due_at=bindparam("now"))
)
_newest = (
    select(func.max(deliveries.c.id))
    .where(member_of(deliveries.c.conversation_id, "places"))
    .where(member_of(deliveries.c.kind, "kinds"), member_of(deliveries.c.state, "states"))
    .group_by(deliveries.c.conversation_id)
)
_ANSWERED = Prepared(select(deliveries).where(deliveries.c.id.in_(_newest), deliveries.c.state != "replied"))


def heard(
    connection: Connection, customer_ids: Collection[str], conversation_ids: Collection[str], now: datetime
) -> list[Fact]:
    """They wrote: what is held for them is looked at again (their window is open now), and the newest thing that we
    said in each of the conversations is answered."""
    if not conversation_ids:
        return []
    _HELD.run(connection, {"people": customer_ids, "now": now})
    facts: list[Fact] = []
    for row in _ANSWERED.rows(connection, places=conversation_ids, kinds=SPOKEN, states=_OUT):
        set_by(connection, steps, {"delivery_id": row.id, "n": row.step}, {"state": "ok", "deadline_at": None})
        set_by(connection, deliveries, {"id": row.id}, {"state": "replied", "due_at": None, "reason": None})
        what = {"delivery": row.id, "conversation": row.conversation_id, "channel": row.channel, "state": "replied"}
        facts.append(Fact(type="delivery.updated", brand=row.brand, data=what))
    return facts
