"""The fields of Twilio's that we read. Extra keys are ignored: Twilio adds some without notice.

Forms: https://www.twilio.com/docs/messaging/guides/webhook-request
Resources: https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

from typing import NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from omnichannel.adapters.twilio_sms.surfaces import MEDIA_FILES
from omnichannel.model import late

ALWAYS = frozenset({b"AccountSid", b"From", b"MessageSid", b"To"})
"""Fields that every form of Twilio's about a message has."""
FREE_TEXT = frozenset({b"Body", b"ErrorMessage"})
"""Fields of a form whose value may be any text, so also the name of another field."""
MEDIA = (b"MediaUrl", b"MediaContentType")
"""Of these a form has one for each file, numbered from 0."""
SINGLE = (
    ALWAYS
    | FREE_TEXT
    | frozenset(
        b"""
    SmsSid SmsMessageSid MessagingServiceSid NumMedia NumSegments OptOutType
    FromCity FromState FromZip FromCountry ToCity ToState ToZip ToCountry
    MessageStatus SmsStatus ErrorCode RawDlrDoneDate ApiVersion
    """.split()
    )
)
FORM_FIELDS = SINGLE | {b"%s%d" % (name, index) for name in MEDIA for index in range(MEDIA_FILES)}
"""The fields of a form that Twilio documents for SMS and MMS, as bytes: there may be others."""

# `from` is a keyword, so this one is written as a call.
_Sender = TypedDict("_Sender", {"from": NotRequired[str | None]})


class MessageResource(_Sender):
    """A message as the API lists it."""

    sid: str
    to: NotRequired[str | None]
    body: NotRequired[str | None]
    direction: NotRequired[str | None]
    status: NotRequired[str | None]
    date_sent: NotRequired[str | None]
    date_created: NotRequired[str | None]
    num_media: NotRequired[str | None]
    account_sid: NotRequired[str | None]
    messaging_service_sid: NotRequired[str | None]
    error_code: NotRequired[int | str | None]
    error_message: NotRequired[str | None]


class MediaResource(TypedDict):
    sid: str
    content_type: NotRequired[str | None]
    parent_sid: NotRequired[str | None]


class Listed(TypedDict):
    """What a poll keeps of a message: the resource, and its files, which stand in a list of their own."""

    message: MessageResource
    media: NotRequired[list[MediaResource]]


LISTED: TypeAdapter[Listed] = late.adapter(Listed)
