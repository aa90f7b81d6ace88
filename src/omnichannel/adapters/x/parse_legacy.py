"""Bodies of the Account Activity API, deprecated: each item as an event of the X Activity API, which is read there.

Shapes: https://docs.x.com/x-api/account-activity/introduction; objects in the words of API v1.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from omnichannel.adapters.x.attachments import legacy_media
from omnichannel.adapters.x.messages import Json, inner
from omnichannel.adapters.x.wire import LEGACY_MEDIA
from omnichannel.kit.shapes import is_object, member, text_of, values_of
from omnichannel.kit.times import at_millis


def is_legacy(data: Json) -> bool:
    """Whether it is a body of the Account Activity API."""
    return "for_user_id" in data or any(key.endswith("_events") for key in data)


def revocation(event: Json) -> Json | None:
    """A `user_event` that says that the user took our access away; None for another."""
    gone = member(event, "revoke")
    if not is_object(gone):
        return None
    payload = {
        "user_id": member(gone.get("source"), "user_id"),
        "app_id": text_of(member(gone.get("target"), "app_id")),
        "date_time": text_of(gone.get("date_time")),
    }
    return {"event_type": "oauth.revoke", "payload": payload}


def _deletion(item: object) -> Json:
    gone = member(item, "status")
    payload = {"id": member(gone, "id"), "author_id": text_of(member(gone, "user_id"))}
    return {"event_type": "post.delete", "payload": payload, "at": text_of(member(item, "timestamp_ms"))}


def _block(item: object) -> Json:
    kind, stamp = text_of(member(item, "type")) or "block", text_of(member(item, "created_timestamp")) or ""
    people = {name: {"id": _id(inner(member(item, name)))} for name in ("source", "target")}
    key = f"{kind}:{people['source']['id']}:{people['target']['id']}:{stamp}"
    event_type = "block.block" if kind == "block" else "block.unblock"
    return {"event_type": event_type, "payload": people, "event_uuid": key, "at": stamp}


def _post(item: object) -> Json:
    """v1.1 has no conversation id: a reply is joined to what it answers by its references. Its numbers lose digits in
    some JSON readers, so the strings beside them are taken."""
    extended, quoted = member(item, "extended_tweet"), member(item, "quoted_status")
    long, stamp = extended if is_object(extended) else item, at_millis(text_of(member(item, "timestamp_ms")))
    holders = [values_of(member(member(one, "extended_entities"), "media")) for one in (extended, item)]
    files = [legacy_media(LEGACY_MEDIA.validate_python(one)) for one in next(filter(None, holders), ())]
    named = values_of(member(member(long, "entities"), "user_mentions"))
    links = {
        "retweeted": member(member(item, "retweeted_status"), "id_str"),
        "replied_to": member(item, "in_reply_to_status_id_str"),
        "quoted": member(item, "quoted_status_id_str"),
    }
    payload = {
        "id": _id(item),
        "text": member(long, "full_text") or member(item, "full_text") or member(item, "text"),
        "author_id": _id(member(item, "user")),
        "in_reply_to_user_id": member(item, "in_reply_to_user_id_str"),
        "lang": member(item, "lang"),
        "created_at": stamp.isoformat() if stamp else None,
        "display_text_range": member(long, "display_text_range") or member(item, "display_text_range"),
        "referenced_tweets": [{"type": kind, "id": one} for kind, found in links.items() if (one := text_of(found))],
        "entities": {"mentions": [_mention(one) for one in named]},
        "attachments": {"media_keys": [one["media_key"] for one in files]},
        "users": [member(item, "user")],
    }
    cited = {"id": text_of(member(quoted, "id_str")), "author_id": _id(member(quoted, "user"))}
    return {"event_type": "post.mention.create", "payload": payload, "includes": {"media": files, "tweets": [cited]}}


def _mention(mention: object) -> dict[str, Any]:
    where = values_of(member(mention, "indices"))
    start = where[0] if where and isinstance(where[0], int) else None
    return {"id": member(mention, "id_str"), "username": member(mention, "screen_name"), "start": start}


def _id(item: object) -> str | None:
    return text_of(member(item, "id_str")) or text_of(member(item, "id"))


MODERN: Mapping[str, Callable[[object], Json]] = {
    "direct_message_events": lambda item: {"event_type": "dm.received", "payload": item},
    "direct_message_mark_read_events": lambda item: {"event_type": "dm.read", "payload": item},
    "tweet_create_events": _post,
    "tweet_delete_events": _deletion,
    "block_events": _block,
    "unblock_events": _block,
}
"""Of each list of a body, how an item reads as an event of the X Activity API. May raise `ValidationError`."""
