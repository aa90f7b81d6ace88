"""Too fast: the platform says so, or we know it beforehand; nothing is lost by waiting."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest

from omnichannel.runtime import outbox
from omnichannel.runtime.attempts import store_decision
from omnichannel.runtime.lanes import Lane
from omnichannel.stores.base import Store
from omnichannel.stores.deciding import Decided
from omnichannel.testing.faults import FaultPlan
from omnichannel.testing.simulators.x import XSimulator
from omnichannel.testing.world import World
from tests.scenarios.support import (
    CHANNELS,
    HOUR,
    MINUTE,
    conversation_of,
    make_hub,
    person,
    reply,
    running,
    state_of,
    texts,
)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_429_is_tried_again_when_told(world: World, channel: str) -> None:
    ann = person(world, "Ann", channel)
    async with running(world, make_hub(channel)) as live:
        await ann.on(channel).says("Where is my bag?")
        place = await conversation_of(live, ann)
        world.simulator(channel).faults = FaultPlan(0, {"rate_limited": 1.0})
        made = await live.reply(place.id, "Here.", agent="agent-1")
        await world.settle()
        assert await state_of(live, made.id) == "queued"
        world.simulator(channel).faults = FaultPlan(0)
        await world.advance(timedelta(milliseconds=500))
        assert texts(ann, channel) == []
        await world.advance(20 * MINUTE)
        assert len(texts(ann, channel)) == 1
        assert len((await live.delivery(made.id)).attempts) == 2


async def test_order_holds_while_the_first_waits(world: World) -> None:
    ann = person(world, "Ann", "x")
    async with running(world, make_hub("x")) as live:
        await ann.on("x").says("Where is my bag?")
        place = await conversation_of(live, ann)
        world.simulator("x").faults = FaultPlan(0, {"rate_limited": 1.0})
        await reply(world, live, place.id, "First.")
        world.simulator("x").faults = FaultPlan(0)
        await reply(world, live, place.id, "Second.")
        await world.advance(HOUR)
        assert texts(ann, "x") == ["First.", "Second."]


async def test_a_limit_that_ends_while_a_decision_is_stored_holds_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer waits for a limit of the account; storing that takes longer than the limit lasts."""
    ann, bob = person(world, "Ann", "x"), person(world, "Bob", "x")
    stored: list[Decided] = []

    async def slowly(store: Store, lane: Lane, decided: Decided) -> None:
        await store_decision(store, lane, decided)
        stored.append(decided)
        await world.clock.jump_to(world.clock.now() + HOUR)

    async with running(world, make_hub("x")) as live:
        await ann.on("x").says("Where is my bag?")
        await bob.on("x").says("And mine?")
        world.simulator("x").faults = FaultPlan(0, {"rate_limited": 1.0})
        await reply(world, live, (await conversation_of(live, ann)).id, "Here.")
        world.simulator("x").faults = FaultPlan(0)
        monkeypatch.setattr(outbox, "store_decision", slowly)
        await reply(world, live, (await conversation_of(live, bob)).id, "Here, too.")
        assert [[one.reason for one in each.decision.refused] for each in stored] == [["rate_limited"]]
        await world.advance(MINUTE)
        assert texts(bob, "x") == ["Here, too."]


async def test_our_own_limit_comes_before_theirs(world: World) -> None:
    """X takes 15 DMs in 15 minutes: the sixteenth waits here, and X never has to say no."""
    ann = person(world, "Ann", "x")
    async with running(world, make_hub("x")) as live:
        await ann.on("x").says("Tell me everything")
        place = await conversation_of(live, ann)
        for number in range(20):
            await live.reply(place.id, f"Thing {number}", agent="agent-1")
        await world.settle()
        assert len(texts(ann, "x")) == 15
        await world.advance(16 * MINUTE)
        assert texts(ann, "x") == [f"Thing {number}" for number in range(20)]
        asked = cast(XSimulator, world.simulator("x")).requests
        assert {one.status for one in asked if one.request.method == "POST"} == {201}


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_broken_platform_is_asked_ever_more_seldom(world: World, channel: str) -> None:
    ann = person(world, "Ann", channel)
    async with running(world, make_hub(channel)) as live:
        await ann.on(channel).says("Where is my bag?")
        place = await conversation_of(live, ann)
        world.simulator(channel).faults = FaultPlan(0, {"timeout_before_write": 1.0})
        made = await live.reply(place.id, "Here.", agent="agent-1")
        await world.advance(HOUR)
        tried = len((await live.delivery(made.id)).attempts)
        assert 3 <= tried <= 5
        world.simulator(channel).faults = FaultPlan(0)
        await world.advance(3 * HOUR)
        assert len(texts(ann, channel)) == 1
