"""Many deliveries in one operation come out as they do one by one: answered, decided, begun and settled together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from omnichannel.model.content import QuickReply, Text
from omnichannel.model.event import DeliveryUpdated, MessageEdited
from omnichannel.model.exceptions import NotFound, VersionConflict
from omnichannel.model.message import Decision, Step
from omnichannel.stores import acceptance, deciding, deliveries, leases, outbound, outgoing, schema
from omnichannel.stores.acceptance import Accepted, Sent
from omnichannel.stores.deciding import Decided, NewStep, Refusal, Start, begins
from omnichannel.stores.deliveries import Answer
from omnichannel.stores.sql import Bulk, Unit
from omnichannel.stores.turns import lease_name
from tests.stores.given import LANES, Desk

Item = TypeVar("Item")
T = TypeVar("T")
MANY = 21
"""More than a statement of sixteen rows."""
TABLES = ("deliveries", "decisions", "steps", "parts", "attempts", "receipts", "messages", "conversations", "contacts",
          "log")  # fmt: skip


def people(desk: Desk, many: int = MANY) -> list[Any]:
    """So many conversations."""
    heard = [desk.hear(sender=f"+336{number:08}") for number in range(many)]
    return [desk.one(schema.conversations, id=one.conversation_id) for one in heard]


def answers(desk: Desk, places: Sequence[Any], **more: Any) -> list[Answer]:
    given: dict[str, Any] = {"visibility": None, "agent": "user-7", "metadata": {}, "if_version": None}
    given |= {"idempotency_key": None, "created_at": desk.now} | more
    return [
        Answer(id=desk.ids.new("dlv"), conversation_id=place.id, content=Text(f"No. {n}"), **given)
        for n, place in enumerate(places)
    ]


def say(desk: Desk, places: Sequence[Any], **more: Any) -> Sequence[Any]:
    """Answers them all in one operation."""
    queued = answers(desk, places, **more)
    return desk.run(lambda c: deliveries.answer(c, queued))


def decided(desk: Desk, out: outgoing.Outgoing, *texts: str, success: Any = "accepted") -> Decided:
    (address,) = out.customer.addresses
    step = Step(
        channel="whatsapp", adapter="whatsapp", account="wa", surface="dm", address=address.value, success=success
    )
    decision = Decision(steps=(step,), refused=(), rules_version="1", decided_at=desk.now)
    return begins(
        out.delivery,
        out.steps,
        decision,
        {},
        NewStep(step, address.id, [Text(text) for text in texts or ("Hi",)], None),
        desk.ids,
    )


def starts(desk: Desk, outs: Sequence[outgoing.Outgoing], *texts: str, owner: str = "me") -> list[Start]:
    found: list[Start] = []
    for out in outs:
        one = decided(desk, out, *texts)
        later = outgoing.with_decision(out, one)
        lane = out.delivery.lane
        right = (lease_name(lane), owner, desk.fence(lane, owner) or 0)
        found.append(Start(later.parts[0], later.steps[0], right, desk.now, one))
    return found


def due(desk: Desk) -> list[outgoing.Outgoing]:
    found = desk.run(lambda c: outbound.claim(c, LANES, desk.now, (), 100))
    return [one.out for one in found if one.out is not None]


def sent(desk: Desk, start: Start, attempt: int | Refusal, *ids: str) -> Accepted:
    assert isinstance(attempt, int)
    return Accepted(start.part.key, attempt, Sent(ids or (f"wamid.{start.part.key}",)), "private", desk.now, desk.ids)


def contents(desk: Desk) -> dict[str, Any]:
    """All rows, without the numbers and ids that depend on the order of things."""
    found: dict[str, Any] = {}
    for name in TABLES:
        table = getattr(schema, name)
        rows = [dict(zip(table.columns.keys(), row, strict=True)) for row in desk.rows(table)]
        for row in rows:
            for column in ("seq", "attempt", *(["id"] if name in ("messages", "log") else [])):
                row.pop(column, None)
        found[name] = sorted(rows, key=repr)
    return found


def run(desk: Desk, bulk: Bulk[Item, T], items: Sequence[Item], *, together: bool = True) -> list[T]:
    """An operation for all items at once, or for one after the other."""
    groups = [items] if together else [[one] for one in items]
    return [one for group in groups for one in desk.run(_unit(bulk, group))]


def _unit(bulk: Bulk[Item, T], group: Sequence[Item]) -> Unit[Sequence[T]]:
    return lambda c: bulk(c, group)


def played(together: bool) -> dict[str, Any]:
    """The same answers, to the end, at once or one after the other."""
    desk = Desk()
    places = people(desk)
    queued = answers(desk, places)
    run(desk, deliveries.answer, queued, together=together)
    begun = starts(desk, due(desk), "One", "Two")
    pairs = zip(begun, run(desk, deciding.start, begun, together=together), strict=True)
    run(desk, acceptance.accept, [sent(desk, *pair) for pair in pairs], together=together)
    return contents(desk)


def test_together_is_as_one_by_one() -> None:
    one_by_one, together = played(together=False), played(together=True)
    assert len(together["messages"]) == 2 * MANY
    assert together == one_by_one


# ---------------------------------------------------------------- answers


def test_each_answer_is_given_as_it_is_queued(desk: Desk) -> None:
    places = people(desk, 3)
    given = say(desk, places, metadata={"ticket": "9"})
    assert [one.conversation_id for one in given] == [place.id for place in places]
    assert {(one.state, one.channel, one.attempts) for one in given} == {("queued", None, ())}
    assert [dict(one.metadata) for one in given] == [{"ticket": "9"}] * 3
    assert {one.id for one in given} == {row.id for row in desk.rows(schema.deliveries)}


def test_a_key_used_twice_in_one_operation_is_one_delivery(desk: Desk) -> None:
    places = people(desk, 2)
    first, second = say(desk, places, idempotency_key="k")
    assert first == second
    (again,) = say(desk, places[:1], idempotency_key="k")
    assert again == first
    assert len(desk.rows(schema.deliveries)) == 1


def test_an_answer_to_nothing_or_too_late_is_refused(desk: Desk) -> None:
    (place,) = people(desk, 1)
    queued = answers(desk, [place], if_version=place.version + 1)
    with pytest.raises(VersionConflict):
        desk.run(lambda c: deliveries.answer(c, queued))
    (lost,) = answers(desk, [place])
    with pytest.raises(NotFound, match="there is no conversation 'cnv_none'"):
        desk.run(lambda c: deliveries.answer(c, [replace(lost, conversation_id="cnv_none")]))
    assert desk.rows(schema.deliveries) == []


# ---------------------------------------------------------------- decisions and attempts


def test_a_decision_is_on_disk_with_the_start_of_its_first_attempt(desk: Desk) -> None:
    say(desk, people(desk, 1))
    (start,) = starts(desk, due(desk), "One", "Two")
    assert desk.rows(schema.decisions) == desk.rows(schema.steps) == desk.rows(schema.attempts) == []
    (attempt,) = desk.run(lambda c: deciding.start(c, [start]))
    assert desk.one(schema.decisions).delivery_id == start.part.delivery_id
    assert [(row.state, row.tries) for row in desk.rows(schema.parts)] == [("started", 1), ("pending", 0)]
    assert desk.one(schema.attempts).seq == attempt
    row = desk.one(schema.deliveries)
    assert (row.step, row.channel, row.state, row.due_at) == (1, "whatsapp", "queued", desk.now)


def test_what_is_read_back_is_what_was_to_be_written(desk: Desk) -> None:
    """Who sends works with rows that are not on disk yet."""
    say(desk, people(desk, 1))
    (out,) = due(desk)
    one = decided(desk, out, "One", "Two")
    expected = outgoing.with_decision(out, one)
    desk.run(lambda c: deciding.keep(c, [one]))
    found = desk.run(lambda c: outgoing.load(c, out.delivery.id))
    assert list(found.steps) == list(expected.steps)
    assert list(found.parts) == list(expected.parts)
    assert found.delivery == expected.delivery


def test_of_those_that_begin_together_who_lost_the_lane_writes_nothing(desk: Desk) -> None:
    say(desk, people(desk, 4))
    begun = starts(desk, due(desk))
    lost = begun[2].part.delivery_id
    desk.later(leases.TTL)
    desk.fence(desk.one(schema.deliveries, id=lost).lane, "successor")
    lanes = {one.right[0] for one in begun if one.part.delivery_id == lost}
    got = desk.run(lambda c: deciding.start(c, begun))
    assert [attempt is Refusal.LANE_LOST for attempt in got] == [one.right[0] in lanes for one in begun]
    assert lost not in {row.delivery_id for row in desk.rows(schema.decisions)}
    assert lost not in {row.delivery_id for row in desk.rows(schema.parts)}
    assert desk.one(schema.deliveries, id=lost).step == 0
    made = begun[2].decided
    assert made is not None
    assert run(desk, deciding.keep_mine, [(begun[2].right, made)]) == [Refusal.LANE_LOST]
    assert lost not in {row.delivery_id for row in desk.rows(schema.decisions)}


def test_of_those_that_begin_together_what_is_settled_already_begins_nothing(desk: Desk) -> None:
    """It was decided to go on to another channel, and then the first reports success after all."""
    say(desk, people(desk, 3))
    begun = starts(desk, due(desk))
    done = begun[1].decided
    assert done is not None
    delivery = done.delivery.id
    desk.run(lambda c: outbound.set_delivery(c, done.delivery, desk.now, desk.ids, state="delivered", due_at=None))
    got = desk.run(lambda c: deciding.start(c, begun))
    assert [attempt is Refusal.OVERTAKEN for attempt in got] == [False, True, False]
    assert run(desk, deciding.keep_mine, [(begun[1].right, done)]) == [Refusal.OVERTAKEN]
    assert delivery not in {row.delivery_id for row in [*desk.rows(schema.decisions), *desk.rows(schema.parts)]}
    row = desk.one(schema.deliveries, id=delivery)
    assert (row.state, row.step, row.due_at) == ("delivered", 0, None)


# ---------------------------------------------------------------- settling


def test_parts_of_one_conversation_are_settled_one_after_the_other(desk: Desk) -> None:
    (place,) = people(desk, 1)
    say(desk, [place])
    (start,) = starts(desk, due(desk), "One", "Two")
    (first,) = desk.run(lambda c: deciding.start(c, [start]))
    key, second = desk.attempt(start.part.delivery_id, 1)
    taken = [sent(desk, start, first), Accepted(key, second, Sent(("wamid.2",)), "private", desk.now, desk.ids)]
    left = desk.run(lambda c: acceptance.accept(c, taken))
    assert list(left) == [True, False], "after the first the second was due"
    assert desk.one(schema.deliveries).state == "accepted"
    assert desk.one(schema.conversations).version == place.version + 2
    assert [fact["state"] for fact in desk.facts("delivery.updated")] == ["accepted"]


def test_what_overtook_the_settlement_of_one_is_nothing_to_the_others(desk: Desk) -> None:
    say(desk, people(desk, 3))
    begun = starts(desk, due(desk))
    got = desk.run(lambda c: deciding.start(c, begun))
    early = DeliveryUpdated(
        account="wa", dedupe="early", occurred_at=desk.now, receipt=f"wamid.{begun[1].part.key}", state="read"
    )
    desk.file(early)
    taken = [sent(desk, *pair) for pair in zip(begun, got, strict=True)]
    desk.run(lambda c: acceptance.accept(c, taken))
    states = [desk.one(schema.deliveries, id=one.part.delivery_id).state for one in begun]
    assert states == ["accepted", "read", "accepted"]
    assert desk.rows(schema.unmatched) == []


def test_an_edit_that_overtook_the_settlement_is_shown(desk: Desk) -> None:
    """A colleague corrected in the platform's own app what we had just sent."""
    say(desk, people(desk, 2))
    begun = starts(desk, due(desk))
    got = desk.run(lambda c: deciding.start(c, begun))
    corrected = f"wamid.{begun[1].part.key}"
    desk.file(
        MessageEdited(account="wa", dedupe="edit", occurred_at=desk.now, message_id=corrected, text="Better words")
    )
    taken = [sent(desk, *pair) for pair in zip(begun, got, strict=True)]
    desk.run(lambda c: acceptance.accept(c, taken))
    assert desk.one(schema.messages, platform_id=corrected).text == "Better words"
    assert desk.rows(schema.unmatched) == []
    assert len(desk.facts("message.edited")) == 1


