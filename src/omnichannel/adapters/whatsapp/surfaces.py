"""What WhatsApp can do, as data: limits, window, rates, prices, life of the API. Sources as of late 2026."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType

from omnichannel.channel import (
    Capabilities,
    Choices,
    Initiation,
    Lifecycle,
    LinkCapacity,
    MediaLimit,
    PriceFact,
    RateLimit,
    Repeat,
    ReplyWindow,
    Support,
)

DOCS = "https://developers.facebook.com/documentation/business-messaging/whatsapp"
MESSAGES = f"{DOCS}/messages/send-messages"
INTERACTIVE = f"{DOCS}/messages/interactive-reply-buttons-messages"
LISTS = f"{DOCS}/messages/interactive-list-messages"
MEDIA = f"{DOCS}/business-phone-numbers/media"
PRICING = f"{DOCS}/pricing"
THROUGHPUT = f"{DOCS}/throughput"
CHANGELOG = "https://developers.facebook.com/docs/graph-api/changelog/versions"

GRAPH_VERSION = "v24.0"

TEXT = 4096
INTERACTIVE_BODY = 1024
BUTTONS = 3
BUTTON_TITLE = 20
BUTTON_ID = 256
ROWS = 10
ROW_TITLE = 24
ROW_ID = 200
CALLBACK_DATA = 512
UPLOADED_LIFE = timedelta(days=30)
WEBHOOK_MEDIA_LIFE = timedelta(days=7)

_MB = 1024 * 1024
IMAGE_TYPES = ("image/jpeg", "image/png")
VIDEO_TYPES = ("video/mp4", "video/3gpp")
AUDIO_TYPES = ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg")

DM = Capabilities(
    text_limit=TEXT,
    visibility="private",
    initiation=Initiation.TEMPLATE,
    window=ReplyWindow(length=timedelta(hours=24), after="template", see=MESSAGES),
    media=MappingProxyType(
        {
            "image": MediaLimit(max_bytes=5 * _MB, types=IMAGE_TYPES, caption=1024),
            "video": MediaLimit(max_bytes=16 * _MB, types=VIDEO_TYPES, caption=1024),
            "audio": MediaLimit(max_bytes=16 * _MB, types=AUDIO_TYPES),
            "file": MediaLimit(max_bytes=100 * _MB, caption=1024),
        }
    ),
    choices=Choices(count=BUTTONS, title=BUTTON_TITLE, list_count=ROWS, list_title=ROW_TITLE, id=ROW_ID),
    features=MappingProxyType(
        {
            "attachments": Support.FULL,
            "quick_replies": Support.FULL,
            "buttons": Support.LOSSY,  # one link button, and not together with quick replies; else links in the text
            "templates": Support.FULL,
            "location": Support.FULL,
            "reply_to": Support.FULL,
            "react": Support.FULL,
            "mark_read": Support.FULL,
            "typing": Support.LOSSY,  # marks the customer's message read as well
        }
    ),
    receipts=frozenset({"accepted", "sent", "delivered", "read"}),
    repeat=Repeat.UNSAFE,
    reconcile=frozenset({"status"}),
    settle_after=timedelta(minutes=10),
    rates=(
        RateLimit(level="account", count=80, per=timedelta(seconds=1), see=THROUGHPUT),
        # One message in 6 s to one user, and 45 at once that are paid back later: so 45 in 270 s.
        RateLimit(level="pair", count=45, per=timedelta(seconds=270), see=THROUGHPUT),
    ),
    markup="whatsapp",
    see=MESSAGES,
)
SURFACES: Mapping[str, Capabilities] = MappingProxyType({"dm": DM})

LIFECYCLE = Lifecycle(version=GRAPH_VERSION, sunset_at=date(2028, 2, 18), successor="v25.0", see=CHANGELOG)

# The text of a wa.me link is the customer's to edit before it is sent.
LINK_CAPACITY = LinkCapacity(chars=INTERACTIVE_BODY, alphabet="any", editable=True)

_FREE_UNTIL = date(2026, 9, 30)
_CHARGED_SINCE = date(2026, 10, 1)
PRICES = (
    PriceFact(action="receive", amount=Decimal(0), see=PRICING),
    PriceFact(
        action="send",
        amount=Decimal(0),
        since=date(2024, 11, 1),
        until=_FREE_UNTIL,
        condition="service message in the 24 hours after the customer's last",
        see=PRICING,
    ),
    PriceFact(
        action="send",
        amount=Decimal(0),
        since=date(2025, 7, 1),
        until=_FREE_UNTIL,
        condition="utility template in the 24 hours after the customer's last",
        see=PRICING,
    ),
    PriceFact(
        action="send",
        amount=Decimal(0),
        since=_CHARGED_SINCE,
        condition="in the 72 hours after the customer came by an ad or a page's button and was answered in 24",
        see=PRICING,
    ),
    PriceFact(
        action="send",
        amount=Decimal("0.0068"),
        since=_CHARGED_SINCE,
        country="BR",
        condition="service message, charged as utility; other countries: see the rate card",
        see=f"{PRICING}/non-template-messages",
    ),
)

# The button that opens a list, which WhatsApp demands: at most 20 characters.
OPENERS = {
    "ar": "الخيارات",
    "de": "Optionen",
    "en": "Options",
    "es": "Opciones",
    "fr": "Choix",
    "it": "Opzioni",
    "nl": "Opties",
    "pl": "Opcje",
    "pt": "Opções",
    "tr": "Seçenekler",
}
