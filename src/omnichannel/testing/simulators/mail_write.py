"""Mails as people's programs write them: quotes in three styles, vacation answers, bounces. Made by the standard
library, so that what reads them is not checked against itself."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Literal, TypeAlias

from omnichannel.testing.simulators.http import SimFile

Style: TypeAlias = Literal["gmail", "outlook", "apple", "plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """The mail that is answered."""

    sender: str
    message_id: str
    references: str
    subject: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail that a person writes."""

    sender: str
    name: str
    to: str
    at: datetime
    message_id: str
    text: str
    subject: str = ""
    style: Style = "gmail"
    rich: bool = True
    answers: Quoted | None = None
    cc: Sequence[str] = ()
    files: Sequence[SimFile] = ()
    headers: Mapping[str, str] | None = None


def write(letter: Letter) -> bytes:
    """The mail's bytes."""
    message = EmailMessage(policy=SMTP)
    message["From"] = formataddr((letter.name, letter.sender))
    message["To"] = letter.to
    if letter.cc:
        message["Cc"] = ", ".join(letter.cc)
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = f"<{letter.message_id}>"
    message["Subject"] = _subject(letter)
    if letter.answers is not None:
        message["In-Reply-To"] = f"<{letter.answers.message_id}>"
        message["References"] = f"{letter.answers.references} <{letter.answers.message_id}>".strip()
    for name, value in (letter.headers or {}).items():
        message[name] = value
    message.set_content(letter.text + _plain_quote(letter) + "\n", cte="quoted-printable")
    if letter.rich and letter.style != "plain":
        message.add_alternative(_rich(letter), subtype="html", cte="quoted-printable")
    for file in letter.files:
        kind, _, subtype = file.type.partition("/")
        message.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.name)
    return message.as_bytes()


def _subject(letter: Letter) -> str:
    if letter.answers is None:
        return letter.subject
    subject = letter.answers.subject
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


def _plain_quote(letter: Letter) -> str:
    quoted = letter.answers
    if quoted is None:
        return ""
    lines = quoted.text.splitlines()
    marked = "\n".join(f"> {line}" for line in lines)
    match letter.style:
        case "outlook":
            head = f"From: {quoted.sender}\nSent: {quoted.at:%A, %B %d, %Y %I:%M %p}\nTo: {letter.sender}"
            return f"\n\n________________________________\n{head}\nSubject: {quoted.subject}\n\n" + "\n".join(lines)
        case "apple":
            return f"\n\n> On {quoted.at:%d %b %Y, at %H:%M}, {quoted.sender} wrote:\n> \n{marked}"
        case _:
            return f"\n\nOn {quoted.at:%a, %b %d, %Y at %I:%M %p} <{quoted.sender}> wrote:\n\n{marked}"


def _rich(letter: Letter) -> str:
    body = "<br>".join(html.escape(line) for line in letter.text.splitlines())
    quoted = letter.answers
    if quoted is None:
        return f'<div dir="ltr">{body}</div>'
    old = "<br>".join(html.escape(line) for line in quoted.text.splitlines())
    who = html.escape(quoted.sender)
    match letter.style:
        case "outlook":
            head = f"<b>From:</b> {who}<br><b>Sent:</b> {quoted.at:%A}<br><b>Subject:</b> {html.escape(quoted.subject)}"
            return f'<div>{body}</div><hr><div id="divRplyFwdMsg">{head}</div><div>{old}</div>'
        case "apple":
            line = f"On {quoted.at:%d %b %Y, at %H:%M}, {who} wrote:"
            return f'<div>{body}</div><br><blockquote type="cite"><div>{line}</div><div>{old}</div></blockquote>'
        case _:
            line = f"On {quoted.at:%a, %b %d, %Y at %I:%M %p} &lt;{who}&gt; wrote:<br>"
            quote = f'<blockquote class="gmail_quote">{old}</blockquote>'
            return (
                f'<div dir="ltr">{body}</div><div class="gmail_quote"><div class="gmail_attr">{line}</div>{quote}</div>'
            )


def vacation(letter: Letter) -> bytes:
    """An automatic answer that somebody is away (RFC 3834)."""
    headers = {"Auto-Submitted": "auto-replied", "Precedence": "bulk", **(letter.headers or {})}
    return write(replace(letter, headers=headers, style="plain"))


def bounce(
    *, host: str, to: str, recipient: str, original: bytes, status: str, diagnostic: str, at: datetime, message_id: str
) -> bytes:
    """A delivery status notification (RFC 3464) with the headers of the mail that came back."""
    report = EmailMessage(policy=SMTP)
    report["From"] = f"Mail Delivery System <MAILER-DAEMON@{host}>"
    report["To"] = to
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Date"] = format_datetime(at)
    report["Message-ID"] = f"<{message_id}>"
    report["Auto-Submitted"] = "auto-replied"
    report["Return-Path"] = "<>"
    report["MIME-Version"] = "1.0"
    kind = b"Content-Type: multipart/report; report-type=delivery-status; boundary=bounce-boundary\r\n"
    action = "failed" if status.startswith("5") else "delayed"
    status_part = (
        f"Reporting-MTA: dns; {host}\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\nAction: {action}\r\n"
        f"Status: {status}\r\nDiagnostic-Code: smtp; {diagnostic}\r\n"
    )
    head = original.partition(b"\r\n\r\n")[0]
    parts = (
        ("text/plain; charset=us-ascii", f"Your mail to {recipient} came back.\r\n{diagnostic}\r\n".encode()),
        ("message/delivery-status", status_part.encode()),
        ("text/rfc822-headers", head + b"\r\n"),
    )
    body = b"".join(
        b"--bounce-boundary\r\nContent-Type: " + label.encode() + b"\r\n\r\n" + text + b"\r\n" for label, text in parts
    )
    return kind + report.as_bytes() + body + b"--bounce-boundary--\r\n"
