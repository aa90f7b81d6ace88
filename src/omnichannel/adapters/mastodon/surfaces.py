"""What Mastodon can do, as data: limits and rates of the software as of July 2026 (4.6). Servers may differ."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

from omnichannel.channel import (
    Capabilities,
    Initiation,
    Lifecycle,
    LinkCapacity,
    MediaLimit,
    RateLimit,
    Repeat,
    Support,
)
from omnichannel.model.content import MediaKind

DOCS = "https://docs.joinmastodon.org"
STATUSES = f"{DOCS}/methods/statuses/"
INSTANCE = f"{DOCS}/entities/Instance/"
RATES = f"{DOCS}/api/rate-limits/"
MEDIA = f"{DOCS}/methods/media/"
API_VERSION = "4.6"

CHARACTERS = 500
MOST_CHARACTERS = 65_535
"""The default of the software, and the most that an account may say its server takes: forks raise it."""
MENTION_ROOM = 32
"""Kept free for `@user `: of a handle only the user's name counts, and that has at most 30 characters
(https://github.com/mastodon/mastodon/blob/main/app/validators/status_length_validator.rb)."""
MEDIA_COUNT = 4
IMAGE_BYTES = 16 * 1024 * 1024
VIDEO_BYTES = 103_809_024
DESCRIPTION = 1_500
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/heic", "image/heif")
VIDEO_TYPES = ("video/webm", "video/mp4", "video/quicktime", "video/ogg")
AUDIO_TYPES = ("audio/mpeg", "audio/ogg", "audio/wav", "audio/flac", "audio/aac", "audio/mp4", "audio/webm")

PAGE = 40
PAGES = 5
POLL_AGAIN = timedelta(minutes=1)
STREAM_IDLE = timedelta(seconds=60)
"""A comment comes every 15 seconds: four missed ones mean that the stream is dead."""
MEDIA_CHECKS = 10
MEDIA_AGAIN = timedelta(seconds=30)
KEY_KEPT = timedelta(hours=1)
"""How long a server knows an Idempotency-Key (https://docs.joinmastodon.org/methods/statuses/#headers)."""

_FIVE, _HALF = timedelta(minutes=5), timedelta(minutes=30)


def _rate(what: str, count: int, per: timedelta, level: Literal["account", "app"] = "account") -> RateLimit:
    return RateLimit(level=level, count=count, per=per, what=what, see=RATES)


RATE_LIMITS = (
    _rate("status", 300, _FIVE),
    _rate("status", 300, timedelta(hours=3)),
    _rate("media", 30, _HALF),
    _rate("delete", 30, _HALF),
    _rate("react", 300, _FIVE),
    _rate("read", 300, timedelta(minutes=15)),
)


def media_limits(
    caption: int, count: int = MEDIA_COUNT, image: int = IMAGE_BYTES, video: int = VIDEO_BYTES
) -> Mapping[MediaKind, MediaLimit]:
    """Several images, or one video or sound, in a status."""
    found: dict[MediaKind, MediaLimit] = {
        "image": MediaLimit(max_bytes=image, types=IMAGE_TYPES, per_message=count, caption=caption),
        "video": MediaLimit(max_bytes=video, types=VIDEO_TYPES, per_message=1, caption=caption),
        "audio": MediaLimit(max_bytes=video, types=AUDIO_TYPES, per_message=1, caption=caption),
    }
    return MappingProxyType(found)


_LIMIT = MOST_CHARACTERS - MENTION_ROOM

DM = Capabilities(
    text_limit=_LIMIT,
    text_unit="linked",
    visibility="private",
    initiation=Initiation.ANYONE,
    media=media_limits(_LIMIT),
    features=MappingProxyType(
        {
            "attachments": Support.FULL,
            "reply_to": Support.FULL,
            "edit": Support.FULL,
            "delete": Support.FULL,
            "react": Support.LOSSY,
        }
    ),
    repeat=Repeat.KEYED,
    key_kept=KEY_KEPT,
    reconcile=frozenset({"echo", "history"}),
    rates=RATE_LIMITS,
    see=STATUSES,
)
"""Statuses for the people that they name; the operators of both servers can read them. Any reaction is a favourite."""

MENTION = Capabilities(
    text_limit=_LIMIT,
    text_unit="linked",
    visibility="public",
    initiation=Initiation.AFTER_CONTACT,
    media=media_limits(_LIMIT),
    features=DM.features,
    repeat=Repeat.KEYED,
    key_kept=KEY_KEPT,
    reconcile=frozenset({"echo", "history"}),
    rates=RATE_LIMITS,
    see=STATUSES,
)
"""Answers to posts that name or quote us. Nothing is begun in public."""

SURFACES: Mapping[str, Capabilities] = MappingProxyType({"dm": DM, "mention": MENTION})
LIFECYCLE = Lifecycle(version=API_VERSION, see=f"{DOCS}/client/intro/")
LINK_CAPACITY = LinkCapacity(chars=400, alphabet="any", editable=True)
"""What a composer holds beside our handle, on a server with the default length."""
