"""Parts to request bodies of API v2."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import JsonValue

from omnichannel.channel import HttpRequest, Part
from omnichannel.kit.parts import words_of
from omnichannel.kit.refusals import invalid

USER_ID = re.compile(r"[0-9]{1,19}")


def dm_request(part: Part, media_ids: Sequence[str]) -> HttpRequest:
    """A DM: to the group it is about, else to the person, which opens or continues the conversation of two.

    The thread of a public post is a number as a group's is: only a thread that came as a group is taken for one.
    """
    text = _text(part, media_ids)
    if len(media_ids) > 1:
        raise invalid("too_many_files", "a DM takes one file")
    group = part.context.get("group")
    if group is not None and group == part.thread and USER_ID.fullmatch(group):
        url = f"2/dm_conversations/{group}/messages"
    elif USER_ID.fullmatch(part.to):
        url = f"2/dm_conversations/with/{part.to}/messages"
    else:
        raise invalid("bad_address", "an X address is a numeric user id")
    body: dict[str, JsonValue] = {"text": text} if text else {}
    if media_ids:
        body["attachments"] = [{"media_id": one} for one in media_ids]
    return HttpRequest(method="POST", url=url, body=body, limit="dm")


def reply_request(part: Part, media_ids: Sequence[str]) -> HttpRequest:
    """A public reply. Without a post to answer there is none: we begin nothing in public.

    The latest version of an edited post is the one to answer; it stands in the context.
    """
    text = _text(part, media_ids)
    target = part.reply_to or part.context.get("post")
    if target is None or not USER_ID.fullmatch(target):
        raise invalid("no_post", "there is no post to reply to")
    body: dict[str, JsonValue] = {"text": text, "reply": {"in_reply_to_tweet_id": target}}
    if media_ids:
        body["media"] = {"media_ids": list(media_ids)}
    return HttpRequest(method="POST", url="2/tweets", body=body, limit="post")


def _text(part: Part, media_ids: Sequence[str]) -> str:
    text = words_of(part, "X")
    if not text and not media_ids:
        raise invalid("empty", "a message needs a text or a file")
    return text
