"""What all Graph platforms share."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, SecretStr, TypeAdapter

from omnichannel.channel.errors import ErrorFacts, ErrorTable, Rejected
from omnichannel.channel.wire import Answer, FilePart, HttpReply, HttpResponse, Multipart, Refuse, Repeat
from omnichannel.kit.meta_graph import (
    GRAPH_RULES,
    Keeper,
    Unclear,
    facts_of,
    field_of,
    graph_url,
    handshake,
    is_metas,
    read_graph_error,
    read_json,
    signature_ok,
    upload_request,
)
from omnichannel.kit.signatures import hmac_sign
from omnichannel.model.base import NOTHING
from omnichannel.model.content import Media
from omnichannel.model.event import AccountChanged, ChannelEvent, Unrecognized
from omnichannel.model.outcome import Level, Outcome

SECRETS = (SecretStr("app secret"), SecretStr("next"))
TABLE = ErrorTable(read=read_graph_error, rules=GRAPH_RULES)
USAGE = "x-business-use-case-usage"


def answer(error: Mapping[str, object], status: int = 400, headers: Mapping[str, str] = NOTHING) -> HttpResponse:
    return HttpResponse(status, headers, json.dumps({"error": error}).encode())


def test_the_signature_header() -> None:
    body = b'{"object":"page"}'
    header = "sha256=" + hmac_sign("next", body)
    assert signature_ok(SECRETS, body, header)
    assert not signature_ok(SECRETS, body + b" ", header)
    assert not signature_ok(SECRETS, body, header.removeprefix("sha256="))
    assert not signature_ok((), body, header)
    assert not signature_ok(SECRETS, body, "")


QUERY = {"hub.mode": "subscribe", "hub.verify_token": "tok", "hub.challenge": "1158201444"}


@pytest.mark.parametrize("tokens", [SecretStr("tok"), (SecretStr("old"), SecretStr("tok"))])
def test_the_handshake_answers_with_the_challenge(tokens: SecretStr | tuple[SecretStr, ...]) -> None:
    found = handshake(QUERY, tokens)
    assert isinstance(found, Answer)
    assert found.reply == HttpReply(200, b"1158201444", headers={"x-content-type-options": "nosniff"})


@pytest.mark.parametrize(
    "query",
    [{}, {**QUERY, "hub.mode": "unsubscribe"}, {**QUERY, "hub.verify_token": "Tok"}, {**QUERY, "hub.verify_token": ""}],
)
@pytest.mark.parametrize("token", ["tok", ""])
def test_the_handshake_is_refused(query: dict[str, str], token: str) -> None:
    found = handshake(query, SecretStr(token))
    assert isinstance(found, Refuse)
    assert found.status == 403


@given(st.text(st.characters(), max_size=20), st.text(st.characters(), max_size=20))
def test_the_handshake_never_raises(token: str, challenge: str) -> None:
    query = {**QUERY, "hub.verify_token": token, "hub.challenge": challenge}
    assert isinstance(handshake(query, SecretStr("\xe9 secret")), Refuse)
    assert isinstance(handshake({**query, "hub.verify_token": "\xe9"}, SecretStr("\xe9")), Answer)


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        ({"code": 190, "message": "Expired"}, ErrorFacts(status=400, code="190", message="Expired")),
        (
            {"code": 10, "error_subcode": 2018278, "message": "Outside", "is_transient": True},
            ErrorFacts(status=400, code="10", kind="10/2018278", message="Outside"),
        ),
        (
            {"code": 131000, "is_transient": True, "message": "A", "error_data": {"details": "B"}},
            ErrorFacts(status=400, code="131000", kind="transient", message="A: B"),
        ),
        ({"code": 1, "error_data": "B"}, ErrorFacts(status=400, code="1", message="B")),
        ({"code": True, "message": 5}, ErrorFacts(status=400)),
        ({"message": "m" * 900}, ErrorFacts(status=400, message="m" * 500)),
    ],
)
def test_facts(error: dict[str, object], facts: ErrorFacts) -> None:
    assert read_graph_error(answer(error)) == facts


def test_an_error_in_a_webhook_has_the_same_facts() -> None:
    facts = facts_of({"code": 131026, "title": "Message undeliverable", "error_data": {"details": "why"}})
    assert facts == ErrorFacts(code="131026", message="Message undeliverable: why")


def test_an_error_inside_a_200_is_one() -> None:
    failure = TABLE.failure_of(answer({"code": 368}, status=200))
    assert failure is not None
    assert (failure.outcome, failure.status) == (Outcome.SUSPENDED, 200)


@pytest.mark.parametrize("content", [b"{}", b'{"error":null}', b"[]", b"true"])
def test_a_success_has_no_facts(content: bytes) -> None:
    assert read_graph_error(HttpResponse(200, content=content)) is None


def test_an_unreadable_refusal_is_told_by_its_status() -> None:
    facts = read_graph_error(HttpResponse(503, {"retry-after": "5"}, b"<html>"))
    assert facts == ErrorFacts(status=503, message="<html>", retry_after=timedelta(seconds=5))


def regain(*minutes: object) -> str:
    return json.dumps({"1": [{"type": "messaging", "estimated_time_to_regain_access": one} for one in minutes], "2": 3})


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7", USAGE: regain(3)}, timedelta(seconds=7)),
        ({USAGE: regain(3, 19, "x")}, timedelta(minutes=19)),
        ({USAGE: regain(0)}, None),
        ({USAGE: regain(10**9)}, timedelta(days=7)),
        ({USAGE: "{"}, None),
        ({USAGE: "[1]"}, None),
        ({USAGE: '{"1": [1]}'}, None),
    ],
)
def test_how_long_a_limit_lasts(headers: dict[str, str], wait: timedelta | None) -> None:
    facts = read_graph_error(answer({"code": 4}, headers=headers))
    assert facts is not None
    assert facts.retry_after == wait


@pytest.mark.parametrize(
    ("error", "outcome", "level"),
    [
        ({"code": 0}, Outcome.AUTH, Level.ACCOUNT),
        ({"code": 190, "error_subcode": 463}, Outcome.AUTH, Level.ACCOUNT),
        ({"code": 3}, Outcome.AUTH, Level.ACCOUNT),
        ({"code": 10}, Outcome.AUTH, Level.ACCOUNT),
        ({"code": 200}, Outcome.AUTH, Level.ACCOUNT),
        ({"code": 299}, Outcome.AUTH, Level.ACCOUNT),
        ({"code": 4}, Outcome.RETRY, Level.APP),
        ({"code": 80007}, Outcome.RETRY, Level.ACCOUNT),
        ({"code": 613}, Outcome.RETRY, Level.ACCOUNT),
        ({"code": 1}, Outcome.RETRY, Level.ATTEMPT),
        ({"code": 2}, Outcome.RETRY, Level.ATTEMPT),
        ({"code": 368}, Outcome.SUSPENDED, Level.ACCOUNT),
        ({"code": 777, "is_transient": True}, Outcome.RETRY, Level.ATTEMPT),
        ({"code": 100}, Outcome.INVALID, Level.MESSAGE),
    ],
)
def test_general_codes(error: dict[str, object], outcome: Outcome, level: Level) -> None:
    failure = TABLE.failure_of(answer(error))
    assert failure is not None
    assert (failure.outcome, failure.level) == (outcome, level)
    assert (failure.recognized, failure.certain, failure.refresh) == (True, True, False)
    assert failure.see.startswith("https://developers.facebook.com/")


def test_a_sent_message_that_is_answered_with_an_error_is_uncertain() -> None:
    failure = TABLE.failure_of(answer({"code": 1, "error_subcode": 1357046}))
    assert failure is not None
    assert not failure.certain


def test_rate_limits_wait_a_minute_at_least() -> None:
    failure = TABLE.failure_of(answer({"code": 4}))
    assert failure is not None
    assert failure.retry_after == timedelta(minutes=1)


def test_other_codes_stay_unrecognized() -> None:
    failure = TABLE.failure_of(answer({"code": 300}))
    assert failure is not None
    assert (failure.outcome, failure.recognized) == (Outcome.INVALID, False)


@pytest.mark.parametrize(
    ("version", "path", "url"),
    [
        ("v26.0", "1/messages", "https://graph.facebook.com/v26.0/1/messages"),
        ("26.0", "/1/messages", "https://graph.facebook.com/v26.0/1/messages"),
    ],
)
def test_urls(version: str, path: str, url: str) -> None:
    assert graph_url(version, path) == url
    assert graph_url(version, path, host="graph.instagram.com").startswith("https://graph.instagram.com/v26.0/")


@pytest.mark.parametrize(
    ("url", "metas"),
    [
        ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", True),
        ("https://scontent.fbcdn.net/v/x.jpg", True),
        ("http://lookaside.fbsbx.com/x", False),
        ("https://fbsbx.com.evil.example/x", False),
        ("https://user@lookaside.fbsbx.com/x", False),
        ("https://evilfbsbx.com/x", False),
        ("https://[x", False),
    ],
)
def test_a_token_goes_to_metas_hosts_alone(url: str, metas: bool) -> None:
    assert is_metas(url) is metas


def test_half_an_emoji_is_replaced() -> None:
    assert read_json(b'{"name": "Ann \\ud83d"}') == {"name": "Ann \ufffd"}
    assert read_json(b'{"name": "Ann \\ud83d\\ude00"}') == {"name": "Ann \U0001f600"}
    with pytest.raises(ValueError, match="Expecting"):
        read_json(b"{")


def test_an_upload_may_be_repeated() -> None:
    media = Media(name="a.pdf", ref="path:/a.pdf")
    request = upload_request("1/media", media, (("type", "application/pdf"),), name="filedata")
    assert (request.method, request.url, request.repeat, request.limit) == ("POST", "1/media", Repeat.KEYED, "media")
    assert isinstance(request.body, Multipart)
    assert request.body.fields == (("type", "application/pdf"),)
    assert request.body.files == (FilePart(name="filedata", media=media),)


@pytest.mark.parametrize("answer", [None, [], {}, {"id": 7}])
def test_an_answer_without_its_field_leaves_no_doubt(answer: JsonValue) -> None:
    assert field_of({"id": "7"}, "id") == "7"
    with pytest.raises(Rejected) as caught:
        field_of(answer, "id")
    assert (caught.value.failure.certain, caught.value.failure.message) == (True, "answer has no id: ")


NOW = datetime(2027, 1, 4, 9, tzinfo=UTC)
KEEP = Keeper("acc", NOW)
NUMBER: TypeAdapter[int] = TypeAdapter(int)


def news(item: object) -> Iterator[ChannelEvent]:
    number = NUMBER.validate_python(item)
    if number > 5:
        raise Unclear("too large")
    yield AccountChanged(account="acc", dedupe=str(number), occurred_at=NOW, state="info")


def test_an_item_that_cannot_be_read_does_not_spoil_the_others() -> None:
    found = list(KEEP.each("numbers", [1, "x", 9, 2], news))
    assert [one.dedupe for one in found if isinstance(one, AccountChanged)] == ["1", "2"]
    lost = [one for one in found if isinstance(one, Unrecognized)]
    assert [(one.what, one.content) for one in lost] == [("numbers", '"x"'), ("numbers", "9")]
    assert lost[1].reason == "too large"


def test_items_of_a_shape_and_the_others() -> None:
    found, lost = KEEP.valid("numbers", NUMBER, [1, "x", 2])
    assert found == [1, 2]
    assert [one.content for one in lost if isinstance(one, Unrecognized)] == ['"x"']
