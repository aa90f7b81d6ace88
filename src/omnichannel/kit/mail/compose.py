"""A part as a mail: headers that thread, plain text, and HTML made of that text."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import quote

from omnichannel.channel.errors import Rejected
from omnichannel.channel.wire import Link
from omnichannel.kit.mail.account import MailAccount
from omnichannel.kit.mail.addresses import canonical, mailboxes
from omnichannel.kit.mail.headers import message_id, message_ids, one_line
from omnichannel.kit.mail.threading import UNSUBSCRIBE, chain_of, own_id
from omnichannel.model.content import Location, Media, Template, Text
from omnichannel.model.message import Part
from omnichannel.model.outcome import Failure, Level, Outcome

__all__ = ["Composed", "as_html", "compose", "default_subject", "mailto", "subject_of"]

_REPLY = re.compile(
    r"(?:re|aw|sv|vs|antw|antwort|rif|ref|odp|res|回复|答复|回覆|返信)\s?(?:\[\d+\])?\s?[:\uff1a]", re.IGNORECASE
)
_URL = re.compile(r"https?://[^\s<>\"'()\[\]{}]{1,2000}")
_TRAILING = ".,;:!?"
_LINE_BREAK = "%0D%0A"
_UNSAFE_NAME = re.compile(r"[\"\\<>()@,;:\[\]]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A mail before it takes the form of a protocol or of a provider's API. `headers` hold no CR or LF."""

    recipient: str
    headers: Mapping[str, str]
    text: str
    html: str
    files: tuple[Media, ...]


def compose(account: MailAccount, part: Part) -> Composed:
    """The mail for a part. Raises `Rejected` where it has no address or cannot be said by mail."""
    recipient = _recipient(part)
    text, files = _content(part)
    if account.delimiter:
        text = f"{account.delimiter}\n\n{text}"
    headers = _headers(account, part, recipient)
    return Composed(recipient=recipient, headers=headers, text=text, html=as_html(text), files=files)


def mailto(account: MailAccount, ref: str, text: str) -> Link | None:
    """A `mailto:` whose recipient carries the reference (RFC 6068), where our host has such addresses."""
    address = account.reply_address(ref.lower())
    if address is None:
        return None
    body = quote(text.replace("\r\n", "\n"), safe="\n").replace("\n", _LINE_BREAK)
    subject = quote(default_subject(account), safe="")
    # The plus sign must be encoded: some programs take it for a space.
    return Link(f"mailto:{quote(address, safe='@')}?subject={subject}&body={body}")


def _recipient(part: Part) -> str:
    """The address as the customer wrote it, where we know it: local parts may differ by case."""
    for given in (part.aliases.get("as_received", ""), part.to):
        found = mailboxes(given)
        if len(found) == 1 and found[0].address == given and canonical(given) == canonical(part.to):
            return given
    raise _refused("not one mail address")


def _content(part: Part) -> tuple[str, tuple[Media, ...]]:
    match part.content:
        case Text() as content:
            choices = [f"{number}. {one.title}" for number, one in enumerate(content.quick_replies, 1)]
            buttons = [f"{button.title}: {button.url}" for button in content.buttons]
            return "\n".join([content.text, *choices, *buttons]), content.attachments
        case Media() as content:
            return content.caption or content.name or content.alt or "", (content,)
        case Location() as content:
            place = f"{content.latitude:.6f},{content.longitude:.6f}"
            return (
                f"{content.name or ''}\nhttps://www.openstreetmap.org/?mlat={place.replace(',', '&mlon=')}".strip(),
                (),
            )
        case Template():
            raise _refused("mail has no templates")
        case _:
            assert_never(part.content)


def _headers(account: MailAccount, part: Part, recipient: str) -> dict[str, str]:
    headers = {
        "From": _named(account.name, account.address),
        "To": recipient,
        "Subject": subject_of(account, part),
        "Message-ID": f"<{own_id(account, part.key)}>",
    }
    answers = message_ids(f"<{part.reply_to or part.context.get('message_id') or part.thread or ''}>", 1)
    known = message_ids(part.context.get("references", ""))
    if answers:
        first = (part.thread,) if part.thread and message_id(f"<{part.thread}>") == part.thread else ()
        headers["In-Reply-To"] = f"<{answers[0]}>"
        headers["References"] = chain_of((*(known or first), *answers))
    token = part.context.get("reply_token", "")
    if token and token.isascii() and token.replace("-", "").isalnum() and (back := account.reply_address(token)):
        headers["Reply-To"] = _named(account.name, back)
    if part.automatic:
        # RFC 3834 section 5; Microsoft's header stops its own automatic answers.
        headers["Auto-Submitted"] = "auto-replied" if answers else "auto-generated"
        headers["X-Auto-Response-Suppress"] = "All"
    if part.purpose == "marketing" and (leave := account.reply_address(UNSUBSCRIBE)):
        headers["List-Unsubscribe"] = f"<mailto:{quote(leave, safe='@+')}?subject=unsubscribe&body=STOP>"
    if part.language and part.language.isascii() and part.language.replace("-", "").isalnum():
        headers["Content-Language"] = part.language
    if account.loop_mark:
        headers["X-Loop"] = account.address
    return headers


def subject_of(account: MailAccount, part: Part) -> str:
    """The thread's subject with `Re:`; Gmail parts a thread where the subject changes. Never holds a line break."""
    subject = one_line(part.context.get("subject", ""))
    if not subject:
        subject = default_subject(account)
        if not (part.context.keys() - {"reply_token"} or part.thread or part.reply_to):
            return subject
    return subject if _REPLY.match(subject) else f"Re: {subject}"


def default_subject(account: MailAccount) -> str:
    """The subject of a mail that begins a thread."""
    return one_line(account.subject or (f"Your message to {account.name}" if account.name else "Your message"))


def _named(name: str, address: str) -> str:
    bare = one_line(name)
    if not bare:
        return address
    if _UNSAFE_NAME.search(bare) or "." in bare:
        escaped = bare.replace("\\", "\\\\").replace('"', '\\"')
        bare = f'"{escaped}"'
    return f"{bare} <{address}>"


def as_html(text: str) -> str:
    """Text as HTML: escaped, with paragraphs, line breaks and links, and nothing else in it."""
    paragraphs = [paragraph for paragraph in re.split(r"\n\s*\n", text.strip("\n")) if paragraph.strip()]
    body = "\n".join(f"<p>{_linked(paragraph)}</p>" for paragraph in paragraphs)
    return f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head><body>\n{body}\n</body></html>\n'


def _linked(paragraph: str) -> str:
    out: list[str] = []
    end = 0
    for found in _URL.finditer(paragraph):
        url = found[0].rstrip(_TRAILING)
        out.append(html.escape(paragraph[end : found.start()]))
        out.append(f'<a href="{html.escape(url)}">{html.escape(url)}</a>')
        end = found.start() + len(url)
    out.append(html.escape(paragraph[end:]))
    return "".join(out).replace("\n", "<br>\n")


def _refused(why: str) -> Rejected:
    """The rejection of a part that no server would change its mind about."""
    failure = Failure(outcome=Outcome.INVALID, level=Level.MESSAGE, code="not_a_mail", message=why)
    return Rejected(failure)
