"""A store with somebody waiting in it, and processes that answer there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from omnichannel.testing.world import World
from tests.scenarios.support import conversation_of, make_hub, person

ROOT = Path(__file__).resolve().parent.parent.parent


async def store_with_somebody_waiting(store: str | Path, seed: int) -> str:
    """Makes the store, in a file or behind a URL; gives the conversation."""
    world = World(seed=seed, store=url_of(store))
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


def url_of(store: str | Path) -> str:
    """The URL of a store that may be a file."""
    return f"sqlite:///{store}" if isinstance(store, Path) else store


def sql(store: str | Path, query: str) -> list[tuple[Any, ...]]:
    """Rows, read without us."""
    engine = create_engine(url_of(store))
    try:
        with engine.connect() as found:
            return [tuple(row) for row in found.execute(text(query))]
    finally:
        engine.dispose()


def is_whole(store: str | Path) -> bool:
    """Whether the file is; a server sees to that by itself."""
    return not url_of(store).startswith("sqlite") or sql(store, "PRAGMA integrity_check") == [("ok",)]


def keys(store: str | Path) -> list[str]:
    """The idempotency keys of the deliveries in a store, in their order."""
    query = "SELECT idempotency_key FROM omni_deliveries WHERE idempotency_key IS NOT NULL ORDER BY idempotency_key"
    return [row[0] for row in sql(store, query)]
