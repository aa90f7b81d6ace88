"""What a handler gets: the message, whose it is, and the means to answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from omnichannel.model.address import Customer
from omnichannel.model.base import NOTHING, Visibility
from omnichannel.model.content import Media, Sendable
from omnichannel.model.conversation import Conversation
from omnichannel.model.message import Delivery, Message
from omnichannel.stores.units import DueTurn, Fact, NewDelivery, TurnResult


class Services(Protocol):
    """What a turn can do at once, outside its collected writes."""

    def typing(self, turn: DueTurn) -> AbstractAsyncContextManager[None]:
        """Shows the customer that somebody writes, where the platform can."""
        ...

    def open_media(self, media: Media, account: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Streams an attachment."""
        ...


@dataclass(slots=True)
class Turn:
    """One message and the means to answer it. At least once: a handler that raises is run again, and what it wrote
    before counts for nothing; the n-th reply to one message is sent once however often it runs."""

    message: Message
    conversation: Conversation
    customer: Customer
    attempt: int
    _due: DueTurn
    _result: TurnResult
    _services: Services
    _replies: int = field(default=0)
    handed_off: bool = field(default=False)

    async def reply(
        self, content: Sendable, *, visibility: Visibility | None = None, metadata: Mapping[str, str] = NOTHING
    ) -> Delivery:
        """Answers where the conversation takes place. Committed together with the message being handled; a worker
        sends it then."""
        return self._add(content, "message", visibility, metadata)

    async def take_private(self, content: Sendable) -> Delivery:
        """Answers a public message on a private surface of the same channel, or on another channel that is known of
        the customer; the conversation goes on there. Never falls back to the public."""
        return self._add(content, "private", "private", NOTHING)

    async def handoff(self, queue: str | None = None, *, note: str | None = None) -> None:
        """Leaves the conversation to a person, in a queue (default: its own), with a note that the customer does not
        see."""
        self.handed_off = True
        changes = self._result.changes
        changes |= {"waiting": True, "waiting_at": self._result.now}
        if queue is not None:
            changes["queue"] = queue
        if note:
            self._result.notes.append(_note(self._due, self._result, note))
        what = {"conversation": self.conversation.id, "queue": queue or self.conversation.queue}
        self._result.facts.append(Fact(type="conversation.handed_off", brand=self.conversation.brand, data=what))

    def typing(self) -> AbstractAsyncContextManager[None]:
        """Shows that somebody writes, for as long as the block lasts, where the platform can; else does nothing."""
        return self._services.typing(self._due)

    def open_media(self, media: Media) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes of an attachment in chunks: capped, sniffed and hashed. Raises `MediaUnavailable`."""
        return self._services.open_media(media, self.message.account)

    def _add(
        self, content: Sendable, kind: str, visibility: Visibility | None, metadata: Mapping[str, str]
    ) -> Delivery:
        result = self._result
        self._replies += 1
        new = NewDelivery(
            id=result.ids.new("dlv"),
            brand=self.conversation.brand,
            customer_id=self.customer.id,
            conversation_id=self.conversation.id,
            content=content,
            created_at=result.now,
            kind=kind,
            visibility=visibility,
            in_reply_to=self.message.id,
            idempotency_key=f"{self.message.id}#{self._replies}",
            metadata=metadata,
        )
        result.deliveries.append(new)
        return Delivery(id=new.id, conversation_id=new.conversation_id, state="queued", metadata=metadata)


def _note(due: DueTurn, result: TurnResult, text: str) -> dict[str, object]:
    """A note on the conversation, for agents."""
    message, now = due.message, result.now
    return {
        "id": result.ids.new("msg"),
        "conversation_id": due.conversation.id,
        "customer_id": due.customer.id,
        "direction": "out",
        "kind": "note",
        "channel": message.channel,
        "adapter": message.adapter,
        "account": message.account,
        "surface": message.surface,
        "visibility": "private",
        "sent_at": now,
        "recorded_at": now,
        "text": text,
    }
