"""What an account of Mastodon says and narrows, where its token goes, and how it catches up."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr, ValidationError

from omnichannel.adapters.mastodon import MastodonAccount, MastodonChannel, setup
from omnichannel.adapters.mastodon.parse import parse
from omnichannel.channel import Batch, Failure, HttpRequest, HttpResponse, Initiation, Outcome, Repeat
from omnichannel.testing.flows import drive
from tests.adapters.mastodon.test_mastodon_contract import ACCOUNT

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
CHANNEL = MastodonChannel(ACCOUNT)


def with_settings(**settings: Any) -> MastodonChannel:
    return MastodonChannel(MastodonAccount.model_validate({**ACCOUNT.model_dump(), "token": "t", **settings}))


def answer(data: object, status: int = 200, **headers: str) -> HttpResponse:
    return HttpResponse(status, headers, json.dumps(data).encode())


# ---------------------------------------------------------------- the account


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "mastodon.example"},
        {"base_url": "https://mastodon.example/api"},
        {"base_url": "https://user@mastodon.example"},
        {"username": "@desk"},
        {"domain": "https://mastodon.example"},
        {"max_characters": 0},
        {"max_media": 5},
        {"image_bytes": 17 * 1024 * 1024},
        {"replies": "private"},
        {"colour": "blue"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MastodonAccount.model_validate({"id": "f", "base_url": "https://mastodon.example", "username": "desk", **wrong})


@pytest.mark.parametrize(
    ("acct", "whole"),
    [
        ("ann", "ann@mastodon.example"),
        ("Ann@Social.Example", "ann@social.example"),
        ("@ann@social.example", "ann@social.example"),
        ("a b", "a b"),
    ],
)
def test_handles_have_a_host(acct: str, whole: str) -> None:
    assert ACCOUNT.whole(acct) == whole


def test_a_domain_of_its_own() -> None:
    assert with_settings(domain="Example.com").account.handle == "desk@example.com"


def test_two_servers_are_two_accounts_and_one_person() -> None:
    other = with_settings(id="other", base_url="https://other.example")
    assert CHANNEL.account.whole("ann@social.example") == other.account.whole("ann@social.example")
    assert CHANNEL.account.whole("ann") != other.account.whole("ann")


@pytest.mark.parametrize("name", ["dm", "mention"])
def test_an_account_narrows_to_its_server(name: str) -> None:
    widest = CHANNEL.surfaces[name]
    usual, small = CHANNEL.surface(name), with_settings(max_characters=300, max_media=2, image_bytes=1).surface(name)
    large = with_settings(max_characters=5_000).surface(name)
    assert usual is not None
    assert small is not None
    assert large is not None
    assert (usual.text_limit, small.text_limit, large.text_limit) == (468, 268, 4_968)
    assert (small.media["image"].per_message, small.media["image"].max_bytes) == (2, 1)
    assert [one.caption for one in small.media.values()] == [268] * 3
    assert max(one.text_limit for one in (usual, small, large)) <= widest.text_limit
    assert (usual.repeat, usual.text_unit) == (Repeat.KEYED, "linked")
    assert usual.initiation is (Initiation.ANYONE if name == "dm" else Initiation.AFTER_CONTACT)


def test_no_other_surface() -> None:
    assert CHANNEL.surface("story") is None


@pytest.mark.parametrize(
    ("asked", "replies", "answered"),
    [
        ("public", "unlisted", "unlisted"),
        ("public", "public", "public"),
        ("unlisted", "public", "unlisted"),
        ("private", "public", "direct"),
        ("limited", "public", "direct"),
    ],
)
def test_an_answer_is_no_wider_than_the_question(asked: str, replies: str, answered: str) -> None:
    from omnichannel.adapters.mastodon.render import visibility_of
    from omnichannel.channel import Part
    from omnichannel.model.content import Text

    part = Part(key="p", to="a@b.example", content=Text("x"), surface="mention", context={"visibility": asked})
    assert visibility_of(with_settings(replies=replies).account, part) == answered


# ---------------------------------------------------------------- credentials


@pytest.mark.parametrize(
    ("url", "whole", "token"),
    [
        ("api/v1/statuses", "https://mastodon.example/api/v1/statuses", True),
        ("https://mastodon.example/api/v1/x", "https://mastodon.example/api/v1/x", True),
        ("https://stream.example/api/v1/streaming/user", "https://stream.example/api/v1/streaming/user", True),
        ("https://files.mastodon.example/x.png", "https://files.mastodon.example/x.png", False),
        ("http://mastodon.example/api/v1/x", "http://mastodon.example/api/v1/x", False),
        ("https://mastodon.example.evil.example/", "https://mastodon.example.evil.example/", False),
    ],
)
def test_the_token_goes_to_our_server_alone(url: str, whole: str, token: bool) -> None:
    channel = with_settings(streaming_url="https://stream.example")
    signed = channel.sign(HttpRequest(method="GET", url=url), None, NOW, "n")
    assert signed.url == whole
    assert (signed.headers.get("authorization") == "Bearer t") is token


def test_secrets_are_not_shown() -> None:
    assert "user-token" not in repr(ACCOUNT) + ACCOUNT.model_dump_json()


@pytest.mark.parametrize(
    ("given", "outcome", "code"),
    [
        (answer({"id": "99", "acct": "desk"}), None, None),
        (answer({"id": "99", "acct": "Desk"}), None, None),
        (answer({"id": "98", "acct": "other"}), Outcome.AUTH, "other_account"),
        (answer({"error": "The access token is invalid"}, 401), Outcome.AUTH, None),
    ],
)
def test_probe(given: HttpResponse, outcome: Outcome | None, code: str | None) -> None:
    (request,), found = drive(CHANNEL.probe(), [given])
    assert isinstance(request, HttpRequest)
    assert request.url == "api/v1/accounts/verify_credentials"
    assert getattr(found, "outcome", None) is outcome
    assert getattr(found, "code", None) == code


def test_a_rate_limit_says_until_when() -> None:
    reset = {"x-ratelimit-reset": "2027-01-04T09:05:00.787086Z"}
    failure = CHANNEL.errors.failure_of(HttpResponse(429, reset, b'{"error":"Too many requests"}'))
    assert failure is not None
    assert failure.not_before == datetime(2027, 1, 4, 9, 5, 0, 787086, tzinfo=UTC)
    for headers in ({}, {"x-ratelimit-reset": "1700000000"}, {"x-ratelimit-reset": "2027-01-04T09:05:00"}):
        failure = CHANNEL.errors.failure_of(HttpResponse(429, headers, b"{}"))
        assert failure is not None
        assert (failure.outcome, failure.not_before) == (Outcome.RETRY, None)
    # Every answer has the header: only of a refusal it says when to come back.
    failure = CHANNEL.errors.failure_of(HttpResponse(422, reset, b"{}"))
    assert failure is not None
    assert failure.not_before is None


# ---------------------------------------------------------------- links and streams


@pytest.mark.parametrize("ref", ["A7K2QX9P4M", "#A7K2QX9P4M"])
def test_a_link_opens_a_composer_for_us_alone(ref: str) -> None:
    found = with_settings(share_on="https://social.example").link(ref, "Bonjour & merci")
    assert found is not None
    parts = urlsplit(found.url)
    assert (parts.netloc, parts.path) == ("social.example", "/share")
    text = "@desk@mastodon.example Bonjour & merci #A7K2QX9P4M"
    assert parse_qs(parts.query) == {"text": [text], "visibility": ["direct"]}


def test_without_a_server_of_the_customers_it_is_ours() -> None:
    found = CHANNEL.link("A7", "")
    assert found is not None
    assert found.url.startswith("https://mastodon.example/share?text=%40desk%40mastodon.example%20%23A7")


def test_the_stream() -> None:
    for channel, host in ((CHANNEL, "mastodon"), (with_settings(streaming_url="https://stream.example/"), "stream")):
        listen = channel.listen(None)
        assert (listen.framing, listen.idle.total_seconds(), listen.resume_query) == ("sse", 60, None)
        assert listen.request.url == f"https://{host}.example/api/v1/streaming/user"


# ---------------------------------------------------------------- limits of a server


def test_limits_are_read_and_advised() -> None:
    instance = {
        "domain": "example.com",
        "version": "4.6.1",
        "configuration": {
            "urls": {"streaming": "wss://stream.example"},
            "statuses": {"max_characters": 5_000, "max_media_attachments": 8},
            "media_attachments": {"image_size_limit": 1_000, "video_size_limit": 103_809_024},
        },
    }
    (request,), found = drive(setup.limits(CHANNEL), [answer(instance)])
    assert isinstance(request, HttpRequest)
    assert (request.method, request.url) == ("GET", "api/v2/instance")
    assert isinstance(found, setup.ServerLimits)
    assert (found.max_characters, found.max_media, found.version) == (5_000, 8, "4.6.1")
    # More files than the software's own four are of no use to us; nothing is advised for what is right.
    assert found.advice == (
        "max_characters = 5000",
        "image_bytes = 1000",
        'domain = "example.com"',
        'streaming_url = "https://stream.example"',
    )
    _, nothing = drive(setup.limits(CHANNEL), [answer({})])
    assert isinstance(nothing, setup.ServerLimits)
    assert (nothing.advice, nothing.max_characters) == ((), None)


# ---------------------------------------------------------------- catching up


def note(number: int) -> dict[str, Any]:
    author = {"id": "110", "acct": "ann@social.example"}
    at = f"2027-01-04T08:00:{number % 60:02}.000Z"
    status = {"id": f"s{number}", "account": author, "content": "<p>x</p>", "visibility": "direct", "created_at": at}
    return {"id": str(number), "type": "mention", "created_at": at, "account": author, "status": status}


def prev(newest: str) -> str:
    url = f"https://mastodon.example/api/v1/notifications?limit=40&min_id={newest}"
    return f'<https://mastodon.example/api/v1/notifications?max_id=1>; rel="next", <{url}>; rel="prev"'


def urls(requests: list[Any]) -> list[tuple[str, str | None]]:
    return [(one.url.rpartition("/")[2], dict(one.query).get("min_id")) for one in requests]


def test_the_first_poll_takes_nothing_old() -> None:
    answers = [answer({"id": "99", "acct": "desk"}), answer([note(7)], link=prev("7")), answer([]), answer([note(5)])]
    requests, batch = drive(CHANNEL.poll(None), answers)
    assert isinstance(batch, Batch)
    assert batch.envelopes == ()
    assert json.loads(batch.cursor or "") == {"me": "99", "notifications": "7", "conversations": "0", "statuses": "5"}
    assert [dict(one.query)["limit"] for one in requests[1:] if isinstance(one, HttpRequest)] == ["1"] * 3


CURSOR = json.dumps({"me": "99", "notifications": "7", "conversations": "0", "statuses": "5"})


def test_later_polls_go_on() -> None:
    pages = [answer([note(9), note(8)], link=prev("9")), answer([]), answer([])]
    requests, batch = drive(CHANNEL.poll(CURSOR), pages)
    assert isinstance(batch, Batch)
    assert urls(requests) == [("notifications", "7"), ("conversations", "0"), ("statuses", "5")]
    query = requests[0].query if isinstance(requests[0], HttpRequest) else ()
    assert ("include_filtered", "true") in query
    assert ("types[]", "mention") in query
    events = [event for one in batch.envelopes for event in parse(ACCOUNT, one)]
    assert [event.dedupe for event in events] == ["s8", "s9"]
    assert [one.received_at for one in batch.envelopes] == [event.occurred_at for event in events]
    assert json.loads(batch.cursor or "")["notifications"] == "9"
    assert (batch.more, batch.again_after is not None) == (False, True)


def test_a_long_gap_is_read_page_by_page() -> None:
    full = [answer([note(n) for n in range(40 * k + 40, 40 * k, -1)], link=prev(str(40 * k + 40))) for k in range(5)]
    requests, batch = drive(CHANNEL.poll(CURSOR), [*full, answer([]), answer([])])
    assert isinstance(batch, Batch)
    assert [one[1] for one in urls(requests)[:5]] == ["7", "40", "80", "120", "160"]
    assert (len(batch.envelopes), batch.more, batch.again_after) == (200, True, None)
    assert json.loads(batch.cursor or "")["notifications"] == "200"


def test_a_server_that_stands_still_is_left() -> None:
    """A page that leads to itself is not asked for again and again."""
    requests, batch = drive(CHANNEL.poll(CURSOR), [answer([note(7)] * 40, link=prev("7")), answer([]), answer([])])
    assert isinstance(batch, Batch)
    assert (len(requests), batch.more) == (3, False)


def test_what_was_found_is_kept_where_a_feed_is_refused() -> None:
    refusal = answer({"error": "This action is outside the authorized scopes"}, 403)
    _, batch = drive(CHANNEL.poll(CURSOR), [answer([note(9)], link=prev("9")), refusal, answer([])])
    assert isinstance(batch, Batch)
    assert (len(batch.envelopes), batch.more) == (1, False)
    _, failure = drive(CHANNEL.poll(CURSOR), [answer([]), refusal, answer([])])
    assert isinstance(failure, Failure)
    assert failure.outcome is Outcome.AUTH


@pytest.mark.parametrize("cursor", ["", "not json", "[]", '{"notifications": 5}'])
def test_a_cursor_that_cannot_be_read_is_none(cursor: str) -> None:
    answers = [answer({"id": "99", "acct": "desk"}), answer([]), answer([]), answer([])]
    _, batch = drive(CHANNEL.poll(cursor), answers)
    assert isinstance(batch, Batch)
    assert batch.envelopes == ()


def test_the_token_of_a_secret_is_read_late() -> None:
    account = MastodonAccount(id="f", base_url="https://m.example", username="d", token=SecretStr("env:TOKEN"))
    assert account.token.get_secret_value() == "env:TOKEN"
