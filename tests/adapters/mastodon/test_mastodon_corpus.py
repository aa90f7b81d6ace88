"""Recorded exchanges of another client with a real server: what we make of each answer."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr

from omnichannel.adapters.mastodon import MastodonAccount, MastodonChannel, setup
from omnichannel.channel import Envelope, HttpRequest, HttpResponse, MessageEchoed, MessageReceived, Outcome, Part
from omnichannel.kit.shapes import is_list, is_object
from omnichannel.model.content import Text
from omnichannel.testing.flows import drive

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
ADMIN = MastodonChannel(
    MastodonAccount(id="fedi", base_url="http://localhost:3000", username="admin", token=SecretStr("t"))
)

# Written by hand from the recordings: exchanges, statuses with their text, and errors.
FILES: Mapping[str, tuple[int, int, Mapping[int, int]]] = {
    "account_lookup": (4, 0, {404: 1}),
    "app_account_create_invalid": (3, 0, {422: 1}),
    "follow_request_authorize": (5, 0, {}),
    "grouped_notifications": (9, 3, {}),
    "health": (1, 0, {}),
    "home_tl": (3, 14, {}),
    "id_hook_in_reply_to": (4, 2, {}),
    "list_timeline": (9, 8, {}),
    "notifications_exclude_types": (3, 1, {}),
    "public_tl_anonymous": (4, 9, {}),
    "status": (3, 2, {}),
    "status_context": (3, 1, {}),
    "status_edit": (6, 3, {}),
    "status_empty": (1, 0, {422: 1}),
    "status_post-content-warning-direct": (2, 1, {}),
    "status_post-content-warning-private": (2, 1, {}),
    "status_post-content-warning-public": (2, 1, {}),
    "status_post-content-warning-unlisted": (2, 1, {}),
    "status_post-none-none": (2, 1, {}),
    "status_post-none-private": (2, 1, {}),
    "status_post-none-unlisted": (2, 1, {}),
    "status_post_with_quote": (4, 2, {}),
    "status_quote_approval_visibility": (9, 6, {}),
    "status_quote_revoke": (5, 3, {}),
    "status_quotes": (3, 1, {}),
    "status_reblog_visibility": (5, 4, {}),
    "status_reply": (5, 2, {}),
    "status_reply_with_quote": (7, 3, {}),
    "status_update_quote_approval_policy": (3, 2, {}),
    "stream_direct": (7, 2, {}),
    "stream_healthy": (3, 0, {}),
    "timeline_link_fails": (2, 0, {404: 1}),
    "trending_statuses": (1, 0, {}),
    "unauthed_home_tl_throws": (3, 1, {401: 1}),
    "verify_version": (2, 0, {}),
}
OUTCOMES = {401: Outcome.AUTH, 404: Outcome.INVALID, 422: Outcome.INVALID}


@pytest.fixture(scope="module")
def exchanges(corpus: Path) -> Mapping[str, list[Any]]:
    paths = sorted((corpus / "fixtures" / "mastodon" / "exchanges").glob("*.json"))
    return {one.stem.removeprefix("mastodonpy--test_"): json.loads(one.read_text("utf-8")) for one in paths}


def items(many: list[Any]) -> Iterator[Mapping[str, Any]]:
    for one in many:
        body: object = one["response"]["body"]
        yield from (item for item in (body if is_list(body) else [body]) if is_object(item))


def statuses(many: list[Any]) -> list[Mapping[str, Any]]:
    return [one for one in items(many) if "content" in one and "visibility" in one]


def parsed(event: str, item: object, channel: MastodonChannel = ADMIN) -> list[Any]:
    envelope = Envelope(source="stream", headers={"event": event}, content=json.dumps(item).encode(), received_at=NOW)
    return list(channel.parse(envelope))


def test_every_recording_is_spoken_for(exchanges: Mapping[str, list[Any]]) -> None:
    assert set(exchanges) == set(FILES)


@pytest.mark.parametrize("name", sorted(FILES))
def test_what_a_recording_holds(exchanges: Mapping[str, list[Any]], name: str) -> None:
    many = exchanges[name]
    count, written, refused = FILES[name]
    failed = [one["response"] for one in many if one["response"]["status"] >= 400]
    assert (len(many), len(statuses(many))) == (count, written)
    assert Counter(one["status"] for one in failed) == refused
    for one in many:
        response = one["response"]
        body: Any = response["body"]
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        failure = ADMIN.errors.failure_of(HttpResponse(response["status"], response["headers"], content))
        assert (failure.outcome if failure else None) == OUTCOMES.get(response["status"])
        if failure is not None:
            assert failure.message == response["body"]["error"]


@pytest.mark.parametrize("name", sorted(name for name, (_, written, _) in FILES.items() if written))
def test_statuses_are_read(exchanges: Mapping[str, list[Any]], name: str) -> None:
    """As one of a conversation: ours is an echo, a stranger's a message, a boost nothing."""
    for status in statuses(exchanges[name]):
        events = parsed("conversation", {"id": "7", "unread": True, "accounts": [], "last_status": status})
        if status.get("reblog"):
            assert events == []
            continue
        (event,) = events
        ours = status["account"]["acct"] == "admin"
        assert isinstance(event, MessageEchoed if ours else MessageReceived)
        assert (event.dedupe, event.message_id) == (status["id"], status["id"])
        assert event.occurred_at == datetime.fromisoformat(status["created_at"])
        assert event.surface == ("dm" if status["visibility"] == "direct" else "mention")
        assert not [mark for mark in ("<p", "<a", "<span", "&amp;", "&lt;") if mark in event.text]
        if isinstance(event, MessageReceived):
            assert event.sender == f"{status['account']['acct']}@localhost:3000"
            assert event.language == status["language"]
            assert event.text.startswith(status["spoiler_text"])


