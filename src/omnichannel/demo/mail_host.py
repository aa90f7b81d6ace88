"""The mail host of a demo, on loopback: IMAP by the simulator's own server, SMTP by aiosmtpd."""

from __future__ import annotations

import asyncio
import logging
import warnings
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from omnichannel.channel.wire import SmtpMessage
from omnichannel.testing.simulators.mail import MailSimulator, SentMail
from omnichannel.testing.simulators.mail_imap import ImapServer

HOST = "127.0.0.1"


@dataclass(slots=True)
class MailHost:
    """Two protocols in front of the mail simulator."""

    simulator: MailSimulator
    password: str
    imap_port: int
    smtp_port: int

    def imap_url(self, account_id: str) -> str:
        """Where an account's mailbox is read."""
        return f"imap://{account_id}:{self.password}@{HOST}:{self.imap_port}"

    def smtp_url(self, account_id: str) -> str:
        """Where an account's mail is handed in."""
        return f"smtp://{account_id}:{self.password}@{HOST}:{self.smtp_port}"

    async def start(self, stack: AsyncExitStack) -> None:
        """Opens the ports."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        loop = asyncio.get_running_loop()
        smtp = await loop.create_server(self._smtp, HOST, self.smtp_port)
        stack.callback(smtp.close)
        imap = await asyncio.start_server(self._imap, HOST, self.imap_port)
        stack.callback(imap.close)

    # -- SMTP

    def _smtp(self) -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that passwords go over loopback in the clear
            return SMTP(
                self, hostname=HOST, authenticator=self._authenticate, auth_required=True, auth_require_tls=False
            )

    def _authenticate(self, server: SMTP, session: Session, envelope: Envelope, method: str, given: Any) -> AuthResult:
        if isinstance(given, LoginPassword) and given.password == self.password.encode():
            return AuthResult(success=True, auth_data=given.login.decode())
        return AuthResult(success=False, handled=False)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes those who have a mailbox."""
        if not any(handle.casefold() == address.casefold() for handle in self.simulator.customers):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Delivers a mail of ours to its readers' phones."""
        account_id = str(getattr(session, "auth_data", ""))
        account = self.simulator.accounts.get(account_id)
        if account is None:
            return "554 5.7.1 not from here"
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        mail = _mail(content, envelope, self.simulator)
        for recipient in envelope.rcpt_tos:
            self.simulator.receive(account, recipient, mail)
        return "250 2.0.0 queued"

    # -- IMAP

    async def _imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = ImapServer(self.simulator.mailboxes)
        news = asyncio.Event()
        news.set()
        server.wake = news.set

        async def write() -> None:
            while not server.closed or server.output:
                await news.wait()
                news.clear()
                data, server.output[:] = bytes(server.output), b""
                writer.write(data)
                await writer.drain()
            writer.close()

        writing = asyncio.create_task(write())
        try:
            while data := await reader.read(65_536):
                server.feed(data)
                news.set()
        except ConnectionError:
            pass
        finally:
            server.close()
            writing.cancel()
            writer.close()


def _mail(content: bytes, envelope: Envelope, simulator: MailSimulator) -> SentMail:
    parsed: Any = message_from_bytes(content, policy=default)
    body = parsed.get_body(("plain",))
    message = SmtpMessage(
        sender=str(envelope.mail_from or ""),
        recipients=tuple(envelope.rcpt_tos),
        headers=tuple((name, str(value)) for name, value in parsed.items()),
        text=body.get_content().replace("\r\n", "\n").removesuffix("\n") if body is not None else "",
    )
    return SentMail(simulator.now(), message, content)
