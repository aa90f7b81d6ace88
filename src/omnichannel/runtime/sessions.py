"""Drives sessions: bytes from the peer to the protocol, its actions back, items to the journal, then the peer told."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeAlias, assert_never

import anyio
from anyio.abc import ByteStream, TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from anyio.streams.tls import TLSStream

from omnichannel.channel.base import Channel
from omnichannel.channel.session import (
    Begin,
    Chunk,
    Close,
    Connect,
    Finish,
    Reset,
    Send,
    Session,
    SessionAction,
    StartTls,
    WakeAt,
)
from omnichannel.channel.wire import Envelope
from omnichannel.model.exceptions import StoreError
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.tls import system_trust
from omnichannel.stores.base import Blob, BlobStore

Connecting: TypeAlias = Callable[[Connect], Awaitable[ByteStream]]
Commit: TypeAlias = Callable[[Sequence[Envelope], str | None], Awaitable[None]]
"""Journals envelopes and their cursor in one commit. What it raises stops the source."""

IN_MEMORY = 256 * 1024
ITEM_LIMIT = 100 * 1024 * 1024
READ = 64 * 1024
CONNECT_SECONDS = 30.0
LONGEST_WAIT = timedelta(minutes=5)
_log = logging.getLogger("omnichannel.sessions")


async def run_session(
    channel: Channel[Any],
    cursor: str | None,
    *,
    commit: Commit,
    clock: Clock,
    blobs: BlobStore,
    connect: Connecting | None = None,
    ssl_context: ssl.SSLContext | None = None,
    item_limit: int = ITEM_LIMIT,
) -> Failure:
    """Keeps one connection of the channel open, and opens it again when it ends; from the last committed cursor.

    Gives the failure that stops it: credentials that are refused, or a channel without a session. `connect` opens
    the connection (with TLS where it is implicit); STARTTLS is done here.
    """
    connecting = connect or _connector(ssl_context)
    failed = 0
    while True:
        session = channel.session(cursor)
        if session is None:
            return _failure(Outcome.INVALID, Level.CHANNEL, "unsupported", f"{channel.adapter} has no session")
        driver = _Driver(session, cursor, commit, clock, blobs, ssl_context, item_limit)
        ended = await driver.run(connecting)
        cursor = driver.cursor
        if ended.auth:
            return _failure(Outcome.AUTH, Level.ACCOUNT, "session_refused", ended.reason)
        _log.info("the session of %s ended: %s", channel.account.id, ended.reason)
        failed = 0 if driver.commits else failed + 1
        wait = min(timedelta(seconds=1 << min(failed, 20)), LONGEST_WAIT)
        await clock.sleep(wait.total_seconds())


def _failure(outcome: Outcome, level: Level, code: str, message: str) -> Failure:
    return Failure(outcome=outcome, level=level, code=code, message=message)


def _connector(context: ssl.SSLContext | None) -> Connecting:
    async def connect(where: Connect) -> ByteStream:
        with anyio.fail_after(CONNECT_SECONDS):
            if where.tls == "implicit":
                return await anyio.connect_tcp(
                    where.host, where.port, ssl_context=context or system_trust(), tls_standard_compatible=False
                )
            return await anyio.connect_tcp(where.host, where.port)

    return connect


class _Ours(Exception):
    """What our own commit or blob store raised: no fault of the connection, and not to be taken for one."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _Spool:
    """An item in progress: in memory while it is small, then on its way into the blob store."""

    def __init__(self, begin: Begin, blobs: BlobStore, tasks: TaskGroup, limit: int) -> None:
        self._headers = dict(begin.headers)
        self._blobs = blobs
        self._tasks = tasks
        self._limit = limit
        self._size = 0
        self._content = bytearray()
        self._feed: MemoryObjectSendStream[bytes] | None = None
        self._stored = anyio.Event()
        self._blob: Blob | None = None
        self._error: Exception | None = None

    async def add(self, data: bytes) -> None:
        # One that is too large is kept cut, and says so: an item that could not be taken would stop all behind it.
        kept = data[: max(0, self._limit - self._size)]
        self._size += len(data)
        self._content += kept
        if self._size <= IN_MEMORY:
            return
        if self._feed is None:
            self._feed, receive = anyio.create_memory_object_stream[bytes](1)
            self._tasks.start_soon(self._store, receive)
        piece = bytes(self._content)
        self._content.clear()
        if piece:
            with suppress(anyio.BrokenResourceError):
                await self._feed.send(piece)
        if self._error is not None:
            raise _Ours(self._error)

    async def finish(self, now: datetime) -> Envelope:
        if self._size > self._limit:
            self._headers["x-truncated-at"] = str(self._limit)
        if self._feed is None:
            content = bytes(self._content)
            return Envelope(source="session", headers=self._headers, content=content, received_at=now)
        self._feed.close()
        await self._stored.wait()
        if self._error is not None or self._blob is None:
            raise _Ours(self._error or StoreError("the blob store kept nothing"))
        name = self._blob.sha256
        reader = self._blobs.open(name)
        return Envelope(source="session", headers=self._headers, blob=reader, blob_id=name, received_at=now)

    def drop(self) -> None:
        """The connection ended in the middle of the item."""
        if self._feed is not None:
            self._feed.close()

    async def _store(self, receive: MemoryObjectReceiveStream[bytes]) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            async for piece in receive:
                yield piece

        try:
            with receive:
                self._blob = await self._blobs.put(pieces(), limit=self._limit)
        except Exception as error:
            self._error = error
        finally:
            self._stored.set()


