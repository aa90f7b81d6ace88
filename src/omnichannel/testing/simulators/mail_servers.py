"""Real mail servers on loopback, of others' making: pymap for IMAP, aiosmtpd for SMTP. For tests of the way there."""

from __future__ import annotations

import imaplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

HOST = "127.0.0.1"
USER = "demouser"
PASSWORD = "demopass"  # noqa: S105 - pymap's own, for its demonstration mailbox
_START = "from pymap.main import main; main()"
_START_SECONDS = 20.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class ImapHost:
    """A running pymap with one mailbox."""

    port: int

    @property
    def url(self) -> str:
        """The account's `imap_url`."""
        return f"imap://{USER}:{PASSWORD}@{HOST}:{self.port}"

    def append(self, content: bytes, folder: str = "INBOX") -> None:
        """Puts a mail into the mailbox, by another client than ours."""
        client = imaplib.IMAP4(HOST, self.port, timeout=10)
        try:
            client.login(USER, PASSWORD)
            stamp = imaplib.Time2Internaldate(datetime.now(UTC))  # noqa: TID251 - a real server's clock
            status, answer = client.append(folder, "", stamp, content)
            if status != "OK":
                raise RuntimeError(f"pymap refused a mail: {answer}")
        finally:
            client.logout()

    def flags(self) -> list[str]:
        """The flags of all mails, as the other client sees them."""
        client = imaplib.IMAP4(HOST, self.port, timeout=10)
        try:
            client.login(USER, PASSWORD)
            client.select("INBOX", readonly=True)
            return [str(one) for one in client.fetch("1:*", "(FLAGS)")[1]]
        finally:
            client.logout()


@contextmanager
def imap_server() -> Generator[ImapHost]:
    """Runs pymap in a process of its own, with its demonstration mailbox (user `demouser`)."""
    host = ImapHost(free_port())
    command = [sys.executable, "-W", "ignore", "-c", _START, "--host", HOST, "--port", str(host.port), "--no-tls"]
    options = ["--no-service", "admin", "--no-service", "managesieve", "dict", "--demo-data"]
    process = subprocess.Popen(  # noqa: S603 - our own command line
        [*command, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(host.port, process)
        yield host
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the mail server did not start")


@dataclass(slots=True)
class SmtpHost:
    """A running aiosmtpd: what it took, and how it answers recipients."""

    port: int = 0
    user: str = "care"
    password: str = "secret word"  # noqa: S105 - a made-up one
    taken: list[Envelope] = field(default_factory=list[Envelope])
    replies: dict[str, str] = field(default_factory=dict[str, str])

    def url(self, scheme: str) -> str:
        """The account's `smtp_url`."""
        return f"{scheme}://{self.user}:{self.password.replace(' ', '%20')}@localhost:{self.port}"

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes mail of those who logged in."""
        if not session.authenticated:
            return "530 5.7.0 log in first"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes or refuses a recipient."""
        reply = self.replies.get(address, "250 2.1.5 ok")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keeps the mail."""
        self.taken.append(envelope)
        return "250 2.0.0 kept"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, method: str, given: Any) -> AuthResult:
        """Checks user and password."""
        right = isinstance(given, LoginPassword) and given.login == self.user.encode()
        return AuthResult(success=right and given.password == self.password.encode(), handled=False)


@contextmanager
def smtp_server(context: ssl.SSLContext, *, implicit: bool = False, limit: int = 50_000_000) -> Generator[SmtpHost]:
    """Runs aiosmtpd in a thread, with TLS at once or by STARTTLS, and a login that is demanded."""
    host = SmtpHost(port=free_port())
    options: dict[str, Any] = {
        "hostname": "localhost" if implicit else HOST,
        "port": host.port,
        "authenticator": host.authenticate,
        "data_size_limit": limit,
    }
    if implicit:
        # It does not count TLS from the start as TLS; `handle_MAIL` demands the login in both cases.
        controller = Controller(host, **options, ssl_context=context, auth_require_tls=False)
    else:
        controller = Controller(host, **options, tls_context=context, require_starttls=True)
    controller.start()
    try:
        yield host
    finally:
        controller.stop()
