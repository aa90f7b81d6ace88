"""Keys that a platform forgets: while it knows them, what may have arrived is asked for again; then it is held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from omnichannel import Hub
from omnichannel.adapters.mastodon.surfaces import KEY_KEPT
from omnichannel.model.message import Delivery
from omnichannel.testing.faults import FaultKind, FaultPlan
from omnichannel.testing.world import World
from tests.scenarios.support import (
    HOUR,
    MINUTE,
    accounts,
    column,
    conversation_of,
    intact,
    person,
    rows,
    schema,
    state_of,
    texts,
)

SAID = "Your bag is here."


def polled() -> Hub:
    """A hub that polls, and has no stream that would bring an echo before the platform goes down."""
    (account,) = accounts("mastodon")
    return Hub([account.model_copy(update={"sources": ("poll",)})], work=False)


def goes_wrong(world: World, fault: FaultKind | None) -> None:
    """What happens to each request from now on."""
    world.simulator("mastodon").faults = FaultPlan(0, {} if fault is None else {fault: 1.0})


async def lost(world: World, live: Hub, fault: FaultKind) -> str:
    """An answer of ours gets no answer, and after that the platform is down. Gives the delivery's id."""
    ann = person(world, "Ann", "mastodon")
    await ann.on("mastodon").says("Where is my bag?")
    goes_wrong(world, fault)
    made = await live.reply((await conversation_of(live, ann)).id, SAID, agent="agent-1")
    await live.core.worker.drain()
    goes_wrong(world, "timeout_before_write")
    return made.id


class Killed(BaseException):
    """The process is gone."""


def crash(step: str) -> None:
    if step == "answered":
        raise Killed


def alive(step: str) -> None:
    """Nothing ends the process."""


def shown(world: World) -> list[str]:
    return [text for text in texts(world.people[0], "mastodon") if SAID in text]


def tries(delivery: Delivery) -> Counter[str]:
    return Counter(attempt.state for attempt in delivery.attempts)


async def test_an_answer_is_lost_and_the_platform_is_down_for_two_hours(world: World) -> None:
    """It had arrived. When the platform is back it does not know the key any more, but tells of the status."""
    assert KEY_KEPT < 2 * HOUR
    async with world.run(polled()) as live:
        delivery = await lost(world, live, "timeout_after_write")
        assert await state_of(live, delivery) == "queued"
        await world.advance(2 * HOUR)
        assert await state_of(live, delivery) == "queued"
        goes_wrong(world, None)
        await world.advance(3 * HOUR)
        assert (await state_of(live, delivery), len(shown(world))) == ("accepted", 1)
        # The echo was ours, and nobody's of our colleagues.
        assert len(await column(live, schema.messages.c.text, schema.messages.c.direction == "out")) == 1
        await intact(world)


async def test_where_nothing_tells_of_it_it_is_held_first(world: World) -> None:
    """As what never had a key: unknown until the time for echoes is over, then sent once more, and listed."""
    async with world.run(polled()) as live:
        delivery = await lost(world, live, "timeout_lost")
        await world.advance(2 * HOUR)
        goes_wrong(world, None)
        for _ in range(60):  # until the plan's next try, give or take a tenth
            if await state_of(live, delivery) == "queued":
                await world.advance(MINUTE)
        held = await live.delivery(delivery)
        assert (held.state, shown(world)) == ("unknown", [])
        assert tries(held) == {"unknown": 1, "failed": 3}
        reason = await column(live, schema.deliveries.c.reason)
        assert reason == ["it may have arrived, and the platform does not know its key any more"]
        await world.advance(30 * MINUTE)
        sent = await live.delivery(delivery)
        assert (sent.state, len(shown(world))) == ("accepted", 1)
        assert tries(sent) == {"unknown": 1, "failed": 3, "accepted": 1}


@pytest.mark.parametrize("fault", ["timeout_lost", "timeout_after_write", "server_error"])
async def test_within_the_hour_the_key_makes_it_harmless(world: World, fault: FaultKind) -> None:
    async with world.run(polled()) as live:
        delivery = await lost(world, live, fault)
        await world.advance(MINUTE)
        goes_wrong(world, None)
        await world.advance(HOUR)
        assert (await state_of(live, delivery), len(shown(world))) == ("accepted", 1)
        doubted = select(schema.attempts.c.seq).where(schema.attempts.c.certain.is_(False))
        assert await rows(live, doubted) == []
        await intact(world)


async def test_no_connection_leaves_no_doubt(world: World) -> None:
    """A message that certainly never left is sent whenever the platform is back, however old its key."""
    async with world.run(polled()) as live:
        delivery = await lost(world, live, "timeout_before_write")
        await world.advance(2 * HOUR)
        goes_wrong(world, None)
        await world.advance(HOUR)
        assert (await state_of(live, delivery), len(shown(world))) == ("accepted", 1)


async def dies(world: World, hub: Hub, crash: Callable[[str], None]) -> None:
    async with world.run(hub) as live:
        (ann,) = world.people
        await ann.on("mastodon").says("Where is my bag?")
        world.crash = crash
        await live.reply((await conversation_of(live, ann)).id, SAID, agent="agent-1")
        await world.settle()


async def test_killed_with_the_request_under_way_and_started_again_hours_later(tmp_path: Path, seed: int) -> None:
    """The platform took it, the process did not see that, and the key is gone: the echo tells."""

    world = World(seed=seed, store=f"sqlite:///{tmp_path}/desk.db")
    hub = polled()
    person(world, "Ann", "mastodon")
    with pytest.raises(BaseExceptionGroup):
        await dies(world, hub, crash)
    world.crash = alive
    await world.clock.advance(3 * HOUR)
    async with world.run(hub) as live:
        await world.advance(HOUR)
        assert await column(live, schema.deliveries.c.state) == ["accepted"]
        assert len(shown(world)) == 1
        await intact(world)
