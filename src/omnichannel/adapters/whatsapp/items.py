"""One item of a webhook to one event: messages, statuses, echoes, marketing preferences, new ids, errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import TypeAdapter
from pydantic_core import to_json

from omnichannel.adapters.whatsapp import wire
from omnichannel.adapters.whatsapp.errors import late_failure
from omnichannel.adapters.whatsapp.said import Said, Unclear, said
from omnichannel.channel import (
    AccountChanged,
    ChannelEvent,
    ConsentChanged,
    DeliveryUpdated,
    IdentityChanged,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    Outcome,
    ReactionChanged,
)
from omnichannel.model.address import Assurance
from omnichannel.model.base import NOTHING

State: TypeAlias = Literal["sent", "delivered", "read", "failed"]
AccountState: TypeAlias = Literal["ok", "restricted", "suspended", "revoked", "info"]

_STATES: Mapping[str, State] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",  # a voice note was listened to
    "failed": "failed",
}
_GRANTED = {"stop": False, "resume": True, "signup": True}
_ACCOUNT_STATES: Mapping[Outcome, AccountState] = {
    Outcome.SUSPENDED: "suspended",
    Outcome.AUTH: "revoked",
    Outcome.PAYMENT_REQUIRED: "restricted",
}
_BSUID = re.compile(r"\b[A-Z]{2}(?:\.ENT)?\.[0-9A-Za-z]{1,128}\b")


class Place(NamedTuple):
    """Where an item stands: whose it is, and what stands beside it."""

    account: str
    received_at: datetime
    contacts: Sequence[wire.Contact]
    errors: list[wire.Error] | None


class Person(NamedTuple):
    """A customer by all the names that are given. The phone, where it is known, is the value."""

    value: str
    aliases: Mapping[str, str]
    name: str | None = None
    by_phone: bool = False


def moment(stamp: int | str | None, otherwise: datetime) -> datetime:
    """Unix seconds, as text or number. What is no time is when we were told: no message is lost over its date."""
    if stamp is None:
        return otherwise
    try:
        return datetime.fromtimestamp(int(stamp), UTC)
    except (ValueError, OverflowError, OSError):
        return otherwise


def phone(wa_id: str) -> str:
    """A WhatsApp id is the international number in digits."""
    return f"+{wa_id.lstrip('+')}"


def person(
    place: Place, wa_id: str | None, user_id: str | None, parent_id: str | None, *, lone: bool = False
) -> Person:
    """Who these ids mean. `lone` takes the only contact for an item that names nobody. Raises `Unclear`."""
    profile: wire.Profile | None = None
    for contact in place.contacts:
        their_wa_id, their_user_id = contact.get("wa_id"), contact.get("user_id")
        nobody = lone and not wa_id and not user_id and len(place.contacts) == 1
        if nobody or (wa_id and wa_id == their_wa_id) or (user_id and user_id == their_user_id):
            wa_id, user_id = wa_id or their_wa_id, user_id or their_user_id
            parent_id = parent_id or contact.get("parent_user_id")
            profile = contact.get("profile")
            break
    value = phone(wa_id) if wa_id else user_id
    if not value:
        raise Unclear("it does not say who it is about")
    aliases: dict[str, str] = {}
    if wa_id:
        aliases["wa_id"] = wa_id
    if user_id:
        aliases["bsuid"] = user_id
    if parent_id:
        aliases["parent_bsuid"] = parent_id
    if profile is None:
        return Person(value, aliases, None, bool(wa_id))
    username = profile.get("username")
    if username:
        aliases["username"] = username
    return Person(value, aliases, profile.get("name") or None, bool(wa_id))


# ---------------------------------------------------------------- messages


def message_event(place: Place, message: wire.Message) -> ChannelEvent:
    """An inbound message, edit, removal, reaction or system message. Raises `Unclear`."""
    if not message["id"]:
        raise Unclear("a message without an id")
    if message.get("group_id"):
        raise Unclear("a message in a group: groups are not read")
    at = moment(message.get("timestamp"), place.received_at)
    system = message.get("system")
    if message["type"] == "system" and system is not None:
        return _system(place, message, system, at)
    who = person(place, message.get("from"), message.get("from_user_id"), message.get("from_parent_user_id"), lone=True)
    changed = _changed(place.account, message, at, who.value)
    if changed is not None:
        return changed
    content = said(message, at, place.errors)
    context = message.get("context")
    return MessageReceived(
        account=place.account,
        dedupe=message["id"],
        occurred_at=at,
        sender=who.value,
        text=content.text,
        message_id=message["id"],
        sender_name=who.name,
        aliases=who.aliases,
        attachments=content.attachments,
        choice=content.choice,
        reply_to=(context.get("id") or None) if context else None,
        # WhatsApp gives a number to whoever answered a code sent to it; a business-scoped id proves less.
        assurance=Assurance.VERIFIED if who.by_phone else Assurance.PRIVATE_HANDLE,
        full_text=content.full_text,
        context=_kept(message, content),
    )


def _kept(message: wire.Message, content: Said) -> Mapping[str, str]:
    """What brought the customer, and what WhatsApp did not hand over."""
    referral, context = message.get("referral"), message.get("context")
    product = context.get("referred_product") if context else None
    if not (referral or product or content.lost):
        return NOTHING
    kept: dict[str, str] = {}
    if referral:
        kept.update({f"referral_{name}": value for name, value in referral.items() if isinstance(value, str) and value})
    if product:
        kept["referred_product"] = product.get("product_retailer_id") or ""
    if content.lost:
        kept["lost"] = content.lost
    return kept


def _changed(account: str, message: wire.Said, at: datetime, sender: str) -> ChannelEvent | None:
    """An edit, a removal or a reaction, by a customer or, with an empty `sender`, by us."""
    match message["type"]:
        case "edit":
            edit = message.get("edit")
            if edit is None:
                raise Unclear("an edit without its message")
            content = said(edit["message"], at)
            return MessageEdited(
                account=account,
                dedupe=message["id"],
                occurred_at=at,
                message_id=edit["original_message_id"],
                text=content.text,
                sender=sender,
                attachments=content.attachments,
            )
        case "revoke":
            revoke = message.get("revoke")
            if revoke is None:
                raise Unclear("a removal that does not say of what")
            original = revoke["original_message_id"]
            return MessageDeleted(
                account=account, dedupe=message["id"], occurred_at=at, message_id=original, sender=sender
            )
        case "reaction":
            reaction = message.get("reaction")
            if reaction is None:
                raise Unclear("a reaction that does not say to what")
            return ReactionChanged(
                account=account,
                dedupe=message["id"],
                occurred_at=at,
                message_id=reaction["message_id"],
                sender=sender,
                emoji=reaction.get("emoji") or None,
            )
        case _:
            return None


def _system(place: Place, message: wire.Message, system: wire.System, at: datetime) -> ChannelEvent:
    """A customer's number or id has changed. The old id may stand in the words alone."""
    kind = system.get("type") or "unknown"
    if kind not in ("user_changed_number", "user_changed_user_id"):
        raise Unclear(f"system message {kind}")
    spoken = _BSUID.findall(system.get("body") or "")
    previous = system.get("previous_user_id") or message.get("from_user_id") or (spoken[0] if len(spoken) > 1 else None)
    old = person(place, message.get("from"), previous, None)
    new = person(
        Place(place.account, place.received_at, (), None),
        system.get("wa_id") or system.get("new_wa_id"),
        system.get("user_id"),
        system.get("parent_user_id"),
    )
    return IdentityChanged(
        account=place.account,
        dedupe=message["id"],
        occurred_at=at,
        sender=old.value,
        becomes=new.value,
        aliases=new.aliases,
    )


