"""Sessions: a small protocol of our own over real and fake streams, to the journal and back."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

import anyio
import pytest
import trustme
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from anyio.streams.tls import TLSStream

from omnichannel.channel import Envelope, Session
from omnichannel.channel.session import (
    Begin,
    Chunk,
    Close,
    Connect,
    Finish,
    Reset,
    Send,
    SessionAction,
    StartTls,
    WakeAt,
)
from omnichannel.model.exceptions import StoreError
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.sessions import IN_MEMORY, run_session
from omnichannel.stores.blobs import MemoryBlobs
from omnichannel.testing.clock import START, FakeClock
from tests.runtime.fakes import PlainChannel, plain, settled


class Lines(Session):
    """`HELLO <cursor>` from us; then `item <cursor> <bytes> <letter>` from the peer, which gets `TOOK <cursor>`."""

    def __init__(self, cursor: str | None, where: Connect) -> None:
        self._cursor = cursor or "0"
        self._where = where
        self._buffer = b""
        self._secure = where.tls != "starttls"

    @property
    def connect(self) -> Connect:
        return self._where

    def start(self, now: datetime) -> Sequence[SessionAction]:
        if not self._secure:
            return [Send(b"STARTTLS\n")]
        return [Send(f"HELLO {self._cursor}\n".encode()), WakeAt(now + timedelta(minutes=5))]

    def receive(self, data: bytes, now: datetime) -> Sequence[SessionAction]:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return [action for line in lines for action in self._line(line.decode(), now)]

    def _line(self, line: str, now: datetime) -> Sequence[SessionAction]:
        match line.split():
            case ["go"]:
                self._secure = True
                return [StartTls()]
            case ["item", cursor, size, letter]:
                whole = letter.encode() * int(size)
                chunks = [Chunk(whole[at : at + 100_000]) for at in range(0, len(whole), 100_000)]
                return [Begin(id=cursor, headers={"uid": cursor}), *chunks, Finish(id=cursor, cursor=cursor)]
            case ["half"]:
                return [Begin(id="half"), Chunk(b"x" * 300_000)]
            case ["lone"]:
                return [Chunk(b"nobody began this"), Finish(id="lone", cursor="lone")]
            case ["reset", cursor]:
                return [Reset(cursor, "the place was lost")]
            case ["wake", seconds]:
                return [WakeAt(now + timedelta(seconds=float(seconds)))]
            case ["bye"]:
                return [Close("said bye"), Send(b"too late\n")]
            case ["denied"]:
                return [Close("wrong password", auth=True)]
            case _:
                return []

    def tick(self, now: datetime) -> Sequence[SessionAction]:
        return [Send(b"PING\n")]

    def committed(self, cursor: str, now: datetime) -> Sequence[SessionAction]:
        self._cursor = cursor
        took = Send(f"TOOK {cursor}\n".encode())
        return [took, Close("had enough")] if cursor == "last" else [took]


class Talking(PlainChannel):
    adapter = "talking"
    where: Connect | None = Connect(host="mail.example", port=143, tls="none")

    def session(self, cursor: str | None) -> Session | None:
        return None if self.where is None else Lines(cursor, self.where)


class Wire(ByteStream):
    """Our end of a connection in memory."""

    def __init__(self, incoming: MemoryObjectReceiveStream[bytes], said: list[str]) -> None:
        self._incoming = incoming
        self._said = said

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return await self._incoming.receive()

    async def send(self, item: bytes) -> None:
        self._said += item.decode().splitlines()

    async def send_eof(self) -> None: ...

    async def aclose(self) -> None:
        self._incoming.close()
        self._said.append("(closed)")


class World:
    """The peer, the journal and the clock around one running session."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.blobs = MemoryBlobs()
        self.said: list[str] = []
        self.envelopes: list[Envelope] = []
        self.cursors: list[str | None] = []
        self.result: Failure | Exception | None = None
        self.connections = 0
        self.refuse = 0
        self.fail: Exception | None = None
        self._peer: MemoryObjectSendStream[bytes] | None = None

    async def commit(self, envelopes: Sequence[Envelope], cursor: str | None) -> None:
        if self.fail is not None:
            raise self.fail
        self.envelopes += envelopes
        self.cursors.append(cursor)
        self.said.append(f"(committed {cursor})")

    async def connect(self, where: Connect) -> ByteStream:
        self.connections += 1
        if self.refuse:
            self.refuse -= 1
            raise OSError("no route")
        self.hang_up()
        self._peer, incoming = anyio.create_memory_object_stream[bytes](100)
        return Wire(incoming, self.said)

    async def says(self, *lines: str) -> None:
        assert self._peer is not None
        await self._peer.send("".join(f"{line}\n" for line in lines).encode())
        await settled()

    def hang_up(self) -> None:
        if self._peer is not None:
            self._peer.close()

    async def passes(self, seconds: float) -> None:
        await self.clock.advance(timedelta(seconds=seconds))
        await settled()


