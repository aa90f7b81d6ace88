"""The outbox's rows: who is next, what is known of it, and how far it came, whatever order the news comes in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from omnichannel.model.event import DeliveryUpdated, MessageEchoed
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.stores import acceptance, deciding, leases, outbound, outgoing, progress, responses, schema
from omnichannel.stores.acceptance import Accepted, Sent
from omnichannel.stores.deciding import Refusal, Start
from omnichannel.stores.outbound import Overtaken
from omnichannel.stores.statuses import forget_unmatched
from omnichannel.stores.turns import lease_name
from tests.stores.given import ANN, BOB, LANES, Desk

HOUR = timedelta(hours=1)
REFUSED = Failure(outcome=Outcome.UNREACHABLE, level=Level.ADDRESS, code="131026", message="not on WhatsApp")
HIDDEN = Failure(outcome=Outcome.RETRY, level=Level.ATTEMPT, code="timeout", message="no answer", certain=False)


@pytest.fixture
def conversation(desk: Desk) -> Any:
    return desk.one(schema.conversations, id=desk.hear(thread="t1").conversation_id)


def claimed(desk: Desk, *, busy: frozenset[str] = frozenset(), lanes: Sequence[int] = LANES) -> list[str]:
    found = desk.run(lambda c: outbound.claim(c, lanes, desk.now, busy, 100))
    return [one.delivery_id for one in found]


def values(desk: Desk, delivery: str, **given: Any) -> None:
    row = desk.one(schema.deliveries, id=delivery)
    desk.run(lambda c: outbound.set_delivery(c, row, desk.now, desk.ids, **given))


def accept(desk: Desk, part: tuple[str, int], *ids: str, thread: str | None = None) -> None:
    sent = Sent(ids or ("wamid.out",), thread)
    desk.run(lambda c: acceptance.accept(c, [Accepted(*part, sent, "private", desk.now, desk.ids)]))


def status(desk: Desk, state: Any, receipt: str = "wamid.out", **more: Any) -> None:
    desk.count += 1
    event = DeliveryUpdated(
        account="wa", dedupe=f"s{desk.count}", occurred_at=desk.now, receipt=receipt, state=state, **more
    )
    desk.file(event)


def state(desk: Desk, delivery: str) -> str:
    return str(desk.one(schema.deliveries, id=delivery).state)


# ---------------------------------------------------------------- who is next


def test_what_was_said_first_is_sent_first(desk: Desk, conversation: Any) -> None:
    bob = desk.one(schema.conversations, id=desk.hear(sender=BOB).conversation_id)
    one, two = desk.queue(conversation, "one"), desk.queue(conversation, "two")
    other = desk.queue(bob, "other")
    assert claimed(desk) == [one, other]
    values(desk, one, due_at=desk.now + HOUR)
    assert claimed(desk) == [other]
    values(desk, one, state="accepted", due_at=None)
    assert claimed(desk) == sorted([two, other])


@pytest.mark.parametrize("at_rest", ["held", "unknown", "failed", "accepted", "expired"])
def test_what_waits_for_something_else_holds_nobody_up(desk: Desk, conversation: Any, at_rest: str) -> None:
    one, two = desk.queue(conversation, "one"), desk.queue(conversation, "two")
    values(desk, one, state=at_rest, due_at=desk.now + HOUR)
    assert claimed(desk) == [two]
    desk.later(HOUR)
    assert claimed(desk) == [one, two]


def test_busy_conversations_and_other_lanes_are_left_alone(desk: Desk, conversation: Any) -> None:
    one = desk.queue(conversation)
    assert claimed(desk, busy=frozenset({conversation.id})) == []
    assert claimed(desk, lanes=[lane for lane in LANES if lane != conversation.lane]) == []
    assert claimed(desk, lanes=[conversation.lane]) == [one]
    assert desk.run(lambda c: outbound.due_lanes(c, desk.now)) == {conversation.lane}
    assert desk.run(outbound.next_due) == desk.now


def test_a_key_that_was_used_gives_the_first_delivery(desk: Desk, conversation: Any) -> None:
    one = desk.queue(conversation, "one", idempotency_key="k")
    assert desk.queue(conversation, "two", idempotency_key="k") == one
    assert desk.queue(conversation, "two", idempotency_key="k2") != one
    assert len(desk.rows(schema.deliveries)) == 2


# ---------------------------------------------------------------- attempts


def test_an_attempt_is_written_before_anything_is_sent(desk: Desk, conversation: Any) -> None:
    delivery = desk.queue(conversation)
    desk.begin(delivery, "Hi")
    key, attempt = desk.attempt(delivery)
    assert (desk.one(schema.parts).state, desk.one(schema.parts).tries) == ("started", 1)
    row = desk.one(schema.attempts, seq=attempt)
    assert (row.part, row.state, row.owner, row.started_at) == (key, "started", "me", desk.now)


def test_who_lost_the_lane_starts_nothing(desk: Desk, conversation: Any) -> None:
    delivery = desk.queue(conversation)
    desk.begin(delivery)
    fence = desk.fence(conversation.lane, "paused")
    desk.later(leases.TTL)
    desk.fence(conversation.lane, "successor")
    out = desk.run(lambda c: outgoing.load(c, delivery))
    start = Start(out.parts[0], out.steps[0], (lease_name(conversation.lane), "paused", fence or 0), desk.now)
    assert desk.run(lambda c: deciding.start(c, [start])) == [Refusal.LANE_LOST]
    assert desk.rows(schema.attempts) == []


def test_what_has_arrived_is_not_started_again(desk: Desk, conversation: Any) -> None:
    """It was to be sent once more, and the platform told what became of the first try before that began."""
    delivery = desk.queue(conversation)
    desk.begin(delivery)
    key, attempt = desk.attempt(delivery)
    desk.run(lambda c: outbound.fail_attempt(c, key, attempt, HIDDEN, "unknown", desk.now, desk.now))
    seen = desk.one(schema.parts)
    desk.run(lambda c: outbound.postpone(c, seen, None, resent=True))
    out = desk.run(lambda c: outgoing.load(c, delivery))
    status(desk, "accepted", "wamid.9", correlation=key)
    lane = out.delivery.lane
    right = (lease_name(lane), "me", desk.fence(lane) or 0)
    start = Start(out.parts[0], out.steps[0], right, desk.now)
    assert desk.run(lambda c: deciding.start(c, [start])) == [Refusal.OVERTAKEN]
    assert (desk.one(schema.parts).state, desk.one(schema.parts).tries) == ("accepted", 1)
    assert [row.seq for row in desk.rows(schema.attempts)] == [attempt]


def test_what_has_arrived_is_not_offered_to_a_response(desk: Desk, conversation: Any) -> None:
    message = desk.one(schema.messages)
    until = desk.now + timedelta(seconds=4)
    waits = {"message_id": message.id, "journal_seq": 1, "conversation_id": conversation.id}
    desk.run(lambda c: c.execute(insert(schema.responses).values(journal_seq=1, until=until)))
    desk.run(lambda c: c.execute(insert(schema.answerable).values(**waits)))
    delivery = desk.queue(conversation, in_reply_to=message.id)
    desk.begin(delivery)
    out = desk.run(lambda c: outgoing.load(c, delivery))
    assert desk.run(lambda c: responses.offer(c, out.delivery, out.steps[0], desk.now))
    assert desk.one(schema.deliveries).due_at == until
    values(desk, delivery, state="delivered", due_at=None)
    with pytest.raises(Overtaken):
        desk.run(lambda c: responses.offer(c, out.delivery, out.steps[0], desk.now))
    assert (state(desk, delivery), desk.one(schema.deliveries).due_at) == ("delivered", None)


def test_what_has_left_is_written_whatever_else_has_happened(desk: Desk, conversation: Any) -> None:
    delivery = desk.queue(conversation)
    desk.begin(delivery)
    out = desk.run(lambda c: outgoing.load(c, delivery))
    first = desk.attempt(delivery)
    accept(desk, first, "wamid.9")
    lane = out.delivery.lane
    right = (lease_name(lane), "me", desk.fence(lane) or 0)
    start = Start(out.parts[0], out.steps[0], right, desk.now, sent=True)
    (again,) = desk.run(lambda c: deciding.start(c, [start]))
    assert isinstance(again, int)
    assert desk.one(schema.parts).state == "accepted"
    failed = desk.run(lambda c: outbound.fail_attempt(c, first[0], again, HIDDEN, "unknown", desk.now, desk.now))
    assert not failed
    assert desk.one(schema.parts).state == "accepted"
    assert desk.one(schema.attempts, seq=again).state == "unknown"
    assert len(desk.rows(schema.messages, direction="out")) == 1


def test_a_failure_says_what_becomes_of_the_part(desk: Desk, conversation: Any) -> None:
    delivery = desk.queue(conversation)
    desk.begin(delivery)
    key, attempt = desk.attempt(delivery)
    desk.run(lambda c: outbound.fail_attempt(c, key, attempt, HIDDEN, "unknown", desk.now + HOUR, desk.now))
    row, part = desk.one(schema.attempts), desk.one(schema.parts)
    assert (row.state, row.was_unknown, row.certain, row.code) == ("unknown", True, False, "timeout")
    assert (part.state, part.due_at) == ("unknown", desk.now + HOUR)


def test_what_an_echo_has_settled_meanwhile_is_not_overwritten(desk: Desk, conversation: Any) -> None:
    """The answer to our request is lost, and the platform's echo is filed before we have given up on the answer."""
    delivery = desk.queue(conversation, "Hi Ann")
    desk.begin(delivery, "Hi Ann")
    key, attempt = desk.attempt(delivery)
    seen, part = desk.one(schema.deliveries), desk.one(schema.parts)
    status(desk, "delivered", "wamid.9", correlation=key)
    later = desk.now + HOUR
    too_late: list[Callable[[Connection], object]] = [
        lambda c: outbound.fail_attempt(c, key, attempt, HIDDEN, "unknown", later, desk.now),
        lambda c: outbound.postpone(c, part, later),
        lambda c: outbound.doubt(c, part, later),
        lambda c: outbound.end_step(c, delivery, 1, "expired", None),
        lambda c: outbound.set_delivery(c, seen, desk.now, desk.ids, state="held", due_at=None),
    ]
    for late in too_late:
        with pytest.raises(Overtaken):
            desk.run(late)
    assert (state(desk, delivery), desk.one(schema.parts).state) == ("delivered", "delivered")
    assert (desk.one(schema.attempts).state, desk.one(schema.steps).state) == ("delivered", "ok")


