"""The ports to the world outside: HTTP, mail, our own streams, media. Importing this loads no client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from omnichannel.channel.base import Account
from omnichannel.channel.wire import Append, Appended, HttpRequest, HttpResponse, SmtpMessage, SmtpReply
from omnichannel.model.content import Media
from omnichannel.model.outcome import Failure, Level, Outcome

TransportKind: TypeAlias = Literal["refused", "dns", "tls", "timeout", "reset", "protocol", "too_large", "blocked"]

_WORDS: dict[TransportKind, str] = {
    "refused": "no connection",
    "dns": "the host name was not found",
    "tls": "no secure connection",
    "timeout": "no answer in time",
    "reset": "the connection broke",
    "protocol": "not HTTP as we know it",
    "too_large": "the answer is too large",
    "blocked": "an address that we do not connect to",
}


class TransportError(Exception):
    """There is no answer. `maybe_sent` says that the other side may have acted on the request all the same.

    The text is made of our own words: no URL, no header, no secret; and there is no exception behind it to tell one.
    """

    def __init__(self, kind: TransportKind, *, maybe_sent: bool, why: str = "") -> None:
        super().__init__(f"{_WORDS[kind]}: {why}" if why else _WORDS[kind])
        self.kind: TransportKind = kind
        self.maybe_sent = maybe_sent


class MediaUnavailable(Exception):
    """The bytes of a media reference cannot be had; `failure` says whether later is better."""

    def __init__(self, why: str, *, outcome: Outcome = Outcome.INVALID, status: int | None = None) -> None:
        super().__init__(why)
        level = Level.ATTEMPT if outcome is Outcome.RETRY else Level.MESSAGE
        self.failure = Failure(outcome=outcome, level=level, code="media_unavailable", message=why, status=status)


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """An answer whose body is still coming. Header names are lower-case; `chunks` are decoded and can be read once."""

    status: int
    headers: dict[str, str]
    chunks: AsyncIterator[bytes]


class Transport(Protocol):
    """Sends signed requests. It never retries, follows no redirect, keeps no cookie and reads no environment.

    A `host` header that differs from the URL's host is what the server sees and what TLS checks, so that a URL may
    name an address that was checked before.
    """

    async def send(self, request: HttpRequest, *, account: str) -> HttpResponse:
        """The whole answer. Raises `TransportError`, and `MediaUnavailable` for a file of the body."""
        ...

    def stream(self, request: HttpRequest, *, account: str) -> AbstractAsyncContextManager[StreamedResponse]:
        """The answer while it comes. Raises `TransportError`, also out of its chunks."""
        ...

    async def aclose(self) -> None:
        """Closes all connections."""
        ...


class MediaSource(Protocol):
    """Streams the bytes behind a media reference."""

    async def size(self, media: Media) -> int | None:
        """How many bytes there are, or None where only reading tells. Raises `MediaUnavailable`."""
        ...

    def open(self, media: Media, *, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The decoded bytes, or a slice of them. Raises `MediaUnavailable` while iterated."""
        ...


class Mailer(Protocol):
    """Hands one mail to the account's mail server."""

    async def send(self, message: SmtpMessage, *, account: Account) -> SmtpReply:
        """The server's last word. Raises `TransportError`, and `MediaUnavailable` for an attachment."""
        ...


class Appender(Protocol):
    """Writes to an owned channel's stream, so that its outcome is never unknown."""

    async def append(self, message: Append, *, account: str) -> Appended:
        """The sequence number. Raises `StoreError` where nothing was written."""
        ...
