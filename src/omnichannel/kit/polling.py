"""Catching up with feeds that a platform lists: an envelope an item, several feeds in one batch, a cursor as JSON.

Many platforms give the newest items first, a page at a time, and nothing but a token for the next (older) page. A
long backlog is then worked through over several polls, while new items go on coming.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from pydantic_core import from_json

from omnichannel.channel.errors import Rejected
from omnichannel.channel.wire import Batch, Envelope, Flow
from omnichannel.kit.shapes import is_object, member, text_of, written

__all__ = ["Cursor", "Page", "Place", "batch_of", "cursor_data", "item_envelope", "newest_first", "poll_newest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a feed stands: all up to `since` is taken. While a backlog is worked through, `token` is the page to go
    on with and `top` the id to go on from afterwards. Ids are numbers that grow."""

    since: str | None = None
    top: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Whose feeds they are, where that had to be asked for, and where each of them stands."""

    me: str | None = None
    places: Mapping[str, Place] = field(default_factory=dict[str, Place])

    def place(self, name: str) -> Place:
        """Where a feed stands; at its beginning where it was never read."""
        return self.places.get(name, Place())

    @classmethod
    def load(cls, text: str | None) -> Cursor:
        """The cursor that `dump` wrote; what cannot be read is none."""
        data = cursor_data(text)
        places = {name: place for name, one in data.items() if (place := _place(one)) != Place()}
        return cls(me=_digits(data.get("me")), places=places)

    def dump(self) -> str:
        """The cursor as it is stored."""
        names = ("since", "top", "token")
        data: dict[str, Any] = {"me": self.me} if self.me else {}
        for name, place in self.places.items():
            data[name] = {key: value for key in names if (value := getattr(place, key)) is not None}
        return json.dumps(data, sort_keys=True)


def cursor_data(text: str | None) -> Mapping[str, Any]:
    """The object that a cursor holds; empty for what is none."""
    try:
        data: object = from_json(text or "{}")
    except ValueError:
        return {}
    return data if is_object(data) else {}


def _place(data: object) -> Place:
    since, top = (_digits(member(data, name)) for name in ("since", "top"))
    return Place(since=since, top=top, token=text_of(member(data, "token")))


def _digits(value: object) -> str | None:
    found = text_of(value)
    return found if found and found.isascii() and found.isdigit() else None


@dataclass(frozen=True, slots=True)
class Page:
    """What a feed has on a page, each with its id, newest first; and the token of the page after it."""

    items: tuple[tuple[int, Envelope], ...]
    token: str | None

    @classmethod
    def of(cls, items: Iterable[object], token: object, envelope: Callable[[Mapping[str, Any]], Envelope]) -> Page:
        """A page of objects with an `id`; one whose id is no number is taken whenever it is seen."""
        found = [one for one in items if is_object(one)]
        return cls(tuple((int(_digits(one.get("id")) or 0), envelope(one)) for one in found), text_of(token))


Found: TypeAlias = tuple[list[tuple[int, Envelope]], Place, Rejected | None]


def newest_first(read: Callable[[Place], Flow[Page]], place: Place, most: int) -> Flow[Found]:
    """What is new, where the feed stands now, and why it stopped early.

    Pages are read from the newest (or from where the last poll stopped) down to what is known, at the most `most`.
    Of a feed that was never read the newest page is taken. What was read before a refusal is not thrown away: the
    next poll goes on with the page that was refused.
    """
    found: list[tuple[int, Envelope]] = []
    since, begins = int(place.since or -1), place.since is None and place.token is None
    for _ in range(most):
        try:
            page = yield from read(place)
        except Rejected as refusal:
            return found, place, refusal
        fresh = [one for one in page.items if one[0] == 0 or one[0] > since]
        found += fresh
        top = place.top or (str(max(number for number, _ in fresh)) if fresh else place.since)
        if begins or len(fresh) < len(page.items) or page.token is None:
            return found, Place(since=top), None
        place = Place(since=place.since, top=top, token=page.token)
    return found, place, None


def poll_newest(
    feeds: Mapping[str, Callable[[Place], Flow[Page]]], cursor: Cursor, *, most: int, again_after: timedelta
) -> Flow[Batch]:
    """What is new in several feeds, the smallest id first. Raises `Rejected` as `batch_of` does."""
    found: list[tuple[int, Envelope]] = []
    places, refused = dict[str, Place](), None
    for name, read in feeds.items():
        new, places[name], why = yield from newest_first(read, cursor.place(name), most)
        found, refused = found + new, refused or why
    envelopes = [envelope for _, envelope in sorted(found, key=lambda one: one[0])]
    more = any(place.token is not None for place in places.values())
    return batch_of(
        envelopes, replace(cursor, places=places).dump(), more=more, refused=refused, again_after=again_after
    )


def batch_of(
    envelopes: Iterable[Envelope], cursor: str, *, more: bool, refused: Rejected | None, again_after: timedelta
) -> Batch:
    """The batch of several feeds. Where one was refused and others had something, that is kept first.

    Raises `refused` where nothing came.
    """
    found = tuple(envelopes)
    if refused is not None and not found:
        raise refused
    wait = refused.failure.retry_after if refused is not None else None
    at_once = more and refused is None
    return Batch(envelopes=found, cursor=cursor, more=at_once, again_after=wait or (None if at_once else again_after))


def item_envelope(item: Mapping[str, Any], at: datetime, **headers: str) -> Envelope:
    """An item of a feed as an envelope. Its time is the item's own: a poll has no clock."""
    return Envelope(
        source="poll",
        method="GET",
        headers={"content-type": "application/json", **headers},
        content=written(item).encode("utf-8", "replace"),
        received_at=at,
    )
