"""One matter between a customer and us, on whichever channels it takes place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from omnichannel.model.base import NOTHING, Visibility

Status: TypeAlias = Literal["open", "snoozed", "resolved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """The state of a conversation. `version` grows with each change, for optimistic replies.

    `channel`, `account`, `surface`, `address` and `thread` say where it takes place now. `linked_to` is the
    conversation that this participant's own one began in. `history_hidden` is set while whoever took it up by a
    reference has not proved who they are. `unverified` says that the platform denies that this customer wrote it (a
    mail that fails DMARC), or that it began with an answer to a private conversation (`linked_to`) that did not come
    from whom that one is about, or is not sure to.
    """

    id: str
    brand: str
    customer_id: str
    status: Status
    channel: str
    account: str
    surface: str
    visibility: Visibility
    queue: str
    version: int
    participants: tuple[str, ...] = ()
    address_id: str | None = None
    thread: str | None = None
    external_id: str | None = None
    assignee: str | None = None
    tags: frozenset[str] = frozenset()
    language: str | None = None
    due_at: datetime | None = None
    created_at: datetime | None = None
    last_in_at: datetime | None = None
    linked_to: str | None = None
    history_hidden: bool = False
    unverified: bool = False
    priority: int = 0
    metadata: Mapping[str, str] = NOTHING
