"""Only a part of a channel goes: a surface, a direction, an account, a purpose, a country, a feature."""

from __future__ import annotations

from typing import cast

import pytest

from omnichannel import Hub, QuickReply, Scope, Text
from omnichannel.adapters.x import XAccount
from omnichannel.model.address import Address
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.testing.simulators.x import XSimulator
from omnichannel.testing.world import World
from tests.scenarios.support import (
    DAY,
    accounts,
    add_up,
    conversation_of,
    events,
    handle,
    make_hub,
    person,
    refusals,
    reply,
    running,
    texts,
)


def on_surface(world: World, name: str, surface: str) -> list[str]:
    return [seen.text for seen in world.simulator("x").seen(handle(name, "x")) if seen.surface == surface]


@pytest.mark.parametrize(("closed", "left"), [("dm", "mention"), ("mention", "dm")])
async def test_a_surface_goes_and_the_other_stays(world: World, closed: str, left: str) -> None:
    ann, bob = person(world, "Ann", "x"), person(world, "Bob", "x")
    async with running(world, make_hub("x", "whatsapp")) as live:
        await ann.on("x").says("A question", surface=closed)
        await bob.on("x").says("A question", surface=left)
        theirs = [await conversation_of(live, who) for who in (ann, bob)]
        await live.withdraw("x", scope=Scope(surface=closed), closed_at=world.now(), targets=["whatsapp"])
        refused = await live.reply(theirs[0].id, "No.", agent="agent-1", visibility=theirs[0].visibility)
        await world.settle()
        assert on_surface(world, "Ann", closed) == []
        if closed == "dm":
            assert (await live.delivery(refused.id)).state == "failed"
            assert (await refusals(live, refused.id))["x"] in ("withdrawn", "public_surface")
        answered = await reply(world, live, theirs[1].id, "Yes.")
        assert answered.channel == "x"
        assert [text.endswith("Yes.") for text in on_surface(world, "Bob", left)] == [True]


@pytest.mark.parametrize(("surface", "other"), [("dm", "mention"), ("mention", "dm")])
async def test_a_surface_is_redirected_alone(world: World, surface: str, other: str) -> None:
    ann, bob = person(world, "Ann", "x"), person(world, "Bob", "x")
    async with running(world, make_hub("x", "whatsapp")) as live:
        await live.withdraw("x", scope=Scope(surface=surface), redirect_at=world.now(), targets=["whatsapp"])
        await ann.on("x").says("A question", surface=surface)
        await bob.on("x").says("A question", surface=other)
        assert len(texts(ann, "x")) == 1
        assert texts(bob, "x") == []


async def test_only_what_goes_out_stops(world: World) -> None:
    ann = person(world, "Ann", "x")
    async with running(world, make_hub("x")) as live:
        await ann.on("x").says("A question")
        place = await conversation_of(live, ann)
        await live.withdraw("x", scope=Scope(direction="out"), closed_at=world.now())
        await ann.on("x").says("Another")
        assert (await conversation_of(live, ann)).id == place.id
        assert texts(ann, "x") == []
        assert (await reply(world, live, place.id, "No.")).state == "failed"


async def test_only_what_comes_in_is_redirected(world: World) -> None:
    """We may still write there; whoever writes to us is shown another way."""
    ann = person(world, "Ann", "x")
    async with running(world, make_hub("x", "whatsapp")) as live:
        await ann.on("x").says("A question")
        place = await conversation_of(live, ann)
        await live.withdraw("x", scope=Scope(direction="in"), redirect_at=world.now(), targets=["whatsapp"])
        await ann.on("x").says("Another")
        assert len(texts(ann, "x")) == 1
        assert (await reply(world, live, place.id, "Still here.")).channel == "x"


async def test_one_account_of_two(world: World) -> None:
    """Two handles: one is given up, the other goes on, and takes over what was begun."""
    second = XAccount.model_validate({"id": "x-klm", "consumer_secret": "env:A", "token": "env:B"})
    hub = Hub([*accounts("x"), second], work=False)
    ann, bob = person(world, "Ann", "x"), person(world, "Bob", "x")
    async with running(world, hub) as live:
        simulator = cast(XSimulator, world.simulator("x"))
        simulator.says("@ann", "To the first", account_id="x-main")
        simulator.says("@bob", "To the second", account_id="x-klm")
        await world.settle()
        theirs = [await conversation_of(live, who) for who in (ann, bob)]
        assert [one.account for one in theirs] == ["x-main", "x-klm"]
        closing = await live.withdraw("x", account="x-main", closed_at=world.now())
        by_the_other = await reply(world, live, theirs[0].id, "By the other one.")
        assert by_the_other.attempts[-1].account == "x-klm"
        assert (await reply(world, live, theirs[1].id, "As ever.")).attempts[-1].account == "x-klm"
        # Only Ann ever had to do with the handle that goes, and the other one reaches her.
        assert add_up(await live.reach(closing.id)) == (0, 1, 0, 0)
        with pytest.raises(ConfigurationError, match="x-klm"):
            await live.withdraw("x", account="x-nobody")


async def test_a_purpose_and_a_country(world: World) -> None:
    french = person(world, "Ann", "whatsapp", "email")
    async with running(world, make_hub("whatsapp", "email")) as live:
        await french.on("whatsapp").says("Où est ma valise ?")
        customer = await french.record()
        await live.add_address(customer.id, Address(channel="email", value=handle("Ann", "email"), assurance=3))
        await live.withdraw("whatsapp", scope=Scope(country="+33", purpose="alert"), closed_at=world.now())
        order = ["whatsapp", "email"]
        alert = await live.send(customer.id, "Your gate has changed.", purpose="alert", order=order)
        other = await live.send(customer.id, "Your bag is here.", order=order)
        await world.settle()
        assert [(await live.delivery(one.id)).channel for one in (alert, other)] == ["email", "whatsapp"]


async def test_a_feature_goes(world: World) -> None:
    """Without buttons the same question is asked in lines."""
    ann = person(world, "Ann", "whatsapp")
    async with running(world, make_hub("whatsapp")) as live:
        await ann.on("whatsapp").says("My bag is lost")
        place = await conversation_of(live, ann)
        await live.withdraw("whatsapp", scope=Scope(feature="quick_replies"), closed_at=world.now())
        question = Text("A refund?", quick_replies=[QuickReply("Yes", id="yes"), QuickReply("No", id="no")])
        made = await live.reply(place.id, question, agent="agent-1")
        await world.settle()
        (seen,) = ann.on("whatsapp").seen()
        assert (seen.choices, "1. Yes" in seen.text) == ((), True)
        assert (await live.explain(made.id)).decisions[-1].steps[0].lost == ("quick_replies",)


async def test_the_narrowest_wins(world: World) -> None:
    ann = person(world, "Ann", "x")
    async with running(world, make_hub("x", "whatsapp")) as live:
        await ann.on("x").says("A question")
        place = await conversation_of(live, ann)
        await live.withdraw("x", closed_at=world.now(), targets=["whatsapp"])
        exception = await live.withdraw("x", scope=Scope(surface="dm"), announced_at=world.now())
        assert (await reply(world, live, place.id, "DMs stay for now.")).channel == "x"
        assert exception.phase == "announced"
        await world.advance(DAY)
        assert [one["phase"] for one in await events(live, "withdrawal.changed")] == ["closed", "announced"]
