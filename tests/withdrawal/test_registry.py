"""The registry of known withdrawals."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from omnichannel.withdrawal.phases import phase_at, validate
from omnichannel.withdrawal.registry import KNOWN, KnownWithdrawal, known, lost_by


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: row.key)
def test_each_row_is_a_valid_withdrawal_with_a_source(row: KnownWithdrawal) -> None:
    w = row.as_withdrawal("airline")
    validate(w)
    assert row.source
    assert row.what.endswith(".")
    assert (w.id, w.brand, w.channel) == (f"known_{row.key}", "airline", row.channel)
    closed = datetime.combine(row.closed_on, datetime.min.time(), UTC)
    assert phase_at(w, closed) == "closed"
    assert w.source_url is None or w.source_url.startswith("https://")


def test_keys_are_unique_and_the_list_is_in_order() -> None:
    assert len({row.key for row in KNOWN}) == len(KNOWN) >= 15
    days = [row.closed_on for row in known()]
    assert days == sorted(days)
    assert {row.channel for row in known("slack")} == {"slack"}


def lost(as_of: date, channels: list[str], adapters: list[str]) -> set[str]:
    return {row.key for row in lost_by(as_of, channels, adapters)}


def test_what_a_configuration_loses_depends_on_the_day_and_the_adapter() -> None:
    assert lost(date(2024, 7, 30), ["google_business_messages"], []) == set()
    assert lost(date(2024, 7, 31), ["google_business_messages"], []) == {"google_business_messages_2024"}
    assert "x_free_2023" in lost(date(2024, 1, 1), ["x"], ["twitter_v1"])
    assert "x_free_2023" not in lost(date(2024, 1, 1), ["x"], ["x"])
    assert "x_free_2023" not in lost(date(2026, 2, 6), ["x"], ["twitter_v1"])
    assert "slack_rtm_2022" not in lost(date(2027, 1, 1), ["slack"], ["slack"])


def test_it_can_be_overridden() -> None:
    own = KnownWithdrawal(key="own", channel="pager", what="Ends.", closed_on=date(2027, 1, 1), source="memo 7")
    assert lost_by(date(2027, 1, 1), ["pager"], [], rows=[own]) == (own,)
    assert own.as_withdrawal().source_url is None
