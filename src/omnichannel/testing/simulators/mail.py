"""A mail world in one process: our mailbox by real IMAP, our relay by SMTP's rules, customers with mail programs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from anyio.abc import ByteStream

from omnichannel.channel.base import Account
from omnichannel.channel.session import Connect
from omnichannel.channel.wire import SmtpMessage, SmtpReply
from omnichannel.kit.mail_url import parse_mail_url
from omnichannel.runtime.mail_format import mail_chunks
from omnichannel.runtime.transport import MediaSource, TransportError
from omnichannel.testing.simulators.accounts import fill, made_up
from omnichannel.testing.simulators.base import Seen, SimCustomer, SimFile, Simulator
from omnichannel.testing.simulators.mail_box import Mailbox
from omnichannel.testing.simulators.mail_imap import ImapServer
from omnichannel.testing.simulators.mail_stream import MemoryStream
from omnichannel.testing.simulators.mail_write import Letter, Quoted, Style, bounce, vacation, write
from omnichannel.testing.simulators.webhooks import Post

AccountT = TypeVar("AccountT", bound=Account)
HOST = "mail.sim.example"
AUTHSERV_ID = f"mx.{HOST}"
_URL = re.compile(r"https?://[^\s<>\"]+")
_NUMBERED = re.compile(r"\s*\d{1,2}\.\s+(.+?)\s*")


@dataclass(slots=True)
class Relay:
    """How the relay treats our mails. Replies by recipient are `(code, text)`; `bounces` are accepted first and
    come back later; `greylisted` recipients are taken on the second try."""

    max_bytes: int = 25_000_000
    replies: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    bounces: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    greylisted: set[str] = field(default_factory=set[str])
    suspended: str = ""
    bounce_after: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that the relay took from us, as bytes."""

    at: datetime
    message: SmtpMessage
    content: bytes


