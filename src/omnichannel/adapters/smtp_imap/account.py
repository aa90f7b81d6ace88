"""The mailbox that we send from and read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from omnichannel.kit.imap.session import ImapMailbox
from omnichannel.kit.mail.account import MailAccount
from omnichannel.kit.mail_url import Family, parse_mail_url

AUTHSERV_IDS: Mapping[str, str] = {"imap.gmail.com": "mx.google.com"}
"""The authserv-id of a provider by its IMAP host (https://support.google.com/a/answer/180707)."""


class SmtpImapAccount(MailAccount):
    """A mailbox. `id`, `address`, `smtp_url` and `imap_url` are enough.

    URLs: `smtps://` or `smtp+starttls://user:password@host`, `imaps://` or `imap+starttls://user:password@host`;
    user and password percent-encoded. `smtp://` and `imap://` are for servers on this host only. Without a user, it is
    `address`. `folders` are read beside each other, the first one with IDLE; name the spam folder too, customers'
    answers land there. `access_token` logs in by XOAUTH2 instead of the password. Without `signing_keys`, a key is
    made from `smtp_url`, and a new password makes answers to older mails go by the stored ids alone. `resync` is how
    far back to look when the server numbers its mails anew.
    """

    adapter: ClassVar[str] = "smtp_imap"

    smtp_url: SecretStr
    imap_url: SecretStr
    folders: tuple[str, ...] = Field(default=("INBOX",), min_length=1)
    access_token: SecretStr | None = None
    resync: timedelta = timedelta(days=7)

    @field_validator("smtp_url", "imap_url")
    @classmethod
    def _readable(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        url = value.get_secret_value()
        if not url.startswith(("env:", "file:")):
            family: Family = "smtp" if info.field_name == "smtp_url" else "imap"
            parse_mail_url(url, family)
        return value

    @property
    def own_secret(self) -> str:
        """The URL of the relay, with its password."""
        return self.smtp_url.get_secret_value()

    @property
    def receiver(self) -> str | None:
        """The authserv-id whose verdicts we believe; that of a known provider is known."""
        url = self.imap_url.get_secret_value()
        if self.authserv_id is not None or url.startswith(("env:", "file:")):
            return super().receiver
        return AUTHSERV_IDS.get(parse_mail_url(url, "imap").host)

    @property
    def mailbox(self) -> ImapMailbox:
        """What the session needs to read it."""
        url = parse_mail_url(self.imap_url.get_secret_value(), "imap")
        return ImapMailbox(
            url=url,
            user=url.user or self.address,
            access_token=self.access_token,
            folders=self.folders,
            max_bytes=self.max_bytes,
            resync=self.resync,
        )
