"""Sending a text through the runner (limit, sign, send, read, receipt) beside a bare httpx client that only posts.

CPU time of this process; the platform is another one. The floor for many callers is one caller of the same runner:
httpx itself gets three times as dear with a hundred connections, which the lanes before it prevent.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import anyio
import httpx
from pydantic import JsonValue, SecretStr

from benchmarks.answering import answering
from omnichannel.channel import (
    Account,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    Flow,
    HttpRequest,
    Part,
    RateLimit,
    Receipt,
    Token,
)
from omnichannel.model.content import Text
from omnichannel.runtime.clock import SystemClock
from omnichannel.runtime.http import HttpxTransport
from omnichannel.runtime.ids import RandomIds
from omnichannel.runtime.limits import Limiter
from omnichannel.runtime.runner import Runner
from omnichannel.runtime.tokens import TokenVault

ROUNDS = 9
SENDS = 400
CALLERS = 100
OVER_CLIENT_US = 40.0
MANY_CALLERS = 1.3
PART = Part(key="k", to="+16505551234", content=Text("Does it come in another color?"))
WIDE = timedelta(seconds=1)


class BenchAccount(Account):
    """Where the platform of this run is."""

    url: str = ""
    token: SecretStr = SecretStr("t")


class BenchChannel(Channel[BenchAccount]):
    """What a plain adapter does to send a text."""

    adapter = "bench"
    channel = "bench"
    surfaces: ClassVar[dict[str, Capabilities]] = {
        "dm": Capabilities(
            text_limit=4096,
            rates=(
                RateLimit(level="account", count=1_000_000, per=WIDE),
                RateLimit(level="pair", count=1_000_000, per=WIDE),
            ),
        )
    }

    def parse(self, envelope: Envelope) -> tuple[ChannelEvent, ...]:
        """Nothing comes in."""
        return ()

    def send(self, part: Part) -> Flow[Receipt]:
        """One request."""
        text: JsonValue = {"body": part.text}
        body: JsonValue = {"messaging_product": "whatsapp", "to": part.to, "type": "text", "text": text}
        data = yield from self.call(HttpRequest(method="POST", url=self.account.url, body=body))
        return Receipt((self.require(data, "messages", 0, "id"),))

    def sign(self, request: HttpRequest, token: Token | None, now: datetime, nonce: str) -> HttpRequest:
        """A bearer token."""
        return replace(request, headers={"authorization": f"Bearer {self.account.token.get_secret_value()}"})


class NoRows:
    """No tokens are kept."""

    async def load(self, account: str) -> None:
        """None."""

    async def save(self, account: str, token: Token, *, expect: int) -> bool:
        """Nothing."""
        return False


async def per_send(send: Callable[[], Awaitable[None]], callers: int) -> float:
    """CPU microseconds of one send."""

    async def one() -> None:
        for _ in range(max(1, SENDS // callers)):
            await send()

    began = time.process_time()
    async with anyio.create_task_group() as tasks:
        for _ in range(callers):
            tasks.start_soon(one)
    return (time.process_time() - began) / (max(1, SENDS // callers) * callers) * 1e6


async def measure(base: str) -> list[dict[str, Any]]:
    """Client, one caller and many callers in turns."""
    url = f"{base}/v24.0/106540352242922/messages"
    channel = BenchChannel(BenchAccount(id="bench", url=url))
    clock = SystemClock()
    transport = HttpxTransport()
    runner = Runner(
        transport=transport,
        clock=clock,
        limiter=Limiter(clock),
        tokens=TokenVault(NoRows(), clock),
        ids=RandomIds(clock),
    )
    floors, ones, many = list[float](), list[float](), list[float]()
    async with httpx.AsyncClient(trust_env=False, headers={"authorization": "Bearer t"}) as client:

        async def bare() -> None:
            body = {"messaging_product": "whatsapp", "to": PART.to, "type": "text", "text": {"body": PART.text}}
            answer = await client.post(url, json=body)
            assert answer.json()["messages"][0]["id"] == "wamid.1"

        async def unit() -> None:
            assert await runner.run(channel, channel.send(PART), pair=PART.to) == Receipt(("wamid.1",))

        await bare()
        await unit()
        for _ in range(ROUNDS):
            floors.append(await per_send(bare, 1))
            ones.append(await per_send(unit, 1))
            many.append(await per_send(unit, CALLERS))
    await transport.aclose()
    client_us, one_us = statistics.median(floors), statistics.median(ones)
    return [
        result(
            "send a text: runner beside a bare httpx client", floors, ones, client_us + OVER_CLIENT_US, "client + 40 us"
        ),
        result(f"send a text: {CALLERS} callers beside one", ones, many, one_us * MANY_CALLERS, f"{MANY_CALLERS} x"),
    ]


def result(name: str, floors: list[float], units: list[float], most: float, budget: str) -> dict[str, Any]:
    """A measurement as the table wants it."""
    floor_us, unit_us = statistics.median(floors), statistics.median(units)
    return {
        "name": name,
        "floor_us": round(floor_us, 1),
        "unit_us": round(unit_us, 1),
        "spread_us": [round(min(units), 1), round(max(units), 1)],
        "ratio": round(unit_us / floor_us, 2),
        "budget": budget,
        "ok": unit_us <= most,
    }


def run() -> list[dict[str, Any]]:
    """Starts the platform and measures."""
    with answering() as base:
        return anyio.run(measure, base)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
