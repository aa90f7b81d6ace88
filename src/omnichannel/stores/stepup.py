"""Step-up by code: sent to an address that is trusted already, answered where the conversation was taken up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from omnichannel.continuation.stepup import LIFE, CodeCheck, CodeState, check
from omnichannel.model.address import Assurance
from omnichannel.model.ids import IdSource
from omnichannel.stores import log
from omnichannel.stores.deliveries import insert_all
from omnichannel.stores.merging import merge
from omnichannel.stores.schema import addresses, codes, conversations, deliveries, moves, references
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import Fact, NewDelivery


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCode:
    """A code for a conversation that waits for its step-up; only its salted digest is kept."""

    conversation_id: str
    address_id: str
    salt: str
    digest: str
    created_at: datetime
    deliveries: Sequence[NewDelivery]


def pending(connection: Connection, conversation_id: str) -> bool:
    """Whether a code was ever sent for this conversation."""
    return connection.execute(select(codes.c.seq).where(codes.c.conversation_id == conversation_id)).first() is not None


def answer_key(message_id: str) -> str:
    """The key of what the step-up says to a message: it says one thing to each."""
    return f"stepup:{message_id}"


def was_answered(connection: Connection, brand: str, message_id: str) -> bool:
    """Whether the step-up has dealt with this message already."""
    query = select(deliveries.c.id).where(
        deliveries.c.brand == brand, deliveries.c.idempotency_key == answer_key(message_id)
    )
    return connection.execute(query).first() is not None


def begin(connection: Connection, new: NewCode) -> None:
    """Keeps a code and queues what carries it."""
    connection.execute(
        insert(codes).values(
            conversation_id=new.conversation_id,
            address_id=new.address_id,
            salt=new.salt,
            digest=new.digest,
            created_at=new.created_at,
            expires_at=new.created_at + LIFE,
            tries=0,
            state="open",
        )
    )
    insert_all(connection, new.deliveries)


def answer(connection: Connection, conversation_id: str, text: str, now: datetime, ids: IdSource) -> CodeCheck:
    """A message in a conversation that waits for its code. `ok` proves that the writer is the customer of the
    conversation it came from: that one goes on here, and this one ends in it."""
    query = select(codes).where(codes.c.conversation_id == conversation_id, codes.c.state == "open")
    row = connection.execute(query.order_by(codes.c.seq.desc()).limit(1)).first()
    state = None
    if row is not None:
        state = CodeState(digest=row.digest, salt=row.salt, created_at=row.created_at, tries=row.tries)
    found = check(state, text, now)
    if row is None or found == "no_code":
        return "no_code"
    this = update(codes).where(codes.c.seq == row.seq)
    if found == "wrong":
        connection.execute(this.values(tries=row.tries + 1))
    elif found == "ok":
        connection.execute(this.values(state="answered", digest=""))
        _prove(connection, conversation_id, now, ids)
    else:
        connection.execute(this.values(state=found))
    return found


def _prove(connection: Connection, conversation_id: str, now: datetime, ids: IdSource) -> None:
    opened = connection.execute(select(conversations).where(conversations.c.id == conversation_id)).one()
    origin = connection.execute(select(conversations).where(conversations.c.id == opened.linked_to)).one()
    facts = [
        Fact(
            type="conversation.moved",
            brand=origin.brand,
            data={"conversation": origin.id, "from": origin.channel, "to": opened.channel, "verified": True},
        )
    ]
    facts += merge(
        connection,
        brand=origin.brand,
        customer_id=opened.customer_id,
        into_id=origin.customer_id,
        address_id=opened.address_id,
        assurance=Assurance.VERIFIED,
        evidence="code",
        reason=f"answered the code for conversation {origin.id}",
        now=now,
    )
    _note_move(connection, origin, opened, now)
    place = {name: getattr(opened, name) for name in ("channel", "adapter", "account", "surface", "visibility")}
    place |= {"address_id": opened.address_id, "thread": opened.thread, "context": opened.context}
    place |= {"moved_at": now, "version": origin.version + 1, "status": "open", "last_in_at": opened.last_in_at}
    place |= {"waiting": opened.waiting or origin.waiting, "waiting_at": origin.waiting_at or opened.waiting_at}
    connection.execute(update(conversations).where(conversations.c.id == origin.id).values(place))
    over = {"status": "resolved", "waiting": False, "history_hidden": False, "address_id": None, "thread": None}
    connection.execute(
        update(conversations).where(conversations.c.id == opened.id).values(version=opened.version + 1, **over)
    )
    connection.execute(
        update(addresses).where(addresses.c.id == opened.address_id).values(assurance=Assurance.VERIFIED)
    )
    log.append(connection, facts, ids, now)


def _note_move(connection: Connection, origin: AnyRow, opened: AnyRow, now: datetime) -> None:
    """The conversation has left its address: what still comes in from there belongs to it."""
    withdrawal = select(references.c.withdrawal_id).where(references.c.opened_in == opened.id)
    connection.execute(
        insert(moves).values(
            brand=origin.brand,
            conversation_id=origin.id,
            customer_id=origin.customer_id,
            withdrawal_id=connection.execute(withdrawal).scalar(),
            from_channel=origin.channel,
            to_channel=opened.channel,
            from_address=origin.address_id,
            address_id=opened.address_id,
            assurance=Assurance.VERIFIED,
            moved_at=now,
        )
    )
