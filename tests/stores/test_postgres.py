"""What is so on PostgreSQL alone: writers of several processes take turns, and a server can be lost."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import Any, cast

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from omnichannel.model.event import MessageEchoed, MessageReceived
from omnichannel.model.exceptions import ConfigurationError, StoreError
from omnichannel.stores import drivers, journal, leases, log, schema
from omnichannel.stores.sql import SqlStore, Unit
from omnichannel.stores.units import Fact
from omnichannel.testing.clock import START
from tests.postgres import Server, name_of
from tests.stores.given import Desk
from tests.stores.lossy import Loss, Lossy

NOW = START


@contextmanager
def opened(url: str, **more: Any) -> Generator[SqlStore]:
    store = SqlStore(url, threads=False, **more)
    store.open_sync()
    try:
        yield store
    finally:
        store.close_sync()


def put(key: str, value: str = "") -> Unit[str]:
    def unit(connection: Connection) -> str:
        connection.execute(insert(schema.meta).values(key=key, value=value))
        return key

    return unit


def keys(connection: Connection) -> list[str]:
    return list(connection.execute(select(schema.meta.c.key).order_by(schema.meta.c.key)).scalars())


# ---------------------------------------------------------------- URLs


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_a_postgresql_url_is_taken(postgres_url: str, scheme: str) -> None:
    with opened(postgres_url.replace("postgresql+psycopg", scheme)) as store:
        assert store.write_sync(put("a")) == "a"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://me:hush@host/desk", "mysql is not supported"),
        ("postgresql+asyncpg://me:hush@host/desk", "through psycopg"),
        ("sqlite+aiosqlite:///desk.db", "is not supported"),
        ("desk.db", "no URL of a database"),
    ],
)
def test_what_is_not_supported_is_said_at_once(url: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as found:
        SqlStore(url).open_sync()
    assert "hush" not in str(found.value)


# ---------------------------------------------------------------- writers


def test_what_a_writer_decides_stays_true_until_it_commits(postgres_url: str) -> None:
    """Each looks whether the row is there, and makes it where it is not: both did where they ran side by side."""
    looked, made = Event(), list[bool]()

    def unit(connection: Connection) -> bool:
        free = keys(connection) == []
        looked.set()
        if free:
            connection.execute(text("SELECT pg_sleep(0.05)"))
            put("only")(connection)
        return free

    def write(store: SqlStore) -> None:
        made.append(store.write_sync(unit))

    with opened(postgres_url) as one, opened(postgres_url) as two:
        first = Thread(target=write, args=(one,))
        first.start()
        assert looked.wait(20)
        write(two)
        first.join()
    assert sorted(made) == [False, True]


def test_the_log_is_numbered_in_the_order_of_its_commits(postgres_url: str) -> None:
    """Who follows the log asks for what is after the last number: a lower one that came later would be lost."""
    numbered, go_on = Event(), Event()
    desk = Desk(SqlStore(postgres_url, threads=False))

    def append(connection: Connection) -> None:
        log.append(connection, [Fact(type="a", brand="default", data={})], desk.ids, NOW)

    def slowly(connection: Connection) -> None:
        append(connection)
        numbered.set()
        assert go_on.wait(20)

    with opened(postgres_url) as other:
        slow = Thread(target=desk.store.write_sync, args=(slowly,))
        slow.start()
        assert numbered.wait(20)
        quick = Thread(target=other.write_sync, args=(append,))
        quick.start()
        seen: list[int] = []

        def follow() -> None:
            seen.extend(row.seq for row in other.read_sync(lambda c: log.after(c, max(seen, default=0))))

        for _ in range(3):
            follow()
            quick.join(0.02)
        go_on.set()
        quick.join()
        slow.join()
        follow()
    desk.store.close_sync()
    assert seen == [1, 2]


def test_a_lease_is_given_to_one_of_many(postgres_url: str) -> None:
    names, owners = [f"lane:{n}" for n in range(64)], ("one", "two", "three")
    got: dict[str, set[str]] = {}

    def acquire(owner: str) -> None:
        with opened(postgres_url) as store:
            # Each in an order of its own: where rows were locked one after the other, they would wait for each other.
            mine = names if owner == "one" else names[::-1]
            got[owner] = set(store.write_sync(lambda c: leases.acquire(c, mine, owner, NOW)))

    threads = [Thread(target=acquire, args=(owner,)) for owner in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, got.values())) == [0, 0, 64]


def test_two_stores_in_one_database_do_not_wait_for_each_other(postgres: Server) -> None:
    with postgres.database("template0") as url:
        postgres.execute("CREATE SCHEMA one", "CREATE SCHEMA two", database=name_of(url))
        with opened(drivers.in_schema(url, "one")) as one, opened(drivers.in_schema(url, "two")) as two:
            assert one.write_sync(lambda c: two.write_sync(put("a"))) == "a"


def test_a_writer_that_waits_too_long_gives_up(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "PATIENCE", 0.05)
    with opened(postgres_url) as one, opened(postgres_url) as two:

        def hold(connection: Connection) -> None:
            with pytest.raises(StoreError, match=r"lock timeout.*may be tried again"):
                two.write_sync(put("a"))

        one.write_sync(hold)
        assert two.write_sync(put("b")) == "b"


def test_a_writer_that_is_silent_is_not_waited_for(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its machine is gone and the server does not know: nobody else could write for as long as TCP waits."""
    with opened(postgres_url) as other:
        with opened(postgres_url) as gone:
            monkeypatch.setattr(drivers, "SILENCE", 0.05)

            def silent(connection: Connection) -> None:
                put("half")(connection)
                assert other.write_sync(put("a")) == "a"

            with pytest.raises(StoreError, match=r"terminat|closed|idle"):
                gone.write_sync(silent)
        assert other.read_sync(keys) == ["a"]


