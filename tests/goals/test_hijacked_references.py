"""A stolen continuation link shows nothing: 10,000 thieves, first or second, with references that are used, public,
late, expired or guessed, and with less proof of who they are than the conversation had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import select

from omnichannel.continuation.references import digest, new_reference
from omnichannel.model.address import Assurance
from omnichannel.model.event import MessageReceived
from omnichannel.stores import schema
from omnichannel.stores.intake import Parsed
from omnichannel.stores.upsert import insert_rows
from tests.stores.given import Desk

RUNS = 10_000
GROUP = 250
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Theft:
    """What is stolen, and how the thief comes with it."""

    reference: str
    used_before: bool
    public: bool
    age: timedelta
    automatic: bool
    guessed: bool
    assurance: int


def theft(random: Random) -> Theft:
    return Theft(
        reference=new_reference(random.getrandbits(128)),
        used_before=random.random() < 0.4,
        public=random.random() < 0.4,
        age=random.choice((timedelta(0), A_DAY, 4 * A_DAY, 31 * A_DAY)),
        automatic=random.random() < 0.2,
        guessed=random.random() < 0.2,
        assurance=random.choice((0, 1, 2)),
    )


def reference_row(desk: Desk, one: Theft, owner: Any) -> dict[str, Any]:
    """Ann's reference to WhatsApp: her conversation on X is of somebody who proved who they are."""
    return {
        "digest": digest(one.reference),
        "brand": "default",
        "conversation_id": owner.id,
        "customer_id": owner.customer_id,
        "target": "whatsapp",
        "created_at": desk.now - one.age,
        "expires_at": desk.now - one.age + 30 * A_DAY,
        "assurance": int(Assurance.VERIFIED),
        "public": one.public,
        "redeemed_at": desk.now if one.used_before else None,
        "redeemed_by": "+33612345678" if one.used_before else None,
        "hidden": not one.used_before,
        "opened_in": owner.id if one.used_before else None,
    }


def hear(desk: Desk, said: Sequence[MessageReceived]) -> list[Any]:
    """Files messages, and gives the conversations that they are in."""
    desk.run(lambda c: desk.intake(c).file([Parsed(n, [event]) for n, event in enumerate(said)]))
    m, v = schema.messages.c, schema.conversations
    query = select(m.platform_id, v).join(v, v.c.id == m.conversation_id)
    query = query.where(m.platform_id.in_([event.dedupe for event in said]))
    found = {row.platform_id: row for row in desk.run(lambda c: c.execute(query).all())}
    return [found[event.dedupe] for event in said]


def hand_out(desk: Desk, thefts: Sequence[Theft], owners: Sequence[Any]) -> None:
    rows = [reference_row(desk, one, owner) for one, owner in zip(thefts, owners, strict=True)]
    desk.run(lambda c: insert_rows(c, schema.references, rows))


def stolen(desk: Desk, one: Theft, number: int, random: Random) -> MessageReceived:
    word = new_reference(random.getrandbits(128)) if one.guessed else one.reference
    thief = f"+3379{number:07}"
    return desk.said(f"Hello {word}", sender=thief, automatic=one.automatic, assurance=one.assurance)


def test_no_thief_is_shown_anything(seed: int) -> None:
    """Whoever comes with it gets an ordinary thread, an empty one, or one whose history stays hidden until a step-up:
    never the history, and never the rights of the customer."""
    random, desk = Random(seed), Desk()
    kinds: set[tuple[str, bool]] = set()
    for start in range(0, RUNS, GROUP):
        numbers = range(start, start + GROUP)
        thefts = [theft(random) for _ in numbers]
        asked = [desk.said("My bag?", sender=f"ann{n}", account="x", surface="dm", assurance=2) for n in numbers]
        owners = hear(desk, asked)
        hand_out(desk, thefts, owners)
        places = hear(desk, [stolen(desk, one, n, random) for one, n in zip(thefts, numbers, strict=True)])
        for one, owner, place in zip(thefts, owners, places, strict=True):
            disclosed = place.id == owner.id and not place.history_hidden
            assert not disclosed, one
            kinds.add(("moved" if place.id == owner.id else "apart", place.history_hidden))
    assert len(kinds) >= 3, f"the draws never reached some of the ways: {kinds}"
    print(f"R22: {RUNS:,} stolen references, 0 disclosures")


def test_the_right_owner_is_shown_theirs(seed: int) -> None:
    """The check can fail: the same way with the customer's own proof opens the history."""
    desk = Desk()
    one = replace(theft(Random(seed)), used_before=False, public=False, age=timedelta(0))
    owners = hear(desk, [desk.said("My bag?", sender="ann", account="x", surface="dm", assurance=2)])
    hand_out(desk, [one], owners)
    (place,) = hear(desk, [desk.said(f"Hello {one.reference}", assurance=int(Assurance.VERIFIED))])
    assert (place.id, place.history_hidden) == (owners[0].id, False)
