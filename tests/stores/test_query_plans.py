"""What workers ask all day costs the same however much lies behind: every question finds its index."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import Connection, text

from omnichannel.model.event import DeliveryUpdated
from omnichannel.stores import acceptance, deciding, deliveries, journal, outbound, schema, turns
from omnichannel.stores.intake import Intake, Parsed
from tests.stores.given import ANN, INFOS, LANES, Desk
from tests.stores.test_together import answers, due, sent, starts

SOME = range(7)
GROWING = ("journal", "events", "messages", "deliveries", "parts", "attempts", "receipts", "contacts", "addresses",
           "conversations", "customers", "aliases", "merges", "log")  # fmt: skip


def file(desk: Desk) -> Callable[[Connection], Any]:
    event_ = desk.said("Bonjour", thread="t1", references=("wamid.9",), aliases={"wa_id": "33612345678"})
    return lambda c: Intake(c, INFOS, desk.ids, desk.now).file([Parsed(1, [event_])])


def read(desk: Desk) -> Callable[[Connection], Any]:
    event_ = DeliveryUpdated(
        account="wa", dedupe="r", occurred_at=desk.now, receipt="", state="read", recipient=ANN, until=desk.now
    )
    return lambda c: Intake(c, INFOS, desk.ids, desk.now).file([Parsed(1, [event_])])


def send(desk: Desk) -> Callable[[Connection], Any]:
    """What is due is decided, begun and settled."""
    begun = starts(desk, due(desk))

    def unit(connection: Connection) -> None:
        attempts = deciding.start(connection, begun)
        acceptance.accept(connection, [sent(desk, *pair) for pair in zip(begun, attempts, strict=True)])

    return unit


def asked(desk: Desk, unit: Callable[[Connection], Any]) -> list[str]:
    """The plans of all statements of a unit, one line a step."""
    statements: list[str] = []

    def look(connection: Connection) -> list[str]:
        driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        driver.set_trace_callback(statements.append)
        unit(connection)
        driver.set_trace_callback(None)
        plans: list[str] = []
        for statement in statements:
            if statement.startswith(("SELECT", "UPDATE")):
                rows = driver.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
                plans += [f"{row[3]}  <-  {statement[:90]}" for row in rows]
        return plans

    return desk.run(look)


def questions(desk: Desk) -> dict[str, Callable[[Connection], Any]]:
    now = desk.now
    conversation = next(iter(desk.rows(schema.conversations)), None)
    return {
        "endpoints": journal.waiting_endpoints,
        "take": lambda c: journal.take(c, "wa", 256),
        "parsed": lambda c: journal.parsed(c, [1, 2, 3]),
        "turn lanes": lambda c: turns.due_lanes(c, now),
        "turns": lambda c: turns.claim(c, LANES, now, frozenset(), 256),
        "turns of some lanes": lambda c: turns.claim(c, SOME, now, frozenset({"cnv_1"}), 256),
        "delivery lanes": lambda c: outbound.due_lanes(c, now),
        "deliveries": lambda c: outbound.claim(c, LANES, now, frozenset(), 256),
        "deliveries of some lanes": lambda c: outbound.claim(c, SOME, now, frozenset({"cnv_1"}), 256),
        "answer": lambda c: deliveries.answer(c, answers(desk, [conversation])),
        "send": send(desk),
        "file": file(desk),
        "read up to a time": read(desk),
    }


@pytest.mark.parametrize("question", sorted(questions(Desk())))
def test_no_question_walks_through_a_table_that_grows(desk: Desk, question: str) -> None:
    for n in range(3):
        conversation = desk.one(schema.conversations, id=desk.hear(f"Hello {n}").conversation_id)
        desk.queue(conversation)
        desk.later(timedelta(seconds=1))
    plans = asked(desk, questions(desk)[question])
    assert plans, "nothing was asked"
    tables = tuple(f"SCAN omni_{name}" for name in GROWING)
    walks = [line for line in plans if line.startswith(tables) and "_new" not in line.partition("<-")[0]]
    assert walks == []


def test_a_walk_is_seen(desk: Desk) -> None:
    plans = asked(desk, lambda c: c.execute(text("SELECT * FROM omni_events WHERE error = 'x'")))
    assert [line.partition("  <-")[0] for line in plans] == ["SCAN omni_events"]
