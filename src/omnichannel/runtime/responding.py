"""Answers in a webhook's own response: waits for parts, writes their attempts, and settles them once it is out.

What is known is in rows (`stores.responses`): the process that holds the request open need not be the one that parses,
handles or decides.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from omnichannel.channel.base import Channel
from omnichannel.channel.wire import Envelope, HttpReply
from omnichannel.model.ids import IdSource
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.doors import Doors
from omnichannel.runtime.parts import PartWriter
from omnichannel.runtime.quiet import where_raised
from omnichannel.stores import outgoing, responses
from omnichannel.stores.base import Store
from omnichannel.stores.journal import Arrival
from omnichannel.stores.responses import Taken, TakenBack
from omnichannel.stores.types import AnyRow

_log = logging.getLogger("omnichannel.responding")

LOOK = 0.05
"""Seconds between two looks at the rows: what a person on the telephone does not notice."""
BROKEN = Failure(
    outcome=Outcome.RETRY,
    level=Level.ATTEMPT,
    code="response_broken",
    message="the connection broke while the answer was written into the response",
    certain=False,
)
"""What is known of an attempt whose response may not have got through."""


@dataclass(frozen=True, slots=True)
class Answering:
    """A reply with parts in it, whose attempts have begun. `done` is to be told whether it was written."""

    reply: HttpReply
    done: Callable[[bool], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ready:
    """Parts that may go out now, of one step."""

    step: AnyRow
    parts: Sequence[AnyRow]
    reply: HttpReply


@dataclass(slots=True)
class Responding:
    """Waits in the place of a webhook's response. `off_row` takes a body that is too large for a row out of it, `rest`
    lets so many seconds pass, `kick` wakes the workers here."""

    store: Store
    clock: Clock
    ids: IdSource
    doors: Doors
    writer: PartWriter
    owner: str
    off_row: Callable[[Envelope], Awaitable[Envelope]]
    rest: Callable[[float], Awaitable[None]]
    kick: Callable[[], None]
    crash: Callable[[str], None]

    async def keep(self, endpoint: str, envelope: Envelope, until: datetime) -> int:
        """Commits an envelope whose response waits, and wakes the workers: after this it may be acknowledged."""
        arrival = Arrival(endpoint, await self.off_row(envelope))
        seq = await self.store.write(lambda c: responses.begin(c, arrival, until))
        self.kick()
        return seq

    async def answer(
        self,
        seq: int,
        channel: Channel[Any],
        envelope: Envelope,
        until: datetime,
        room: int,
        gone: Callable[[], bool],
    ) -> Answering | None:
        """The reply that answers the envelope, its attempts on disk; None where there is nothing to say in time, and
        where whoever asked has `gone`: then nothing is held back any longer."""
        answering: Answering | None = None
        try:
            ready = await self._ready(seq, channel, envelope, until, room, gone)
            if ready is not None and not gone():
                answering = await self._take(seq, ready)
        finally:
            if answering is None:
                await self._close(seq)
        return answering

    async def _close(self, seq: int) -> None:
        now = self.clock.now()
        await self.store.write(lambda c: responses.close(c, seq, now))
        self.kick()

    async def _ready(
        self,
        seq: int,
        channel: Channel[Any],
        envelope: Envelope,
        until: datetime,
        room: int,
        gone: Callable[[], bool],
    ) -> Ready | None:
        while not gone():
            offered = await self.store.read(partial(responses.look, seq=seq))
            now = self.clock.now()
            if offered.parts:
                return await self._rendered(channel, envelope, offered.parts[:room])
            if not offered.waits or now >= until:
                return None
            await self.rest(min(LOOK, (until - now) / timedelta(seconds=1)))
        return None

    async def _rendered(self, channel: Channel[Any], envelope: Envelope, rows: Sequence[AnyRow]) -> Ready | None:
        out = await self.store.read(lambda c: outgoing.load(c, rows[0].delivery_id))
        step = next((step for step in out.steps if step.n == rows[0].step), None)
        sender = self.doors.channels.get(step.account) if step is not None else None
        if step is None or sender is None:
            return None
        parts = [await self.writer.part(sender, out, step, row) for row in rows]
        try:
            return Ready(step, rows, sender.answer(envelope, parts))
        except Exception as error:
            # What an adapter raises may quote the customer: the log says where.
            _log.error("%s cannot be answered in its response: %s", step.account, where_raised(error))
            return None

    async def _take(self, seq: int, ready: Ready) -> Answering | None:
        now = self.clock.now()
        try:
            taken = await self.store.write(
                lambda c: responses.take(c, seq, ready.parts, ready.step, self.owner, now),
            )
        except TakenBack:
            return None
        if taken is None:
            return None
        self.crash("responding")

        async def done(written: bool) -> None:
            await self._settle(ready.step, taken, written=written)

        return Answering(ready.reply, done)

    async def _settle(self, step: AnyRow, taken: Taken, *, written: bool) -> None:
        now = self.clock.now()
        if written:
            visibility = self.doors.infos[step.account].visibility.get(step.surface, "private")
            await self.store.write(lambda c: responses.went_out(c, taken, visibility, now, self.ids))
        else:
            surface = self.doors.channels[step.account].surface(step.surface)
            due = now if surface is None else now + surface.settle_after
            await self.store.write(lambda c: responses.broke_off(c, taken, BROKEN, due, now, self.ids))
        self.kick()
