"""A world of simulated platforms and customers, in which a hub of yours lives for the length of a test.

Nothing waits for real and nothing runs by itself: what somebody says is carried through, platforms, handlers and
answers, before the call returns. A seed makes a run repeatable.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any, cast

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from omnichannel.channel.base import Account, Channel, SourceKind
from omnichannel.channel.wire import Batch
from omnichannel.hub.hub import Hub
from omnichannel.hub.office import refresh
from omnichannel.hub.ports import Ports
from omnichannel.hub.settings import HubSettings
from omnichannel.hub.sources import kinds_of, poll, read
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.registry import channel_class_for
from omnichannel.runtime.transport import Mailer, MediaSource, Transport
from omnichannel.stores import journal
from omnichannel.stores.blobs import MemoryBlobs
from omnichannel.stores.sql import SqlStore
from omnichannel.sync import Client
from omnichannel.testing.asgi import InProcessTransport, post_webhook
from omnichannel.testing.clock import START, FakeClock
from omnichannel.testing.ids import SeededIds
from omnichannel.testing.people import Person
from omnichannel.testing.simulators.base import Simulator, WebhookRequest, WithdrawalMode
from omnichannel.testing.template_store import TemplateStore

SIMULATORS: Mapping[str, str] = {
    "mastodon": "omnichannel.testing.simulators.mastodon:MastodonSimulator",
    "messenger": "omnichannel.testing.simulators.messenger:MessengerSimulator",
    "smtp_imap": "omnichannel.testing.simulators.mail:MailSimulator",
    "twilio_sms": "omnichannel.testing.simulators.twilio_sms:TwilioSmsSimulator",
    "whatsapp": "omnichannel.testing.simulators.whatsapp:WhatsAppSimulator",
    "x": "omnichannel.testing.simulators.x:XSimulator",
}
ADAPTERS: Mapping[str, str] = {"email": "smtp_imap", "sms": "twilio_sms"}
"""By which adapter a channel is simulated where they have different names."""
OURSELVES = frozenset({"console", "link_only"})
"""Adapters behind which there is no platform."""
PUBLIC_URL = "https://desk.example/hooks"
ROUNDS = 10_000
DRAINS = 1_000
TURNS = 400
EXCHANGE = 40
SWEEP = timedelta(seconds=5)
LATE = 1_000


def _goes_on(step: str) -> None:
    """Nothing ends the process."""


class World:
    """Platforms, customers, a clock. `seed` decides everything that is drawn.

    With a `store` that outlives a run (`sqlite:///desk.db`), a second `run` is the restarted process of the first: the
    platforms, the accounts and the clock are the same. `crash` is called at each step of the outbox (`before`,
    `started`, `answered`, `settled`); what it raises ends the process there.
    """

    def __init__(self, *, seed: int = 0, start: datetime = START, store: str | None = None) -> None:
        self.seed = seed
        self.clock = FakeClock(start)
        self.simulators: dict[str, Simulator] = {}
        self.people: list[Person] = []
        self.crash: Callable[[str], None] = _goes_on
        self._ids = SeededIds(seed, self.clock)
        self._adopted: dict[str, Account] = {}
        self._store = store
        self.transport: Callable[[MediaSource], Transport] = self._in_process
        self._live: Hub | None = None
        self._shared = False
        self._polled: dict[str, int] = {}

    # -- set-up

    def simulator(self, name: str) -> Simulator:
        """The simulator of an adapter, or of a channel. Raises `ConfigurationError`."""
        for simulator in self.simulators.values():
            if name in (simulator.adapter, simulator.channel):
                return simulator
        target = SIMULATORS.get(ADAPTERS.get(name, name))
        if target is None:
            raise ConfigurationError(f"there is no simulator for {name!r}; there are: {', '.join(SIMULATORS)}")
        module, _, attribute = target.partition(":")
        made: Simulator = getattr(import_module(module), attribute)(now=self.clock.now, seed=self.seed)
        self.simulators[made.adapter] = made
        return made

    def customer(self, name: str, *, language: str = "en", country: str | None = None, **addresses: str) -> Person:
        """A person, with a handle on each channel: `world.customer("Ann", x="@ann", whatsapp="+33612345678")`."""
        person = Person(self, name=name, language=language, country=country, handles=addresses)
        self.people.append(person)
        for channel in addresses:
            self._introduce(person, channel)
        return person

    def _introduce(self, person: Person, channel: str) -> None:
        simulator = self.simulator(channel)
        simulator.customer(person.name, person.handles[channel], language=person.language, country=person.country)

    @asynccontextmanager
    async def run(self, hub: Hub, *, sources: bool = True) -> AsyncGenerator[Hub]:
        """The hub's accounts, handlers and rules on simulators: fake secrets, fake clock, a store of its own.

        Gives the hub to use inside; the one given is left alone.
        """
        live = hub.replica(self._settings(hub.settings), self._ports(hub.settings))
        error: Exception | None = None
        async with live:
            self._live = live
            await self._connect(live)
            async with anyio.create_task_group() as group:
                if sources:
                    await self._begin_reading(live, group)
                await self.settle()
                # What a test raises is raised again outside: the task group would put it into a group.
                try:
                    yield live
                except Exception as raised:
                    error = raised
                finally:
                    self._live = None
                    self._polled.clear()
                    group.cancel_scope.cancel()
        if error is not None:
            raise error

    def client(self, client: Client) -> Client:
        """Your client on the hub that runs in this world: what it writes, `settle` sends. The one given is left alone.
        Raises `ConfigurationError` outside `run`."""
        core = self.live.core
        ports = Ports(clock=self.clock, ids=self._ids, store=core.store, blobs=core.blobs, environ={})
        self._shared = True
        return client.replica(self._settings(client.settings), ports)

    async def _begin_reading(self, live: Hub, group: TaskGroup) -> None:
        """Sessions and streams stay open; polls are made when there is something to read, see `_poll`."""
        for channel in live.core.doors.channels.values():
            for kind in kinds_of(channel):
                if kind == "poll":
                    self._polled[channel.account.id] = -1
                    continue
                group.start_soon(self._keep_reading, live, channel, kind)
                if kind == "session":
                    await self._connected(live, channel)
        await _pause(EXCHANGE)

    async def _keep_reading(self, live: Hub, channel: Channel[Any], kind: SourceKind) -> None:
        """One process reads: nobody to share it with, and no lease to renew while days pass."""
        while True:
            await read(live.core, channel, kind)

    async def _poll(self) -> int:
        """Polls where the platform has news, after the streams had their chance: what they brought is found again
        under the same keys. Gives how much was found; what is refused is asked for the next time."""
        found = 0
        for account_id, seen in list(self._polled.items()):
            channel = self.live.core.doors.channels[account_id]
            news = self.simulators[channel.adapter].news[account_id]
            if news == seen:
                continue
            await _pause(EXCHANGE)
            batch = await poll(self.live.core, channel)
            if isinstance(batch, Batch):
                self._polled[account_id] = -1 if batch.more else news
                found += len(batch.envelopes)
        return found

    async def _connected(self, live: Hub, channel: Channel[Any]) -> None:
        """A mailbox is read from where it stands when its first session begins: mail that comes later is new."""
        source = f"session:{channel.account.id}"
        for _ in range(TURNS):
            if await live.core.store.read(partial(journal.cursor, source=source)) is not None:
                return
            await _pause()

    def _settings(self, settings: HubSettings) -> HubSettings:
        accounts = [self._adopt(account) for account in settings.accounts]
        return replace(settings, accounts=tuple(accounts), public_url=PUBLIC_URL, migrate="auto")

    def _adopt(self, account: Account) -> Account:
        """The account as the platform knows it: registered once, however often the process starts."""
        adapter = channel_class_for(account).adapter
        if adapter in OURSELVES:
            return account
        if account.id not in self._adopted:
            self._adopted[account.id] = self.simulator(adapter).adopt(account)
        return self._adopted[account.id]

    def _ports(self, settings: HubSettings) -> Ports:
        mail = self.simulators.get("smtp_imap")
        connect = getattr(mail, "dial", None)
        return Ports(
            clock=self.clock,
            ids=self._ids,
            store=self._new_store(),
            blobs=MemoryBlobs(),
            transport=self.transport,
            mailer=None if mail is None else lambda media: _with_media(mail, media),
            connect=connect,
            allow=[f"https://{host}" for simulator in self.simulators.values() for host in simulator.hosts],
            environ={},
            random=random.Random(self.seed),  # noqa: S311 - repeatable, not secret
            crash=lambda step: self.crash(step),
            rest=self._rest,
        )

    def _in_process(self, media: MediaSource) -> Transport:
        return InProcessTransport(self.simulators.values(), media=media)

    def _new_store(self) -> SqlStore:
        if self._store is None:
            return TemplateStore("sqlite://", threads=False, durable=False)
        return SqlStore(self._store, threads=False, durable=False)

    async def _connect(self, live: Hub) -> None:
        for channel in live.core.doors.channels.values():
            simulator = self.simulators.get(channel.adapter)
            if simulator is not None:
                endpoint = live.core.doors.infos[channel.account.id].endpoint
                simulator.connect(channel.account.id, f"{PUBLIC_URL}/{endpoint}")

    @property
    def is_running(self) -> bool:
        """Whether a hub runs in this world."""
        return self._live is not None

    @property
    def live(self) -> Hub:
        """The hub that runs in this world. Raises `ConfigurationError` outside `run`."""
        if self._live is None:
            raise ConfigurationError("nothing runs in this world: use it inside `async with world.run(hub):`")
        return self._live

    # -- time

    def now(self) -> datetime:
        """The world's time."""
        return self.clock.now()

    async def advance(self, by: timedelta) -> None:
        """Lets time pass, and everything that is due in it happen at its time."""
        until = self.clock.now() + by
        await self.settle()
        late = 0
        while (due := await self._next_due()) is not None and due <= until:
            # What was due and is not done belongs to a process that has died, until its lease ends: look again soon.
            late = late + 1 if due <= self.clock.now() else 0
            if late > LATE:
                raise RuntimeError("something is due, and nobody ever does it")
            await self._jump(min(until, due if not late else self.clock.now() + SWEEP))
            if self.clock.now() >= until:
                return
        await self._jump(until)

    async def _jump(self, until: datetime) -> None:
        """A mailbox's session that would have kept itself alive meanwhile does so now, before anything else."""
        slept = self.clock.next_wake()
        await self.clock.jump_to(until)
        if slept is not None and slept <= until:
            await _pause(EXCHANGE)
        await self.settle()

    async def _next_due(self) -> datetime | None:
        times = [simulator.next_due() for simulator in self.simulators.values()]
        times.append(await self.live.core.worker.next_due())
        now = self.clock.now()
        return min((max(at, now) for at in times if at is not None), default=None)

    async def settle(self) -> None:
        """Until nothing is due any more: webhooks delivered, messages handled, answers out, and their receipts in."""
        if self._live is None:
            return
        if self._shared:  # a hub notices within a moment of the wall clock what others changed; here at once
            await self.live.core.run(refresh(self.live.core.office))
        for _ in range(ROUNDS):
            done = 0
            for simulator in list(self.simulators.values()):
                done += await simulator.deliver_due(partial(self._post, simulator))
            done += await self._read_mail()
            done += await self._poll()
            done += await self.live.core.worker.drain(DRAINS)
            if done == 0:
                return
        raise RuntimeError(f"still not at rest after {ROUNDS} rounds: something makes itself due again and again")

    async def _post(self, simulator: Simulator, request: WebhookRequest) -> int:
        status, body = await post_webhook(self.live.asgi, request, root_path="/hooks")
        simulator.responded(request, status, body)
        return status

    async def _rest(self, seconds: float) -> None:
        """While a platform waits for our response nobody else does anything: what is due is done, and if that is
        nothing, time passes."""
        if not await self.live.core.worker.drain(DRAINS):
            await self.clock.jump_to(self.clock.now() + timedelta(seconds=seconds))

    async def _read_mail(self) -> int:
        """Lets the mail sessions fetch what has arrived; gives how many mails that were."""
        mail = self.simulators.get("smtp_imap")
        if mail is None:
            return 0
        before = await self.live.core.store.read(lambda c: journal.count(c, "new"))
        idle, heard = 0, 0
        while idle < TURNS and await self._unread(mail):
            await _pause()
            # A large mail is fetched in many pieces: what still asks for one is not at rest.
            commands = sum(len(server.commands) for server in cast(Any, mail).connections)
            idle, heard = (idle + 1 if commands == heard else 0), commands
        return await self.live.core.store.read(lambda c: journal.count(c, "new")) - before

    async def _unread(self, mail: Simulator) -> bool:
        """Whether an inbox holds mail that its session has not committed."""
        for account_id in mail.accounts:
            cursor = await self.live.core.store.read(partial(journal.cursor, source=f"session:{account_id}"))
            done = (cursor or "").partition(";")[0].rpartition(":")[2]
            if cast(Any, mail).mailbox(account_id).inbox.next_uid - 1 > int(done or 0):
                return True
        return False

    # -- trouble

    @asynccontextmanager
    async def fail(self, channel: str, mode: WithdrawalMode, *, country: str | None = None) -> AsyncGenerator[None]:
        """A platform goes away in one of the ways seen in the wild, and comes back at the end."""
        simulator = self.simulator(channel)
        simulator.withdraw(mode, country=country)
        try:
            yield
        finally:
            simulator.reinstate()


async def _pause(turns: int = 1) -> None:
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()


def _with_media(mail: Simulator, media: Any) -> Mailer:
    cast(Any, mail).media = media
    return cast(Mailer, mail)
