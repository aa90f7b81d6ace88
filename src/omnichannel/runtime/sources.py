"""Inbound that we fetch ourselves: polls, streams that we only read, and sessions. All yield envelopes, and commit
each together with its cursor before they go on, so that a crash reads twice and loses nothing.

Every driver runs until it is cancelled, or gives the failure that stops it: credentials, suspension, a withdrawal.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import anyio

from omnichannel.channel.base import Channel
from omnichannel.channel.wire import Batch, Envelope, Flow, HttpRequest, HttpResponse, Listen
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.retry import Backoff
from omnichannel.runtime.sessions import Commit, Connecting, run_session
from omnichannel.runtime.transport import Transport, TransportError

__all__ = ["Commit", "Connecting", "poll_once", "run_listen", "run_poll", "run_session"]

T = TypeVar("T")

EVERY = timedelta(seconds=5)
EVENT_LIMIT = 1024 * 1024
_LINE_END = re.compile(rb"\r\n|\n|\r")
_log = logging.getLogger("omnichannel.sources")


class Runs(Protocol):
    """What of the runner a source needs."""

    async def run(self, channel: Channel[Any], flow: Flow[T]) -> T | Failure:
        """Runs a flow."""
        ...

    async def sign(self, channel: Channel[Any], request: HttpRequest) -> HttpRequest | Failure:
        """Puts the credentials in."""
        ...


async def run_poll(
    channel: Channel[Any],
    cursor: str | None,
    *,
    runner: Runs,
    commit: Commit,
    clock: Clock,
    every: timedelta = EVERY,
) -> Failure:
    """Polls until something other than waiting is needed. `again_after` of a batch wins over `every`."""
    backoff = Backoff()
    while True:
        batch = await poll_once(channel, cursor, runner=runner, commit=commit)
        if isinstance(batch, Failure):
            if batch.outcome is not Outcome.RETRY:
                return batch
            await clock.sleep(backoff.next(batch, clock))
            continue
        backoff.succeeded()
        cursor = batch.cursor
        if not batch.more:
            await clock.sleep((batch.again_after or every).total_seconds())


async def poll_once(channel: Channel[Any], cursor: str | None, *, runner: Runs, commit: Commit) -> Batch | Failure:
    """One poll; what it found is committed with how far it got."""
    batch = await runner.run(channel, channel.poll(cursor))
    if isinstance(batch, Batch) and (batch.envelopes or batch.cursor != cursor):
        await commit(batch.envelopes, batch.cursor)
    return batch


# ---------------------------------------------------------------- streams that we only read


async def run_listen(
    channel: Channel[Any],
    cursor: str | None,
    *,
    runner: Runs,
    transport: Transport,
    commit: Commit,
    clock: Clock,
) -> Failure:
    """Reads the channel's stream, and connects again when it ends, breaks, or is silent for too long."""
    backoff = Backoff()
    while True:
        listen = channel.listen(cursor)
        if listen is None or listen.framing == "websocket":
            return _unsupported(channel)
        request = await runner.sign(channel, _resumed(listen, cursor))
        if isinstance(request, Failure):
            failure: Failure | None = request
        else:
            connection = _Connection(channel, listen, request, cursor, transport, commit, clock)
            failure = await connection.read()
            cursor = connection.cursor
            if connection.items:
                backoff.succeeded()
        if failure is not None and failure.outcome is not Outcome.RETRY:
            return failure
        await clock.sleep(backoff.next(failure, clock))


def _unsupported(channel: Channel[Any]) -> Failure:
    why = f"{channel.adapter} has no stream that can be read here"
    return Failure(outcome=Outcome.INVALID, level=Level.CHANNEL, code="unsupported", message=why)


def _resumed(listen: Listen, cursor: str | None) -> HttpRequest:
    request = listen.request
    if listen.resume_query is not None and cursor is not None and listen.resume_query not in dict(request.query):
        request = replace(request, query=(*request.query, (listen.resume_query, cursor)))
    # The watchdog decides what silence means, not the client.
    return replace(request, timeout=request.timeout or listen.idle * 2)


