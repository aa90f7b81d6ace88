"""`python -m benchmarks [name ...]`: runs every `bench_*.py` (or those named), prints a table, keeps the results.

A module has `run()`, which gives one measurement or several: `name`, `floor_us`, `unit_us`, `spread_us`, `ratio`,
`budget` and `ok`. Results go to `build/bench/`, with the machine, the date and the versions that they hold for.
Nothing here is run by the tests: a figure is only worth something on a machine that does nothing else.
"""

from __future__ import annotations

import importlib
import json
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from os import cpu_count
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE.parent / "build" / "bench"
PACKAGES = ("anyio", "httpcore", "httpx", "orjson", "pydantic", "sqlalchemy", "starlette", "uvicorn")
COLUMNS = ("name", "floor", "unit", "ratio", "budget", "verdict")


def main(names: Sequence[str]) -> int:
    """Runs what is named, or all; 1 where a budget was missed."""
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    results: list[dict[str, Any]] = []
    for name in names or known:
        found = importlib.import_module(f"benchmarks.bench_{name}").run()
        results += found if isinstance(found, list) else [found]
        print(f"{name}: done", file=sys.stderr)
    keep(results)
    print(table(results))
    return 0 if all(result["ok"] for result in results) else 1


def table(results: Sequence[dict[str, Any]]) -> str:
    """The results under each other."""
    rows = [COLUMNS, *(row(result) for result in results)]
    widths = [max(len(line[at]) for line in rows) for at in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in rows)


def row(result: dict[str, Any]) -> tuple[str, ...]:
    """One result in words."""
    verdict = "ok" if result["ok"] else "MISSED"
    floor, unit = (f"{result[key]:,.1f} us" for key in ("floor_us", "unit_us"))
    return result["name"], floor, unit, f"{result['ratio']:.2f} x", str(result["budget"]), verdict


def keep(results: Sequence[dict[str, Any]]) -> None:
    """Writes the results with what they were measured on."""
    now = datetime.now(UTC)
    document = {
        "at": now.isoformat(timespec="seconds"),
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": cpu_count()},
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := installed(name)) is not None},
        "results": list(results),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    (RESULTS / "latest.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def installed(name: str) -> str | None:
    """The version of a package, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
