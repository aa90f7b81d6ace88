"""What the scenarios share: a hub on three channels, people who are on some of them, and what the rows must say."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zlib import crc32

from sqlalchemy import Executable, select

from omnichannel import Handlers, Hub
from omnichannel.adapters.mastodon import MastodonAccount
from omnichannel.adapters.messenger import MessengerAccount
from omnichannel.adapters.smtp_imap import SmtpImapAccount
from omnichannel.adapters.twilio_sms import TwilioSmsAccount
from omnichannel.adapters.whatsapp import WhatsAppAccount
from omnichannel.adapters.whatsapp.account import TemplateSpec
from omnichannel.adapters.x import XAccount
from omnichannel.channel import Account, Repeat
from omnichannel.hub.answers import Impact
from omnichannel.hub.ports import Ports
from omnichannel.hub.settings import HubSettings
from omnichannel.model.address import Customer
from omnichannel.model.conversation import Conversation
from omnichannel.model.message import Delivery
from omnichannel.registry import load_channel
from omnichannel.runtime.policy import Policy
from omnichannel.stores import schema as schema
from omnichannel.testing.people import Person
from omnichannel.testing.world import World


@dataclass(frozen=True)
class OneOfOurs:
    """A channel of the scenarios: an account of ours on it, and what somebody of a name is called there."""

    account: type[Account]
    settings: dict[str, Any]
    handle: Callable[[str], str]


def _phone(name: str) -> str:
    return f"+336{crc32(name.encode()) % 10**8:08}"


TEMPLATES = {"hello_again": TemplateSpec(languages={"en": "en", "fr": "fr"}, body=("name",))}
KNOWN: dict[str, OneOfOurs] = {
    "x": OneOfOurs(
        XAccount,
        {"id": "x-main", "consumer_secret": "env:A", "token": "env:B"},
        lambda name: f"@{name.lower()}",
    ),
    "whatsapp": OneOfOurs(
        WhatsAppAccount,
        {
            "id": "wa",
            "phone_number_id": "1065",
            "app_secret": "env:C",
            "token": "env:D",
            "verify_token": "env:E",
            "display_number": "+33199999999",
            "templates": TEMPLATES,
        },
        _phone,
    ),
    "messenger": OneOfOurs(
        MessengerAccount,
        {
            "id": "page",
            "page_id": "1906385232743451",
            "app_secret": "env:H",
            "token": "env:I",
            "verify_token": "env:J",
            "templates": TEMPLATES,
        },
        lambda name: f"{name.lower()}.on.messenger",
    ),
    "sms": OneOfOurs(
        TwilioSmsAccount,
        {
            "id": "sms-fr",
            "account_sid": "AC0123456789abcdef0123456789abcdef",
            "auth_token": "env:H",
            "api_key": "SK0123456789abcdef0123456789abcdef",
            "api_secret": "env:I",
            "sender": "+33644600001",
        },
        _phone,
    ),
    "email": OneOfOurs(
        SmtpImapAccount,
        {"id": "care", "address": "care@example.com", "smtp_url": "env:F", "imap_url": "env:G"},
        lambda name: f"{name.lower()}@mail.example",
    ),
    "mastodon": OneOfOurs(
        MastodonAccount,
        {
            "id": "fedi",
            "base_url": "https://mastodon.example",
            "username": "desk",
            "token": "env:H",
            "share_on": "https://social.example",
        },
        lambda name: f"{name.lower()}@social.example",
    ),
}
"""A new channel is a row here, and goes through every scenario as source and as target."""

CHANNELS = tuple(KNOWN)
PAIRS = [(source, target) for source in CHANNELS for target in CHANNELS if source != target]
ACCOUNT = {channel: one.settings["id"] for channel, one in KNOWN.items()}
WINDOWED = tuple(name for name, one in KNOWN.items() if load_channel(one.account.adapter).surfaces["dm"].window)
"""Where we may only answer for so long."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def is_keyed(channel: str) -> bool:
    """Whether a private message may be sent again under its key, for its answer was lost."""
    surfaces = load_channel(KNOWN[channel].account.adapter).surfaces.values()
    return all(one.repeat is Repeat.KEYED for one in surfaces if one.visibility == "private")


def accounts(*channels: str) -> list[Account]:
    """One account of ours on each channel; their secrets are only named."""
    return [KNOWN[name].account.model_validate(KNOWN[name].settings) for name in channels or CHANNELS]


def make_hub(*channels: str, handlers: Handlers | None = None, policy: Policy | None = None, **more: Any) -> Hub:
    """A hub on these channels (all of them), that answers nothing by itself."""
    hub = Hub(accounts(*channels), handlers=handlers or Handlers(), work=False)
    if policy is None and not more:
        return hub
    settings = HubSettings(accounts=hub.settings.accounts, policy=policy, **more)
    return hub.replica(settings, Ports())


