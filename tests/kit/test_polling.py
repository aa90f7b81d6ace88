"""Feeds that are listed newest first: cursors, backlogs, refusals in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from omnichannel.channel.errors import Rejected
from omnichannel.channel.wire import Batch, Envelope, Flow, HttpRequest, HttpResponse
from omnichannel.kit.polling import (
    Cursor,
    Page,
    Place,
    batch_of,
    cursor_data,
    item_envelope,
    newest_first,
    poll_newest,
)
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.testing.flows import drive

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
AGAIN = timedelta(minutes=2)


def failure(wait: timedelta | None = None) -> Failure:
    return Failure(outcome=Outcome.RETRY, level=Level.ACCOUNT, code="429", message="", retry_after=wait)


def envelope(item: Mapping[str, Any]) -> Envelope:
    return item_envelope(item, NOW)


def feed(name: str) -> Callable[[Place], Flow[Page]]:
    def read(place: Place) -> Flow[Page]:
        answer = yield HttpRequest(method="GET", url=f"{name}?{place.token}")
        assert isinstance(answer, HttpResponse)
        data: Any = answer.json()
        return Page.of(data["items"], data.get("next"), envelope)

    return read


def page(*ids: object, token: str | None = None) -> HttpResponse:
    return HttpResponse(200, {}, json.dumps({"items": [{"id": one} for one in ids], "next": token}).encode())


def test_a_cursor_comes_back_as_it_was() -> None:
    cursor = Cursor(me="5", places={"a": Place(since="7"), "b": Place(since="1", top="9", token="t")})
    assert Cursor.load(cursor.dump()) == cursor
    assert json.loads(Cursor().dump()) == {}
    assert (cursor.place("a"), cursor.place("c")) == (Place(since="7"), Place())


@pytest.mark.parametrize("text", [None, "", "x", "[]", '{"a": 5, "me": "x"}', '{"a": {"since": "x", "top": []}}'])
def test_what_is_no_cursor_is_none(text: str | None) -> None:
    assert Cursor.load(text) == Cursor()


def test_the_data_of_a_cursor() -> None:
    assert cursor_data('{"a": "1"}') == {"a": "1"}
    assert (cursor_data("["), cursor_data("[]"), cursor_data(None)) == ({}, {}, {})


def test_a_page_takes_objects_and_what_has_no_number() -> None:
    found = Page.of([{"id": 9}, "x", {"id": "new"}], 5, envelope)
    assert [number for number, _ in found.items] == [9, 0]
    assert found.token == "5"


def test_of_a_feed_that_was_never_read_the_newest_page_is_taken() -> None:
    _, found = drive(newest_first(feed("a"), Place(), 5), [page(9, 8, token="t")])
    assert isinstance(found, tuple)
    assert [number for number, _ in found[0]] == [9, 8]
    assert found[1:] == (Place(since="9"), None)


def test_pages_are_read_down_to_what_is_known() -> None:
    pages = [page(9, 8, token="t"), page("x", 7, 5, 4, token="u")]
    requests, found = drive(newest_first(feed("a"), Place(since="5"), 5), pages)
    assert [one.url for one in requests if isinstance(one, HttpRequest)] == ["a?None", "a?t"]
    assert isinstance(found, tuple)
    assert [number for number, _ in found[0]] == [9, 8, 0, 7]
    assert found[1:] == (Place(since="9"), None)


def test_nothing_new_leaves_the_place() -> None:
    _, found = drive(newest_first(feed("a"), Place(since="5"), 5), [page()])
    assert found == ([], Place(since="5"), None)


def test_a_long_backlog_goes_on_with_the_next_poll() -> None:
    _, found = drive(newest_first(feed("a"), Place(since="1"), 2), [page(9, token="t"), page(8, token="u")])
    assert isinstance(found, tuple)
    assert found[1:] == (Place(since="1", top="9", token="u"), None)
    _, rest = drive(newest_first(feed("a"), found[1], 2), [page(7)])
    assert isinstance(rest, tuple)
    assert rest[1:] == (Place(since="9"), None)


def test_a_refusal_keeps_what_came_before() -> None:
    refused = failure()
    _, found = drive(newest_first(feed("a"), Place(since="1"), 5), [page(9, token="t"), refused])
    assert isinstance(found, tuple)
    assert [number for number, _ in found[0]] == [9]
    assert found[1] == Place(since="1", top="9", token="t")
    assert found[2] is not None
    assert found[2].failure == refused


def test_several_feeds_are_one_batch_in_order() -> None:
    cursor = Cursor(me="5", places={"a": Place(since="1"), "b": Place(since="1")})
    flow = poll_newest({"a": feed("a"), "b": feed("b")}, cursor, most=3, again_after=AGAIN)
    _, batch = drive(flow, [page(9, 3), page(5)])
    assert isinstance(batch, Batch)
    assert [json.loads(one.content)["id"] for one in batch.envelopes] == [3, 5, 9]
    assert Cursor.load(batch.cursor) == Cursor(me="5", places={"a": Place(since="9"), "b": Place(since="5")})
    assert (batch.more, batch.again_after) == (False, AGAIN)


def test_a_refused_feed_beside_a_good_one() -> None:
    wait = timedelta(seconds=7)
    flow = poll_newest({"a": feed("a"), "b": feed("b")}, Cursor(), most=3, again_after=AGAIN)
    _, batch = drive(flow, [failure(wait), page(5)])
    assert isinstance(batch, Batch)
    assert (len(batch.envelopes), batch.again_after) == (1, wait)


def test_what_there_is_more_of_is_polled_at_once() -> None:
    batch = batch_of([], "{}", more=True, refused=None, again_after=AGAIN)
    assert (batch.more, batch.again_after) == (True, None)


def test_nothing_but_a_refusal_is_one() -> None:
    refused = Rejected(failure())
    with pytest.raises(Rejected) as caught:
        batch_of([], "{}", more=False, refused=refused, again_after=AGAIN)
    assert caught.value is refused


def test_an_item_has_its_own_time_and_headers() -> None:
    found = item_envelope({"b": "é\ud800", "a": 1}, NOW, event="update")
    assert (found.source, found.method, found.received_at) == ("poll", "GET", NOW)
    assert found.headers == {"content-type": "application/json", "event": "update"}
    assert found.content == '{"a": 1, "b": "é?"}'.encode()
