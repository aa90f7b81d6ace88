"""Credentials: which go where, and that they go nowhere else."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from omnichannel.adapters.x import XAccount, XChannel
from omnichannel.channel import Failure, Form, HttpRequest, HttpResponse, Level, Outcome, Token
from omnichannel.model.content import Media
from omnichannel.testing.flows import drive

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
US = "1900000000000000001"


def channel(**settings: Any) -> XChannel:
    return XChannel(XAccount.model_validate({"id": "x-main", "token": "user-token", **settings}))


def signed(found: XChannel, request: HttpRequest, token: Token | None = None) -> HttpRequest:
    return found.sign(request, token, NOW, "0123456789abcdef")


def authorization(found: XChannel, request: HttpRequest, token: Token | None = None) -> str | None:
    return signed(found, request, token).headers.get("authorization")


def test_a_user_token_and_the_whole_url() -> None:
    request = HttpRequest(method="POST", url="2/tweets", body={"text": "x"}, headers={"x-mine": "1"})
    done = signed(channel(), request)
    assert done.url == "https://api.x.com/2/tweets"
    assert done.headers == {"x-mine": "1", "authorization": "Bearer user-token"}
    assert (done.body, done.method) == (request.body, "POST")


def test_the_stored_token_goes_before_the_configured_one() -> None:
    assert authorization(channel(), HttpRequest(method="GET", url="/2/users/me"), Token(value="new")) == "Bearer new"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/2/tweets",
        "http://api.x.com/2/tweets",
        "https://api.x.com.evil.example/x",
        "https://api.x.com@evil.example/x",
        "https://api.x.com:8443/2/tweets",
        "https://ton.twitter.com/1.1/x",
        "https://pbs.twimg.com/media/a.jpg",
    ],
)
@pytest.mark.parametrize("oauth1", [False, True])
def test_no_credentials_for_other_hosts(url: str, oauth1: bool) -> None:
    found = channel(**({"token_secret": "s", "consumer_key": "k", "consumer_secret": "c"} if oauth1 else {}))
    request = HttpRequest(method="GET", url=url)
    private = oauth1 and url.startswith("https://ton.twitter.com/")
    assert (authorization(found, request) is not None) is private


@pytest.mark.parametrize(
    ("method", "url", "app"),
    [
        ("POST", "2/webhooks", True),
        ("PUT", "2/webhooks/1", True),
        ("POST", "2/webhooks/replay", True),
        ("GET", "2/activity/stream", True),
        ("POST", "2/activity/subscriptions", False),
        ("POST", "2/account_activity/webhooks/1/subscriptions/all", False),
        ("GET", "2/account_activity/webhooks/1/subscriptions/all", False),
        ("GET", "2/account_activity/webhooks/1/subscriptions/all/list", True),
        ("DELETE", "2/account_activity/webhooks/1/subscriptions/2/all", True),
        ("POST", "2/account_activity/replay/webhooks/1/subscriptions/all", True),
        ("POST", "2/dm_conversations/with/1/messages", False),
        ("GET", "2/dm_events", False),
        ("GET", "2/users/1/mentions", False),
    ],
)
def test_the_apps_own_token_only_where_x_wants_it(method: Any, url: str, app: bool) -> None:
    request = HttpRequest(method=method, url=url)
    found = authorization(channel(app_bearer="app-token"), request)
    assert found == ("Bearer app-token" if app else "Bearer user-token")
    assert authorization(channel(), request) == "Bearer user-token"


def test_oauth1_is_signed_as_in_the_documents() -> None:
    """The example of https://docs.x.com/resources/fundamentals/authentication/oauth-1-0a/creating-a-signature."""
    found = XChannel(
        XAccount.model_validate(
            {
                "id": "x-main",
                "base_url": "https://api.twitter.com",
                "consumer_key": "xvz1evFS4wEEPTGEFPHBog",
                "consumer_secret": "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
                "token": "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
                "token_secret": "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
            }
        )
    )
    request = HttpRequest(
        method="POST",
        url="1.1/statuses/update.json",
        query=(("include_entities", "true"),),
        body=Form((("status", "Hello Ladies + Gentlemen, a signed OAuth request!"),)),
    )
    nonce, at = "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", datetime.fromtimestamp(1318622958, UTC)
    header = found.sign(request, None, at, nonce).headers["authorization"]
    assert header.startswith("OAuth ")
    assert 'oauth_signature="hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D"' in header
    assert 'oauth_timestamp="1318622958"' in header


def test_oauth1_does_not_sign_a_json_body() -> None:
    found = channel(token_secret="s", consumer_key="k", consumer_secret="c")
    one, two = (
        authorization(found, HttpRequest(method="POST", url="2/tweets", body={"text": text})) for text in ("a", "b")
    )
    assert one == two is not None


# ---------------------------------------------------------------- renewal


ANSWER = {"token_type": "bearer", "expires_in": 7200, "access_token": "new", "refresh_token": "next", "scope": "x"}


def renew(found: XChannel, token: Token | None, answer: HttpResponse) -> tuple[list[HttpRequest], Token | Failure]:
    requests, result = drive(found.refresh(token), [answer])
    return [one for one in requests if isinstance(one, HttpRequest)], result


def ok(body: object, date: str | None = "Mon, 04 Jan 2027 09:00:00 GMT") -> HttpResponse:
    return HttpResponse(200, {"date": date} if date else {}, json.dumps(body).encode())


