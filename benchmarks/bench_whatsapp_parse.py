"""WhatsApp webhook with one text: verify the signature and parse it, beside the least code that does so."""

from __future__ import annotations

import hmac
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import SecretStr

from omnichannel.adapters.whatsapp import WhatsAppAccount, WhatsAppChannel
from omnichannel.channel import Accept, Envelope, Keys, MessageReceived

BUDGET = 3.0
ROUNDS = 15
CALLS = 2_000
SECRET = "0123456789abcdef0123456789abcdef"
NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
TEXT = "Does it come in another color?"

CONTACT = {"profile": {"name": "Ann Example"}, "wa_id": "16505551234", "user_id": "US.13491208655302741918"}
MESSAGE = {
    "from": "16505551234",
    "from_user_id": "US.13491208655302741918",
    "id": "wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=",
    "timestamp": "1749416383",
    "type": "text",
    "text": {"body": TEXT},
}
VALUE = {
    "messaging_product": "whatsapp",
    "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
    "contacts": [CONTACT],
    "messages": [MESSAGE],
}
PAYLOAD = {
    "object": "whatsapp_business_account",
    "entry": [{"id": "102290129340398", "changes": [{"value": VALUE, "field": "messages"}]}],
}
BODY = json.dumps(PAYLOAD, separators=(",", ":")).encode()
SIGNATURE = f"sha256={hmac.new(SECRET.encode(), BODY, 'sha256').hexdigest()}"


def floor() -> Any:
    """The least: one HMAC, one comparison, one JSON document."""
    assert hmac.compare_digest("sha256=" + hmac.digest(SECRET.encode(), BODY, "sha256").hex(), SIGNATURE)
    return orjson.loads(BODY)


def unit(channel: WhatsAppChannel, envelope: Envelope, keys: Keys) -> Any:
    """What the hub does for a webhook, without the store."""
    assert type(channel.admit(envelope, NOW, keys)) is Accept
    return channel.parse(envelope)


def check(events: Any) -> None:
    """The work that is timed is done, and done right."""
    (event,) = events
    assert isinstance(event, MessageReceived), event
    assert (event.sender, event.text, event.message_id) == ("+16505551234", TEXT, MESSAGE["id"])
    assert (event.account, event.sender_name, event.occurred_at.timestamp()) == ("wa", "Ann Example", 1749416383)
    assert event.aliases == {"wa_id": "16505551234", "bsuid": "US.13491208655302741918"}


def per_call(work: Callable[[], Any]) -> float:
    """CPU microseconds of one call."""
    began = time.process_time()
    for _ in range(CALLS):
        work()
    return (time.process_time() - began) / CALLS * 1e6


def run() -> dict[str, Any]:
    """Floor and unit in turns, several rounds; the ratio is that of the medians."""
    account = WhatsAppAccount(id="wa", phone_number_id="106540352242922", app_secret=(SecretStr(SECRET),))
    channel = WhatsAppChannel(account)
    envelope = Envelope(content=BODY, headers={"x-hub-signature-256": SIGNATURE}, received_at=NOW)
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
        "name": "whatsapp: verify and parse one text",
        "floor_us": round(floor_us, 2),
        "unit_us": round(unit_us, 2),
        "spread_us": [round(min(units), 2), round(max(units), 2)],
        "ratio": round(unit_us / floor_us, 2),
        "budget": BUDGET,
        "ok": unit_us <= BUDGET * floor_us,
    }


if __name__ == "__main__":
    print(json.dumps(run()))
