"""Bytes of X to events: activity events of webhooks and stream, pages of polls; legacy bodies go to `parse_legacy`.

The key of a message is the id of its post or DM, so that webhook, stream, poll and replay give the same event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from pydantic_core import from_json

from omnichannel.adapters.x.attachments import post_media
from omnichannel.adapters.x.messages import Around, Dm, Whose, at_id, dm_event, post_events, unrecognized
from omnichannel.adapters.x.notices import NOT_OURS, Accounts, block_event, guarded, read_receipts, revoked
from omnichannel.adapters.x.parse_legacy import direct_message, is_legacy, legacy_events, user_event
from omnichannel.adapters.x.shapes import Json, inner, surroundings
from omnichannel.adapters.x.wire import DELETION, DM_EVENT, PARTY, POST, REVOCATION
from omnichannel.channel import AccountChanged, ChannelEvent, Envelope, MessageDeleted
from omnichannel.kit.inbound import body_of
from omnichannel.kit.shapes import is_list, is_object, member, text_of, values_of
from omnichannel.kit.times import at_iso

IGNORED = (
    "like.",
    "follow.",
    "mute.",
    "profile.update.",
    "spaces.",
    "news.",
    "dm.indicate_typing",
    "post.repost.create",
)
"""Events that say nothing to us: neither a message nor something about one, nor about our account."""
ENCRYPTED = "encrypted XChat message: only a client that holds the conversation's keys can read it"

Handler = Callable[[Json, Json, Whose, Around], list[ChannelEvent]]


def parse(accounts: Accounts, envelope: Envelope) -> list[ChannelEvent]:
    """The events in an envelope. Never raises; what is not understood becomes `Unrecognized`."""
    content = body_of(envelope)
    around = Around(received_at=envelope.received_at)
    if not content.strip():
        return []  # the stream's sign of life
    try:
        data: object = from_json(content)
    except ValueError:
        data = None
    if not is_object(data):
        text = content.decode("utf-8", "replace")
        return [unrecognized("body", "not a JSON object", text, accounts.fallback, around)]
    return _body(data, accounts, around)


def _body(data: Json, accounts: Accounts, around: Around) -> list[ChannelEvent]:
    found = data.get("data")
    if is_object(found) and "payload" in found:
        return _activity(found, accounts, around)
    if is_object(found) or is_list(found):
        return _page(data, accounts, around)
    if is_object(status := data.get("replay_job_status")):
        return [_replay(status, accounts, around)]
    if is_object(event := data.get("user_event")):
        return guarded("user_event", event, accounts.fallback, around, lambda: user_event(event, accounts, around))
    if is_legacy(data):
        return _legacy(data, accounts, around)
    if data.get("errors"):
        return [_stream_error(data, accounts, around)]
    if is_object(data.get("meta")):
        return []  # a page without results
    return [unrecognized("body", "no data and no events that we know", data, accounts.fallback, around)]


def _legacy(data: Json, accounts: Accounts, around: Around) -> list[ChannelEvent]:
    user_id = text_of(data.get("for_user_id"))
    whose = accounts.whose(user_id)
    if whose is None:
        return [unrecognized("account_activity", f"{NOT_OURS}: {user_id}", data, accounts.fallback, around)]
    return legacy_events(data, whose, around)


# ---------------------------------------------------------------- X Activity API


def _activity(event: Json, accounts: Accounts, around: Around) -> list[ChannelEvent]:
    kind, payload = text_of(event.get("event_type")) or "", event.get("payload")
    if kind.startswith(IGNORED):
        return []
    if not is_object(payload):
        return [unrecognized(kind or "event", "payload is no object", event, accounts.fallback, around)]
    if kind == "oauth.revoke":
        return guarded(kind, event, accounts.fallback, around, lambda: [_revoked(event, payload, accounts, around)])
    user_id = text_of(member(event.get("filter"), "user_id"))
    whose = accounts.whose(user_id)
    if whose is None:
        return [unrecognized(kind or "event", f"{NOT_OURS}: {user_id}", event, accounts.fallback, around)]
    if kind.startswith(("chat.", "conversation_")):
        return [unrecognized(kind, ENCRYPTED, event, whose.account, around)]
    handler = _KINDS.get(kind)
    if handler is None:
        return [unrecognized(kind or "event", "event type not known", event, whose.account, around)]
    near = surroundings({"users": payload.get("users"), "includes": event.get("includes")}, around)
    return guarded(kind, event, whose.account, near, lambda: handler(event, payload, whose, near))


def _post(event: Json, payload: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    kind = event["event_type"]
    post = POST.validate_python(payload)
    return post_events(post, whose, around, ours=kind == "post.create", quoted=kind == "post.quote.create")


def _deleted(event: Json, payload: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    gone = DELETION.validate_python(payload)
    return [
        MessageDeleted(
            account=whose.account,
            dedupe=gone["id"],
            occurred_at=around.received_at,
            message_id=gone["id"],
            sender=gone.get("author_id") or whose.user_id or "",
        )
    ]


def _direct(event: Json, payload: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    """A body of the older API under `payload`; one DM that cannot be read does not spoil the others."""
    ours, found = event["event_type"] == "dm.sent", payload.get("direct_message_events")
    if not is_list(found):
        return [unrecognized(event["event_type"], "no direct_message_events", event, whose.account, around)]
    events: list[ChannelEvent] = []
    for item in found:
        kept = {**event, "payload": {**payload, "direct_message_events": [item]}}
        read = partial(_direct_one, item, whose, around, ours)
        events += guarded(event["event_type"], kept, whose.account, around, read)
    return events


def _direct_one(item: object, whose: Whose, around: Around, ours: bool) -> list[ChannelEvent]:
    return [direct_message(item, whose, around, ours=ours)]


def _read(event: Json, payload: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    # The shape is not shown in X's documents: it is taken to be that of the older API, alone or in its list.
    many = payload.get("direct_message_mark_read_events")
    return read_receipts(many if is_list(many) else [payload], whose, around)


def _blocked(event: Json, payload: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    source, target = (PARTY.validate_python(inner(payload.get(name)))["id"] for name in ("source", "target"))
    key = text_of(event.get("event_uuid")) or f"{event['event_type']}:{source}:{target}"
    return [block_event(source, target, event["event_type"] == "block.block", key, whose, around)]


_KINDS: Mapping[str, Handler] = {
    "post.create": _post,
    "post.mention.create": _post,
    "post.reply.create": _post,
    "post.quote.create": _post,
    "post.delete": _deleted,
    "dm.received": _direct,
    "dm.sent": _direct,
    "dm.read": _read,
    "block.block": _blocked,
    "block.unblock": _blocked,
}


def _revoked(event: Json, payload: Json, accounts: Accounts, around: Around) -> ChannelEvent:
    gone = REVOCATION.validate_python(payload)
    whose = accounts.whose(gone["user_id"])
    if whose is None:
        reason = f"{NOT_OURS}: {gone['user_id']}"
        return unrecognized("oauth.revoke", reason, event, accounts.fallback, around)
    return revoked(whose, gone["user_id"], gone.get("date_time"), gone.get("app_id"), around)


def _replay(status: Json, accounts: Accounts, around: Around) -> ChannelEvent:
    job, state = text_of(status.get("job_id")) or "", text_of(status.get("job_state")) or "unknown"
    said = text_of(status.get("job_state_description")) or ""
    return AccountChanged(
        account=accounts.fallback,
        dedupe=f"replay:{job}:{state}",
        occurred_at=around.received_at,
        state="info",
        detail=f"replay job {job}: {state}. {said}".strip(),
    )


def _stream_error(data: Json, accounts: Accounts, around: Around) -> ChannelEvent:
    """The stream says why it ends: https://docs.x.com/x-api/fundamentals/handling-disconnections."""
    unknown = unrecognized("errors", "X reports an error", data, accounts.fallback, around)
    first = next(iter(values_of(data["errors"])), None)
    words = [text_of(member(first, name)) for name in ("title", "detail", "message")]
    if not any(words):
        return unknown
    return AccountChanged(
        account=accounts.fallback,
        dedupe=unknown.dedupe,
        occurred_at=around.received_at,
        state="info",
        detail=": ".join(one for one in words if one),
    )


