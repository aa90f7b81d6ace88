"""A reference moves the conversation to whom it was given to, and shows nothing to anybody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from omnichannel.continuation.lifetime import HISTORY, LONGEST, SHORT_LIFE, history_open, life
from omnichannel.continuation.redeem import MOST_TRIES, Redeemer, Redemption, ReferenceState, redeem
from omnichannel.continuation.references import digest, find_references, new_reference
from omnichannel.model.address import Assurance
from tests.continuation.given import draws

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
REF = ReferenceState(
    conversation_id="cnv_1",
    brand="airline",
    target="whatsapp",
    created_at=NOW - timedelta(hours=1),
    expires_at=NOW + timedelta(days=10),
    assurance=Assurance.PRIVATE_HANDLE,
)
ANN = Redeemer(channel="whatsapp", address="+33612345678", brand="airline", assurance=Assurance.VERIFIED)
USED = replace(REF, redeemed_by=ANN.address, hidden=False)


@pytest.mark.parametrize(
    ("ref", "by", "kind", "reason", "hidden"),
    [
        (REF, ANN, "moved", "ok", False),
        (REF, replace(ANN, assurance=2), "moved", "ok", False),
        (REF, replace(ANN, assurance=1), "moved", "assurance", True),
        (REF, replace(ANN, visibility="public"), "moved_empty", "public", True),
        (REF, replace(ANN, visibility="public", assurance=4), "moved_empty", "public", True),
        (replace(REF, public=True), ANN, "moved_empty", "public", True),
        (replace(REF, created_at=NOW - HISTORY), ANN, "moved_empty", "late", True),
        (replace(REF, created_at=NOW - HISTORY + SECOND), ANN, "moved", "ok", False),
        (replace(REF, created_at=NOW + SECOND), ANN, "moved_empty", "late", True),
        (USED, ANN, "same_use", "ok", False),
        (replace(USED, hidden=True), ANN, "same_use", "ok", True),
        (USED, replace(ANN, visibility="public"), "same_use", "ok", True),
        (USED, replace(ANN, assurance=1), "same_use", "ok", True),
        (replace(USED, expires_at=NOW - SECOND), ANN, "same_use", "ok", False),
        (USED, replace(ANN, address="+33600000000"), "refused", "used", True),
        (None, ANN, "refused", "unknown", True),
        (REF, replace(ANN, brand="klm"), "refused", "unknown", True),
        (REF, replace(ANN, channel="sms"), "refused", "other_target", True),
        (USED, replace(ANN, channel="sms"), "refused", "other_target", True),
        (replace(REF, expires_at=NOW), ANN, "refused", "expired", True),
        (replace(REF, expires_at=NOW + SECOND), ANN, "moved", "ok", False),
        (REF, replace(ANN, automatic=True), "refused", "automatic", True),
        (USED, replace(ANN, automatic=True), "refused", "automatic", True),
        (REF, replace(ANN, wrong_tries=MOST_TRIES), "refused", "too_many_tries", True),
        (REF, replace(ANN, wrong_tries=MOST_TRIES - 1), "moved", "ok", False),
        (None, replace(ANN, wrong_tries=MOST_TRIES), "refused", "too_many_tries", True),
    ],
)
def test_what_a_reference_does(ref: ReferenceState | None, by: Redeemer, kind: str, reason: str, hidden: bool) -> None:
    found = redeem(ref, by, NOW)
    assert (found.kind, found.reason, found.hide_history) == (kind, reason, hidden)
    assert found.consumes == (kind in ("moved", "moved_empty"))


@pytest.mark.parametrize(
    ("closed_at", "short", "end"),
    [
        (None, False, NOW + LONGEST),
        (NOW + timedelta(days=3), False, NOW + timedelta(days=3)),
        (NOW + timedelta(days=90), False, NOW + LONGEST),
        (NOW - timedelta(days=1), False, NOW + LONGEST),
        (NOW, False, NOW + LONGEST),
        (None, True, NOW + SHORT_LIFE),
        (NOW + timedelta(hours=1), True, NOW + timedelta(hours=1)),
    ],
)
def test_it_lives_until_the_channel_closes_and_thirty_days_at_most(
    closed_at: datetime | None, short: bool, end: datetime
) -> None:
    assert life(closed_at, NOW, short=short) == end
    assert timedelta(days=30) == LONGEST


def test_the_history_is_open_for_72_hours() -> None:
    assert history_open(NOW, NOW)
    assert history_open(NOW, NOW + timedelta(hours=72) - SECOND)
    assert not history_open(NOW, NOW + timedelta(hours=72))


# ---------------------------------------------------------------- 10,000 hijacks


@dataclass
class Desk:
    """The smallest store that is as strict as the real one: a row by digest, marked by a conditional write."""

    rows: dict[str, ReferenceState] = field(default_factory=dict[str, ReferenceState])
    wrong: dict[str, int] = field(default_factory=dict[str, int])

    def receive(self, text: str, by: Redeemer, now: datetime) -> Redemption | None:
        """What becomes of the first reference in a message."""
        return next((self.bring(found, by, now) for found in find_references(text)), None)

    def bring(self, reference: str, by: Redeemer, now: datetime, *, seen: ReferenceState | None = None) -> Redemption:
        """Redeems; `seen` is a row as a slower worker had read it."""
        key = digest(reference)
        row = self.rows.get(key)
        found = redeem(seen or row, replace(by, wrong_tries=self.wrong.get(by.address, 0)), now)
        if row is None:
            self.wrong[by.address] = self.wrong.get(by.address, 0) + 1
        elif found.consumes:
            if row.redeemed_by is not None:
                return redeem(row, by, now)
            self.rows[key] = replace(row, redeemed_by=by.address, hidden=found.hide_history)
        return found


@dataclass
class Run:
    """One try to read a stranger's conversation."""

    random: Random
    desk: Desk = field(default_factory=Desk)
    reference: str = ""
    thief: Redeemer = field(default_factory=lambda: replace(ANN, address="+491700000000"))

    def __post_init__(self) -> None:
        bits = self.random.getrandbits(128)
        self.reference = new_reference(bits)
        self.thief = replace(self.thief, assurance=self.random.randint(0, 3))
        self.desk.rows[digest(self.reference)] = REF

    def bring(self, by: Redeemer, at: datetime = NOW) -> Redemption:
        """Somebody writes the reference."""
        found = self.desk.receive(f"Hello! {self.reference}", by, at)
        assert found is not None
        return found


