"""The platforms of a demo: which there are, what a brand's account on each looks like, and who writes there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from omnichannel.testing.simulators.base import Simulator
from omnichannel.testing.simulators.mail import AUTHSERV_ID, MailSimulator
from omnichannel.testing.simulators.mastodon import AWAY, HOME, MastodonSimulator
from omnichannel.testing.simulators.messenger import MessengerSimulator
from omnichannel.testing.simulators.twilio_sms import TwilioSmsSimulator
from omnichannel.testing.simulators.whatsapp import WhatsAppSimulator
from omnichannel.testing.simulators.x import XSimulator

FAKE = "env:FAKE"
"""A secret that is only named: the platform puts one in its place that works there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """A brand with an account on each platform, named after it; on those of `missing` it has none."""

    id: str
    name: str
    domain: str
    tier: str = "enterprise"
    missing: frozenset[str] = frozenset()

    def account(self, channel: str) -> str:
        """The id of its account on a channel."""
        return f"{PLATFORMS[channel].prefix}-{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A row of the table. `settings` are those of a brand's account, the brand being the n-th, on a platform that is
    served at this URL; `handle` is what somebody is called here who has this nickname and this phone. `label` is the
    name in a sentence. A platform without `webhooks` is read by us."""

    label: str
    prefix: str
    simulator: type[Simulator]
    settings: Callable[[Brand, int, str], Mapping[str, Any]]
    handle: Callable[[str, str], str]
    webhooks: bool = True

    @property
    def by_http(self) -> bool:
        """Whether it is reached by HTTP: mail is not."""
        return bool(self.simulator.hosts)


def _x(brand: Brand, index: int, url: str) -> Mapping[str, Any]:
    named = {"username": _user(brand), "tier": brand.tier, "base_url": url}
    return {**named, "consumer_secret": FAKE, "token": FAKE}


def _whatsapp(brand: Brand, index: int, url: str) -> Mapping[str, Any]:
    named = {"phone_number_id": f"10{index:010}", "display_number": f"+3319999{index:04}", "base_url": url}
    return {**named, "app_secret": FAKE, "verify_token": FAKE, "token": FAKE}


def _messenger(brand: Brand, index: int, url: str) -> Mapping[str, Any]:
    named = {"page_id": f"20{index:013}", "page_name": brand.id.replace("-", "."), "base_url": url}
    return {**named, "app_secret": FAKE, "verify_token": FAKE, "token": FAKE}


def _mail(brand: Brand, index: int, url: str) -> Mapping[str, Any]:
    return {"name": brand.name, "address": f"care@{brand.domain}", "authserv_id": AUTHSERV_ID}


def _sms(brand: Brand, index: int, url: str) -> Mapping[str, Any]:
    named = {"account_sid": f"AC{index:032x}", "sender": f"+33644{index:06}"}
    return {**named, "auth_token": FAKE, "base_url": url, "messaging_url": url}


def _mastodon(brand: Brand, index: int, url: str) -> Mapping[str, Any]:
    # A stream's heartbeat runs by the wall and its patience by the platforms' clock, which is so many times as fast.
    read = {"sources": ["poll"]}
    return {
        **read,
        "username": _user(brand),
        "token": FAKE,
        "base_url": url,
        "domain": HOME,
        "share_on": f"https://{AWAY}",
    }


def _user(brand: Brand) -> str:
    return brand.id.replace("-", "_")[:15]


def _by_phone(nick: str, phone: str) -> str:
    return phone


PLATFORMS: Mapping[str, Platform] = MappingProxyType(
    {
        "x": Platform(label="X", prefix="x", simulator=XSimulator, settings=_x, handle=lambda nick, _: f"@{nick}"),
        "whatsapp": Platform(
            label="WhatsApp", prefix="wa", simulator=WhatsAppSimulator, settings=_whatsapp, handle=_by_phone
        ),
        "messenger": Platform(
            label="Messenger",
            prefix="page",
            simulator=MessengerSimulator,
            settings=_messenger,
            handle=lambda nick, _: f"{nick}.on.messenger",
        ),
        "email": Platform(
            label="e-mail",
            prefix="mail",
            simulator=MailSimulator,
            settings=_mail,
            handle=lambda nick, _: f"{nick}@mail.example",
            webhooks=False,
        ),
        "sms": Platform(label="SMS", prefix="sms", simulator=TwilioSmsSimulator, settings=_sms, handle=_by_phone),
        "mastodon": Platform(
            label="Mastodon",
            prefix="fedi",
            simulator=MastodonSimulator,
            settings=_mastodon,
            handle=lambda nick, _: f"{nick}@{AWAY}",
            webhooks=False,
        ),
    }
)
"""By channel. A new platform is a row here: the stage serves it, and customers are sent there."""

CLOSING = "x"
"""The one that is withdrawn."""


def targets_of(brand: Brand) -> list[str]:
    """Where a brand can send its customers."""
    return [channel for channel in PLATFORMS if channel != CLOSING and channel not in brand.missing]


def handles_of(nick: str, phone: str) -> dict[str, str]:
    """What a person is called on each platform."""
    return {channel: platform.handle(nick, phone) for channel, platform in PLATFORMS.items()}
