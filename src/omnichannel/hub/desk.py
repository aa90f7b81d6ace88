"""One queue for all channels: list, claim, resolve, note."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from omnichannel.hub.answers import Page
    from omnichannel.hub.hub import Hub
    from omnichannel.model.conversation import Conversation
    from omnichannel.model.message import Message

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
        from omnichannel.hub import queueing

        return await self.hub.core.run(queueing.listing(queue, state, agent, after, limit))

    async def claim(self, conversation: str, *, agent: str, for_: timedelta = CLAIM) -> Conversation:
        """Takes a conversation for an agent. Raises `NotFound`."""
        from omnichannel.hub import queueing

        core = self.hub.core
        return await core.run(queueing.claim(core.office, conversation, agent, for_))

    async def resolve(self, conversation: str, *, agent: str) -> Conversation:
        """The matter is settled; the customer's next message may open it again. Raises `NotFound`."""
        from omnichannel.hub import queueing

        core = self.hub.core
        return await core.run(queueing.resolve(core.office, conversation, agent))

    async def note(self, conversation: str, text: str, *, agent: str) -> Message:
        """A note that the customer never sees. Raises `NotFound`."""
        from omnichannel.hub import queueing

        core = self.hub.core
        return await core.run(queueing.note(core.office, conversation, text, agent))
