"""Over the wire, against servers of others' making: pymap for IMAP, aiosmtpd for SMTP."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence

import anyio
import anyio.to_thread
import pytest
import trustme

from omnichannel.adapters.smtp_imap.channel import SmtpImapChannel
from omnichannel.channel import Envelope, MessageReceived, Part, Receipt, SmtpMessage
from omnichannel.model.content import Text
from omnichannel.model.event import ChannelEvent
from omnichannel.runtime.clock import SystemClock
from omnichannel.runtime.sessions import run_session
from omnichannel.runtime.smtp import SmtpMailer
from omnichannel.testing.simulators.mail_servers import ImapHost, imap_server, smtp_server
from tests.adapters.smtp_imap.mails import account, received
from tests.adapters.smtp_imap.test_mail_world import Blobs
from tests.kit.mail.given_mail import mail


@pytest.fixture
def host() -> Iterator[ImapHost]:
    with imap_server() as found:
        yield found


async def test_pymap_pushes_new_mail(host: ImapHost) -> None:
    channel = SmtpImapChannel(account(imap_url=host.url))
    events: list[ChannelEvent] = []
    cursors: list[str | None] = []
    blobs = Blobs()

    news = anyio.Event()

    async def commit(envelopes: Sequence[Envelope], cursor: str | None) -> None:
        nonlocal news
        cursors.append(cursor)
        for envelope in envelopes:
            events.extend(channel.parse(envelope))
        news.set()
        news = anyio.Event()

    async def run() -> None:
        await run_session(channel, None, commit=commit, clock=SystemClock(), blobs=blobs)

    async def until(count: int, commits: int = 0) -> None:
        with anyio.fail_after(20):
            while len(events) < count or len(cursors) < commits:
                await news.wait()

    before: list[str] = []
    large = mail("A long one") + b"x" * 300_000 + b"\r\n"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await until(0, commits=1)
        before = await anyio.to_thread.run_sync(host.flags)
        await anyio.to_thread.run_sync(host.append, mail("Hello there"))
        await until(1)
        await anyio.to_thread.run_sync(host.append, large)
        await until(2)
        tasks.cancel_scope.cancel()
    first, second = events
    assert isinstance(first, MessageReceived)
    assert isinstance(second, MessageReceived)
    assert (first.text, first.sender) == ("Hello there", "ann@example.org")
    assert second.text.startswith("A long one")
    assert list(blobs.kept.values()) == [large]
    after = await anyio.to_thread.run_sync(host.flags)
    assert after[: len(before)] == before
    assert not [flags for flags in after[len(before) :] if "Seen" in flags]


async def test_a_wrong_password_stops_the_source(host: ImapHost) -> None:
    channel = SmtpImapChannel(account(imap_url=host.url.replace("demopass", "wrong")))

    async def commit(envelopes: Sequence[Envelope], cursor: str | None) -> None:
        raise AssertionError("there is nothing to commit")

    with anyio.fail_after(20):
        failure = await run_session(channel, None, commit=commit, clock=SystemClock(), blobs=Blobs())
    assert failure.outcome == "auth"
    assert "wrong" not in failure.message


async def test_a_mail_of_ours_over_tls_reads_back_as_ours() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with authority.issue_cert("localhost").private_key_and_cert_chain_pem.tempfile() as path:
        context.load_cert_chain(path)
    trust = ssl.create_default_context()
    trust.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
    with smtp_server(context) as relay:
        channel = SmtpImapChannel(account(smtp_url=relay.url("smtp+starttls"), name="Zürich"))
        event = received(mail(subject="Où est-il ?"))
        part = Part(
            key="dlv_1:0",
            to=event.sender,
            content=Text(".Voilà\n\nÀ bientôt"),
            thread=event.thread,
            context=event.context,
            aliases=event.aliases,
        )
        flow = channel.send(part)
        message = next(flow)
        assert isinstance(message, SmtpMessage)
        reply = await SmtpMailer(SystemClock(), tls=trust).send(message, account=channel.account)
        with pytest.raises(StopIteration) as end:
            flow.send(reply)
        assert isinstance(end.value.value, Receipt)
        content = relay.taken[0].content
    assert isinstance(content, bytes)
    back = received(content, address="ann@example.org", smtp_url=channel.account.smtp_url)
    assert back.text == ".Voilà\n\nÀ bientôt"
    assert (back.sender, back.sender_name) == ("care@example.com", "Zürich")
    assert back.context["subject"] == "Re: Où est-il ?"
    assert (back.message_id, back.reply_to) == (end.value.value.ids[0], "one@example.org")
