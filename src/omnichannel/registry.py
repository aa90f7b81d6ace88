"""Which adapters there are, by name. Imports none of them until one is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, TypeGuard

from omnichannel.channel.base import Account, Channel
from omnichannel.channel.capabilities import Lifecycle
from omnichannel.model.exceptions import ConfigurationError, UnknownChannel

ENTRY_POINT_GROUP = "omnichannel.channels"
"""Third parties: `[project.entry-points."omnichannel.channels"]`, adapter name = "module:ChannelClass"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterEntry:
    """An adapter: `target` and `account` are "module:Class"; `extra` is what has to be installed for it.

    A third party's entry has no `account`: its channel's `account_type` is taken. Its `channel` is in its class, and
    empty until somebody asks for it (`described`). `channel_field` is the account setting that names the channel, of an
    adapter that serves several.
    """

    name: str
    channel: str
    target: str
    account: str | None = None
    extra: str | None = None
    summary: str = ""
    builtin: bool = True
    channel_field: str | None = None


def _ours(
    name: str, channel: str, prefix: str, summary: str, *, extra: str | None = None, field: str | None = None
) -> tuple[str, AdapterEntry]:
    module = f"omnichannel.adapters.{name}"
    entry = AdapterEntry(
        name=name,
        channel=channel,
        target=f"{module}.channel:{prefix}Channel",
        account=f"{module}:{prefix}Account",
        extra=extra,
        summary=summary,
        channel_field=field,
    )
    return name, entry


ADAPTERS: Mapping[str, AdapterEntry] = MappingProxyType(
    dict(
        (
            _ours("console", "console", "Console", "This terminal: you type as the customer"),
            _ours("link_only", "link_only", "LinkOnly", "Any place that has no message API", field="place"),
            _ours("mastodon", "mastodon", "Mastodon", "Mastodon: direct statuses and public answers"),
            _ours("messenger", "messenger", "Messenger", "Facebook Messenger by Meta's Messenger Platform"),
            _ours("smtp_imap", "email", "SmtpImap", "E-mail by SMTP and IMAP", extra="email"),
            _ours("twilio_sms", "sms", "TwilioSms", "SMS and MMS by Twilio"),
            _ours("whatsapp", "whatsapp", "WhatsApp", "WhatsApp by Meta's Cloud API"),
            _ours("x", "x", "X", "X (Twitter) direct messages and mentions by API v2"),
        )
    )
)
"""Our own adapters by name; `entries()` has third parties' as well."""

PLACES: Mapping[str, AdapterEntry] = MappingProxyType(
    {
        name: replace(ADAPTERS["link_only"], channel=name, summary=f"{title}: a link, nothing can be sent")
        for name, title in {"mewe": "MeWe", "snapchat": "Snapchat"}.items()
    }
)
"""Channels that `link_only` knows by name."""

TOMBSTONES: Mapping[str, Lifecycle] = MappingProxyType(
    {
        "google_business_messages": Lifecycle(
            sunset_at=date(2024, 7, 31),
            see="https://developers.google.com/business-communications/business-messages/resources/release-notes/"
            "update-on-gbm",
        ),
    }
)
"""Channels that are gone for good. Whoever asks for one is told when it ended."""


def entries() -> Mapping[str, AdapterEntry]:
    """Every adapter that is installed, sorted by name. One of ours is never replaced by another of its name."""
    found = dict(ADAPTERS)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        found.setdefault(point.name, _third_party(point))
    return dict(sorted(found.items()))


def _third_party(point: EntryPoint) -> AdapterEntry:
    package = point.dist.name if point.dist is not None else "another package"
    return AdapterEntry(name=point.name, channel="", target=point.value, summary=f"From {package}", builtin=False)


def described(one: AdapterEntry) -> AdapterEntry:
    """The entry with its channel's name. A third party's is in its class, which is imported for it now; where that
    fails it goes by the adapter's name, and the mistake is told when the adapter is asked for."""
    return one if one.channel else replace(one, channel=_declared_channel(one))


