"""Stage one of inbound: parsed events become rows, each exactly once, in one unit with their journal rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import Connection

from omnichannel.continuation.references import find_references, normalise
from omnichannel.continuation.replies import is_reply_token
from omnichannel.kit.degrade import match_choice
from omnichannel.kit.language import guess
from omnichannel.kit.mask import mask_cards
from omnichannel.kit.optout import opt_out_word
from omnichannel.model.base import dump
from omnichannel.model.content import Media, QuickReply
from omnichannel.model.event import (
    CHANNEL_EVENT,
    AccountChanged,
    ChannelEvent,
    ConsentChanged,
    DeliveryUpdated,
    IdentityChanged,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    Unrecognized,
)
from omnichannel.model.ids import IdSource
from omnichannel.stores import attachments, journal, log, redemption, responses
from omnichannel.stores.answered import heard
from omnichannel.stores.consents import record as record_consent
from omnichannel.stores.directory import OPTED_OUT, AddressRow, Directory
from omnichannel.stores.inbound_changes import delete_message, edit_message, filed, record_account_change
from omnichannel.stores.schema import events, media, messages
from omnichannel.stores.statuses import apply_status, settle_by_echo
from omnichannel.stores.texts import without_nul
from omnichannel.stores.threads import ConversationRow, Threads
from omnichannel.stores.units import AccountInfo, Fact
from omnichannel.stores.upsert import insert_rows


@dataclass(frozen=True, slots=True)
class Parsed:
    """A journal row with what was found in it, or why nothing could be."""

    seq: int
    events: Sequence[ChannelEvent] = ()
    error: str | None = None


@dataclass(slots=True)
class Intake:
    """Files one batch. Made for one unit of work and thrown away with it."""

    connection: Connection
    accounts: Mapping[str, AccountInfo]
    ids: IdSource
    now: datetime
    people: Directory = field(init=False)
    threads: Threads = field(init=False)
    lanes: set[int] = field(default_factory=set[int])
    _heard: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    _events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _media: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _facts: list[Fact] = field(default_factory=list[Fact])
    _answerable: list[tuple[str, int, str]] = field(default_factory=list[tuple[str, int, str]])

    def __post_init__(self) -> None:
        self.people = Directory(self.connection, self.ids, self.now)
        self.threads = Threads(self.connection, self.ids, self.now)

    def file(self, batch: Sequence[Parsed]) -> set[int]:
        """Files a batch of parsed journal rows; gives the lanes that have work now."""
        if self.connection.dialect.name == "postgresql":
            batch = without_nul(batch)
        fresh = self._fresh([(row.seq, event) for row in batch for event in row.events])
        self._load([event for _, event in fresh])
        for seq, event in fresh:
            self._take(seq, event)
        self._flush()
        journal.parsed(self.connection, [row.seq for row in batch if row.error is None])
        for row in batch:
            if row.error is not None:
                journal.park(self.connection, row.seq, row.error)
        return self.lanes

    def _fresh(self, found: Sequence[tuple[int, ChannelEvent]]) -> list[tuple[int, ChannelEvent]]:
        """Those that were never filed before: by the platform's own key, for ever."""
        keys = list({event.dedupe for _, event in found})
        if not keys:
            return []
        seen = filed(self.connection, keys)
        fresh: list[tuple[int, ChannelEvent]] = []
        for seq, event in found:
            key = (event.account, event.kind, event.dedupe)
            if key not in seen:
                seen.add(key)
                fresh.append((seq, event))
        return fresh

    def _load(self, found: Sequence[ChannelEvent]) -> None:
        received = [event for event in found if isinstance(event, MessageReceived)]
        names = [value for event in received for value in (event.sender, *event.aliases.values())]
        names += [event.sender for event in found if isinstance(event, ConsentChanged | IdentityChanged)]
        self.people.load(names)
        known = [self.people.find(self._info(event), event.sender, event.aliases) for event in received]
        self.threads.load(
            address_ids=[row.id for row in known if row is not None],
            threads=[event.thread for event in received if event.thread is not None],
            references=[reference for event in received for reference in event.references],
            tokens=[event.reference for event in received if event.reference is not None],
        )

    def _info(self, event: ChannelEvent) -> AccountInfo:
        return self.accounts.get(event.account) or AccountInfo(id=event.account, channel="", adapter="")

    # -- one event

    def _take(self, seq: int, event: ChannelEvent) -> None:
        match event:
            case MessageReceived():
                self._receive(seq, event)
            case DeliveryUpdated():
                self._settled(seq, event, apply_status(self.connection, event, self.now, self.ids))
            case MessageEchoed():
                self._settled(seq, event, settle_by_echo(self.connection, event, self._info(event), self.now, self.ids))
            case MessageEdited():
                self._settled(seq, event, edit_message(self.connection, event))
            case MessageDeleted():
                self._settled(seq, event, delete_message(self.connection, event))
            case ReactionChanged():
                fact = {"account": event.account, "message": event.message_id, "emoji": event.emoji}
                self._settled(seq, event, [Fact(type="reaction.changed", brand=self._info(event).brand, data=fact)])
            case ConsentChanged():
                self._consent(seq, event)
            case IdentityChanged():
                self._identity(seq, event)
            case AccountChanged():
                self._settled(seq, event, record_account_change(self.connection, event, self._info(event), self.now))
            case Unrecognized():
                what = {"account": event.account, "what": event.what, "reason": event.reason}
                self._settled(seq, event, [Fact(type="event.unrecognized", brand=self._info(event).brand, data=what)])
            case _:
                assert_never(event)

    def _settled(self, seq: int, event: ChannelEvent, facts: Sequence[Fact], data: bool = True) -> None:
        """An event that needs no handler: kept, and told to whoever follows the log."""
        self._event(seq, event, state="done", data=dump(CHANNEL_EVENT, event) if data else None)
        self._facts.extend(facts)

    def _event(self, seq: int, event: ChannelEvent, *, state: str, **more: Any) -> None:
        row: dict[str, Any] = {
            "key": event.dedupe,
            "account": event.account,
            "kind": event.kind,
            "journal_seq": seq,
            "occurred_at": event.occurred_at,
            "conversation_id": None,
            "message_id": None,
            "lane": None,
            "state": state,
            "due_at": None,
            "data": None,
        }
        self._events.append(row | more)

    # -- a message

    def _receive(self, seq: int, event: MessageReceived) -> None:
        info = self._info(event)
        sender = self.people.sender(info, event)
        self._returned(info, sender, event)
        redeemed = self._redeem(info, sender, event)
        if redeemed is None:
            conversation, about = self.threads.place(info, sender, event)
        else:
            conversation, about = redeemed, True
        language = event.language or guess(event.text)
        if language is not None:
            self.people.speaks(sender, language)
        message_id = self.ids.new("msg")
        choice = event.choice or self._choice(conversation, event)
        stopped = about and choice is None and self._opt_out(info, sender, event)
        self._message(message_id, seq, info, sender, conversation, event, choice, language)
        # What is not for us in a private thread (another app of the page holds it, a link was opened) is only kept.
        private = info.visibility.get(event.surface, "private") == "private"
        heard = event.addressed or redeemed is not None or not private
        handled = event.automatic or not about or stopped or not heard
        if about and not event.automatic:
            self._heard.setdefault(conversation.id, set()).update((sender.customer_id, sender.owner_id))
            self._advance(info, conversation, sender, event, waiting=not stopped and heard)
        self._event(
            seq,
            event,
            state="done" if handled else "new",
            conversation_id=conversation.id,
            message_id=message_id,
            lane=None if handled else conversation.lane,
            due_at=None if handled else self.now,
        )
        if not handled:
            self.lanes.add(conversation.lane)
        if info.answers and not handled:
            self._answerable.append((message_id, seq, conversation.id))
        what = {"message": message_id, "conversation": conversation.id, "customer": conversation.customer_id}
        self._facts.append(Fact(type="message.received", brand=info.brand, data=what | {"channel": info.channel}))

    def _returned(self, info: AccountInfo, sender: AddressRow, event: MessageReceived) -> None:
        """Who writes again from an address that the platform had called opted out may be answered there."""
        if (sender.unreachable or "").endswith(OPTED_OUT) and not event.automatic:
            fact = record_consent(
                self.connection,
                info=info,
                customer_id=sender.owner_id,
                address_id=sender.id,
                purpose="all",
                granted=True,
                source="wrote_again",
                text=mask_cards(event.text),
                at=event.occurred_at,
            )
            self._facts.append(fact)
        sender.unreachable = None

    def _redeem(self, info: AccountInfo, sender: AddressRow, event: MessageReceived) -> ConversationRow | None:
        """A reference of ours in the message takes its conversation up here."""
        given = event.reference if event.reference and not is_reply_token(event.reference) else None
        # A platform's own field also carries words of campaigns, which are no guesses.
        found = [given] if given and normalise(given) else list(find_references(event.text))
        if not found:
            return None
        use = redemption.redeem_first(self.connection, found, info, sender, event, self.now)
        if use is None:
            return None
        self.threads.load(address_ids=(), threads=(), references=(), ids=[use.conversation_id, use.opened_in or ""])
        origin = self.threads.get(use.conversation_id)
        opened = self.threads.get(use.opened_in) if use.opened_in else None
        if origin is None or opened is not None:
            return opened
        if use.kind == "moved_empty":
            opened = self.threads.begin(info, sender, event, linked_to=origin)
            opened.history_hidden, opened.queue = True, origin.queue
        elif use.kind == "moved":
            opened = origin
        else:
            return origin
        self._facts.extend(redemption.take_up(self.connection, origin, opened, info, sender, event, use, self.now))
        self.threads.touch(origin)
        return opened

    @staticmethod
    def _choice(conversation: ConversationRow, event: MessageReceived) -> str | None:
        if not conversation.options:
            return None
        return match_choice(event.text, [QuickReply(title, id=choice) for title, choice in conversation.options])

    def _opt_out(self, info: AccountInfo, sender: AddressRow, event: MessageReceived) -> bool:
        """Words that revoke or give consent act here, before any handler and in the same transaction."""
        if event.automatic or info.visibility.get(event.surface, "private") == "public":
            return False
        word = opt_out_word(event.text, sender.language)
        if word not in ("stop", "start"):
            return False
        fact = record_consent(
            self.connection,
            info=info,
            customer_id=sender.owner_id,
            address_id=sender.id,
            purpose="all",
            granted=word == "start",
            source="keyword",
            text=event.text,
            at=event.occurred_at,
        )
        self._facts.append(fact)
        return word == "stop"

    def _message(
        self,
        message_id: str,
        seq: int,
        info: AccountInfo,
        sender: AddressRow,
        conversation: ConversationRow,
        event: MessageReceived,
        choice: str | None,
        language: str | None,
    ) -> None:
        platform_id = event.message_id or event.dedupe
        self.threads.holds(info.id, platform_id, conversation)
        kept = [self._attachment(message_id, seq, info, item) for item in event.attachments]
        self._messages.append(
            {
                "id": message_id,
                "conversation_id": conversation.id,
                "customer_id": sender.owner_id,
                "direction": "in",
                "channel": info.channel,
                "adapter": info.adapter,
                "account": info.id,
                "surface": event.surface,
                "visibility": info.visibility.get(event.surface, "private"),
                "address_id": sender.id,
                "sent_at": event.occurred_at,
                "recorded_at": self.now,
                # What is shown; the bytes as they came are in the journal, as long as that keeps them.
                "text": mask_cards(event.text),
                "full_text": mask_cards(event.full_text) if event.full_text else event.full_text,
                "language": language or sender.language,
                "choice": choice,
                "reply_to": event.reply_to,
                "platform_id": platform_id,
                "automatic": event.automatic,
                "assurance": event.assurance,
                "attachments": kept or None,
            }
        )

    def _attachment(self, message_id: str, seq: int, info: AccountInfo, item: Media) -> dict[str, Any]:
        row = attachments.row_of(self.ids.new("med"), message_id, seq, info.id, item)
        self._media.append(row)
        return attachments.shown(row, item)

    def _advance(
        self,
        info: AccountInfo,
        conversation: ConversationRow,
        sender: AddressRow,
        event: MessageReceived,
        *,
        waiting: bool,
    ) -> None:
        """The conversation after a message of whom it is about."""
        conversation.last_in_at = max(event.occurred_at, conversation.last_in_at or event.occurred_at)
        if conversation.address_id == sender.id:
            if event.context:
                conversation.context = dict(event.context)
            if event.thread is not None and conversation.account == info.id:
                conversation.thread = conversation.thread or event.thread
            conversation.surface = event.surface if conversation.account == info.id else conversation.surface
            conversation.visibility = info.visibility.get(conversation.surface, conversation.visibility)
        conversation.options = None
        conversation.language = conversation.language or sender.language
        conversation.status = "open"
        if waiting and not conversation.waiting:
            conversation.waiting, conversation.waiting_at = True, self.now
            conversation.due_at = self.now + info.first_response if info.first_response else None
        self.threads.touch(conversation)

    # -- people

    def _consent(self, seq: int, event: ConsentChanged) -> None:
        info = self._info(event)
        row = self.people.find(info, event.sender, event.aliases)
        facts: list[Fact] = []
        if row is not None:
            facts.append(
                record_consent(
                    self.connection,
                    info=info,
                    customer_id=row.owner_id,
                    address_id=row.id,
                    purpose=event.purpose,
                    granted=event.granted,
                    source="platform",
                    text=event.text,
                    at=event.occurred_at,
                )
            )
        self._settled(seq, event, facts)

    def _identity(self, seq: int, event: IdentityChanged) -> None:
        info = self._info(event)
        row = self.people.find(info, event.sender, event.aliases)
        if row is not None:
            self.people.rename(row, event.becomes, event.aliases)
        self._settled(seq, event, [])

    def _flush(self) -> None:
        self.people.flush()
        self.threads.flush()
        insert_rows(self.connection, messages, self._messages)
        insert_rows(self.connection, media, self._media)
        insert_rows(self.connection, events, self._events)
        people = set[str]().union(*self._heard.values())
        self._facts.extend(heard(self.connection, people, self._heard.keys(), self.now))
        responses.arrived(self.connection, self._answerable)
        log.append(self.connection, self._facts, self.ids, self.now)
