"""What machines report about mails of ours: bounces (RFC 3464), complaints (RFC 5965), read receipts (RFC 8098).

A report counts only where it names a Message-ID that we made: anything else may be forged, or about somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from omnichannel.kit.mail.account import MailAccount
from omnichannel.kit.mail.addresses import canonical, mailboxes
from omnichannel.kit.mail.headers import Fields, message_id
from omnichannel.kit.mail.mime import Leaf, Mail
from omnichannel.kit.mail.status import judge_report
from omnichannel.kit.mail.threading import answered, is_own, key_of, own_ids_in
from omnichannel.model.event import ChannelEvent, ConsentChanged, DeliveryUpdated
from omnichannel.model.outcome import Failure

__all__ = ["Report", "read_report"]

_REPORTS = {
    "message/delivery-status": "bounce",
    "message/global-delivery-status": "bounce",
    "message/feedback-report": "complaint",
    "message/disposition-notification": "read receipt",
    "message/global-disposition-notification": "read receipt",
}
_ORIGINALS = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global")
_STILL_ON_ITS_WAY = ("relayed", "expanded", "delayed")
_REFUSAL = re.compile(r"\b5\d\d[ -]\d\.\d{1,3}\.\d{1,3}\b|\b55[0-4][ -]")
_RECIPIENTS_CAP = 50


@dataclass(frozen=True, slots=True)
class Report:
    """A report: its sort, and its events where it is about a mail of ours."""

    what: str
    events: tuple[ChannelEvent, ...]


@dataclass(frozen=True, slots=True)
class _About:
    account: str
    dedupe: str
    occurred_at: datetime
    receipt: str


def read_report(mail: Mail, account: MailAccount, dedupe: str, occurred_at: datetime) -> Report | None:
    """The report in a mail, or None where there is none."""
    machine = [leaf for leaf in mail.leaves if leaf.type in _REPORTS]
    if not machine:
        return _old_bounce(mail, account, dedupe, occurred_at)
    what = _REPORTS[machine[0].type]
    own = next(_own_ids(mail, account, machine), None)
    if own is None:
        return Report(what, ())
    about = _About(account.id, dedupe, occurred_at, own)
    match what:
        case "bounce":
            return Report(what, tuple(_bounces(mail, machine, about)))
        case "complaint":
            return Report(what, tuple(_complaint(mail, machine[0], about)))
        case _:
            return Report(what, tuple(_read(mail, machine[0], about)))


def _own_ids(mail: Mail, account: MailAccount, machine: list[Leaf]) -> Iterator[str]:
    for fields in _originals(mail):
        if is_own(account, one := message_id(fields.get("message-id"))):
            yield one
    for leaf in machine:
        for fields in mail.blocks(leaf):
            if is_own(account, one := message_id(fields.get("original-message-id"))):
                yield one
    # Exchange names the mail in the references of its report.
    yield from (one for one in answered(mail.fields) if is_own(account, one))


def _originals(mail: Mail) -> Iterator[Fields]:
    for leaf in mail.leaves:
        if leaf.type in _ORIGINALS:
            yield from mail.blocks(leaf)[:1]


def _bounces(mail: Mail, machine: list[Leaf], about: _About) -> Iterator[ChannelEvent]:
    blocks = [fields for leaf in machine for fields in mail.blocks(leaf) if fields.has("action")]
    for number, fields in enumerate(blocks[:_RECIPIENTS_CAP]):
        action = fields.get("action").split(maxsplit=1)[0].lower() if fields.get("action") else ""
        recipient = _typed_address(fields.get("original-recipient") or fields.get("final-recipient"))
        if action == "failed":
            failure = judge_report(fields.get("status"), fields.get("diagnostic-code"))
            yield _update(about, number, "failed", recipient, failure)
        elif action == "delivered":
            yield _update(about, number, "delivered", recipient)
        elif action in _STILL_ON_ITS_WAY:
            yield _update(about, number, "sent", recipient)


def _update(
    about: _About,
    number: int,
    state: Literal["sent", "delivered", "read", "failed"],
    recipient: str,
    failure: Failure | None = None,
) -> DeliveryUpdated:
    return DeliveryUpdated(
        account=about.account,
        dedupe=f"{about.dedupe}:{number}" if number else about.dedupe,
        occurred_at=about.occurred_at,
        receipt=about.receipt,
        state=state,
        recipient=recipient,
        correlation=key_of(about.receipt),
        failure=failure,
    )


def _complaint(mail: Mail, leaf: Leaf, about: _About) -> Iterator[ChannelEvent]:
    fields = next(iter(mail.blocks(leaf)), Fields())
    sort = fields.get("feedback-type").strip().lower() or "abuse"
    original = next(_originals(mail), Fields())
    found = mailboxes(fields.get("original-rcpt-to")) or mailboxes(original.get("to"))
    if found and sort != "not-spam":
        yield ConsentChanged(
            account=about.account,
            dedupe=about.dedupe,
            occurred_at=about.occurred_at,
            sender=canonical(found[0].address),
            purpose="marketing",
            granted=False,
            text=f"complaint: {sort[:40]}",
        )


def _read(mail: Mail, leaf: Leaf, about: _About) -> Iterator[ChannelEvent]:
    fields = next(iter(mail.blocks(leaf)), Fields())
    disposition = fields.get("disposition").rpartition(";")[2].strip().lower()
    if disposition.partition("/")[0] == "displayed":
        yield _update(about, 0, "read", _typed_address(fields.get("final-recipient")))


def _typed_address(value: str) -> str:
    """The address in `rfc822; user@example.com`."""
    found = mailboxes(value.partition(";")[2] or value)
    return canonical(found[0].address) if found else ""


def _old_bounce(mail: Mail, account: MailAccount, dedupe: str, occurred_at: datetime) -> Report | None:
    """A bounce for people (qmail, Exim): from the mail system, with our Message-ID and an SMTP refusal in its text."""
    senders = mailboxes(*mail.fields.all("from"))
    local = senders[0].address.partition("@")[0].lower() if senders else ""
    failed = mail.fields.get("x-failed-recipients")
    if local not in ("mailer-daemon", "postmaster") and not failed:
        return None
    text = "\n".join(mail.text(leaf, 65_536)[0] for leaf in mail.leaves[:3] if not leaf.attached)
    own = next(iter(own_ids_in(account, text)), None)
    if own is None:
        own = next(_own_ids(mail, account, []), None)
    refusal = _REFUSAL.search(text)
    if own is None or refusal is None:
        return Report("bounce", ())
    failure = judge_report("", text[refusal.start() : refusal.start() + 300])
    about = _About(account.id, dedupe, occurred_at, own)
    return Report("bounce", (_update(about, 0, "failed", _typed_address(failed), failure),))
