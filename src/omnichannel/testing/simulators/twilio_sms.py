"""Simulated Twilio: Programmable Messaging (API 2010-04-01) as the platform itself behaves."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar, cast

from omnichannel.channel.base import Account as OurAccount
from omnichannel.kit.phone import country_of
from omnichannel.kit.sms import is_toll_free, sms_segments
from omnichannel.testing.simulators.base import Request, Response, Seen, WithdrawalMode, fill, json_response, route
from omnichannel.testing.simulators.twilio_sms_read import TwilioSmsRead
from omnichannel.testing.simulators.twilio_sms_rules import WORDS, Refused, check_content, fields_of, is_e164
from omnichannel.testing.simulators.twilio_sms_state import (
    API,
    QUEUE,
    TRIAL,
    Account,
    File,
    Line,
    Message,
    Service,
    Step,
)
from omnichannel.testing.simulators.webhooks import Post, WebhookRequest

__all__ = ["TwilioSmsSimulator"]

AccountT = TypeVar("AccountT", bound=OurAccount)

MMS_COUNTRIES = frozenset({"AU", "CA", "US"})
NO_NAMES = frozenset({"CA", "CN", "US"})
"""Countries whose networks take no names as senders: https://help.twilio.com/articles/223133767"""
CALLS_A_SECOND = 100
_A_MOMENT = timedelta(milliseconds=100)
_LINK = re.compile(r"(?:https?://|sms:|mailto:)\S+")


