"""Durable sending: a reply that is on disk before the call returns, decided, attempted, sent and settled in rows.

Sixteen conversations are answered at once, over and over, on a platform that answers in no time. The floor is the
same runner on the same platform without a store, so what is left is what durability costs. CPU time of the process.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
from sqlalchemy import func, select

from benchmarks.loadgen import body
from benchmarks.served import desk
from omnichannel.adapters.whatsapp import WhatsAppChannel
from omnichannel.channel import Envelope, HttpRequest, HttpResponse, Part
from omnichannel.hub.ports import Ports
from omnichannel.model.content import Text
from omnichannel.runtime.clock import SystemClock
from omnichannel.runtime.ids import RandomIds
from omnichannel.runtime.limits import Limiter
from omnichannel.runtime.runner import Runner
from omnichannel.stores.schema import conversations, deliveries, receipts

ROUNDS = 5
CALLERS = 16
SENDS = 640
OVER_RUNNER_US = 150.0
TEXT = "Does it come in another color?"


class Instant:
    """A platform that takes everything at once, under a new id."""

    def __init__(self) -> None:
        self.taken = 0

    async def send(self, request: HttpRequest, *, account: str) -> HttpResponse:
        """An id."""
        self.taken += 1
        return HttpResponse(200, content=b'{"messages":[{"id":"wamid.out%d"}]}' % self.taken)

    @asynccontextmanager
    async def stream(self, request: HttpRequest, *, account: str) -> Any:
        """Nothing is fetched here."""
        raise NotImplementedError
        yield

    async def aclose(self) -> None:
        """Nothing to close."""


def without_limits() -> None:
    """The platform's own rates would make this a measurement of waiting."""
    wide = {name: replace(surface, rates=()) for name, surface in WhatsAppChannel.surfaces.items()}
    WhatsAppChannel.surfaces = wide  # type: ignore[misc]


async def measure(path: Path) -> tuple[list[float], list[float]]:
    """Runner alone and the whole outbox, in turns."""
    without_limits()
    platform = Instant()
    hub = desk(f"sqlite:///{path}", work=True)
    hub._ports = Ports(transport=lambda media: platform)
    floors: list[float] = []
    units: list[float] = []
    async with hub:
        places = await greet(hub)
        await whole(hub, places, 1)
        for _ in range(ROUNDS):
            floors.append(await alone(hub))
            units.append(await whole(hub, places, SENDS // CALLERS))
        sent = CALLERS * (1 + ROUNDS * (SENDS // CALLERS))
        found = await hub.core.store.read(
            lambda c: [c.execute(select(func.count()).select_from(one)).scalar() for one in (deliveries, receipts)]
        )
        assert found == [sent, sent], "every reply was sent once, and its receipt is on disk"
    return floors, units


async def greet(hub: Any) -> list[str]:
    """Customers write first; their conversations."""
    now = hub.core.ports.clock.now()
    for number in range(CALLERS):
        content = body(number, CALLERS).replace(b'"1749416383"', b'"%d"' % now.timestamp())  # the window is open
        await hub.core.journal("wa", Envelope(content=content, received_at=now))
    places: list[str] = []
    while len(places) < CALLERS:
        await anyio.sleep(0.02)
        places = await hub.core.store.read(lambda c: list(c.execute(select(conversations.c.id)).scalars()))
    return places


async def alone(hub: Any) -> float:
    """CPU microseconds of a send through the runner."""
    clock = SystemClock()
    runner = Runner(
        transport=hub.core.transport,
        clock=clock,
        limiter=Limiter(clock),
        tokens=hub.core.runner.tokens,
        ids=RandomIds(clock),
    )
    channel = hub.core.doors.channels["wa"]
    part = Part(key="k", to="+16505551234", content=Text(TEXT))

    async def one() -> None:
        for _ in range(SENDS // CALLERS):
            assert (await runner.run(channel, channel.send(part), pair=part.to)).ids

    return await per_send(one, SENDS // CALLERS)


async def whole(hub: Any, places: list[str], each: int) -> float:
    """CPU microseconds of a reply, from the call until it is settled."""
    waiting = list(places)
    before = await hub.core.store.read(arrived)

    async def one() -> None:
        place = waiting.pop()
        for _ in range(each):
            await hub.reply(place, TEXT, agent="user-7")

    async def last() -> None:
        found = before
        while found < before + each * CALLERS:
            await anyio.sleep(0.02)
            found = await hub.core.store.read(arrived)

    return await per_send(one, each, last)


def arrived(connection: Any) -> int:
    """How many sends have a receipt."""
    return int(connection.execute(select(func.count()).select_from(receipts)).scalar())


async def per_send(one: Any, each: int, last: Any = None) -> float:
    """CPU microseconds, with all callers at once, and with what is left to do after them."""
    began = time.process_time()
    async with anyio.create_task_group() as tasks:
        for _ in range(CALLERS):
            tasks.start_soon(one)
    if last is not None:
        await last()
    return (time.process_time() - began) / (each * CALLERS) * 1e6


def run() -> dict[str, Any]:
    """One hub, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        floors, units = anyio.run(measure, Path(folder) / "bench.db")
    floor_us, unit_us = statistics.median(floors), statistics.median(units)
    return {
        "name": f"durable send, {CALLERS} at once, beside the runner alone",
        "floor_us": round(floor_us, 1),
        "unit_us": round(unit_us, 1),
        "spread_us": [round(min(units), 1), round(max(units), 1)],
        "ratio": round(unit_us / floor_us, 2),
        "budget": f"runner + {OVER_RUNNER_US:.0f} us",
        "ok": unit_us <= floor_us + OVER_RUNNER_US,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
