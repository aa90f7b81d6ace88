"""Evidence that a channel goes away unannounced, and when it is enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from omnichannel.model.outcome import Failure, Level, Outcome, level_of
from omnichannel.withdrawal.detection import Evidence, EvidenceKind, evidence_of, suspicion

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PAST, FUTURE = "Mon, 01 Feb 2027 00:00:00 GMT", "Thu, 01 Apr 2027 00:00:00 GMT"


def failure(outcome: Outcome, status: int | None = None, *, certain: bool = True, code: str | None = None) -> Failure:
    return Failure(outcome=outcome, level=level_of(outcome), status=status, certain=certain, code=code)


def look(what: Failure | None, headers: dict[str, str] | None = None) -> Evidence | None:
    return evidence_of(what, "x", "x-main", "dm", NOW, headers or {})


@pytest.mark.parametrize(
    ("what", "headers", "kind"),
    [
        (failure(Outcome.WITHDRAWN, 410), {}, "gone"),
        (failure(Outcome.WITHDRAWN, 403), {}, "refused"),
        (failure(Outcome.WITHDRAWN, 200), {}, "body"),
        (failure(Outcome.WITHDRAWN), {}, "refused"),
        (failure(Outcome.WITHDRAWN, 403), {"sunset": PAST}, "sunset"),
        (failure(Outcome.WITHDRAWN, 403), {"sunset": FUTURE}, "refused"),
        (failure(Outcome.PAYMENT_REQUIRED, 402), {}, "payment"),
        (None, {"sunset": PAST}, "announced"),
        (None, {"sunset": FUTURE}, "announced"),
        (None, {"deprecation": "@1688169599"}, "announced"),
        (failure(Outcome.INVALID, 400), {"deprecation": "true"}, "announced"),
    ],
)
def test_answers_about_the_channel_are_evidence(
    what: Failure | None, headers: dict[str, str], kind: EvidenceKind
) -> None:
    found = look(what, headers)
    assert found is not None
    assert found.kind == kind
    assert (found.channel, found.account, found.surface, found.at) == ("x", "x-main", "dm", NOW)


@pytest.mark.parametrize("outcome", [o for o in Outcome if o not in (Outcome.WITHDRAWN, Outcome.PAYMENT_REQUIRED)])
@pytest.mark.parametrize("status", [None, 400, 401, 403, 404, 429])
def test_other_answers_are_not(outcome: Outcome, status: int | None) -> None:
    assert look(failure(outcome, status)) is None


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("headers", [{}, {"sunset": PAST}, {"deprecation": "true"}])
def test_a_timeout_or_a_server_error_never_is(outcome: Outcome, headers: dict[str, str]) -> None:
    assert look(failure(outcome, 500), headers) is None
    assert look(failure(outcome, 503), headers) is None
    assert look(failure(outcome, None, certain=False), headers) is None


@pytest.mark.parametrize("value", ["", "soon", "Mon, 99 Foo 2027", "\u2028", "0" * 300])
def test_an_unreadable_date_is_none(value: str) -> None:
    assert look(None, {"sunset": value}) is None


def test_the_end_is_kept_in_utc() -> None:
    found = look(None, {"sunset": "Thu, 01 Apr 2027 02:00:00 +0200"})
    assert found is not None
    assert found.until == datetime(2027, 4, 1, tzinfo=UTC)
    naive = look(None, {"sunset": "Thu, 01 Apr 2027 00:00:00 -0000"})
    assert naive is not None
    assert naive.until == datetime(2027, 4, 1, tzinfo=UTC)


def piece(kind: EvidenceKind, ago: timedelta, *, account: str = "x-main", surface: str | None = "dm") -> Evidence:
    return Evidence(channel="x", account=account, surface=surface, kind=kind, at=NOW - ago, code=kind)


def test_three_pieces_within_ten_minutes_are_enough_and_two_are_not() -> None:
    rows = [piece("refused", number * 5 * MINUTE) for number in range(3)]
    found = suspicion(rows, NOW)
    assert found is not None
    assert (found.channel, found.account, found.surface) == ("x", "x-main", "dm")
    assert (found.pieces, found.since, found.detail) == (3, NOW - 10 * MINUTE, "refused")
    assert suspicion(rows[:2], NOW) is None
    assert suspicion(rows, NOW + timedelta(seconds=1)) is None
    assert suspicion([], NOW) is None


@pytest.mark.parametrize("kind", ["gone", "sunset"])
def test_one_answer_without_doubt_is_enough_for_a_day(kind: EvidenceKind) -> None:
    assert suspicion([piece(kind, 23 * 60 * MINUTE)], NOW) is not None
    assert suspicion([piece(kind, 25 * 60 * MINUTE)], NOW) is None


@pytest.mark.parametrize("kind", ["payment", "announced"])
def test_an_unpaid_bill_and_an_announcement_never_are(kind: EvidenceKind) -> None:
    assert suspicion([piece(kind, MINUTE)] * 100, NOW) is None


def test_evidence_from_the_future_waits() -> None:
    assert suspicion([piece("gone", -MINUTE)], NOW) is None


def test_a_suspicion_is_as_wide_as_its_evidence() -> None:
    surfaces = suspicion([piece("body", MINUTE, surface=s) for s in ("dm", "mention", "dm")], NOW)
    accounts = suspicion([piece("body", MINUTE, account=a) for a in ("a", "b", "b")], NOW)
    assert surfaces is not None
    assert (surfaces.account, surfaces.surface) == ("x-main", None)
    assert accounts is not None
    assert (accounts.account, accounts.surface) == (None, "dm")


def test_a_withdrawal_at_any_level_is_evidence() -> None:
    assert look(Failure(outcome=Outcome.WITHDRAWN, level=Level.ACCOUNT, status=403)) is not None
