"""What X can do, as data: limits, rates, prices, life of the API. Sources as of August 2026."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from omnichannel.channel import (
    Capabilities,
    Initiation,
    Lifecycle,
    LinkCapacity,
    MediaLimit,
    PriceFact,
    RateLimit,
    Repeat,
    Support,
)

DOCS = "https://docs.x.com/x-api"
COUNTING = "https://docs.x.com/fundamentals/counting-characters"
RATES = f"{DOCS}/fundamentals/rate-limits"
PRICING = f"{DOCS}/getting-started/pricing"
MEDIA = f"{DOCS}/media/quickstart/best-practices"
DMS = f"{DOCS}/direct-messages/manage/introduction"
POSTS = f"{DOCS}/posts/manage-tweets/introduction"
CHANGELOG = "https://docs.x.com/changelog"

API_VERSION = "2.167"
BODY_LIMIT = 1_048_576
SIGNED_WITH = "consumer_secret"

POST_TEXT = 280
PREMIUM_TEXT = 25_000
DM_TEXT = 10_000
"""Stated for API v1.1; the description of v2 gives no maximum."""

_MB = 1024 * 1024
IMAGE_BYTES = 5 * _MB
GIF_BYTES = 15 * _MB
VIDEO_BYTES = 512 * _MB
CHUNK_BYTES = 4 * _MB
MAX_SEGMENTS = 1000
"""`segment_index` is 0 to 999, says the API's description."""
ALT_TEXT = 1000
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")
VIDEO_TYPES = ("video/mp4", "video/quicktime")
POST_IMAGES = 4

MENTIONS_PAGE = 100
DM_PAGE = 100
DM_FIRST_PAGE = 20
"""DMs have no `since_id`: what is new is mostly few, and each one that is read costs."""
POLL_PAGES = 10
POLL_AGAIN = timedelta(minutes=2)
"""DM look-ups are limited to 15 in 15 minutes, and cost money each."""

STREAM_IDLE = timedelta(seconds=60)
"""An empty line comes every 20 seconds: three missed ones mean that the stream is dead."""
BACKFILL_MINUTES = 5
PROCESSING_CHECKS = 30
COMPOSE_URL = "https://x.com/messages/compose"

EVENT_TYPES = (
    "dm.received",
    "dm.sent",
    "dm.read",
    "post.create",
    "post.delete",
    "post.mention.create",
    "post.reply.create",
    "post.quote.create",
    "chat.received",
    "oauth.revoke",
)
"""What a support desk wants to hear. `chat.received` says that somebody writes where we cannot read."""

_QUARTER = timedelta(minutes=15)
_DAY = timedelta(hours=24)


def _rate(what: str, level: Literal["account", "app"], count: int, per: timedelta = _QUARTER) -> RateLimit:
    return RateLimit(level=level, count=count, per=per, what=what, see=RATES)


DM_RATES = (
    _rate("dm", "account", 15),
    _rate("dm", "account", 1_440, _DAY),
    _rate("dm", "app", 1_440, _DAY),
    _rate("dm_events", "account", 15),
    _rate("dm_delete", "account", 300),
    _rate("dm_delete", "account", 1_500, _DAY),
    _rate("dm_delete", "app", 4_000, _DAY),
    _rate("webhooks", "app", 450),
    _rate("replay", "app", 100),
    _rate("subscriptions", "app", 500),
)
POST_RATES = (
    _rate("post", "account", 100),
    _rate("post", "app", 10_000, _DAY),
    _rate("mentions", "account", 300),
    _rate("mentions", "app", 450),
)

DM = Capabilities(
    text_limit=DM_TEXT,
    text_unit="chars",
    visibility="private",
    initiation=Initiation.ANYONE,
    media=MappingProxyType(
        {
            "image": MediaLimit(max_bytes=IMAGE_BYTES, types=IMAGE_TYPES, per_message=1, caption=DM_TEXT),
            "video": MediaLimit(max_bytes=VIDEO_BYTES, types=VIDEO_TYPES, per_message=1, caption=DM_TEXT),
        }
    ),
    features=MappingProxyType({"attachments": Support.FULL, "delete": Support.LOSSY}),
    receipts=frozenset({"read"}),
    repeat=Repeat.UNSAFE,
    reconcile=frozenset({"echo", "history"}),
    rates=DM_RATES,
    see=DMS,
)
"""Who may be written to is the recipient's own setting; a deleted DM goes from our view only."""

MENTION = Capabilities(
    text_limit=PREMIUM_TEXT,
    text_unit="weighted",
    visibility="public",
    initiation=Initiation.AFTER_CONTACT,
    media=MappingProxyType(
        {
            "image": MediaLimit(
                max_bytes=IMAGE_BYTES, types=IMAGE_TYPES, per_message=POST_IMAGES, caption=PREMIUM_TEXT
            ),
            "video": MediaLimit(max_bytes=VIDEO_BYTES, types=VIDEO_TYPES, per_message=1, caption=PREMIUM_TEXT),
        }
    ),
    features=MappingProxyType({"attachments": Support.FULL, "reply_to": Support.FULL, "delete": Support.FULL}),
    repeat=Repeat.UNSAFE,
    reconcile=frozenset({"echo", "history"}),
    rates=POST_RATES,
    see=POSTS,
)
"""Public replies, as an enterprise with a paid subscription has them: an account narrows this."""

SURFACES: Mapping[str, Capabilities] = MappingProxyType({"dm": DM, "mention": MENTION})

LIFECYCLE = Lifecycle(version=API_VERSION, see=CHANGELOG)

LINK_CAPACITY = LinkCapacity(chars=1_000, alphabet="any", editable=True)

PAY_PER_USE = date(2026, 2, 6)
SUMMONS_RULE = date(2026, 2, 23)
OWNED_READS = date(2026, 4, 20)


def _price(action: str, amount: str, condition: str, since: date = PAY_PER_USE) -> PriceFact:
    return PriceFact(action=action, amount=Decimal(amount), condition=condition, since=since, see=PRICING)


PRICES = (
    _price("send", "0.015", "dm"),
    _price("send", "0.015", "mention"),
    _price("reply", "0.010", "mention", SUMMONS_RULE),
    _price("send_with_link", "0.200", "mention"),
    _price("delete", "0.010", "each request"),
    _price("media_metadata", "0.005", "each alternative text"),
    _price("receive", "0.010", "surface=dm, webhook dm.received"),
    _price("receive", "0.005", "surface=mention, webhook"),
    _price("poll", "0.010", "surface=dm, per DM event read"),
    _price("poll", "0.005", "surface=mention, per post read"),
    _price("poll", "0.001", "surface=mention, own mentions of the owner of the app", OWNED_READS),
    _price("probe", "0.010", "per user read"),
)
"""Where the price list gives no day, since the day pay-per-use began."""
