"""Units of many tasks share a commit: each is whole or not at all, and nobody goes on before it is on disk."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event, Timer, current_thread
from typing import Any

import anyio
import pytest
from sqlalchemy import Connection, event, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from omnichannel.model.exceptions import StoreError
from omnichannel.stores import drivers, sql
from omnichannel.stores.schema import meta
from omnichannel.stores.sql import SqlStore


def put(key: str) -> Any:
    def unit(connection: Connection) -> str:
        connection.execute(insert(meta).values(key=key, value=key))
        return key

    return unit


def put_all(connection: Connection, keys: Sequence[str]) -> Sequence[str]:
    connection.execute(insert(meta), [{"key": key, "value": str(len(keys))} for key in keys])
    return [key.upper() for key in keys]


def keys(connection: Connection) -> list[str]:
    return list(connection.execute(select(meta.c.key).order_by(meta.c.key)).scalars())


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(meta)).scalar_one()


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[SqlStore]:
    async with SqlStore(url) as store:
        yield store


async def until(true: Callable[[], bool]) -> None:
    """Lets the others run until something is so: the store's threads cannot wake a test."""
    with anyio.fail_after(20):
        for _ in itertools.count():
            if true():
                return
            await anyio.sleep(0.001)


class Held:
    """Holds the writing thread, so that what comes meanwhile waits for one group."""

    def __init__(self, store: SqlStore) -> None:
        self.store, self.reached, self.go_on = store, Event(), Event()
        self.commits = 0

    def unit(self, connection: Connection) -> None:
        event.listen(connection.engine, "commit", self._committed)
        self.reached.set()
        assert self.go_on.wait(20)

    def _committed(self, connection: Connection) -> None:
        self.commits += 1


@asynccontextmanager
async def one_group(store: SqlStore, waiting: int) -> AsyncGenerator[tuple[anyio.abc.TaskGroup, Held]]:
    """What is started inside waits until there are so many, and commits together."""
    held = Held(store)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.write, held.unit)
        await until(held.reached.is_set)
        try:
            yield tasks, held
            await until(lambda: store.waiting >= waiting)
        finally:
            held.go_on.set()


async def test_units_that_wait_together_commit_together(store_url: str) -> None:
    async with opened(store_url) as store:
        found: dict[str, str] = {}

        async def write(key: str) -> None:
            found[key] = await store.write(put(key))

        async with one_group(store, 50) as (tasks, held):
            for n in range(50):
                tasks.start_soon(write, f"k{n:02}")
        assert held.commits == 2  # the one that held them, and theirs
        assert found == {f"k{n:02}": f"k{n:02}" for n in range(50)}
        assert await store.read(keys) == sorted(found)
        assert store.waiting == 0


async def test_one_bad_unit_fails_alone(store_url: str) -> None:
    async with opened(store_url) as store:
        await store.write(put("k3"))
        failed: list[tuple[str, Exception]] = []

        async def write(key: str) -> None:
            try:
                await store.write(put(key))
            except Exception as error:
                failed.append((key, error))

        def odd(connection: Connection) -> None:
            connection.execute(insert(meta).values(key="half", value=""))
            raise LookupError("odd")

        async with one_group(store, 8) as (tasks, _):
            for n in range(7):
                tasks.start_soon(write, f"k{n}")
            tasks.start_soon(_expecting, store, odd, LookupError)
        assert [(key, type(error)) for key, error in failed] == [("k3", IntegrityError)]
        assert await store.read(keys) == [f"k{n}" for n in range(7)]


