"""A store with somebody waiting in it, and processes that answer there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from omnichannel.testing.world import World
from tests.scenarios.support import conversation_of, make_hub, person

ROOT = Path(__file__).resolve().parent.parent.parent


async def store_with_somebody_waiting(path: Path, seed: int) -> str:
    """Makes the store; gives the conversation."""
    world = World(seed=seed, store=f"sqlite:///{path}")
    ann = person(world, "Ann", "whatsapp")
    async with world.run(make_hub("whatsapp")) as live:
        await ann.on("whatsapp").says("Hello")
        return (await conversation_of(live, ann)).id


def process(function: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Another process that runs a function of `tests.sync.others`."""
    code = f"import sys; from tests.sync import others; others.{function}(*sys.argv[1:])"
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environ)  # noqa: S603 - ours


def outcome(started: subprocess.Popen[str]) -> list[str]:
    """What it printed, by lines. Raises `AssertionError` where it failed."""
    out, _ = started.communicate(timeout=60)
    assert started.returncode == 0, out
    return out.splitlines()


def sql(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows, read without us."""
    with closing(sqlite3.connect(path)) as found:
        return found.execute(query).fetchall()


def keys(path: Path) -> list[str]:
    """The idempotency keys of the deliveries in a store, in their order."""
    query = "SELECT idempotency_key FROM omni_deliveries WHERE idempotency_key IS NOT NULL ORDER BY idempotency_key"
    return [row[0] for row in sql(path, query)]
