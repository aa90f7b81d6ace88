"""What e-mail can carry. RFC 5321 and what large receivers take."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from omnichannel.channel.capabilities import (
    Capabilities,
    Choices,
    Feature,
    Initiation,
    LinkCapacity,
    MediaLimit,
    Support,
)
from omnichannel.channel.wire import Repeat
from omnichannel.model.content import MediaKind

RFC_5321 = "https://www.rfc-editor.org/rfc/rfc5321"
RFC_6068 = "https://www.rfc-editor.org/rfc/rfc6068"

# 25 MB on the wire is what Gmail and many others take; base64 and line breaks add 37 %.
# https://support.google.com/mail/answer/6584
FILE_BYTES = 18_000_000
TEXT_CHARS = 100_000
# RFC 5321 4.5.3.1.1: 64 octets of local part, of which our own name takes some.
TOKEN_CHARS = 40

_MEDIA = MediaLimit(max_bytes=FILE_BYTES, per_message=10, caption=TEXT_CHARS)
_KINDS: Mapping[MediaKind, MediaLimit] = {"image": _MEDIA, "video": _MEDIA, "audio": _MEDIA, "file": _MEDIA}
_FEATURES: Mapping[Feature, Support] = {
    "attachments": Support.FULL,
    "reply_to": Support.FULL,
    "quick_replies": Support.LOSSY,
    "buttons": Support.LOSSY,
    "location": Support.LOSSY,
}

MAIL = Capabilities(
    text_limit=TEXT_CHARS,
    initiation=Initiation.ANYONE,
    media=_KINDS,
    choices=Choices(),
    features=_FEATURES,
    receipts=frozenset({"failed", "delivered", "read"}),
    # The Message-ID stays the same, and most receivers drop the second copy; but not all, so it is not KEYED.
    repeat=Repeat.UNSAFE,
    reconcile=frozenset({"status"}),
    settle_after=timedelta(minutes=10),
    see=RFC_5321,
)

SURFACES: Mapping[str, Capabilities] = {"dm": MAIL}

LINK = LinkCapacity(chars=TOKEN_CHARS, alphabet="lower", editable=False)
