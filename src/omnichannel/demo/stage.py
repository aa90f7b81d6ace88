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

from omnichannel.channel.base import Account
from omnichannel.channel.wire import HttpRequest, RawBody
from omnichannel.demo.clock import ScaledClock
from omnichannel.demo.hub_process import make_hub
from omnichannel.demo.mail_host import MailHost
from omnichannel.demo.plan import HubPlan, fields_of
from omnichannel.hub.hub import Hub
from omnichannel.registry import account_type
from omnichannel.runtime.http import HttpxTransport
from omnichannel.runtime.transport import TransportError
from omnichannel.testing.simulators.base import Simulator, WebhookRequest
from omnichannel.testing.simulators.mail import AUTHSERV_ID, MailSimulator
from omnichannel.testing.simulators.whatsapp import WhatsAppSimulator
from omnichannel.testing.simulators.x import XSimulator

HOST = "127.0.0.1"
PUMP = 0.01
LOOKS_ALIVE = 90.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """A brand with an account on each platform, named after it."""

    id: str
    name: str
    domain: str
    tier: str = "enterprise"

    def account(self, channel: str) -> str:
        """The id of its account on a channel."""
        return f"{channel}-{self.id}"


@dataclass(slots=True)
class Stage:
    """Everything that a demo needs, running. `pymap` gives each brand's mailbox a server process of its own."""

    brands: list[Brand]
    folder: Path
    database: Path
    start: datetime
    factor: float
    seed: int
    pymap: bool = False
    clock: ScaledClock = field(init=False)
    x: XSimulator = field(init=False)
    whatsapp: WhatsAppSimulator = field(init=False)
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
        self.x = XSimulator(now=self.clock.now, seed=self.seed)
        self.whatsapp = WhatsAppSimulator(now=self.clock.now, seed=self.seed)
        self.mail = MailSimulator(now=self.clock.now, seed=self.seed)
        self.host = MailHost(self.mail, f"demo{self.seed}", free_port(), free_port())
        if self.pymap:
            self.host.pymap_ports = {brand.account("mail"): free_port() for brand in self.brands}

    @property
    def simulators(self) -> dict[str, Simulator]:
        """The platforms by channel."""
        return {"x": self.x, "whatsapp": self.whatsapp, "email": self.mail}

    # -- up and down

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        ports = {"x": free_port(), "whatsapp": free_port(), "hub": free_port()}
        accounts = [account for brand in self.brands for account in self._accounts(brand, ports)]
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
        for name, app in (("x", self.x), ("whatsapp", self.whatsapp)):
            tasks.start_soon(_serve, app, ports[name])
        self._stack.callback(self.kill_hub)
        self.desk = make_hub(self.plan, work=False)
        await self._stack.enter_async_context(self.desk)
        await self.start_hub()
        self._deliver(tasks)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)
        await self._transport.aclose()

    def _accounts(self, brand: Brand, ports: dict[str, int]) -> list[Account]:
        """The brand's three accounts, known to the platforms, with secrets that work there."""
        named = "env:FAKE"
        shared: dict[str, Any] = {"brand": brand.id}
        x = shared | {"id": brand.account("x"), "username": brand.id.replace("-", "_")[:15], "tier": brand.tier}
        x |= {"consumer_secret": named, "token": named, "base_url": f"http://{HOST}:{ports['x']}"}
        index = len(self.whatsapp.accounts)
        whatsapp = shared | {"id": brand.account("wa"), "phone_number_id": f"10{index:010}"}
        whatsapp |= {"display_number": f"+3319999{index:04}", "base_url": f"http://{HOST}:{ports['whatsapp']}"}
        whatsapp |= {"app_secret": named, "verify_token": named, "token": named}
        mail_id = brand.account("mail")
        mail = shared | {"id": mail_id, "name": brand.name, "address": f"care@{brand.domain}"}
        mail |= {"smtp_url": self.host.smtp_url(mail_id), "imap_url": self.host.imap_url(mail_id)}
        mail["authserv_id"] = AUTHSERV_ID
        adopted: list[Account] = [
            self.x.adopt(account_type("x").model_validate(x)),
            self.whatsapp.adopt(account_type("whatsapp").model_validate(whatsapp)),
            self.mail.adopt(account_type("smtp_imap").model_validate(mail)),
        ]
        for simulator, account in zip((self.x, self.whatsapp), adopted, strict=False):
            simulator.connect(account.id, f"http://{HOST}:{ports['hub']}/{account.id}")
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
        for simulator in (self.x, self.whatsapp):
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
            await self.host.deliver_to_pymap()
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
        return len(self.x.webhooks) + len(self.whatsapp.webhooks)


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
