"""Payloads that other projects recorded or published, each with what it means, written down by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from omnichannel.adapters.messenger import MessengerChannel
from omnichannel.channel import ChannelEvent, DeliveryUpdated, Envelope, MessageEchoed, MessageReceived
from tests.adapters.messenger.given_messenger import account

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
ACCOUNTS = (account(id="p0", page_id="100000000000001"), account(id="p1", page_id="117172741761305"))
CHANNEL = MessengerChannel(ACCOUNTS[0], ACCOUNTS)
LONG = "m_KXGKDUpO6xbVdAmZFBVpzU1AhKVJdAIUnUH4cwkvb_K3iZsWhowDRyJ_DcowEpJjncaBwdCIoRrixvCbbO1PcA"


@dataclass(frozen=True)
class Means:
    """What an event has to say: its kind, its time in milliseconds, and fields."""

    kind: type[ChannelEvent]
    at: int
    fields: dict[str, Any]


MEANS: dict[str, Means] = {
    "chat--messenger-echomessage": Means(
        MessageEchoed,
        1772998114000,
        {
            "account": "p0",
            "recipient": "200000000000001",
            "text": "Bot response",
            "message_id": "m_ECHO_MSG_001",
            "dedupe": "m_ECHO_MSG_001",
            "correlation": None,
        },
    ),
    # A tap without an id, as it was before 2021: who and when stand for one.
    "chat--messenger-postbackclick": Means(
        MessageReceived,
        1772998084000,
        {
            "account": "p0",
            "sender": "200000000000001",
            "text": "Say Hello",
            "choice": 'chat:{"a":"hello"}',
            "dedupe": "postback:200000000000001:1772998084000",
        },
    ),
    "chat--messenger-readconfirmation": Means(
        DeliveryUpdated,
        1772998044000,
        {
            "account": "p0",
            "state": "read",
            "recipient": "200000000000001",
            "receipt": "",
            "until": datetime.fromtimestamp(1772998044, UTC),
        },
    ),
    "chat--messenger-secondmessage": Means(
        MessageReceived,
        1772998054000,
        {
            "account": "p0",
            "sender": "200000000000001",
            "text": "Tell me more",
            "message_id": "m_FAKE_MSG_ID_002",
            "attachments": (),
            "choice": None,
        },
    ),
    # It has no time of its own: that of its entry.
    "chatwoot--incoming_fb_text_message-incoming_fb_text_message": Means(
        MessageReceived,
        1648581633369,
        {"account": "p1", "sender": "3383290475046708", "text": "facebook message", "message_id": LONG},
    ),
}


def test_every_recorded_payload_is_in_the_table(corpus: Path) -> None:
    folder = corpus / "fixtures" / "messenger" / "webhooks"
    assert {path.stem for path in folder.glob("*.json")} == set(MEANS)


@pytest.mark.parametrize("name", MEANS)
def test_a_recorded_payload_means_what_it_says(corpus: Path, name: str) -> None:
    expected = MEANS[name]
    content = (corpus / "fixtures" / "messenger" / "webhooks" / f"{name}.json").read_bytes()
    (event,) = CHANNEL.parse(Envelope(content=content, received_at=NOW))
    assert type(event) is expected.kind
    assert event.occurred_at == datetime.fromtimestamp(expected.at / 1000, UTC)
    assert {field: getattr(event, field) for field in expected.fields} == expected.fields
