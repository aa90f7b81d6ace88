"""A mail of the session as events."""

from __future__ import annotations

from omnichannel.adapters.smtp_imap.account import SmtpImapAccount
from omnichannel.adapters.smtp_imap.wire import arrived_at, was_cut
from omnichannel.channel.wire import Envelope
from omnichannel.kit.mail.receive import receive
from omnichannel.model.event import ChannelEvent


def parse(envelope: Envelope, account: SmtpImapAccount) -> tuple[ChannelEvent, ...]:
    """The events of one mail. Never raises."""
    return receive(envelope, account, arrived_at=arrived_at(envelope), cut=was_cut(envelope))
