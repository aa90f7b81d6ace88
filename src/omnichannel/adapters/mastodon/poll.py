"""Catching up: notifications, direct conversations and our own statuses, newer than the cursor, oldest first.

Streaming has no replay, so this closes the gaps, and finds what the server holds back from the stream (notifications
of strangers, by the account's policy). The cursor is JSON: of each feed the id from which the server wants to be asked
on, which its `Link` header names. Without a cursor nothing old is taken: what comes from now on is new.
https://docs.joinmastodon.org/api/guidelines/#pagination
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from omnichannel.adapters.mastodon.surfaces import PAGE, PAGES, POLL_AGAIN
from omnichannel.channel import Batch, Envelope, Flow, HttpRequest, HttpResponse, Rejected
from omnichannel.kit.flows import read
from omnichannel.kit.polling import batch_of, cursor_data, item_envelope
from omnichannel.kit.shapes import is_object, member, text_of, values_of
from omnichannel.kit.times import at_iso
from omnichannel.model.base import EPOCH

Query = tuple[tuple[str, str], ...]
NOTICES = ("mention", "quote", "update", "favourite", "moderation_warning", "severed_relationships")
BEGINNING = "0"
"""Where a feed stands that had nothing when we first looked."""
_PREVIOUS = re.compile(r'<([^<>]{1,2000})>;\s*rel="prev"')


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed: where it is, what its items are called in the stream, and how they are asked for."""

    name: str
    event: str
    url: str
    query: Query = ()


class Caller(Protocol):
    """What a poll needs of a channel."""

    def checked(self, request: HttpRequest) -> Flow[HttpResponse]: ...


def feeds(me: str) -> tuple[Feed, ...]:
    """What is asked. Items of a stream and of a poll have the same names, and are read in one way."""
    types: Query = tuple(("types[]", one) for one in NOTICES)
    return (
        Feed("notifications", "notification", "api/v1/notifications", (*types, ("include_filtered", "true"))),
        Feed("conversations", "conversation", "api/v1/conversations"),
        Feed("statuses", "update", f"api/v1/accounts/{me}/statuses", (("exclude_reblogs", "true"),)),
    )


def load(cursor: str | None) -> dict[str, str]:
    """The cursor as `poll` wrote it; what cannot be read is none."""
    return {key: value for key, value in cursor_data(cursor).items() if isinstance(value, str)}


def poll(caller: Caller, me: str, place: Mapping[str, str]) -> Flow[Batch]:
    """What is new in all feeds. Where one is refused and others have something, that is kept first."""
    now, found, more = {**place, "me": me}, list[Envelope](), False
    refused: Rejected | None = None
    for feed in feeds(me):
        try:
            full = yield from _read(caller, feed, now, found)
            more = more or full
        except Rejected as refusal:
            refused = refused or refusal
    cursor = json.dumps(now, sort_keys=True)
    envelopes = sorted(found, key=lambda one: one.received_at)
    return batch_of(envelopes, cursor, more=more, refused=refused, again_after=POLL_AGAIN)


def _read(caller: Caller, feed: Feed, now: dict[str, str], found: list[Envelope]) -> Flow[bool]:
    """A feed's pages from where it stood; whether there may be more."""
    if feed.name not in now:
        response = yield from _page(caller, feed, 1, None)
        now[feed.name] = _newest(response) or BEGINNING
        return False
    for _ in range(PAGES):
        response = yield from _page(caller, feed, PAGE, now[feed.name])
        items = [one for one in values_of(response.json()) if is_object(one)]
        found += [_envelope(feed, one) for one in reversed(items)]
        newest = _newest(response)
        if not items or newest in (None, now[feed.name]):
            return False
        now[feed.name] = newest or now[feed.name]
        if len(items) < PAGE:
            return False
    return True


def _page(caller: Caller, feed: Feed, size: int, after: str | None) -> Flow[HttpResponse]:
    place: Query = (("min_id", after),) if after is not None else ()
    query = (*feed.query, ("limit", str(size)), *place)
    return (yield from caller.checked(read(feed.url, "read", query)))


def _newest(response: HttpResponse) -> str | None:
    """From which id on there is nothing yet: as the server says, else the first item's, which is the newest."""
    link = _PREVIOUS.search(response.headers.get("link", ""))
    if link is not None:
        try:
            named = parse_qs(urlsplit(link[1]).query)
        except ValueError:
            named = {}
        for name in ("min_id", "since_id"):
            if name in named:
                return named[name][0]
    items = values_of(response.json())
    return text_of(member(items[0], "id")) if items else None


def _envelope(feed: Feed, item: Mapping[str, object]) -> Envelope:
    """One item, as the stream would have sent it."""
    dated = item if feed.name != "conversations" else member(item, "last_status")
    return item_envelope(item, at_iso(text_of(member(dated, "created_at"))) or EPOCH, event=feed.event)
