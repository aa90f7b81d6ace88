"""Submission: what is written, what is answered, and what is known when the connection breaks."""

from __future__ import annotations

import email
import email.policy
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import trustme
from pydantic import SecretStr

from omnichannel.channel import Account, SmtpMessage, SmtpReply
from omnichannel.model.content import Media
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.runtime.mail_format import header_line, mail_chunks
from omnichannel.runtime.smtp import SmtpMailer
from omnichannel.runtime.transport import MediaUnavailable, TransportError
from omnichannel.testing.clock import START, FakeClock
from omnichannel.testing.simulators.mail_servers import SmtpHost, smtp_server
from tests.runtime.smtp_script import HANG_UP, scripted


class MailAccount(Account):
    address: str = "care@example.com"
    smtp_url: SecretStr = SecretStr("")
    access_token: SecretStr | None = None


class Files:
    """Media of made-up bytes: `path:<number>` is so many of them."""

    async def size(self, media: Media) -> int | None:
        return int(media.ref.partition(":")[2])

    async def open(self, media: Media, *, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        left = int(media.ref.partition(":")[2])
        while left > 0:
            yield b"abcdefghi\n" * 1000 if left >= 10_000 else b"x" * left
            left -= 10_000


MESSAGE = SmtpMessage(
    sender="care@example.com",
    recipients=("ann@example.org",),
    headers=(
        ("From", "Zürich Hilfe <care@example.com>"),
        ("To", "ann@example.org"),
        ("Subject", "Re: Où est mon colis ? " + "très " * 20),
        ("Message-ID", "<msg.k1.abc@example.com>"),
        ("References", " ".join(f"<{number:040d}.{'x' * 40}@mail.example.org>" for number in range(5))),
    ),
    text=".hidden\nDear Ann,\n\n..and é\nFrom here.\n.",
    html="<p>Dear Ann</p>",
)


def message(**changes: Any) -> SmtpMessage:
    return replace(MESSAGE, **changes)


def account(url: str, token: str | None = None) -> MailAccount:
    return MailAccount(id="mail", smtp_url=SecretStr(url), access_token=SecretStr(token) if token else None)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.tempfile() as path:
        context.load_cert_chain(path)
    return context


def mailer(authority: trustme.CA | None = None, final_seconds: float = 60.0) -> SmtpMailer:
    context = ssl.create_default_context()
    if authority is not None:
        context.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
    return SmtpMailer(FakeClock(), media=Files(), tls=context, final_seconds=final_seconds)


def parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def taken(host: SmtpHost) -> EmailMessage:
    content = host.taken[-1].content
    assert isinstance(content, bytes)
    return parsed(content)


@pytest.mark.parametrize(("scheme", "implicit"), [("smtps", True), ("smtp+starttls", False)])
async def test_a_mail_arrives_as_it_was_meant(authority: trustme.CA, scheme: str, implicit: bool) -> None:
    files = (Media(name="Beleg \u2013 März.pdf", type="application/pdf", ref="path:25005"),)
    with smtp_server(server_context(authority), implicit=implicit) as host:
        reply = await mailer(authority).send(message(attachments=files), account=account(host.url(scheme)))
        assert (reply.code, reply.enhanced, reply.refused) == (250, "2.0.0", {})
        mail = taken(host)
        assert host.taken[-1].mail_from == "care@example.com"
    assert str(mail["from"]) == "Zürich Hilfe <care@example.com>"
    assert str(mail["subject"]).startswith("Re: Où est mon colis ? très très")
    assert mail["date"].datetime == START
    assert mail["message-id"] == "<msg.k1.abc@example.com>"
    assert re.findall(r"<[^<>\s]+>", mail["references"]) == dict(message().headers)["References"].split()
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().splitlines() == message().text.splitlines()
    (file,) = mail.iter_attachments()
    assert file.get_filename() == "Beleg \u2013 März.pdf"
    assert file.get_content() == b"abcdefghi\n" * 2000 + b"x" * 5005


async def test_each_refused_recipient_is_told(authority: trustme.CA) -> None:
    with smtp_server(server_context(authority), implicit=True) as host:
        host.replies["gone@example.org"] = "550 5.1.1 no such user"
        many = message(recipients=("ann@example.org", "gone@example.org"))
        reply = await mailer(authority).send(many, account=account(host.url("smtps")))
        assert (reply.code, reply.refused) == (250, {"gone@example.org": (550, "5.1.1 no such user")})
        one = message(recipients=("gone@example.org",))
        reply = await mailer(authority).send(one, account=account(host.url("smtps")))
        assert (reply.code, reply.enhanced) == (550, "5.1.1")
        assert len(host.taken) == 1


async def test_a_wrong_password_is_an_answer(authority: trustme.CA) -> None:
    with smtp_server(server_context(authority), implicit=True) as host:
        url = host.url("smtps").replace("secret%20word", "wrong")
        reply = await mailer(authority).send(message(), account=account(url))
    assert (reply.code, reply.enhanced) == (535, "5.7.8")


async def test_a_certificate_that_nobody_vouches_for_is_refused(authority: trustme.CA) -> None:
    with smtp_server(server_context(authority), implicit=True) as host, pytest.raises(TransportError) as caught:
        await mailer().send(message(), account=account(host.url("smtps")))
    assert (caught.value.kind, caught.value.maybe_sent) == ("tls", False)


async def test_a_mail_that_is_too_large_is_not_begun() -> None:
    with scripted({"EHLO": "250-here\r\n250 SIZE 500"}) as host:
        reply = await mailer().send(message(), account=account(host.url))
        assert (reply.code, reply.enhanced) == (552, "5.3.4")
    assert not [line for line in host.lines if line.upper().startswith(b"MAIL")]


@pytest.mark.parametrize(
    ("replies", "maybe_sent"),
    [
        ({"CONNECT": HANG_UP}, False),
        ({"EHLO": HANG_UP}, False),
        ({"MAIL": HANG_UP}, False),
        ({"RCPT": HANG_UP}, False),
        ({"DATA": HANG_UP}, False),
        ({".": HANG_UP}, True),
    ],
)
async def test_a_connection_that_breaks_after_the_dot_may_have_sent(replies: dict[str, str], maybe_sent: bool) -> None:
    with scripted(replies) as host, pytest.raises(TransportError) as caught:
        await mailer().send(message(), account=account(host.url))
    assert (caught.value.kind, caught.value.maybe_sent) == ("reset", maybe_sent)
    assert caught.value.__cause__ is None


async def test_a_server_that_is_silent_after_the_dot_may_have_sent() -> None:
    with scripted({".": "250-still thinking"}) as host, pytest.raises(TransportError) as caught:
        await mailer(final_seconds=0.2).send(message(), account=account(host.url))
    assert (caught.value.kind, caught.value.maybe_sent) == ("timeout", True)


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ({"CONNECT": "421 4.3.2 too busy"}, (421, "4.3.2")),
        ({"MAIL": "550 5.7.1 not you"}, (550, "5.7.1")),
        ({"RCPT": "450 4.2.0 later"}, (450, "4.2.0")),
        ({"RCPT": "421 4.7.0 bye"}, (421, "4.7.0")),
        ({"DATA": "451 4.3.0 disk full"}, (451, "4.3.0")),
        ({".": "554 5.7.1 spam"}, (554, "5.7.1")),
        ({".": "250 taken"}, (250, None)),
    ],
)
async def test_what_the_server_says_is_a_reply(replies: dict[str, str], expected: tuple[int, str | None]) -> None:
    with scripted(replies) as host:
        reply = await mailer().send(message(), account=account(host.url))
    assert (reply.code, reply.enhanced) == expected


