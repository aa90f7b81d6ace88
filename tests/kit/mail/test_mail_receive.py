"""What mails mean: sender, thread, text, files, who is sure, what is automatic."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from omnichannel.channel import Envelope
from omnichannel.kit.mail.addresses import Mailbox, canonical, mailboxes
from omnichannel.kit.mail.headers import date_of, message_id, message_ids, parameters, words
from omnichannel.kit.mail.mime import BytesReader
from omnichannel.kit.mail.receive import receive
from omnichannel.kit.mail.threading import chain_of, is_own, key_of, own_id
from omnichannel.kit.transfer import decode_all, transfer_encoding
from omnichannel.model.address import Assurance
from omnichannel.model.content import Media
from omnichannel.model.event import MessageEchoed, MessageReceived, Unrecognized
from tests.kit.mail.given_mail import NOW, RECEIVED, account, envelope, events, mail, received

OWN = own_id(account(), "dlv_01:0")


def test_a_plain_mail() -> None:
    event = received(mail("Hello\nthere", from_="=?utf-8?q?J=C3=BCrgen?= Ott <Jott@Example.ORG>"))
    assert (event.sender, event.sender_name, event.text) == ("jott@example.org", "Jürgen Ott", "Hello\nthere")
    assert event.aliases == {"as_received": "Jott@Example.ORG"}
    assert (event.message_id, event.thread, event.reply_to) == ("one@example.org", "one@example.org", None)
    assert event.occurred_at == datetime(2027, 1, 4, 8, 58, tzinfo=UTC)
    assert event.recipients == ("care@example.com",)
    assert event.context == {
        "subject": "Where is it?",
        "message_id": "one@example.org",
        "references": "<one@example.org>",
        "from": "Jürgen Ott <Jott@Example.ORG>",
    }
    assert event.full_text is None
    assert event.assurance == Assurance.UNKNOWN
    assert not event.automatic


def test_a_reply_has_its_thread_its_token_and_the_others() -> None:
    event = received(
        b"Content-Language: fr-CA, en\r\n"
        + mail(
            "Thanks\n\nOn Mon, Jan 4, 2027 at 8:00 AM <care@example.com> wrote:\n> Here you are",
            to="Care <Care+A7K2QX9P4M@example.com>, bob@example.net",
            cc="ann@example.org, carl@example.net",
            delivered_to="care+a7k2qx9p4m@example.com",
            in_reply_to=f"<{OWN}>",
            references=f"<root@example.org>\t<{OWN}>",
            reply_to="elsewhere@example.org",
        )
    )
    assert event.text == "Thanks"
    assert event.full_text is not None
    assert "Here you are" in event.full_text
    assert event.reference == "a7k2qx9p4m"
    assert (event.thread, event.reply_to) == ("root@example.org", OWN)
    assert event.references == (OWN, "root@example.org")
    assert event.recipients == ("care+a7k2qx9p4m@example.com",)
    assert event.others == ("bob@example.net", "carl@example.net")
    assert event.language == "fr-CA"
    assert event.sender == "ann@example.org"
    assert event.context["reply_to"] == "elsewhere@example.org"
    assert event.context["references"] == f"<root@example.org> <{OWN}> <one@example.org>"


@pytest.mark.parametrize(
    ("to", "changes", "reference"),
    [
        ("care+a7k2qx9p4m@example.com", {}, "a7k2qx9p4m"),
        ("care+sales@example.com", {}, None),
        ("care+unsubscribe@example.com", {}, None),
        ("other+a7k2qx9p4m@example.com", {}, None),
        ("care+a7k2qx9p4m@example.com", {"plus": False}, None),
        ("a7k2qx9p4m@reply.example.com", {"reply_domain": "Reply.example.com"}, "a7k2qx9p4m"),
        ("shop+a7k2qx9p4m@example.com", {"also": ("Shop@example.com",)}, "a7k2qx9p4m"),
    ],
)
def test_where_a_token_may_sit(to: str, changes: dict[str, object], reference: str | None) -> None:
    assert received(mail(to=to), **changes).reference == reference


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("mx.example.com; dmarc=pass header.from=example.org", Assurance.VERIFIED),
        ("MX.example.com 1; dmarc=pass (p=none (x)) header.from=example.org", Assurance.VERIFIED),
        ("mx.example.com; dmarc=pass header.from=evil.example", Assurance.UNKNOWN),
        ("mx.example.com; dmarc=fail header.from=example.org; dkim=pass header.d=example.org", Assurance.DENIED),
        ("mx.example.com; dkim=pass header.d=example.org", Assurance.VERIFIED),
        ("mx.example.com; dkim=pass header.i=@example.org; dmarc=none", Assurance.VERIFIED),
        ("mx.example.com; dkim=fail header.d=example.org; dkim=pass header.d=list.example", Assurance.UNKNOWN),
        ("mx.example.com; dkim=pass header.d=org", Assurance.UNKNOWN),
        ("mx.example.com; dkim=pass header.d=ample.org", Assurance.UNKNOWN),
        ("mx.example.com; dkim=pass header.d=evil.example.org", Assurance.UNKNOWN),
        ("mx.example.com; spf=pass smtp.mailfrom=bounce@example.org", Assurance.VERIFIED),
        ("mx.example.com; spf=pass smtp.mailfrom=sender.example", Assurance.UNKNOWN),
        ("mx.example.com; spf=pass", Assurance.UNKNOWN),
        ("mx.example.com; none", Assurance.UNKNOWN),
        ("mx.example.com; dmarc (comment", Assurance.UNKNOWN),
        ("mx.elsewhere.example; dmarc=pass header.from=example.org", Assurance.UNKNOWN),
        ("", Assurance.UNKNOWN),
    ],
)
def test_only_our_own_server_says_who_wrote(header: str, expected: int) -> None:
    assert received(mail(authentication_results=header)).assurance == expected
    assert received(mail(authentication_results=header), authserv_id=None).assurance == Assurance.UNKNOWN


def test_a_domain_above_speaks_for_those_below() -> None:
    header = "mx.example.com; dkim=pass header.d=example.org"
    assert received(mail(from_="a@mail.example.org", authentication_results=header)).assurance == Assurance.VERIFIED


def test_the_topmost_verdict_counts() -> None:
    ours = b"Authentication-Results: mx.example.com; dmarc=fail\r\n"
    forged = b"Authentication-Results: mx.example.com; dmarc=pass header.from=example.org\r\n"
    assert received(ours + forged + mail()).assurance == Assurance.DENIED
    assert received(forged + mail()).assurance == Assurance.VERIFIED


@pytest.mark.parametrize("second", [b"From: b@example.org\r\n", b""])
def test_two_senders_are_never_verified(second: bytes) -> None:
    verdict = b"Authentication-Results: mx.example.com; dmarc=pass header.from=example.org\r\n"
    who = "ann@example.org" if second else "ann@example.org, eve@example.org"
    event = received(verdict + second + mail(from_=who))
    assert event.assurance == Assurance.UNKNOWN


@pytest.mark.parametrize(
    "headers",
    [
        {"auto_submitted": "auto-replied"},
        {"auto_submitted": "auto-generated (failure)"},
        {"return_path": "<>"},
        {"precedence": "bulk"},
        {"precedence": "auto_reply"},
        {"x_auto_response_suppress": "DR, OOF, AutoReply"},
        {"x_autoreply": "yes"},
        {"x_autorespond": "yes"},
        {"x_failed_recipients": ""},
        {"list_id": "<news.example.org>"},
        {"list_unsubscribe": "<mailto:u@example.org>"},
        {"x_loop": "Care@example.com"},
        {"from_": "noreply@example.org"},
        {"from_": "gmail-noreply@example.org"},
        {"from_": "care+x@example.com"},
        {"message_id": f"<{OWN}>"},
    ],
)
def test_machines_are_told_apart(headers: dict[str, str]) -> None:
    expected = headers != {"x_failed_recipients": ""}
    assert received(mail(**headers)).automatic is expected


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"auto_submitted": "no"},
        {"precedence": "first-class"},
        {"x_loop": "x@y.example"},
        {"return_path": "<a@b.c>"},
    ],
)
def test_people_are_not_taken_for_machines(headers: dict[str, str]) -> None:
    assert not received(mail(**headers)).automatic


def test_who_is_never_answered_can_be_chosen() -> None:
    assert received(mail(), never_answer=("ann@example.org",)).automatic
    assert not received(mail(from_="noreply@example.org"), never_answer=()).automatic


def test_our_own_mail_is_an_echo_only_with_an_id_that_we_made() -> None:
    (echo,) = events(mail("We said", from_="care@example.com", to="Ann@example.org", message_id=f"<{OWN}>"))
    assert isinstance(echo, MessageEchoed)
    assert (echo.recipient, echo.message_id, echo.correlation) == ("ann@example.org", OWN, "dlv_01:0")
    (forged,) = events(mail(from_="care@example.com", message_id="<msg.dlv_01=3A0.0123456789abcdef0123@example.com>"))
    assert isinstance(forged, MessageReceived)
    assert forged.automatic


@pytest.mark.parametrize("key", ["dlv_01:0", "a.b@c é", "x" * 150])
def test_message_ids_are_ours_and_carry_the_key(key: str) -> None:
    mine = own_id(account(), key)
    assert is_own(account(), mine)
    assert key_of(mine) == key
    assert not is_own(account(secret="other"), mine)
    assert not is_own(account(), mine.replace("@example.com", "@example.net"))
    assert not is_own(account(), mine.replace("msg.", "msg.x"))


def test_long_keys_and_rotated_keys() -> None:
    mine = own_id(account(signing_keys=("old",)), "y" * 500)
    assert len(mine) < 250
    assert key_of(mine) is None
    assert is_own(account(signing_keys=("new", "old")), mine)
    assert not is_own(account(signing_keys=("new",)), mine)
    assert key_of("no such id") is None


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Mon, 04 Jan 2027 10:00:00 +0200", datetime(2027, 1, 4, 8, 0, tzinfo=UTC)),
        ("Mon, 04 Jan 2027 07:00:00 -0000", datetime(2027, 1, 4, 7, 0, tzinfo=UTC)),
        ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", datetime(1997, 11, 21, 15, 55, 6, tzinfo=UTC)),
        ("Tue, 01 Jun 2032 00:00:00 +0000", datetime(2027, 1, 4, 8, 59, tzinfo=UTC)),
        ("yesterday", datetime(2027, 1, 4, 8, 59, tzinfo=UTC)),
    ],
)
def test_times(date: str, expected: datetime) -> None:
    raw = mail(date="").replace(b"Subject:", f"Date: {date}\r\nSubject:".encode())
    (event,) = receive(envelope(raw), account(), arrived_at=RECEIVED)
    assert event.occurred_at == expected
    if "2032" in date or date == "yesterday":
        assert receive(envelope(raw), account())[0].occurred_at == NOW


def test_keys_are_the_mails_own() -> None:
    first, second = received(mail()), received(b"Received: by another way\r\n" + mail())
    assert first.dedupe == second.dedupe
    assert received(mail(from_="eve@example.net")).dedupe != first.dedupe
    without = mail("One", message_id="")
    assert received(without).dedupe == received(b"X-Folder: Junk\r\n" + without).dedupe
    assert received(without).dedupe != received(mail("Two", message_id="")).dedupe
    assert received(without).message_id == received(without).dedupe


@pytest.mark.parametrize(
    ("content", "what", "reason"),
    [
        (b"", "mail", "it has no header"),
        (b"\r\n\r\nHello", "mail", "it has no header"),
        (b"Subject: x\r\n\r\nHello", "mail", "it has no sender"),
        (b"From: nobody\r\n\r\nHello", "mail", "it has no sender"),
    ],
)
def test_what_is_no_mail(content: bytes, what: str, reason: str) -> None:
    (event,) = events(content)
    assert isinstance(event, Unrecognized)
    assert (event.what, event.reason) == (what, reason)
    assert events(content + b" ")[0].dedupe != event.dedupe


def test_a_defect_of_ours_is_counted_not_raised() -> None:
    class Broken:
        size = 100

        def __init__(self) -> None:
            self.reads = 0

        def read(self, offset: int, size: int) -> bytes:
            self.reads += 1
            if self.reads == 1:
                raise KeyError("a defect")
            return b"x"

    (event,) = receive(Envelope(source="session", blob=Broken(), blob_id="ab", received_at=NOW), account())
    assert isinstance(event, Unrecognized)
    assert event.reason == "the parser failed: KeyError"


def with_files() -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = "ann@example.org"
    message.set_content("See these")
    message.add_alternative('<p>See <img src="cid:one">these</p>', subtype="html")
    body = message.get_payload()
    assert isinstance(body, list)
    message.add_attachment(b"\x89PNG" * 100, maintype="image", subtype="png", filename="../../évil\u202egnp.exe")
    message.add_attachment(b"bytes", maintype="application", subtype="pdf")
    message.add_attachment("a,b\nc", subtype="csv", filename="table.csv")
    message.add_attachment(
        b"plain as day\n", maintype="text", subtype="plain", filename="notes.txt", cte="quoted-printable"
    )
    return message.as_bytes()


def bytes_of(media: Media, raw: bytes) -> bytes:
    place = media.ref.partition(":")[2].rpartition("#")[2]
    offset, length, encoding = place.split(",")
    return decode_all(raw[int(offset) : int(offset) + int(length)], transfer_encoding(encoding))


def test_files_are_ranges_of_the_stored_mail() -> None:
    raw = with_files()
    event = received(raw)
    assert event.text == "See these"
    found = [(one.name, one.type, one.kind, bytes_of(one, raw)) for one in event.attachments]
    assert found == [
        ("évil_gnp.exe", "image/png", "image", b"\x89PNG" * 100),
        ("application-4.pdf", "application/pdf", "file", b"bytes"),
        ("table.csv", "text/csv", "file", b"a,b\r\nc\r\n"),
        ("notes.txt", "text/plain", "file", b"plain as day\n"),
    ]
    assert all(one.ref.startswith("inline:") for one in event.attachments)
    stored = Envelope(source="session", blob=BytesReader(raw), blob_id="ab" * 32, received_at=NOW)
    (again,) = receive(stored, account())
    assert isinstance(again, MessageReceived)
    assert all(one.ref.startswith(f"blob:{'ab' * 32}#") for one in again.attachments)
    assert replace(again, attachments=()) == replace(event, attachments=())


def multipart(*parts: str, kind: str = "mixed", boundary: str = "b1") -> str:
    head = f'From: ann@example.org\nContent-Type: multipart/{kind}; boundary="{boundary}"\n\npreamble\n'
    return head + "".join(f"--{boundary}\n{part}\n" for part in parts) + f"--{boundary}--\nepilogue\n"


@pytest.mark.parametrize(
    ("content", "text", "names"),
    [
        (multipart("Content-Type: text/plain\n\none", "Content-Type: text/plain\n\ntwo"), "one\ntwo", []),
        (
            multipart("Content-Type: text/plain\n\n \n", "Content-Type: text/html\n\n<p>rich", kind="alternative"),
            "rich",
            [],
        ),
        (multipart("Content-Type: text/html\n\n<p>rich", "Content-Type: text/plain\n\nfooter"), "rich\nfooter", []),
        (multipart("\nno header"), "no header", []),
        (multipart("\nat the end").partition("--b1--")[0] + "--b1", "at the end", []),
        (multipart("\nat the end").partition("\nepilogue")[0], "at the end", []),
        (" folded before any field\nFrom: ann@example.org\nno field\n\ntext", "text", []),
        (multipart("Content-Type: text/plain"), "", []),
        (multipart("Content-Type: text/plain\n\nunclosed").partition("--b1--")[0], "unclosed", []),
        ("From: ann@example.org\nContent-Type: multipart/mixed; boundary=never\n\njust text", "just text", []),
        ("From: ann@example.org\nContent-Type: multipart/mixed\n\njust text", "", ["multipart-1.bin"]),
        ("From: ann@example.org\nContent-Type: nonsense; x\n\njust text", "just text", []),
        (
            multipart("Content-Type: text/plain\n\none", "Content-Type: text/calendar\n\nBEGIN:VCALENDAR"),
            "one",
            ["text-2.ics"],
        ),
        (
            multipart("Content-Type: text/plain\n\none", "Content-Type: text/enriched\n\none", kind="alternative"),
            "one",
            [],
        ),
        (multipart("Content-Type: text/plain\n\none", "\nSubject: in\n\nx", kind="digest"), "one", ["message-2.eml"]),
        (multipart("Content-Type: text/plain\n\none\n--b12\ntwo"), "one\n--b12\ntwo", []),
        (
            multipart(
                "Content-Type: message/rfc822\nContent-Disposition: attachment; filename=a/b.eml\n\nFrom: x@y.z\n"
            ),
            "",
            ["b.eml"],
        ),
    ],
)
def test_shapes(content: str, text: str, names: list[str]) -> None:
    for raw in (content, content.replace("\n", "\r\n")):
        event = received(raw)
        assert event.text == text
        assert [one.name for one in event.attachments] == names


@pytest.mark.parametrize(
    ("charset", "encoding", "body", "text"),
    [
        ("utf-8", "8bit", "Où".encode(), "Où"),
        ("us-ascii", "8bit", "Où".encode(), "Où"),
        ("iso-8859-1", "quoted-printable", b"price: 5 =80", "price: 5 €"),
        (
            "utf-8",
            "8bit",
            "Où est mon colis, s'il vous plaît ?".encode("latin-1"),
            "Où est mon colis, s'il vous plaît ?",
        ),
        ("ks_c_5601-1987", "8bit", "스티해".encode("cp949"), "스티해"),
        ("iso-2022-jp", "7bit", "すみません".encode("iso2022_jp"), "すみません"),
        ("gb2312", "8bit", "你好世界".encode("gb18030"), "你好世界"),
        ("rot13", "7bit", b"plain", "plain"),
        ("no-such-charset", "8bit", "Où".encode(), "Où"),
        ("idna", "8bit", "Où".encode(), "Où"),
        ("utf-8", "base64", b"T8O5\nIGVzdA==\n-- list footer --", "Où est"),
        ("utf-8", "BASE64; x", b"T8O5", "Où"),
        ("utf-8", "x-uuencode", b"begin 644 a\n&3]&Y(&5S\nend", "Où es"),
        ("utf-8", "quoted-printable", b"soft =\nbreak=3D=\n", "soft break="),
    ],
)
def test_letters_of_the_world(charset: str, encoding: str, body: bytes, text: str) -> None:
    head = f"From: a@b.example\r\nContent-Type: text/plain; charset={charset}\r\n"
    raw = head.encode() + f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body
    expected = text if encoding != "x-uuencode" else received(raw).text
    assert received(raw).text == expected


def test_uuencoded_text() -> None:
    import binascii

    lines = b"".join(binascii.b2a_uu(piece) for piece in (b"Hello there, this is a line of 45 letters....", b"end?"))
    raw = b"From: a@b.example\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a.txt\n" + lines + b"`\nend\n"
    assert received(raw).text == "Hello there, this is a line of 45 letters....end?"


def test_a_header_without_end_is_skipped() -> None:
    head = b"From: a@b.example\r\nX-Long: " + b"y" * 200_000 + b"\r\n\r\n"
    event = received(head + b"the text")
    assert (event.text, event.sender) == ("the text", "a@b.example")
    assert event.context["truncated"] == "yes"


def test_long_names_are_cut() -> None:
    for name, kept in (("n" * 300 + ".pdf", "n" * 100 + ".pdf"), ("n" * 300, "n" * 120)):
        raw = f"From: a@b.example\nContent-Type: application/pdf; name={name}\n\nx"
        assert [one.name for one in received(raw).attachments] == [kept]


def test_without_its_html_library_the_words_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(html: str) -> str:
        raise AssertionError("a defect of somebody else")

    monkeypatch.setattr("omnichannel.kit.mail.body._get_text", broken)
    assert received(mail("", html="<p>Hello <b>there</b></p>")).text.split() == ["Hello", "there"]


def test_flowed_text_is_joined() -> None:
    raw = b"From: a@b.example\r\nContent-Type: text/plain; format=flowed\r\n\r\none \r\ntwo\r\n> q \r\n-- \r\nme"
    assert received(raw).full_text == "one two\n> q \n-- \nme"


def test_a_long_text_is_cut_and_says_so() -> None:
    event = received(mail("word " * 200_000))
    assert len(event.text) <= 262_144
    assert event.context["truncated"] == "yes"
    assert "truncated" not in received(mail()).context
    (cut,) = receive(envelope(mail()), account(), cut=True)
    assert isinstance(cut, MessageReceived)
    assert cut.context["truncated"] == "yes"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ann <a@b.c>", [Mailbox("a@b.c", "Ann")]),
        ('"Lee, Ann" <a@b.c>, b@c.d', [Mailbox("a@b.c", "Lee, Ann"), Mailbox("b@c.d")]),
        ("a@b.c (Ann (x) \\) Lee)", [Mailbox("a@b.c", "Ann (x) ) Lee")]),
        ("friends: a@b.c, b@c.d;, c@d.e", [Mailbox("a@b.c"), Mailbox("b@c.d"), Mailbox("c@d.e")]),
        ("undisclosed recipients: ;", []),
        ("<@relay,@other:a@b.c>", [Mailbox("a@b.c")]),
        ('"real@bank.example" <eve@evil.example>', [Mailbox("eve@evil.example", "real@bank.example")]),
        ("a@b.c d@e.f", [Mailbox("a@b.c"), Mailbox("d@e.f")]),
        ("a @ b.c", [Mailbox("a@b.c")]),
        ("<a@b.c><d@e.f>", [Mailbox("a@b.c")]),
        ('"quoted \\" part"@b.c', []),
        ("a@[127.0.0.1]", [Mailbox("a@[127.0.0.1]")]),
        ("=?utf-8?q?J=C3=BCrgen?= <a@b.c>", [Mailbox("a@b.c", "Jürgen")]),
        ('"unclosed <a@b.c>', []),
        ("<a@b.c", [Mailbox("a@b.c")]),
        ("alice@example.org)bob@evil.example", []),
        ("", []),
    ],
)
def test_addresses(value: str, expected: list[Mailbox]) -> None:
    assert list(mailboxes(value)) == expected


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("Ann.Lee+x@Example.ORG.", "ann.lee+x@example.org"),
        ("STRASSE@x.y", "strasse@x.y"),
        ("a@Bücher.example", "a@xn--bcher-kva.example"),
        ("a@" + "ü" * 70, "a@" + "ü" * 70),
        ("nothing", "nothing"),
    ],
)
def test_canonical_addresses(given: str, key: str) -> None:
    assert canonical(given) == key


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=?utf-8?q?a_b?= =?utf-8?q?c?=", "a bc"),
        ("=?utf-8?b?w4k=?= x =?iso-8859-1?q?=E9?=", "É x é"),
        ("=?utf-8?b?4oI=?= =?utf-8?b?rA==?=", "€"),
        ("=?utf-8*fr?q?=C3=A9?=", "é"),
        ("=?utf-8?q?a=0D=0AX-A:_b?=", "a X-A: b"),
        ("=?utf-8?b?!!!?=", ""),
        ("=?utf-8?b?A?=", "A"),
        ("=?utf-8?q?a?= =?iso-8859-1?q?=E9?=", "aé"),
        ("=?nope?q?=E9?=", "é"),
        ("plain\ttext", "plain text"),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
    ],
)
def test_encoded_words(value: str, text: str) -> None:
    assert words(value) == text


@pytest.mark.parametrize(
    ("value", "kind", "params"),
    [
        ('Text/Plain; Charset="utf-8"; a=b', "text/plain", {"charset": "utf-8", "a": "b"}),
        ('x/y; name="a;b\\"c"', "x/y", {"name": 'a;b"c'}),
        ("x/y; name*=utf-8''%e2%82%ac.txt; name=e.txt", "x/y", {"name": "€.txt"}),
        ("x/y; name*0*=utf-8''%e2%82; name*1*=%ac; name*2=.txt", "x/y", {"name": "€.txt"}),
        ("x/y; name*1=b; name*0=a", "x/y", {"name": "ab"}),
        ('x/y; name="open', "x/y", {"name": "open"}),
        ("x/y; name*x=1; ; =", "x/y", {"": "", "name": "1"}),
    ],
)
def test_parameters(value: str, kind: str, params: dict[str, str]) -> None:
    found, given = parameters(value)
    assert found == kind
    assert {name: text for name, text in given.items() if name or "" in params} == params


def test_ids_and_dates() -> None:
    assert message_ids("<a@b>\t<c@d>, <bad id> <e@f>") == ("a@b", "c@d", "e@f")
    assert message_id("<1234   @   local(blah)  .machine .example>") == "1234@local.machine.example"
    assert (message_id("bare@example.org"), message_id("nothing"), message_id("")) == ("bare@example.org", "", "")
    assert date_of("Sat, 20 Sep 2008 20:04:30 +0300 (\xf9\xf2)") is not None
    assert date_of("Mon, 99 Jan 2027 10:00:00 +0200") is None


def test_references_keep_the_first_and_the_last() -> None:
    ids = [f"{number:03d}.{'x' * 60}@example.org" for number in range(40)]
    chain = chain_of(ids)
    assert len(chain) <= 900
    kept = message_ids(chain)
    assert (kept[0], kept[-1], kept[1:]) == (ids[0], ids[-1], tuple(ids[-len(kept) + 1 :]))
    assert chain_of(["a", "", "a"]) == "<a>"


def test_received_at_is_enough_for_an_old_mail() -> None:
    late = envelope(mail(), received_at=NOW - timedelta(days=400))
    assert receive(late, account())[0].occurred_at == NOW - timedelta(days=400)
