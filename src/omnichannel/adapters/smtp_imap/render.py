"""A part as one SMTP transaction."""

from __future__ import annotations

from omnichannel.adapters.smtp_imap.account import SmtpImapAccount
from omnichannel.channel.wire import SmtpMessage
from omnichannel.kit.mail.compose import compose
from omnichannel.model.message import Part


def render(account: SmtpImapAccount, part: Part) -> SmtpMessage:
    """The mail for a part. Raises `Rejected` where it has no address or cannot be said by mail."""
    mail = compose(account, part)
    return SmtpMessage(
        sender=account.address,
        recipients=(mail.recipient,),
        headers=tuple(mail.headers.items()),
        text=mail.text,
        html=mail.html,
        attachments=mail.files,
    )
