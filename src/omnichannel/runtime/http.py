"""HTTP by httpx: the one module that imports a client. Loaded when the hub opens, not before."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlencode

import anyio
import httpx

from omnichannel.channel.wire import HttpRequest, HttpResponse
from omnichannel.runtime.bodies import Encoded, encode, unpacked
from omnichannel.runtime.quiet import quiet
from omnichannel.runtime.transport import (
    Appender,
    Mailer,
    MediaSource,
    MediaUnavailable,
    StreamedResponse,
    Transport,
    TransportError,
    TransportKind,
)

__all__ = [
    "Appender",
    "HttpxTransport",
    "Mailer",
    "MediaSource",
    "MediaUnavailable",
    "StreamedResponse",
    "Transport",
    "TransportError",
]

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
STREAM_SILENCE_SECONDS = 60.0
ANSWER_LIMIT = 16 * 1024 * 1024
# Below the shortest idle limit in common use (5 s): a request never meets a connection that is just being closed,
# whose outcome would be unknown.
KEEP_SECONDS = 4.5
LANES = 10
_PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For connections without TLS: a context that trusts nobody, and costs nothing."""
POOLS = 256
TARGETS = 512


async def _ask(lane: httpx.AsyncBaseTransport, outgoing: httpx.Request) -> httpx.Response:
    token = quiet.set(True)
    try:
        return await lane.handle_async_request(outgoing)
    finally:
        quiet.reset(token)


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL read once: parsing costs more than the rest of a request's preparation."""

    url: httpx.URL
    origin: str
    host: bytes


class _Body(httpx.AsyncByteStream):
    """A request's body, which knows whether it began to leave: the headers went before it."""

    def __init__(self, encoded: Encoded) -> None:
        self._encoded = encoded
        self.started = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.started = True
        if self._encoded.chunks is None:
            yield self._encoded.content
            return
        async for chunk in self._encoded.chunks():
            yield chunk

    @property
    def maybe_left(self) -> bool:
        """Whether a broken connection may have carried the whole request: never without its body."""
        return self.started or self._encoded.length == 0


@dataclass(slots=True)
class _Lanes:
    """Connections of one account to one host: each is a pool of one, because httpx's pool looks at every idle
    connection at every request. The bound stands before them, and the one used last is taken first."""

    make: Callable[[], httpx.AsyncBaseTransport]
    slots: anyio.Semaphore
    free: list[httpx.AsyncBaseTransport] = field(default_factory=list[httpx.AsyncBaseTransport])
    busy: int = 0
    closed: bool = False

    async def take(self) -> httpx.AsyncBaseTransport:
        await self.slots.acquire()
        try:
            lane = self.free.pop() if self.free else self.make()
        except BaseException:
            self.slots.release()
            raise
        self.busy += 1
        return lane

    async def give(self, lane: httpx.AsyncBaseTransport) -> None:
        self.busy -= 1
        self.slots.release()
        if not self.closed:
            self.free.append(lane)
            return
        with anyio.CancelScope(shield=True):
            await lane.aclose()

    async def aclose(self) -> None:
        self.closed = True
        while self.free:
            await self.free.pop().aclose()