def handle(name: str, channel: str) -> str:
    """What somebody of this name is called on a channel."""
    return KNOWN[channel].handle(name)


def person(world: World, name: str, *channels: str, language: str = "en") -> Person:
    """Somebody who is on these channels."""
    return world.customer(name, language=language, **{channel: handle(name, channel) for channel in channels})


@asynccontextmanager
async def running(world: World, hub: Hub) -> AsyncGenerator[Hub]:
    """The hub in its world; when it ends well, nothing was lost and nothing doubled."""
    async with world.run(hub) as live:
        yield live
        await intact(world)


# ---------------------------------------------------------------- what rows say


async def rows(live: Hub, query: Executable) -> list[Any]:
    """Rows of the store."""
    return list(await live.core.store.read(lambda c: c.execute(query).all()))


async def column(live: Hub, of: Any, *where: Any) -> list[Any]:
    """One column of a table, in the order in which it was written."""
    found = await rows(live, select(of).where(*where).order_by(*of.table.primary_key))
    return [row[0] for row in found]


async def events(live: Hub, kind: str) -> list[dict[str, Any]]:
    """What the event log tells of a kind, oldest first."""
    return await column(live, schema.log.c.data, schema.log.c.type == kind)


async def conversation_of(live: Hub, who: Person) -> Conversation:
    """The conversation of a person who has just one that is not resolved. Raises `AssertionError`."""
    customer = await who.record()
    c = schema.conversations.c
    found = await column(live, c.id, c.customer_id == customer.id, c.status != "resolved")
    assert len(found) == 1, found
    return await live.conversation(found[0])


async def live_customers(live: Hub, who: Person, *channels: str) -> list[Customer]:
    """Who somebody is to the hub on each of these channels."""
    found: list[Customer] = []
    for channel in channels:
        values = who.on(channel).values
        ids = await column(
            live,
            schema.addresses.c.customer_id,
            schema.addresses.c.channel == channel,
            schema.addresses.c.value.in_(values),
        )
        found.append(await live.customer(ids[0]))
    return found


async def reply(world: World, live: Hub, conversation_id: str, text: str, **more: Any) -> Delivery:
    """An agent answers, and all that follows has happened."""
    made = await live.reply(conversation_id, text, agent="agent-1", **more)
    await world.settle()
    return await live.delivery(made.id)


async def state_of(live: Hub, delivery_id: str) -> str:
    """The state of a delivery."""
    return (await live.delivery(delivery_id)).state


async def refusals(live: Hub, delivery_id: str) -> dict[str, str]:
    """Why channels were not used, in the last decision, by channel."""
    decision = (await live.explain(delivery_id)).decisions[-1]
    return {one.channel: one.reason for one in decision.refused}


async def intact(world: World) -> None:
    """Nothing is left undone, no message is there twice, and the phones show what the rows say was sent: each once,
    except what a platform took and then could not deliver."""
    live = world.live
    journal, events_, messages = schema.journal.c, schema.events.c, schema.messages.c
    assert await column(live, journal.error, journal.state != "done") == []
    assert await column(live, events_.error, events_.state != "done") == []
    told = await rows(live, select(messages.platform_id, messages.direction, messages.kind))
    lost = select(schema.receipts.c.platform_id).join(schema.parts, schema.parts.c.key == schema.receipts.c.part)
    undelivered = {row[0] for row in await rows(live, lost.where(schema.parts.c.state == "failed"))}
    ours = Counter(row.platform_id for row in told if row.direction == "out" and row.kind == "message")
    for platform_id in undelivered:
        del ours[platform_id]
    assert seen_ids(world) == ours, "what the phones show is not what the rows say"
    inbound = Counter(row.platform_id for row in told if row.direction == "in")
    assert [one for one, count in inbound.items() if count > 1] == []


def seen_ids(world: World) -> Counter[str]:
    """How often each message of ours is on the phones of this world."""
    return Counter(
        one.message_id
        for simulator in world.simulators.values()
        for known in simulator.customers
        for one in simulator.seen(known)
    )


def add_up(impact: Impact) -> tuple[int, int, int, int]:
    """Moved, reachable elsewhere, told, unreachable; they are all the customers there are."""
    reach = impact.reach
    counts = (reach.moved, reach.reachable_elsewhere, reach.told, reach.unreachable)
    assert sum(counts) == reach.customers
    return counts


def texts(who: Person, channel: str) -> list[str]:
    """What a phone shows."""
    return [seen.text for seen in who.on(channel).seen()]
