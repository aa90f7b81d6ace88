"""What every reader of envelopes needs: the raw bytes, and the event for what it does not understand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from omnichannel.channel.wire import Envelope
from omnichannel.model.event import Unrecognized

__all__ = ["body_of", "shape_error", "unrecognized", "well_formed"]

T = TypeVar("T")


def body_of(envelope: Envelope) -> bytes:
    """The raw bytes, wherever they are kept."""
    return envelope.content if envelope.blob is None else envelope.blob.read(0, envelope.blob.size)


def unrecognized(
    *, account: str, at: datetime, what: str, reason: str, content: str = "", digest: str | None = None
) -> Unrecognized:
    """What cannot be read, kept whole. Its key is its kind and the hash of its bytes, so that it never claims the key
    of an event that a mended parser will find. `digest` is that hash where the bytes are not in `content`."""
    found = digest or sha256(content.encode("utf-8", "replace")).hexdigest()
    return Unrecognized(
        account=account,
        dedupe=f"unrecognized:{what}:{found}",
        occurred_at=at,
        what=what,
        reason=reason,
        content=content,
    )


def shape_error(error: ValidationError) -> str:
    """Where an item is not of the shape that we know, without its values, which are the customer's own."""
    where = error.errors(include_input=False, include_url=False, include_context=False)[0]["loc"]
    return f"not of the known shape: {'.'.join(map(str, where))}"


def well_formed(adapter: TypeAdapter[T], items: Iterable[object]) -> list[T]:
    """The items of that shape; others are passed over. For what comes beside messages, never for messages."""
    found: list[T] = []
    for item in items:
        try:
            found.append(adapter.validate_python(item))
        except ValidationError:
            continue
    return found
