"""From Twilio's webhooks and lists to events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias

from pydantic import ValidationError

from omnichannel.adapters.twilio_sms.errors import late_failure
from omnichannel.adapters.twilio_sms.numbers import Numbers
from omnichannel.adapters.twilio_sms.surfaces import MEDIA_FILES
from omnichannel.adapters.twilio_sms.wire import LISTED, Listed
from omnichannel.channel import (
    ChannelEvent,
    ConsentChanged,
    DeliveryUpdated,
    Envelope,
    MessageEchoed,
    MessageReceived,
    Unrecognized,
)
from omnichannel.kit.forms import form_fields, form_pairs
from omnichannel.kit.inbound import body_of, unrecognized
from omnichannel.kit.phone import international
from omnichannel.kit.records import constructor
from omnichannel.model.address import Assurance
from omnichannel.model.base import NOTHING
from omnichannel.model.content import Media, kind_of

State: TypeAlias = Literal["sent", "delivered", "read", "failed"]
Fields: TypeAlias = Mapping[str, str]
Keep: TypeAlias = Callable[[str, str], Unrecognized]

_STATES: Mapping[str, State] = {
    "sent": "sent",
    "partially_delivered": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
# On the way, or a message that comes in: known, and nothing to tell.
_ON_THE_WAY = frozenset({"accepted", "scheduled", "queued", "sending", "receiving", "received"})
_INBOUND = frozenset({"", "receiving", "received"})
_ANSWERED_BY_TWILIO = frozenset({"STOP", "HELP"})
_received, _updated = constructor(MessageReceived), constructor(DeliveryUpdated)
# Looked up once: an enumeration's member costs more than a name.
VERIFIED, UNKNOWN = Assurance.VERIFIED, Assurance.UNKNOWN


def parse(numbers: Numbers, envelope: Envelope) -> Sequence[ChannelEvent]:
    """The events in a webhook or in a message that a poll found: the same for the same bytes. Never raises."""
    body = body_of(envelope)

    def keep(what: str, reason: str) -> Unrecognized:
        content = body.decode("utf-8", "replace")
        return unrecognized(account=numbers.main, at=envelope.received_at, what=what, reason=reason, content=content)

    if envelope.source == "poll":
        return _listed(numbers, envelope.received_at, body, keep)
    if envelope.method == "GET":
        fields: Fields = {name: value.replace("\0", "") for name, value in envelope.query.items()}
    else:
        pairs = form_pairs(body)
        if pairs is None:
            return [keep("payload", "not a form")]
        fields = form_fields(pairs)
    # The last names are those of the oldest API: https://www.twilio.com/docs/messaging/guides/webhook-request
    sid = fields.get("MessageSid") or fields.get("SmsSid") or fields.get("SmsMessageSid")
    if not sid:
        return [keep("payload", "without the id of a message")]
    status = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
    if status not in _INBOUND:
        return _status(numbers, envelope, sid, status, fields, keep)
    return _message(numbers, envelope.received_at, sid, fields, keep)


# ---------------------------------------------------------------- what customers write


def customer_of(address: str) -> tuple[str, bool] | None:
    """The value of a customer's address, and whether it is a person's; None on a channel that is not read here.

    RCS is SMS with another name in front: the same number, the same Messaging Service, and our answer reaches it.
    """
    number = address.removeprefix("rcs:")
    if not number or ":" in number:
        return None
    if number.startswith("+") and number[1:].isdecimal() and number.isascii():
        return international(number), True
    return number, False


def _message(
    numbers: Numbers, at: datetime, sid: str, fields: Fields, keep: Keep, media: tuple[Media, ...] | None = None
) -> Sequence[ChannelEvent]:
    who = customer_of(fields.get("From", ""))
    if who is None:
        return [keep("sender", "not somebody's number")]
    sender, person = who
    account = numbers.account(fields.get("AccountSid", ""), fields.get("To", ""), fields.get("MessagingServiceSid", ""))
    if account is None:
        return [keep("recipient", "no account here has this number, Messaging Service or Twilio account")]
    word, text = fields.get("OptOutType", "").upper(), fields.get("Body", "")
    recipient = fields.get("To")
    received = _received(
        account=account,
        dedupe=sid,
        occurred_at=at,
        sender=sender,
        text=text,
        message_id=sid,
        attachments=_attached(fields) if media is None else media,
        recipients=(recipient,) if recipient else (),
        # A network knows its subscribers; names and short codes are lent to whoever asks, and are machines.
        assurance=VERIFIED if person else UNKNOWN,
        automatic=not person or word in _ANSWERED_BY_TWILIO,
        context=_kept(word, recipient if account in numbers.several else None) if word or numbers.several else NOTHING,
    )
    if word not in ("STOP", "START"):
        return [received]
    # Advanced Opt-Out knows the words that its owner chose, in any language: it is asked before our own list.
    # https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
    consent = ConsentChanged(
        account=account,
        dedupe=f"{sid}:{word.lower()}",
        occurred_at=at,
        sender=sender,
        purpose="all",
        granted=word == "START",
        text=text,
    )
    return [received, consent]


def _kept(word: str, number: str | None) -> Mapping[str, str]:
    """What comes back with an answer: the number that was written to, where the account has several."""
    kept = {"opt_out_type": word} if word else {}
    if number:
        kept["number"] = number
    return kept or NOTHING


def _attached(fields: Fields) -> tuple[Media, ...]:
    count = fields.get("NumMedia", "0")
    if count == "0" or not (count.isascii() and count.isdigit()):
        return ()
    found: list[Media] = []
    for index in range(min(int(count[:4]), MEDIA_FILES)):
        url = fields.get(f"MediaUrl{index}", "")
        if url.startswith("https://"):
            found.append(media_at(url, fields.get(f"MediaContentType{index}", "")))
    return tuple(found)


def media_at(url: str, media_type: str) -> Media:
    """A file at Twilio, which may want our credentials."""
    known = media_type or "application/octet-stream"
    return Media(kind=kind_of(known), type=known, ref=f"platform:{url}")


# ---------------------------------------------------------------- what became of ours


def _status(
    numbers: Numbers, envelope: Envelope, sid: str, status: str, fields: Fields, keep: Keep
) -> Sequence[ChannelEvent]:
    state = _STATES.get(status)
    if state is None:
        return [] if status in _ON_THE_WAY else [keep("status", f"status {status[:40]}")]
    # We put both into the URL that Twilio calls, and the URL is signed.
    account = envelope.query.get("account")
    if account not in numbers.ids:
        service = fields.get("MessagingServiceSid", "")
        account = numbers.account(fields.get("AccountSid", ""), fields.get("From", ""), service)
    if account is None:
        return [keep("sender", "no account here has this number, Messaging Service or Twilio account")]
    who = customer_of(fields.get("To", ""))
    error = fields.get("ErrorCode") or (status if status == "canceled" else None)
    return [
        _updated(
            account=account,
            dedupe=f"{sid}:{status}",
            occurred_at=envelope.received_at,
            receipt=sid,
            state=state,
            recipient=who[0] if who else "",
            correlation=envelope.query.get("part") or None,
            failure=late_failure(error, fields.get("ErrorMessage") or f"the message is {status}")
            if state == "failed"
            else None,
        )
    ]


# ---------------------------------------------------------------- what a poll found


def moment(written: str | None, otherwise: datetime) -> datetime:
    """A time as the API writes it (RFC 2822), or the other one where it is none."""
    try:
        at = parsedate_to_datetime(written) if written else otherwise
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return otherwise


def _listed(numbers: Numbers, received_at: datetime, body: bytes, keep: Keep) -> Sequence[ChannelEvent]:
    try:
        found = LISTED.validate_json(body)
    except ValidationError:
        return [keep("message", "not a message of the API")]
    message = found["message"]
    at = moment(message.get("date_sent") or message.get("date_created"), received_at)
    if message.get("direction") == "inbound":
        fields = {
            "From": message.get("from") or "",
            "To": message.get("to") or "",
            "Body": (message.get("body") or "").replace("\0", ""),
            "AccountSid": message.get("account_sid") or "",
            "MessagingServiceSid": message.get("messaging_service_sid") or "",
        }
        return _message(numbers, at, message["sid"], fields, keep, _files(found))
    return _ours(numbers, at, found, keep)


def _files(found: Listed) -> tuple[Media, ...]:
    sid = found["message"]["sid"]
    return tuple(
        media_at(f"Messages/{sid}/Media/{one['sid']}", one.get("content_type") or "") for one in found.get("media", ())
    )


def _ours(numbers: Numbers, at: datetime, found: Listed, keep: Keep) -> Sequence[ChannelEvent]:
    """A message of ours: an echo, which settles what was unknown, and how far it has come."""
    message = found["message"]
    sid, status = message["sid"], message.get("status") or ""
    service = message.get("messaging_service_sid") or ""
    account = numbers.account(message.get("account_sid") or "", message.get("from") or "", service)
    who = customer_of(message.get("to") or "")
    if account is None or who is None:
        return [keep("message", "not between a customer and a number of ours")]
    echo = MessageEchoed(
        account=account, dedupe=sid, occurred_at=at, recipient=who[0], text=message.get("body") or "", message_id=sid
    )
    state = _STATES.get(status)
    if state is None:
        return [echo]
    error = message.get("error_code")
    words = message.get("error_message") or f"the message is {status}"
    failure = late_failure(None if error is None else str(error), words) if state == "failed" else None
    told = DeliveryUpdated(
        account=account,
        dedupe=f"{sid}:{status}",
        occurred_at=at,
        receipt=sid,
        state=state,
        recipient=who[0],
        failure=failure,
    )
    return [echo, told]
