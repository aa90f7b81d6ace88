"""The fields of X's objects that we read. Extra keys are ignored, unknown values of an enumeration allowed.

Shapes: https://docs.x.com/x-api/activity/event-payloads and https://docs.x.com/x-api/fundamentals/data-dictionary;
the description of the API has both `…tweets` and, since 2.167, `…posts` names.
"""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import BeforeValidator, StringConstraints, TypeAdapter
from typing_extensions import TypedDict

from omnichannel.model import late


def _as_text(value: object) -> object:
    """Ids are strings; a number is one of the places where an older API still sends it."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Id = Annotated[str, BeforeValidator(_as_text), StringConstraints(pattern=r"^[0-9]{1,19}$")]
Digits = Annotated[str, BeforeValidator(_as_text), StringConstraints(pattern=r"^[0-9]{1,19}$")]


NO_LANGUAGE = frozenset({"und", "zxx", "art"})
OLD_LANGUAGES = {"in": "id", "iw": "he", "ji": "yi"}


class Affiliation(TypedDict):
    description: NotRequired[str | None]


class User(TypedDict):
    id: Id
    name: NotRequired[str | None]
    username: NotRequired[str | None]
    affiliation: NotRequired[Affiliation | None]


class Reference(TypedDict):
    id: Id
    type: NotRequired[str | None]


class Mention(TypedDict):
    start: NotRequired[int | None]
    id: NotRequired[Id | None]
    username: NotRequired[str | None]


class Entities(TypedDict):
    mentions: NotRequired[list[Mention] | None]


class Note(TypedDict):
    """A long post: `text` outside holds its beginning only."""

    text: NotRequired[str | None]
    entities: NotRequired[Entities | None]


class Attachments(TypedDict):
    media_keys: NotRequired[list[str] | None]


class Post(TypedDict):
    id: Id
    text: str
    author_id: NotRequired[Id | None]
    conversation_id: NotRequired[Id | None]
    created_at: NotRequired[str | None]
    lang: NotRequired[str | None]
    in_reply_to_user_id: NotRequired[Id | None]
    referenced_tweets: NotRequired[list[Reference] | None]
    referenced_posts: NotRequired[list[Reference] | None]
    edit_history_tweet_ids: NotRequired[list[Id] | None]
    edit_history_post_ids: NotRequired[list[Id] | None]
    display_text_range: NotRequired[list[int] | None]
    entities: NotRequired[Entities | None]
    note_tweet: NotRequired[Note | None]
    note_post: NotRequired[Note | None]
    attachments: NotRequired[Attachments | None]


class Variant(TypedDict):
    url: str
    content_type: NotRequired[str | None]
    bit_rate: NotRequired[int | None]
    bitrate: NotRequired[int | None]


class MediaObject(TypedDict):
    media_key: str
    type: NotRequired[str | None]
    url: NotRequired[str | None]
    preview_image_url: NotRequired[str | None]
    alt_text: NotRequired[str | None]
    variants: NotRequired[list[Variant] | None]


class DmEvent(TypedDict):
    """A DM as the look-up endpoints give it; the last three are said by webhooks and the stream alone."""

    id: Id
    event_type: str
    text: NotRequired[str | None]
    sender_id: NotRequired[Id | None]
    dm_conversation_id: NotRequired[str | None]
    created_at: NotRequired[str | None]
    attachments: NotRequired[Attachments | None]
    recipient_id: NotRequired[Id | None]
    choice: NotRequired[str | None]
    created_timestamp: NotRequired[Digits | None]


class MarkRead(TypedDict):
    sender_id: Id
    last_read_event_id: Id
    created_timestamp: NotRequired[Digits | None]


class Deletion(TypedDict):
    id: Id
    author_id: NotRequired[Id | None]


class Revocation(TypedDict):
    user_id: Id
    app_id: NotRequired[str | None]
    date_time: NotRequired[str | None]


class Party(TypedDict):
    id: Id


USER: TypeAdapter[User] = late.adapter(User)
POST: TypeAdapter[Post] = late.adapter(Post)
MEDIA: TypeAdapter[MediaObject] = late.adapter(MediaObject)
DM_EVENT: TypeAdapter[DmEvent] = late.adapter(DmEvent)
MARK_READ: TypeAdapter[MarkRead] = late.adapter(MarkRead)
DELETION: TypeAdapter[Deletion] = late.adapter(Deletion)
REVOCATION: TypeAdapter[Revocation] = late.adapter(Revocation)
PARTY: TypeAdapter[Party] = late.adapter(Party)

# ---------------------------------------------------------------- what is said of which event

IGNORED = (
    "like.",
    "follow.",
    "mute.",
    "profile.update.",
    "spaces.",
    "news.",
    "dm.indicate_typing",
    "post.repost.create",
)
"""Activity events that say nothing to us: neither a message nor something about one, nor about our account."""
LEGACY_IGNORED = frozenset(
    {
        "favorite_events",
        "follow_events",
        "unfollow_events",
        "mute_events",
        "unmute_events",
        "direct_message_indicate_typing_events",
        "spaces_events",
    }
)

# ---------------------------------------------------------------- objects of API v1.1 in the words of v2

# Where each field stands there: the first path that leads anywhere. Numbers lose digits in some JSON readers, so the
# strings beside them come first. v1.1 has no conversation id: a reply is joined to what it answers.
V1_USER = {"id": ("id_str", "id"), "username": ("screen_name", "username")}
V1_POST = {
    "id": ("id_str", "id"),
    "text": ("extended_tweet.full_text", "full_text", "text"),
    "author_id": ("user.id_str", "user.id"),
    "in_reply_to_user_id": ("in_reply_to_user_id_str",),
    "lang": ("lang",),
    "display_text_range": ("extended_tweet.display_text_range", "display_text_range"),
}
V1_REFERENCES = {
    "retweeted": ("retweeted_status.id_str",),
    "replied_to": ("in_reply_to_status_id_str",),
    "quoted": ("quoted_status_id_str",),
}
V1_CITED = {"id": ("quoted_status.id_str",), "author_id": ("quoted_status.user.id_str", "quoted_status.user.id")}
V1_MENTION = {"id": ("id_str",), "username": ("screen_name",), "start": ("indices.0",)}
V1_MEDIA = {
    "media_key": ("id_str",),
    "type": ("type",),
    "preview_image_url": ("media_url_https",),
    "alt_text": ("ext_alt_text",),
    "variants": ("video_info.variants",),
}
V1_LISTS = {
    "media": ("extended_tweet.extended_entities.media", "extended_entities.media"),
    "mentions": ("extended_tweet.entities.user_mentions", "entities.user_mentions"),
}
V1_DM = {
    "id": ("id",),
    "sender_id": ("message_create.sender_id",),
    "recipient_id": ("message_create.target.recipient_id",),
    "text": ("message_create.message_data.text",),
    "choice": ("message_create.message_data.quick_reply_response.metadata",),
    "created_timestamp": ("created_timestamp",),
}
V1_DELETION = {"id": ("status.id",), "author_id": ("status.user_id",)}
V1_REVOCATION = {
    "user_id": ("revoke.source.user_id",),
    "app_id": ("revoke.target.app_id",),
    "date_time": ("revoke.date_time",),
}

# ---------------------------------------------------------------- the fields that are asked for

_COMMON = (
    (
        "tweet.fields",
        "attachments,author_id,conversation_id,created_at,display_text_range,edit_history_tweet_ids,entities,id,"
        "in_reply_to_user_id,lang,note_tweet,referenced_tweets,text",
    ),
    ("user.fields", "id,name,username"),
    ("media.fields", "alt_text,media_key,preview_image_url,type,url,variants"),
)
MENTION_QUERY = (
    ("expansions", "attachments.media_keys,author_id,in_reply_to_user_id,referenced_tweets.id"),
    *_COMMON,
)
DM_QUERY = (
    ("event_types", "MessageCreate"),
    ("dm_event.fields", "attachments,created_at,dm_conversation_id,event_type,id,referenced_tweets,sender_id,text"),
    ("expansions", "attachments.media_keys,sender_id"),
    *_COMMON[1:],
)
