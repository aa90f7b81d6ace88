"""Questions in public, and answers that are not for everybody."""

from __future__ import annotations

import re
from typing import cast

from omnichannel import Handlers, Turn
from omnichannel.model.address import Address
from omnichannel.runtime.policy import Policy
from omnichannel.testing.simulators.x import XSimulator
from omnichannel.testing.world import World
from tests.scenarios.support import (
    column,
    conversation_of,
    events,
    handle,
    make_hub,
    person,
    reply,
    running,
    schema,
    texts,
)
from tests.scenarios.test_moves import code_in, link_to, opens

SECRET = "Your bag is in Oslo, at Storgata 7."


def private() -> Handlers:
    handlers = Handlers()

    @handlers.on_message(channel="x", surface="mention")
    async def answer(turn: Turn) -> None:
        await turn.take_private(SECRET)

    return handlers


def shown(world: World, surface: str) -> list[str]:
    """What everybody's X shows on a surface."""
    simulator = world.simulator("x")
    return [seen.text for who in simulator.customers for seen in simulator.seen(who) if seen.surface == surface]


def our_name(world: World) -> str:
    """What X calls us."""
    return cast(XSimulator, world.simulator("x")).user_of("x-main").username


async def test_a_public_question_gets_a_private_answer(world: World) -> None:
    ann = person(world, "Ann", "x")
    async with running(world, make_hub("x", handlers=private())) as live:
        await ann.on("x").posts("Where is my bag?")
        assert shown(world, "dm") == [SECRET]
        assert shown(world, "mention") == []
        place = await conversation_of(live, ann)
        assert (place.surface, place.visibility) == ("dm", "private")
        # The conversation goes on there.
        await ann.on("x").says("Thank you")
        assert (await conversation_of(live, ann)).id == place.id
        await reply(world, live, place.id, "You are welcome.")
        assert shown(world, "dm")[-1] == "You are welcome."


async def test_a_private_answer_by_another_channel(world: World) -> None:
    ann = person(world, "Ann", "x", "email")
    async with running(world, make_hub("x", "email", handlers=private())) as live:
        cast(XSimulator, world.simulator("x")).closes_dms("@ann")
        await ann.on("x").posts("Hello there")
        customer = await ann.record()
        await live.add_address(customer.id, Address(channel="email", value=handle("Ann", "email"), assurance=3))
        await ann.on("x").posts("Where is my bag?")
        assert any(SECRET in text for text in texts(ann, "email"))
        assert not any(SECRET in text for text in shown(world, "mention"))


async def test_without_a_private_way_the_customer_is_shown_one(world: World) -> None:
    ann = person(world, "Ann", "x", "whatsapp")
    async with running(world, make_hub("x", "whatsapp", handlers=private())) as live:
        cast(XSimulator, world.simulator("x")).closes_dms("@ann")
        await ann.on("x").posts("Where is my bag?")
        (text,) = shown(world, "mention")
        assert "https://wa.me/" in text
        assert SECRET not in text
        (state,) = await column(live, schema.deliveries.c.state, schema.deliveries.c.kind == "private")
        assert state == "failed"
        assert [one.id for one in (await live.desk.list("support")).items] == [(await conversation_of(live, ann)).id]


async def test_nothing_personal_is_said_in_public(world: World) -> None:
    orders = Policy(patterns=[re.compile(r"\bORD-\d{6}\b")])
    ann = person(world, "Ann", "x", "email")
    async with running(world, make_hub("x", "email", policy=orders)) as live:
        await ann.on("x").posts("Where is my bag?")
        place = await conversation_of(live, ann)
        customer = await ann.record()
        await live.add_address(customer.id, Address(channel="email", value=handle("Ann", "email"), assurance=3))
        for text in ("We wrote to ann@mail.example.", "Your order ORD-123456 is on its way."):
            made = await live.reply(place.id, text, agent="agent-1", visibility="public")
            await world.settle()
        # Privately, which X can as well.
        assert len(shown(world, "dm")) == 2
        assert shown(world, "mention") == []
        cast(XSimulator, world.simulator("x")).blocks("@ann")
        made = await live.reply(place.id, "ORD-123456 has arrived.", agent="agent-1", visibility="public")
        await world.settle()
        assert (await live.delivery(made.id)).channel == "email"
        assert shown(world, "mention") == []


