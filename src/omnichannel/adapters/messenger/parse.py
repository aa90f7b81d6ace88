"""From Meta's webhooks to events. A clean batch is validated at once; any other is read item by item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from omnichannel.adapters.messenger import wire
from omnichannel.adapters.messenger.items import Place, events_of
from omnichannel.adapters.messenger.notices import change_events, notice_or_events
from omnichannel.channel import ChannelEvent, Envelope
from omnichannel.kit.inbound import body_of
from omnichannel.kit.meta_graph import Keeper, Unclear, as_object, entries_of, items_of, why

OBJECT = "page"
_AROUND = frozenset({"sender", "recipient", "timestamp"})


def parse(main: str, pages: Mapping[str, str], envelope: Envelope) -> Sequence[ChannelEvent]:
    """The events in a webhook: the same for the same bytes. `pages` are our accounts by page id. Never raises."""
    body = body_of(envelope)
    try:
        return quick(pages, envelope.received_at, body)
    except (ValidationError, Unclear):
        return list(careful(main, pages, envelope.received_at, body))


def quick(pages: Mapping[str, str], received_at: datetime, body: bytes) -> list[ChannelEvent]:
    """Messages and receipts of known Pages, all well-formed. Raises `Unclear` or `ValidationError` at all else."""
    payload = wire.PAYLOAD.validate_json(body)
    if payload["object"] != OBJECT:
        raise Unclear("another object")
    events: list[ChannelEvent] = []
    for entry in payload["entry"]:
        account = pages.get(entry["id"])
        if account is None or not entry["messaging"] or entry.get("standby") or entry.get("changes"):
            raise Unclear("not only messages of known Pages")
        place = Place(account, entry["id"], received_at, entry.get("time"))
        for item in entry["messaging"]:
            events += events_of(place, item)
    if not events:
        raise Unclear("nothing in it")
    return events


def careful(main: str, pages: Mapping[str, str], received_at: datetime, body: bytes) -> Iterator[ChannelEvent]:
    """Reads what can be read and keeps the rest. Never raises."""
    keep = Keeper(main, received_at)
    entries, other = entries_of(body, OBJECT, "Page", keep)
    if other is not None:
        yield other
    for entry in entries:
        page_id = as_object(entry).get("id")
        account = pages.get(page_id) if isinstance(page_id, str) else None
        if account is None or not isinstance(page_id, str):
            named = f"page {page_id}" if isinstance(page_id, str) else "page not named"
            yield keep.item(named, "no account here has this page_id", entry)
            continue
        stamp = as_object(entry).get("time")
        known = stamp if isinstance(stamp, int | str) and not isinstance(stamp, bool) else None
        yield from _entry(keep.of(account), Place(account, page_id, received_at, known), entry)


def _entry(keep: Keeper, place: Place, entry: Any) -> Iterator[ChannelEvent]:
    items = [(place, item) for item in items_of(entry, "messaging")]
    items += [(place._replace(standby=True), item) for item in items_of(entry, "standby")]
    changes = items_of(entry, "changes")
    if not items and not changes:
        yield keep.item("entry", "nothing in it that is read", entry)
    for where, item in items:
        try:
            yield from notice_or_events(where, wire.ITEM.validate_python(item))
        except (ValidationError, Unclear) as error:
            yield keep.item(_name_of(item), why(error), item)
    for change in changes:
        field = str(as_object(change).get("field") or "")
        try:
            yield from change_events(place, field, as_object(change).get("value"))
        except (ValidationError, Unclear) as error:
            yield keep.item(field or "change", why(error), change)


def _name_of(item: Any) -> str:
    """What an event calls itself."""
    return next((str(name) for name in as_object(item) if name not in _AROUND), "event")