async def live(
    script: Callable[[World], Awaitable[None]], *, cursor: str | None = None, item_limit: int = 10**8
) -> World:
    """Runs a session beside a script that plays the peer."""
    world = World()

    async def run() -> None:
        try:
            world.result = await run_session(
                plain(Talking),
                cursor,
                commit=world.commit,
                clock=world.clock,
                blobs=world.blobs,
                connect=world.connect,
                item_limit=item_limit,
            )
        except Exception as error:
            world.result = error

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await settled()
        await script(world)
        await settled()
        tasks.cancel_scope.cancel()
    world.hang_up()
    return world


async def test_an_item_is_committed_before_the_peer_is_told() -> None:
    async def script(world: World) -> None:
        await world.says("item 8 3 a", "item 9 0 b")

    world = await live(script, cursor="7")
    assert world.said == ["HELLO 7", "(committed 8)", "TOOK 8", "(committed 9)", "TOOK 9", "(closed)"]
    assert [(one.source, one.content, dict(one.headers), one.received_at) for one in world.envelopes] == [
        ("session", b"aaa", {"uid": "8"}, START),
        ("session", b"", {"uid": "9"}, START),
    ]


@pytest.mark.parametrize(("size", "in_memory"), [(IN_MEMORY, True), (IN_MEMORY + 1, False), (5_000_000, False)])
async def test_what_is_large_is_in_the_blob_store_before_it_is_committed(size: int, in_memory: bool) -> None:
    async def script(world: World) -> None:
        await world.says(f"item 1 {size} z")

    world = await live(script)
    (envelope,) = world.envelopes
    if in_memory:
        assert (len(envelope.content), envelope.blob_id) == (size, None)
    else:
        assert (envelope.content, envelope.blob_id) == (b"", sha256(b"z" * size).hexdigest())
        assert envelope.blob is not None
        assert envelope.blob.size == size
        assert envelope.blob.read(size - 2, 9) == b"zz"
    assert "x-truncated-at" not in envelope.headers


@pytest.mark.parametrize(("limit", "in_blob"), [(1000, False), (300_000, True)])
async def test_what_is_too_large_is_kept_cut_and_stops_nothing(limit: int, in_blob: bool) -> None:
    async def script(world: World) -> None:
        await world.says("item 1 400000 z", "item 2 5 y")

    world = await live(script, item_limit=limit)
    cut, whole = world.envelopes
    assert cut.headers["x-truncated-at"] == str(limit)
    assert (cut.blob.size if cut.blob is not None else len(cut.content)) == limit
    assert (whole.content, world.cursors) == (b"yyyyy", ["1", "2"])


async def test_it_connects_again_from_the_last_committed_item() -> None:
    async def script(world: World) -> None:
        await world.says("item 5 1 a", "half")
        world.hang_up()
        await settled()
        await world.passes(1)
        await world.says("bye")
        await world.passes(1)
        await world.passes(1)

    world = await live(script, cursor="4")
    assert [line for line in world.said if line.startswith("HELLO")] == ["HELLO 4", "HELLO 5", "HELLO 5"]
    assert "too late" not in world.said
    assert [one.content for one in world.envelopes] == [b"a"]


async def test_it_waits_longer_each_time_nobody_answers() -> None:
    async def script(world: World) -> None:
        world.refuse = 5
        await world.says("bye")
        for _ in range(60):
            await world.passes(1)

    world = await live(script)
    # 2, 4, 8, 16 seconds between those that were refused; the next one would come after 64.
    assert world.connections == 5


async def test_a_refused_password_stops_it() -> None:
    async def script(world: World) -> None:
        await world.says("denied")

    world = await live(script)
    assert isinstance(world.result, Failure)
    assert (world.result.outcome, world.result.level) == (Outcome.AUTH, Level.ACCOUNT)
    assert world.result.message == "wrong password"
    assert world.said[-1] == "(closed)"


