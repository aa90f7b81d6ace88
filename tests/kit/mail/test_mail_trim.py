"""What a person wrote, without what they quote, in the forms of many mail programs."""

from __future__ import annotations

import pytest

from omnichannel.kit.mail.body import html_text, without_quote
from omnichannel.kit.mail.trim import trim, unflow
from tests.kit.mail.given_mail import mail, received

QUOTE = "> Your parcel\n> is on its way"


@pytest.mark.parametrize(
    "attribution",
    [
        "On Mon, Jan 4, 2027 at 9:58 AM Care <care@example.com> wrote:",
        "On Mon, Jan 4, 2027 at 9:58 AM Example Customer Care Department\n<care@example.com> wrote:",
        "On 4 Jan 2027, at 09:58, Care <care@example.com> wrote:",
        "Le lun. 4 janv. 2027 à 09:58, Care <care@example.com> a écrit :",
        "Am Mo., 4. Jan. 2027 um 09:58 Uhr schrieb Care <care@example.com>:",
        "Am 04.01.2027 um 09:58 schrieb Care:",
        "Care <care@example.com> schrieb am Mo., 4. Jan. 2027,\n09:58:",
        "El lun, 4 ene 2027 a las 9:58, Care (<care@example.com>) escribió:",
        "Il giorno lun 4 gen 2027 alle ore 09:58 Care <care@example.com> ha scritto:",  # codespell:ignore alle,ore
        "Op ma 4 jan. 2027 om 09:58 schreef Care <care@example.com>:",
        "W dniu 4.01.2027 o 09:58, Care pisze: napisał(a):",
        "Dne 4. 1. 2027 v 9:58 Care napsal(a):",  # codespell:ignore dne
        "Den mån 4 jan. 2027 kl 09:58 skrev Care <care@example.com>:",
        "Em seg., 4 de jan. de 2027 às 09:58, Care <care@example.com> escreveu:",
        "2027年1月4日(月) 9:58 Care <care@example.com>:",
        "2027年1月4日 09:58\uff0cCare <care@example.com> 写道\uff1a",
        "2027년 1월 4일 (월) 오전 9:58, Care <care@example.com>님이 작성:",
        "пн, 4 янв. 2027 \u0433. в 09:58, Care <care@example.com>:",
        "-----Original Message-----\nFrom: Care",
        "-----Ursprüngliche Nachricht-----\nVon: Care",
        "________________________________\nFrom: Care <care@example.com>\nSent: Monday\nTo: Ann\nSubject: Hi",
        "*De:* Care\n*Envoyé:* lundi\n*À:* Ann\n*Objet:* Colis",  # codespell:ignore objet
        "Von: Care\nGesendet: Montag\nAn: Ann\nBetreff: Paket",  # codespell:ignore paket
        "Begin forwarded message:",
        "---- On Mon, 04 Jan 2027 09:58:00 +0000 Care wrote ----",
    ],
)
def test_quotes_of_many_programs_and_languages(attribution: str) -> None:
    for quote in (QUOTE, QUOTE.replace("> ", "")):
        assert trim(f"It came, thanks.\nAnn\n\n{attribution}\n\n{quote}\n") == "It came, thanks.\nAnn"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Yes\n\n" + QUOTE, "Yes"),
        ("Yes\n\n-- \nAnn Lee\nExample Ltd", "Yes"),
        ("Yes\n\nSent from my iPhone", "Yes"),
        ("Yes\n\nEnvoyé de mon iPhone\n\n" + QUOTE, "Yes"),
        ("Sent from my heart\nand more", "Sent from my heart\nand more"),
        ("A list:\n- one\n- two", "A list:\n- one\n- two"),
        ("On Monday I will come: at 9:00", "On Monday I will come: at 9:00"),
        ("He wrote to me:\nthe parcel is lost", "He wrote to me:\nthe parcel is lost"),
        ("I have two questions:\n1. Where is it?", "I have two questions:\n1. Where is it?"),
        ("From: Paris\nto Rome", "From: Paris\nto Rome"),
        ("my mail is ann@example.org\nOn Mon, Jan 4, 2027 Care wrote:\n" + QUOTE, "my mail is ann@example.org"),
        (QUOTE, QUOTE),
        ("On 4 Jan 2027, Care wrote:\n" + QUOTE, "On 4 Jan 2027, Care wrote:\n" + QUOTE),
        ("", ""),
        ("\n  indented\n", "  indented"),
    ],
)
def test_what_stays(text: str, kept: str) -> None:
    assert trim(text) == kept


