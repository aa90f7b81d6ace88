"""Webhooks without a loop: the same app as under ASGI, called by a thread of a synchronous web server.

The app is a coroutine that waits for its ports alone. Here they do their work before they return, so that it never
has to be suspended, and no event loop is needed. Only what is rare starts one for itself: a body of over 256 kB, the
key of a platform, the confirmation of a subscription.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from threading import Lock
from types import TracebackType
from typing import Any

import anyio

from omnichannel.channel.wire import Envelope, HttpReply, HttpRequest
from omnichannel.hub import arrivals
from omnichannel.hub.office import read as reading
from omnichannel.hub.ports import Ports, reveal_url
from omnichannel.registry import channel_class_for
from omnichannel.runtime import doors
from omnichannel.runtime.media import MediaReader
from omnichannel.runtime.secrets import require_webhook_secret, resolve
from omnichannel.runtime.transport import Transport
from omnichannel.stores import known_accounts
from omnichannel.stores.blobs import MemoryBlobs
from omnichannel.sync.client import Client
from omnichannel.webhooks.app import WebhookApp
from omnichannel.webhooks.tombstones import PREFIX, tombstones

PIECE = 65_536
Read = Callable[[int], bytes]
"""Gives up to so many bytes of a request's body, none at its end; raises `OSError` where the client went away."""


class Doorway:
    """Takes the webhooks of a client's accounts, in any number of threads. The secrets are read at the first request.

    What is verified is in the journal when `answer` returns; a worker elsewhere parses and handles it.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = Lock()
        self._app: WebhookApp | None = None

    def answer(
        self, method: str, path: str, query: bytes, headers: Sequence[tuple[bytes, bytes]], read: Read
    ) -> HttpReply | None:
        """The answer to a request; None where the client went away. `path` is what follows the mount point, and begins
        with a slash. Raises `ConfigurationError` where no webhook could be verified."""
        scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": list(headers)}
        events: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            with suppress(OSError):
                piece = read(PIECE)
                return {"type": "http.request", "body": piece, "more_body": bool(piece)}
            return {"type": "http.disconnect"}

        async def send(event: MutableMapping[str, Any]) -> None:
            events.append(event)

        _at_once(self._opened()(scope, receive, send))
        if not events:
            return None
        start, body = events
        said = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
        media_type = said.pop("content-type")
        return HttpReply(start["status"], body["body"], media_type, said)

    def _opened(self) -> WebhookApp:
        with self._lock:
            if self._app is None:
                self._app = self._open()
            return self._app

    def _open(self) -> WebhookApp:
        settings, ports = self._client.settings, self._client.ports
        resolved = [resolve(account, ports.environ, ports.read_file) for account in settings.accounts]
        endpoints = doors.build([(account, channel_class_for(account)) for account in resolved]).endpoints
        for channel in endpoints.values():
            require_webhook_secret(channel)

        closed = self._client.run(lambda office: reading(lambda c: known_accounts.removed(c, endpoints)))

        async def journal(endpoint: str, envelope: Envelope) -> None:
            endpoint = f"{PREFIX}{endpoint}" if endpoint in closed else endpoint
            if len(envelope.content) > arrivals.INLINE:
                blobs = ports.blobs or arrivals.blobs_beside(reveal_url(settings.store, ports))
                envelope = anyio.run(arrivals.off_row, envelope, blobs)
            self._client.run(lambda office: arrivals.keep(endpoint, envelope))

        async def fetch_key(url: str) -> bytes | None:
            return anyio.run(_fetch_key, ports, url)

        async def confirm(endpoint: str, request: HttpRequest) -> None:
            anyio.run(_confirm, ports, endpoint, request)

        return WebhookApp(
            endpoints,
            journal,
            ports.clock,
            fetch_key=fetch_key,
            confirm=confirm,
            public_url=settings.public_url,
            # The server's threads are the bound here.
            most_waiting=sys.maxsize,
            key_lock=_ThreadLock(),
            tombstones=tombstones(closed),
        )


class _ThreadLock(AbstractAsyncContextManager[None]):
    def __init__(self) -> None:
        self._lock = Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


def _at_once(call: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine that never has to wait."""
    try:
        call.send(None)
    except StopIteration:
        return
    call.close()
    raise RuntimeError("a port of the webhooks waits for an event loop, and there is none")


async def _fetch_key(ports: Ports, url: str) -> bytes | None:
    transport = _transport(ports)
    try:
        return await arrivals.fetch_key(transport, url, ports.allow)
    finally:
        await transport.aclose()


async def _confirm(ports: Ports, endpoint: str, request: HttpRequest) -> None:
    transport = _transport(ports)
    try:
        await transport.send(request, account=endpoint)
    finally:
        await transport.aclose()


def _transport(ports: Ports) -> Transport:
    if ports.transport is not None:
        return ports.transport(MediaReader(MemoryBlobs()))
    from omnichannel.runtime.http import HttpxTransport

    return HttpxTransport()
