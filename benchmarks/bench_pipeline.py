"""The whole way in: webhooks arrive, are verified, journalled, parsed, filed, claimed, handled and settled.

With the web in one process and a worker in another, and with both in one: the wall time until the last message is
settled. The load is closed: a connection sends its next webhook when the last one was answered, so that 64 of them
never have more than 64 messages under way, and all groups are small; 256 are a flood. Then each stage by itself, in
CPU time, beside the least that writes the same rows: plain sqlite3 with `executemany` in the same groups.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from sqlalchemy import Connection

from benchmarks.loadgen import body, request
from benchmarks.served import desk, load, running
from omnichannel.channel import Envelope, Keys
from omnichannel.hub.core import Core
from omnichannel.hub.ports import Ports
from omnichannel.stores import journal, leases, turns
from omnichannel.stores.intake import Intake, Parsed
from omnichannel.stores.sql import SqlStore
from omnichannel.stores.units import LANES, TurnResult

ROUNDS = 3
MESSAGES = 10_000
STAGED = 5_120
CUSTOMERS = 500
GROUP = 256
LEAST_PER_SECOND = 3_000
LAYOUTS = (
    ("two processes, 64 connections", True, 64),
    ("two processes, 256 connections", True, 256),
    ("one process, 64 connections", False, 64),
)
STAGES = ("verify", "journal", "parse", "file", "claim", "handle", "settle")
ROWS_BUDGET = 8.0


def settled(path: Path) -> int:
    """How many messages have been handled."""
    with closing(sqlite3.connect(path)) as found:
        return int(found.execute("SELECT count(*) FROM omni_events WHERE state = 'done'").fetchone()[0])


def whole(*, apart: bool, connections: int) -> float:
    """Wall microseconds a message, from the first webhook to the last settlement."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "desk.db"
        store = ("--store", f"sqlite:///{path}")
        web = stack.enter_context(running("hub", *store, *(() if apart else ("--work",))))
        if apart:
            stack.enter_context(running("worker", *store))
        load(web.port, 500, 90_000_000, customers=CUSTOMERS)
        wait(path, 500)
        began = time.perf_counter()
        answered = load(web.port, MESSAGES, connections=connections, customers=CUSTOMERS)
        prepared = time.perf_counter() - began - float(answered["seconds"])
        wait(path, MESSAGES + 500)
        return (time.perf_counter() - began - prepared) / MESSAGES * 1e6


def wait(path: Path, wanted: int) -> None:
    """Until so many are settled."""
    until = time.monotonic() + 300
    while settled(path) < wanted:
        assert time.monotonic() < until, f"{settled(path)} of {wanted} after five minutes"
        time.sleep(0.02)
    assert settled(path) == wanted


# ---------------------------------------------------------------- stage by stage


