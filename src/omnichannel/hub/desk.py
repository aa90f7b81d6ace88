"""One queue for all channels: list, claim, resolve, note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

from omnichannel.desk.queue import decode_cursor, encode_cursor, queue_key
from omnichannel.hub.answers import Page
from omnichannel.model.conversation import Conversation
from omnichannel.model.message import Message

if TYPE_CHECKING:
    from omnichannel.hub.hub import Hub

QueueState: TypeAlias = Literal["waiting", "mine", "snoozed", "resolved"]
CLAIM = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Desk:
    """The queue of a hub. An agent is the host's opaque id: we keep no table of agents."""

    hub: Hub

    async def list(
        self,
        queue: str,
        *,
        state: QueueState = "waiting",
        agent: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Conversation]:
        """Conversations in the order in which they are to be answered: priority, deadline, age."""
        from omnichannel.stores import desk

        key = None if after is None else decode_cursor(after)
        core = self.hub.core
        found = await core.store.read(lambda c: desk.listing(c, queue, state, agent, key, limit + 1))
        more = len(found) > limit
        return Page(found[:limit], encode_cursor(queue_key(found[limit - 1])) if more else None)

    async def claim(self, conversation: str, *, agent: str, for_: timedelta = CLAIM) -> Conversation:
        """Takes a conversation for an agent. Raises `NotFound`."""
        values = {"assignee": agent, "claimed_until": self.hub.core.ports.clock.now() + for_}
        return await self._change(conversation, values, "conversation.claimed", agent=agent)

    async def resolve(self, conversation: str, *, agent: str) -> Conversation:
        """The matter is settled; the customer's next message may open it again. Raises `NotFound`."""
        values = {"status": "resolved", "waiting": False, "waiting_at": None, "due_at": None}
        return await self._change(conversation, values, "conversation.resolved", agent=agent)

    async def note(self, conversation: str, text: str, *, agent: str) -> Message:
        """A note that the customer never sees. Raises `NotFound`."""
        from omnichannel.stores import desk

        core = self.hub.core
        now = core.ports.clock.now()
        return await core.store.write(lambda c: desk.add_note(c, conversation, text, agent, core.ids, now))

    async def _change(self, conversation: str, values: Mapping[str, object], fact: str, *, agent: str) -> Conversation:
        from omnichannel.stores import desk

        core = self.hub.core
        now = core.ports.clock.now()
        return await core.store.write(lambda c: desk.change(c, conversation, values, fact, core.ids, now, agent=agent))
