"""Bodies of the Account Activity API, deprecated: objects in the words of API v1.1, up to one kind a body.

Shapes: https://docs.x.com/x-api/account-activity/introduction. Its posts are turned into those of v2 and read there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from omnichannel.adapters.x.attachments import legacy_media
from omnichannel.adapters.x.messages import (
    Around,
    Dm,
    Whose,
    at_id,
    at_ms,
    dm_event,
    dm_thread,
    post_events,
    unrecognized,
)
from omnichannel.adapters.x.notices import NOT_OURS, Accounts, block_event, guarded, read_receipts, revoked
from omnichannel.adapters.x.shapes import Json, inner, surroundings
from omnichannel.adapters.x.wire import DIRECT_MESSAGE, LEGACY_MEDIA, PARTY, POST, REVOCATION
from omnichannel.channel import ChannelEvent, MessageDeleted
from omnichannel.kit.shapes import is_list, is_object, member, text_of, values_of

IGNORED = frozenset(
    {
        "favorite_events",
        "follow_events",
        "unfollow_events",
        "mute_events",
        "unmute_events",
        "direct_message_indicate_typing_events",
        "spaces_events",
    }
)
Reader = Callable[[object, Json, Whose, Around], list[ChannelEvent]]


def is_legacy(data: Json) -> bool:
    """Whether it is a body of the Account Activity API."""
    return "for_user_id" in data or any(key.endswith("_events") for key in data)


def legacy_events(data: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    """The events in all lists of a body."""
    near = surroundings(data, around)
    events: list[ChannelEvent] = []
    for key, items in data.items():
        if not key.endswith("_events") or key in IGNORED:
            continue
        reader = _READERS.get(key)
        if reader is None or not is_list(items):
            events.append(unrecognized(key, "list of events not known", {key: items}, whose.account, around))
            continue
        for item in items:
            events += _one(key, item, data, reader, whose, near)
    if not any(key.endswith("_events") for key in data):
        events.append(unrecognized("account_activity", "no list of events", data, whose.account, around))
    return events


def _one(key: str, item: object, data: Json, reader: Reader, whose: Whose, around: Around) -> list[ChannelEvent]:
    """An item with its kind and the people around it, so that what is not read can be read later."""
    kept = {"for_user_id": whose.user_id, key: [item]}
    return guarded(key, kept, whose.account, around, lambda: reader(item, data, whose, around))


def user_event(event: Json, accounts: Accounts, around: Around) -> list[ChannelEvent]:
    """The user took our access away."""
    gone = member(event, "revoke")
    if not is_object(gone):
        return [unrecognized("user_event", "kind of user event not known", event, accounts.fallback, around)]
    flat = {
        "user_id": member(gone.get("source"), "user_id"),
        "app_id": text_of(member(gone.get("target"), "app_id")),
        "date_time": text_of(gone.get("date_time")),
    }
    found = REVOCATION.validate_python(flat)
    whose = accounts.whose(found["user_id"])
    if whose is None:
        reason = f"{NOT_OURS}: {found['user_id']}"
        return [unrecognized("user_event", reason, event, accounts.fallback, around)]
    return [revoked(whose, found["user_id"], found.get("date_time"), found.get("app_id"), around)]


def direct_message(item: object, whose: Whose, around: Around, *, ours: bool = False) -> ChannelEvent:
    """A DM in the words of v1.1, as the activity API has it too."""
    event = DIRECT_MESSAGE.validate_python(item)
    create = event["message_create"]
    sender, recipient, said = create["sender_id"], create["target"]["recipient_id"], create["message_data"]
    media = (said.get("attachment") or {}).get("media")
    dm = Dm(
        id=event["id"],
        sender=sender,
        recipient=recipient,
        thread=dm_thread(sender, recipient),
        text=said.get("text") or "",
        sent_at=at_ms(event.get("created_timestamp")) or at_id(event["id"]) or around.received_at,
        attachments=(legacy_media(media),) if media else (),
        choice=(said.get("quick_reply_response") or {}).get("metadata"),
    )
    return dm_event(dm, whose, around, ours=ours)


def _direct(item: object, data: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    if member(item, "type") != "message_create":
        return [unrecognized("direct_message_events", "type of DM not known", item, whose.account, around)]
    return [direct_message(item, whose, around)]


def _read(item: object, data: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    return read_receipts([item], whose, around)


def _tweet(item: object, data: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    post = POST.validate_python(_modern(item))
    people = {"users": [member(item, "user")], "includes": {"media": _files(item), "tweets": _cited(item)}}
    near = surroundings(people, around)
    return post_events(post, whose, near)


def _deleted(item: object, data: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    gone = PARTY.validate_python(member(item, "status"))
    return [
        MessageDeleted(
            account=whose.account,
            dedupe=gone["id"],
            occurred_at=at_ms(text_of(member(item, "timestamp_ms"))) or around.received_at,
            message_id=gone["id"],
            sender=text_of(member(member(item, "status"), "user_id")) or "",
        )
    ]


def _blocked(item: object, data: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    source, target = (PARTY.validate_python(_person(member(item, name)))["id"] for name in ("source", "target"))
    kind, stamp = text_of(member(item, "type")) or "block", text_of(member(item, "created_timestamp")) or ""
    near = Around(received_at=at_ms(stamp) or around.received_at)
    return [block_event(source, target, kind == "block", f"{kind}:{source}:{target}:{stamp}", whose, near)]


_READERS: Mapping[str, Reader] = {
    "direct_message_events": _direct,
    "direct_message_mark_read_events": _read,
    "tweet_create_events": _tweet,
    "tweet_delete_events": _deleted,
    "block_events": _blocked,
    "unblock_events": _blocked,
}


# ---------------------------------------------------------------- posts of v1.1 in the words of v2


def _modern(tweet: object) -> dict[str, Any]:
    """v1.1 has no conversation id: a reply is joined to what it answers by `references`. Its numbers lose digits in
    some JSON readers, so the strings beside them are taken."""
    extended = member(tweet, "extended_tweet")
    long = extended if is_object(extended) else tweet
    named = values_of(member(member(long, "entities"), "user_mentions"))
    post = {
        "id": _id(tweet),
        "text": member(long, "full_text") or member(tweet, "full_text") or member(tweet, "text"),
        "author_id": _id(member(tweet, "user")),
        "in_reply_to_user_id": member(tweet, "in_reply_to_user_id_str"),
        "lang": member(tweet, "lang"),
        "display_text_range": member(long, "display_text_range") or member(tweet, "display_text_range"),
        "referenced_tweets": [{"type": kind, "id": one} for kind, one in _references(tweet)],
        "entities": {"mentions": [_mention(one) for one in named]},
        "attachments": {"media_keys": [one["media_key"] for one in _files(tweet)]},
    }
    stamp = at_ms(text_of(member(tweet, "timestamp_ms")))
    return {**post, "created_at": stamp.isoformat() if stamp else None}


def _references(tweet: object) -> list[tuple[str, str]]:
    reposted = text_of(member(member(tweet, "retweeted_status"), "id_str"))
    named = [
        ("retweeted", reposted),
        ("replied_to", text_of(member(tweet, "in_reply_to_status_id_str"))),
        ("quoted", text_of(member(tweet, "quoted_status_id_str"))),
    ]
    return [(kind, one) for kind, one in named if one]


def _mention(mention: object) -> dict[str, Any]:
    where = values_of(member(mention, "indices"))
    start = where[0] if where and isinstance(where[0], int) else None
    return {"id": member(mention, "id_str"), "username": member(mention, "screen_name"), "start": start}


def _files(tweet: object) -> list[dict[str, Any]]:
    """The files of a post as `includes.media` has them."""
    extended = member(tweet, "extended_tweet")
    holders = [member(holder, "extended_entities") for holder in (extended, tweet)]
    lists = [values_of(member(holder, "media")) for holder in holders]
    files: list[dict[str, Any]] = []
    for item in next(filter(None, lists), ()):
        media = LEGACY_MEDIA.validate_python(item)
        kind, info = media.get("type") or "photo", media.get("video_info") or {}
        files.append(
            {
                "media_key": media.get("id_str") or "",
                "type": kind,
                "url": media.get("media_url_https") if kind == "photo" else None,
                "preview_image_url": media.get("media_url_https"),
                "alt_text": media.get("ext_alt_text"),
                "variants": info.get("variants"),
            }
        )
    return files


def _cited(tweet: object) -> list[dict[str, Any]]:
    quoted = member(tweet, "quoted_status")
    return [{"id": text_of(member(quoted, "id_str")), "author_id": _id(member(quoted, "user"))}]


def _id(user: object) -> str | None:
    return text_of(member(user, "id_str")) or text_of(member(user, "id"))


def _person(user: object) -> dict[str, Any]:
    found = inner(user)
    return {"id": _id(found)}
