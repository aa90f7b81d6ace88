"""A decision in plain words: what is tried, and for every other channel why not and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from omnichannel.model.message import Attempt, Decision, Refusal, Step
from omnichannel.routing.facts import as_money
from omnichannel.routing.phrases import PHRASES, Phrases
from omnichannel.withdrawal.notices import channel_name

__all__ = ["Explanation", "decision_as_text", "explain_refusal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What was decided for a delivery, each time, and what was tried."""

    decisions: tuple[Decision, ...]
    attempts: tuple[Attempt, ...] = ()

    def as_text(self, language: str = "en", timezone: str = "UTC") -> str:
        """All decisions, oldest first, then the attempts."""
        words = _phrases(language)
        parts = [decision_as_text(one, language, timezone) for one in self.decisions]
        parts += [_attempts_text(self.attempts, words, language, timezone)] if self.attempts else []
        return "\n\n".join(parts)


def _phrases(language: str) -> Phrases:
    return PHRASES.get(language.replace("_", "-").partition("-")[0].lower(), PHRASES["en"])


def decision_as_text(decision: Decision, language: str = "en", timezone: str = "UTC") -> str:
    """A decision in English, French or German; English for any other language. Times are in `timezone`."""
    words = _phrases(language)
    lines = [words.decided.format(at=_time(decision.decided_at, timezone), version=decision.rules_version)]
    if decision.rule:
        lines.append(words.by_rule.format(rule=decision.rule))
    if decision.expires_at:
        lines.append(words.expires.format(at=_time(decision.expires_at, timezone)))
    lines += [f"{n}. {_step(s, words, language)}" for n, s in enumerate(decision.steps, 1)] or [words.nothing]
    if decision.hold:
        lines.append(words.held)
    if decision.tell_operator:
        lines.append(words.told)
    if decision.refused:
        lines += [words.not_used, *(f"- {explain_refusal(r, language, timezone)}" for r in decision.refused)]
    return "\n".join(lines)


def explain_refusal(refusal: Refusal, language: str = "en", timezone: str = "UTC") -> str:
    """One refusal: the channel, why, the details, and until when where that is known."""
    words = _phrases(language)
    who = channel_name(refusal.channel, language) + (f" ({refusal.account})" if refusal.account else "")
    said = f"{who}: {words.reasons[refusal.reason]}"
    if refusal.detail:
        said += f" ({refusal.detail})"
    if refusal.ends_at:
        said += f", {words.until.format(at=_time(refusal.ends_at, timezone))}"
    return said


def _step(step: Step, words: Phrases, language: str) -> str:
    said = f"{channel_name(step.channel, language)} ({step.account}, {step.surface}): {words.success[step.success]}"
    if step.wait is not None:
        said += f", {words.wait.format(wait=_duration(step.wait))}"
    if step.cost is not None:
        said += f", {words.cost.format(cost=as_money(step.cost, step.currency))}"
    if step.lost:
        said += f", {words.lost.format(lost=', '.join(step.lost))}"
    return said


def _attempts_text(attempts: Sequence[Attempt], words: Phrases, language: str, timezone: str) -> str:
    rows = [
        f"- {_time(a.started_at, timezone)} {channel_name(a.channel, language)} ({a.account}): {words.states[a.state]}"
        + (f" ({a.outcome}{f': {a.detail}' if a.detail else ''})" if a.outcome else "")
        for a in attempts
    ]
    return "\n".join([words.attempts, *rows])


def _time(at: datetime, timezone: str) -> str:
    return f"{at.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M %Z}"


def _duration(wait: timedelta) -> str:
    minutes, seconds = divmod(round(wait.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"
