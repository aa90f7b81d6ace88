"""From Meta's webhooks to events. A clean batch is validated at once; any other is read item by item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import to_json

from omnichannel.adapters.whatsapp import wire
from omnichannel.adapters.whatsapp.items import FIELDS, READERS, Place, error_event, message_event, status_event
from omnichannel.adapters.whatsapp.notices import ACCOUNT_FIELDS, Numbers, account_events
from omnichannel.adapters.whatsapp.said import Unclear
from omnichannel.channel import ChannelEvent, Envelope, Unrecognized
from omnichannel.kit.inbound import body_of, unrecognized
from omnichannel.kit.meta_graph import read_json

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


@dataclass(frozen=True, slots=True)
class _Keeper:
    """Makes `Unrecognized` of what is not understood, with its bytes."""

    account: str
    received_at: datetime

    def item(self, what: str, reason: str, item: Any) -> Unrecognized:
        return self.text(what, reason, to_json(item).decode())

    def text(self, what: str, reason: str, content: str) -> Unrecognized:
        return unrecognized(account=self.account, at=self.received_at, what=what, reason=reason, content=content)


def careful(numbers: Numbers, received_at: datetime, body: bytes) -> Iterator[ChannelEvent]:
    """Reads what can be read and keeps the rest. Never raises."""
    keep = _Keeper(numbers.main, received_at)
    try:
        data = read_json(body)
    except (ValueError, RecursionError):
        yield keep.text("payload", "not JSON", body.decode("utf-8", "replace"))
        return
    entries = _list(data, "entry") if _dict(data).get("object") == OBJECT else []
    if not entries:
        yield keep.item("payload", "not a webhook of a WhatsApp business account", data)
    for entry in entries:
        changes = _list(entry, "changes")
        if not changes:
            yield keep.item("entry", "without changes", entry)
        for change in changes:
            yield from _change(numbers, keep, _dict(entry), change)


def _dict(data: Any) -> dict[str, Any]:
    return cast(dict[str, Any], data) if isinstance(data, dict) else {}


def _list(data: Any, name: str) -> list[Any]:
    found: list[Any] | None = _dict(data).get(name)
    return found if isinstance(found, list) else []


def _change(numbers: Numbers, keep: _Keeper, entry: dict[str, Any], change: Any) -> Iterator[ChannelEvent]:
    field, value = str(_dict(change).get("field") or "messages"), _dict(_dict(change).get("value"))
    if field in ACCOUNT_FIELDS:
        try:
            yield from account_events(numbers, keep.received_at, entry, field, value)
        except (ValidationError, Unclear) as error:
            yield keep.item(field, _why(error), change)
        return
    if field not in FIELDS:
        yield keep.item(field, "a field that is not read", change)
        return
    number = _dict(value.get("metadata")).get("phone_number_id")
    account = numbers.by_number.get(number) if isinstance(number, str) else None
    if account is None:
        named = f"number {number}" if isinstance(number, str) else "number not named"
        yield keep.item(named, "no account here has this phone_number_id", change)
        return
    stamp = entry.get("time") if isinstance(entry.get("time"), int) else None
    yield from _items(_Keeper(account, keep.received_at), field, stamp, value, change)


def _items(keep: _Keeper, field: str, stamp: int | None, value: dict[str, Any], change: Any) -> Iterator[ChannelEvent]:
    contacts: list[wire.Contact] = []
    errors: list[wire.Error] = []
    for contact in _list(value, "contacts"):
        try:
            contacts.append(wire.CONTACT.validate_python(contact))
        except ValidationError as error:
            yield keep.item("contacts", _why(error), contact)
    for found in _list(value, "errors"):
        try:
            errors.append(wire.ERROR.validate_python(found))
        except ValidationError as error:
            yield keep.item("errors", _why(error), found)
    place = Place(keep.account, keep.received_at, contacts, errors or None)
    items = [(name, item) for name in FIELDS[field] for item in _list(value, name)]
    for name, item in items:
        adapter, read = READERS[name]
        try:
            yield read(place, adapter.validate_python(item))
        except (ValidationError, Unclear) as error:
            yield keep.item(name, _why(error), item)
    if items:
        return
    for error_item in errors:  # errors beside messages are about those
        yield error_event(place, error_item, stamp)
    if not errors:
        yield keep.item(field, "nothing in it that is read", change)


def _why(error: ValidationError | Unclear) -> str:
    """The reason without the values, which are the customer's own."""
    if isinstance(error, Unclear):
        return str(error)
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
