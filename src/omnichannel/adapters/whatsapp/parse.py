"""From Meta's webhooks to events. A clean batch is validated at once; any other is read item by item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import ValidationError

from omnichannel.adapters.whatsapp import wire
from omnichannel.adapters.whatsapp.items import Place, error_event, message_event, read_item, status_event
from omnichannel.adapters.whatsapp.notices import ACCOUNT_FIELDS, Numbers, account_events
from omnichannel.channel import ChannelEvent, Envelope
from omnichannel.kit.inbound import body_of
from omnichannel.kit.meta_graph import Keeper, Unclear, as_object, entries_of, items_of

OBJECT = "whatsapp_business_account"


def parse(numbers: Numbers, envelope: Envelope) -> Sequence[ChannelEvent]:
    """The events in a webhook: the same for the same bytes. Never raises."""
    body = body_of(envelope)
    try:
        return quick(numbers, envelope.received_at, body)
    except (ValidationError, Unclear):
        return list(careful(numbers, envelope.received_at, body))


def quick(numbers: Numbers, received_at: datetime, body: bytes) -> list[ChannelEvent]:
    """Messages and statuses of known numbers, all well-formed. Raises `Unclear` or `ValidationError` at all else."""
    payload = wire.PAYLOAD.validate_json(body)
    if payload["object"] != OBJECT:
        raise Unclear("another object")
    events: list[ChannelEvent] = []
    for entry in payload["entry"]:
        if not entry["changes"]:
            raise Unclear("an entry without changes")
        for change in entry["changes"]:
            value = change["value"]
            metadata = value.get("metadata")
            account = numbers.by_number.get(metadata["phone_number_id"]) if metadata else None
            messages, statuses = value.get("messages") or (), value.get("statuses") or ()
            if account is None or change.get("field") != "messages" or not (messages or statuses):
                raise Unclear("not only messages and statuses of known numbers")
            place = Place(account, received_at, value.get("contacts") or (), value.get("errors"))
            for message in messages:
                events.append(message_event(place, message))  # noqa: PERF401 - a generator costs a tenth of the whole
            for status in statuses:
                events.append(status_event(place, status))  # noqa: PERF401
    if not events:
        raise Unclear("nothing in it")
    return events


# ---------------------------------------------------------------- item by item


def careful(numbers: Numbers, received_at: datetime, body: bytes) -> Iterator[ChannelEvent]:
    """Reads what can be read and keeps the rest. Never raises."""
    keep = Keeper(numbers.main, received_at)
    entries, other = entries_of(body, OBJECT, "WhatsApp business account", keep)
    if other is not None:
        yield other
    for entry in entries:
        changes = items_of(entry, "changes")
        if not changes:
            yield keep.item("entry", "without changes", entry)
        for change in changes:
            yield from _change(numbers, keep, as_object(entry), change)


def _change(numbers: Numbers, keep: Keeper, entry: dict[str, Any], change: Any) -> Iterator[ChannelEvent]:
    field, value = str(as_object(change).get("field") or "messages"), as_object(as_object(change).get("value"))
    if field in ACCOUNT_FIELDS:
        news = partial(account_events, numbers, keep.received_at, entry, field)
        yield from keep.each(field, [change], lambda _: news(value))
        return
    if field not in wire.FIELDS:
        yield keep.item(field, "a field that is not read", change)
        return
    number = as_object(value.get("metadata")).get("phone_number_id")
    account = numbers.by_number.get(number) if isinstance(number, str) else None
    if account is None:
        named = f"number {number}" if isinstance(number, str) else "number not named"
        yield keep.item(named, "no account here has this phone_number_id", change)
        return
    stamp = entry.get("time") if isinstance(entry.get("time"), int) else None
    yield from _items(keep.of(account), field, stamp, value, change)


def _items(keep: Keeper, field: str, stamp: int | None, value: dict[str, Any], change: Any) -> Iterator[ChannelEvent]:
    contacts, lost = keep.valid("contacts", wire.CONTACT, items_of(value, "contacts"))
    errors, unread = keep.valid("errors", wire.ERROR, items_of(value, "errors"))
    yield from (*lost, *unread)
    place = Place(keep.account, keep.received_at, contacts, errors or None)
    items = [(name, item) for name in wire.FIELDS[field] for item in items_of(value, name)]
    for name, item in items:
        yield from keep.each(name, [item], partial(read_item, place, name))
    if items:
        return
    for error_item in errors:  # errors beside messages are about those
        yield error_event(place, error_item, stamp)
    if not errors:
        yield keep.item(field, "nothing in it that is read", change)