def test_a_refresh_token_is_used_once_and_replaced() -> None:
    found = channel(refresh_token="first", client_id="client")
    requests, token = renew(found, None, ok(ANSWER))
    assert token == Token(value="new", refresh="next", expires_at=NOW + timedelta(hours=2))
    assert "first" not in repr(requests)
    done = signed(found, requests[0])
    assert done.url == "https://api.x.com/2/oauth2/token"
    assert done.body == Form((("grant_type", "refresh_token"), ("refresh_token", "first"), ("client_id", "client")))
    assert "authorization" not in done.headers
    again, _ = renew(found, Token(value="new", refresh="next"), ok(ANSWER))
    body = signed(found, again[0], Token(value="new", refresh="next")).body
    assert isinstance(body, Form)
    assert ("refresh_token", "next") in body.fields


def test_a_confidential_client_names_itself_in_the_header() -> None:
    found = channel(refresh_token="first", client_id="client", client_secret=["new-secret", "old"])
    requests, _ = renew(found, None, ok(ANSWER))
    done = signed(found, requests[0])
    assert done.headers["authorization"] == "Basic Y2xpZW50Om5ldy1zZWNyZXQ="
    assert isinstance(done.body, Form)
    assert "client_id" not in dict(done.body.fields)


def test_a_renewal_without_a_form_gets_no_secret() -> None:
    found = channel(refresh_token="first", client_id="client")
    done = signed(found, HttpRequest(method="POST", url="2/oauth2/token", body={"refresh_token": ""}))
    assert (done.body, dict(done.headers)) == ({"refresh_token": ""}, {})


def test_without_the_platforms_clock_the_end_is_not_known() -> None:
    found = channel(refresh_token="first", client_id="client")
    for date in (None, "yesterday", "Mon, 04 Jan 2027 09:00:00"):
        _, token = renew(found, None, ok(ANSWER, date))
        assert isinstance(token, Token)
        assert (token.value, token.expires_at) == ("new", None)


@pytest.mark.parametrize(
    ("answer", "outcome", "certain"),
    [
        (HttpResponse(400, {}, b'{"error":"invalid_grant"}'), Outcome.AUTH, True),
        (HttpResponse(503, {}, b""), Outcome.RETRY, False),
        (HttpResponse(200, {}, b"{}"), Outcome.RETRY, False),
        (HttpResponse(200, {}, b"<html>"), Outcome.RETRY, False),
    ],
)
def test_a_renewal_that_fails(answer: HttpResponse, outcome: Outcome, certain: bool) -> None:
    _, failure = renew(channel(refresh_token="first", client_id="client"), None, answer)
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.certain, failure.refresh) == (outcome, certain, False)


@pytest.mark.parametrize("settings", [{}, {"token_secret": "s", "refresh_token": "x"}])
def test_what_cannot_be_renewed_needs_a_person(settings: dict[str, str]) -> None:
    requests, failure = drive(channel(**settings).refresh(None), [])
    assert requests == []
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.level, failure.code) == (Outcome.AUTH, Level.ACCOUNT, "no_refresh")


# ---------------------------------------------------------------- probe, files


@pytest.mark.parametrize(
    ("user_id", "answer", "code"),
    [
        (US, {"data": {"id": US, "username": "desk"}}, None),
        (None, {"data": {"id": "5", "username": "desk"}}, None),
        (US, {"data": {"id": "5", "username": "desk"}}, "other_account"),
        (US, {"data": {"username": "desk"}}, "unreadable"),
    ],
)
def test_the_probe_asks_who_we_are(user_id: str | None, answer: object, code: str | None) -> None:
    requests, failure = drive(channel(user_id=user_id).probe(), [ok(answer)])
    assert [one.url for one in requests if isinstance(one, HttpRequest)] == ["2/users/me"]
    assert (failure.code if failure else None) == code


TON = "https://ton.twitter.com/1.1/ton/data/dm/103/200/bag.jpg"


@pytest.mark.parametrize(
    ("ref", "oauth1", "url"),
    [
        (f"platform:{TON}", False, "2/dm_conversations/media/103/200/bag.jpg"),
        (f"platform:{TON}", True, TON),
        ("platform:https://video.twimg.com/dm_video/1/a.mp4", False, "https://video.twimg.com/dm_video/1/a.mp4"),
        ("platform:https://evil.example/1.1/ton/data/dm/1/2/a.jpg", True, None),
        ("platform:https://ton.twitter.com/1.1/ton/data/dm/1/2/../../x", False, None),
        ("platform:http://ton.twitter.com/1.1/ton/data/dm/1/2/a.jpg", True, None),
        ("platform:12345", False, None),
        ("https://pbs.twimg.com/media/a.jpg", False, None),
        ("platform:https://[bad", False, None),
    ],
)
def test_where_the_bytes_of_a_file_are(ref: str, oauth1: bool, url: str | None) -> None:
    found = channel(**({"token_secret": "s", "consumer_key": "k", "consumer_secret": "c"} if oauth1 else {}))
    _, located = drive(found.locate(Media(ref=ref)), [])
    if url is None:
        assert isinstance(located, Failure)
        assert (located.outcome, located.code) == (Outcome.INVALID, "no_file")
    else:
        assert isinstance(located, HttpRequest)
        assert (located.method, located.url) == ("GET", url)
        assert unquote(located.url) == located.url
