"""Mails and replies recorded in public projects, each with what a person read in it.

The expectations were checked by hand against the files: sender, Message-ID, time (UTC), the first letters of the
text, the names of the files (or how many). Without an id or a time in the mail, the expectation is empty.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omnichannel.kit.mail.receive import receive
from omnichannel.kit.mail.trim import trim
from omnichannel.model.event import MessageReceived, Unrecognized
from tests.kit.mail.given_mail import NOW, account, envelope


@dataclass(frozen=True)
class Mail:
    sender: str
    message_id: str
    time: str
    text: str
    files: tuple[str, ...] | int
    automatic: bool = False


@dataclass(frozen=True)
class Report:
    """A report about a mail that we did not send: kept as `Unrecognized`."""

    what: str


EXPECTED: dict[str, Mail | Report] = {
    "chatwoot--auto_reply": Mail(
        "sony@chatwoot.com",
        "0CB459E0-0336-41DA-BC88-E6E28C697DDB@chatwoot.com",
        "2020-04-20 08:20:20",
        "Let's talk about these image",
        ("avatar1.jpeg", "avatar2.jpg"),
        automatic=True,
    ),
    "chatwoot--auto_reply_with_auto_submitted": Mail(
        "sony@chatwoot.com",
        "0CB459E0-0336-41DA-BC88-E6E28C697DDB@chatwoot.com",
        "2020-04-20 08:20:20",
        "Let's talk about these image",
        ("avatar1.jpeg", "avatar2.jpg"),
        automatic=True,
    ),
    "chatwoot--bounced_with_no_from": Report("bounce"),
    "chatwoot--email_with_inline_pdf": Mail(
        "user@icloud.com",
        "827-314S13-SSS2310@example.com",
        "2025-02-28 02:17:31",
        "Here is an example mail with",
        ("dummy.pdf",),
    ),
    "chatwoot--forwarder_email": Mail(
        "sony@chatwoot.com",
        "0CB459E0-0336-41DA-BC88-E6E28C697DDB@chatwoot.com",
        "2020-04-20 08:20:20",
        "Let's talk about these image",
        ("avatar1.jpeg", "avatar2.jpg"),
    ),
    "chatwoot--in_reply_to": Mail(
        "sony@chatwoot.com",
        "0CB459E0-0336-41DA-BC88-E6E28C697DDBF@chatwoot.com",
        "2020-04-20 08:20:20",
        "Let's talk about these image",
        ("avatar1.jpeg", "avatar2.jpg"),
    ),
    "chatwoot--mail_with_no_subject": Mail(
        "sony@chatwoot.com",
        "0CB459E0-0336-41DA-BC88-E6E28C697DDB@chatwoot.com",
        "2020-04-20 08:20:20",
        "Let's talk about these image",
        ("avatar1.jpeg", "avatar2.jpg"),
    ),
    "chatwoot--mail_with_plain_text_and_inline_image": Mail(
        "sony@chatwoot.com",
        "CAFkiBVzURp=z2g5nAevAtdQvFfxkLrpvTeDFcwFaGQhdo_-Mkg@mail.gmail.com",
        "2023-05-31 09:57:36",
        "[image: poster (8).jpg][imag",
        ("poster (8).jpg", "poster (7).jpg", "poster (1).jpg"),
    ),
    "chatwoot--mail_with_quote": Mail(
        "sony@chatwoot.com",
        "CAFkiBVwJjO_k_e-LpiKi7MAQAKbHX5nkEPcf0y1R=bjcEHogMg@mail.gmail.com",
        "2021-08-19 08:44:31",
        "Yes, I am providing you step",
        (),
    ),
    "chatwoot--multiple_attachments": Mail(
        "test@gmail.com",
        "6215d536e0484_10bc6191402183@tejaswinis-MacBook-Pro.local.mail",
        "2023-05-04 05:05:52",
        "Attaching 30 files:\n\nHi peop",
        30,
    ),
    "chatwoot--only_html": Mail(
        "tejaswini@ex.com",
        "6215d71711c38_10bc61914022323@tejaswinis-MacBook-Pro.local.mail",
        "2022-02-23 06:41:27",
        "This is html only mail",
        (),
    ),
    "chatwoot--only_text": Mail(
        "text@example.com",
        "6215e5ca3e3b2_10bc6197e4224d1@tejaswinis-MacBook-Pro.local.mail",
        "2022-02-23 07:44:10",
        "text only mail",
        (),
    ),
    "chatwoot--references": Mail(
        "sony@chatwoot.com",
        "0CB459E0-0336-41DA-BC88-E6E28C697DDBF@chatwoot.com",
        "2020-04-20 08:20:20",
        "References Email",
        (),
    ),
    "chatwoot--reply_mail_without_uuid": Mail(
        "sony@chatwoot.com",
        "0CB459E0-0336-41DA-BC88-E6E28C697DDB@chatwoot.com",
        "2020-04-20 08:20:20",
        "Let's talk about these image",
        ("avatar1.jpeg", "avatar2.jpg"),
    ),
    "chatwoot--reply_to": Mail(
        "sony@chatwoot.com",
        "0CB459E0-0336-41DA-BC88-E6E28C697DDB@chatwoot.com",
        "2020-04-20 08:20:20",
        "Let's talk about these image",
        ("avatar1.jpeg", "avatar2.jpg"),
    ),
    "chatwoot--support": Mail(
        "sony@chatwoot.com",
        "0CB459E0-0336-41DA-BC88-E6E28C697DDB@chatwoot.com",
        "2020-04-20 08:20:20",
        "Let's talk about these image",
        ("avatar1.jpeg", "avatar2.jpg"),
    ),
    "chatwoot--support_1": Mail(
        "sony@chatwoot.com",
        "20220211051551.0ac6490aa10da09b@chatwoot.com",
        "2022-02-11 05:15:51",
        "  Hi,\n\n  We are providing yo",
        (),
    ),
    "chatwoot--support_in_reply_to": Mail(
        "sony@chatwoot.com",
        "0CB459E0-0336-41DA-BC88-E6E28C697DDB@chatwoot.com",
        "2020-04-20 08:20:20",
        "Let's talk about these image",
        ("avatar1.jpeg", "avatar2.jpg"),
    ),
    "chatwoot--support_without_sender_name": Mail(
        "sony@chatwoot.com",
        "0CB459E0-0336-41DA-BC88-E6E28C697DDB@chatwoot.com",
        "2020-04-20 08:20:20",
        "Let's talk about these image",
        ("avatar1.jpeg", "avatar2.jpg"),
    ),
    "mail--attachment_message_rfc822": Mail(
        "foo@example.com",
        "9169D984-4E0B-45EF-82D4-8F5E53AD7012@example.com",
        "2005-06-06 20:21:22",
        "This is the first part.",
        ("ForwardedMessage.eml",),
    ),
    "mail--attachment_message_rfc822_inline_image": Mail(
        "test@example.com",
        "9169D984-4E0B-45EF-82D5-8F5E53AD7012@example.com",
        "2020-04-21 13:40:22",
        "",
        ("img.png", "Testmail.eml"),
    ),
    "mail--attachment_nonascii_filename": Mail(
        "foo@example.com",
        "9169D984-4E0B-45EF-82D4-8F5E53AD7012@example.com",
        "2005-06-06 20:21:22",
        "This is the first part.",
        ("ciële.txt",),
    ),
    "mail--attachment_pdf_non_ascii": Mail(
        "xxxx@xxxx.com", "xxxx@xxxx.com", "2005-05-10 17:26:39", "Just attaching another PDF, ", ("broken.pdf",)
    ),
    "mail--attachment_pdf_non_ascii_lf": Mail(
        "xxxx@xxxx.com", "xxxx@xxxx.com", "2005-05-10 17:26:39", "Just attaching another PDF, ", ("broken.pdf",)
    ),
    "mail--attachment_with_base64_encoded_name": Mail(
        "xxxxxxxxx.xxxxxxx@gmail.com",
        "e85734b90505081209eaaa17b@mail.gmail.com",
        "2005-05-08 19:09:11",
        "We should not include these ",
        ("This is a test.pdf",),
    ),
    "mail--attachment_with_quoted_filename": Mail(
        "jeff@37signals.com",
        "E0F9311D-F469-4E7B-81BC-F240BD473566@37signals.com",
        "2009-05-13 15:42:01",
        "",
        ("Eelanalüüsi päring.jpg",),
    ),
    "mail--attachment_with_unquoted_name": Mail(
        "foo@example.com",
        "9169D984-4E0B-45EF-82D4-8F5E53AD7012@example.com",
        "2005-06-06 20:21:22",
        "This is the first part.",
        ("This is a test.txt",),
    ),
    "mail--bad_date_header2": Mail(
        "enews@free-quilting.com", "201012150659.oBF6xAuc018214@drg.drgnetwork.com", "", "", ()
    ),
    "mail--basic_email_lf": Mail(
        "test@lindsaar.net",
        "6B7EC235-5B17-4CA8-B2B8-39290DEB43A3@test.lindsaar.net",
        "2008-11-22 04:04:59",
        "Plain email.\n\nHope it works ",
        (),
    ),
    "mail--cant_parse_from": Mail(
        "news@insideapple.apple.com",
        "7oh6b1$1clhrjk@badger-vip.apple.com",
        "2009-06-12 06:25:02",
        "From one solid piece of alum",
        (),
    ),
    "mail--content_transfer_encoding_plain": Mail(
        "baocqccyw@hq.lindsayelec.com",
        "41314357824.13240873.93296@oxygen-k19.hq.lindsayelec.com",
        "2005-03-28 01:11:59",
        "acidness\n\n          Exciting",
        (),
    ),
    "mail--content_transfer_encoding_spam": Mail(
        "shechem@poetrix.com",
        "35FDF82F.D000339@poetrix.com",
        "2001-08-19 13:31:03",
        "middagh  oldusercompare",
        (),
    ),
    "mail--content_transfer_encoding_text-html": Mail(
        "abhijit.862153drinnan@datavalet.com", "", "2005-05-06 11:55:01", "Hello,\n\nYou have qualified f", ()
    ),
    "mail--content_transfer_encoding_with_8bits": Mail(
        "announcements@provantage.com",
        "200112050759.fB57xSl15666@mailman.enron.com",
        "2001-12-04 22:10:25",
        "    December 04, 2001       ",
        (),
    ),
    "mail--content_transfer_encoding_with_semi_colon": Mail(
        "nsukijamq@morozstudio.tk", "", "2005-06-30 04:57:10", "Dear Homeowner,\n\n\n\nYou have ", ()
    ),
    "mail--content_transfer_encoding_x_uuencode": Mail(
        "lpeters@pacifier.com",
        "p05100307b863befdfb67@[207.202.136.216]",
        "2002-01-10 21:59:53",
        "Attached are the comments of",
        ("PGP_Cmts_on_12-14-01_Pkg.doc",),
    ),
    "mail--email_with_similar_boundaries": Mail(
        "xxxxxx@xxxxxxxx.xxx", "e4b473$b3jkq@xxxx.xxxx.xxxxxxxx.xxx", "2012-04-06 01:01:01", "Test", ("LOGO.png",)
    ),
    "mail--empty_group_lists": Mail(
        "ceciledwards@sbcglobal.net",
        "203751.85280.qm@web82107.mail.mud.yahoo.com",
        "2009-12-03 18:50:22",
        "Attention Beneficiary:\n\nThis",
        (),
    ),
    "mail--example01": Mail(
        "jdoe@machine.example", "1234@local.machine.example", "1997-11-21 15:55:06", "This is a message just to sa", ()
    ),
    "mail--example05": Mail(
        "jdoe@machine.example", "1234@local.machine.example", "1997-11-21 15:55:06", "This is a message just to sa", ()
    ),
    "mail--example06": Mail(
        "mary@example.net", "3456@example.net", "1997-11-21 16:01:10", "This is a reply to your hell", ()
    ),
    "mail--example09": Mail(
        "jdoe@machine.example", "1234@local.machine.example", "1997-11-21 15:55:06", "This is a message just to sa", ()
    ),
    "mail--example13": Mail(
        "jdoe@machine.example", "1234@local.machine.example", "1997-11-21 15:55:06", "This is a message just to sa", ()
    ),
    "mail--japanese": Mail("raasdnil@gmail.com", "", "", "かきくえこ", ()),
    "mail--japanese_attachment": Mail(
        "raasdnil@gmail.com",
        "57a815bf0910160539m64240421gb35ea52e101aedbc@mail.gmail.com",
        "2009-10-16 12:39:34",
        "testing",
        ("てすと.txt",),
    ),
    "mail--japanese_attachment_long_name": Mail(
        "mikel@test.lindsaar.net",
        "60A112A8-F26C-4E23-95B8-4EB9F139D6A0@test.lindsaar.net",
        "2009-10-30 08:11:02",
        "",
        ("かきくけこかきくけこかきくけこかきくけこかきくけこ.txt",),
    ),
    "mail--japanese_iso_2022": Mail("raasdnil@gmail.com", "", "", "すみません。", ()),
    "mail--ks_c_5601-1987": Mail("from@example.com", "from@example.com", "2014-05-28 08:18:19", "스티해", ()),
    "mail--missing_body": Mail(
        "redacted@attglobal.net", "001301c17797$9cd0ef30$a3ab620c@vaio", "2001-11-27 23:02:35", "", ()
    ),
    "mail--multi_address_bounce1": Report("bounce"),
    "mail--multipart_report_multiple_status": Report("bounce"),
    "mail--multiple_content_types": Mail("redacted@flashmail.net", "105647271315.NCV17523@x263.net", "", "foo", ()),
    "mail--multiple_invalid_content_dispositions": Mail(
        "redacted@flashmail.net", "105647271315.NCV17523@x263.net", "", "foo", ()
    ),
    "mail--multiple_references_with_one_invalid": Mail(
        "redacted@flashmail.net", "105647271315.NCV17523@x263.net", "", "foo", ()
    ),
    "mail--must_supply_encoding": Mail(
        "info@here2there-travelers-msgs.net",
        "201011141741.oAEHfiKs020181@app9.msg2u.net",
        "2010-11-14 17:41:44",
        "",
        (),
    ),
    "mail--raw_email": Mail(
        "jamis@37signals.com",
        "d3b8cf8e49f04480850c28713a1f473e@37signals.com",
        "2005-05-02 22:07:05",
        "대부분의 마찬가지로, 우리는 하나님을 믿습니다.\n\n",
        (),
    ),
    "mail--raw_email10": Mail(
        "xxx@xxxx.xxx", "xxx@xxxx.xxx", "2005-05-10 20:27:03", "Test test. Hi. Waving. m\n\n--", ()
    ),
    "mail--raw_email11": Mail(
        "xxxxx@xxxxx", "416eaebec6d333ec6939eaf8a7d80724@xxxxx", "2005-04-27 21:15:31", "XXXXX Xxxxx", ()
    ),
    "mail--raw_email5": Mail(
        "xxx@xxxx.xxx", "xxx@xxxx.xxx", "2005-05-10 20:27:03", "Test test. Hi. Waving. m\n\n--", ()
    ),
    "mail--raw_email8": Mail(
        "xxxxxxxxx.xxxxxxx@gmail.com",
        "e85734b90505081209eaaa17b@mail.gmail.com",
        "2005-05-08 19:09:11",
        "We should not include these ",
        ("01 Quien Te Dij_at. Pitbull.mp3",),  # codespell:ignore te
    ),
    "mail--raw_email_encoded_stack_level_too_deep": Mail(
        "gmail-noreply@google.com",
        "89d7557c0506280102495d555f@mail.gmail.com",
        "2005-06-28 08:02:11",
        "Nicolas Fouché has accepted ",
        (),
        automatic=True,
    ),
    "mail--raw_email_multiple_from": Mail(
        "tim@powerupdev.com",
        "20071022234523.5BD8E86D2@mangaverde.net",
        "2007-10-22 23:45:23",
        "<p><b>recordkick</b> 2007-10",
        (),
    ),
    "mail--raw_email_quoted_with_0d0a": Mail(
        "foo@example.com",
        "9169D984-4E0B-45EF-82D4-8F5E53AD7012@example.com",
        "2005-06-06 20:21:22",
        "A fax has arrived from",
        (),
    ),
    "mail--raw_email_string_in_date_field": Mail(
        "mikel@me.com",
        "d3b8cf8e49f04480850c28713a1f473e@lindsaar.net",
        "2008-09-20 17:04:30",
        "대부분의 마찬가지로, 우리는 하나님을 믿습니다.\n\n",
        (),
    ),
    "mail--raw_email_trailing_dot": Mail(
        "noreply@rubyforge.org",
        "20080922190628.8FB1518581AC@rubyforge.org",
        "2008-09-22 19:06:28",
        "Testing, testing, 123.",
        (),
        automatic=True,
    ),
    "mail--raw_email_with_mimepart_without_content_type": Report("bounce"),
    "mail--raw_email_with_multipart_mixed_quoted_boundary": Mail(
        "email_test@me.nowhere",
        "009601c813c6$19df3510$0437d30a@mikel091a",
        "2007-10-21 09:38:13",
        "Just attaching another PDF, ",
        ("broken.pdf",),
    ),
    "mail--raw_email_with_partially_quoted_subject": Mail(
        "jamis@37signals.com",
        "d3b8cf8e49f04480850c28713a1f473e@37signals.com",
        "2005-05-02 22:07:05",
        "대부분의 마찬가지로, 우리는 하나님을 믿습니다.\n\n",
        (),
    ),
    "mail--report_422": Report("bounce"),
    "mail--report_530": Report("bounce"),
    "mail--two_from_in_message": Mail(
        "tester1@test.com",
        "8fc5086d0912020139y1564ad32jb4f4209fa464f4a6@test.com",
        "2009-12-02 09:39:33",
        "When sending email:\n* From H",
        (),
    ),
}

# What the trimmer does not find; the whole is shown then. An attribution that is spread over seven lines, a reply
# below an attribution without marks, and a forward without a word of the sender's own.
KEPT_WHOLE = {"embedded_email_12", "embedded_email_18", "forwarded_message"}


@pytest.mark.parametrize("name", EXPECTED)
def test_recorded_mails(corpus: Path, name: str) -> None:
    expected = EXPECTED[name]
    content = (corpus / "fixtures" / "email" / "messages" / f"{name}.eml").read_bytes()
    (event,) = receive(envelope(content), account())
    if isinstance(expected, Report):
        assert isinstance(event, Unrecognized)
        assert event.what == expected.what
        return
    assert isinstance(event, MessageReceived)
    when = datetime.fromisoformat(expected.time).replace(tzinfo=UTC) if expected.time else NOW
    names = tuple(one.name for one in event.attachments)
    found = Mail(
        event.sender,
        event.message_id if expected.message_id else "",
        expected.time if event.occurred_at == when else event.occurred_at.isoformat(),
        event.text[: len(expected.text)] if expected.text else event.text,
        len(names) if isinstance(expected.files, int) else names,
        event.automatic,
    )
    assert found == expected
    assert (event.message_id == event.dedupe) is (not expected.message_id)


def test_every_recorded_mail_has_its_expectation(corpus: Path) -> None:
    found = {path.stem for path in (corpus / "fixtures" / "email" / "messages").glob("*.eml")}
    assert found == EXPECTED.keys()


def test_recorded_replies(corpus: Path) -> None:
    paths = sorted((corpus / "fixtures" / "email-reply" / "replies").glob("*.json"))
    assert len(paths) == 31
    wrong: set[str] = set()
    for path in paths:
        data = json.loads(path.read_text("utf-8"))
        name = path.stem.partition("--")[2]
        trimmed = trim(data["email"])
        if name in KEPT_WHOLE:
            assert trimmed.split() == data["email"].split(), name
        elif trimmed.split() != data["trimmed"].split():
            wrong.add(name)
    assert not wrong