# ---------------------------------------------------------------- how far it came


def test_an_acceptance_writes_receipt_message_and_place(desk: Desk, conversation: Any) -> None:
    delivery = desk.queue(conversation, agent="user-7")
    desk.begin(delivery, "Hi Ann")
    accept(desk, desk.attempt(delivery), "wamid.out1", "wamid.out2")
    message = desk.one(schema.messages, direction="out")
    assert (message.text, message.platform_id, message.delivery_id) == ("Hi Ann", "wamid.out1", delivery)
    assert [row.platform_id for row in desk.rows(schema.receipts)] == ["wamid.out1", "wamid.out2"]
    assert state(desk, delivery) == "accepted"
    assert desk.one(schema.deliveries).due_at is None
    assert not desk.one(schema.conversations).waiting
    assert desk.one(schema.contacts).last_out_at == desk.now


def test_a_delivery_is_as_far_as_the_part_that_is_furthest_behind(desk: Desk, conversation: Any) -> None:
    delivery = desk.queue(conversation)
    desk.begin(delivery, "one", "two")
    accept(desk, desk.attempt(delivery, 0), "wamid.1")
    status(desk, "read", "wamid.1")
    assert state(desk, delivery) == "queued"
    accept(desk, desk.attempt(delivery, 1), "wamid.2")
    assert state(desk, delivery) == "accepted"
    status(desk, "delivered", "wamid.2")
    assert state(desk, delivery) == "delivered"


@pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "read"])), ids=" ".join)
def test_statuses_only_go_forward_in_whatever_order_they_come(
    desk: Desk, conversation: Any, order: Sequence[str]
) -> None:
    delivery = desk.queue(conversation)
    desk.begin(delivery)
    accept(desk, desk.attempt(delivery))
    furthest = [max(order[: n + 1], key=progress.RANK.__getitem__) for n in range(3)]
    seen: list[str] = []
    for one in order:
        status(desk, one)
        seen.append(state(desk, delivery))
    assert seen == furthest
    told = [fact["state"] for fact in desk.facts("delivery.updated")]
    assert told == ["accepted", *dict.fromkeys(furthest)]


@pytest.mark.parametrize("state_", ["sent", "delivered", "read"])
def test_a_status_that_overtakes_our_own_settlement_waits_for_it(desk: Desk, conversation: Any, state_: str) -> None:
    delivery = desk.queue(conversation)
    desk.begin(delivery)
    part = desk.attempt(delivery)
    status(desk, state_)
    assert state(desk, delivery) == "queued"
    assert len(desk.rows(schema.unmatched)) == 1
    accept(desk, part)
    assert state(desk, delivery) == state_
    assert desk.rows(schema.unmatched) == []


def test_a_time_is_the_status_of_all_that_was_sent_up_to_it(desk: Desk, conversation: Any) -> None:
    """And of nothing that went out later, nor to another person, nor of what nobody knows."""
    bob = desk.one(schema.conversations, id=desk.hear(sender=BOB).conversation_id)
    sent: list[str] = []
    for number in range(3):
        sent.append(desk.queue(conversation, f"Number {number}"))
        desk.begin(sent[-1], f"Number {number}")
        accept(desk, desk.attempt(sent[-1]), f"m_{number}")
        desk.later(HOUR)
    unknown, _ = hidden(desk, conversation)
    other = desk.queue(bob)
    status(desk, "read", "", recipient=ANN, until=desk.now - 2 * HOUR)
    assert [state(desk, one) for one in sent] == ["read", "read", "accepted"]
    status(desk, "delivered", "", recipient=BOB, until=desk.now)
    status(desk, "delivered", "", recipient=ANN, until=desk.now)
    assert [state(desk, one) for one in sent] == ["read", "read", "delivered"]
    assert (state(desk, unknown), state(desk, other)) == ("unknown", "queued")
    # A time is about no message in particular: nothing waits for one.
    assert desk.rows(schema.unmatched) == []
    told = [fact["state"] for fact in desk.facts("delivery.updated") if fact["delivery"] == sent[0]]
    assert told == ["accepted", "read"]