async def _expecting(store: SqlStore, unit: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await store.write(unit)


async def test_items_of_one_operation_share_a_call_and_get_each_their_result(store_url: str) -> None:
    async with opened(store_url) as store:
        results: dict[str, str] = {}

        async def batch(key: str) -> None:
            results[key] = await store.batch(put_all, key)

        async with one_group(store, 20) as (tasks, _):
            for n in range(20):
                tasks.start_soon(batch, f"b{n:02}")
        assert results == {f"b{n:02}": f"B{n:02}" for n in range(20)}
        together = await store.read(lambda c: set(c.execute(select(meta.c.value)).scalars()))
        assert together == {"20"}


async def test_one_bad_item_fails_alone(store_url: str) -> None:
    async with opened(store_url) as store:
        await store.batch(put_all, "b1")

        async def batch(key: str) -> None:
            if key == "b1":
                with pytest.raises(IntegrityError):
                    await store.batch(put_all, key)
            else:
                assert await store.batch(put_all, key) == key.upper()

        async with one_group(store, 4) as (tasks, _):
            for key in ("b0", "b1", "b2", "b3"):
                tasks.start_soon(batch, key)
        assert await store.read(keys) == ["b0", "b1", "b2", "b3"]


async def test_more_than_a_group_waits_for_the_next_one(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "GROUP", 8)
    async with opened(store_url) as store:
        async with one_group(store, 20) as (tasks, held):
            for n in range(20):
                tasks.start_soon(store.write, put(f"k{n:02}"))
        assert held.commits == 4
        assert await store.read(count) == 20


async def test_a_cancelled_caller_leaves_nothing_half_done(store_url: str) -> None:
    async with opened(store_url) as store:
        ended: list[str] = []

        async def write(key: str, scope: anyio.CancelScope) -> None:
            with scope:
                try:
                    await store.write(put(key))
                finally:
                    ended.append(key)

        async with one_group(store, 3) as (tasks, held):
            scopes = [anyio.CancelScope() for _ in range(3)]
            for n, scope in enumerate(scopes):
                tasks.start_soon(write, f"k{n}", scope)
            await until(lambda: store.waiting >= 3)
            scopes[1].cancel()
            await anyio.sleep(0.01)
            assert ended == []  # it stays until what it asked for is done
            assert held.commits == 0
        assert sorted(ended) == ["k0", "k1", "k2"]
        assert scopes[1].cancelled_caught
        assert await store.read(keys) == ["k0", "k1", "k2"]


async def test_a_caller_that_is_cancelled_already_still_commits(store_url: str) -> None:
    async with opened(store_url) as store:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.write(put("late"))
        assert await store.read(keys) == ["late"]


async def test_what_waits_when_the_store_closes_is_committed(store_url: str) -> None:
    done: list[str] = []

    async def write(store: SqlStore, key: str) -> None:
        done.append(await store.write(put(key)))

    async with anyio.create_task_group() as tasks:
        async with opened(store_url) as store:
            held = Held(store)
            tasks.start_soon(store.write, held.unit)
            await until(held.reached.is_set)
            for n in range(30):
                tasks.start_soon(write, store, f"k{n:02}")
            await until(lambda: store.waiting >= 30)
            Timer(0.05, held.go_on.set).start()
        with pytest.raises(StoreError, match="not open"):
            await store.write(put("late"))
    assert len(done) == 30
    async with opened(store_url) as store:
        assert await store.read(count) == 30


async def test_who_is_cancelled_with_the_store_may_still_commit(store_url: str) -> None:
    """Ctrl-C reaches the store and those who use it at the same moment."""
    with anyio.CancelScope() as scope:
        async with opened(store_url) as store:
            scope.cancel()
            try:
                await anyio.sleep(10)
            finally:
                with anyio.CancelScope(shield=True):
                    await store.write(put("farewell"))
    assert scope.cancelled_caught
    async with opened(store_url) as store:
        assert await store.read(keys) == ["farewell"]


async def test_the_store_closes_cleanly_where_its_block_raises(store_url: str) -> None:
    async def used() -> None:
        async with opened(store_url) as store:
            await store.write(put("a"))
            raise LookupError("a")

    with pytest.raises(LookupError):
        await used()
    async with opened(store_url) as store:
        assert await store.read(keys) == ["a"]


async def test_readers_see_only_what_is_committed_and_do_not_wait(store_url: str) -> None:
    async with opened(store_url) as store:
        seen: list[list[str]] = []
        reached, go_on = Event(), Event()

        def slow(connection: Connection) -> None:
            put("a")(connection)
            reached.set()
            assert go_on.wait(20)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.write, slow)
            await until(reached.is_set)
            seen.append(await store.read(keys))
            go_on.set()
        seen.append(await store.read(keys))
        assert seen == [[], ["a"]]


async def test_a_reader_cannot_write(store_url: str) -> None:
    async with opened(store_url) as store:
        main = current_thread()
        assert await store.read(lambda c: current_thread()) is not main
        with pytest.raises(StoreError, match=r"read-?only"):
            await store.read(put("a"))
        assert await store.read(keys) == []


async def test_sqlite_is_as_durable_as_it_can_be(tmp_path: Path) -> None:
    def pragmas(connection: Connection) -> list[Any]:
        return [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]

    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as store:
        assert await store.write(pragmas) == ["wal", 2]


# ---------------------------------------------------------------- when the database fails


class Locked:
    """Another program that writes to the same store and does not come to an end."""

    def __init__(self, url: str) -> None:
        self.other = drivers.open_engine(url, memory=False, writes=True, durable=False)

    def __enter__(self) -> Locked:
        self.connection = self.other.connect()
        self.connection.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.other.dispose()


async def test_a_locked_database_fails_all_once_and_recovers(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "PATIENCE", 0.05)
    async with opened(store_url) as store:
        with Locked(store_url):
            async with anyio.create_task_group() as tasks:
                for n in range(40):
                    tasks.start_soon(_expecting, store, put(f"k{n}"), StoreError)
            assert await store.read(keys) == []
        await store.write(put("after"))
        assert await store.read(keys) == ["after"]


async def test_a_writer_waits_for_another_process(store_url: str) -> None:
    async with opened(store_url) as store:
        async with anyio.create_task_group() as tasks:
            with Locked(store_url):
                tasks.start_soon(store.write, put("a"))
                await anyio.sleep(0.05)
                assert await store.read(keys) == []
        assert await store.read(keys) == ["a"]


async def test_a_full_disk_fails_loudly_and_recovers(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as store:

        def allow(pages: int) -> Any:
            def unit(connection: Connection) -> None:
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

            return unit

        await store.write(allow(1))  # SQLite never goes below what is there

        def much(connection: Connection) -> None:
            connection.execute(insert(meta).values(key="much", value="x" * 3_000_000))

        with pytest.raises(StoreError, match=r"full.*may be tried again"):
            await store.write(much)
        assert await store.read(keys) == []
        await store.write(allow(1_000_000))
        await store.write(much)
        assert await store.read(keys) == ["much"]


def test_a_unit_in_place_is_whole_or_not_at_all(store_url: str) -> None:
    store = SqlStore(store_url, threads=False)
    store.open_sync()

    def half(connection: Connection) -> None:
        put("half")(connection)
        raise LookupError("half")

    with pytest.raises(LookupError):
        store.write_sync(half)
    assert store.write_sync(put("a")) == "a"
    assert store.read_sync(keys) == ["a"]
    store.close_sync()
