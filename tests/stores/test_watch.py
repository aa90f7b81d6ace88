"""A commit by somebody else is noticed, so that nobody waits for the sweep."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import cast

import anyio
from sqlalchemy import Connection, text

from omnichannel.stores import drivers
from omnichannel.stores.sql import SqlStore
from omnichannel.stores.watch import Watch


def makes(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE IF NOT EXISTS noted (number INTEGER)"))
    connection.execute(text("INSERT INTO noted VALUES (1)"))


def looks(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM noted")).scalar() or 0)


def test_each_commit_is_told_once(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'desk.db'}", durable=False)
    store.open_sync()
    reader = drivers.open_engine(store.url, memory=False, writes=False, durable=True)
    watch = Watch(reader)
    try:
        assert not watch.changed()
        for _ in range(3):
            store.write_sync(makes)
            assert [watch.changed(), watch.changed()] == [True, False]
        store.read_sync(looks)
        store.write_sync(looks)
        assert not watch.changed(), "nothing was written"
    finally:
        watch.close()
        reader.dispose()
        store.close_sync()


async def test_a_store_tells_what_another_has_committed(tmp_path: Path) -> None:
    url, told = f"sqlite:///{tmp_path / 'desk.db'}", anyio.Event()
    async with SqlStore(url, durable=False) as other, SqlStore(url, durable=False, changed=told.set) as store:
        assert store.changed is not None
        await other.write(makes)
        with anyio.fail_after(20):
            await told.wait()
        assert await store.read(looks) == 1


def test_a_look_that_fails_harms_nobody(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'desk.db'}", durable=False)
    store.open_sync()
    reader = drivers.open_engine(store.url, memory=False, writes=False, durable=True)
    watch = Watch(reader)
    driver = cast(sqlite3.Connection, watch._connection.driver_connection)  # pyright: ignore[reportPrivateUsage]
    driver.close()
    assert not watch.changed()
    reader.dispose()
    store.close_sync()