@dataclass(slots=True)
class _Connection:
    """One connection of a stream."""

    channel: Channel[Any]
    listen: Listen
    request: HttpRequest
    cursor: str | None
    transport: Transport
    commit: Commit
    clock: Clock
    items: int = 0
    heard: float = 0.0
    silent: bool = False

    async def read(self) -> Failure | None:
        """Reads to the end; None for one that is no failure: a closed or a silent stream."""
        self.heard = self.clock.monotonic()
        failure: Failure | None = None
        broken: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, tasks.cancel_scope)
            try:
                failure = await self._read()
            except TransportError as error:
                failure = _broken(error)
            except Exception as error:
                # Raised again outside, so that no group of exceptions is made of it.
                broken = error
            tasks.cancel_scope.cancel()
        if broken is not None:
            raise broken
        if self.silent:
            _log.warning("the stream of %s was silent for %s", self.channel.account.id, self.listen.idle)
        return failure

    async def _watch(self, scope: anyio.CancelScope) -> None:
        idle = self.listen.idle.total_seconds()
        while (left := self.heard + idle - self.clock.monotonic()) > 0:
            await self.clock.sleep(left)
        self.silent = True
        scope.cancel()

    async def _read(self) -> Failure | None:
        async with self.transport.stream(self.request, account=self.channel.account.id) as response:
            if not 200 <= response.status < 300:
                return await self._refused(response.status, response.headers, response.chunks)
            items = _sse if self.listen.framing == "sse" else _lines
            async with aclosing(items(self._heard(response.chunks))) as found:
                async for item in found:
                    await self._take(item)
        return None

    async def _refused(self, status: int, headers: dict[str, str], chunks: AsyncIterator[bytes]) -> Failure:
        content = b""
        async for chunk in chunks:
            content = (content + chunk)[:65_536]
        failure = self.channel.errors.failure_of(HttpResponse(status, headers, content))
        return failure or Failure(outcome=Outcome.RETRY, level=Level.ATTEMPT, status=status, recognized=False)

    async def _heard(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        async for chunk in chunks:
            self.heard = self.clock.monotonic()
            yield chunk

    async def _take(self, item: _Item) -> None:
        cursor = item.id if item.id is not None else self.cursor
        headers = {name: value for name, value in (("event", item.event), ("id", item.id)) if value}
        envelope = Envelope(
            source="stream",
            method=self.request.method,
            url=self.listen.request.url,
            headers=headers,
            content=item.data,
            received_at=self.clock.now(),
        )
        await self.commit((envelope,), cursor)
        self.cursor = cursor
        self.items += 1


def _broken(error: TransportError) -> Failure:
    code = f"transport_{error.kind}"
    return Failure(outcome=Outcome.RETRY, level=Level.ATTEMPT, code=code, message=str(error))


@dataclass(frozen=True, slots=True)
class _Item:
    data: bytes
    event: str = ""
    id: str | None = None


async def _split(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Lines that end in LF, CRLF or CR. Raises `TransportError` for one that does not end."""
    rest = b""
    async with aclosing(chunks):
        async for chunk in chunks:
            rest += chunk
            # A CR at the end may be the first half of a CRLF.
            *lines, rest = _LINE_END.split(rest) if not rest.endswith(b"\r") else (rest,)
            for line in lines:
                yield line
            if len(rest) > EVENT_LIMIT:
                raise TransportError("too_large", maybe_sent=True, why="a line without an end")
    yield rest.rstrip(b"\r")


async def _lines(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[_Item]:
    async with aclosing(_split(chunks)) as lines:
        async for line in lines:
            # Blank lines are heartbeats.
            if line.strip():
                yield _Item(line)


async def _sse(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[_Item]:
    # https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    data: list[bytes] = []
    event, last_id, size = "", None, 0
    async with aclosing(_split(chunks)) as lines:
        async for line in lines:
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            match name:
                case b"" if not line:
                    if data:
                        yield _Item(b"\n".join(data), event, last_id)
                    data, event, size = [], "", 0
                case b"data":
                    data.append(value)
                    size += len(value)
                case b"event":
                    event = value.decode("utf-8", "replace")
                case b"id" if b"\x00" not in value:
                    last_id = value.decode("utf-8", "replace")
                case _:
                    pass
            if size > EVENT_LIMIT:
                raise TransportError("too_large", maybe_sent=True, why="an event without an end")
