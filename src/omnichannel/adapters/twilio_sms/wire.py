"""The fields of Twilio's that we read. Extra keys are ignored: Twilio adds some without notice.

Forms: https://www.twilio.com/docs/messaging/guides/webhook-request
Resources: https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

from typing import NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from omnichannel.model import late

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
