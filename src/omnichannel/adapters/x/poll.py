"""Catching up: our mentions and our DMs, newer than the cursor, oldest first, one envelope an item.

The cursor is JSON: the newest id taken of each feed, and, while a long backlog is worked through (X gives the newest
first), the page to go on with and the id to go on from afterwards. Without a cursor the newest page of each is taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import from_json

from omnichannel.adapters.x.messages import at_id
from omnichannel.adapters.x.shapes import Json
from omnichannel.adapters.x.surfaces import DM_FIRST_PAGE, DM_PAGE, MENTIONS_PAGE, POLL_AGAIN, POLL_PAGES
from omnichannel.adapters.x.upload import Caller
from omnichannel.channel import Batch, Envelope, Flow, HttpRequest, Rejected, Repeat
from omnichannel.kit.shapes import is_object, member, text_of, values_of
from omnichannel.kit.times import at_iso
from omnichannel.model.base import EPOCH

Query = tuple[tuple[str, str], ...]

POST_FIELDS = (
    "attachments,author_id,conversation_id,created_at,display_text_range,edit_history_tweet_ids,entities,id,"
    "in_reply_to_user_id,lang,note_tweet,referenced_tweets,text"
)
_COMMON: Query = (
    ("tweet.fields", POST_FIELDS),
    ("user.fields", "id,name,username"),
    ("media.fields", "alt_text,media_key,preview_image_url,type,url,variants"),
)
MENTION_QUERY: Query = (
    ("max_results", str(MENTIONS_PAGE)),
    ("expansions", "attachments.media_keys,author_id,in_reply_to_user_id,referenced_tweets.id"),
    *_COMMON,
)
DM_QUERY: Query = (
    ("event_types", "MessageCreate"),
    ("dm_event.fields", "attachments,created_at,dm_conversation_id,event_type,id,referenced_tweets,sender_id,text"),
    ("expansions", "attachments.media_keys,sender_id"),
    *_COMMON[1:],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a feed stands: `since` is taken; `top` and `token` are set while a backlog is worked through."""

    since: str | None = None
    top: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Our user id where it had to be asked for, and both feeds."""

    me: str | None = None
    mentions: Place = field(default_factory=Place)
    dms: Place = field(default_factory=Place)

    @classmethod
    def load(cls, text: str | None) -> Cursor:
        """The cursor that `dump` wrote; what cannot be read is none."""
        try:
            data: object = from_json(text or "{}")
        except ValueError:
            data = None
        places = [_place(member(data, name)) for name in ("mentions", "dms")]
        return cls(me=_digits(member(data, "me")), mentions=places[0], dms=places[1])

    def dump(self) -> str:
        """The cursor as it is stored."""
        feeds = {"mentions": self.mentions, "dms": self.dms}
        data: dict[str, Any] = {
            name: {key: value for key in ("since", "top", "token") if (value := getattr(place, key)) is not None}
            for name, place in feeds.items()
        }
        return json.dumps({**({"me": self.me} if self.me else {}), **data}, sort_keys=True)


def _place(data: object) -> Place:
    since, top = (_digits(member(data, name)) for name in ("since", "top"))
    return Place(since=since, top=top, token=text_of(member(data, "token")))


def _digits(value: object) -> str | None:
    found = text_of(value)
    return found if found and found.isascii() and found.isdigit() else None


@dataclass(slots=True)
class _Found:
    """What a feed gave: its items with their ids, where it stands now, and why it stopped early."""

    envelopes: list[tuple[int, Envelope]]
    place: Place
    refused: Rejected | None = None


def poll(caller: Caller, me: str, cursor: Cursor) -> Flow[Batch]:
    """What is new in both feeds. Where one is refused and the other has something, that is kept first."""
    mentions = yield from _feed(caller, me, "mentions", cursor.mentions)
    dms = yield from _feed(caller, me, "dms", cursor.dms)
    found = sorted([*mentions.envelopes, *dms.envelopes], key=lambda one: one[0])
    envelopes = tuple(envelope for _, envelope in found)
    refused = mentions.refused or dms.refused
    if refused is not None and not envelopes:
        raise refused
    more = any(one.token is not None for one in (mentions.place, dms.place))
    wait = refused.failure.retry_after if refused is not None else None
    return Batch(
        envelopes=envelopes,
        cursor=replace(cursor, me=me, mentions=mentions.place, dms=dms.place).dump(),
        more=more and refused is None,
        again_after=wait or (None if more and refused is None else POLL_AGAIN),
    )


def _feed(caller: Caller, me: str, feed: str, place: Place) -> Flow[_Found]:
    """A feed's pages from the newest (or from where the last poll stopped) down to what is known."""
    found = _Found([], place)
    first = place.since is None and place.token is None
    for _ in range(POLL_PAGES):
        try:
            page = yield from _page(caller, me, feed, found.place)
        except Rejected as refusal:
            # What came before is not thrown away: the next poll goes on with this page.
            found.refused = refusal
            return found
        items = [one for one in values_of(page.get("data")) if is_object(one)]
        fresh = [one for one in items if _is_newer(one, place.since)]
        found.envelopes += [(_number(one), _envelope(one, page, me)) for one in fresh]
        found.place = _next(found.place, fresh, page, stop=first or len(fresh) < len(items))
        if found.place.token is None:
            return found
    return found


