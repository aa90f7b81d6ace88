"""A platform goes away without having said so, or does not want us any more: what is held, and what goes round."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import cast

import pytest

from omnichannel import Hub
from omnichannel.model.address import Address
from omnichannel.stores import health
from omnichannel.testing.people import Person
from omnichannel.testing.simulators.base import WithdrawalMode
from omnichannel.testing.simulators.mail import MailSimulator
from omnichannel.testing.simulators.mastodon import MastodonSimulator
from omnichannel.testing.simulators.messenger import MessengerSimulator
from omnichannel.testing.simulators.twilio_sms import TwilioSmsSimulator
from omnichannel.testing.simulators.whatsapp import WhatsAppSimulator
from omnichannel.testing.simulators.x import XSimulator
from omnichannel.testing.world import World
from tests.scenarios.support import (
    ACCOUNT,
    CHANNELS,
    HOUR,
    MINUTE,
    column,
    conversation_of,
    events,
    handle,
    make_hub,
    person,
    refusals,
    reply,
    running,
    schema,
    state_of,
    texts,
)

by_api = pytest.mark.parametrize("channel", ["x", "whatsapp", "messenger", "sms", "mastodon"])
billed = pytest.mark.parametrize("channel", ["x", "whatsapp", "messenger", "sms"])
GONE: list[tuple[str, WithdrawalMode]] = [
    ("x", "410"),
    ("mastodon", "410"),
    ("whatsapp", "410"),
    ("sms", "410"),
    ("x", "200-with-error"),
    ("whatsapp", "200-with-error"),
    ("sms", "200-with-error"),
    ("whatsapp", "403-plan"),
    ("messenger", "410"),
    ("messenger", "200-with-error"),
    ("messenger", "403-plan"),
]


async def customer_of(world: World, live: Hub, channel: str, *, mail: bool) -> tuple[Person, str]:
    """Somebody with an open conversation, whose mail address is known or not. Gives them and its id."""
    ann = person(world, "Ann", channel, *(["email"] if mail else []))
    await ann.on(channel).says("Where is my bag?")
    if mail:
        address = Address(channel="email", value=handle("Ann", "email"), assurance=3)
        await live.add_address((await ann.record()).id, address)
    return ann, (await conversation_of(live, ann)).id


async def states(live: Hub) -> list[str]:
    return await column(live, schema.deliveries.c.state)


@pytest.mark.parametrize(("channel", "mode"), GONE)
async def test_gone_is_routed_round(world: World, channel: str, mode: WithdrawalMode) -> None:
    async with running(world, make_hub()) as live:
        ann, place = await customer_of(world, live, channel, mail=True)
        async with world.fail(channel, mode):
            for number in range(3):
                made = await live.send((await ann.record()).id, f"News {number}", order=[channel, "email"])
                await world.settle()
                assert (await live.delivery(made.id)).channel == "email"
            told = await events(live, "channel.suspected")
            assert [one["account"] for one in told] == [ACCOUNT[channel]]
            last = await live.send((await ann.record()).id, "And on", order=[channel, "email"])
            await world.settle()
            # Not even tried any more.
            assert [one.channel for one in (await live.delivery(last.id)).attempts] == ["email"]
            assert (await refusals(live, last.id))[channel] == "suspected"
        # A suspicion is no withdrawal: the platform answers again, two probes see it, and all is well.
        await world.advance(HOUR)
        assert len(await events(live, "account.released")) == 1
        back = await live.send((await ann.record()).id, "We are back", order=[channel, "email"])
        await world.settle()
        assert (await live.delivery(back.id)).channel == channel
        assert texts(ann, channel) == ["We are back"]
        assert len(texts(ann, "email")) == 4
        assert (await live.conversation(place)).id == place


@pytest.mark.parametrize(("channel", "mode"), GONE)
async def test_gone_without_another_way_is_held(world: World, channel: str, mode: WithdrawalMode) -> None:
    async with running(world, make_hub(channel)) as live:
        ann, place = await customer_of(world, live, channel, mail=False)
        async with world.fail(channel, mode):
            made = await reply(world, live, place, "Your bag is here.")
            assert made.state == "held"
            await world.advance(10 * MINUTE)
            assert len(await events(live, "channel.suspected")) == 1
            tried = len((await live.delivery(made.id)).attempts)
            await world.advance(HOUR)
            assert len((await live.delivery(made.id)).attempts) == tried
            assert await state_of(live, made.id) == "held"
        await live.release(ACCOUNT[channel], by="agent-1")
        await world.settle()
        assert texts(ann, channel) == ["Your bag is here."]
        assert [one["by"] for one in await events(live, "account.released")] == ["agent-1"]


@billed
async def test_an_unpaid_bill_is_held_and_released(world: World, channel: str) -> None:
    async with running(world, make_hub(channel)) as live:
        ann, place = await customer_of(world, live, channel, mail=False)
        async with world.fail(channel, "402"):
            made = await reply(world, live, place, "Your bag is here.")
            assert made.state == "held"
            assert (await refusals(live, made.id))[channel] == "held"
            (told,) = await events(live, "account.held")
            assert (told["account"], told["reason"]) == (ACCOUNT[channel], "payment")
            await world.advance(3 * HOUR)
            assert await state_of(live, made.id) == "held"
        assert await events(live, "channel.suspected") == []
        await live.release(ACCOUNT[channel])
        await world.settle()
        assert texts(ann, channel) == ["Your bag is here."]


@billed
async def test_what_cannot_wait_for_the_bill_goes_round(world: World, channel: str) -> None:
    async with running(world, make_hub(channel, "email")) as live:
        ann, place = await customer_of(world, live, channel, mail=True)
        async with world.fail(channel, "402"):
            assert (await reply(world, live, place, "Your bag is here.")).channel == "email"
            assert texts(ann, channel) == []


@by_api
async def test_silence_is_no_evidence(world: World, channel: str) -> None:
    async with world.run(make_hub(channel, "email")) as live:
        ann, place = await customer_of(world, live, channel, mail=True)
        async with world.fail(channel, "silent"):
            assert (await reply(world, live, place, "Your bag is here.")).state == "accepted"
            await world.advance(MINUTE)
            assert texts(ann, channel) == []
        assert await live.core.store.read(health.states) == []


@by_api
async def test_a_timeout_is_never_evidence(world: World, channel: str) -> None:
    async with running(world, make_hub(channel)) as live:
        ann, place = await customer_of(world, live, channel, mail=False)
        async with world.fail(channel, "dns-blackhole"):
            for number in range(4):
                await live.reply(place, f"News {number}", agent="agent-1")
            await world.settle()
            await world.advance(20 * MINUTE)
            assert set(await states(live)) == {"queued"}
            assert await column(live, schema.evidence.c.seq) == []
        await world.advance(HOUR)
        assert texts(ann, channel) == [f"News {number}" for number in range(4)]
        assert await events(live, "channel.suspected") == []


# ---------------------------------------------------------------- the account


def spoil(world: World, channel: str) -> Callable[[], None]:
    """The platform does not know our credentials any more; what is given back puts that right."""
    if channel == "whatsapp":
        whatsapp = cast(WhatsAppSimulator, world.simulator("whatsapp"))
        whatsapp.set_trouble("wa", 190)
        return lambda: whatsapp.set_trouble("wa", None)
    if channel == "messenger":
        messenger = cast(MessengerSimulator, world.simulator("messenger"))
        messenger.set_trouble("page", 190)
        return lambda: messenger.set_trouble("page", None)
    if channel == "sms":
        twilio = cast(TwilioSmsSimulator, world.simulator("sms"))
        key = twilio.account_at("sms-fr").keys
        kept = dict(key)
        key.clear()
        return lambda: key.update(kept)
    if channel == "mastodon":
        mastodon = cast(MastodonSimulator, world.simulator("mastodon"))
        mastodon.revoke("fedi")
        return lambda: mastodon.revoke("fedi", revoked=False)
    x = cast(XSimulator, world.simulator("x"))
    known = dict(x.grants)
    x.grants.clear()
    x.renewals.clear()
    return lambda: x.grants.update(known)


@by_api
async def test_a_bad_token_holds_the_account(world: World, channel: str) -> None:
    async with running(world, make_hub(channel, "email")) as live:
        ann, place = await customer_of(world, live, channel, mail=True)
        cem = person(world, "Cem", channel)
        await cem.on(channel).says("And mine?")
        mend = spoil(world, channel)
        assert (await reply(world, live, place, "Your bag is here.")).channel == "email"
        waits = await reply(world, live, (await conversation_of(live, cem)).id, "Yours too.")
        assert waits.state == "held"
        (told,) = await events(live, "account.held")
        assert (told["account"], told["reason"]) == (ACCOUNT[channel], "credentials")
        mend()
        await live.release(ACCOUNT[channel])
        await world.settle()
        assert texts(cem, channel) == ["Yours too."]
        assert [len(texts(ann, name)) for name in (channel, "email")] == [0, 1]


def suspend(world: World, channel: str, *, suspended: bool) -> None:
    """The platform suspends our account, or gives it back."""
    match channel:
        case "x":
            cast(XSimulator, world.simulator("x")).suspend("x-main", suspended=suspended)
        case "whatsapp":
            cast(WhatsAppSimulator, world.simulator("whatsapp")).set_trouble("wa", 131031 if suspended else None)
        case "messenger":
            cast(MessengerSimulator, world.simulator("messenger")).set_trouble("page", 368 if suspended else None)
        case "sms":
            cast(TwilioSmsSimulator, world.simulator("sms")).suspend("sms-fr", suspended=suspended)
        case "mastodon":
            cast(MastodonSimulator, world.simulator("mastodon")).suspend("fedi", suspended=suspended)
        case _:
            words = "5.7.26 unauthenticated mail is not accepted" if suspended else ""
            cast(MailSimulator, world.simulator("email")).relay.suspended = words


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_suspension_holds_the_account(world: World, channel: str) -> None:
    async with running(world, make_hub(channel)) as live:
        ann, place = await customer_of(world, live, channel, mail=False)
        suspend(world, channel, suspended=True)
        made = await reply(world, live, place, "Your bag is here.")
        assert made.state == "held"
        assert [one["reason"] for one in await events(live, "account.held")] == ["suspension"]
        suspend(world, channel, suspended=False)
        await world.advance(timedelta(minutes=1))
        assert texts(ann, channel) == []
        await live.release(ACCOUNT[channel])
        await world.settle()
        assert len(texts(ann, channel)) == 1


async def test_news_about_the_account(world: World) -> None:
    """The platform says by itself that the account is restricted, and later that it is well."""
    async with running(world, make_hub("whatsapp")) as live:
        ann, place = await customer_of(world, live, "whatsapp", mail=False)
        simulator = cast(WhatsAppSimulator, world.simulator("whatsapp"))
        simulator.restrict("wa", "DISABLED_UPDATE", ban_info={"waba_ban_state": "DISABLE"})
        await world.advance(MINUTE)
        made = await reply(world, live, place, "Your bag is here.")
        assert made.state == "held"
        assert texts(ann, "whatsapp") == []
        await live.release("wa")
        await world.settle()
        assert texts(ann, "whatsapp") == ["Your bag is here."]
