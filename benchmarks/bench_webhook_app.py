"""The webhook app beside the least ASGI app that verifies the same signature: what the app itself costs a request.

In process, without a socket or a store: the journal is a list. CPU time of one request.
"""

from __future__ import annotations

import hmac
import json
import statistics
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from typing import Any, ClassVar

import anyio
from pydantic import SecretStr

from omnichannel.channel import (
    Accept,
    Account,
    Admission,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    Flow,
    HttpRequest,
    Keys,
    Part,
    Receipt,
    Refuse,
    Secrets,
)
from omnichannel.channel.errors import unsupported
from omnichannel.kit.signatures import hmac_matches
from omnichannel.runtime.clock import SystemClock
from omnichannel.webhooks.app import WebhookApp

ROUNDS = 15
CALLS = 2_000
MOST_US = 60.0
SECRET = "0123456789abcdef0123456789abcdef"
BODY = json.dumps({"entry": [{"changes": [{"value": {"messages": [{"text": {"body": "hello " * 40}}]}}]}]}).encode()
SIGNATURE = "sha256=" + hmac.new(SECRET.encode(), BODY, "sha256").hexdigest()
SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "path": "/wa",
    "raw_path": b"/wa",
    "root_path": "",
    "query_string": b"",
    "headers": [
        (b"host", b"desk.example"),
        (b"content-type", b"application/json"),
        (b"user-agent", b"facebookexternalua"),
        (b"accept", b"*/*"),
        (b"x-hub-signature-256", SIGNATURE.encode()),
        (b"content-length", str(len(BODY)).encode()),
    ],
}


class BenchAccount(Account):
    """The secret."""

    app_secret: Secrets = (SecretStr(SECRET),)


class BenchChannel(Channel[BenchAccount]):
    """Verifies as Meta's webhooks are verified."""

    adapter = "bench_hooks"
    channel = "bench"
    surfaces: ClassVar[dict[str, Capabilities]] = {"dm": Capabilities(text_limit=1)}

    def admit(self, envelope: Envelope, now: datetime, keys: Keys) -> Admission:
        """One HMAC."""
        given = envelope.headers.get("x-hub-signature-256", "")
        if hmac_matches(self.account.app_secret, envelope.content, given, prefix="sha256="):
            return Accept()
        return Refuse("bad signature")

    def parse(self, envelope: Envelope) -> tuple[ChannelEvent, ...]:
        """Not here."""
        return ()

    def send(self, part: Part) -> Flow[Receipt]:
        """Not here."""
        return unsupported("send", self.adapter)


async def never(*given: str | HttpRequest) -> None:
    """No keys and no confirmations."""
    raise AssertionError(given)


async def receive() -> MutableMapping[str, Any]:
    """The whole body at once."""
    return {"type": "http.request", "body": BODY, "more_body": False}


async def floor(scope: Any, receive: Any, send: Any) -> None:
    """Reads, verifies, answers."""
    body = (await receive())["body"]
    given = next(value for name, value in scope["headers"] if name == b"x-hub-signature-256")
    right = hmac.compare_digest(b"sha256=" + hmac.digest(SECRET.encode(), body, "sha256").hex().encode(), given)
    await send({"type": "http.response.start", "status": 200 if right else 401, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def per_call(app: Callable[..., Awaitable[None]], kept: list[Any]) -> float:
    """CPU microseconds of one request; each is answered with 200."""
    statuses: list[int] = []

    async def send(event: MutableMapping[str, Any]) -> None:
        if "status" in event:
            statuses.append(event["status"])

    began = time.process_time()
    for _ in range(CALLS):
        await app(SCOPE, receive, send)
    took = (time.process_time() - began) / CALLS * 1e6
    assert statuses == [200] * CALLS
    kept.clear()
    return took


async def measure() -> dict[str, Any]:
    """Both in turns."""
    kept: list[tuple[str, Envelope]] = []

    async def journal(endpoint: str, envelope: Envelope, /) -> None:
        kept.append((endpoint, envelope))

    doors = {"wa": BenchChannel(BenchAccount(id="wa"))}
    app = WebhookApp(
        doors, journal, SystemClock(), fetch_key=never, confirm=never, public_url="https://desk.example/hooks"
    )
    floors, units = list[float](), list[float]()
    for _ in range(ROUNDS):
        floors.append(await per_call(floor, kept))
        units.append(await per_call(app, kept))
    await app(SCOPE, receive, _nothing)
    assert (kept[0][1].content, kept[0][1].url) == (BODY, "https://desk.example/hooks/wa")
    floor_us, unit_us = statistics.median(floors), statistics.median(units)
    return {
        "name": "webhook app: verify, journal (a list), answer",
        "floor_us": round(floor_us, 1),
        "unit_us": round(unit_us, 1),
        "spread_us": [round(min(units), 1), round(max(units), 1)],
        "ratio": round(unit_us / floor_us, 2),
        "budget": f"{MOST_US:.0f} us",
        "ok": unit_us <= MOST_US,
    }


async def _nothing(event: MutableMapping[str, Any]) -> None: ...


def run() -> dict[str, Any]:
    """Measures."""
    return anyio.run(measure)


if __name__ == "__main__":
    print(json.dumps(run()))