def echo_event(place: Place, echo: wire.Echo) -> ChannelEvent:
    """A message that a colleague wrote in the phone app. Raises `Unclear`."""
    if not echo["id"]:
        raise Unclear("a message without an id")
    at = moment(echo.get("timestamp"), place.received_at)
    changed = _changed(place.account, echo, at, "")
    if changed is not None:
        return changed
    to = person(place, echo.get("to"), echo.get("to_user_id"), echo.get("to_parent_user_id"))
    content = said(echo, at, place.errors)
    return MessageEchoed(
        account=place.account,
        dedupe=echo["id"],
        occurred_at=at,
        recipient=to.value,
        text=content.text,
        message_id=echo["id"],
        aliases=to.aliases,
        attachments=content.attachments,
    )


# ---------------------------------------------------------------- what is not a message


def status_event(place: Place, status: wire.Status) -> ChannelEvent:
    """What became of a message of ours. Raises `Unclear`."""
    state = _STATES.get(status["status"])
    if state is None:
        raise Unclear(f"status {status['status']}")
    recipient, pricing, errors = status.get("recipient_id"), status.get("pricing"), status.get("errors")
    return DeliveryUpdated(
        account=place.account,
        dedupe=f"{status['id']}:{status['status']}",
        occurred_at=moment(status.get("timestamp"), place.received_at),
        receipt=status["id"],
        state=state,
        recipient=phone(recipient) if recipient else status.get("recipient_user_id") or "",
        correlation=status.get("biz_opaque_callback_data") or None,
        failure=late_failure((errors or [{}])[0]) if state == "failed" else None,
        price_category=pricing.get("category") if pricing else None,
    )


