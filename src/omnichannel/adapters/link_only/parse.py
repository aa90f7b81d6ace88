"""What nobody sends: it is kept all the same."""

from __future__ import annotations

from omnichannel.channel import Envelope, Unrecognized
from omnichannel.kit.inbound import body_of, unrecognized


def parse(envelope: Envelope, account: str, place: str) -> Unrecognized:
    """An envelope that cannot have come from there."""
    content = body_of(envelope).decode("utf-8", "replace")
    reason = f"{place} has no message API: nothing can come from there"
    return unrecognized(account=account, at=envelope.received_at, what=place, reason=reason, content=content)
