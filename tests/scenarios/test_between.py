"""What changes between a decision and the request: a step that was right is looked at again before it is taken."""

from __future__ import annotations

from typing import cast

import pytest

from omnichannel import Handlers, Hub, Turn
from omnichannel.model.address import Address
from omnichannel.runtime.attempts import Attempt
from omnichannel.testing.faults import FaultPlan
from omnichannel.testing.people import Person
from omnichannel.testing.simulators.whatsapp import WhatsAppSimulator
from omnichannel.testing.world import World
from tests.scenarios.support import (
    ACCOUNT,
    CHANNELS,
    HOUR,
    MINUTE,
    PAIRS,
    WINDOWED,
    column,
    conversation_of,
    handle,
    make_hub,
    person,
    refusals,
    running,
    schema,
    state_of,
    texts,
)


async def waiting(world: World, live: Hub, channel: str, *more: str) -> tuple[Person, str]:
    """A customer, and an answer to them that waits for its next try on a channel."""
    ann = person(world, "Ann", channel, *more)
    await ann.on(channel).says("Where is my bag?")
    for other in more:
        # A number or a mail address is what it is; elsewhere the host would know the platform's id.
        value = world.simulator(other).value_of(handle("Ann", other))
        await live.add_address((await ann.record()).id, Address(channel=other, value=value, assurance=3))
        if other in WINDOWED:
            await ann.on(other).says("I am here as well")
    theirs = schema.conversations.c.channel == channel
    (place,) = await column(live, schema.conversations.c.id, theirs)
    world.simulator(channel).faults = FaultPlan(0, {"timeout_before_write": 1.0})
    made = await live.reply(place, "Here it is.", agent="agent-1")
    await world.settle()
    world.simulator(channel).faults = FaultPlan(0)
    assert await state_of(live, made.id) == "queued"
    return ann, made.id


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_a_channel_closes_before_the_next_try(world: World, source: str, target: str) -> None:
    async with running(world, make_hub()) as live:
        ann, delivery = await waiting(world, live, source, target)
        await live.withdraw(source, closed_at=world.now(), targets=[target])
        await world.advance(HOUR)
        assert (await live.delivery(delivery)).channel == target
        assert (await refusals(live, delivery))[source] == "withdrawn"
        assert texts(ann, source) == []
        assert len(texts(ann, target)) == 1


@pytest.mark.parametrize("channel", CHANNELS)
async def test_without_another_way_it_fails_loudly(world: World, channel: str) -> None:
    async with running(world, make_hub(channel)) as live:
        ann, delivery = await waiting(world, live, channel)
        await live.withdraw(channel, closed_at=world.now())
        await world.advance(HOUR)
        assert await state_of(live, delivery) == "failed"
        (reason,) = await column(live, schema.deliveries.c.reason, schema.deliveries.c.id == delivery)
        assert "withdrawn (closed since" in reason
        assert texts(ann, channel) == []
        # It is for a person now.
        assert [one.id for one in (await live.desk.list("support")).items] == [(await conversation_of(live, ann)).id]


@pytest.mark.parametrize("channel", ["x", "whatsapp", "messenger", "sms"])
async def test_what_was_in_doubt_is_closed_by_the_next_look(world: World, channel: str) -> None:
    """The platform says that the channel is gone, which is asked once more later; until then it is closed by us."""
    ann = person(world, "Ann", channel)
    async with running(world, make_hub(channel)) as live:
        await ann.on(channel).says("Where is my bag?")
        place = await conversation_of(live, ann)
        world.simulator(channel).withdraw("410")
        made = await live.reply(place.id, "Here it is.", agent="agent-1")
        await world.settle()
        assert await state_of(live, made.id) == "held"
        await live.withdraw(channel, closed_at=world.now())
        await world.advance(HOUR)
        assert await state_of(live, made.id) == "failed"
        # It is for a person now.
        assert [one.id for one in (await live.desk.list("support")).items] == [place.id]


