"""Mail submission by smtplib in worker threads. The mail is spooled first, so a large one is never in memory."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

import anyio
import anyio.to_thread
from pydantic import SecretStr

from omnichannel.channel.base import Account
from omnichannel.channel.wire import SmtpMessage, SmtpReply
from omnichannel.kit.mail_url import MailUrl, parse_mail_url
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.mail_format import features_size, has_line_break, mail_chunks
from omnichannel.runtime.tls import system_trust
from omnichannel.runtime.transport import MediaSource, TransportError, TransportKind

__all__ = ["SmtpMailer"]

THREADS = 8
CONNECT_SECONDS = 30.0
# RFC 5321 section 4.5.3.2: two to five minutes for a command, ten for the answer to the final dot.
ANSWER_SECONDS = 120.0
FINAL_SECONDS = 600.0
SPOOL_BYTES = 262_144
_CHUNK = 65_536
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")
_DOT = re.compile(rb"^\.", re.MULTILINE)


class SmtpMailer:
    """Hands mails to the accounts' submission servers, each over a connection of its own.

    Reads `smtp_url`, `access_token` and `address` of the account. TLS is required wherever the URL asks for it, never
    opportunistic. Adds `Date`. `media` opens attachments, `tls` replaces the system's trust.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        media: MediaSource | None = None,
        tls: ssl.SSLContext | None = None,
        threads: int = THREADS,
        answer_seconds: float = ANSWER_SECONDS,
        final_seconds: float = FINAL_SECONDS,
    ) -> None:
        self._clock = clock
        self._media = media
        self._tls = tls
        self._limiter = anyio.CapacityLimiter(threads)
        self._answer_seconds = answer_seconds
        self._final_seconds = final_seconds

    async def send(self, message: SmtpMessage, *, account: Account) -> SmtpReply:
        """The server's last word. Raises `TransportError` where there is none, with `maybe_sent` once the final dot
        was written; `MediaUnavailable` for an attachment; `ConfigurationError` for an account without `smtp_url`."""
        login = _login_of(account)
        if has_line_break(message):
            return SmtpReply(554, "5.6.0", "a line break stands in a header or an address")
        with SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            waiting = bytearray()
            async for chunk in mail_chunks(message, self._clock.now(), self._media):
                waiting += chunk
                if len(waiting) >= SPOOL_BYTES:
                    await anyio.to_thread.run_sync(spool.write, bytes(waiting), limiter=self._limiter)
                    waiting.clear()
            spool.write(waiting)  # what is left stays in memory, or in the page cache
            size = spool.tell()
            spool.seek(0)
            job = _Job(login, message, spool, size, self._tls, self._answer_seconds, self._final_seconds)
            return await anyio.to_thread.run_sync(job.run, limiter=self._limiter)


@dataclass(frozen=True, slots=True)
class _Login:
    url: MailUrl
    user: str
    token: str


def _login_of(account: Account) -> _Login:
    url = getattr(account, "smtp_url", None)
    if not isinstance(url, SecretStr):
        raise ConfigurationError(f"account {account.id} has no smtp_url to send mail by")
    try:
        parts = parse_mail_url(url.get_secret_value(), "smtp")
    except ValueError as error:
        raise ConfigurationError(f"account {account.id}: smtp_url: {error}") from None
    token = getattr(account, "access_token", None)
    secret = token.get_secret_value() if isinstance(token, SecretStr) else ""
    needs_user = bool(parts.password or secret)
    user = parts.user or (str(getattr(account, "address", "")) if needs_user else "")
    return _Login(parts, user, secret)


