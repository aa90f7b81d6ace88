"""Failures that an error table alone does not tell: how long a used-up window lasts, and what is reported later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from omnichannel.channel.errors import ErrorFacts, ErrorTable
from omnichannel.channel.wire import HttpResponse
from omnichannel.model.outcome import Failure, Level, Outcome

__all__ = ["WindowedErrors", "reported_later"]


def _never(response: HttpResponse) -> datetime | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowedErrors(ErrorTable):
    """A table of a platform that says when the window of a rate limit ends: `reset` reads that from an answer. What is
    to be tried again is not tried before."""

    reset: Callable[[HttpResponse], datetime | None] = field(default=_never)

    def failure_of(self, response: HttpResponse) -> Failure | None:
        """None for a success."""
        facts = self.read(response)
        if facts is None:
            return None
        failure = self.classify(facts)
        reset = self.reset(response) if failure.outcome is Outcome.RETRY else None
        return failure if reset is None else replace(failure, not_before=reset)


def reported_later(table: ErrorTable, facts: ErrorFacts, see: str) -> Failure:
    """What went wrong with a message that had been accepted: the same rules, and always certain. What no rule knows is
    the message's own."""
    failure = table.classify(facts)
    if failure.recognized:
        return failure
    return Failure(
        outcome=Outcome.INVALID,
        level=Level.MESSAGE,
        code=failure.code,
        message=failure.message,
        recognized=False,
        see=see,
    )
