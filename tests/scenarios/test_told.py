"""Where explain says that a person was told, one was."""

import pytest

from omnichannel import Hub
from omnichannel.routing.rules import Rule, Then, When
from omnichannel.runtime.policy import Policy
from omnichannel.testing.world import World
from tests.scenarios.support import HOUR, conversation_of, events, make_hub, person, reply, state_of


async def notes(live: Hub, customer_id: str) -> list[str]:
    page = await live.history(customer_id)
    return [one.text for one in page.items if one.kind == "note"]


async def waiting(live: Hub) -> list[str]:
    return [one.id for one in (await live.desk.list("support")).items]


@pytest.mark.parametrize("hold", [True, False])
async def test_a_rule_tells_a_person_once(world: World, hold: bool) -> None:
    rule = Rule(name="refunds are looked at", when=When(channel=("x",)), then=Then(tell=True, hold=hold))
    ann = person(world, "Ann", "x")
    async with world.run(make_hub("x", policy=Policy(rules=[rule]))) as live:
        await ann.on("x").says("My refund?")
        place = await conversation_of(live, ann)
        told = await reply(world, live, place.id, "It is on its way.")
        await world.advance(3 * HOUR)
        assert (await state_of(live, told.id) == "held") is hold
        (event,) = await events(live, "operator.told")
        assert event == {
            "delivery": told.id,
            "conversation": place.id,
            "reason": "rule 'refunds are looked at'",
            "rule": "refunds are looked at",
        }
        assert await notes(live, place.customer_id) == [f"{told.id}: rule 'refunds are looked at'"]
        assert "A person was told." in (await live.explain(told.id)).as_text()
        # One that went out all the same is answered; the note stays.
        assert await waiting(live) == ([place.id] if hold else [])


async def test_a_message_that_reaches_nobody_is_told_and_one_that_goes_out_is_not(world: World) -> None:
    ann = person(world, "Ann", "x")
    async with world.run(make_hub("x", "email")) as live:
        await ann.on("x").says("My refund?")
        place = await conversation_of(live, ann)
        await reply(world, live, place.id, "It is on its way.")
        assert await events(live, "operator.told") == []
        assert await notes(live, place.customer_id) == []
        assert await waiting(live) == []
        await live.withdraw("x", closed_at=world.now())
        lost = await reply(world, live, place.id, "It is there.")
        (event,) = await events(live, "operator.told")
        assert event["delivery"] == lost.id
        assert event["reason"].startswith("x: withdrawn (closed since")
        assert (await notes(live, place.customer_id))[0].startswith(f"{lost.id}: x: withdrawn")
        assert await waiting(live) == [place.id]