def _page(caller: Caller, me: str, feed: str, place: Place) -> Flow[Json]:
    size = DM_PAGE if place.token or place.since is None else DM_FIRST_PAGE
    query = MENTION_QUERY if feed == "mentions" else (("max_results", str(size)), *DM_QUERY)
    url = f"2/users/{me}/mentions" if feed == "mentions" else "2/dm_events"
    extra = [("since_id", place.since)] if feed == "mentions" and place.since else []
    extra += [("pagination_token", place.token)] if place.token else []
    limit = "mentions" if feed == "mentions" else "dm_events"
    request = HttpRequest(method="GET", url=url, query=(*query, *extra), repeat=Repeat.SAFE, limit=limit)
    data: object = yield from caller.call(request)
    return data if is_object(data) else {}


def _next(place: Place, fresh: list[Json], page: Json, *, stop: bool) -> Place:
    ids = [_number(one) for one in fresh]
    newest = str(max(ids)) if ids else None
    top = place.top or newest or place.since
    token = text_of(member(page.get("meta"), "next_token"))
    if stop or token is None:
        return Place(since=top)
    return Place(since=place.since, top=top, token=token)


def _number(item: Mapping[str, Any]) -> int:
    return int(_digits(item.get("id")) or 0)


def _is_newer(item: Json, since: str | None) -> bool:
    return since is None or _number(item) == 0 or _number(item) > int(since)


def _envelope(item: Json, page: Json, me: str) -> Envelope:
    """A page of one item and what belongs to it. Its time is the item's own: a poll has no clock."""
    content = {"for_user_id": me, "data": [item], "includes": _belonging(item, page.get("includes"))}
    number = str(_number(item))
    at = at_iso(text_of(item.get("created_at"))) or at_id(number) or EPOCH
    return Envelope(
        source="poll",
        method="GET",
        headers={"content-type": "application/json"},
        content=json.dumps(content, ensure_ascii=False, sort_keys=True).encode("utf-8"),
        received_at=at,
    )


def _belonging(item: Json, includes: object) -> dict[str, list[object]]:
    """Of what came with the page, what this item names: its people, its files, the posts it refers to."""
    references = [*values_of(item.get("referenced_tweets")), *values_of(item.get("referenced_posts"))]
    posts = {text_of(member(one, "id")) for one in references}
    keys = {text_of(one) for one in values_of(member(item.get("attachments"), "media_keys"))}
    people = {text_of(item.get(name)) for name in ("author_id", "sender_id", "in_reply_to_user_id")}
    kinds = {"users": ("id", people), "media": ("media_key", keys), "tweets": ("id", posts), "posts": ("id", posts)}
    return {
        name: chosen
        for name, (key, wanted) in kinds.items()
        if (chosen := [one for one in values_of(member(includes, name)) if text_of(member(one, key)) in wanted])
    }
