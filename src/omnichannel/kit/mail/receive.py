"""A mail as events: who wrote what, to whom, in which thread, and whether a machine did."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from omnichannel.channel.wire import Envelope
from omnichannel.kit.inbound import unrecognized
from omnichannel.kit.mail.account import MailAccount
from omnichannel.kit.mail.addresses import Mailbox, canonical, mailboxes
from omnichannel.kit.mail.auth_results import assurance_of
from omnichannel.kit.mail.automatic import is_automatic
from omnichannel.kit.mail.body import Body, read_body
from omnichannel.kit.mail.bounce import Report, read_report
from omnichannel.kit.mail.headers import Fields, date_of, message_id, one_line, words
from omnichannel.kit.mail.mime import BytesReader, Leaf, Mail, default_name, scan
from omnichannel.kit.mail.threading import (
    answered,
    chain_of,
    is_ours,
    is_own,
    key_of,
    recipients,
    reference,
    root,
)
from omnichannel.model.content import Media, kind_of
from omnichannel.model.event import ChannelEvent, MessageEchoed, MessageReceived, Unrecognized

__all__ = ["receive"]

_FUTURE = timedelta(days=1)
"""How far ahead of its arrival a mail's own date may be before it is not believed."""
_CHUNK = 65_536
_SUBJECT_CAP = 500


def receive(
    envelope: Envelope, account: MailAccount, *, arrived_at: datetime | None = None, cut: bool = False
) -> tuple[ChannelEvent, ...]:
    """The events of one mail, from its bytes or its blob, which is never loaded whole. Never raises; what is no mail,
    or a report about a mail that is not ours, is `Unrecognized`.

    `arrived_at` is when our server took it, where that is known better than by the envelope; `cut` says that there was
    more of it.
    """
    try:
        return _events(envelope, account, arrived_at or envelope.received_at, cut)
    except Exception as error:
        # Whatever a stranger sends must not stop the mails behind it; a defect shows as a count of these.
        return (_unrecognized(envelope, account, "mail", f"the parser failed: {type(error).__name__}"),)


