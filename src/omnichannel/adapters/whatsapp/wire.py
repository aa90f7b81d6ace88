"""The fields of Meta's webhooks that we read. Extra keys are ignored, unknown values of an enumeration allowed.

Shapes: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NotRequired, TypeAlias

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from omnichannel.model import late
from omnichannel.model.content import MediaKind


class Profile(TypedDict):
    name: NotRequired[str | None]
    username: NotRequired[str | None]


class Contact(TypedDict):
    """Who a message is from or to. The phone is missing once its owner has a username."""

    wa_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    parent_user_id: NotRequired[str | None]
    profile: NotRequired[Profile | None]


class TextBody(TypedDict):
    body: str


class MediaBody(TypedDict):
    id: str
    mime_type: NotRequired[str | None]
    sha256: NotRequired[str | None]
    caption: NotRequired[str | None]
    filename: NotRequired[str | None]


class LocationBody(TypedDict):
    latitude: float
    longitude: float
    name: NotRequired[str | None]
    address: NotRequired[str | None]


class CardName(TypedDict):
    formatted_name: NotRequired[str | None]


class CardPhone(TypedDict):
    phone: NotRequired[str | None]
    wa_id: NotRequired[str | None]


class CardEmail(TypedDict):
    email: NotRequired[str | None]


class Card(TypedDict):
    """A contact card that the customer shares."""

    name: NotRequired[CardName | None]
    phones: NotRequired[list[CardPhone] | None]
    emails: NotRequired[list[CardEmail] | None]


class Product(TypedDict):
    product_retailer_id: str
    quantity: NotRequired[int | None]
    item_price: NotRequired[float | None]
    currency: NotRequired[str | None]


class OrderBody(TypedDict):
    text: NotRequired[str | None]
    product_items: list[Product]


class Reply(TypedDict):
    id: str
    title: NotRequired[str | None]


class FlowReply(TypedDict):
    body: NotRequired[str | None]
    response_json: NotRequired[str | None]


class Interactive(TypedDict):
    button_reply: NotRequired[Reply | None]
    list_reply: NotRequired[Reply | None]
    nfm_reply: NotRequired[FlowReply | None]


class ButtonBody(TypedDict):
    payload: NotRequired[str | None]
    text: NotRequired[str | None]


class ReactionBody(TypedDict):
    message_id: str
    emoji: NotRequired[str | None]


class ReferredProduct(TypedDict):
    product_retailer_id: NotRequired[str | None]


class Context(TypedDict):
    id: NotRequired[str | None]
    referred_product: NotRequired[ReferredProduct | None]


class Referral(TypedDict):
    """The ad or post that brought the customer."""

    source_url: NotRequired[str | None]
    source_id: NotRequired[str | None]
    source_type: NotRequired[str | None]
    headline: NotRequired[str | None]
    ctwa_clid: NotRequired[str | None]


class System(TypedDict):
    type: NotRequired[str | None]
    body: NotRequired[str | None]
    wa_id: NotRequired[str | None]
    new_wa_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    parent_user_id: NotRequired[str | None]
    previous_user_id: NotRequired[str | None]


class ErrorData(TypedDict):
    details: NotRequired[str | None]


class Error(TypedDict):
    code: NotRequired[int | None]
    title: NotRequired[str | None]
    message: NotRequired[str | None]
    error_data: NotRequired[ErrorData | None]


class Revoke(TypedDict):
    original_message_id: str


class Body(TypedDict):
    """What is said, under the name of its type; the whole of an edited message."""

    type: str
    text: NotRequired[TextBody | None]
    image: NotRequired[MediaBody | None]
    video: NotRequired[MediaBody | None]
    audio: NotRequired[MediaBody | None]
    document: NotRequired[MediaBody | None]
    sticker: NotRequired[MediaBody | None]
    location: NotRequired[LocationBody | None]
    contacts: NotRequired[list[Card] | None]
    order: NotRequired[OrderBody | None]
    interactive: NotRequired[Interactive | None]
    button: NotRequired[ButtonBody | None]
    errors: NotRequired[list[Error] | None]


class Edit(TypedDict):
    original_message_id: str
    message: Body


class Said(Body):
    """What an inbound message and an echo of ours share."""

    id: str
    timestamp: NotRequired[str | None]
    reaction: NotRequired[ReactionBody | None]
    edit: NotRequired[Edit | None]
    revoke: NotRequired[Revoke | None]
    group_id: NotRequired[str | None]


# `from` is a keyword, so these two are written as calls.
_Sender = TypedDict("_Sender", {"from": NotRequired[str | None]})


class Message(Said, _Sender):
    """An inbound message."""

    from_user_id: NotRequired[str | None]
    from_parent_user_id: NotRequired[str | None]
    context: NotRequired[Context | None]
    referral: NotRequired[Referral | None]
    system: NotRequired[System | None]


class Echo(Said):
    """A message of ours, written in the phone app."""

    to: NotRequired[str | None]
    to_user_id: NotRequired[str | None]
    to_parent_user_id: NotRequired[str | None]


class Pricing(TypedDict):
    category: NotRequired[str | None]


class Status(TypedDict):
    """What became of a message of ours."""

    id: str
    status: str
    timestamp: NotRequired[str | None]
    recipient_id: NotRequired[str | None]
    recipient_user_id: NotRequired[str | None]
    biz_opaque_callback_data: NotRequired[str | None]
    pricing: NotRequired[Pricing | None]
    errors: NotRequired[list[Error] | None]


class Preference(TypedDict):
    """A customer's word on marketing messages."""

    wa_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    parent_user_id: NotRequired[str | None]
    category: str
    value: str
    detail: NotRequired[str | None]
    timestamp: NotRequired[int | str | None]


