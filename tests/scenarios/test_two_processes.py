"""Two processes on one store: whoever takes a webhook, each message is handled once, and in order."""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from omnichannel import Handlers, Hub, Turn
from omnichannel.hub.ports import Ports
from omnichannel.hub.settings import HubSettings
from omnichannel.model.exceptions import StoreError
from omnichannel.runtime.clock import SystemClock
from omnichannel.stores.blobs import MemoryBlobs
from omnichannel.stores.sql import SqlStore
from omnichannel.testing.asgi import InProcessTransport, post_webhook
from omnichannel.testing.simulators.base import WebhookRequest
from omnichannel.testing.simulators.whatsapp import WhatsAppSimulator
from tests.postgres import Server
from tests.scenarios.support import accounts, column, handle, schema

URL = "https://desk.example/hooks"
PEOPLE, EACH = 6, 5
OUT = {"accepted", "sent", "delivered", "replied"}


class Handled:
    """What handlers saw, by conversation, in the order in which they saw it; and whether two ever ran at once."""

    def __init__(self) -> None:
        self.seen: dict[str, list[str]] = defaultdict(list)
        self.running: set[str] = set()
        self.overlaps = 0
        self.by: set[int] = set()

    def handlers(self, process: int) -> Handlers:
        made = Handlers()

        @made.on_message
        async def answer(turn: Turn) -> None:
            place = turn.conversation.id
            self.overlaps += place in self.running
            self.running.add(place)
            self.by.add(process)
            await anyio.sleep(0.002)
            self.seen[place].append(turn.message.text)
            self.running.discard(place)
            await turn.reply(f"You said: {turn.message.text}")

        return made


def process(
    number: int, url: str, simulator: WhatsAppSimulator, handled: Handled, settings: HubSettings, work: bool = True
) -> Hub:
    """A hub on the store, as a process of its own would be."""
    ports = Ports(
        clock=SystemClock(),
        store=SqlStore(url, durable=False),
        blobs=MemoryBlobs(),
        transport=lambda media: InProcessTransport([simulator], media=media),
        environ={},
    )
    return Hub(handlers=handled.handlers(number), work=work).replica(settings, ports, work=work)


async def test_two_processes_on_one_store(store_url: str, seed: int) -> None:
    simulator = WhatsAppSimulator(now=SystemClock().now, seed=seed, read_receipts=False)
    adopted = simulator.adopt(accounts("whatsapp")[0])
    simulator.connect("wa", f"{URL}/wa")
    settings = HubSettings(accounts=[adopted], public_url=URL)
    handled = Handled()
    names = [f"Person{number}" for number in range(PEOPLE)]
    for name in names:
        simulator.customer(name, handle(name, "whatsapp"))
    async with AsyncExitStack() as stack:
        hubs = [
            await stack.enter_async_context(process(number, store_url, simulator, handled, settings))
            for number in range(2)
        ]
        turn = 0

        async def post(request: WebhookRequest) -> int:
            nonlocal turn
            turn += 1
            status, _ = await post_webhook(hubs[turn % 2].asgi, request, root_path="/hooks")
            return status

        for number in range(EACH):
            for name in names:
                simulator.says(handle(name, "whatsapp"), f"message {number}")
            await simulator.deliver_due(post)
        with anyio.fail_after(40):
            while sum(len(simulator.seen(handle(name, "whatsapp"))) for name in names) < PEOPLE * EACH:
                await hubs[0].core.ports.engine.wait(0.01)
            while set(await column(hubs[0], schema.deliveries.c.state)) - OUT:
                await hubs[0].core.ports.engine.wait(0.01)
        wanted = [f"message {number}" for number in range(EACH)]
        assert sorted(handled.seen.values()) == [wanted] * PEOPLE
        assert handled.overlaps == 0
        for name in names:
            shown = [seen.text for seen in simulator.seen(handle(name, "whatsapp"))]
            assert shown == [f"You said: {text}" for text in wanted]
        # Each delivery was attempted once, and the same row was never worked on by both.
        assert len(await column(hubs[1], schema.attempts.c.seq)) == PEOPLE * EACH
        assert await column(hubs[1], schema.events.c.error, schema.events.c.state != "done") == []


