"""The refresh request, its answer and its refusals."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue

from omnichannel.channel.errors import ErrorTable, Rejected
from omnichannel.channel.wire import Form, HttpRequest, HttpResponse, Repeat, Token
from omnichannel.kit.oauth import (
    OAUTH_RULES,
    basic_authorization,
    read_oauth_error,
    refresh_request,
    token_from,
    with_refresh_token,
)
from omnichannel.model.outcome import Outcome

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD = Token(value="a0", refresh="r0", expires_at=NOW)
TABLE = ErrorTable(read=read_oauth_error, rules=OAUTH_RULES)


def test_the_request() -> None:
    assert refresh_request("https://id.example/token", "r0", "app") == HttpRequest(
        method="POST",
        url="https://id.example/token",
        headers={"accept": "application/json"},
        body=Form((("grant_type", "refresh_token"), ("refresh_token", "r0"), ("client_id", "app"))),
        repeat=Repeat.UNSAFE,
        limit="token",
    )


def test_the_request_with_all_its_options() -> None:
    request = refresh_request("t", "r0", None, scope="a b", headers={"x-a": "1"}, extra=[("k", "v")])
    assert request.body == Form(
        (("grant_type", "refresh_token"), ("refresh_token", "r0"), ("scope", "a b"), ("k", "v"))
    )
    assert request.headers == {"accept": "application/json", "x-a": "1"}


def test_client_credentials_are_form_encoded_first() -> None:
    assert basic_authorization("a b", "c:d") == "Basic YStiOmMlM0Fk"


@pytest.mark.parametrize(
    ("answer", "token"),
    [
        ({"access_token": "a1"}, Token(value="a1", refresh="r0")),
        (
            {"access_token": "a1", "refresh_token": "r1", "expires_in": 60},
            Token(value="a1", refresh="r1", expires_at=NOW + timedelta(minutes=1)),
        ),
        (
            {"access_token": "a1", "expires_in": "60"},
            Token(value="a1", refresh="r0", expires_at=NOW + timedelta(0, 60)),
        ),
        ({"access_token": "a1", "expires_in": -5}, Token(value="a1", refresh="r0", expires_at=NOW)),
        ({"access_token": "a1", "expires_in": True}, Token(value="a1", refresh="r0")),
        ({"access_token": "a1", "expires_in": "soon"}, Token(value="a1", refresh="r0")),
        ({"access_token": "a1", "expires_in": 10**400}, Token(value="a1", refresh="r0")),
        (
            {"access_token": "a1", "expires_in": 1e30, "refresh_token": ""},
            Token(value="a1", refresh="r0", expires_at=NOW + timedelta(days=3650)),
        ),
    ],
)
def test_the_token(answer: JsonValue, token: Token) -> None:
    assert token_from(answer, NOW, OLD) == token


def test_without_a_previous_token_there_is_no_refresh() -> None:
    assert token_from({"access_token": "a1"}, NOW) == Token(value="a1")


@pytest.mark.parametrize("answer", [None, [], {}, {"access_token": ""}, {"access_token": 7}])
def test_an_answer_without_a_token_is_uncertain(answer: JsonValue) -> None:
    with pytest.raises(Rejected) as caught:
        token_from(answer, NOW, OLD)
    assert caught.value.failure.outcome is Outcome.RETRY
    assert not caught.value.failure.certain


@pytest.mark.parametrize(
    ("status", "content", "outcome", "message"),
    [
        (400, b'{"error":"invalid_grant","error_description":"expired"}', Outcome.AUTH, "expired"),
        (401, b'{"error":"invalid_client"}', Outcome.AUTH, "invalid_client"),
        (400, b'{"error":"invalid_scope"}', Outcome.INVALID, "invalid_scope"),
        (200, b'{"error":"temporarily_unavailable"}', Outcome.RETRY, "temporarily_unavailable"),
        (500, b"oops", Outcome.RETRY, "oops"),
        (400, b'{"error":{"a":1}}', Outcome.INVALID, '{"error":{"a":1}}'),
    ],
)
def test_refusals(status: int, content: bytes, outcome: Outcome, message: str) -> None:
    failure = TABLE.failure_of(HttpResponse(status, content=content))
    assert failure is not None
    assert (failure.outcome, failure.message, failure.refresh) == (outcome, message, False)


def test_a_token_is_no_refusal() -> None:
    assert TABLE.failure_of(HttpResponse(200, content=b'{"access_token":"a"}')) is None


def test_the_refresh_token_is_put_in_when_the_request_is_signed() -> None:
    request = refresh_request("https://a.example/token", "", "app")
    signed = with_refresh_token(request, "secret-refresh")
    assert isinstance(signed.body, Form)
    assert dict(signed.body.fields) == {
        "grant_type": "refresh_token",
        "refresh_token": "secret-refresh",
        "client_id": "app",
    }
    assert "secret-refresh" not in repr(request)
    plain = HttpRequest(method="GET", url="https://a.example")
    assert with_refresh_token(plain, "secret-refresh") == plain
