"""The ASGI app of a hub: made with the hub, so that it can be mounted before the hub is open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omnichannel.hub.hub import Hub


@dataclass(frozen=True, slots=True)
class HubApp:
    """Webhooks, below wherever it is mounted. 503 while the hub is not open, so that platforms try again.

    An object and no method, because servers tell the ASGI version by looking at what they are given.
    """

    hub: Hub

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """One request."""
        if self.hub.is_open:
            await self.hub.core.webhooks(scope, receive, send)
        elif scope["type"] == "http":
            headers = [(b"retry-after", b"1"), (b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": b"not open yet"})
