"""Bytes of X to events: activity events of webhooks and stream, pages of polls, bodies of the older webhooks.

The key of a message is the id of its post or DM, so that webhook, stream, poll and replay give the same event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from pydantic import ValidationError
from pydantic_core import from_json

from omnichannel.adapters.x.messages import (
    Around,
    Events,
    Json,
    dm_events,
    post_events,
    surroundings,
    unrecognized,
)
from omnichannel.adapters.x.notices import NOT_OURS, about_us, blocked, deleted, revoked, was_read
from omnichannel.adapters.x.parse_legacy import MODERN, direct_event, is_legacy, revocation
from omnichannel.adapters.x.wire import IGNORED, LEGACY_IGNORED
from omnichannel.channel import ChannelEvent, Envelope
from omnichannel.kit.inbound import body_of, shape_error
from omnichannel.kit.owners import Owner, Owners
from omnichannel.kit.shapes import is_list, is_object, member, text_of, values_of
from omnichannel.kit.times import at_millis

ENCRYPTED = "encrypted XChat message: only a client that holds the conversation's keys can read it"
Reader: TypeAlias = Callable[[Any, Owner, Around], Events]


def parse(accounts: Owners, envelope: Envelope) -> Events:
    """The events in an envelope. Never raises; what is not understood becomes `Unrecognized`."""
    content = body_of(envelope)
    around = Around(received_at=envelope.received_at)
    if not content.strip():
        return []  # the stream's sign of life
    try:
        data: object = from_json(content)
    except ValueError:
        data = None
    if is_object(data):
        return _body(data, accounts, around)
    return [unrecognized("body", "not a JSON object", content.decode("utf-8", "replace"), accounts.fallback, around)]


def _body(data: Json, accounts: Owners, around: Around) -> Events:
    found = data.get("data")
    if is_object(found) and "payload" in found:
        return _activity(found, accounts, around)
    if is_object(found) or is_list(found):
        return _page(data, accounts, around)
    if is_object(status := data.get("replay_job_status")):
        return [_replay(status, accounts, around)]
    if is_object(event := data.get("user_event")):
        modern = revocation(event)
        if modern is not None:
            return _activity(modern, accounts, around, ("user_event", event))
        return [unrecognized("user_event", "kind of user event not known", event, accounts.fallback, around)]
    if is_legacy(data):
        return _legacy(data, accounts, around)
    if data.get("errors"):
        return [_stream_error(data, accounts, around)]
    if is_object(data.get("meta")):
        return []  # a page without results
    return [unrecognized("body", "no data and no events that we know", data, accounts.fallback, around)]


def _read(read: Reader, item: object, kept: tuple[str, object], whose: Owner, around: Around) -> Events:
    """What a reader makes of an item; what it cannot read is kept, by its kind and whole."""
    try:
        return read(item, whose, around)
    except ValidationError as error:
        return [unrecognized(kept[0], shape_error(error), kept[1], whose.account, around)]


# ---------------------------------------------------------------- events of webhooks and stream


def _activity(event: Json, accounts: Owners, around: Around, was: tuple[str, object] | None = None) -> Events:
    """An event of the X Activity API; `was` says what it was before, where it came in other words."""
    kind, payload = text_of(event.get("event_type")) or "", event.get("payload")
    what, whole = was or (kind or "event", event)
    if kind.startswith(IGNORED):
        return []
    if not is_object(payload):
        return [unrecognized(what, "payload is no object", whole, accounts.fallback, around)]
    user_id = text_of(member(payload if kind == "oauth.revoke" else event.get("filter"), "user_id"))
    whose = accounts.of(user_id)
    if whose is None:
        return [unrecognized(what, f"{NOT_OURS}: {user_id}", whole, accounts.fallback, around)]
    if kind.startswith(("chat.", "conversation_")):
        return [unrecognized(what, ENCRYPTED, whole, whose.account, around)]
    read, items = _KINDS.get(kind), payload.get("direct_message_events") if kind in _DIRECT else [payload]
    if read is None or not is_list(items):
        reason = "event type not known" if read is None else "no direct_message_events"
        return [unrecognized(what, reason, whole, whose.account, around)]
    near, events = _near(event, around), Events()
    for item in items:
        # One DM that cannot be read does not spoil the others.
        kept = {**event, "payload": {**payload, "direct_message_events": [item]}} if kind in _DIRECT else whole
        events += _read(read, item, (what, kept), whose, near)
    return events


def _near(event: Json, around: Around) -> Around:
    near = surroundings({"users": member(event["payload"], "users"), "includes": event.get("includes")}, around)
    at, key = at_millis(text_of(event.get("at"))), text_of(event.get("event_uuid")) or ""
    return replace(near, received_at=at or around.received_at, key=key)


_DIRECT = ("dm.received", "dm.sent")
_KINDS: Mapping[str, Reader] = {
    "post.create": partial(post_events, ours=True),
    "post.mention.create": post_events,
    "post.reply.create": post_events,
    "post.quote.create": partial(post_events, quoted=True),
    "post.delete": deleted,
    "dm.received": direct_event,
    "dm.sent": partial(direct_event, ours=True),
    "dm.read": was_read,
    "block.block": partial(blocked, on=True),
    "block.unblock": partial(blocked, on=False),
    "oauth.revoke": revoked,
}


def _legacy(data: Json, accounts: Owners, around: Around) -> Events:
    """The events in all lists of a body, each kept with its kind, so that what is not read can be read later."""
    user_id = text_of(data.get("for_user_id"))
    whose = accounts.of(user_id)
    if whose is None:
        return [unrecognized("account_activity", f"{NOT_OURS}: {user_id}", data, accounts.fallback, around)]
    lists = {key: items for key, items in data.items() if key.endswith("_events")}
    near, events = surroundings(data, around), Events()
    for key, items in lists.items():
        if key in MODERN and is_list(items):
            for item in items:
                kept = {"for_user_id": whose.user_id, key: [item]}
                events += _read(partial(_modernised, key), item, (key, kept), whose, near)
        elif key not in LEGACY_IGNORED:
            events.append(unrecognized(key, "list of events not known", {key: items}, whose.account, around))
    if not lists:
        events.append(unrecognized("account_activity", "no list of events", data, whose.account, around))
    return events


def _modernised(key: str, item: object, whose: Owner, around: Around) -> Events:
    event = MODERN[key](item)
    return _KINDS[event["event_type"]](event["payload"], whose, _near(event, around))


def _replay(status: Json, accounts: Owners, around: Around) -> ChannelEvent:
    job, state = text_of(status.get("job_id")) or "", text_of(status.get("job_state")) or "unknown"
    detail = f"replay job {job}: {state}. {text_of(status.get('job_state_description')) or ''}".strip()
    return about_us(accounts.fallback, f"replay:{job}:{state}", around.received_at, detail)


def _stream_error(data: Json, accounts: Owners, around: Around) -> ChannelEvent:
    """The stream says why it ends: https://docs.x.com/x-api/fundamentals/handling-disconnections."""
    unknown = unrecognized("errors", "X reports an error", data, accounts.fallback, around)
    first = next(iter(values_of(data["errors"])), None)
    words = [found for name in ("title", "detail", "message") if (found := text_of(member(first, name)))]
    return about_us(unknown.account, unknown.dedupe, unknown.occurred_at, ": ".join(words)) if words else unknown


# ---------------------------------------------------------------- pages


def _page(data: Json, accounts: Owners, around: Around) -> Events:
    """A page of posts or DMs, newest first as X gives it; a poll's envelope is a page of one, with `for_user_id`."""
    found: object = data["data"]
    user_id = text_of(data.get("for_user_id"))
    whose, near, events = accounts.of(user_id), surroundings(data, around), Events()
    for item in found[::-1] if is_list(found) else [found]:
        if is_object(item) and "payload" in item:
            events += _activity(item, accounts, around)
        elif whose is None:
            events.append(unrecognized("page", f"{NOT_OURS}: {user_id}", item, accounts.fallback, around))
        elif not is_object(item):
            events.append(unrecognized("item", "not an object", item, whose.account, around))
        elif "event_type" in item:
            events += _read(dm_events, item, ("dm_event", item), whose, near)
        elif "text" in item:
            events += _read(post_events, item, ("post", item), whose, near)
        else:
            events.append(unrecognized("item", "neither a post nor a DM", item, whose.account, around))
    return events
