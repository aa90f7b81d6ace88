"""After the move: what still comes in on the old channel, and who may take a conversation up at all."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest

from omnichannel import Handlers, Hub, Turn
from omnichannel.testing.people import Person
from omnichannel.testing.simulators.mail import MailSimulator
from omnichannel.testing.world import World
from tests.scenarios.support import (
    DAY,
    HOUR,
    PAIRS,
    WINDOWED,
    add_up,
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

pairs = pytest.mark.parametrize(("source", "target"), PAIRS)


async def told(world: World, live: Hub, who: Person, source: str, target: str) -> str:
    """A customer with an open conversation on a channel that is being left, who has had the notice. Gives its id."""
    await who.on(source).says("Where is my bag?")
    await live.withdraw(source, redirect_at=world.now(), targets=[target])
    await who.on(source).says("Hello?")
    return (await conversation_of(live, who)).id


@pairs
async def test_a_late_message_on_the_old_channel(world: World, source: str, target: str) -> None:
    answers = Handlers()

    @answers.on_message
    async def answer(turn: Turn) -> None:
        if "late" in turn.message.text:
            await turn.reply("We are over here now.")

    ann = person(world, "Ann", source, target)
    async with running(world, make_hub(handlers=answers)) as live:
        place = await told(world, live, ann, source, target)
        await ann.on(source).follows_link(target)
        notices = len(texts(ann, source))
        await ann.on(source).says("I am late with this")
        now = await live.conversation(place)
        assert now.channel == target
        assert len(texts(ann, source)) == notices
        assert texts(ann, target)[-1].startswith("We are over here now.")
        in_it = await column(live, schema.messages.c.text, schema.messages.c.conversation_id == place)
        assert "I am late with this" in in_it
        assert len(await events(live, "conversation.moved")) == 1


@pairs
async def test_following_twice_is_one_move(world: World, source: str, target: str) -> None:
    ann = person(world, "Ann", source, target)
    async with running(world, make_hub()) as live:
        place = await told(world, live, ann, source, target)
        await ann.on(source).follows_link(target)
        await ann.on(source).follows_link(target)
        assert (await conversation_of(live, ann)).id == place
        assert len(await events(live, "conversation.moved")) == 1
        assert len(await column(live, schema.merges.c.seq)) == 1


@pairs
async def test_a_forwarded_reference_opens_nothing_twice(world: World, source: str, target: str) -> None:
    """The customer followed; then a friend uses the same link: an ordinary message of a stranger."""
    ann, eve = person(world, "Ann", source, target), person(world, "Eve", target)
    async with running(world, make_hub()) as live:
        place = await told(world, live, ann, source, target)
        url = link_to(ann, source, target)
        await ann.on(source).follows_link(target)
        await opens(world, eve, target, url)
        theirs = await conversation_of(live, eve)
        assert theirs.id != place
        assert (theirs.linked_to, theirs.customer_id) == (None, (await eve.record()).id)
        assert (await eve.record()).id != (await ann.record()).id
        answer = await reply(world, live, place, "Your bag is in Oslo.")
        assert answer.channel == target
        assert not any("Oslo" in text for text in texts(eve, target))


@pairs
async def test_an_expired_reference_is_an_ordinary_message(world: World, source: str, target: str) -> None:
    ann = person(world, "Ann", source, target)
    async with running(world, make_hub()) as live:
        await ann.on(source).says("Where is my bag?")
        place = (await conversation_of(live, ann)).id
        closing = await live.withdraw(
            source, redirect_at=world.now(), closed_at=world.now() + 2 * DAY, targets=[target]
        )
        await ann.on(source).says("Hello?")
        await world.advance(2 * DAY)
        await ann.on(source).follows_link(target)
        assert (await live.conversation(place)).channel == source
        assert await events(live, "conversation.moved") == []
        # Whoever writes there is known there, but nobody knows that it is the same person.
        assert add_up(await live.reach(closing.id)) == (0, 0, 1, 0)


@pairs
async def test_after_three_days_a_code_is_asked_for(world: World, source: str, target: str) -> None:
    ann = person(world, "Ann", source, target)
    async with running(world, make_hub()) as live:
        place = await told(world, live, ann, source, target)
        await world.advance(3 * DAY + HOUR)
        if source in WINDOWED:
            await ann.on(source).says("I am still here")  # its window is open for the code again
        await ann.on(source).follows_link(target)
        assert (await live.conversation(place)).channel == source
        code = code_in(texts(ann, source)[-1])
        assert "code" in texts(ann, target)[-1]
        await ann.on(target).says(code)
        moved = await live.conversation(place)
        assert (moved.channel, moved.status) == (target, "open")
        answer = await reply(world, live, place, "Your bag is in Oslo.")
        assert answer.channel == target
        assert any("Oslo" in text for text in texts(ann, target))


async def test_guessing_ends_after_a_few(world: World) -> None:
    ann, eve = person(world, "Ann", "x", "whatsapp"), person(world, "Eve", "whatsapp")
    async with running(world, make_hub()) as live:
        place = await told(world, live, ann, "x", "whatsapp")
        url = link_to(ann, "x", "whatsapp")
        for number in range(6):
            await eve.on("whatsapp").says(f"#01ABCDEFGHJKMNPQRSTVWXYZ0{number}")
        assert len(await column(live, schema.reference_tries.c.seq)) == 5
        # Now even the right one, stolen, opens nothing for her.
        await opens(world, eve, "whatsapp", url)
        assert (await live.conversation(place)).channel == "x"
        await world.advance(timedelta(hours=2))
        await ann.on("x").follows_link("whatsapp")
        assert (await live.conversation(place)).channel == "whatsapp"


def link_to(who: Person, source: str, target: str) -> str:
    """The newest link to a channel on somebody's phone."""
    begins = who.world.simulator(target).links
    words = [word for text in reversed(texts(who, source)) for word in text.split()]
    return next(word for word in words if word.startswith(begins))


