"""The stage of a demo: platforms on their own ports, the hub in its own process, the desk in this one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import uvicorn
from anyio.abc import TaskGroup
from sqlalchemy import Connection, select

from omnichannel.channel.base import Account
from omnichannel.channel.wire import HttpRequest, RawBody
from omnichannel.demo.clock import ScaledClock
from omnichannel.demo.hub_process import make_hub
from omnichannel.demo.mail_host import MailHost
from omnichannel.demo.plan import HubPlan, fields_of
from omnichannel.demo.platforms import PLATFORMS, Brand
from omnichannel.hub.hub import Hub
from omnichannel.hub.sources import kinds_of
from omnichannel.registry import account_type
from omnichannel.runtime.http import HttpxTransport
from omnichannel.runtime.transport import TransportError
from omnichannel.stores.schema import cursors
from omnichannel.testing.simulators.base import Simulator, WebhookRequest
from omnichannel.testing.simulators.mail import MailSimulator

HOST = "127.0.0.1"
PUMP = 0.01
LOOKS_ALIVE = 90.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Stage:
    """Everything that a demo needs, running: the platforms of the table, mail, the hub's process, the desk.

    `catch_up` has the hub also read what platforms
    with webhooks keep, so that nothing is missed while it is down.
    """

    brands: list[Brand]
    folder: Path
    database: Path
    start: datetime
    factor: float
    seed: int
    catch_up: bool = True
    clock: ScaledClock = field(init=False)
    simulators: dict[str, Simulator] = field(init=False)
    mail: MailSimulator = field(init=False)
    host: MailHost = field(init=False)
    desk: Hub = field(init=False)
    plan: HubPlan = field(init=False)
    kills: int = 0
    undelivered: int = 0
    _stack: AsyncExitStack = field(init=False, default_factory=AsyncExitStack)
    _hub: subprocess.Popen[bytes] | None = None
    _transport: HttpxTransport = field(init=False, default_factory=lambda: HttpxTransport(lanes=16))

    def __post_init__(self) -> None:
        self.clock = ScaledClock(start=self.start, zero=time.time(), factor=self.factor)
        made = {name: one.simulator(now=self.clock.now, seed=self.seed) for name, one in PLATFORMS.items()}
        (self.mail,) = (one for one in made.values() if isinstance(one, MailSimulator))
        self.simulators = made
        self.host = MailHost(self.mail, f"demo{self.seed}", free_port(), free_port())

    @property
    def by_http(self) -> dict[str, Simulator]:
        """The platforms that are called by HTTP, and call us."""
        return {name: one for name, one in self.simulators.items() if PLATFORMS[name].by_http}

    # -- up and down

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        try:
            await self._begin()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._stack.aclose()
            raise
        return self

    async def _begin(self) -> None:
        ports = {name: free_port() for name in (*self.by_http, "hub")}
        accounts = [
            self._account(channel, brand, index, ports)
            for index, brand in enumerate(self.brands)
            for channel in self.simulators
            if channel not in brand.missing
        ]
        self.plan = HubPlan(
            database=str(self.database),
            port=ports["hub"],
            start=self.clock.start,
            zero=self.clock.zero,
            factor=self.factor,
            brands={brand.id: brand.name for brand in self.brands},
            accounts=[fields_of(account) for account in accounts],
        )
        self.plan.save(self.folder / "plan.json")
        await self.host.start(self._stack)
        tasks = await self._stack.enter_async_context(anyio.create_task_group())
        self._stack.callback(tasks.cancel_scope.cancel)
        for name, app in self.by_http.items():
            tasks.start_soon(_serve, app, ports[name])
        self._stack.callback(self.kill_hub)
        self.desk = make_hub(self.plan, work=False)
        await self._stack.enter_async_context(self.desk)
        await self.start_hub()
        await self._sources_begin()
        self._deliver(tasks)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)
        await self._transport.aclose()

    def _account(self, channel: str, brand: Brand, index: int, ports: dict[str, int]) -> Account:
        """A brand's account, known to its platform, with secrets that work there."""
        platform, simulator = PLATFORMS[channel], self.simulators[channel]
        account_id = brand.account(channel)
        given: dict[str, Any] = {"id": account_id, "brand": brand.id}
        if platform.by_http:
            given |= platform.settings(brand, index, f"http://{HOST}:{ports[channel]}")
        else:
            given |= platform.settings(brand, index, "")
            given |= {"smtp_url": self.host.smtp_url(account_id), "imap_url": self.host.imap_url(account_id)}
        if platform.webhooks and not self.catch_up:
            given["sources"] = []
        adopted = simulator.adopt(account_type(simulator.adapter).model_validate(given))
        if platform.webhooks:
            simulator.connect(account_id, f"http://{HOST}:{ports['hub']}/{account_id}")
        return adopted

    # -- the hub's process

    async def start_hub(self) -> None:
        """Starts the hub's process and waits until it answers."""
        plan = str(self.folder / "plan.json")
        self._hub = _spawn(plan, self.folder / "hub.log")
        with anyio.fail_after(LOOKS_ALIVE):
            while not await self._answers():
                if self._hub.poll() is not None:
                    said = (self.folder / "hub.log").read_text("utf-8", "replace")[-2000:]
                    raise RuntimeError(f"the hub's process ended with {self._hub.returncode}:\n{said}")
                await anyio.sleep(0.05)

    async def _sources_begin(self) -> None:
        """Waits until the hub has been wherever nobody calls it: it begins with what comes after."""
        known = self.desk.core.doors.channels.values()
        channels = [one for one in known if not PLATFORMS[one.channel].webhooks]
        wanted = {f"{kind}:{one.account.id}" for one in channels for kind in kinds_of(one)}
        with anyio.fail_after(LOOKS_ALIVE):
            while True:
                if wanted <= await self.desk.core.store.read(_begun):
                    return
                await anyio.sleep(0.05)

    async def _answers(self) -> bool:
        try:
            stream = await anyio.connect_tcp(HOST, self.plan.port)
        except OSError:
            return False
        await stream.aclose()
        return True

    def kill_hub(self) -> None:
        """SIGKILL: no goodbye, nothing flushed."""
        if self._hub is not None and self._hub.poll() is None:
            os.kill(self._hub.pid, signal.SIGKILL)
            self._hub.wait()
            self.kills += 1

    # -- deliveries

    def _deliver(self, tasks: TaskGroup) -> None:
        for simulator in self.by_http.values():
            simulator.webhooks.side_by_side = True
            tasks.start_soon(self._pump, simulator)
        tasks.start_soon(self._pump_mail)

    async def _pump(self, simulator: Simulator) -> None:
        while True:
            await simulator.deliver_due(self._post)
            await anyio.sleep(PUMP)

    async def _pump_mail(self) -> None:
        while True:
            self.mail.arrive()
            await anyio.sleep(PUMP)

    async def _post(self, request: WebhookRequest) -> int:
        headers = dict(request.headers)
        kind = headers.pop("content-type", "application/json")
        url = request.url
        sent = HttpRequest(
            method="POST" if request.method == "POST" else "GET",
            url=url,
            headers=headers,
            body=RawBody(content=request.body, media_type=kind) if request.method == "POST" else None,
            timeout=timedelta(seconds=10),
        )
        try:
            answer = await self._transport.send(sent, account="platform")
        except TransportError:
            self.undelivered += 1
            return 0
        return answer.status

    def backlog(self) -> int:
        """How many webhooks still wait to be delivered."""
        return sum(len(one.webhooks) for one in self.by_http.values())


def _begun(connection: Connection) -> set[str]:
    return set(connection.execute(select(cursors.c.source)).scalars())


def _spawn(plan: str, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "omnichannel.demo.hub_process", plan]
    with log.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file)  # noqa: S603 - our own module


class _Quiet(uvicorn.Server):
    """A server that leaves signals to whoever runs it: there are several here."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Captures none."""
        yield


async def _serve(app: Any, port: int) -> None:
    """Serves a platform until cancelled; what it shows of a broken request is its own affair."""
    config = uvicorn.Config(app, host=HOST, port=port, log_level="critical", lifespan="off")
    await _Quiet(config).serve()
