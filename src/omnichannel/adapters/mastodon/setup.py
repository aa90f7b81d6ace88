"""What to do once for an account: read what its server allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from omnichannel.adapters.mastodon.account import MastodonAccount
from omnichannel.channel import Flow, HttpRequest
from omnichannel.kit.flows import read
from omnichannel.kit.shapes import at, member, text_of

__all__ = ["ServerLimits", "limits"]


class Caller(Protocol):
    """What the flow needs of a channel."""

    account: MastodonAccount

    def call(self, request: HttpRequest) -> Flow[Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """A server's own numbers; None where it does not tell one. `advice` is what to change in the account's settings:
    an account that says more than its server takes would have messages refused (422)."""

    max_characters: int | None
    max_media: int | None
    image_bytes: int | None
    video_bytes: int | None
    domain: str | None
    streaming_url: str | None
    version: str
    advice: tuple[str, ...]


def limits(caller: Caller) -> Flow[ServerLimits]:
    """Asks the server (https://docs.joinmastodon.org/methods/instance/#v2). Changes nothing: an adapter holds no
    state, so the numbers go into the settings."""
    data = yield from caller.call(read("api/v2/instance", "read"))
    told = member(data, "configuration")
    statuses, media = member(told, "statuses"), member(told, "media_attachments")
    numbers = {
        "max_characters": _number(statuses, "max_characters"),
        "max_media": _number(statuses, "max_media_attachments"),
        "image_bytes": _number(media, "image_size_limit"),
        "video_bytes": _number(media, "video_size_limit"),
    }
    domain = text_of(member(data, "domain"))
    streaming = (text_of(at(told, "urls.streaming")) or "").replace("ws", "http", 1)
    return ServerLimits(
        **numbers,
        domain=domain,
        streaming_url=streaming or None,
        version=text_of(member(data, "version")) or "",
        advice=tuple(_advice(caller.account, numbers, domain, streaming)),
    )


def _advice(account: MastodonAccount, numbers: dict[str, int | None], domain: str | None, streaming: str) -> list[str]:
    found: list[str] = []
    for name, value in numbers.items():
        ceiling = next((one.le for one in type(account).model_fields[name].metadata if hasattr(one, "le")), None)
        if value is not None and min(value, ceiling or value) != getattr(account, name):
            found.append(f"{name} = {min(value, ceiling or value)}")
    if domain is not None and domain.lower() != account.host:
        found.append(f'domain = "{domain}"')
    here = (account.streaming_url or account.base_url).rstrip("/")
    if streaming and streaming.rstrip("/") != here:
        found.append(f'streaming_url = "{streaming}"')
    return found


def _number(value: object, name: str) -> int | None:
    found = member(value, name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
