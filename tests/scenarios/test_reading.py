"""What a host asks a hub: waits, plans, explanations, events, records."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from omnichannel import DeliveryError, Handlers, Hub, Localized, NotFound, RefusedContent, Turn, VersionConflict
from omnichannel.handlers import Event
from omnichannel.model.address import Address
from omnichannel.testing.people import Person
from omnichannel.testing.world import World
from tests.scenarios.support import (
    CHANNELS,
    HOUR,
    PAIRS,
    add_up,
    conversation_of,
    events,
    handle,
    make_hub,
    person,
    reply,
    running,
    texts,
)

SECOND = timedelta(seconds=1)


async def begun(world: World, live: Hub, *channels: str) -> tuple[Person, str]:
    ann = person(world, "Ann", *channels)
    await ann.on(channels[0]).says("Where is my bag?")
    return ann, (await conversation_of(live, ann)).id


async def test_wait_sees_each_state(world: World) -> None:
    async with running(world, make_hub("whatsapp")) as live:
        ann, place = await begun(world, live, "whatsapp")
        made = await reply(world, live, place, "Here.")
        assert (await live.wait(made.id, "accepted")).state == "accepted"
        with pytest.raises(TimeoutError, match="accepted"):
            await live.wait(made.id, "delivered", within=timedelta(0))
        for state, after in (("sent", 1), ("delivered", 1), ("read", 30)):
            await world.advance(after * SECOND)
            assert (await live.delivery(made.id)).state == state
            assert (await live.wait(made.id, "sent")).state == state
        await ann.on("whatsapp").says("Thank you")
        assert (await live.wait(made.id, "replied")).state == "replied"
        with pytest.raises(NotFound):
            await live.wait("dlv_nobody")


async def test_wait_says_why_it_failed(world: World) -> None:
    async with running(world, make_hub("x", "whatsapp")) as live:
        _, place = await begun(world, live, "x")
        await live.withdraw("x", closed_at=world.now(), targets=["whatsapp"])
        made = await reply(world, live, place, "Here.")
        with pytest.raises(DeliveryError, match=r"withdrawn.*replacement: whatsapp"):
            await live.wait(made.id)


@pytest.mark.parametrize("language", ["en", "fr", "de"])
async def test_explain_tells_what_was_decided_then(world: World, language: str) -> None:
    async with running(world, make_hub("x", "email")) as live:
        ann, place = await begun(world, live, "x", "email")
        address = Address(channel="email", value=handle("Ann", "email"), assurance=3)
        await live.add_address((await ann.record()).id, address)
        await live.withdraw("x", closed_at=world.now(), targets=["email"])
        made = await reply(world, live, place, "Here.")
        await live.withdraw("x", closed_at=world.now() + HOUR, targets=["email"])
        told = await live.explain(made.id)
        assert [step.channel for step in told.decisions[0].steps] == ["email"]
        assert "closed since" in told.as_text(language)
        assert [one.state for one in told.attempts] == ["accepted"]


async def test_plan_and_can_reply_send_nothing(world: World) -> None:
    async with running(world, make_hub("x", "whatsapp", "email")) as live:
        ann, place = await begun(world, live, "x", "email")
        customer = (await ann.record()).id
        plan = await live.plan(customer, "Your flight is late.")
        assert [step.channel for step in plan.steps] == ["x"]
        assert {one.channel: one.reason for one in plan.refused} == {"whatsapp": "no_address", "email": "no_address"}
        can = await live.can_reply(place)
        assert [step.account for step in can.steps] == ["x-main"]
        await world.advance(SECOND)
        await live.withdraw("x", no_new_at=world.now(), targets=["email"])
        assert (await live.plan(customer, "Your flight is late.")).steps == ()
        assert [step.account for step in (await live.can_reply(place)).steps] == ["x-main"]
        assert "X" in (await live.can_reply(place)).as_text("fr")
        await world.advance(HOUR)
        assert texts(ann, "x") == []


async def test_events_follow_from_a_number(world: World) -> None:
    async with running(world, make_hub("x", "whatsapp")) as live:
        ann, place = await begun(world, live, "x", "whatsapp")
        await live.withdraw("x", redirect_at=world.now(), targets=["whatsapp"])
        await ann.on("x").says("Hello?")
        await ann.on("x").follows_link("whatsapp")
        seen: list[Event] = []
        types = ["message.received", "conversation.moved", "customer.merged"]
        async for event in live.events(after=0, types=types):
            seen.append(event)
            if len(seen) == 5:
                break
        assert [one.type for one in seen] == [*types[:1] * 2, "conversation.moved", "customer.merged", types[0]]
        assert [one.seq for one in seen] == sorted(one.seq for one in seen)
        moved = next(one for one in seen if one.type == "conversation.moved")
        assert (moved.data["conversation"], moved.data["from"], moved.data["to"]) == (place, "x", "whatsapp")
        later: list[int] = []
        async for event in live.events(after=seen[0].seq):
            later.append(event.seq)
            break
        assert later == [seen[0].seq + 1]


async def test_subscribers_and_identify(world: World) -> None:
    handlers, told = Handlers(), list[str]()

    @handlers.on("conversation.moved", "customer.merged")
    async def follow(event: Event) -> None:
        told.append(event.type)
        if event.type == "customer.merged":
            raise ValueError("a subscriber that fails stops nobody")

    @handlers.identify
    async def who(address: Address) -> str | None:
        return "crm-42" if address.channel == "x" else None

    @handlers.on_message
    async def answer(turn: Turn) -> None:
        await turn.reply(f"Hello {turn.customer.external_id}")

    async with running(world, make_hub("x", "whatsapp", handlers=handlers)) as live:
        ann, _ = await begun(world, live, "x", "whatsapp")
        assert texts(ann, "x") == ["Hello crm-42"]
        assert (await live.customer(external_id="crm-42")).id == (await ann.record()).id
        await live.withdraw("x", redirect_at=world.now(), targets=["whatsapp"])
        await ann.on("x").says("Hello?")
        await ann.on("x").follows_link("whatsapp")
        assert sorted(told) == ["conversation.moved", "customer.merged"]
        assert texts(ann, "whatsapp") == ["Hello crm-42"]
        assert (await live.customer(external_id="crm-42")).addresses[-1].channel == "whatsapp"


async def test_records_of_the_host(world: World) -> None:
    async with running(world, make_hub("x")) as live:
        ann, place = await begun(world, live, "x")
        await live.update(place, external_id="ticket-9", metadata={"tier": "gold"})
        found = await live.conversation(external_id="ticket-9")
        assert (found.id, found.metadata) == (place, {"tier": "gold"})
        with pytest.raises(NotFound):
            await live.conversation(external_id="ticket-10")
        note = await live.desk.note(place, "Bag seen in Oslo", agent="agent-1")
        assert note.kind == "note"
        assert texts(ann, "x") == []
        page = await live.history((await ann.record()).id, limit=1)
        assert [one.text for one in page.items] == ["Bag seen in Oslo"]
        rest = await live.history((await ann.record()).id, after=page.next)
        assert [one.text for one in rest.items] == ["Where is my bag?"]
        claimed = await live.desk.claim(place, agent="agent-1")
        assert [one.id for one in (await live.desk.list("support", state="mine", agent="agent-1")).items] == [place]
        with pytest.raises(VersionConflict):
            await live.reply(place, "Too slow", agent="agent-1", if_version=claimed.version - 1)
        await live.reply(place, "In time", agent="agent-1", if_version=claimed.version)
        await world.settle()
        assert texts(ann, "x") == ["In time"]
        await live.desk.resolve(place, agent="agent-1")
        assert (await live.desk.list("support")).items == []
        # A late word opens it again.
        await ann.on("x").says("One more thing")
        assert [one.id for one in (await live.desk.list("support")).items] == [place]


@pytest.mark.parametrize("channel", CHANNELS)
async def test_the_same_key_sends_once(world: World, channel: str) -> None:
    async with running(world, make_hub(channel)) as live:
        ann, place = await begun(world, live, channel)
        first = await live.reply(place, "Once.", agent="agent-1", idempotency_key="form-1")
        again = await live.reply(place, "Once.", agent="agent-1", idempotency_key="form-1")
        assert again.id == first.id
        customer = (await ann.record()).id
        sent = [await live.send(customer, "And this once.", idempotency_key="form-2") for _ in range(2)]
        assert sent[0].id == sent[1].id
        await world.settle()
        assert len(texts(ann, channel)) == 2


async def test_what_cannot_be_sent_is_refused(world: World) -> None:
    async with running(world, make_hub("x")) as live:
        ann, place = await begun(world, live, "x")
        for content in ("", "   ", Localized({"en": "Hello", "fr": ""})):
            with pytest.raises(RefusedContent):
                await live.reply(place, content)
        with pytest.raises(RefusedContent, match="time zone"):
            await live.send((await ann.record()).id, "Hello", expires_at=world.now().replace(tzinfo=None))
        with pytest.raises(NotFound):
            await live.reply("cnv_nobody", "Hello")


async def test_an_order_names_what_is_not_there(world: World) -> None:
    async with running(world, make_hub("x", "email")) as live:
        ann, _ = await begun(world, live, "x", "email")
        made = await live.send((await ann.record()).id, "Hello", order=["telegram", "email", "x"])
        await world.settle()
        assert (await live.delivery(made.id)).channel == "x"
        why = (await live.explain(made.id)).decisions[0].refused
        assert [(one.channel, one.reason) for one in why] == [("telegram", "not_configured"), ("email", "no_address")]


async def test_a_message_ends(world: World) -> None:
    """Held too long, it is not sent at all; told at once when its time has come."""
    async with running(world, make_hub("x")) as live:
        ann, _ = await begun(world, live, "x")
        async with world.fail("x", "402"):
            made = await live.send((await ann.record()).id, "Gate 7", expires_at=world.now() + HOUR)
            await world.settle()
            assert (await live.delivery(made.id)).state == "held"
            await world.advance(HOUR)
            assert (await live.delivery(made.id)).state == "expired"
        await live.release("x-main")
        await world.advance(HOUR)
        assert texts(ann, "x") == []


async def test_outreach_tells_the_silent(world: World) -> None:
    ann, bob = person(world, "Ann", "x", "whatsapp"), person(world, "Bob", "x")
    async with running(world, make_hub("x", "whatsapp")) as live:
        for who in (ann, bob):
            await who.on("x").says("A question")
        closing = await live.withdraw("x", redirect_at=world.now(), targets=["whatsapp"])
        preview = await live.preview_withdrawal("x", targets=["whatsapp"])
        assert preview.reach.notices == 2
        assert texts(ann, "x") == []
        await ann.on("x").says("Hello?")
        assert await live.outreach(closing.id) == 1
        assert await live.outreach(closing.id) == 0
        await world.settle()
        assert [len(texts(who, "x")) for who in (ann, bob)] == [1, 1]
        await bob.on("x").says("Oh")
        assert len(texts(bob, "x")) == 1
        assert add_up(await live.reach(closing.id)) == (0, 0, 2, 0)
        assert "told" in (await live.reach(closing.id)).as_text()


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_links_by_hand(world: World, source: str, target: str) -> None:
    """An agent hands out the link, without any withdrawal."""
    async with running(world, make_hub()) as live:
        ann, place = await begun(world, live, source, target)
        links: Any = await live.continue_elsewhere(place, [target])
        await reply(world, live, place, f"Let us go on here: {links[target]}")
        await ann.on(source).follows_link(target)
        assert (await live.conversation(place)).channel == target
        assert len(await events(live, "conversation.moved")) == 1
