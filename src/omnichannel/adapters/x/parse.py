"""Bytes of X to events: activity events of webhooks and stream, pages of polls; legacy bodies go to `parse_legacy`.

The key of a message is the id of its post or DM, so that webhook, stream, poll and replay give the same event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from omnichannel.adapters.x.account import XAccount
from omnichannel.adapters.x.attachments import post_media
from omnichannel.adapters.x.messages import Around, Dm, Whose, at_id, at_iso, dm_event, post_events, unrecognized
from omnichannel.adapters.x.parse_legacy import (
    direct_messages,
    is_legacy,
    legacy_events,
    reads,
    revocation,
)
from omnichannel.adapters.x.wire import DELETION, DM_EVENT, MEDIA, PARTY, POST, REVOCATION, USER, MediaObject, User
from omnichannel.channel import AccountChanged, ChannelEvent, ConsentChanged, Envelope, MessageDeleted

Json = Mapping[str, Any]
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
NOT_OURS = "no account of ours has this user id"


class Accounts:
    """Our accounts behind one endpoint, looked up by the numeric user id."""

    def __init__(self, primary: XAccount, accounts: Sequence[XAccount]) -> None:
        self._primary = primary
        self._accounts = tuple(accounts)
        self._by_id = {one.own_id: one for one in accounts if one.own_id is not None}

    @property
    def fallback(self) -> str:
        """The account that what is nobody's is filed under."""
        return self._primary.id

    def whose(self, user_id: str | None) -> Whose | None:
        """The account of a user id. One account alone takes what names nobody, and learns its own id so."""
        known = self._by_id.get(user_id or "")
        alone = self._accounts[0] if len(self._accounts) == 1 else None
        if known is None and alone is not None and (user_id is None or alone.own_id is None):
            known = alone
        if known is None:
            return None
        ours = user_id or known.own_id
        return Whose(
            account=known.id,
            user_id=ours,
            username=known.username,
            own_ids=frozenset(self._by_id) - {ours or ""},
        )


def parse(accounts: Accounts, envelope: Envelope) -> list[ChannelEvent]:
    """The events in an envelope. Never raises; what is not understood becomes `Unrecognized`."""
    content = envelope.content
    if envelope.blob is not None:
        content = envelope.blob.read(0, envelope.blob.size)
    around = Around(received_at=envelope.received_at)
    if not content.strip():
        return []  # the stream's sign of life
    try:
        data: Any = from_json(content)
    except ValueError:
        data = None
    if not _is_object(data):
        text = content.decode("utf-8", "replace")
        return [unrecognized("body", "not a JSON object", text, accounts.fallback, around)]
    return _body(data, accounts, around)


def _body(data: Json, accounts: Accounts, around: Around) -> list[ChannelEvent]:
    found = data.get("data")
    if _is_object(found) and "payload" in found:
        return _activity(found, accounts, around)
    if _is_object(found) or isinstance(found, list):
        return _page(data, accounts, around)
    if _is_object(status := data.get("replay_job_status")):
        return [_replay(status, accounts, around)]
    if _is_object(event := data.get("user_event")):
        return _guarded("user_event", event, accounts, around, lambda: [revocation(event, accounts.whose, around)])
    if is_legacy(data):
        user_id = _text(data.get("for_user_id"))
        whose = accounts.whose(user_id)
        if whose is None:
            return [unrecognized("account_activity", f"{NOT_OURS}: {user_id}", data, accounts.fallback, around)]
        return legacy_events(data, whose, _surroundings(data, around))
    if data.get("errors"):
        return [_stream_error(data, accounts, around)]
    if _is_object(data.get("meta")):
        return []  # a page without results
    return [unrecognized("body", "no data and no events that we know", data, accounts.fallback, around)]


# ---------------------------------------------------------------- X Activity API


def _activity(event: Json, accounts: Accounts, around: Around) -> list[ChannelEvent]:
    kind, payload = _text(event.get("event_type")) or "", event.get("payload")
    if kind.startswith(IGNORED):
        return []
    if not _is_object(payload):
        return [unrecognized(kind or "event", "payload is no object", event, accounts.fallback, around)]
    if kind == "oauth.revoke":
        return _guarded(kind, event, accounts, around, lambda: [_revoked(event, payload, accounts, around)])
    wanted = _text((event.get("filter") or {}).get("user_id")) if _is_object(event.get("filter")) else None
    whose = accounts.whose(wanted)
    if whose is None:
        return [unrecognized(kind or "event", f"{NOT_OURS}: {wanted}", event, accounts.fallback, around)]
    if kind.startswith(("chat.", "conversation_")):
        return [unrecognized(kind, ENCRYPTED, event, whose.account, around)]
    handler = _KINDS.get(kind)
    if handler is None:
        return [unrecognized(kind or "event", "event type not known", event, whose.account, around)]
    near = _surroundings({**payload, "includes": event.get("includes")}, around)
    return _guarded(kind, event, accounts, near, lambda: handler(event, payload, whose, near), whose)


Handler = Callable[[Json, Json, Whose, Around], list[ChannelEvent]]


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
    return direct_messages(payload, whose, around, ours=event["event_type"] == "dm.sent")