async def test_it_wakes_by_the_clock_earlier_and_later() -> None:
    async def script(world: World) -> None:
        await world.passes(199)
        assert world.said == ["HELLO 0"]
        # While it sleeps until 300 s: earlier, which wakes the sleeper.
        await world.says("wake 1")
        await world.passes(1)
        assert world.said == ["HELLO 0", "PING"]
        await world.says("wake 100", "wake 10")
        await world.passes(10)
        assert world.said.count("PING") == 2
        await world.says("wake 10", "wake 100")
        await world.passes(99)
        assert world.said.count("PING") == 2
        await world.passes(1)
        await world.says("wake -5")

    world = await live(script)
    assert world.said.count("PING") == 4


async def test_a_place_that_was_lost_is_committed_without_an_item() -> None:
    async def script(world: World) -> None:
        await world.says("reset 1:0", "lone")

    world = await live(script)
    assert (world.cursors, world.envelopes) == (["1:0", "lone"], [])


async def test_what_follows_the_commit_may_end_the_connection() -> None:
    async def script(world: World) -> None:
        await world.says("item last 1 a", "item never 1 b")

    world = await live(script)
    assert world.cursors == ["last"]
    assert world.said[-2:] == ["TOOK last", "(closed)"]


@pytest.mark.parametrize("error", [StoreError("disk full"), OSError(28, "No space left on device")])
async def test_what_the_journal_raises_comes_out_as_it_is_and_the_peer_is_not_told(error: Exception) -> None:
    async def script(world: World) -> None:
        world.fail = error
        await world.says("item 1 1 a")

    world = await live(script)
    assert world.result is error
    assert world.said == ["HELLO 0", "(closed)"]


async def test_what_the_blob_store_raises_comes_out_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MemoryBlobs, "put", full)

    async def script(world: World) -> None:
        await world.says("item 1 3000000 a")

    world = await live(script)
    assert isinstance(world.result, OSError)
    assert world.cursors == []


async def test_a_channel_without_a_session() -> None:
    channel = plain(Talking)
    assert isinstance(channel, Talking)
    channel.where = None
    world = World()
    result = await run_session(channel, None, commit=world.commit, clock=world.clock, blobs=world.blobs)
    assert (result.outcome, result.code) == (Outcome.INVALID, "unsupported")


# ---------------------------------------------------------------- real connections


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
@pytest.mark.parametrize("trusted", [True, False])
async def test_over_sockets_and_tls(
    authority: trustme.CA, tls: Literal["none", "starttls", "implicit"], trusted: bool
) -> None:
    heard: list[str] = []
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with authority.issue_cert("localhost").private_key_and_cert_chain_pem.tempfile() as path:
        server_context.load_cert_chain(path)

    async def secured(stream: ByteStream) -> ByteStream:
        return await TLSStream.wrap(stream, server_side=True, ssl_context=server_context, standard_compatible=False)

    async def serve(stream: SocketStream) -> None:
        talk: ByteStream = stream
        try:
            if tls == "starttls":
                heard.append((await stream.receive()).decode())
                await stream.send(b"go\n")
            if tls != "none":
                talk = await secured(stream)
            heard.append((await talk.receive()).decode())
            await talk.send(b"item 3 2 a\ndenied\n")
            heard.append((await talk.receive()).decode())
        except (ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream):
            heard.append("(broken)")
            tasks.cancel_scope.cancel()
        finally:
            await anyio.aclose_forcefully(talk)

    world = World()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port: int = listener.extra(SocketAttribute.local_port)  # noqa: S610 - anyio's, not Django's
    channel = plain(Talking)
    assert isinstance(channel, Talking)
    channel.where = Connect(host="localhost", port=port, tls=tls)
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode()) if trusted else None
    result: Failure | None = None
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        result = await run_session(
            channel, None, commit=world.commit, clock=world.clock, blobs=world.blobs, ssl_context=context
        )
        tasks.cancel_scope.cancel()
    if trusted or tls == "none":
        assert result is not None
        assert result.message == "wrong password"
        assert heard == [*(["STARTTLS\n"] if tls == "starttls" else []), "HELLO 0\n", "TOOK 3\n"]
        assert world.envelopes[0].content == b"aa"
    else:
        assert heard[-1] == "(broken)"
        assert world.envelopes == []