@cache
def _declared_channel(one: AdapterEntry) -> str:
    try:
        found = _load(one, one.target)
    except ConfigurationError:
        return one.name
    return found.channel if _is_channel_class(found) else one.name


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None."""
    found = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def entry(name: str) -> AdapterEntry:
    """The adapter of that name, or the only one of the channel of that name.

    Raises `UnknownChannel`, naming the nearest, or the adapters to choose from where a channel has several.
    """
    found = ADAPTERS.get(name) or PLACES.get(name)
    if found is not None:
        return found
    known = entries()
    if name in known:
        return described(known[name])
    if name in TOMBSTONES:
        raise UnknownChannel(f"channel {name!r} is gone: {ended(TOMBSTONES[name])}")
    known = {key: described(one) for key, one in known.items()}
    of_channel = [one for one in known.values() if one.channel == name]
    if len(of_channel) == 1:
        return of_channel[0]
    if of_channel:
        choices = ", ".join(one.name for one in of_channel)
        raise UnknownChannel(f"channel {name!r} is reached by several adapters: say which of {choices}")
    guess = nearest(name, {*known, *PLACES, *(one.channel for one in known.values())})
    hint = f"did you mean {guess!r}?" if guess else f"there are: {', '.join(known)}"
    raise UnknownChannel(f"no channel or adapter {name!r}; {hint}")


def ended(life: Lifecycle) -> str:
    """When a channel ended and where that is told, in words."""
    when = f"it ended on {life.sunset_at}" if life.sunset_at else "it has ended"
    after = f", and {life.successor} follows it" if life.successor else ""
    return f"{when}{after} ({life.see})" if life.see else f"{when}{after}"


def load_channel(name: str) -> type[Channel[Any]]:
    """The class of an adapter, imported now. Raises `UnknownChannel`, or `ConfigurationError` where its extra is not
    installed or the class is not a `Channel`."""
    one = entry(name)
    found = _load(one, one.target)
    if not _is_channel_class(found):
        raise ConfigurationError(f"adapter {one.name!r}: {one.target} is not a Channel class")
    return found


def _is_channel_class(found: object) -> TypeGuard[type[Channel[Any]]]:
    return isinstance(found, type) and issubclass(found, Channel)


def account_type(name: str) -> type[Account]:
    """The account class of an adapter, imported now; raises as `load_channel` does."""
    one = entry(name)
    if one.account is None:
        return load_channel(name).account_type
    found = _load(one, one.account)
    if not (isinstance(found, type) and issubclass(found, Account)):
        raise ConfigurationError(f"adapter {one.name!r}: {one.account} is not an Account class")
    load_channel(name)
    return found


def channel_class_for(account: Account) -> type[Channel[Any]]:
    """The channel class of an account: its own adapter's. Raises as `load_channel` does, and `ConfigurationError` for
    an account whose class belongs to no adapter."""
    return _class_for(account).serving(account)


def _class_for(account: Account) -> type[Channel[Any]]:
    found = declared(type(account))
    if found is not None:
        return found
    if account.adapter:
        return load_channel(account.adapter)
    kind = type(account)
    for one in entries().values():
        if f"{kind.__module__}.".startswith(f"{one.target.partition(':')[0].rpartition('.')[0]}."):
            return load_channel(one.name)
    raise ConfigurationError(f"account {account.id!r} is a {kind.__name__}, which no adapter has as its account type")


def declared(account_class: type[Account]) -> type[Channel[Any]] | None:
    """The channel class that was defined in this process for an account class, installed or not; else None."""
    waiting: list[type[Any]] = [Channel]
    while waiting:
        for child in waiting.pop().__subclasses__():
            if getattr(child, "account_type", None) is account_class and "adapter" in vars(child):
                return child
            waiting.append(child)
    return None


def _load(one: AdapterEntry, target: str) -> object:
    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if one.builtin and (error.name or "").startswith("omnichannel"):
            raise ConfigurationError(f"adapter {one.name!r} is not part of this version ({error})") from error
        raise ConfigurationError(f"adapter {one.name!r} needs {error.name!r}: {_remedy(one)}") from error
    except AttributeError as error:
        raise ConfigurationError(f"adapter {one.name!r}: {error}") from error


def _remedy(one: AdapterEntry) -> str:
    return f"pip install 'omnichannel[{one.extra}]'" if one.extra else "install it"