class HttpxTransport:
    """The `Transport` port on httpx.

    `make` replaces the network, for simulated platforms (`lambda: httpx.ASGITransport(app)`); `media` streams the
    files of multipart bodies and may be set later, because it may fetch through this transport itself.
    """

    def __init__(
        self,
        *,
        media: MediaSource | None = None,
        ssl_context: ssl.SSLContext | None = None,
        make: Callable[[], httpx.AsyncBaseTransport] | None = None,
        lanes: int = LANES,
        answer_limit: int = ANSWER_LIMIT,
    ) -> None:
        self.media = media
        self._ssl_context = ssl_context
        self._make = make
        self._lanes = lanes
        self._answer_limit = answer_limit
        self._pools: dict[tuple[str, str], _Lanes] = {}
        self._targets: dict[str, _Target] = {}

    async def send(self, request: HttpRequest, *, account: str) -> HttpResponse:
        """The whole answer, decoded, of at most 16 MB. Raises `TransportError` and `MediaUnavailable`."""
        encoded = await encode(request.body, self.media)
        body = _Body(encoded)
        pool, outgoing = await self._prepare(request, account, encoded, body, b"gzip")
        seconds = ANSWER_SECONDS if request.timeout is None else request.timeout.total_seconds()
        try:
            with anyio.move_on_after(seconds):
                lane = await pool.take()
                try:
                    return await self._exchange(lane, outgoing)
                finally:
                    await pool.give(lane)
            error = TransportError("timeout", maybe_sent=body.started)
        except _FAILURES as exc:
            error = _translated(exc, body)
        raise error

    @asynccontextmanager
    async def stream(self, request: HttpRequest, *, account: str) -> AsyncGenerator[StreamedResponse]:
        """The answer while it comes, asked for uncompressed; bombs are decoded in bounded steps all the same."""
        encoded = await encode(request.body, self.media)
        body = _Body(encoded)
        pool, outgoing = await self._prepare(request, account, encoded, body, b"identity")
        lane = await pool.take()
        try:
            response = await _opened(lane, outgoing, body)
            try:
                headers = _headers(response)
                async with aclosing(_chunks(response, headers, body)) as chunks:
                    yield StreamedResponse(response.status_code, headers, chunks)
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
        finally:
            await pool.give(lane)

    async def aclose(self) -> None:
        """Closes all connections, those in use when they are given back; a later request opens new ones."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()

    # -- preparation

    def _maker(self, origin: str) -> Callable[[], httpx.AsyncBaseTransport]:
        # Certificates are read when the first secure connection needs them: that takes long.
        secure = origin.startswith("https:")
        return partial(self._connection, self._trust() if secure else _PLAIN)

    def _trust(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = httpx.create_ssl_context(trust_env=False)
        return self._ssl_context

    def _connection(self, context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
        one = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_SECONDS)
        return httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=one, retries=0)

    async def _prepare(
        self, request: HttpRequest, account: str, encoded: Encoded, body: _Body, coding: bytes
    ) -> tuple[_Lanes, httpx.Request]:
        target = self._target(request)
        headers = {b"host": target.host, b"accept": b"*/*", b"accept-encoding": coding, b"user-agent": b"omnichannel"}
        if encoded.media_type is not None:
            headers[b"content-type"] = _latin(encoded.media_type)
        for name, value in request.headers.items():
            headers[_latin(name.lower())] = _latin(value)
        if encoded.length is None:
            headers[b"transfer-encoding"] = b"chunked"
        elif encoded.length or request.method not in ("GET", "DELETE"):
            headers[b"content-length"] = str(encoded.length).encode()
        silence = STREAM_SILENCE_SECONDS if request.timeout is None else request.timeout.total_seconds()
        timeout = {"connect": CONNECT_SECONDS, "read": silence, "write": silence, "pool": None}
        extensions: dict[str, object] = {"timeout": timeout}
        origin = target.origin
        if headers[b"host"] != target.host:
            name = headers[b"host"].decode("latin-1")
            origin, extensions["sni_hostname"] = f"{origin} {name}", name.partition(":")[0]
        outgoing = httpx.Request(
            request.method, target.url, headers=list(headers.items()), stream=body, extensions=extensions
        )
        return await self._pool(account, origin), outgoing

    def _target(self, request: HttpRequest) -> _Target:
        url = request.url
        if request.query:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(request.query)}"
        target = self._targets.get(url)
        if target is None:
            target = _read_url(url)
            if len(self._targets) >= TARGETS:
                self._targets.clear()
            self._targets[url] = target
        return target

    async def _pool(self, account: str, origin: str) -> _Lanes:
        key = (account, origin)
        pool = self._pools.get(key)
        if pool is None:
            slots = anyio.Semaphore(self._lanes, fast_acquire=True)
            pool = self._pools[key] = _Lanes(self._make or self._maker(origin), slots)
            if len(self._pools) > POOLS:
                idle = next((name for name, one in self._pools.items() if not one.busy and name != key), None)
                if idle is not None:
                    await self._pools.pop(idle).aclose()
        return pool

    # -- the exchange

    async def _exchange(self, lane: httpx.AsyncBaseTransport, outgoing: httpx.Request) -> HttpResponse:
        response = await _ask(lane, outgoing)
        try:
            headers = _headers(response)
            content = bytearray()
            async with aclosing(_decoded(response, headers)) as chunks:
                async for chunk in chunks:
                    content += chunk
                    if len(content) > self._answer_limit:
                        raise TransportError("too_large", maybe_sent=True)
            return HttpResponse(response.status_code, headers, bytes(content))
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()


def _latin(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        pass
    raise TransportError("protocol", maybe_sent=False, why="a header has characters that HTTP cannot carry")


def _read_url(url: str) -> _Target:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        parsed = None
    if parsed is None or parsed.scheme not in ("http", "https") or not parsed.host:
        raise TransportError("protocol", maybe_sent=False, why="the request has no complete URL")
    host = parsed.netloc
    return _Target(parsed, f"{parsed.scheme}://{host.decode('ascii')}", host)


def _headers(response: httpx.Response) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _opened(lane: httpx.AsyncBaseTransport, outgoing: httpx.Request, body: _Body) -> httpx.Response:
    try:
        return await _ask(lane, outgoing)
    except _FAILURES as exc:
        error = _translated(exc, body)
    raise error


async def _chunks(response: httpx.Response, headers: dict[str, str], body: _Body) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(_decoded(response, headers)) as chunks:
            async for chunk in chunks:
                yield chunk
        return
    except _FAILURES as exc:
        error = _translated(exc, body)
    raise error


async def _decoded(response: httpx.Response, headers: dict[str, str]) -> AsyncGenerator[bytes]:
    """The body without its coding, in steps of at most 256 kB: a megabyte may hold a gigabyte."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in _CODINGS:
        raise TransportError("protocol", maybe_sent=True, why="an encoding that was not asked for")
    async with aclosing(_raw(response)) as raw:
        if coding == "identity":
            async for chunk in raw:
                yield chunk
        else:
            async with aclosing(unpacked(raw)) as chunks:
                async for chunk in chunks:
                    yield chunk