# ---------------------------------------------------------------- pages


def _page(data: Json, accounts: Accounts, around: Around) -> list[ChannelEvent]:
    """A page of posts or DMs, newest first as X gives it; a poll's envelope is a page of one, with `for_user_id`."""
    found: object = data["data"]
    items = found[::-1] if is_list(found) else [found]
    user_id = text_of(data.get("for_user_id"))
    whose = accounts.whose(user_id)
    near = surroundings(data, around)
    events: list[ChannelEvent] = []
    for item in items:
        if is_object(item) and "payload" in item:
            events += _activity(item, accounts, around)
        elif whose is None:
            events.append(unrecognized("page", f"{NOT_OURS}: {user_id}", item, accounts.fallback, around))
        else:
            events += _item(item, whose, near)
    return events


def _item(item: object, whose: Whose, around: Around) -> list[ChannelEvent]:
    if not is_object(item):
        return [unrecognized("item", "not an object", item, whose.account, around)]
    if "event_type" in item:
        return guarded("dm_event", item, whose.account, around, lambda: _looked_up(item, whose, around))
    if "text" not in item:
        return [unrecognized("item", "neither a post nor a DM", item, whose.account, around)]
    return guarded("post", item, whose.account, around, lambda: post_events(POST.validate_python(item), whose, around))


def _looked_up(item: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    event = DM_EVENT.validate_python(item)
    if event["event_type"] in ("ParticipantsJoin", "ParticipantsLeave"):
        return []
    sender = event.get("sender_id")
    if event["event_type"] != "MessageCreate" or sender is None:
        reason = "no sender_id: ask for it in dm_event.fields" if sender is None else "DM event of unknown type"
        return [unrecognized("dm_event", reason, item, whose.account, around)]
    thread = event.get("dm_conversation_id") or ""
    people = [one for one in thread.split("-") if one != sender] if "-" in thread else []
    keys = (event.get("attachments") or {}).get("media_keys") or []
    dm = Dm(
        id=event["id"],
        sender=sender,
        recipient=people[0] if people else "",
        thread=thread,
        text=event.get("text") or "",
        sent_at=at_iso(event.get("created_at")) or at_id(event["id"]) or around.received_at,
        attachments=tuple(post_media(around.media[key]) for key in keys if key in around.media),
        group=bool(thread) and "-" not in thread,
    )
    return [dm_event(dm, whose, around)]
