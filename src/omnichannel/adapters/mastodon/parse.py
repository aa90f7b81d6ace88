"""Events of the stream, and the items of polls, which are given the same names: one way for both.

The key of a message is the id of its status, so that notification, conversation, stream and poll give the same event.
https://docs.joinmastodon.org/methods/streaming/#events
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from omnichannel.adapters.mastodon.account import MastodonAccount
from omnichannel.adapters.mastodon.statuses import edited, message_of
from omnichannel.adapters.mastodon.wire import CONVERSATION, NOTIFICATION, STATUS, Notification
from omnichannel.channel import (
    AccountChanged,
    ChannelEvent,
    Envelope,
    IdentityChanged,
    MessageDeleted,
    ReactionChanged,
)
from omnichannel.kit import inbound
from omnichannel.kit.inbound import body_of, shape_error
from omnichannel.kit.shapes import is_object, text_of, written
from omnichannel.kit.times import at_iso

FAVOURITE = "\u2b50"
"""A favourite has no emoji of its own: apps show a star."""
IGNORED_EVENTS = ("filters_changed", "announcement", "notifications_merged", "encrypted_message")
IGNORED_TYPES = (
    "follow",
    "reblog",
    "poll",
    "status",
    "quoted_update",
    "admin.",
    "annual_report",
    "added_to_collection",
)
"""Notifications that say nothing to us: neither a message nor something about one, nor about our account."""
EMOJI_TYPES = ("emoji_reaction", "pleroma:emoji_reaction", "reaction")
"""Other servers have reactions with an emoji."""
SUSPENDING = ("suspend", "disable")
_STATUS_ID = re.compile(r'\s*"?([A-Za-z0-9_.:-]{1,128})"?\s*')

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Reader:
    account: MastodonAccount
    received_at: datetime

    # -- by the name of the event

    def event(self, kind: str, content: bytes) -> list[ChannelEvent]:
        if kind.startswith(IGNORED_EVENTS):
            return []
        text = content.decode("utf-8", "replace")
        if kind == "delete":
            return self._deleted(text)
        try:
            data: object = from_json(content)
        except ValueError:
            data = None
        if not is_object(data):
            return [self._unrecognized(kind or "body", "not a JSON object", text)]
        reader = _KINDS.get(kind or _kind_of(data))
        if reader is None:
            return [self._unrecognized(kind or "body", "event not known", written(data))]
        try:
            return reader(self, data)
        except ValidationError as error:
            return [self._unrecognized(kind or "body", shape_error(error), written(data))]

    def _deleted(self, text: str) -> list[ChannelEvent]:
        found = _STATUS_ID.fullmatch(text)
        if found is None:
            return [self._unrecognized("delete", "no id", text)]
        gone = MessageDeleted(
            account=self.account.id, dedupe=found[1], occurred_at=self.received_at, message_id=found[1]
        )
        return [gone]

    def status(self, data: Json) -> list[ChannelEvent]:
        """A post of the home timeline: ours, as an echo. Those of others say nothing unless a notification comes."""
        return message_of(self.account, STATUS.validate_python(data), self.received_at, ours_only=True)

    def changed(self, data: Json) -> list[ChannelEvent]:
        """A status that was edited: the edit joins the message."""
        return [edited(self.account, STATUS.validate_python(data), self.received_at)]

    def conversation(self, data: Json) -> list[ChannelEvent]:
        last = CONVERSATION.validate_python(data).get("last_status")
        return [] if last is None else message_of(self.account, last, self.received_at)

    def notification(self, data: Json) -> list[ChannelEvent]:
        notice = NOTIFICATION.validate_python(data)
        kind, status = notice["type"], notice.get("status")
        if kind in ("mention", "quote"):
            if status is None:
                return [self._unrecognized(kind, "a notification without its status", written(data))]
            return [*message_of(self.account, status, self.received_at, quoted=kind == "quote"), *self._moved(notice)]
        if kind == "update" and status is not None:
            return [edited(self.account, status, self.received_at)]
        if kind == "favourite" or kind in EMOJI_TYPES:
            return self._reaction(notice, data)
        if kind in ("moderation_warning", "severed_relationships"):
            return [self._about_us(notice)]
        if kind.startswith(IGNORED_TYPES):
            return []
        return [self._unrecognized("notification", f"type {kind[:100]} is not known", written(data))]

    # -- notifications

    def _reaction(self, notice: Notification, data: Json) -> list[ChannelEvent]:
        status, person = notice.get("status"), notice.get("account")
        if status is None or person is None:
            return [self._unrecognized(notice["type"], "a reaction without its status or its author", written(data))]
        reaction = ReactionChanged(
            account=self.account.id,
            dedupe=notice["id"],
            occurred_at=at_iso(notice.get("created_at")) or self.received_at,
            message_id=status["id"],
            sender=self.account.whole(person["acct"]),
            emoji=notice.get("emoji") or FAVOURITE,
        )
        return [reaction]

    def _moved(self, notice: Notification) -> list[ChannelEvent]:
        """The author has moved to another account, which both of them confirmed to the servers."""
        person = notice.get("account")
        moved = person.get("moved") if person else None
        if person is None or not moved:
            return []
        old, new = self.account.whole(person["acct"]), self.account.whole(moved["acct"])
        change = IdentityChanged(
            account=self.account.id,
            dedupe=f"moved:{old}:{new}",
            occurred_at=at_iso(notice.get("created_at")) or self.received_at,
            sender=old,
            becomes=new,
        )
        return [change]

    def _about_us(self, notice: Notification) -> ChannelEvent:
        """What the moderators did to our account, or a block that cut it off from a server."""
        warning, severed = notice.get("moderation_warning") or {}, notice.get("event") or {}
        action = warning.get("action") or ""
        said: tuple[str | None, ...]
        if notice["type"] == "moderation_warning":
            said = ("moderators:", action or "warning", warning.get("text"))
        else:
            said = ("relationships were cut:", severed.get("type"), severed.get("target_name"))
        return AccountChanged(
            account=self.account.id,
            dedupe=f"{notice['type']}:{notice['id']}",
            occurred_at=at_iso(notice.get("created_at")) or self.received_at,
            state="suspended" if action in SUSPENDING else "restricted" if action == "silence" else "info",
            detail=" ".join(one for one in said if one),
        )

    def _unrecognized(self, what: str, reason: str, content: str) -> ChannelEvent:
        return inbound.unrecognized(
            account=self.account.id, at=self.received_at, what=what[:100], reason=reason, content=content
        )


_KINDS: Mapping[str, Callable[[_Reader, Json], list[ChannelEvent]]] = {
    "update": _Reader.status,
    "status.update": _Reader.changed,
    "notification": _Reader.notification,
    "conversation": _Reader.conversation,
}


def parse(account: MastodonAccount, envelope: Envelope) -> list[ChannelEvent]:
    """The events in an envelope. Never raises; what is not understood becomes `Unrecognized`."""
    content = body_of(envelope)
    if not content.strip():
        return []
    return _Reader(account, envelope.received_at).event(envelope.headers.get("event", ""), content)


def _kind_of(data: Json) -> str:
    """The event of an item that came without its name, by its shape."""
    if text_of(data.get("type")) and "account" in data:
        return "notification"
    if "last_status" in data:
        return "conversation"
    return "update" if "content" in data and "account" in data else ""