def test_a_conflict_with_somebody_else_is_tried_once_more(postgres_url: str) -> None:
    """Such as a deadlock with a transaction of the host's that reads our tables under a lock."""
    tries: list[int] = []

    def unit(connection: Connection) -> str:
        tries.append(1)
        if len(tries) == 1:
            connection.execute(text("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40P01'; END $$"))
        return put("a")(connection)

    with opened(postgres_url) as store:
        assert store.write_sync(unit) == "a"
        assert store.read_sync(keys) == ["a"]
        tries.clear()

        def always(connection: Connection) -> None:
            tries.clear()
            unit(connection)

        with pytest.raises(StoreError, match="may be tried again"):
            store.write_sync(always)


def test_a_reader_sees_one_moment(postgres_url: str) -> None:
    with opened(postgres_url) as store:

        def twice(connection: Connection) -> tuple[list[str], list[str]]:
            before = keys(connection)
            store.write_sync(put("a"))
            return before, keys(connection)

        assert store.read_sync(twice) == ([], [])
        assert store.read_sync(keys) == ["a"]


@pytest.mark.parametrize(("durable", "found"), [(True, "on"), (False, "off")])
def test_what_is_acknowledged_is_on_disk_whatever_the_server_is_set_to(
    postgres: Server, postgres_url: str, durable: bool, found: str
) -> None:
    with opened(postgres_url, durable=durable) as store:
        assert store.read_sync(lambda c: c.execute(text("SHOW synchronous_commit")).scalar()) == "off"
        assert store.write_sync(lambda c: c.execute(text("SHOW synchronous_commit")).scalar()) == found


# ---------------------------------------------------------------- errors


def test_no_error_quotes_what_was_refused(postgres_url: str) -> None:
    """The server would say which number is there already."""
    with opened(postgres_url) as store:
        store.write_sync(put("+33612345678"))
        nothing: Any = None
        units: list[Unit[Any]] = [
            put("+33612345678"),
            lambda c: journal.set_cursor(c, nothing, "+33612345678", NOW),
        ]
        for unit in units:
            with pytest.raises(IntegrityError) as found:
                store.write_sync(unit)
            shown = f"{found.value} {found.value.orig} {found.value!r} {found.value.__cause__!r}"
            assert "violates" in shown
            assert "612345678" not in shown


# ---------------------------------------------------------------- order


def in_a_thread(desk: Desk) -> tuple[str, str]:
    """Two conversations in one public thread, of which the older one was changed last: PostgreSQL keeps it behind."""
    first = desk.hear("Where is my bag?", sender="@ann", account="x", surface="mention", thread="t")
    desk.later(timedelta(seconds=1))
    second = desk.hear("Mine too", sender="@bob", account="x", surface="mention", thread="t")
    changed = update(schema.conversations).where(schema.conversations.c.id == first.conversation_id)
    desk.run(lambda c: c.execute(changed.values(queue="vip")))
    assert first.conversation_id != second.conversation_id
    return first.conversation_id, second.conversation_id


def test_who_joins_a_thread_joins_its_first_conversation(desk: Desk) -> None:
    first, _ = in_a_thread(desk)
    third = desk.hear("And mine", sender="@cem", account="x", surface="mention", thread="t")
    assert desk.one(schema.conversations, id=third.conversation_id).linked_to == first


def test_what_a_colleague_says_in_a_thread_is_in_its_first_conversation(desk: Desk) -> None:
    first, _ = in_a_thread(desk)
    echo = MessageEchoed(
        account="x",
        dedupe="e",
        occurred_at=desk.now,
        recipient="@dan",
        text="Hi",
        message_id="1",
        surface="mention",
        thread="t",
    )
    desk.file(echo)
    assert desk.one(schema.messages, direction="out").conversation_id == first


# ---------------------------------------------------------------- NUL


def nul_message(desk: Desk, text: str, **more: Any) -> MessageReceived:
    return desk.said(text, sender="a\0nn", message_id=f"m\0{text}", thread="t\0", aliases={"wa_id": "w\0"}, **more)


