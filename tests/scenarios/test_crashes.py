"""The process ends in the middle: nothing is lost, and only what nobody could know may be there twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from omnichannel import Handlers, Hub, Turn
from omnichannel.model.exceptions import StoreError
from omnichannel.runtime import sending
from omnichannel.runtime.attempts import surely
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.parsing import Parser
from omnichannel.runtime.parts import PartWriter
from omnichannel.runtime.runner import Runner
from omnichannel.stores import journal, outgoing
from omnichannel.stores.sql import SqlStore
from omnichannel.testing.asgi import post_webhook
from omnichannel.testing.faults import FaultKind, FaultPlan
from omnichannel.testing.simulators.webhooks import WebhookRequest
from omnichannel.testing.world import World
from tests.scenarios.support import (
    CHANNELS,
    HOUR,
    MINUTE,
    column,
    conversation_of,
    intact,
    is_keyed,
    make_hub,
    person,
    rows,
    schema,
    state_of,
    texts,
)

sources = pytest.mark.parametrize("channel", CHANNELS)
keyed = pytest.mark.parametrize("channel", [channel for channel in CHANNELS if is_keyed(channel)])
unsafe = pytest.mark.parametrize("channel", [channel for channel in CHANNELS if not is_keyed(channel)])


class Killed(BaseException):
    """The process ends here, without a word."""


def killing(step: str) -> Callable[[str], None]:
    """Ends the process at a step of the outbox, the first time that it is reached."""
    left = [step]

    def crash(reached: str) -> None:
        if left and reached == left[0]:
            left.clear()
            raise Killed

    return crash


def echo() -> Handlers:
    handlers = Handlers()

    @handlers.on_message
    async def answer(turn: Turn) -> None:
        await turn.reply(f"You said: {turn.message.text}")

    return handlers


async def until_it_dies(world: World, hub: Hub, channel: str) -> None:
    """Ann writes, and the process ends with that."""
    with pytest.raises(BaseExceptionGroup) as killed:
        await _ann_writes(world, hub, channel)
    assert killed.group_contains(Killed)


async def _ann_writes(world: World, hub: Hub, channel: str) -> None:
    async with world.run(hub):
        await world.people[0].on(channel).says("one")


async def outcome(world: World, channel: str) -> tuple[list[str], int]:
    """What the phone shows of our answers in the end, and how many attempts nobody knew the end of."""
    live = world.live
    await world.advance(HOUR)
    await intact(world)
    hidden = await column(live, schema.attempts.c.seq, schema.attempts.c.was_unknown.is_(True))
    assert set(await column(live, schema.deliveries.c.state)) <= {"accepted", "sent", "delivered", "read", "replied"}
    return [text.splitlines()[0] for text in texts(world.people[0], channel)], len(hidden)


@sources
@pytest.mark.parametrize("step", ["before", "started", "answered", "settled"])
async def test_the_outbox_ends(lasting: World, channel: str, step: str) -> None:
    ann, hub = person(lasting, "Ann", channel), make_hub(channel, handlers=echo())
    lasting.crash = killing(step)
    await until_it_dies(lasting, hub, channel)
    async with lasting.run(hub):
        await ann.on(channel).says("two")
        await lasting.advance(MINUTE)  # until the leases of the dead process have run out
        said, unknown = await outcome(lasting, channel)
        assert sorted(said) == ["You said: one", "You said: two"]
        # Only a request that may have left leaves anything open; X and WhatsApp have told us before we asked, and
        # where a platform knows our key it is simply asked again.
        open_ended = step == "started" or (step == "answered" and channel == "email")
        assert unknown == int(open_ended and not is_keyed(channel))


@sources
async def test_a_store_that_fails_for_a_moment_makes_nothing_unknown(
    world: World, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the platform has just told us is known to this process alone, so it is written again."""
    whole, failures = SqlStore.batch, [StoreError("the connection ended")]

    async def batch(self: SqlStore, bulk: Any, item: Any) -> Any:
        if bulk is outgoing.settle and failures:
            raise failures.pop()
        return await whole(self, bulk, item)

    monkeypatch.setattr(SqlStore, "batch", batch)
    ann, hub = person(world, "Ann", channel), make_hub(channel, handlers=echo())
    async with world.run(hub):
        await ann.on(channel).says("one")
        said, unknown = await outcome(world, channel)
    assert (said, unknown, failures) == (["You said: one"], 0, [])


