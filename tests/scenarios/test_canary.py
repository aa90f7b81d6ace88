"""A channel comes back for a share of its customers first: always the same ones."""

from __future__ import annotations

import pytest

from omnichannel.testing.world import World
from omnichannel.withdrawal.phases import is_canary
from tests.scenarios.support import CHANNELS, conversation_of, make_hub, person, reply, running, texts


@pytest.mark.parametrize("source", CHANNELS)
async def test_a_share_of_the_customers_comes_back(world: World, source: str) -> None:
    people = [person(world, f"Person{number}", source) for number in range(10)]
    async with running(world, make_hub()) as live:
        for who in people:
            await who.on(source).says("Hello")
        closing = await live.withdraw(source, closed_at=world.now())
        back = await live.reinstate(closing.id, canary=0.5)
        answered: list[bool] = []
        for who in people:
            place = await conversation_of(live, who)
            answered.append((await reply(world, live, place.id, "Again?")).channel == source)
        chosen = [is_canary(back, (await who.record()).id, world.now()) for who in people]
        assert answered == chosen
        assert [len(texts(who, source)) for who in people] == [int(one) for one in chosen]
