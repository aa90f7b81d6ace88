"""Where a message belongs: which conversation it goes on with, or that it begins one.

The order is that of design.md: a reference that we gave out, the messages it answers, the platform's own thread, the
open conversation of that address, a new one. Finding a thread never proves who writes: only a participant joins one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Select, select

from omnichannel.continuation.replies import is_reply_token
from omnichannel.model.address import Assurance
from omnichannel.model.base import Visibility
from omnichannel.model.event import MessageReceived
from omnichannel.model.ids import IdSource
from omnichannel.stores import reply_tokens
from omnichannel.stores.directory import AddressRow
from omnichannel.stores.prepared import Prepared
from omnichannel.stores.reply_tokens import ReplyTo
from omnichannel.stores.schema import conversations, messages, moves, participants
from omnichannel.stores.units import AccountInfo, lane_of
from omnichannel.stores.upsert import among, insert_rows, member_of, update_rows, upsert

REOPEN_WITHIN = timedelta(days=14)
"""A private message so soon after the matter was resolved reopens it; later ones begin a new matter."""


@dataclass(slots=True)
class ConversationRow:
    """A conversation as a batch sees and changes it."""

    id: str
    brand: str
    customer_id: str
    address_id: str | None
    channel: str
    adapter: str
    account: str
    surface: str
    visibility: Visibility
    thread: str | None
    context: Mapping[str, str] | None
    options: list[list[str]] | None
    status: str
    waiting: bool
    waiting_at: datetime | None
    queue: str
    due_at: datetime | None
    language: str | None
    version: int
    lane: int
    created_at: datetime
    last_in_at: datetime | None
    linked_to: str | None
    moved_at: datetime | None = None
    history_hidden: bool = False
    unverified: bool = False


_FIELDS = tuple(ConversationRow.__slots__)
_FIXED = ("id", "brand", "customer_id", "lane", "created_at", "version")
_CHANGING = tuple((at, name) for at, name in enumerate(_FIELDS) if name not in _FIXED)
_values_of = attrgetter(*_FIELDS)

_FOUND: Select[*tuple[Any, ...]] = select(*(conversations.c[name] for name in _FIELDS))
_LEFT = Prepared(select(moves.c.from_address, moves.c.conversation_id).where(member_of(moves.c.from_address, "people")))
_BY_ID = Prepared(_FOUND.where(member_of(conversations.c.id, "values")))
_BY_ADDRESS = Prepared(_FOUND.where(member_of(conversations.c.address_id, "values")))


@dataclass(slots=True)
class Threads:
    """The conversations of one batch."""

    connection: Connection
    ids: IdSource
    now: datetime
    _by_id: dict[str, ConversationRow] = field(default_factory=dict[str, ConversationRow])
    _before: dict[str, Sequence[Any]] = field(default_factory=dict[str, Sequence[Any]])
    _by_thread: dict[tuple[str, str], list[ConversationRow]] = field(
        default_factory=dict[tuple[str, str], list[ConversationRow]]
    )
    _by_address: dict[str, list[ConversationRow]] = field(default_factory=dict[str, list[ConversationRow]])
    _by_message: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    _by_token: dict[str, ReplyTo] = field(default_factory=dict[str, ReplyTo])
    _new: dict[str, ConversationRow] = field(default_factory=dict[str, ConversationRow])
    _changed: dict[str, ConversationRow] = field(default_factory=dict[str, ConversationRow])
    _joined: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def load(
        self,
        *,
        address_ids: Iterable[str],
        threads: Iterable[str],
        references: Iterable[str],
        ids: Iterable[str] = (),
        tokens: Iterable[str] = (),
    ) -> None:
        """Reads the conversations that may be meant."""
        run = self.connection.execute
        self._by_token |= reply_tokens.find(self.connection, filter(is_reply_token, tokens))
        wanted = {*ids, *(made.conversation_id for made in self._by_token.values())}
        asked = list(set(references))
        if asked:
            said = select(messages.c.platform_id, messages.c.account, messages.c.conversation_id)
            for row in run(said.where(among(messages.c.platform_id, asked))):
                self._by_message[row.account, row.platform_id] = row.conversation_id
                wanted.add(row.conversation_id)
        people = list(set(address_ids))
        moved: dict[str, list[str]] = {}
        if people:
            for departure in _LEFT.rows(self.connection, people=people):
                moved.setdefault(departure.from_address, []).append(departure.conversation_id)
                wanted.add(departure.conversation_id)
        for query, values in ((_BY_ID, list(wanted)), (_BY_ADDRESS, people)):
            self._remember_all(query.rows(self.connection, values=values) if values else ())
        if threads:  # texts of others: they may hold anything
            self._remember_all(run(_FOUND.where(among(conversations.c.thread, set(threads)))).all())
        doubted = {row.linked_to for row in self._by_id.values() if row.unverified} - self._by_id.keys() - {None}
        if doubted:
            self._remember_all(_BY_ID.rows(self.connection, values=list(doubted)))
        for address_id, conversation_ids in moved.items():
            for conversation_id in conversation_ids:
                self._index(self._by_address, address_id, self._by_id.get(conversation_id))

    def _remember_all(self, rows: Sequence[Any]) -> None:
        """Oldest first: where several are meant, the first one counts. A database gives them in any order."""
        for row in sorted(rows, key=attrgetter("id")):
            self._before[row.id] = row
            self._remember(ConversationRow(*row))

    def _remember(self, row: ConversationRow) -> None:
        row = self._by_id.setdefault(row.id, row)
        if row.address_id is not None:
            self._index(self._by_address, row.address_id, row)
        if row.thread is not None:
            self._index(self._by_thread, (row.account, row.thread), row)

    @staticmethod
    def _index(index: dict[Any, list[ConversationRow]], key: Any, row: ConversationRow | None) -> None:
        if row is not None and row not in (rows := index.setdefault(key, [])):
            rows.append(row)

    def get(self, conversation_id: str) -> ConversationRow | None:
        """A conversation that was loaded or made in this batch."""
        return self._by_id.get(conversation_id)

    def of_message(self, account: str, platform_id: str) -> ConversationRow | None:
        """The conversation that holds a message."""
        return self._by_id.get(self._by_message.get((account, platform_id), ""))

    def holds(self, account: str, platform_id: str, row: ConversationRow) -> None:
        """A message of this batch is in that conversation."""
        self._by_message[account, platform_id] = row.id

    # -- which one

    def place(self, info: AccountInfo, sender: AddressRow, event: MessageReceived) -> tuple[ConversationRow, bool]:
        """The conversation for a message, and whether its sender speaks in it as who it is about.

        A person who turns up in another's public thread gets a conversation of their own, linked to it; what they say
        there without addressing us stays in the thread, and False tells so. Whoever answers a private conversation
        and is not, or not surely, whom it is about, gets one of their own too, marked as unverified.
        """
        threaded = self._threaded(info, event)
        own = next((row for row in threaded if self._may_join(row, sender, event)), None)
        if own is not None:
            return own, True
        if self._visibility(info, event) == "private" and not threaded:
            own = self._latest(sender, event)
            if own is not None:
                return own, True
        if threaded and not event.addressed:
            self._join(threaded[0], sender, "participant")
            return threaded[0], False
        origin = threaded[0] if threaded else None
        if origin is None or origin.visibility == "public":
            return self._denied(sender, event) or self.begin(info, sender, event, linked_to=origin), True
        return self._begun_beside(origin, sender, event) or self._begin_beside(origin, info, sender, event), True

    def _denied(self, sender: AddressRow, event: MessageReceived) -> ConversationRow | None:
        """Where the platform says that somebody else wrote: the conversation that was begun for such messages before,
        so that they do not fill a queue."""
        if event.assurance > Assurance.DENIED:
            return None
        rows = (row for row in self._by_address.get(sender.id, ()) if row.unverified and row.linked_to is None)
        return next((row for row in rows if self._still(row, event.occurred_at)), None)

    def _begun_beside(
        self, origin: ConversationRow, sender: AddressRow, event: MessageReceived
    ) -> ConversationRow | None:
        """The unverified conversation that this sender began there before."""
        rows = (row for row in self._by_address.get(sender.id, ()) if row.unverified and row.linked_to == origin.id)
        return next((row for row in rows if self._still(row, event.occurred_at)), None)

    def _begin_beside(
        self, origin: ConversationRow, info: AccountInfo, sender: AddressRow, event: MessageReceived
    ) -> ConversationRow:
        row = self.begin(info, sender, event, linked_to=origin, joins=False)
        row.unverified = True
        return row

    def _threaded(self, info: AccountInfo, event: MessageReceived) -> list[ConversationRow]:
        made = self._by_token.get(event.reference or "")
        meant = self._by_id.get(made.conversation_id) if made is not None else None
        found = [meant] if meant is not None and meant.brand == info.brand else []
        for reference in event.references:
            row = self.of_message(info.id, reference)
            if row is not None and row not in found:
                found.append(row)
        if event.thread is not None:
            found.extend(row for row in self._by_thread.get((info.id, event.thread), ()) if row not in found)
        return found

    def _may_join(self, row: ConversationRow, sender: AddressRow, event: MessageReceived) -> bool:
        """Only who the conversation is about, and only if this message is as sure to be theirs as their address is."""
        theirs = row.address_id == sender.id or row.customer_id in (sender.customer_id, sender.owner_id)
        return theirs and row.brand == sender.brand and event.assurance >= min(sender.assurance, 2)

    def _is_in_their_name(self, row: ConversationRow) -> bool:
        """Somebody else may have begun it under the address of whom the conversation beside it is about."""
        if row.unverified and row.linked_to is None:
            return True
        origin = self._by_id.get(row.linked_to or "") if row.unverified else None
        return origin is not None and origin.customer_id == row.customer_id

    def _latest(self, sender: AddressRow, event: MessageReceived) -> ConversationRow | None:
        """The open private conversation of this address; one that moved on from it counts, so that a late message on
        the old channel is not a new matter."""
        if event.assurance < min(sender.assurance, 2):
            return None
        rows = [
            row
            for row in self._by_address.get(sender.id, ())
            if (row.visibility == "private" or row.moved_at is not None)
            and self._still(row, event.occurred_at)
            and not self._is_in_their_name(row)
        ]
        return max(rows, key=lambda row: row.id, default=None)

    @staticmethod
    def _still(row: ConversationRow, at: datetime) -> bool:
        return row.status != "resolved" or (row.last_in_at is not None and at - row.last_in_at < REOPEN_WITHIN)

    @staticmethod
    def _visibility(info: AccountInfo, event: MessageReceived) -> Visibility:
        return info.visibility.get(event.surface, "private")

    # -- changes

    def begin(
        self,
        info: AccountInfo,
        sender: AddressRow,
        event: MessageReceived,
        linked_to: ConversationRow | None = None,
        *,
        joins: bool = True,
    ) -> ConversationRow:
        """A new conversation with its requester, who is a participant of the one that it is linked to if `joins`."""
        conversation_id = self.ids.new("cnv")
        row = ConversationRow(
            id=conversation_id,
            brand=info.brand,
            customer_id=sender.owner_id,
            address_id=sender.id,
            channel=info.channel,
            adapter=info.adapter,
            account=info.id,
            surface=event.surface,
            visibility=self._visibility(info, event),
            thread=event.thread,
            unverified=event.assurance <= Assurance.DENIED,
            context=None,
            options=None,
            status="open",
            waiting=False,
            waiting_at=None,
            queue=info.queue,
            due_at=None,
            language=sender.language,
            version=0,
            lane=lane_of(conversation_id),
            created_at=self.now,
            last_in_at=None,
            linked_to=linked_to.id if linked_to else None,
        )
        self._new[row.id] = row
        self._remember(row)
        self._join(row, sender, "requester")
        if linked_to is not None and joins:
            self._join(linked_to, sender, "participant")
        return row

    def _join(self, row: ConversationRow, sender: AddressRow, role: str) -> None:
        self._joined.append(
            {
                "conversation_id": row.id,
                "customer_id": sender.owner_id,
                "address_id": sender.id,
                "role": role,
                "joined_at": self.now,
            }
        )

    def touch(self, row: ConversationRow) -> None:
        """The row was changed: written by `flush`, with a new version."""
        if row.id not in self._new:
            self._changed[row.id] = row

    def flush(self) -> None:
        """Writes what the batch began and changed."""
        new = [dict(zip(_FIELDS, _values_of(row), strict=True)) for row in self._new.values()]
        insert_rows(self.connection, conversations, new)
        update_rows(self.connection, conversations, self._changes(), key="id", count="version")
        upsert(self.connection, participants, self._joined, key=("conversation_id", "customer_id"))

    def _changes(self) -> list[dict[str, Any]]:
        """The changed rows, with those columns that differ in any of them: what stands in an index is dear to write."""
        values = {row.id: _values_of(row) for row in self._changed.values()}
        differ: set[int] = set()
        for conversation_id, after in values.items():
            before = self._before[conversation_id]
            differ.update([at for at, _ in _CHANGING if after[at] is not before[at] and after[at] != before[at]])
        names = [(at, name) for at, name in _CHANGING if at in differ]
        return [{"id": one} | {name: after[at] for at, name in names} for one, after in values.items()]
