"""From a line that was typed to an event."""

from __future__ import annotations

import hashlib

from pydantic import ValidationError

from omnichannel.adapters.console.wire import FRAME
from omnichannel.channel import ChannelEvent, Envelope, MessageReceived
from omnichannel.kit.inbound import unrecognized
from omnichannel.model.address import Assurance

YOU = "you"


def parse_frame(envelope: Envelope, account: str) -> ChannelEvent:
    """The message in a frame, or `Unrecognized`. A frame without an id is known by its content and time."""
    try:
        frame = FRAME.validate_json(envelope.content)
        text = frame["text"].encode("utf-8").decode("utf-8")
    except (ValidationError, UnicodeError):
        content = envelope.content.decode("utf-8", "replace")[:2000]
        reason = "not a frame of the console"
        return unrecognized(account=account, at=envelope.received_at, what="frame", reason=reason, content=content)
    sender = frame.get("sender") or YOU
    key = frame.get("id") or hashlib.sha256(envelope.content).hexdigest()[:32]
    run = frame.get("run")
    return MessageReceived(
        account=account,
        dedupe=f"{run}:{key}" if run else key,
        occurred_at=envelope.received_at,
        sender=sender,
        text=text,
        thread=sender,
        sender_name=None if sender == YOU else sender,
        assurance=Assurance.PRIVATE_HANDLE,
    )
