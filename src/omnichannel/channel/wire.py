"""What crosses the border between pure adapters and the runtime: requests, answers, envelopes, admissions.

All are frozen values that can be compared and printed. None holds a secret: `Channel.sign` puts it in, in the runtime.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias, TypeVar

from pydantic import JsonValue
from pydantic_core import from_json

from omnichannel.model.base import NOTHING
from omnichannel.model.content import Media

T = TypeVar("T")
Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Repeat(StrEnum):
    """Whether a request may be sent twice: SAFE has no effect, KEYED is deduplicated by the platform."""

    SAFE = "safe"
    KEYED = "keyed"
    UNSAFE = "unsafe"


# ---------------------------------------------------------------- requests


@dataclass(frozen=True, slots=True)
class Form:
    """An `application/x-www-form-urlencoded` body; repeated keys are allowed, order is kept."""

    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A file of a multipart body, streamed from its reference; `offset` and `length` cut a slice of it."""

    name: str
    media: Media
    offset: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Multipart:
    """A `multipart/form-data` body."""

    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[FilePart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBody:
    """A body of bytes with its media type."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """An HTTP request without its credentials. A relative `url` is completed by `Channel.sign`.

    `cost` is in the units of the account's quota. `limit` names the rate limit that it counts against.
    """

    method: Method
    url: str
    headers: Mapping[str, str] = NOTHING
    query: tuple[tuple[str, str], ...] = ()
    body: JsonValue | Form | Multipart | RawBody = None
    repeat: Repeat = Repeat.UNSAFE
    cost: int = 1
    limit: str = "send"
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpMessage:
    """One mail for one SMTP transaction. The `Message-ID` is in `headers`: a resend carries the same.

    `html` is optional; attachments stream from their references. `headers` hold no CR or LF.
    """

    sender: str
    recipients: tuple[str, ...]
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str | None = None
    attachments: tuple[Media, ...] = ()
    repeat: Repeat = Repeat.UNSAFE
    limit: str = "send"


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """A message on an owned channel: written in the settling transaction, so its outcome is never unknown."""

    stream: str
    body: JsonValue
    repeat: Repeat = Repeat.KEYED
    limit: str = "send"


Wire: TypeAlias = HttpRequest | SmtpMessage | Append


# ---------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer as it came. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = NOTHING
    content: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    def json(self) -> JsonValue:
        """The body as JSON, or None where it is not JSON. Never raises."""
        try:
            data: JsonValue = from_json(self.content)
        except ValueError:
            return None
        return data

    @property
    def text(self) -> str:
        """The body as text, for people: undecodable bytes are replaced."""
        return self.content.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """The server's last word of a transaction: code, enhanced code (`5.1.1`) and text, and who was refused."""

    code: int
    enhanced: str | None = None
    text: str = ""
    refused: Mapping[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])


@dataclass(frozen=True, slots=True)
class Appended:
    """The sequence number of an appended message."""

    seq: int


WireAnswer: TypeAlias = HttpResponse | SmtpReply | Appended
Flow: TypeAlias = Generator[Wire, WireAnswer, T]
"""Yields requests, is sent answers, returns T; no IO inside."""


# ---------------------------------------------------------------- inbound


class Reader(Protocol):
    """Random access to a body that is too large for memory."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, size: int) -> bytes: ...


Source: TypeAlias = Literal["webhook", "poll", "stream", "session", "frame", "console", "import"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Raw inbound: what came, from where, and when. Header names are lower-case, `url` is the URL as the platform
    called it (from `public_url`, not from the Host header). A body over 256 kB is in `blob`, and `content` is empty.
    """

    source: Source = "webhook"
    method: str = "POST"
    url: str = ""
    query: Mapping[str, str] = NOTHING
    headers: Mapping[str, str] = NOTHING
    content: bytes = b""
    blob: Reader | None = None
    blob_id: str | None = None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What we answer a webhook with."""

    status: int = 200
    content: bytes = b""
    media_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = NOTHING


OK = HttpReply()


@dataclass(frozen=True, slots=True)
class Accept:
    """Journal it, then `reply`.

    With `within` the response waits so long for an answer to a message in it, and `Channel.answer` renders that; it
    has room for `room` parts. What comes later, or finds no room, is sent as anything else.
    """

    reply: HttpReply = OK
    within: timedelta | None = None
    room: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer at once and keep nothing: a handshake."""

    reply: HttpReply


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not from the platform, or not readable. Costs no database write."""

    reason: str
    status: int = 401


@dataclass(frozen=True, slots=True)
class NeedKey:
    """The platform's public key at `url` is needed; the hub fetches it and admits again."""

    url: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """The platform wants this request made before it delivers (SNS subscription)."""

    request: HttpRequest


Admission: TypeAlias = Accept | Answer | Refuse | NeedKey | Confirm


@dataclass(frozen=True, slots=True)
class Keys:
    """Public keys that were fetched, by URL."""

    by_url: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    def get(self, url: str) -> bytes | None:
        """The key, or None where it has not been fetched."""
        return self.by_url.get(url)


# ---------------------------------------------------------------- credentials, polling, streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A platform credential that changes. Committed before it is used, because refresh tokens rotate."""

    value: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a poll found, oldest first and newer than the cursor; committed together with the new cursor."""

    envelopes: tuple[Envelope, ...]
    cursor: str | None
    more: bool = False
    again_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """A stream that we only read: one envelope per item; silent for `idle` means dead, connect again."""

    request: HttpRequest
    framing: Literal["sse", "lines", "websocket"]
    idle: timedelta
    resume_query: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A weighted quota (YouTube: units per project per Pacific day), shared by polls and replies."""

    level: str
    units: int
    per: timedelta
    reserve_for_sends: float = 0.5


@dataclass(frozen=True, slots=True)
class Link:
    """A deep link that brings a customer here. `carries` says whether the reference comes back by itself."""

    url: str
    carries: bool = True
