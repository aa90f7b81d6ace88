"""Starts a desk again and again, quickly: everything is imported once, and each start is a fork.

Told `go` on a line, it forks a desk, says `ready PID PORT` when that serves, and `ended STATUS` when it has ended.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import uvicorn
from pydantic import SecretStr

from omnichannel import Handlers, Hub, Turn
from omnichannel.adapters.whatsapp import WhatsAppAccount
from omnichannel.hub.ports import Ports

SECRET = "0123456789abcdef0123456789abcdef"
PHONE_NUMBER_ID = "106540352242922"


def desk(store: str) -> Hub:
    """A hub that keeps what it gets and handles it; its leases end soon, because it will."""
    handlers = Handlers()

    @handlers.on_message()
    async def look(turn: Turn) -> None:
        if not turn.message.text:
            raise ValueError("nothing was said")

    account = WhatsAppAccount(
        id="wa", phone_number_id=PHONE_NUMBER_ID, app_secret=(SecretStr(SECRET),), token=SecretStr("t")
    )
    ports = Ports(lease_ttl=timedelta(seconds=1))
    return Hub([account], store=store, handlers=handlers, work=True, ports=ports)


def app(hub: Hub) -> Callable[..., Awaitable[None]]:
    """The hub, open for as long as the server runs."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await hub.asgi(scope, receive, send)
            return
        await receive()
        async with hub:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    return serve


class Server(uvicorn.Server):
    """Says where it is when it can be asked."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """The lifespan begins, and then the listening."""
        await super().startup(sockets)
        assert sockets
        say(f"ready {os.getpid()} {sockets[0].getsockname()[1]}")


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def serve(store: str) -> None:
    """A desk in this process, until it is told to end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app(desk(store)), log_level="critical", access_log=False, lifespan="on")
        Server(config).run([listening])


def main(store: str) -> None:
    """Forks until its input ends."""
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            serve(store)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        say(f"ended {status}")


if __name__ == "__main__":
    main(sys.argv[1])
