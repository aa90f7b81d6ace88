"""One order for all channels, and cursors into it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.desk.queue import NEVER, decode_cursor, encode_cursor, queue_key, times_of
from omnichannel.desk.sla import due_at, is_breached
from omnichannel.model.base import EPOCH
from omnichannel.model.conversation import Conversation
from omnichannel.model.exceptions import NotFound

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TIMES = st.integers(0, 10**15).map(lambda micros: EPOCH + timedelta(microseconds=micros))


def waiting(
    id: str, *, priority: int = 0, due: datetime | None = None, since: datetime | None = NOW, channel: str = "x"
) -> Conversation:
    return Conversation(
        id=id,
        brand="default",
        customer_id="cus_1",
        status="open",
        channel=channel,
        account="main",
        surface="dm",
        visibility="private",
        queue="support",
        version=1,
        priority=priority,
        due_at=due,
        created_at=since,
    )


def test_priority_then_deadline_then_age_then_id() -> None:
    ordered = [
        waiting("z", priority=9, since=NOW + HOUR),
        waiting("y", priority=1, due=NOW + HOUR, channel="email"),
        waiting("x", priority=1, due=NOW + 2 * HOUR, since=NOW - HOUR),
        waiting("w", due=NOW - HOUR, channel="sms"),
        waiting("v", since=None),
        waiting("t", since=NOW - HOUR),
        waiting("s", since=NOW),
        waiting("u", since=NOW),
        waiting("a", priority=-1, due=NOW - HOUR),
    ]
    assert sorted(ordered, key=queue_key) == ordered


@given(
    st.lists(
        st.builds(
            waiting,
            st.uuids().map(str),
            priority=st.integers(-3, 3),
            due=st.none() | TIMES,
            since=st.none() | TIMES,
        ),
        unique_by=lambda one: one.id,
    )
)
def test_a_cursor_goes_on_exactly_where_a_page_ended(rows: list[Conversation]) -> None:
    keys = sorted(queue_key(row) for row in rows)
    for number, key in enumerate(keys):
        after = decode_cursor(encode_cursor(key))
        assert after == key
        assert [one for one in keys if one > after] == keys[number + 1 :]


def test_a_key_gives_back_its_times() -> None:
    assert times_of(queue_key(waiting("a", due=NOW + HOUR))) == (NOW + HOUR, NOW)
    assert times_of(queue_key(waiting("a", since=None))) == (NEVER, EPOCH)


def test_a_cursor_fits_into_a_url() -> None:
    cursor = encode_cursor(queue_key(waiting("cnv_é")))
    assert cursor.isascii()
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("cursor", ["", "x", "****", "e30", "W10", "é", "a" * 9999, "WzEsMiwzXQ", "\x00"])
def test_what_is_no_cursor_is_not_found(cursor: str) -> None:
    with pytest.raises(NotFound, match="no cursor"):
        decode_cursor(cursor)


@pytest.mark.parametrize(("promise", "due"), [(None, None), (timedelta(hours=4), NOW + 4 * HOUR), (timedelta(0), NOW)])
def test_the_first_answer_is_due_as_promised(promise: timedelta | None, due: datetime | None) -> None:
    assert due_at(promise, NOW) == due


@pytest.mark.parametrize(
    ("due", "answered", "now", "breached"),
    [
        (None, None, NOW, False),
        (NOW, None, NOW, False),
        (NOW, None, NOW + HOUR, True),
        (NOW, NOW, NOW + HOUR, False),
        (NOW, NOW + HOUR, NOW + HOUR, True),
    ],
)
def test_a_promise_is_broken_by_a_late_answer_and_by_none(
    due: datetime | None, answered: datetime | None, now: datetime, breached: bool
) -> None:
    assert is_breached(due, answered, now) is breached