def test_a_time_reaches_all_parts(desk: Desk, conversation: Any) -> None:
    delivery = desk.queue(conversation)
    desk.begin(delivery, "One", "Two")
    accept(desk, desk.attempt(delivery, 0), "m_1")
    status(desk, "read", "", recipient=ANN, until=desk.now)
    assert state(desk, delivery) == "queued"
    accept(desk, desk.attempt(delivery, 1), "m_2")
    assert state(desk, delivery) == "accepted"
    status(desk, "read", "", recipient=ANN, until=desk.now)
    assert state(desk, delivery) == "read"


def test_a_status_that_nothing_ever_claims_is_forgotten_after_the_last_redelivery(desk: Desk) -> None:
    status(desk, "delivered", "wamid.unknown")
    desk.later(timedelta(days=7, hours=23))
    assert desk.run(lambda c: forget_unmatched(c, desk.now)) == 0
    desk.later(2 * HOUR)
    assert desk.run(lambda c: forget_unmatched(c, desk.now)) == 1


def test_a_certain_failure_that_comes_later_reopens_the_delivery(desk: Desk, conversation: Any) -> None:
    delivery = desk.queue(conversation)
    desk.begin(delivery)
    accept(desk, desk.attempt(delivery))
    assert claimed(desk) == []
    status(desk, "failed", failure=REFUSED)
    assert (state(desk, delivery), claimed(desk)) == ("queued", [delivery])
    part, row = desk.one(schema.parts), desk.one(schema.attempts)
    assert (part.state, part.failure["code"]) == ("failed", "131026")
    assert (row.state, row.outcome, row.code) == ("failed", "unreachable", "131026")