def _events(envelope: Envelope, account: MailAccount, arrived_at: datetime, cut: bool) -> tuple[ChannelEvent, ...]:
    mail = scan(envelope.blob if envelope.blob is not None else BytesReader(envelope.content))
    if not mail.fields.items:
        return (_unrecognized(envelope, account, "mail", "it has no header"),)
    dedupe = _dedupe(mail)
    occurred_at = _time(mail.fields, arrived_at.astimezone(UTC))
    report = read_report(mail, account, dedupe, occurred_at)
    if report is not None:
        return _reported(report, envelope, account)
    senders = mailboxes(*mail.fields.all("from")) or mailboxes(*mail.fields.all("sender"))
    if not senders:
        return (_unrecognized(envelope, account, "mail", "it has no sender"),)
    body = read_body(mail, account.delimiter)
    letter = _Letter(
        mail=mail,
        account=account,
        senders=senders,
        own_id=message_id(mail.fields.get("message-id")),
        body=body,
        files=tuple(_files(mail, body, envelope)),
        dedupe=dedupe,
        occurred_at=occurred_at,
        cut=cut or body.cut or mail.reader.size >= account.max_bytes,
    )
    if canonical(senders[0].address) in account.addresses and is_own(account, letter.own_id):
        return (_echoed(letter),)
    return (_received(letter),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    """A mail from a person or a program, read."""

    mail: Mail
    account: MailAccount
    senders: Sequence[Mailbox]
    own_id: str
    body: Body
    files: tuple[Media, ...]
    dedupe: str
    occurred_at: datetime
    cut: bool


def _unrecognized(envelope: Envelope, account: MailAccount, what: str, reason: str) -> Unrecognized:
    """The event for what is not understood; its key is made of its kind and its bytes."""
    digest = hashlib.sha256()
    reader = envelope.blob if envelope.blob is not None else BytesReader(envelope.content)
    for offset in range(0, reader.size, _CHUNK):
        digest.update(reader.read(offset, _CHUNK))
    return unrecognized(
        account=account.id, at=envelope.received_at, what=what, reason=reason, digest=digest.hexdigest()
    )


def _reported(report: Report, envelope: Envelope, account: MailAccount) -> tuple[ChannelEvent, ...]:
    if report.events:
        return report.events
    return (_unrecognized(envelope, account, report.what, "it is not about a mail that we sent"),)


def _dedupe(mail: Mail) -> str:
    """The same mail has the same key, whatever folder, UID or parser version: ids alone are not unique, so what
    stands in From and Date is part of it; without an id, the beginning of the text."""
    digest = hashlib.sha256()
    own = message_id(mail.fields.get("message-id"))
    for value in (own, mail.fields.get("from"), mail.fields.get("date")):
        digest.update(value.encode("utf-8", "replace") + b"\0")
    if not own:
        digest.update(mail.fields.get("subject").encode("utf-8", "replace") + b"\0")
        first = next(iter(mail.leaves), None)
        digest.update(mail.reader.read(first.offset, min(first.length, _CHUNK)) if first else b"")
    return digest.hexdigest()[:40]


def _time(fields: Fields, latest: datetime) -> datetime:
    """The mail's own date; its arrival where there is none, or one from the future."""
    found = date_of(fields.get("date"))
    return found if found is not None and found <= latest + _FUTURE else latest


def _received(letter: _Letter) -> MessageReceived:
    fields, account, body = letter.mail.fields, letter.account, letter.body
    first = letter.senders[0]
    sender = canonical(first.address)
    everybody = recipients(fields)
    ids = answered(fields)
    message = letter.own_id or letter.dedupe
    return MessageReceived(
        account=account.id,
        dedupe=letter.dedupe,
        occurred_at=letter.occurred_at,
        sender=sender,
        text=body.text,
        message_id=message,
        thread=root(fields, message),
        sender_name=_name(first),
        aliases={"as_received": first.address},
        attachments=letter.files,
        reply_to=ids[0] if ids else None,
        references=ids,
        recipients=tuple(one for one in everybody if is_ours(account, one)),
        others=tuple(one for one in everybody if not is_ours(account, one) and one != sender),
        reference=reference(account, everybody),
        language=_language(fields),
        assurance=assurance_of(fields, letter.senders, account.receiver),
        automatic=is_automatic(fields, sender, account),
        full_text=body.full if body.full.strip() != body.text else None,
        context=_context(letter),
    )


def _echoed(letter: _Letter) -> MessageEchoed:
    found = mailboxes(*letter.mail.fields.all("to"))
    return MessageEchoed(
        account=letter.account.id,
        dedupe=letter.dedupe,
        occurred_at=letter.occurred_at,
        recipient=canonical(found[0].address) if found else "",
        text=letter.body.text,
        message_id=letter.own_id,
        thread=root(letter.mail.fields, letter.own_id),
        attachments=letter.files,
        correlation=key_of(letter.own_id),
    )


def _name(sender: Mailbox) -> str | None:
    # A name that looks like another address is there to deceive.
    return None if not sender.name or "@" in sender.name else sender.name[:200]


def _language(fields: Fields) -> str | None:
    first = fields.get("content-language").partition(",")[0].strip()
    return first if first and len(first) <= 35 and first.replace("-", "").isalnum() and first.isascii() else None


def _context(letter: _Letter) -> dict[str, str]:
    """What an answer needs for its headers."""
    fields, sender = letter.mail.fields, letter.senders[0]
    context = {
        "subject": words(fields.get("subject"))[:_SUBJECT_CAP],
        "message_id": letter.own_id,
        "references": chain_of((*reversed(answered(fields)), letter.own_id)),
        "from": one_line(f"{sender.name} <{sender.address}>".strip())[:400],
    }
    replies = mailboxes(*fields.all("reply-to"))
    if replies and canonical(replies[0].address) != canonical(sender.address):
        context["reply_to"] = replies[0].address
    if letter.cut:
        context["truncated"] = "yes"
    return {name: value for name, value in context.items() if value}


def _files(mail: Mail, body: Body, envelope: Envelope) -> Iterator[Media]:
    read = {leaf.offset for leaf in body.read}
    for number, leaf in enumerate(mail.leaves, 1):
        if leaf.offset not in read and not _is_other_form(leaf):
            yield _media(leaf, number, envelope)


def _is_other_form(leaf: Leaf) -> bool:
    """Whether it says in another form what the text says (`text/enriched`, AMP); an invitation is more than that."""
    named = bool(leaf.file_name) or leaf.type == "text/calendar"
    return leaf.group is not None and leaf.type.startswith("text/") and not named


def _media(leaf: Leaf, number: int, envelope: Envelope) -> Media:
    place = f"{leaf.offset},{leaf.length},{leaf.encoding}"
    # Without a blob the bytes are in the journalled envelope itself.
    ref = f"inline:{place}" if envelope.blob_id is None else f"blob:{envelope.blob_id}#{place}"
    return Media(
        id=words(leaf.fields.get("content-id")).strip("<> ")[:200],
        kind=kind_of(leaf.type),
        name=leaf.file_name or default_name(leaf, number),
        type=leaf.type,
        size=leaf.length if leaf.encoding == "identity" else None,
        ref=ref,
    )