class Replaced(TypedDict):
    previous: str
    current: str


class UserIdUpdate(TypedDict):
    """A business-scoped id that follows another."""

    wa_id: NotRequired[str | None]
    user_id: Replaced
    parent_user_id: NotRequired[Replaced | None]
    timestamp: NotRequired[int | str | None]


class Metadata(TypedDict):
    phone_number_id: str


class Value(TypedDict):
    metadata: NotRequired[Metadata | None]
    contacts: NotRequired[list[Contact] | None]
    messages: NotRequired[list[Message] | None]
    statuses: NotRequired[list[Status] | None]
    errors: NotRequired[list[Error] | None]


class Change(TypedDict):
    field: NotRequired[str | None]
    value: Value


class Entry(TypedDict):
    id: NotRequired[str | None]
    time: NotRequired[int | None]
    changes: list[Change]


class Payload(TypedDict):
    object: str
    entry: list[Entry]


class WabaInfo(TypedDict):
    waba_id: NotRequired[str | None]


class Restriction(TypedDict):
    restriction_type: NotRequired[str | None]
    expiration: NotRequired[int | None]


class Ban(TypedDict):
    waba_ban_state: NotRequired[str | None]


class AccountUpdate(TypedDict):
    event: str
    waba_info: NotRequired[WabaInfo | None]
    restriction_info: NotRequired[list[Restriction] | None]
    ban_info: NotRequired[Ban | None]


PAYLOAD: TypeAdapter[Payload] = late.adapter(Payload)
CONTACT: TypeAdapter[Contact] = late.adapter(Contact)
MESSAGE: TypeAdapter[Message] = late.adapter(Message)
ECHO: TypeAdapter[Echo] = late.adapter(Echo)
STATUS: TypeAdapter[Status] = late.adapter(Status)
ERROR: TypeAdapter[Error] = late.adapter(Error)
PREFERENCE: TypeAdapter[Preference] = late.adapter(Preference)
USER_ID_UPDATE: TypeAdapter[UserIdUpdate] = late.adapter(UserIdUpdate)
ACCOUNT_UPDATE: TypeAdapter[AccountUpdate] = late.adapter(AccountUpdate)

# ---------------------------------------------------------------- what Meta calls things, and what we call them

State: TypeAlias = Literal["sent", "delivered", "read", "failed"]
STATES: Mapping[str, State] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",  # a voice note was listened to
    "failed": "failed",
}
GRANTED = {"stop": False, "resume": True, "signup": True}
MEDIA_KINDS: Mapping[str, MediaKind] = {
    "image": "image",
    "video": "video",
    "audio": "audio",
    "document": "file",
    "sticker": "image",
}
FIELDS: Mapping[str, tuple[str, ...]] = {
    "messages": ("messages", "statuses"),
    "smb_message_echoes": ("message_echoes",),
    "user_preferences": ("user_preferences",),
    "user_id_update": ("user_id_update",),
}
"""Which lists of items the value of a field may hold."""
