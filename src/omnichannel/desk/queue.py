"""The order in which conversations wait, and cursors into it."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from pydantic import TypeAdapter, ValidationError

from omnichannel.model.base import EPOCH
from omnichannel.model.conversation import Conversation
from omnichannel.model.exceptions import NotFound

__all__ = ["NEVER", "QueueKey", "decode_cursor", "encode_cursor", "queue_key", "times_of"]

QueueKey: TypeAlias = tuple[int, int, int, str]
"""Priority turned round, deadline and age in microseconds since 1970, id: ascending is first come, first served."""

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""The deadline of a conversation that has none: after all that have one."""

_KEY: TypeAdapter[QueueKey] = TypeAdapter(QueueKey)
_MICROSECOND = timedelta(microseconds=1)


def queue_key(conversation: Conversation) -> QueueKey:
    """Sorts by priority (highest first), then deadline (none is last), then age (oldest first), then id."""
    return (
        -conversation.priority,
        _micros(conversation.due_at or NEVER),
        _micros(conversation.created_at or EPOCH),
        conversation.id,
    )


def _micros(at: datetime) -> int:
    return (at - EPOCH) // _MICROSECOND


def times_of(key: QueueKey) -> tuple[datetime, datetime]:
    """The deadline and the age of a key, for a query: `NEVER` where there is no deadline."""
    return EPOCH + key[1] * _MICROSECOND, EPOCH + key[2] * _MICROSECOND


def encode_cursor(key: QueueKey) -> str:
    """An opaque cursor that stands after this key; letters, digits, `-` and `_`."""
    return urlsafe_b64encode(_KEY.dump_json(key)).decode("ascii").rstrip("=")


def decode_cursor(cursor: str) -> QueueKey:
    """The key that a cursor stands for. Raises NotFound for what is no cursor of ours."""
    try:
        return _KEY.validate_json(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValidationError, ValueError):
        raise NotFound(f"{cursor[:80]!r} is no cursor of this list") from None
