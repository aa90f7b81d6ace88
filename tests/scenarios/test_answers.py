"""Answers in a webhook's own response: what is ready in time goes out there, once, and all else as ever."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from omnichannel import Handlers, Hub, Turn
from omnichannel.channel import Envelope
from omnichannel.hub.ports import Ports
from omnichannel.hub.settings import HubSettings
from omnichannel.runtime.clock import SystemClock
from omnichannel.runtime.responding import LOOK
from omnichannel.stores import responses
from omnichannel.stores.blobs import MemoryBlobs
from omnichannel.stores.journal import Arrival
from omnichannel.stores.sql import SqlStore
from omnichannel.testing.asgi import InProcessTransport, http_scope, post_webhook
from omnichannel.testing.people import Person
from omnichannel.testing.world import World
from tests.scenarios.support import MINUTE, column, rows, schema
from tests.testing.switchboard import HOLD_THE_LINE, SECRET, WITHIN, Exchange, LineAccount, signed

URL = "https://desk.example/hooks"
TEN = timedelta(minutes=10)


class Killed(BaseException):
    """The process is gone."""


def exchange(world: World) -> Exchange:
    made = Exchange(now=world.clock.now, seed=world.seed)
    world.simulators[made.adapter] = made
    return made


def caller(world: World) -> Person:
    return world.customer("Ann", line="ann")


def hub(handlers: Handlers | None = None, room: int = 1) -> Hub:
    account = LineAccount(id="line", secret=(SecretStr(SECRET),), room=room)
    return Hub([account], handlers=handlers or saying("Hello."), work=False)


def saying(*texts: str) -> Handlers:
    made = Handlers()

    @made.on_message
    async def answer(turn: Turn) -> None:
        for text in texts:
            await turn.reply(text)

    return made


async def nothing_waits(live: Hub) -> None:
    """No response is waited for, and no part for a response."""
    assert await column(live, schema.responses.c.journal_seq) == []
    assert await column(live, schema.answerable.c.message_id) == []
    assert await column(live, schema.parts.c.key, schema.parts.c.response.isnot(None)) == []


async def attempts(live: Hub) -> list[tuple[str, bool]]:
    a = schema.attempts.c
    return [(row.state, row.was_unknown) for row in await rows(live, select(a.state, a.was_unknown).order_by(a.seq))]


# ---------------------------------------------------------------- in time, and not


async def test_it_is_in_the_response_and_nowhere_else(world: World) -> None:
    platform, ann = exchange(world), caller(world)
    async with world.run(hub()) as live:
        await ann.on("line").says("Hi")
        assert (platform.heard, platform.played) == (["Hello."], [])
        assert await column(live, schema.deliveries.c.state) == ["accepted"]
        assert await attempts(live) == [("accepted", False)]
        assert await column(live, schema.messages.c.text, schema.messages.c.direction == "out") == ["Hello."]
        await nothing_waits(live)
        await world.advance(TEN)
        assert (platform.heard, platform.played) == (["Hello."], [])


async def test_where_nobody_answers_nobody_waits(world: World) -> None:
    platform, ann = exchange(world), caller(world)
    async with world.run(hub(Handlers())) as live:
        await ann.on("line").says("Hi")
        assert (platform.heard, platform.waited) == ([], [timedelta(0)])
        await nothing_waits(live)
        # What a person says later is sent as anything else.
        (waiting,) = (await live.desk.list("support")).items
        await live.reply(waiting.id, "Sorry to keep you.", agent="mia")
        await world.settle()
        assert (platform.heard, platform.played) == ([], ["Sorry to keep you."])


async def test_what_is_not_ready_in_time_is_sent_as_anything_else(world: World) -> None:
    platform, ann = exchange(world), caller(world)
    handlers, tries = Handlers(), 0

    @handlers.on_message
    async def answer(turn: Turn) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:  # the first run is at once, the third after six seconds
            raise ValueError("the CRM is slow")
        await turn.reply("Here it is.")

    async with world.run(hub(handlers)) as live:
        await ann.on("line").says("Hi")
        assert platform.waited == [WITHIN]
        assert (platform.heard, platform.played) == ([], [])
        await nothing_waits(live)
        await world.advance(MINUTE * 2)
        assert (platform.heard, platform.played) == ([], ["Here it is."])


THREE = ("One is said first. " + "x" * 20, "Two is said then. " + "y" * 20, "Three is last.")


@pytest.mark.parametrize("room", [1, 2, 3, 9])
async def test_what_there_is_no_room_for_follows_in_order(world: World, room: int) -> None:
    platform, ann = exchange(world), caller(world)
    async with world.run(hub(saying(" ".join(THREE)), room)) as live:
        await ann.on("line").says("Hi")
        assert (platform.heard, platform.played) == (list(THREE[:room]), list(THREE[room:]))
        assert [seen.text for seen in ann.on("line").seen()] == list(THREE)
        assert await column(live, schema.deliveries.c.state) == ["accepted"]
        assert await attempts(live) == [("accepted", False)] * 3
        await nothing_waits(live)


async def test_a_second_reply_follows_the_first(world: World) -> None:
    """It waits for the first one, as everywhere; and the response has left by then."""
    platform, ann = exchange(world), caller(world)
    async with world.run(hub(saying("Hello.", "How are you?"), room=2)) as live:
        await ann.on("line").says("Hi")
        assert (platform.heard, platform.played) == (["Hello."], ["How are you?"])
        await nothing_waits(live)


async def test_what_cannot_be_said_in_a_response_is_sent(world: World) -> None:
    platform, ann = exchange(world), caller(world)
    async with world.run(hub(saying("Grüezi"))) as live:
        await ann.on("line").says("Hi")
        assert (platform.heard, platform.played, platform.waited) == ([], ["Grüezi"], [timedelta(0)])
        assert await attempts(live) == [("accepted", False)]
        await nothing_waits(live)


async def test_an_envelope_without_a_message_is_acknowledged_at_once(world: World) -> None:
    exchange(world)
    async with world.run(hub()) as live:
        status, body = await post_webhook(live.asgi, signed(f"{URL}/line", {"ring": 1}), root_path="/hooks")
        assert (status, body) == (200, HOLD_THE_LINE)
        await nothing_waits(live)


async def test_said_twice_it_is_answered_once(world: World) -> None:
    platform = exchange(world)
    async with world.run(hub()) as live:
        request = signed(f"{URL}/line", {"id": "1", "from": "ann", "text": "Hi"})
        bodies = [(await post_webhook(live.asgi, request, root_path="/hooks"))[1] for _ in range(2)]
        await world.settle()
        assert (bodies, platform.played) == ([b'["Hello."]', HOLD_THE_LINE], [])


# ---------------------------------------------------------------- connections that break


async def ask(live: Hub, *, breaks: bool, gone: bool) -> list[MutableMapping[str, Any]]:
    """One call by a server whose client hangs up: while it waits (`gone`), or when it is answered (`breaks`)."""
    request = signed(f"{URL}/line", {"id": "1", "from": "ann", "text": "Hi"})
    scope = http_scope("POST", request.url, request.headers, request.body, root_path="/hooks")
    events = [{"type": "http.request", "body": request.body, "more_body": False}]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        if not events and not gone:
            await anyio.sleep_forever()
        return events.pop() if events else {"type": "http.disconnect"}

    async def send(event: MutableMapping[str, Any]) -> None:
        if breaks:
            raise OSError("connection reset")
        sent.append(event)

    await live.asgi(scope, receive, send)
    return sent


async def test_broken_while_it_is_written_nobody_knows(world: World) -> None:
    platform = exchange(world)
    platform.customer("Ann", "ann")
    async with world.run(hub()) as live:
        with pytest.raises(OSError, match="connection reset"):
            await ask(live, breaks=True, gone=False)
        await world.settle()
        assert await column(live, schema.deliveries.c.state) == ["unknown"]
        assert await attempts(live) == [("unknown", True)]
        await world.advance(TEN - MINUTE)
        assert platform.played == []
        # Nothing told what became of it: a service text is said once more.
        await world.advance(MINUTE * 2)
        assert platform.played == ["Hello."]
        assert await attempts(live) == [("unknown", True), ("accepted", False)]
        await nothing_waits(live)


async def test_whoever_hangs_up_while_we_think_is_answered_as_ever(world: World) -> None:
    """Nothing is written into a response that nobody reads: it is certain that it was not said there."""
    platform = exchange(world)
    async with world.run(hub()) as live:
        await ask(live, breaks=False, gone=True)
        await world.settle()
        assert platform.played == ["Hello."]
        assert await attempts(live) == [("accepted", False)]
        await nothing_waits(live)


# ---------------------------------------------------------------- crashes


async def test_killed_when_the_attempt_was_written(tmp_path: Path, seed: int) -> None:
    world = World(seed=seed, store=f"sqlite:///{tmp_path}/desk.db")
    platform, ann = exchange(world), caller(world)
    app = hub()

    def crash(step: str) -> None:
        if step == "responding":
            raise Killed

    world.crash = crash
    with pytest.raises((Killed, BaseExceptionGroup)):
        async with world.run(app):
            await ann.on("line").says("Hi")
    world.crash = lambda step: None
    async with world.run(app) as live:
        assert (platform.heard, platform.played) == ([], [])
        await world.advance(MINUTE)
        # It was begun and never settled.
        assert await column(live, schema.deliveries.c.state) == ["unknown"]
        assert platform.played == []
        await world.advance(TEN)
        assert (platform.heard, platform.played) == ([], ["Hello."])
        assert await attempts(live) == [("unknown", True), ("accepted", False)]
        await nothing_waits(live)


@pytest.mark.parametrize("handled", [False, True], ids=["before it is handled", "when the answer is offered"])
async def test_killed_while_it_waits(world: World, handled: bool) -> None:
    """The envelope is on disk, and nobody holds its response open any more."""
    platform = exchange(world)
    async with world.run(hub()) as live:
        request = signed(f"{URL}/line", {"id": "1", "from": "ann", "text": "Hi"})
        envelope = Envelope(url=request.url, headers=request.headers, content=request.body, received_at=world.now())
        # As the web process does it, up to where it ends.
        await live.core.store.write(lambda c: responses.begin(c, Arrival("line", envelope), world.now() + WITHIN))
        if handled:
            await world.settle()
            assert platform.played == []
            assert len(await column(live, schema.parts.c.key, schema.parts.c.response.isnot(None))) == 1
        await world.advance(WITHIN + MINUTE)
        assert (platform.heard, platform.played) == ([], ["Hello."])
        assert await attempts(live) == [("accepted", False)]


async def offered(world: World, live: Hub) -> tuple[int, list[Any], Any]:
    """A response that waits, the parts that it was offered, and their step."""
    request = signed(f"{URL}/line", {"id": "1", "from": "ann", "text": "Hi"})
    envelope = Envelope(url=request.url, headers=request.headers, content=request.body, received_at=world.now())
    until = world.now() + WITHIN
    seq = await live.core.store.write(lambda c: responses.begin(c, Arrival("line", envelope), until))
    await world.settle()
    found = await live.core.store.read(lambda c: responses.look(c, seq))
    (step,) = await rows(live, select(schema.steps))
    return seq, list(found.parts), step


async def test_what_the_outbox_took_back_is_not_taken(world: World) -> None:
    """Whatever the clock of the web process says."""
    platform = exchange(world)
    async with world.run(hub()) as live:
        seq, parts, step = await offered(world, live)
        await world.advance(WITHIN)
        assert platform.played == ["Hello."]
        early = world.now() - WITHIN
        taken = await live.core.store.write(lambda c: responses.take(c, seq, parts, step, "web", early))
        assert taken is None
        assert await attempts(live) == [("accepted", False)]


async def test_all_of_it_is_taken_or_nothing(world: World) -> None:
    exchange(world)
    async with world.run(hub(saying(" ".join(THREE)))) as live:
        seq, parts, step = await offered(world, live)
        assert len(parts) == 3
        last = update(schema.parts).where(schema.parts.c.key == parts[2].key).values(response=None)
        await live.core.store.write(lambda c: c.execute(last).rowcount)
        with pytest.raises(responses.TakenBack):
            await live.core.store.write(lambda c: responses.take(c, seq, parts, step, "web", world.now()))
        assert await attempts(live) == []
        assert set(await column(live, schema.parts.c.state)) == {"pending"}


async def test_what_is_taken_is_not_taken_back(world: World) -> None:
    platform = exchange(world)
    async with world.run(hub()) as live:
        seq, parts, step = await offered(world, live)
        taken = await live.core.store.write(lambda c: responses.take(c, seq, parts, step, "web", world.now()))
        assert taken is not None
        await live.core.store.write(lambda c: responses.take_back(c, seq))
        await world.advance(WITHIN)
        assert (platform.played, await attempts(live)) == ([], [("started", False)])
        at = world.now()
        await live.core.store.write(lambda c: responses.went_out(c, taken, "private", at, live.core.ids))
        await world.advance(TEN)
        assert (platform.played, await attempts(live)) == ([], [("accepted", False)])


@pytest.mark.parametrize(("due", "waits"), [(timedelta(milliseconds=1), True), (WITHIN, False)])
async def test_an_answer_that_is_due_in_time_is_waited_for(world: World, due: timedelta, waits: bool) -> None:
    """The process that makes it may be a moment ahead of the one that looks."""
    exchange(world)
    async with world.run(hub()) as live:
        at = world.now() + due
        seq, _, _ = await offered(world, live)
        released, later = update(schema.parts).values(response=None), update(schema.deliveries).values(due_at=at)
        await live.core.store.write(lambda c: (c.execute(released).rowcount, c.execute(later).rowcount))
        assert await live.core.store.read(lambda c: responses.look(c, seq)) == responses.Offered(waits=waits)


# ---------------------------------------------------------------- two processes


def process(path: Path, platform: Exchange, *, work: bool) -> Hub:
    ports = Ports(
        clock=SystemClock(),
        store=SqlStore(f"sqlite:///{path}", durable=False),
        blobs=MemoryBlobs(),
        transport=lambda media: InProcessTransport([platform], media=media),
        environ={},
    )
    account = LineAccount(id="line", secret=(SecretStr(SECRET),))
    settings = HubSettings(accounts=[account], public_url=URL)
    return Hub(handlers=saying("Hello."), work=work).replica(settings, ports, work=work)


async def test_the_web_process_has_no_worker(tmp_path: Path, seed: int) -> None:
    """It holds the response open; another process parses, handles and decides. They share a file and nothing else."""
    platform = Exchange(now=SystemClock().now, seed=seed)
    path = tmp_path / "desk.db"
    async with process(path, platform, work=False) as web, process(path, platform, work=True) as other:
        with anyio.fail_after(30):
            for number in range(3):
                request = signed(f"{URL}/line", {"id": str(number), "from": f"caller-{number}", "text": "Hi"})
                status, body = await post_webhook(web.asgi, request, root_path="/hooks")
                assert (status, body) == (200, b'["Hello."]')
            while set(await column(other, schema.deliveries.c.state)) != {"accepted"}:
                await other.core.ports.engine.wait(LOOK)
        assert platform.played == []
        assert await attempts(other) == [("accepted", False)] * 3
        await nothing_waits(other)
