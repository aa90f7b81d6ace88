"""A place to which we can only link: named in notices, never written to, and what counts as what there."""

from __future__ import annotations

import pytest

from omnichannel import Hub
from omnichannel.adapters.link_only import LinkOnlyAccount
from omnichannel.model.address import Address
from omnichannel.testing.world import World
from tests.scenarios.support import (
    accounts,
    add_up,
    column,
    conversation_of,
    events,
    person,
    refusals,
    reply,
    running,
    schema,
    texts,
)

SNAP = LinkOnlyAccount(id="snap", place="snapchat", username="desk_air")
FORUM = LinkOnlyAccount(id="forum", place="forum", url="https://forum.example/new?ref={ref}")
LINK = "https://www.snapchat.com/add/desk_air"


def hub(*channels: str) -> Hub:
    return Hub([*accounts(*channels), SNAP, FORUM], work=False)


async def test_a_notice_names_it_and_nobody_counts_as_moved(world: World) -> None:
    ann = person(world, "Ann", "x")
    async with running(world, hub("x")) as live:
        await ann.on("x").says("Where is my bag?")
        place = await conversation_of(live, ann)
        closing = await live.withdraw("x", redirect_at=world.now(), targets=["snapchat"])
        await ann.on("x").says("Hello?")
        (notice,) = texts(ann, "x")
        assert LINK in notice
        # It carries no reference, so none was made; nobody can be seen to follow.
        assert await column(live, schema.references.c.digest) == []
        assert add_up(await live.reach(closing.id)) == (0, 0, 1, 0)
        assert await events(live, "conversation.moved") == []
        # She is still answered where she wrote, as long as that is open.
        assert (await reply(world, live, place.id, "It is in Oslo.")).channel == "x"


async def test_beside_a_channel_that_can_be_written_to(world: World) -> None:
    """Both are named; who follows to the one is seen, who follows to the other is not."""
    ann, bob = person(world, "Ann", "x", "whatsapp"), person(world, "Bob", "x")
    async with running(world, hub("x", "whatsapp")) as live:
        for who in (ann, bob):
            await who.on("x").says("Where is my bag?")
        closing = await live.withdraw("x", redirect_at=world.now(), targets=["snapchat", "whatsapp"])
        for who in (ann, bob):
            await who.on("x").says("Hello?")
            assert LINK in texts(who, "x")[-1]
            assert "https://wa.me/" in texts(who, "x")[-1]
        await ann.on("x").follows_link("whatsapp")
        assert add_up(await live.reach(closing.id)) == (1, 0, 1, 0)


async def test_nothing_is_routed_there(world: World) -> None:
    """Not even to an address that somebody has noted, and not when it is asked for."""
    ann = person(world, "Ann", "x")
    async with running(world, hub("x")) as live:
        await ann.on("x").says("Where is my bag?")
        customer = await ann.record()
        await live.add_address(customer.id, Address(channel="snapchat", value="ann_k", assurance=3))
        made = await live.send(customer.id, "It is in Oslo.", order=["snapchat", "x"])
        await world.settle()
        assert (await live.delivery(made.id)).channel == "x"
        assert (await refusals(live, made.id))["snapchat"] == "link_only"
        alone = await live.send(customer.id, "And so is your hat.", order=["snapchat"])
        await world.settle()
        told = await live.explain(alone.id)
        assert "snapchat" not in {one.channel for one in told.attempts}
        assert "there is only a link there: nothing can be sent" in told.as_text("en")


async def test_a_place_with_a_reference_makes_one(world: World) -> None:
    ann = person(world, "Ann", "x")
    async with running(world, hub("x")) as live:
        await ann.on("x").says("Where is my bag?")
        place = await conversation_of(live, ann)
        links = await live.continue_elsewhere(place.id, ["forum", "snapchat"])
        assert links["snapchat"] == LINK
        assert links["forum"].startswith("https://forum.example/new?ref=")
        assert await column(live, schema.references.c.target) == ["forum"]


@pytest.mark.parametrize("targets", [["snapchat"], ["snapchat", "whatsapp"]])
async def test_a_place_that_is_left_itself_is_named_no_more(world: World, targets: list[str]) -> None:
    """What leaving such a place can mean: our notices stop to send people there."""
    ann = person(world, "Ann", "x", "whatsapp")
    async with running(world, hub("x", "whatsapp")) as live:
        await ann.on("x").says("Where is my bag?")
        leaving = await live.withdraw("snapchat", no_new_at=world.now(), targets=["whatsapp"])
        assert add_up(await live.reach(leaving.id)) == (0, 0, 0, 0)
        await live.withdraw("x", redirect_at=world.now(), targets=targets)
        await ann.on("x").says("Hello?")
        (notice,) = texts(ann, "x")
        assert LINK not in notice
        assert ("https://wa.me/" in notice) is ("whatsapp" in targets)