async def tells(world: World, channel: str) -> int:
    """The platform's webhooks arrive, and are read at once. Gives how many that were."""

    async def post(request: WebhookRequest) -> int:
        answered, _ = await post_webhook(world.live.asgi, request, root_path="/hooks")
        return answered

    await world.simulator(channel).deliver_due(post)
    return (await world.live.core.worker.parser.step())[0]


async def test_an_echo_comes_before_we_give_up_on_the_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message had arrived, and the platform has told us so: nothing may make that unknown, or send it again."""
    channel, told = "x", list[int]()
    ann, hub = person(world, "Ann", channel), make_hub(channel)

    async def late(clock: Clock, write: Callable[[], Awaitable[Any]]) -> Any:
        told.append(await tells(world, channel))
        return await surely(clock, write)

    async with world.run(hub) as live:
        await ann.on(channel).says("one")
        place = await conversation_of(live, ann)
        monkeypatch.setattr(sending, "surely", late)
        world.simulator(channel).faults = FaultPlan(0, {"timeout_after_write": 1.0})
        made = await live.reply(place.id, "Here it is.", agent="agent-1")
        await live.core.worker.drain()
        assert told[0] > 0
        assert await state_of(live, made.id) in ("accepted", "sent", "delivered", "read")
        world.simulator(channel).faults = FaultPlan(0)
        await world.advance(HOUR)
        assert texts(ann, channel) == ["Here it is."]
        assert await column(live, schema.attempts.c.was_unknown) == [False]


async def x_is_in_doubt(world: World, late: timedelta) -> str:
    """An answer in public whose request was taken and never answered, and whose echo comes late. Gives the delivery."""
    ann, x = person(world, "Ann", "x"), world.simulator("x")
    await ann.on("x").posts("Where is my bag?")
    x.faults, x.webhooks.delayed = FaultPlan(0, {"timeout_after_write": 1.0}), late
    place = await conversation_of(world.live, ann)
    made = await world.live.reply(place.id, "Your bag is here.", agent="agent-1")
    await world.live.core.worker.drain()
    x.faults, x.webhooks.delayed = FaultPlan(0), timedelta(0)
    assert await state_of(world.live, made.id) == "unknown"
    return made.id


async def is_one_message(world: World, delivery: str, tries: int = 1) -> None:
    """What was in doubt is there once, under the platform's own id."""
    live = world.live
    assert await state_of(live, delivery) == "accepted"
    assert [one.state for one in (await live.delivery(delivery)).attempts] == ["accepted"] * tries
    named = await column(live, schema.messages.c.platform_id, schema.messages.c.direction == "out")
    assert named == [one.message_id for one in world.people[0].on("x").seen()]


