"""The verbs of the desk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from omnichannel.desk.queue import decode_cursor, encode_cursor, queue_key
from omnichannel.hub.answers import Page
from omnichannel.hub.office import Office, Verb, read, write
from omnichannel.model.conversation import Conversation
from omnichannel.model.message import Message
from omnichannel.stores import desk


def listing(queue: str, state: str, agent: str | None, after: str | None, limit: int) -> Verb[Page[Conversation]]:
    """A part of a queue, in its order."""
    key = None if after is None else decode_cursor(after)
    found = yield from read(lambda c: desk.listing(c, queue, state, agent, key, limit + 1))
    more = len(found) > limit
    return Page(found[:limit], encode_cursor(queue_key(found[limit - 1])) if more else None)


def claim(office: Office, conversation_id: str, agent: str, for_: timedelta) -> Verb[Conversation]:
    """Takes a conversation for an agent."""
    values = {"assignee": agent, "claimed_until": office.clock.now() + for_}
    return (yield from _change(office, conversation_id, values, "conversation.claimed", agent))


def resolve(office: Office, conversation_id: str, agent: str) -> Verb[Conversation]:
    """The matter is settled."""
    values = {"status": "resolved", "waiting": False, "waiting_at": None, "due_at": None}
    return (yield from _change(office, conversation_id, values, "conversation.resolved", agent))


def note(office: Office, conversation_id: str, text: str, agent: str) -> Verb[Message]:
    """A note among colleagues."""
    now = office.clock.now()
    return (yield from write(lambda c: desk.add_note(c, conversation_id, text, agent, office.ids, now)))


def _change(
    office: Office, conversation_id: str, values: Mapping[str, object], fact: str, agent: str
) -> Verb[Conversation]:
    now = office.clock.now()
    return (yield from write(lambda c: desk.change(c, conversation_id, values, fact, office.ids, now, agent=agent)))
