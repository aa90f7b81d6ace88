"""Posts and DMs of X as events: one way for webhooks, the stream, polls and the legacy bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from omnichannel.adapters.x.attachments import post_media
from omnichannel.adapters.x.wire import Entities, MediaObject, Post, User
from omnichannel.channel import ChannelEvent, MessageEchoed, MessageEdited, MessageReceived, Unrecognized
from omnichannel.kit import inbound
from omnichannel.kit.times import at_iso
from omnichannel.model.address import Assurance
from omnichannel.model.base import EPOCH
from omnichannel.model.content import Media

SNOWFLAKE_EPOCH = EPOCH + timedelta(milliseconds=1_288_834_974_657)
"""Ids carry their time: https://docs.x.com/fundamentals/x-ids."""
_FIRST_SNOWFLAKE = 29_700_859_247
_LEADING = re.compile(r"(?:@[A-Za-z0-9_]{1,20}[:,]?\s+)+")
_NO_LANGUAGE = frozenset({"und", "zxx", "art"})
_OLD_LANGUAGES = {"in": "id", "iw": "he", "ji": "yi"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Whose event it is: our account's id, our numeric user id there, our handle, and those of our other accounts."""

    account: str
    user_id: str | None
    username: str | None = None
    own_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What came with an item: people, files and authors of posts by id, and when we got it."""

    received_at: datetime
    users: Mapping[str, User] = field(default_factory=dict[str, User])
    media: Mapping[str, MediaObject] = field(default_factory=dict[str, MediaObject])
    authors: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Dm:
    """A DM in our own words. `group` says that `thread` is a group's."""

    id: str
    sender: str
    thread: str
    recipient: str = ""
    text: str = ""
    sent_at: datetime
    attachments: tuple[Media, ...] = ()
    choice: str | None = None
    group: bool = False


# ---------------------------------------------------------------- times


def at_ms(value: str | None) -> datetime | None:
    """Milliseconds since 1970 as a string; None where it is none."""
    try:
        return EPOCH + timedelta(milliseconds=int(value or ""))
    except (ValueError, OverflowError):
        return None


def at_id(value: str) -> datetime | None:
    """The time in an id; None for those of before November 2010."""
    number = int(value)
    return SNOWFLAKE_EPOCH + timedelta(milliseconds=number >> 22) if number >= _FIRST_SNOWFLAKE else None


# ---------------------------------------------------------------- posts


def unescape(text: str) -> str:
    """X escapes these three in posts, and nothing else."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def without_mentions(text: str) -> str:
    """The words without the handles that they begin with; a text of nothing but handles stays."""
    found = _LEADING.match(text)
    return text[found.end() :].lstrip() or text if found else text


def language_of(code: str | None) -> str | None:
    """A BCP 47 tag; X has codes of its own for "only tags", "only a link" (`qme`, `zxx`), and old ones."""
    if not code or code in _NO_LANGUAGE or (len(code) == 3 and code.startswith("q")):
        return None
    return _OLD_LANGUAGES.get(code, code)


def post_events(
    post: Post, whose: Whose, around: Around, *, ours: bool = False, quoted: bool = False
) -> list[ChannelEvent]:
    """The events of a post: received, or an echo of our own. `ours` and `quoted` are what the event type told.

    An edited post has a new id and its history: it is the first id that a message is known by, so that the edit joins
    the message that it changes, and is a message by itself where that one was never seen. A repost says nothing.
    """
    references = post.get("referenced_tweets") or post.get("referenced_posts") or []
    if any(one.get("type") == "retweeted" for one in references):
        return []
    author = post.get("author_id") or (whose.user_id if ours else None)
    if author is None:
        return [unrecognized("post", "no author_id: ask for it in tweet.fields", post, whose.account, around)]
    history = post.get("edit_history_tweet_ids") or post.get("edit_history_post_ids") or []
    first = history[0] if post["id"] in history else post["id"]
    if ours or author == whose.user_id:
        message: ChannelEvent = _echo(post, first, whose, around)
    else:
        message = _received(post, first, author, whose, around, quoted=quoted)
    if first == post["id"]:
        return [message]
    edited = MessageEdited(
        account=whose.account,
        dedupe=post["id"],
        occurred_at=message.occurred_at,
        message_id=first,
        text=_words(post),
        sender=author,
        attachments=_attachments(post, around),
    )
    return [message, edited]


def _received(post: Post, first: str, author: str, whose: Whose, around: Around, *, quoted: bool) -> MessageReceived:
    parent, cites = _reference(post, "replied_to"), _reference(post, "quoted")
    quotes_us = quoted or (cites is not None and around.authors.get(cites) == whose.user_id is not None)
    summoned = quotes_us or _mentions_us(post, whose)
    answered = post.get("in_reply_to_user_id") or around.authors.get(parent or "")
    user = around.users.get(author)
    mentioned = [one.get("id") for one in _mentions(post)]
    return MessageReceived(
        account=whose.account,
        dedupe=first,
        message_id=first,
        occurred_at=_time(post, around),
        sender=author,
        sender_name=(user.get("name") if user else None) or None,
        aliases=_aliases(user),
        text=without_mentions(_words(post)),
        full_text=_words(post),
        surface="mention",
        thread=post.get("conversation_id") or (None if parent else first),
        reply_to=parent,
        references=tuple(dict.fromkeys(one for one in (parent, cites) if one)),
        recipients=(whose.user_id,) if whose.user_id else (),
        others=tuple(dict.fromkeys(one for one in mentioned if one and one not in (author, whose.user_id))),
        attachments=_attachments(post, around),
        language=language_of(post.get("lang")),
        assurance=Assurance.PUBLIC_HANDLE,
        automatic=author in whose.own_ids or _is_labelled(user),
        addressed=summoned or (answered is not None and answered == whose.user_id),
        context={"post": post["id"], "summoned": "yes" if summoned else "no"},
    )


def _echo(post: Post, first: str, whose: Whose, around: Around) -> MessageEchoed:
    parent = _reference(post, "replied_to")
    recipient = post.get("in_reply_to_user_id") or around.authors.get(parent or "") or ""
    return MessageEchoed(
        account=whose.account,
        dedupe=first,
        message_id=first,
        occurred_at=_time(post, around),
        recipient=recipient,
        aliases=_aliases(around.users.get(recipient)),
        text=without_mentions(_words(post)) if parent else _words(post),
        surface="mention",
        thread=post.get("conversation_id") or (None if parent else first),
        attachments=_attachments(post, around),
    )


def _time(post: Post, around: Around) -> datetime:
    return at_iso(post.get("created_at")) or at_id(post["id"]) or around.received_at


def _note(post: Post) -> Any:
    return post.get("note_tweet") or post.get("note_post") or {}


def _words(post: Post) -> str:
    return unescape(_note(post).get("text") or post["text"])


def _mentions(post: Post) -> list[Any]:
    entities: Entities = _note(post).get("entities") or post.get("entities") or {}
    return list(entities.get("mentions") or ())


def _reference(post: Post, kind: str) -> str | None:
    references = post.get("referenced_tweets") or post.get("referenced_posts") or []
    return next((one["id"] for one in references if one.get("type") == kind), None)


def _mentions_us(post: Post, whose: Whose) -> bool:
    """Whether the author named us. X puts the handles of a thread before a reply by itself: those are outside
    `display_text_range`, and do not count."""
    shown = post.get("display_text_range") or [0]
    begin = shown[0] if _reference(post, "replied_to") and not _note(post) else 0
    for one in _mentions(post):
        named = (one.get("username") or "").casefold()
        is_us = one.get("id") == whose.user_id if one.get("id") else named == (whose.username or "@").casefold()
        start = one.get("start")
        if is_us and (start is None or start >= begin):
            return True
    return False


def _attachments(post: Post, around: Around) -> tuple[Media, ...]:
    keys = (post.get("attachments") or {}).get("media_keys") or []
    return tuple(post_media(around.media[key]) for key in keys if key in around.media)


# ---------------------------------------------------------------- DMs


def dm_thread(one: str, other: str) -> str:
    """The id of the conversation of two: both ids, the smaller first."""
    low, high = sorted((one, other), key=int)
    return f"{low}-{high}"


def dm_event(dm: Dm, whose: Whose, around: Around, *, ours: bool = False) -> MessageReceived | MessageEchoed:
    """A DM as an event: received, or an echo of our own."""
    user = around.users.get(dm.sender)
    if ours or dm.sender == whose.user_id:
        return MessageEchoed(
            account=whose.account,
            dedupe=dm.id,
            message_id=dm.id,
            occurred_at=dm.sent_at,
            recipient=dm.recipient,
            aliases=_aliases(around.users.get(dm.recipient)),
            text=dm.text,
            thread=dm.thread or None,
            attachments=dm.attachments,
        )
    return MessageReceived(
        account=whose.account,
        dedupe=dm.id,
        message_id=dm.id,
        occurred_at=dm.sent_at,
        sender=dm.sender,
        sender_name=(user.get("name") if user else None) or None,
        aliases=_aliases(user),
        text=dm.text,
        thread=dm.thread or None,
        recipients=(dm.recipient or whose.user_id or "",) if dm.recipient or whose.user_id else (),
        attachments=dm.attachments,
        choice=dm.choice,
        assurance=Assurance.PRIVATE_HANDLE,
        automatic=dm.sender in whose.own_ids or _is_labelled(user),
        context={"group": dm.thread} if dm.group else {},
    )


# ---------------------------------------------------------------- both


def _aliases(user: User | None) -> dict[str, str]:
    username = user.get("username") if user else None
    return {"username": username} if username else {}


def _is_labelled(user: User | None) -> bool:
    """Whether X shows the "Automated" label, which bots have to carry."""
    affiliation = user.get("affiliation") if user else None
    return affiliation is not None and affiliation.get("description") == "Automated"


def unrecognized(what: str, reason: str, item: object, account: str, around: Around) -> Unrecognized:
    """What we cannot read, kept whole."""
    content = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, sort_keys=True)
    return inbound.unrecognized(account=account, at=around.received_at, what=what, reason=reason, content=content)
