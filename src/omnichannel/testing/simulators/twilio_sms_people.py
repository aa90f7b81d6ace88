"""The customers of simulated Twilio: their phones, what they write, and the webhooks that tell it."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from omnichannel.kit.phone import country_of
from omnichannel.kit.sms import sms_segments
from omnichannel.testing.simulators.base import PendingWebhook, SimCustomer, SimFile, Simulator, WebhookRequest
from omnichannel.testing.simulators.twilio_sms_rules import opt_out_word
from omnichannel.testing.simulators.twilio_sms_state import API, Account, File, Line, Message, Service, Step

__all__ = ["TwilioSmsPeople", "signature"]

_ANSWERS = {
    "STOP": "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe.",
    "START": "You have successfully been re-subscribed to messages from this number. Reply HELP for help. "
    "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}
BASE = "https://api.twilio.com"


def signature(token: str, url: str, fields: Mapping[str, str]) -> str:
    """As https://www.twilio.com/docs/usage/webhooks/webhooks-security describes it: the URL without its fragment, then
    each field by name, with its value behind it."""
    text = url.partition("#")[0] + "".join(name + fields[name] for name in sorted(fields))
    return b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


class TwilioSmsPeople(Simulator):
    """Everybody's phone. A handle is a number in E.164."""

    at: dict[str, Account]
    lines: dict[str, Line]
    services: dict[str, Service]
    messages: dict[str, Message]
    files: dict[str, File]
    opted_out: set[tuple[str, str]]
    answered: list[tuple[str, str]]

    def customer(self, name: str, handle: str, *, language: str = "en", country: str | None = None) -> SimCustomer:
        """A person with a mobile phone; the country is the number's unless given."""
        return super().customer(name, handle, language=language, country=country or country_of(handle))

    def hex_id(self, prefix: str) -> str:
        """An id as Twilio writes them: two letters and 32 hexadecimal digits."""
        return f"{prefix}{int(self.new_id()):032x}"

    # -- writing

    def says(
        self,
        handle: str,
        text: str,
        *,
        attachments: Sequence[SimFile] = (),
        surface: str | None = None,
        reply_to: str | None = None,
        account_id: str | None = None,
    ) -> str:
        """The customer sends an SMS, or an MMS where there are files. Gives its id.

        Raises `LookupError` where the account has no number to write to.
        """
        line = self._line_for(handle, self.account_for(handle, account_id))
        return self.sends(handle, line.number, text, attachments)

    def _line_for(self, handle: str, account_id: str) -> Line:
        """The number that the customer knows of this account, else its first."""
        own = [one for one in self.lines.values() if one.account_id == account_id and one.number.strip("+").isdigit()]
        known = {service.sticky.get(handle) for service in self.services.values() if service.account_id == account_id}
        found = next((one for one in own if one.number in known), None) or next(iter(own), None)
        if found is None:
            raise LookupError(f"{account_id} sends under a name: nobody can answer it")
        return found

    def sends(self, handle: str, number: str, text: str, attachments: Sequence[SimFile] = ()) -> str:
        """A message from a customer to one of our numbers. Gives its id."""
        person, line = self.customers[handle], self.lines[number]
        now = self.now()
        sid = self.hex_id("MM" if attachments else "SM")
        service = next((one for one in self.services.values() if number in one.pool), None)
        message = Message(
            sid=sid,
            account_sid=line.account_sid,
            account_id=line.account_id,
            direction="inbound",
            sender=handle,
            to=number,
            body=text,
            segments=sms_segments(text).segments,
            created_at=now,
            sent_at=now,
            service=service.sid if service else None,
            steps=[Step(now, "received")],
        )
        self.messages[sid] = message
        for file in attachments:
            media = self.hex_id("ME")
            self.files[media] = File(
                sid=media, message_sid=sid, account_sid=line.account_sid, file=file, created_at=now
            )
            message.media.append(media)
        person.last_wrote_at = now
        word = self._hear(handle, line, service, text)
        advanced = service is not None and service.advanced_opt_out
        self._tell_inbound(message, person, line, word if advanced else None)
        return sid

    def scope(self, line: Line, service: Service | None) -> str:
        """Where a STOP counts: for the number, or for the whole service that it belongs to."""
        return service.sid if service is not None else line.number

    def _hear(self, handle: str, line: Line, service: Service | None, text: str) -> str | None:
        """Twilio itself heeds STOP, START and HELP, and answers; only short codes are on their own."""
        word = opt_out_word(text)
        if word is None or (not line.number.startswith("+") and not (service and service.advanced_opt_out)):
            return None
        key = (self.scope(line, service), handle)
        if word == "STOP":
            self.opted_out.add(key)
        elif word == "START":
            self.opted_out.discard(key)
        # On the phone these stand among ours; they are kept apart because nobody here has sent them.
        self.answered.append((handle, _ANSWERS[word]))
        return word

    def picks(self, handle: str, title: str) -> str:
        """There is nothing to tap: the customer types the number of the line that says so. Raises `LookupError`."""
        line = re.compile(rf"^\s*(\d+)[.)]\s*{re.escape(title)}\s*$", re.IGNORECASE | re.MULTILINE)
        for seen in reversed(self.seen(handle)):
            if found := line.search(seen.text):
                return self.says(handle, found[1], account_id=seen.account_id)
        raise LookupError(f"{handle}'s phone shows no line {title!r}: {[one.text for one in self.seen(handle)]}")

    def opens(self, handle: str, url: str) -> str:
        """The customer opens an sms: link and sends what it has filled in."""
        parts = urlsplit(url)
        number = unquote(parts.path)
        body = parse_qs(parts.query.replace("+", "%2B")).get("body", ["Hello"])[0]
        if number in self.lines:
            return self.sends(handle, number, body)
        return self.says(handle, body)

    # -- telling us

    def _tell_inbound(self, message: Message, person: SimCustomer, line: Line, word: str | None) -> None:
        country = person.country or ""
        fields = {
            "ToCountry": country_of(line.number) or "" if line.number.startswith("+") else "",
            "ToState": "",
            "SmsMessageSid": message.sid,
            "NumMedia": str(len(message.media)),
            "ToCity": "",
            "FromZip": "",
            "SmsSid": message.sid,
            "FromState": "",
            "SmsStatus": "received",
            "FromCity": "",
            "Body": message.body,
            "FromCountry": country,
            "To": message.to,
            "ToZip": "",
            "NumSegments": str(message.segments),
            "MessageSid": message.sid,
            "AccountSid": message.account_sid,
            "From": message.sender or "",
            "ApiVersion": "2010-04-01",
        }
        if message.service:
            fields["MessagingServiceSid"] = message.service
        if word:
            fields["OptOutType"] = word
        for index, sid in enumerate(message.media):
            uri = f"{API}/Accounts/{message.account_sid}/Messages/{message.sid}/Media/{sid}"
            fields[f"MediaUrl{index}"] = f"{BASE}{uri}"
            fields[f"MediaContentType{index}"] = self.files[sid].file.type
        url = self.webhook_url(message.account_id)
        if url is not None:
            self.notify(message.account_id, self.signed(message.account_sid, url, fields), handle=person.handle)

    def tell_status(self, message: Message, step: Step) -> None:
        """A status callback, to the URL that the send named."""
        if message.callback is None or self.is_silent(message.to):
            return
        fields = {
            "SmsSid": message.sid,
            "SmsStatus": step.status,
            "MessageStatus": step.status,
            "To": message.to,
            "MessageSid": message.sid,
            "AccountSid": message.account_sid,
            "From": message.sender or "",
            "ApiVersion": "2010-04-01",
        }
        if message.service:
            fields["MessagingServiceSid"] = message.service
        if step.error is not None:
            fields |= {"ErrorCode": str(step.error), "ErrorMessage": step.words or ""}
        if step.status == "delivered":
            fields["RawDlrDoneDate"] = f"{step.at:%y%m%d%H%M}"
        request = self.signed(message.account_sid, message.callback, fields)
        self.webhooks.put(PendingWebhook(max(step.at, self.now()), message.account_id, request))

    def signed(self, account_sid: str, url: str, fields: Mapping[str, str]) -> WebhookRequest:
        """A form, signed with the primary token of the account."""
        headers = {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "user-agent": "TwilioProxy/1.1",
            "i-twilio-idempotency-token": self.hex_id(""),
            "x-twilio-signature": signature(self.at[account_sid].tokens[0], url, fields),
        }
        return WebhookRequest(url=url.partition("#")[0], headers=headers, body=urlencode(fields).encode())

    def wait_between(self) -> tuple[timedelta, timedelta]:
        """How long after it went out a message is with the carrier, and how long after that with the customer."""
        return timedelta(seconds=1), timedelta(seconds=2)
