"""Posts and DMs of X as events: one way for webhooks, the stream, polls and the legacy bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from omnichannel.adapters.x import wire
from omnichannel.adapters.x.attachments import media_of
from omnichannel.channel import ChannelEvent, Unrecognized
from omnichannel.kit import inbound
from omnichannel.kit.inbound import well_formed
from omnichannel.kit.owners import Owner
from omnichannel.kit.posts import Person, Post, edit_event, mention_trimmer, post_event
from omnichannel.kit.shapes import is_object, member, reshaped, text_of, values_of, written
from omnichannel.kit.times import at_iso, at_millis, at_snowflake
from omnichannel.model.base import EPOCH
from omnichannel.model.content import Media

Json: TypeAlias = Mapping[str, Any]
Events: TypeAlias = list[ChannelEvent]
SNOWFLAKE_EPOCH = EPOCH + timedelta(milliseconds=1_288_834_974_657)
"""Ids carry their time: https://docs.x.com/fundamentals/x-ids."""
_FIRST_SNOWFLAKE = 29_700_859_247
without_mentions = mention_trimmer(r"[A-Za-z0-9_]{1,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What came with an item: people, files and authors of posts by id, when we got it, and a key of its own."""

    received_at: datetime
    key: str = ""
    users: Mapping[str, Json] = field(default_factory=dict[str, Json])
    media: Mapping[str, wire.MediaObject] = field(default_factory=dict[str, wire.MediaObject])
    authors: Mapping[str, str] = field(default_factory=dict[str, str])

    def person(self, user_id: str | None, whose: Owner) -> Person:
        """Somebody, with what came along about them. Bots have to carry the label "Automated"."""
        user = self.users.get(user_id or "") or {}
        username, label = user.get("username"), member(user.get("affiliation"), "description")
        return Person(
            id=user_id or "",
            name=user.get("name") or None,
            aliases={"username": username} if username else {},
            automatic=user_id in whose.own_ids or label == "Automated",
        )

    def files(self, attachments: wire.Attachments | None) -> tuple[Media, ...]:
        """The files of an item, as far as they came along."""
        keys = (attachments or {}).get("media_keys") or []
        return tuple(media_of(self.media[key]) for key in keys if key in self.media)

    def time(self, told: datetime | None, item_id: str) -> datetime:
        """When an item was written: as told, or by its id."""
        return told or at_id(item_id) or self.received_at


def at_id(value: str) -> datetime | None:
    """The time in an id; None for those of before November 2010."""
    return at_snowflake(value, SNOWFLAKE_EPOCH, _FIRST_SNOWFLAKE)


def inner(value: object) -> object:
    """Some lists hold `{"data": {...}}` in the place of the object."""
    return found if is_object(found := member(value, "data")) else value


def surroundings(data: Json, around: Around) -> Around:
    """The people, files and authors that came along: in `includes`, or in the maps of the older bodies."""
    includes = data.get("includes")
    people = map(inner, [*values_of(data.get("users")), *values_of(member(includes, "users"))])
    named = ({**one, **reshaped(one, wire.V1_USER)} for one in people if is_object(one))
    posts = [*values_of(member(includes, "tweets")), *values_of(member(includes, "posts"))]
    return replace(
        around,
        users={**around.users, **{one["id"]: one for one in well_formed(wire.USER, named)}},
        media={one["media_key"]: one for one in well_formed(wire.MEDIA, values_of(member(includes, "media")))},
        authors={text_of(member(one, "id")) or "": text_of(member(one, "author_id")) or "" for one in posts},
    )


# ---------------------------------------------------------------- posts


def unescape(text: str) -> str:
    """X escapes these three in posts, and nothing else."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def language_of(code: str | None) -> str | None:
    """A BCP 47 tag; X has codes of its own for "only tags", "only a link" (`qme`, `zxx`), and old ones."""
    if not code or code in wire.NO_LANGUAGE or (len(code) == 3 and code.startswith("q")):
        return None
    return wire.OLD_LANGUAGES.get(code, code)


def post_events(value: object, whose: Owner, around: Around, *, ours: bool = False, quoted: bool = False) -> Events:
    """The events of a post: received, or an echo of our own. `ours` and `quoted` are what the event type told.

    An edited post has a new id and its history: it is the first id that a message is known by, so that the edit joins
    the message that it changes, and is a message by itself where that one was never seen. A repost says nothing.
    Raises `ValidationError`.
    """
    item = wire.POST.validate_python(value)
    references = item.get("referenced_tweets") or item.get("referenced_posts") or []
    links = {one.get("type"): one["id"] for one in reversed(references)}
    author = item.get("author_id") or (whose.user_id if ours else None)
    if "retweeted" in links:
        return []
    if author is None:
        return [unrecognized("post", "no author_id: ask for it in tweet.fields", item, whose.account, around)]
    ours, parent, cites = ours or author == whose.user_id, links.get("replied_to"), links.get("quoted")
    history = item.get("edit_history_tweet_ids") or item.get("edit_history_post_ids") or []
    first = history[0] if item["id"] in history else item["id"]
    note: Json = item.get("note_tweet") or item.get("note_post") or {}
    words = unescape(note.get("text") or item["text"])
    answered = item.get("in_reply_to_user_id") or around.authors.get(parent or "")
    named: list[wire.Mention] = (note.get("entities") or item.get("entities") or {}).get("mentions") or []
    # X puts the handles of a thread before a reply by itself: those are outside of this range, and do not count.
    begin = (item.get("display_text_range") or [0])[0] if parent and not note else 0
    cites_us = quoted or (cites is not None and around.authors.get(cites) == whose.user_id is not None)
    summoned = cites_us or any(_is_us(one, whose, begin) for one in named)
    post = Post(
        id=first,
        at=around.time(at_iso(item.get("created_at")), item["id"]),
        person=around.person(answered if ours else author, whose),
        me=author if ours else whose.user_id,
        ours=ours,
        public=True,
        text=words if ours and not parent else without_mentions(words),
        full_text=words,
        thread=item.get("conversation_id") or (None if parent else first),
        in_reply_to=parent,
        quotes=cites,
        named=tuple(found for one in named if (found := one.get("id"))),
        attachments=around.files(item.get("attachments")),
        language=language_of(item.get("lang")),
        addressed=summoned or (answered is not None and answered == whose.user_id),
        context={"post": item["id"], "summoned": "yes" if summoned else "no"},
    )
    edits = [edit_event(whose.account, post, item["id"], post.at, words)] if first != item["id"] else []
    return [post_event(whose.account, post), *edits]


def _is_us(mention: wire.Mention, whose: Owner, begin: int) -> bool:
    """Whether a mention that stands at `begin` or after it is one of us, by id where it has one."""
    user_id, start = mention.get("id"), mention.get("start")
    named = (mention.get("username") or "").casefold()
    is_us = user_id == whose.user_id if user_id else named == (whose.username or "@").casefold()
    return is_us and (start is None or start >= begin)


# ---------------------------------------------------------------- DMs


def dm_thread(one: str, other: str) -> str:
    """The id of the conversation of two: both ids, the smaller first."""
    low, high = sorted((one, other), key=int)
    return f"{low}-{high}"


def dm_events(value: object, whose: Owner, around: Around, *, ours: bool = False) -> Events:
    """A DM: received, or an echo of our own. `ours` is what the event type told. Raises `ValidationError`."""
    item = wire.DM_EVENT.validate_python(value)
    sender, kind, recipient = item.get("sender_id"), item["event_type"], item.get("recipient_id") or ""
    if kind in ("ParticipantsJoin", "ParticipantsLeave"):
        return []
    if kind != "MessageCreate" or sender is None:
        reason = "no sender_id: ask for it in dm_event.fields" if sender is None else "DM event of unknown type"
        return [unrecognized("dm_event", reason, value, whose.account, around)]
    thread = item.get("dm_conversation_id") or (dm_thread(sender, recipient) if recipient else "")
    group = "-" not in thread
    if not group and not recipient:
        recipient = next((one for one in thread.split("-") if one != sender), "")
    ours = ours or sender == whose.user_id
    post = Post(
        id=item["id"],
        at=around.time(at_iso(item.get("created_at")) or at_millis(item.get("created_timestamp")), item["id"]),
        person=around.person(recipient if ours else sender, whose),
        me=recipient or whose.user_id,
        ours=ours,
        text=item.get("text") or "",
        thread=thread or None,
        attachments=around.files(item.get("attachments")),
        choice=item.get("choice"),
        context={"group": thread} if thread and group else {},
    )
    return [post_event(whose.account, post)]


def unrecognized(what: str, reason: str, item: object, account: str, around: Around) -> Unrecognized:
    """What we cannot read, kept whole."""
    content = item if isinstance(item, str) else written(item)
    return inbound.unrecognized(account=account, at=around.received_at, what=what, reason=reason, content=content)
