"""The refresh request, its answer and its refusals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import JsonValue, SecretStr

from omnichannel.channel.errors import ErrorTable, Rejected
from omnichannel.channel.wire import Flow, Form, HttpRequest, HttpResponse, Repeat, Token
from omnichannel.kit.oauth import (
    OAUTH_RULES,
    OAuth1Keys,
    authorized,
    basic_authorization,
    client_authenticated,
    client_credentials,
    oauth1_signed,
    read_oauth_error,
    refresh_request,
    renewed,
    revealed,
    token_from,
    with_refresh_token,
)
from omnichannel.model.outcome import Failure, Outcome
from omnichannel.testing.flows import drive

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


GET = HttpRequest(method="GET", url="https://api.example/1/x", headers={"accept": "a"}, query=(("b", "2"),))
REFRESH = refresh_request("https://id.example/token", "r0", None)


class Sender:
    """A caller that only sends."""

    def http(self, request: HttpRequest) -> Flow[HttpResponse]:
        answer = yield request
        assert isinstance(answer, HttpResponse)
        return answer

    def call(self, request: HttpRequest) -> Flow[Any]:
        raise NotImplementedError

    def require(self, data: Any, *path: str | int) -> str:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("date", "expires_at"),
    [("Sun, 01 Mar 2026 00:00:00 GMT", NOW + timedelta(minutes=1)), ("", None), ("today", None)],
)
def test_a_lifetime_counts_from_the_date_of_the_answer(date: str, expires_at: datetime | None) -> None:
    answer = HttpResponse(200, {"date": date}, b'{"access_token": "a1", "expires_in": 60}')
    requests, token = drive(renewed(Sender(), TABLE, REFRESH, OLD), [answer])
    assert requests == [REFRESH]
    assert token == Token(value="a1", refresh="r0", expires_at=expires_at)


def test_a_renewal_that_is_refused() -> None:
    _, failure = drive(renewed(Sender(), TABLE, REFRESH, OLD), [HttpResponse(400, {}, b'{"error": "invalid_grant"}')])
    assert isinstance(failure, Failure)
    assert failure.outcome is Outcome.AUTH


def test_the_request_for_an_apps_own_token_may_be_repeated() -> None:
    request = client_credentials("https://id.example/token")
    assert request.body == Form((("grant_type", "client_credentials"),))
    assert (request.method, request.repeat, request.limit) == ("POST", Repeat.SAFE, "token")


def test_the_header_joins_the_others() -> None:
    assert authorized(GET, "Bearer x").headers == {"accept": "a", "authorization": "Bearer x"}


@pytest.mark.parametrize(
    ("client", "secrets", "header"),
    [
        ("a b", (SecretStr("c:d"), SecretStr("old")), "Basic YStiOmMlM0Fk"),
        ("a b", (), None),
        (None, (SecretStr("c"),), None),
    ],
)
def test_a_client_with_a_secret_says_who_it_is(
    client: str | None, secrets: tuple[SecretStr, ...], header: str | None
) -> None:
    assert client_authenticated(GET, client, secrets).headers.get("authorization") == header


def test_the_value_of_a_secret() -> None:
    assert (revealed(SecretStr("s")), revealed(None)) == ("s", "")


def test_a_signature_covers_query_and_form() -> None:
    keys = OAuth1Keys(SecretStr("ck"), SecretStr("cs"), SecretStr("t"), None)
    found = oauth1_signed(GET, keys, NOW, "n").headers["authorization"]
    assert 'oauth_consumer_key="ck"' in found
    assert f'oauth_timestamp="{int(NOW.timestamp())}"' in found
    form = HttpRequest(method="POST", url=GET.url, body=Form((("b", "2"),)))
    other = HttpRequest(method="POST", url=GET.url, body={"b": "2"})
    signed = [oauth1_signed(one, keys, NOW, "n").headers["authorization"] for one in (form, other)]
    assert len({found, *signed}) == 3
    assert "cs" not in repr(keys)
