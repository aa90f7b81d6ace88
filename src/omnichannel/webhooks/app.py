"""The ASGI app that platforms call: cap the body, admit, journal, and only then answer.

Nothing that is not verified reaches the journal, nothing is acknowledged that is not in it, and no input makes it
raise.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, TypeAlias, assert_never
from urllib.parse import parse_qsl

from omnichannel.channel.base import Channel
from omnichannel.channel.wire import (
    Accept,
    Admission,
    Answer,
    Confirm,
    Envelope,
    HttpReply,
    HttpRequest,
    NeedKey,
    Refuse,
)
from omnichannel.kit.json_guard import bounded
from omnichannel.model.base import NOTHING
from omnichannel.webhooks.answering import Held, Responses
from omnichannel.webhooks.keys import KeyRing
from omnichannel.webhooks.paths import endpoint_of, tail_of, url_of

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
SendEvent: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Doors: TypeAlias = Mapping[str, Channel[Any]]

MOST_WAITING = 1000
KEY_ROUNDS = 3
MOST_PARAMETERS = 200
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT"})
_log = logging.getLogger("omnichannel.webhooks")


class Now(Protocol):
    """What of the clock is needed here."""

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        ...


class Journal(Protocol):
    """Commits an envelope for an endpoint; raises where it is not on disk."""

    async def __call__(self, endpoint: str, envelope: Envelope, /) -> None:
        """Returns after the commit."""
        ...


class FetchKey(Protocol):
    """Gets a platform's public key."""

    async def __call__(self, url: str, /) -> bytes | None:
        """The key, or None where it cannot be had."""
        ...


class Confirming(Protocol):
    """Makes the request with which a subscription is confirmed."""

    async def __call__(self, endpoint: str, request: HttpRequest, /) -> None:
        """Returns when it was accepted; raises where it was not."""
        ...


class WebhookApp:
    """An ASGI 3 app for all endpoints: `{public_url}/{endpoint id}`, also mounted in another app.

    `doors` and `tombstones` are looked up at each request; a tombstone is the channel of a closed account, which
    still accepts and keeps what comes, because a platform that gets 404 drops what customers wrote.
    `public_url` is the URL up to the mount point, as platforms call it. `key_lock` stands for an `anyio.Lock` where
    there is no event loop.
    """

    def __init__(
        self,
        doors: Doors,
        journal: Journal,
        clock: Now,
        *,
        fetch_key: FetchKey,
        confirm: Confirming,
        public_url: str,
        tombstones: Doors | None = None,
        responses: Responses | None = None,
        most_waiting: int = MOST_WAITING,
        key_lock: AbstractAsyncContextManager[Any] | None = None,
    ) -> None:
        self._doors = doors
        self._tombstones: Doors = tombstones if tombstones is not None else {}
        self._journal = journal
        self._clock = clock
        self._keys = KeyRing(fetch_key, key_lock)
        self._confirm = confirm
        self._public_url = public_url
        self._responses = responses
        self._most_waiting = most_waiting
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: SendEvent) -> None:
        """Answers an HTTP request; takes part in the lifespan without having one; closes WebSockets."""
        kind = scope["type"]
        if kind == "http":
            reply = await self._reply(scope, receive)
            if isinstance(reply, Held):
                await reply.respond(receive, lambda answer: _send(answer, send, head=False))
            elif reply is not None:
                await _send(reply, send, head=scope["method"] == "HEAD")
        elif kind == "lifespan":
            await _lifespan(receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _reply(self, scope: Scope, receive: Receive) -> HttpReply | Held | None:
        """The answer, or a response that waits for it; None where the client went away before it had said all."""
        tail = tail_of(scope)
        endpoint = endpoint_of(tail)
        channel = self._doors.get(endpoint) or self._tombstones.get(endpoint)
        if channel is None:
            return _plain(404, "nothing is here")
        method = scope["method"]
        if method not in _METHODS:
            return _plain(405, "not this method", {"allow": "GET, HEAD, POST, PUT"})
        headers = _headers(scope)
        content = await _body(headers.get("content-length", ""), receive, channel.body_limit)
        if not isinstance(content, bytes):
            return content
        raw_query = scope.get("query_string") or b""
        query = _query(raw_query)
        if query is None:
            return _plain(400, "too many parameters")
        envelope = Envelope(
            method="GET" if method == "HEAD" else method,
            url=url_of(self._public_url, tail, raw_query.decode("latin-1")),
            query=query,
            headers=headers,
            content=content,
            received_at=self._clock.now(),
        )
        return await self._judged(endpoint, channel, envelope, head=method == "HEAD")

    async def _judged(
        self, endpoint: str, channel: Channel[Any], envelope: Envelope, *, head: bool
    ) -> HttpReply | Held:
        admission = await self._admission(endpoint, channel, envelope)
        match admission:
            case Accept():
                # HEAD asks what GET would say, and does nothing.
                return _plain(200, "") if head else await self._accept(endpoint, channel, envelope, admission)
            case Answer(reply):
                return reply
            case Refuse(reason=reason, status=status):
                _log.debug("refused a webhook for %s: %s", endpoint, status)
                return _plain(status, reason)
            case NeedKey():
                return _busy("the key is not available", 30)
            case Confirm(request):
                return await self._confirmed(endpoint, request)
            case _:
                assert_never(admission)

    async def _admission(self, endpoint: str, channel: Channel[Any], envelope: Envelope) -> Admission:
        """The adapter's word, with the keys that it asks for. What breaks in it is a refusal."""
        now = envelope.received_at
        try:
            admission = channel.admit(envelope, now, self._keys.keys)
            for _ in range(KEY_ROUNDS):
                if not isinstance(admission, NeedKey) or not await self._keys.have(admission.url, now):
                    break
                admission = channel.admit(envelope, now, self._keys.keys)
        except Exception as error:
            # Whoever sends bytes must not be able to fill a log or to see a trace.
            _log.error("admitting a webhook for %s failed: %s", endpoint, type(error).__name__)
            return Refuse("not readable", status=400)
        return admission

    async def _accept(
        self, endpoint: str, channel: Channel[Any], envelope: Envelope, accepted: Accept
    ) -> HttpReply | Held:
        if _is_json(envelope):
            # After the signature, so that only the platform itself costs this look.
            why = bounded(envelope.content, max_bytes=channel.body_limit)
            if why is not None:
                _log.warning("a signed webhook for %s is not kept: %s", endpoint, why)
                return _plain(400, why)
        if self._waiting >= self._most_waiting:
            return _busy("too many at once", 1)
        self._waiting += 1
        try:
            return await self._kept(endpoint, channel, envelope, accepted)
        except Exception as error:
            _log.error("a webhook for %s could not be kept: %s", endpoint, type(error).__name__)
            return _busy("it could not be kept", 5)
        finally:
            self._waiting -= 1

    async def _kept(
        self, endpoint: str, channel: Channel[Any], envelope: Envelope, accepted: Accept
    ) -> HttpReply | Held:
        """Commits the envelope, and says how it is answered after that."""
        responses = self._responses
        if accepted.within is None or responses is None:
            await self._journal(endpoint, envelope)
            return accepted.reply
        until = envelope.received_at + accepted.within
        seq = await responses.keep(endpoint, envelope, until)
        return Held(responses, seq, endpoint, channel, envelope, until, accepted.room, accepted.reply)

    async def _confirmed(self, endpoint: str, request: HttpRequest) -> HttpReply:
        try:
            await self._confirm(endpoint, request)
        except Exception as error:
            _log.error("confirming the subscription of %s failed: %s", endpoint, type(error).__name__)
            return _busy("the confirmation failed", 30)
        _log.info("confirmed the subscription of %s", endpoint)
        return _plain(200, "")


# ---------------------------------------------------------------- reading


def _headers(scope: Scope) -> dict[str, str]:
    pairs: Sequence[tuple[bytes, bytes]] = scope["headers"]
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs}
    if len(headers) == len(pairs):
        return headers
    joined: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


