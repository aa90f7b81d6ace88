"""What SMS and MMS by Twilio can do, as data: limits, rates, prices, life of the API. Sources as of November 2026."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType

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

DOCS = "https://www.twilio.com/docs"
MESSAGES = f"{DOCS}/messaging/api/message-resource"
WEBHOOKS = f"{DOCS}/messaging/guides/webhook-request"
SECURITY = f"{DOCS}/usage/webhooks/webhooks-security"
MEDIA_TYPES = f"{DOCS}/messaging/guides/accepted-mime-types"
RATES = "https://help.twilio.com/articles/115002943027"
PRICING = "https://www.twilio.com/en-us/sms/pricing/us"

API = "2010-04-01"
"""A fixed segment of the path, not a version that moves on: https://www.twilio.com/docs/iam/api"""
SIGNED_WITH = "auth_token"  # the name of a field
BODY_LIMIT = 65_536
"""A body of 1,600 characters, each nine bytes when escaped, and the fields beside it."""

TEXT = 1600
MEDIA_FILES = 10
LONGEST_VALIDITY = timedelta(hours=10)
MMS_COUNTRIES = frozenset({"AU", "CA", "US"})
"""Numbers of these countries send and get MMS: https://help.twilio.com/articles/223181608"""

POLL_AGAIN = timedelta(minutes=1)
POLL_PAGE = 1000
POLL_OVERLAP = timedelta(minutes=2)
POLL_SEEN = 1000

_KB = 1000
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif")
VIDEO_TYPES = ("video/mp4", "video/quicktime", "video/webm", "video/3gpp")
AUDIO_TYPES = ("audio/mpeg", "audio/mp4", "audio/ogg", "audio/3gpp", "audio/amr")
FILE_TYPES = ("application/pdf", "text/vcard", "text/x-vcard", "text/calendar", "text/csv")


def rate(count: int) -> RateLimit:
    """So many segments a second from one sender, counted over a minute: Twilio takes more at a time and queues it.

    What waits there for 10 hours is dropped, so in the long run we give it no more than goes out."""
    return RateLimit(level="account", count=60 * count, per=timedelta(minutes=1), see=RATES)


LONG_CODE_RATE, TOLL_FREE_RATE, NAME_RATE, SHORT_CODE_RATE = 1, 3, 10, 100

DM = Capabilities(
    text_limit=TEXT,
    text_unit="septets",  # never more than characters, and what is paid for
    visibility="private",
    initiation=Initiation.ANYONE,
    media=MappingProxyType(
        {
            "image": MediaLimit(
                max_bytes=5000 * _KB, types=IMAGE_TYPES, per_message=MEDIA_FILES, caption=TEXT, by_url=True
            ),
            "video": MediaLimit(
                max_bytes=500 * _KB, types=VIDEO_TYPES, per_message=MEDIA_FILES, caption=TEXT, by_url=True
            ),
            "audio": MediaLimit(
                max_bytes=500 * _KB, types=AUDIO_TYPES, per_message=MEDIA_FILES, caption=TEXT, by_url=True
            ),
            "file": MediaLimit(
                max_bytes=500 * _KB, types=FILE_TYPES, per_message=MEDIA_FILES, caption=TEXT, by_url=True
            ),
        }
    ),
    features=MappingProxyType(
        {
            "attachments": Support.LOSSY,  # a link in the text, where the customer's country has no MMS
        }
    ),
    receipts=frozenset({"accepted", "sent", "delivered"}),
    repeat=Repeat.UNSAFE,
    reconcile=frozenset({"status", "history"}),
    settle_after=timedelta(minutes=10),
    rates=(rate(SHORT_CODE_RATE),),
    see=MESSAGES,
)
SURFACES: Mapping[str, Capabilities] = MappingProxyType({"dm": DM})

LIFECYCLE = Lifecycle(version=API, see=MESSAGES)

# One segment: more costs the customer more. The text is theirs to edit before it is sent.
LINK_CAPACITY = LinkCapacity(chars=160, alphabet="any", editable=True)

_SINCE = date(2026, 5, 1)
PRICES = (
    PriceFact(action="send", amount=Decimal("0.0083"), per="segment", since=_SINCE, country="US", see=PRICING),
    PriceFact(action="receive", amount=Decimal("0.0083"), per="segment", since=_SINCE, country="US", see=PRICING),
    PriceFact(action="send", amount=Decimal("0.022"), since=_SINCE, country="US", condition="mms", see=PRICING),
    PriceFact(action="receive", amount=Decimal("0.0165"), since=_SINCE, country="US", condition="mms", see=PRICING),
)
"""Without the carriers' fees, which come on top. What a message really cost is in its resource, later."""
