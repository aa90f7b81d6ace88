"""One message, one key, wherever it comes from; whose an event is; and no bytes that parse cannot bear."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from omnichannel.adapters.x import XAccount, XChannel
from omnichannel.channel import Envelope, MessageEchoed, MessageReceived, Unrecognized
from omnichannel.model.event import CHANNEL_EVENT
from omnichannel.testing import fixtures as recorded
from omnichannel.testing.mutations import is_container

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
US, THEM, ANN = "1900000000000000001", "1900000000000000002", "1500000000000000042"
THREAD = f"{ANN}-{US}"
FIXTURES = Path(__file__).parent / "fixtures"


def account(name: str, user_id: str | None) -> XAccount:
    return XAccount(id=name, user_id=user_id)


def envelope(data: object) -> Envelope:
    return Envelope(content=json.dumps(data).encode(), received_at=NOW)


def one(channel: XChannel, data: object) -> Any:
    (event,) = channel.parse(envelope(data))
    return event


def activity(kind: str, user_id: str | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {} if user_id is None else {"user_id": user_id}
    return {"data": {"event_uuid": "9", "filter": chosen, "event_type": kind, "payload": payload}}


def dm(sender: str, recipient: str, message_id: str = "2138800000000000101") -> dict[str, Any]:
    create = {"target": {"recipient_id": recipient}, "sender_id": sender, "message_data": {"text": "Bonjour"}}
    event = {"type": "message_create", "id": message_id, "created_timestamp": "1798880405123", "message_create": create}
    return {"direct_message_events": [event]}


LOOKED_UP = {
    "id": "2138800000000000101",
    "event_type": "MessageCreate",
    "sender_id": ANN,
    "dm_conversation_id": THREAD,
    "created_at": "2027-01-02T09:00:05.123Z",
    "text": "Bonjour",
}
POST = {
    "id": "2139000000000000001",
    "author_id": ANN,
    "text": "@desk_air hi",
    "conversation_id": "2139000000000000001",
    "created_at": "2027-01-02T10:00:00.000Z",
    "entities": {"mentions": [{"start": 0, "username": "desk_air", "id": US}]},
}


@pytest.mark.parametrize(
    "forms",
    [
        (
            activity("dm.received", US, dm(ANN, US)),
            {"for_user_id": US, **dm(ANN, US)},
            {"for_user_id": US, "data": [LOOKED_UP], "includes": {}},
            {"data": [LOOKED_UP]},
            {"data": LOOKED_UP},
        ),
        (
            activity("post.mention.create", US, POST),
            activity("post.reply.create", US, POST),
            {"for_user_id": US, "data": [POST]},
            {
                "for_user_id": US,
                "tweet_create_events": [
                    {
                        "id_str": POST["id"],
                        "text": POST["text"],
                        "user": {"id_str": ANN},
                        "timestamp_ms": "1798884000000",
                        "entities": {"user_mentions": [{"id_str": US, "screen_name": "desk_air", "indices": [0, 9]}]},
                    }
                ],
            },
        ),
    ],
    ids=["dm", "post"],
)
def test_the_same_message_is_the_same_event(forms: tuple[Mapping[str, Any], ...]) -> None:
    channel = XChannel(account("x-main", US))
    events = [one(channel, form) for form in forms]
    shown = [(e.kind, e.account, e.dedupe, e.sender, e.text, e.thread, e.occurred_at, e.addressed) for e in events]
    assert shown == [shown[0]] * len(forms)
    assert isinstance(events[0], MessageReceived)


def test_two_accounts_behind_one_endpoint() -> None:
    first, second = account("x-fr", US), account("x-nl", THEM)
    channel = XChannel(first, (first, second))
    for user_id, name in ((US, "x-fr"), (THEM, "x-nl")):
        assert one(channel, activity("dm.received", user_id, dm(ANN, user_id))).account == name
        assert one(channel, {"for_user_id": user_id, **dm(ANN, user_id)}).account == name
        assert one(channel, {"for_user_id": user_id, "data": [LOOKED_UP]}).account == name
    strangers: tuple[str | None, ...] = ("7", None)
    for stranger in strangers:
        event = one(channel, activity("dm.received", stranger, dm(ANN, US)))
        assert isinstance(event, Unrecognized)
        assert (event.account, event.what) == ("x-fr", "dm.received")


def test_what_our_other_account_says_is_kept_and_never_answered() -> None:
    first, second = account("x-fr", US), account("x-nl", THEM)
    channel = XChannel(first, (first, second))
    heard = one(channel, activity("dm.received", US, dm(THEM, US)))
    said = one(channel, activity("dm.sent", THEM, dm(THEM, US)))
    assert (heard.account, heard.sender, heard.automatic) == ("x-fr", THEM, True)
    assert isinstance(said, MessageEchoed)
    assert (said.account, said.recipient) == ("x-nl", US)


def test_one_account_that_does_not_know_itself_learns_it_from_the_event() -> None:
    channel = XChannel(account("x-main", None))
    assert isinstance(one(channel, activity("dm.received", US, dm(ANN, US))), MessageReceived)
    assert isinstance(one(channel, activity("dm.sent", US, dm(US, ANN))), MessageEchoed)
    assert isinstance(one(channel, {"for_user_id": US, **dm(US, ANN)}), MessageEchoed)
    revoked = one(channel, activity("oauth.revoke", None, {"user_id": US, "date_time": "nonsense"}))
    assert (revoked.account, revoked.state, revoked.occurred_at) == ("x-main", "revoked", NOW)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@desk_air @bob_b: where?", "where?"),
        ("@desk_air, where?", "where?"),
        ("  @desk_air where?", "  @desk_air where?"),
        ("where is @desk_air", "where is @desk_air"),
        ("mail a@b.example", "mail a@b.example"),
        ("@desk_air", "@desk_air"),
        ("@desk_air @bob_b ", "@desk_air @bob_b "),
        ("&amp;lt; is &lt;", "&lt; is <"),
        ("&quot;&copy;", "&quot;&copy;"),
    ],
)
def test_the_words_of_a_post(text: str, words: str) -> None:
    event = one(XChannel(account("x-main", US)), activity("post.mention.create", US, {**POST, "text": text}))
    assert event.text == words


def test_our_handle_is_enough_where_a_mention_has_no_id() -> None:
    named = {**POST, "entities": {"mentions": [{"start": 0, "username": "Desk_Air"}]}}
    known = XChannel(XAccount(id="x-main", user_id=US, username="desk_air"))
    assert one(known, activity("post.mention.create", US, named)).addressed
    unknown = XChannel(account("x-main", US))
    assert not one(unknown, activity("post.mention.create", US, named)).addressed


@pytest.mark.parametrize(
    ("code", "language"),
    [("fr", "fr"), ("in", "id"), ("iw", "he"), ("und", None), ("qht", None), ("zxx", None), (None, None)],
)
def test_languages(code: str | None, language: str | None) -> None:
    event = one(XChannel(account("x-main", US)), activity("post.mention.create", US, {**POST, "lang": code}))
    assert event.language == language


IN_THE_ID = datetime(2027, 1, 1, 14, 5, 15, 355000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"created_at": "yesterday"}, IN_THE_ID),
        ({"created_at": "2027-01-02T10:00:00"}, IN_THE_ID),
        ({"created_at": None, "id": "20"}, NOW),
    ],
)
def test_the_time_of_a_post_without_one(changes: Mapping[str, Any], expected: datetime) -> None:
    event = one(XChannel(account("x-main", US)), activity("post.mention.create", US, {**POST, **changes}))
    assert event.occurred_at == expected


@pytest.mark.parametrize("stamp", ["9999999999999999999", "-1", "now", ""])
def test_a_time_out_of_range_is_that_of_the_id(stamp: str) -> None:
    body = dm(ANN, US)
    body["direct_message_events"][0]["created_timestamp"] = stamp
    events = XChannel(account("x-main", US)).parse(envelope(activity("dm.received", US, body)))
    assert [event.occurred_at.year in (2026, 2027) for event in events] == [True]


def test_an_unknown_payload_never_claims_the_key_of_a_message() -> None:
    channel = XChannel(account("x-main", US))
    event = one(channel, activity("post.mention.create", US, {"id": "2139000000000000001"}))
    assert isinstance(event, Unrecognized)
    assert event.dedupe.startswith("unrecognized:")
    assert json.loads(event.content)["payload"] == {"id": "2139000000000000001"}


PAYLOADS = [recorded.envelope_of(case) for case in recorded.cases(FIXTURES / "inbound")]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(data=st.data())
def test_no_damage_makes_parse_raise(data: st.DataObject) -> None:
    payload = json.loads(data.draw(st.sampled_from([one for one in PAYLOADS if one.content[:1] == b"{"])).content)
    node: Any = payload
    while is_container(node) and node:
        keys: list[Any] = list(node) if hasattr(node, "keys") else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if is_container(node[key]) and data.draw(st.integers(0, 3)):
            node = node[key]
            continue
        node[key] = data.draw(JSON)
        break
    survives(to_json(payload, inf_nan_mode="strings"))


@given(content=st.binary() | st.text().map(str.encode) | JSON.map(lambda one: to_json({"data": one})))
def test_no_bytes_make_parse_raise(content: bytes) -> None:
    survives(content)


def survives(content: bytes) -> None:
    channel = XChannel(account("x-main", US))
    found = channel.parse(Envelope(content=content, received_at=NOW))
    assert found == channel.parse(Envelope(content=content, received_at=NOW))
    for event in found:
        assert event.account == "x-main"
        assert event.dedupe
        assert CHANNEL_EVENT.validate_json(CHANNEL_EVENT.dump_json(event)).dedupe == event.dedupe