async def test_tls_is_required_where_the_url_says_so() -> None:
    with scripted() as host, pytest.raises(TransportError) as caught:
        await mailer().send(message(), account=account(f"smtp+starttls://u:p@127.0.0.1:{host.port}"))
    assert (caught.value.kind, caught.value.maybe_sent) == ("tls", False)
    assert not [line for line in host.lines if line.upper().startswith((b"AUTH", b"MAIL"))]


async def test_nobody_listens() -> None:
    with scripted() as host:
        url = host.url
    with pytest.raises(TransportError) as caught:
        await mailer().send(message(), account=account(url))
    assert (caught.value.kind, caught.value.maybe_sent) == ("refused", False)


@pytest.mark.parametrize("answer", ["235 2.7.0 welcome", "535 5.7.8 bad token"])
async def test_an_access_token_logs_in_by_xoauth2(answer: str) -> None:
    replies = {"EHLO": "250-here\r\n250 AUTH XOAUTH2", "AUTH": "334 eyJzdGF0dXMiOiI0MDAifQ==", "EMPTY": answer}
    with scripted(replies) as host:
        reply = await mailer().send(message(), account=account(host.url, token="abc"))
    assert reply.code == (250 if answer.startswith("235") else 535)
    assert [line for line in host.lines if line.startswith(b"AUTH XOAUTH2 dXNlcj1jYXJlQGV4YW1wbGUuY29t")]


async def test_a_server_without_login_is_an_answer() -> None:
    with scripted() as host:
        reply = await mailer().send(message(), account=account(host.url.replace("://", "://user:word@")))
    assert (reply.code, reply.enhanced) == (530, "5.7.0")