@pytest.mark.parametrize("channel", ["x", "whatsapp", "messenger", "sms"])
async def test_it_closes_while_the_request_is_under_way(
    world: World, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer alone is no proof that a channel is gone, so it is asked once more; by then our own date has come."""
    ann, whole = person(world, "Ann", channel), Attempt.starts

    async def starts(attempt: Attempt) -> None:
        await whole(attempt)
        world.simulator(channel).withdraw("410")
        await world.clock.jump_to(world.now() + HOUR)

    async with running(world, make_hub(channel)) as live:
        await ann.on(channel).says("Where is my bag?")
        place = await conversation_of(live, ann)
        await live.withdraw(channel, closed_at=world.now() + MINUTE)
        monkeypatch.setattr(Attempt, "starts", starts)
        made = await live.reply(place.id, "Here it is.", agent="agent-1")
        await world.settle()
        assert await column(live, schema.steps.c.state) == ["doubted"]
        await world.advance(HOUR)
        assert await state_of(live, made.id) == "failed"
        assert [one.id for one in (await live.desk.list("support")).items] == [place.id]


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_stop_before_the_next_try(world: World, channel: str) -> None:
    async with running(world, make_hub(channel)) as live:
        ann, delivery = await waiting(world, live, channel)
        await ann.on(channel).says("stop")
        await world.advance(HOUR)
        assert await state_of(live, delivery) == "failed"
        assert (await refusals(live, delivery))[channel] == "opted_out"
        assert texts(ann, channel) == []


@pytest.mark.parametrize("channel", ["x", "whatsapp", "messenger", "sms"])
async def test_a_bill_before_the_next_try(world: World, channel: str) -> None:
    """The account is held by another message meanwhile: this one waits as well, and does not count as tried."""
    async with running(world, make_hub(channel)) as live:
        ann, delivery = await waiting(world, live, channel)
        bob = person(world, "Bob", channel)
        await bob.on(channel).says("And mine?")
        async with world.fail(channel, "402"):
            await live.reply((await conversation_of(live, bob)).id, "Yours too.", agent="agent-1")
            await world.advance(20 * MINUTE)
            assert await state_of(live, delivery) == "held"
            assert len((await live.delivery(delivery)).attempts) == 1
        await live.release(ACCOUNT[channel])
        await world.settle()
        assert [texts(who, channel) for who in (ann, bob)] == [["Here it is."], ["Yours too."]]


@pytest.mark.parametrize("channel", CHANNELS)
async def test_it_comes_back_before_the_next_try(world: World, channel: str) -> None:
    async with running(world, make_hub(channel)) as live:
        ann, delivery = await waiting(world, live, channel)
        closing = await live.withdraw(channel, closed_at=world.now())
        await live.reinstate(closing.id, canary=1.0)
        await world.advance(HOUR)
        assert await state_of(live, delivery) in ("accepted", "delivered", "read")
        assert len(texts(ann, channel)) == 1


async def test_a_fallback_carries_only_the_rest(world: World) -> None:
    """Three parts: the first arrives, the second is refused for good, and the mail holds the other two."""
    words = [f"word{number:04}" for number in range(1_100)]
    async with running(world, make_hub("whatsapp", "email")) as live:
        ann = person(world, "Ann", "whatsapp", "email")
        await ann.on("whatsapp").says("Tell me everything")
        await live.add_address((await ann.record()).id, Address(channel="email", value=handle("Ann", "email")))
        place = await conversation_of(live, ann)
        simulator = cast(WhatsAppSimulator, world.simulator("whatsapp"))

        def after_the_first(step: str) -> None:
            if step == "settled":
                simulator.set_trouble("wa", 131051)

        world.crash = after_the_first
        made = await live.reply(place.id, " ".join(words), agent="agent-1")
        await world.settle()
        assert [one.channel for one in (await live.delivery(made.id)).attempts] == ["whatsapp", "whatsapp", "email"]
        (first,) = texts(ann, "whatsapp")
        (mail,) = texts(ann, "email")
        assert first.split() == words[: len(first.split())]
        assert mail.split()[: len(words) - len(first.split())] == words[len(first.split()) :]


async def test_a_handler_that_fails_is_shown_and_stops_nobody(world: World) -> None:
    tried: list[str] = []
    handlers = Handlers()

    @handlers.on_message
    async def answer(turn: Turn) -> None:
        tried.append(turn.message.text)
        await turn.reply(f"You said: {turn.message.text}")
        if turn.message.text == "poison":
            raise ValueError("this one never works")

    ann, bob = person(world, "Ann", "x"), person(world, "Bob", "x")
    async with world.run(make_hub("x", handlers=handlers)) as live:
        await ann.on("x").says("poison")
        await ann.on("x").says("and this")
        await bob.on("x").says("hello")
        assert (texts(ann, "x"), texts(bob, "x")) == ([], ["You said: hello"])
        await world.advance(3 * HOUR)
        assert tried.count("poison") == 5
        # Set aside with its error; what stood behind it was answered, and nothing of the failed tries was sent.
        assert texts(ann, "x") == ["You said: and this"]
        assert "never works" in (await column(live, schema.events.c.error, schema.events.c.state == "parked"))[0]
        (told,) = await column(live, schema.log.c.data, schema.log.c.type == "message.parked")
        assert told["conversation"] == (await conversation_of(live, ann)).id
        assert told["conversation"] in [one.id for one in (await live.desk.list("support")).items]
