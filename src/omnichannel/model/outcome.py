"""What a platform's answer means to us: a closed set, and what follows from each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never


class Outcome(StrEnum):
    """Why a send did not simply succeed. The router branches on this and on nothing else."""

    RETRY = "retry"
    ALREADY_DONE = "already_done"
    INVALID = "invalid"
    WINDOW_CLOSED = "window_closed"
    UNREACHABLE = "unreachable"
    OPTED_OUT = "opted_out"
    AUTH = "auth"
    SUSPENDED = "suspended"
    PAYMENT_REQUIRED = "payment_required"
    WITHDRAWN = "withdrawn"


class Level(StrEnum):
    """How far a failure reaches, from one attempt to the whole channel."""

    ATTEMPT = "attempt"
    MESSAGE = "message"
    TEMPLATE = "template"
    CONVERSATION = "conversation"
    PAIR = "pair"
    ADDRESS = "address"
    COUNTRY = "country"
    ACCOUNT = "account"
    APP = "app"
    CHANNEL = "channel"


def level_of(outcome: Outcome) -> Level:
    """The level that an outcome has unless a rule narrows or widens it."""
    match outcome:
        case Outcome.RETRY:
            return Level.ATTEMPT
        case Outcome.INVALID | Outcome.ALREADY_DONE:
            return Level.MESSAGE
        case Outcome.WINDOW_CLOSED:
            return Level.CONVERSATION
        case Outcome.UNREACHABLE | Outcome.OPTED_OUT:
            return Level.ADDRESS
        case Outcome.AUTH | Outcome.SUSPENDED | Outcome.PAYMENT_REQUIRED:
            return Level.ACCOUNT
        case Outcome.WITHDRAWN:
            return Level.CHANNEL
        case _:
            assert_never(outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A refusal, classified.

    `certain=False` says that the platform may have taken the message all the same: it is then held until an
    echo, a status or a history entry settles it. `recognized=False` says that no rule knew the answer.
    """

    outcome: Outcome
    level: Level
    code: str | None = None
    message: str = ""
    status: int | None = None
    retry_after: timedelta | None = None
    not_before: datetime | None = None
    purpose: str | None = None
    country: str | None = None
    recognized: bool = True
    certain: bool = True
    refresh: bool = False
    see: str = ""
