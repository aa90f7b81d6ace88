"""Bodies of the Account Activity API, deprecated: each item as an event of the X Activity API, which is read there.

Shapes: https://docs.x.com/x-api/account-activity/introduction; objects in the words of API v1.1, as tables of `wire`
say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from omnichannel.adapters.x import wire
from omnichannel.adapters.x.messages import Around, Events, Json, dm_events, inner, unrecognized
from omnichannel.kit.owners import Owner
from omnichannel.kit.shapes import at, is_object, member, reshaped, text_of, values_of
from omnichannel.kit.times import at_millis


def is_legacy(data: Json) -> bool:
    """Whether it is a body of the Account Activity API."""
    return "for_user_id" in data or any(key.endswith("_events") for key in data)


def revocation(event: Json) -> Json | None:
    """A `user_event` that says that the user took our access away; None for another."""
    payload = reshaped(event, wire.V1_REVOCATION)
    return {"event_type": "oauth.revoke", "payload": payload} if is_object(event.get("revoke")) else None


def direct_event(value: object, whose: Owner, around: Around, *, ours: bool = False) -> Events:
    """A DM, which the activity API has in these words too. Raises `ValidationError`."""
    if member(value, "type") not in (None, "message_create"):
        return [unrecognized("direct_message_events", "type of DM not known", value, whose.account, around)]
    file = at(value, "message_create.message_data.attachment.media")
    files = _files([file] if file else [])
    item = {"event_type": "MessageCreate", **reshaped(value, wire.V1_DM), "attachments": _named(files)}
    return dm_events(item, whose, replace(around, media={one["media_key"]: one for one in files}), ours=ours)


def _files(media: list[object]) -> list[wire.MediaObject]:
    plain = {"media_key": "", "type": "photo"}
    return [wire.MEDIA.validate_python({**plain, **reshaped(one, wire.V1_MEDIA)}) for one in media]


def _named(files: list[wire.MediaObject]) -> Json:
    return {"media_keys": [one["media_key"] for one in files]}


def _deletion(item: object) -> Json:
    payload = reshaped(item, wire.V1_DELETION)
    return {"event_type": "post.delete", "payload": payload, "at": member(item, "timestamp_ms")}


def _block(item: object) -> Json:
    kind, stamp = text_of(member(item, "type")) or "block", text_of(member(item, "created_timestamp")) or ""
    people = {name: reshaped(inner(member(item, name)), wire.V1_USER) for name in ("source", "target")}
    key = f"{kind}:{people['source'].get('id')}:{people['target'].get('id')}:{stamp}"
    event_type = "block.block" if kind == "block" else "block.unblock"
    return {"event_type": event_type, "payload": people, "event_uuid": key, "at": stamp}


def _post(item: object) -> Json:
    lists, links = reshaped(item, wire.V1_LISTS), reshaped(item, wire.V1_REFERENCES)
    files, stamp = _files(values_of(lists.get("media"))), at_millis(text_of(member(item, "timestamp_ms")))
    payload = {
        **reshaped(item, wire.V1_POST),
        "created_at": stamp.isoformat() if stamp else None,
        "referenced_tweets": [{"type": kind, "id": one} for kind, one in links.items()],
        "entities": {"mentions": [reshaped(one, wire.V1_MENTION) for one in values_of(lists.get("mentions"))]},
        "attachments": _named(files),
        "users": [member(item, "user")],
    }
    includes = {"media": files, "tweets": [reshaped(item, wire.V1_CITED)]}
    return {"event_type": "post.mention.create", "payload": payload, "includes": includes}


MODERN: Mapping[str, Callable[[object], Json]] = {
    "direct_message_events": lambda item: {"event_type": "dm.received", "payload": item},
    "direct_message_mark_read_events": lambda item: {"event_type": "dm.read", "payload": item},
    "tweet_create_events": _post,
    "tweet_delete_events": _deletion,
    "block_events": _block,
    "unblock_events": _block,
}
"""Of each list of a body, how an item reads as an event of the X Activity API. May raise `ValidationError`."""