def test_a_nul_is_kept_as_a_sign_and_stops_nobody(desk: Desk) -> None:
    first, again = nul_message(desk, "on\0e", dedupe="k\0", attachments=()), nul_message(desk, "two")
    desk.file(first, desk.said("behind it"))
    desk.file(first)  # told twice: found under its key
    desk.file(again)
    assert [row.text for row in desk.rows(schema.messages)] == [desk.kept("on\0e"), "behind it", "two"]
    said = [row.conversation_id for row in desk.rows(schema.messages)]
    assert said[0] == said[2] != said[1]
    assert [row.value for row in desk.rows(schema.addresses) if "nn" in row.value] == [desk.kept("a\0nn")]
    assert [row.state for row in desk.rows(schema.journal)] == ["done"] * 3


def test_the_bytes_that_came_stay_as_they_were(desk: Desk) -> None:
    desk.arrive(b'{"text": "on\0e"}')
    assert desk.one(schema.journal).content == b'{"text": "on\0e"}'


def test_what_we_say_may_hold_a_nul(desk: Desk) -> None:
    conversation = desk.one(schema.conversations, id=desk.hear().conversation_id)
    delivery = desk.queue(conversation, "an\0swer", idempotency_key="k\0")
    assert desk.queue(conversation, "an\0swer", idempotency_key="k\0") == delivery
    row = desk.one(schema.deliveries)
    assert (row.idempotency_key, row.content["text"]) == (desk.kept("k\0"), "an\0swer")


# ---------------------------------------------------------------- a server that is lost


def test_a_server_that_was_restarted_between_two_units_is_found_again(postgres: Server) -> None:
    with postgres.database() as url, opened(url) as store:
        store.write_sync(put("a"))
        assert store.read_sync(keys) == ["a"]
        postgres.end_connections(url)
        assert store.write_sync(put("b")) == "b"
        postgres.end_connections(url)
        assert store.read_sync(keys) == ["a", "b"]


KILL = text("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize("raw", [False, True], ids=["through SQLAlchemy", "straight to the driver"])
def test_a_connection_lost_in_the_middle_fails_the_unit_and_no_other(postgres_url: str, raw: bool) -> None:
    with opened(postgres_url) as store:

        def half(connection: Connection) -> None:
            put("half")(connection)
            if raw:
                leases.held(connection, "lane:1", "me", 1)
                cast(Any, connection.connection.driver_connection).close()
                leases.held(connection, "lane:1", "me", 1)
            else:
                connection.execute(KILL)

        with pytest.raises(StoreError, match="Nothing of this unit is on disk"):
            store.write_sync(half)
        assert store.write_sync(put("a")) == "a"
        assert store.read_sync(keys) == ["a"]


async def test_a_group_whose_connection_is_lost_fails_as_one(postgres_url: str) -> None:
    async with SqlStore(postgres_url) as store:

        def half(connection: Connection) -> None:
            connection.execute(KILL)

        found = await store.write_side_by_side([put("a"), half, put("b")])
        assert [type(one) for one in found] == [StoreError] * 3
        assert await store.read(keys) == []
        assert await store.write_side_by_side([put("a"), put("b")]) == ["a", "b"]
        assert await store.read(keys) == ["a", "b"]


def test_a_reader_whose_connection_is_lost_says_so(postgres_url: str) -> None:
    with opened(postgres_url) as store:
        with pytest.raises(StoreError, match="the store failed"):
            store.read_sync(lambda c: c.execute(KILL))
        assert store.read_sync(keys) == []


@pytest.mark.parametrize("how", ["answer lost", "request lost", "request lost in silence"])
def test_what_became_of_a_lost_commit_is_found_out(
    postgres_url: str, how: Loss, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks while the commit is under way: the server knows whether it took place."""
    monkeypatch.setattr(drivers, "PATIENCE", 0.1)
    monkeypatch.setattr(drivers, "SILENCE", 0.5)
    arrives = how == "answer lost"
    with Lossy(postgres_url) as network, opened(network.url) as store:

        def unit(connection: Connection) -> str:
            network.lose(b"COMMIT", how)
            return put("a")(connection)

        if arrives:
            assert store.write_sync(unit) == "a"
        else:
            with pytest.raises(StoreError, match="Nothing of this unit is on disk"):
                store.write_sync(unit)
        assert network.lost == 1
        assert store.read_sync(keys) == (["a"] if arrives else [])
        assert store.write_sync(put("b")) == "b"


def test_what_nobody_can_say_is_said(postgres_url: str) -> None:
    with Lossy(postgres_url) as network, opened(network.url) as store:

        def unit(connection: Connection) -> str:
            network.lose(b"COMMIT", "answer lost", for_good=True)
            return put("a")(connection)

        with pytest.raises(StoreError, match="Nobody can say whether this unit is on disk"):
            store.write_sync(unit)
        with pytest.raises(StoreError, match="the store failed"):
            store.write_sync(put("b"))
        network.mend()
        assert store.write_sync(put("c")) == "c"
        assert store.read_sync(keys) == ["a", "c"]
