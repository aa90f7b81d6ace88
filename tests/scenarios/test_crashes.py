"""The process ends in the middle: nothing is lost, and only what nobody could know may be there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from omnichannel import Handlers, Hub, Turn
from omnichannel.runtime.parsing import Parser
from omnichannel.stores import turns
from omnichannel.testing.faults import FaultKind, FaultPlan
from omnichannel.testing.world import World
from tests.scenarios.support import (
    CHANNELS,
    HOUR,
    MINUTE,
    column,
    conversation_of,
    intact,
    make_hub,
    person,
    reply,
    rows,
    schema,
    seen_ids,
    state_of,
    texts,
)

pytestmark = pytest.mark.faults
sources = pytest.mark.parametrize("channel", CHANNELS)


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


def on_disk(tmp_path: Path, seed: int) -> World:
    return World(seed=seed, store=f"sqlite:///{tmp_path}/desk.db")


def echo() -> Handlers:
    handlers = Handlers()

    @handlers.on_message
    async def answer(turn: Turn) -> None:
        await turn.reply(f"You said: {turn.message.text}")

    return handlers


async def survive(world: World, hub: Hub, channel: str, *, unknown: int) -> None:
    """A new process on the same rows goes on where the first one ended."""
    ann = world.people[0]
    async with world.run(hub) as live:
        await world.advance(MINUTE)  # until the leases of the dead process have run out
        states = Counter(await column(live, schema.deliveries.c.state))
        assert states["unknown"] == unknown
        await world.advance(HOUR)
        assert await column(live, schema.journal.c.seq, schema.journal.c.state != "done") == []
        assert await column(live, schema.events.c.error, schema.events.c.state != "done") == []
        got = Counter(text.splitlines()[0] for text in texts(ann, channel))
        assert got["You said: one"] >= 1
        assert got["You said: two"] == 1
        doubles = sum(got.values()) - len(got)
        hidden = await column(live, schema.attempts.c.seq, schema.attempts.c.was_unknown.is_(True))
        assert doubles <= len(hidden)
        assert len(hidden) == unknown
        assert await column(live, schema.messages.c.text, schema.messages.c.direction == "in") == ["one", "two"]


@sources
@pytest.mark.parametrize(("step", "unknown"), [("before", 0), ("started", 1), ("answered", 1), ("settled", 0)])
async def test_the_outbox_ends(tmp_path: Path, seed: int, channel: str, step: str, unknown: int) -> None:
    world = on_disk(tmp_path, seed)
    ann, hub = person(world, "Ann", channel), make_hub(channel, handlers=echo())
    world.crash = killing(step)
    with pytest.raises(BaseExceptionGroup):
        async with world.run(hub):
            await ann.on(channel).says("one")
    async with world.run(hub):
        await ann.on(channel).says("two")
    # What the platform tells of itself (an echo, a status) may have settled what was unknown in the meantime.
    async with world.run(hub) as live:
        states = Counter(await column(live, schema.deliveries.c.state))
        unknown = min(unknown, len(await column(live, schema.attempts.c.seq, schema.attempts.c.was_unknown.is_(True))))
        assert states["unknown"] <= unknown or unknown == 0
    await survive(world, hub, channel, unknown=0) if unknown == 0 else None
