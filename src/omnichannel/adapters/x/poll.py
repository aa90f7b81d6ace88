"""Catching up: our mentions and our DMs, newer than the cursor, oldest first, one envelope an item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from omnichannel.adapters.x.messages import Json, at_id
from omnichannel.adapters.x.surfaces import DM_FIRST_PAGE, DM_PAGE, MENTIONS_PAGE, POLL_AGAIN, POLL_PAGES
from omnichannel.adapters.x.wire import DM_QUERY, MENTION_QUERY
from omnichannel.channel import Batch, Envelope, Flow
from omnichannel.kit.flows import Caller, read
from omnichannel.kit.polling import Cursor, Page, Place, item_envelope, poll_newest
from omnichannel.kit.shapes import member, text_of, values_of
from omnichannel.kit.times import at_iso
from omnichannel.model.base import EPOCH


def poll(caller: Caller, me: str, cursor: Cursor) -> Flow[Batch]:
    """What is new in both feeds. Where one is refused and the other has something, that is kept first."""
    pages = {"mentions": partial(_mentions, caller, me), "dms": partial(_dms, caller, me)}
    return (yield from poll_newest(pages, replace(cursor, me=me), most=POLL_PAGES, again_after=POLL_AGAIN))


def _mentions(caller: Caller, me: str, place: Place) -> Flow[Page]:
    since = [("since_id", place.since)] if place.since else []
    query = [("max_results", str(MENTIONS_PAGE)), *MENTION_QUERY, *since]
    return (yield from _page(caller, f"2/users/{me}/mentions", "mentions", query, me, place))


def _dms(caller: Caller, me: str, place: Place) -> Flow[Page]:
    size = DM_PAGE if place.token or place.since is None else DM_FIRST_PAGE
    query = [("max_results", str(size)), *DM_QUERY]
    return (yield from _page(caller, "2/dm_events", "dm_events", query, me, place))


def _page(caller: Caller, url: str, limit: str, query: list[tuple[str, str]], me: str, place: Place) -> Flow[Page]:
    token = [("pagination_token", place.token)] if place.token else []
    data = yield from caller.call(read(url, limit, (*query, *token)))
    items, following = values_of(member(data, "data")), member(member(data, "meta"), "next_token")
    return Page.of(items, following, partial(_envelope, member(data, "includes"), me))


def _envelope(includes: object, me: str, item: Json) -> Envelope:
    """A page of one item and what belongs to it."""
    at = at_iso(text_of(item.get("created_at"))) or at_id(text_of(item.get("id")) or "") or EPOCH
    return item_envelope({"for_user_id": me, "data": [item], "includes": _belonging(item, includes)}, at)


def _belonging(item: Mapping[str, Any], includes: object) -> dict[str, list[object]]:
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
