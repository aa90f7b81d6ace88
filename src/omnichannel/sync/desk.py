"""The desk without a loop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from omnichannel.hub import queueing
from omnichannel.hub.answers import Page
from omnichannel.hub.desk import CLAIM, QueueState
from omnichannel.model.conversation import Conversation
from omnichannel.model.message import Message

if TYPE_CHECKING:
    from omnichannel.sync.client import Client


@dataclass(frozen=True, slots=True)
class Desk:
    """The queue, as `Hub.desk` has it."""

    client: Client

    def list(
        self,
        queue: str,
        *,
        state: QueueState = "waiting",
        agent: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Conversation]:
        """Conversations in the order in which they are to be answered: priority, deadline, age."""
        return self.client.run(lambda office: queueing.listing(queue, state, agent, after, limit))

    def claim(self, conversation: str, *, agent: str, for_: timedelta = CLAIM) -> Conversation:
        """Takes a conversation for an agent. Raises `NotFound`."""
        return self.client.run(lambda office: queueing.claim(office, conversation, agent, for_))

    def resolve(self, conversation: str, *, agent: str) -> Conversation:
        """The matter is settled; the customer's next message may open it again. Raises `NotFound`."""
        return self.client.run(lambda office: queueing.resolve(office, conversation, agent))

    def note(self, conversation: str, text: str, *, agent: str) -> Message:
        """A note that the customer never sees. Raises `NotFound`."""
        return self.client.run(lambda office: queueing.note(office, conversation, text, agent))
