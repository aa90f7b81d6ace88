"""A load generator in a process of its own: signed WhatsApp texts over raw HTTP/1.1 keep-alive connections.

It knows nothing of omnichannel. Everything is made before the clock starts; what is measured is how long the server
took to answer. `python -m benchmarks.loadgen --port 8000 --path /wa` prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

SECRET = "0123456789abcdef0123456789abcdef"
PHONE_NUMBER_ID = "106540352242922"
TEXT = "Does it come in another color?"


def body(number: int, customers: int) -> bytes:
    """A webhook with one text: message `number` of one of so many customers."""
    digits = f"1650{number % customers:07d}"
    message = {
        "from": digits,
        "from_user_id": f"US.{digits}",
        "id": f"wamid.HBgL{number:020d}",
        "timestamp": str(1_749_416_383 + number // 100),
        "type": "text",
        "text": {"body": f"{TEXT} ({number})"},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": PHONE_NUMBER_ID},
        "contacts": [{"profile": {"name": "Ann Example"}, "wa_id": digits, "user_id": f"US.{digits}"}],
        "messages": [message],
    }
    entry = [{"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]}]
    return json.dumps({"object": "whatsapp_business_account", "entry": entry}, separators=(",", ":")).encode()


def request(content: bytes, path: str) -> bytes:
    """The bytes of a signed request."""
    signature = hmac.new(SECRET.encode(), content, "sha256").hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nuser-agent: facebookexternalua\r\n"
        f"x-hub-signature-256: sha256={signature}\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Client(asyncio.Protocol):
    """One connection: writes a request, waits for its answer, writes the next."""

    def __init__(self, requests: Iterator[bytes], waits: list[float], statuses: dict[str, int]) -> None:
        self._requests = requests
        self._waits = waits
        self._statuses = statuses
        self._sent = 0.0
        self._buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The first request."""
        self._transport: Any = transport
        self._next()

    def _next(self) -> None:
        content = next(self._requests, None)
        if content is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(content)

    def data_received(self, data: bytes) -> None:
        """An answer, or a piece of one."""
        self._buffer += data
        head, gap, rest = self._buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        self._waits.append(time.perf_counter() - self._sent)
        status = head[9:12].decode()
        self._statuses[status] = self._statuses.get(status, 0) + 1
        self._buffer = rest[length:]
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        if not self.done.done():
            self.done.set_result(None)


async def drive(host: str, port: int, requests: list[bytes], connections: int) -> dict[str, Any]:
    """Sends all requests over so many connections; gives the rate and the waits."""
    waits: list[float] = []
    statuses: dict[str, int] = {}
    source = iter(requests)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    clients: list[Client] = []
    for _ in range(connections):
        _, client = await loop.create_connection(lambda: Client(source, waits, statuses), host, port)
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    seconds = time.perf_counter() - began
    waits.sort()
    return {
        "answers": len(waits),
        "statuses": statuses,
        "seconds": round(seconds, 3),
        "per_second": round(len(waits) / seconds),
        "p50_ms": round(waits[len(waits) // 2] * 1000, 2),
        "p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 2),
        "max_ms": round(waits[-1] * 1000, 2),
    }


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/wa")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--connections", type=int, default=64)
    given = parser.parse_args()
    numbers = range(given.first, given.first + given.requests)
    made = [request(body(number, given.customers), given.path) for number in numbers]
    try:
        import uvloop
    except ImportError:
        run = asyncio.run
    else:
        run = uvloop.run
    print(json.dumps(run(drive(given.host, given.port, made, given.connections))))


if __name__ == "__main__":
    main()
