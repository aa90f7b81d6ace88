"""A bad disk: never a 200 without a row, and everything goes on by itself when the disk does."""

from __future__ import annotations

import hmac
import json
import random
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from sqlite3 import Connection as Connect
from typing import cast

import anyio
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, func, select

from omnichannel import Hub
from omnichannel.adapters.whatsapp import WhatsAppAccount
from omnichannel.channel.wire import Envelope
from omnichannel.hub.ports import Ports
from omnichannel.model.exceptions import StoreError
from omnichannel.stores import drivers, journal
from omnichannel.stores.journal import Arrival
from omnichannel.stores.schema import journal as table
from omnichannel.stores.sql import SqlStore
from omnichannel.testing.asgi import post_webhook
from omnichannel.testing.clock import START
from omnichannel.testing.simulators.webhooks import WebhookRequest

SECRET = "0123456789abcdef0123456789abcdef"
SIZE = 20_000


def webhook(number: int) -> WebhookRequest:
    """A signed webhook that takes some room."""
    content = json.dumps({"object": "whatsapp_business_account", "entry": [], "n": number, "x": "x" * SIZE}).encode()
    signature = hmac.new(SECRET.encode(), content, "sha256").hexdigest()
    headers = {"x-hub-signature-256": f"sha256={signature}", "content-type": "application/json"}
    return WebhookRequest(url="https://desk.example/wa", method="POST", headers=headers, body=content)


@dataclass
class Desk:
    """A hub on a file, and what it answered."""

    hub: Hub
    path: Path
    answers: dict[int, int] = field(default_factory=dict[int, int])

    async def post(self, *numbers: int) -> set[int]:
        """Posts these at once; gives the statuses."""
        async with anyio.create_task_group() as tasks:
            for number in numbers:
                tasks.start_soon(self._post, number)
        return {self.answers[number] for number in numbers}

    async def _post(self, number: int) -> None:
        self.answers[number], _ = await post_webhook(self.hub.asgi, webhook(number))

    async def on_writer(self, statement: str) -> None:
        """Does something to the connection that writes."""

        def unit(connection: Connection) -> None:
            connection.exec_driver_sql(statement)

        await self.hub.core.store.write(unit)

    async def kept(self) -> set[int]:
        """What is in the journal, seen by another program."""
        with closing(sqlite3.connect(self.path)) as found:
            assert found.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return {int(json.loads(row[0])["n"]) for row in found.execute("SELECT content FROM omni_journal")}

    async def check(self) -> None:
        """Each row was acknowledged, and each acknowledgement is a row."""
        assert await self.kept() == {number for number, status in self.answers.items() if status == 200}
        assert set(self.answers.values()) <= {200, 503}


@asynccontextmanager
async def opened(path: Path) -> AsyncGenerator[Desk]:
    account = WhatsAppAccount(id="wa", phone_number_id="1", app_secret=(SecretStr(SECRET),), token=SecretStr("t"))
    hub = Hub([account], store=f"sqlite:///{path}", work=False, ports=Ports())
    async with hub:
        yield Desk(hub, path)


async def test_a_full_disk(tmp_path: Path) -> None:
    async with opened(tmp_path / "desk.db") as desk:
        assert await desk.post(*range(5)) == {200}
        await desk.on_writer("PRAGMA max_page_count = 1")  # SQLite stays at what there is
        assert await desk.post(*range(5, 15)) == {503}
        await desk.check()
        await desk.on_writer("PRAGMA max_page_count = 1000000")
        assert await desk.post(*range(15)) == {200}
        assert await desk.kept() == set(range(15))


async def test_a_disk_that_fills_up_under_load(tmp_path: Path) -> None:
    async with opened(tmp_path / "desk.db") as desk:
        pages = 200 + SIZE * 30 // 4096
        await desk.on_writer(f"PRAGMA max_page_count = {pages}")
        for first in range(0, 120, 8):
            await desk.post(*range(first, first + 8))
            await desk.check()
        assert set(desk.answers.values()) == {200, 503}
        assert (await desk.kept()) != set()


async def test_another_program_holds_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "PATIENCE", 0.05)
    path = tmp_path / "desk.db"
    async with opened(path) as desk:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await desk.post(*range(20)) == {503}
        await desk.check()
        assert await desk.post(*range(20, 25)) == {200}
        await desk.check()


