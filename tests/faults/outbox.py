"""A simulation of the outbox: a platform that plays faults, a process that dies at every step, and a judge.

The judge knows what the platform saw and what was injected. It holds that against the rows, and asks our code nothing.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Executable, select

from omnichannel import Handlers, Hub, Text, Turn
from omnichannel.adapters.whatsapp import WhatsAppAccount
from omnichannel.channel.wire import Envelope, HttpRequest, HttpResponse
from omnichannel.hub.ports import Ports
from omnichannel.hub.settings import HubSettings
from omnichannel.runtime.transport import Transport, TransportError
from omnichannel.stores import schema
from omnichannel.stores.deliveries import insert_all
from omnichannel.stores.units import NewDelivery
from omnichannel.testing.clock import FakeClock
from omnichannel.testing.ids import SeededIds
from omnichannel.testing.template_store import TemplateStore
from tests.canaries import canary

T = TypeVar("T")

PHONE_NUMBER_ID = "106540352242922"
HIDDEN = ("timeout_lost", "timeout_after_write", "truncated")
"""Faults after which nobody can know whether the platform took the message."""
FAULTS = (*HIDDEN, "timeout_before_write", "429", "500", "late_failure")
STEPS = ("journal", "unit_before", "unit_after", "before", "started", "wire", "answered", "settled")
REACHED = {"accepted", "sent", "delivered", "read", "replied"}
CODE = "code "
MOST_LIVES = 400
NEVER_AGAIN = 131_026
"""Undeliverable: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes"""

_sending: ContextVar[Request | None] = ContextVar("sending", default=None)


class Killed(BaseException):
    """The process ends here, without a word."""


@dataclass(slots=True)
class Request:
    """One send that the platform got, and what became of it."""

    text: str
    key: str
    fault: str | None
    done: bool
    life: int
    settled: bool = False
    undone: bool = False
    """It was taken, and failed later: it never was on the phone."""

    @property
    def hidden(self) -> bool:
        """Whether our side cannot have known how it ended: the answer was lost, or the process was."""
        return self.fault in HIDDEN or (self.done and not self.settled)


@dataclass
class Simulation:
    """One seed: so many customers who write once, so many processes as it takes."""

    seed: int
    customers: int
    fault_rate: float = 0.3
    crash_rate: float = 0.02
    random: random.Random = field(init=False)
    clock: FakeClock = field(init=False, default_factory=FakeClock)
    requests: list[Request] = field(init=False, default_factory=list[Request])
    crashes: Counter[str] = field(init=False, default_factory=Counter[str])
    faults: Counter[str] = field(init=False, default_factory=Counter[str])
    acknowledged: set[str] = field(init=False, default_factory=set[str])
    statuses: list[tuple[datetime, Mapping[str, Any]]] = field(init=False)
    life: int = field(init=False, default=0)
    dying: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.statuses = []
        self.ids = SeededIds(self.seed, self.clock)
        self.store = _MortalStore(self.crash)
        account = WhatsAppAccount.model_validate(
            {
                "id": "wa",
                "phone_number_id": PHONE_NUMBER_ID,
                "app_secret": canary("app_secret"),
                "token": canary("token"),
            }
        )
        handlers = Handlers()
        handlers.on_message(self._answer)
        ports = Ports(
            clock=self.clock,
            ids=self.ids,
            store=self.store,
            transport=lambda media: cast(Transport, self),
            environ={},
            random=random.Random(self.seed),
            crash=self.crash,
        )
        self.hub = Hub([], handlers=handlers, work=False).replica(HubSettings(accounts=(account,)), ports)

    # -- our side

    async def _answer(self, turn: Turn) -> None:
        await turn.reply(f"re {turn.message.text}")

    def crash(self, step: str) -> None:
        """Where the process may end, and what is known to have been settled by then."""
        request = _sending.get()
        if step == "settled" and request is not None:
            request.settled = True
        if self.dying and self.random.random() < self.crash_rate:
            self.crashes[step] += 1
            raise Killed(step)

    # -- the platform, as the transport of our side

    async def send(self, request: HttpRequest, *, account: str) -> HttpResponse:
        """Takes a message, or plays a fault."""
        body = cast(dict[str, Any], request.body)
        text, key = body["text"]["body"], body["biz_opaque_callback_data"]
        fault = self._draw()
        seen = Request(text, key, fault, fault in (None, "timeout_after_write", "truncated", "late_failure"), self.life)
        self.requests.append(seen)
        _sending.set(seen)
        if seen.done:
            self._taken(seen, body["to"])
            self.crash("wire")
        return _answered(fault, f"wamid.{len(self.requests)}")

    def _draw(self) -> str | None:
        if not self.dying or self.random.random() >= self.fault_rate:
            return None
        fault = self.random.choice(FAULTS)
        self.faults[fault] += 1
        return fault

    def _taken(self, seen: Request, to: str) -> None:
        """Some messages get a status, some are never spoken of again."""
        seen.undone = seen.fault == "late_failure"
        if not seen.undone and self.random.random() < 0.4:
            return
        status: dict[str, Any] = {
            "id": f"wamid.{len(self.requests)}",
            "status": "failed" if seen.undone else self.random.choice(("sent", "delivered")),
            "timestamp": str(int(self.clock.now().timestamp())),
            "recipient_id": to,
            "biz_opaque_callback_data": seen.key,
        }
        if seen.undone:
            status["errors"] = [{"code": NEVER_AGAIN, "title": "Message undeliverable"}]
        at = self.clock.now() + timedelta(seconds=self.random.choice((0, 0, 5, 700)))
        self.statuses.append((at, {"statuses": [status]}))

    async def aclose(self) -> None:
        """Nothing is open."""

    # -- what happens

    async def run(self) -> None:
        """Everybody writes; processes live and die until nothing is left to do."""
        waiting = [f"m{number}" for number in range(self.customers)]
        codes = self.random.sample(range(self.customers), self.customers // 10)
        while True:
            self.life += 1
            try:
                async with self._process() as hub:
                    while waiting:
                        await self._say(hub, waiting[0])
                        waiting.pop(0)
                    await self._queue_codes(hub, codes)
                    await self._until_at_rest(hub)
                return
            except* Killed:
                await self.clock.advance(timedelta(seconds=self.random.choice((1, 31))))

    @asynccontextmanager
    async def _process(self) -> AsyncGenerator[Hub]:
        """A process on the same store; opening and closing it is not what dies here."""
        self.dying = False
        async with self.hub as hub:
            self.dying = self.life < MOST_LIVES
            try:
                yield hub
            finally:
                self.dying = False

    async def _say(self, hub: Hub, text: str) -> None:
        """A webhook, told again until it was acknowledged."""
        number = int(text[1:])
        message = {
            "from": f"336{number:08}",
            "id": f"wamid.in.{number}",
            "timestamp": str(int(self.clock.now().timestamp())),
            "type": "text",
            "text": {"body": text},
        }
        self.crash("journal")
        await self._webhook(hub, {"messages": [message]})
        self.acknowledged.add(text)

    async def _webhook(self, hub: Hub, value: Mapping[str, Any]) -> None:
        metadata = {"display_phone_number": "15550783881", "phone_number_id": PHONE_NUMBER_ID}
        change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
        body = {"object": "whatsapp_business_account", "entry": [{"id": "1022", "changes": [change]}]}
        now = self.clock.now()
        await hub.core.journal("wa", Envelope(content=json.dumps(body).encode(), received_at=now))

    async def _queue_codes(self, hub: Hub, codes: list[int]) -> None:
        """One-time codes to some of them, when their conversations are there."""
        while codes:
            await hub.core.worker.drain()
            await self._tell(hub)
            number = codes[-1]
            c = schema.messages.c
            query = select(c.conversation_id, c.customer_id).where(c.text == f"m{number}", c.direction == "in")
            place = await hub.core.store.read(partial(_one, query=query))
            if place is None:  # the process that died still holds the lease
                await self.clock.advance(timedelta(seconds=31))
                continue
            new = NewDelivery(
                id=self.ids.new("dlv"),
                brand="default",
                customer_id=place.customer_id,
                conversation_id=place.conversation_id,
                content=Text(f"{CODE}{number}"),
                created_at=self.clock.now(),
                kind="code",
                visibility="private",
                order=("whatsapp",),
                automatic=True,
                idempotency_key=f"code:{number}",
            )
            await hub.core.store.write(partial(insert_all, new=[new]))
            codes.pop()

    async def _until_at_rest(self, hub: Hub) -> None:
        """Days pass: retries, statuses, waits for what is unknown."""
        end = self.clock.now() + timedelta(days=2)
        while True:
            await hub.core.worker.drain()
            if await self._tell(hub):
                continue
            due = [await hub.core.worker.next_due(), *(at for at, _ in self.statuses)]
            later = min((at for at in due if at is not None), default=end)
            if later >= end:
                return
            # What is due and was not done waits for a lease of a process that has died.
            await self.clock.advance_to(max(later, self.clock.now() + timedelta(seconds=1)))

    async def _tell(self, hub: Hub) -> bool:
        """The statuses that are due, again and again until they were acknowledged."""
        due = [one for one in self.statuses if one[0] <= self.clock.now()]
        for one in due:
            await self._webhook(hub, one[1])
            self.statuses.remove(one)
        return bool(due)

    # -- judging

    def verdict(self) -> list[str]:
        """What is wrong, from the history and the rows; nothing where all is well."""
        self.store.mortal = False
        self.store.open_again()
        rows = self.store.read_sync(_rows)
        self.store.close_for_good()
        by_text: dict[str, list[Request]] = {}
        for request in self.requests:
            by_text.setdefault(request.text, []).append(request)
        wrong: list[str] = []
        for text in self.acknowledged:
            code = by_text.get(f"{CODE}{text[1:]}", [])
            gone = any(one.undone for one in [*code, *by_text.get(f"re {text}", [])])
            wrong += _judged(f"re {text}", rows.get(f"re {text}"), by_text.get(f"re {text}", []), gone, self.life)
        for text, row in rows.items():
            if text.startswith(CODE):
                answer = by_text.get(f"re m{text.removeprefix(CODE)}", [])
                gone = any(one.undone for one in [*answer, *by_text.get(text, [])])
                wrong += _judged(text, row, by_text.get(text, []), gone, self.life)
                if sum(one.done or one.fault in HIDDEN for one in by_text.get(text, [])) > 1:
                    wrong.append(f"{text}: a one-time code may have been sent twice")
        wrong += [f"{text}: nobody asked for that" for text in by_text if text not in rows]
        doubles = sum(max(0, _copies(found) - 1) for found in by_text.values())
        hidden = sum(one.hidden for one in self.requests)
        if doubles > hidden:
            wrong.append(f"{doubles} doubles, {hidden} answers hidden")
        return [f"seed {self.seed}: {one}" for one in wrong]


@dataclass(frozen=True, slots=True)
class Row:
    """What our rows say about one text."""

    count: int
    state: str
    reason: str
    doubts: int
    attempts: int


def _one(connection: Connection, query: Executable) -> Any:
    return connection.execute(query).one_or_none()


def _copies(requests: list[Request]) -> int:
    return sum(one.done and not one.undone for one in requests)


def _judged(text: str, row: Row | None, requests: list[Request], gone: bool, last: int) -> list[str]:
    """Whether one message was lost, doubled without a cause, or told of wrongly. `gone`: the platform has said later
    of a message to this customer that it cannot be delivered. `last`: the process that was not killed."""
    if row is None:
        return [f"{text}: lost, there is no row"]
    copies, hidden = _copies(requests), [one for one in requests if one.hidden]
    wrong: list[str] = []
    if row.count != 1:
        wrong.append(f"{text}: {row.count} rows for one answer")
    if row.state in REACHED and copies == 0:
        wrong.append(f"{text}: lost, the row says {row.state} and the phone shows nothing")
    # The process may also have died before the request that was written as begun, or before a refusal was settled.
    died = row.attempts > len(requests) or any(not one.settled and one.life < last for one in requests)
    if row.state == "unknown" and not hidden and not died:
        wrong.append(f"{text}: unknown, and no answer was hidden")
    if row.state == "failed" and not gone:
        wrong.append(f"{text}: failed ({row.reason}), and the platform never said so")
    if row.state not in REACHED | {"unknown", "failed"}:
        wrong.append(f"{text}: still {row.state} ({row.reason})")
    if copies > 1 + sum(one.done and not one.undone for one in hidden):
        wrong.append(f"{text}: {copies} copies, {len(hidden)} hidden")
    if copies > 2:
        wrong.append(f"{text}: {copies} copies")
    if hidden and not row.doubts and row.state not in REACHED | {"failed"}:
        wrong.append(f"{text}: an answer was hidden, and no row says so")
    return wrong


def _rows(connection: Connection) -> dict[str, Row]:
    d, a, p = schema.deliveries.c, schema.attempts.c, schema.parts.c
    doubts: Counter[str] = Counter()
    attempts: Counter[str] = Counter()
    query = select(p.delivery_id, a.was_unknown).join(schema.parts, p.key == a.part)
    for delivery_id, was_unknown in connection.execute(query):
        attempts[delivery_id] += 1
        doubts[delivery_id] += bool(was_unknown)
    found: dict[str, Row] = {}
    for row in connection.execute(select(d.id, d.content, d.state, d.reason)):
        text = row.content["text"]
        count = found[text].count + 1 if text in found else 1
        found[text] = Row(count, row.state, row.reason or "", doubts[row.id], attempts[row.id])
    return found


def _answered(fault: str | None, message_id: str) -> HttpResponse:
    """What comes back over the wire. Raises `TransportError`."""
    headers = {"content-type": "application/json"}
    taken = json.dumps({"messaging_product": "whatsapp", "contacts": [], "messages": [{"id": message_id}]}).encode()
    match fault:
        case "timeout_before_write":
            raise TransportError("refused", maybe_sent=False)
        case "timeout_lost" | "timeout_after_write":
            raise TransportError("timeout", maybe_sent=True)
        case "truncated":
            return HttpResponse(200, headers, taken[: len(taken) // 2])
        case "429":
            error = {"error": {"code": 130_429, "message": "Rate limit hit", "type": "OAuthException"}}
            return HttpResponse(429, {**headers, "retry-after": "3"}, json.dumps(error).encode())
        case "500":
            error = {"error": {"code": 131_000, "message": "Something went wrong", "type": "OAuthException"}}
            return HttpResponse(500, headers, json.dumps(error).encode())
        case _:
            return HttpResponse(200, headers, taken)


class _MortalStore(TemplateStore):
    """One database in memory for many processes, each of which may die before or after any commit."""

    def __init__(self, crash: Callable[[str], None]) -> None:
        super().__init__("sqlite://", threads=False, durable=False)
        self.crash = crash
        self.mortal = True
        self.opened = False

    async def __aenter__(self) -> Any:
        self.open_again()
        return self

    def open_again(self) -> None:
        """The next process opens what the last one left."""
        if not self.opened:
            self.opened = True
            self.open_sync()

    def close_sync(self) -> None:
        """A process ends; the database does not."""

    def close_for_good(self) -> None:
        """The end of the simulation."""
        super().close_sync()

    async def _submit(self, job: Any) -> Any:
        if not self.mortal:
            return await super()._submit(job)
        self.crash("unit_before")
        done = await super()._submit(job)
        self.crash("unit_after")
        return done

    async def write_side_by_side(self, units: Any) -> Any:
        """The same."""
        self.crash("unit_before")
        done = await super().write_side_by_side(units)
        self.crash("unit_after")
        return done
