"""Messages wait for their handler: in order, one at a time per conversation, settled once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.stores import leases, schema, turns
from omnichannel.stores.units import Fact, lane_of
from tests.stores.given import ANN, BOB, Desk

CLARA = "+33611111111"


def texts(due: Any) -> list[str]:
    return [turn.message.text for turn in due]


def settle(desk: Desk, *results: Any) -> list[bool]:
    return list(desk.run(lambda c: turns.settle(c, results)))


def fail(desk: Desk, turn: Any, error: str = "ValueError: no") -> bool:
    return desk.run(lambda c: turns.fail(c, turn.seq, turn.tries, error, desk.now, desk.ids))


def test_a_turn_brings_all_that_a_handler_sees(desk: Desk) -> None:
    row = desk.hear("Hello", sender_name="Ann")
    (turn,) = desk.due()
    assert (turn.message.id, turn.message.text, turn.tries) == (row.id, "Hello", 0)
    assert (turn.conversation.id, turn.customer.name) == (row.conversation_id, "Ann")
    assert turn.message.author.value == turn.customer.addresses[0].value == ANN
    assert turn.lane == lane_of(row.conversation_id)


def test_the_first_message_of_each_conversation_comes_first(desk: Desk) -> None:
    for text, sender in (("a1", ANN), ("a2", ANN), ("b1", BOB), ("a3", ANN), ("b2", BOB)):
        desk.hear(text, sender=sender)
    seen: list[list[str]] = []
    while due := desk.due():
        seen.append(texts(due))
        assert all(settle(desk, *[desk.result(turn) for turn in due]))
    assert seen == [["a1", "b1"], ["a2", "b2"], ["a3"]]


def test_a_busy_conversation_and_other_lanes_are_left_alone(desk: Desk) -> None:
    ann, bob = desk.hear("a", sender=ANN), desk.hear("b", sender=BOB)
    assert texts(desk.due(busy=frozenset({ann.conversation_id}))) == ["b"]
    assert texts(desk.due(lanes=[lane_of(bob.conversation_id)])) == ["b"]
    assert texts(desk.due(lanes=[])) == []


def test_a_flood_in_one_conversation_stands_in_nobodys_way(desk: Desk) -> None:
    desk.file(*[desk.said(f"a{n}", sender=ANN) for n in range(50)])
    for sender in (BOB, CLARA):
        desk.hear(f"from {sender}", sender=sender)
    assert texts(desk.due(limit=3)) == ["a0", f"from {BOB}", f"from {CLARA}"]
    (first,) = desk.due(limit=1)
    busy = frozenset({first.conversation.id})
    assert texts(desk.due(limit=2, busy=busy)) == [f"from {BOB}", f"from {CLARA}"]


def test_a_message_that_waits_for_another_try_holds_up_its_own_conversation_only(desk: Desk) -> None:
    for text, sender in (("a1", ANN), ("a2", ANN), ("b1", BOB)):
        desk.hear(text, sender=sender)
    first = desk.due()[0]
    assert not fail(desk, first)
    assert texts(desk.due()) == ["b1"]
    assert desk.run(lambda c: turns.next_due(c)) == desk.now
    desk.later(turns.RETRIES[1])
    again = desk.due()
    assert texts(again) == ["a1", "b1"]
    assert again[0].tries == 1


def test_a_handler_that_always_raises_is_parked_after_the_plan_and_then_the_next_one_comes(desk: Desk) -> None:
    desk.hear("poison")
    desk.hear("next")
    for tries in range(turns.MAX_TRIES):
        (turn,) = desk.due()
        assert (turn.message.text, turn.tries) == ("poison", tries)
        parked = fail(desk, turn)
        assert parked is (tries == turns.MAX_TRIES - 1)
        if not parked:
            assert desk.due() == []
            assert turns.next_due is not None
            desk.later(turns.RETRIES[tries + 1])
    assert texts(desk.due()) == ["next"]
    row = desk.rows(schema.events)[0]
    assert (row.state, row.error, row.tries) == ("parked", "ValueError: no", 5)
    assert desk.facts("message.parked")[0]["error"] == "ValueError: no"


def test_what_is_parked_can_be_replayed(desk: Desk) -> None:
    desk.hear("poison")
    for _ in range(turns.MAX_TRIES):
        fail(desk, desk.due()[0])
        desk.later(timedelta(hours=2))
    assert desk.due() == []
    assert desk.run(lambda c: turns.replay(c, desk.now)) == 1
    (turn,) = desk.due()
    assert (turn.message.text, turn.tries) == ("poison", 0)


def test_everything_that_a_handler_did_commits_with_its_message(desk: Desk) -> None:
    row = desk.hear("Hello")
    (turn,) = desk.due()
    conversation = desk.one(schema.conversations)
    result = desk.result(
        turn,
        deliveries=[desk.delivery(conversation, "Hi", idempotency_key=f"{row.id}#1")],
        changes={"queue": "refunds", "waiting": True},
        facts=[Fact(type="conversation.handed_off", brand="default", data={"conversation": conversation.id})],
    )
    assert settle(desk, result) == [True]
    after = desk.one(schema.conversations)
    assert (after.queue, after.version) == ("refunds", conversation.version + 1)
    assert desk.one(schema.events).state == "done"
    assert desk.one(schema.deliveries).due_at == desk.now
    assert desk.facts("conversation.handed_off") == [{"conversation": conversation.id}]
    assert desk.due() == []


def test_the_nth_reply_to_a_message_exists_once_however_often_its_handler_ran(desk: Desk) -> None:
    row = desk.hear("Hello")
    (turn,) = desk.due()
    conversation = desk.one(schema.conversations)
    for _ in range(2):
        new = desk.delivery(conversation, "Hi", idempotency_key=f"{row.id}#1")
        settle(desk, desk.result(turn, deliveries=[new]))
    assert len(desk.rows(schema.deliveries)) == 1


def test_a_worker_that_was_paused_settles_nothing(desk: Desk) -> None:
    desk.hear("Hello")
    (turn,) = desk.due()
    old = desk.result(turn, owner="paused")
    desk.later(leases.TTL)
    new = desk.result(turn, owner="successor")
    conversation = desk.one(schema.conversations)
    old.changes["queue"] = "wrong"
    old.deliveries.append(desk.delivery(conversation, "twice"))
    assert settle(desk, old, new) == [False, True]
    assert desk.one(schema.conversations).queue == "support"
    assert desk.rows(schema.deliveries) == []
    assert desk.one(schema.events).state == "done"


def test_a_paused_worker_does_not_bring_back_what_its_successor_settled(desk: Desk) -> None:
    desk.hear("Hello")
    (turn,) = desk.due()
    desk.later(leases.TTL)
    settle(desk, desk.result(turn, owner="successor"))
    assert not fail(desk, turn)
    assert desk.one(schema.events).state == "done"


@pytest.mark.parametrize("count", [1, 70])
def test_many_settle_at_once_each_with_its_own_changes(desk: Desk, count: int) -> None:
    for n in range(count):
        desk.hear("Hello", sender=f"+3360000{n:04}")
    results = [desk.result(turn) for turn in desk.due()]
    for n, result in enumerate(results):
        result.changes.update({"queue": f"q{n}"} if n % 2 else {"waiting": False, "waiting_at": None})
    assert settle(desk, *results) == [True] * count
    for n, result in enumerate(results):
        row = desk.one(schema.conversations, id=result.conversation_id)
        assert (row.queue, row.waiting) == ((f"q{n}", True) if n % 2 else ("support", False))
        assert row.version == 1


@given(st.lists(st.tuples(st.sampled_from([ANN, BOB, CLARA]), st.booleans()), min_size=1, max_size=12))
def test_no_conversation_is_ever_out_of_order(arrivals: list[tuple[str, bool]]) -> None:
    """Whatever arrives and fails whenever, each conversation is handled in the order in which it spoke."""
    desk = Desk()
    handled: dict[str, list[str]] = {}
    failing: set[str] = set()
    for n, (sender, fails) in enumerate(arrivals):
        desk.hear(str(n), sender=sender)
        if fails:
            failing.add(str(n))
        handle(desk, handled, failing)
        desk.later(timedelta(seconds=2))
    for _ in range(20):
        desk.later(timedelta(seconds=6))
        handle(desk, handled, failing)
    wanted: dict[str, list[str]] = {}
    for n, (sender, _) in enumerate(arrivals):
        wanted.setdefault(sender, []).append(str(n))
    assert handled == wanted
    desk.store.close_sync()


def handle(desk: Desk, handled: dict[str, list[str]], failing: set[str]) -> None:
    for turn in desk.due():
        text, sender = turn.message.text, turn.customer.addresses[0].value
        if text in failing:
            failing.discard(text)
            fail(desk, turn)
        else:
            handled.setdefault(sender, []).append(text)
            settle(desk, desk.result(turn))
