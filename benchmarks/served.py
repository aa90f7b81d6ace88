"""The servers that are measured, each in a process of its own: a hub, workers, and the least a web server can do.

`python -m benchmarks.served hub --store sqlite:///x.db` prints its port and ends with its standard input; with
`--work` it handles what it gets, too. `worker` does only that.
"""

from __future__ import annotations

import argparse
import hmac
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.to_thread
import orjson
import psutil
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.loadgen import PHONE_NUMBER_ID, SECRET
from omnichannel import Handlers, Hub, Turn
from omnichannel.adapters.whatsapp import WhatsAppAccount
from omnichannel.runtime.process import collect_seldom, loop_options


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


def desk(store: str, *, work: bool) -> Hub:
    """A hub with one WhatsApp number and a handler that looks at what was said."""
    handlers = Handlers()

    @handlers.on_message()
    async def handle(turn: Turn) -> None:
        if not turn.message.text:
            raise ValueError("nothing was said")

    secrets = (SecretStr(SECRET),)
    account = WhatsAppAccount(id="wa", phone_number_id=PHONE_NUMBER_ID, app_secret=secrets, token=SecretStr("t"))
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


def serve(app: Any) -> None:
    """An app on a free port, which is said on the standard output, until the standard input ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on")
        server = uvicorn.Server(config)
        print(listening.getsockname()[1], flush=True)
        threading.Thread(target=_end_with_input, args=(server,), daemon=True).start()
        server.run([listening])


def _end_with_input(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


def work(store: str) -> None:
    """Workers alone, as `omnichannel worker` runs them, until the standard input ends."""
    collect_seldom()

    async def run() -> None:
        async with desk(store, work=True):
            print(0, flush=True)
            await anyio.to_thread.run_sync(sys.stdin.read)

    anyio.run(run, backend_options=loop_options())


@dataclass
class Running:
    """A server in a process of its own."""

    process: psutil.Process
    port: int

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def running(*what: str) -> Iterator[Running]:
    """A server as long as the block lasts: `running("hub", "--store", url)`."""
    command = [sys.executable, "-m", "benchmarks.served", *what]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Running(psutil.Process(process.pid), int(process.stdout.readline()))
        process.stdin.close()


def load(port: int, requests: int, first: int = 0, connections: int = 64, customers: int = 500) -> dict[str, Any]:
    """What a load generator in a process of its own has measured."""
    command = [sys.executable, "-m", "benchmarks.loadgen", "--port", str(port), "--requests", str(requests)]
    command += ["--first", str(first), "--connections", str(connections), "--customers", str(customers)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert found["statuses"] == {"200": requests}, found
    return found


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("bare", "hub", "worker"))
    parser.add_argument("--store", default="sqlite:///bench.db")
    parser.add_argument("--work", action="store_true")
    given = parser.parse_args()
    if given.what == "worker":
        work(given.store)
    else:
        serve(bare() if given.what == "bare" else hooked(given.store, work=given.work))


if __name__ == "__main__":
    main()