class Spent:
    """CPU time by stage."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def on(self, stage: str) -> Iterator[None]:
        """What happens inside counts for the stage."""
        began = time.process_time()
        yield
        self.seconds[stage] += time.process_time() - began


def envelopes() -> list[Envelope]:
    """Webhooks as the web app makes them."""
    made: list[Envelope] = []
    for number in range(STAGED):
        content = body(number, CUSTOMERS)
        head = request(content, "/wa").partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        headers = dict(line.split(": ", 1) for line in head)
        made.append(Envelope(content=content, headers=headers, url="/wa", received_at=datetime.now(UTC)))
    return made


async def stages(path: Path) -> dict[str, float]:
    """CPU microseconds a message of each stage, one after the other."""
    store = SqlStore(f"sqlite:///{path}", threads=False)
    hub = desk(store.url, work=False)
    hub._ports = Ports(store=store)
    spent = Spent()
    async with hub:
        await take_in(hub, store, spent)
        await work_off(hub, store, spent)
    assert settled(path) == STAGED
    return {stage: seconds / STAGED * 1e6 for stage, seconds in spent.seconds.items()}


async def take_in(hub: Any, store: SqlStore, spent: Spent) -> None:
    """Verify, journal, parse, file."""
    core, arrived = hub.core, envelopes()
    channel, keys = core.doors.endpoints["wa"], Keys()
    with spent.on("verify"):
        for envelope in arrived:
            channel.admit(envelope, envelope.received_at, keys)
    for start in range(0, STAGED, 64):
        group = [journal.Arrival("wa", envelope) for envelope in arrived[start : start + 64]]
        with spent.on("journal"):
            store.write_sync(partial(journal.append, arrivals=group))
    for _ in range(0, STAGED, GROUP):
        with spent.on("parse"):
            taken = store.read_sync(lambda c: journal.take(c, "wa", GROUP))
            parsed = [core.worker.parser._parse(channel, row) for row in taken]
        with spent.on("file"):
            store.write_sync(partial(file, core=core, parsed=parsed))


def file(connection: Connection, *, core: Core, parsed: Sequence[Parsed]) -> None:
    """Files a group."""
    Intake(connection, core.doors.infos, core.ids, datetime.now(UTC)).file(parsed)


async def work_off(hub: Any, store: SqlStore, spent: Spent) -> None:
    """Claim, handle, settle."""
    core, now, lanes = hub.core, datetime.now(UTC), range(LANES)
    names = [turns.lease_name(lane) for lane in lanes]
    fences = store.write_sync(lambda c: leases.acquire(c, names, "bench", now))
    while True:
        with spent.on("claim"):
            due = store.read_sync(lambda c: turns.claim(c, lanes, now, frozenset(), GROUP))
        if not due:
            return
        results: list[TurnResult] = []
        with spent.on("handle"):
            for turn in due:
                result = TurnResult(
                    seq=turn.seq,
                    lane=turn.lane,
                    fence=fences[turns.lease_name(turn.lane)],
                    owner="bench",
                    conversation_id=turn.conversation.id,
                    now=now,
                    ids=core.ids,
                )
                results.append(result)
                await core.worker.crew.handling._run(turn, result)
        with spent.on("settle"):
            assert all(store.write_sync(partial(turns.settle, results=results)))


# ---------------------------------------------------------------- the floor


def plain(path: Path) -> float:
    """CPU microseconds a message of the least that keeps as much: five rows and three changes, in the same groups."""
    with closing(sqlite3.connect(path, isolation_level=None)) as on:
        on.execute("PRAGMA journal_mode=WAL")
        on.execute("PRAGMA synchronous=FULL")
        on.executescript(
            "CREATE TABLE journal (seq INTEGER PRIMARY KEY, endpoint, headers, content, state);"
            "CREATE TABLE messages (id TEXT PRIMARY KEY, conversation, at, text, platform_id);"
            "CREATE INDEX messages_conversation ON messages (conversation, id);"
            "CREATE TABLE events (seq INTEGER PRIMARY KEY, key TEXT, account, state, due_at, UNIQUE (key, account));"
            "CREATE TABLE log (seq INTEGER PRIMARY KEY, type, data);"
            "CREATE TABLE conversations (id INTEGER PRIMARY KEY, last_in_at, version);"
        )
        on.executemany("INSERT INTO conversations VALUES (?, 0, 0)", [(n,) for n in range(CUSTOMERS)])
        contents = [body(number, CUSTOMERS) for number in range(STAGED)]
        began = time.process_time()
        for start in range(0, STAGED, GROUP):
            numbers = range(start, min(start + GROUP, STAGED))
            groups: list[tuple[str, list[tuple[Any, ...]]]] = [
                ("INSERT INTO journal VALUES (NULL, 'wa', '{}', ?, 'new')", [(contents[n],) for n in numbers]),
                ("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", [(f"m{n}", n % CUSTOMERS, n, "t", n) for n in numbers]),
                ("INSERT INTO events VALUES (NULL, ?, 'wa', 'new', 0)", [(f"wamid.{n}",) for n in numbers]),
                ("INSERT INTO log VALUES (NULL, 'message.received', ?)", [(f"m{n}",) for n in numbers]),
                ("UPDATE conversations SET last_in_at = ?, version = version + 1 WHERE id = ?",
                 [(n, n % CUSTOMERS) for n in numbers]),
                ("UPDATE events SET state = 'done' WHERE seq = ?", [(n + 1,) for n in numbers]),
                ("UPDATE journal SET state = 'done' WHERE seq = ?", [(n + 1,) for n in numbers]),
            ]  # fmt: skip
            for statement, values in groups:
                on.execute("BEGIN IMMEDIATE")
                on.executemany(statement, values)
                on.execute("COMMIT")
        return (time.process_time() - began) / STAGED * 1e6


def in_folder(measure: Callable[[Path], Any]) -> Any:
    """Measures on a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder) / "bench.db")


def run() -> list[dict[str, Any]]:
    """All layouts, then the stages beside their floor."""
    found: list[dict[str, Any]] = []
    for name, apart, connections in LAYOUTS:
        units = [whole(apart=apart, connections=connections) for _ in range(ROUNDS)]
        floor_us, unit_us = 1e6 / LEAST_PER_SECOND, statistics.median(units)
        found.append(entry(f"webhook to handler, {name}: {LEAST_PER_SECOND:,} a second", floor_us, units, "1 x"))
        found[-1] |= {"ok": unit_us <= floor_us, "per_second": [round(1e6 / one) for one in units]}
    floors: list[float] = []
    sums: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        floors.append(in_folder(plain))
        sums.append(in_folder(lambda path: anyio.run(stages, path)))
    floor_us = statistics.median(floors)
    totals = [sum(one.values()) for one in sums]
    found.append(entry("webhook to handler: CPU beside the rows alone", floor_us, totals, f"{ROWS_BUDGET:.0f} x"))
    found[-1]["stages_us"] = {stage: round(statistics.median(one[stage] for one in sums), 1) for stage in STAGES}
    found[-1]["ok"] = statistics.median(totals) <= ROWS_BUDGET * floor_us
    return found


def entry(name: str, floor_us: float, units: list[float], budget: str) -> dict[str, Any]:
    """A measurement as the table wants it."""
    unit_us = statistics.median(units)
    return {
        "name": name,
        "floor_us": round(floor_us, 1),
        "unit_us": round(unit_us, 1),
        "spread_us": [round(min(units), 1), round(max(units), 1)],
        "ratio": round(unit_us / floor_us, 2),
        "budget": budget,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
