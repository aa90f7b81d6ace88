"""A person is told of a decision: an event for the host, a note in the conversation, and its place in the queue."""

from __future__ import annotations

from sqlalchemy import Connection, select

from omnichannel.model.ids import IdSource
from omnichannel.model.message import Decision
from omnichannel.stores import desk, log
from omnichannel.stores.schema import conversations, decisions
from omnichannel.stores.statements import set_by
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import Fact

QUIET_KINDS = frozenset({"notice", "pointer"})
"""What is tried for everybody: where it does not go out, no conversation has to be looked at for that."""


def tell(connection: Connection, delivery: AnyRow, decision: Decision, ids: IdSource) -> None:
    """Once, however often the same is decided."""
    query = select(decisions.c.data).where(decisions.c.delivery_id == delivery.id).order_by(decisions.c.seq.desc())
    before = connection.execute(query.offset(1).limit(1)).scalar()
    if before is not None and before.get("tell_operator") and before.get("rule") == decision.rule:
        return
    refused = [f"{one.channel}: {one.reason}{one.detail and f' ({one.detail})'}" for one in decision.refused]
    why = [f"rule {decision.rule!r}"] if decision.rule else []
    reason, now = "; ".join([*why, *refused]), decision.decided_at
    facts = {"delivery": delivery.id, "conversation": delivery.conversation_id, "reason": reason, "rule": decision.rule}
    log.append(connection, [Fact(type="operator.told", brand=delivery.brand, data=facts)], ids, now)
    desk.add_note(connection, delivery.conversation_id, f"{delivery.id}: {reason}", None, ids, now)
    if delivery.kind not in QUIET_KINDS and delivery.purpose != "marketing":
        where = {"id": delivery.conversation_id, "waiting": False}
        set_by(connection, conversations, where, {"waiting": True, "waiting_at": now}, count={"version": 1})