async def opens(world: World, who: Person, channel: str, url: str) -> None:
    """Somebody opens a link that is not theirs."""
    world.simulator(channel).opens(who.handles[channel], url)
    await world.settle()


def code_in(text: str) -> str:
    """The six digits in a text."""
    return next(word for word in text.replace(".", " ").split() if word.isdigit() and len(word) == 6)


# ---------------------------------------------------------------- one after another


@pytest.mark.parametrize(
    "order",
    [
        ("x", "whatsapp", "email"),
        ("email", "x", "whatsapp"),
        ("whatsapp", "email", "x"),
        ("messenger", "whatsapp", "x"),
        ("x", "messenger", "email"),
    ],
)
async def test_two_channels_go_one_after_the_other(world: World, order: tuple[str, str, str]) -> None:
    """The conversation stays one through both moves, and so do its late messages."""
    first, second, third = order
    ann = person(world, "Ann", *order)
    async with running(world, make_hub()) as live:
        place = await told(world, live, ann, first, second)
        await ann.on(first).follows_link(second)
        await live.withdraw(second, redirect_at=world.now(), targets=[first, third])
        await ann.on(second).says("You are leaving again?")
        # Where we have just come from is no place to go.
        assert link_to(ann, second, third)
        with pytest.raises(LookupError):
            await ann.on(second).follows_link(first)
        await ann.on(second).follows_link(third)
        assert (await live.conversation(place)).channel == third
        for channel in (first, second):
            await ann.on(channel).says(f"Late on {channel}")
        assert len(await column(live, schema.conversations.c.id)) == 1
        assert (await reply(world, live, place, "All is here.")).channel == third
        assert [one["to"] for one in await events(live, "conversation.moved")] == [second, third]
        assert len(await column(live, schema.notices.c.period)) == 2


@pairs
async def test_a_late_message_after_the_code(world: World, source: str, target: str) -> None:
    ann = person(world, "Ann", source, target)
    async with running(world, make_hub()) as live:
        place = await told(world, live, ann, source, target)
        (closing,) = await column(live, schema.withdrawals.c.id)
        await world.advance(3 * DAY + HOUR)
        if source in WINDOWED:
            await ann.on(source).says("I am still here")
        await ann.on(source).follows_link(target)
        assert (await live.reach(closing)).reach.moved == 0
        await ann.on(target).says(code_in(texts(ann, source)[-1]))
        assert (await live.reach(closing)).reach.moved == 1
        await ann.on(source).says("Late again")
        texts_there = await column(live, schema.messages.c.text, schema.messages.c.conversation_id == place)
        assert texts_there[-1] == "Late again"
        assert (await live.conversation(place)).channel == target


async def test_no_notice_to_a_machine(world: World) -> None:
    """Our notice meets a vacation text: that is kept, and answered by nothing."""
    ann = person(world, "Ann", "email", "whatsapp")
    async with running(world, make_hub()) as live:
        mail = cast(MailSimulator, world.simulator("email"))
        mail.vacations[handle("Ann", "email")] = "I am on holiday."
        await ann.on("email").says("Where is my bag?")
        place = await conversation_of(live, ann)
        await reply(world, live, place.id, "It is here.")
        await world.advance(HOUR)
        shown = len(texts(ann, "email"))
        await live.withdraw("email", redirect_at=world.now(), targets=["whatsapp"])
        await reply(world, live, place.id, "It is still here.")
        await world.advance(HOUR)
        # Two vacation texts came, and none of them was given the notice.
        automatic = await column(live, schema.messages.c.text, schema.messages.c.automatic.is_(True))
        assert [text for text in automatic if "holiday" in text] != []
        assert len(texts(ann, "email")) == shown + 1
        assert await column(live, schema.notices.c.customer_id) == []
