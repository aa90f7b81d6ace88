"""Status codes of mail servers, in replies and in bounces."""

from __future__ import annotations

import pytest

from omnichannel.kit.mail.status import judge, judge_report
from omnichannel.model.outcome import Outcome


@pytest.mark.parametrize(
    ("status", "enhanced", "outcome", "code", "recognized"),
    [
        (550, "4.2.2", Outcome.RETRY, "5.2.2", True),
        (450, "5.1.1", Outcome.RETRY, "4.1.1", True),
        (550, None, Outcome.INVALID, "550", False),
        (456, None, Outcome.RETRY, "456", False),
        (571, "5.9.9", Outcome.INVALID, "5.9.9", False),
    ],
)
def test_the_first_digit_is_authoritative(
    status: int, enhanced: str | None, outcome: Outcome, code: str, recognized: bool
) -> None:
    failure = judge(status, enhanced, "something")
    assert (failure.outcome, failure.code, failure.recognized) == (outcome, code, recognized)


@pytest.mark.parametrize(
    ("status", "diagnostic", "outcome", "code"),
    [
        ("5.1.1", "smtp; 550 5.1.1 no such user", Outcome.UNREACHABLE, "5.1.1"),
        ("4.4.7", "delivery time expired", Outcome.UNREACHABLE, "5.4.7"),
        ("5.0.0", "smtp; 550-5.2.1 disabled", Outcome.UNREACHABLE, "5.2.1"),
        ("5.0.0", "something", Outcome.INVALID, "5.0.0"),
        ("", "smtp; 550 5.7.1 spam", Outcome.INVALID, "5.7.1"),
        ("", "x-unix; 452 disk full", Outcome.INVALID, "500"),
        ("", "smtp; 550 user unknown", Outcome.UNREACHABLE, "550"),
        ("", "smtp; 530 5.7.0 authentication required", Outcome.INVALID, "5.7.0"),
    ],
)
def test_what_a_bounce_says_is_final(status: str, diagnostic: str, outcome: Outcome, code: str) -> None:
    failure = judge_report(status, diagnostic)
    assert (failure.outcome, failure.code) == (outcome, code)
