"""The client: what a hub does for those who have no event loop."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy.engine import make_url

from omnichannel.channel.base import Account
from omnichannel.handlers import Event
from omnichannel.hub import linting, reading, speaking, withdrawing
from omnichannel.hub.answers import Decision, Explanation, Impact, Page
from omnichannel.hub.office import Office, Verb, perform_sync
from omnichannel.hub.ports import Ports, reveal_url
from omnichannel.hub.settings import HubSettings, accounts_of, from_toml
from omnichannel.model.address import Address, Customer
from omnichannel.model.base import Purpose, Visibility
from omnichannel.model.content import Localized, Sendable
from omnichannel.model.conversation import Conversation
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.message import Delivery, Message
from omnichannel.model.withdrawal import WHOLE, Scope, Withdrawal
from omnichannel.registry import channel_class_for
from omnichannel.routing.lint import Finding
from omnichannel.runtime import doors
from omnichannel.runtime.policy import Policy
from omnichannel.stores.drivers import in_schema, is_sqlite
from omnichannel.stores.sql import SqlStore, store_of
from omnichannel.sync.desk import Desk
from omnichannel.sync.opening import Opening
from omnichannel.withdrawal.registry import KnownWithdrawal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Open:
    store: SqlStore
    office: Office
    ours: bool


class Client:
    """The verbs of a `Hub`, called from any thread, without a loop. It writes rows; a worker elsewhere sends.

    Constructing does no IO. The store is opened at the first call, by any number of threads and processes; a fork may
    come at any time. No platform's secret is read, no HTTP client is loaded, and an adapter only for verbs that ask
    what its channel can do. `close` may be left out: what a call returned for is on disk.
    """

    def __init__(
        self,
        accounts: Sequence[Account | str] = (),
        *,
        store: str = "sqlite:///omnichannel.db",
        public_url: str = "http://localhost:8000",
        ports: Ports | None = None,
    ) -> None:
        self._set_up(HubSettings(accounts=accounts_of(accounts), store=store, public_url=public_url), ports)

    @classmethod
    def from_toml(cls, path: str | PathLike[str]) -> Self:
        """A client from a hub's file. Raises `ConfigurationError` with every problem in it."""
        client = cls.__new__(cls)
        client._set_up(from_toml(path), None)
        return client

    def _set_up(self, settings: HubSettings, ports: Ports | None) -> None:
        self.settings = settings
        self.desk = Desk(self)
        self._ports = ports
        self._opening = Opening(self._open, _close)

    def replica(self, settings: HubSettings, ports: Ports) -> Client:
        """A client with other settings on another world: for simulations."""
        client = Client.__new__(Client)
        client._set_up(settings, ports)
        return client

    # -- life

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the store when the calls that are under way have ended. A later call opens it again."""
        self._opening.close()

    @property
    def ports(self) -> Ports:
        """What it needs from the world."""
        return self._ports or Ports()

    def run(self, verb: Callable[[Office], Verb[T]]) -> T:
        """Runs one of the hub's verbs in this thread. Raises what it raises, and `StoreError`."""
        with self._opening.use() as opened:
            return perform_sync(verb(opened.office), opened.store)

    def _open(self) -> _Open:
        settings, ports = self.settings, self.ports
        store = ports.store or _store(settings, ports)
        office = Office(store, ports.clock, ports.id_source(), settings.policy or Policy(), self._make_doors)
        opened = _Open(store, office, ours=ports.store is None)
        try:
            if settings.withdrawals:
                perform_sync(withdrawing.copy_configured(office, settings.withdrawals), store)
        except BaseException:
            _close(opened)
            raise
        return opened

    def _make_doors(self) -> doors.Doors:
        settings = self.settings
        # As they are in the settings: what a channel can do is no secret.
        kinds = [(account, channel_class_for(account)) for account in settings.accounts]
        return doors.build(kinds, queues=settings.queues, first_response=settings.first_response)

    # -- records

    def customer(
        self,
        id: str | None = None,
        *,
        external_id: str | None = None,
        address: Address | None = None,
        brand: str | None = None,
    ) -> Customer:
        """A customer by our id, the host's, or an address. Merged ids resolve to who they are now.

        Raises `NotFound`.
        """
        return self.run(lambda office: reading.customer(office, id, external_id, address, self.settings.brand(brand)))

    def link_customer(self, customer: str, *, external_id: str, assurance: int = 4) -> Customer:
        """Says who a customer is to the host: signed in there, so that history may be shown. Raises `NotFound`."""
        return self.run(lambda office: reading.link_customer(office, customer, external_id, assurance))

    def add_address(self, customer: str, address: Address) -> Customer:
        """Notes another address of a customer, as the host knows it (`assurance` says how surely).

        Raises `NotFound`, and `RefusedContent` where it belongs to somebody else: a merge is for a person to decide.
        """
        return self.run(lambda office: reading.add_address(office, customer, address))

    def conversation(
        self,
        id: str | None = None,
        *,
        external_id: str | None = None,
        brand: str | None = None,
    ) -> Conversation:
        """A conversation by our id or the host's. Raises `NotFound`."""
        return self.run(lambda office: reading.conversation(office, id, external_id, self.settings.brand(brand)))

    def update(
        self, conversation: str, *, external_id: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> Conversation:
        """Ties a conversation to the host's own records. Raises `NotFound`."""
        return self.run(lambda office: reading.update(office, conversation, external_id, metadata))

    def history(self, customer: str, *, after: str | None = None, limit: int = 50) -> Page[Message]:
        """A customer's messages over all channels, newest first, paged by cursor."""
        return self.run(lambda office: reading.history(office, customer, after, limit))

    # -- speaking

    def reply(
        self,
        conversation: str,
        content: Sendable,
        *,
        agent: str | None = None,
        idempotency_key: str | None = None,
        visibility: Visibility | None = None,
        if_version: int | None = None,
        metadata: Mapping[str, str] | None = None,
        connection: Any = None,
    ) -> Delivery:
        """Answers in a conversation, wherever it takes place when it is sent. On disk when this returns.

        Raises `NotFound`, `VersionConflict` where the conversation is not at `if_version` any more, and
        `RefusedContent` for content that cannot be sent at all. A second call with the same `idempotency_key` gives
        the first delivery.

        `connection` would let a transaction of your own decide whether there is an answer. It raises
        `ConfigurationError`: no store of this version can do that.
        """
        if connection is not None:
            raise ConfigurationError(_no_connection(self.settings.store))
        return self.run(
            lambda office: speaking.reply(
                office, conversation, content, agent, idempotency_key, visibility, if_version, metadata
            )
        )

    def send(
        self,
        customer: str,
        content: Sendable,
        *,
        purpose: Purpose = "service",
        order: Sequence[str] | None = None,
        expires_at: datetime | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Delivery:
        """Writes first. `order` names channels or accounts; one that is closed or not configured is a stored reason,
        never an error. Raises `NotFound` and `RefusedContent`."""
        return self.run(
            lambda office: speaking.send(
                office, customer, content, purpose, order, expires_at, idempotency_key, metadata
            )
        )

    def delivery(self, id: str) -> Delivery:
        """A delivery with its attempts. Raises `NotFound`."""
        return self.run(lambda office: reading.delivery(office, id))

    def can_reply(self, conversation: str, content: Sendable | None = None) -> Decision:
        """What would happen to an answer now: channels, what is lost, price, and why not. Sends nothing."""
        return self.run(lambda office: speaking.can_reply(office, conversation, content or "…"))

    def plan(self, customer: str, content: Sendable, *, purpose: Purpose = "service") -> Decision:
        """What would happen to a message now. Sends nothing. Raises `NotFound`."""
        return self.run(lambda office: speaking.plan(office, customer, content, purpose))

    def explain(self, delivery: str) -> Explanation:
        """What was decided for a delivery then, from the stored decisions, and what was tried. Raises `NotFound`."""
        return self.run(lambda office: speaking.explain(office, delivery))

    def continue_elsewhere(self, conversation: str, to: Sequence[str]) -> Mapping[str, str]:
        """Links that take a conversation to other channels, by channel; each may be used once. Raises `NotFound`, and
        `ChannelWithdrawn` where nothing but closed channels was asked for."""
        return self.run(lambda office: withdrawing.continue_elsewhere(office, conversation, to))

    # -- withdrawal

    def withdraw(
        self,
        channel: str,
        *,
        account: str | None = None,
        brand: str | None = None,
        scope: Scope = WHOLE,
        announced_at: datetime | None = None,
        redirect_at: datetime | None = None,
        no_new_at: datetime | None = None,
        read_only_at: datetime | None = None,
        closed_at: datetime | None = None,
        purge_at: datetime | None = None,
        targets: Sequence[str] = (),
        notice: Localized | None = None,
        reason: str = "",
        source_url: str | None = None,
        initiated_by: str = "brand",
        by: str = "api",
    ) -> Withdrawal:
        """Says that a channel, or a part of it, goes away, and when. Calling it again for the same scope changes the
        dates: a new notice period begins then.

        Raises `ConfigurationError` for dates that are naive or out of order, and for a notice with unknown slots or
        hosts that are not allowed.
        """
        given = Withdrawal(
            id="",
            channel=channel,
            brand=self.settings.brand(brand),
            account=account,
            scope=scope,
            initiated_by="platform" if initiated_by == "platform" else "brand",
            reason=reason,
            announced_at=announced_at,
            redirect_at=redirect_at,
            no_new_at=no_new_at,
            read_only_at=read_only_at,
            closed_at=closed_at,
            purge_at=purge_at,
            targets=tuple(targets),
            notice=notice,
            source_url=source_url,
        )
        return self.run(lambda office: withdrawing.withdraw(office, given, by))

    def reinstate(self, withdrawal: str, *, canary: float = 0.05) -> Withdrawal:
        """Undoes a withdrawal, for a share of the customers first. Raises `NotFound`."""
        return self.run(lambda office: withdrawing.reinstate(office, withdrawal, canary))

    def preview_withdrawal(
        self, channel: str, *, brand: str | None = None, targets: Sequence[str] = (), scope: Scope = WHOLE
    ) -> Impact:
        """Who, how many notices, and what they would cost. Sends nothing."""
        return self.run(lambda office: withdrawing.preview(office, channel, self.settings.brand(brand), targets, scope))

    def outreach(self, withdrawal: str, *, limit: int | None = None) -> int:
        """Tells customers who do not write: queues the notice for everyone who has a conversation on the channel and
        was not told in this period. Windows, consent, rates and prices are kept as for any message. Gives how many
        notices were queued. Raises `NotFound`."""
        return self.run(lambda office: withdrawing.outreach(office, withdrawal, limit))

    def reach(self, withdrawal: str) -> Impact:
        """Where a withdrawal has left everyone so far; the counts are of persons and add up. Raises `NotFound`."""
        return self.run(lambda office: withdrawing.outcome(office, withdrawal))

    def release(self, account: str, *, by: str = "api") -> None:
        """Says that an account works, also for countries and purposes that were blocked: what was held or suspected
        there goes out. Raises `NotFound`."""
        self.run(lambda office: withdrawing.release(office, account, by))

    def lint(self) -> tuple[Finding, ...]:
        """What is wrong with the plan before the day: routes that end nowhere, circles, shared fate, steps that no
        window allows, prices over the cap, withdrawals that stand differently in the settings and in the store (the
        store counts). Errors first. Changes nothing."""
        return self.run(lambda office: linting.lint_open(office, self.settings.withdrawals))

    def losses(self, as_of: date) -> tuple[KnownWithdrawal, ...]:
        """What the channels in use have lost or will have lost by a day, from the registry of known withdrawals."""
        return linting.losses(self.settings.accounts, as_of)

    # -- events

    def events(self, *, after: int | None = None, types: Iterable[str] = ()) -> Iterator[Event]:
        """The event log from after a number (None: from its beginning) to its end now, in order. Keep the number of the
        last one, and call it again later."""
        return self._events(after or 0, tuple(types))

    def _events(self, seq: int, types: Sequence[str]) -> Generator[Event]:
        while found := self._batch(seq, types):
            yield from found
            seq = found[-1].seq

    def _batch(self, after: int, types: Sequence[str]) -> Sequence[Event]:
        return self.run(lambda office: reading.events(after, types))


def _no_connection(url: str) -> str:
    why = "needs a store in your own database, on PostgreSQL, and this version does not have that yet"
    if url.startswith("sqlite"):
        why = (
            "cannot be: the store is a SQLite file of its own, which your transaction does not reach; it will need a "
            "store on PostgreSQL"
        )
    return (
        f"reply(connection=...) {why}. Leave connection out and call reply once your transaction has committed, with "
        "an idempotency_key: then it may be called again and queues one answer"
    )


def _store(settings: HubSettings, ports: Ports) -> SqlStore:
    url = in_schema(reveal_url(settings.store, ports), settings.db_schema)
    if is_sqlite(url) and make_url(url).database in (None, "", ":memory:"):
        raise ConfigurationError(
            "the store is in the memory of this process, where no worker could find what a client writes: "
            "give it a file, such as sqlite:///desk.db"
        )
    store = store_of(url, settings.migrate)
    store.open_sync()
    return store


def _close(opened: _Open) -> None:
    if opened.ours:
        opened.store.close_sync()
