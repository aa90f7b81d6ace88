"""Statuses as events: received, echoed, edited; and their HTML as words."""

from __future__ import annotations

import re
from datetime import datetime

from omnichannel.adapters.mastodon.account import MastodonAccount
from omnichannel.adapters.mastodon.wire import Attachment, Status
from omnichannel.channel import ChannelEvent, MessageEchoed, MessageEdited, MessageReceived
from omnichannel.kit.html import post_text
from omnichannel.kit.times import at_iso
from omnichannel.model.address import Assurance
from omnichannel.model.content import Media, MediaKind

_LEADING = re.compile(r"(?:@[\w.-]+(?:@[\w.-]+)?[:,]?\s+)+")
_FALLBACK = frozenset({"quote-inline"})
"""The link that a quoting post ends with, for servers that know no quotes."""
_KINDS: dict[str, tuple[MediaKind, str]] = {
    "image": ("image", "image/jpeg"),
    "gifv": ("video", "video/mp4"),
    "video": ("video", "video/mp4"),
    "audio": ("audio", "audio/mpeg"),
}
_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "flac": "audio/flac",
}


def message_of(
    account: MastodonAccount, status: Status, received_at: datetime, *, quoted: bool = False, ours_only: bool = False
) -> list[ChannelEvent]:
    """A status as a message: ours is an echo. A boost says nothing."""
    if status.get("reblog"):
        return []
    if account.whole(status["account"]["acct"]) == account.handle:
        return [_echo(account, status, received_at)]
    return [] if ours_only else [_received(account, status, received_at, quoted=quoted)]


def edited(account: MastodonAccount, status: Status, received_at: datetime) -> MessageEdited:
    """The words that a status has now."""
    at = status.get("edited_at")
    return MessageEdited(
        account=account.id,
        dedupe=f"{status['id']}:{at or ''}",
        occurred_at=at_iso(at) or received_at,
        message_id=status["id"],
        text=without_mentions(words(status)),
        sender=account.whole(status["account"]["acct"]),
        attachments=attachments(status),
    )


def words(status: Status) -> str:
    """The whole text: the content warning, which often says what it is about, and the content."""
    content = post_text(status.get("content") or "", without=_FALLBACK)
    warning = (status.get("spoiler_text") or "").strip()
    return f"{warning}\n\n{content}".strip() if warning else content


def without_mentions(text: str) -> str:
    """The words without the handles that they begin with, under a warning too; nothing but handles stays."""
    kept = [_stripped(one) for one in text.split("\n\n", 1)]
    return "\n\n".join(kept).strip()


def _stripped(text: str) -> str:
    found = _LEADING.match(text)
    return text[found.end() :].lstrip() or text if found else text


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
    name = url.partition("?")[0].rpartition("/")[2]
    suffix = name.rpartition(".")[2].lower()
    return Media(
        id=one.get("id") or "",
        kind=kind,
        name=name,
        type=_TYPES.get(suffix, default),
        ref=url,
        alt=one.get("description") or None,
    )


def _surface(status: Status) -> str:
    return "dm" if status.get("visibility") == "direct" else "mention"


def _people(account: MastodonAccount, status: Status) -> list[str]:
    named = [account.whole(one["acct"]) for one in status.get("mentions") or ()]
    return [one for one in dict.fromkeys(named) if one != account.handle]


def _thread(status: Status) -> str | None:
    """Only a post that begins one knows it; answers are joined by what they answer. Direct ones are the person's."""
    return status["id"] if _surface(status) == "mention" and not status.get("in_reply_to_id") else None


def _received(account: MastodonAccount, status: Status, received_at: datetime, *, quoted: bool) -> MessageReceived:
    author, full = status["account"], words(status)
    sender, parent, quote = account.whole(author["acct"]), status.get("in_reply_to_id"), status.get("quote") or {}
    cites = (quote.get("quoted_status") or {}).get("id") or quote.get("quoted_status_id")
    private = _surface(status) == "dm"
    context = {"status": status["id"], "visibility": status.get("visibility") or "public"}
    if warning := (status.get("spoiler_text") or "").strip():
        context["warning"] = warning
    return MessageReceived(
        account=account.id,
        dedupe=status["id"],
        message_id=status["id"],
        occurred_at=at_iso(status.get("created_at")) or received_at,
        sender=sender,
        sender_name=author.get("display_name") or None,
        aliases={"url": url} if (url := author.get("url") or author.get("uri")) else {},
        text=without_mentions(full),
        full_text=full,
        surface=_surface(status),
        thread=_thread(status),
        reply_to=parent,
        references=tuple(dict.fromkeys(one for one in (parent, cites) if one)),
        recipients=(account.handle,),
        others=tuple(one for one in _people(account, status) if one != sender),
        attachments=attachments(status),
        language=status.get("language") or None,
        assurance=Assurance.PRIVATE_HANDLE if private else Assurance.PUBLIC_HANDLE,
        automatic=bool(author.get("bot")),
        addressed=quoted or account.handle in _named(account, status),
        context=context,
    )


def _named(account: MastodonAccount, status: Status) -> set[str]:
    return {account.whole(one["acct"]) for one in status.get("mentions") or ()}


def _echo(account: MastodonAccount, status: Status, received_at: datetime) -> MessageEchoed:
    people = _people(account, status)
    answered = status.get("in_reply_to_account_id")
    ids = {one.get("id"): account.whole(one["acct"]) for one in status.get("mentions") or ()}
    recipient = ids.get(answered) if answered else None
    if recipient in (None, account.handle):
        recipient = people[0] if people else ""
    return MessageEchoed(
        account=account.id,
        dedupe=status["id"],
        message_id=status["id"],
        occurred_at=at_iso(status.get("created_at")) or received_at,
        recipient=recipient or "",
        text=without_mentions(words(status)),
        surface=_surface(status),
        thread=_thread(status),
        attachments=attachments(status),
    )