def _read(event: Json, payload: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    # The shape is not shown in X's documents: it is taken to be that of the older API, alone or in its list.
    many = payload.get("direct_message_mark_read_events", [payload])
    return reads(many, whose, around)


def _blocked(event: Json, payload: Json, whose: Whose, around: Around) -> list[ChannelEvent]:
    source, target = (PARTY.validate_python(_inner(payload.get(name)))["id"] for name in ("source", "target"))
    key = _text(event.get("event_uuid")) or f"{event['event_type']}:{source}:{target}"
    return [block_event(source, target, event["event_type"] == "block.block", key, whose, around)]


def block_event(source: str, target: str, on: bool, key: str, whose: Whose, around: Around) -> ChannelEvent:
    """Somebody blocked us, or took it back: no message reaches them. Or we did it."""
    if source == whose.user_id:
        detail = f"we {'blocked' if on else 'unblocked'} user {target}"
        return AccountChanged(
            account=whose.account, dedupe=key, occurred_at=around.received_at, state="info", detail=detail
        )
    return ConsentChanged(
        account=whose.account,
        dedupe=key,
        occurred_at=around.received_at,
        sender=source,
        purpose="all",
        granted=not on,
        text="block" if on else "unblock",
    )


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


def revoked(whose: Whose, user_id: str, date_time: str | None, app_id: str | None, around: Around) -> AccountChanged:
    """The user took the app's access away."""
    return AccountChanged(
        account=whose.account,
        dedupe=f"revoke:{user_id}:{date_time or ''}",
        occurred_at=at_iso(date_time) or around.received_at,
        state="revoked",
        detail=f"user {user_id} removed app {app_id or 'of ours'}: connect the account again",
    )


def _replay(status: Json, accounts: Accounts, around: Around) -> ChannelEvent:
    job, state = _text(status.get("job_id")) or "", _text(status.get("job_state")) or "unknown"
    said = _text(status.get("job_state_description")) or ""
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
    first = data["errors"][0] if isinstance(data["errors"], list) else None
    if not _is_object(first):
        return unknown
    words = [_text(first.get(name)) for name in ("title", "detail", "message")]
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
    found = data["data"]
    items: list[Any] = list(reversed(found)) if isinstance(found, list) else [found]
    user_id = _text(data.get("for_user_id"))
    whose = accounts.whose(user_id)
    near = _surroundings(data, around)
    events: list[ChannelEvent] = []
    for item in items:
        if whose is None:
            events.append(unrecognized("page", f"{NOT_OURS}: {user_id}", item, accounts.fallback, around))
        elif _is_object(item) and "payload" in item:
            events += _activity(item, accounts, around)
        else:
            events += _item(item, whose, accounts, near)
    return events


def _item(item: object, whose: Whose, accounts: Accounts, around: Around) -> list[ChannelEvent]:
    if not _is_object(item):
        return [unrecognized("item", "not an object", item, whose.account, around)]
    if "event_type" in item:
        return _guarded("dm_event", item, accounts, around, lambda: _looked_up(item, whose, around), whose)
    if "text" not in item or "username" in item:
        return [unrecognized("item", "neither a post nor a DM", item, whose.account, around)]
    return _guarded(
        "post", item, accounts, around, lambda: post_events(POST.validate_python(item), whose, around), whose
    )


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


# ---------------------------------------------------------------- helpers


def _surroundings(data: Json, around: Around) -> Around:
    """The people, files and authors that came along: in `includes`, or in the maps of the older bodies."""
    includes = data.get("includes") if _is_object(data.get("includes")) else {}
    assert isinstance(includes, Mapping)  # noqa: S101
    maps = [_values(data.get("users")), _values(includes.get("users"))]
    people = [user for many in maps for user in _valid(USER, [_inner(_named(one)) for one in many])]
    files = _valid(MEDIA, _values(includes.get("media")))
    posts = [one for name in ("tweets", "posts") for one in _values(includes.get(name)) if _is_object(one)]
    users: dict[str, User] = {one["id"]: one for one in people}
    media: dict[str, MediaObject] = {one["media_key"]: one for one in files}
    authors = {_text(one.get("id")) or "": _text(one.get("author_id")) or "" for one in posts}
    return Around(received_at=around.received_at, users=users, media=media, authors=authors)


def _valid(adapter: TypeAdapter[Any], items: Iterable[object]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        try:
            found.append(adapter.validate_python(item))
        except ValidationError:
            continue
    return found


def _guarded(
    kind: str,
    item: Json,
    accounts: Accounts,
    around: Around,
    read: Callable[[], list[ChannelEvent]],
    whose: Whose | None = None,
) -> list[ChannelEvent]:
    try:
        return read()
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_input=False, include_url=False)[0]["loc"]))
        account = whose.account if whose else accounts.fallback
        return [unrecognized(kind, f"not of the known shape: {where}", item, account, around)]


def _values(value: object) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _named(user: object) -> object:
    """A user of API v1.1 has its handle as `screen_name`."""
    if _is_object(user) and "screen_name" in user:
        return {**user, "username": user["screen_name"], "id": user.get("id_str") or user.get("id")}
    return user


def _inner(value: object) -> object:
    """Some lists hold `{"data": {...}}` in the place of the object."""
    return value["data"] if _is_object(value) and _is_object(value.get("data")) else value


def _is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None
