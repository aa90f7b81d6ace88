"""The fields of Mastodon's entities that we read. Extra keys are ignored, unknown values of an enumeration allowed.

Shapes: https://docs.joinmastodon.org/entities/Status/, Notification, Conversation, Account, MediaAttachment. Ids are
strings that look like numbers on Mastodon, and other things elsewhere: they are never parsed.
"""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import StringConstraints, TypeAdapter
from typing_extensions import TypedDict

from omnichannel.model import late

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]


class Moved(TypedDict):
    acct: str


class Person(TypedDict):
    acct: Annotated[str, StringConstraints(min_length=1)]
    id: NotRequired[str | None]
    display_name: NotRequired[str | None]
    url: NotRequired[str | None]
    uri: NotRequired[str | None]
    bot: NotRequired[bool | None]
    moved: NotRequired[Moved | None]


class Mention(TypedDict):
    acct: str
    id: NotRequired[str | None]


class Attachment(TypedDict):
    id: NotRequired[str | None]
    type: NotRequired[str | None]
    url: NotRequired[str | None]
    remote_url: NotRequired[str | None]
    description: NotRequired[str | None]


class Quoted(TypedDict):
    id: NotRequired[str | None]


class Quote(TypedDict):
    quoted_status: NotRequired[Quoted | None]
    quoted_status_id: NotRequired[str | None]


class Status(TypedDict):
    id: Id
    account: Person
    content: NotRequired[str | None]
    spoiler_text: NotRequired[str | None]
    visibility: NotRequired[str | None]
    created_at: NotRequired[str | None]
    edited_at: NotRequired[str | None]
    language: NotRequired[str | None]
    in_reply_to_id: NotRequired[str | None]
    in_reply_to_account_id: NotRequired[str | None]
    mentions: NotRequired[list[Mention] | None]
    media_attachments: NotRequired[list[Attachment] | None]
    quote: NotRequired[Quote | None]
    reblog: NotRequired[dict[str, Any] | None]


class Warning_(TypedDict):
    action: NotRequired[str | None]
    text: NotRequired[str | None]


class Severed(TypedDict):
    type: NotRequired[str | None]
    target_name: NotRequired[str | None]


class Notification(TypedDict):
    id: Id
    type: str
    created_at: NotRequired[str | None]
    account: NotRequired[Person | None]
    status: NotRequired[Status | None]
    emoji: NotRequired[str | None]
    moderation_warning: NotRequired[Warning_ | None]
    event: NotRequired[Severed | None]


class Conversation(TypedDict):
    id: Id
    last_status: NotRequired[Status | None]


STATUS: TypeAdapter[Status] = late.adapter(Status)
NOTIFICATION: TypeAdapter[Notification] = late.adapter(Notification)
CONVERSATION: TypeAdapter[Conversation] = late.adapter(Conversation)
