"""One event of a webhook to ours: what a customer said, tapped, opened or changed, and what became of what we said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic_core import to_json

from omnichannel.adapters.messenger import wire
from omnichannel.adapters.messenger.said import Said, said
from omnichannel.channel import (
    ChannelEvent,
    ConsentChanged,
    DeliveryUpdated,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
)
from omnichannel.kit.meta_graph import Unclear, moment_ms
from omnichannel.kit.records import constructor
from omnichannel.model.base import NOTHING

_received, _updated, _echoed = constructor(MessageReceived), constructor(DeliveryUpdated), constructor(MessageEchoed)
_THUMBS = {"good": "\N{THUMBS UP SIGN}", "bad": "\N{THUMBS DOWN SIGN}"}
MADE_UP = ("postback:", "referral:", "optin:")
"""What our own names for what has no id at Messenger begin with."""


class Place(NamedTuple):
    """Where an event stands: whose it is, the time of its entry, whether another app of the Page holds the thread."""

    account: str
    page_id: str
    received_at: datetime
    stamp: int | str | None = None
    standby: bool = False


Events: TypeAlias = list[ChannelEvent]


def events_of(place: Place, item: wire.Item) -> Events:
    """What an event says; most say one thing. Raises `Unclear`."""
    stamp = item.get("timestamp") or place.stamp
    at = moment_ms(stamp, place.received_at)
    message = item.get("message")
    if message is not None:
        return [_message(place, item, message, at)]
    for name, read in READERS.items():
        found: Any = item.get(name)
        if found is not None:
            return read(place, item, found, at)
    raise Unclear("an event that is not read")


def _psid(party: wire.Party | None) -> str:
    """The page-scoped id of the customer. Raises `Unclear` for somebody who has none yet."""
    found = party.get("id") if party else None
    if not found:
        raise Unclear("a person without a page-scoped id")
    return found


def _key(name: str, place: Place, item: wire.Item, psid: str) -> str:
    """A name for what has no id: who and when, or its bytes where nobody says when."""
    stamp = item.get("timestamp") or place.stamp
    return f"{name}:{psid}:{stamp if stamp is not None else sha256(to_json(item)).hexdigest()}"


# ---------------------------------------------------------------- messages


def _message(place: Place, item: wire.Item, message: wire.Message, at: datetime) -> ChannelEvent:
    mid = message["mid"]
    if not mid:
        raise Unclear("a message without an id")
    content = said(message)
    sender = item.get("sender")
    if message.get("is_echo") or (sender is not None and sender.get("id") == place.page_id):
        return _echoed(
            account=place.account,
            dedupe=mid,
            occurred_at=at,
            recipient=_psid(item.get("recipient")),
            text=content.text,
            message_id=mid,
            attachments=content.attachments,
            # What we gave with the message; of other apps' messages it names no part of ours.
            correlation=message.get("metadata") or None,
        )
    reply_to, tapped, referral = message.get("reply_to"), message.get("quick_reply"), message.get("referral")
    return _received(
        account=place.account,
        dedupe=mid,
        occurred_at=at,
        sender=_psid(sender),
        text=content.text,
        message_id=mid,
        attachments=content.attachments,
        choice=(tapped.get("payload") or None) if tapped else None,
        reply_to=(reply_to.get("mid") or None) if reply_to else None,
        reference=(referral.get("ref") or None) if referral else None,
        addressed=not place.standby,
        context=_kept(referral, content) if referral or content.lost else NOTHING,
    )


def _kept(referral: wire.Referral | None, content: Said | None = None) -> Mapping[str, str]:
    """What brought the customer, and what Messenger did not hand over."""
    kept = {f"referral_{name}": str(value) for name, value in (referral or {}).items() if value}
    if content is not None and content.lost:
        kept["lost"] = content.lost
    return kept or NOTHING


def _postback(place: Place, item: wire.Item, postback: wire.Postback, at: datetime) -> Events:
    """A button was tapped: one of ours, Get Started, or one of the menu."""
    psid, referral = _psid(item.get("sender")), postback.get("referral")
    key = postback.get("mid") or _key("postback", place, item, psid)
    payload, title = postback.get("payload") or None, postback.get("title") or ""
    return [
        _received(
            account=place.account,
            dedupe=key,
            occurred_at=at,
            sender=psid,
            text=title,
            message_id=key,
            choice=payload or title or None,
            reference=(referral.get("ref") or None) if referral else None,
            addressed=not place.standby,
            context=_kept(referral),
        )
    ]


def _referral(place: Place, item: wire.Item, referral: wire.Referral, at: datetime) -> Events:
    """A link or an ad was opened in a thread that was there: no words, but the window is open again."""
    return [_entered(place, item, "referral", referral, at)]


def _entered(place: Place, item: wire.Item, name: str, referral: wire.Referral, at: datetime) -> ChannelEvent:
    psid = _psid(item.get("sender"))
    key = _key(name, place, item, psid)
    return _received(
        account=place.account,
        dedupe=key,
        occurred_at=at,
        sender=psid,
        text="",
        message_id=key,
        reference=referral.get("ref") or None,
        addressed=False,
        context=_kept(referral),
    )


def _edit(place: Place, item: wire.Item, edit: wire.MessageEdit, at: datetime) -> Events:
    count = edit.get("num_edit") or item.get("timestamp") or place.stamp
    return [
        MessageEdited(
            account=place.account,
            dedupe=f"{edit['mid']}:{count}",
            occurred_at=at,
            message_id=edit["mid"],
            text=edit["text"],
            sender=_psid(item.get("sender")),
        )
    ]


def _reaction(place: Place, item: wire.Item, reaction: wire.Reaction, at: datetime) -> Events:
    action = reaction["action"]
    if action not in ("react", "unreact"):
        raise Unclear(f"reaction {action}")
    emoji = (reaction.get("emoji") or reaction.get("reaction") or None) if action == "react" else None
    return [_reacted(place, item, action, reaction["mid"], emoji, at)]


def _feedback(place: Place, item: wire.Item, feedback: wire.Feedback, at: datetime) -> Events:
    """A thumb under a message of ours."""
    thumb = _THUMBS.get(feedback["feedback"].partition(" ")[0].lower())
    if thumb is None:
        raise Unclear(f"feedback {feedback['feedback']}")
    return [_reacted(place, item, "feedback", feedback["mid"], thumb, at)]


def _reacted(place: Place, item: wire.Item, name: str, mid: str, emoji: str | None, at: datetime) -> ChannelEvent:
    psid = _psid(item.get("sender"))
    return ReactionChanged(
        account=place.account,
        dedupe=f"{mid}:{_key(name, place, item, psid)}",
        occurred_at=at,
        message_id=mid,
        sender=psid,
        emoji=emoji,
    )


# ---------------------------------------------------------------- receipts and consent


def _delivery(place: Place, item: wire.Item, delivery: wire.Delivery, at: datetime) -> Events:
    """The messages by id where they are named, else all up to the watermark."""
    mids = delivery.get("mids")
    if not mids:
        return [_up_to(place, item, "delivered", delivery["watermark"], at)]
    psid = _psid(item.get("sender"))
    shared: dict[str, Any] = {"account": place.account, "occurred_at": at, "state": "delivered", "recipient": psid}
    return [_updated(dedupe=f"{mid}:delivered", receipt=mid, **shared) for mid in dict.fromkeys(mids)]


def _read(place: Place, item: wire.Item, read: wire.Read, at: datetime) -> Events:
    return [_up_to(place, item, "read", read["watermark"], at)]


def _up_to(
    place: Place, item: wire.Item, state: Literal["delivered", "read"], watermark: int | str, at: datetime
) -> ChannelEvent:
    psid = _psid(item.get("sender"))
    return _updated(
        account=place.account,
        dedupe=f"{psid}:{state}:{watermark}",
        occurred_at=at,
        receipt="",
        state=state,
        recipient=psid,
        until=moment_ms(watermark, at),
    )


def _optin(place: Place, item: wire.Item, optin: wire.Optin, at: datetime) -> Events:
    """The customer wants marketing messages, or stops them; or came by a plugin, which is no consent."""
    if optin.get("type") == "notification_messages":
        granted = (optin.get("notification_messages_status") or "").upper() != "STOP_NOTIFICATIONS"
        return [_consent(place, item, "optin", granted, optin.get("title") or "", at)]
    if optin.get("ref") and not optin.get("type"):
        return [_entered(place, item, "optin", {"ref": optin.get("ref"), "source": "PLUGIN"}, at)]
    raise Unclear(f"opt-in {optin.get('type') or 'of no type'}")


def _optout(place: Place, item: wire.Item, optout: wire.Optout, at: datetime) -> Events:
    """The customer stops marketing messages; answers go on."""
    return [_consent(place, item, "optout", False, optout.get("title") or "", at)]


def _consent(place: Place, item: wire.Item, name: str, granted: bool, text: str, at: datetime) -> ChannelEvent:
    psid = _psid(item.get("sender"))
    return ConsentChanged(
        account=place.account,
        dedupe=f"{_key(name, place, item, psid)}:{'granted' if granted else 'revoked'}",
        occurred_at=at,
        sender=psid,
        purpose="marketing",
        granted=granted,
        text=text,
    )


Reader: TypeAlias = Callable[[Place, wire.Item, Any, datetime], Events]
READERS: dict[str, Reader] = {
    "delivery": _delivery,
    "read": _read,
    "postback": _postback,
    "reaction": _reaction,
    "referral": _referral,
    "message_edit": _edit,
    "response_feedback": _feedback,
    "optin": _optin,
    "optout": _optout,
}
