"""Mails that we write: whom to, in which thread, how to answer and how to leave."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omnichannel.channel import Part
from omnichannel.kit.mail.compose import Composed, as_html, compose
from omnichannel.model.content import Block, LinkButton, Location, Media, QuickReply, Text
from tests.kit.mail.given_mail import account, mail, received


def part(content: Block | str = "Hello", **changes: Any) -> Part:
    block = Text(content) if isinstance(content, str) else content
    return replace(Part(key="dlv_1:0", to="ann@example.org", content=block), **changes)


def sent(one: Part, **changes: Any) -> Composed:
    return compose(account(**changes), one)


def header(message: Composed, name: str) -> str | None:
    return message.headers.get(name)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Where?", "Re: Where?"),
        ("Re: Where?", "Re: Where?"),
        ("AW: Where?", "AW: Where?"),
        ("RE[2]: Where?", "RE[2]: Where?"),
        ("回复\uff1aWhere?", "回复\uff1aWhere?"),
        ("a\r\nBcc: spy@example.net", "Re: a Bcc: spy@example.net"),
        ("", "Re: Your message to Example Care"),
    ],
)
def test_subjects(subject: str, expected: str) -> None:
    assert header(sent(part(context={"subject": subject, "message_id": "1@x.y"})), "Subject") == expected


@pytest.mark.parametrize(
    ("context", "changes"),
    [
        ({"reply_token": "a\r\nBcc: x"}, {}),
        ({"reply_token": "é"}, {}),
        ({"reply_token": "a7k2qx9p4m"}, {"plus": False}),
        ({}, {}),
    ],
)
def test_no_reply_address_without_a_token_that_fits(context: dict[str, str], changes: dict[str, Any]) -> None:
    assert header(sent(part(context=context), **changes), "Reply-To") is None


@pytest.mark.parametrize(("local", "carries"), [("a" * 36, True), ("a" * 37, False)])
def test_an_address_has_64_letters_before_the_at(local: str, carries: bool) -> None:
    one = account(address=f"{local}@example.com")
    assert one.carries_tokens is carries
    assert (one.reply_address("r" * 27) is not None) is carries
    assert account(address=f"{local}@example.com", reply_domain="reply.example.com").carries_tokens
    assert not account(plus=False).carries_tokens


def test_a_token_alone_does_not_make_an_answer() -> None:
    message = sent(part(context={"reply_token": "r0a7k2qx9p4m8n3v5w1y6z0b2c4"}))
    assert header(message, "Subject") == "Your message to Example Care"
    assert header(message, "Reply-To") == "Example Care <care+r0a7k2qx9p4m8n3v5w1y6z0b2c4@example.com>"
    assert header(message, "In-Reply-To") is None


def test_a_catch_all_domain_carries_tokens() -> None:
    message = sent(part(context={"reply_token": "a7k2qx9p4m"}), plus=False, reply_domain="reply.example.com")
    assert header(message, "Reply-To") == "Example Care <a7k2qx9p4m@reply.example.com>"


def test_marketing_says_how_to_leave() -> None:
    message = sent(part(purpose="marketing", automatic=True))
    leave = "<mailto:care+unsubscribe@example.com?subject=unsubscribe&body=STOP>"
    assert header(message, "List-Unsubscribe") == leave
    assert header(message, "Auto-Submitted") == "auto-generated"
    assert header(sent(part(purpose="marketing"), plus=False), "List-Unsubscribe") is None
    assert header(sent(part(), loop_mark=False), "X-Loop") is None


def test_the_address_as_received_is_used_only_for_the_same_person() -> None:
    assert sent(part(aliases={"as_received": "Ann@Example.org"})).recipient == "Ann@Example.org"
    assert sent(part(aliases={"as_received": "eve@example.net"})).recipient == "ann@example.org"


@pytest.mark.parametrize(
    ("content", "text", "files"),
    [
        (
            Text(
                "Sure?",
                quick_replies=[QuickReply("Yes"), QuickReply("No")],
                buttons=[LinkButton("More", "https://x.y/")],
            ),
            "Sure?\n1. Yes\n2. No\nMore: https://x.y/",
            0,
        ),
        (Media(name="a.pdf", caption="The bill", ref="path:/a.pdf"), "The bill", 1),
        (Media(name="a.pdf", ref="path:/a.pdf"), "a.pdf", 1),
        (Text("Two", attachments=[Media(name="a"), Media(name="b")]), "Two", 2),
        (Location(48.85, 2.35, "Paris"), "Paris\nhttps://www.openstreetmap.org/?mlat=48.850000&mlon=2.350000", 0),
    ],
)
def test_contents(content: Block, text: str, files: int) -> None:
    message = sent(part(content))
    assert message.text == text
    assert len(message.files) == files


def test_html_is_made_of_the_text_and_of_nothing_else() -> None:
    html = as_html('<b>&"\n\nsee https://x.y/?a=1&b="2, and\nhttp://z.example.\n')
    assert "<p>&lt;b&gt;&amp;&quot;</p>" in html
    assert '<a href="https://x.y/?a=1&amp;b=">https://x.y/?a=1&amp;b=</a>&quot;2, and<br>' in html
    assert '<a href="http://z.example">http://z.example</a>.' in html
    assert "javascript:" not in as_html("javascript:alert(1)").replace("<p>javascript:alert(1)</p>", "")


def test_the_delimiter_is_written_and_cut_at() -> None:
    line = "-- please write above this line --"
    message = sent(part("Hello"), delimiter=line)
    assert message.text == f"{line}\n\nHello"
    answer = f"My answer\n\nSomebody hat geschrieben\n> {line}\n>\n> Hello"
    assert received(mail(answer), delimiter=line).text == "My answer\n\nSomebody hat geschrieben"