def test_a_status_under_a_warning(exchanges: Mapping[str, list[Any]]) -> None:
    (status,) = statuses(exchanges["status_post-content-warning-direct"])
    (event,) = parsed("conversation", {"id": "7", "unread": True, "accounts": [], "last_status": status})
    assert (event.text, event.surface, event.context["warning"]) == (
        "Content warning\n\nToot!",
        "dm",
        "Content warning",
    )


def test_an_answer(exchanges: Mapping[str, list[Any]]) -> None:
    first, second = statuses(exchanges["status_reply"])
    stranger = MastodonChannel(ADMIN.account.model_copy(update={"username": "desk"}))
    (event,) = parsed("conversation", {"id": "7", "last_status": second}, stranger)
    assert (event.reply_to, event.references, event.thread) == (first["id"], (first["id"],), None)


def test_an_edit(exchanges: Mapping[str, list[Any]]) -> None:
    changed = [one for one in statuses(exchanges["status_edit"]) if one["edited_at"]]
    (event,) = parsed("status.update", changed[-1])
    assert event.kind == "message_edited"
    assert event.message_id == changed[-1]["id"]
    assert event.occurred_at == datetime.fromisoformat(changed[-1]["edited_at"])


def test_the_recorded_stream(exchanges: Mapping[str, list[Any]]) -> None:
    """Server-sent events as they came: an event's name, its data, and signs of life."""
    (text,) = [
        one["response"]["body"]
        for one in exchanges["stream_direct"]
        if isinstance(one["response"]["body"], str) and "event: conversation" in one["response"]["body"]
    ]
    lines = text.splitlines()
    assert lines[0].startswith(":")
    found = [
        parsed(name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in pairwise(lines)
        if name.startswith("event: ")
    ]
    assert [type(event) for events in found for event in events]
    assert {event.surface for events in found for event in events} == {"dm"}


def test_limits_of_the_recorded_server(exchanges: Mapping[str, list[Any]]) -> None:
    bodies = [one["response"]["body"] for one in exchanges["stream_direct"] if "v2/instance" in one["request"]["url"]]
    _, found = drive(setup.limits(ADMIN), [HttpResponse(200, {}, json.dumps(bodies[0]).encode())])
    assert isinstance(found, setup.ServerLimits)
    assert (found.version, found.max_characters, found.video_bytes) == ("4.6.4", 500, 103_809_024)
    assert found.advice == ('streaming_url = "http://localhost:4000"',)


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.startswith("status_post-")))
def test_a_status_is_asked_for_as_recorded(exchanges: Mapping[str, list[Any]], name: str) -> None:
    one = exchanges[name][0]
    wanted = {key: values[0] for key, values in parse_qs(one["request"]["body"]).items()}
    visibility = wanted.get("visibility", "public")
    part = Part(
        key="p",
        to="ann@social.example",
        content=Text(wanted["status"]),
        surface="dm" if visibility == "direct" else "mention",
        reply_to=None if visibility == "direct" else "1",
        context={"visibility": visibility, "warning": wanted.get("spoiler_text", "")},
    )
    answer = HttpResponse(200, {}, json.dumps({**one["response"]["body"], "mentions": None}).encode())
    (request,), result = drive(ADMIN.send(part), [answer])
    assert isinstance(request, HttpRequest)
    assert f"{ADMIN.account.base_url}/{request.url}" == one["request"]["url"]
    assert is_object(request.body)
    asked = {key: value for key, value in request.body.items() if key in wanted}
    # We name whom it is to, and answer no post for followers to followers of ours.
    allowed = {"public": "unlisted", "private": "direct"}
    assert asked == {
        **wanted,
        "status": f"@ann@social.example {wanted['status']}",
        **({"visibility": allowed.get(visibility, visibility)} if "visibility" in wanted else {}),
    }
    assert getattr(result, "ids", None) == (one["response"]["body"]["id"],)


def test_a_deletion_is_asked_for_as_recorded(exchanges: Mapping[str, list[Any]]) -> None:
    one = exchanges["status_post-none-none"][1]
    message_id = one["response"]["body"]["id"]
    part = Part(key="p", to="ann@social.example", content=Text("x"))
    answer = HttpResponse(200, {}, json.dumps(one["response"]["body"]).encode())
    (request,), _ = drive(ADMIN.delete(message_id, part), [answer])
    assert isinstance(request, HttpRequest)
    assert (request.method, f"http://localhost:3000/{request.url}") == (one["request"]["method"], one["request"]["url"])
