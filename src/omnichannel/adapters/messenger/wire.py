"""The fields of Messenger's webhooks that we read. Extra keys are ignored, unknown values of an enumeration allowed.

Shapes: https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
"""

from __future__ import annotations

from typing import NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from omnichannel.model import late


class Party(TypedDict):
    """The Page, or a person: by page-scoped id, or, before they have one, by `user_ref`."""

    id: NotRequired[str | None]
    user_ref: NotRequired[str | None]


class Coordinates(TypedDict):
    lat: float
    long: float


class Element(TypedDict):
    title: NotRequired[str | None]
    subtitle: NotRequired[str | None]


class AttachmentPayload(TypedDict):
    url: NotRequired[str | None]
    title: NotRequired[str | None]
    text: NotRequired[str | None]
    coordinates: NotRequired[Coordinates | None]
    elements: NotRequired[list[Element] | None]


class Attachment(TypedDict):
    type: str
    title: NotRequired[str | None]
    url: NotRequired[str | None]
    payload: NotRequired[AttachmentPayload | None]


class QuickReply(TypedDict):
    payload: NotRequired[str | None]


class ReplyTo(TypedDict):
    mid: NotRequired[str | None]


class Referral(TypedDict):
    """What brought the customer: an m.me link, an ad, a plugin."""

    ref: NotRequired[str | None]
    source: NotRequired[str | None]
    type: NotRequired[str | None]
    ad_id: NotRequired[str | int | None]
    referer_uri: NotRequired[str | None]


class Message(TypedDict):
    mid: str
    text: NotRequired[str | None]
    attachments: NotRequired[list[Attachment] | None]
    quick_reply: NotRequired[QuickReply | None]
    reply_to: NotRequired[ReplyTo | None]
    referral: NotRequired[Referral | None]
    is_echo: NotRequired[bool | None]
    app_id: NotRequired[int | str | None]
    metadata: NotRequired[str | None]


class Postback(TypedDict):
    mid: NotRequired[str | None]
    title: NotRequired[str | None]
    payload: NotRequired[str | None]
    referral: NotRequired[Referral | None]


class Reaction(TypedDict):
    mid: str
    action: str
    emoji: NotRequired[str | None]
    reaction: NotRequired[str | None]


class Delivery(TypedDict):
    mids: NotRequired[list[str] | None]
    watermark: int | str


class Read(TypedDict):
    watermark: int | str


class MessageEdit(TypedDict):
    mid: str
    text: str
    num_edit: NotRequired[int | str | None]


class Optin(TypedDict):
    type: NotRequired[str | None]
    ref: NotRequired[str | None]
    user_ref: NotRequired[str | None]
    title: NotRequired[str | None]
    notification_messages_status: NotRequired[str | None]


class Optout(TypedDict):
    type: NotRequired[str | None]
    title: NotRequired[str | None]


class ThreadControl(TypedDict):
    previous_owner_app_id: NotRequired[int | str | None]
    new_owner_app_id: NotRequired[int | str | None]
    requested_owner_app_id: NotRequired[int | str | None]
    metadata: NotRequired[str | None]


class PolicyEnforcement(TypedDict):
    action: str
    reason: NotRequired[str | None]


class Feedback(TypedDict):
    feedback: str
    mid: str


class Finding(TypedDict):
    """A violation or a restriction of the Page."""

    type: NotRequired[str | None]
    restriction_type: NotRequired[str | None]
    expiration_time: NotRequired[int | str | None]


class Item(TypedDict):
    """One event of `messaging` or `standby`: who, when, and one of the objects."""

    sender: NotRequired[Party | None]
    recipient: NotRequired[Party | None]
    timestamp: NotRequired[int | str | None]
    message: NotRequired[Message | None]
    postback: NotRequired[Postback | None]
    reaction: NotRequired[Reaction | None]
    delivery: NotRequired[Delivery | None]
    read: NotRequired[Read | None]
    message_edit: NotRequired[MessageEdit | None]
    referral: NotRequired[Referral | None]
    optin: NotRequired[Optin | None]
    optout: NotRequired[Optout | None]
    pass_thread_control: NotRequired[ThreadControl | None]
    take_thread_control: NotRequired[ThreadControl | None]
    request_thread_control: NotRequired[ThreadControl | None]
    app_roles: NotRequired[dict[str, list[str]] | None]
    policy_enforcement: NotRequired[PolicyEnforcement | None]
    response_feedback: NotRequired[Feedback | None]
    status: NotRequired[str | None]
    violations: NotRequired[list[Finding] | None]
    restrictions: NotRequired[list[Finding] | None]


class Entry(TypedDict):
    id: str
    time: NotRequired[int | str | None]
    messaging: list[Item]
    standby: NotRequired[list[Item] | None]
    changes: NotRequired[list[dict[str, object]] | None]


class Payload(TypedDict):
    object: str
    entry: list[Entry]


PAYLOAD: TypeAdapter[Payload] = late.adapter(Payload)
ITEM: TypeAdapter[Item] = late.adapter(Item)
