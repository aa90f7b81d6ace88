"""Simulated platforms behind respx, for suites that mock their other HTTP services with it."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import respx

from omnichannel.channel.wire import HttpRequest, HttpResponse
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.runtime.http import HttpxTransport
from omnichannel.runtime.transport import MediaSource, StreamedResponse
from omnichannel.testing.asgi import InProcessTransport, asgi_call, http_scope
from omnichannel.testing.faults import SimulatedTimeout
from omnichannel.testing.simulators.base import Simulator

if TYPE_CHECKING:
    from omnichannel.testing.world import World

__all__ = ["mount_respx"]


def mount_respx(respx_mock: respx.MockRouter, world: World) -> respx.Route:
    """Lets the platforms of a world answer through respx: hubs of this world send by httpx, and respx sees each call.

    Gives the route, whose `calls` are those to the platforms. Routes that were added before go first; a host that
    neither they nor a platform has is refused as respx refuses it. Platforms that nobody called are no failure of
    `assert_all_called`. A mailbox is not HTTP and is simulated as ever.

    Raises `ConfigurationError` inside `world.run`, and for a router that does not stand before httpcore.
    """
    if world.is_running:
        raise ConfigurationError("the hub runs already and has its transport: call mount_respx before world.run")
    if respx_mock.using != "httpcore":
        raise ConfigurationError(
            f'using={respx_mock.using!r} does not see our requests: use respx.mock(using="httpcore")'
        )

    async def answer(request: httpx.Request) -> httpx.Response | None:
        simulator = InProcessTransport(world.simulators.values()).simulator(request.url.host)
        return None if simulator is None else await _asked(simulator, request)

    route = _Platforms(host__regex=".")
    route.mock(side_effect=answer)
    respx_mock.routes.add(route)
    world.transport = lambda media: _RespxTransport(respx_mock, media)
    return route


async def _asked(simulator: Simulator, request: httpx.Request) -> httpx.Response:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw}
    content = await request.aread()
    try:
        scope = http_scope(request.method, str(request.url), headers, content)
        status, said, body = await asgi_call(simulator, scope, content)
    except SimulatedTimeout as timeout:
        why = str(timeout)
        if timeout.dns:
            raise _NoSuchHost(why) from None
        raise (httpx.ReadTimeout if timeout.maybe_sent else httpx.ConnectTimeout)(why) from None
    return httpx.Response(status, headers=said, stream=httpx.ByteStream(body))


class _NoSuchHost(httpx.ConnectError, socket.gaierror):
    """As a resolver says it; respx leaves no cause on an exception in which it could be said."""


class _Platforms(respx.Route):
    @property
    def called(self) -> bool:
        """A platform that is there is no promise to call it."""
        return True


class _RespxTransport(HttpxTransport):
    """Never leaves the process: without respx there would be a network behind it."""

    def __init__(self, respx_mock: respx.MockRouter, media: MediaSource) -> None:
        super().__init__(media=media)
        self._router = respx_mock

    async def send(self, request: HttpRequest, *, account: str) -> HttpResponse:
        self._check()
        return await super().send(request, account=account)

    @asynccontextmanager
    async def stream(self, request: HttpRequest, *, account: str) -> AsyncGenerator[StreamedResponse]:
        self._check()
        async with super().stream(request, account=account) as response:
            yield response

    def _check(self) -> None:
        if self._router.Mocker is None:
            raise ConfigurationError("respx is not on: put world.run inside the decorator, the block or the fixture")
