"""One item of a webhook to one event: messages, statuses, echoes, marketing preferences, new ids, errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias, cast

from pydantic import TypeAdapter
from pydantic_core import to_json

from omnichannel.adapters.whatsapp import wire
from omnichannel.adapters.whatsapp.errors import ERRORS, OUTCOME_STATES, SEE
from omnichannel.adapters.whatsapp.said import NO_MORE, Said, said
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
    ReactionChanged,
)
from omnichannel.kit.meta_graph import Unclear, late_failure, moment
from omnichannel.kit.phone import international as phone
from omnichannel.kit.records import constructor
from omnichannel.model.address import Assurance
from omnichannel.model.base import NOTHING

# Looked up once: an enumeration's member costs more than a name.
VERIFIED, PRIVATE_HANDLE = Assurance.VERIFIED, Assurance.PRIVATE_HANDLE

_received, _updated = constructor(MessageReceived), constructor(DeliveryUpdated)
_CHANGES = frozenset({"edit", "revoke", "reaction"})
_BSUID = re.compile(r"\b[A-Z]{2}(?:\.ENT)?\.[0-9A-Za-z]{1,128}\b")


class Place(NamedTuple):
    """Where an item stands: whose it is, and what stands beside it."""

    account: str
    received_at: datetime
    contacts: Sequence[wire.Contact]
    errors: list[wire.Error] | None


Person: TypeAlias = tuple[str, dict[str, str], str | None]
"""A customer: the value of the address (the phone, where it is known), its aliases, and the profile's name."""


def person(
    contacts: Sequence[wire.Contact], wa_id: str | None, user_id: str | None, parent_id: str | None = None
) -> Person:
    """Who these ids mean, with what the contacts say about them. Raises `Unclear` where they mean nobody."""
    profile: wire.Profile | None = None
    for contact in contacts:
        their_wa_id, their_user_id = contact.get("wa_id"), contact.get("user_id")
        if (wa_id and wa_id == their_wa_id) or (user_id and user_id == their_user_id):
            wa_id, user_id = wa_id or their_wa_id, user_id or their_user_id
            parent_id, profile = parent_id or contact.get("parent_user_id"), contact.get("profile")
            break
    aliases: dict[str, str] = {}
    if wa_id:
        aliases["wa_id"] = wa_id
    if user_id:
        aliases["bsuid"] = user_id
    elif not wa_id:
        raise Unclear("it does not say who it is about")
    if parent_id:
        aliases["parent_bsuid"] = parent_id
    name = None
    if profile is not None:
        name = profile.get("name") or None
        if username := profile.get("username"):
            aliases["username"] = username
    return phone(wa_id) if wa_id else user_id or "", aliases, name


def lone(contacts: Sequence[wire.Contact]) -> tuple[str | None, str | None]:
    """The ids of the only contact, for an item that names nobody itself."""
    if len(contacts) != 1:
        return None, None
    return contacts[0].get("wa_id"), contacts[0].get("user_id")


# ---------------------------------------------------------------- messages


def message_event(place: Place, message: wire.Message) -> ChannelEvent:
    """An inbound message, edit, removal, reaction or system message. Raises `Unclear`."""
    kind, message_id, text, context = message["type"], message["id"], message.get("text"), message.get("context")
    if not message_id:
        raise Unclear("a message without an id")
    if message.get("group_id"):
        raise Unclear("a message in a group: groups are not read")
    at = moment(message.get("timestamp"), place.received_at)
    if kind == "system":
        return _system(place, message, at)
    wa_id, user_id = message.get("from"), message.get("from_user_id")
    if not wa_id and not user_id:
        wa_id, user_id = lone(place.contacts)
    sender, aliases, name = person(place.contacts, wa_id, user_id, message.get("from_parent_user_id"))
    if kind in _CHANGES:
        return _changed(place.account, message, at, sender)
    content, words = NO_MORE, ""
    if kind == "text" and text is not None:
        words = text["body"]
    else:
        content = said(message, at, place.errors)
        words = content.text
    return _received(
        account=place.account,
        dedupe=message_id,
        occurred_at=at,
        sender=sender,
        text=words,
        message_id=message_id,
        sender_name=name,
        aliases=aliases,
        attachments=content.attachments,
        choice=content.choice,
        reply_to=(context.get("id") or None) if context else None,
        # WhatsApp gives a number to whoever answered a code sent to it; a business-scoped id proves less.
        assurance=VERIFIED if "wa_id" in aliases else PRIVATE_HANDLE,
        full_text=content.full_text,
        context=_kept(message, content) if context or content.lost or "referral" in message else NOTHING,
    )


def _kept(message: wire.Message, content: Said) -> Mapping[str, str]:
    """What brought the customer, and what WhatsApp did not hand over."""
    referral, context = message.get("referral"), message.get("context")
    product = context.get("referred_product") if context else None
    kept: dict[str, str] = {}
    if referral:
        kept.update({f"referral_{name}": value for name, value in referral.items() if isinstance(value, str) and value})
    if product:
        kept["referred_product"] = product.get("product_retailer_id") or ""
    if content.lost:
        kept["lost"] = content.lost
    return kept or NOTHING