class TwilioSmsSimulator(TwilioSmsRead):
    """Twilio's API for messages, the customers' phones, and its webhooks.

    What a carrier tells only later (landline, unreachable, blocked, filtered, no MMS) is a 201 here too, and a failed
    status afterwards. A webhook is tried once more where no connection can be made, and never after an answer.
    """

    channel: ClassVar[str] = "sms"
    adapter: ClassVar[str] = "twilio_sms"
    hosts: ClassVar[tuple[str, ...]] = ("api.twilio.com", "messaging.twilio.com", "mms.twiliocdn.com")
    links: ClassVar[tuple[str, ...]] = ("sms:",)
    webhook_retries: ClassVar[tuple[timedelta, ...]] = (timedelta(seconds=1),)

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        seed: int = 0,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(now=now, seed=seed, sleep=sleep)
        self.at: dict[str, Account] = {}
        self.lines: dict[str, Line] = {}
        self.services: dict[str, Service] = {}
        self.messages: dict[str, Message] = {}
        self.files: dict[str, File] = {}
        self.opted_out: set[tuple[str, str]] = set()
        self.answered: list[tuple[str, str]] = []
        """What Twilio itself answered to STOP, START and HELP."""
        self.late: dict[str, int] = {}
        """Handles whose messages fail later, with this code (30003 off, 30005 unknown, 30006 landline ...)."""
        self.not_mobile: set[str] = set()
        """Numbers that Twilio itself knows to take no SMS: refused at once."""
        self.protected_media = False

    # -- our accounts

    def adopt(self, account: AccountT) -> AccountT:
        """Registers a sender. All of one Twilio account share its tokens."""
        given = cast(Any, account)
        here = self.at.get(given.account_sid)
        token = here.tokens[0] if here else f"{self.random.getrandbits(128):032x}"
        values = {
            "auth_token": token,
            **({"api_secret": f"{self.random.getrandbits(128):032x}"} if given.api_key else {}),
        }
        filled = fill(account, values, self.random)
        self.accounts[account.id] = filled
        self._register(cast(Any, filled))
        return filled

    def _register(self, ours: Any) -> None:
        sid: str = ours.account_sid
        tokens = [one.get_secret_value() for one in ours.auth_token]
        here = self.at.setdefault(sid, Account(sid=sid, tokens=tokens, created_at=self.now()))
        if ours.api_key:
            here.keys[ours.api_key] = ours.api_secret.get_secret_value()
        numbers = dict.fromkeys((*([ours.sender] if ours.sender else ()), *ours.numbers))
        for number in numbers:
            self.buy(ours.id, sid, number)
        if ours.messaging_service_sid:
            service = Service(sid=ours.messaging_service_sid, account_sid=sid, account_id=ours.id)
            service.pool = list(numbers)
            self.services[service.sid] = service

    def buy(self, account_id: str, account_sid: str, number: str) -> Line:
        """A sender for an account: a number, a short code or a name."""
        toll_free = is_toll_free(number)
        rate = 3 if toll_free else 100 if number.isdigit() else 1 if number.startswith("+") else 10
        self.lines[number] = Line(
            sid=self.hex_id("PN"),
            number=number,
            account_sid=account_sid,
            account_id=account_id,
            rate=rate,
            mms=number.startswith("+") and country_of(number) in MMS_COUNTRIES,
            free_at=self.now(),
        )
        return self.lines[number]

    def account_at(self, account_id: str) -> Account:
        """What Twilio knows of the account behind one of our senders: suspend it, make it a trial, rotate its token."""
        return self.at[cast(Any, self.accounts[account_id]).account_sid]

    def suspend(self, account_id: str, *, suspended: bool = True, funds: bool = False) -> None:
        """Twilio suspends the account, for its policy or because no money is left; or takes it back."""
        here = self.account_at(account_id)
        here.status = "suspended" if suspended else "active"
        here.balance = "-1.00" if suspended and funds else "20.00"

    # -- HTTP

    def country_of(self, request: Request) -> str | None:
        """The country of whoever a send is for."""
        if request.method != "POST" or not request.path.endswith("/Messages.json"):
            return None
        to = dict(request.form()).get("To", "")
        person = self.customers.get(to)
        return person.country if person else country_of(to)

    def gone(self, mode: WithdrawalMode, request: Request) -> Response | None:
        """Twilio-shaped answers of an API that has been withdrawn."""
        match mode:
            case "402":
                return Refused(20402, "Payment is required to use this API", status=402).response
            case "403-plan":
                return Refused(20403, "Your plan does not include this API", status=403).response
            case "410":
                return Refused(20410).response
            case "200-with-error":
                return json_response({"code": 20410, "message": WORDS[20410], "status": 410})
            case _:
                return super().gone(mode, request)

    def rate_limited(self, request: Request) -> Response:
        """Too many requests at a time."""
        return Refused(20429).response

    def server_error(self, request: Request) -> Response:
        """Twilio's own trouble."""
        return Refused(20503).response

    def check_access(self, request: Request, sid: str | None) -> Account:
        """The account that a request is about, if its credentials are good for it. Raises `Refused`."""
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Refused(20003) from None
        for here in self.at.values():
            known = here.tokens if user == here.sid else [here.keys[user]] if user in here.keys else []
            if kind.lower() == "basic" and secret and secret in known:
                if sid not in (None, here.sid):
                    raise Refused(20404)
                self._check_calls(here)
                return here
        raise Refused(20003)

    def _check_calls(self, here: Account) -> None:
        now = self.now()
        here.calls = [at for at in here.calls if now - at < timedelta(seconds=1)]
        if len(here.calls) >= CALLS_A_SECOND:
            raise Refused(20429)
        here.calls.append(now)

    @route("POST", API + "/Accounts/{account}/Messages.json")
    async def create(self, request: Request) -> Response:
        """Send a message."""
        here = self.check_access(request, request.path_params["account"])
        if here.status != "active":
            words = "Account balance is not sufficient" if here.balance.startswith("-") else None
            raise Refused(20005, words)
        fields = fields_of(request)
        check_content(fields)
        to, service = fields["To"][0], fields.get("MessagingServiceSid", [""])[0]
        line = self._line(here, fields.get("From", [""])[0], service, to)
        self._check_recipient(here, line, to)
        pool = self.services.get(service) or next((s for s in self.services.values() if line.number in s.pool), None)
        if (self.scope(line, pool), to) in self.opted_out:
            raise Refused(21610)
        body = fields.get("Body", [""])[0]
        body = f"{TRIAL}{body}" if here.kind == "Trial" else body
        segments = sms_segments(body).segments
        if not service and line.wait(self.now(), segments) > QUEUE:
            raise Refused(21611)
        message = self._queue(here, line, service, to, body, segments, fields)
        return json_response(message.shape(self.now()), 201)

    def _line(self, here: Account, sender: str, service_sid: str, to: str) -> Line:
        """Who sends. Raises `Refused`."""
        if service_sid:
            service = self.services.get(service_sid)
            if service is None or service.account_sid != here.sid:
                raise Refused(21701)
            if sender and sender not in service.pool:
                raise Refused(21606)
            sender = sender or service.choose(to) or ""
            if not sender:
                raise Refused(21704)
        line = self.lines.get(sender)
        if line is None or line.account_sid != here.sid or not line.sms:
            raise Refused(21606 if is_e164(sender) or not sender.startswith("+") else 21212)
        return line

    def _check_recipient(self, here: Account, line: Line, to: str) -> None:
        if not is_e164(to):
            raise Refused(21211, f"The 'To' number {to} is not a valid phone number")
        country = country_of(to)
        if here.countries is not None and country not in here.countries:
            raise Refused(21408)
        if here.kind == "Trial" and to not in here.verified:
            raise Refused(21608)
        if to in self.not_mobile:
            raise Refused(21614)
        if not line.number.strip("+").isdigit() and country in NO_NAMES:
            raise Refused(21612)

    # -- what becomes of it

    def _queue(
        self,
        here: Account,
        line: Line,
        service: str,
        to: str,
        body: str,
        segments: int,
        fields: Mapping[str, list[str]],
    ) -> Message:
        now, media = self.now(), fields.get("MediaUrl", [])
        wait = line.wait(now, segments)
        out_at = line.take(now, 1 if media else segments)
        message = Message(
            sid=self.hex_id("MM" if media else "SM"),
            account_sid=here.sid,
            account_id=line.account_id,
            direction="outbound-api",
            sender=line.number,
            to=to,
            body=body,
            segments=segments,
            created_at=now,
            service=service or None,
            steps=[Step(now, "accepted" if service else "queued")],
            media=[],
            callback=fields.get("StatusCallback", [""])[0] or None,
        )
        self.messages[message.sid] = message
        validity = timedelta(seconds=int(fields.get("ValidityPeriod", ["36000"])[0]))
        late = 30001 if wait > QUEUE else 30036 if wait > validity else self._obstacle(line, to, bool(media))
        self._follow(message, out_at, late)
        if late is None:
            self._arrive(message, media, out_at)
        return message

    def _obstacle(self, line: Line, to: str, media: bool) -> int | None:
        """Why it will not arrive; None where it will."""
        person = self.customers.get(to)
        if to in self.late:
            return self.late[to]
        if person is None:
            return 30005
        if person.blocked:
            return 30004
        if media and not (line.mms and (person.country or "") in MMS_COUNTRIES):
            return 30011
        return None

    def _follow(self, message: Message, out_at: datetime, late: int | None) -> None:
        """The statuses that it will have, and the callbacks that tell them."""
        to_carrier, to_customer = self.wait_between()
        steps = [Step(out_at + _A_MOMENT, "queued")] if message.service else []
        if late in (30001, 30036):
            steps.append(Step(out_at + to_carrier, "failed", late, WORDS[late]))
        else:
            message.sent_at = out_at + to_carrier
            steps.append(Step(message.sent_at, "sent"))
            done = message.sent_at + to_customer
            failed = Step(done, "undelivered", late, WORDS.get(late or 0, "Error"))
            steps.append(Step(done, "delivered") if late is None else failed)
        for step in steps:
            message.steps.append(step)
            self.tell_status(message, step)

    def _arrive(self, message: Message, media: list[str], out_at: datetime) -> None:
        links = tuple(_LINK.findall(message.body))
        seen = Seen(
            at=max(out_at, self.now()),
            text=message.body,
            message_id=message.sid,
            account_id=message.account_id,
            links=links,
            media=tuple(media),
        )
        self.show(message.to, seen)
        self.accept(message.to, message.body)

    # -- webhooks

    async def deliver_due(self, post: Post) -> int:
        """Calls us. What we answer with an error is not tried again, unlike where nobody answers (policy `ct`).

        https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
        """

        async def once(request: WebhookRequest) -> int:
            status = await post(request)
            if status >= 400:
                self.lost.append((request, status))
            return 200 if status else 0

        return await super().deliver_due(once)
