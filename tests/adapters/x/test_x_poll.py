"""Catching up: newer than the cursor, oldest first, a backlog in pieces, one refused feed beside a good one."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from omnichannel.adapters.x import XAccount, XChannel
from omnichannel.channel import Batch, Failure, HttpRequest, HttpResponse, MessageReceived, Outcome, Wire
from omnichannel.kit.polling import Cursor, Place
from omnichannel.testing.flows import drive

US, ANN = "1900000000000000001", "1500000000000000042"
CHANNEL = XChannel(XAccount(id="x-main", user_id=US))
START, SECOND = datetime(2027, 1, 2, 10, tzinfo=UTC), timedelta(seconds=1)
EMPTY: Mapping[str, Any] = {"meta": {"result_count": 0}}


def answer(data: Mapping[str, Any], status: int = 200) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(data).encode())


def posts(*numbers: int, token: str | None = None) -> HttpResponse:
    """A page, newest first as X gives it."""
    items = [
        {"id": str(n), "text": f"post {n}", "author_id": ANN, "created_at": (START + n * SECOND).isoformat()}
        for n in sorted(numbers, reverse=True)
    ]
    meta = {"result_count": len(items)} | ({"next_token": token} if token else {})
    return answer({"data": items, "meta": meta, "includes": {"users": [{"id": ANN, "name": "Ann", "username": "ann"}]}})


def dms(*numbers: int, token: str | None = None) -> HttpResponse:
    items = [
        {"id": str(n), "event_type": "MessageCreate", "text": f"dm {n}", "sender_id": ANN, "dm_conversation_id": "1-2"}
        for n in sorted(numbers, reverse=True)
    ]
    meta = {"result_count": len(items)} | ({"next_token": token} if token else {})
    return answer({"data": items, "meta": meta})


def poll(cursor: str | None, *answers: HttpResponse, channel: XChannel = CHANNEL) -> tuple[list[HttpRequest], Batch]:
    requests, batch = drive(channel.poll(cursor), answers)
    assert isinstance(batch, Batch)
    return [one for one in requests if isinstance(one, HttpRequest)], batch


def ids(batch: Batch) -> list[str]:
    return [json.loads(one.content)["data"][0]["id"] for one in batch.envelopes]


def query(request: Wire) -> dict[str, str]:
    assert isinstance(request, HttpRequest)
    return dict(request.query)


def cursor(mentions: Place, direct: Place | None = None) -> str:
    return Cursor(me=US, places={"mentions": mentions, "dms": direct or Place(since="50")}).dump()


def test_without_a_cursor_the_newest_page_of_each() -> None:
    requests, batch = poll(None, posts(7, 5, 9, token="older"), dms(3, 4, token="older"))
    assert [one.url for one in requests] == [f"2/users/{US}/mentions", "2/dm_events"]
    assert "since_id" not in query(requests[0])
    assert ids(batch) == ["3", "4", "5", "7", "9"]
    assert Cursor.load(batch.cursor) == Cursor(me=US, places={"mentions": Place(since="9"), "dms": Place(since="4")})
    assert (batch.more, batch.again_after) == (False, timedelta(minutes=2))


def test_only_what_is_newer_than_the_cursor() -> None:
    requests, batch = poll(cursor(Place(since="5")), posts(6, 7), dms(48, 49, 50, 51, 52, token="older"))
    assert query(requests[0])["since_id"] == "5"
    assert (query(requests[1])["max_results"], query(requests[1])["event_types"]) == ("20", "MessageCreate")
    assert ids(batch) == ["6", "7", "51", "52"]
    assert Cursor.load(batch.cursor) == Cursor(me=US, places={"mentions": Place(since="7"), "dms": Place(since="52")})


def test_nothing_new_leaves_the_cursor() -> None:
    before = cursor(Place(since="5"))
    _, batch = poll(before, answer(EMPTY), dms(49, 50))
    assert (batch.envelopes, batch.cursor) == ((), before)


def test_each_item_is_an_envelope_of_its_own_with_what_belongs_to_it() -> None:
    _, batch = poll(cursor(Place(since="5")), posts(6, 7), answer(EMPTY))
    first = json.loads(batch.envelopes[0].content)
    assert (first["for_user_id"], len(first["data"])) == (US, 1)
    assert first["includes"] == {"users": [{"id": ANN, "name": "Ann", "username": "ann"}]}
    (event,) = CHANNEL.parse(batch.envelopes[0])
    assert isinstance(event, MessageReceived)
    assert (event.dedupe, event.aliases, batch.envelopes[0].received_at) == (
        "6",
        {"username": "ann"},
        event.occurred_at,
    )


def test_a_backlog_of_several_pages_is_in_order() -> None:
    pages = [posts(*range(230, 330), token="b"), posts(*range(130, 230), token="c"), posts(*range(101, 130))]
    requests, batch = poll(cursor(Place(since="100")), *pages, answer(EMPTY))
    assert [query(one).get("pagination_token") for one in requests[:3]] == [None, "b", "c"]
    assert {query(one)["since_id"] for one in requests[:3]} == {"100"}
    assert sorted(ids(batch), key=int) == [str(n) for n in range(101, 330)]
    assert Cursor.load(batch.cursor).places["mentions"] == Place(since="329")


def test_a_backlog_that_is_too_long_goes_on_with_the_next_poll() -> None:
    top = 2000
    pages = [posts(top - 2 * i, top - 2 * i - 1, token=f"t{i}") for i in range(10)]
    _, first = poll(cursor(Place(since="100")), *pages, answer(EMPTY))
    assert (len(first.envelopes), first.more, first.again_after) == (20, True, None)
    place = Cursor.load(first.cursor).places["mentions"]
    assert place == Place(since="100", top="2000", token="t9")
    requests, second = poll(first.cursor, posts(150, 101), answer(EMPTY))
    assert query(requests[0])["pagination_token"] == "t9"
    assert ids(second) == ["101", "150"]
    assert (Cursor.load(second.cursor).places["mentions"], second.more) == (Place(since="2000"), False)


REFUSED = answer(
    {"title": "Forbidden", "detail": "Missing required OAuth 2.0 scopes: dm.read", "type": "about:blank"}, 403
)
LIMITED = HttpResponse(429, {"retry-after": "60"}, b"")


def test_a_refused_feed_does_not_lose_what_the_other_has() -> None:
    _, batch = poll(cursor(Place(since="5")), posts(6), REFUSED)
    assert ids(batch) == ["6"]
    assert Cursor.load(batch.cursor) == Cursor(me=US, places={"mentions": Place(since="6"), "dms": Place(since="50")})
    _, failure = drive(CHANNEL.poll(batch.cursor), [answer(EMPTY), REFUSED])
    assert isinstance(failure, Failure)
    assert failure.outcome is Outcome.AUTH


def test_a_limit_in_the_middle_keeps_what_came_before() -> None:
    _, batch = poll(cursor(Place(since="5")), posts(9, 8, token="b"), LIMITED, answer(EMPTY))
    assert ids(batch) == ["8", "9"]
    assert Cursor.load(batch.cursor).places["mentions"] == Place(since="5", top="9", token="b")
    assert (batch.more, batch.again_after) == (False, timedelta(seconds=60))


def test_who_we_are_is_asked_once() -> None:
    channel = XChannel(XAccount(id="x-main"))
    me = answer({"data": {"id": US, "username": "desk_air"}})
    requests, batch = poll(None, me, posts(6), answer(EMPTY), channel=channel)
    assert [one.url for one in requests] == ["2/users/me", f"2/users/{US}/mentions", "2/dm_events"]
    requests, _ = poll(batch.cursor, answer(EMPTY), answer(EMPTY), channel=channel)
    assert [one.url for one in requests] == [f"2/users/{US}/mentions", "2/dm_events"]
    _, failure = drive(channel.poll(None), [answer({}, 401)])
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.refresh) == (Outcome.AUTH, True)


@pytest.mark.parametrize("bad", ["", "x", "[]", '{"mentions": 5}', '{"mentions": {"since": "x", "top": []}}'])
def test_a_cursor_that_cannot_be_read_is_none(bad: str) -> None:
    assert Cursor.load(bad) == Cursor()


@pytest.mark.parametrize(
    "body", [b"[]", b'{"data": 5}', b'{"data": [null, 3], "meta": []}', b'{"data": [{"id": "x"}]}']
)
def test_strange_pages_are_survived(body: bytes) -> None:
    strange = HttpResponse(200, {}, body)
    _, batch = poll(cursor(Place(since="5")), strange, strange)
    found: Sequence[object] = [event for one in batch.envelopes for event in CHANNEL.parse(one)]
    assert len(found) == len(batch.envelopes)
