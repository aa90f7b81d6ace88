"""E-mail by SMTP and IMAP: declarations, parsing, sending, links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from omnichannel.adapters.smtp_imap.account import SmtpImapAccount
from omnichannel.adapters.smtp_imap.errors import ERRORS, failure_of
from omnichannel.adapters.smtp_imap.parse import parse
from omnichannel.adapters.smtp_imap.render import render
from omnichannel.adapters.smtp_imap.surfaces import LINK, SURFACES
from omnichannel.channel.base import Channel
from omnichannel.channel.errors import Rejected
from omnichannel.channel.session import Session
from omnichannel.channel.wire import Envelope, Flow, Link, SmtpReply
from omnichannel.kit.imap.session import ImapSession
from omnichannel.kit.mail.compose import mailto
from omnichannel.kit.mail.threading import own_id
from omnichannel.model.event import ChannelEvent
from omnichannel.model.message import Part, Receipt


class SmtpImapChannel(Channel[SmtpImapAccount]):
    """A mailbox. Receives by an IMAP session, sends by SMTP submission; its `Message-ID`s are the receipts."""

    adapter = "smtp_imap"
    channel = "email"
    surfaces = SURFACES
    errors = ERRORS
    link_capacity = LINK

    @property
    def reply_tokens(self) -> bool:
        """In the answer's address, where our host has such addresses."""
        return self.account.carries_tokens

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        """The events of one mail. Never raises; what is no mail, or a report about a mail that is not ours, is
        `Unrecognized`."""
        return parse(envelope, self.account)

    def send(self, part: Part) -> Flow[Receipt]:
        """Sends one mail. A resend carries the same `Message-ID`."""
        message = render(self.account, part)
        reply = cast(SmtpReply, (yield message))
        failure = failure_of(reply, message.recipients[0])
        if failure is not None:
            raise Rejected(failure)
        own = own_id(self.account, part.key)
        return Receipt((own,), thread=part.thread or own)

    def session(self, cursor: str | None) -> Session:
        """The IMAP client; the cursor says what was read of each folder."""
        return ImapSession(self.account.mailbox, cursor)

    def link(self, ref: str, text: str) -> Link | None:
        """A `mailto:` whose recipient carries the reference (RFC 6068), where our host has such addresses."""
        return mailto(self.account, ref, text)
