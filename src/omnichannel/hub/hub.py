"""The hub: answers customers on every channel, and goes on answering when one is taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import anyio

from omnichannel.handlers import Handlers
from omnichannel.hub.asgi import HubApp
from omnichannel.hub.desk import Desk
from omnichannel.hub.operating import Operating
from omnichannel.hub.ports import Ports
from omnichannel.hub.registering import Registering
from omnichannel.hub.settings import HubSettings, accounts_of, from_toml
from omnichannel.model.exceptions import OmnichannelError
from omnichannel.model.withdrawal import WHOLE, Scope, Withdrawal

if TYPE_CHECKING:
    from omnichannel.channel.base import Account
    from omnichannel.handlers import Event
    from omnichannel.hub.answers import Decision, Explanation, Impact, Page
    from omnichannel.hub.core import Core
    from omnichannel.hub.office import Verb
    from omnichannel.model.address import Address, Customer
    from omnichannel.model.base import Purpose, Success, Visibility
    from omnichannel.model.content import Localized, Sendable
    from omnichannel.model.conversation import Conversation
    from omnichannel.model.message import Delivery, Message

T = TypeVar("T")


class Hub(Registering, Operating):
    """Constructing does no IO and reads no secret. `async with` opens the store and, with `work=True`, runs workers,
    pollers and streams, which are leased, so that one process does each.

    `accounts` are accounts, or names of adapters that need no settings (`"console"`). `store` is a URL. `brand=None`
    in a call is the only brand configured; with several it must be said.
    """

    def __init__(
        self,
        accounts: Sequence[Account | str] = (),
        *,
        store: str = "sqlite:///omnichannel.db",
        handlers: Handlers | Sequence[Handlers] = (),
        public_url: str = "http://localhost:8000",
        work: bool = True,
        ports: Ports | None = None,
    ) -> None:
        settings = HubSettings(accounts=accounts_of(accounts), store=store, public_url=public_url)
        self._set_up(settings, handlers, work, ports)

    @classmethod
    def from_toml(
        cls, path: str | PathLike[str], *, handlers: Handlers | Sequence[Handlers] = (), work: bool = True
    ) -> Self:
        """A hub from a file. Raises `ConfigurationError` with every problem in it."""
        hub = cls.__new__(cls)
        hub._set_up(from_toml(path), handlers, work, None)
        return hub

    def _set_up(
        self, settings: HubSettings, handlers: Handlers | Sequence[Handlers], work: bool, ports: Ports | None
    ) -> None:
        self.settings = settings
        self.handlers = Handlers()
        for more in [handlers] if isinstance(handlers, Handlers) else handlers:
            self.handlers.include(more)
        self.work = work
        self.desk = Desk(self)
        self.asgi = HubApp(self)
        self._ports = ports
        self._core: Core | None = None
        self._stack: AsyncExitStack | None = None

    def replica(self, settings: HubSettings, ports: Ports, *, work: bool = False) -> Hub:
        """The same handlers with other settings on another world: for simulations."""
        hub = Hub.__new__(Hub)
        hub._set_up(settings, self.handlers, work, ports)
        return hub

    # -- life

    @property
    def is_open(self) -> bool:
        """Whether the hub is open."""
        return self._core is not None

    @property
    def core(self) -> Core:
        """The open parts. Raises `OmnichannelError` where the hub is not open."""
        if self._core is None:
            raise OmnichannelError("the hub is not open: use it inside `async with hub:`")
        return self._core

    async def __aenter__(self) -> Self:
        from omnichannel.hub.core import open_core
        from omnichannel.hub.sources import run_sources
        from omnichannel.hub.withdrawing import copy_configured
        from omnichannel.runtime.policy import Policy

        if self._stack is not None:
            raise OmnichannelError("the hub is open already; one hub is opened once at a time")
        settings = self.settings
        async with AsyncExitStack() as stack:
            core = await stack.enter_async_context(
                open_core(
                    settings.accounts,
                    ports=self._ports or Ports(),
                    store_url=settings.store,
                    migrate=settings.migrate,
                    handlers=self.handlers,
                    policy=settings.policy or Policy(),
                    public_url=settings.public_url,
                    queues=dict(settings.queues),
                    first_response=dict(settings.first_response),
                    db_schema=settings.db_schema,
                )
            )
            self._core = core
            stack.callback(self._closed)
            await core.run(copy_configured(core.office, settings.withdrawals))
            if self.work:
                group = await stack.enter_async_context(anyio.create_task_group())
                stack.push_async_callback(core.worker.release)
                stack.callback(group.cancel_scope.cancel)
                stack.push_async_callback(core.worker.finish)
                group.start_soon(core.worker.run)
                group.start_soon(run_sources, core)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.__aexit__(kind, error, trace)

    def _closed(self) -> None:
        self._core = None

    async def serve(self) -> None:
        """Opens the hub and works until it is cancelled; with a console account, until its input ends."""
        from omnichannel.hub.terminal import talk

        async with self:
            consoles = [a for a in self.core.doors.channels.values() if a.channel == "console"]
            if consoles:
                await talk(self.core, consoles[0])
            else:
                await anyio.sleep_forever()

    # -- records

    async def customer(
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
        from omnichannel.hub import reading

        return await self._run(reading.customer(self.core.office, id, external_id, address, self.settings.brand(brand)))

    async def link_customer(self, customer: str, *, external_id: str, assurance: int = 4) -> Customer:
        """Says who a customer is to the host: signed in there, so that history may be shown. Raises `NotFound`."""
        from omnichannel.hub import reading

        return await self._run(reading.link_customer(self.core.office, customer, external_id, assurance))

    async def add_address(self, customer: str, address: Address) -> Customer:
        """Notes another address of a customer, as the host knows it (`assurance` says how surely).

        Raises `NotFound`, and `RefusedContent` where it belongs to somebody else: a merge is for a person to decide.
        """
        from omnichannel.hub import reading

        return await self._run(reading.add_address(self.core.office, customer, address))

    async def conversation(
        self,
        id: str | None = None,
        *,
        external_id: str | None = None,
        brand: str | None = None,
    ) -> Conversation:
        """A conversation by our id or the host's. Raises `NotFound`."""
        from omnichannel.hub import reading

        return await self._run(reading.conversation(self.core.office, id, external_id, self.settings.brand(brand)))

    async def update(
        self, conversation: str, *, external_id: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> Conversation:
        """Ties a conversation to the host's own records. Raises `NotFound`."""
        from omnichannel.hub import reading

        return await self._run(reading.update(self.core.office, conversation, external_id, metadata))

    async def history(self, customer: str, *, after: str | None = None, limit: int = 50) -> Page[Message]:
        """A customer's messages over all channels, newest first, paged by cursor."""
        from omnichannel.hub import reading

        return await self._run(reading.history(self.core.office, customer, after, limit))

    # -- speaking

    async def reply(
        self,
        conversation: str,
        content: Sendable,
        *,
        agent: str | None = None,
        idempotency_key: str | None = None,
        visibility: Visibility | None = None,
        if_version: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Delivery:
        """Answers in a conversation, wherever it takes place when it is sent. On disk when this returns.

        Raises `NotFound`, `VersionConflict` where the conversation is not at `if_version` any more, and
        `RefusedContent` for content that cannot be sent at all. A second call with the same `idempotency_key` gives
        the first delivery.
        """
        from omnichannel.hub import speaking

        return await self._run(
            speaking.reply(
                self.core.office, conversation, content, agent, idempotency_key, visibility, if_version, metadata
            )
        )

    async def send(
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
        from omnichannel.hub import speaking

        return await self._run(
            speaking.send(self.core.office, customer, content, purpose, order, expires_at, idempotency_key, metadata)
        )

    async def delivery(self, id: str) -> Delivery:
        """A delivery with its attempts. Raises `NotFound`."""
        from omnichannel.hub import reading

        return await self._run(reading.delivery(self.core.office, id))

    async def wait(self, delivery: str, until: Success = "delivered", *, within: timedelta | None = None) -> Delivery:
        """Waits until a delivery has come so far. Raises `DeliveryError` where it failed, `TimeoutError`."""
        from omnichannel.hub import following

        return await following.wait(self.core, delivery, until, within)

    async def can_reply(self, conversation: str, content: Sendable | None = None) -> Decision:
        """What would happen to an answer now: channels, what is lost, price, and why not. Sends nothing."""
        from omnichannel.hub import speaking

        return await self._run(speaking.can_reply(self.core.office, conversation, content or "…"))

    async def plan(self, customer: str, content: Sendable, *, purpose: Purpose = "service") -> Decision:
        """What would happen to a message now. Sends nothing. Raises `NotFound`."""
        from omnichannel.hub import speaking

        return await self._run(speaking.plan(self.core.office, customer, content, purpose))

    async def explain(self, delivery: str) -> Explanation:
        """What was decided for a delivery then, from the stored decisions, and what was tried. Raises `NotFound`."""
        from omnichannel.hub import speaking

        return await self._run(speaking.explain(self.core.office, delivery))

    async def continue_elsewhere(self, conversation: str, to: Sequence[str]) -> Mapping[str, str]:
        """Links that take a conversation to other channels, by channel; each may be used once. Raises `NotFound`, and
        `ChannelWithdrawn` where nothing but closed channels was asked for."""
        from omnichannel.hub import withdrawing

        return await self._run(withdrawing.continue_elsewhere(self.core.office, conversation, to))

    # -- withdrawal

    async def withdraw(
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
        from omnichannel.hub import withdrawing

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
        return await self._run(withdrawing.withdraw(self.core.office, given, by))

    async def reinstate(self, withdrawal: str, *, canary: float = 0.05) -> Withdrawal:
        """Undoes a withdrawal, for a share of the customers first. Raises `NotFound`."""
        from omnichannel.hub import withdrawing

        return await self._run(withdrawing.reinstate(self.core.office, withdrawal, canary))

    async def preview_withdrawal(
        self, channel: str, *, brand: str | None = None, targets: Sequence[str] = (), scope: Scope = WHOLE
    ) -> Impact:
        """Who, how many notices, and what they would cost. Sends nothing."""
        from omnichannel.hub import withdrawing

        return await self._run(
            withdrawing.preview(self.core.office, channel, self.settings.brand(brand), targets, scope)
        )

    async def outreach(self, withdrawal: str, *, limit: int | None = None) -> int:
        """Tells customers who do not write: queues the notice for everyone who has a conversation on the channel and
        was not told in this period. Windows, consent, rates and prices are kept as for any message. Gives how many
        notices were queued. Raises `NotFound`."""
        from omnichannel.hub import withdrawing

        return await self._run(withdrawing.outreach(self.core.office, withdrawal, limit))

    async def reach(self, withdrawal: str) -> Impact:
        """Where a withdrawal has left everyone so far; the counts are of persons and add up. Raises `NotFound`."""
        from omnichannel.hub import withdrawing

        return await self._run(withdrawing.outcome(self.core.office, withdrawal))

    # -- events

    def events(self, *, after: int | None = None, types: Iterable[str] = ()) -> AsyncIterator[Event]:
        """Follows the event log, for the host's own tables: every event once, in order, from after a number (None:
        from now on). Never ends."""
        from omnichannel.hub import following

        return following.EventStream(self.core, after, tuple(types))

    async def _run(self, verb: Verb[T]) -> T:
        return await self.core.run(verb)
