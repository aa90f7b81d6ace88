"""The base of platform simulators: an ASGI app that behaves like the platform, with its customers' phones."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, TypeAlias, TypeVar, assert_never, cast
from urllib.parse import parse_qsl, urlsplit

from omnichannel.channel.base import Account
from omnichannel.testing.faults import FaultKind, FaultPlan, SimulatedTimeout
from omnichannel.testing.simulators.accounts import fill
from omnichannel.testing.simulators.http import (
    BadRequest,
    MultipartBody,
    Receive,
    Request,
    Response,
    Scope,
    SendEvent,
    SimFile,
    file_response,
    find,
    json_response,
    lifespan,
    read_request,
    route,
    routes_of,
    text_response,
    write_response,
)
from omnichannel.testing.simulators.phones import Seen, SeenChoice, SimCustomer
from omnichannel.testing.simulators.webhooks import PendingWebhook, Post, WebhookQueue, WebhookRequest

__all__ = [
    "BadRequest",
    "FaultPlan",
    "Logged",
    "MultipartBody",
    "PendingWebhook",
    "Request",
    "Response",
    "Seen",
    "SeenChoice",
    "SimCustomer",
    "SimFile",
    "SimulatedTimeout",
    "Simulator",
    "WebhookRequest",
    "WithdrawalMode",
    "Withdrawn",
    "file_response",
    "fill",
    "json_response",
    "route",
    "text_response",
]

AccountT = TypeVar("AccountT", bound=Account)
WithdrawalMode: TypeAlias = Literal["402", "403-plan", "410", "200-with-error", "silent", "dns-blackhole"]
SLOWNESS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A request that the platform got, what it answered (0: nothing), and the fault that was played."""

    at: datetime
    request: Request
    status: int
    fault: FaultKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """The platform has gone, in one of the ways seen in the wild, from `at` on, for one country or for all."""

    mode: WithdrawalMode
    at: datetime
    country: str | None = None


