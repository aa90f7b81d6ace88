"""The 24 hours of Meta's channels as the place to go to, people who may answer later, and failures after a yes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import cast

import pytest

from omnichannel import Hub, Template
from omnichannel.model.address import Address
from omnichannel.routing.rules import Rule, Then
from omnichannel.runtime.policy import Policy
from omnichannel.testing.people import Person
from omnichannel.testing.simulators.mail import MailSimulator
from omnichannel.testing.simulators.messenger import MessengerSimulator
from omnichannel.testing.simulators.whatsapp import WhatsAppSimulator
from omnichannel.testing.world import World
from tests.scenarios.support import (
    DAY,
    HOUR,
    KNOWN,
    PAIRS,
    WINDOWED,
    column,
    conversation_of,
    handle,
    intact,
    make_hub,
    person,
    refusals,
    reply,
    running,
    schema,
    state_of,
    texts,
)

SECOND = timedelta(seconds=1)


moves = pytest.mark.parametrize(
    ("source", "target"),
    [(source, target) for source, target in PAIRS if target in WINDOWED and source not in WINDOWED],
)


async def moved(world: World, live: Hub, source: str, target: str) -> Person:
    """Somebody who followed the notice from the source to a channel with a window."""
    ann = person(world, "Ann", source, target, "email")
    await ann.on(source).says("Where is my bag?")
    await live.withdraw(source, redirect_at=world.now(), targets=[target])
    await ann.on(source).says("Hello?")
    await ann.on(source).follows_link(target)
    return ann


@moves
async def test_a_closed_window_takes_a_template(world: World, source: str, target: str) -> None:
    async with running(world, make_hub(source, target)) as live:
        ann = await moved(world, live, source, target)
        await world.advance(DAY + HOUR)
        place = await conversation_of(live, ann)
        made = await live.reply(place.id, Template("hello_again", {"name": "Ann"}), agent="agent-1")
        await world.advance(3 * SECOND)
        assert await state_of(live, made.id) == "delivered"
        assert len(texts(ann, target)) == 1


@moves
async def test_a_closed_window_holds_until_the_customer_writes(world: World, source: str, target: str) -> None:
    async with running(world, make_hub(source, target)) as live:
        ann = await moved(world, live, source, target)
        await world.advance(DAY + HOUR)
        place = await conversation_of(live, ann)
        made = await reply(world, live, place.id, "Your bag is here.")
        assert made.state == "held"
        assert (await refusals(live, made.id))[target] == "window_closed"
        assert texts(ann, target) == []
        await ann.on(target).says("Any news?")
        assert texts(ann, target) == ["Your bag is here."]


@pytest.mark.parametrize("target", WINDOWED)
async def test_a_closed_window_falls_back(world: World, target: str) -> None:
    async with running(world, make_hub()) as live:
        ann = await moved(world, live, "x", target)
        customer = await ann.record()
        await live.add_address(customer.id, Address(channel="email", value=handle("Ann", "email"), assurance=3))
        await world.advance(DAY + HOUR)
        place = await conversation_of(live, ann)
        made = await reply(world, live, place.id, "Your bag is here.")
        assert made.channel == "email"
        assert texts(ann, target) == []
        (mail,) = texts(ann, "email")
        assert "Your bag is here." in mail
        # The conversation goes on where the customer could be reached.
        assert (await conversation_of(live, ann)).channel == "email"


# ---------------------------------------------------------------- what only people may answer


def with_agents() -> Hub:
    """A Page whose app may have people answer for seven days."""
    settings = KNOWN["messenger"].settings | {"human_agent": True}
    return Hub([KNOWN["messenger"].account.model_validate(settings)], work=False)


async def test_a_person_may_answer_after_the_window(world: World) -> None:
    async with running(world, with_agents()) as live:
        ann = person(world, "Ann", "messenger")
        await ann.on("messenger").says("Where is my bag?")
        place = await conversation_of(live, ann)
        await world.advance(3 * DAY)
        made = await reply(world, live, place.id, "Your bag is here.")
        assert (made.state, made.channel) == ("accepted", "messenger")
        sent = json.loads(world.simulator("messenger").requests[-1].request.content)
        assert (sent["messaging_type"], sent["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
        await world.advance(4 * DAY)
        late = await reply(world, live, place.id, "Do you have it?")
        assert late.state == "held"
        assert texts(ann, "messenger") == ["Your bag is here."]


async def test_a_machine_may_not_answer_after_the_window(world: World) -> None:
    async with running(world, with_agents()) as live:
        ann = person(world, "Ann", "messenger")
        await ann.on("messenger").says("Where is my bag?")
        place = await conversation_of(live, ann)
        await world.advance(DAY + HOUR)
        made = await live.reply(place.id, "We look for it.")
        await world.settle()
        assert await state_of(live, made.id) == "held"
        assert (await refusals(live, made.id))["messenger"] == "window_closed"
        assert texts(ann, "messenger") == []


async def test_a_time_says_what_was_read(world: World) -> None:
    """Messenger tells reads by a time alone: all before it, and nothing after it."""
    async with running(world, make_hub("messenger")) as live:
        ann, bob = person(world, "Ann", "messenger"), person(world, "Bob", "messenger")
        for who in (ann, bob):
            await who.on("messenger").says("Where is my bag?")
        place, other = (await conversation_of(live, ann)).id, (await conversation_of(live, bob)).id
        cast(MessengerSimulator, world.simulator("messenger")).read_receipts = False
        unread = await reply(world, live, other, "And yours.")
        first = await reply(world, live, place, "Your bag is here.")
        cast(MessengerSimulator, world.simulator("messenger")).read_receipts = True
        second = await reply(world, live, place, "Come and get it.")
        await world.advance(40 * SECOND)
        third = await reply(world, live, place, "We close at six.")
        await world.advance(5 * SECOND)
        known = [await state_of(live, one.id) for one in (first, second, third, unread)]
        assert known == ["read", "read", "delivered", "delivered"]


# ---------------------------------------------------------------- late failures


async def late(world: World, live: Hub, *, code: int = 131026) -> Person:
    """Somebody on WhatsApp, known by mail as well, whom no message reaches any more."""
    ann = person(world, "Ann", "whatsapp", "email")
    await ann.on("whatsapp").says("Where is my bag?")
    customer = await ann.record()
    await live.add_address(customer.id, Address(channel="email", value=handle("Ann", "email"), assurance=3))
    cast(WhatsAppSimulator, world.simulator("whatsapp")).late[ann.handles["whatsapp"]] = code
    return ann


async def test_a_late_failure_reopens_and_falls_back(world: World) -> None:
    hub = make_hub("whatsapp", "email")
    async with world.run(hub) as live:
        ann = await late(world, live)
        place = await conversation_of(live, ann)
        made = await reply(world, live, place.id, "Your bag is here.")
        assert (made.state, made.channel) == ("accepted", "whatsapp")
        await world.advance(2 * SECOND)
        again = await live.delivery(made.id)
        assert (again.state, again.channel) == ("accepted", "email")
        assert [(one.channel, one.state) for one in again.attempts] == [("whatsapp", "failed"), ("email", "accepted")]
        # Nobody is at that number: the next message does not try it, until somebody writes from it.
        following = await reply(world, live, place.id, "It is on its way.")
        assert [one.channel for one in following.attempts] == ["email"]
        cast(WhatsAppSimulator, world.simulator("whatsapp")).late.clear()
        await ann.on("whatsapp").says("I am back")
        last = await live.send((await ann.record()).id, "Good.", order=["whatsapp"])
        await world.settle()
        assert (await live.delivery(last.id)).channel == "whatsapp"
        await intact(world)


async def test_a_late_failure_of_the_window_waits_for_the_customer(world: World) -> None:
    async with world.run(make_hub("whatsapp")) as live:
        ann = person(world, "Ann", "whatsapp")
        await ann.on("whatsapp").says("Where is my bag?")
        simulator = cast(WhatsAppSimulator, world.simulator("whatsapp"))
        simulator.late[ann.handles["whatsapp"]] = 131047
        place = await conversation_of(live, ann)
        made = await reply(world, live, place.id, "Your bag is here.")
        await world.advance(2 * SECOND)
        assert await state_of(live, made.id) in ("held", "failed")
        assert (await live.conversation(place.id)).id in [c.id for c in (await live.desk.list("support")).items]


async def test_a_late_failure_after_the_end_is_the_end(world: World) -> None:
    async with world.run(make_hub("whatsapp", "email")) as live:
        ann = await late(world, live)
        customer = await ann.record()
        soon = world.now() + timedelta(milliseconds=500)
        made = await live.send(customer.id, "Your gate has changed.", order=["whatsapp", "email"], expires_at=soon)
        await world.advance(5 * SECOND)
        assert await state_of(live, made.id) == "expired"
        assert texts(ann, "email") == []


async def test_a_late_failure_after_another_step_changes_nothing(world: World) -> None:
    wait = Then(wait=timedelta(milliseconds=500), success="delivered")
    hub = make_hub("whatsapp", "email", policy=Policy(rules=[Rule(name="delivered soon", then=wait)]))
    async with world.run(hub) as live:
        ann = await late(world, live)
        customer = await ann.record()
        made = await live.send(customer.id, "Your gate has changed.", order=["whatsapp", "email"])
        await world.advance(timedelta(milliseconds=800))
        assert (await live.delivery(made.id)).channel == "email"
        await world.advance(5 * SECOND)
        assert len(texts(ann, "email")) == 1
        assert (await live.delivery(made.id)).channel == "email"


# ---------------------------------------------------------------- deadlines and late receipts


def soon(success: str, milliseconds: int) -> Policy:
    then = Then.model_validate({"wait": timedelta(milliseconds=milliseconds), "success": success})
    return Policy(rules=[Rule(name="soon", then=then)])


async def both_ways(world: World, live: Hub) -> Person:
    ann = person(world, "Ann", "whatsapp", "email")
    await ann.on("whatsapp").says("Where is my bag?")
    customer = await ann.record()
    await live.add_address(customer.id, Address(channel="email", value=handle("Ann", "email"), assurance=3))
    return ann


async def test_in_time_there_is_no_second_copy(world: World) -> None:
    async with running(world, make_hub("whatsapp", "email", policy=soon("delivered", 5_000))) as live:
        ann = await both_ways(world, live)
        made = await live.send((await ann.record()).id, "Your gate has changed.", order=["whatsapp", "email"])
        await world.advance(10 * SECOND)
        assert await state_of(live, made.id) == "delivered"
        assert texts(ann, "email") == []


async def test_a_receipt_after_the_switch_is_counted(world: World) -> None:
    async with running(world, make_hub("whatsapp", "email", policy=soon("read", 5_000))) as live:
        ann = await both_ways(world, live)
        made = await live.send((await ann.record()).id, "Your gate has changed.", order=["whatsapp", "email"])
        await world.advance(10 * SECOND)
        assert (await live.delivery(made.id)).channel == "email"
        await world.advance(30 * SECOND)
        # Read on WhatsApp after all, and sent by mail: two copies, and no third.
        assert [len(texts(ann, channel)) for channel in ("whatsapp", "email")] == [1, 1]
        told = await column(live, schema.log.c.data, schema.log.c.type == "delivery.doubled")
        assert [one["channel"] for one in told] == ["whatsapp"]


async def test_a_receipt_before_the_second_copy_leaves_stops_it(world: World) -> None:
    async with running(world, make_hub("whatsapp", "email", policy=soon("read", 5_000))) as live:
        ann = await both_ways(world, live)
        mail = cast(MailSimulator, world.simulator("email"))
        customer = await ann.record()
        mail.relay.replies[handle("Ann", "email")] = (450, "4.2.0 come again")
        made = await live.send(customer.id, "Your gate has changed.", order=["whatsapp", "email"])
        await world.advance(10 * SECOND)
        assert (await live.delivery(made.id)).state == "queued"
        await world.advance(30 * SECOND)
        assert (await live.delivery(made.id)).state == "read"
        await world.advance(HOUR)
        assert texts(ann, "email") == []


async def test_success_by_an_answer(world: World) -> None:
    async with running(world, make_hub("whatsapp", "email", policy=soon("replied", 3_600_000))) as live:
        ann = await both_ways(world, live)
        customer = await ann.record()
        made = await live.send(customer.id, "Will you fly tomorrow?", order=["whatsapp", "email"])
        await world.advance(HOUR / 2)
        await ann.on("whatsapp").says("Yes, I will")
        assert await state_of(live, made.id) == "replied"
        await world.advance(2 * HOUR)
        assert texts(ann, "email") == []
        silent = await live.send(customer.id, "By which train?", order=["whatsapp", "email"])
        await world.advance(2 * HOUR)
        assert (await live.delivery(silent.id)).channel == "email"
