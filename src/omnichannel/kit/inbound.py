"""What every reader of envelopes needs: the raw bytes, and the event for what it does not understand."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from omnichannel.channel.wire import Envelope
from omnichannel.model.event import Unrecognized

__all__ = ["body_of", "unrecognized"]


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
