"""What platforms said, kept as they said it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import delete

from omnichannel.channel.wire import Envelope
from omnichannel.model.content import Media
from omnichannel.stores import journal, records, schema
from omnichannel.stores.journal import Arrival
from omnichannel.testing.clock import START
from tests.stores.given import Desk


def test_an_envelope_comes_back_as_it_was(desk: Desk) -> None:
    envelope = Envelope(
        method="PUT",
        url="https://desk.example/hooks/wa?a=1",
        query={"a": "1", "": "empty"},
        headers={"x-hub-signature-256": "sha256=00", "content-type": "application/json"},
        content=bytes(range(256)),
        received_at=START,
        source="poll",
    )
    desk.run(lambda c: journal.append(c, [Arrival("wa", envelope)]))
    (row,) = desk.run(lambda c: journal.take(c, "wa", 10))
    assert journal.envelope_of(row) == envelope


@pytest.mark.parametrize("name", ["authorization", "cookie", "proxy-authorization"])
def test_secrets_of_a_request_are_not_kept(desk: Desk, name: str) -> None:
    envelope = Envelope(headers={name: "canary", "host": "h"}, content=b"", received_at=START)
    desk.run(lambda c: journal.append(c, [Arrival("wa", envelope)]))
    assert "canary" not in str(desk.one(schema.journal))


def test_rows_wait_in_order_per_endpoint(desk: Desk) -> None:
    desk.arrive(b"1", b"2", endpoint="wa")
    desk.arrive(b"3", endpoint="x")
    desk.arrive(b"4", endpoint="wa")
    assert desk.run(journal.waiting_endpoints) == ["wa", "x"]
    assert [row.content for row in desk.run(lambda c: journal.take(c, "wa", 2))] == [b"1", b"2"]
    desk.run(lambda c: journal.parsed(c, [1, 2, 4]))
    assert desk.run(journal.waiting_endpoints) == ["x"]
    assert desk.run(lambda c: journal.take(c, "wa", 2)) == []
    desk.run(lambda c: journal.parsed(c, []))
    assert desk.run(lambda c: journal.count(c, "new")) == 1


def test_a_parked_row_stops_nobody_and_comes_back_with_its_bytes(desk: Desk) -> None:
    first, second, third = desk.arrive(b"bad", b"good", b"worse")
    desk.run(lambda c: journal.park(c, first, "ParseError: no"))
    desk.run(lambda c: journal.park(c, third, "ParseError: no"))
    assert [row.seq for row in desk.run(lambda c: journal.take(c, "wa", 9))] == [second]
    row = desk.one(schema.journal, seq=first)
    assert (row.state, row.error, row.tries, row.content) == ("parked", "ParseError: no", 1, b"bad")
    assert desk.run(lambda c: journal.replay(c, [first])) == 1
    assert [row.seq for row in desk.run(lambda c: journal.take(c, "wa", 9))] == [first, second]
    assert desk.run(lambda c: journal.replay(c)) == 1
    assert desk.run(lambda c: journal.replay(c)) == 0


def test_only_what_was_parsed_is_forgotten(desk: Desk) -> None:
    old, new, parked = desk.arrive(b"old", b"new", b"parked")
    desk.run(lambda c: journal.parsed(c, [old]))
    desk.run(lambda c: journal.park(c, parked, "no"))
    assert desk.run(lambda c: journal.forget(c, desk.now)) == 0
    assert desk.run(lambda c: journal.forget(c, desk.now + timedelta(seconds=1))) == 1
    assert [row.seq for row in desk.rows(schema.journal)] == [new, parked]


def test_the_bytes_of_an_attachment_are_not_forgotten(desk: Desk) -> None:
    """A small mail's files stand in the journalled mail itself: its row lives as long as they do."""
    inline = Media(name="a.pdf", type="application/pdf", kind="file", ref="inline:5,3,base64")
    elsewhere = Media(name="b.pdf", ref="blob:00#5,3,base64")
    message = desk.hear("See these", account="care", attachments=(inline, elsewhere))
    desk.hear("And nothing else", account="care")
    kept, other = desk.rows(schema.journal)
    rows = [(row.name, row.ref, row.journal_seq) for row in desk.rows(schema.media, message_id=message.id)]
    assert rows == [("a.pdf", f"journal:{kept.seq}#5,3,base64", kept.seq), ("b.pdf", "blob:00#5,3,base64", None)]
    shown = records.message(message).attachments
    assert [(one.id, one.name, one.ref) for one in shown] == [
        (row.id, row.name, row.ref) for row in desk.rows(schema.media)
    ]
    later = desk.now + timedelta(days=400)
    assert desk.run(lambda c: journal.forget(c, later)) == 1
    assert desk.run(lambda c: journal.content(c, kept.seq)) == b"{}"
    assert desk.run(lambda c: journal.content(c, other.seq)) is None
    desk.run(lambda c: c.execute(delete(schema.media)))
    assert desk.run(lambda c: journal.forget(c, later)) == 1


def test_a_cursor_commits_with_what_it_follows(desk: Desk) -> None:
    envelope = Envelope(content=b"", received_at=START, source="poll")
    assert desk.run(lambda c: journal.cursor(c, "poll:x")) is None
    for cursor in ("1", "2"):
        arrival = Arrival("x", envelope, ("poll:x", cursor))
        desk.run(partial(journal.append, arrivals=[arrival]))
        assert desk.run(lambda c: journal.cursor(c, "poll:x")) == cursor
