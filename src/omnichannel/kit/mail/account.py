"""Our side of a mailbox, whatever brings the mails: addresses, who vouches for senders, how our mails look."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from pydantic import Field, field_validator

from omnichannel.channel.base import Account, Secrets
from omnichannel.kit.mail.addresses import canonical, domain_of, mailboxes
from omnichannel.kit.signatures import hmac_sign

__all__ = ["LOCAL_PART", "MailAccount"]

LOCAL_PART = 64
_ROBOTS = ("mailer-daemon", "postmaster", "no-reply", "noreply", "do-not-reply", "donotreply", "bounce", "bounces")


class MailAccount(Account):
    """What every mail account has, beside what its provider needs.

    `also` are other addresses whose mail lands here. `plus=False` says that the host has no plus addresses; then
    `reply_domain`, a domain whose whole mail lands here, carries the tokens. `authserv_id` is the name by which the
    receiving server signs its `Authentication-Results`: without it no sender counts as verified. `signing_keys` sign
    our Message-IDs, the first one new ones. `never_answer` are local parts or whole addresses whose mail counts as
    automatic.
    """

    channel: ClassVar[str] = "email"

    address: str
    name: str = ""
    also: tuple[str, ...] = ()
    plus: bool = True
    reply_domain: str | None = None
    authserv_id: str | None = None
    signing_keys: Secrets = ()
    subject: str = ""
    delimiter: str = ""
    never_answer: tuple[str, ...] = _ROBOTS
    loop_mark: bool = True
    max_bytes: int = Field(default=50_000_000, ge=65_536)

    @field_validator("address")
    @classmethod
    def _one_address(cls, value: str) -> str:
        found = mailboxes(value)
        if value.startswith(("env:", "file:")) or (len(found) == 1 and found[0].address == value.strip()):
            return value.strip()
        raise ValueError("expected one address such as support@example.com")

    @property
    @abstractmethod
    def own_secret(self) -> str:
        """A secret of this account that a signing key is made from where none is given."""

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
        return None if self.authserv_id is None else self.authserv_id.lower()

    @property
    def mac_keys(self) -> tuple[str, ...]:
        """The keys that our Message-IDs are signed with; the first one signs new ones."""
        given = tuple(key.get_secret_value() for key in self.signing_keys if key.get_secret_value())
        return given or (hmac_sign(self.own_secret, b"omnichannel message id"),)

    @property
    def carries_tokens(self) -> bool:
        """Whether there are addresses of ours that carry a token as long as a reply token back."""
        return self.reply_address("r" * 27) is not None

    def reply_address(self, token: str) -> str | None:
        """The address that carries a token back, or None where the host has no such addresses, or it were too long
        (https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.1)."""
        if self.reply_domain:
            return f"{token}@{self.reply_domain}"
        local, _, domain = self.address.rpartition("@")
        return f"{local}+{token}@{domain}" if self.plus and len(local) + 1 + len(token) <= LOCAL_PART else None