async def _body(length: str, receive: Receive, limit: int) -> bytes | HttpReply | None:
    """The body, or 413 before more than the limit was read; None where the client went away."""
    if length.isascii() and length.isdigit() and (len(length) > 15 or int(length) > limit):
        return _too_large(limit)
    event = await receive()
    if event["type"] == "http.request" and not event.get("more_body", False):
        first = bytes(event.get("body", b""))
        return first if len(first) <= limit else _too_large(limit)
    body = bytearray()
    while event["type"] == "http.request":
        body += event.get("body", b"")
        if len(body) > limit:
            return _too_large(limit)
        if not event.get("more_body", False):
            return bytes(body)
        event = await receive()
    return None


def _query(raw: bytes) -> Mapping[str, str] | None:
    if not raw:
        return NOTHING
    try:
        pairs: list[tuple[str, str]] = parse_qsl(
            raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS, errors="replace"
        )
    except ValueError:
        return None
    return dict(pairs)


def _is_json(envelope: Envelope) -> bool:
    return "json" in envelope.headers.get("content-type", "") or envelope.content[:64].lstrip()[:1] in (b"{", b"[")


# ---------------------------------------------------------------- answering


def _plain(status: int, text: str, headers: Mapping[str, str] = NOTHING) -> HttpReply:
    return HttpReply(status, text[:200].encode("utf-8", "replace"), headers=headers)


def _too_large(limit: int) -> HttpReply:
    return _plain(413, f"at most {limit} bytes", {"connection": "close"})


def _busy(text: str, seconds: int) -> HttpReply:
    return replace(_plain(503, text), headers={"retry-after": str(seconds)})


async def _send(reply: HttpReply, send: SendEvent, *, head: bool) -> None:
    headers = [
        (b"content-type", reply.media_type.encode("latin-1")),
        (b"content-length", str(len(reply.content)).encode()),
    ]
    if reply.headers:
        headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else reply.content})


async def _lifespan(receive: Receive, send: SendEvent) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