@pytest.mark.parametrize("when", ["before it begins", "while it is under way"])
async def test_an_echo_comes_when_it_is_sent_again(world: World, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """What the platform has told us by then is not sent again; and if it is too late for that, it is one message."""
    write, request, told = PartWriter.part, Runner.run, list[int]()

    async def part(self: PartWriter, *of: Any) -> Any:
        told.append(await tells(world, "x"))
        return await write(self, *of)

    async def run(self: Runner, *of: Any, **more: Any) -> Any:
        answer = await request(self, *of, **more)
        told.append(await tells(world, "x"))
        return answer

    async with world.run(make_hub("x")) as live:
        delivery = await x_is_in_doubt(world, timedelta(minutes=10))
        await world.clock.jump_to(world.now() + timedelta(minutes=10))
        if when == "before it begins":
            monkeypatch.setattr(PartWriter, "part", part)
        else:
            monkeypatch.setattr(Runner, "run", run)
        await live.core.worker.drain()
        assert told[0] > 0
        await world.advance(HOUR)
        await is_one_message(world, delivery, 1 if when == "before it begins" else 2)


async def test_our_own_failure_takes_nothing_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our code breaks while a delivery is worked on, and by then the platform has told that it has arrived."""

    async def breaks(self: PartWriter, *of: Any) -> Any:
        await tells(world, "x")
        raise RuntimeError("a mistake of ours")

    async with world.run(make_hub("x")) as live:
        delivery = await x_is_in_doubt(world, timedelta(minutes=10))
        await world.clock.jump_to(world.now() + timedelta(minutes=10))
        monkeypatch.setattr(PartWriter, "part", breaks)
        await live.core.worker.drain()
        await world.advance(HOUR)
        await is_one_message(world, delivery)


@contextmanager
def nobody_reads(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """What comes in is journalled, and waits."""

    async def busy(self: Parser) -> tuple[int, set[int]]:
        return 0, set()

    with monkeypatch.context() as patched:
        patched.setattr(Parser, "step", busy)
        yield


@pytest.mark.parametrize(("minutes", "state", "tries"), [(19, "unknown", 1), (21, "accepted", 2)])
async def test_what_is_told_is_read_before_it_is_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch, minutes: int, state: str, tries: int
) -> None:
    """What is never read holds nothing up for ever."""
    async with world.run(make_hub("x")) as live:
        delivery = await x_is_in_doubt(world, timedelta(minutes=5))
        with nobody_reads(monkeypatch):
            await world.advance(timedelta(minutes=minutes))
            assert await live.core.store.read(lambda c: journal.count(c, "new")) > 0
            assert await state_of(live, delivery) == state
        await world.advance(MINUTE)
        await is_one_message(world, delivery, tries)


async def test_who_was_away_listens_before_anything_is_sent_again(lasting: World) -> None:
    """The process was down while the platform told what became of it: it tells again once we are back."""
    hub = make_hub("x")
    async with lasting.run(hub):
        delivery = await x_is_in_doubt(lasting, timedelta(minutes=20, seconds=30))
    await lasting.clock.jump_to(lasting.now() + timedelta(minutes=20))
    async with lasting.run(hub):
        await lasting.advance(2 * MINUTE)
        await is_one_message(lasting, delivery)


@sources
async def test_a_handler_is_run_again(lasting: World, channel: str) -> None:
    """It ends after the handler and before the settlement: what it wrote counts for nothing, and is written again."""
    ran: list[str] = []
    handlers = Handlers()

    @handlers.on_message
    async def answer(turn: Turn) -> None:
        ran.append(turn.message.text)
        await turn.reply("First.")
        await turn.reply("Second.")
        if len(ran) == 1:
            raise Killed

    person(lasting, "Ann", channel)
    hub = make_hub(channel, handlers=handlers)
    await until_it_dies(lasting, hub, channel)
    async with lasting.run(hub):
        await lasting.advance(MINUTE)
        assert ran == ["one", "one"]
        assert await outcome(lasting, channel) == (["First.", "Second."], 0)


@sources
async def test_journalled_and_not_parsed(lasting: World, channel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was acknowledged is on disk, and parsed by whoever comes next."""

    async def dies(self: Parser) -> tuple[int, set[int]]:
        if await self.store.read(lambda c: journal.count(c, "new")):
            raise Killed
        return 0, set()

    person(lasting, "Ann", channel)
    hub = make_hub(channel, handlers=echo())
    with monkeypatch.context() as patched:
        patched.setattr(Parser, "step", dies)
        await until_it_dies(lasting, hub, channel)
    async with lasting.run(hub) as live:
        await lasting.advance(MINUTE)
        assert await column(live, schema.messages.c.text, schema.messages.c.direction == "in") == ["one"]
        assert await outcome(lasting, channel) == (["You said: one"], 0)


# ---------------------------------------------------------------- the network hides an answer


async def unanswered(world: World, live: Hub, channel: str, fault: FaultKind, text: str) -> str:
    """An agent's answer whose request meets a fault. Gives the delivery's id."""
    ann = person(world, "Ann", channel)
    await ann.on(channel).says("Where is my bag?")
    simulator = world.simulator(channel)
    simulator.faults = FaultPlan(0, {fault: 1.0})
    made = await live.reply((await conversation_of(live, ann)).id, text, agent="agent-1")
    # Only what is sent meets the fault, not what the platform tells by itself.
    await live.core.worker.drain()
    simulator.faults = FaultPlan(0)
    return made.id


@unsafe
async def test_an_answer_that_was_lost_with_its_message(world: World, channel: str) -> None:
    async with world.run(make_hub(channel)) as live:
        delivery = await unanswered(world, live, channel, "timeout_lost", "Your bag is here.")
        assert await state_of(live, delivery) == "unknown"
        ann = world.people[0]
        await world.advance(9 * MINUTE)
        assert texts(ann, channel) == []
        await world.advance(2 * MINUTE)
        assert len(texts(ann, channel)) == 1
        assert await outcome(world, channel) == (["Your bag is here."], 1)


@keyed
@pytest.mark.parametrize("fault", ["timeout_lost", "timeout_after_write"])
async def test_a_key_makes_a_lost_answer_harmless(world: World, channel: str, fault: FaultKind) -> None:
    """Whether it was lost with its message or after it: the same key again, and the phone shows it once."""
    async with world.run(make_hub(channel)) as live:
        delivery = await unanswered(world, live, channel, fault, "Your bag is here.")
        assert await state_of(live, delivery) == "queued"
        assert await outcome(world, channel) == (["Your bag is here."], 0)
        # The first of what was lost after it is settled by its echo, before it is asked for again.
        assert len((await live.delivery(delivery)).attempts) == (2 if fault == "timeout_lost" else 1)


@unsafe
async def test_an_answer_that_was_lost_after_its_message(world: World, channel: str) -> None:
    """An echo or a status settles it; a mail is sent once more under the same Message-ID."""
    async with world.run(make_hub(channel)) as live:
        delivery = await unanswered(world, live, channel, "timeout_after_write", "Your bag is here.")
        assert await state_of(live, delivery) == "unknown"
        await world.advance(MINUTE)
        known = {"x": "accepted", "whatsapp": "read", "messenger": "read", "sms": "delivered", "email": "unknown"}
        assert await state_of(live, delivery) == known[channel]
        assert await outcome(world, channel) == (["Your bag is here."], 1)
        tried = [one.state for one in (await live.delivery(delivery)).attempts]
        assert len(tried) == (2 if channel == "email" else 1)


async def test_what_x_has_already_is_one_message_when_its_echo_comes_late(world: World) -> None:
    """Sent again after the doubt, X says "duplicate content" and no id; the echo brings it after that."""
    async with world.run(make_hub("x")) as live:
        delivery = await x_is_in_doubt(world, timedelta(minutes=30))
        await world.advance(20 * MINUTE)
        assert await state_of(live, delivery) == "accepted"
        await world.advance(20 * MINUTE)
        await is_one_message(world, delivery, 2)


@sources
async def test_no_connection_is_certain(world: World, channel: str) -> None:
    async with world.run(make_hub(channel)) as live:
        delivery = await unanswered(world, live, channel, "timeout_before_write", "Your bag is here.")
        assert await state_of(live, delivery) == "queued"
        assert await outcome(world, channel) == (["Your bag is here."], 0)


async def test_a_code_is_never_sent_twice(world: World) -> None:
    """The step-up's code by X: its answer is lost, and nobody repeats it."""
    ann = person(world, "Ann", "x", "whatsapp")
    async with world.run(make_hub("x", "whatsapp")) as live:
        await ann.on("x").posts("Where is my bag?")
        await live.withdraw("x", redirect_at=world.now(), targets=["whatsapp"])
        await ann.on("x").posts("Hello?")
        world.simulator("x").faults = FaultPlan(0, {"timeout_lost": 1.0})
        await ann.on("x").follows_link("whatsapp")
        codes = select(schema.deliveries.c.id).where(schema.deliveries.c.kind == "code")
        (delivery,) = [row[0] for row in await rows(live, codes)]
        assert await state_of(live, delivery) == "unknown"
        world.simulator("x").faults = FaultPlan(0)
        await world.advance(HOUR)
        assert await state_of(live, delivery) == "unknown"
        assert [one for one in ann.on("x").seen() if one.surface == "dm"] == []
