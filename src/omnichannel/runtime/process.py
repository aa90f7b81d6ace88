"""What a process that works as a hub's own sets for itself. A library must not: hosts have plans of their own."""

from __future__ import annotations

import gc
from importlib.util import find_spec
from typing import Any


def collect_seldom() -> None:
    """A worker makes many objects that live for one message, in few cycles: looking for those as often as Python does
    by itself took an eighth of its time. What was imported is never looked at again.
    https://docs.python.org/3/library/gc.html#gc.freeze"""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def loop_options() -> dict[str, Any]:
    """Options of `anyio.run` on asyncio: the faster loop where it is installed (`omnichannel[serve]`)."""
    return {"use_uvloop": find_spec("uvloop") is not None}
