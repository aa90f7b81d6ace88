"""Stop means stop, in the customer's words; a button that says so is an answer like any other."""

from __future__ import annotations

import pytest

from omnichannel import Handlers, QuickReply, Text, Turn
from omnichannel.testing.world import World
from tests.scenarios.support import (
    CHANNELS,
    DAY,
    MINUTE,
    PAIRS,
    column,
    conversation_of,
    events,
    make_hub,
    person,
    refusals,
    reply,
    running,
    schema,
    texts,
)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(("stop", "start", "language"), [("STOP", "start", "en"), ("Arrêter", "S'abonner", "fr")])
async def test_nothing_leaves_after_a_stop(world: World, channel: str, stop: str, start: str, language: str) -> None:
    seen: list[str] = []
    handlers = Handlers()

    @handlers.on_message
    async def answer(turn: Turn) -> None:
        seen.append(turn.message.text)
        await turn.reply("Thank you.")

    ann = person(world, "Ann", channel, language=language)
    async with running(world, make_hub(channel, handlers=handlers)) as live:
        await ann.on(channel).says("Bonjour, où est ma valise ?" if language == "fr" else "Hello, where is my bag?")
        place = await conversation_of(live, ann)
        shown = texts(ann, channel)
        assert len(shown) == 1
        await ann.on(channel).says(stop)
        assert stop not in seen
        refused = await reply(world, live, place.id, "One more thing.")
        offer = await live.send((await ann.record()).id, "An offer!", purpose="marketing")
        await world.settle()
        assert (refused.state, (await live.delivery(offer.id)).state) == ("failed", "failed")
        assert (await refusals(live, refused.id))[channel] == "opted_out"
        assert texts(ann, channel) == shown
        assert [one["granted"] for one in await events(live, "consent.changed")] == [False]
        await world.advance(MINUTE)
        await ann.on(channel).says(start)
        assert (await reply(world, live, place.id, "Welcome back.")).state != "failed"
        assert texts(ann, channel)[-1].startswith("Welcome back.")


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_a_stop_holds_after_the_move(world: World, source: str, target: str) -> None:
    """It was said on the old channel, and is about that one; on the new one it can be said again."""
    ann = person(world, "Ann", source, target)
    async with running(world, make_hub()) as live:
        await ann.on(source).says("Where is my bag?")
        await live.withdraw(source, redirect_at=world.now(), targets=[target])
        await ann.on(source).says("Hello?")
        await ann.on(source).follows_link(target)
        await ann.on(target).says("stop")
        refused = await reply(world, live, (await conversation_of(live, ann)).id, "One more thing.")
        assert refused.state == "failed"
        assert (await refusals(live, refused.id))[target] == "opted_out"


@pytest.mark.parametrize("channel", CHANNELS)
async def test_stop_as_a_choice_is_no_stop(world: World, channel: str) -> None:
    chosen: list[str | None] = []
    handlers = Handlers()

    @handlers.on_message
    async def answer(turn: Turn) -> None:
        chosen.append(turn.message.choice)
        if turn.message.choice is None:
            options = [QuickReply("Go on", id="go"), QuickReply("Stop", id="halt")]
            await turn.reply(Text("Shall the music stop?", quick_replies=options))
        else:
            await turn.reply("It does.")

    ann = person(world, "Ann", channel)
    async with running(world, make_hub(channel, handlers=handlers)) as live:
        await ann.on(channel).says("It is loud here")
        await ann.on(channel).picks("Stop")
        assert chosen == [None, "halt"]
        assert texts(ann, channel)[-1].startswith("It does.")
        assert await events(live, "consent.changed") == []
        # Now nothing is asked any more: the same word means what it says.
        await ann.on(channel).says("stop")
        assert [one["granted"] for one in await events(live, "consent.changed")] == [False]


@pytest.mark.parametrize("typed", ["2", "2.", "yes, please", "YES, PLEASE", "2. Yes, please"])
async def test_what_is_typed_for_a_button(world: World, typed: str) -> None:
    ann = person(world, "Ann", "x")
    async with running(world, make_hub("x")) as live:
        await ann.on("x").says("My bag is lost")
        place = await conversation_of(live, ann)
        question = Text("A refund?", quick_replies=[QuickReply("No", id="no"), QuickReply("Yes, please", id="yes")])
        made = await live.reply(place.id, question, agent="agent-1")
        await world.settle()
        assert (await live.delivery(made.id)).state != "failed"
        await ann.on("x").says(typed)
        c = schema.messages.c
        assert await column(live, c.choice, c.text == typed) == ["yes"]


async def test_another_question_ends_the_first(world: World) -> None:
    ann = person(world, "Ann", "x")
    async with running(world, make_hub("x")) as live:
        await ann.on("x").says("My bag is lost")
        place = await conversation_of(live, ann)
        await live.reply(place.id, Text("A refund?", quick_replies=[QuickReply("No"), QuickReply("Yes")]), agent="a")
        await reply(world, live, place.id, "And how many bags were there?")
        await ann.on("x").says("2")
        c = schema.messages.c
        assert await column(live, c.choice, c.text == "2") == [None]


async def test_marketing_needs_a_yes(world: World) -> None:
    ann = person(world, "Ann", "x")
    async with running(world, make_hub("x")) as live:
        await ann.on("x").says("My bag is lost")
        made = await live.send((await ann.record()).id, "An offer!", purpose="marketing")
        await world.advance(DAY)
        assert (await live.delivery(made.id)).state == "failed"
        assert (await refusals(live, made.id))["x"] == "no_consent"
