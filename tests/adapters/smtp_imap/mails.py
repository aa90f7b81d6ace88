"""What the tests of the adapter share: an account, a channel, and what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import SecretStr

from omnichannel.adapters.smtp_imap import SmtpImapAccount
from omnichannel.adapters.smtp_imap.channel import SmtpImapChannel
from omnichannel.channel import MessageReceived
from omnichannel.model.event import ChannelEvent
from tests.kit.mail.given_mail import envelope


def account(**changes: Any) -> SmtpImapAccount:
    values: dict[str, Any] = {
        "id": "mail",
        "address": "care@example.com",
        "smtp_url": SecretStr("smtps://care:pass-word@mail.example.com"),
        "imap_url": SecretStr("imaps://care:pass-word@mail.example.com"),
        "name": "Example Care",
        "authserv_id": "mx.example.com",
    }
    return SmtpImapAccount(**{**values, **changes})


def channel(**changes: Any) -> SmtpImapChannel:
    return SmtpImapChannel(account(**changes))


def events(content: bytes | str, **changes: Any) -> Sequence[ChannelEvent]:
    return channel(**changes).parse(envelope(content))


def received(content: bytes | str, **changes: Any) -> MessageReceived:
    (event,) = events(content, **changes)
    assert isinstance(event, MessageReceived), event
    return event
