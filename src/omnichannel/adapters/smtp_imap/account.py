"""The mailbox that we send from and read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from omnichannel.kit.mail.addresses import canonical, domain_of, mailboxes
from omnichannel.channel.base import Account, Secrets
from omnichannel.kit.mail_url import Family, parse_mail_url
from omnichannel.kit.signatures import hmac_sign

AUTHSERV_IDS: Mapping[str, str] = {"imap.gmail.com": "mx.google.com"}
"""The authserv-id of a provider by its IMAP host (https://support.google.com/a/answer/180707)."""

_ROBOTS = ("mailer-daemon", "postmaster", "no-reply", "noreply", "do-not-reply", "donotreply", "bounce", "bounces")


class SmtpImapAccount(Account):
    """A mailbox. `id`, `address`, `smtp_url` and `imap_url` are enough.

    URLs: `smtps://` or `smtp+starttls://user:password@host`, `imaps://` or `imap+starttls://user:password@host`;
    user and password percent-encoded. `smtp://` and `imap://` are for servers on this host only. Without a user, it is
    `address`. `also` are other addresses whose mail lands here. `folders` are read beside each other, the first one
    with IDLE; name the spam folder too, customers' answers land there. `plus=False` says that the host has no plus
    addresses; then `reply_domain`, a domain whose whole mail lands here, carries the tokens. `authserv_id` is the
    name by which the receiving server signs its `Authentication-Results`: without it no sender counts as verified.
    `access_token` logs in by XOAUTH2 instead of the password. `signing_keys` sign our Message-IDs, the first one new
    ones; without any, a key is made from `smtp_url`, and a new password makes answers to older mails go by the stored
    ids alone. `never_answer` are local parts or whole addresses whose mail counts as automatic.
    """

    adapter: ClassVar[str] = "smtp_imap"
    channel: ClassVar[str] = "email"

    address: str
    smtp_url: SecretStr
    imap_url: SecretStr
    name: str = ""
    also: tuple[str, ...] = ()
    folders: tuple[str, ...] = Field(default=("INBOX",), min_length=1)
    plus: bool = True
    reply_domain: str | None = None
    authserv_id: str | None = None
    access_token: SecretStr | None = None
    signing_keys: Secrets = ()
    subject: str = ""
    delimiter: str = ""
    never_answer: tuple[str, ...] = _ROBOTS
    loop_mark: bool = True
    max_bytes: int = Field(default=50_000_000, ge=65_536)
    resync: timedelta = timedelta(days=7)

    @field_validator("address")
    @classmethod
    def _one_address(cls, value: str) -> str:
        found = mailboxes(value)
        if value.startswith(("env:", "file:")) or (len(found) == 1 and found[0].address == value.strip()):
            return value.strip()
        raise ValueError("expected one address such as support@example.com")

    @field_validator("smtp_url", "imap_url")
    @classmethod
    def _readable(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        url = value.get_secret_value()
        if not url.startswith(("env:", "file:")):
            family: Family = "smtp" if info.field_name == "smtp_url" else "imap"
            parse_mail_url(url, family)
        return value

    @property
    def domain(self) -> str:
        """The domain of our address."""
        return domain_of(self.address)

    @property
    def addresses(self) -> frozenset[str]:
        """All our addresses, canonical."""
        return frozenset(map(canonical, (self.address, *self.also)))

    @property
    def receiver(self) -> str | None:
        """The authserv-id whose verdicts we believe, in lower case."""
        if self.authserv_id is not None:
            return self.authserv_id.lower()
        url = self.imap_url.get_secret_value()
        return None if url.startswith(("env:", "file:")) else AUTHSERV_IDS.get(parse_mail_url(url, "imap").host)

    @property
    def mac_keys(self) -> tuple[str, ...]:
        """The keys that our Message-IDs are signed with; the first one signs new ones."""
        given = tuple(key.get_secret_value() for key in self.signing_keys if key.get_secret_value())
        return given or (hmac_sign(self.smtp_url.get_secret_value(), b"omnichannel message id"),)

    def reply_address(self, token: str) -> str | None:
        """The address that carries a token back, or None where the host has no such addresses."""
        if self.reply_domain:
            return f"{token}@{self.reply_domain}"
        local, _, domain = self.address.rpartition("@")
        return f"{local}+{token}@{domain}" if self.plus else None