def second(run: Run) -> list[Redemption]:
    """The customer was there first."""
    assert run.bring(ANN).kind == "moved"
    return [run.bring(run.thief, NOW + SECOND), run.bring(run.thief, NOW + 2 * SECOND)]


def concurrent(run: Run) -> list[Redemption]:
    """Two workers read the unused row; the customer's commits first."""
    seen = run.desk.rows[digest(run.reference)]
    assert run.bring(ANN).kind == "moved"
    return [run.desk.bring(run.reference, run.thief, NOW, seen=seen)]


def expired(run: Run) -> list[Redemption]:
    """A mailbox is read a month later."""
    return [run.bring(run.thief, REF.expires_at + timedelta(seconds=run.random.randint(0, 10**7)))]


def late(run: Run) -> list[Redemption]:
    """The reference still lives, and the history is open no more."""
    return [run.bring(run.thief, REF.created_at + HISTORY + timedelta(seconds=run.random.randint(0, 10**5)))]


def in_public(run: Run) -> list[Redemption]:
    """We answered in public, and somebody else was faster."""
    run.desk.rows[digest(run.reference)] = replace(REF, public=True)
    taken = run.bring(run.thief)
    return [taken, run.bring(run.thief, NOW + SECOND)]


def on_a_public_surface(run: Run) -> list[Redemption]:
    """A customer pastes it into a comment; others copy it."""
    run.bring(replace(ANN, visibility="public"))
    return [run.bring(replace(run.thief, visibility="public")), run.bring(run.thief)]


def forwarded_unverified(run: Run) -> list[Redemption]:
    """A link that was handed on, opened first by an address that proves less than the conversation."""
    return [run.bring(replace(run.thief, assurance=run.random.randint(0, 1)))]


def other_channel(run: Run) -> list[Redemption]:
    """Brought to another channel or brand than it was made for."""
    return [run.bring(replace(run.thief, channel="sms")), run.bring(replace(run.thief, brand="klm"))]


def preview_bot(run: Run) -> list[Redemption]:
    """A messenger fetches the link to show a preview, before and after the customer."""
    bot = replace(run.thief, automatic=True)
    before = run.bring(bot)
    assert run.bring(ANN).kind == "moved"
    return [before, run.bring(bot, NOW + SECOND)]


def guessed(run: Run) -> list[Redemption]:
    """Blind tries, then near misses."""
    blind = [new_reference(run.random.getrandbits(128)) for _ in range(8)]
    near = [run.reference[:-1] + last for last in "0123456789" if last != run.reference[-1]]
    return [run.desk.bring(one, run.thief, NOW) for one in (*blind, *near)]


ATTACKS: tuple[Callable[[Run], list[Redemption]], ...] = (
    second,
    concurrent,
    expired,
    late,
    in_public,
    on_a_public_surface,
    forwarded_unverified,
    other_channel,
    preview_bot,
    guessed,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_ten_thousand_hijacks_disclose_nothing(attack: Callable[[Run], list[Redemption]], seed: int) -> None:
    """A thousand runs of each of ten attacks."""
    random = draws(seed)
    tries = 0
    for _ in range(1000):
        found = attack(Run(random))
        tries += len(found)
        assert all(one.hide_history for one in found)
    assert tries >= 1000


def test_guessing_stops_after_a_few_tries_even_with_the_right_one(seed: int) -> None:
    run = Run(draws(seed))
    guessed(run)
    assert run.bring(run.thief).reason == "too_many_tries"
    assert run.bring(ANN).kind == "moved"


def test_the_customer_is_moved_whatever_others_tried(seed: int) -> None:
    for attack in (preview_bot, other_channel, guessed):
        run = Run(draws(seed))
        attack(run)
        found = run.bring(ANN, NOW + SECOND)
        assert found.kind in ("moved", "same_use")
        assert not found.hide_history