class _Answered(Exception):
    """The server said no: its reply ends the dialogue."""

    def __init__(self, reply: SmtpReply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class _Job:
    """One dialogue, in a worker thread."""

    def __init__(
        self,
        login: _Login,
        message: SmtpMessage,
        spool: IO[bytes],
        size: int,
        tls: ssl.SSLContext | None,
        answer_seconds: float,
        final_seconds: float,
    ) -> None:
        self._login = login
        self._message = message
        self._spool = spool
        self._size = size
        self._tls = tls
        self._answer_seconds = answer_seconds
        self._final_seconds = final_seconds
        self._dotted = False

    def run(self) -> SmtpReply:
        """The reply; raises `TransportError` without the exception behind it, which may hold what was sent."""
        failed: TransportError | None = None
        reply: SmtpReply | None = None
        try:
            with self._connected() as client:
                self._log_in(client)
                reply = self._submit(client)
        except _Answered as answered:
            reply = answered.reply
        except smtplib.SMTPResponseException as error:
            reply = _reply(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException, ValueError, EOFError) as error:
            failed = TransportError(_kind(error), maybe_sent=self._dotted)
        if reply is None:
            raise failed or TransportError("protocol", maybe_sent=self._dotted)
        return reply

    @contextmanager
    def _connected(self) -> Generator[smtplib.SMTP]:
        url = self._login.url
        context = self._tls or system_trust()
        # The name in EHLO is of no use to a submission server; finding ours may take seconds of DNS.
        if url.tls == "implicit":
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                url.host, url.port, "[127.0.0.1]", timeout=CONNECT_SECONDS, context=context
            )
        else:
            client = smtplib.SMTP(url.host, url.port, "[127.0.0.1]", timeout=CONNECT_SECONDS)
        try:
            _patience(client, self._answer_seconds)
            _expect(client.ehlo(), 250)
            if url.tls == "starttls":
                if not client.has_extn("starttls"):
                    raise ssl.SSLError("the server offers no STARTTLS")
                _expect(client.starttls(context=context), 220)
                _expect(client.ehlo(), 250)
            yield client
        finally:
            with suppress(OSError, smtplib.SMTPException, ValueError):
                _patience(client, 5.0)
                client.quit()
            client.close()

    def _log_in(self, client: smtplib.SMTP) -> None:
        login = self._login
        if login.token:
            first = b64encode(f"user={login.user}\x01auth=Bearer {login.token}\x01\x01".encode()).decode("ascii")
            code, text = client.docmd("AUTH", f"XOAUTH2 {first}")
            if code == 334:
                # The reason, which must be answered with an empty line to get the reply.
                code, text = client.docmd("")
            _expect((code, text), 235)
        elif login.user:
            try:
                client.login(login.user, login.url.password)
            except smtplib.SMTPNotSupportedError:
                raise _Answered(SmtpReply(530, "5.7.0", "the server offers no login")) from None

    def _submit(self, client: smtplib.SMTP) -> SmtpReply:
        message = self._message
        most = features_size(client.esmtp_features)
        if most and self._size > most:
            return SmtpReply(552, "5.3.4", f"the mail has {self._size} bytes, the server takes {most}")
        options = [f"SIZE={self._size}"] if client.has_extn("size") else []
        sender, recipients = message.sender, [_ascii_domain(one) for one in message.recipients]
        if not all(one.isascii() for one in (sender, *recipients)):
            if not client.has_extn("smtputf8"):
                return SmtpReply(553, "5.6.7", "the server takes no addresses with such letters")
            options.append("SMTPUTF8")
            client.command_encoding = "utf-8"
        _expect(client.mail(sender, options), 250)
        refused = self._recipients(client, recipients)
        if len(refused) == len(message.recipients):
            code, text = next(iter(refused.values()))
            return SmtpReply(code, _enhanced(text), text, refused)
        _expect(client.docmd("DATA"), 354)
        self._stream(client)
        _patience(client, self._final_seconds)
        self._dotted = True
        client.send(b".\r\n")
        code, raw = client.getreply()
        reply = _reply(code, raw)
        return SmtpReply(reply.code, reply.enhanced, reply.text, refused)

    def _recipients(self, client: smtplib.SMTP, recipients: Sequence[str]) -> dict[str, tuple[int, str]]:
        refused: dict[str, tuple[int, str]] = {}
        for given, address in zip(self._message.recipients, recipients, strict=True):
            code, raw = client.rcpt(address)
            if code == 421:
                raise _Answered(_reply(code, raw))
            if code not in (250, 251):
                refused[given] = (code, _text(raw))
        return refused

    def _stream(self, client: smtplib.SMTP) -> None:
        """The mail, with a dot put before every line that begins with one (RFC 5321 section 4.5.2)."""
        rest = b""
        while chunk := self._spool.read(_CHUNK):
            data = rest + chunk
            end = data.rfind(b"\n") + 1
            rest = data[end:]
            client.send(_DOT.sub(b"..", data[:end]))
        client.send(_DOT.sub(b"..", rest) + (b"\r\n" if rest else b""))


def _patience(client: smtplib.SMTP, seconds: float) -> None:
    if client.sock is not None:
        client.sock.settimeout(seconds)


def _expect(answer: tuple[int, bytes], code: int) -> None:
    if answer[0] != code:
        raise _Answered(_reply(*answer))


def _reply(code: int, raw: bytes | str) -> SmtpReply:
    text = _text(raw)
    if code < 200 or code > 599:
        raise smtplib.SMTPServerDisconnected("no reply")
    return SmtpReply(code, _enhanced(text), text)


def _text(raw: bytes | str) -> str:
    text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
    return text.replace("\n", " ")[:500]


def _enhanced(text: str) -> str | None:
    found = _ENHANCED.match(text.strip())
    return found[1] if found else None


def _ascii_domain(address: str) -> str:
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode("ascii")
    return f"{local}{at}{domain}"


def _kind(error: Exception) -> TransportKind:
    match error:
        case socket.gaierror():
            return "dns"
        case ssl.SSLError() | smtplib.SMTPNotSupportedError():
            return "tls"
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case smtplib.SMTPServerDisconnected():
            return "timeout" if "timed out" in str(error) else "reset"
        case smtplib.SMTPException():
            return "protocol"
        case OSError():
            return "reset"
        case _:
            return "protocol"
