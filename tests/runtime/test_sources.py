"""Polls and streams: each item committed with its cursor before the next, and what ends or renews a connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import anyio
import pytest

from omnichannel.channel import Batch, Envelope, ErrorTable, Flow, HttpRequest, HttpResponse, Listen, Repeat
from omnichannel.channel.errors import read_status
from omnichannel.model.exceptions import StoreError
from omnichannel.model.outcome import Failure, Outcome
from omnichannel.runtime.sources import run_listen, run_poll
from omnichannel.runtime.transport import StreamedResponse, TransportError
from omnichannel.testing.clock import START, FakeClock
from tests.runtime.fakes import FakeTransport, PlainChannel, make_runner, plain, settled, streamed

ASK = HttpRequest(method="GET", url="https://api.example/updates", repeat=Repeat.SAFE)


@dataclass
class Committed:
    """The journal; `limit` cancels the source after so many commits."""

    limit: int = 99
    envelopes: list[Envelope] = field(default_factory=list[Envelope])
    cursors: list[str | None] = field(default_factory=list[str | None])
    scope: anyio.CancelScope | None = None

    async def __call__(self, envelopes: Sequence[Envelope], cursor: str | None) -> None:
        self.envelopes += envelopes
        self.cursors.append(cursor)
        if len(self.cursors) >= self.limit and self.scope is not None:
            self.scope.cancel()


async def ran(source: Callable[[], Awaitable[Failure]], clock: FakeClock, journal: Committed) -> Failure | None:
    """Runs a source on the fake clock until it ends by itself or `journal` has enough."""
    result: Failure | None = None

    async def run() -> None:
        nonlocal result
        with anyio.CancelScope() as journal.scope:
            result = await source()
        ended.set()

    ended = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await settled()
        while not ended.is_set():
            if (wake := clock.next_wake()) is not None:
                await clock.advance_to(wake)
            await settled()
    return result


# ---------------------------------------------------------------- polls


class Polling(PlainChannel):
    adapter = "polling"

    def poll(self, cursor: str | None) -> Flow[Batch]:
        data = yield from self.call(ASK)
        envelopes = tuple(Envelope(source="poll", content=item.encode(), received_at=START) for item in data["items"])
        again = data.get("again")
        return Batch(
            envelopes=envelopes,
            cursor=data["cursor"],
            more=bool(data.get("more")),
            again_after=None if again is None else timedelta(seconds=again),
        )


def page(json: str) -> HttpResponse:
    return HttpResponse(200, {}, json.encode())


async def polled(
    reactions: list[HttpResponse | TransportError], limit: int = 99
) -> tuple[Committed, Failure | None, list[float]]:
    clock, journal, at = FakeClock(), Committed(limit), list[float]()
    transport = FakeTransport()
    for reaction in reactions:

        def react(request: HttpRequest, reaction: HttpResponse | TransportError = reaction) -> HttpResponse:
            at.append((clock.now() - START).total_seconds())
            if isinstance(reaction, TransportError):
                raise reaction
            return reaction

        transport.reactions.append(react)
    runner = make_runner(transport, clock)

    async def source() -> Failure:
        return await run_poll(plain(Polling), "c0", runner=runner, commit=journal, clock=clock)

    return journal, await ran(source, clock, journal), at


async def test_a_poll_commits_envelopes_with_their_cursor_and_waits_as_told() -> None:
    pages = [
        page('{"items": ["a", "b"], "cursor": "c1", "more": true}'),
        page('{"items": ["c"], "cursor": "c2"}'),
        page('{"items": [], "cursor": "c2", "again": 30}'),
        page('{"items": ["d"], "cursor": "c3"}'),
    ]
    journal, failure, at = await polled([*pages], limit=3)
    assert [envelope.content for envelope in journal.envelopes] == [b"a", b"b", b"c", b"d"]
    assert journal.cursors == ["c1", "c2", "c3"]
    assert at == [0, 0, 5, 35]
    assert failure is None


async def test_a_poll_backs_off_while_the_platform_is_down_and_stops_when_it_is_refused() -> None:
    lost = TransportError("refused", maybe_sent=False)
    journal, failure, at = await polled(
        [lost, lost, HttpResponse(503), page('{"items": [], "cursor": "c0"}'), lost, HttpResponse(401)]
    )
    assert failure is not None
    assert failure.outcome is Outcome.AUTH
    assert at == [0, 1, 3, 7, 12, 13]
    assert journal.cursors == []


async def test_a_poll_waits_as_long_as_the_platform_asks() -> None:
    _, failure, at = await polled([HttpResponse(429, {"retry-after": "90"}), HttpResponse(403, {}, b"no")])
    assert failure is not None
    assert at == [0, 90]


# ---------------------------------------------------------------- streams


class Streaming(PlainChannel):
    adapter = "streaming"
    how: Listen | None = Listen(request=ASK, framing="sse", idle=timedelta(seconds=60), resume_query="since")

    def listen(self, cursor: str | None) -> Listen | None:
        return self.how


def lines_channel() -> PlainChannel:
    channel = plain(Streaming)
    assert isinstance(channel, Streaming)
    channel.how = Listen(request=ASK, framing="lines", idle=timedelta(seconds=60))
    return channel


def sse_channel() -> PlainChannel:
    return plain(Streaming)


async def listened(
    transport: FakeTransport, channel: PlainChannel, limit: int = 99, cursor: str | None = None
) -> tuple[Committed, Failure | None, FakeClock]:
    clock, journal = FakeClock(), Committed(limit)
    runner = make_runner(transport, clock)

    async def source() -> Failure:
        return await run_listen(channel, cursor, runner=runner, transport=transport, commit=journal, clock=clock)

    return journal, await ran(source, clock, journal), clock


STOP = streamed(401)
SSE = (
    b": hello\r\n\r\n"
    b'event: update\r\ndata: {"a":\r\ndata:  1}\r\nid: 7\r\n\r\n'
    b"data\n\n"
    b"event: lost without data\n\n"
    b"retry: 10\rdata: \xc3\xa9t\xc3\xa9\rid: bad\x00id\r\r"
    b"data: last\nid: 9\n\n"
    b"data: cut off"
)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 10_000])
async def test_events_are_read_in_any_slices(step: int) -> None:
    pieces = [SSE[at : at + step] for at in range(0, len(SSE), step)]
    transport = FakeTransport(streams=[streamed(200, *pieces), STOP])
    journal, failure, _ = await listened(transport, sse_channel(), cursor="5")
    assert [(one.content, dict(one.headers)) for one in journal.envelopes] == [
        (b'{"a":\n 1}', {"event": "update", "id": "7"}),
        (b"", {"id": "7"}),
        ("été".encode(), {"id": "7"}),
        (b"last", {"id": "9"}),
    ]
    assert journal.cursors == ["7", "7", "7", "9"]
    assert failure is not None
    assert failure.outcome is Outcome.AUTH
    assert [request.query for request in transport.sent] == [(("since", "5"),), (("since", "9"),)]
    assert {one.source for one in journal.envelopes} == {"stream"}
    assert "secret" not in str(journal.envelopes)


@pytest.mark.parametrize("step", [1, 4, 10_000])
async def test_lines_are_read_in_any_slices(step: int) -> None:
    text = b'{"a": 1}\r\n\r\n \n{"b": 2}\n{"c": 3}'
    pieces = [text[at : at + step] for at in range(0, len(text), step)]
    journal, _, _ = await listened(FakeTransport(streams=[streamed(200, *pieces), STOP]), lines_channel(), cursor="x")
    assert [one.content for one in journal.envelopes] == [b'{"a": 1}', b'{"b": 2}', b'{"c": 3}']
    assert set(journal.cursors) == {"x"}


async def test_a_stream_connects_again_after_every_kind_of_end() -> None:
    lost = TransportError("reset", maybe_sent=True)
    transport = FakeTransport(
        streams=[streamed(200, b"one\n", lost), lost, streamed(503, b"busy"), streamed(200, b"two\n"), STOP]
    )
    journal, failure, clock = await listened(transport, lines_channel())
    assert [one.content for one in journal.envelopes] == [b"one", b"two"]
    assert (clock.now() - START).total_seconds() == 1 + 2 + 4 + 1
    assert failure is not None
    assert len(transport.sent) == 5


async def test_a_silent_stream_is_taken_for_dead() -> None:
    connections: list[float] = []
    clock, journal = FakeClock(), Committed()

    class Silent(FakeTransport):
        @asynccontextmanager
        async def stream(self, request: HttpRequest, *, account: str) -> AsyncGenerator[StreamedResponse]:
            connections.append((clock.now() - START).total_seconds())
            status = 200 if len(connections) < 3 else 401

            async def chunks() -> AsyncGenerator[bytes]:
                if status == 200:
                    yield b"one\n"
                    await clock.sleep(50)
                    yield b": heartbeat"
                    await anyio.sleep_forever()

            pieces = chunks()
            try:
                yield StreamedResponse(status, {}, pieces)
            finally:
                await pieces.aclose()

    transport = Silent()
    runner = make_runner(transport, clock)

    async def source() -> Failure:
        return await run_listen(lines_channel(), None, runner=runner, transport=transport, commit=journal, clock=clock)

    failure = await ran(source, clock, journal)
    assert failure is not None
    # 50 s to the heartbeat, 60 s of silence, 1 s before it connects again.
    assert connections == [0, 111, 222]


@pytest.mark.parametrize("text", [b"x" * 2_000_000, b"data: " + b"x" * 600_000 + b"\ndata: " + b"x" * 600_000 + b"\n"])
async def test_an_item_without_an_end_ends_the_connection(text: bytes) -> None:
    pieces = [text[at : at + 65_536] for at in range(0, len(text), 65_536)]
    journal, _, _ = await listened(FakeTransport(streams=[streamed(200, *pieces), STOP]), sse_channel())
    assert journal.envelopes == []


async def test_what_the_journal_raises_stops_the_source_as_it_is() -> None:
    transport = FakeTransport(streams=[streamed(200, b"one\n")])
    clock = FakeClock()

    async def full(envelopes: Sequence[Envelope], cursor: str | None) -> None:
        raise StoreError("disk full")

    with pytest.raises(StoreError, match="disk full"):
        await run_listen(
            lines_channel(),
            None,
            runner=make_runner(transport, clock),
            transport=transport,
            commit=full,
            clock=clock,
        )


@pytest.mark.parametrize("framing", [None, "websocket"])
async def test_a_channel_without_such_a_stream(framing: str | None) -> None:
    channel = plain(Streaming)
    assert isinstance(channel, Streaming)
    channel.how = None if framing is None else Listen(request=ASK, framing="websocket", idle=timedelta(seconds=1))
    _, failure, _ = await listened(FakeTransport(), channel)
    assert failure is not None
    assert (failure.outcome, failure.code) == (Outcome.INVALID, "unsupported")


async def test_an_answer_that_the_error_table_calls_fine_is_still_no_stream() -> None:
    class Lenient(Streaming):
        adapter = "lenient"
        errors = ErrorTable(read=lambda response: None if response.status == 304 else read_status(response))

    transport = FakeTransport(streams=[streamed(304), STOP])
    _, failure, clock = await listened(transport, plain(Lenient))
    assert failure is not None
    assert clock.now() - START == timedelta(seconds=1)