async def _raw(response: httpx.Response) -> AsyncGenerator[bytes]:
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - for the type checkers: we only ask async clients
    pieces = stream.__aiter__()
    ended = False
    try:
        async for piece in pieces:
            yield piece
        ended = True
    finally:
        if not ended:
            # Closed first, then read to its (now near) end: trio warns of generators that nobody finished.
            with anyio.CancelScope(shield=True), suppress(Exception):
                await response.aclose()
                async for _ in pieces:
                    pass


_CODINGS = ("identity", "gzip", "x-gzip", "deflate")


# ---------------------------------------------------------------- failures


_FAILURES = (httpx.HTTPError, httpx.StreamError, ssl.SSLError, OSError, ValueError)


def _translated(exc: Exception, body: _Body) -> TransportError:
    match exc:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return TransportError("timeout", maybe_sent=False)
        case httpx.ConnectError():
            return TransportError(_connect_kind(exc), maybe_sent=False)
        case httpx.TimeoutException():
            return TransportError("timeout", maybe_sent=body.maybe_left)
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol() | ValueError():
            return TransportError("protocol", maybe_sent=body.started, why="the request cannot be written")
        # h11 and httpcore tell the end of a connection from broken HTTP by their words alone.
        case httpx.RemoteProtocolError() if not re.search("disconnected|closed connection", str(exc)):
            return TransportError("protocol", maybe_sent=body.maybe_left)
        case _:
            return TransportError("reset", maybe_sent=body.maybe_left)


def _connect_kind(exc: BaseException | None) -> TransportKind:
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:  # tools that raise in a client's place leave causes in a circle
        seen.add(id(exc))
        if isinstance(exc, socket.gaierror):
            return "dns"
        if isinstance(exc, ssl.SSLError):
            return "tls"
        exc = exc.__cause__ or exc.__context__
    return "refused"
