"""Statuses as events: received, echoed, edited; and their HTML as words."""

from __future__ import annotations

from datetime import datetime

from omnichannel.adapters.mastodon import wire
from omnichannel.adapters.mastodon.account import MastodonAccount
from omnichannel.adapters.mastodon.wire import Attachment, Status
from omnichannel.channel import ChannelEvent, MessageEdited
from omnichannel.kit.files import file_at
from omnichannel.kit.html import post_text
from omnichannel.kit.posts import Person, Post, edit_event, mention_trimmer, post_event
from omnichannel.kit.times import at_iso
from omnichannel.model.content import Media, MediaKind

_stripped = mention_trimmer(r"[\w.-]+(?:@[\w.-]+)?")
_FALLBACK = frozenset({"quote-inline"})
"""The link that a quoting post ends with, for servers that know no quotes."""
_KINDS: dict[str, tuple[MediaKind, str]] = {
    "image": ("image", "image/jpeg"),
    "gifv": ("video", "video/mp4"),
    "video": ("video", "video/mp4"),
    "audio": ("audio", "audio/mpeg"),
}


def message_of(
    account: MastodonAccount, status: Status, received_at: datetime, *, quoted: bool = False, ours_only: bool = False
) -> list[ChannelEvent]:
    """A status as a message: ours is an echo. A boost says nothing."""
    post = _post(account, status, received_at, quoted=quoted)
    return [] if status.get("reblog") or (ours_only and not post.ours) else [post_event(account.id, post)]


def edited(account: MastodonAccount, status: Status, received_at: datetime) -> MessageEdited:
    """The words that a status has now."""
    at, post = status.get("edited_at"), _post(account, status, received_at, quoted=False)
    return edit_event(account.id, post, f"{status['id']}:{at or ''}", at_iso(at) or received_at, post.text)


def _post(account: MastodonAccount, status: Status, received_at: datetime, *, quoted: bool) -> Post:
    full, parent, quote = words(status), status.get("in_reply_to_id"), status.get("quote") or {}
    sender, private = account.whole(status["account"]["acct"]), status.get("visibility") == "direct"
    named = tuple(account.whole(one["acct"]) for one in status.get("mentions") or ())
    ours = sender == account.handle
    context = {"status": status["id"], "visibility": status.get("visibility") or "public"}
    if warning := (status.get("spoiler_text") or "").strip():
        context["warning"] = warning
    return Post(
        id=status["id"],
        at=at_iso(status.get("created_at")) or received_at,
        person=Person(id=_recipient(account, status)) if ours else _author(sender, status["account"]),
        me=account.handle,
        ours=ours,
        public=not private,
        text=without_mentions(full),
        full_text=full,
        # Only a post that begins a thread knows it; answers are joined by what they answer. Direct ones are the
        # person's.
        thread=None if private or parent else status["id"],
        in_reply_to=parent,
        quotes=(quote.get("quoted_status") or {}).get("id") or quote.get("quoted_status_id"),
        named=named,
        attachments=attachments(status),
        language=status.get("language") or None,
        addressed=quoted or account.handle in named,
        context=context,
    )


def _author(handle: str, author: wire.Person) -> Person:
    url = author.get("url") or author.get("uri")
    return Person(
        id=handle,
        name=author.get("display_name") or None,
        aliases={"url": url} if url else {},
        automatic=bool(author.get("bot")),
    )


def _recipient(account: MastodonAccount, status: Status) -> str:
    """Whom a status of ours is to: whom it answers, else the first one whom it names."""
    named = {one.get("id"): account.whole(one["acct"]) for one in status.get("mentions") or ()}
    answered = named.get(status.get("in_reply_to_account_id") or "")
    others = [account.whole(one["acct"]) for one in status.get("mentions") or ()]
    return next((one for one in (answered, *others) if one and one != account.handle), "")


def words(status: Status) -> str:
    """The whole text: the content warning, which often says what it is about, and the content."""
    content = post_text(status.get("content") or "", without=_FALLBACK)
    warning = (status.get("spoiler_text") or "").strip()
    return f"{warning}\n\n{content}".strip() if warning else content


def without_mentions(text: str) -> str:
    """The words without the handles that they begin with, under a warning too; nothing but handles stays."""
    kept = [_stripped(one) for one in text.split("\n\n", 1)]
    return "\n\n".join(kept).strip()


def attachments(status: Status) -> tuple[Media, ...]:
    """The files. Their addresses are public, also those of direct statuses."""
    found = (_media(one) for one in status.get("media_attachments") or ())
    return tuple(one for one in found if one is not None)


def _media(one: Attachment) -> Media | None:
    """A file; None for one without any address that can be fetched (`unknown` files are only at their origin)."""
    url = one.get("url") or one.get("remote_url") or ""
    if not url.startswith(("https://", "http://")):
        return None
    kind, default = _KINDS.get(one.get("type") or "", ("file", "application/octet-stream"))
    return file_at(url, kind, default, id=one.get("id") or "", alt=one.get("description"))
