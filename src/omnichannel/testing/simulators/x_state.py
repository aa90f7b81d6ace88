"""What simulated X keeps: people, posts, DMs, files, tokens, webhooks; and how it says no."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from omnichannel.testing.simulators.base import BadRequest, SimFile, json_response

__all__ = [
    "Access",
    "Grant",
    "Hook",
    "Limit",
    "Mention",
    "Refused",
    "SimDm",
    "SimMedia",
    "SimPost",
    "SimUser",
    "Subscription",
    "invalid",
    "is_list",
    "is_object",
    "iso",
    "legacy_error",
    "ms",
    "not_found",
    "problem",
    "weighted",
]

PROBLEMS = "https://api.x.com/2/problems/"
ALL_SCOPES = frozenset(
    {"tweet.read", "tweet.write", "users.read", "dm.read", "dm.write", "media.write", "offline.access", "block.read"}
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_URL = re.compile(r"(?:https?://\S+|\b(?:[a-z0-9-]+\.)+(?:com|org|net|fr|de|example|io|co)(?:/\S*)?)", re.IGNORECASE)
_JOINED = re.compile("\u200d.[\ufe0f\U0001f3fb-\U0001f3ff]*")
_MODIFIERS = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")


class Refused(BadRequest):
    """An answer that is not a success."""


def problem(status: int, detail: str, *, slug: str = "", title: str = "Forbidden", **more: Any) -> Refused:
    """A refusal as a problem: `about:blank`, or one of X's own types."""
    kind = PROBLEMS + slug if slug else "about:blank"
    body = {"title": title, "detail": detail, "type": kind, "status": status, **more}
    return Refused(detail, json_response(body, status, {"content-type": "application/problem+json"}))


def legacy_error(status: int, code: int, message: str) -> Refused:
    """A refusal in the older form, with a number."""
    return Refused(message, json_response({"errors": [{"code": code, "message": message}]}, status))


def invalid(message: str, **parameters: list[str]) -> Refused:
    """400: the request is malformed."""
    errors = [{"message": message, "parameters": parameters}]
    return problem(
        400,
        "One or more parameters to your request was invalid.",
        slug="invalid-request",
        title="Invalid Request",
        errors=errors,
    )


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is an object of JSON."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether it is a list of JSON."""
    return isinstance(value, list)


def not_found(what: str) -> Refused:
    """404: there is no such thing."""
    return problem(404, f"Could not find {what}.", slug="resource-not-found", title="Not Found Error")


def iso(at: datetime) -> str:
    """X's way to write a time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def ms(at: datetime) -> int:
    """Milliseconds since 1970."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def weighted(text: str) -> int:
    """The length of a post: a link 23, an emoji 2 however it is joined, CJK 2, Latin 1."""
    text = unicodedata.normalize("NFC", text)
    links = len(_URL.findall(text))
    rest = _MODIFIERS.sub("", _JOINED.sub("", _URL.sub("", text)))
    return 23 * links + sum(1 if _is_light(ord(one)) else 2 for one in rest)


def _is_light(point: int) -> bool:
    return point <= 4351 or 8192 <= point <= 8205 or 8208 <= point <= 8223 or 8242 <= point <= 8247


@dataclass(slots=True, kw_only=True)
class SimUser:
    """Somebody with a handle: a customer, or an account of ours (`account_id`)."""

    id: str
    username: str
    name: str
    account_id: str = ""
    handle: str = ""
    premium: bool = False
    closed_dms: bool = False
    protected: bool = False
    automated: bool = False
    suspended: bool = False
    locked: bool = False

    def shown(self) -> dict[str, Any]:
        """The user as an object of API v2."""
        shown: dict[str, Any] = {"id": self.id, "username": self.username, "name": self.name}
        shown |= {"protected": self.protected, "verified_type": "blue" if self.premium else "none"}
        if self.automated:
            shown["affiliation"] = {"description": "Automated"}
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A handle in a post; `explicit` unless X itself put it before a reply."""

    start: int
    end: int
    user_id: str
    username: str
    explicit: bool = True


@dataclass(slots=True, kw_only=True)
class SimPost:
    """A post. `shown_from` is where the text begins that its author wrote."""

    id: str
    author: str
    text: str
    conversation: str
    at: datetime
    reply_to: str | None = None
    reply_user: str | None = None
    quotes: str | None = None
    mentions: tuple[Mention, ...] = ()
    shown_from: int = 0
    media: tuple[str, ...] = ()
    hidden: bool = False


@dataclass(slots=True, kw_only=True)
class SimDm:
    """A direct message of two; `hidden_from` are those who deleted it for themselves."""

    id: str
    sender: str
    recipient: str
    conversation: str
    text: str
    at: datetime
    media: tuple[str, ...] = ()
    hidden_from: set[str] = field(default_factory=set[str])


@dataclass(slots=True, kw_only=True)
class SimMedia:
    """An uploaded file: whose, for what, until when, and how far X has worked through it."""

    id: str
    owner: str
    category: str
    type: str
    size: int
    expires_at: datetime
    segments: dict[int, bytes] = field(default_factory=dict[int, bytes])
    content: bytes = b""
    ready: bool = False
    checks_left: int = 0
    alt: str = ""

    @property
    def key(self) -> str:
        """The `media_key` of it."""
        return f"3_{self.id}" if self.category.endswith("_image") else f"7_{self.id}"

    def file(self) -> SimFile:
        """The file as a phone would show it."""
        return SimFile(self.id, self.content, self.type)


@dataclass(slots=True, kw_only=True)
class Grant:
    """A token and what it may do. `expires_at` is None for OAuth 1.0a and for the app's own."""

    user_id: str
    app: str
    kind: str
    scopes: frozenset[str] = ALL_SCOPES
    expires_at: datetime | None = None
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A request that may go on: who calls, and the headers of its answer."""

    grant: Grant
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` requests in `minutes`, each user's own or of the whole app."""

    count: int
    minutes: int = 15
    per_app: bool = False


@dataclass(slots=True, kw_only=True)
class Hook:
    """A registered webhook."""

    id: str
    url: str
    app: str
    created_at: datetime
    valid: bool
    checked_at: datetime
    passed_at: datetime

    def shown(self) -> dict[str, Any]:
        """The webhook as the API gives it."""
        return {"id": self.id, "url": self.url, "valid": self.valid, "created_at": iso(self.created_at)}


@dataclass(slots=True, kw_only=True)
class Subscription:
    """Events of one kind about one account, to a webhook or to the stream alone."""

    id: str
    app: str
    event_type: str
    user_id: str
    created_at: datetime
    hook_id: str | None = None
    tag: str | None = None

    def shown(self) -> dict[str, Any]:
        """The subscription as the API gives it."""
        shown: dict[str, Any] = {
            "subscription_id": self.id,
            "event_type": self.event_type,
            "filter": {"user_id": self.user_id},
            "created_at": iso(self.created_at),
            "updated_at": iso(self.created_at),
        }
        shown |= {"webhook_id": self.hook_id} if self.hook_id else {}
        return shown | ({"tag": self.tag} if self.tag else {})