@pytest.mark.parametrize("arrived", ["delivered", "read"])
def test_a_failure_after_it_arrived_changes_nothing(desk: Desk, conversation: Any, arrived: str) -> None:
    delivery = desk.queue(conversation)
    desk.begin(delivery)
    accept(desk, desk.attempt(delivery))
    status(desk, arrived)
    status(desk, "failed", failure=REFUSED)
    assert (state(desk, delivery), claimed(desk)) == (arrived, [])


@pytest.mark.parametrize("final", sorted(progress.FINAL))
def test_what_has_ended_is_not_reopened(desk: Desk, conversation: Any, final: str) -> None:
    delivery = desk.queue(conversation)
    desk.begin(delivery)
    accept(desk, desk.attempt(delivery))
    values(desk, delivery, state=final, due_at=None)
    status(desk, "failed", failure=REFUSED)
    status(desk, "read")
    assert (state(desk, delivery), claimed(desk)) == (final, [])


# ---------------------------------------------------------------- what the network hid


def hidden(desk: Desk, conversation: Any) -> tuple[str, tuple[str, int]]:
    delivery = desk.queue(conversation, "Hi Ann")
    desk.begin(delivery, "Hi Ann")
    key, attempt = desk.attempt(delivery)
    desk.run(lambda c: outbound.fail_attempt(c, key, attempt, HIDDEN, "unknown", desk.now + HOUR, desk.now))
    values(desk, delivery, state="unknown", due_at=desk.now + HOUR)
    return delivery, (key, attempt)


def test_a_status_with_our_key_settles_what_was_unknown(desk: Desk, conversation: Any) -> None:
    delivery, (key, _) = hidden(desk, conversation)
    status(desk, "delivered", "wamid.9", correlation=key)
    assert state(desk, delivery) == "delivered"
    assert desk.one(schema.attempts).was_unknown
    assert desk.one(schema.messages, direction="out").platform_id == "wamid.9"


@pytest.mark.parametrize("by", ["key", "words"])
def test_an_echo_settles_what_was_unknown(desk: Desk, conversation: Any, by: str) -> None:
    delivery, (key, _) = hidden(desk, conversation)
    desk.file(
        MessageEchoed(
            account="wa",
            dedupe="e1",
            occurred_at=desk.now,
            recipient=ANN,
            text="Hi Ann",
            message_id="wamid.9",
            correlation=key if by == "key" else None,
        )
    )
    assert state(desk, delivery) == "accepted"
    assert len(desk.rows(schema.messages, direction="out")) == 1
    accept(desk, (key, desk.one(schema.attempts).seq), "wamid.9")
    assert len(desk.rows(schema.messages, direction="out")) == 1


def test_an_echo_with_other_words_settles_nothing(desk: Desk, conversation: Any) -> None:
    delivery, _ = hidden(desk, conversation)
    echo = MessageEchoed(
        account="wa", dedupe="e1", occurred_at=desk.now, recipient=ANN, text="Something else", message_id="wamid.9"
    )
    desk.file(echo)
    assert state(desk, delivery) == "unknown"
    assert desk.one(schema.messages, direction="out").text == "Something else"
