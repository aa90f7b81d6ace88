"""A channel goes: announced, redirecting, nothing new, read only, closed; and comes back for some."""

from __future__ import annotations

import pytest

from omnichannel import Localized
from omnichannel.model.content import Text
from omnichannel.model.exceptions import DeliveryError
from omnichannel.testing.world import World
from tests.scenarios.support import (
    ACCOUNT,
    DAY,
    HOUR,
    PAIRS,
    add_up,
    column,
    conversation_of,
    events,
    live_customers,
    make_hub,
    person,
    refusals,
    reply,
    running,
    schema,
    texts,
)

pytestmark = pytest.mark.parametrize(("source", "target"), PAIRS)


async def test_all_phases(world: World, source: str, target: str) -> None:
    follows = person(world, "Ann", source, target)
    has_other = person(world, "Bob", source, target)
    stays = person(world, "Cem", source)
    silent = person(world, "Dan", source)
    async with running(world, make_hub()) as live:
        for who in (follows, has_other, stays, silent):
            await who.on(source).says(f"{who.name} has a question")
        await has_other.on(target).says("I am here as well")
        for one in await live_customers(live, has_other, source, target):
            await live.link_customer(one.id, external_id="crm-7")
        start = world.now()
        closing = await live.withdraw(
            source,
            announced_at=start + DAY,
            redirect_at=start + 2 * DAY,
            no_new_at=start + 3 * DAY,
            read_only_at=start + 4 * DAY,
            closed_at=start + 5 * DAY,
            targets=[target],
        )
        assert closing.phase is None

        # Announced: nothing changes for who writes there.
        await world.advance(DAY)
        await stays.on(source).says("Still there?")
        before = await conversation_of(live, stays)
        assert (await reply(world, live, before.id, "Still here.")).channel == source
        assert texts(stays, source) == ["Still here."]

        # Redirecting: one notice each, and answers as before.
        await world.advance(DAY)
        for who in (follows, stays):
            await who.on(source).says("Hello again")
            await who.on(source).says("And again")
        notices = [text for text in texts(stays, source) if "leaving" in text or "until" in text]
        assert len(notices) == 1
        assert (await reply(world, live, before.id, "We drain.")).channel == source
        moving = await conversation_of(live, follows)
        await follows.on(source).follows_link(target)
        moved = await live.conversation(moving.id)
        assert (moved.id, moved.channel, moved.customer_id) == (moving.id, target, moving.customer_id)
        assert (await reply(world, live, moving.id, "Welcome here.")).channel == target
        assert texts(follows, target) == ["Welcome here."]

        # No new ones: open conversations go on.
        await world.advance(DAY - HOUR)
        await stays.on(source).says("Good morning")
        await world.advance(HOUR)
        assert (await reply(world, live, before.id, "Yours goes on.")).channel == source

        # Read only: kept, and answered elsewhere or not at all.
        await world.advance(DAY)
        await stays.on(source).says("Can you read this?")
        lost = await reply(world, live, before.id, "Nobody sees this.")
        assert lost.state == "failed"
        assert (await refusals(live, lost.id))[source] == "withdrawn"
        await has_other.on(target).says("I am here, too")
        await has_other.on(source).says("And I?")
        theirs = [c for c in await column(live, schema.conversations.c.id) if c not in (before.id, moving.id)]
        known = (await has_other.record()).id
        (place,) = [c for c in theirs if (await live.conversation(c)).customer_id == known and c == min(theirs)]
        assert (await reply(world, live, place, "You we reach.")).channel == target

        # Closed: what comes in is still kept, and an answer is refused loudly.
        await world.advance(DAY)
        await stays.on(source).says("Hello?")
        refused = await reply(world, live, before.id, "Too late.")
        with pytest.raises(DeliveryError):
            await live.wait(refused.id)
        why = (await live.explain(refused.id)).decisions[-1].refused
        detail = next(one.detail for one in why if one.account == ACCOUNT[source])
        assert "closed since" in detail
        assert target in detail
        assert [one["phase"] for one in await events(live, "withdrawal.phase_changed")] == [
            "announced",
            "redirecting",
            "no_new",
            "read_only",
            "closed",
        ]
        # Dan wrote once, before, and never heard of it: nobody told him. Bob can be reached.
        assert add_up(await live.reach(closing.id)) == (1, 1, 1, 1)


async def test_new_dates_are_a_new_period(world: World, source: str, target: str) -> None:
    ann = person(world, "Ann", source)
    async with running(world, make_hub()) as live:
        first = await live.withdraw(source, redirect_at=world.now(), closed_at=world.now() + 9 * DAY, targets=[target])
        await ann.on(source).says("One")
        await ann.on(source).says("Two")
        assert len(texts(ann, source)) == 1
        again = await live.withdraw(source, redirect_at=world.now(), closed_at=world.now() + 9 * DAY, targets=[target])
        assert (again.id, again.period) == (first.id, first.period)
        await ann.on(source).says("Three")
        assert len(texts(ann, source)) == 1
        later = await live.withdraw(source, redirect_at=world.now(), closed_at=world.now() + 20 * DAY, targets=[target])
        assert (later.id, later.period) == (first.id, first.period + 1)
        await ann.on(source).says("Four")
        await ann.on(source).says("Five")
        assert len(texts(ann, source)) == 2
        assert (await live.reach(first.id)).reach.customers == 1


async def test_the_notice_in_the_companys_words(world: World, source: str, target: str) -> None:
    ann = person(world, "Ann", source, language="fr")
    words = {
        "fr": Text("Nous quittons ce canal le {closed_at:date}. Continuez ici : {link}"),
        "en": Text("We leave on {closed_at:date}. Go on here: {link}"),
    }
    async with running(world, make_hub()) as live:
        await live.withdraw(
            source,
            redirect_at=world.now(),
            closed_at=world.now() + 25 * DAY,
            targets=[target],
            notice=Localized(words, default="en"),
        )
        await ann.on(source).says("Bonjour, où est ma valise, s'il vous plaît ?")
        (text,) = texts(ann, source)
        assert text.startswith("Nous quittons ce canal le 29 janvier 2027. Continuez ici : ")


async def test_reinstated_for_some(world: World, source: str, target: str) -> None:
    ann, bob = person(world, "Ann", source), person(world, "Bob", source)
    async with running(world, make_hub()) as live:
        for who in (ann, bob):
            await who.on(source).says("Hello")
        places = [await conversation_of(live, who) for who in (ann, bob)]
        closing = await live.withdraw(source, closed_at=world.now(), targets=[target])
        assert [(await reply(world, live, one.id, "No.")).state for one in places] == ["failed", "failed"]
        await live.reinstate(closing.id, canary=0.0)
        assert [(await reply(world, live, one.id, "Not yet.")).state for one in places] == ["failed", "failed"]
        back = await live.reinstate(closing.id, canary=1.0)
        assert back.phase == "reinstated"
        assert {(await reply(world, live, one.id, "Again.")).channel for one in places} == {source}
        assert texts(ann, source) == texts(bob, source) == ["Again."]
