"""What Messenger can do, as data: limits, windows, rates, prices, life of the API. Sources as of November 2026."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType

from omnichannel.channel import (
    ButtonLimit,
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
from omnichannel.model.content import MediaKind

DOCS = "https://developers.facebook.com/documentation/business-messaging/messenger-platform"
MESSAGES = f"{DOCS}/send-messages"
POLICY = f"{DOCS}/policy"
QUICK_REPLIES = f"{DOCS}/send-messages/quick-replies"
BUTTON_TEMPLATE = f"{DOCS}/send-messages/template/button"
UTILITY = f"{DOCS}/send-messages/utility-messages"
RATES = f"{DOCS}/overview/rate-limiting"
M_ME = f"{DOCS}/discovery/m-me-links"
ECHOES = f"{DOCS}/webhooks/webhook-events/message-echoes"
TAGS = "https://developers.facebook.com/docs/messenger-platform/send-messages/message-tags"
CHANGELOG = "https://developers.facebook.com/docs/graph-api/changelog/versions"

GRAPH_VERSION = "v26.0"

TEXT = 2000
QUICK_REPLY_COUNT = 13
TITLE = 20
PAYLOAD = 1000
BUTTONS = 3
BUTTON_TEXT = 640
METADATA = 1000
REF = 2083

HUMAN_AGENT = "HUMAN_AGENT"
"""The only tag that is left: https://developers.facebook.com/docs/messenger-platform/send-messages/message-tags"""
WITHDRAWN_TAGS: Mapping[str, date] = MappingProxyType(
    dict.fromkeys(("CONFIRMED_EVENT_UPDATE", "ACCOUNT_UPDATE", "POST_PURCHASE_UPDATE"), date(2026, 4, 27))
)
"""Since when a tag is refused with error 100; utility templates took their place."""

_FILE = MediaLimit(max_bytes=25 * 1024 * 1024)
_MEDIA: Mapping[MediaKind, MediaLimit] = MappingProxyType(
    {"image": _FILE, "video": _FILE, "audio": _FILE, "file": _FILE}
)

DM = Capabilities(
    text_limit=TEXT,
    visibility="private",
    # A person has an id for this Page once they wrote; what begins later is a utility template.
    initiation=Initiation.TEMPLATE,
    window=ReplyWindow(length=timedelta(hours=24), after="template", human=timedelta(days=7), see=POLICY),
    media=_MEDIA,
    choices=Choices(count=QUICK_REPLY_COUNT, title=TITLE, id=PAYLOAD),
    buttons=ButtonLimit(count=BUTTONS, title=TITLE, text=BUTTON_TEXT),
    features=MappingProxyType(
        {
            "attachments": Support.FULL,
            "quick_replies": Support.FULL,
            "buttons": Support.FULL,  # up to three under 640 characters; else fit writes lines, and says so
            "templates": Support.FULL,
            "reply_to": Support.FULL,
            "react": Support.FULL,
            "mark_read": Support.LOSSY,  # the whole thread, not one message
            "typing": Support.FULL,
        }
    ),
    receipts=frozenset({"accepted", "delivered", "read"}),
    repeat=Repeat.UNSAFE,
    reconcile=frozenset({"echo"}),
    settle_after=timedelta(minutes=10),
    rates=(
        RateLimit(level="account", count=300, per=timedelta(seconds=1), see=RATES),
        RateLimit(level="account", count=10, per=timedelta(seconds=1), what="media", see=RATES),
    ),
    see=MESSAGES,
)
SURFACES: Mapping[str, Capabilities] = MappingProxyType({"dm": DM})
WITHOUT_HUMAN_AGENT = replace(DM, window=ReplyWindow(length=timedelta(hours=24), after="template", see=POLICY))
"""For a Page whose app has not been granted the Human Agent feature."""

LIFECYCLE = Lifecycle(version=GRAPH_VERSION, see=CHANGELOG)

# The reference is not the customer's to edit. URL-safe base64 characters are what arrives unchanged.
LINK_CAPACITY = LinkCapacity(chars=REF, alphabet="token", editable=False)

PRICES = (
    PriceFact(action="receive", amount=Decimal(0), see=DOCS),
    PriceFact(action="send", amount=Decimal(0), condition="service", see=DOCS),
    PriceFact(action="send", amount=Decimal(0), condition="alert", see=UTILITY),
)
