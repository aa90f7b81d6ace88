"""A store in memory with a standing clock, and short ways to put something into it and to look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, select

from omnichannel.channel.wire import Envelope
from omnichannel.model.content import Text
from omnichannel.model.event import ChannelEvent, MessageReceived
from omnichannel.model.message import Decision, Step
from omnichannel.stores import deciding, drivers, journal, leases, outgoing, schema, turns
from omnichannel.stores.deciding import NewStep, Start
from omnichannel.stores.deliveries import insert_one
from omnichannel.stores.intake import Intake, Parsed
from omnichannel.stores.journal import Arrival
from omnichannel.stores.sql import SqlStore, Unit
from omnichannel.stores.units import AccountInfo, DueTurn, NewDelivery, TurnResult
from omnichannel.testing.clock import START
from omnichannel.testing.ids import SeededIds
from omnichannel.testing.template_store import TemplateStore

T = TypeVar("T")
ANN = "+33612345678"
BOB = "+33698765432"
LANES = range(64)
INFOS: Mapping[str, AccountInfo] = {
    "wa": AccountInfo(id="wa", channel="whatsapp", adapter="whatsapp"),
    "wa2": AccountInfo(id="wa2", channel="whatsapp", adapter="whatsapp"),
    "klm": AccountInfo(id="klm", channel="whatsapp", adapter="whatsapp", brand="klm"),
    "x": AccountInfo(id="x", channel="x", adapter="x", visibility={"mention": "public", "dm": "private"}),
    "care": AccountInfo(
        id="care", channel="email", adapter="smtp_imap", queue="mail", first_response=timedelta(hours=4)
    ),
}


class Standing:
    """A clock for ids: it moves when the test says so."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


@dataclass
class Desk:
    """The store as the workers use it, one call at a time."""

    store: SqlStore = field(default_factory=lambda: TemplateStore("sqlite://", threads=False))
    clock: Standing = field(default_factory=Standing)
    count: int = 0

    def __post_init__(self) -> None:
        self.store.open_sync()
        self.ids = SeededIds(7, self.clock)

    @property
    def now(self) -> datetime:
        return self.clock.time

    def later(self, by: timedelta) -> datetime:
        self.clock.time += by
        return self.clock.time

    def run(self, unit: Unit[T]) -> T:
        return self.store.write_sync(unit)

    def rows(self, table: Table, **where: Any) -> Sequence[Any]:
        wanted = [table.c[name] == value for name, value in where.items()]
        query = select(table).where(*wanted).order_by(*table.primary_key.columns)
        return self.run(lambda c: c.execute(query).all())

    def one(self, table: Table, **where: Any) -> Any:
        (row,) = self.rows(table, **where)
        return row

    def kept(self, text: str) -> str:
        """A text as the database keeps it: PostgreSQL cannot store NUL."""
        return text if drivers.is_sqlite(self.store.url) else text.replace("\0", "\ufffd")

    # -- inbound

    def arrive(self, *contents: bytes, endpoint: str = "wa") -> list[int]:
        arrivals = [Arrival(endpoint, Envelope(content=content, received_at=self.now)) for content in contents]
        self.run(lambda c: journal.append(c, arrivals))
        return [row.seq for row in self.rows(schema.journal)][-len(contents) :]

    def file(self, *events: ChannelEvent) -> set[int]:
        """Journals a webhook and files what is in it."""
        (seq,) = self.arrive(b"{}")
        return self.run(lambda c: self.intake(c).file([Parsed(seq, events)]))

    def intake(self, connection: Connection) -> Intake:
        return Intake(connection, INFOS, self.ids, self.now)

    def said(self, text: str = "Hello", *, sender: str = ANN, account: str = "wa", **more: Any) -> MessageReceived:
        """A message that nobody has seen before."""
        self.count += 1
        given: dict[str, Any] = {"dedupe": f"wamid.{self.count}", "occurred_at": self.now} | more
        return MessageReceived(account=account, sender=sender, text=text, **given)

    def hear(self, text: str = "Hello", **more: Any) -> Any:
        """Files a message and gives its row."""
        event = self.said(text, **more)
        self.file(event)
        return self.one(schema.messages, platform_id=event.message_id or event.dedupe, account=event.account)

    # -- handling

    def fence(self, lane: int, owner: str = "me", ttl: timedelta = leases.TTL) -> int | None:
        name = turns.lease_name(lane)
        return self.run(lambda c: leases.acquire(c, [name], owner, self.now, ttl)).get(name)

    def due(self, *, busy: frozenset[str] = frozenset(), lanes: Sequence[int] = LANES, limit: int = 100) -> Any:
        return self.run(lambda c: turns.claim(c, lanes, self.now, busy, limit))

    def result(self, turn: DueTurn, owner: str = "me", fence: int | None = None, **more: Any) -> TurnResult:
        return TurnResult(
            seq=turn.seq,
            lane=turn.lane,
            fence=self.fence(turn.lane, owner) or 0 if fence is None else fence,
            owner=owner,
            conversation_id=turn.conversation.id,
            now=self.now,
            ids=self.ids,
            **more,
        )

    # -- outbound

    def delivery(self, conversation: Any, text: str = "Hi", **more: Any) -> NewDelivery:
        given: dict[str, Any] = {
            "id": self.ids.new("dlv"),
            "brand": conversation.brand,
            "customer_id": conversation.customer_id,
            "conversation_id": conversation.id,
            "content": Text(text),
            "created_at": self.now,
        }
        return NewDelivery(**given | more)

    def queue(self, conversation: Any, text: str = "Hi", **more: Any) -> str:
        new = self.delivery(conversation, text, **more)
        return self.run(lambda c: insert_one(c, new))

    def begin(self, delivery_id: str, *texts: str, success: Any = "accepted", account: str = "wa") -> None:
        """Decides for an account, in so many parts."""
        info = INFOS[account]
        step = Step(
            channel=info.channel,
            adapter=info.adapter,
            account=account,
            surface="dm",
            address=ANN,
            success=success,
        )
        address = self.rows(schema.addresses, value=ANN)[0].id
        begun = NewStep(step, address, [Text(text) for text in texts or ("Hi",)], None)
        decision = Decision(steps=(step,), refused=(), rules_version="1", decided_at=self.now)
        row, known = self.one(schema.deliveries, id=delivery_id), self.rows(schema.steps, delivery_id=delivery_id)
        decided = deciding.begins(row, known, decision, {}, begun, self.ids)
        self.run(lambda c: deciding.keep(c, [decided]))

    def attempt(self, delivery_id: str, n: int = 0, owner: str = "me") -> tuple[str, int]:
        """Starts an attempt of a part; gives the part's key and the attempt."""
        out = self.run(lambda c: outgoing.load(c, delivery_id))
        part, step = [one for one in out.parts if one.step == out.delivery.step][n], out.steps[-1]
        fence, lane = self.fence(out.delivery.lane, owner), out.delivery.lane
        start = Start(part, step, (turns.lease_name(lane), owner, fence or 0), self.now)
        (started,) = self.run(lambda c: deciding.start(c, [start]))
        assert isinstance(started, int)
        return part.key, started

    def facts(self, kind: str) -> list[Mapping[str, Any]]:
        return [row.data for row in self.rows(schema.log, type=kind)]
