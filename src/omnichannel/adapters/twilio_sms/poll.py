"""Catching up by Twilio's own list of messages: what came in while no webhook reached us, and what became of ours.

Twilio tries a webhook once more where the connection fails, and never after an answer that was an error:
https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides

The cursor is JSON: the time up to which the list is known, and what was taken of its last minutes, because messages
do not appear in the order of their times, and their status moves on. Without a cursor the list begins with what comes
from now on; where nothing is there yet, that is all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from pydantic_core import from_json

from omnichannel.adapters.twilio_sms.parse import customer_of, moment
from omnichannel.adapters.twilio_sms.surfaces import POLL_AGAIN, POLL_OVERLAP, POLL_PAGE, POLL_SEEN
from omnichannel.channel import Batch, Envelope, Flow, HttpRequest
from omnichannel.kit.flows import read
from omnichannel.kit.polling import item_envelope
from omnichannel.kit.shapes import is_object, member, text_of, values_of
from omnichannel.model.base import EPOCH

Item: TypeAlias = Mapping[str, Any]
Call: TypeAlias = Callable[[HttpRequest], Flow[Any]]
Ours: TypeAlias = Callable[[Item], bool]
_WRITTEN = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the list is known."""

    since: datetime
    seen: frozenset[str]

    @classmethod
    def load(cls, text: str | None) -> Cursor | None:
        """The cursor that `dump` wrote; what cannot be read is none."""
        try:
            data: object = from_json(text or "null")
            since = datetime.strptime(text_of(member(data, "since")) or "", _WRITTEN).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(since, frozenset(found for one in values_of(member(data, "seen")) if (found := text_of(one))))

    def dump(self) -> str:
        """The cursor as it is stored."""
        return json.dumps({"since": _written(self.since), "seen": sorted(self.seen)})


def _written(at: datetime) -> str:
    return at.strftime(_WRITTEN)


def poll(call: Call, ours: Ours, cursor: str | None) -> Flow[Batch]:
    """What is new, oldest first. A long backlog is worked through in windows, each no longer than a page."""
    known = Cursor.load(cursor)
    if known is None:
        newest = yield from _page(call, None, None, size=1)
        items = _items(newest)
        begun = Cursor(_time(items[0]), frozenset({_key(items[0])})) if items else Cursor(EPOCH, frozenset())
        return Batch(envelopes=(), cursor=begun.dump(), again_after=POLL_AGAIN)
    items, until = yield from _window(call, known)
    items.sort(key=_time)
    fresh = [one for one in items if _key(one) not in known.seen]
    envelopes: list[Envelope] = []
    for one in fresh:
        if ours(one):
            envelopes += [(yield from _envelope(call, one))]
    following = _following(known, items, until)
    more = until is not None
    return Batch(
        envelopes=tuple(envelopes),
        cursor=following.dump(),
        more=more,
        again_after=None if more else POLL_AGAIN,
    )


def _following(known: Cursor, items: Sequence[Item], until: datetime | None) -> Cursor:
    times: list[datetime] = [known.since, *map(_time, items), *([until] if until else [])]
    since = max(times)
    recent = [_key(one) for one in items if _time(one) >= since - POLL_OVERLAP]
    return Cursor(since, frozenset(recent[-POLL_SEEN:]))


def _window(call: Call, known: Cursor) -> Flow[tuple[list[Item], datetime | None]]:
    """All messages since the cursor, its last minutes included; where those are more than a page, those of a shorter
    time, whose end is given too. It lies after the cursor, so that each window leads on."""
    until: datetime | None = None
    since = known.since - POLL_OVERLAP if known.since > EPOCH else None
    while True:
        page = yield from _page(call, since, until)
        items = _items(page)
        following = text_of(member(page, "next_page_uri"))
        if following is None:
            return items, until
        newest = min(_time(items[0]), until) if until else _time(items[0])
        half = (known.since + (newest - known.since) / 2).replace(microsecond=0)
        if half <= known.since:
            # All within a second or two: no shorter time helps.
            while following is not None:
                page = yield from call(_list(following))
                items += _items(page)
                following = text_of(member(page, "next_page_uri"))
            return items, until
        until = half


def _page(call: Call, since: datetime | None, until: datetime | None, *, size: int = POLL_PAGE) -> Flow[Any]:
    bounds = (("DateSent>", since), ("DateSent<", until))
    query = [(name, _written(at)) for name, at in bounds if at is not None]
    return (yield from call(_list("Messages.json", (*query, ("PageSize", str(size))))))


def _list(url: str, query: tuple[tuple[str, str], ...] = ()) -> HttpRequest:
    return read(url, "read", query)


def _items(page: object) -> list[Item]:
    return [one for one in values_of(member(page, "messages")) if is_object(one)]


def _time(item: Item) -> datetime:
    return moment(text_of(item.get("date_sent")) or text_of(item.get("date_created")), EPOCH)


def _key(item: Item) -> str:
    return f"{text_of(item.get('sid'))}:{text_of(item.get('status'))}"


def is_between(item: Item, numbers: frozenset[str], service: str | None) -> bool:
    """Whether a listed message is between a customer and one of these numbers or names, or of this service."""
    inbound = item.get("direction") == "inbound"
    here, there = (item.get("to"), item.get("from")) if inbound else (item.get("from"), item.get("to"))
    mine = here in numbers or (service is not None and item.get("messaging_service_sid") == service)
    return mine and customer_of(text_of(there) or "") is not None


def _envelope(call: Call, item: Item) -> Flow[Envelope]:
    """A message with its files, which are listed apart. Its time is its own: a poll has no clock."""
    content: dict[str, Any] = {"message": item}
    if item.get("direction") == "inbound" and text_of(item.get("num_media")) not in (None, "", "0"):
        listed = yield from call(_list(f"Messages/{text_of(item.get('sid'))}/Media.json"))
        content["media"] = values_of(member(listed, "media_list"))
    return item_envelope(content, _time(item))
