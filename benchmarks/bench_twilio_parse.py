"""Twilio webhook with one text: verify the signature and parse it, beside the least code that does so."""

from __future__ import annotations

import base64
import hmac
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pydantic import SecretStr

from omnichannel.adapters.twilio_sms import TwilioSmsAccount, TwilioSmsChannel
from omnichannel.channel import Accept, Envelope, Keys, MessageReceived

BUDGET = 3.0
ROUNDS = 15
CALLS = 2_000
SECRET = "0123456789abcdef0123456789abcdef"
NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
TEXT = "Does it come in another color?"
URL = "https://desk.example/hooks/sms"
SID = "SM0123456789abcdef0123456789abcdef"

FIELDS = {
    "ToCountry": "US",
    "ToState": "CA",
    "SmsMessageSid": SID,
    "NumMedia": "0",
    "ToCity": "SAN FRANCISCO",
    "FromZip": "94105",
    "SmsSid": SID,
    "FromState": "CA",
    "SmsStatus": "received",
    "FromCity": "SAN FRANCISCO",
    "Body": TEXT,
    "FromCountry": "US",
    "To": "+14155550100",
    "ToZip": "94105",
    "NumSegments": "1",
    "MessageSid": SID,
    "AccountSid": "AC0123456789abcdef0123456789abcdef",
    "From": "+14155550111",
    "ApiVersion": "2010-04-01",
}
BODY = urlencode(FIELDS).encode()
SIGNED = (URL + "".join(name + FIELDS[name] for name in sorted(FIELDS))).encode()
SIGNATURE = base64.b64encode(hmac.new(SECRET.encode(), SIGNED, "sha1").digest()).decode()


def floor() -> Any:
    """The least: the form once, its fields in order, one HMAC, one comparison."""
    fields = dict(parse_qsl(BODY.decode("ascii"), keep_blank_values=True))
    signed = (URL + "".join([name + fields[name] for name in sorted(fields)])).encode()
    digest = base64.b64encode(hmac.digest(SECRET.encode(), signed, "sha1")).decode()
    assert hmac.compare_digest(digest, SIGNATURE)
    return fields


def unit(channel: TwilioSmsChannel, envelope: Envelope, keys: Keys) -> Any:
    """What the hub does for a webhook, without the store."""
    assert type(channel.admit(envelope, NOW, keys)) is Accept
    return channel.parse(envelope)


def check(events: Any) -> None:
    """The work that is timed is done, and done right."""
    (event,) = events
    assert isinstance(event, MessageReceived), event
    assert (event.sender, event.text, event.message_id) == ("+14155550111", TEXT, SID)
    assert (event.account, event.occurred_at) == ("sms", NOW)


def per_call(work: Callable[[], Any]) -> float:
    """CPU microseconds of one call."""
    began = time.process_time()
    for _ in range(CALLS):
        work()
    return (time.process_time() - began) / CALLS * 1e6


def run() -> dict[str, Any]:
    """Floor and unit in turns, several rounds; the ratio is that of the medians."""
    account = TwilioSmsAccount(
        id="sms", account_sid=FIELDS["AccountSid"], sender=FIELDS["To"], auth_token=(SecretStr(SECRET),)
    )
    channel = TwilioSmsChannel(account)
    envelope = Envelope(url=URL, content=BODY, headers={"x-twilio-signature": SIGNATURE}, received_at=NOW)
    keys = Keys()
    check(unit(channel, envelope, keys))
    floors: list[float] = []
    units: list[float] = []
    for _ in range(ROUNDS):
        floors.append(per_call(floor))
        units.append(per_call(lambda: unit(channel, envelope, keys)))
    check(unit(channel, envelope, keys))
    floor_us, unit_us = statistics.median(floors), statistics.median(units)
    return {
        "name": "twilio_sms: verify and parse one text",
        "floor_us": round(floor_us, 2),
        "unit_us": round(unit_us, 2),
        "spread_us": [round(min(units), 2), round(max(units), 2)],
        "ratio": round(unit_us / floor_us, 2),
        "budget": BUDGET,
        "ok": unit_us <= BUDGET * floor_us,
    }


if __name__ == "__main__":
    print(json.dumps(run()))
