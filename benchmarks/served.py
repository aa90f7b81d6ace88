"""The servers that are measured, each in a process of its own: a hub, and the least that a web server can do.

`python -m benchmarks.served hub --port 8000 --store sqlite:///x.db`; with `--work` it handles what it gets, too.
"""

from __future__ import annotations

import argparse
import hmac
import os
from typing import Any

import orjson
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.loadgen import PHONE_NUMBER_ID, SECRET
from omnichannel import Handlers, Hub, Turn
from omnichannel.adapters.whatsapp import WhatsAppAccount


def bare() -> Starlette:
    """The floor: one HMAC, one comparison, one JSON document, 200. Nothing is kept."""

    async def hook(request: Request) -> Response:
        content = await request.body()
        given = request.headers.get("x-hub-signature-256", "")
        if not hmac.compare_digest("sha256=" + hmac.digest(SECRET.encode(), content, "sha256").hex(), given):
            return Response(status_code=403)
        orjson.loads(content)
        return Response(status_code=200)

    return Starlette(routes=[Route("/wa", hook, methods=["POST"])])


def desk(store: str, *, work: bool, echo: bool = False) -> Hub:
    """A hub with one WhatsApp number and a handler that does nothing, or answers."""
    handlers = Handlers()

    @handlers.on_message()
    async def handle(turn: Turn) -> None:
        if echo:
            await turn.reply(turn.message.text)

    account = WhatsAppAccount(
        id="wa", phone_number_id=PHONE_NUMBER_ID, app_secret=(SecretStr(SECRET),), token=SecretStr("t")
    )
    return Hub([account], store=store, handlers=handlers, work=work)


def hooked(store: str, *, work: bool) -> Any:
    """The hub as an app of its own."""
    hub = desk(store, work=work)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await hub.asgi(scope, receive, send)
            return
        await receive()
        async with hub:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    return app


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("bare", "hub"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--store", default="sqlite:///bench.db")
    parser.add_argument("--work", action="store_true")
    given = parser.parse_args()
    app = bare() if given.what == "bare" else hooked(given.store, work=given.work)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=given.port, log_level="warning", access_log=False, lifespan="on"
    )
    profile = os.environ.get("BENCH_PROFILE")
    if profile:
        import cProfile

        cProfile.runctx("uvicorn.Server(config).run()", globals(), locals(), profile)
    else:
        uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
