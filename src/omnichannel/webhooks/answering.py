"""Responses that carry an answer: wait for it, watch whether anybody still listens, and tell whether it was written."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import anyio
import anyio.lowlevel

from omnichannel.channel.base import Channel
from omnichannel.channel.wire import Envelope, HttpReply

_log = logging.getLogger("omnichannel.webhooks")


class Answering(Protocol):
    """A reply with parts in it, whose attempts are on disk as begun."""

    @property
    def reply(self) -> HttpReply:
        """What to send."""
        ...

    @property
    def done(self) -> Callable[[bool], Awaitable[None]]:
        """Settles the attempts: True where the reply was written, False where nobody knows."""
        ...


class Responses(Protocol):
    """Keeps envelopes whose response waits for an answer, and finds the answer."""

    async def keep(self, endpoint: str, envelope: Envelope, until: datetime, /) -> int:
        """Commits the envelope and wakes whoever handles it; gives its number."""
        ...

    async def answer(
        self,
        seq: int,
        channel: Channel[Any],
        envelope: Envelope,
        until: datetime,
        room: int,
        gone: Callable[[], bool],
        /,
    ) -> Answering | None:
        """What answers the envelope, None where nothing does in time or whoever asked is `gone`."""
        ...


@dataclass(slots=True)
class Held:
    """A response that waits: the envelope is kept under `seq`, and `otherwise` is the reply without an answer."""

    responses: Responses
    seq: int
    endpoint: str
    channel: Channel[Any]
    envelope: Envelope
    until: datetime
    room: int
    otherwise: HttpReply
    _gone: bool = field(default=False, init=False)

    async def respond(
        self, receive: Callable[[], Awaitable[Any]], send: Callable[[HttpReply], Awaitable[None]]
    ) -> None:
        """Sends the answer, or what is said without one. Raises what `send` raises."""
        error: Exception | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch, receive)
            # What is raised in here is raised again outside: the task group would put it into a group.
            try:
                await self._respond(send)
            except Exception as raised:
                error = raised
            group.cancel_scope.cancel()
        if error is not None:
            raise error

    async def _watch(self, receive: Callable[[], Awaitable[Any]]) -> None:
        """Servers tell here, and some of them only here, that the client has gone."""
        while (await receive())["type"] != "http.disconnect":
            await anyio.lowlevel.checkpoint()
        self._gone = True

    async def _respond(self, send: Callable[[HttpReply], Awaitable[None]]) -> None:
        answering = await self._answer()
        if answering is None:
            return await send(self.otherwise)
        written = False
        try:
            heard = not self._gone
            await send(answering.reply)
            written = heard
        finally:
            # A server may cancel us when its client goes away: what is known then is written all the same.
            with anyio.CancelScope(shield=True):
                await answering.done(written)

    async def _answer(self) -> Answering | None:
        """The envelope is kept: whatever breaks now, the platform is told so."""
        try:
            return await self.responses.answer(
                self.seq, self.channel, self.envelope, self.until, self.room, lambda: self._gone
            )
        except Exception as error:
            _log.error("answering a webhook of %s in its response failed: %s", self.endpoint, type(error).__name__)
            return None
