"""At most one notice per withdrawal, customer and period, whoever writes it and however often."""

from __future__ import annotations

from typing import Any

import pytest

from omnichannel.stores import notices, schema, turns
from omnichannel.stores.units import NewNotice, NewReference
from tests.stores.given import BOB, Desk


def notice(desk: Desk, conversation: Any, *, withdrawal: str = "wdr_1", period: int = 1, key: str = "") -> NewNotice:
    reference = NewReference(
        digest=desk.ids.new("ref"),
        brand="default",
        conversation_id=conversation.id,
        customer_id=conversation.customer_id,
        target="email",
        withdrawal_id=withdrawal,
        created_at=desk.now,
        expires_at=desk.now,
    )
    return NewNotice(
        withdrawal_id=withdrawal,
        customer_id=conversation.customer_id,
        period=period,
        delivery=desk.delivery(conversation, "we are leaving", kind="notice"),
        references=(reference,),
        created_at=desk.now,
    )


@pytest.fixture
def ann(desk: Desk) -> Any:
    return desk.one(schema.conversations, id=desk.hear().conversation_id)


def test_the_second_notice_is_not_written(desk: Desk, ann: Any) -> None:
    first, second = notice(desk, ann), notice(desk, ann)
    assert desk.run(lambda c: notices.insert_notices(c, [first])) == 1
    assert desk.run(lambda c: notices.insert_notices(c, [second])) == 0
    assert [row.id for row in desk.rows(schema.deliveries)] == [first.delivery.id]
    assert [row.digest for row in desk.rows(schema.references)] == [first.references[0].digest]
    assert desk.run(lambda c: notices.had_notice(c, "wdr_1", ann.customer_id, 1))


def test_one_batch_may_hold_it_twice(desk: Desk, ann: Any) -> None:
    new = [notice(desk, ann), notice(desk, ann)]
    assert desk.run(lambda c: notices.insert_notices(c, new)) == 1
    assert len(desk.rows(schema.deliveries)) == 1


def test_another_customer_withdrawal_or_period_has_its_own(desk: Desk, ann: Any) -> None:
    bob = desk.one(schema.conversations, id=desk.hear(sender=BOB).conversation_id)
    new = [notice(desk, ann), notice(desk, bob), notice(desk, ann, withdrawal="wdr_2"), notice(desk, ann, period=2)]
    assert desk.run(lambda c: notices.insert_notices(c, new)) == 4
    assert len(desk.rows(schema.deliveries)) == 4
    assert not desk.run(lambda c: notices.had_notice(c, "wdr_2", bob.customer_id, 1))


def test_a_notice_commits_with_the_message_that_it_answers(desk: Desk, ann: Any) -> None:
    (turn,) = desk.due()
    result = desk.result(turn, notices=[notice(desk, ann)])
    lost = desk.result(turn, owner="nobody", fence=99, notices=[notice(desk, ann, period=2)])
    assert list(desk.run(lambda c: turns.settle(c, [result, lost]))) == [True, False]
    assert [row.period for row in desk.rows(schema.notices)] == [1]
