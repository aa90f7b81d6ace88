"""Payloads that other projects published, each with what it means, written down by hand."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from omnichannel.adapters.twilio_sms import TwilioSmsAccount, TwilioSmsChannel
from omnichannel.channel import ChannelEvent, Envelope, MessageReceived

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
# The ids of these payloads are made up and shorter than Twilio's, so ours are made without looking at their form.
CHANNEL = TwilioSmsChannel(
    TwilioSmsAccount.model_construct(
        id="sms", account_sid="ACxxx", sender="+15550001111", messaging_service_sid="fixture-messaging_service_sid"
    )
)
OTHER = "no account here has this number, Messaging Service or Twilio account"


def message(text: str, sender: str = "+12345", **more: Any) -> dict[str, Any]:
    return {"kind": "message_received", "account": "sms", "message_id": "SMxx", "sender": sender, "text": text, **more}


def status(state: str, code: str | None = None, outcome: str | None = None) -> dict[str, Any]:
    told = {"kind": "delivery_updated", "account": "sms", "receipt": "fixture-source_id", "state": state}
    return {**told, "code": code, "outcome": outcome}


SPEC = "chatwoot--incoming_message_service_spec-params"
DELIVERY = "chatwoot--delivery_status_service_spec-params"
MEANS: dict[str, dict[str, Any] | None] = {
    f"{SPEC}-0": message("testing3"),
    f"{SPEC}-1": message("remove null bytes"),
    f"{SPEC}-2": message(""),
    f"{SPEC}-3": message("new conversation", "+123456"),
    f"{SPEC}-5": message("new conversation", "+123456", recipients=("+15550001111",)),
    f"{SPEC}_with_attachment-10": message("testing3"),
    f"{DELIVERY}-0": status("delivered"),
    f"{DELIVERY}-1": status("read"),
    f"{DELIVERY}-2": None,  # queued: nothing to tell
    f"{DELIVERY}-3": status("failed", "30002", "suspended"),
    f"{DELIVERY}-4": status("failed", "30008", "unreachable"),
    # Both of another Twilio account; the first names no number at all.
    "chatwoot--delivery_status_controller_spec-params-0": {"kind": "unrecognized", "what": "sender", "reason": OTHER},
    "chatwoot--callbacks_controller_spec-params-0": {"kind": "unrecognized", "what": "recipient", "reason": OTHER},
}


def parsed(corpus: Path, name: str) -> list[ChannelEvent]:
    fields = json.loads((corpus / "fixtures" / "twilio" / "webhooks" / f"{name}.json").read_bytes())
    return list(CHANNEL.parse(Envelope(content=urlencode(fields).encode(), received_at=NOW)))


def test_every_published_payload_is_in_the_table(corpus: Path) -> None:
    folder = corpus / "fixtures" / "twilio" / "webhooks"
    assert {path.stem for path in folder.glob("*.json")} == set(MEANS)


@pytest.mark.parametrize("name", MEANS)
def test_a_published_payload_means_what_it_says(corpus: Path, name: str) -> None:
    expected, events = MEANS[name], parsed(corpus, name)
    if expected is None:
        assert events == []
        return
    (event,) = events
    failure = getattr(event, "failure", None)
    found = {"code": failure.code if failure else None, "outcome": failure.outcome if failure else None}
    assert {key: getattr(event, key, found.get(key)) for key in expected} == expected
    assert event.occurred_at == NOW


def test_the_picture_is_where_it_was_said_to_be(corpus: Path) -> None:
    (event,) = parsed(corpus, f"{SPEC}_with_attachment-10")
    assert isinstance(event, MessageReceived)
    (picture,) = event.attachments
    assert (picture.kind, picture.type) == ("image", "image/jpeg")
    assert picture.ref == "platform:https://chatwoot-assets.local/sample.png"
