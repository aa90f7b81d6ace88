"""The people at the desk of a demo: they answer what waits, wherever its conversation takes place by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
from sqlalchemy import Connection, select

from omnichannel.hub.hub import Hub
from omnichannel.model.exceptions import OmnichannelError
from omnichannel.stores.schema import conversations, deliveries, events, journal, messages

LOOK = 0.1
ANSWERS = {
    "en": ("Thank you for writing. We are looking into it.", "We have found it: it is on its way to you."),
    "fr": ("Merci de nous avoir écrit. Nous cherchons.", "Nous l'avons trouvée : elle est en route vers vous."),
}


@dataclass(slots=True)
class Agents:
    """Answers every conversation that waits, in order, with what one would say at that point."""

    hub: Hub
    queue: str = "support"
    answered: dict[str, int] = field(default_factory=dict[str, int])

    async def live(self) -> None:
        """Until cancelled."""
        while True:
            for place in (await self.hub.desk.list(self.queue, limit=200)).items:
                if place.history_hidden:
                    continue  # not proved yet whose it is: the code comes first
                turn = self.answered.get(place.id, 0)
                words = ANSWERS.get(place.language or "en", ANSWERS["en"])
                text = words[min(turn, len(words) - 1)]
                try:
                    await self.hub.reply(
                        place.id, text, agent="agent-7", idempotency_key=f"{place.id}:{place.last_in_at}"
                    )
                except OmnichannelError:
                    continue
                self.answered[place.id] = turn + 1
            await anyio.sleep(LOOK)


async def at_rest(hub: Hub, backlog: Sequence[int] = ()) -> bool:
    """Whether nothing is under way in the store."""
    return not any(backlog) and not await hub.core.store.read(_busy)


def _busy(connection: Connection) -> bool:
    waiting = (
        select(journal.c.seq).where(journal.c.state == "new"),
        select(events.c.seq).where(events.c.state == "new"),
        select(deliveries.c.id).where(deliveries.c.due_at.isnot(None)),
        select(conversations.c.id).where(conversations.c.waiting.is_(True), conversations.c.history_hidden.is_(False)),
    )
    return any(connection.execute(query.limit(1)).first() is not None for query in waiting)


def conversation_of(connection: Connection, account: str, platform_id: str) -> str | None:
    """The conversation in which a customer's message was filed, if it has been."""
    query = select(messages.c.conversation_id).where(
        messages.c.platform_id == platform_id, messages.c.account == account
    )
    found: str | None = connection.execute(query).scalar()
    return found
