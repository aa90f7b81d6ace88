"""What platforms do to their own webhooks: twice, out of order, signed by somebody else; each has one effect."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from omnichannel import Handlers, Turn
from omnichannel.testing.asgi import post_webhook
from omnichannel.testing.faults import FaultPlan
from omnichannel.testing.simulators.base import WebhookRequest
from omnichannel.testing.simulators.whatsapp import WhatsAppSimulator
from omnichannel.testing.world import World
from tests.scenarios.support import (
    CHANNELS,
    MINUTE,
    column,
    conversation_of,
    make_hub,
    person,
    reply,
    running,
    schema,
    state_of,
    texts,
)


def counting(seen: list[str]) -> Handlers:
    handlers = Handlers()

    @handlers.on_message
    async def answer(turn: Turn) -> None:
        seen.append(turn.message.text)
        await turn.reply(f"You said: {turn.message.text}")

    return handlers


@pytest.mark.parametrize("channel", CHANNELS)
async def test_duplicates_have_one_effect(world: World, channel: str) -> None:
    seen: list[str] = []
    ann = person(world, "Ann", channel)
    async with running(world, make_hub(channel, handlers=counting(seen))) as live:
        world.simulator(channel).faults = FaultPlan(1, {"duplicate_webhook": 1.0})
        for number in range(4):
            await ann.on(channel).says(f"message {number}")
        await world.advance(MINUTE)
        assert seen == [f"message {number}" for number in range(4)]
        assert len(texts(ann, channel)) == 4
        assert len(await column(live, schema.messages.c.id, schema.messages.c.direction == "in")) == 4


@pytest.mark.parametrize("channel", CHANNELS)
async def test_out_of_order_is_all_there(world: World, channel: str, seed: int) -> None:
    """Six messages, written before any is delivered: whatever comes first, all come, and each is answered once."""
    seen: list[str] = []
    ann = person(world, "Ann", channel)
    async with running(world, make_hub(channel, handlers=counting(seen))) as live:
        simulator = world.simulator(channel)
        simulator.faults = FaultPlan(seed, {"reordered_webhooks": 0.7, "duplicate_webhook": 0.3})
        for number in range(6):
            simulator.says(ann.handles[channel], f"message {number}")
        await world.settle()
        await world.advance(MINUTE)
        assert sorted(seen) == [f"message {number}" for number in range(6)]
        assert len(texts(ann, channel)) == 6
        # One matter all the same.
        assert len(await column(live, schema.conversations.c.id)) == 1


async def test_receipts_move_the_state_forward_only(world: World) -> None:
    ann = person(world, "Ann", "whatsapp")
    async with running(world, make_hub("whatsapp")) as live:
        await ann.on("whatsapp").says("Where is my bag?")
        world.simulator("whatsapp").faults = FaultPlan(3, {"reordered_webhooks": 0.8, "duplicate_webhook": 0.5})
        made = await reply(world, live, (await conversation_of(live, ann)).id, "Here.")
        await world.advance(MINUTE)
        assert await state_of(live, made.id) == "read"
        told = await column(live, schema.log.c.data, schema.log.c.type == "delivery.updated")
        states = [one["state"] for one in told if one["delivery"] == made.id]
        order = ["accepted", "sent", "delivered", "read"]
        assert states == sorted(states, key=order.index)
        assert len(set(states)) == len(states)


async def test_a_status_before_our_own_settlement(world: World) -> None:
    """The platform's status overtakes the answer to our request, and is joined when we know whose it is."""
    ann = person(world, "Ann", "whatsapp")
    async with running(world, make_hub("whatsapp")) as live:
        await ann.on("whatsapp").says("Where is my bag?")
        simulator = cast(WhatsAppSimulator, world.simulator("whatsapp"))
        place = await conversation_of(live, ann)
        made = await reply(world, live, place.id, "Here.")
        # Told for a message that nobody has sent yet.
        number = simulator.numbers["wa"]
        status = {"id": "wamid.early", "status": "delivered", "timestamp": simulator.stamp_of()}
        simulator.tell(number, "messages", {"statuses": [status]}, handle=ann.handles["whatsapp"])
        await world.settle()
        assert await column(live, schema.unmatched.c.receipt) == ["wamid.early"]
        assert await state_of(live, made.id) == "accepted"


async def test_a_forged_webhook_costs_nothing(world: World) -> None:
    ann = person(world, "Ann", "whatsapp")
    async with running(world, make_hub("whatsapp")) as live:
        await ann.on("whatsapp").says("Where is my bag?")
        journalled = len(await column(live, schema.journal.c.seq))
        forged = WebhookRequest(
            method="POST",
            url="https://desk.example/hooks/wa",
            headers={"content-type": "application/json", "x-hub-signature-256": "sha256=" + "0" * 64},
            body=b'{"object":"whatsapp_business_account","entry":[]}',
        )
        status, _ = await post_webhook(live.asgi, forged, root_path="/hooks")
        assert status in (401, 403)
        status, _ = await post_webhook(live.asgi, replace(forged, headers={}), root_path="/hooks")
        assert status in (400, 401, 403)
        assert len(await column(live, schema.journal.c.seq)) == journalled


async def test_a_closed_channel_still_takes_webhooks(world: World) -> None:
    """The tombstone: acknowledged and kept, so that the platform does not shut the webhook down."""
    ann = person(world, "Ann", "whatsapp", "email")
    async with running(world, make_hub("whatsapp", "email")) as live:
        await ann.on("whatsapp").says("Where is my bag?")
        await live.withdraw("whatsapp", closed_at=world.now(), targets=["email"])
        await ann.on("whatsapp").says("Still there?")
        assert world.simulator("whatsapp").next_due() is None
        assert "Still there?" in await column(live, schema.messages.c.text)
        assert texts(ann, "whatsapp") == []
