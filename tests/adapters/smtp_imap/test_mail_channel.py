"""The channel as a whole: its contract, what it writes, its links, its account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from pydantic import SecretStr, ValidationError

from omnichannel.adapters.smtp_imap import SmtpImapAccount
from omnichannel.channel import Failure, MessageReceived, Part, Receipt, SmtpMessage, SmtpReply
from omnichannel.channel.session import Connect
from omnichannel.kit.imap.session import ImapSession
from omnichannel.model.address import Assurance
from omnichannel.model.content import Block, Template, Text
from omnichannel.model.outcome import Outcome
from omnichannel.testing.contract import ChannelContract
from omnichannel.testing.flows import drive
from tests.adapters.smtp_imap.mails import account, channel, received
from tests.kit.mail.given_mail import envelope, mail

OK = SmtpReply(250, "2.0.0", "ok")


class TestMailContract(ChannelContract):
    channel = channel()
    own_addresses = ("care@example.com",)

    def part(self, surface: str, text: str) -> Part:
        return Part(key="part-1", to="ann@example.org", content=Text(text), surface=surface)


def part(content: Block | str = "Hello", **changes: Any) -> Part:
    block = Text(content) if isinstance(content, str) else content
    return replace(Part(key="dlv_1:0", to="ann@example.org", content=block), **changes)


def sent(one: Part, **changes: Any) -> SmtpMessage:
    requests, result = drive(channel(**changes).send(one), [OK])
    assert isinstance(result, Receipt), result
    (message,) = requests
    assert isinstance(message, SmtpMessage)
    return message


def header(message: SmtpMessage, name: str) -> str | None:
    return dict(message.headers).get(name)


def test_a_reply_threads_as_mail_programs_expect() -> None:
    event = received(mail(references="<root@example.org>", in_reply_to="<root@example.org>"))
    context = {**event.context, "reply_token": "a7k2qx9p4m"}
    message = sent(part(thread=event.thread, context=context, aliases=event.aliases))
    assert header(message, "Subject") == "Re: Where is it?"
    assert header(message, "In-Reply-To") == "<one@example.org>"
    assert header(message, "References") == "<root@example.org> <one@example.org>"
    assert header(message, "Reply-To") == "Example Care <care+a7k2qx9p4m@example.com>"
    assert header(message, "Auto-Submitted") is None


def test_the_first_mail_of_ours_and_the_next_before_any_answer() -> None:
    flow = drive(channel().send(part()), [OK])
    receipt = flow[1]
    assert isinstance(receipt, Receipt)
    assert receipt.thread == receipt.ids[0]
    second = sent(part(key="dlv_2:0", thread=receipt.thread))
    assert header(second, "References") == f"<{receipt.ids[0]}>"
    assert header(second, "Subject") == "Re: Your message to Example Care"
    assert header(sent(part(), subject="Votre message"), "Subject") == "Votre message"
    assert header(sent(part(), name=""), "From") == "care@example.com"
    assert header(sent(part(), name='Dr. "A"'), "From") == '"Dr. \\"A\\"" <care@example.com>'


def test_a_resend_carries_the_same_id() -> None:
    assert header(sent(part()), "Message-ID") == header(sent(part("Other words")), "Message-ID")
    assert header(sent(part()), "Message-ID") != header(sent(part(key="dlv_1:1")), "Message-ID")


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "ann@example.org>\r\nBcc: x@y.z"},
        {"to": "ann@example.org, eve@example.net"},
        {"to": ""},
        {"content": Template("welcome")},
    ],
)
def test_what_is_refused_before_it_is_sent(changes: dict[str, Any]) -> None:
    requests, result = drive(channel().send(part(**changes)))
    assert requests == []
    assert isinstance(result, Failure)
    assert (result.outcome, result.certain) == (Outcome.INVALID, True)


def test_a_reply_that_refuses_another_recipient_is_a_success() -> None:
    reply = SmtpReply(250, None, "ok", {"other@example.org": (550, "5.1.1 no")})
    assert isinstance(drive(channel().send(part()), [reply])[1], Receipt)
    mine = SmtpReply(250, None, "ok", {"ann@example.org": (450, "4.2.1 later")})
    failure = drive(channel().send(part()), [mine])[1]
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.code) == (Outcome.RETRY, "4.2.1")


def test_a_link_brings_the_reference_back() -> None:
    found = channel().link("A7K2QX9P4M", "Hello & welcome +1\nline two")
    assert found is not None
    assert found.url == (
        "mailto:care%2Ba7k2qx9p4m@example.com?subject=Your%20message%20to%20Example%20Care"
        "&body=Hello%20%26%20welcome%20%2B1%0D%0Aline%20two"
    )
    address = unquote(urlsplit(found.url).path)
    assert received(mail(to=address)).reference == "a7k2qx9p4m"
    assert channel(plus=False).link("a7k2qx9p4m", "Hello") is None


def test_the_session_knows_where_to_go() -> None:
    session = channel(imap_url="imap+starttls://mail.example.com").session(None)
    assert isinstance(session, ImapSession)
    assert session.connect == Connect(host="mail.example.com", port=143, tls="starttls")


def test_five_settings_are_enough() -> None:
    one = SmtpImapAccount(
        id="mail",
        brand="airline",
        address="care@example.com",
        smtp_url=SecretStr("env:SMTP"),
        imap_url=SecretStr("file:/run/secrets/imap"),
    )
    assert (one.adapter, one.channel, one.folders, one.receiver) == ("smtp_imap", "email", ("INBOX",), None)
    assert "pass-word" not in repr(account())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"address": "care"}, "expected one address"),
        ({"address": "Care <care@example.com>"}, "expected one address"),
        ({"address": "a@b.c, d@e.f"}, "expected one address"),
        ({"smtp_url": "https://a:secret-word@b.example"}, "scheme 'https' is not one of smtps:// or smtp+starttls://"),
        (
            {"imap_url": "imap://a:secret-word@b.example"},
            "imap:// is not encrypted and host 'b.example' is not this one",
        ),
        ({"imap_url": "imaps://a:secret-word/1@b.example"}, "the port is not a number"),
        ({"folders": ()}, "at least 1 item"),
        ({"nonsense": 1}, "Extra inputs are not permitted"),
    ],
)
def test_bad_settings_are_named_without_the_secret(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        account(**changes)
    assert says in str(caught.value)
    assert "secret-word" not in str(caught.value)


def test_an_unverified_sender_is_level_zero() -> None:
    assert received(mail()).assurance == Assurance.UNKNOWN


def test_gmail_is_known_by_its_host() -> None:
    url = "imaps://care:p@imap.gmail.com"
    header = "mx.google.com; dmarc=pass header.from=example.org"
    event = received(mail(authentication_results=header), authserv_id=None, imap_url=url)
    assert event.assurance == Assurance.VERIFIED
    assert received(mail(), authserv_id=None, imap_url="env:IMAP").assurance == Assurance.UNKNOWN


def test_the_servers_own_time_is_believed_where_it_says_one() -> None:
    raw = mail(date="")
    for said, expected in (
        ("2027-01-04T07:59:00+00:00", "07:59"),
        ("?", "09:00"),
        ("0001-01-01T00:00:00+14:00", "09:00"),
    ):
        (event,) = channel().parse(envelope(raw, headers={"x-imap-internaldate": said}))
        assert f"{event.occurred_at:%H:%M}" == expected
    (cut,) = channel().parse(envelope(mail(), headers={"x-truncated-at": "100"}))
    assert isinstance(cut, MessageReceived)
    assert cut.context["truncated"] == "yes"