def test_ids_of_platforms_may_hold_anything(desk: Desk) -> None:
    say(desk, people(desk, 2))
    begun = starts(desk, due(desk))
    got = desk.run(lambda c: deciding.start(c, begun))
    taken = [sent(desk, one, attempt, f"w\0{n}") for n, (one, attempt) in enumerate(zip(begun, got, strict=True))]
    desk.run(lambda c: acceptance.accept(c, taken))
    assert {row.platform_id for row in desk.rows(schema.messages, direction="out")} == {
        desk.kept("w\x000"),
        desk.kept("w\x001"),
    }
    desk.run(lambda c: acceptance.accept(c, taken))
    assert len(desk.rows(schema.messages, direction="out")) == 2


def test_what_asks_nothing_ends_what_was_asked_before(desk: Desk) -> None:
    (place,) = people(desk, 1)
    choices = Text("Refund?", quick_replies=[QuickReply("Yes", id="y")])
    for content, options in ((choices, [["Yes", "y"]]), (Text("Thanks"), None)):
        desk.later(timedelta(minutes=1))
        (one,) = answers(desk, [place])
        run(desk, deliveries.answer, [replace(one, content=content)])
        begun = starts(desk, due(desk))
        (attempt,) = run(desk, deciding.start, begun)
        run(desk, acceptance.accept, [sent(desk, begun[0], attempt)])
        assert desk.one(schema.conversations).options == options