class Simulator(ABC):
    """A platform. Subclasses mark their API methods with `@route("POST", "/v1/{id}/messages")`, and:

    - call `show(...)` and `accept(...)` for a send that they take, `notify(account_id, request)` for a webhook;
    - override `adopt` where `fill` is not enough, `stamp` where a webhook is signed with its time, and
      `rate_limited`, `server_error`, `gone`, `country_of` where the platform has answers of its own.

    Time comes from `now`, chance from `self.random`; a run with the same seed is the same run.
    """

    channel: ClassVar[str]
    adapter: ClassVar[str]
    hosts: ClassVar[tuple[str, ...]]
    """Whose requests it answers; `*.example.com` stands for every host below example.com."""
    links: ClassVar[tuple[str, ...]] = ()
    """What deep links that lead here begin with."""
    webhook_retries: ClassVar[tuple[timedelta, ...]] = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 3600))
    """The platform's waits after each refused webhook; after the last it gives up."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        seed: int = 0,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self.now = now
        self.sleep = sleep
        self.random = random.Random(f"{self.channel}:{self.adapter}:{seed}")  # noqa: S311 - repeatable, not secret
        self.accounts: dict[str, Account] = {}
        self.customers: dict[str, SimCustomer] = {}
        self.requests: deque[Logged] = deque(maxlen=10_000)
        self.accepted: Counter[tuple[str, str, str]] = Counter()
        self.news: Counter[str] = Counter()
        """How much there has been to read for each account of ours on a platform that is polled."""
        self.withdrawals: list[Withdrawn] = []
        self.webhooks = WebhookQueue(now, self.webhook_retries)
        self._urls: dict[str, str] = {}
        self._phones: dict[str, list[Seen]] = {}
        self._routes = routes_of(type(self))
        self._serial = 0

    # -- our side of the platform

    def adopt(self, account: AccountT) -> AccountT:
        """Registers our account at the platform. Gives it back with secrets that work here in the place of those
        that are only named (`env:`, `file:`); whatever else was set is kept. Platforms that need ids or secrets which
        may be missing override this, with `fill`."""
        filled = fill(account, {}, self.random)
        self.accounts[account.id] = filled
        return filled

    def connect(self, account_id: str, url: str) -> None:
        """Tells the platform where this account's webhooks go."""
        self._urls[account_id] = url

    def webhook_url(self, account_id: str) -> str | None:
        """Where this account's webhooks go, or None."""
        return self._urls.get(account_id)

    @property
    def faults(self) -> FaultPlan:
        """What goes wrong from now on."""
        return self.webhooks.faults

    @faults.setter
    def faults(self, plan: FaultPlan) -> None:
        self.webhooks.faults = plan

    def notify(
        self, account_id: str, request: WebhookRequest, *, after: timedelta = timedelta(0), handle: str = ""
    ) -> None:
        """Queues a webhook for an account about a customer. Nobody is told without a webhook URL, as on the platform,
        nor once it has silently gone."""
        if account_id in self._urls and not self.is_silent(handle):
            self.webhooks.put(PendingWebhook(self.now() + after, account_id, request))

    def stamp(self, pending: PendingWebhook) -> WebhookRequest:
        """The request of one try: the place to sign it with the time of the try."""
        return pending.request

    def responded(self, request: WebhookRequest, status: int, body: bytes) -> None:
        """What we said to a webhook of the platform's: for those on which a response may carry an answer."""
        return

    async def deliver_due(self, post: Post) -> int:
        """Makes all webhook calls that are due, with the platform's retries; gives their number."""
        return await self.webhooks.deliver_due(post, self.stamp)

    def next_due(self) -> datetime | None:
        """When the next webhook is due, or None."""
        return self.webhooks.next_due()

    def new_id(self, prefix: str = "", start: int = 1000) -> str:
        """The platform's next id: ascending, and the same in every run."""
        self._serial += 1
        return f"{prefix}{start + self._serial}"

    # -- the customers' side

    def customer(self, name: str, handle: str, *, language: str = "en", country: str | None = None) -> SimCustomer:
        """A person who has an account here; the same handle is the same person."""
        found = self.customers.get(handle)
        if found is None:
            found = self.customers[handle] = SimCustomer(name=name, handle=handle, language=language, country=country)
        return found

    def known(self, handle: str) -> SimCustomer:
        """The customer of a handle. Raises `LookupError` that names those there are."""
        found = self.customers.get(handle)
        if found is None:
            there = ", ".join(self.customers) or "none"
            raise LookupError(f"nobody is called {handle!r} on {self.channel}; there are: {there}")
        return found

    def value_of(self, handle: str, account_id: str | None = None) -> str:
        """The value of a customer's address, as the platform tells it to our account (the first one)."""
        return handle

    @abstractmethod
    def says(
        self,
        handle: str,
        text: str,
        *,
        attachments: Sequence[SimFile] = (),
        surface: str | None = None,
        reply_to: str | None = None,
        account_id: str | None = None,
    ) -> str:
        """The customer writes to us (to `account_id`, else to the account last seen, else to the first), and the
        webhook is queued. Gives the platform's message id. `surface=None` is the private one."""

    @abstractmethod
    def picks(self, handle: str, title: str) -> str:
        """The customer taps a button (see `button`). Gives the message id. Raises `LookupError` if none shows it."""

    def opens(self, handle: str, url: str) -> str:
        """The customer opens a deep link that leads here, and sends what it has filled in."""
        query = dict(parse_qsl(urlsplit(url).query))
        text = next((query[name] for name in ("text", "body", "ref", "start", "subject") if name in query), "")
        return self.says(handle, text or "Hello")

    def blocks(self, handle: str, *, blocked: bool = True) -> None:
        """The customer blocks us, or takes it back."""
        self.customers[handle].blocked = blocked

    def seen(self, handle: str) -> list[Seen]:
        """What the customer's phone shows, oldest first."""
        return list(self._phones.get(handle, ()))

    def show(self, handle: str, seen: Seen) -> None:
        """Puts a message on the customer's phone, unless the platform has silently gone."""
        if not self.is_silent(handle):
            self._phones.setdefault(handle, []).append(seen)

    def reshow(self, handle: str, message_id: str, seen: Seen | None) -> bool:
        """Replaces a shown message (an edit), or takes it away; False where there is none."""
        phone = self._phones.get(handle, [])
        for index, old in enumerate(phone):
            if old.message_id == message_id:
                phone[index : index + 1] = [] if seen is None else [seen]
                return True
        return False

    def button(self, handle: str, title: str) -> tuple[Seen, SeenChoice]:
        """The latest message that shows a button of this title. Raises `LookupError` saying what is shown."""
        for seen in reversed(self.seen(handle)):
            for choice in seen.choices:
                if choice.title.casefold() == title.casefold():
                    return seen, choice
        shown = [choice.title for seen in self.seen(handle) for choice in seen.choices]
        raise LookupError(f"no button {title!r} on {handle}'s phone; it shows {shown or 'none'}")

    def account_for(self, handle: str, account_id: str | None = None) -> str:
        """The account that a customer writes to. Raises `LookupError` where none was adopted."""
        if account_id is not None:
            return account_id
        for seen in reversed(self.seen(handle)):
            if seen.account_id in self.accounts:
                return seen.account_id
        if not self.accounts:
            raise LookupError(f"nobody has an account of ours at {self.channel}: adopt one first")
        return next(iter(self.accounts))

    def accept(self, recipient: str, text: str, correlation: str = "") -> None:
        """Counts a send that the platform took: what a checker compares with what was to be sent."""
        self.accepted[recipient, text, correlation] += 1

    # -- withdrawal

    def withdraw(self, mode: WithdrawalMode, at: datetime | None = None, country: str | None = None) -> None:
        """The platform goes away, from `at` (now) on, for customers of one country or for all."""
        self.withdrawals.append(Withdrawn(mode=mode, at=at or self.now(), country=country))

    def reinstate(self) -> None:
        """The platform is back."""
        self.withdrawals.clear()

    def withdrawn(self, country: str | None) -> Withdrawn | None:
        """The withdrawal in force for a country: one for all, or this one's own."""
        for one in self.withdrawals:
            if one.at <= self.now() and one.country in (None, country):
                return one
        return None

    def is_silent(self, handle: str) -> bool:
        """Whether nothing reaches this customer any more although the API says yes."""
        customer = self.customers.get(handle)
        found = self.withdrawn(customer.country if customer else None)
        return found is not None and found.mode == "silent"

    def country_of(self, request: Request) -> str | None:
        """The country of the customer that a request is about, where one can tell."""
        return None

    def gone(self, mode: WithdrawalMode, request: Request) -> Response | None:
        """The answer of the platform once it has gone; None where it still answers as ever (`silent`)."""
        match mode:
            case "402":
                return json_response({"error": "payment required"}, 402)
            case "403-plan":
                return json_response({"error": "your plan does not include this method"}, 403)
            case "410":
                return json_response({"error": "gone"}, 410)
            case "200-with-error":
                return json_response({"errors": [{"message": "this API was withdrawn"}]})
            case "silent":
                return None
            case "dns-blackhole":
                raise SimulatedTimeout("no such host", maybe_sent=False, dns=True)
            case _:
                assert_never(mode)

    # -- HTTP

    def knows(self, path: str) -> bool:
        """Whether a request to this path is for this platform, where it shares its hosts with another one."""
        return True

    def rate_limited(self, request: Request) -> Response:
        """The platform's answer to too many requests."""
        return json_response({"error": "too many requests"}, 429, {"retry-after": str(self.random.randint(1, 5))})

    def server_error(self, request: Request) -> Response:
        """The platform's answer when it is broken."""
        return json_response({"error": "internal error"}, 503)

    async def __call__(self, scope: Scope, receive: Receive, send: SendEvent) -> None:
        """The ASGI app. Raises `SimulatedTimeout` in process, where no answer would come over a network."""
        if scope["type"] == "lifespan":
            return await lifespan(receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1000})
        try:
            request = await read_request(scope, receive)
        except BadRequest as error:
            return await write_response(error.response, send)
        fault = self.faults.draw()
        status = 0
        try:
            response = await self.handle(request, fault)
            status = response.status
        finally:
            self.requests.append(Logged(at=self.now(), request=request, status=status, fault=fault))
        await write_response(response, send)

    async def handle(self, request: Request, fault: FaultKind | None = None) -> Response:
        """Answers one request: withdrawal first, then the fault, then the platform's own method."""
        withdrawn = self.withdrawn(self._country(request)) if self.withdrawals else None
        if withdrawn is not None:
            response = self.gone(withdrawn.mode, request)
            if response is not None:
                return response
        match fault:
            case "timeout_before_write":
                raise SimulatedTimeout("no connection", maybe_sent=False)
            case "timeout_lost":
                raise SimulatedTimeout("no answer", maybe_sent=True)
            case "rate_limited":
                return self.rate_limited(request)
            case "server_error":
                return self.server_error(request)
            case "html_error":
                return text_response("<html><h1>502 Bad Gateway</h1></html>", 502, media_type="text/html")
            case _:
                return await self._answer(request, fault)

    def _country(self, request: Request) -> str | None:
        try:
            return self.country_of(request)
        except BadRequest:
            return None

    async def _answer(self, request: Request, fault: FaultKind | None) -> Response:
        if fault == "slow" and self.sleep is not None:
            await self.sleep(self.faults.seconds(1, SLOWNESS))
        found = find(self._routes, request)
        if isinstance(found, Response):
            return found
        name, request = found
        try:
            response = cast(Response, await getattr(self, name)(request))
        except BadRequest as error:
            response = error.response
        if fault == "timeout_after_write":
            raise SimulatedTimeout("the answer was lost", maybe_sent=True)
        if fault == "truncated_json" and response.chunks is None:
            return Response(response.status, response.content[: len(response.content) // 2], response.headers)
        return response