async def test_a_worker_need_not_wait_for_its_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """One process takes webhooks, another one works: on SQLite it notices what the first has committed."""
    for waits in ("omnichannel.runtime.worker.SWEEP", "omnichannel.hub.following.SWEEP"):
        monkeypatch.setattr(waits, 3600.0)
    simulator = WhatsAppSimulator(now=SystemClock().now, seed=seed, read_receipts=False)
    adopted = simulator.adopt(accounts("whatsapp")[0])
    simulator.connect("wa", f"{URL}/wa")
    settings = HubSettings(accounts=[adopted], public_url=URL)
    handled, ann, url = Handled(), handle("Ann", "whatsapp"), f"sqlite:///{tmp_path / 'desk.db'}"
    simulator.customer("Ann", ann)
    async with (
        process(0, url, simulator, handled, settings, work=False) as web,
        process(1, url, simulator, handled, settings),
    ):

        async def post(request: WebhookRequest) -> int:
            return (await post_webhook(web.asgi, request, root_path="/hooks"))[0]

        news = web.events(after=0, types=["delivery.updated"])
        for number, text in enumerate(("one", "two"), 1):
            simulator.says(ann, text)
            await simulator.deliver_due(post)
            with anyio.fail_after(30):
                while len(simulator.seen(ann)) < number:
                    await anext(news)
    assert handled.by == {1}


async def test_one_ends_and_the_other_goes_on(store_url: str, seed: int) -> None:
    """The first process closes in an orderly way: its lanes are free at once."""
    simulator = WhatsAppSimulator(now=SystemClock().now, seed=seed, read_receipts=False)
    adopted = simulator.adopt(accounts("whatsapp")[0])
    simulator.connect("wa", f"{URL}/wa")
    settings = HubSettings(accounts=[adopted], public_url=URL)
    handled = Handled()
    ann = handle("Ann", "whatsapp")
    simulator.customer("Ann", ann)

    async def says(hub: Hub, text: str, count: int) -> None:
        async def post(request: WebhookRequest) -> int:
            status, _ = await post_webhook(hub.asgi, request, root_path="/hooks")
            return status

        simulator.says(ann, text)
        await simulator.deliver_due(post)
        with anyio.fail_after(15):
            while len(simulator.seen(ann)) < count:
                await hub.core.ports.engine.wait(0.01)

    async with process(1, store_url, simulator, handled, settings) as second:
        async with process(0, store_url, simulator, handled, settings) as first:
            await says(first, "one", 1)
        await says(second, "two", 2)
    assert [seen.text for seen in simulator.seen(ann)] == ["You said: one", "You said: two"]
    assert handled.overlaps == 0


async def test_connections_that_end_again_and_again(postgres: Server, postgres_url: str, seed: int) -> None:
    """Whatever the server was asked when it went away is asked again, and no message is lost or answered twice."""
    simulator = WhatsAppSimulator(now=SystemClock().now, seed=seed, read_receipts=False)
    adopted = simulator.adopt(accounts("whatsapp")[0])
    simulator.connect("wa", f"{URL}/wa")
    settings = HubSettings(accounts=[adopted], public_url=URL)
    handled, asked, posted = Handled(), Handlers(), anyio.Event()
    names = [f"Person{number}" for number in range(PEOPLE)]
    for name in names:
        simulator.customer(name, handle(name, "whatsapp"))

    @asked.on_message
    async def answer(turn: Turn) -> None:
        handled.seen[turn.conversation.id].append(turn.message.text)
        await posted.wait()
        if len(handled.seen[turn.conversation.id]) == 1:
            await anyio.to_thread.run_sync(postgres.end_connections, postgres_url)
        await turn.reply(f"You said: {turn.message.text}")

    ports = Ports(
        clock=SystemClock(),
        store=SqlStore(postgres_url, durable=False),
        blobs=MemoryBlobs(),
        transport=lambda media: InProcessTransport([simulator], media=media),
        environ={},
    )
    async with Hub(handlers=asked, work=True).replica(settings, ports, work=True) as hub:

        async def post(request: WebhookRequest) -> int:
            status, _ = await post_webhook(hub.asgi, request, root_path="/hooks")
            return status

        for name in names:
            simulator.says(handle(name, "whatsapp"), "one")
        await simulator.deliver_due(post)
        posted.set()
        with anyio.fail_after(40):
            while not await settled(hub, PEOPLE):
                await hub.core.ports.engine.wait(0.05)
                await simulator.deliver_due(post)  # where an answer was lost all the same, its status tells
        for name in names:
            assert [seen.text for seen in simulator.seen(handle(name, "whatsapp"))] == ["You said: one"]
        assert len(handled.seen) == PEOPLE


async def settled(hub: Hub, messages: int) -> bool:
    """Whether so many messages were handled and answered, and nothing is under way."""
    try:
        states = await column(hub, schema.events.c.state, schema.events.c.kind == "message_received")
        out = await column(hub, schema.deliveries.c.state)
    except StoreError:  # the connection that was asked had its turn to end
        return False
    return states == ["done"] * messages and len(out) == messages and not set(out) - OUT
