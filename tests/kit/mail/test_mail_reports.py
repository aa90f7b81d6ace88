"""Bounces, complaints and read receipts: about mails of ours only."""

from __future__ import annotations

import base64

import pytest

from omnichannel.kit.mail.threading import own_id
from omnichannel.model.event import ConsentChanged, DeliveryUpdated, MessageReceived, Unrecognized
from omnichannel.model.outcome import Outcome
from tests.kit.mail.given_mail import account, events

OWN = own_id(account(), "dlv_7:0")
ORIGINAL = f"Content-Type: message/rfc822\n\nFrom: care@example.com\nTo: Ann@example.org\nMessage-ID: <{OWN}>\n\nHello"


def report(kind: str, *parts: str, head: str = "") -> str:
    start = f"From: MAILER-DAEMON@mx.example\nMessage-ID: <9@mx.example>\n{head}"
    body = "".join(f"--b\n{part}\n" for part in parts)
    return f"{start}Content-Type: multipart/report; report-type={kind}; boundary=b\n\n{body}--b--\n"


def status(*recipients: tuple[str, str, str]) -> str:
    blocks = (f"Final-Recipient: rfc822; {who}\nAction: {action}\nStatus: {code}\n" for who, action, code in recipients)
    return "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n" + "\n".join(blocks)


@pytest.mark.parametrize(
    ("action", "code", "state", "outcome"),
    [
        ("failed", "5.1.1", "failed", Outcome.UNREACHABLE),
        ("Failed (permanently)", "5.2.2", "failed", Outcome.RETRY),
        ("delivered", "2.0.0", "delivered", None),
        ("relayed", "2.0.0", "sent", None),
        ("delayed", "4.4.1", "sent", None),
    ],
)
def test_what_a_bounce_reports(action: str, code: str, state: str, outcome: Outcome | None) -> None:
    (event,) = events(report("delivery-status", status(("ann@example.org", action, code)), ORIGINAL))
    assert isinstance(event, DeliveryUpdated)
    assert (event.receipt, event.correlation, event.recipient) == (OWN, "dlv_7:0", "ann@example.org")
    assert event.state == state
    assert (event.failure.outcome if event.failure else None) == outcome


def test_each_recipient_has_its_own_event() -> None:
    found = status(("a@x.example", "failed", "5.1.1"), ("b@x.example", "delivered", "2.0.0"), ("c@x.example", "", ""))
    first, second = events(report("delivery-status", found, ORIGINAL))
    assert isinstance(first, DeliveryUpdated)
    assert isinstance(second, DeliveryUpdated)
    assert (first.recipient, second.recipient) == ("a@x.example", "b@x.example")
    assert second.dedupe == f"{first.dedupe}:1"


def test_the_original_recipient_is_who_we_wrote_to() -> None:
    part = "Content-Type: message/delivery-status\n\nOriginal-Recipient: rfc822;ann@example.org\n"
    part += "Final-Recipient: rfc822;ann@internal.example\nAction: failed\nStatus: 5.0.0\n"
    (event,) = events(report("delivery-status", part.replace("\n\nOriginal", "\n\nX: y\n\nOriginal"), ORIGINAL))
    assert isinstance(event, DeliveryUpdated)
    assert event.recipient == "ann@example.org"


@pytest.mark.parametrize(
    "parts",
    [
        (status(("a@x.example", "failed", "5.1.1")),),
        (status(("a@x.example", "failed", "5.1.1")), ORIGINAL.replace("msg.", "gsm.")),
        (status(("a@x.example", "expired", "5.1.1")), ORIGINAL),
        ("Content-Type: message/delivery-status\n\n", ORIGINAL),
        ("Content-Type: message/feedback-report\n\nFeedback-Type: not-spam\nOriginal-Rcpt-To: a@x.example", ORIGINAL),
        ("Content-Type: message/feedback-report\n\nFeedback-Type: abuse", ORIGINAL.replace("To: Ann", "X: Ann")),
        ("Content-Type: message/disposition-notification\n\nDisposition: automatic-action/MDN; deleted", ORIGINAL),
    ],
)
def test_what_says_nothing_about_ours_is_kept_apart(parts: tuple[str, ...]) -> None:
    (event,) = events(report("delivery-status", *parts))
    assert isinstance(event, Unrecognized)
    assert event.dedupe.startswith("unrecognized:")


def test_exchange_names_the_mail_in_its_references() -> None:
    (event,) = events(
        report("delivery-status", status(("a@x.example", "failed", "5.1.10")), head=f"In-Reply-To: <{OWN}>\n")
    )
    assert isinstance(event, DeliveryUpdated)
    assert event.receipt == OWN


def test_a_coded_original_is_read() -> None:
    head = base64.encodebytes(f"Message-ID: <{OWN}>\nTo: a@x.example\n".encode()).decode()
    part = f"Content-Type: text/rfc822-headers\nContent-Transfer-Encoding: base64\n\n{head}"
    (event,) = events(report("delivery-status", status(("a@x.example", "failed", "5.1.1")), part))
    assert isinstance(event, DeliveryUpdated)


def test_a_complaint_ends_marketing_only() -> None:
    part = "Content-Type: message/feedback-report\n\nFeedback-Type: opt-out\nVersion: 1\n"
    (event,) = events(report("feedback-report", part, ORIGINAL))
    assert isinstance(event, ConsentChanged)
    assert (event.sender, event.purpose, event.granted) == ("ann@example.org", "marketing", False)
    assert event.text == "complaint: opt-out"


def test_a_read_receipt() -> None:
    part = "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;Ann@example.org\n"
    part += f"Original-Message-ID: <{OWN}>\nDisposition: manual-action/MDN-sent-manually; displayed/error\n"
    (event,) = events(report("disposition-notification", part))
    assert isinstance(event, DeliveryUpdated)
    assert (event.state, event.recipient) == ("read", "ann@example.org")


OLD = (
    "From: {sender}\nMessage-ID: <8@mx.example>\n{more}\nHi. This is the mail program.\n{why}\n\nMessage-ID: <{own}>\n"
)


def old(sender: str = "MAILER-DAEMON@mx.example", more: str = "", why: str = "", own: str = OWN) -> str:
    return OLD.format(sender=sender, more=more, why=why, own=own)


def test_bounces_written_for_people() -> None:
    (event,) = events(old(why="Remote host said: 550 5.1.1 no such user"))
    assert isinstance(event, DeliveryUpdated)
    assert event.failure is not None
    assert (event.state, event.receipt, event.failure.outcome) == ("failed", OWN, Outcome.UNREACHABLE)
    (event,) = events(old("exim@x.example", "X-Failed-Recipients: Ann@example.org\n", "554 user unknown"))
    assert isinstance(event, DeliveryUpdated)
    assert event.recipient == "ann@example.org"


@pytest.mark.parametrize(
    "content",
    [old(why="it will be tried again"), old(why="550 5.1.1 no", own="forged@example.com"), old("postmaster@x.example")],
)
def test_bounces_that_cannot_be_read_are_kept_apart(content: str) -> None:
    (event,) = events(content)
    assert isinstance(event, Unrecognized)
    assert event.what == "bounce"


def test_a_person_who_quotes_a_bounce_is_a_person() -> None:
    (event,) = events(old("ann@example.org", why="550 5.1.1 no such user"))
    assert isinstance(event, MessageReceived)
