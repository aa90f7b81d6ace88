"""What simulated Mastodon keeps: people, statuses, notifications, files, tokens; and how it says no."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeGuard

from omnichannel.testing.simulators.base import BadRequest, Request, SimFile, json_response

__all__ = [
    "ALL_SCOPES",
    "Grant",
    "Refused",
    "SimMedia",
    "SimNotice",
    "SimPerson",
    "SimStatus",
    "countable",
    "handles_in",
    "is_list",
    "is_object",
    "iso",
    "params_of",
    "refused",
    "rendered",
]

ALL_SCOPES = frozenset({"read", "write", "push"})
# app/models/account.rb and app/validators/status_length_validator.rb
MENTION = re.compile(r"(?<![=/\w])@(([A-Za-z0-9_]+(?:[A-Za-z0-9_.-]+[A-Za-z0-9_]+)?)(?:@[\w.-]+[\w]+(?::\d+)?)?)")
URL = re.compile(r"(?<![\w@/.])https?://[^\s<>\"]+[^\s<>\".,;:!?)]", re.IGNORECASE)
URL_LENGTH = 23


class Refused(BadRequest):
    """An answer that is not a success."""


def refused(status: int, error: str) -> Refused:
    """A refusal: Mastodon says what in one sentence."""
    return Refused(error, json_response({"error": error}, status))


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether it is a list of JSON."""
    return isinstance(value, list)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is an object of JSON."""
    return isinstance(value, dict)


def iso(at: datetime) -> str:
    """Mastodon's way to write a time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def countable(text: str) -> int:
    """The length of a text: a link counts 23, of a handle only the name."""
    text = URL.sub("x" * URL_LENGTH, text)
    return len(MENTION.sub(lambda found: f"@{found[2]}", text))


def handles_in(text: str) -> list[str]:
    """The handles that a text names, in order, in lower case."""
    return list(dict.fromkeys(found[1].lower() for found in MENTION.finditer(text)))


def rendered(text: str, people: dict[str, SimPerson]) -> str:
    """A text as the HTML of `content`: paragraphs, line breaks, links that are shown in part, mentions."""
    return "".join(f"<p>{_lines(one, people)}</p>" for one in re.split(r"\n{2,}", text) if one)


def _lines(text: str, people: dict[str, SimPerson]) -> str:
    pieces: list[str] = []
    position = 0
    found = sorted([*URL.finditer(text), *MENTION.finditer(text)], key=lambda one: one.start())
    for one in found:
        if one.start() < position:
            continue
        pieces.append(html.escape(text[position : one.start()], quote=False))
        pieces.append(_link(one[0], people))
        position = one.end()
    pieces.append(html.escape(text[position:], quote=False))
    return "".join(pieces).replace("\n", "<br />")


def _link(text: str, people: dict[str, SimPerson]) -> str:
    if text.startswith("@"):
        person = people.get(text[1:].lower())
        if person is None:
            return html.escape(text, quote=False)
        name = f"@<span>{html.escape(person.username)}</span>"
        return f'<span class="h-card" translate="no"><a href="{person.url}" class="u-url mention">{name}</a></span>'
    scheme, _, rest = text.partition("://")
    shown, hidden = html.escape(rest[:30]), html.escape(rest[30:])
    kind = "ellipsis" if hidden else ""
    return (
        f'<a href="{html.escape(text)}" target="_blank" rel="nofollow noopener" translate="no">'
        f'<span class="invisible">{scheme}://</span><span class="{kind}">{shown}</span>'
        f'<span class="invisible">{hidden}</span></a>'
    )


def params_of(request: Request) -> dict[str, Any]:
    """The parameters of a body: JSON, a form, or multipart; `name[]` is a list. Raises `BadRequest`."""
    if request.media_type == "application/json":
        data = request.json()
        if not is_object(data):
            raise refused(400, "Error occurred while parsing request parameters")
        return data
    pairs: Sequence[tuple[str, str]] = ()
    if request.media_type == "multipart/form-data":
        pairs = request.multipart().fields
    elif request.content:
        pairs = request.form()
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name.endswith("[]"):
            found.setdefault(name[:-2], []).append(value)
        else:
            found[name] = value
    return found


@dataclass(slots=True, kw_only=True)
class SimPerson:
    """Somebody on some server: a customer (`handle`), or an account of ours (`account_id`)."""

    id: str
    username: str
    host: str
    name: str
    since: datetime
    handle: str = ""
    account_id: str = ""
    bot: bool = False
    moved_to: str = ""
    follows: set[str] = field(default_factory=set[str])

    @property
    def whole(self) -> str:
        """The handle with its host."""
        return f"{self.username}@{self.host}".lower()

    @property
    def url(self) -> str:
        """The profile."""
        return f"https://{self.host}/@{self.username}"

    def acct(self, host: str) -> str:
        """What a server calls this person: without the host where it is its own."""
        return self.username if host == self.host else f"{self.username}@{self.host}"


@dataclass(slots=True, kw_only=True)
class SimStatus:
    """A status. `mentions` are ids of people."""

    id: str
    author: str
    text: str
    visibility: str
    at: datetime
    mentions: tuple[str, ...] = ()
    spoiler: str = ""
    language: str | None = None
    reply_to: str | None = None
    quotes: str | None = None
    media: tuple[str, ...] = ()
    edited_at: datetime | None = None
    favourited: set[str] = field(default_factory=set[str])
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SimNotice:
    """A notification for one of ours. `more` is what some types have besides."""

    id: str
    owner: str
    type: str
    by: str
    at: datetime
    status: str | None = None
    filtered: bool = False
    more: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(slots=True, kw_only=True)
class SimMedia:
    """An uploaded file; it is processed after `looks` looks at it."""

    id: str
    owner: str
    file: SimFile
    description: str | None
    looks: int = 0
    used: bool = False

    @property
    def kind(self) -> str:
        """Mastodon's word for what it is."""
        if self.file.type == "image/gif":
            return "gifv"
        kind = self.file.type.partition("/")[0]
        return kind if kind in ("image", "video", "audio") else "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Whose token it is, and what it may do."""

    person: str
    scopes: frozenset[str] = ALL_SCOPES
    revoked: bool = False
