"""What is particular to SMS: a number that is on WhatsApp too, words that the platform heeds before us, our own URL."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from omnichannel.adapters.twilio_sms import TwilioSmsAccount
from omnichannel.model.address import Address
from omnichannel.testing.simulators.twilio_sms import TwilioSmsSimulator
from omnichannel.testing.simulators.whatsapp import WhatsAppSimulator
from omnichannel.testing.world import PUBLIC_URL, World
from tests.scenarios.support import (
    conversation_of,
    events,
    handle,
    live_customers,
    make_hub,
    person,
    refusals,
    reply,
    running,
    state_of,
    texts,
)

MINUTE = timedelta(minutes=1)


def twilio(world: World) -> TwilioSmsSimulator:
    return cast(TwilioSmsSimulator, world.simulator("sms"))


async def test_the_hub_tells_twilio_where_it_is(world: World) -> None:
    async with running(world, make_hub("sms")) as live:
        account = live.core.doors.channels["sms-fr"].account
        assert isinstance(account, TwilioSmsAccount)
        assert account.webhook_url == f"{PUBLIC_URL}/sms-fr"
        ann = person(world, "Ann", "sms")
        await ann.on("sms").says("Where is my bag?")
        made = await reply(world, live, (await conversation_of(live, ann)).id, "Here.")
        assert made.state == "accepted"
        await world.advance(MINUTE)
        assert await state_of(live, made.id) == "delivered"


async def test_one_number_on_two_channels_is_two_addresses(world: World) -> None:
    """A number is lent and passed on, and whoever sends an SMS may claim one: nobody is joined by it alone, and what
    was agreed or refused on one channel says nothing of the other."""
    assert handle("Ann", "sms") == handle("Ann", "whatsapp")
    async with running(world, make_hub("sms", "whatsapp")) as live:
        ann = person(world, "Ann", "sms", "whatsapp")
        await ann.on("whatsapp").says("Where is my bag?")
        await ann.on("sms").says("Hello?")
        by_sms, by_whatsapp = await live_customers(live, ann, "sms", "whatsapp")
        assert by_sms.id != by_whatsapp.id
        await ann.on("sms").says("STOP")
        stopped = await live.send(by_sms.id, "News")
        await world.settle()
        assert (await refusals(live, stopped.id))["sms"] == "opted_out"
        await live.send(by_whatsapp.id, "Your bag is here.")
        await world.settle()
        assert (texts(ann, "sms"), texts(ann, "whatsapp")) == ([], ["Your bag is here."])


async def test_sms_takes_over_where_the_same_number_has_no_whatsapp_any_more(world: World) -> None:
    """Told that the number takes SMS as well, the hub falls back to it under the same value, and the refusal of one
    channel marks only that one's address."""
    async with world.run(make_hub("whatsapp", "sms")) as live:
        ann = person(world, "Ann", "whatsapp", "sms")
        await ann.on("whatsapp").says("Where is my bag?")
        number = handle("Ann", "sms")
        await live.add_address((await ann.record()).id, Address(channel="sms", value=number, assurance=3))
        cast(WhatsAppSimulator, world.simulator("whatsapp")).late[number] = 131026
        made = await reply(world, live, (await conversation_of(live, ann)).id, "Your bag is here.")
        await world.advance(MINUTE)
        again = await live.delivery(made.id)
        assert [(one.channel, one.state) for one in again.attempts] == [("whatsapp", "failed"), ("sms", "delivered")]
        assert texts(ann, "sms") == ["Your bag is here."]


async def test_a_stop_that_only_twilio_heard(world: World) -> None:
    """The customer stopped us with another tool of ours: Twilio refuses, we note it and go on elsewhere; once they
    write again, they are answered again."""
    async with running(world, make_hub("sms", "email")) as live:
        ann = person(world, "Ann", "sms", "email")
        await ann.on("sms").says("Where is my bag?")
        customer = await ann.record()
        await live.add_address(customer.id, Address(channel="email", value=handle("Ann", "email"), assurance=3))
        number = ann.handles["sms"]
        twilio(world).opted_out.add(("+33644600001", number))
        made = await live.send(customer.id, "Your bag is here.", order=["sms", "email"])
        await world.settle()
        assert (await live.delivery(made.id)).channel == "email"
        following = await live.send(customer.id, "And more.", order=["sms", "email"])
        await world.settle()
        assert [one.channel for one in (await live.delivery(following.id)).attempts] == ["email"]
        await world.advance(MINUTE)
        await ann.on("sms").says("UNSTOP")
        last = await live.send(customer.id, "Welcome back.", order=["sms", "email"])
        await world.settle()
        assert (await live.delivery(last.id)).channel == "sms"
        assert texts(ann, "sms") == ["Welcome back."]


async def test_a_country_that_was_not_enabled_is_released(world: World) -> None:
    """Twilio refuses a country (21408): what goes there is held. Once somebody has enabled it, a release is
    enough: nobody waits for the hour to pass."""
    ann = person(world, "Ann", "sms")
    bob = world.customer("Bob", sms="+4915112345678")
    async with running(world, make_hub("sms")) as live:
        for who in (ann, bob):
            await who.on("sms").says("Where is my bag?")
        twilio(world).account_at("sms-fr").countries = {"DE"}
        held = await reply(world, live, (await conversation_of(live, ann)).id, "It is in Oslo.")
        assert held.state == "held"
        assert (await refusals(live, held.id))["sms"] == "country_blocked"
        assert (await reply(world, live, (await conversation_of(live, bob)).id, "In Rome.")).state == "accepted"
        assert await events(live, "account.released") == []
        # Too early: it is refused and held again.
        await live.release("sms-fr", by="mia")
        await world.settle()
        assert await state_of(live, held.id) == "held"
        twilio(world).account_at("sms-fr").countries = None
        await live.release("sms-fr", by="mia")
        await world.settle()
        assert await state_of(live, held.id) in ("accepted", "sent", "delivered")
        assert "It is in Oslo." in texts(ann, "sms")
        told = [(one["by"], one["countries"], one["purposes"]) for one in await events(live, "account.released")]
        assert told == [("mia", ["FR"], []), ("mia", ["FR"], [])]