async def test_a_database_that_may_only_be_read(tmp_path: Path) -> None:
    async with opened(tmp_path / "desk.db") as desk:
        assert await desk.post(1) == {200}
        writer = await desk.hub.core.store.write(lambda c: cast(Connect, c.connection.driver_connection))
        writer.execute("PRAGMA query_only = ON")
        assert await desk.post(2, 3) == {503}
        await desk.check()
        writer.execute("PRAGMA query_only = OFF")
        assert await desk.post(2, 3, 4) == {200}
        assert await desk.kept() == {1, 2, 3, 4}


async def test_a_table_that_is_gone_is_a_503_too(tmp_path: Path) -> None:
    """Whatever is wrong: what is not kept is not acknowledged."""
    async with opened(tmp_path / "desk.db") as desk:
        await desk.on_writer("ALTER TABLE omni_journal RENAME TO elsewhere")
        assert await desk.post(1, 2) == {503}
        await desk.on_writer("ALTER TABLE elsewhere RENAME TO omni_journal")
        assert await desk.post(3) == {200}
        assert await desk.kept() == {3}


async def test_a_forged_webhook_never_reaches_the_disk(tmp_path: Path) -> None:
    async with opened(tmp_path / "desk.db") as desk:
        signed = webhook(1)
        forged = WebhookRequest(url=signed.url, method="POST", headers=signed.headers, body=signed.body + b" ")
        status, _ = await post_webhook(desk.hub.asgi, forged)
        assert status in (401, 403)
        assert await desk.kept() == set()


# ---------------------------------------------------------------- a log that was cut


def filled(path: Path, commits: int) -> None:
    """A store with so many commits of which none is in the main file yet, copied as a crash would leave it."""
    store = SqlStore(f"sqlite:///{path}.live", threads=False)
    store.open_sync()
    with closing(sqlite3.connect(f"{path}.live")) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(commits):
        envelope = Envelope(content=str(number).encode() * 100, received_at=START)
        store.write_sync(partial(journal.append, arrivals=[Arrival("wa", envelope)]))
    for ending in ("", "-wal"):
        shutil.copy(f"{path}.live{ending}", f"{path}{ending}")
    store.close_sync()


@pytest.mark.parametrize("cut", range(20))
def test_what_is_left_of_a_cut_log_is_whole(tmp_path: Path, seed: int, cut: int) -> None:
    """The end of the log is lost with the disk: what was committed before is there, in order, without a gap."""
    path = tmp_path / "desk.db"
    filled(path, 12)
    draw = random.Random(seed * 100 + cut)
    wal = Path(f"{path}-wal")
    content = bytearray(wal.read_bytes())
    keep = draw.randrange(len(content) + 1)
    content[keep:] = bytes(draw.randrange(256) for _ in range(draw.choice((0, 0, 7))))
    wal.write_bytes(content)
    store = SqlStore(f"sqlite:///{path}", threads=False)
    store.open_sync()
    rows = store.read_sync(lambda c: c.execute(select(table.c.seq, table.c.content).order_by(table.c.seq)).all())
    assert [tuple(row) for row in rows] == [(n + 1, str(n).encode() * 100) for n in range(len(rows))]
    assert store.read_sync(lambda c: c.exec_driver_sql("PRAGMA integrity_check").scalar()) == "ok"
    store.write_sync(lambda c: journal.append(c, [Arrival("wa", Envelope(content=b"", received_at=START))]))
    assert store.read_sync(lambda c: c.execute(select(func.count()).select_from(table)).scalar()) == len(rows) + 1
    store.close_sync()


@pytest.mark.parametrize("damage", ["not a database", "half"])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "desk.db"
    make: dict[str, Callable[[], bytes]] = {
        "not a database": lambda: b"x" * 8192,
        "half": lambda: b"SQLite format 3\0" + b"\xff" * 5000,
    }
    path.write_bytes(make[damage]())
    before = path.read_bytes()
    store = SqlStore(f"sqlite:///{path}", threads=False)
    with pytest.raises(StoreError, match="cannot open the store"):
        store.open_sync()
    assert path.read_bytes() == before
