"""What an import costs: `omnichannel` beside pydantic alone, and each adapter beside the interface; new processes.

The names of `omnichannel` are loaded when they are asked for, so the first lines of real programs are measured as well.
Under `PYTHONDONTWRITEBYTECODE` each round also compiles the sources, ours and pydantic's, which pip does once.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

from omnichannel.registry import ADAPTERS

ROUNDS = 7
OVER_PYDANTIC_MS = 20.0
OVER_INTERFACE_MS = 60.0
PYDANTIC = "import pydantic; pydantic.BaseModel; pydantic.TypeAdapter(int)"
A_MODEL = f"{PYDANTIC}; type('Some', (pydantic.BaseModel,), {{'__annotations__': {{'secret': pydantic.SecretStr}}}})"
"""The interface has a model, `Account`, and the first model of a program loads the other half of pydantic."""
LINES = {
    "import omnichannel": ("pydantic", PYDANTIC),
    "from omnichannel import Hub, Handlers, Turn": ("pydantic", PYDANTIC),
    "from omnichannel.channel import Channel": ("pydantic and one model", A_MODEL),
}
TIMED = "import time; began = time.process_time(); {}; print((time.process_time() - began) * 1e3)"


def cost(statement: str) -> float:
    """CPU milliseconds of a statement in a new interpreter."""
    done = subprocess.run([sys.executable, "-c", TIMED.format(statement)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def beside(floor: str, unit: str) -> tuple[list[float], list[float]]:
    """Both, in turns."""
    pairs = [(cost(floor), cost(unit)) for _ in range(ROUNDS)]
    return [one for one, _ in pairs], [one for _, one in pairs]


def entry(name: str, floors: list[float], units: list[float], over: float) -> dict[str, Any]:
    """A measurement as the table wants it."""
    floor, unit = statistics.median(floors), statistics.median(units)
    return {
        "name": name,
        "floor_us": round(floor * 1e3, 1),
        "unit_us": round(unit * 1e3, 1),
        "spread_us": [round(min(units) * 1e3, 1), round(max(units) * 1e3, 1)],
        "ratio": round(unit / floor, 2),
        "budget": f"+ {over:.0f} ms",
        "ok": unit <= floor + over,
    }


def run() -> list[dict[str, Any]]:
    """The library, the first lines of programs, and the dearest of its adapters."""
    found = [
        entry(f"{line}, beside {name}", *beside(floor, line), OVER_PYDANTIC_MS) for line, (name, floor) in LINES.items()
    ]
    interface = "import omnichannel.channel, omnichannel.registry"
    loads = {name: f"{interface}; omnichannel.registry.load_channel({name!r})" for name in ADAPTERS}
    dearest = max(loads, key=lambda name: cost(loads[name]))
    found.append(entry(f"load the dearest adapter: {dearest}", *beside(interface, loads[dearest]), OVER_INTERFACE_MS))
    return found


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