class _Driver:
    """One connection."""

    def __init__(
        self,
        session: Session,
        cursor: str | None,
        commit: Commit,
        clock: Clock,
        blobs: BlobStore,
        context: ssl.SSLContext | None,
        item_limit: int,
    ) -> None:
        self.session = session
        self.cursor = cursor
        self.commits = 0
        self._commit = commit
        self._clock = clock
        self._blobs = blobs
        self._context = context
        self._item_limit = item_limit
        self._stream: ByteStream | None = None
        self._spool: _Spool | None = None
        self._alarm = _Alarm(clock)

    async def run(self, connecting: Connecting) -> Close:
        """Talks until one side ends it. Raises what `commit` or the blob store raised."""
        ended = Close("the connection was lost")
        broken: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._alarm.run)
            try:
                ended = await self._talk(connecting, tasks)
            except _Ours as ours:
                # Raised again outside, so that no group of exceptions is made of it.
                broken = ours.error
            except anyio.EndOfStream:
                ended = Close("the other side closed the connection")
            except (OSError, ssl.SSLError, anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
                ended = Close(f"the connection was lost: {type(error).__name__}")
            finally:
                await self._hang_up()
            tasks.cancel_scope.cancel()
        if broken is not None:
            raise broken
        return ended

    async def _talk(self, connecting: Connecting, tasks: TaskGroup) -> Close:
        session, clock = self.session, self._clock
        self._stream = await connecting(session.connect)
        ended = await self._perform(session.start(clock.now()), tasks)
        while ended is None:
            data = await self._alarm.unless_due(self._stream.receive)
            now = clock.now()
            actions = session.tick(now) if data is None else session.receive(data, now)
            ended = await self._perform(actions, tasks)
        return ended

    async def _hang_up(self) -> None:
        if self._spool is not None:
            self._spool.drop()
        if self._stream is not None:
            await anyio.aclose_forcefully(self._stream)

    async def _perform(self, actions: Sequence[SessionAction], tasks: TaskGroup) -> Close | None:
        """Does the actions in order; gives the one that ends the connection."""
        for action in actions:
            match action:
                case Send(data):
                    await self._open_stream().send(data)
                case StartTls():
                    await self._start_tls()
                    more = self.session.start(self._clock.now())
                    if (ended := await self._perform(more, tasks)) is not None:
                        return ended
                case Begin():
                    self._spool = _Spool(action, self._blobs, tasks, self._item_limit)
                case Chunk(data):
                    if self._spool is not None:
                        await self._spool.add(data)
                case Finish():
                    if (ended := await self._finish(action, tasks)) is not None:
                        return ended
                case Reset():
                    _log.warning("a session starts anew from %s: %s", action.cursor, action.reason)
                    await self._save((), action.cursor)
                case WakeAt(at):
                    self._alarm.set(at)
                case Close():
                    return action
                case _:
                    assert_never(action)
        return None

    async def _finish(self, action: Finish, tasks: TaskGroup) -> Close | None:
        spool, self._spool = self._spool, None
        now = self._clock.now()
        await self._save((await spool.finish(now),) if spool is not None else (), action.cursor)
        return await self._perform(self.session.committed(action.cursor, self._clock.now()), tasks)

    async def _save(self, envelopes: Sequence[Envelope], cursor: str) -> None:
        try:
            await self._commit(envelopes, cursor)
        except Exception as error:
            raise _Ours(error) from error
        self.cursor = cursor
        self.commits += 1

    def _open_stream(self) -> ByteStream:
        if self._stream is None:
            raise anyio.ClosedResourceError
        return self._stream

    async def _start_tls(self) -> None:
        with anyio.fail_after(CONNECT_SECONDS):
            self._stream = await TLSStream.wrap(
                self._open_stream(),
                server_side=False,
                hostname=self.session.connect.host,
                ssl_context=self._context or system_trust(),
                standard_compatible=False,
            )


class _Alarm:
    """Interrupts a read when the time comes that the session asked for, by the clock that we were given."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at: datetime | None = None
        self._sleeping_until: datetime | None = None
        self._sleep: anyio.CancelScope | None = None
        self._read: anyio.CancelScope | None = None
        self._set = anyio.Event()

    def set(self, at: datetime) -> None:
        self._at = at
        self._set.set()
        # A later time needs nothing: the sleeper looks again when it wakes.
        if self._sleep is not None and self._sleeping_until is not None and at < self._sleeping_until:
            self._sleep.cancel()

    async def unless_due(self, read: Callable[[], Awaitable[bytes]]) -> bytes | None:
        """What `read` gives, or None when the time has come first."""
        while not self._due():
            with anyio.CancelScope() as self._read:
                return await read()
        return None

    def _due(self) -> bool:
        if self._at is None or self._clock.now() < self._at:
            return False
        self._at = None
        return True

    async def run(self) -> None:
        while True:
            await self._set.wait()
            self._set = anyio.Event()
            while self._at is not None and (left := (self._at - self._clock.now()).total_seconds()) > 0:
                self._sleeping_until = self._at
                with anyio.CancelScope() as self._sleep:
                    await self._clock.sleep(left)
                self._sleep = None
            if self._at is not None and self._read is not None:
                self._read.cancel()
