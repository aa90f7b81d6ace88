"""Durable intake: a signed WhatsApp text, verified, committed with synchronous=FULL and answered with 200.

Uvicorn serves it beside a bare Starlette app that keeps nothing (one HMAC, one comparison, one JSON document), in
turns; a load generator in a third process keeps 64 connections busy. The wall time counts, and its 99th percentile.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.served import load, running

ROUNDS = 5
REQUESTS = 8_000
OF_BARE = 0.3
LEAST_PER_SECOND = 3_000
P99_MS = 150.0


def rows(path: Path) -> int:
    """How many webhooks are on disk."""
    with closing(sqlite3.connect(path)) as found:
        return int(found.execute("SELECT count(DISTINCT content) FROM omni_journal").fetchone()[0])


def run() -> list[dict[str, Any]]:
    """Both servers in turns."""
    bare: list[dict[str, Any]] = []
    hub: list[dict[str, Any]] = []
    cpu: dict[str, list[float]] = {"bare": [], "hub": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "desk.db"
        with running("bare") as floor, running("hub", "--store", f"sqlite:///{path}") as unit:
            load(floor.port, 1_000)
            load(unit.port, 1_000, 90_000_000)
            for number in range(ROUNDS):
                for name, server, found in (("bare", floor, bare), ("hub", unit, hub)):
                    began = server.cpu()
                    found.append(load(server.port, REQUESTS, number * REQUESTS))
                    cpu[name].append((server.cpu() - began) / REQUESTS * 1e6)
            assert rows(path) == ROUNDS * REQUESTS + 1_000, "what was answered is on disk"
    return results(bare, hub, cpu)


def results(bare: list[dict[str, Any]], hub: list[dict[str, Any]], cpu: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Throughput beside the floor, throughput itself, and the tail."""
    floors, units = ([1e6 / one["per_second"] for one in found] for found in (bare, hub))
    tails = [one["p99_ms"] * 1000 for one in hub]
    more = {"per_second": [one["per_second"] for one in hub], "bare_per_second": [one["per_second"] for one in bare]}
    more |= {"cpu_us": [round(one, 1) for one in cpu["hub"]], "bare_cpu_us": [round(one, 1) for one in cpu["bare"]]}
    at_most = 1 / OF_BARE
    ratio = statistics.median(units) / statistics.median(floors)
    return [
        measured("durable intake beside bare Starlette", floors, units, f"{at_most:.1f} x", ratio <= at_most) | more,
        measured(
            f"durable intake: {LEAST_PER_SECOND:,} a second",
            [1e6 / LEAST_PER_SECOND],
            units,
            "1 x",
            statistics.median(units) <= 1e6 / LEAST_PER_SECOND,
        ),
        measured(
            "durable intake: p99 at 64 connections",
            [one["p99_ms"] * 1000 for one in bare],
            tails,
            f"{P99_MS:.0f} ms",
            statistics.median(tails) <= P99_MS * 1000,
        ),
    ]


def measured(name: str, floors: list[float], units: list[float], budget: str, ok: bool) -> dict[str, Any]:
    """A measurement as the table wants it."""
    floor_us, unit_us = statistics.median(floors), statistics.median(units)
    return {
        "name": name,
        "floor_us": round(floor_us, 1),
        "unit_us": round(unit_us, 1),
        "spread_us": [round(min(units), 1), round(max(units), 1)],
        "ratio": round(unit_us / floor_us, 2),
        "budget": budget,
        "ok": ok,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
