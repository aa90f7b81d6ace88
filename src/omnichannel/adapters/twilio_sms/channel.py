"""The SMS channel by Twilio: admission, flows, links."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar

from omnichannel.adapters.twilio_sms import poll, render
from omnichannel.adapters.twilio_sms import surfaces as facts
from omnichannel.adapters.twilio_sms.account import TwilioSmsAccount
from omnichannel.adapters.twilio_sms.admit import HEADER, is_twilios
from omnichannel.adapters.twilio_sms.errors import ERRORS, SEE, late_failure
from omnichannel.adapters.twilio_sms.numbers import Numbers
from omnichannel.adapters.twilio_sms.parse import parse
from omnichannel.channel import (
    Accept,
    Admission,
    Batch,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    ErrorTable,
    Failure,
    Flow,
    Form,
    HttpReply,
    HttpRequest,
    Keys,
    Level,
    Lifecycle,
    Link,
    LinkCapacity,
    Outcome,
    Part,
    PriceFact,
    Receipt,
    Refuse,
    Rejected,
    Token,
)
from omnichannel.channel.base import SourceKind
from omnichannel.kit.flows import read
from omnichannel.kit.oauth import authorized
from omnichannel.kit.phone import country_of
from omnichannel.kit.shapes import member, text_of, values_of
from omnichannel.kit.sms import is_toll_free, sender_kind, sms_link
from omnichannel.kit.urls import same_origin, with_reference
from omnichannel.model.content import Media

# Empty TwiML: we answer by the API, so that there is one way to send and one id.
_ACCEPT = Accept(HttpReply(200, b"<Response/>", "text/xml; charset=utf-8"))
_ACCOUNT_STATES: Mapping[str, tuple[Outcome, Level]] = {
    "suspended": (Outcome.SUSPENDED, Level.ACCOUNT),
    "closed": (Outcome.WITHDRAWN, Level.ACCOUNT),
}


class TwilioSmsChannel(Channel[TwilioSmsAccount]):
    """One sender of SMS and MMS at Twilio."""

    adapter: ClassVar[str] = "twilio_sms"
    channel: ClassVar[str] = "sms"
    surfaces: ClassVar[Mapping[str, Capabilities]] = facts.SURFACES
    errors: ClassVar[ErrorTable] = ERRORS
    lifecycle: ClassVar[Lifecycle] = facts.LIFECYCLE
    prices: ClassVar[Sequence[PriceFact]] = facts.PRICES
    link_capacity: ClassVar[LinkCapacity | None] = facts.LINK_CAPACITY
    body_limit: ClassVar[int] = facts.BODY_LIMIT
    vendor: ClassVar[str] = "twilio"
    default_sources: ClassVar[tuple[SourceKind, ...]] = ("poll",)
    webhook_secret: ClassVar[str | None] = facts.SIGNED_WITH
    webhook_url: ClassVar[str | None] = "webhook_url"

    def __init__(self, account: TwilioSmsAccount, accounts: Sequence[TwilioSmsAccount] = ()) -> None:
        super().__init__(account, accounts)
        self._numbers = Numbers.of(account, self.accounts)
        self._secrets = tuple(dict.fromkeys(secret for one in self.accounts for secret in one.auth_token))
        self._dm = narrowed(facts.DM, account)

    def surface(self, name: str) -> Capabilities | None:
        """The rate of this sender, and files only where it can send them."""
        return self._dm if name in self.surfaces else None

    # -- inbound

    def admit(self, envelope: Envelope, now: datetime, keys: Keys) -> Admission:
        """The signature over the URL that we gave Twilio and the fields of the form.

        https://www.twilio.com/docs/usage/webhooks/webhooks-security
        """
        if HEADER not in envelope.headers:
            return _ACCEPT if self.account.allow_unsigned else Refuse("the webhook is not signed", status=403)
        if is_twilios(envelope, self._secrets):
            return _ACCEPT
        return Refuse("the signature is not Twilio's for this URL", status=403)

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        """Messages, words of Advanced Opt-Out and statuses, of every number behind the endpoint."""
        return parse(self._numbers, envelope)

    def poll(self, cursor: str | None) -> Flow[Batch]:
        """What Twilio lists of this sender and we have not taken yet."""
        mine = frozenset({*self.account.own_numbers, *([self.account.sender] if self.account.sender else ())})
        service = self.account.messaging_service_sid
        return (yield from poll.poll(self.call, lambda item: poll.is_between(item, mine, service), cursor))

    # -- outbound

    def send(self, part: Part) -> Flow[Receipt]:
        """One message, of as many segments as its text takes."""
        fields = render.message(self.account, part)
        request = HttpRequest(method="POST", url="Messages.json", body=Form(fields), cost=render.cost(fields))
        try:
            answer = yield from self.call(request)
        except Rejected as refusal:
            if refusal.failure.level is not Level.COUNTRY:
                raise
            raise Rejected(replace(refusal.failure, country=country_of(part.to))) from None
        sid = self.require(answer, "sid")
        if text_of(member(answer, "status")) in ("failed", "undelivered"):
            words = text_of(member(answer, "error_message")) or "refused at once"
            raise Rejected(late_failure(text_of(member(answer, "error_code")), words))
        return Receipt((sid,))

    # -- credentials and health

    def sign(self, request: HttpRequest, token: Token | None, now: datetime, nonce: str) -> HttpRequest:
        """The credentials go to Twilio's own API alone, whatever URL an answer named."""
        account = self.account
        url = self._whole(request.url)
        if not (same_origin(url, account.base_url) or same_origin(url, account.messaging_url)):
            return replace(request, url=url)
        user, secret = account.account_sid, next((one.get_secret_value() for one in account.auth_token), "")
        if account.api_key is not None:
            user, secret = account.api_key, account.api_secret.get_secret_value()
        basic = base64.b64encode(f"{user}:{secret}".encode("utf-8", "surrogatepass")).decode("ascii")
        return authorized(replace(request, url=url), f"Basic {basic}")

    def _whole(self, url: str) -> str:
        if "://" in url:
            return url
        base = self.account.base_url.rstrip("/")
        return f"{base}{url}" if url.startswith("/") else f"{base}/{facts.API}/Accounts/{self._sid}/{url}"

    @property
    def _sid(self) -> str:
        return self.account.account_sid

    def probe(self) -> Flow[Failure | None]:
        """Reads the account, and whether the number or the Messaging Service is still there and can send."""
        try:
            account = yield from self._read(f"/{facts.API}/Accounts/{self._sid}.json")
            state = text_of(member(account, "status")) or ""
            if state in _ACCOUNT_STATES:
                outcome, level = _ACCOUNT_STATES[state]
                return Failure(outcome=outcome, level=level, code=state, message=f"the account is {state}", see=SEE)
            return (yield from self._probe_sender())
        except Rejected as refusal:
            return refusal.failure

    def _probe_sender(self) -> Flow[Failure | None]:
        service, sender = self.account.messaging_service_sid, self.account.sender
        if service is not None:
            yield from self._read(f"{self.account.messaging_url.rstrip('/')}/v1/Services/{service}")
            return None
        if sender is None or sender_kind(sender) != "number":
            return None  # short codes and names are in no list that can be asked for one
        found = yield from self._read("IncomingPhoneNumbers.json", (("PhoneNumber", sender),))
        numbers = values_of(member(found, "incoming_phone_numbers"))
        if any(member(member(one, "capabilities"), "sms") is True for one in numbers):
            return None
        why = f"{sender} cannot send SMS" if numbers else f"{sender} is not a number of this account"
        return Failure(outcome=Outcome.AUTH, level=Level.ACCOUNT, code="sender", message=why, see=SEE)

    def _read(self, url: str, query: tuple[tuple[str, str], ...] = ()) -> Flow[Any]:
        return (yield from self.call(read(url, "read", query)))

    # -- fetching and links

    def locate(self, media: Media) -> Flow[HttpRequest]:
        """A file at Twilio, which leads on to where it is stored; it wants our credentials where the account says so.

        https://www.twilio.com/docs/messaging/api/media-resource
        """
        yield from ()
        url = media.ref.removeprefix("platform:")
        return read(url, "media")

    def link(self, ref: str, text: str) -> Link | None:
        """An sms: link with the reference in the text that it fills in, where the customer may edit it away; none to
        a name that takes no answers."""
        number = next(iter(self.account.own_numbers), None)
        return None if number is None else Link(sms_link(number, with_reference(text, ref)))


