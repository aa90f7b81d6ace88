"""What the tests of the mail family share: an account, envelopes, and mails by the standard library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from omnichannel.channel import Envelope, MessageReceived
from omnichannel.kit.mail.account import MailAccount
from omnichannel.kit.mail.receive import receive
from omnichannel.model.event import ChannelEvent

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
RECEIVED = datetime(2027, 1, 4, 8, 59, tzinfo=UTC)


class CareAccount(MailAccount):
    """A mail account of no provider."""

    secret: str = "pass-word"

    @property
    def own_secret(self) -> str:
        return self.secret


def account(**changes: Any) -> CareAccount:
    values: dict[str, Any] = {
        "id": "mail",
        "address": "care@example.com",
        "name": "Example Care",
        "authserv_id": "mx.example.com",
    }
    return CareAccount(**{**values, **changes})


def envelope(content: bytes | str, **changes: Any) -> Envelope:
    raw = content.encode() if isinstance(content, str) else content
    return replace(Envelope(source="session", content=raw, received_at=NOW), **changes)


def events(content: bytes | str, **changes: Any) -> Sequence[ChannelEvent]:
    return receive(envelope(content), account(**changes))


def received(content: bytes | str, **changes: Any) -> MessageReceived:
    (event,) = events(content, **changes)
    assert isinstance(event, MessageReceived), event
    return event


def mail(text: str = "Hello", html: str | None = None, **headers: str) -> bytes:
    """A mail by the standard library; `reply_to` in a keyword is `Reply-To`."""
    message = EmailMessage(policy=SMTP)
    fields = {
        "From": "Ann Lee <ann@example.org>",
        "To": "care@example.com",
        "Subject": "Where is it?",
        "Date": "Mon, 04 Jan 2027 08:58:00 +0000",
        "Message-Id": "<one@example.org>",
        **{name.strip("_").replace("_", "-").title(): value for name, value in headers.items()},
    }
    for name, value in fields.items():
        if value:
            message[name] = value
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()