def preference_event(place: Place, preference: wire.Preference) -> ChannelEvent:
    """The customer stopped or allowed marketing. Raises `Unclear`."""
    category, value = preference["category"], preference["value"]
    granted = _GRANTED.get(value)
    if category != "marketing_messages" or granted is None:
        raise Unclear(f"preference {category}: {value}")
    ids = preference.get("wa_id"), preference.get("user_id"), preference.get("parent_user_id")
    who = person(place, *ids, lone=True)
    stamp = preference.get("timestamp")
    return ConsentChanged(
        account=place.account,
        dedupe=f"{who.value}:{category}:{value}:{stamp}",
        occurred_at=moment(stamp, place.received_at),
        sender=who.value,
        purpose="marketing",
        granted=granted,
        text=preference.get("detail") or "",
        aliases=who.aliases,
    )


def user_id_event(place: Place, update: wire.UserIdUpdate) -> ChannelEvent:
    """A business-scoped id has another as its successor."""
    ids, parent = update["user_id"], update.get("parent_user_id")
    becomes = person(place, update.get("wa_id"), ids["current"], parent["current"] if parent else None)
    return IdentityChanged(
        account=place.account,
        dedupe=f"{ids['previous']}:{ids['current']}",
        occurred_at=moment(update.get("timestamp"), place.received_at),
        sender=ids["previous"],
        becomes=becomes.value,
        aliases=becomes.aliases,
    )


def error_event(place: Place, error: wire.Error) -> ChannelEvent:
    """An error that is about no message but about the number or the app."""
    failure = late_failure(error)
    return AccountChanged(
        account=place.account,
        dedupe=f"error:{sha256(to_json(error)).hexdigest()}:{int(place.received_at.timestamp())}",
        occurred_at=place.received_at,
        state=_ACCOUNT_STATES.get(failure.outcome, "info"),
        detail=failure.message,
        failure=failure,
    )


ItemReader: TypeAlias = tuple[TypeAdapter[Any], Callable[[Place, Any], ChannelEvent]]
READERS: Mapping[str, ItemReader] = {
    "messages": (wire.MESSAGE, message_event),
    "statuses": (wire.STATUS, status_event),
    "message_echoes": (wire.ECHO, echo_event),
    "user_preferences": (wire.PREFERENCE, preference_event),
    "user_id_update": (wire.USER_ID_UPDATE, user_id_event),
}
FIELDS: Mapping[str, tuple[str, ...]] = {
    "messages": ("messages", "statuses"),
    "smb_message_echoes": ("message_echoes",),
    "user_preferences": ("user_preferences",),
    "user_id_update": ("user_id_update",),
}
"""Which lists of items the value of a field may hold."""