class MailSimulator(Simulator):
    """Mail. Give `dial` to the session driver as its way to connect, and the simulator itself as the mailer.

    Customers' mails carry `Authentication-Results` of `AUTHSERV_ID`: set it as the account's `authserv_id`.
    Faults: `timeout_before_write`, `timeout_lost`, `timeout_after_write` (lost after the dot), `rate_limited`,
    `server_error`, `duplicate_webhook` (a mail is delivered twice), `reordered_webhooks` (two change places).
    """

    channel: ClassVar[str] = "email"
    adapter: ClassVar[str] = "smtp_imap"
    hosts: ClassVar[tuple[str, ...]] = ()
    links: ClassVar[tuple[str, ...]] = ("mailto:",)

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        seed: int = 0,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        media: MediaSource | None = None,
        idle: bool = True,
    ) -> None:
        super().__init__(now=now, seed=seed, sleep=sleep)
        self.media = media
        self.idle = idle
        self.relay = Relay()
        self.sent: list[SentMail] = []
        self.connections: list[ImapServer] = []
        self.vacations: dict[str, str] = {}
        self.mailboxes: dict[str, Mailbox] = {}
        self._users: dict[str, str] = {}
        self._letters: dict[str, SentMail] = {}
        self._arriving: list[tuple[datetime, int, str, str, bytes]] = []
        self._taken: set[str] = set()
        self._queued = 0

    # -- our side

    def adopt(self, account: AccountT) -> AccountT:
        """Gives the account a mailbox here, and URLs that lead to it where it has none of its own."""
        password = made_up("password", self.random)
        urls = {
            "smtp_url": f"smtps://{account.id}:{password}@{HOST}",
            "imap_url": f"imaps://{account.id}:{password}@{HOST}",
            "authserv_id": AUTHSERV_ID,
        }
        filled = fill(account, urls, self.random)
        url = parse_mail_url(_secret(filled, "imap_url"), "imap")
        user = url.user or str(getattr(filled, "address", ""))
        self.mailboxes[user] = Mailbox(user, url.password)
        self._users[filled.id] = user
        self.accounts[filled.id] = filled
        return filled

    def mailbox(self, account_id: str) -> Mailbox:
        """The mailbox of an account of ours."""
        return self.mailboxes[self._users[account_id]]

    async def dial(self, where: Connect) -> ByteStream:
        """A connection to the IMAP server, as the session driver wants it. TLS is taken for granted."""
        server = ImapServer(self.mailboxes, idle=self.idle)
        self.connections.append(server)
        return MemoryStream(server, chance=self.random)

    async def send(self, message: SmtpMessage, *, account: Account) -> SmtpReply:
        """The relay's answer to a mail of ours. Raises `TransportError` where a fault loses it."""
        fault = self.faults.draw()
        if fault in ("timeout_before_write", "timeout_lost"):
            raise TransportError("timeout", maybe_sent=fault == "timeout_lost")
        refusal = self._refusal(message, account, fault)
        if refusal is not None:
            return refusal
        content = b"".join([chunk async for chunk in mail_chunks(message, self.now(), self.media)])
        if len(content) > self.relay.max_bytes:
            return SmtpReply(552, "5.3.4", f"the mail is larger than {self.relay.max_bytes} bytes")
        refused = {one: reply for one in message.recipients if (reply := self._reply_for(one)) is not None}
        if len(refused) == len(message.recipients):
            code, text = next(iter(refused.values()))
            return SmtpReply(code, None, text, refused)
        mail = SentMail(self.now(), message, content)
        for recipient in message.recipients:
            if recipient not in refused:
                self.receive(account, recipient, mail)
        if fault in ("timeout_after_write", "truncated_json"):
            raise TransportError("reset", maybe_sent=True)
        return SmtpReply(250, "2.0.0", f"queued as {self.new_id('Q')}", refused)

    def _refusal(self, message: SmtpMessage, account: Account, fault: str | None) -> SmtpReply | None:
        mine = self.accounts.get(account.id)
        if mine is None or _secret(mine, "smtp_url") != _secret(account, "smtp_url"):
            return SmtpReply(535, "5.7.8", "authentication credentials invalid")
        if self.relay.suspended:
            return SmtpReply(550, "5.7.26", self.relay.suspended)
        if fault in ("rate_limited", "server_error", "html_error"):
            code = 451 if fault == "rate_limited" else 421
            return SmtpReply(code, "4.7.0" if code == 451 else "4.3.0", "try again later")
        if any("\r" in value or "\n" in value for _, value in message.headers):
            return SmtpReply(554, "5.6.0", "a header holds a line break")
        return None

    def _reply_for(self, recipient: str) -> tuple[int, str] | None:
        known = self._known(recipient)
        if recipient in self.relay.replies:
            return self.relay.replies[recipient]
        if recipient in self.relay.greylisted:
            self.relay.greylisted.discard(recipient)
            return 450, "4.2.0 greylisted, try again"
        if known is not None and known.blocked:
            return 550, "5.7.1 the recipient does not want this mail"
        return None if known is not None or recipient in self.relay.bounces else (550, "5.1.1 no such user")

    def _known(self, address: str) -> SimCustomer | None:
        folded = address.casefold()
        return next((one for handle, one in self.customers.items() if handle.casefold() == folded), None)

    def receive(self, account: Account, recipient: str, mail: SentMail) -> None:
        """A mail of ours reaches a customer's phone, or bounces; most providers drop the second of a Message-ID."""
        headers = {name.lower(): value for name, value in mail.message.headers}
        message_id = headers["message-id"].strip("<>")
        self.sent.append(mail)
        self._letters[message_id] = mail
        if recipient in self.relay.bounces:
            self._bounce(account, recipient, mail)
            return
        customer = self._known(recipient)
        handle = customer.handle if customer is not None else recipient
        if message_id in self._taken:
            return
        self._taken.add(message_id)
        text = mail.message.text
        self.accept(handle, text, message_id)
        self.show(
            handle,
            Seen(
                at=self.now(),
                text=text,
                message_id=message_id,
                account_id=account.id,
                links=tuple(_URL.findall(text)),
                media=tuple(file.name for file in mail.message.attachments),
                reply_to=headers.get("in-reply-to", "").strip("<>") or None,
            ),
        )
        if handle in self.vacations and headers.get("auto-submitted", "no") == "no":
            self._send_vacation(account, handle, message_id)

    def _bounce(self, account: Account, recipient: str, mail: SentMail) -> None:
        status, diagnostic = self.relay.bounces[recipient]
        content = bounce(
            host=HOST,
            to=mail.message.sender,
            recipient=recipient,
            original=mail.content,
            status=status,
            diagnostic=diagnostic,
            at=self.now(),
            message_id=f"{self.new_id('bounce')}@{HOST}",
        )
        self._queue(account.id, "INBOX", content, after=self.relay.bounce_after)

    def _send_vacation(self, account: Account, handle: str, message_id: str) -> None:
        letter = self._letter(account.id, handle, self.vacations[handle], message_id, style="plain")
        self._queue(account.id, "INBOX", vacation(letter), after=timedelta(seconds=5))

    # -- the customers' side

    def says(
        self,
        handle: str,
        text: str,
        *,
        attachments: Sequence[SimFile] = (),
        surface: str | None = None,
        reply_to: str | None = None,
        account_id: str | None = None,
        style: Style = "gmail",
        subject: str = "",
        cc: Sequence[str] = (),
        to: str | None = None,
        forged: bool = False,
        junk: bool = False,
    ) -> str:
        """The customer writes a mail, in answer to the last one of ours unless `subject` begins a new thread.

        `forged` is somebody else under the customer's address; `junk` lands in the spam folder; `to` is another
        address of ours. Gives the Message-ID.
        """
        account = self.account_for(handle, account_id)
        answered = reply_to or (None if subject else self._last(handle, account))
        letter = self._letter(account, handle, text, answered, style=style)
        letter = replace(
            letter, files=tuple(attachments), cc=tuple(cc), to=to or letter.to, subject=subject or "Question"
        )
        self.customers[handle].last_wrote_at = self.now()
        verdict = self._verdict(handle, forged=forged)
        self._queue(account, "Junk" if junk else "INBOX", verdict + write(letter))
        self.arrive()
        return letter.message_id

    def picks(self, handle: str, title: str) -> str:
        """The customer answers with one of the numbered options of the last mail that has them."""
        for seen in reversed(self.seen(handle)):
            found = (match[1] for line in seen.text.splitlines() if (match := _NUMBERED.fullmatch(line)))
            if any(one.casefold() == title.casefold() for one in found):
                return self.says(handle, title, reply_to=seen.message_id, account_id=seen.account_id)
        raise LookupError(f"no mail to {handle} offers {title!r}")

    def opens(self, handle: str, url: str) -> str:
        """The customer opens a `mailto:` link and sends what it has filled in."""
        parts = urlsplit(url)
        if parts.scheme != "mailto":
            return super().opens(handle, url)
        query = {name.lower(): value for name, value in parse_qsl(parts.query.replace("+", "%2B"))}
        text = query.get("body", "Hello").replace("\r\n", "\n")
        to, subject = unquote(parts.path), query.get("subject", "Hello")
        return self.says(handle, text, to=to, subject=subject, style="plain", account_id=self._account_at(to))

    def _account_at(self, address: str) -> str | None:
        """The account that gets what is sent to an address, which may carry a tag; None for one that is not ours."""
        local, _, domain = address.casefold().rpartition("@")
        wanted = f"{local.partition('+')[0]}@{domain}"
        at = ((str(getattr(one, "address", "")).casefold(), one.id) for one in self.accounts.values())
        return next((account_id for known, account_id in at if known == wanted), None)

    def arrive(self) -> int:
        """Puts the mails that are due into our mailboxes; gives their number."""
        due = sorted(one for one in self._arriving if one[0] <= self.now())
        self._arriving = [one for one in self._arriving if one[0] > self.now()]
        if len(due) > 1 and self.faults.happens("reordered_webhooks"):
            due[0], due[1] = due[1], due[0]
        for at, _, account, folder, content in due:
            copies = 2 if self.faults.happens("duplicate_webhook") else 1
            found = self.mailbox(account).folder(folder)
            for _ in range(copies if found is not None else 0):
                if found is not None:
                    found.deliver(content, at)
        return len(due)

    async def deliver_due(self, post: Post) -> int:
        """Mails that are due arrive; there are no webhooks."""
        return self.arrive() + await super().deliver_due(post)

    def next_due(self) -> datetime | None:
        """When the next mail arrives, or None."""
        return min((one[0] for one in self._arriving), default=None)

    # -- how

    def _queue(self, account_id: str, folder: str, content: bytes, *, after: timedelta = timedelta(0)) -> None:
        self._queued += 1
        self._arriving.append((self.now() + after, self._queued, account_id, folder, content))

    def _last(self, handle: str, account_id: str) -> str | None:
        return next((one.message_id for one in reversed(self.seen(handle)) if one.account_id == account_id), None)

    def _verdict(self, handle: str, *, forged: bool) -> bytes:
        """What our receiving server writes at the top; beneath a forgery stands the forger's own."""
        domain = handle.rpartition("@")[2]
        results = (
            f"Authentication-Results: {AUTHSERV_ID};\r\n dmarc={'fail' if forged else 'pass'} header.from={domain}\r\n"
        )
        claimed = f"Authentication-Results: mx.elsewhere.example; dmarc=pass header.from={domain}\r\n"
        return (results + (claimed if forged else "")).encode()

    def _letter(self, account_id: str, handle: str, text: str, answered: str | None, *, style: Style) -> Letter:
        customer = self.customers.get(handle) or self.customer(handle.partition("@")[0], handle)
        quoted, to = self._answered(answered, str(getattr(self.accounts[account_id], "address", "")))
        return Letter(
            sender=handle,
            name=customer.name,
            to=to,
            at=self.now(),
            message_id=f"{self.new_id('c')}.{self.random.getrandbits(32):08x}@{handle.rpartition('@')[2]}",
            text=text,
            style=style,
            answers=quoted,
        )

    def _answered(self, message_id: str | None, address: str) -> tuple[Quoted | None, str]:
        mail = self._letters.get(message_id or "")
        if mail is None or message_id is None:
            return None, address
        parsed: Any = message_from_bytes(mail.content, policy=default)
        quoted = Quoted(
            sender=address,
            message_id=message_id,
            references=str(parsed["References"] or ""),
            subject=str(parsed["Subject"]),
            text=mail.message.text,
            at=mail.at,
        )
        return quoted, str(parsed["Reply-To"] or address)


def _secret(account: Account, name: str) -> str:
    value = getattr(account, name, None)
    return "" if value is None else str(value.get_secret_value())
