"""Payloads that other projects recorded or published, each with what it means, written down by hand."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from omnichannel.adapters.whatsapp import WhatsAppChannel
from omnichannel.channel import (
    AccountChanged,
    ChannelEvent,
    ConsentChanged,
    DeliveryUpdated,
    Envelope,
    IdentityChanged,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    Unrecognized,
)
from tests.adapters.whatsapp.given_whatsapp import account

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
NUMBERS = ("1122334455667", "106540352242922", "100000000000001", "+15550001111", "5483758353")
ACCOUNTS = tuple(account(id=f"n{i}", phone_number_id=number, waba_id=None) for i, number in enumerate(NUMBERS))
CHANNEL = WhatsAppChannel(ACCOUNTS[0], ACCOUNTS)
TEST_NAME = "+972987654321"


@dataclass(frozen=True)
class Means:
    """What an event has to say; `more` are further fields."""

    kind: type[ChannelEvent]
    at: int | None
    sender: str | None = None
    text: str | None = None
    id: str | None = None
    more: tuple[tuple[str, Any], ...] = ()


def message(at: int, text: str, id: str = "wamid.xyzxyz", sender: str = TEST_NAME, **more: Any) -> Means:
    return Means(MessageReceived, at, sender, text, id, tuple(more.items()))


def unknown(what: str, reason: str) -> Means:
    return Means(Unrecognized, None, more=(("what", what), ("reason", reason)))


def state(at: int, name: str, detail: str) -> Means:
    return Means(AccountChanged, at, more=(("state", name), ("detail", detail)))


def status(state: str) -> Means:
    told = {"receipt": "wamid.xyzxyz", "state": state, "recipient": TEST_NAME, "price_category": "service"}
    return Means(DeliveryUpdated, 1698266945, more=tuple(told.items()))


def agreed(text: str) -> Means:
    return Means(ConsentChanged, 1731705721, "+16505551234", text, more=(("granted", True), ("purpose", "marketing")))


CARDS = "Chandler Bing +1 555-555-5555\nMonica +1 666-666-6666\nRachel Green +1 777-777-7777"
FLOW = "comment_text: Comment Text\ndelivery_rating: 4\npurchase_rating: 2\nrecommend_radio: 0\ncs_rating: 0"
EDITED = "wamid.HBgLMTQxMjU1NTA4MjkVAgASGBQzQUNCNjk5RDUwNUZGMUZEM0VBRAA="
MEANS: dict[str, Means] = {
    "chat--whatsapp-firstmessage": message(
        1772998024, "What is Vercel?", "wamid.FAKE_MSG_ID_001", "+15550002222", sender_name="Test User", account="n2"
    ),
    # Neither the number nor the message has an id: these are from a test, and no real webhook is so.
    "chatwoot--incoming_message_whatsapp_cloud_service_spec-params-0": unknown(
        "number not named", "no account here has this phone_number_id"
    ),
    "chatwoot--whatsapp_events_job_spec-wb_params-3": unknown("messages", "id: Field required"),
    "chatwoot--whatsapp_events_job_spec-wb_params-5": unknown("messages", "id: Field required"),
    "pywa--account_update-account_deleted": state(1743451903, "deleted", "ACCOUNT_DELETED"),
    "pywa--account_update-account_offboarded": state(1743451903, "revoked", "ACCOUNT_OFFBOARDED"),
    "pywa--account_update-account_reconnected": state(1743451903, "ok", "ACCOUNT_RECONNECTED"),
    "pywa--account_update-account_restriction": state(
        1641330498,
        "restricted",
        "ACCOUNT_RESTRICTION: RESTRICTED_BIZ_INITIATED_MESSAGING, RESTRICTED_ADD_PHONE_NUMBER_ACTION",
    ),
    "pywa--account_update-ad_account_linked": state(1744823932, "info", "AD_ACCOUNT_LINKED"),
    "pywa--account_update-authentication_international_eligibility": state(
        1743451903, "info", "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE"
    ),
    "pywa--account_update-mm_api_for_wa_terms_of_service": state(1744823932, "info", "MM_LITE_TERMS_SIGNED"),
    "pywa--account_update-partner_app_uninstalled": state(1748477359, "revoked", "PARTNER_APP_UNINSTALLED"),
    "pywa--account_update-pricing_tiering_update": state(1743451903, "info", "VOLUME_BASED_PRICING_TIER_UPDATE"),
    "pywa--call_status-call_status": unknown("calls", "a field that is not read"),
    "pywa--callback_button-quick_reply_without_context": message(
        1698269027, "title", "wamid.xsidjx", choice="callback_data", reply_to=None
    ),
    "pywa--callback_selection-callback": message(
        1698266905, "title", "wamid.zyzxyz", choice="callback_data", reply_to="wamid.xyzxyz"
    ),
    "pywa--callback_selection-description": message(1698266905, "title", "wamid.zyzxyz", choice="callback_data"),
    "pywa--edited_message-image": Means(
        MessageEdited, 1749854575, "+16505551234", "Updated image caption", EDITED, (("account", "n1"),)
    ),
    "pywa--flow_completion-without_flow_token": message(1702502473, FLOW, "wamid.wegrchytvwcggt=="),
    "pywa--message-animated_sticker": message(1697043785, ""),
    "pywa--message-contacts": message(1697044621, CARDS),
    "pywa--message-forwarded": message(1697044815, "forwarded text", reply_to=None),
    "pywa--message-interactive_message_with_err": message(
        1700505494, "", "wamid.wegrchytvwcggt=", context={"lost": "interactive: Unsupported webhook payload"}
    ),
    "pywa--message-media_with_url": message(1697043379, ""),
    "pywa--message-reaction": Means(ReactionChanged, 1697044456, TEST_NAME, None, "wamid.yzxyzx=", (("emoji", "😮"),)),
    "pywa--message-reply": message(1697044746, "replied text", reply_to="wamid.xyzxyz=="),
    "pywa--message-static_sticker": message(1697043760, ""),
    "pywa--message-text": message(1697043223, "Body Text", sender_name="Test Name"),
    "pywa--message-unreaction_empty": Means(
        ReactionChanged, 1697044456, TEST_NAME, None, "wamid.yzxyzx=", (("emoji", None),)
    ),
    "pywa--message-unreaction_no_emoji": Means(
        ReactionChanged, 1697044456, TEST_NAME, None, "wamid.yzxyzx=", (("emoji", None),)
    ),
    "pywa--message-unsupported": message(
        1697044706, "", context={"lost": "unsupported: Message type is currently not supported."}
    ),
    "pywa--message_status-delivered": Means(
        DeliveryUpdated,
        1698266945,
        more=(("receipt", "wamid.xyzxyz"), ("state", "delivered"), ("recipient", TEST_NAME)),
    ),
    "pywa--message_status-sent": Means(
        DeliveryUpdated,
        1698266945,
        more=(("receipt", "wamid.xyzxyz"), ("state", "sent"), ("price_category", "service")),
    ),
    "pywa--outgoing_message-delete": Means(MessageDeleted, 1697044968, "", None, "wamid.zzzzzz"),
    "pywa--outgoing_message-edit": Means(MessageEdited, 1697044968, "", "Text was edited", "wamid.zzzzzz"),
    "pywa--system-phone_number_change": Means(
        IdentityChanged, 1753851315, TEST_NAME, more=(("becomes", "+972912345678"),)
    ),
    "pywa--template_quality_update-yellow": state(1674864290, "template", "welcome_template (en_US): GREEN to YELLOW"),
    "pywa--template_status_update-approved": state(1751247548, "template", "order_confirmation (en_US): APPROVED"),
    "pywa--user_marketing_preferences-resume": agreed("User requested to resume marketing messages"),
    "pywa--user_marketing_preferences-signup": agreed("User signed up via signup link"),
}
ATTACHED = {
    "pywa--message-animated_sticker": ("image", "image/webp", "platform:1234567890987654321"),
    "pywa--message-static_sticker": ("image", "image/webp", "platform:1234567890987654321"),
    "pywa--message-media_with_url": ("image", "image/jpeg", "platform:65463453"),
    "pywa--edited_message-image": ("image", "image/jpeg", "platform:1234567890"),
}


def parsed(corpus: Path, name: str) -> list[ChannelEvent]:
    content = (corpus / "fixtures" / "whatsapp" / "webhooks" / f"{name}.json").read_bytes()
    events = list(CHANNEL.parse(Envelope(content=content, received_at=NOW)))
    if isinstance(events[0], AccountChanged):
        # What is about the business account concerns each of its numbers; one is enough to look at.
        assert [event.account for event in events] == [one.id for one in ACCOUNTS]
        return events[:1]
    return events


def test_every_recorded_payload_is_in_the_table(corpus: Path) -> None:
    folder = corpus / "fixtures" / "whatsapp" / "webhooks"
    assert {path.stem for path in folder.glob("*.json")} == set(MEANS)


@pytest.mark.parametrize("name", MEANS)
def test_a_recorded_payload_means_what_it_says(corpus: Path, name: str) -> None:
    expected = MEANS[name]
    (event,) = parsed(corpus, name)
    assert type(event) is expected.kind
    assert event.occurred_at == (NOW if expected.at is None else datetime.fromtimestamp(expected.at, UTC))
    for field, value in (("sender", expected.sender), ("text", expected.text), ("message_id", expected.id)):
        assert value is None or getattr(event, field) == value
    assert {key: getattr(event, key) for key, _ in expected.more} == dict(expected.more)
    attached = [(one.kind, one.type, one.ref) for one in getattr(event, "attachments", ())]
    assert attached == ([ATTACHED[name]] if name in ATTACHED else [])


def test_the_customer_has_all_names(corpus: Path) -> None:
    (event,) = parsed(corpus, "pywa--message-text")
    assert isinstance(event, MessageReceived)
    assert event.aliases == {
        "wa_id": "972987654321",
        "bsuid": "US.13491208655302741918",
        "parent_bsuid": "US.ENT.11815799212886844830",
    }


def test_what_meta_publishes_as_examples_is_understood(corpus: Path) -> None:
    """The examples in Meta's own description of its webhooks, which has no number of ours in it."""
    spec = json.loads((corpus / "specs" / "meta-whatsapp-cloud-v23.json").read_bytes())
    post = spec["paths"]["/whatsapp/webhooks"]["post"]
    examples = post["requestBody"]["content"]["application/json"]["examples"]
    kinds: dict[str, set[str]] = {}
    for name, example in examples.items():
        body = json.dumps(example["value"]).encode()
        values: list[dict[str, Any]] = [one["value"] for one in example["value"]["entry"][0]["changes"]]
        numbers: set[str] = {one["metadata"]["phone_number_id"] for one in values if "metadata" in one}
        ours = tuple(account(id=f"m{i}", phone_number_id=one) for i, one in enumerate(sorted(numbers)))
        channel = WhatsAppChannel(ours[0], ours) if ours else CHANNEL
        events = channel.parse(Envelope(content=body, received_at=NOW))
        kinds[name] = {event.kind for event in events}
    # Groups are not read: their statuses are, as those of any message.
    unread = {name for name, found in kinds.items() if "unrecognized" in found}
    assert all("Group" in name for name in unread), unread
    assert kinds["Text Message"] == kinds["Order Message"] == kinds["Image Message"] == {"message_received"}
    assert kinds["Reaction Message"] == {"reaction_changed"}
