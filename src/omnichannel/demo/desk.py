"""The people at the desk of a demo: they answer what waits, wherever its conversation takes place by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import Connection, Select, func, select

from omnichannel.hub.hub import Hub
from omnichannel.model.exceptions import OmnichannelError
from omnichannel.stores.schema import conversations, deliveries, events, journal, messages

if TYPE_CHECKING:
    from omnichannel.demo.cast import Record
    from omnichannel.demo.stage import Stage

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


async def at_rest(stage: Stage, record: Record, *, answered: bool = True) -> bool:
    """Whether nothing is under way, all that was said has been heard, and, where `answered`, nobody waits."""
    busy = partial(_busy, said=len(record.said), answered=answered)
    return not stage.backlog() and not await stage.desk.core.store.read(busy)


def _busy(connection: Connection, *, said: int, answered: bool) -> bool:
    heard = select(func.count()).select_from(messages).where(messages.c.direction == "in")
    if connection.execute(heard).scalar_one() < said:
        return True
    waiting: list[Select[Any]] = [
        select(journal.c.seq).where(journal.c.state == "new"),
        select(events.c.seq).where(events.c.state == "new"),
        select(deliveries.c.id).where(deliveries.c.due_at.isnot(None)),
    ]
    if answered:
        hidden = conversations.c.history_hidden
        waiting.append(select(conversations.c.id).where(conversations.c.waiting.is_(True), hidden.is_(False)))
    return any(connection.execute(query.limit(1)).first() is not None for query in waiting)


@dataclass(slots=True)
class Filing:
    """Tells agents where a customer's message was filed, as soon as it is: one look for all who wait."""

    stage: Stage
    _waiting: dict[tuple[str, str], tuple[anyio.Event, list[str]]] = field(
        default_factory=dict[tuple[str, str], tuple[anyio.Event, list[str]]]
    )

    async def conversation_of(self, account: str, platform_id: str) -> str:
        """The conversation of a message, once it has one."""
        event, found = self._waiting.setdefault((account, platform_id), (anyio.Event(), []))
        await event.wait()
        return found[0]

    async def watch(self) -> None:
        """Looks until cancelled."""
        while True:
            if self._waiting:
                wanted = list(self._waiting)
                for account, platform_id, place in await self.stage.desk.core.store.read(
                    partial(_filed, wanted=wanted)
                ):
                    event, found = self._waiting.pop((account, platform_id))
                    found.append(place)
                    event.set()
            await anyio.sleep(LOOK / 2)


def _filed(connection: Connection, wanted: Sequence[tuple[str, str]]) -> list[tuple[str, str, str]]:
    query = select(messages.c.account, messages.c.platform_id, messages.c.conversation_id).where(
        messages.c.platform_id.in_([platform_id for _, platform_id in wanted])
    )
    asked = set(wanted)
    return [(row[0], row[1], row[2]) for row in connection.execute(query) if (row[0], row[1]) in asked]
