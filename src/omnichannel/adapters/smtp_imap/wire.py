"""What the session writes beside a mail, and the runner where it had to cut one."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

from omnichannel.channel.wire import Envelope


def arrived_at(envelope: Envelope) -> datetime:
    """When the server took the mail; when we did, where it does not say."""
    with contextlib.suppress(ValueError, OverflowError):
        return datetime.fromisoformat(envelope.headers.get("x-imap-internaldate", "")).astimezone(UTC)
    return envelope.received_at


def was_cut(envelope: Envelope) -> bool:
    """Whether there was more of it."""
    return "x-truncated-at" in envelope.headers
