"""Times as platforms write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from omnichannel.kit.times import at_http_date, at_iso, at_millis, at_snowflake

EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2027-01-04T10:00:00+01:00", datetime(2027, 1, 4, 9, tzinfo=UTC)),
        ("2027-01-04T09:00:00.000Z", datetime(2027, 1, 4, 9, tzinfo=UTC)),
        ("2027-01-04T09:00:00", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("soon", None),
        (None, None),
    ],
)
def test_iso(value: str | None, at: datetime | None) -> None:
    assert at_iso(value) == at


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("1798880700000", datetime(2027, 1, 2, 9, 5, tzinfo=UTC)),
        ("", None),
        (None, None),
        ("x", None),
        ("9" * 30, None),
    ],
)
def test_milliseconds(value: str | None, at: datetime | None) -> None:
    assert at_millis(value) == at


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("0", EPOCH),
        (str(1000 << 22), datetime(2010, 11, 4, 1, 42, 55, 657000, tzinfo=UTC)),
        ("9" * 40, None),
        ("x", None),
        ("", None),
        ("²", None),
    ],
)
def test_snowflakes(value: str, at: datetime | None) -> None:
    assert at_snowflake(value, EPOCH) == at


def test_ids_from_before_there_were_snowflakes_have_no_time() -> None:
    assert at_snowflake("99", EPOCH, 100) is None
    assert at_snowflake("100", EPOCH, 100) == EPOCH


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("Mon, 04 Jan 2027 09:00:00 GMT", datetime(2027, 1, 4, 9, tzinfo=UTC)),
        ("Mon, 04 Jan 2027 09:00:00 -0000", None),
        ("today", None),
        ("", None),
    ],
)
def test_the_date_of_an_answer(value: str, at: datetime | None) -> None:
    assert at_http_date(value) == at
