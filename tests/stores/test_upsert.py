"""Many rows in few statements: the same rows as one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Dialect, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from omnichannel.stores import schema, upsert
from omnichannel.stores.upsert import CHUNK, among, insert_rows, none_of, update_rows
from omnichannel.testing.clock import START
from tests.stores.given import Desk

CONTACT = ("address_id", "account")
POSTGRESQL: Dialect = cast(Any, postgresql).dialect()


def timer(n: int, **more: Any) -> dict[str, Any]:
    return {"kind": "k", "key": str(n), "due_at": START + timedelta(seconds=n), "data": {"n": n}} | more


def contact(address: str, **more: Any) -> dict[str, Any]:
    return {"address_id": address, "account": "wa"} | more


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
def test_rows_are_inserted_in_order_whatever_their_number(desk: Desk, count: int) -> None:
    desk.run(lambda c: insert_rows(c, schema.timers, [timer(n) for n in range(count)]))
    rows = desk.rows(schema.timers)
    assert [row.seq for row in rows] == list(range(1, count + 1))
    assert [(row.key, row.due_at, row.data) for row in rows] == [
        (str(n), START + timedelta(seconds=n), {"n": n}) for n in range(count)
    ]


def test_columns_that_no_row_has_get_their_default(desk: Desk) -> None:
    desk.hear()
    row = desk.one(schema.events)
    assert (row.tries, row.error) == (0, None)


@pytest.mark.parametrize("rows", [[timer(1), {"kind": "k", "key": "2"}], [timer(1), timer(2) | {"seq": 9}]])
def test_rows_with_other_columns_are_refused(desk: Desk, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="differ in their columns"):
        desk.run(lambda c: insert_rows(c, schema.timers, rows))
    assert desk.rows(schema.timers) == []


def test_a_row_that_breaks_a_rule_of_the_table_is_refused(desk: Desk) -> None:
    with pytest.raises(IntegrityError):
        desk.run(lambda c: insert_rows(c, schema.timers, [timer(1), timer(1)]))


def test_an_earlier_row_stays_where_nothing_is_to_be_updated(desk: Desk) -> None:
    def unit(connection: Connection) -> int:
        upsert.upsert(connection, schema.timers, [timer(1)], key=("kind", "key"))
        rows = [timer(1, data={"n": "other"}), timer(2), timer(2)]
        return upsert.upsert(connection, schema.timers, rows, key=("kind", "key"))

    assert desk.run(unit) == 1
    assert [row.data for row in desk.rows(schema.timers)] == [{"n": 1}, {"n": 2}]


def test_columns_are_replaced_and_the_last_row_of_a_key_wins(desk: Desk) -> None:
    def unit(connection: Connection) -> None:
        upsert.upsert(connection, schema.timers, [timer(1)], key=("kind", "key"))
        rows = [timer(1, data="a"), timer(1, data="b", due_at=START)]
        upsert.upsert(connection, schema.timers, rows, key=("kind", "key"), update=("data",))

    desk.run(unit)
    row = desk.one(schema.timers)
    assert (row.data, row.due_at) == ("b", START + timedelta(seconds=1))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.booleans()), max_size=12))
def test_the_latest_value_stays_in_whatever_order_it_comes(seen: list[tuple[str, int, bool]]) -> None:
    """`True` ends a statement: inside one and between two the same is kept."""
    desk = Desk()
    waiting: list[dict[str, Any]] = []
    for address, seconds, ends in [*seen, ("a", 0, True)]:
        waiting.append(contact(address, last_in_at=START + timedelta(seconds=seconds)))
        if ends:
            desk.run(partial(upsert.upsert, table=schema.contacts, rows=waiting, key=CONTACT, latest=("last_in_at",)))
            waiting = []
    found = {row.address_id: row.last_in_at for row in desk.rows(schema.contacts)}
    wanted: dict[str, int] = {"a": 0}
    for address, seconds, _ in seen:
        wanted[address] = max(seconds, wanted.get(address, 0))
    assert found == {address: START + timedelta(seconds=seconds) for address, seconds in wanted.items()}
    desk.store.close_sync()


def test_the_latest_value_of_one_column_leaves_the_other_alone(desk: Desk) -> None:
    def unit(connection: Connection) -> None:
        came = contact("a", last_in_at=START)
        went = contact("a", last_out_at=START + timedelta(hours=1))
        upsert.upsert(connection, schema.contacts, [came], key=CONTACT, latest=("last_in_at",))
        upsert.upsert(connection, schema.contacts, [went], key=CONTACT, latest=("last_out_at",))

    desk.run(unit)
    row = desk.one(schema.contacts)
    assert (row.last_in_at, row.last_out_at) == (START, START + timedelta(hours=1))


@pytest.mark.parametrize("count", [1, 2, CHUNK + 3])
def test_each_row_is_updated_to_values_of_its_own(desk: Desk, count: int) -> None:
    desk.run(lambda c: insert_rows(c, schema.timers, [timer(n) for n in range(count)]))
    rows = [{"key": str(n), "data": [n], "due_at": START} for n in range(count)]
    gone = {"key": "none", "data": None, "due_at": START}
    assert desk.run(lambda c: update_rows(c, schema.timers, [*rows, gone], key="key")) == count
    assert [(row.key, row.data, row.due_at) for row in desk.rows(schema.timers)] == [
        (str(n), [n], START) for n in range(count)
    ]


def test_an_update_may_count(desk: Desk) -> None:
    row = desk.hear()
    before = desk.one(schema.conversations)
    values = [{"id": row.conversation_id, "queue": "vip"}]
    desk.run(lambda c: update_rows(c, schema.conversations, values, key="id", count="version"))
    after = desk.one(schema.conversations)
    assert (after.queue, after.version) == ("vip", before.version + 1)
    assert desk.run(lambda c: update_rows(c, schema.conversations, [], key="id")) == 0


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ((), []),
        (("a",), ["a"]),
        (("b", "a", "b"), ["a", "b"]),
        (("é😀", "none"), ["é😀"]),
        (("nul\0byte",), ["nul\0byte"]),
        (("nul",), []),
        ((" ", '"'), ['"']),
    ],
)
def test_membership_is_that_of_the_values(desk: Desk, wanted: tuple[str, ...], found: list[str]) -> None:
    keys = ["a", "b", "é😀", "nul\0byte", '"']
    kept = {"nul\0byte": desk.kept("nul\0byte")}  # under which it is found, on PostgreSQL too
    desk.run(lambda c: insert_rows(c, schema.timers, [timer(n, key=key) for n, key in enumerate(keys)]))
    query = select(schema.timers.c.key).where(among(schema.timers.c.key, wanted)).order_by(schema.timers.c.seq)
    assert list(desk.run(lambda c: c.execute(query).scalars().all())) == [kept.get(key, key) for key in found]
    others = select(schema.timers.c.key).where(none_of(schema.timers.c.key, wanted)).order_by(schema.timers.c.seq)
    assert list(desk.run(lambda c: c.execute(others).scalars().all())) == [
        kept.get(key, key) for key in keys if key not in found
    ]


class Asked:
    """A connection that only writes down what its driver is asked."""

    rowcount = 0

    def __init__(self) -> None:
        self.dialect = POSTGRESQL
        self.said: list[tuple[str, tuple[Any, ...]]] = []
        self.connection = self

    def cursor(self) -> Asked:
        return self

    def execute(self, sql: str, values: Sequence[Any]) -> None:
        self.said.append((sql, tuple(values)))

    def close(self) -> None:
        """Nothing to close."""


def test_postgresql_is_asked_in_its_own_words() -> None:
    asked = Asked()
    on = cast(Connection, asked)
    insert_rows(on, schema.deliveries, [{"id": "1", "order": ["x"]}, {"id": "2", "order": None}])
    row: dict[str, Any] = {"key": "1", "due_at": START, "data": {}}
    update_rows(on, schema.timers, [row], key="key", count="seq")
    upsert.upsert(on, schema.timers, [row], key=("key",), latest=("due_at",))
    assert asked.said == [
        ('INSERT INTO omni_deliveries (id, "order") VALUES (%s, %s),(%s, %s)', ("1", '["x"]', "2", None)),
        (
            "UPDATE omni_timers SET due_at = given.column2, data = given.column3, seq = omni_timers.seq + 1 "
            "FROM (VALUES (CAST(%s AS VARCHAR), CAST(%s AS BIGINT), CAST(%s AS TEXT))) AS given "
            "WHERE omni_timers.key = given.column1",
            ("1", 1799053200000000, "{}"),
        ),
        (
            "INSERT INTO omni_timers (key, due_at, data) VALUES (%s, %s, %s) ON CONFLICT (key) DO UPDATE SET "
            "due_at = CASE WHEN omni_timers.due_at > excluded.due_at THEN omni_timers.due_at ELSE excluded.due_at END",
            ("1", 1799053200000000, "{}"),
        ),
    ]


def test_postgresql_is_given_arrays() -> None:
    number = schema.timers.c.seq
    query: Any = select(number).where(among(number, [1, 2]), none_of(number, [3])).compile(dialect=POSTGRESQL)
    said = str(query).partition("WHERE ")[2]
    assert said == ("omni_timers.seq = ANY (%(param_1)s::BIGINT[]) AND omni_timers.seq <> ALL (%(param_2)s::BIGINT[])")
    assert query._bind_processors["param_1"]([1, 2]) == [1, 2]
