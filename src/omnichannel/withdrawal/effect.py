"""What each phase of a withdrawal allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, assert_never

from omnichannel.model.withdrawal import Phase, Withdrawal

__all__ = ["EFFECTS", "NORMAL", "Effect", "NoticeTo", "effect_of", "may_answer", "wants_notice"]

NoticeTo: TypeAlias = Literal["none", "every_writer", "new_only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Whether we may answer and start there, who gets a notice, whether another channel is preferred for a start,
    and whether customers may be asked for a second address. Inbound is kept in every phase."""

    answer: bool = True
    start: bool = True
    notice: NoticeTo = "none"
    prefer_other: bool = False
    harvest: bool = False


NORMAL = Effect()
"""No withdrawal, or one that was not announced yet."""

EFFECTS: Mapping[Phase, Effect] = {
    "announced": Effect(prefer_other=True, harvest=True),
    "redirecting": Effect(start=False, notice="every_writer", prefer_other=True, harvest=True),
    "no_new": Effect(start=False, notice="new_only", prefer_other=True, harvest=True),
    "read_only": Effect(answer=False, start=False, prefer_other=True),
    "closed": Effect(answer=False, start=False, prefer_other=True),
    # Customers are asked back, not forced: they are answered there, and others come first until a rule says so.
    "reinstated": Effect(prefer_other=True),
}


def effect_of(phase: Phase | None) -> Effect:
    """What a phase allows."""
    return NORMAL if phase is None else EFFECTS[phase]


def _is_new(w: Withdrawal, opened_at: datetime | None) -> bool:
    return w.no_new_at is not None and opened_at is not None and opened_at >= w.no_new_at


def may_answer(w: Withdrawal, phase: Phase, opened_at: datetime | None, *, notice: bool = False) -> bool:
    """Whether a conversation that was opened at `opened_at` may be answered there.

    While nothing new is taken, open conversations go on, and a newer one gets the notice and nothing else.
    """
    if phase == "no_new" and _is_new(w, opened_at):
        return notice
    return effect_of(phase).answer


def wants_notice(w: Withdrawal, phase: Phase, opened_at: datetime | None, *, automatic: bool, noticed: bool) -> bool:
    """Whether the customer who has just written is to be told: once a period, and never a bot or another desk's
    automatic text, so that two brands cannot tell each other for ever."""
    if automatic or noticed:
        return False
    notice = effect_of(phase).notice
    match notice:
        case "every_writer":
            return True
        case "new_only":
            return w.no_new_at is None or _is_new(w, opened_at)
        case "none":
            return False
        case _:
            assert_never(notice)