def narrowed(dm: Capabilities, account: TwilioSmsAccount) -> Capabilities:
    """What this sender can do of all that: its own rate, and no MMS from where there is none."""
    count = account.rate or _rate_of(account)
    dm = replace(dm, rates=(facts.rate(count),))
    if account.mms if account.mms is not None else _has_mms(account):
        return dm
    return replace(dm, media=MappingProxyType({}), features=MappingProxyType({}))


def _rate_of(account: TwilioSmsAccount) -> int:
    numbers = account.own_numbers
    if not numbers:
        # A service that says nothing of its pool: Twilio's queue knows better than we do.
        return facts.NAME_RATE if account.messaging_service_sid is None else facts.SHORT_CODE_RATE
    return sum(_number_rate(one) for one in (numbers if account.messaging_service_sid else numbers[:1]))


def _number_rate(number: str) -> int:
    if sender_kind(number) == "short_code":
        return facts.SHORT_CODE_RATE
    return facts.TOLL_FREE_RATE if is_toll_free(number) else facts.LONG_CODE_RATE


def _has_mms(account: TwilioSmsAccount) -> bool:
    numbers = [one for one in account.own_numbers if sender_kind(one) == "number"]
    if not numbers:
        return account.messaging_service_sid is not None
    return any(country_of(one) in facts.MMS_COUNTRIES for one in numbers)
