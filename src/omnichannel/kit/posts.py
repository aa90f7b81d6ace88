"""Posts of microblogs and their direct messages, in the words of no platform, as events.

The words are those of ActivityStreams (https://www.w3.org/TR/activitystreams-vocabulary/): a post has an author, may
be in reply to another, may quote one, and names people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from omnichannel.model.address import Assurance
from omnichannel.model.base import NOTHING
from omnichannel.model.content import Media
from omnichannel.model.event import MessageEchoed, MessageEdited, MessageReceived

__all__ = ["Person", "Post", "edit_event", "mention_trimmer", "post_event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody on a platform, by the value of the address; `automatic` where the platform marks a bot."""

    id: str = ""
    name: str | None = None
    aliases: Mapping[str, str] = NOTHING
    automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post or a direct message. `person` is the other side: its author, or whom we wrote to where it is `ours`.

    `id` is what the message is known by, over all its versions. `text` is what it says without whom it names at its
    beginning; `full_text` the whole, where that differs in kind. `me` is our own address, `named` are all people that
    the text names. `public` says what is proved about the author: a handle that anybody may take, or one that only we
    were written from.
    """

    id: str
    at: datetime
    person: Person
    text: str
    me: str | None = None
    ours: bool = False
    public: bool = False
    full_text: str | None = None
    thread: str | None = None
    in_reply_to: str | None = None
    quotes: str | None = None
    named: tuple[str, ...] = ()
    attachments: tuple[Media, ...] = ()
    choice: str | None = None
    language: str | None = None
    addressed: bool = True
    context: Mapping[str, str] = NOTHING

    @property
    def surface(self) -> str:
        """Where it stands."""
        return "mention" if self.public else "dm"


def post_event(account: str, post: Post) -> MessageReceived | MessageEchoed:
    """A post as what it is to us: received, or an echo of our own."""
    person = post.person
    if post.ours:
        return MessageEchoed(
            account=account,
            dedupe=post.id,
            message_id=post.id,
            occurred_at=post.at,
            recipient=person.id,
            aliases=person.aliases,
            text=post.text,
            surface=post.surface,
            thread=post.thread,
            attachments=post.attachments,
        )
    return MessageReceived(
        account=account,
        dedupe=post.id,
        message_id=post.id,
        occurred_at=post.at,
        sender=person.id,
        sender_name=person.name,
        aliases=person.aliases,
        text=post.text,
        full_text=post.full_text,
        surface=post.surface,
        thread=post.thread,
        reply_to=post.in_reply_to,
        references=tuple(dict.fromkeys(one for one in (post.in_reply_to, post.quotes) if one)),
        recipients=(post.me,) if post.me else (),
        others=tuple(dict.fromkeys(one for one in post.named if one not in (person.id, post.me))),
        attachments=post.attachments,
        choice=post.choice,
        language=post.language,
        assurance=Assurance.PUBLIC_HANDLE if post.public else Assurance.PRIVATE_HANDLE,
        automatic=person.automatic,
        addressed=post.addressed,
        context=post.context,
    )


def edit_event(account: str, post: Post, version: str, at: datetime, text: str) -> MessageEdited:
    """The words and files that a post has now; `version` is the key of this edit."""
    return MessageEdited(
        account=account,
        dedupe=version,
        occurred_at=at,
        message_id=post.id,
        text=text,
        sender=(post.me or "") if post.ours else post.person.id,
        attachments=post.attachments,
    )


def mention_trimmer(handle: str) -> Callable[[str], str]:
    """A function that takes off the mentions that a text begins with; a text of nothing but mentions stays. `handle`
    is the pattern of a handle on this platform, without its @."""
    leading = re.compile(rf"(?:@{handle}[:,]?\s+)+")

    def trimmed(text: str) -> str:
        found = leading.match(text)
        return text[found.end() :].lstrip() or text if found else text

    return trimmed
