"""Proving who one is, and how sure that makes us."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from omnichannel.continuation.assurance import after_step_up, highest, lowest, may_show_history, on_surface
from omnichannel.continuation.stepup import (
    LIFE,
    TRIES,
    CodeState,
    check,
    code_digest,
    code_from,
    find_code,
)
from omnichannel.model.address import Assurance
from tests.continuation.given import draws

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CODE = "048213"
STATE = CodeState(digest=code_digest(CODE, "salt"), salt="salt", created_at=NOW)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("048213", CODE),
        ("It is 048213.", CODE),
        ("048 213", CODE),
        ("048-213!", CODE),
        ("code:048213, thanks", CODE),
        ("(048213)", CODE),
        ("048213 and 999999", CODE),
        ("048\u00a0213", CODE),
        ("04821", None),
        ("0482134", None),
        ("x", None),
        ("048213.50", None),
        ("1.048213", None),
        ("2027-048213", None),
        ("048213 7", None),
        ("+33 612 345 678", None),
        ("", None),
    ],
)
def test_the_code_is_found_in_free_text(text: str, code: str | None) -> None:
    assert find_code(text) == code


@pytest.mark.parametrize(
    ("state", "text", "at", "result"),
    [
        (STATE, "it's 048 213", NOW, "ok"),
        (STATE, "048213", NOW + LIFE - SECOND, "ok"),
        (STATE, "048213", NOW + LIFE, "expired"),
        (STATE, "048213", NOW - SECOND, "expired"),
        (STATE, "048214", NOW, "wrong"),
        (STATE, "111111, 048213", NOW, "wrong"),
        (STATE, "111111 048213", NOW, "no_code"),
        (STATE, "hello?", NOW, "no_code"),
        (STATE, "hello?", NOW + LIFE, "no_code"),
        (None, "048213", NOW, "no_code"),
        (replace(STATE, tries=TRIES - 1), "048213", NOW, "ok"),
        (replace(STATE, tries=TRIES), "048213", NOW, "too_many"),
        (replace(STATE, tries=TRIES), "048213", NOW + LIFE, "expired"),
        (replace(STATE, salt="other"), "048213", NOW, "wrong"),
    ],
)
def test_five_tries_in_fifteen_minutes(state: CodeState | None, text: str, at: datetime, result: str) -> None:
    assert check(state, text, at) == result
    assert (TRIES, timedelta(minutes=15)) == (5, LIFE)


def test_codes_are_six_digits_and_all_as_likely(seed: int) -> None:
    random = draws(seed)
    codes = [code_from(random.getrandbits(64)) for _ in range(20_000)]
    assert {len(code) for code in codes} == {6}
    assert all(code.isdigit() and find_code(code) == code for code in codes)
    firsts = Counter(code[0] for code in codes)
    assert set(firsts) == set("0123456789")
    assert max(firsts.values()) < 2400


def test_the_code_itself_is_not_in_its_digest() -> None:
    assert CODE not in STATE.digest
    assert code_digest(CODE, "a") != code_digest(CODE, "b")


@pytest.mark.parametrize("level", list(Assurance))
def test_in_public_nobody_is_more_than_a_handle(level: Assurance) -> None:
    assert on_surface(level, "public") == max(min(level, Assurance.PUBLIC_HANDLE), Assurance.UNKNOWN)
    assert on_surface(level, "private") == max(level, Assurance.UNKNOWN)


def test_levels_are_joined_by_the_weakest_or_the_strongest() -> None:
    assert lowest(3, 1, 4) == Assurance.PUBLIC_HANDLE
    assert highest(3, 1) == Assurance.VERIFIED
    assert lowest() == highest() == Assurance.UNKNOWN
    assert highest(99) == Assurance.SIGNED_IN
    assert lowest(-1) == Assurance.UNKNOWN


@pytest.mark.parametrize("level", list(Assurance))
def test_a_code_verifies_and_a_sign_in_more_so(level: Assurance) -> None:
    assert after_step_up(level) == max(level, Assurance.VERIFIED)
    assert after_step_up(level, signed_in=True) == Assurance.SIGNED_IN


@pytest.mark.parametrize(("own", "needed", "shown"), [(2, 2, True), (1, 2, False), (4, 3, True), (0, 0, True)])
def test_history_is_shown_from_the_conversations_level_on(own: int, needed: int, shown: bool) -> None:
    assert may_show_history(own, needed) is shown