async def test_the_notice_in_public_proves_nothing(world: World) -> None:
    """The link stands where all can read it: whoever comes with it gets an empty thread, and the code by DM decides."""
    ann, eve = person(world, "Ann", "x", "whatsapp"), person(world, "Eve", "whatsapp")
    async with running(world, make_hub("x", "whatsapp")) as live:
        first = await ann.on("x").posts("Where is my bag, locator ABC123?")
        place = await conversation_of(live, ann)
        await live.withdraw("x", redirect_at=world.now(), targets=["whatsapp"])
        await ann.on("x").posts(f"@{our_name(world)} Hello?", reply_to=first)
        url = link_to(ann, "x", "whatsapp")
        await opens(world, eve, "whatsapp", url)
        hers = await conversation_of(live, eve)
        assert (hers.linked_to, hers.history_hidden) == (place.id, True)
        assert (await live.conversation(place.id)).channel == "x"
        code = code_in(shown(world, "dm")[-1])
        assert code not in "".join(texts(eve, "whatsapp"))
        # She guesses, and is stopped.
        for number in range(6):
            await eve.on("whatsapp").says(f"{(int(code) + number + 1) % 1_000_000:06}")
        assert (await live.conversation(hers.id)).history_hidden
        assert (await live.conversation(place.id)).channel == "x"
        assert await column(live, schema.codes.c.tries) == [5]
        answer = await reply(world, live, place.id, "It is in Oslo.")
        assert answer.channel == "x"
        assert not any("Oslo" in text for text in texts(eve, "whatsapp"))


async def test_the_customer_proves_it(world: World) -> None:
    ann = person(world, "Ann", "x", "whatsapp")
    async with running(world, make_hub("x", "whatsapp")) as live:
        first = await ann.on("x").posts("Where is my bag?")
        place = await conversation_of(live, ann)
        await live.withdraw("x", redirect_at=world.now(), targets=["whatsapp"])
        await ann.on("x").posts(f"@{our_name(world)} Hello?", reply_to=first)
        await ann.on("x").follows_link("whatsapp")
        assert (await live.conversation(place.id)).channel == "x"
        await ann.on("whatsapp").says("123")
        await ann.on("whatsapp").says(code_in(shown(world, "dm")[-1]))
        moved = await live.conversation(place.id)
        assert (moved.channel, moved.visibility) == ("whatsapp", "private")
        assert len(await events(live, "customer.merged")) == 1
        await reply(world, live, place.id, "It is in Oslo.")
        assert texts(ann, "whatsapp")[-1] == "It is in Oslo."


async def test_a_link_preview_redeems_nothing(world: World) -> None:
    """Whoever only looks at the link's page sends nothing; what a machine sends is not taken for the customer."""
    ann = person(world, "Ann", "x", "email")
    async with running(world, make_hub("x", "email")) as live:
        await ann.on("x").says("Where is my bag?")
        place = await conversation_of(live, ann)
        await live.withdraw("x", redirect_at=world.now(), targets=["email"])
        await ann.on("x").says("Hello?")
        address = re.search(r"mailto:([^?]+)", link_to(ann, "x", "email"))
        assert address is not None
        mail = world.simulator("email")
        mail.customer("Robot", "no-reply@robot.example")
        await opens(world, world.customer("Robot", email="no-reply@robot.example"), "email", link_to(ann, "x", "email"))
        assert (await live.conversation(place.id)).channel == "x"
        await ann.on("x").follows_link("email")
        assert (await live.conversation(place.id)).channel == "email"


async def test_two_people_in_one_thread(world: World) -> None:
    ann, bob = person(world, "Ann", "x"), person(world, "Bob", "x")
    async with running(world, make_hub("x")) as live:
        first = await ann.on("x").posts("Where is my bag?")
        place = await conversation_of(live, ann)
        await bob.on("x").posts(f"@{our_name(world)} mine is gone too!", reply_to=first)
        theirs = await conversation_of(live, bob)
        assert theirs.id != place.id
        assert (theirs.linked_to, theirs.customer_id) == (place.id, (await bob.record()).id)
        assert (await bob.record()).id in (await live.conversation(place.id)).participants
        await reply(world, live, theirs.id, "Bob, we look for it.")
        await reply(world, live, place.id, "Ann, yours is found.")
        assert [text for text in texts(bob, "x") if "found" in text] == []
