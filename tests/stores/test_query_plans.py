"""What workers ask all day costs the same however much lies behind: every question finds its index."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, cast

import psycopg
import pytest
from sqlalchemy import Connection, text

from omnichannel.model.event import DeliveryUpdated
from omnichannel.stores import acceptance, deciding, deliveries, journal, outbound, schema, turns
from omnichannel.stores.intake import Intake, Parsed
from omnichannel.stores.sql import SqlStore
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
    """The steps of the plans of all statements of a unit, one line each; `SCAN` is one that reads a whole table."""
    postgresql = desk.run(lambda c: c.dialect.name == "postgresql")
    return desk.run(lambda c: (_asked_postgresql if postgresql else _asked_sqlite)(c, unit))


def _asked_sqlite(connection: Connection, unit: Callable[[Connection], Any]) -> list[str]:
    statements: list[str] = []
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


PARTIAL = frozenset(
    index.name for table in schema.metadata.tables.values() for index in table.indexes
    if index.dialect_options["postgresql"]["where"] is not None
)  # fmt: skip
EXPLAIN = """
LOAD 'auto_explain'; SET LOCAL auto_explain.log_min_duration = 0; SET LOCAL auto_explain.log_format = json;
SET LOCAL auto_explain.log_level = notice; SET LOCAL client_min_messages = notice;
"""
LAST = "SELECT 'last'"


def _asked_postgresql(connection: Connection, unit: Callable[[Connection], Any]) -> list[str]:
    """With so few rows as in a test it would read the tables from end to end, unless it is told that this is dear."""
    driver = cast(psycopg.Connection[Any], connection.connection.driver_connection)
    plans: list[Mapping[str, Any]] = []

    def noticed(notice: Any) -> None:
        _, _, plan = str(notice.message_primary).partition("plan:\n")
        if plan and (read := json.loads(plan))["Query Text"] != LAST:
            plans.append(read)

    driver.execute(EXPLAIN)
    if "big" not in connection.info:
        driver.execute("SET LOCAL enable_seqscan = off")
    driver.add_notice_handler(noticed)
    unit(connection)
    driver.execute(LAST)  # a plan is told when its portal is closed: by the statement after it
    driver.remove_notice_handler(noticed)
    found = [(step, plan["Query Text"]) for plan in plans for step in _steps(plan["Plan"])]
    return [f"{_said(step)}  <-  {query[:90]}" for step, query in found]


def _steps(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for one in plan.get("Plans", ()):
        yield from _steps(one)


def _said(step: Mapping[str, Any]) -> str:
    """An index that has what is asked for and nothing else may be read whole."""
    index, table = step.get("Index Name"), step.get("Relation Name", "")
    walks = step["Node Type"] == "Seq Scan" or (index and "Index Cond" not in step and index not in PARTIAL)
    return f"{'SCAN' if walks else step['Node Type']} {table} {index or ''}"


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
    assert [line.partition("  <-")[0].strip() for line in plans] == ["SCAN omni_events"]


MANY = """
INSERT INTO omni_journal (endpoint, source, received_at, url, headers, content, state)
SELECT 'wa', 'webhook', n, '', '{}', '', 'done' FROM generate_series(1, 20000) AS n;
INSERT INTO omni_events (key, account, kind, occurred_at, conversation_id, lane, state)
SELECT 'k' || n, 'wa', 'message_received', n, 'cnv_' || n / 10, n % 64, 'done' FROM generate_series(1, 20000) AS n;
INSERT INTO omni_deliveries (id, customer_id, conversation_id, lane, content, purpose, state, created_at)
SELECT 'dlv_' || n, 'cus_' || n, 'cnv_' || n / 10, n % 64, '{}', 'service', 'delivered', n
FROM generate_series(1, 20000) AS n;
ANALYZE omni_journal, omni_events, omni_deliveries;
"""


def test_the_partial_indexes_are_found_with_much_behind(postgres_url: str) -> None:
    """Left alone, PostgreSQL takes them where there is a reason to."""
    desk = Desk(SqlStore(postgres_url, threads=False))
    conversation = desk.one(schema.conversations, id=desk.hear().conversation_id)
    desk.queue(conversation)
    desk.arrive(b"{}")
    desk.run(lambda c: cast(Any, c.connection.driver_connection).execute(MANY))
    desk.run(lambda c: c.info.setdefault("big", True))
    found: dict[str, set[str]] = {}
    for name, question in questions(desk).items():
        found[name] = {line.partition("  <-")[0].strip() for line in asked(desk, question)}
    desk.store.close_sync()
    big = ("SCAN omni_journal", "SCAN omni_events", "SCAN omni_deliveries")
    assert [line for lines in found.values() for line in lines if line.startswith(big)] == []
    assert found["take"] == {"Limit", "Index Scan omni_journal omni_journal_new"}
    wanted = {"turns": "omni_events_due", "deliveries": "omni_deliveries_due", "endpoints": "omni_journal_new"}
    for name, index in wanted.items():
        assert any(line.endswith(index) for line in found[name]), found[name]
