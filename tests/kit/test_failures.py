"""Until when a used-up window lasts, and what is reported later."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from omnichannel.channel.errors import ErrorFacts, ErrorTable, Rule
from omnichannel.channel.wire import HttpResponse
from omnichannel.kit.failures import WindowedErrors, reported_later
from omnichannel.model.outcome import Level, Outcome

RESET = datetime(2027, 1, 4, 9, 15, tzinfo=UTC)
TABLE = WindowedErrors(reset=lambda _: RESET)


@pytest.mark.parametrize(
    ("status", "outcome", "until"),
    [(429, Outcome.RETRY, RESET), (401, Outcome.AUTH, None)],
)
def test_what_is_tried_again_is_not_tried_before(status: int, outcome: Outcome, until: datetime | None) -> None:
    failure = TABLE.failure_of(HttpResponse(status))
    assert failure is not None
    assert (failure.outcome, failure.not_before) == (outcome, until)


def test_a_success_and_a_window_that_nobody_tells() -> None:
    assert TABLE.failure_of(HttpResponse(200)) is None
    failure = WindowedErrors().failure_of(HttpResponse(429))
    assert failure is not None
    assert failure.not_before is None


def test_what_is_reported_later_goes_by_the_same_rules_and_is_certain() -> None:
    table = ErrorTable(rules=(Rule(outcome=Outcome.UNREACHABLE, code="7"),))
    assert reported_later(table, ErrorFacts(code="7"), "s").outcome is Outcome.UNREACHABLE
    unknown = reported_later(table, ErrorFacts(code="8", message="new"), "https://docs.example")
    assert (unknown.outcome, unknown.level, unknown.recognized, unknown.certain) == (
        Outcome.INVALID,
        Level.MESSAGE,
        False,
        True,
    )
    assert (unknown.code, unknown.message, unknown.see) == ("8", "new", "https://docs.example")
