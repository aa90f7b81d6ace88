"""HTTP without a network: our requests go to simulators in this process, and their webhooks to our app."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, MutableMapping
from contextlib import aclosing, asynccontextmanager
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from omnichannel.channel.wire import HttpRequest, HttpResponse
from omnichannel.model.base import NOTHING
from omnichannel.runtime.bodies import encode
from omnichannel.runtime.transport import MediaSource, StreamedResponse, TransportError
from omnichannel.testing.faults import SimulatedTimeout
from omnichannel.testing.simulators.base import Simulator
from omnichannel.testing.simulators.http import ASGIApp, Scope
from omnichannel.testing.simulators.webhooks import WebhookRequest

__all__ = ["InProcessTransport", "asgi_call", "post_webhook"]


class InProcessTransport:
    """The `Transport` port for tests: a request goes to the simulator of its host, encoded as it would be on the wire.

    A host that no simulator has is not found (`dns`), so that no test ever reaches a real platform. `media` streams
    the files of multipart bodies, as in the real transport.
    """

    def __init__(self, simulators: Iterable[Simulator], *, media: MediaSource | None = None) -> None:
        self.media = media
        self._simulators = list(simulators)

    def add(self, simulator: Simulator) -> None:
        """One more platform."""
        self._simulators.append(simulator)

    def simulator(self, host: str, path: str = "") -> Simulator | None:
        """Whose host this is, or None; an exact name goes before a wildcard. Where platforms share a host, it is the
        one that knows the path."""
        known = [one for one in self._simulators if host in one.hosts]
        if len(known) > 1:
            known.sort(key=lambda one: not one.knows(path))
        wild = (
            one
            for one in self._simulators
            for pattern in one.hosts
            if pattern[:2] == "*." and host.endswith(pattern[1:])
        )
        return next(iter(known), None) or next(wild, None)

    async def send(self, request: HttpRequest, *, account: str) -> HttpResponse:
        """The whole answer. Raises `TransportError`, and `MediaUnavailable` for a file of the body."""
        app, scope, content = await self._prepare(request)
        try:
            status, headers, body = await asgi_call(app, scope, content)
        except SimulatedTimeout as timeout:
            raise _translated(timeout) from None
        return HttpResponse(status, headers, body)

    @asynccontextmanager
    async def stream(self, request: HttpRequest, *, account: str) -> AsyncGenerator[StreamedResponse]:
        """The answer while it comes. Raises `TransportError`, also out of its chunks."""
        app, scope, content = await self._prepare(request)
        sender, receiver = anyio.create_memory_object_stream[MutableMapping[str, Any] | TransportError](100)

        async def chunks() -> AsyncGenerator[bytes]:
            async for event in receiver:
                if isinstance(event, TransportError):
                    raise event
                yield event.get("body", b"")

        error: Exception | None = None
        async with anyio.create_task_group() as tasks, receiver:
            tasks.start_soon(_run, app, scope, content, sender)
            # What is raised in here is raised again outside: a task group would put it into a group.
            try:
                first = await receiver.receive()
                if isinstance(first, TransportError):
                    raise first
                async with aclosing(chunks()) as body:
                    yield StreamedResponse(first["status"], _headers(first), body)
            except Exception as raised:
                error = raised
            tasks.cancel_scope.cancel()
        if error is not None:
            raise error

    async def aclose(self) -> None:
        """Nothing is open."""

    async def _prepare(self, request: HttpRequest) -> tuple[Simulator, Scope, bytes]:
        encoded = await encode(request.body, self.media)
        content = encoded.content
        if encoded.chunks is not None:
            content = b"".join([chunk async for chunk in encoded.chunks()])
        query = urlencode(request.query)
        url = request.url + (("&" if "?" in request.url else "?") + query if query else "")
        headers = {"content-type": encoded.media_type} if encoded.media_type else {}
        headers |= {name.lower(): value for name, value in request.headers.items()}
        scope = http_scope(request.method, url, headers, content)
        app = self.simulator(urlsplit(url).hostname or "", urlsplit(url).path)
        if app is None:
            raise TransportError("dns", maybe_sent=False, why=f"no simulator answers for {urlsplit(url).hostname}")
        return app, scope, content


def _translated(timeout: SimulatedTimeout) -> TransportError:
    return TransportError("dns" if timeout.dns else "timeout", maybe_sent=timeout.maybe_sent, why=str(timeout))


async def _run(
    app: ASGIApp,
    scope: Scope,
    content: bytes,
    sender: MemoryObjectSendStream[MutableMapping[str, Any] | TransportError],
) -> None:
    async with sender:
        try:
            await app(scope, _receiver(content), sender.send)
        except SimulatedTimeout as timeout:
            await sender.send(_translated(timeout))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            # Whoever reads has gone away, as clients do.
            return


def http_scope(method: str, url: str, headers: Mapping[str, str], content: bytes, *, root_path: str = "") -> Scope:
    """The ASGI scope of a request with these headers; `host` and `content-length` are put in where missing."""
    parts = urlsplit(url)
    complete = {"host": parts.netloc.rpartition("@")[2], "content-length": str(len(content)), **headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": parts.scheme or "https",
        "path": unquote(parts.path) or "/",
        "raw_path": quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._").encode("ascii"),
        "query_string": parts.query.encode("utf-8"),
        "root_path": root_path,
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in complete.items()],
        "client": ("127.0.0.1", 50000),
        "server": (parts.hostname or "localhost", parts.port or 443),
        "state": {},
    }


def _receiver(content: bytes) -> Any:
    events = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        return events.pop() if events else {"type": "http.disconnect"}

    return receive


def _headers(start: Mapping[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start.get("headers", ())}


async def asgi_call(app: ASGIApp, scope: Scope, content: bytes) -> tuple[int, dict[str, str], bytes]:
    """Calls an ASGI app once: status, headers and the whole body. Raises what the app raises."""
    events: list[MutableMapping[str, Any]] = []
    receive, answered = _receiver(content), anyio.Event()

    async def listen() -> MutableMapping[str, Any]:
        event: MutableMapping[str, Any] = await receive()
        if event["type"] == "http.disconnect":
            # Whoever called stays on the line until it has its answer.
            await answered.wait()
        return event

    async def send(event: MutableMapping[str, Any]) -> None:
        events.append(event)
        if event["type"] == "http.response.body" and not event.get("more_body", False):
            answered.set()

    await app(scope, listen, send)
    if not events or events[0]["type"] != "http.response.start":
        raise AssertionError(f"the app did not answer {scope['method']} {scope['path']}")
    return events[0]["status"], _headers(events[0]), b"".join(event.get("body", b"") for event in events[1:])


async def post_webhook(app: ASGIApp, request: WebhookRequest, *, root_path: str = "") -> tuple[int, bytes]:
    """Calls our app as a platform does: status and body. `root_path` is where a framework has mounted the app.
    Raises what the app raises: no server stands before it that would make a 500 of that."""
    headers = {**NOTHING, **request.headers}
    scope = http_scope(request.method, request.url, headers, request.body, root_path=root_path)
    status, _, body = await asgi_call(app, scope, request.body)
    return status, body
