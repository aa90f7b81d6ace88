"""Downloads from outside that cannot be led inside, nor be too much."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from urllib.parse import urljoin

import anyio

from omnichannel.channel.wire import HttpRequest, Repeat
from omnichannel.model.outcome import Outcome
from omnichannel.runtime.ssrf import Pinned, Resolve, origin_of, pin, resolve
from omnichannel.runtime.transport import MediaUnavailable, StreamedResponse, Transport, TransportError

MEDIA_LIMIT = 25 * 1024 * 1024
REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})


class Fetcher:
    """Downloads from outside. Only https on port 443 of public addresses, checked where the connection is made:
    the name is looked up once and its address pinned, again for each of at most three redirects.

    `allow` lists origins (`http://127.0.0.1:9001`) that are exempt: simulated platforms in tests.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        resolve: Resolve = resolve,
        allow: Collection[str] = (),
        limit: int = MEDIA_LIMIT,
    ) -> None:
        self._transport = transport
        self._resolve = resolve
        self._allow = frozenset(origin.lower() for origin in allow)
        self.limit = limit

    @asynccontextmanager
    async def open(self, request: HttpRequest, *, account: str = "") -> AsyncGenerator[StreamedResponse]:
        """A 2xx answer while it comes. Raises `TransportError` and `MediaUnavailable`.

        Headers of the request go to its own origin only, never along a redirect to another one.
        """
        for _ in range(REDIRECTS + 1):
            pinned = await pin(request.url, self._resolve, self._allow)
            async with self._first_that_answers(request, pinned, account) as response:
                if response.status not in _MOVED:
                    _check(response.status)
                    yield response
                    return
                request = _redirected(request, response.headers.get("location", ""))
        raise TransportError("blocked", maybe_sent=False, why="too many redirects")

    @asynccontextmanager
    async def _first_that_answers(
        self, request: HttpRequest, pinned: Pinned, account: str
    ) -> AsyncGenerator[StreamedResponse]:
        *others, last = pinned.urls
        for url in others:
            try:
                context = self._transport.stream(_to(request, url, pinned.host), account=account)
                response = await context.__aenter__()
            except TransportError as error:
                if error.maybe_sent:
                    raise
                continue
            try:
                yield response
            finally:
                with anyio.CancelScope(shield=True):
                    await context.__aexit__(None, None, None)
            return
        async with self._transport.stream(_to(request, last, pinned.host), account=account) as response:
            yield response

    async def stream(self, url: str) -> AsyncGenerator[bytes]:
        """The bytes at a URL, at most `limit`. Raises `MediaUnavailable`."""
        try:
            async with self.open(HttpRequest(method="GET", url=url, repeat=Repeat.SAFE)) as response:
                check_length(response, self.limit)
                async with aclosing(capped(response.chunks, self.limit)) as chunks:
                    async for chunk in chunks:
                        yield chunk
        except TransportError as error:
            raise unavailable(error) from None


def _to(request: HttpRequest, url: str, host: str) -> HttpRequest:
    # No compression: what is compressed can be a bomb, and media is compressed already.
    headers = {**request.headers, **({"host": host} if host else {}), "accept-encoding": "identity"}
    return replace(request, url=url, headers=headers)


def _redirected(request: HttpRequest, location: str) -> HttpRequest:
    try:
        url = urljoin(request.url, location)
    except ValueError:
        url = ""
    same = origin_of(url) == origin_of(request.url) != ""
    return replace(
        request, method="GET", url=url, query=(), body=None, headers=request.headers if same else {}, repeat=Repeat.SAFE
    )


def _check(status: int) -> None:
    if not 200 <= status < 300:
        later = status >= 500 or status in (408, 425, 429)
        raise MediaUnavailable(
            f"the file's server answered {status}", outcome=Outcome.RETRY if later else Outcome.INVALID, status=status
        )


def check_length(response: StreamedResponse, limit: int) -> None:
    """Raises `TransportError` where the answer says itself that it is too large."""
    length = response.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > limit:
        raise TransportError("too_large", maybe_sent=True)


async def capped(chunks: AsyncIterator[bytes], limit: int) -> AsyncGenerator[bytes]:
    """The chunks, as long as they are not too many. Raises `TransportError`."""
    total = 0
    async for chunk in chunks:
        total += len(chunk)
        if total > limit:
            raise TransportError("too_large", maybe_sent=True)
        yield chunk


def unavailable(error: TransportError) -> MediaUnavailable:
    """The same failure as seen by whoever wants the file: for good where it is too large or not to be touched."""
    final = error.kind in ("blocked", "too_large")
    return MediaUnavailable(str(error), outcome=Outcome.INVALID if final else Outcome.RETRY)