def test_answers_between_the_lines_stay_whole() -> None:
    text = "Hi\n\nOn Mon, Jan 4, 2027 Care <care@example.com> wrote:\n> Where?\nIn Paris.\n> When?\nToday."
    assert trim(text) == text
    below = "On Mon, Jan 4, 2027 Care <care@example.com> wrote:\n> Where?\n\nIn Paris."
    assert trim(below) == below


def test_flowed_lines_are_joined() -> None:
    assert unflow("one \ntwo\n\n> a \n> b\n-- \nme") == "one two\n\n> a \n> b\n-- \nme"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            '<div>Yes</div><div class="gmail_quote gmail_x">On 1 wrote:<blockquote>old</blockquote></div>',
            "Yes",
        ),
        ('<div>Yes</div><blockquote type="cite"><div>old</div></blockquote>', "Yes"),
        ("<p>Yes</p><blockquote type=cite>old</blockquote><br>", "Yes"),
        ('<p>Yes</p><div id="divRplyFwdMsg">From: Care</div><p>old', "Yes"),
        ('<p>Yes</p><div id="appendonsend"></div>old', "Yes"),
        ('<p>Yes<div style="border:none;border-top:solid #E1E1E1 1.0pt">From: x</div>old', "Yes"),
        ('<p>Yes<div class="moz-cite-prefix">On x wrote:</div><blockquote type="cite">old</blockquote>', "Yes"),
        ("<p>Yes</p><blockquote>a poem of mine</blockquote>", "Yes\n\n  a poem of mine"),
        ('<div class="gmail_quote">only a quote</div>', "only a quote"),
        ('<blockquote type="cite">Where?</blockquote><p>In Paris</p>', "  Where?\nIn Paris"),
        ("<p>Hi<script>alert(1)</script><style>p{}</style>", "Hi"),
        ("", ""),
    ],
)
def test_html_quotes(html: str, text: str) -> None:
    found = received(mail("", html=html))
    assert found.text.strip().split() == text.split()


def test_the_whole_html_stays_beside_the_trimmed() -> None:
    html = '<p>Yes</p><div class="gmail_quote">older words</div>'
    found = received(mail("", html=html))
    assert found.text == "Yes"
    assert found.full_text is not None
    assert "older words" in found.full_text


def test_a_style_cannot_ask_for_space() -> None:
    html = "<p style='padding-left:900000000px;margin-top:99999999em'>x<p style='display:none'>hidden<p>y"
    assert html_text(html).split() == ["x", "y"]
    assert len(html_text(html)) < 100
    assert without_quote(html) == html


BOMBS = {
    "newlines": "\n" * 100_000,
    "spaces": " \n" * 50_000,
    "on": "On Mon, " * 12_000,
    "on lines": "On 1\n" * 20_000,
    "wrote": "On 1 a wrote" * 8_000,
    "from": "From: a\n" * 12_000,
    "sent": "\nSent from " * 9_000,
    "quotes": ">\n" * 50_000,
    "dashes": "--\n" * 33_000,
    "addresses": "<a@b.c> 1:1\n" * 8_000,
    "at": "a@" * 50_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_text_is_too_much_to_trim(name: str) -> None:
    """What it costs is measured by `make bench`."""
    assert len(trim(BOMBS[name])) <= len(BOMBS[name])


HTML_BOMBS = {
    "div": "<div>" * 20_000,
    "open": "<div " * 20_000,
    "comments": "<!--" * 25_000,
    "quotes": '<blockquote type="cite">' * 4_000,
    "closings": '<blockquote type="cite">' + "</blockquote>x<blockquote>" * 4_000,
    "style": "<p style='" * 10_000,
    "tables": "<table><tr><td>" * 6_000,
    "less": "<" * 100_000,
}


@pytest.mark.parametrize("name", HTML_BOMBS)
def test_no_html_is_too_much_to_read(name: str) -> None:
    html = HTML_BOMBS[name]
    assert len(html_text(without_quote(html))) <= 2 * len(html)