def _changed(account: str, message: wire.Said, at: datetime, sender: str) -> ChannelEvent:
    """An edit, a removal or a reaction, by a customer or, with an empty `sender`, by us."""
    edit, revoke, reaction, key = message.get("edit"), message.get("revoke"), message.get("reaction"), message["id"]
    if edit is not None:
        content = said(edit["message"], at)
        return MessageEdited(
            account=account,
            dedupe=key,
            occurred_at=at,
            message_id=edit["original_message_id"],
            text=content.text,
            sender=sender,
            attachments=content.attachments,
        )
    if revoke is not None:
        original = revoke["original_message_id"]
        return MessageDeleted(account=account, dedupe=key, occurred_at=at, message_id=original, sender=sender)
    if reaction is not None:
        to, emoji = reaction["message_id"], reaction.get("emoji") or None
        return ReactionChanged(account=account, dedupe=key, occurred_at=at, message_id=to, sender=sender, emoji=emoji)
    raise Unclear(f"a message of type {message['type']} without its {message['type']}")


def _system(place: Place, message: wire.Message, at: datetime) -> ChannelEvent:
    """A customer's number or id has changed. The old id may stand in the words alone."""
    system = message.get("system") or {}
    kind = system.get("type") or "unknown"
    if kind not in ("user_changed_number", "user_changed_user_id"):
        raise Unclear(f"system message {kind}")
    spoken = _BSUID.findall(system.get("body") or "")
    previous = system.get("previous_user_id") or message.get("from_user_id") or (spoken[0] if len(spoken) > 1 else None)
    old, _, _ = person(place.contacts, message.get("from"), previous)
    new_number = system.get("wa_id") or system.get("new_wa_id")
    becomes, aliases, _ = person((), new_number, system.get("user_id"), system.get("parent_user_id"))
    return IdentityChanged(
        account=place.account, dedupe=message["id"], occurred_at=at, sender=old, becomes=becomes, aliases=aliases
    )


def echo_event(place: Place, echo: wire.Echo) -> ChannelEvent:
    """A message that a colleague wrote in the phone app. Raises `Unclear`."""
    if not echo["id"]:
        raise Unclear("a message without an id")
    at = moment(echo.get("timestamp"), place.received_at)
    if echo["type"] in _CHANGES:
        return _changed(place.account, echo, at, "")
    recipient, aliases, _ = person(
        place.contacts, echo.get("to"), echo.get("to_user_id"), echo.get("to_parent_user_id")
    )
    content = said(echo, at, place.errors)
    return MessageEchoed(
        account=place.account,
        dedupe=echo["id"],
        occurred_at=at,
        recipient=recipient,
        text=content.text,
        message_id=echo["id"],
        aliases=aliases,
        attachments=content.attachments,
    )


# ---------------------------------------------------------------- what is not a message


def status_event(place: Place, status: wire.Status) -> ChannelEvent:
    """What became of a message of ours. Raises `Unclear`."""
    state = wire.STATES.get(status["status"])
    if state is None:
        raise Unclear(f"status {status['status']}")
    recipient, pricing, errors = status.get("recipient_id"), status.get("pricing"), status.get("errors")
    return _updated(
        account=place.account,
        dedupe=f"{status['id']}:{status['status']}",
        occurred_at=moment(status.get("timestamp"), place.received_at),
        receipt=status["id"],
        state=state,
        recipient=phone(recipient) if recipient else status.get("recipient_user_id") or "",
        correlation=status.get("biz_opaque_callback_data") or None,
        failure=late_failure(ERRORS, cast(dict[str, Any], (errors or [{}])[0]), SEE) if state == "failed" else None,
        price_category=pricing.get("category") if pricing else None,
    )


def preference_event(place: Place, preference: wire.Preference) -> ChannelEvent:
    """The customer stopped or allowed marketing. Raises `Unclear`."""
    category, value = preference["category"], preference["value"]
    granted = wire.GRANTED.get(value)
    if category != "marketing_messages" or granted is None:
        raise Unclear(f"preference {category}: {value}")
    wa_id, user_id = preference.get("wa_id"), preference.get("user_id")
    if not wa_id and not user_id:
        wa_id, user_id = lone(place.contacts)
    sender, aliases, _ = person(place.contacts, wa_id, user_id, preference.get("parent_user_id"))
    stamp = preference.get("timestamp")
    return ConsentChanged(
        account=place.account,
        dedupe=f"{sender}:{category}:{value}:{stamp}",
        occurred_at=moment(stamp, place.received_at),
        sender=sender,
        purpose="marketing",
        granted=granted,
        text=preference.get("detail") or "",
        aliases=aliases,
    )


def user_id_event(place: Place, update: wire.UserIdUpdate) -> ChannelEvent:
    """A business-scoped id has another as its successor."""
    ids, parent = update["user_id"], update.get("parent_user_id")
    becomes, aliases, _ = person(
        place.contacts, update.get("wa_id"), ids["current"], parent["current"] if parent else None
    )
    return IdentityChanged(
        account=place.account,
        dedupe=f"{ids['previous']}:{ids['current']}",
        occurred_at=moment(update.get("timestamp"), place.received_at),
        sender=ids["previous"],
        becomes=becomes,
        aliases=aliases,
    )


def error_event(place: Place, error: wire.Error, stamp: int | None) -> ChannelEvent:
    """An error that is about no message but about the number or the app. It has no id: its words are its key."""
    failure = late_failure(ERRORS, cast(dict[str, Any], error), SEE)
    return AccountChanged(
        account=place.account,
        dedupe=f"error:{sha256(to_json(error)).hexdigest()}:{stamp}",
        occurred_at=moment(stamp, place.received_at),
        state=OUTCOME_STATES.get(failure.outcome, "info"),
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


def read_item(place: Place, name: str, item: Any) -> Iterator[ChannelEvent]:
    """The event of an item of a list. Raises `Unclear` or `ValidationError`."""
    adapter, read = READERS[name]
    yield read(place, adapter.validate_python(item))