async def test_foreign_letters_in_addresses() -> None:
    with scripted() as host:
        reply = await mailer().send(message(recipients=("ann@bücher.example",)), account=account(host.url))
        assert reply.code == 250
        assert b"rcpt TO:<ann@xn--bcher-kva.example>\r\n" in host.lines
        reply = await mailer().send(message(recipients=("änn@example.org",)), account=account(host.url))
        assert (reply.code, reply.enhanced) == (553, "5.6.7")
    with scripted({"EHLO": "250-here\r\n250 SMTPUTF8"}) as host:
        reply = await mailer().send(message(recipients=("änn@example.org",)), account=account(host.url))
        assert reply.code == 250
    assert any(b"SMTPUTF8" in line for line in host.lines)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"sender": "care@example.com>\r\nRCPT TO:<spy@example.net"},
        {"recipients": ("ann@example.org\nDATA",)},
        {"headers": (("Subject", "Hi\r\nBcc: spy@example.net"),)},
        {"headers": (("X-A\r\nBcc", "spy@example.net"),)},
    ],
)
async def test_lines_cannot_be_smuggled_in(spoiled: dict[str, object]) -> None:
    reply = await mailer().send(message(**spoiled), account=account("smtp://127.0.0.1:9"))
    assert (reply.code, reply.enhanced) == (554, "5.6.0")


async def test_dots_are_stuffed_and_lines_are_short() -> None:
    with scripted() as host:
        await mailer().send(message(html=None), account=account(host.url))
    body = host.lines[host.lines.index(b"DATA\r\n") + 1 :]
    assert b"..hidden\r\n" in body
    assert b"...and =C3=A9\r\n" in body
    assert all(line.endswith(b"\r\n") and (len(line) <= 80 or b"<" in line) for line in body)


async def test_an_attachment_that_cannot_be_had_sends_nothing() -> None:
    files = (Media(name="a.pdf", ref="path:10"),)
    with pytest.raises(MediaUnavailable):
        await SmtpMailer(FakeClock()).send(message(attachments=files), account=account("smtp://127.0.0.1:9"))


@pytest.mark.parametrize("url", ["", "https://example.com", "smtp://mail.example.com"])
async def test_a_bad_url_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="account mail: smtp_url"):
        await mailer().send(message(), account=account(url))
    with pytest.raises(ConfigurationError, match="has no smtp_url"):
        await mailer().send(message(), account=Account(id="mail"))


async def test_the_date_is_the_clocks_and_a_second_mail_has_the_same_id() -> None:
    first = b"".join([chunk async for chunk in mail_chunks(message(), START, None)])
    second = b"".join([chunk async for chunk in mail_chunks(message(), START + timedelta(hours=1), None)])
    assert parsed(first)["message-id"] == parsed(second)["message-id"]
    assert parsed(second)["date"].datetime - parsed(first)["date"].datetime == timedelta(hours=1)


@pytest.mark.parametrize("kind", ["message/rfc822", "multipart/mixed", "text/plain\r\nX-A: b", "nonsense"])
async def test_a_file_of_a_doubtful_type_is_only_bytes(kind: str) -> None:
    files = (Media(name='a"b\r\nX-A: c.eml', type=kind, ref="path:100"),)
    content = b"".join([chunk async for chunk in mail_chunks(message(attachments=files), START, Files())])
    (file,) = parsed(content).iter_attachments()
    assert file.get_content_type() == "application/octet-stream"
    assert file.get_content() == b"x" * 100
    assert "x-a" not in file


def test_an_id_is_never_cut_or_encoded() -> None:
    identity = f"<{'é' * 3}{'x' * 300}@example.com>"
    assert header_line("References", f"<{'x' * 300}@example.com>") == b"References:\r\n <" + b"x" * 300 + (
        b"@example.com>\r\n"
    )
    assert b"\r\n " not in header_line("X", "short")
    assert header_line("Subject", identity).isascii()


SEND_LARGE = """
import sys
from pathlib import Path
import anyio
from tests.runtime.smtp_script import scripted
from tests.runtime.test_smtp import Media, account, mailer, message

def peak():
    # Not getrusage: its peak is inherited from the process that started this one.
    return next(int(line.split()[1]) for line in Path("/proc/self/status").open() if line.startswith("VmHWM"))

async def main() -> None:
    with scripted() as host:
        host.replies = {"EHLO": "250-here\\r\\n250 SIZE 100000000"}
        await mailer().send(message(), account=account(host.url))
        before = peak()
        files = (Media(name="film.mp4", type="video/mp4", ref="path:30000000"),)
        reply = await mailer().send(message(attachments=files), account=account(host.url))
        assert reply.code == 250, reply
        assert host.size > 40_000_000, host.size
        print(peak() - before)

anyio.run(main, backend=sys.argv[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_a_large_attachment_is_never_in_memory() -> None:
    command = [sys.executable, "-c", SEND_LARGE, "asyncio"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own text
    assert done.returncode == 0, done.stderr
    assert 0 <= int(done.stdout) <= 32 * 1024


def test_a_reply_says_its_numbers() -> None:
    assert SmtpReply(250) == SmtpReply(250, None, "", {})
