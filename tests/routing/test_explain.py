"""Decisions in plain words."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from decimal import Decimal
from typing import get_args

import pytest

from omnichannel.model.base import Success
from omnichannel.model.message import AttemptState, Decision, Refusal, RefusalReason, Step
from omnichannel.routing.explain import Explanation, decision_as_text, explain_refusal
from omnichannel.routing.facts import QuietHours
from omnichannel.routing.phrases import PHRASES
from omnichannel.routing.plan import decide
from tests.routing.given import FACTS, HOUR, MINUTE, NOW, START, X, attempt
from tests.withdrawal.given import in_phase

DECISION = Decision(
    steps=(
        Step(
            channel="whatsapp",
            account="wa-fr",
            adapter="whatsapp",
            surface="dm",
            address="+33",
            wait=HOUR + 15 * MINUTE,
            success="delivered",
            lost=("buttons",),
            cost=Decimal("0.040"),
            currency="EUR",
        ),
        Step(channel="email", account="mail", adapter="smtp_imap", surface="mail", address="a@b", wait=MINUTE / 2),
    ),
    refused=(
        Refusal(channel="x", account="x-main", reason="withdrawn", detail="closed since 2027-02-28"),
        Refusal(channel="sms", account="sms-fr", reason="quiet_hours", ends_at=NOW + 8 * HOUR),
        Refusal(channel="telegram", reason="not_configured"),
    ),
    rules_version="abc",
    decided_at=NOW,
    rule="X is closing",
    expires_at=NOW + 2 * HOUR,
    hold=True,
    tell_operator=True,
)


def test_in_english() -> None:
    assert decision_as_text(DECISION, "en-GB", "Europe/Paris").splitlines() == [
        "Decided 2027-03-01 13:00 CET by rules abc.",
        "Rule: X is closing.",
        "Not to be sent after 2027-03-01 15:00 CET.",
        "1. WhatsApp (wa-fr, dm): done when it is delivered, waiting up to 1 h 15 min, costs 0.04 EUR, what is lost: "
        "buttons",
        "2. e-mail (mail, mail): done when the platform accepts it, waiting up to 30 s",
        "Held: nothing is sent for now.",
        "A person was told.",
        "Not used:",
        "- X (x-main): the channel is being withdrawn or is closed (closed since 2027-02-28)",
        "- SMS (sms-fr): it is quiet hours for the customer, until 2027-03-01 21:00 CET",
        "- Telegram: no account of ours there",
    ]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", ("Décidé le", "le canal ferme ou est fermé", "jusqu'au 2027-03-01 20:00 UTC", "coût 0.04 EUR")),
        ("de_AT", ("Entschieden am", "der Kanal wird geschlossen", "bis 2027-03-01 20:00 UTC", "E-Mail")),
        ("xx", ("Decided", "withdrawn or is closed", "until 2027-03-01 20:00 UTC")),
    ],
)
def test_in_other_languages(language: str, words: tuple[str, ...]) -> None:
    text = decision_as_text(DECISION, language)
    assert all(word in text for word in words)
    assert len(text.splitlines()) == 11


def test_every_word_exists_in_every_language() -> None:
    for words in PHRASES.values():
        assert words.reasons.keys() == set(get_args(RefusalReason))
        assert words.success.keys() == set(get_args(Success))
        assert words.states.keys() == set(get_args(AttemptState))
        assert len(set(words.reasons.values())) == len(words.reasons)


def test_nothing_to_use_is_said() -> None:
    facts = replace(FACTS, doors=[X], withdrawals=[in_phase("closed")])
    text = decision_as_text(decide(START, facts, NOW))
    assert "No channel can be used." in text
    assert "closed since 2027-02-19 12:00 UTC; replacement: whatsapp, email" in text


def test_until_when_is_told_in_the_readers_time() -> None:
    quiet = QuietHours(start=time(11), end=time(14))
    decision = decide(START, replace(FACTS, quiet_hours=quiet), NOW)
    refusal = next(one for one in decision.refused if one.reason == "quiet_hours")
    assert explain_refusal(refusal, "en", "Asia/Tokyo").endswith("until 2027-03-01 23:00 JST")


def test_an_explanation_holds_all_decisions_and_attempts() -> None:
    tried = (attempt(X, "failed", outcome="withdrawn"), attempt(X, "skipped"))
    tried = (replace(tried[0], detail="code 453"), tried[1])
    text = Explanation(decisions=(DECISION, DECISION), attempts=tried).as_text("en")
    assert text.count("Decided") == 2
    assert text.endswith(
        "Tried:\n- 2027-03-01 11:00 UTC X (x-main): failed (withdrawn: code 453)\n"
        "- 2027-03-01 11:00 UTC X (x-main): skipped"
    )
    assert "Tried" not in Explanation(decisions=(DECISION,)).as_text("en")


def test_a_step_that_waits_for_nothing_says_nothing_of_waiting() -> None:
    step = Step(channel="email", account="mail", adapter="smtp_imap", surface="mail", address="a@b")
    text = decision_as_text(replace(DECISION, steps=(step,), refused=(), hold=False, tell_operator=False))
    assert text.endswith("1. e-mail (mail, mail): done when the platform accepts it")
