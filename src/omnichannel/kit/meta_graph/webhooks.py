"""Webhooks of Graph platforms: signature, handshake, JSON, and the careful walk through what is not all well-formed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from pydantic import SecretStr, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from omnichannel.channel.wire import Admission, Answer, HttpReply, Refuse
from omnichannel.kit.inbound import unrecognized
from omnichannel.kit.signatures import hmac_matches, same
from omnichannel.model.event import ChannelEvent, Unrecognized

__all__ = [
    "SIGNATURE_HEADER",
    "Keeper",
    "Unclear",
    "as_object",
    "entries_of",
    "handshake",
    "items_of",
    "moment",
    "moment_ms",
    "read_json",
    "signature_ok",
    "why",
]

T = TypeVar("T")
SIGNATURE_HEADER = "x-hub-signature-256"
_SECONDS = 10**11


def signature_ok(secrets: Iterable[SecretStr], body: bytes, header: str) -> bool:
    """Whether `X-Hub-Signature-256` is ours over the raw body, under any of the app secrets. Never raises.

    https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validating-payloads
    """
    return hmac_matches(secrets, body, header, prefix="sha256=")


def handshake(query: Mapping[str, str], verify_token: SecretStr | Iterable[SecretStr]) -> Admission:
    """The answer to the GET that verifies a webhook: the challenge as plain text, or 403.

    https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests
    """
    tokens = (verify_token,) if isinstance(verify_token, SecretStr) else tuple(verify_token)
    given = query.get("hub.verify_token", "")
    if query.get("hub.mode") != "subscribe":
        return Refuse("not a webhook verification: hub.mode is not subscribe", status=403)
    if not given or not any(same(token.get_secret_value(), given) for token in tokens):
        return Refuse("hub.verify_token does not match", status=403)
    challenge = query.get("hub.challenge", "")
    return Answer(HttpReply(200, challenge.encode("utf-8", "replace"), headers={"x-content-type-options": "nosniff"}))


def read_json(body: bytes) -> Any:
    """A webhook's JSON; half of a surrogate pair, which Meta sends where it cuts a name within an emoji, becomes a
    replacement character. Raises `ValueError` or `RecursionError`."""
    try:
        return from_json(body)
    except ValueError:
        found = json.dumps(json.loads(body.decode("utf-8", "replace")), ensure_ascii=False)
        return from_json(found.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


class Unclear(Exception):
    """An item that this version does not understand; the text says why."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Makes `Unrecognized` of what is not understood, with its bytes."""

    account: str
    received_at: datetime

    def of(self, account: str) -> Keeper:
        """The same for another account."""
        return replace(self, account=account)

    def item(self, what: str, reason: str, item: Any) -> Unrecognized:
        """A part of a webhook's JSON."""
        return self.text(what, reason, to_json(item).decode())

    def each(
        self, what: str, items: Iterable[Any], read: Callable[[Any], Iterable[ChannelEvent]]
    ) -> Iterator[ChannelEvent]:
        """What `read` makes of each item; an item that it raises `ValidationError` or `Unclear` for is kept."""
        for item in items:
            try:
                yield from read(item)
            except (ValidationError, Unclear) as error:
                yield self.item(what, why(error), item)

    def valid(self, what: str, adapter: TypeAdapter[T], items: Iterable[Any]) -> tuple[list[T], list[ChannelEvent]]:
        """The items of that shape, and the others."""
        found: list[T] = []
        lost: list[ChannelEvent] = []
        for item in items:
            try:
                found.append(adapter.validate_python(item))
            except ValidationError as error:
                lost.append(self.item(what, why(error), item))
        return found, lost

    def text(self, what: str, reason: str, content: str) -> Unrecognized:
        """What is not even JSON."""
        return unrecognized(account=self.account, at=self.received_at, what=what, reason=reason, content=content)


def entries_of(body: bytes, kind: str, words: str, keep: Keeper) -> tuple[list[Any], Unrecognized | None]:
    """The entries of a webhook about an object of this kind, in words `words`; or what it is instead. Never raises."""
    try:
        data = read_json(body)
    except (ValueError, RecursionError):
        return [], keep.text("payload", "not JSON", body.decode("utf-8", "replace"))
    entries = items_of(data, "entry") if as_object(data).get("object") == kind else []
    return entries, None if entries else keep.item("payload", f"not a webhook of a {words}", data)


def as_object(data: Any) -> dict[str, Any]:
    """An object of JSON; empty for anything else."""
    return cast(dict[str, Any], data) if isinstance(data, dict) else {}


def items_of(data: Any, name: str) -> list[Any]:
    """The list under a name of an object; empty for anything else."""
    found: list[Any] | None = as_object(data).get(name)
    return found if isinstance(found, list) else []


def moment(stamp: int | str | None, otherwise: datetime) -> datetime:
    """Unix seconds, as text or number. What is no time is when we were told: no message is lost over its date."""
    if stamp is None:
        return otherwise
    try:
        return datetime.fromtimestamp(int(stamp), UTC)
    except (ValueError, OverflowError, OSError):
        return otherwise


def moment_ms(stamp: int | str | None, otherwise: datetime) -> datetime:
    """Unix milliseconds, as text or number; a few events give seconds, which lie in 1970 as milliseconds."""
    if stamp is None:
        return otherwise
    try:
        value = int(stamp)
        return datetime.fromtimestamp(value if value < _SECONDS else value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return otherwise


def why(error: ValidationError | Unclear) -> str:
    """The reason without the values, which are the customer's own."""
    if isinstance(error, Unclear):
        return str(error)
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
