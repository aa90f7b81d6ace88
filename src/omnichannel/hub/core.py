"""The running hub: everything wired together. Made when a hub opens, thrown away when it closes."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Connection

from omnichannel.channel.base import Account, Channel
from omnichannel.channel.wire import Append, Appended, Envelope, HttpRequest, Token
from omnichannel.handlers import Handlers
from omnichannel.handlers.dispatch import Dispatcher, Notifier
from omnichannel.hub.arrivals import blobs_beside, fetch_key, off_row
from omnichannel.hub.office import Office, T, Verb, perform
from omnichannel.hub.ports import Ports, reveal_url
from omnichannel.hub.services import TurnServices
from omnichannel.hub.timers import Timers
from omnichannel.model.ids import IdSource
from omnichannel.registry import channel_class_for
from omnichannel.runtime import doors as doors_of
from omnichannel.runtime.books import Books
from omnichannel.runtime.continuing import Continuing
from omnichannel.runtime.crew import Crew
from omnichannel.runtime.doors import Doors
from omnichannel.runtime.fetch import Fetcher
from omnichannel.runtime.health import HealthBoard
from omnichannel.runtime.limits import Limiter
from omnichannel.runtime.media import Keeper, MediaReader
from omnichannel.runtime.outbox import Outbox
from omnichannel.runtime.parsing import Parser
from omnichannel.runtime.parts import PartWriter
from omnichannel.runtime.policy import Advisor, Policy, WithdrawalBook
from omnichannel.runtime.probing import Prober
from omnichannel.runtime.replying import ReplyTokens
from omnichannel.runtime.responding import Responding
from omnichannel.runtime.runner import Runner
from omnichannel.runtime.secrets import require_webhook_secret, resolve
from omnichannel.runtime.sending import Sender
from omnichannel.runtime.tokens import StoredToken, TokenVault
from omnichannel.runtime.transport import Transport
from omnichannel.runtime.worker import Worker
from omnichannel.stores import journal, known_accounts, streams, tokens
from omnichannel.stores.base import BlobStore
from omnichannel.stores.drivers import in_schema
from omnichannel.stores.journal import Arrival
from omnichannel.stores.sql import SqlStore, store_of
from omnichannel.webhooks.app import WebhookApp
from omnichannel.webhooks.paths import path_of, url_of
from omnichannel.webhooks.tombstones import PREFIX, tombstones

_log = logging.getLogger("omnichannel.hub")


@dataclass(slots=True)
class Core:
    """The parts of an open hub, by what they do."""

    ports: Ports
    ids: IdSource
    store: SqlStore
    blobs: BlobStore
    doors: Doors
    transport: Transport
    runner: Runner
    policy: Policy
    book: WithdrawalBook
    board: HealthBoard
    advisor: Advisor
    continuing: Continuing
    outbox: Outbox
    worker: Worker
    notifier: Notifier
    webhooks: WebhookApp
    keeper: Keeper
    reader: MediaReader
    office: Office
    _streams_seen: int = field(default=0)

    async def run(self, verb: Verb[T]) -> T:
        """Runs a verb. Raises what it raises."""
        return await perform(verb, self.store, self.ports.engine)

    async def journal(self, endpoint: str, envelope: Envelope) -> None:
        """Commits an envelope and wakes the workers: after this it may be acknowledged."""
        await self.store.batch(journal.append, Arrival(endpoint, await off_row(envelope, self.blobs)))
        self.ports.engine.kick()

    async def commit(self, source: str, endpoint: str, envelopes: Sequence[Envelope], cursor: str | None) -> None:
        """Commits what a poll, stream or session found together with how far it got."""
        kept = [await off_row(envelope, self.blobs) for envelope in envelopes]
        now = self.ports.clock.now()

        def unit(connection: Connection) -> None:
            if kept:
                journal.append(connection, [Arrival(endpoint, envelope) for envelope in kept])
            if cursor is not None:
                journal.set_cursor(connection, source, cursor, now)

        await self.store.write(unit)
        self.ports.engine.kick()


@dataclass(slots=True)
class _TokenRows:
    store: SqlStore

    async def load(self, account: str) -> StoredToken | None:
        found = await self.store.read(lambda c: tokens.load(c, account))
        return None if found is None else StoredToken(found[0], found[1])

    async def save(self, account: str, token: Token, *, expect: int) -> bool:
        return await self.store.write(lambda c: tokens.save(c, account, token, expect))


@dataclass(slots=True)
class _Streams:
    store: SqlStore
    ports: Ports

    async def append(self, message: Append, *, account: str) -> Appended:
        body = cast(dict[str, Any], message.body)
        key, now = str(body.get("key", "")), self.ports.clock.now()
        seq = await self.store.write(lambda c: streams.append(c, message.stream, key, body, now))
        self.ports.engine.kick()
        return Appended(seq)


@asynccontextmanager
async def open_core(
    accounts: Sequence[Account],
    *,
    ports: Ports,
    store_url: str,
    migrate: str | None,
    handlers: Handlers,
    policy: Policy,
    public_url: str,
    queues: dict[str, str],
    first_response: dict[str, Any],
    db_schema: str | None = None,
) -> AsyncGenerator[Core]:
    """Opens the store, reads the secrets and wires everything; closes it all at the end.

    Raises `ConfigurationError` for a missing secret and `StoreError` for a store that cannot be opened.
    """
    resolved = [resolve(account, ports.environ, ports.read_file) for account in accounts]
    kinds = [_addressed(account, channel_class_for(account), public_url) for account in resolved]
    doors = doors_of.build(kinds, queues=queues, first_response=first_response)
    for channel in doors.endpoints.values():
        require_webhook_secret(channel)
    async with AsyncExitStack() as stack:
        store = ports.store or store_of(in_schema(reveal_url(store_url, ports), db_schema), migrate)
        store.changed = ports.engine.kick
        await stack.enter_async_context(store)
        core = _wire(store, doors, ports, handlers, policy)
        core.webhooks = _webhooks(core, public_url, await _closed_endpoints(core))
        await core.book.reload(now=True)
        await core.board.reload()
        await core.notifier.begin()
        stack.push_async_callback(core.transport.aclose)
        yield core


def _addressed(account: Account, kind: type[Channel[Any]], public_url: str) -> tuple[Account, type[Channel[Any]]]:
    """The account, with the URL of its webhooks where its channel has to tell the platform and it names none."""
    name = kind.webhook_url
    if name is not None and not getattr(account, name):
        url = url_of(public_url, path_of(account.endpoint or account.id))
        account = account.model_copy(update={name: url})
    return account, kind


def _runner(store: SqlStore, ports: Ports, ids: IdSource, transport: Transport, mailer: Any) -> Runner:
    clock = ports.clock
    return Runner(
        transport=transport,
        clock=clock,
        limiter=Limiter(clock),
        tokens=TokenVault(_TokenRows(store), clock),
        ids=ids,
        mailer=mailer,
        appender=_Streams(store, ports),
    )


def _wire(store: SqlStore, doors: Doors, ports: Ports, handlers: Handlers, policy: Policy) -> Core:
    clock, ids = ports.clock, ports.id_source()
    blobs = ports.blobs or blobs_beside(store.url)
    reader = MediaReader(blobs, journal=lambda seq: store.read(lambda c: journal.content(c, seq)))
    transport = ports.transport(reader) if ports.transport else _network(reader)
    owner = ids.new("wrk")
    mailer = ports.mailer(reader) if ports.mailer else _mailer(doors, reader, ports)
    runner = _runner(store, ports, ids, transport, mailer)
    office = Office(store, clock, ids, policy, lambda: doors)
    book, board, advisor, continuing = office.book, office.board, office.advisor, office.continuing
    books, writer = Books(store, clock, ids), PartWriter(advisor, ReplyTokens(store, clock, ids))
    sender = Sender(books, doors, advisor, board, runner, ports.random, writer, ports.crash)
    outbox = Outbox(books, advisor, board, continuing, sender)
    keeper = Keeper(blobs, Fetcher(transport, allow=ports.allow), runner)
    turns = TurnServices(doors, runner, keeper, reader)
    notifier = Notifier(store, clock, handlers, owner)
    worker = Worker(
        store=store,
        clock=clock,
        engine=ports.engine,
        owner=owner,
        parser=Parser(store, blobs, doors, clock, ids, owner, ports.lease_ttl),
        crew=Crew(Dispatcher(store, clock, ids, handlers, continuing, turns), outbox, clock, owner, ports.engine.kick),
        timers=Timers(store, clock, ids, board, book, Prober(store, clock, doors, runner, board, owner)),
        notify=notifier.notify,
        lease_ttl=ports.lease_ttl,
    )
    return Core(
        ports=ports,
        ids=ids,
        store=store,
        blobs=blobs,
        doors=doors,
        transport=transport,
        runner=runner,
        policy=policy,
        book=book,
        board=board,
        advisor=advisor,
        continuing=continuing,
        outbox=outbox,
        worker=worker,
        notifier=notifier,
        webhooks=cast(WebhookApp, None),
        keeper=keeper,
        reader=reader,
        office=office,
    )


async def _closed_endpoints(core: Core) -> dict[str, Channel[Any]]:
    """Writes down what is configured; gives the tombstones of what was."""
    now, infos, store = core.ports.clock.now(), core.doors.infos.values(), core.store
    await store.write(lambda c: known_accounts.remember(c, infos, now))
    closed = await store.read(lambda c: known_accounts.removed(c, core.doors.endpoints))
    if closed:
        _log.warning("not configured any more, answered and kept unverified: %s", ", ".join(sorted(closed)))
    return tombstones(closed)


def _webhooks(core: Core, public_url: str, closed: dict[str, Channel[Any]]) -> WebhookApp:
    async def keep(endpoint: str, envelope: Envelope) -> None:
        await core.journal(f"{PREFIX}{endpoint}" if endpoint in closed else endpoint, envelope)

    async def confirm(endpoint: str, request: HttpRequest) -> None:
        await core.transport.send(request, account=endpoint)

    return WebhookApp(
        core.doors.endpoints,
        keep,
        core.ports.clock,
        fetch_key=lambda url: fetch_key(core.transport, url, core.ports.allow),
        confirm=confirm,
        public_url=public_url,
        tombstones=closed,
        responses=_responding(core),
    )


def _responding(core: Core) -> Responding:
    ports = core.ports
    return Responding(
        store=core.store,
        clock=ports.clock,
        ids=core.ids,
        doors=core.doors,
        writer=core.outbox.sender.writer,
        owner=core.worker.owner,
        off_row=lambda envelope: off_row(envelope, core.blobs),
        rest=ports.rest or ports.clock.sleep,
        kick=ports.engine.kick,
        crash=ports.crash,
    )


def _network(reader: MediaReader) -> Transport:
    from omnichannel.runtime.http import HttpxTransport

    return HttpxTransport(media=reader)


def _mailer(doors: Doors, reader: MediaReader, ports: Ports) -> Any:
    """Only hubs with a mail account load the mail client."""
    if not any(channel.channel == "email" for channel in doors.channels.values()):
        return None
    from omnichannel.runtime.smtp import SmtpMailer

    return SmtpMailer(clock=ports.clock, media=reader)
