"""From a platform's answer to a Failure: facts read once, then ordered rules, each with its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from omnichannel.channel.wire import Flow, HttpResponse, SmtpReply
from omnichannel.model.outcome import Failure, Level, Outcome, level_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFacts:
    """What an answer says, before it is judged. `kind` is a slug or title where the platform has one."""

    status: int | None = None
    code: str | None = None
    kind: str | None = None
    message: str = ""
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Matches if all that is set matches. `contains` is compared in lower case; `hold` is a least delay."""

    outcome: Outcome
    status: int | None = None
    code: str | tuple[str, ...] | None = None
    kind: str | tuple[str, ...] | None = None
    contains: str | None = None
    level: Level | None = None
    certain: bool = True
    refresh: bool = False
    hold: timedelta | None = None
    purpose: str | None = None
    see: str = ""

    def matches(self, facts: ErrorFacts) -> bool:
        """Whether every set part of the rule agrees with the facts."""
        return (
            (self.status is None or self.status == facts.status)
            and _among(facts.code, self.code)
            and _among(facts.kind, self.kind)
            and (self.contains is None or self.contains in facts.message.lower())
        )


def _among(found: str | None, wanted: str | tuple[str, ...] | None) -> bool:
    if wanted is None:
        return True
    return found == wanted if isinstance(wanted, str) else found in wanted


HTTP_DEFAULTS = (
    Rule(outcome=Outcome.AUTH, status=401, refresh=True),
    Rule(outcome=Outcome.PAYMENT_REQUIRED, status=402),
    Rule(outcome=Outcome.RETRY, status=408, certain=False),
    Rule(outcome=Outcome.WITHDRAWN, status=410),
    Rule(outcome=Outcome.RETRY, status=425),
    Rule(outcome=Outcome.RETRY, status=429),
)
"""What a status means where the platform says nothing of its own (RFC 9110, RFC 6585)."""


def read_status(response: HttpResponse) -> ErrorFacts | None:
    """The reader for a platform whose errors are told by status alone."""
    if response.ok:
        return None
    return ErrorFacts(status=response.status, message=response.text[:500], retry_after=retry_after(response))


def retry_after(response: HttpResponse) -> timedelta | None:
    """`Retry-After` in seconds; its date form is read by the runtime, which has the clock."""
    value = response.headers.get("retry-after", "").strip()
    return timedelta(seconds=min(int(value), 7 * 86_400)) if value.isascii() and value.isdigit() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTable:
    """An adapter's errors: `read` tells an error from a success, `rules` are tried in order, then the defaults.

    Unknown 4xx is INVALID, unknown 5xx is RETRY and uncertain; both with `recognized=False`.
    """

    read: Callable[[HttpResponse], ErrorFacts | None] = read_status
    rules: tuple[Rule, ...] = ()
    defaults: tuple[Rule, ...] = field(default=HTTP_DEFAULTS)

    def classify(self, facts: ErrorFacts) -> Failure:
        """The failure for these facts; also used for failures that a webhook reports later."""
        for rule in (*self.rules, *self.defaults):
            if rule.matches(facts):
                return _failure(rule, facts)
        server_side = facts.status is None or facts.status >= 500
        unknown = Rule(outcome=Outcome.RETRY, certain=False) if server_side else Rule(outcome=Outcome.INVALID)
        return _failure(unknown, facts, recognized=False)

    def failure_of(self, response: HttpResponse) -> Failure | None:
        """None for a success."""
        facts = self.read(response)
        return None if facts is None else self.classify(facts)


def _failure(rule: Rule, facts: ErrorFacts, *, recognized: bool = True) -> Failure:
    waits = [wait for wait in (rule.hold, facts.retry_after) if wait is not None]
    return Failure(
        outcome=rule.outcome,
        level=rule.level or level_of(rule.outcome),
        code=facts.code or facts.kind,
        message=facts.message,
        status=facts.status,
        retry_after=max(waits, default=None),
        purpose=rule.purpose,
        recognized=recognized,
        certain=rule.certain,
        refresh=rule.refresh,
        see=rule.see,
    )


def smtp_facts(reply: SmtpReply) -> ErrorFacts | None:
    """An SMTP reply in the same terms: status is the reply code, code the enhanced status; None for a 2xx."""
    if 200 <= reply.code < 300:
        return None
    return ErrorFacts(status=reply.code, code=reply.enhanced, message=reply.text)


class Rejected(Exception):
    """Raised and caught inside flows only: the platform refused."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.outcome}: {failure.message}")
        self.failure = failure


def unsupported(what: str, adapter: str) -> Flow[Any]:
    """A flow that rejects at once: the default of what an adapter cannot do."""
    yield from ()
    raise Rejected(
        Failure(outcome=Outcome.INVALID, level=Level.MESSAGE, code="unsupported", message=f"{adapter} cannot {what}")
    )


def unreadable(response: HttpResponse, *, certain: bool, why: str = "unreadable answer") -> Rejected:
    """The rejection for an answer that says neither yes nor no."""
    return Rejected(
        Failure(
            outcome=Outcome.RETRY,
            level=Level.ATTEMPT,
            code="unreadable",
            status=response.status,
            message=f"{why}: {response.text[:200]}",
            recognized=False,
            certain=certain,
        )
    )
