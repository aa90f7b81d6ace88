"""What X says beside messages: blocks, revocations, read receipts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from omnichannel.adapters.x.messages import Around, Events, inner
from omnichannel.adapters.x.wire import DELETION, MARK_READ, PARTY, REVOCATION
from omnichannel.channel import AccountChanged, ConsentChanged, DeliveryUpdated, MessageDeleted
from omnichannel.kit.owners import Owner
from omnichannel.kit.shapes import is_list, member
from omnichannel.kit.times import at_iso, at_millis

NOT_OURS = "no account of ours has this user id"


def about_us(
    account: str, key: str, at: datetime, detail: str, state: Literal["info", "revoked"] = "info"
) -> AccountChanged:
    """X says something about our account."""
    return AccountChanged(account=account, dedupe=key, occurred_at=at, state=state, detail=detail)


def deleted(payload: object, whose: Owner, around: Around) -> Events:
    """A post was taken back. Raises `ValidationError`, as all of these."""
    gone, at = DELETION.validate_python(payload), around.received_at
    key, sender = gone["id"], gone.get("author_id") or whose.user_id or ""
    return [MessageDeleted(account=whose.account, dedupe=key, occurred_at=at, message_id=key, sender=sender)]


def blocked(payload: object, whose: Owner, around: Around, *, on: bool) -> Events:
    """Somebody blocked us, or took it back: no message reaches them. Or we did it."""
    source, target = (PARTY.validate_python(inner(member(payload, name)))["id"] for name in ("source", "target"))
    word, at = "block" if on else "unblock", around.received_at
    key = around.key or f"block.{word}:{source}:{target}"
    if source == whose.user_id:
        return [about_us(whose.account, key, at, f"we {word}ed user {target}")]
    consent = ConsentChanged(
        account=whose.account, dedupe=key, occurred_at=at, sender=source, purpose="all", granted=not on, text=word
    )
    return [consent]


def revoked(payload: object, whose: Owner, around: Around) -> Events:
    """The user took the app's access away."""
    gone = REVOCATION.validate_python(payload)
    user_id, when = gone["user_id"], gone.get("date_time")
    detail = f"user {user_id} removed app {gone.get('app_id') or 'of ours'}: connect the account again"
    at = at_iso(when) or around.received_at
    return [about_us(whose.account, f"revoke:{user_id}:{when or ''}", at, detail, "revoked")]


def was_read(payload: object, whose: Owner, around: Around) -> Events:
    """Somebody read our DMs up to one of them. That we read theirs is no news.

    X's documents do not show the shape: it is taken to be that of the older API, alone or in its list."""
    listed = member(payload, "direct_message_mark_read_events")
    marks = [MARK_READ.validate_python(one) for one in (listed if is_list(listed) else [payload])]
    return [
        DeliveryUpdated(
            account=whose.account,
            dedupe=f"read:{mark['sender_id']}:{mark['last_read_event_id']}",
            occurred_at=at_millis(mark.get("created_timestamp")) or around.received_at,
            receipt=mark["last_read_event_id"],
            state="read",
            recipient=mark["sender_id"],
        )
        for mark in marks
        if mark["sender_id"] != whose.user_id
    ]
